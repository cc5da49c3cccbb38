"""An out-of-memory error says what would fit. The limits are the system's own, set on a separate process."""

import json
import os
import re
import subprocess
import sys
from pathlib import Path

import pytest
import torch

import tracebench as tb
from tests import tiny
from tests.unchanged import unchanged
from tracebench.analyses.attention import patterns
from tracebench.models import memory
from tracebench.models.memory import DoesNotFit, fitting, free_bytes, halving, is_out_of_memory
from tracebench.models.watch import attention
from tracebench.models.watch.pattern import MANY_ROWS

LIMITED = Path(__file__).with_name("limited.py")
#: Freed memory must return to the system at once; otherwise memory that the allocator keeps decides what fits.
MALLOC = {"MALLOC_MMAP_THRESHOLD_": "65536", "MALLOC_ARENA_MAX": "1", "OMP_NUM_THREADS": "1"}


@pytest.fixture(scope="module")
def limited():
    root = str(LIMITED.parents[2])
    paths = os.pathsep.join([root, *filter(None, [os.environ.get("PYTHONPATH")])])
    ran = subprocess.run(
        [sys.executable, LIMITED],
        env={**os.environ, **MALLOC, "PYTHONPATH": paths},
        capture_output=True,
        text=True,
        timeout=300,
        check=False,
    )
    assert ran.returncode == 0, ran.stderr
    return json.loads(ran.stdout)


def test_the_lens_takes_fewer_rows_at_a_time_and_gives_the_same(limited):
    assert limited["lens"] == {"said": "it fitted", "same": True, "back": True}


def test_the_lens_says_when_not_even_one_position_fits(limited):
    assert limited["nothing"]["said"].startswith(
        "not even one position of 200000 logits at a time fits the memory of cpu"
    )


def test_a_pass_that_does_not_fit_says_how_much_its_logits_take(limited):
    assert limited["pass"]["said"] == (
        "one pass over 100 tokens does not fit the memory of cpu (its logits alone take 0.08 GB): free some, or read a "
        "shorter text, of 50 tokens or fewer"
    )


def test_attention_is_refused_before_the_pass_and_the_suggestion_fits(limited):
    found = limited["attention"]
    # The call itself takes a few pages.
    assert 52 * 2**20 - 2**18 <= found["free"] <= 52 * 2**20
    assert re.fullmatch(
        r"2 layers x 4 heads x 1000 x 1000 weights take 0\.032 GB, more than the 0\.02[23] GB of memory that are free for "
        r"them: choose at most 1 of these layers, e\.g\. AttentionPatterns\(layers=\(0,\)\)",
        found["said"],
    )
    assert found["passes"] == 0
    assert found["fits"] == "it fitted"


def test_gradients_that_do_not_fit_are_refused(limited):
    for said in limited["gradients"].values():
        assert said == (
            "61 tokens do not fit the memory of cpu with gradients, even one text at a time: explain an earlier step or a "
            "shorter text"
        )


def test_a_generated_trace_is_kept_if_its_replay_does_not_fit(limited):
    found = limited["replay"]
    assert (found["steps"], found["state"]) == (3, "amber")
    assert found["meaning"].startswith("Not known: one pass over 63 tokens does not fit the memory of cpu")


def test_other_errors_pass_through():
    assert is_out_of_memory(torch.OutOfMemoryError("CUDA out of memory"))
    assert is_out_of_memory(MemoryError())
    assert not is_out_of_memory(RuntimeError("shapes do not match"))
    assert not is_out_of_memory(ValueError("can't allocate memory"))
    with pytest.raises(RuntimeError, match="shapes"), fitting("no memory"):
        raise RuntimeError("shapes do not match")
    with pytest.raises(DoesNotFit, match="no memory"), fitting("no memory"):
        torch.empty(2**60, dtype=torch.uint8)


@pytest.mark.parametrize(
    "analysis",
    [
        tb.InputXGradient(),
        tb.IntegratedGradients(n_steps=4),
        tb.IntegratedGradients(n_steps=4, quadrature="adaptive"),
    ],
)
def test_a_check_that_does_not_fit_is_refused(analysis):
    """The checks' passes without gradients do not fit, although the method's own passes do."""
    lm = tiny.lm()
    trace = lm.read([5, 6, 7, 8])

    def fill(*_):
        if not torch.is_grad_enabled():
            torch.empty(2**60, dtype=torch.uint8)

    handle = lm.model.lm_head.register_forward_pre_hook(fill)
    with (
        unchanged(lm.model),
        pytest.raises(DoesNotFit, match="explaining 3 tokens does not fit the memory of cpu: free"),
    ):
        analysis(lm, trace, tb.Target(2))
    handle.remove()


