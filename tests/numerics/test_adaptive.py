"""Adaptive quadrature: exact on lines and parabolas, close where the number jumps, and no more passes than points."""

from itertools import pairwise

import numpy as np
import pytest
import torch

import tracebench as tb
from tests import tiny
from tests.unchanged import unchanged
from tracebench.analyses.attribution.adaptive import walk
from tracebench.analyses.attribution.baseline import baseline_embeddings
from tracebench.analyses.attribution.decision import Decision
from tracebench.runtime.progress import Cancelled, listening

TEXT = "The Eiffel Tower is a wrought-iron"
QUESTION = [{"role": "user", "content": "What is the capital of France?"}]


def adaptive(n_steps, **settings):
    return tb.IntegratedGradients(n_steps=n_steps, quadrature="adaptive", **settings)


def measure(result, name="completeness"):
    return next(check.value for check in result.checks if check.name == name)


def path(number, *slopes):
    """An evaluator of a path with this number and these slopes, and the list of the points that it evaluated."""
    evaluated = []

    def evaluate(at):
        evaluated.extend(at.tolist())
        return number(at), np.stack([slope(at) for slope in slopes], axis=1)

    return evaluate, evaluated


@pytest.fixture(scope="module")
def llama():
    return tiny.lm("llama")


@pytest.fixture(scope="module")
def trace(llama):
    return llama.generate(TEXT, max_new_tokens=4)


@pytest.fixture(scope="module")
def steep():
    """A model with nearly one-hot attention, so that its number changes in jumps along the path."""
    model = tiny.model("llama")
    with torch.no_grad():
        for layer in model.model.layers:
            layer.self_attn.q_proj.weight.mul_(30)
    return tb.LanguageModel(model, None)


@pytest.mark.parametrize("n_points", [2, 3, 4, 5, 17, 64, 100])
def test_lines_and_parabolas_are_exact(n_points):
    look, evaluated = path(lambda a: 3 * a**2 - 5 * a + 1, lambda a: 6 * a, lambda a: np.full_like(a, -5))
    seen = walk(look, n_points, 2**-16)
    np.testing.assert_allclose(seen.scores, [3, -5], rtol=1e-12)
    np.testing.assert_allclose(seen.missed, 0, atol=1e-12)
    assert len(evaluated) == len(set(evaluated)) == n_points
    assert (min(evaluated), max(evaluated)) == (0, 1)
    assert sorted(evaluated) == seen.at.tolist()


@pytest.mark.parametrize("where", [0.1, 0.3, 0.303, 0.77])
@pytest.mark.parametrize("steepness", [100, 1000])
def test_a_jump_is_integrated_where_gauss_legendre_misses_it(where, steepness):
    def slope(a):
        return steepness * (1 - np.tanh(steepness * (a - where)) ** 2)

    def number(a):
        return np.tanh(steepness * (a - where))

    difference = number(1.0) - number(0.0)
    nodes, weights = np.polynomial.legendre.leggauss(64)
    gauss_legendre = abs((slope((nodes + 1) / 2) * weights / 2).sum() - difference)
    look, evaluated = path(number, slope)
    missed = abs(walk(look, 64, 2**-16).scores.sum() - difference)
    assert len(evaluated) == 64
    assert missed < 0.02 < gauss_legendre
    assert missed < gauss_legendre / 10


def test_a_narrow_peak_is_integrated_if_a_point_falls_on_it():
    """A peak of width 0.01: fixed points would use the slope on its flank for a long piece."""

    def peak(a):
        return np.exp(-(((a - 0.3) / 0.01) ** 2))

    look, _ = path(peak, lambda a: -2 * (a - 0.3) / 1e-4 * peak(a))
    seen = walk(look, 96, 2**-16)
    assert np.abs(seen.missed).sum() < 0.05 * np.abs(np.diff(seen.numbers)).sum()


