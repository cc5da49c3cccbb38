"""A model in memory: its identity, layout, lock, text and plain passes. The model is left as it was."""

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
from tracebench.record.tokens import Tokens, Vocabulary
from tracebench.runtime import cells, progress
from tracebench.runtime.interrupts import Scope


class ModelCore:
    """What `LanguageModel` is built on: everything but the records that it makes.

    Args:
        model: a transformers causal model.
        tokenizer: its tokenizer, or None.
        name: what to call it; by default the hub id or the folder's name that it was loaded from.

    Raises:
        LayoutError: the model is no causal language model, or its parts are not found (see `layout`).
    """

    def __init__(self, model: CausalModel, tokenizer: Any, *, name: str | None = None) -> None:
        given.insist_on_model(model)
        given.insist_on_tokenizer(tokenizer)
        self.model, self.tokenizer = model, tokenizer
        self.name = name or shown_name(getattr(model.config, "_name_or_path", "")) or type(model).__name__
        #: Python that loads it again; `load` says how, and nobody knows how the user made a model in memory.
        self.code = "lm = tb.LanguageModel(model, tokenizer)  # the model that was in memory\n"
        self.lock = ModelLock()
        self.pieces = Pieces(tokenizer)
        self._digests = Digests()
        self._sampled_fingerprint: str | None = None
        #: How often `refresh` was called: what was computed before an edit that no sample shows is not valid any more.
        self.refreshed = 0
        self._proved: tuple[tuple[Any, ...], Layout] | None = None
        self._parts: tuple[Layout, tuple[Parts | None, ...]] | None = None
        _ = self.layout  # an encoder is refused here, not at its first use

    # --- what it is ---------------------------------------------------------------------------------------------

    @property
    def layout(self) -> Layout:
        """Where its blocks, final norm and unembedding are: discovered, and proved on the model itself."""
        # Proved when this object is made: who casts the model afterwards, or sets another scale or cap of its logits, gets a
        # proof of what it is now.
        now = (self.dtype, *(getattr(self.text_config, name, None) for name in HEAD_ATTRIBUTES))
        if self._proved is None or self._proved[0] != now:
            with self.running():
                self._proved = now, discover(self.model)
        return self._proved[1]

    @property
    def parts(self) -> tuple[Parts | None, ...]:
        """Which modules of each block add up to what it adds (``attn_out``, ``mlp_out``), proved; None where none do."""
        layout = self.layout
        if self._parts is None or self._parts[0] is not layout:
            with self.running():
                self._parts = layout, find_parts(self.model, layout)
        return self._parts[1]

    @property
    def text_config(self) -> Any:
        """The configuration of the language model (multimodal checkpoints nest it)."""
        config = self.model.config
        return config.get_text_config() if hasattr(config, "get_text_config") else config

    @property
    def device(self) -> torch.device:
        """Where token ids go."""
        return probe_device(self.model)

    @property
    def dtype(self) -> torch.dtype:
        """The type that the weights compute in."""
        return next((p.dtype for p in self.model.parameters() if p.is_floating_point()), torch.float32)

    @property
    def coarsest(self) -> torch.dtype:
        """The type with the fewest digits that takes part: a float32 unembedding may follow bfloat16 blocks."""
        return coarsest({self.layout.dtype, *(p.dtype for p in self.model.parameters())})

    @property
    def layers(self) -> int:
        """How many blocks there are."""
        return len(self.layout.blocks)

    @property
    def heads(self) -> int:
        """Attention heads per block as configured; 0 where the configuration knows none."""
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
        """A checksum of the weights' bits (16 hex digits). Above 1e9 parameters a sample, remembered until `refresh`."""
        if not is_sampled(self.model):
            return fingerprint(self.model)
        if self._sampled_fingerprint is None:
            self._sampled_fingerprint = fingerprint(self.model)
        return self._sampled_fingerprint

    def state(self) -> str:
        """What it computes depends on this: the weights' bits, the configuration, hooks, and how torch is set for all threads."""
        return f"{self.fingerprint()} {circumstances(self.model)}"

    def _here(self) -> str:
        """The same for the bits of a pass in this thread."""
        return f"{self.state()} {in_this_thread()}"

    def refresh(self) -> None:
        """Forget what was remembered: after editing a very large model, or exchanging modules of any."""
        self.refreshed += 1
        self._sampled_fingerprint = None
        self._digests.clear()
        self._proved = None

    # --- text ---------------------------------------------------------------------------------------------------

    def encode(self, text: str) -> list[int]:
        """Token ids of a text, with the special tokens that the tokenizer adds (BOS, where it does)."""
        return self.pieces.encode(text)

    def tokens(self, ids: Sequence[int]) -> Tokens:
        """A sequence with the exact bytes of every token."""
        return self.pieces.tokens(ids)

    def vocabulary(self, ids: Iterable[int]) -> Vocabulary:
        """The part of the vocabulary with these ids."""
        return self.pieces.vocabulary(ids)

    def token_id(self, token: str | int) -> int:
        """The id of a token given as exact text or id; a ``ValueError`` says which tokens a longer text is."""
        found = self.pieces.find(token, self.vocabulary_size)
        given.insist_on_logit(found, self.scored_size, self.name)
        return found

    # --- running it ---------------------------------------------------------------------------------------------

    def running(self) -> Scope[None]:
        """Within this scope the model is ours: locked, in eval mode, `neutral`, without gradients. All of it is put back."""
        return Scope(self._take)

    def neutral(self) -> Scope[None]:
        """Within this scope autocast, the default device and numpy's error handling are as torch and numpy have them."""
        return Scope(lambda undo: neutralise(undo, self.device))

    def _take(self, undo: ExitStack) -> None:
        insist_on_eager(self.model)  # it may have been compiled since it was given
        undo.enter_context(self.lock)
        if self.lock.is_worker and any(module.training for module in self.model.modules()):
            # A cell may train this model without asking for our lock: it must never meet the mode that we lend it.
            cells.hold_off(undo, self._wait_for_the_cell())
        for module in self.model.modules():
            if module.training:
                undo.callback(setattr, module, "training", True)
                module.training = False
        # Not inference_mode: a buffer that a model makes anew in its forward (dynamic NTK does) would be an inference
        # tensor, and the user's next backward pass would fail on it.
        undo.enter_context(torch.no_grad())
        neutralise(undo, self.device)

    def _wait_for_the_cell(self) -> Callable[[], None]:
        """To be called again and again: lets cells use the model, and tells about it once in a while."""
        told = -math.inf

        def wait() -> None:
            nonlocal told
            if time.monotonic() - told >= 0.5:
                told = time.monotonic()
                progress.tick(0, 0, "waiting for the cell to end: the model is in training mode")
            self.lock.give_way()

        return wait

    def logits(self, ids: Sequence[int]) -> torch.Tensor:
        """One plain pass over the whole sequence, no hooks: [token, vocabulary], in the model's own type."""
        check_replayable(self, len(ids))
        given.insist_on_ids(ids, self.vocabulary_size, self.name)
        with self.running():
            logits = run(self.model, torch.tensor([list(ids)], device=self.device))[0]
            self._digests.keep(self._here(), ids, logits)
            return logits

    def unhooked_digest(self, ids: Sequence[int]) -> str:
        """The digest of the logits of a plain pass, taken once per sequence and `state` of the model."""
        # Running, so that no cell trains between the key and the pass.
        with self.running():
            known = self._digests.find(self._here(), ids)
            return digest(self.logits(ids)) if known is None else known

    def breathe(self, done: int, total: int, note: str = "") -> None:
        """Between micro-batches: report progress (which may cancel), and let a waiting cell use the model."""
        progress.tick(done, total, note)
        self.lock.give_way()

    def check_length(self, length: int, new: int) -> None:
        """A ``ValueError`` when a prompt and what is to follow do not fit the context window."""
        window = getattr(self.text_config, "max_position_embeddings", None) or getattr(
            self.text_config, "n_positions", None
        )
        if window and length + new > window:
            ask = f" and {new} new ones" if new else ""
            raise ValueError(
                f"{length} tokens{ask} do not fit the context window of {self.name}, which holds {window}: "
                "shorten the prompt" + (", or ask for fewer new tokens" if new else "")
            )

    def __repr__(self) -> str:
        # A repr must not run the model, so the layers are the proved ones only where they have been proved.
        layers = len(self._proved[1].blocks) if self._proved else getattr(self.text_config, "num_hidden_layers", "?")
        dtype = str(self.dtype).removeprefix("torch.")
        return f"{type(self).__name__}({self.name}: {layers} layers, {self.heads} heads, {dtype}, {self.device})"
