import os
import signal
import threading
import time

import pytest

import tracebench as tb
from tests import tiny
from tracebench.models.state.lock import ModelLock
from tracebench.models.watch import unembedding

SOON = 120.0


def running(target):
    thread = threading.Thread(target=target, daemon=True)
    thread.start()
    return thread


def ended(*threads):
    for thread in threads:
        thread.join(SOON)
    return not any(thread.is_alive() for thread in threads)


def waiting(lock, cells):
    until = time.monotonic() + SOON
    while lock._cells_waiting < cells and time.monotonic() < until:
        time.sleep(0.001)
    return lock._cells_waiting == cells


def test_the_lock_is_exclusive_and_reentrant():
    lock, log = ModelLock(), []

    def other():
        with lock:
            log.append("other")

    with lock, lock:
        thread = running(other)
        assert waiting(lock, 1)
        log.append("mine")
    assert ended(thread)
    assert log == ["mine", "other"]


def test_a_worker_gives_way_between_micro_batches_and_goes_on_afterwards():
    lock, log, started = ModelLock(), [], threading.Event()

    def work():
        with lock.as_worker(), lock, lock:
            started.set()
            for step in range(3):
                waiting(lock, 1 if step == 0 else 0)
                lock.give_way()
                log.append(step)

    def cell():
        with lock:
            log.append("cell")
            time.sleep(0.05)
            log.append("cell ends")

    worker = running(work)
    started.wait(SOON)
    assert ended(running(cell), worker)
    assert log == ["cell", "cell ends", 0, 1, 2]


def test_a_cell_goes_before_a_worker_that_waits_longer():
    lock, log = ModelLock(), []

    def work():
        with lock.as_worker(), lock:
            log.append("worker")

    def cell():
        with lock:
            log.append("cell")

    with lock:
        threads = [running(work)]
        time.sleep(0.05)
        threads.append(running(cell))
        assert waiting(lock, 1)
    assert ended(*threads)
    assert log == ["cell", "worker"]


def test_a_cell_does_not_give_way():
    lock = ModelLock()
    with lock:
        thread = running(lambda: lock.__enter__())
        assert waiting(lock, 1)
        lock.give_way()
        assert lock._depth == 1
    assert ended(thread)


def test_give_way_without_the_lock_does_nothing():
    lock = ModelLock()
    with lock.as_worker():
        lock.give_way()
    assert lock._owner is None


def test_an_error_releases_the_lock():
    lock = ModelLock()
    with pytest.raises(KeyboardInterrupt), lock:
        raise KeyboardInterrupt
    assert ended(running(lambda: lock.__enter__()))


@pytest.mark.parametrize("take", [lambda lock: lock, lambda lock: lock.held()])
def test_a_cell_interrupted_while_waiting_does_not_block_the_worker(take):
    lock, log, started, went = ModelLock(), [], threading.Event(), threading.Event()

    def work():
        with lock.as_worker(), lock:
            started.set()
            waiting(lock, 1)
            os.kill(os.getpid(), signal.SIGINT)
            went.wait(SOON)
            lock.give_way()
            log.append("worker")

    worker = running(work)
    started.wait(SOON)
    with pytest.raises(KeyboardInterrupt), take(lock):
        pass
    went.set()
    assert ended(worker)
    assert log == ["worker"]
    assert lock._cells_waiting == 0


def test_a_cell_uses_the_model_in_the_middle_of_an_analysis(monkeypatch):
    monkeypatch.setattr(unembedding, "ROWS", 16)
    lm = tiny.lm()
    trace = lm.read(tiny.PARAGRAPH[:60])
    expected = tb.LogitLens()(lm, trace)
    seen, cells, notes = [], [], []

    def cell():
        with lm.lock:
            hooks = sum(len(module._forward_hooks) + len(module._forward_pre_hooks) for module in lm.model.modules())
            seen.append((hooks, lm.lock._cells_waiting))
            lm.generate("The tower", max_new_tokens=2)

    def listener(done, _total, note):
        notes.append((done, note))
        if len(notes) == 2:
            cells.append(running(cell))
            assert waiting(lm.lock, 1)

    def work():
        from tracebench.runtime.progress import listening

        with lm.lock.as_worker(), lm.lock, listening(listener):
            seen.append(tb.LogitLens()(lm, trace))

    assert ended(running(work), *cells)
    assert seen[0] == (0, 0)
    assert (seen[1].probs.values == expected.probs.values).all()
