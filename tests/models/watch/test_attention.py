"""Watching attention: it leaves nothing behind, observes only its own thread and model, and refuses wrong input."""

import json
import threading

import numpy as np
import pytest
import torch
from torch.overrides import TorchFunctionMode, _get_current_function_mode_stack, _pop_mode, _push_mode
from transformers import JambaConfig, JambaForCausalLM
from transformers.modeling_utils import AttentionInterface

import tracebench as tb
from tests import signals, tiny
from tests.unchanged import unchanged
from tracebench.analyses.attention import patterns
from tracebench.models.watch import attention_calls
from tracebench.models.watch.attention import NoAttentionError, watch_attention
from tracebench.runtime.progress import Cancelled, listening
from tracebench.views.attention import AttentionView

IDS = [5, 6, 7, 8, 9]
PLAIN = AttentionInterface.get_interface


@pytest.fixture(autouse=True)
def _transformers_is_as_it_was():
    yield
    assert AttentionInterface.get_interface is PLAIN


@pytest.fixture(scope="module")
def lm():
    return tiny.lm()


@pytest.fixture(scope="module")
def trace(lm):
    return lm.generate("The Eiffel Tower", max_new_tokens=4)


def nothing(*_):
    pass


def forward(lm, ids=IDS):
    with lm.running():
        return lm.model(torch.tensor([ids]), use_cache=False).logits


# --- it leaves nothing behind -----------------------------------------------------------------------------------------


@pytest.mark.parametrize("name", ["llama", "gpt2", "gemma2", "gpt_oss", "falcon", "bloom", "openai-gpt"])
def test_a_model_in_training_is_left_as_it_was(name):
    lm = tiny.lm(name)
    lm.model.train()
    next(iter(lm.model.parameters())).requires_grad_(False)
    with unchanged(lm.model):
        tb.AttentionPatterns()(lm, lm.read(IDS))


@pytest.mark.parametrize("name", ["mamba", "diffllama"])
def test_a_model_that_is_refused_is_left_as_it_was(name):
    lm = tiny.lm(name)
    with unchanged(lm.model), pytest.raises(ValueError, match=r"attends nowhere|attends more than once"):
        tb.AttentionPatterns()(lm, lm.read(IDS))


@pytest.mark.parametrize("failure", [ValueError, KeyboardInterrupt])
def test_after_an_error_or_an_interrupt_while_a_layer_is_kept(lm, failure):
    def stop(rows):
        if rows.layer:
            raise failure("stop")

    with unchanged(lm.model), pytest.raises(failure, match="stop"), watch_attention(lm, range(2), stop):
        forward(lm)
    assert AttentionInterface.get_interface is PLAIN


@signals.SWALLOWED
def test_after_interrupts_at_any_moment(lm, trace):
    analysis = tb.AttentionPatterns()
    with unchanged(lm.model):
        for _ in signals.interrupted_at_random(lambda: analysis(lm, trace), 60):
            assert AttentionInterface.get_interface is PLAIN
            assert (lm.lock._owner, lm.lock._depth, lm.lock._cells_waiting) == (None, 0, 0)


class Theirs(TorchFunctionMode):
    """A torch function mode of the user."""

    def __torch_function__(self, func, _types, args=(), kwargs=None):
        return func(*args, **(kwargs or {}))


@pytest.mark.parametrize("lost", [1, 2])
def test_modes_are_restored_after_an_interrupt_while_torch_had_popped_them(lm, lost):
    """An interrupt inside `torch.overrides._pop_mode_temporarily` leaves a mode popped."""

    def interrupted():
        with watch_attention(lm, range(2), nothing):
            for _ in range(lost):
                _pop_mode()
            raise KeyboardInterrupt

    with Theirs() as theirs:
        with pytest.raises(KeyboardInterrupt):
            interrupted()
        assert _get_current_function_mode_stack() == [theirs]
    assert _get_current_function_mode_stack() == []


