"""Whether one pass over a finished text is the computation that its generation was."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from tracebench.models.core import ModelCore


def check_replayable(lm: ModelCore, length: int) -> None:
    """A ``ValueError`` where `replay_obstacle` finds one."""
    reason = replay_obstacle(lm, length)
    if reason:
        raise ValueError(reason)


def replay_obstacle(lm: ModelCore, length: int) -> str | None:
    """Why a pass over the whole text would be a different computation than the generation was; None if it is the same.

    longrope and dynamic NTK scale positions by the *length of the input*: past the original window the whole text is
    seen with other frequencies than its first part was generated with, and the argmax flips.
    """
    config = lm.text_config
    for rope in _ropes(getattr(config, "rope_parameters", None) or getattr(config, "rope_scaling", None) or {}):
        kind = rope.get("rope_type", rope.get("type"))
        original = rope.get("original_max_position_embeddings") or getattr(
            config, "original_max_position_embeddings", None
        )
        # transformers takes the window of dynamic NTK from the configuration, whatever its rope parameters say.
        window = getattr(config, "max_position_embeddings", None) if kind == "dynamic" else original
        if kind in ("longrope", "dynamic") and window and length > window:
            return (
                f"{lm.name} scales its positions by the length of the input ({kind}) past {window} tokens, so one pass over "
                f"these {length} tokens is another computation than their generation; use at most {window} tokens"
            )
    return None


def _ropes(parameters: dict[str, Any]) -> list[dict[str, Any]]:
    """One entry, or one for each kind of layer."""
    nested = [value for value in parameters.values() if isinstance(value, dict)]
    return nested or [parameters]
