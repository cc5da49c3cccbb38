"""The logit lens as an analysis: its parameters, errors, interrupts and requests."""

import pytest

import tracebench as tb
from tests import tiny
from tests.unchanged import unchanged
from tracebench.analyses.base import run
from tracebench.models.watch import unembedding
from tracebench.requests.request import Request
from tracebench.runtime.progress import Cancelled, listening

PROMPT = "The Eiffel Tower"


@pytest.fixture(scope="module")
def lm():
    return tiny.lm()


@pytest.fixture(scope="module")
def trace(lm):
    return lm.generate(PROMPT, max_new_tokens=4)


# --- parameters and errors ------------------------------------------------------------------------------------------


@pytest.mark.parametrize("top", [0, -1, 1.0, True, "5", None])
def test_top_is_a_whole_number(top):
    with pytest.raises(ValueError, match="top is a whole number from 1, got"):
        tb.LogitLens(top=top)


@pytest.mark.parametrize("watch", [(1.5,), (None,), (True,), ([5],)])
def test_watch_takes_texts_and_ids_only(watch):
    with pytest.raises(TypeError, match="watch holds tokens as exact text"):
        tb.LogitLens(watch=watch)


def test_one_watched_token_needs_no_tuple():
    assert tb.LogitLens(watch=" tower").watch == (" tower",)
    assert tb.LogitLens(watch=7).watch == (7,)
    assert tb.LogitLens(watch=[7, "x"]).watch == (7, "x")


def test_a_watched_text_that_is_several_tokens_says_which(lm, trace):
    with pytest.raises(ValueError, match="' Paris' is not one token of this vocabulary; it is “·”") as failure:
        tb.LogitLens(watch=(" Paris",))(lm, trace)
    assert all(f"({i})" in str(failure.value) for i in lm.encode(" Paris"))


def test_a_token_watched_twice_is_watched_once(lm, trace):
    table = tb.LogitLens(watch=(" tower", lm.token_id(" tower"), 7))(lm, trace)
    assert table.watched.coords("watched") == (lm.token_id(" tower"), 7)


def test_a_trace_of_another_model_with_the_same_vocabulary_fails_a_check(trace):
    table = tb.LogitLens()(tiny.lm(seed=1), trace)
    states = {check.name: check.state for check in table.checks}
    assert states.pop("scores as recorded") == "amber"
    assert set(states.values()) == {"holds"}


@pytest.mark.parametrize(
    ("where", "sentence"),
    [
        ("model.layers.1.mlp.down_proj", "the stream after block 1 is the first that has NaN or infinity"),
        ("model.layers.0.mlp.down_proj", "the stream after block 0 is the first that has NaN or infinity"),
        ("model.embed_tokens", "the stream that feeds block 0 is the first that has NaN or infinity"),
        ("model.norm", "reads as NaN or infinity"),
        ("lm_head", "reads as NaN or infinity"),
    ],
)
def test_the_first_layer_with_nan_is_named(where, sentence):
    lm = tiny.lm(tie_word_embeddings=False)
    trace = lm.read([5, 6, 7])
    lm.model.get_submodule(where).weight.data.fill_(float("nan"))
    with pytest.raises(ValueError, match=sentence):
        tb.LogitLens()(lm, trace)


# --- interrupts -----------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("failure", [Cancelled, KeyboardInterrupt])
@pytest.mark.parametrize("at", [1, 2, 3])
def test_it_stops_between_layers(lm, trace, failure, at, monkeypatch):
    monkeypatch.setattr(unembedding, "ROWS", 1)
    ticks = []

    def stop(*tick):
        ticks.append(tick)
        if len(ticks) == at:
            raise failure

    with unchanged(lm.model), listening(stop), pytest.raises(failure):
        tb.LogitLens()(lm, trace)
    assert len(ticks) == at
    assert tb.LogitLens()(lm, trace).trace == trace.hash


@pytest.mark.parametrize("layer", [0, 1])
def test_an_interrupt_inside_the_model_leaves_no_hook(lm, trace, layer):
    def interrupt(*_):
        raise KeyboardInterrupt

    handle = lm.model.model.layers[layer].mlp.register_forward_hook(interrupt)
    try:
        with unchanged(lm.model), pytest.raises(KeyboardInterrupt):
            tb.LogitLens()(lm, trace)
    finally:
        handle.remove()


# --- as a request ---------------------------------------------------------------------------------------------------


def test_an_unknown_analysis_is_an_error_that_lists_the_known(lm, trace):
    with pytest.raises(LookupError, match="LogitLens"):
        run(Request("Nothing", {}, (trace.hash,)), lm, [trace])