def test_our_mode_is_inactive_if_torch_restores_it_after_the_scope(lm):
    """After an interrupt, torch may hold a suspended frame that restores the mode when it is freed, after the scope."""
    with watch_attention(lm, range(2), nothing):
        dead = _get_current_function_mode_stack()[-1]
    assert _get_current_function_mode_stack() == []
    _push_mode(dead)
    try:
        query = torch.ones(1, 1, 2, 2)
        for _ in range(3):
            torch.nn.functional.scaled_dot_product_attention(query, query, query)
        forward(lm)
    finally:
        _pop_mode()


def test_two_listeners_of_a_kernel_do_not_record_each_other():
    lm = tiny.lm("falcon")
    heard = []

    def attends(rows):
        query = torch.ones(1, 1, 2, 2)
        torch.nn.functional.scaled_dot_product_attention(query, query, query)
        heard.append(rows.layer)

    with watch_attention(lm, range(2), nothing), watch_attention(lm, range(2), attends) as watching:
        forward(lm)
    assert sorted(set(heard)) == [0, 1]
    assert sorted(watching.via) == [0, 1]


def test_the_functions_that_run_are_transformers_own(lm):
    with watch_attention(lm, (), nothing) as watching:
        inside = forward(lm)
    assert watching.via == {0: "sdpa", 1: "sdpa"}
    assert torch.equal(inside, forward(lm))


# --- it observes its own thread and model only ------------------------------------------------------------------------


def test_calls_of_another_model_are_not_observed(lm):
    other = tiny.lm("gpt2")
    with watch_attention(lm, range(2), nothing) as watching:
        forward(other)
        assert watching.via == {}
        forward(lm)
    assert sorted(watching.gaps) == [0, 1]


@pytest.mark.parametrize("name", ["llama", "bloom"])
def test_calls_of_another_thread_are_not_observed(name):
    lm = tiny.lm(name)
    with watch_attention(lm, range(2), nothing) as watching:
        other = threading.Thread(target=forward, args=(lm,))
        other.start()
        other.join()
    assert watching.via == {}


