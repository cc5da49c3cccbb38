"""What the rollout view sends, and which views a bench has for it."""

from dataclasses import replace

import numpy as np
import pytest

import tracebench as tb
from tests import made
from tracebench.arrays import LabeledArray
from tracebench.request import Request
from tracebench.results.attention import Rollout
from tracebench.views.attention import ROLLOUT, AttentionView
from tracebench.views.rollout import RolloutView


def test_the_rollout_that_is_offered_is_the_analysis_by_default():
    assert repr(tb.AttentionRollout()) == ROLLOUT


def test_the_attention_view_offers_the_request_that_a_session_answers():
    from tracebench.analyses.base import request

    trace = made.trace()
    (offered,) = AttentionView.data(trace)["rollouts"]
    assert offered["label"] == "rollout"
    assert Request.from_json(offered["request"]) == request(tb.AttentionRollout(), trace)
    assert offered["request"]["code"] == request(tb.AttentionRollout(), trace).code


def test_a_rollout_alone_has_a_view_of_its_own():
    trace = made.trace()
    bench = tb.Workbench([trace, made.rollout(trace)])
    assert [view.stem for view in bench.views] == ["generation", "rollout"]


def test_beside_attention_it_is_one_more_source_of_that_view_and_goes_into_what_is_saved():
    trace = made.trace()
    usual, other = made.rollout(trace), made.rollout(trace, residual=0.25)
    bench = tb.Workbench([trace, other, made.attention(trace), usual])
    assert [view.stem for view in bench.views] == ["generation", "attention"]
    offered = bench.views[1]._data["rollouts"]
    assert [each["label"] for each in offered] == ["rollout, residual 0.25", "rollout"]
    baked = bench.baked()
    assert all(Request.from_json(each["request"]).key in baked for each in offered)


def test_rounding_outside_of_zero_and_one_is_packed_and_more_is_refused():
    trace = made.trace()
    result = made.rollout(trace)
    values = np.array(result.flow.values)
    values[0, 0, 0], values[0, 1, 0] = 1 + 1e-6, -1e-7
    packed = RolloutView.pack(replace(result, flow=LabeledArray(values, result.flow.axes)), trace)
    stored = np.frombuffer(packed["flow"]["$array"], np.uint8).reshape(values.shape)
    assert (stored[0, 0, 0], stored[0, 1, 0]) == (255, 0)
    assert np.abs((stored / 255.0) ** 2 - values).max() < 0.004
    values[0, 1, 0] = -0.01
    with pytest.raises(ValueError, match=r"holds values in \[0, 1\]"):
        RolloutView.pack(replace(result, flow=LabeledArray(values, result.flow.axes)), trace)


def test_what_no_page_can_hold_is_a_sentence():
    trace = made.trace()
    axes = {"layer": range(2, 32), "query": range(2000), "key": range(2000)}
    huge = LabeledArray.of(np.broadcast_to(np.float32(0), (30, 2000, 2000)), **axes)
    result = Rollout(huge, trace.tokens, via="sdpa", method=ROLLOUT, trace=trace.hash)
    with pytest.raises(
        ValueError, match=r"120 MB, and a page holds 64 MB: .* AttentionRollout\(first=2, last=17\) does"
    ):
        RolloutView.pack(result, trace)