def test_a_layout_proof_that_does_not_fit_suggests_no_shorter_text():
    model = tiny.model()
    model.lm_head.register_forward_pre_hook(lambda *_: torch.empty(2**60, dtype=torch.uint8))
    with pytest.raises(DoesNotFit, match=r"does not fit .*: free some, or load the model in a type of fewer bytes$"):
        tb.LanguageModel(model, None)


def test_half_as_many_are_tried_until_they_fit():
    tried = []

    def attempt(rows):
        tried.append(rows)
        return torch.empty(2**60 if rows > 3 else rows, dtype=torch.uint8).shape[0]

    assert halving(attempt, 12, "no memory") == (3, 3)
    assert tried == [12, 6, 3]
    with pytest.raises(DoesNotFit, match="no memory"):
        halving(lambda _rows: torch.empty(2**60, dtype=torch.uint8), 2, "no memory")


def test_free_memory_is_the_smallest_known_limit(monkeypatch, tmp_path):
    limit, used, stat = (tmp_path / name for name in ("max", "current", "stat"))
    monkeypatch.setattr(memory, "_GROUPS", ((str(limit), str(used), str(stat)),))
    without = free_bytes()
    assert without > 2**20
    used.write_text("1000\n")
    for said, expected in (("max\n", None), ("5000\n", 4000), ("500\n", 0)):
        limit.write_text(said)
        found = free_bytes()
        assert found == expected if expected is not None else found > 2**20
    # After reading a checkpoint, a container's memory is full of file pages, which the system drops on demand.
    limit.write_text("5000\n")
    used.write_text("4900\n")
    for said in (
        "anon 900\nfile 4000\ninactive_file 3000\nactive_file 500\n",
        "total_inactive_file 3500\ninactive_file 1\n",
    ):
        stat.write_text(said)
        assert free_bytes() == 3600


def test_memory_of_another_device_is_not_reserved_in_main_memory(monkeypatch):
    """On the CPU a layer's pattern shares the main memory with the result; on a GPU it is in the GPU's memory."""
    lm = tiny.lm()
    trace, (layer, head) = lm.read([5, 6, 7, 8]), (4 * 16 * 4, 16 * 4)
    monkeypatch.setattr(patterns, "free_bytes", lambda: 2 * layer)
    for analysis in (tb.AttentionPatterns(layers=(0,), heads=(0,)), tb.AttentionRollout(last=0)):
        with pytest.raises(ValueError, match="more than the 0 GB of memory that are free for them"):
            analysis(lm, trace)
    monkeypatch.setattr(patterns, "free_bytes", lambda: 2 * layer + head)
    for analysis in (tb.AttentionPatterns(layers=(0,), heads=(0,)), tb.AttentionRollout(last=0)):
        analysis(lm, trace)
    monkeypatch.setattr(patterns, "free_bytes", lambda: head)
    assert patterns.at_most(lm, len(trace.tokens)) == 0
    monkeypatch.setattr(type(lm), "device", torch.device("cuda"))
    assert patterns.at_most(lm, len(trace.tokens)) == head


@pytest.mark.parametrize(
    "said",
    [
        "MPS backend out of memory (MPS allocated: 18.00 GB, other allocations: 0.1 GB, max allowed: 18.13 GB)",
        "CUDA error: out of memory",
        "CUDA error: CUBLAS_STATUS_ALLOC_FAILED when calling `cublasCreate(handle)`",
        "[enforce fail at alloc_cpu.cpp:121] err == 0. DefaultCPUAllocator: can't allocate memory: you tried to allocate 1 bytes",
    ],
)
def test_the_out_of_memory_messages_of_every_device_are_recognised(said):
    assert is_out_of_memory(RuntimeError(said))


def test_free_memory_is_none_if_the_system_does_not_say(monkeypatch):
    monkeypatch.setattr(memory, "_read", lambda _name: "")
    assert free_bytes() is None


