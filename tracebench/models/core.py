"""A model in memory: its identity, layout, lock, tokenizer and plain passes. Nothing here changes the model."""

from __future__ import annotations

import math
import time
from collections.abc import Callable, Iterable, Sequence
from contextlib import ExitStack
from typing import Any

import torch

from tracebench.models.eager import insist_on_eager
from tracebench.models.layout.family import HEAD_ATTRIBUTES, discover, probe_device, run, vocabulary_size
from tracebench.models.layout.layout import CausalModel, Layout
from tracebench.models.layout.parts import Parts, find_parts
from tracebench.models.naming import shown_name
from tracebench.models.numerics import coarsest
from tracebench.models.replayable import check_replayable
from tracebench.models.state.circumstances import circumstances, in_this_thread
from tracebench.models.state.digests import Digests, digest
from tracebench.models.state.fingerprint import fingerprint, is_sampled
from tracebench.models.state.lock import ModelLock
from tracebench.models.state.neutral import neutralise
from tracebench.models.text import given
from tracebench.models.text.tokenizer import Pieces
from tracebench.record.counts import counted
from tracebench.record.tokens import Tokens, Vocabulary
from tracebench.runtime import cells, progress
from tracebench.runtime.interrupts import Scope


class ModelCore:
    """The base of `LanguageModel`: everything except making traces.

    Args:
        model: a transformers causal model.
        tokenizer: its tokenizer, or None.
        name: name to show; the default is the hub id or folder name that the model was loaded from.

    Raises:
        LayoutError: the model is no causal language model, or its layout cannot be proved (see `layout`).
        TypeError: no transformers model, or no tokenizer.
    """

    def __init__(self, model: CausalModel, tokenizer: Any, *, name: str | None = None) -> None:
        given.insist_on_model(model)
        given.insist_on_tokenizer(tokenizer)
        self.model, self.tokenizer = model, tokenizer
        self.name = name or shown_name(getattr(model.config, "_name_or_path", "")) or type(model).__name__
        #: Python that loads the model again. `load` sets it; for a model made in memory only this placeholder is known.
        self.code = "lm = tb.LanguageModel(model, tokenizer)  # the model that was in memory\n"
        self.lock = ModelLock()
        self.pieces = Pieces(tokenizer)
        self._digests = Digests()
        self._sampled_fingerprint: str | None = None
        #: Number of `refresh` calls. Cached answers from before a refresh are invalid: a sampled fingerprint may miss an edit.
        self.refreshed = 0
        self._proved: tuple[tuple[Any, ...], Layout] | None = None
        self._parts: tuple[Layout, tuple[Parts | None, ...]] | None = None
        _ = self.layout  # refuse an encoder here, not at the first use

    # --- identity -----------------------------------------------------------------------------------------------

    @property
    def layout(self) -> Layout:
        """The blocks, final norm and unembedding: discovered, and proved on the model itself."""
        # Prove again after a change of dtype, logit scale or softcap.
        key = (self.dtype, *(getattr(self.text_config, name, None) for name in HEAD_ATTRIBUTES))
        if self._proved is None or self._proved[0] != key:
            with self.running():
                self._proved = key, discover(self.model)
        return self._proved[1]

    @property
    def parts(self) -> tuple[Parts | None, ...]:
        """The attention and MLP of each block (``attn_out``, ``mlp_out``), proved; None for a block without them."""
        layout = self.layout
        if self._parts is None or self._parts[0] is not layout:
            with self.running():
                self._parts = layout, find_parts(self.model, layout)
        return self._parts[1]

    @property
    def text_config(self) -> Any:
        """The configuration of the text model, which multimodal models nest in their own."""
        config = self.model.config
        return config.get_text_config() if hasattr(config, "get_text_config") else config

    @property
    def device(self) -> torch.device:
        """The device that the model expects token ids on."""
        return probe_device(self.model)

    @property
    def dtype(self) -> torch.dtype:
        """The dtype of the first floating-point parameter."""
        return next((p.dtype for p in self.model.parameters() if p.is_floating_point()), torch.float32)

    @property
    def coarsest(self) -> torch.dtype:
        """The least precise dtype in the model: a float32 unembedding may follow bfloat16 blocks."""
        return coarsest({self.layout.dtype, *(p.dtype for p in self.model.parameters())})

    @property
    def layers(self) -> int:
        """The number of blocks."""
        return len(self.layout.blocks)

    @property
    def heads(self) -> int:
        """Attention heads per block, from the configuration; 0 if it does not say."""
        return int(getattr(self.text_config, "num_attention_heads", 0) or 0)

    @property
    def vocabulary_size(self) -> int:
        """How many token ids have an embedding."""
        return vocabulary_size(self.model)

    @property
    def scored_size(self) -> int:
        """How many token ids have a logit. A head may be narrower than the embedding, or wider."""
        return self.layout.scored

    def fingerprint(self) -> str:
        """A checksum of the weights' bits (16 hex digits). Above 1e9 parameters it is sampled, and cached until `refresh`."""
        if not is_sampled(self.model):
            return fingerprint(self.model)
        if self._sampled_fingerprint is None:
            self._sampled_fingerprint = fingerprint(self.model)
        return self._sampled_fingerprint

    def state(self) -> str:
        """A cache key for results: covers the weights' bits, the configuration, hooks, and torch's settings for all threads."""
        return f"{self.fingerprint()} {circumstances(self.model)}"

    def _thread_state(self) -> str:
        """A cache key for the exact bits of a pass: `state`, and torch's settings for this thread."""
        return f"{self.state()} {in_this_thread()}"

    def refresh(self) -> None:
        """Clear the caches. Call it after editing a very large model, or after replacing modules of any model."""
        self.refreshed += 1
        self._sampled_fingerprint = None
        self._digests.clear()
        self._proved = None

    # --- text ---------------------------------------------------------------------------------------------------

    def encode(self, text: str) -> list[int]:
        """Token ids of a text, including the special tokens that the tokenizer adds (such as BOS)."""
        return self.pieces.encode(text)

    def tokens(self, ids: Sequence[int]) -> Tokens:
        """The `Tokens` of these ids, with the exact bytes of every token."""
        return self.pieces.tokens(ids)

    def vocabulary(self, ids: Iterable[int]) -> Vocabulary:
        """The vocabulary entries of these ids."""
        return self.pieces.vocabulary(ids)

    def token_id(self, token: str | int) -> int:
        """The id of a token given as exact text or id.

        Raises:
            ValueError: the text is not one token; the message lists its tokens. Or the model has no logit for it.
        """
        found = self.pieces.find(token, self.vocabulary_size)
        given.insist_on_logit(found, self.scored_size, self.name)
        return found

    # --- running it ---------------------------------------------------------------------------------------------

    def running(self) -> Scope[None]:
        """Within this scope the model is locked, in eval mode, `neutral` and without gradients; afterwards all is restored."""
        return Scope(self._take)

    def neutral(self) -> Scope[None]:
        """Within this scope autocast, the default device and numpy's error handling are as torch and numpy have them."""
        return Scope(lambda undo: neutralise(undo, self.device))

    def _take(self, undo: ExitStack) -> None:
        insist_on_eager(self.model)  # it may have been compiled since it was given
        undo.enter_context(self.lock)
        if self.lock.is_worker and any(module.training for module in self.model.modules()):
            # A cell may train this model without taking our lock, and must not find it in eval mode.
            cells.hold_off(undo, self._wait_for_the_cell())
        for module in self.model.modules():
            if module.training:
                undo.callback(setattr, module, "training", True)
                module.training = False
        # Not inference_mode: a buffer that a forward recomputes (dynamic NTK) would become an inference tensor,
        # and the user's next backward pass would fail on it.
        undo.enter_context(torch.no_grad())
        neutralise(undo, self.device)

    def _wait_for_the_cell(self) -> Callable[[], None]:
        """A function for a wait loop: it yields the lock to cells, and reports progress every half second."""
        reported = -math.inf

        def wait() -> None:
            nonlocal reported
            if time.monotonic() - reported >= 0.5:
                reported = time.monotonic()
                progress.tick(0, 0, "waiting for the cell to end: the model is in training mode")
            self.lock.give_way()

        return wait

    def logits(self, ids: Sequence[int]) -> torch.Tensor:
        """Run one plain pass over the whole sequence, without hooks.

        Returns:
            [token, vocabulary], in the model's dtype.

        Raises:
            ValueError: the sequence is too long to replay in one pass (see `check_replayable`), or an id is no token.
            DoesNotFit: memory runs out.
        """
        check_replayable(self, len(ids))
        given.insist_on_ids(ids, self.vocabulary_size, self.name)
        with self.running():
            logits = run(self.model, torch.tensor([list(ids)], device=self.device))[0]
            self._digests.keep(self._thread_state(), ids, logits)
            return logits

    def unhooked_digest(self, ids: Sequence[int]) -> str:
        """The digest of the logits of a plain pass, cached per sequence and `state` of the model."""
        # Inside `running`, so that no cell changes the model between the key and the pass.
        with self.running():
            known = self._digests.find(self._thread_state(), ids)
            return digest(self.logits(ids)) if known is None else known

    def breathe(self, done: int, total: int, note: str = "") -> None:
        """Call between micro-batches: reports progress (which may cancel the job) and lets a waiting cell use the model."""
        progress.tick(done, total, note)
        self.lock.give_way()

    def check_length(self, length: int, new: int) -> None:
        """Check that a prompt and the tokens to generate fit the context window.

        Args:
            length: tokens of the prompt.
            new: tokens to generate.

        Raises:
            ValueError: they do not fit.
        """
        window = getattr(self.text_config, "max_position_embeddings", None) or getattr(
            self.text_config, "n_positions", None
        )
        if window and length + new > window:
            more = f" and {new} new ones" if new else ""
            raise ValueError(
                f"{length} tokens{more} do not fit the context window of {self.name}, which holds {window}: "
                "shorten the prompt" + (", or ask for fewer new tokens" if new else "")
            )

    def __repr__(self) -> str:
        # A repr must not run the model, so before the proof the number of layers comes from the configuration.
        layers = len(self._proved[1].blocks) if self._proved else getattr(self.text_config, "num_hidden_layers", "?")
        dtype = str(self.dtype).removeprefix("torch.")
        size = f"{counted(layers, 'layer')}, {counted(self.heads, 'head')}"
        return f"{type(self).__name__}({self.name}: {size}, {dtype}, {self.device})"
