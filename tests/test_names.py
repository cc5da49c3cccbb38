"""The public names: each exists, has its own name and a docstring, and is not a module."""

from __future__ import annotations

import importlib
import pkgutil
import tomllib
from pathlib import Path
from types import ModuleType

import pytest

import tracebench as tb

ROOT = Path(__file__).parents[1]


@pytest.fixture(scope="module", autouse=True)
def _everything_is_imported():
    """Importing a submodule binds its name in the package, where it would hide a lazy name of the same spelling."""
    for module in pkgutil.walk_packages(tb.__path__, "tracebench."):
        importlib.import_module(module.name)


@pytest.mark.parametrize("name", tb.__all__)
def test_a_public_name_gives_the_same_object_twice_and_not_a_module(name):
    first, second = getattr(tb, name), getattr(tb, name)
    assert first is second
    assert not isinstance(first, ModuleType)
    assert callable(first)
    assert first.__name__ == name
    assert first.__doc__, f"tb.{name} has no docstring"


def test_the_list_of_names_is_sorted_and_equals_dir():
    assert list(tb.__all__) == sorted(set(tb.__all__))
    assert set(dir(tb)) == {*tb.__all__, "__version__"}


def test_a_public_name_is_not_the_name_of_a_submodule():
    submodules = {module.name for module in pkgutil.iter_modules(tb.__path__)}
    assert submodules.isdisjoint(tb.__all__)


def test_a_star_import_gives_all_names():
    names: dict[str, object] = {}
    exec("from tracebench import *", names)
    assert set(tb.__all__) <= set(names)


def test_a_wrong_name_raises_a_sentence():
    with pytest.raises(
        AttributeError, match=r"module 'tracebench' has no attribute 'Tarce'; it has Attention, .*Workbench"
    ):
        tb.Tarce  # noqa: B018


def test_the_version_is_that_of_the_project():
    project = tomllib.loads((ROOT / "pyproject.toml").read_text("utf-8"))["project"]
    assert tb.__version__ == project["version"]
