"""The replay, one pass over the whole text: what its check proves, and when it differs from the generation."""

import math

import pytest
import torch

import tracebench as tb
from tests import tiny
from tests.unchanged import unchanged
from tracebench.models.layout.family import run
from tracebench.models.numerics import SAME_TEXT
from tracebench.models.replayable import replay_obstacle

WINDOW = tiny.LONGROPE_WINDOW
DYNAMIC = {"rope_type": "dynamic", "factor": 4.0, "rope_theta": 1e4}
#: Positions depend on the length of the whole input, once it is longer than the window.
LENGTH_DEPENDENT = [{"rope_parameters": tiny.LONGROPE}, {"rope_parameters": DYNAMIC, "max_position_embeddings": WINDOW}]


@pytest.fixture(params=["llama", "phi3 longrope"])
def longrope(request):
    # phi3 also throws its cache away where the window ends.
    return tiny.lm(request.param, rope_parameters=tiny.LONGROPE)


def test_within_the_window_replay_is_a_number(longrope):
    (check,) = longrope.generate([5, 6, 7], max_new_tokens=8).checks
    assert check.state == "holds"


def test_past_the_window_replay_is_not_known_and_internals_are_refused(longrope):
    trace = longrope.generate([5, 6, 7], max_new_tokens=30)
    (check,) = trace.checks
    assert check.state == "amber"
    assert math.isnan(check.value)
    assert "scales its positions by the length of the input" in check.meaning
    with pytest.raises(
        ValueError, match=rf"past {WINDOW} tokens, so one pass over these 33 tokens differs from their generation"
    ):
        tb.LogitLens()(longrope, trace)
    with pytest.raises(ValueError, match="differs from their generation; use at most 24 tokens"):
        longrope.read(trace.tokens.ids)
    for analysis in (tb.AttentionPatterns(), tb.AttentionRollout(), tb.InputXGradient(), tb.IntegratedGradients()):
        with (
            unchanged(longrope.model),
            pytest.raises(ValueError, match="so one pass over these 33 tokens differs from"),
        ):
            analysis(longrope, trace)


def test_zamba2_replays_in_another_way_than_it_generates_and_that_is_the_floor_under_its_time_steps():
    """transformers holds the time steps of mamba2 at `time_step_min` in a pass over many tokens, and not in a cached step."""

    def replayed(floor):
        lm = tiny.lm("zamba2")
        for mixer in (module for module in lm.model.modules() if hasattr(module, "time_step_limit")):
            assert mixer.time_step_limit[0] == 0.001
            if not floor:
                mixer.time_step_limit = (0.0, mixer.time_step_limit[1])
        (check,) = lm.generate("The Eiffel Tower", max_new_tokens=8).checks
        return check

    assert replayed(floor=True).state == "amber"
    assert replayed(floor=False).state == "holds"


@pytest.mark.parametrize("settings", LENGTH_DEPENDENT)
def test_it_is_true_that_the_length_of_the_input_matters_there(settings):
    lm = tiny.lm(**settings)
    assert replay_obstacle(lm, WINDOW) is None
    assert "differs from their generation" in replay_obstacle(lm, WINDOW + 1)
    ids = torch.tensor([[5 + n for n in range(2 * WINDOW)]])
    with lm.running():
        within = run(lm.model, ids[:, :8])[0]
        assert torch.allclose(run(lm.model, ids[:, :WINDOW])[0, :8], within, atol=1e-4)
        assert not torch.allclose(run(lm.model, ids)[0, :8], within, atol=1e-2)


@pytest.mark.parametrize("kind", ["linear", "llama3", "yarn"])
def test_scales_that_do_not_depend_on_the_length_are_no_obstacle(kind):
    extra = {"low_freq_factor": 1.0, "high_freq_factor": 4.0} if kind == "llama3" else {}
    rope = {"rope_type": kind, "factor": 8.0, "rope_theta": 1e4, **extra}
    if kind != "linear":
        rope["original_max_position_embeddings"] = WINDOW
    lm = tiny.lm(rope_parameters=rope)
    assert replay_obstacle(lm, 100) is None
    (check,) = lm.generate([5, 6, 7], max_new_tokens=30).checks
    assert check.state == "holds"


@pytest.mark.parametrize(
    ("family", "dtype", "limit"),
    [
        ("llama", torch.float64, 1e-12),
        ("llama", torch.bfloat16, 2 * 2**-7),
        ("gemma2", torch.bfloat16, 2 * 2**-7),
        ("gpt_oss", torch.bfloat16, 2 * 2**-7),
        ("mamba", torch.bfloat16, 2 * 2**-7),
    ],
)
def test_the_limit_is_that_of_the_models_type(family, dtype, limit):
    (check,) = tiny.lm(family, dtype=dtype).generate([5, 6, 7], max_new_tokens=8).checks
    assert (check.limit, check.state) == (limit, "holds")


def test_a_trace_without_steps_has_nothing_to_replay():
    lm = tiny.lm()
    trace = lm.read([5])
    assert lm.replay(trace) is trace


def test_replaying_again_replaces_the_check():
    lm = tiny.lm()
    trace = lm.generate([5, 6], max_new_tokens=3)
    again = lm.replay(lm.replay(trace))
    assert [check.name for check in again.checks] == ["replay"]
    assert again.hash == trace.hash


def test_the_limit_is_that_of_the_coarsest_type_that_takes_part():
    """A float32 head on bfloat16 blocks gives float32 logits, and they are no better than the blocks."""
    lm = tiny.lm("llama", dtype=torch.bfloat16)
    head = lm.model.lm_head.float()
    head.register_forward_pre_hook(lambda _module, args: (args[0].float(),))
    lm.refresh()
    assert lm.layout.readout(torch.zeros(1, 1, lm.text_config.hidden_size)).dtype == torch.float32
    trace = lm.generate("The tower", max_new_tokens=3)
    assert [check.limit for check in trace.checks] == [SAME_TEXT[torch.bfloat16]]
