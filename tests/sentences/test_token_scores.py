"""What speaks for a decision, in a sentence that is made of the numbers and says how far they can be trusted."""

import re
from dataclasses import replace

import numpy as np
import pytest

import tracebench as tb
from tests import made
from tracebench.record.arrays import LabeledArray
from tracebench.sentences.token_scores import attributed
from tracebench.sentences.words import as_text, equals, signed


def scored(values, *, step=0, value=3.2, method="IntegratedGradients(n_steps=64)", checks=None, **target):
    """Scores that are given, of a text of three tokens at step 0: The, city, of."""
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
    return as_text(attributed(trace, result, result.steps[0]))


def test_it_says_who_leads_by_how_much_and_who_pushed():
    assert sentence([1.9, -0.3, 0.8], against=" Rome") == (
        "“·Paris” leads “·Rome” by 3.20 logits; “The” (+1.90, 63 % of all scores by size) and “·of” (+0.80, 27 %) "
        "speak for it most, “·city” (−0.30, 10 %) against. By integrated gradients, 64 points; its check holds."
    )


def test_points_that_follow_the_path_are_said():
    method = "IntegratedGradients(n_steps=96, quadrature='{}')"
    assert ". By integrated gradients, 96 adaptive points; " in sentence([1, 2, 3], method=method.format("adaptive"))
    assert ". By integrated gradients, 96 points; " in sentence([1, 2, 3], method=method.format("gauss-legendre"))


def test_who_trails_is_said_to_trail():
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
def test_one_sided_scores_are_said_as_they_are(values, said):
    assert said in sentence(values)


def test_other_numbers_than_logits():
    assert sentence([1, 2, 3], value=-0.35, of="log_prob").startswith("The log-probability of “·Paris” is −0.35 nats; ")
    assert sentence([0.1, 0.2, 0.3], value=0.702, of="prob").startswith("The probability of “·Paris” is 0.702; ")
    assert "(probability)" in sentence([0.1, 0.2, 0.3], value=0.4, of="prob", against=" Rome")
    entropy = sentence([1, -2, 3], value=1.81, of="entropy")
    assert entropy.startswith("The entropy is 1.81 nats; “·of” (+3.00, ")
    assert "make it less sure most, “·city” (−2.00, 33 %) surer." in entropy


def test_a_check_that_does_not_hold_is_said():
    amber = tb.Check("completeness", "measure", 0.28, 0.05, "They add up.", "of the difference")
    broken = tb.Check("own embeddings put in", "identity", float("nan"), 0.0, "Nothing changes.")
    said = sentence([1, 2, 3], checks=(amber, broken))
    assert "; the scores do not add up: 28 % is missing (limit 5 %), so take them with care: “" in said
    assert said.endswith(
        "; but “own embeddings put in” is BROKEN, so these numbers are not to be trusted (unknown, limit 0)."
    )
    assert sentence([1, 2, 3], checks=(amber,)).endswith("64 points.")
    held = tb.Check("score as recorded", "measure", 0.0, 1e-5, "It is the same.")
    assert sentence([1, 2, 3], checks=(amber, held)).endswith("64 points; its other check holds.")
    assert sentence([1, 2, 3], checks=(amber, held, held)).endswith("64 points; its other checks hold.")
    unknown = tb.Check("completeness", "measure", float("nan"), 0.05, "They add up.", "of the difference")
    assert "; the scores do not add up, so take them with care: " in sentence([1, 2, 3], checks=(unknown,))
    assert sentence([1, 2, 3], checks=()).endswith("which carries no checks.")


def test_the_method_is_named():
    assert "By input × gradient; its" in sentence([1, 2, 3], method="InputXGradient()")


def test_tokens_that_are_there_twice_have_their_position():
    trace = made.trace(0, 1, 0, 3, 7)
    result = made.scores(trace, 0)
    told = as_text(attributed(trace, result, 0))
    assert len(re.findall(r"“The” \([^)]*, position [02]\)", told)) >= 1


def test_a_step_that_was_not_explained_is_a_sentence():
    trace, result = scored([1, 2, 3])
    with pytest.raises(KeyError, match="step 3 is not among the 1 that were explained"):
        attributed(trace, result, 3)


def test_numbers_have_the_digits_of_the_largest():
    assert [signed(x, 2.33) for x in (2.328, -0.151, 0.004, 0.0)] == ["+2.33", "−0.15", "+0.00", "0.00"]
    assert signed(0.00984, 0.00984) == "+0.0098"


def test_a_small_number_that_stands_alone_is_no_zero():
    assert signed(-2.4e-7, 2.4e-7) == "−2e−7"
    assert sentence([1, 2, 3], value=-1e-7, of="log_prob").startswith("The log-probability of “·Paris” is −1e−7 nats; ")


def test_who_leads_by_no_number_is_not_said_to_trail():
    said = sentence([1, 2, 3], value=float("nan"), against=" Rome")
    assert said.startswith("By how much “·Paris” leads “·Rome” is not known (logit); ")


def test_a_probability_that_reads_as_one_is_a_sentence_too():
    assert equals(0.702) == "= 0.702"
    assert equals(1 - 1e-7) == "> 0.999"
    assert equals(1.0) == "= 1.000"
