"""Interrupts at random moments, by real signals like those of Ctrl-C and the stop button of a notebook."""

import os
import random
import signal
import sys
import threading
import time
from contextlib import contextmanager

import pytest

#: For tests with interrupts. Python swallows an interrupt that arrives in a ``__del__``, and warns.
SWALLOWED = pytest.mark.filterwarnings("ignore::pytest.PytestUnraisableExceptionWarning")


def interrupted_at_random(work, times):
    """Run ``work`` this many times, each time with one SIGINT at a random moment; yield after each.

    At least half of the interrupts must arrive during the work.
    """
    began = time.perf_counter()
    work()
    lasts, hits, chance = time.perf_counter() - began, 0, random.Random(0)
    with _quick_threads():
        for _ in range(times):
            delay = chance.random() * lasts * 1.2
            killer = threading.Thread(target=lambda d=delay: (time.sleep(d), os.kill(os.getpid(), signal.SIGINT)))
            try:
                killer.start()
                work()
                killer.join()
                time.sleep(0.001)
            except KeyboardInterrupt:
                hits += 1
            killer.join()
            yield
    assert hits > times // 2


def interrupt_in(*functions):
    """Send a SIGINT once the main thread is in functions of these names, the innermost first.

    For another thread; it does not depend on how busy the machine is.
    """
    main = threading.main_thread().ident

    def names():
        frame = sys._current_frames()[main]
        for _ in functions:
            yield frame.f_code.co_name if frame else None
            frame = frame and frame.f_back

    while tuple(names()) != functions:
        time.sleep(0.001)
    os.kill(os.getpid(), signal.SIGINT)


@contextmanager
def _quick_threads():
    """Switch threads as often as possible, and let an interrupt raise as in a notebook cell."""
    interval, handler = sys.getswitchinterval(), signal.signal(signal.SIGINT, signal.default_int_handler)
    sys.setswitchinterval(1e-6)
    try:
        yield
    finally:
        sys.setswitchinterval(interval)
        signal.signal(signal.SIGINT, handler)
