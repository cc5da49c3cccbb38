"""An error in a pattern shows in mixtures of the features as clearly as in the features themselves."""

from dataclasses import replace

import pytest
import torch

from tracebench.models.watch.mixtures import MIXTURES, mixed, signs
from tracebench.models.watch.pattern import Call, Room, derive

HEADS, GROUPS, LENGTH = 4, 2, 40


def call_of(features, dtype=torch.float32):
    generator = torch.Generator().manual_seed(features)
    query = torch.randn(HEADS, LENGTH, features, generator=generator).to(dtype)
    key, value = (torch.randn(GROUPS, LENGTH, features, generator=generator).to(dtype) for _ in range(2))
    repeated = [each.repeat_interleave(HEADS // GROUPS, 0)[None] for each in (key, value)]
    output = torch.nn.functional.scaled_dot_product_attention(query[None], *repeated, is_causal=True)[0]
    return Call(query, key, value, output.transpose(0, 1), features**-0.5, causal=True)


def gaps(call):
    """The gap between pattern @ value and the output: in mixtures, as `derive` gives it, and feature by feature."""
    rows = []
    found, _ = derive(call, Room(), lambda _rows, pattern, _sink: rows.append(pattern.double().clone()))
    pattern = torch.cat([torch.nn.functional.pad(each, (0, LENGTH - each.shape[-1])) for each in rows], 1)
    value = call.value.double().repeat_interleave(HEADS // GROUPS, 0)
    output = call.output.double().transpose(0, 1)
    return found, float((pattern @ value - output).abs().max() / (output.max() - output.min()))


WRONG = {
    "scale": lambda call: replace(call, scaling=call.scaling * 1.001),
    "cap": lambda call: replace(call, softcap=50.0),
    "window": lambda call: replace(call, window=LENGTH - 1),
    "a sink": lambda call: replace(call, sinks=torch.tensor([-100.0, -100.0, -6.0, -100.0])),
    "one score": lambda call: replace(
        call, bias=torch.zeros(HEADS, LENGTH, LENGTH).index_fill(2, torch.tensor([3]), 1e-3)
    ),
    "another head's values": lambda call: replace(call, value=call.value.flip(0)),
}


@pytest.mark.parametrize("wrong", WRONG)
@pytest.mark.parametrize("features", [8, 15, 16, 64, 128])
def test_a_wrong_pattern_shows_in_mixtures_as_in_the_features(features, wrong):
    found, exact = gaps(WRONG[wrong](call_of(features)))
    assert found > 1e-5
    assert exact / 4 < found < exact * 4


@pytest.mark.parametrize("features", [8, 15, 16, 64, 128])
def test_a_right_pattern_has_no_gap(features):
    found, exact = gaps(call_of(features))
    assert found < 1e-6
    assert exact < 1e-6
    assert gaps(call_of(features, torch.float64))[0] < 1e-14


def test_an_error_in_any_single_feature_shows():
    """Every feature is in every mixture with weight plus or minus one."""
    call = call_of(64)
    for feature in range(64):
        output = call.output.clone()
        output[7, 2, feature] += 0.01
        assert gaps(replace(call, output=output))[0] > 1e-4


def test_few_features_are_compared_unmixed():
    assert torch.equal(signs(MIXTURES), torch.eye(MIXTURES))
    values = torch.randn(3, 5, MIXTURES)
    assert torch.equal(mixed(values)[..., :-1], values)
    assert (mixed(values)[..., -1] == 1).all()


def test_mixtures_are_deterministic_and_leave_the_random_state_alone():
    state = torch.random.get_rng_state()
    signs.cache_clear()
    one = signs(64).clone()
    signs.cache_clear()
    assert torch.equal(signs(64), one)
    assert torch.equal(torch.random.get_rng_state(), state)
    assert one.abs().unique().tolist() == [1]


@pytest.mark.parametrize("features", [16, 17, 64, 192, 512])
def test_mixtures_are_balanced_and_no_two_are_the_same(features):
    columns = signs(features).T.tolist()
    assert {sum(column) for column in columns} == {features % 2}
    assert len({tuple(s * each for each in column) for column in columns for s in (1, -1)}) == 2 * MIXTURES


def test_an_offset_common_to_all_features_hides_no_error():
    call = call_of(64)
    common = replace(call, value=call.value + 100, output=call.output + 100, scaling=call.scaling * 1.001)
    found, exact = gaps(common)
    assert found > 1e-4
    assert exact / 4 < found < exact * 4


@pytest.mark.parametrize("features", [8, 64])
def test_mixtures_do_not_follow_torchs_default_device_dtype_and_mode(features):
    signs.cache_clear()
    with torch.inference_mode(), torch.device("meta"):
        torch.set_default_dtype(torch.float64)
        try:
            found = signs(features)
        finally:
            torch.set_default_dtype(torch.float32)
    assert (found.device.type, found.dtype, found.is_inference()) == ("cpu", torch.float32, False)


def test_nan_stays_nan_in_mixtures():
    call = call_of(64)
    call.value[0, 2, 5] = float("nan")
    assert gaps(call)[0] != gaps(call)[0]
