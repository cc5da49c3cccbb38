"""Changes of the configuration, hooks or torch's settings change the state, so that no stale answer is used."""

import numpy as np
import pytest
import torch

import tracebench as tb
from tests import tiny
from tracebench.models.state.circumstances import circumstances, in_this_thread

IDS = [5, 6, 7, 8, 9]


@pytest.fixture
def lm():
    return tiny.lm()


def states(result):
    return {check.name: check.state for check in result.checks}


def hooked(lm):
    return lm.model.model.layers[0].register_forward_hook(
        lambda _m, _i, out: (out[0] * 2, *out[1:]) if isinstance(out, tuple) else out * 2
    )


def overridden(lm):
    right = lm.model.model.norm.forward
    lm.model.model.norm.forward = lambda *args: right(*args)


CHANGES = {
    "hook": hooked,
    "pre-hook": lambda lm: lm.model.model.norm.register_forward_pre_hook(lambda *_: None),
    "forward": overridden,
    "config": lambda lm: setattr(lm.model.config, "rms_norm_eps", 0.5),
    "attention": lambda lm: lm.model.set_attn_implementation("eager"),
}


@pytest.mark.parametrize("change", CHANGES)
def test_a_change_is_seen(lm, change):
    before = lm.state()
    assert lm.state() == before
    CHANGES[change](lm)
    assert lm.state() != before


def test_a_hook_that_replaces_another_changes_the_state(lm):
    before = lm.state()
    handle = hooked(lm)
    with_one = lm.state()
    handle.remove()
    assert lm.state() == before
    hooked(lm)
    assert lm.state() not in (before, with_one)


def test_torchs_settings_change_the_state(lm):
    before, threads = in_this_thread(), torch.get_num_threads()
    torch.set_num_threads(threads + 1)
    try:
        assert in_this_thread() != before
    finally:
        torch.set_num_threads(threads)
    assert in_this_thread() == before
    before = circumstances(lm.model)
    torch.set_float32_matmul_precision("high")
    try:
        assert circumstances(lm.model) != before
    finally:
        torch.set_float32_matmul_precision("highest")


def test_settings_of_one_thread_do_not_change_the_state(lm, tmp_path):
    """The worker has its own number of threads and no autocast; its cached answers are still found."""
    bench = tb.explore(lm, lm.generate(IDS, max_new_tokens=2), tb.InputXGradient())
    before, threads = set(bench.baked()), torch.get_num_threads()
    torch.set_num_threads(threads + 1)
    try:
        assert set(bench.baked()) == before
        assert len(bench.checks) == 4
        with torch.autocast("cpu", dtype=torch.bfloat16):
            assert set(bench.baked()) == before
    finally:
        torch.set_num_threads(threads)


def test_each_replaced_forward_gives_a_new_state(lm):
    """A new function may get the memory address of the one before."""
    norm, seen = lm.model.model.norm, [lm.state()]
    right = norm.forward
    for k in range(1, 7):
        norm.forward = lambda x, k=k: right(x) * k
        assert lm.state() == lm.state()
        seen.append(lm.state())
        trace = lm.read(IDS)
        assert states(tb.LogitLens()(lm, trace))["hooks leave the model alone"] == "holds"
    assert len(set(seen)) == len(seen)


def test_an_object_in_the_configuration_keeps_the_state(lm):
    class Mark:
        pass

    lm.model.config.mark = Mark()
    lm.model.config.kinds = {0: "a", "b": 1, (2, 3): "c"}
    assert lm.state() == lm.state()


def test_an_analysis_leaves_the_state_unchanged(lm):
    before = lm.state()
    trace = lm.generate(IDS, max_new_tokens=2)
    for analysis in (
        tb.LogitLens(),
        tb.AttentionPatterns(),
        tb.AttentionRollout(residual="norms"),
        tb.InputXGradient(),
    ):
        analysis(lm, trace)
    assert lm.state() == before


@pytest.mark.parametrize("change", ["hook", "attention"])
@pytest.mark.parametrize("analysis", [tb.LogitLens(), tb.AttentionPatterns(), tb.AttentionRollout(residual="norms")])
def test_the_hooks_check_holds_after_a_change_by_the_user(lm, change, analysis):
    trace = lm.read(IDS)
    analysis(lm, trace)
    CHANGES[change](lm)
    assert states(analysis(lm, trace))["hooks leave the model alone"] == "holds"


def test_a_bench_does_not_mix_a_model_with_and_without_a_hook(lm, tmp_path):
    trace = lm.generate(IDS, max_new_tokens=3)
    bench = tb.explore(lm, trace, tb.InputXGradient())
    bench.save(tmp_path / "a.html")
    assert bench.checks.wrong == ()
    handle = hooked(lm)
    bench.save(tmp_path / "b.html")
    # The trace was recorded with another model than the results, and every view says so.
    assert {view for view, _ in bench.checks.wrong} == {"lens_table", "token_scores", "attention"}
    handle.remove()
    bench.save(tmp_path / "c.html")
    assert bench.checks.wrong == ()


def test_a_changed_softcap_is_proved_again():
    lm = tiny.lm("gemma2")
    lm.model.config.final_logit_softcapping = 30.0
    trace = lm.read(IDS)
    lens = tb.LogitLens(top=3)(lm, trace)
    assert states(lens)["last row = the model"] == "holds"
    expected = lm.logits(IDS)[-1].softmax(-1).topk(3).values
    np.testing.assert_allclose(lens.probs.sel(layer=lm.layers - 1, token=4).values, expected, rtol=1e-4)
