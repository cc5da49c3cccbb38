"""The built front end: small, whole, the same names on both sides, and no address of the outside."""

from __future__ import annotations

import json
import tomllib
from pathlib import Path

import pytest

from tests.contracts import rows
from tests.contracts.test_views import assert_small, assert_wants_nothing
from tracebench.views.base import STATIC

ROOT = Path(__file__).parents[1]
SOURCES = ROOT / "js" / "src" / "views"

#: What the front end builds beside the views.
SHARED = {"answers.js", "selection.js", "workbench.js", "workbench.css", "offline.js"}

VIEWS = sorted(path.stem for path in SOURCES.glob("*.ts"))
BUILT = sorted(path for path in STATIC.iterdir() if path.is_file())


def test_every_view_has_its_style_sheet_and_its_python_side():
    assert VIEWS
    assert sorted(path.stem for path in SOURCES.glob("*.css")) == VIEWS
    for stem in VIEWS:
        assert (ROOT / "tracebench" / "views" / f"{stem}.py").is_file(), f"js/src/views/{stem}.ts has no Python side"


def test_what_is_built_is_what_the_sources_say():
    assert {path.name for path in BUILT} == SHARED | {f"{stem}.{kind}" for stem in VIEWS for kind in ("js", "css")}


def test_the_wheel_is_refused_without_any_of_them():
    hook = tomllib.loads((ROOT / "pyproject.toml").read_text("utf-8"))["tool"]["hatch"]["build"]["hooks"][
        "jupyter-builder"
    ]
    assert sorted(hook["ensured-targets"]) == [f"tracebench/static/{path.name}" for path in BUILT]
    assert set(hook["skip-if-exists"]) <= set(hook["ensured-targets"])


@pytest.mark.parametrize("name", sorted(SHARED))
def test_what_views_share_is_small_and_wants_nothing(name):
    # Those of the views are in tests/contracts/test_views.py.
    text = (STATIC / name).read_text("utf-8")
    assert_small(text)
    assert_wants_nothing(text)


def test_no_view_without_a_result_that_it_shows():
    assert {kind.view.stem for kind in rows.KINDS if kind.is_ours} == set(VIEWS)


def test_the_lock_serves_every_platform():
    # A registry that lacks a platform's package leaves it out of the lock without a word, and then `npm ci` refuses.
    packages = json.loads((ROOT / "js" / "package-lock.json").read_text("utf-8"))["packages"]
    locked = {name.rpartition("node_modules/")[2] for name in packages}
    for name, package in packages.items():
        wanted = {*package.get("dependencies", {}), *package.get("optionalDependencies", {})}
        assert wanted <= locked, f"{name} needs {sorted(wanted - locked)}"
