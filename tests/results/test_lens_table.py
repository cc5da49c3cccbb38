"""A lens table is read by text, by id, or as a data frame."""

from dataclasses import replace

import numpy as np
import pytest

from tests import made
from tracebench.record.tokens import Vocabulary

TRACE = made.trace()
LENS = made.lens(TRACE, watch=(10, 4, 5))


def leader(position):
    return LENS.token_ids.sel(layer=2, token=position, rank=0)


def test_a_token_is_given_by_text_or_id():
    for position in range(8):
        text = made.VOCABULARY[leader(position)].decode("utf-8", "ignore")
        layer = LENS.answer_layer(position)
        assert layer == LENS.answer_layer(np.int64(position), np.int32(leader(position)))
        if text:
            assert layer == LENS.answer_layer(position, text)


def test_a_token_that_is_not_the_last_top_choice_has_no_layer():
    other = next(i for i in made.VOCABULARY if i != leader(2))
    assert LENS.answer_layer(2, other) is None


def test_a_text_that_the_lens_lacks_raises_a_sentence():
    with pytest.raises(
        ValueError, match=r"this lens has no token ' Oslo': it holds the top 3 of every row .* its id\.$"
    ):
        LENS.answer_layer(2, " Oslo")
    with pytest.raises(ValueError, match="Try ' Paris', with its space"):
        LENS.answer_layer(2, "Paris")


@pytest.mark.parametrize("wrong", [True, 1.0, -1, b"The", [1]])
def test_a_value_that_is_not_a_token_raises_a_sentence(wrong):
    with pytest.raises(ValueError, match=r"a token is exact text .* or a vocabulary id .*, got"):
        LENS.answer_layer(2, wrong)


@pytest.mark.parametrize("wrong", [True, 1.0, 99, "2"])
def test_a_missing_position_raises_a_sentence(wrong):
    with pytest.raises(KeyError, match=r"token=.* is not there; this axis has 0, 1"):
        LENS.answer_layer(wrong)


def test_the_frame_holds_every_number_of_the_table():
    frame = LENS.to_pandas()
    assert list(frame.columns) == [
        *("layer", "token", "token_id", "text", "rank", "candidate_token_id", "candidate_text", "prob"),
        *("final_token_id", "final_text", "final_prob", "entropy", "kl", "realised_prob"),
        *(f"watched_{token_id}" for token_id in LENS.watched.coords("watched")),
    ]
    assert len(frame) == 4 * 8 * 3
    row = frame[(frame.layer == 0) & (frame.token == 4) & (frame["rank"] == 1)].iloc[0]
    assert (row.token_id, row.text) == (TRACE.tokens.ids[4], TRACE.tokens.texts[4])
    here, last = (LENS.token_ids.sel(layer=layer, token=4, rank=1) for layer in (0, 2))
    assert (row.candidate_token_id, row.candidate_text) == (here, LENS.vocabulary.text(here))
    assert (row.final_token_id, row.final_text) == (last, LENS.vocabulary.text(last))
    assert row.final_prob == LENS.final_probs.sel(layer=0, token=4, rank=1)
    assert row.realised_prob == LENS.realised.sel(layer=0, token=4)
    assert row["watched_10"] == LENS.watched.sel(layer=0, token=4, watched=10)
    assert row["watched_4"] == LENS.watched.sel(layer=0, token=4, watched=4)
    assert frame[frame.token == 7].realised_prob.isna().all()


def test_two_watched_tokens_with_the_same_text_are_two_columns():
    alike = Vocabulary({**made.VOCABULARY, 4: b" Rome"})
    assert list(replace(LENS, vocabulary=alike).to_pandas().columns)[-3:-1] == ["watched_10", "watched_4"]


def test_a_lens_without_watched_tokens_has_a_frame():
    assert list(made.lens(TRACE, watch=()).to_pandas().columns)[-1] == "realised_prob"
