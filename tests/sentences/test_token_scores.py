"""The sentence of token scores states its numbers, and warns if a check does not hold."""

import re
from dataclasses import replace

import numpy as np
import pytest

import tracebench as tb
from tests import made
from tracebench.record.arrays import LabeledArray
from tracebench.sentences.token_scores import scores_sentence
from tracebench.sentences.words import as_text, equals, signed


def scored(values, *, step=0, value=3.2, method="IntegratedGradients(n_steps=64)", checks=None, **target):
    """A trace, and scores with these values at step 0, where the text is: The, city, of."""
    trace = made.trace()
    row = np.full(len(trace.tokens), np.nan, np.float32)
    row[: len(values)] = values
    result = made.scores(trace, step, checks=checks, **target)
    return trace, replace(
        result,
        scores=LabeledArray.of(row, token=range(len(row))),
        values=LabeledArray.of(np.asarray([value], np.float32), step=(step,)),
        method=method,
    )


def sentence(*args, **how):
    trace, result = scored(*args, **how)
    return as_text(scores_sentence(trace, result, result.steps[0]))


def test_it_says_which_token_leads_by_how_much_and_which_tokens_speak_for_it():
    assert sentence([1.9, -0.3, 0.8], against=" Rome") == (
        "“·Paris” leads “·Rome” by 3.20 logits; “The” (+1.90, 63 % of all scores by size) and “·of” (+0.80, 27 %) "
        "speak for it most, “·city” (−0.30, 10 %) against. By integrated gradients, 64 points; its check holds."
    )


def test_adaptive_points_are_mentioned():
    method = "IntegratedGradients(n_steps=96, quadrature='{}')"
    assert ". By integrated gradients, 96 adaptive points; " in sentence([1, 2, 3], method=method.format("adaptive"))
    assert ". By integrated gradients, 96 points; " in sentence([1, 2, 3], method=method.format("gauss-legendre"))


def test_a_token_with_a_lower_logit_trails():
    assert sentence([1, -4, 1], value=-2, against=" Rome", of="log_prob").startswith(
        "“·Paris” trails “·Rome” by 2.00 nats (log-probability); "
    )
    assert "“·Paris” and “·Rome” are level (logit)" in sentence([1, 2, 3], value=0, against=" Rome")


@pytest.mark.parametrize(
    ("values", "said"),
    [
        ([1, 2, 3], "speak for it most, none against."),
        ([0, 2, 0], "“·city” (+2.00, 100 % of all scores by size) speaks for it most, none against."),
        ([-1, -2, -3], "“·of” (−3.00, 50 % of all scores by size) speaks against it most, none for it."),
        ([0, 0, 0], "no token scores anything."),
    ],
)
def test_a_sentence_says_that_no_token_is_for_or_against(values, said):
    assert said in sentence(values)


def test_other_numbers_than_logits_have_their_units():
    assert sentence([1, 2, 3], value=-0.35, of="log_prob").startswith("The log-probability of “·Paris” is −0.35 nats; ")
    assert sentence([0.1, 0.2, 0.3], value=0.702, of="prob").startswith("The probability of “·Paris” is 0.702; ")
    assert "(probability)" in sentence([0.1, 0.2, 0.3], value=0.4, of="prob", against=" Rome")
    entropy = sentence([1, -2, 3], value=1.81, of="entropy")
    assert entropy.startswith("The entropy is 1.81 nats; “·of” (+3.00, ")
    assert "make it less sure most, “·city” (−2.00, 33 %) surer." in entropy


def test_the_sentence_warns_of_a_check_that_does_not_hold():
    amber = tb.Check("completeness", "measure", 0.28, 0.05, "They add up.", "of the difference")
    broken = tb.Check("own embeddings put in", "identity", float("nan"), 0.0, "Nothing changes.")
    said = sentence([1, 2, 3], checks=(amber, broken))
    assert "; the scores do not add up: 28 % is missing (limit 5 %), so take them with care: “" in said
    assert said.endswith("; but “own embeddings put in” is BROKEN, so do not trust these numbers (unknown, limit 0).")
    assert sentence([1, 2, 3], checks=(amber,)).endswith("64 points.")
    held = tb.Check("score as recorded", "measure", 0.0, 1e-5, "It is the same.")
    assert sentence([1, 2, 3], checks=(amber, held)).endswith("64 points; its other check holds.")
    assert sentence([1, 2, 3], checks=(amber, held, held)).endswith("64 points; its other checks hold.")
    unknown = tb.Check("completeness", "measure", float("nan"), 0.05, "They add up.", "of the difference")
    assert "; the scores do not add up, so take them with care: " in sentence([1, 2, 3], checks=(unknown,))
    assert sentence([1, 2, 3], checks=()).endswith("which carries no checks.")


def test_the_method_is_named():
    assert "By input × gradient; its" in sentence([1, 2, 3], method="InputXGradient()")


def test_a_token_that_occurs_twice_has_its_position():
    trace = made.trace(0, 1, 0, 3, 7)
    result = made.scores(trace, 0)
    text = as_text(scores_sentence(trace, result, 0))
    assert len(re.findall(r"“The” \([^)]*, position [02]\)", text)) >= 1


def test_a_step_that_was_not_explained_raises_a_sentence():
    trace, result = scored([1, 2, 3])
    with pytest.raises(KeyError, match="step 3 was not explained; these scores explain 1 step"):
        scores_sentence(trace, result, 3)


def test_all_scores_have_as_many_digits_as_the_largest_needs():
    assert [signed(x, 2.33) for x in (2.328, -0.151, 0.004, 0.0)] == ["+2.33", "−0.15", "+0.00", "0.00"]
    assert signed(0.00984, 0.00984) == "+0.0098"


def test_a_small_number_alone_is_not_written_as_zero():
    assert signed(-2.4e-7, 2.4e-7) == "−2e−7"
    assert sentence([1, 2, 3], value=-1e-7, of="log_prob").startswith("The log-probability of “·Paris” is −1e−7 nats; ")


def test_an_unknown_lead_is_not_a_trail():
    said = sentence([1, 2, 3], value=float("nan"), against=" Rome")
    assert said.startswith("By how much “·Paris” leads “·Rome” is not known (logit); ")


def test_only_a_probability_of_1_is_written_as_1():
    assert equals(0.702) == "= 0.702"
    assert equals(1 - 1e-7) == "> 0.999"
    assert equals(1.0) == "= 1.000"
