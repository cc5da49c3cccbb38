"""What a bench says as a whole: what came of it in sentences, and what proves it, from the answers of the views in sight."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from tracebench.record.checks import Check
from tracebench.record.trace import Trace
from tracebench.requests.request import Request
from tracebench.sentences import findings

#: The view of the record, whose checks always count.
RECORD = "generation"


@dataclass(frozen=True)
class Question:
    """What one view in sight asks.

    Args:
        view: its name in the arrangement.
        request: what it asks now; None where it asks nothing.
        beside: what it asks when that is chosen.
        otherwise: whether it asks another question than at first.
    """

    view: str
    request: Request | None
    beside: tuple[Request, ...] = ()
    otherwise: bool = False

    def at(self, step: int) -> list[Request]:
        """All of it, at a step."""
        return [*self.own(step), *self.offered(step)]

    def own(self, step: int) -> list[Request]:
        """What it asks now, at a step."""
        return [] if self.request is None else [self.request.at(step)]

    def offered(self, step: int) -> list[Request]:
        """What it asks when that is chosen, at a step."""
        return [each.at(step) for each in self.beside]


class Checks(dict[str, tuple[Check, ...]]):
    """The checks of a bench: name of a view -> those of its answers. Its repr is a list of them in full."""

    @property
    def wrong(self) -> tuple[tuple[str, Check], ...]:
        """Those that do not hold, each with the name of its view."""
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


def checks(
    trace: Trace, questions: Iterable[Question], step: int, known: Mapping[str, Any], finding: Request | None = None
) -> Checks:
    """Of the record, of every answer that the views in sight have at a step, and of the lens that the finding is built on.

    Every answer counts once, however many views show it: for the first that asks it as its own question, else for the
    first that offers it.

    Args:
        trace: the record.
        questions: of the views in sight.
        step: the one that is looked at.
        known: request key -> result.
        finding: the request of the lens that the finding is built on, whose answer counts also where it is hidden.
    """
    found = Checks({RECORD: trace.checks})
    questions = list(questions)
    asked = [(question.view, each.key) for question in questions for each in question.own(step)]
    asked += [(question.view, each.key) for question in questions for each in question.offered(step)]
    # Of equal keys the first one is written last.
    views = {key: view for view, key in reversed(asked) if key in known}
    for question in questions:
        keys = dict.fromkeys(each.key for each in question.at(step) if views.get(each.key) == question.view)
        if keys:
            found[question.view] = tuple(check for key in keys for check in known[key].checks)
    lens = _lens(known, finding)
    if lens is not None and finding is not None and finding.key not in views:
        found[lens.kind] = lens.checks
    return found


def sentences(
    trace: Trace, questions: Sequence[Question], step: int, known: Mapping[str, Any], finding: Request | None = None
) -> list[findings.Parts]:
    """What a step comes down to: first the sentence that leads, then what else the answers in sight say.

    The arguments are those of `checks`.
    """
    asked = [
        (question.otherwise, scores.target.against is not None, findings.attributed(trace, scores, step))
        for question in questions
        for scores in (known.get(request.key) for request in question.at(step))
        if scores is not None and scores.kind == "token_scores" and step in scores.steps
    ]
    lens = _lens(known, finding)
    own = findings.finding(trace, lens, step) if lens else findings.said(trace, step)
    # Whoever asks another question wants to know what came of that; so does who came with "why this rather than that".
    others = [parts for otherwise, _, parts in asked if otherwise] + [parts for _, compares, parts in asked if compares]
    lead = next(iter(others), own)
    return [lead, *(parts for parts in (own, *(parts for *_, parts in asked)) if parts != lead)]


def _lens(known: Mapping[str, Any], finding: Request | None) -> Any:
    return None if finding is None else known.get(finding.key)