def test_two_threads_watch_two_models_and_end_in_any_order():
    lms, seen, go = [tiny.lm("llama"), tiny.lm("gpt2")], {}, [threading.Event() for _ in range(3)]

    def watch(at):
        with watch_attention(lms[at], range(2), nothing) as watching:
            if at:
                go[0].set()  # the second has begun: the first may end
                go[1].wait(120)  # the first has ended
            else:
                go[0].wait(120)
            forward(lms[at])
        go[1].set()
        seen[at] = watching

    threads = [threading.Thread(target=watch, args=(at,)) for at in range(2)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert [sorted(seen[at].gaps) for at in range(2)] == [[0, 1], [0, 1]]
    assert max(max(watching.gaps.values()) for watching in seen.values()) < 1e-5


def test_nested_scopes_see_the_same(lm):
    with watch_attention(lm, (0,), nothing) as outer, watch_attention(lm, (1,), nothing) as inner:
        forward(lm)
    assert (list(outer.gaps), list(inner.gaps)) == ([0], [1])


def test_a_wrapper_around_ours_stays_in_place(lm, monkeypatch):
    with watch_attention(lm, range(2), nothing):
        ours = AttentionInterface.get_interface
        wrapped = lambda *args: ours(*args)  # noqa: E731
        AttentionInterface.get_interface = wrapped
    assert AttentionInterface.get_interface is wrapped
    try:
        with watch_attention(lm, range(2), nothing) as watching:
            forward(lm)
        assert sorted(watching.gaps) == [0, 1]
        assert AttentionInterface.get_interface is wrapped
    finally:
        AttentionInterface.get_interface = PLAIN


def test_a_kernel_call_outside_the_blocks_is_ignored(lm):
    def more(_module, _args, output):
        one = torch.ones(1, 1, 2, 2)
        torch.nn.functional.scaled_dot_product_attention(one, one, one)
        return output

    handles = [module.register_forward_hook(more) for module in (lm.model.model.embed_tokens, lm.model.model.norm)]
    with watch_attention(lm, range(2), nothing) as watching:
        forward(lm)
    for handle in handles:
        handle.remove()
    assert sorted(watching.gaps) == [0, 1]


@pytest.mark.parametrize("name", ["llama", "falcon"])
def test_the_keep_function_may_call_attention_itself(name):
    lm, kept = tiny.lm(name), []

    def keep(rows):
        one = torch.ones(1, 1, 2, 2)
        kept.append((rows.layer, torch.nn.functional.scaled_dot_product_attention(one, one, one)))

    with Theirs() as theirs, watch_attention(lm, range(2), keep) as watching:
        before = _get_current_function_mode_stack()
        forward(lm)
        assert _get_current_function_mode_stack() == before
        assert before[0] is theirs
    assert sorted(watching.gaps) == [layer for layer, _ in kept] == [0, 1]


def test_layers_that_attend_in_different_ways_are_all_seen(monkeypatch):
    """One block calls transformers' function, the other torch's kernel."""
    lm = tiny.lm(num_key_value_heads=4)
    expected = tb.AttentionPatterns()(lm, lm.read(IDS))

    def own(module, query, key, value, _mask, **options):
        scale = options["scaling"]
        out = torch.nn.functional.scaled_dot_product_attention(query, key, value, is_causal=True, scale=scale)
        return out.transpose(1, 2).contiguous(), None

    observing = attention_calls._observing

    def only_the_second(before, watchers):
        ours = observing(PLAIN, watchers)
        calls = []

        def choose(interface, name, default):
            calls.append(1)
            return own if len(calls) % 2 else ours(interface, name, default)

        return choose

    monkeypatch.setattr(attention_calls, "_observing", only_the_second)
    found = tb.AttentionPatterns()(lm, lm.read(IDS))
    assert found.layers == (0, 1)
    np.testing.assert_allclose(found.weights.values, expected.weights.values, atol=1e-6)
    assert {check.state for check in found.checks if check.name.startswith("pattern")} == {"holds"}


def test_only_wanted_layers_are_derived(lm):
    kept = []
    with watch_attention(lm, (1,), lambda rows: kept.append(rows.layer)) as watching:
        forward(lm)
    assert (kept, sorted(watching.via)) == ([1], [0, 1])


def test_kept_patterns_have_no_gradients(lm):
    with watch_attention(lm, (1,), lambda rows: seen.append(rows.pattern.requires_grad)):
        seen = []
        lm.model(torch.tensor([IDS])).logits.sum().backward()
    lm.model.zero_grad()
    assert seen == [False]


@pytest.mark.parametrize(
    ("name", "how"), [("llama", "sdpa"), ("gemma2", "eager"), ("falcon", "sdpa"), ("bloom", "eager")]
)
def test_the_result_says_how_the_attention_was_computed(name, how):
    lm = tiny.lm(name)
    assert tb.AttentionPatterns()(lm, lm.read(IDS)).via == how


def test_gpt2_with_reordered_attention_returns_its_weights():
    lm = tiny.lm("gpt2", reorder_and_upcast_attn=True, attn_implementation="eager")
    result = tb.AttentionPatterns()(lm, lm.read(IDS))
    plain = tiny.lm("gpt2")
    np.testing.assert_allclose(
        result.weights.values, tb.AttentionPatterns()(plain, plain.read(IDS)).weights.values, atol=1e-5
    )
    assert "no weight on later tokens" in {check.name for check in result.checks}


# --- parameters and errors ----------------------------------------------------------------------------------------------


def test_only_the_requested_layers_and_heads_are_in_the_result(lm, trace):
    whole = tb.AttentionPatterns()(lm, trace)
    some = tb.AttentionPatterns(layers=(1,), heads=(3, 0))(lm, trace)
    assert (some.layers, some.heads) == ((1,), (0, 3))
    np.testing.assert_array_equal(some.weights.values, whole.weights.values[1:, [0, 3]])


@pytest.mark.parametrize("given", [[1, 0], np.array([1, 0, 1]), torch.tensor([0, 1]), range(2), {0, 1}])
def test_indices_of_any_integer_type_become_python_ints(given):
    analysis = tb.AttentionPatterns(layers=given, heads=np.int64(1))
    assert repr(analysis) == "AttentionPatterns(layers=(0, 1), heads=(1,))"
    json.dumps(analysis.layers)


@pytest.mark.parametrize("wrong", [(), (-1,), (True,), (1.0,), "01", ("a",), 1.5, (None,)])
@pytest.mark.parametrize("name", ["layers", "heads"])
def test_a_wrong_index_is_refused(name, wrong):
    with pytest.raises(ValueError, match=f"{name} holds whole numbers from 0, or is None for all of them, got"):
        tb.AttentionPatterns(**{name: wrong})


def test_missing_layers_and_heads_are_refused(lm, trace):
    with pytest.raises(ValueError, match="tiny llama has no layer 2: it has 2, from 0 to 1"):
        tb.AttentionPatterns(layers=(0, 2))(lm, trace)
    with pytest.raises(ValueError, match="tiny llama has no head 4: it has 4, from 0 to 3"):
        tb.AttentionPatterns(heads=(4,))(lm, trace)


#: Model type -> layers with attention, layers without.
HYBRIDS = {"qwen3_next": ((1,), (0,)), "zamba2": ((1, 2), (0,)), "jamba": ((1,), (0,))}


@pytest.mark.parametrize("name", HYBRIDS)
def test_a_hybrid_shows_its_attention_layers_and_lists_the_others(name):
    lm = tiny.lm(name)
    trace, (attending, others) = lm.read(IDS), HYBRIDS[name]
    result = tb.AttentionPatterns()(lm, trace)
    assert result.layers == attending
    assert result.without == others
    counted = "1 layer" if len(attending) == 1 else f"{len(attending)} layers"
    assert repr(result).startswith(f"Attention({counted} (not {', '.join(map(str, others))}) x ")
    assert AttentionView.pack(result, trace)["without"] == list(others)
    one = tb.AttentionPatterns(layers=attending[:1])(lm, trace)
    assert (one.layers, one.without) == (attending[:1], ())
    again = type(result).from_record(result.to_record())
    assert (again.without, again.tokens) == (others, trace.tokens)


@pytest.mark.parametrize("name", HYBRIDS)
def test_a_named_layer_without_attention_is_refused(name):
    lm = tiny.lm(name)
    attending, others = HYBRIDS[name]
    listed = ", ".join(map(str, attending))
    for layers in (others, (*others, *attending)):
        with (
            unchanged(lm.model),
            pytest.raises(
                NoAttentionError,
                match=rf"no attention in layer 0 of tiny {name}: choose from the layers with attention: {listed}",
            ),
        ):
            tb.AttentionPatterns(layers=layers)(lm, lm.read(IDS))


def test_a_model_without_attention_is_refused():
    lm = tiny.lm("mamba")
    for analysis in (tb.AttentionPatterns(), tb.AttentionPatterns(layers=(0,)), tb.AttentionRollout()):
        with pytest.raises(NoAttentionError, match="MambaForCausalLM attends nowhere: no layer called an attention"):
            analysis(lm, lm.read(IDS))


def test_a_block_that_attends_twice_is_refused():
    lm = tiny.lm("diffllama")
    with pytest.raises(ValueError, match="block 0 of this model attends more than once in a pass"):
        tb.AttentionPatterns()(lm, lm.read(IDS))


def test_too_large_patterns_are_refused_before_the_pass_with_a_size_that_fits(lm, trace, monkeypatch):
    one = 4 * len(trace.tokens) ** 2 * 4
    passes = []
    handle = lm.model.register_forward_pre_hook(lambda *_: passes.append(1))
    refused = {
        one: (None, r"choose at most 1 of these layers, e\.g\. AttentionPatterns\(layers=\(0,\)\)"),
        one - 1: ((1,), r"fewer heads of one layer, e\.g\. AttentionPatterns\(layers=\(1,\), heads=\(0,\)\)"),
        one // 4 - 1: (None, "a single head takes .* GB: read a shorter text"),
    }
    for most, (layers, sentence) in refused.items():
        monkeypatch.setattr(patterns, "MOST", most)
        with pytest.raises(ValueError, match=sentence):
            tb.AttentionPatterns(layers=layers)(lm, trace)
    handle.remove()
    assert passes == []


def test_a_trace_of_another_model(lm, trace):
    with pytest.raises(ValueError, match="has token id 399, tiny llama has only 320: it is of another model"):
        tb.AttentionPatterns()(lm, tiny.lm(vocab_size=400).read([5, 399]))
    states = {check.name: check.state for check in tb.AttentionPatterns()(tiny.lm(seed=1), trace).checks}
    assert states.pop("scores as recorded") == "amber"
    assert set(states.values()) == {"holds"}


@pytest.mark.parametrize("failure", [Cancelled, KeyboardInterrupt])
def test_a_job_is_cancelled_between_two_layers(lm, trace, failure):
    ticks = []

    def stop(done, total, _note):
        ticks.append((done, total))
        if done:
            raise failure

    with unchanged(lm.model), listening(stop), pytest.raises(failure):
        tb.AttentionPatterns()(lm, trace)
    assert ticks == [(0, 2), (1, 2)]


# --- the result -----------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("name", ["llama", "gpt_oss"])
def test_a_saved_file_gives_the_same_result(name, tmp_path):
    lm = tiny.lm(name)
    trace = lm.read(IDS)
    result = tb.AttentionPatterns(heads=(1, 2))(lm, trace)
    (found,) = tb.open(tb.save(tmp_path / "a.trace", trace, result)).results
    np.testing.assert_array_equal(found.weights.values, result.weights.values)
    assert found.weights.axes == result.weights.axes
    assert (found.sink is None) == (name == "llama")
    assert (found.via, found.method, found.trace, found.checks) == (
        result.via,
        result.method,
        trace.hash,
        result.checks,
    )
    assert repr(found) == repr(result)


def test_the_frame_has_the_pairs_of_a_query_and_an_earlier_key():
    lm = tiny.lm("gpt_oss")
    result = tb.AttentionPatterns()(lm, lm.read(IDS))
    frame = result.to_pandas()
    assert list(frame.columns) == ["layer", "head", "query", "key", "token_id", "text", "weight", "sink"]
    assert len(frame) == 2 * 4 * 15
    assert (frame.key <= frame["query"]).all()
    for row in frame.sample(20, random_state=0).itertuples():
        assert row.weight == np.float32(
            result.weights.sel(layer=row.layer, head=row.head, query=row.query, key=row.key)
        )
        assert row.sink == np.float32(result.sink.sel(layer=row.layer, head=row.head, query=row.query))
    one = result.to_pandas(layer=1, head=2)
    assert len(one) == 15
    assert set(one.layer) == {1}
    assert set(one["head"]) == {2}
    np.testing.assert_array_equal(one.weight, frame[(frame.layer == 1) & (frame["head"] == 2)].weight)


def test_the_figure_refuses_a_layer_or_head_outside_the_result(lm, trace):
    result = tb.AttentionPatterns(layers=(1,))(lm, trace)
    with pytest.raises(KeyError, match="layer=0 is not there; this axis has 1"):
        result.to_pandas(layer=0)
    with pytest.raises(KeyError, match="head=9 is not there"):
        result.figure(head=9)


def test_the_figure_shows_what_it_says(lm, trace):
    result = tb.AttentionPatterns()(lm, trace)
    figure = result.figure(layer=1)
    assert figure.layout.title.text == "Where did it look? Layer 1, mean of all heads"
    shown = np.asarray(figure.data[0].customdata, float)
    np.testing.assert_allclose(np.nan_to_num(shown), np.asarray(result.weights.values)[1].mean(0), atol=1e-7)
    assert np.isnan(shown[0, 1])


def test_what_transformers_leaves_after_output_attentions_is_removed():
    """The weights of a hybrid without attention layers are requested as a last resort; transformers then leaves its hooks."""
    config = JambaConfig(
        vocab_size=300, hidden_size=32, intermediate_size=64, num_hidden_layers=2, num_attention_heads=4,
        num_key_value_heads=2, attn_layer_offset=7, attn_layer_period=8, expert_layer_offset=7, expert_layer_period=8,
        mamba_d_state=4, mamba_dt_rank=4,
    )  # fmt: skip
    lm = tb.LanguageModel(JambaForCausalLM(config).eval(), None)
    trace = lm.read([5, 6, 7])
    before = [(set(vars(module)), len(module._forward_hooks)) for module in lm.model.modules()]
    with unchanged(lm.model), pytest.raises(NoAttentionError, match="attends nowhere"):
        tb.AttentionPatterns()(lm, trace)
    assert [(set(vars(module)), len(module._forward_hooks)) for module in lm.model.modules()] == before
