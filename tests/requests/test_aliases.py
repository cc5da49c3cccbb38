"""A result is found under every name of its tokens."""

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

#: In the made trace, the generated token of step 0 is " Paris", id 3; " Rome" is 10.
PARIS = (None, 3, " Paris")
ROME = (10, " Rome")


def asked(trace, token, against):
    return request_for(made.scores(trace, 0, token=token, against=against))


@pytest.mark.parametrize(("token", "against"), list(itertools.product(PARIS, ROME)))
def test_text_id_and_none_name_the_same_token(token, against):
    trace = made.trace()
    result = made.scores(trace, 0, token=token, against=against)
    stored = Stored([result], [trace])
    for other in itertools.product(PARIS, ROME):
        assert ask(stored, asked(trace, *other)) == ("answer", result)
    assert ask(stored, asked(trace, None, 2))[0] == "error"
    assert ask(stored, asked(trace, 10, 3))[0] == "error"
    assert list(stored.known()) == [request_for(result).key]


def test_the_aliases_of_a_result_are_cached(monkeypatch):
    """A bench looks them up at every step, and may have hundreds of answers."""
    trace, another = made.trace(), made.trace()
    result = made.scores(trace, 0, against=" Rome")
    known = {request_for(result).key: result}
    found = other_keys(known, Traces([trace]))
    made_anew = []
    names = names_module._equal_targets
    monkeypatch.setattr(names_module, "_equal_targets", lambda *about: made_anew.append(1) or names(*about))
    assert other_keys(known, Traces([trace])) == found
    assert made_anew == []
    # The aliases depend on the trace.
    assert other_keys(known, Traces([another])) == found
    assert made_anew == [1]


def test_an_alias_never_hides_the_key_of_another_result():
    trace = made.trace()
    known = {request_for(r).key: r for r in (made.scores(trace, 0, against=10), made.scores(trace, 0, against=" Rome"))}
    assert not other_keys(known, Traces([trace])).keys() & known.keys()


def test_a_text_of_two_tokens_names_neither():
    """Without a tokenizer we cannot tell which of the two it means."""
    trace = made.trace(0, 1, 2, 7, 4, 5, 7, 6)
    twice = type(trace.candidates.vocabulary)({**made.VOCABULARY, 12: b" Rome"}, made.SPECIAL)
    object.__setattr__(trace.candidates, "vocabulary", twice)
    result = made.scores(trace, 0, against=10)
    assert not any('"against":" Rome"' in key for key in other_keys({request_for(result).key: result}, Traces([trace])))


def test_a_single_byte_is_not_named_by_its_text():
    """It may be a byte token. The vocabulary may have another token with that text, which the record lacks."""
    trace = made.trace()
    result = made.scores(trace, 0, against=7)
    keys = other_keys({request_for(result).key: result}, Traces([trace]))
    assert keys
    assert not any(r'"against":"\n"' in key for key in keys)
    assert any(r'"against":7' in key for key in keys)


def test_entropy_all_steps_and_other_kinds_have_no_aliases():
    trace = made.trace()
    for result in (made.scores(trace, 0, of="entropy"), made.scores(trace, None), made.lens(trace)):
        assert other_keys({request_for(result).key: result}, Traces([trace])) == {}


def test_a_page_holds_the_aliases(tmp_path):
    trace = made.trace()
    result = made.scores(trace, 0, against=" Rome")
    state, _ = state_of(tb.Workbench([trace, result]).save(tmp_path / "a.html").read_text("utf-8"))
    own = request_for(result).key
    assert state["baked"][asked(trace, 3, 10).key] == {"$same": own}
    assert state["baked"][own]["kind"] == "token_scores"
    assert len(state["baked"]) == len(PARIS) * len(ROME)


def test_an_ambiguous_token_has_no_id_as_alias():
    """We cannot tell which of the two tokens " Rome" was meant, so the result is found only as it was asked."""
    trace = made.trace()
    twice = Vocabulary({3: b" Rome", 10: b" Rome"})
    result = replace(made.scores(trace, 0, against=" Rome"), vocabulary=twice)
    others = other_keys({request_for(result).key: result}, Traces([trace]))
    assert not any('"against":3' in key or '"against":10' in key for key in others)


@pytest.mark.parametrize("token", [None, " Paris"])
def test_a_result_without_an_explained_token_has_no_aliases(token):
    """The method of a third party may give no token."""
    trace = made.trace()
    none = LabeledArray.of(np.asarray([-1], np.int32), step=[0])
    result = replace(made.scores(trace, 0, token=token), explained=none)
    assert other_keys({request_for(result).key: result}, Traces([trace])) == {}


@pytest.mark.parametrize("target", [tb.Target(0, against=10), tb.Target(0, token=3, against=" Rome")])
def test_the_summary_of_a_bench_finds_a_result_under_its_aliases(target):
    trace = made.trace()
    first, other = made.scores(trace, 0), made.scores(trace, 0, seed=3, against=" Rome")
    bench = tb.Workbench([trace, first, other])
    bench.arrangement = {**bench.arrangement, "hidden": ["token_scores-2"]}
    view = bench.views[1]
    view.request = request_for(other)
    summary, checks = bench.summary(0), bench.checks
    assert "leads" in summary
    view.request = replace(view.request, target=target)
    assert bench.summary(0) == summary
    assert bench.checks == checks


def test_a_result_without_the_token_of_its_step_has_no_aliases():
    trace = made.trace()
    elsewhere = LabeledArray.of(np.asarray([3], np.int32), step=[1])
    result = replace(made.scores(trace, 0), explained=elsewhere)
    assert other_keys({request_for(result).key: result}, Traces([trace])) == {}
