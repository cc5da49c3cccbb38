"""A conversation as a tokenizer's chat template renders it, plain and with marks."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from functools import cached_property, lru_cache
from typing import Any

from transformers import PreTrainedTokenizerBase

from tracebench.models.text.marks import Marked, Places, fits, free_block, taken_out, with_loop_marks, with_marks
from tracebench.models.text.tokenizer import Pieces

#: Words and tags of a content: a template may cut it between them, or look for one of them.
_WORD = re.compile(r"<[^<>\s]{1,40}>|\[/?\w{1,40}\]|[^\s<\[]+|[<\[]")
#: How many edges of words are marked at once, and how many one by one.
AT_ONCE, ONE_BY_ONE = 1000, 12


#: Kept, because a conversation is rendered many times and a vocabulary is examined once.
_pieces = lru_cache(maxsize=1)(Pieces)


def formats_itself(tokenizer: Any) -> bool:
    """Whether the tokenizer has a chat format in its code and no template (``MistralCommonBackend``)."""
    own = getattr(type(tokenizer), "apply_chat_template", PreTrainedTokenizerBase.apply_chat_template)
    return own is not PreTrainedTokenizerBase.apply_chat_template and not getattr(tokenizer, "chat_template", None)


class Rendering:
    """The text of a conversation.

    Args:
        tokenizer: with a chat template.
        messages: with a role and a content each.
        continued: leave the last message open, so that the model goes on with it; else open the model's turn.
    """

    def __init__(self, tokenizer: Any, messages: Sequence[Mapping[str, str]], *, continued: bool = False) -> None:
        self.tokenizer, self.messages, self.continued = tokenizer, list(messages), continued
        self._options = {"continue_final_message": True} if continued else {"add_generation_prompt": True}
        #: Token ids, where the tokenizer makes them itself; else None, and the text is to be encoded.
        self.ids: list[int] | None = None
        if formats_itself(tokenizer):
            self.ids = self._own_ids(self.messages, **self._options)
        try:
            self.text = self._apply(self.messages, **self._options)
            self.whole = self.text
        except ValueError:
            if not continued or self.ids is not None:
                raise
            # transformers looks for the content as it was given, and a template may cut it (a thinking part, for example).
            self._options = {"add_generation_prompt": False}
            self.text = self.whole = self._apply(self.messages, **self._options)
            self.text = self._left_open()

    def _own_ids(self, messages: list[Any], **options: Any) -> list[int]:
        return list(self.tokenizer.apply_chat_template(messages, tokenize=True, return_dict=False, **options))

    def _apply(self, messages: list[Any], **options: Any) -> str:
        if self.ids is not None:
            # Not the tokenizer's own decode, which leaves ▁ and <0xE2> as they are spelled.
            return _pieces(self.tokenizer).tokens(self._own_ids(messages, **options)).text
        return self.tokenizer.apply_chat_template(messages, tokenize=False, **options)

    def _left_open(self) -> str:
        """The text up to the end of the last content, and the white space at its end where the template keeps it."""
        content = self.messages[-1]["content"]
        core = content.rstrip()
        marked = self.marked({len(self.messages) - 1: [len(core)]})
        found = marked.places.get(len(self.messages) - 1, []) if marked else []
        if len(found) != 1:
            raise ValueError("it does not write the end of the last message, so that the model cannot continue it")
        end = found[0][1]
        space = content[len(core) :]
        return self.whole[: end + len(space) if self.whole.startswith(space, end) else end]

    @cached_property
    def _base(self) -> int | None:
        return free_block(self.whole, *(message["content"] for message in self.messages))

    def marked(self, places: Places, *, loops: bool = False) -> Marked | None:
        """What marks tell, or None where they change the text.

        Args:
            places: where to put marks in contents.
            loops: mark the passes through loops over messages too.
        """
        if self._base is None or not fits(self.messages, places):
            return None
        options: dict[str, Any] = dict(self._options)
        try:
            if loops:
                source = with_loop_marks(self.tokenizer.get_chat_template(), self._base)
                if source is None:
                    return None
                options["chat_template"] = source
            rendered = self._apply(with_marks(self.messages, places, self._base, keys=loops), **options)
        except Exception:  # noqa: BLE001 - a template is a program from elsewhere, and marks are not what it expects
            return None
        marked = taken_out(rendered, places, self._base)
        end = len(self.text)
        # transformers cuts the white space at an open end, and a mark stands in its way.
        rest = marked.text[end:] if self.continued and marked.text.startswith(self.text) else None
        if marked.text != self.whole and (rest is None or rest.strip()):
            return None
        for found in (marked.places, marked.turns):
            for n, pairs in found.items():
                kept = [(a, min(b, end)) if found is marked.places else (min(a, end), min(b, end)) for a, b in pairs]
                found[n] = kept
        return marked

    @cached_property
    def opening(self) -> int | None:
        """Where the model's turn is opened after the last message; None where the template does not tell."""
        if self.continued:
            return len(self.text)
        return self.beginning(len(self.messages))

    def beginning(self, number: int) -> int | None:
        """How long the first messages alone are, if they are a beginning of the text."""
        try:
            text = self._apply(self.messages[:number], add_generation_prompt=False)
        except Exception:  # noqa: BLE001 - the template may insist on who speaks first or last
            return None
        return len(text) if self.text.startswith(text) else None

    @cached_property
    def found(self) -> Marked:
        """The turns and the contents: ``places`` has the first and the last known place of each content."""
        edges = {n: _edges(message["content"]) for n, message in enumerate(self.messages)}
        both = self.marked(edges, loops=True)
        turns = both or self.marked({}, loops=True)
        together = both or self.marked(edges)
        out = Marked(self.text, turns=turns.turns if turns else {})
        for n in range(len(self.messages)):
            alone = together or self.marked({n: edges[n]})
            places = alone.places.get(n, []) if alone else []
            offsets = [at for at, _ in places]
            if not places or offsets != edges[n] * (len(places) // 2):
                places = self._narrowed(n)
            if places:
                out.places[n] = places
        return out

    def contents(self, n: int) -> list[tuple[int, int]]:
        """The stretches of a message's content."""
        positions = [position for _, position in self.found.places.get(n, [])]
        return list(zip(positions[::2], positions[1::2], strict=True))

    def _narrowed(self, n: int) -> list[tuple[int, int]]:
        """The first and the last place in a content that the template keeps, where it does not keep the whole."""
        content = self.messages[n]["content"]
        edges = sorted({at for word in _WORD.finditer(content) for at in word.span()} | {0, len(content)})
        if len(edges) > 2 * AT_ONCE:
            edges = edges[:AT_ONCE] + edges[-AT_ONCE:]
        marked = self.marked({n: edges})
        if marked:
            alive = marked.places.get(n, [])
        else:
            alive = [
                next(filter(None, (self._single(n, at) for at in order[:ONE_BY_ONE])), None)
                for order in (edges, edges[::-1])
            ]
            alive = [place for place in alive if place]
        first, last = (min(alive), max(alive)) if alive else ((0, 1), (0, 0))
        in_order = first[1] <= last[1] and (not marked or alive == sorted(set(alive)))
        return [first, last] if in_order else []

    def _single(self, n: int, at: int) -> tuple[int, int] | None:
        marked = self.marked({n: [at]})
        found = marked.places.get(n, []) if marked else []
        return found[0] if len(found) == 1 else None


def _edges(content: str) -> list[int]:
    """Where a content begins and ends, without the white space around it: templates cut it off, and marks are none."""
    start = len(content) - len(content.lstrip())
    return [start, max(start, len(content.rstrip()))]
