"""What a bench says as a whole: sentences about a step, and the checks behind them, from the answers of the views in sight."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from tracebench.record.checks import Check
from tracebench.record.trace import Trace
from tracebench.requests.request import Request
from tracebench.sentences.generation import said
from tracebench.sentences.words import Parts

#: The view of the record, whose checks always count.
RECORD = "generation"


@dataclass(frozen=True)
class Question:
    """What one view asks.

    Args:
        view: its name in the arrangement.
        request: what it asks now; None where it asks nothing.
        alternatives: what it offers to ask instead.
        is_followup: whether it asks another question than at first.
    """

    view: str
    request: Request | None
    alternatives: tuple[Request, ...] = ()
    is_followup: bool = False

    def at(self, step: int) -> list[Request]:
        """All of it, at a step."""
        return [*self.own(step), *self.offered(step)]

    def own(self, step: int) -> list[Request]:
        """What it asks now, at a step."""
        return [] if self.request is None else [self.request.at(step)]

    def offered(self, step: int) -> list[Request]:
        """What it offers to ask instead, at a step."""
        return [each.at(step) for each in self.alternatives]


class Checks(dict[str, tuple[Check, ...]]):
    """The checks of a bench: name of a view -> those of its answers. Its repr is a list of them in full."""

    @property
    def wrong(self) -> tuple[tuple[str, Check], ...]:
        """The checks that do not hold, each with the name of its view."""
        return tuple((view, check) for view, checks in self.items() for check in checks if check.state != "holds")

    @property
    def sentence(self) -> str:
        """``5 of 6 checks hold (not: completeness in token scores)``."""
        count = sum(map(len, self.values()))
        said = f"{count - len(self.wrong)} of {count} checks hold"
        named = ", ".join(f"{check.name} in {spoken(view)}" for view, check in self.wrong)
        return f"{said} (not: {named})" if named else said

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
        trace: the one that is looked at; None where the bench has none.
        questions: those of the views in sight.
        step: the one that is looked at.
        known: request key -> result.
        continuing: requests whose sentence continues that of the record, also where their views are hidden.
    """

    trace: Trace | None
    questions: Sequence[Question]
    step: int
    known: Mapping[str, Any]
    continuing: Sequence[Question] = ()

    def checks(self) -> Checks:
        """Of the record, of every answer that the views in sight have, and of the answers that continue the record's sentence.

        Every answer counts once, however many views show it: for the first that asks it as its own question, else for the
        first that offers it.
        """
        found = Checks({} if self.trace is None else {RECORD: self.trace.checks})
        asked = [(question.view, each.key) for question in self.questions for each in question.own(self.step)]
        asked += [(question.view, each.key) for question in self.questions for each in question.offered(self.step)]
        # The first of equal keys is written last.
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
        """First the sentence that leads, then what else the answers in sight say.

        A follow-up question leads, then a comparison, then the record.
        """
        if self.trace is None or not self.trace.steps:
            return []
        own = (*said(self.trace, self.step), *self._continued())
        followups, comparisons, others = [], [], []
        for question in self.questions:
            for request in question.at(self.step):
                result = self.known.get(request.key)
                if result is None or result.says == "continues":
                    continue
                if (parts := result.sentence(self.trace, self.step)) is None:
                    continue
                others.append(parts)
                if question.is_followup:
                    followups.append(parts)
                elif result.says == "compares":
                    comparisons.append(parts)
        lead = next(iter([*followups, *comparisons]), own)
        return [lead, *(parts for parts in (own, *others) if parts != lead)]

    def _continued(self) -> Iterable[str | dict[str, str]]:
        for question in self.continuing:
            for request in question.own(self.step):
                result = self.known.get(request.key)
                if result is not None and result.says == "continues" and self.trace is not None:
                    yield from result.sentence(self.trace, self.step) or ()
