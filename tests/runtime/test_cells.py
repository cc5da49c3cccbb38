"""A stamp tells if user code has run since a checksum was taken; tested in a real IPython shell."""

import sys
import threading
import time
from contextlib import ExitStack

import pytest
from IPython.core.interactiveshell import InteractiveShell

from tests.signals import interrupt_in
from tracebench.runtime import cells


@pytest.fixture
def shell(monkeypatch):
    shell = InteractiveShell()
    monkeypatch.setattr(sys.modules["IPython"], "get_ipython", lambda: shell)
    shell.user_ns["stamp"] = cells.stamp
    yield shell
    shell.history_manager.end_session()


def test_outside_a_notebook_there_is_no_stamp(monkeypatch):
    monkeypatch.setattr(sys.modules["IPython"], "get_ipython", lambda: None)
    assert cells.stamp() is None


def test_a_stamp_holds_until_the_next_cell(shell):
    assert cells.stamp() == 0
    shell.run_cell("1")
    first = cells.stamp()
    assert first is not None
    assert cells.stamp() == first
    shell.run_cell("1")
    assert cells.stamp() != first


def test_there_is_no_stamp_in_a_cell_also_if_the_first_call_comes_from_it(shell):
    for _ in range(3):
        assert shell.run_cell("inside = stamp()").success
        assert shell.user_ns["inside"] is None
    assert cells.stamp() is not None


def test_a_failed_cell_has_ended(shell):
    shell.run_cell("stamp()")
    shell.run_cell("1 / 0")
    assert cells.stamp() is not None


def test_no_cell_starts_while_cells_are_held_off(shell):
    shell.run_cell("stamp()")
    held, log = ExitStack(), []
    cells.hold_off(held, pytest.fail)

    def let_go():
        time.sleep(0.1)
        log.append("let go")
        held.close()

    shell.user_ns["log"] = log
    thread = threading.Thread(target=let_go)
    thread.start()
    shell.run_cell("log.append('cell')")
    thread.join()
    assert log == ["let go", "cell"]


def test_hold_off_waits_for_the_running_cell_and_can_be_cancelled(shell):
    class CalledOff(Exception):
        pass

    def hold():
        looked = []

        def wait():
            looked.append(1)
            if len(looked) == 3:
                raise CalledOff

        with ExitStack() as held:
            try:
                cells.hold_off(held, wait)
            except CalledOff:
                shell.user_ns["outcome"] = len(looked)

    shell.user_ns["hold"] = hold
    assert shell.run_cell("import threading; t = threading.Thread(target=hold); t.start(); t.join()").success
    assert shell.user_ns["outcome"] == 3
    assert cells.stamp() is not None


def test_the_end_of_an_inner_cell_does_not_end_the_outer_one(shell):
    shell.user_ns["inner"] = lambda: shell.run_cell("1")
    assert shell.run_cell("inner(); after = stamp()").success
    assert shell.user_ns["after"] is None
    assert cells.stamp() is not None


def test_an_interrupt_does_not_start_a_waiting_cell_early(shell):
    shell.run_cell("stamp()")
    held, log = ExitStack(), []
    cells.hold_off(held, pytest.fail)

    def let_go():
        interrupt_in("_wait")
        time.sleep(0.1)
        log.append("let go")
        held.close()

    shell.user_ns["log"] = log
    thread = threading.Thread(target=let_go)
    thread.start()
    shell.run_cell("log.append('cell'); inside = stamp()")
    thread.join()
    assert log == ["let go", "cell"]
    assert shell.user_ns["inside"] is None


def test_a_worker_may_work_while_a_cell_lends_and_the_cell_waits_for_it(shell):
    log = []

    def work():
        with ExitStack() as held:
            cells.hold_off(held, lambda: None)
            log.append("worker")
            time.sleep(0.1)
            log.append("worker ends")

    def wait():
        thread = threading.Thread(target=work)
        with cells.lend():
            first = cells.stamp()
            thread.start()
            while not log:
                time.sleep(0.001)
        log.append("cell goes on")
        with cells.lend():
            assert cells.stamp() not in (None, first)  # the cell may have changed the model between the two scopes
        thread.join()

    shell.user_ns["wait"] = wait
    assert shell.run_cell("wait(); after = stamp()").success
    assert log == ["worker", "worker ends", "cell goes on"]
    assert shell.user_ns["after"] is None


def test_a_widget_message_counts_as_a_change_but_not_as_a_cell(shell):
    """ipykernel fires the events of a cell for each message, on the thread of a subshell."""
    seen = []

    def beside():
        found = cells.watch()
        before = (found.depth, found.rest, cells.stamp())
        thread = threading.Thread(
            target=lambda: (
                shell.events.trigger("pre_execute"),
                seen.append(found.depth),
                shell.events.trigger("post_execute"),
            )
        )
        thread.start()
        thread.join()
        seen.append((before, (found.depth, found.rest, cells.stamp())))

    shell.user_ns["beside"] = beside
    assert shell.run_cell("beside()").success
    beside()
    in_a_cell, at_rest = seen[1], seen[3]
    assert (seen[0], seen[2]) == (1, 0)
    assert in_a_cell == ((1, None, None), (1, None, None))
    assert at_rest[0][:2] == at_rest[1][:2]
    assert at_rest[0][2] != at_rest[1][2]  # the callback may have edited a weight


def test_a_failed_widget_message_does_not_count_as_a_running_cell(shell):
    cells.watch()
    shell.events.trigger("pre_execute")  # the callback raises, so IPython sends no end event
    shell.run_cell("1")
    assert cells.watch().depth == 0
    assert cells.stamp() is not None