@pytest.mark.parametrize("n_points", [64, 256, 1024])
def test_rounding_does_not_count_as_missing(n_points):
    """Between close points, rounded numbers change by their rounding alone, which the slopes do not show."""
    rounding = 2**-7
    look, _ = path(lambda a: np.round(10 * a**2 / rounding / 8) * rounding * 8, lambda a: 20 * a)
    seen = walk(look, n_points, 2**-16, rounding=rounding)
    assert seen.missing_share()[0] < 0.05
    segments = seen.segments()
    assert [segment.start for segment in segments[1:]] == [segment.stop for segment in segments[:-1]]
    assert sum(segment.missed for segment in segments) == pytest.approx(seen.missed.sum())
    # Summed piece by piece, the rounding errors would grow with the number of points.
    assert np.abs(seen.missed).sum() / 10 > (0.05 if n_points == 64 else 0.15)


@pytest.mark.parametrize("n_points", [16, 24])
def test_errors_of_opposite_sign_are_not_hidden_by_rounding(n_points):
    """Two tokens have one large gradient each, of opposite sign; the number changes by little more than its rounding."""

    def peak(at, size):
        return lambda a: np.where(np.isclose(a, at), size, 0.25)

    points = np.linspace(0, 1, n_points // 4)
    look, _ = path(lambda a: 20 + 0.5 * a, peak(points[1], 40), peak(points[2], -40))
    exact, rounded = walk(look, n_points, 2**-16), walk(look, n_points, 2**-16, rounding=2**-7)
    assert exact.missing_share()[0] > 0.5
    # The reported worst part is as narrow as the peaks.
    start, stop = rounded.missing_share()[1]
    assert np.isnan(rounded.missing_share()[0]) or stop - start < 0.5
    assert not rounded.missing_share()[0] < 0.5  # amber: above the limit, or NaN


def test_a_change_within_the_rounding_gives_nan():
    look, _ = path(lambda a: 20 + 0.2 * a, lambda a: np.full_like(a, 0.2))
    assert np.isnan(walk(look, 24, 2**-16, rounding=2**-7).missing_share()[0])
    assert walk(look, 24, 2**-16).missing_share()[0] < 1e-9


def test_a_padding_token_of_zeros_equals_the_zero_baseline():
    model = tiny.model("llama")
    with torch.no_grad():
        model.get_input_embeddings().weight[0] = 0
    lm = tb.LanguageModel(model, tiny.tokenizer())
    assert lm.tokenizer.pad_token_id == 0
    trace = lm.read([5, 6, 7, 8, 9])
    kept = {"keep_first": False, "keep_special": False}
    one, other = (adaptive(64, baseline=name, **kept)(lm, trace, tb.Target(3)) for name in ("pad", "zero"))
    np.testing.assert_array_equal(one.scores.values, other.scores.values)


def test_without_rounding_every_piece_counts():
    look, _ = path(np.sqrt, lambda a: 0.5 / np.sqrt(a + 1e-3))
    seen = walk(look, 20, 2**-16)
    assert [segment.missed for segment in seen.segments()] == seen.missed.tolist()
    assert [segment.change for segment in seen.segments()] == np.diff(seen.numbers).tolist()


def test_an_extreme_slope_at_an_open_start_is_left_out():
    """The norm of a zero vector has such a slope at the first point, and only there."""
    look, _ = path(lambda a: 3 * a, lambda a: np.where(a == 0, 1e12, 3.0))
    assert walk(look, 20, 2**-16, open_start=True).scores == pytest.approx([3])
    assert walk(look, 20, 2**-16).scores[0] > 1e6


def test_a_true_jump_is_not_split_below_the_finest_width():
    look, evaluated = path(lambda a: np.where(a < 0.3, 0.0, 1.0), np.zeros_like)
    seen = walk(look, 200, 2**-8)
    assert len(set(evaluated)) == 200
    assert np.diff(seen.at).min() >= 2**-9
    assert np.abs(seen.missed).sum() == pytest.approx(1)


def test_nan_numbers_do_not_loop_for_ever():
    look, evaluated = path(lambda a: np.full_like(a, np.nan), lambda a: np.full_like(a, np.nan))
    assert len(walk(look, 40, 2**-16).at) == len(evaluated) == 40


def test_it_is_the_trapezoid_rule_piece_by_piece(llama, trace):
    """With torch alone, at the points that the model evaluated."""
    target = tb.Target(1, of="log_prob")
    decision = Decision.at(llama, trace, 1, target)
    base = baseline_embeddings(llama, trace, decision.own, "eos", keep_first=True, keep_special=True)
    there = []

    def note(_module, args):
        if torch.is_grad_enabled():
            there.extend(args[0].detach().unbind())

    handle = llama.model.model.layers[0].register_forward_pre_hook(note)
    found = adaptive(20)(llama, trace, target)
    handle.remove()
    assert len(there) == 20
    points = sorted(there, key=lambda x: float(((x - base) * (decision.own - base)).sum()))
    slopes = []
    for point in points:
        embeds = point[None].clone().requires_grad_()
        (gradient,) = torch.autograd.grad(decision(embeds).sum(), embeds)
        slopes.append(gradient[0])
    expected = sum(
        ((stop - start) * (one + other) / 2).sum(-1)
        for (start, stop), (one, other) in zip(pairwise(points), pairwise(slopes), strict=True)
    ).numpy()
    np.testing.assert_allclose(found.at(1)[: len(expected)], expected, rtol=1e-3, atol=1e-4 * np.abs(expected).max())


@pytest.mark.parametrize(("dtype", "n_steps", "close"), [(torch.float32, 64, 5e-3), (torch.float64, 1024, 1e-5)])
def test_on_a_smooth_path_both_quadratures_agree(dtype, n_steps, close):
    lm = tiny.lm("llama", dtype=dtype)
    trace = lm.read([5, 6, 7, 8, 9])
    one, other = (
        tb.IntegratedGradients(n_steps=n_steps, quadrature=q)(lm, trace, tb.Target(3, of="log_prob"))
        for q in ("gauss-legendre", "adaptive")
    )
    scale = np.nanmax(np.abs(one.scores.values))
    np.testing.assert_allclose(other.scores.values, one.scores.values, rtol=0, atol=close * scale)
    assert [check.state for check in other.checks if "complete" in check.name] == ["holds"] * 2
    assert other.baseline == one.baseline
    np.testing.assert_allclose(other.baseline_values.values, one.baseline_values.values, rtol=1e-6)


def test_more_points_reduce_the_error():
    lm = tiny.lm("llama", dtype=torch.float64)
    trace = lm.read([5, 6, 7, 8, 9])
    gaps = [measure(adaptive(n)(lm, trace, tb.Target(3)), "completeness between points") for n in (4, 16, 64, 256)]
    assert gaps == sorted(gaps, reverse=True)
    assert gaps[-1] < 1e-3


def test_a_model_that_jumps_is_integrated(steep):
    trace = steep.read([5, 300, 7, 8, 250, 9, 40, 41], prompt_length=7)
    target = tb.Target(0, of="log_prob")
    even, found = (
        tb.IntegratedGradients(n_steps=64, baseline="zero", quadrature=q)(steep, trace, target)
        for q in ("gauss-legendre", "adaptive")
    )
    assert measure(found) < measure(even) / 5


def test_it_takes_one_gradient_per_point_and_no_other_pass(llama, trace):
    passes = {True: 0, False: 0}

    def count(_module, args):
        passes[torch.is_grad_enabled()] += len(args[0])

    handle = llama.model.model.layers[0].register_forward_pre_hook(count)
    for n_steps in (2, 3, 17, 64):
        passes.update({True: 0, False: 0})
        adaptive(n_steps)(llama, trace, tb.Target(1))
        assert passes == {True: n_steps, False: 2}  # the two prove the text's own embeddings
    handle.remove()


def test_it_is_deterministic(llama, trace):
    one, other = (adaptive(40)(llama, trace, tb.Target(2)) for _ in range(2))
    np.testing.assert_array_equal(one.scores.values, other.scores.values)
    assert one.checks == other.checks


def test_adaptive_scores_of_every_step_equal_single_steps(llama, trace):
    every = adaptive(20)(llama, trace, tb.Target(None))
    for step in trace.steps:
        np.testing.assert_array_equal(every.at(step), adaptive(20)(llama, trace, tb.Target(step)).at(step))


def test_kept_tokens_score_0(llama):
    special = next(iter(llama.tokenizer.all_special_ids))
    found = adaptive(8, baseline="mean")(llama, llama.read([5, 6, special, 8, 9]), tb.Target(3))
    assert (found.scores.values[[0, 2]] == 0).all()
    assert (found.scores.values[[1, 3]] != 0).all()


@pytest.mark.parametrize("name", ["llama", "gemma2", "mamba", "mixtral"])
def test_half_precision_is_integrated_in_float32(name):
    lm = tiny.lm(name, dtype=torch.bfloat16)
    trace = lm.generate(TEXT, max_new_tokens=2)
    found = adaptive(20)(lm, trace)
    assert found.scores.values.dtype == np.float32
    assert np.isfinite(found.at(0)[: trace.prompt_length]).all()
    assert next(check for check in found.checks if check.kind == "identity").state == "holds"


@pytest.mark.parametrize("dtype", [torch.bfloat16, torch.float16])
@pytest.mark.parametrize("name", ["llama", "mamba"])
def test_half_precision_scores_are_close_to_float32_scores(name, dtype):
    exact, lm = tiny.lm(name), tiny.lm(name, dtype=dtype)
    text = exact.generate(TEXT, max_new_tokens=1)
    expected = adaptive(256)(exact, text).at(0)[: text.prompt_length]
    gaps = []
    for n_steps in (64, 256):
        found = adaptive(n_steps)(lm, lm.read(text.tokens.ids, prompt_length=text.prompt_length), tb.Target(0))
        off = np.abs(found.at(0)[: text.prompt_length] - expected).max() / np.abs(expected).max()
        assert off < 0.05
        assert measure(found) < 0.05
        gaps.append(measure(found, "completeness between points"))
    # More points do not add more rounding error.
    assert max(gaps) < 0.1


def test_the_advice_in_half_precision_names_the_rounding():
    lm = tiny.lm("mamba", dtype=torch.bfloat16)
    trace = lm.read([5, 300, 7, 8, 250, 9, 40, 41], prompt_length=7)
    found = adaptive(8, baseline="mean")(lm, trace, tb.Target(0, of="log_prob"))
    amber = [check for check in found.checks if check.state == "amber" and "complete" in check.name]
    assert amber
    assert all(
        "the rounding of bfloat16: load the model in float32 to see how much" in check.meaning for check in amber
    )


@pytest.mark.parametrize("name", ["llama", "qwen3", "gemma2"])
def test_from_a_zero_baseline_it_is_no_worse_than_gauss_legendre(name):
    """With no token kept, the path begins at norms of zero vectors, whose slopes are extreme."""
    lm = tiny.lm(name)
    trace = lm.read([5, 6, 7, 8, 9])
    even, found = (
        tb.IntegratedGradients(n_steps=64, baseline="zero", keep_first=False, keep_special=False, quadrature=q)(
            lm, trace, tb.Target(3, of="log_prob")
        )
        for q in ("gauss-legendre", "adaptive")
    )
    assert measure(found) < 1.1 * measure(even)
    assert np.nanmax(np.abs(found.scores.values)) < 2 * np.nanmax(np.abs(even.scores.values))
    between = next(check for check in found.checks if check.name == "completeness between points")
    assert "The largest is between 0 % and" in between.meaning
    assert between.meaning.endswith(
        "There the norms of a zero embedding jump, and more points do not help: try another baseline."
    )


@pytest.mark.filterwarnings("error")
@pytest.mark.parametrize("quadrature", ["gauss-legendre", "adaptive"])
def test_an_infinite_number_turns_completeness_amber(quadrature):
    """A model may mask part of its vocabulary: the log-probability of such a token is minus infinity everywhere."""
    lm = tiny.lm("llama")
    handle = lm.model.lm_head.register_forward_hook(
        lambda _m, _i, logits: logits.index_fill(-1, torch.tensor([9]), -torch.inf)
    )
    trace = lm.read([5, 6, 7, 8])
    analysis = tb.IntegratedGradients(n_steps=8, quadrature=quadrature)
    found = analysis(lm, trace, tb.Target(2, token=9, of="log_prob"))
    handle.remove()
    amber = [check for check in found.checks if "complete" in check.name]
    assert {check.state for check in amber} == {"amber"}
    assert all("Here the number does not change, or is not finite" in check.meaning for check in amber)


def test_progress_counts_the_points(llama, trace):
    ticks = []
    with listening(lambda done, total, _note: ticks.append((done, total))):
        adaptive(40)(llama, trace, tb.Target(1))
    assert ticks[0] == (0, 40)
    assert ticks[-1] == (40, 40)
    assert ticks == sorted(ticks)


@pytest.mark.parametrize("stop", [Cancelled, KeyboardInterrupt])
@pytest.mark.parametrize("after", [1, 2, 5])
def test_it_can_be_stopped_between_rounds_and_leaves_the_model(llama, trace, stop, after):
    ticks = []

    def listen(done, _total, _note):
        ticks.append(done)
        if len(ticks) > after:
            raise stop

    weight = next(iter(llama.model.parameters()))
    _ = llama.model.train()
    weight.requires_grad_(False)
    try:
        with unchanged(llama.model), listening(listen), pytest.raises(stop):
            adaptive(200)(llama, trace, tb.Target(1))
    finally:
        llama.model.eval()
        weight.requires_grad_(True)
    assert len(ticks) == after + 1
    assert ticks[-1] < 200


def test_fewer_points_at_a_time_where_memory_runs_out(llama, trace, monkeypatch):
    whole = adaptive(40)(llama, trace, tb.Target(1))
    right, rows = Decision.__call__, []

    def limited(decision, embeds):
        rows.append(len(embeds))
        if len(embeds) > 3:
            raise torch.OutOfMemoryError("out of memory")
        return right(decision, embeds)

    monkeypatch.setattr(Decision, "__call__", limited)
    found = adaptive(40)(llama, trace, tb.Target(1))
    assert max(rows) > 3
    assert sum(row for row in rows if row <= 3) == 40
    np.testing.assert_allclose(found.scores.values, whole.scores.values, rtol=1e-3, atol=1e-5)


def test_an_amber_check_says_what_reduces_the_error(steep):
    trace = steep.read([5, 300, 7, 8, 250, 9, 40, 41], prompt_length=7)
    target = tb.Target(0, of="log_prob")

    def said(n_steps, quadrature):
        found = tb.IntegratedGradients(n_steps=n_steps, baseline="zero", quadrature=quadrature)(steep, trace, target)
        return {check.name: check.meaning for check in found.checks if check.state == "amber"}

    (meaning,) = said(16, "gauss-legendre").values()
    better = tb.IntegratedGradients(n_steps=64, baseline="zero", quadrature="adaptive")
    assert (
        f"Points where the number changes reduce the error, e.g. {better}, except under mixture-of-experts" in meaning
    )
    meaning = said(8, "adaptive")["completeness between points"]
    assert "% of the way. More points reduce the error, e.g. n_steps=16, except under" in meaning


@pytest.mark.parametrize(
    ("bad", "said"),
    [
        ({"quadrature": "steep"}, "quadrature is one of gauss-legendre, adaptive, got 'steep'"),
        ({"quadrature": "adaptive", "n_steps": 1}, "evaluates both ends of the path: n_steps is a whole number from 2"),
    ],
)
def test_wrong_quadrature_parameters_are_refused(bad, said):
    with pytest.raises(ValueError, match=said):
        tb.IntegratedGradients(**bad)


def test_a_chat_of_the_demo_model_adds_up(demo_lm):
    """Along the path the number rises and falls by five times the difference, with peaks narrower than the point spacing."""
    trace = demo_lm.chat(QUESTION, max_new_tokens=6)
    target = tb.Target(5, " Paris", " London", of="log_prob")
    even, found = (
        tb.IntegratedGradients(n_steps=64, quadrature=q)(demo_lm, trace, target) for q in ("gauss-legendre", "adaptive")
    )
    assert measure(even) > 0.4
    assert measure(found) < 0.1
