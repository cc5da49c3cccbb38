"""Running out of memory is a sentence that says what would fit; the limits are the system's own, on a process of its own."""

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest
import torch

from tracebench.models import memory
from tracebench.models.memory import DoesNotFit, fitting, free_bytes, is_out_of_memory

LIMITED = Path(__file__).with_name("limited.py")
#: Memory that is given back must go back to the system at once, else what is still held decides what fits.
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


def test_attention_is_refused_before_the_pass_and_what_it_says_would_fit_does(limited):
    found = limited["attention"]
    assert found["free"] == 52 * 2**20
    assert found["said"] == (
        "2 layers x 4 heads x 1000 x 1000 weights take 0.032 GB, more than the 0.023 GB of memory that are free for them: "
        "ask for 1 of these layers at the most, as AttentionPatterns(layers=(0,)) does"
    )
    assert found["passes"] == 0
    assert found["fits"] == "it fitted"


def test_gradients_that_do_not_fit_are_a_sentence(limited):
    for said in limited["gradients"].values():
        assert said == (
            "61 tokens do not fit the memory of cpu with gradients, one text at a time: explain an earlier step or a "
            "shorter text"
        )


def test_what_was_generated_is_a_record_though_no_pass_over_it_fits(limited):
    found = limited["replay"]
    assert (found["steps"], found["state"]) == (3, "amber")
    assert found["meaning"].startswith("Not known: one pass over 63 tokens does not fit the memory of cpu")


def test_errors_of_another_kind_stay_what_they_are():
    assert is_out_of_memory(torch.OutOfMemoryError("CUDA out of memory"))
    assert is_out_of_memory(MemoryError())
    assert not is_out_of_memory(RuntimeError("shapes do not match"))
    assert not is_out_of_memory(ValueError("can't allocate memory"))
    with pytest.raises(RuntimeError, match="shapes"), fitting("no memory"):
        raise RuntimeError("shapes do not match")
    with pytest.raises(DoesNotFit, match="no memory"), fitting("no memory"):
        torch.empty(2**60, dtype=torch.uint8)


def test_what_is_free_is_the_least_that_anybody_says(monkeypatch, tmp_path):
    limit, used = tmp_path / "max", tmp_path / "current"
    monkeypatch.setattr(memory, "_GROUPS", ((str(limit), str(used)),))
    without = free_bytes()
    assert without > 2**20
    used.write_text("1000\n")
    for said, expected in (("max\n", None), ("5000\n", 4000), ("500\n", 0)):
        limit.write_text(said)
        found = free_bytes()
        assert found == expected if expected is not None else found > 2**20


def test_where_the_system_does_not_say_nothing_is_known(monkeypatch):
    monkeypatch.setattr(memory, "_read", lambda _name: "")
    assert free_bytes() is None
