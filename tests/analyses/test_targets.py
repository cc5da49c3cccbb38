"""The token ids of a target, on the demo model's vocabulary."""

import pytest

import tracebench as tb
from tracebench.analyses.targets import target_ids


@pytest.fixture(scope="module")
def lm(demo_lm):
    return demo_lm


@pytest.fixture(scope="module")
def trace(lm):
    return lm.generate("The Eiffel Tower is located in the city of", max_new_tokens=2)


def test_a_target_without_a_token_means_the_realised_one(lm, trace):
    assert target_ids(lm, trace, tb.Target(1)) == (trace.token_at(1).id, None)


def test_text_and_id_name_the_same_token(lm, trace):
    paris, rome = lm.token_id(" Paris"), lm.token_id(" Rome")
    assert target_ids(lm, trace, tb.Target(0, " Paris", " Rome")) == (paris, rome)
    assert target_ids(lm, trace, tb.Target(0, paris, rome)) == (paris, rome)


def test_entropy_names_no_token(lm, trace):
    assert target_ids(lm, trace, tb.Target(0, of="entropy")) == (None, None)


@pytest.mark.parametrize(
    ("target", "error", "sentence"),
    [
        (
            tb.Target(0, " Eiffel"),
            ValueError,
            r"' Eiffel' is not one token of this vocabulary; it is “·E” \(\d+\) \+ “iffel”",
        ),
        (tb.Target(0, "Paris", " Paris in"), ValueError, "' Paris in' is not one token"),
        (tb.Target(0, 10**6), ValueError, r"token id 1000000 is not in the vocabulary \(0 to \d+\)"),
        (tb.Target(7), IndexError, "step 7 is not there; the steps are 0 to 1"),
        (tb.Target(0, against=" Paris"), ValueError, "“·Paris” is compared with itself"),
        (tb.Target(None), ValueError, "every step"),
    ],
)
def test_a_target_with_an_unknown_token_or_step_is_refused(lm, trace, target, error, sentence):
    with pytest.raises(error, match=sentence):
        target_ids(lm, trace, target)
