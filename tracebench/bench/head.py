"""The head of a bench: sentences about a step, and their checks, from the answers of the visible views."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from tracebench.record.checks import Check
from tracebench.record.counts import counted
from tracebench.record.trace import Trace
from tracebench.requests.request import Request
from tracebench.sentences.generation import generation_sentence
from tracebench.sentences.words import Parts

#: The view of the trace. Its checks always count.
RECORD = "generation"


@dataclass(frozen=True)
class Question:
    """The requests of one view about one trace.

    Args:
        view: the name of the view in the arrangement.
        request: its current request; None if it has none.
        alternatives: its alternative requests.
        is_followup: whether the current request differs from the default.
    """

    view: str
    request: Request | None
    alternatives: tuple[Request, ...] = ()
    is_followup: bool = False

    def at(self, step: int) -> list[Request]:
        """All its requests, at a step."""
        return [*self.own(step), *self.offered(step)]

    def own(self, step: int) -> list[Request]:
        """Its current request, at a step."""
        return [] if self.request is None else [self.request.at(step)]

    def offered(self, step: int) -> list[Request]:
        """Its alternative requests, at a step."""
        return [each.at(step) for each in self.alternatives]


class Checks(dict[str, tuple[Check, ...]]):
    """The checks of a bench: name of a view -> checks of its answers. The repr lists them in full."""

    @property
    def wrong(self) -> tuple[tuple[str, Check], ...]:
        """The checks that do not hold, each with the name of its view."""
        return tuple((view, check) for view, checks in self.items() for check in checks if check.state != "holds")

    @property
    def sentence(self) -> str:
        """``5 of 6 checks hold (not: completeness in token scores)``."""
        count = sum(map(len, self.values()))
        hold = f"{count - len(self.wrong)} of {counted(count, 'check')} {'holds' if count == 1 else 'hold'}"
        wrong = ", ".join(f"{check.name} in {spoken(view)}" for view, check in self.wrong)
        return f"{hold} (not: {wrong})" if wrong else hold

    def __repr__(self) -> str:
        lines = (line for view, checks in self.items() for line in (f"{spoken(view)}:", *(f"  {c}" for c in checks)))
        return "\n".join((self.sentence, *lines))


def spoken(view: str) -> str:
    """``token_scores-2`` as "token scores 2"."""
    return view.replace("_", " ").replace("-", " ")


@dataclass(frozen=True)
class Head:
    """The head of a bench at one step of one trace.

    Args:
        trace: the selected trace; None if the bench has none.
        questions: the requests of the visible views.
        step: the selected step.
        known: request key -> result.
        continuing: requests with sentences that continue that of the trace, also of hidden views.
    """

    trace: Trace | None
    questions: Sequence[Question]
    step: int
    known: Mapping[str, Any]
    continuing: Sequence[Question] = ()

    def checks(self) -> Checks:
        """The checks of the trace, of the answers of all visible views, and of the answers that continue its sentence.

        Each answer counts once: for the first view with this current request, else for the first with this alternative.
        """
        found = Checks({} if self.trace is None else {RECORD: self.trace.checks})
        asked = [(question.view, each.key) for question in self.questions for each in question.own(self.step)]
        asked += [(question.view, each.key) for question in self.questions for each in question.offered(self.step)]
        # In reverse order, so that the first view with a key overwrites the others.
        views = {key: view for view, key in reversed(asked) if key in self.known}
        for question in self.questions:
            keys = dict.fromkeys(each.key for each in question.at(self.step) if views.get(each.key) == question.view)
            if keys:
                found[question.view] = tuple(check for key in keys for check in self.known[key].checks)
        for question in self.continuing:
            for request in question.own(self.step):
                if request.key in self.known and request.key not in views:
                    found[question.view] = self.known[request.key].checks
        return found

    def sentences(self) -> list[Parts]:
        """The sentences about the step, the leading one first.

        Follow-up questions lead, then comparisons, then the sentence of the trace.
        """
        if self.trace is None or not self.trace.steps:
            return []
        own = (*generation_sentence(self.trace, self.step), *self._continued())
        followups, comparisons, others = [], [], []
        for question in self.questions:
            for request in question.at(self.step):
                result = self.known.get(request.key)
                if result is None or result.says == "continues" or not self._speaks(result):
                    continue
                if (parts := result.sentence(self.trace, self.step)) is None:
                    continue
                others.append(parts)
                if question.is_followup and request in question.own(self.step):
                    followups.append(parts)
                elif result.says == "compares":
                    comparisons.append(parts)
        lead = next(iter([*followups, *comparisons]), own)
        return [lead, *(parts for parts in (own, *others) if parts != lead)]

    def _continued(self) -> Iterable[str | dict[str, str]]:
        for question in self.continuing:
            for request in question.own(self.step):
                result = self.known.get(request.key)
                if (
                    result is not None
                    and result.says == "continues"
                    and self._speaks(result)
                    and self.trace is not None
                ):
                    yield from result.sentence(self.trace, self.step) or ()

    def _speaks(self, result: Any) -> bool:
        """Whether a result has sentences about this trace. A result about several traces speaks about the first."""
        return self.trace is not None and result.traces[:1] == (self.trace.hash,)
