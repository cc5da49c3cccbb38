"""When a checksum of the weights may be trusted, in a real IPython shell."""

import sys

import pytest
from IPython.core.interactiveshell import InteractiveShell

from tracebench import cells


@pytest.fixture
def shell(monkeypatch):
    shell = InteractiveShell()
    monkeypatch.setattr(sys.modules["IPython"], "get_ipython", lambda: shell)
    shell.user_ns["stamp"] = cells.stamp
    yield shell
    shell.history_manager.end_session()


def test_outside_a_notebook_nothing_is_known(monkeypatch):
    monkeypatch.setattr(sys.modules["IPython"], "get_ipython", lambda: None)
    assert cells.stamp() is None


def test_a_stamp_holds_until_the_next_cell(shell):
    assert cells.stamp() is None  # nobody knows yet whether a cell is running
    shell.run_cell("1")
    first = cells.stamp()
    assert first is not None
    assert cells.stamp() == first
    shell.run_cell("1")
    assert cells.stamp() != first


def test_within_a_cell_nothing_may_be_trusted_also_when_the_first_question_came_from_one(shell):
    for _ in range(3):
        assert shell.run_cell("inside = stamp()").success
        assert shell.user_ns["inside"] is None
    assert cells.stamp() is not None


def test_a_cell_that_fails_ends_too(shell):
    shell.run_cell("stamp()")
    shell.run_cell("1 / 0")
    assert cells.stamp() is not None
