"""The rollout view sends one position per slice; next to attention, rollout is an alternative of that view."""

import numpy as np
import pytest

import tracebench as tb
from tests import made
from tracebench import registry
from tracebench.record.arrays import LabeledArray
from tracebench.requests.request import Request
from tracebench.results.rollout import Rollout
from tracebench.views import rollout
from tracebench.views.rollout import RolloutView


def test_the_offered_rollout_has_the_default_parameters():
    assert registry.methods_of("rollout") == [("rollout", repr(tb.AttentionRollout()))]


def test_the_attention_view_offers_the_request_of_the_default_rollout():
    from tracebench.analyses.base import request

    trace = made.trace()
    view = tb.Workbench([trace, made.attention(trace)]).views[1]
    ((offered,),) = view._alternatives
    assert offered["label"] == "rollout"
    assert Request.from_json(offered["request"]) == request(tb.AttentionRollout(), trace)
    assert offered["request"]["code"] == request(tb.AttentionRollout(), trace).code


def test_a_rollout_alone_has_its_own_view():
    trace = made.trace()
    bench = tb.Workbench([trace, made.rollout(trace)])
    assert [view.stem for view in bench.views] == ["generation", "rollout"]


def test_next_to_attention_rollouts_are_alternatives_of_its_view_and_are_saved():
    trace = made.trace()
    usual, other = made.rollout(trace), made.rollout(trace, residual=0.25)
    bench = tb.Workbench([trace, other, made.attention(trace), usual])
    assert [view.stem for view in bench.views] == ["generation", "attention"]
    (offered,) = bench.views[1]._alternatives
    assert [each["label"] for each in offered] == ["rollout, residual 0.25", "rollout"]
    baked = bench.baked()
    assert all(Request.from_json(each["request"]).key in baked for each in offered)


def shares(tree):
    """The shares [layer, key] in a slice."""
    stored = np.frombuffer(tree["flow"]["$array"], np.uint8).reshape(tree["flow"]["shape"])
    return (stored.T / 255.0) ** 2


def flow_of(values, trace, layers=range(3)):
    axes = {"layer": layers, "query": range(values.shape[1]), "key": range(values.shape[2])}
    return Rollout(
        LabeledArray.of(values, **axes),
        trace.tokens,
        via="sdpa",
        method=repr(tb.AttentionRollout()),
        traces=(trace.hash,),
    )


def test_the_first_message_has_no_shares():
    trace = made.trace()
    tree = RolloutView.pack(made.rollout(trace), trace)
    assert (tree["layers"], tree["length"]) == ([0, 1, 2], 8)
    assert not any(isinstance(value, dict) and "$array" in value for value in tree.values())


def test_a_slice_holds_the_shares_in_one_position():
    trace = made.trace()
    result = made.rollout(trace, layers=(2, 4))
    for query in range(8):
        tree = RolloutView.pack_slice(result, trace, coords={"query": query})
        assert (tree["kind"], tree["query"], tree["flow"]["dims"]) == ("rollout_slice", query, ["key", "layer"])
        assert tree["flow"]["coords"] == {"layer": [2, 4]}
        own = np.asarray(result.reaching(query).values)
        assert np.abs(np.sqrt(shares(tree)) - np.sqrt(own[:, : query + 1])).max() <= 0.5 / 255 + 1e-6
        assert own[:, query + 1 :].sum() == 0


@pytest.mark.parametrize("coords", [{"query": 8}, {"query": -1}, {"query": None}, {"query": True}, {}, {"layer": 1}])
def test_a_missing_slice_raises_a_sentence(coords):
    trace = made.trace()
    with pytest.raises(ValueError, match=r"a slice of a rollout has a query, which is a position from 0 to 7, got \{"):
        RolloutView.pack_slice(made.rollout(trace), trace, coords=coords)


def test_a_page_has_all_positions_of_a_short_text_and_the_predicting_ones_of_a_long_text(monkeypatch):
    trace = made.trace(*[n % 12 for n in range(20)], prompt_length=14)
    result = made.rollout(trace)

    def positions():
        baked = list(RolloutView.slices(result, trace))
        for coords, tree in baked:
            assert tree == RolloutView.pack_slice(result, trace, coords=coords)
        return [coords["query"] for coords, _ in baked]

    assert positions() == list(range(20))
    monkeypatch.setattr(rollout, "SMALL", 3 * 20 * 21 // 2 - 1)
    # The last position predicts no token, but a text without steps opens there.
    assert positions() == [trace.position(step) for step in trace.steps] + [19] == list(range(13, 20))
    slices = {key for key in tb.Workbench([trace, result]).baked() if key.endswith("}") and '"query"' in key}
    assert len(slices) == 7


def test_rounding_errors_outside_0_to_1_are_clipped_and_larger_ones_refused():
    trace = made.trace()
    values = np.array(made.rollout(trace).flow.values)
    values[0, 1, :2] = 1 + 1e-6, -1e-7
    stored = shares(RolloutView.pack_slice(flow_of(values, trace), trace, coords={"query": 1}))
    assert stored[0].tolist() == [1, 0]
    values[0, 1, 0] = -0.01
    with pytest.raises(ValueError, match=r"holds values in \[0, 1\]"):
        RolloutView.pack_slice(flow_of(values, trace), trace, coords={"query": 1})


def test_a_rollout_that_is_too_large_for_a_page_raises_a_sentence():
    trace = made.trace(*[n % 12 for n in range(4000)], prompt_length=1)
    huge = flow_of(np.broadcast_to(np.float32(0), (30, 4000, 4000)), trace, range(2, 32))
    # A notebook sends one position at a time, so it has no limit.
    assert len(RolloutView.pack_slice(huge, trace, coords={"query": 3999})["flow"]["$array"]) == 30 * 4000
    sentence = (
        r"of 30 layers x 4000 of 4000 positions takes about 72 MB in a page, the limit is 64 MB: "
        r"ask for at most 26 layers, as in AttentionRollout\(first=2, last=27\)"
    )
    with pytest.raises(ValueError, match=sentence):
        next(RolloutView.slices(huge, trace))
