"""Statistics computed slice by slice equal float64 statistics over the whole vocabulary."""

import numpy as np
import pytest
import torch

from tracebench.analyses.lens.statistics import Statistics, candidates, larger
from tracebench.models.watch import unembedding

TOP = 10


def rows(size, scale=4.0, seed=0):
    return torch.randn(2, 3, size, generator=torch.Generator().manual_seed(seed)) * scale


def added(logits, width, kept_ids=None, other=None, top=TOP):
    kept_ids = torch.zeros(logits.shape[1], 0, dtype=torch.long) if kept_ids is None else kept_ids
    statistics = Statistics(logits.shape[:2], top, kept_ids)
    for start in range(0, logits.shape[-1], width):
        here = slice(start, start + width)
        statistics.add(logits[..., here].clone(), start, None if other is None else other[:, here])
    return statistics


# Rising: each slice replaces all top logits. Falling: only the first slice has top logits.
ORDERS = {
    "as they come": lambda z: z,
    "rising": lambda z: z.sort(-1).values,
    "falling": lambda z: z.sort(-1, descending=True).values,
    "far from zero": lambda z: z - 300,
    "huge": lambda z: z * 1e4,
}


@pytest.mark.parametrize("order", ORDERS)
@pytest.mark.parametrize(("size", "width"), [(5000, 2048), (2048, 2048), (999, 250), (640, 7), (50, 64)])
def test_every_statistic(size, width, order):
    logits, other = ORDERS[order](rows(size)), rows(size, seed=1)[0].softmax(-1)
    kept_ids = torch.tensor([[0, size - 1, size // 2]] * 3)
    found = added(logits, width, kept_ids, other, top=min(TOP, size))
    logp = logits.double().log_softmax(-1)
    largest = float(logits.abs().max())
    near = {"atol": 1e-6 * max(10.0, largest), "rtol": 1e-5}
    np.testing.assert_allclose(found.lse, logits.double().logsumexp(-1), **near)
    np.testing.assert_allclose(found.inner, (logp.exp() * logp).sum(-1), **near)
    np.testing.assert_allclose(found.cross, (other.double() * logp).sum(-1), **near)
    np.testing.assert_allclose(found.log_probs(found.kept), logp.gather(-1, kept_ids.expand(2, -1, -1)), **near)
    values, ids = torch.sort(logits, dim=-1, descending=True, stable=True)
    assert torch.equal(found.leading, values[..., : found.leading.shape[-1]])
    assert torch.equal(found.leading_ids, ids[..., : found.leading.shape[-1]])


def test_the_lower_id_comes_first_among_equal_logits_for_every_width():
    logits = torch.zeros(1, 2, 4096)
    logits[..., [7, 100, 2100, 4000]] = 1.0
    for width in (64, 2048, 4096):
        found = added(logits, width, top=4)
        assert found.leading_ids.tolist() == [[[7, 100, 2100, 4000]] * 2]
        assert added(torch.zeros(1, 1, 4096), width).leading_ids[0, 0].tolist() == list(range(TOP))
        logits[..., ::100] = 1.0
        assert added(logits, width, top=4).leading_ids.tolist() == [[[0, 7, 100, 200]] * 2]
        logits.zero_()[..., [7, 100, 2100, 4000]] = 1.0


@pytest.mark.parametrize("width", [64, 500])
def test_masked_tokens_have_probability_0_and_appear_once(width):
    logits = torch.full((1, 2, 1000), -torch.inf)
    logits[..., [3, 900]] = torch.tensor([1.0, 2.0])
    other = torch.zeros(2, 1000)
    other[:, 900] = 1.0
    found = added(logits, width, torch.tensor([[3, 5]] * 2), other)
    p = torch.tensor([1.0, 2.0]).softmax(-1)
    np.testing.assert_allclose(found.inner, [[float((p * p.log()).sum())] * 2], rtol=1e-5)
    np.testing.assert_allclose(found.cross, [[float(p[1].log())] * 2], rtol=1e-5)
    np.testing.assert_allclose(found.log_probs(found.kept).exp(), [[[float(p[0]), 0.0]] * 2], rtol=1e-5)
    assert found.leading_ids[0, 0, :2].tolist() == [900, 3]
    assert len(set(found.leading_ids[0, 0].tolist())) == TOP


@pytest.mark.parametrize("bad", [torch.nan, torch.inf])
@pytest.mark.parametrize("at", [0, 999])
def test_nan_or_infinite_logits_give_no_finite_lse(bad, at):
    logits = rows(1000)
    logits[1, 2, at] = bad
    finite = torch.isfinite(added(logits, 100).lse)
    assert finite.tolist() == [[True] * 3, [True, True, False]]


@pytest.mark.parametrize(("size", "top"), [(49152, 10), (1000, 3), (1023, 1), (320, 5), (7, 7), (32 * 21, 10)])
def test_candidates_contain_the_top_logits(size, top):
    for z in (rows(size, seed=size), rows(size, scale=2).round()):  # the second has many equal logits
        near, ids = candidates(z, top)
        assert torch.equal(z.gather(-1, ids), near)
        assert torch.equal(near.topk(top, -1).values, z.topk(top, -1).values)
        assert (ids.diff(dim=-1) > 0).all()
        assert torch.equal(ids.gather(-1, near.argmax(-1, keepdim=True))[..., 0], z.argmax(-1))


def test_larger_gives_exactly_the_logits_above_a_bound_in_order():
    z = rows(1003)
    bounds = z.topk(5, -1).values[..., -1]
    bounds[0, 0] = torch.inf  # a row without any logit above its bound
    near, ids = larger(z, bounds)
    assert near.shape == (2, 3, 4)
    assert torch.isinf(near[0, 0]).all()
    expected = (z > bounds[..., None])[0, 1].nonzero()[:, 0]
    assert ids[0, 1].tolist() == expected.tolist()
    assert torch.equal(near[0, 1], z[0, 1, expected])


@pytest.mark.parametrize("ends", [(0, 1), (0, 2048), (0, 2049), (0, 50257), (100, 262144)])
def test_even_slices_cover_the_range_without_gaps(ends):
    slices = unembedding.even_slices(*ends)
    assert [each.start for each in slices] + [ends[1]] == [ends[0]] + [each.stop for each in slices]
    assert all(0 < each.stop - each.start <= unembedding.TOKENS + unembedding.STEP for each in slices)


def test_only_a_plain_matrix_counts_as_one():
    matrix = torch.nn.Linear(3, 5)
    assert unembedding.plain_matrix(matrix) is matrix
    assert not unembedding.plain_matrix(torch.nn.Linear(3, 5, device="meta"))
    assert not unembedding.plain_matrix(torch.nn.Sequential(matrix))
    handle = matrix.register_forward_hook(lambda _module, _args, out: out * 2)
    assert not unembedding.plain_matrix(matrix)
    handle.remove()
    matrix.forward = lambda x: x
    assert not unembedding.plain_matrix(matrix)
    parametrised = torch.nn.utils.parametrizations.weight_norm(torch.nn.Linear(3, 5))
    assert not unembedding.plain_matrix(parametrised)
