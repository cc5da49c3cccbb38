"""The built front end: small, whole, the same names on both sides, and no address of the outside."""

from __future__ import annotations

import json
import re
import tomllib
from pathlib import Path

import pytest

from tracebench import registry
from tracebench.widgets.base import STATIC

ROOT = Path(__file__).parents[1]
SOURCES = ROOT / "js" / "src"
LARGEST = 60_000

#: What the front end builds beside the views.
OTHERS = {
    "answers": ["answers.js"],
    "offline": ["offline.js"],
    "selection": ["selection.js"],
    "trace_data": ["trace_data.js"],
    "workbench": ["workbench.js", "workbench.css"],
}

#: A folder with a ``view.ts`` is a view.
VIEWS = sorted(path.parent.name for path in SOURCES.glob("*/view.ts"))
MANIFEST = json.loads((STATIC / "manifest.json").read_text("utf-8"))
BUILT = sorted(path for path in STATIC.iterdir() if path.name != "manifest.json")


def test_every_view_has_its_style_sheet_and_its_python_side():
    assert VIEWS
    assert sorted(path.parent.name for path in SOURCES.glob("*/view.css")) == VIEWS
    for stem in VIEWS:
        assert (ROOT / "tracebench" / "views" / f"{stem}.py").is_file(), f"js/src/{stem}/ has no Python side"


def test_the_manifest_lists_every_view_and_every_file_that_is_built():
    assert MANIFEST["views"] == {stem: [f"{stem}.js", f"{stem}.css"] for stem in VIEWS}
    assert MANIFEST["others"] == OTHERS
    listed = [file for named in MANIFEST.values() for files in named.values() for file in files]
    assert sorted(listed) == [path.name for path in BUILT]


def test_the_wheel_is_refused_without_the_front_end():
    hook = tomllib.loads((ROOT / "pyproject.toml").read_text("utf-8"))["tool"]["hatch"]["build"]["hooks"][
        "jupyter-builder"
    ]
    assert hook["ensured-targets"] == hook["skip-if-exists"] == ["tracebench/static/manifest.json"]


@pytest.mark.parametrize("path", BUILT, ids=lambda path: path.name)
def test_a_bundle_is_small(path):
    # Each widget carries its own into the page, and into every saved notebook.
    assert 0 < path.stat().st_size < LARGEST


@pytest.mark.parametrize("path", BUILT, ids=lambda path: path.name)
def test_a_bundle_names_no_address_and_imports_nothing(path):
    text = path.read_text("utf-8")
    addresses = set(re.findall(r"(?:https?|wss?)://[^\s\"'`)]*", text))
    assert {a for a in addresses if not re.match(r"http://www\.w3\.org/", a)} == set()
    # `import "./x.js"` and `import("./x.js")` would both fail in a notebook, which loads a bundle from a blob.
    assert re.findall(r"\bimport\s*\(?\s*[\"'`{*]|\bfrom\s*[\"'][./]", text) == []
    assert re.findall(r"@import|url\(\s*[\"']?(?!data:|[\"']?#)", text) == []


@pytest.mark.parametrize("kind", [row.name for row in registry.KINDS])
def test_stems_pair_both_sides(kind):
    view = registry.view_class(kind)
    assert view.stem in VIEWS
    assert view.__module__ == f"tracebench.views.{view.stem}"
    for trait, suffix in (("_esm", "js"), ("_css", "css")):
        assert str(vars(view)[trait]) in {
            (STATIC / f"{view.stem}.{suffix}").read_text("utf-8"),
            str(STATIC / f"{view.stem}.{suffix}"),
        }


@pytest.mark.parametrize("stem", VIEWS)
def test_a_view_names_itself_by_its_stem(stem):
    # What the browser tests, and other people's scripts, find it by.
    assert re.search(rf"[\"'`]{stem}[\"'`]", (STATIC / f"{stem}.js").read_text("utf-8"))


def test_no_view_without_a_result_that_it_shows():
    assert {registry.view_class(kind).stem for kind in [row.name for row in registry.KINDS]} == set(VIEWS)


def test_the_lock_serves_every_platform():
    # A registry that lacks a platform's package leaves it out of the lock without a word, and then `npm ci` refuses.
    packages = json.loads((ROOT / "js" / "package-lock.json").read_text("utf-8"))["packages"]
    locked = {name.rpartition("node_modules/")[2] for name in packages}
    for name, package in packages.items():
        wanted = {*package.get("dependencies", {}), *package.get("optionalDependencies", {})}
        assert wanted <= locked, f"{name} needs {sorted(wanted - locked)}"
