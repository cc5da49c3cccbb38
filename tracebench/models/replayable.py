"""Whether one pass over a finished text computes the same as its token-by-token generation."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from tracebench.models.core import ModelCore


def check_replayable(lm: ModelCore, length: int) -> None:
    """Raise a ``ValueError`` if `replay_obstacle` gives a reason."""
    reason = replay_obstacle(lm, length)
    if reason:
        raise ValueError(reason)


def replay_obstacle(lm: ModelCore, length: int) -> str | None:
    """Why one pass over ``length`` tokens differs from their generation; None if it does not.

    longrope and dynamic NTK scale positions by the *length of the input*. Past the original window, a pass over the whole
    text uses other frequencies than the generation of its first part did, and the most likely token may change.
    """
    config = lm.text_config
    for rope in _ropes(getattr(config, "rope_parameters", None) or getattr(config, "rope_scaling", None) or {}):
        kind = rope.get("rope_type", rope.get("type"))
        original = rope.get("original_max_position_embeddings") or getattr(
            config, "original_max_position_embeddings", None
        )
        # For dynamic NTK, transformers takes the window from the configuration and ignores the rope parameters.
        window = getattr(config, "max_position_embeddings", None) if kind == "dynamic" else original
        if kind in ("longrope", "dynamic") and window and length > window:
            return (
                f"{lm.name} scales its positions by the length of the input ({kind}) past {window} tokens, so one pass over "
                f"these {length} tokens differs from their generation; use at most {window} tokens"
            )
    return None


def _ropes(parameters: dict[str, Any]) -> list[dict[str, Any]]:
    """The rope settings: one entry, or one entry per layer type where the configuration nests them."""
    nested = [value for value in parameters.values() if isinstance(value, dict)]
    return nested or [parameters]
