"""What every view promises: what is built for it is there, small, and called by its stem."""

from __future__ import annotations

import re

import pytest

from tests.contracts import rows
from tracebench.widgets.base import STATIC, View

every_kind = pytest.mark.parametrize("kind", rows.KINDS, ids=str)
our_kinds = pytest.mark.parametrize("kind", [kind for kind in rows.KINDS if kind.is_ours], ids=str)

#: Bytes of a script at the most: each widget carries its own into the page, and into every saved notebook.
LARGEST = 60_000


def text_of(view, trait):
    return str(vars(view)[trait])


def assert_small(text):
    assert 0 < len(text.encode()) < LARGEST


def assert_wants_nothing(text):
    """It names no address and imports nothing: a notebook loads a bundle from a blob, where no relative import resolves."""
    addresses = re.findall(r"(?:https?|wss?)://[^\s\"'`)]*", text)
    assert [address for address in addresses if not address.startswith("http://www.w3.org/")] == []
    assert re.findall(r"\bimport\s*\(?\s*[\"'`{*]|\bfrom\s*[\"'][./]", text) == []
    assert re.findall(r"@import|url\(\s*[\"']?(?!data:|[\"']?#)", text) == []


@every_kind
def test_it_is_a_view_with_a_stem_of_its_own(kind):
    assert issubclass(kind.view, View)
    assert re.fullmatch(r"[a-z]+(_[a-z]+)*", kind.view.stem)
    assert [other for other in rows.KINDS if other.view.stem == kind.view.stem and other.view is not kind.view] == []
    assert set(kind.view.shows_also) <= {other.name for other in rows.KINDS}


@every_kind
def test_its_script_names_itself(kind):
    # What browser tests, and other people's scripts, find it by.
    assert re.search(rf"[\"'`]{kind.view.stem}[\"'`]", text_of(kind.view, "_esm"))


@pytest.mark.parametrize("trait", ["_esm", "_css"])
@every_kind
def test_what_is_built_for_it_is_small_and_wants_nothing(kind, trait):
    assert_small(text_of(kind.view, trait))
    assert_wants_nothing(text_of(kind.view, trait))


@our_kinds
def test_both_sides_have_its_stem(kind):
    assert kind.view.__module__.endswith(f".{kind.view.stem}")
    for trait, suffix in (("_esm", "js"), ("_css", "css")):
        assert text_of(kind.view, trait) == (STATIC / f"{kind.view.stem}.{suffix}").read_text("utf-8")