class Gpu:
    """Only the GPU's own numbers are replaced, because the test machines have no GPU; the rest is the real code."""

    def __init__(self, monkeypatch, kind, free, reserved=0, allocated=0):
        if kind == "mps":
            monkeypatch.setattr(torch.mps, "recommended_max_memory", lambda: free + allocated)
            monkeypatch.setattr(torch.mps, "current_allocated_memory", lambda: allocated)
            return
        backend = torch.get_device_module(kind)
        monkeypatch.setattr(backend, "mem_get_info", lambda _device: (free, 10 * free))
        monkeypatch.setattr(backend, "memory_reserved", lambda _device: reserved)
        monkeypatch.setattr(backend, "memory_allocated", lambda _device: allocated)


@pytest.mark.parametrize("kind", ["cuda", "xpu"])
def test_memory_that_torch_reserved_and_does_not_use_is_free(monkeypatch, kind):
    Gpu(monkeypatch, kind, free=1000, reserved=500, allocated=200)
    assert free_bytes(torch.device(kind, 1)) == 1300


def test_a_driver_that_does_not_report_memory_gives_none(monkeypatch):
    def no(_device):
        raise RuntimeError("The device doesn't support querying the available free memory.")

    monkeypatch.setattr(torch.xpu, "mem_get_info", no)
    assert free_bytes(torch.device("xpu", 0)) is None


def test_a_rollout_is_refused_before_any_pass(monkeypatch):
    lm, other = (tiny.lm(max_position_embeddings=2000) for _ in range(2))
    trace = other.read([5 + n % 300 for n in range(1000)])
    passes = []
    lm.model.register_forward_pre_hook(lambda *_: passes.append(1))
    monkeypatch.setattr(attention, "free_bytes", lambda _device: 1000)
    for analysis in (tb.AttentionPatterns(), tb.AttentionRollout()):
        with pytest.raises(DoesNotFit):
            analysis(lm, trace)
    assert passes == []


def test_on_apples_gpus_free_memory_is_limited_by_main_memory(monkeypatch):
    device = torch.device("mps")
    Gpu(monkeypatch, "mps", free=1000, allocated=300)
    assert free_bytes(device) == 1000
    Gpu(monkeypatch, "mps", free=-1000, allocated=3000)
    assert free_bytes(device) == 0
    Gpu(monkeypatch, "mps", free=2**60)
    assert free_bytes(device) < 2**50
    monkeypatch.setattr(memory, "_available", lambda: 700)
    assert free_bytes(device) == 700


def test_free_memory_of_an_unknown_device_is_none():
    assert free_bytes(torch.device("meta")) is None


@pytest.mark.parametrize("kind", ["cuda", "mps"])
@pytest.mark.parametrize("analysis", [tb.AttentionPatterns(), tb.AttentionRollout(last=0)])
def test_attention_that_does_not_fit_a_gpu_is_refused_before_the_pass(monkeypatch, kind, analysis):
    """The model has the device by name only: the size is checked before any tensor goes there."""
    lm = tiny.lm(max_position_embeddings=2000)
    trace, passes = lm.read([5 + n % 300 for n in range(1000)]), []
    lm.model.register_forward_pre_hook(lambda *_: passes.append(1))
    monkeypatch.setattr(type(lm), "device", torch.device(kind))
    for free, said in (
        (12_000_000, "free some, or read a shorter text, of 732 tokens or fewer"),
        (3_200_000, "free some, or read a shorter text, of 316 tokens or fewer"),
        (0, "free some, or load the model on another device"),
    ):
        Gpu(monkeypatch, kind, free)
        with pytest.raises(DoesNotFit) as error:
            analysis(lm, trace)
        assert str(error.value) == (
            f"watching attention over 1000 tokens takes 0.016 GB of the memory of {kind} beside the pass, where "
            f"{free / 1e9:.2g} GB are free: {said}"
        )
    assert passes == []


def test_the_suggested_number_of_tokens_fits(monkeypatch):
    """As on a GPU: with all rows of a text computed at once, and with some rows at a time."""
    lm = tiny.lm(max_position_embeddings=2000)
    for free, fits in ((12_000_000, 732), (3_200_000, 316)):
        monkeypatch.setattr(attention, "free_bytes", lambda _device, free=free: free)
        monkeypatch.setattr(attention, "rows_at_once", lambda _device: MANY_ROWS)
        monkeypatch.setattr(attention, "times_held", lambda _device: 2)
        read = {length: lm.read([5 + n % 300 for n in range(length)]) for length in (fits, fits + 1)}
        tb.AttentionPatterns(layers=(0,), heads=(0,))(lm, read[fits])
        with pytest.raises(DoesNotFit, match=f"of {fits} tokens or fewer"):
            tb.AttentionPatterns(layers=(0,), heads=(0,))(lm, read[fits + 1])
