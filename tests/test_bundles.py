"""The built front end is small and complete, has the same names as Python, and loads nothing from the network."""

from __future__ import annotations

import itertools
import json
import tomllib
from pathlib import Path

import pytest

from tests.contracts import rows
from tests.contracts.test_views import assert_small, assert_wants_nothing
from tracebench.widgets.base import STATIC

ROOT = Path(__file__).parents[1]
SOURCES = ROOT / "js" / "src"

#: Bundles of the front end that are not views.
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


@pytest.mark.parametrize("name", sorted(itertools.chain(*OTHERS.values())))
def test_shared_bundles_are_small_and_load_nothing(name):
    # tests/contracts/test_views.py checks the bundles of views.
    text = (STATIC / name).read_text("utf-8")
    assert_small(text)
    assert_wants_nothing(text)


def test_every_view_shows_a_kind_of_result():
    assert {kind.view.stem for kind in rows.KINDS if kind.is_ours} == set(VIEWS)


def test_the_lock_file_has_the_packages_of_every_platform():
    # If the registry lacks the package of a platform, npm silently leaves it out of the lock, and `npm ci` fails there.
    packages = json.loads((ROOT / "js" / "package-lock.json").read_text("utf-8"))["packages"]
    locked = {name.rpartition("node_modules/")[2] for name in packages}
    for name, package in packages.items():
        wanted = {*package.get("dependencies", {}), *package.get("optionalDependencies", {})}
        assert wanted <= locked, f"{name} needs {sorted(wanted - locked)}"
