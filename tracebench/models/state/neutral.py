"""What a user has set in torch and numpy for all code of a thread is set aside while ours runs: it must not change a number."""

from __future__ import annotations

from contextlib import ExitStack

import numpy as np
import torch


def neutralise(undo: ExitStack, device: torch.device) -> None:
    """Autocast, the default device and numpy's error handling are torch's and numpy's own until ``undo`` closes.

    These are settings of the thread, so that code of other threads sees nothing. What is set for all threads cannot be
    changed here without changing it there: the record names it (`circumstances.set_in_torch`).

    Args:
        undo: takes the settings back.
        device: of the model.
    """
    for kind in dict.fromkeys((device.type, "cpu")):
        if torch.amp.is_autocast_available(kind) and torch.is_autocast_enabled(kind):
            undo.enter_context(torch.autocast(kind, enabled=False))
    # A model's own code may count on a default device that is the model's.
    if torch.get_default_device().type not in ("cpu", device.type):
        undo.enter_context(torch.device(device))
    undo.enter_context(np.errstate(divide="warn", over="warn", under="ignore", invalid="warn"))
