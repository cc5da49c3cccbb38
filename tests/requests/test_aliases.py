"""A question is found however its tokens are named."""

import itertools
from dataclasses import replace

import numpy as np
import pytest

import tracebench as tb
from tests import made
from tests.bench.test_workbench import state_of
from tests.requests.test_request import ask
from tracebench.record.arrays import LabeledArray
from tracebench.record.tokens import Vocabulary
from tracebench.record.traces import Traces
from tracebench.requests.aliases import other_keys
from tracebench.requests.code import request_for
from tracebench.requests.stored import Stored
from tracebench.results import token_scores_names as names_module

#: The token that the made trace says at step 0 is " Paris", id 3; " Rome" is 10.
SAID = (None, 3, " Paris")
ROME = (10, " Rome")


def asked(trace, token, against):
    return request_for(made.scores(trace, 0, token=token, against=against))


@pytest.mark.parametrize(("token", "against"), list(itertools.product(SAID, ROME)))
def test_text_id_and_what_was_said_are_one_question(token, against):
    trace = made.trace()
    result = made.scores(trace, 0, token=token, against=against)
    stored = Stored([result], [trace])
    for other in itertools.product(SAID, ROME):
        assert ask(stored, asked(trace, *other)) == ("answer", result)
    assert ask(stored, asked(trace, None, 2))[0] == "error"
    assert ask(stored, asked(trace, 10, 3))[0] == "error"
    assert list(stored.known()) == [request_for(result).key]


def test_the_names_of_a_result_are_made_once(monkeypatch):
    """A bench asks for them at every step that is looked at, and may have hundreds of answers."""
    trace, another = made.trace(), made.trace()
    result = made.scores(trace, 0, against=" Rome")
    known = {request_for(result).key: result}
    found = other_keys(known, Traces([trace]))
    made_anew = []
    names = names_module._made
    monkeypatch.setattr(names_module, "_made", lambda *about: made_anew.append(1) or names(*about))
    assert other_keys(known, Traces([trace])) == found
    assert made_anew == []
    # Which names there are depends on the record.
    assert other_keys(known, Traces([another])) == found
    assert made_anew == [1]


def test_what_is_known_by_itself_is_not_led_elsewhere():
    trace = made.trace()
    known = {request_for(r).key: r for r in (made.scores(trace, 0, against=10), made.scores(trace, 0, against=" Rome"))}
    assert not other_keys(known, Traces([trace])).keys() & known.keys()


def test_a_text_that_two_tokens_have_names_neither():
    """Which of them a tokenizer would take is not known here."""
    trace = made.trace(0, 1, 2, 7, 4, 5, 7, 6)
    twice = type(trace.candidates.vocabulary)({**made.VOCABULARY, 12: b" Rome"}, made.SPECIAL)
    object.__setattr__(trace.candidates, "vocabulary", twice)
    result = made.scores(trace, 0, against=10)
    assert not any('"against":" Rome"' in key for key in other_keys({request_for(result).key: result}, Traces([trace])))


def test_a_single_byte_is_not_named_by_its_text():
    """It may be the byte token of a vocabulary whose token of that text is not in the record."""
    trace = made.trace()
    result = made.scores(trace, 0, against=7)
    keys = other_keys({request_for(result).key: result}, Traces([trace]))
    assert keys
    assert not any(r'"against":"\n"' in key for key in keys)
    assert any(r'"against":7' in key for key in keys)


def test_entropy_every_step_and_other_kinds_have_one_name():
    trace = made.trace()
    for result in (made.scores(trace, 0, of="entropy"), made.scores(trace, None), made.lens(trace)):
        assert other_keys({request_for(result).key: result}, Traces([trace])) == {}


def test_a_page_has_the_other_names_too(tmp_path):
    trace = made.trace()
    result = made.scores(trace, 0, against=" Rome")
    state, _ = state_of(tb.Workbench([trace, result]).save(tmp_path / "a.html").read_text("utf-8"))
    own = request_for(result).key
    assert state["baked"][asked(trace, 3, 10).key] == {"$same": own}
    assert state["baked"][own]["kind"] == "token_scores"
    assert len(state["baked"]) == len(SAID) * len(ROME)


def test_a_token_is_not_compared_with_another_of_the_same_text():
    """Which of the two " Rome" meant in the answer is not known: it is found as it was asked, and under no other id."""
    trace = made.trace()
    twice = Vocabulary({3: b" Rome", 10: b" Rome"})
    result = replace(made.scores(trace, 0, against=" Rome"), vocabulary=twice)
    others = other_keys({request_for(result).key: result}, Traces([trace]))
    assert not any('"against":3' in key or '"against":10' in key for key in others)


@pytest.mark.parametrize("token", [None, " Paris"])
def test_an_answer_that_names_no_token_has_one_name(token):
    """A third party's method may name none."""
    trace = made.trace()
    none = LabeledArray.of(np.asarray([-1], np.int32), step=[0])
    result = replace(made.scores(trace, 0, token=token), explained=none)
    assert other_keys({request_for(result).key: result}, Traces([trace])) == {}


@pytest.mark.parametrize("target", [tb.Target(0, against=10), tb.Target(0, token=3, against=" Rome")])
def test_the_bench_says_what_came_of_a_question_however_it_is_named(target):
    trace = made.trace()
    first, other = made.scores(trace, 0), made.scores(trace, 0, seed=3, against=" Rome")
    bench = tb.Workbench([trace, first, other])
    bench.arrangement = {**bench.arrangement, "hidden": ["token_scores-2"]}
    view = bench.views[1]
    view.request = request_for(other)
    said, proved = bench.summary(0), bench.checks
    assert "leads" in said
    view.request = replace(view.request, target=target)
    assert bench.summary(0) == said
    assert bench.checks == proved


def test_an_answer_that_does_not_say_what_it_explained_at_its_step_has_one_name():
    trace = made.trace()
    elsewhere = LabeledArray.of(np.asarray([3], np.int32), step=[1])
    result = replace(made.scores(trace, 0), explained=elsewhere)
    assert other_keys({request_for(result).key: result}, Traces([trace])) == {}
