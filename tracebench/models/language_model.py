"""`LanguageModel`: generates, chats and reads, and records each as a `Trace`."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Any

from tracebench.models.core import ModelCore
from tracebench.models.memory import DoesNotFit, fitting
from tracebench.models.recording import chat, generation, origin, reading
from tracebench.models.recording.replay import no_replay_check, replay_check
from tracebench.models.recording.text_check import text_checks
from tracebench.models.replayable import replay_obstacle
from tracebench.models.text import edges, given
from tracebench.record.checks import Check
from tracebench.record.provenance import Provenance
from tracebench.record.trace import Trace
from tracebench.runtime import progress

#: Text, token ids, or all that a tokenizer gave for one text (ids and an attention mask).
Prompt = str | Sequence[int] | Mapping[str, Any]


class LanguageModel(ModelCore):
    """A causal language model and its tokenizer: ``tb.LanguageModel(model, tokenizer)``.

    Args:
        model: a transformers causal model. Its weights, mode, hooks, configuration and random state stay as they are.
        tokenizer: its tokenizer; with None, token ids take the place of text.
        name: name to show; the default is the hub id or folder name that the model was loaded from.

    Raises:
        LayoutError: the model is no causal language model, or its layout cannot be proved (see `layout`).
    """

    def generate(
        self,
        prompt: Prompt,
        *,
        max_new_tokens: int = 32,
        temperature: float | None = None,
        top_k: int | None = None,
        top_p: float | None = None,
        seed: int | None = None,
        stop: str | Sequence[str] | None = (),
        **unknown: Any,
    ) -> Trace:
        """Generate a continuation and record every step. Decoding is greedy unless a temperature is given.

        Args:
            prompt: text (the tokenizer adds its special tokens), token ids, or all that a tokenizer gave for one text. Tokens
                that its attention mask leaves out are padding and are dropped.
            max_new_tokens: maximum number of tokens; an end-of-sequence token ends the generation earlier.
            temperature: divides the logits before sampling; None takes the most likely token.
            top_k: sample only among the ``top_k`` most likely tokens.
            top_p: sample only among the most likely tokens that together reach this probability.
            seed: random seed of the sampling; by default one is drawn and recorded. Greedy decoding accepts and ignores it.
            stop: stop as soon as the new text contains one of these strings.
            unknown: any other argument is refused, with the arguments that there are.

        Returns:
            A `Trace`. Its candidates are the raw scores, before temperature, top-k and top-p. Its checks name what is easy to
            miss in the prompt, and the parts of the model's own generation_config that were set aside.

        Raises:
            ValueError: the prompt and the new tokens exceed the context window; a parameter is out of range or unknown; token ids
                have padding and no attention mask.
        """
        generation.insist_on_known("generate", unknown)
        ids, checks = self._ids(prompt, "generate")
        sampling = generation.Sampling(max_new_tokens, temperature, top_k, top_p, seed, stop)
        settings = {"how": "generate", "prompt": prompt if isinstance(prompt, str) else ids}
        with progress.shown("generating"), self.neutral():
            return self._checked(generation.generate(self, ids, sampling, settings, checks=checks), prompt)

    def chat(self, messages: Sequence[Mapping[str, str]], **options: Any) -> Trace:
        """Answer a conversation through the chat template; each message becomes a segment of the trace.

        Args:
            messages: ``[{"role": "user", "content": "..."}]``. If the last one is the assistant's, the model goes on with it.
            options: as for `generate`; ``max_new_tokens`` is 64 by default.

        Raises:
            ValueError: the tokenizer has no chat template; an unknown option.
        """
        generation.insist_on_known("chat", options)
        options.setdefault("max_new_tokens", 64)
        sampling = generation.Sampling(**options)
        rendered = chat.render(self, messages)
        checks = (*rendered.checks, *edges.prompt_checks(self, rendered.ids, None, how="chat"))
        settings = {"how": "chat", "messages": [dict(message) for message in messages]}
        if rendered.continued:
            settings["continue_final_message"] = True
        with progress.shown("generating"), self.neutral():
            return self._checked(
                generation.generate(self, rendered.ids, sampling, settings, segments=rendered.segments, checks=checks)
            )

    def read(self, text: Prompt, *, prompt_length: int = 1) -> Trace:
        """Read a text as if the model had generated it: every token after the prompt is a step.

        Args:
            text: text, token ids, or all that a tokenizer gave for one text.
            prompt_length: number of tokens in the prompt, including BOS; at least 1.
        """
        ids, checks = self._ids(text, "read")
        settings = {"how": "read", "text": text if isinstance(text, str) else ids}
        with progress.shown("reading"), self.neutral():
            trace = reading.read(self, ids, prompt_length, settings, checks=checks)
            return replace(trace, checks=(*trace.checks, *text_checks(self.pieces, trace.tokens, text)))

    def _checked(self, trace: Trace, prompt: object = None) -> Trace:
        """A generated trace, replayed, and with what its text says otherwise than the prompt that was given."""
        trace = self.replay(trace)
        return replace(trace, checks=(*trace.checks, *text_checks(self.pieces, trace.tokens, prompt)))

    def replay(self, trace: Trace) -> Trace:
        """The same trace with a new "replay" check: one pass over the whole text gives the recorded scores."""
        if not trace.steps:
            return trace
        others = tuple(check for check in trace.checks if check.name != "replay")
        obstacle = replay_obstacle(self, len(trace.tokens))
        try:
            with (
                self.neutral(),
                fitting(
                    f"comparing the scores of {len(trace.tokens)} tokens does not fit the memory of {self.device}: free some, and "
                    "call lm.replay(trace)"
                ),
            ):
                check = (
                    no_replay_check(obstacle)
                    if obstacle
                    else replay_check(trace, self.logits(trace.tokens.ids), self.coarsest)
                )
        except DoesNotFit as error:
            # Generation with a cache needs less memory than a pass without one; the trace is valid without a replay.
            check = no_replay_check(str(error))
        return replace(trace, checks=(*others, check))

    def provenance(self, settings: Mapping[str, Any], seed: int | None) -> Provenance:
        """The provenance of a record that this model makes now."""
        return origin.provenance(self, settings, seed)

    def _ids(self, text: Prompt, how: str) -> tuple[list[int], tuple[Check, ...]]:
        """The ids of what was given, and what should be known of them."""
        ids = given.token_ids(text, self.encode, self.vocabulary_size, self.name)
        if not isinstance(text, str):
            edges.insist_on_no_padding(self, ids)
        return ids, edges.prompt_checks(self, ids, text if isinstance(text, str) else None, how=how)
