import numpy as np
import pytest

from tests import made
from tracebench.record.target import Target
from tracebench.record.trace import Trace


def test_position_is_the_row_that_predicts_the_step():
    trace = made.trace(prompt_length=3)
    assert trace.position(0) == 2
    assert trace.token_at(0) == trace.tokens[3]
    assert trace.position(trace.steps[-1]) == len(trace.tokens) - 2


def test_a_missing_step_raises_a_sentence():
    with pytest.raises(IndexError, match=r"step 9 is not there; the steps are 0 to 4"):
        made.trace().position(9)


@pytest.mark.parametrize("ask", ["position", "token_at", "chosen_rank", "check_step"])
def test_a_step_is_a_whole_number_of_any_type_and_nothing_else(ask):
    trace = made.trace()
    assert getattr(trace, ask)(np.int64(1)) == getattr(trace, ask)(1)
    assert type(trace.position(np.int64(1))) is int
    for wrong in (True, 1.0, "1", None):
        with pytest.raises(TypeError, match=r"a step is a whole number, got .* \(see trace.steps\)"):
            getattr(trace, ask)(wrong)


def test_a_trace_without_steps_says_so():
    trace = made.trace(0, 1, 2, prompt_length=3)
    assert len(trace.steps) == 0
    with pytest.raises(IndexError, match="every token is prompt"):
        trace.position(0)


def test_candidate_probabilities_add_up_to_1_over_the_vocabulary():
    trace = made.trace(ranks=12)
    np.testing.assert_allclose(trace.candidates.probs.values.sum(-1), 1, atol=1e-5)


def test_the_realised_token_has_the_probability_of_its_rank():
    trace = made.trace(ranks=12)
    for step in trace.steps:
        rank = trace.chosen_rank(step)
        assert trace.candidates.probs.sel(step=step, rank=rank) == pytest.approx(
            trace.candidates.chosen_probs.sel(step=step), rel=1e-5
        )


def test_a_token_past_the_recorded_ranks_has_no_rank():
    trace = made.trace(ranks=1)
    assert None in [trace.chosen_rank(step) for step in trace.steps]


def test_the_hash_follows_the_content():
    assert made.trace().hash == made.trace().hash
    assert made.trace().hash != made.trace(seed=1).hash
    assert made.trace(prompt_length=3).hash != made.trace(prompt_length=4).hash


def test_a_prompt_has_at_least_one_token():
    trace = made.trace()
    with pytest.raises(ValueError, match="prompt_length is 0, expected 1 to 8"):
        Trace(trace.tokens, 0, trace.candidates, trace.provenance)


def test_counts_agree_with_their_nouns_in_the_repr():
    assert ": 3 prompt tokens, 5 steps, " in repr(made.trace())
    assert ": 1 prompt token, 1 step, " in repr(made.trace(0, 3, prompt_length=1))


def test_to_pandas_has_one_row_per_step():
    frame = made.trace().to_pandas()
    assert list(frame.columns) == [
        *("step", "query", "token", "token_id", "text", "chosen_prob", "chosen_rank", "entropy")
    ]
    assert frame.text.tolist()[0] == " Paris"
    assert frame.token.tolist() == [3, 4, 5, 6, 7]
    assert frame["query"].tolist() == [2, 3, 4, 5, 6]


def test_to_pandas_lists_the_most_likely_tokens_of_each_step():
    trace = made.trace()
    frame = trace.to_pandas(candidates=3)
    assert list(frame.columns)[8:] == ["rank", "candidate_token_id", "candidate_text", "prob"]
    assert frame["step"].tolist() == [step for step in trace.steps for _ in range(3)]
    probs, ids = np.asarray(trace.candidates.probs.values), trace.candidates.token_ids
    for row in frame.itertuples():
        assert row.candidate_token_id == ids.sel(step=row.step, rank=row.rank)
        assert row.candidate_text == made.VOCABULARY[row.candidate_token_id].decode("utf-8", "replace")
        assert row.prob == probs[row.step, row.rank]
    assert frame.drop_duplicates("step").iloc[:, :8].reset_index(drop=True).equals(trace.to_pandas())
    assert len(trace.to_pandas(candidates=100)) == len(trace.steps) * 4
    assert len(made.trace(0, prompt_length=1).to_pandas(candidates=3)) == 0
    for wrong in (-1, 1.5, True):
        with pytest.raises(ValueError, match=r"the number of tokens to list per step, 0 or more, got"):
            trace.to_pandas(candidates=wrong)


def test_a_target_is_a_question():
    trace = made.trace()
    assert Target().sentence(trace) == "Why would the model say “·Paris” at step 0?"
    assert Target(0, " Paris", " Rome").sentence(trace) == "Why “·Paris” rather than “·Rome” at step 0?"
    assert Target(0, 10).sentence(trace) == "What speaks for “·Rome” at step 0?"
    assert Target(np.int64(0), np.int64(10)) == Target(0, 10)
    with pytest.raises(IndexError, match="step 9"):
        Target(9).sentence(trace)


def test_a_target_of_several_tokens_lists_them():
    trace = made.trace()
    assert Target(0, " city of").sentence(trace) == (
        "What speaks for “·city·of” (2 tokens in this text: “·city”, “·of”) at step 0?"
    )
    # The vocabulary of the model may still hold "ity" as a token.
    assert Target(0, " Paris", against="ity").sentence(trace) == (
        "Why “·Paris” rather than “ity” (in this text a part of “·city”) at step 0?"
    )
    assert Target(0, " Berlin").sentence(trace) == ("What speaks for “·Berlin” (not in this record) at step 0?")


@pytest.mark.parametrize(
    ("bad", "error", "sentence"),
    [
        ({"of": "odds"}, ValueError, "of='odds'"),
        ({"token": 1.5}, TypeError, "exact text"),
        ({"step": "2"}, TypeError, "whole number"),
        ({"of": "entropy", "token": 3}, ValueError, "belongs to no token"),
        ({"token": ""}, ValueError, "not empty"),
        ({"against": -1}, ValueError, "id from 0, got -1"),
        ({"token": True}, TypeError, "got True"),
        ({"token": " Rome", "against": " Rome"}, ValueError, "compared with itself"),
    ],
)
def test_an_invalid_target_raises_a_sentence(bad, error, sentence):
    with pytest.raises(error, match=sentence):
        Target(**bad)
