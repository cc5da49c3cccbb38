import pytest
import torch

from tests import tiny
from tracebench.models.recording.scores import leading


@pytest.mark.parametrize("count", [1, 3, 10])
@pytest.mark.parametrize("kinds", [2, 5, 40])
def test_of_equals_the_greedy_choice_leads(count, kinds):
    rows = torch.randint(kinds, (64, 50), generator=torch.Generator().manual_seed(0)).float()
    values, ids = leading(rows, count)
    assert torch.equal(values, rows.topk(count).values)
    assert torch.equal(rows.gather(-1, ids), values)
    assert torch.equal(ids[:, 0], rows.argmax(-1))
    assert all(len(set(row)) == count for row in ids.tolist())
    equal = values[:, 1:] == values[:, :-1]
    assert bool((ids[:, 1:] > ids[:, :-1])[equal].all())


@pytest.mark.parametrize("dtype", [torch.float32, torch.bfloat16])
def test_what_greedy_decoding_took_has_rank_0_though_a_softcap_makes_many_equal(dtype):
    lm = tiny.lm("gemma2", dtype=dtype)
    trace = lm.generate("The Eiffel Tower", max_new_tokens=8)
    assert (trace.candidates.logits.values[:, 0] == trace.candidates.logits.values[:, 1]).any()
    assert [trace.chosen_rank(step) for step in trace.steps] == [0] * 8
