"""A script that tests run in a separate process, where the system really refuses more memory.

Prints the outcomes as JSON.
"""

import json
import resource
from itertools import pairwise
from pathlib import Path

import numpy as np
import torch

import tracebench as tb
from tests import tiny
from tracebench.models.memory import free_bytes
from tracebench.runtime.progress import listening

MB = 2**20


def leave(megabytes):
    """Limit this process: from now on it can allocate this many megabytes more."""
    used = int(Path("/proc/self/statm").read_text().split()[0]) * resource.getpagesize()
    resource.setrlimit(resource.RLIMIT_AS, (used + megabytes * MB, resource.RLIM_INFINITY))


def release():
    resource.setrlimit(resource.RLIMIT_AS, (resource.RLIM_INFINITY, resource.RLIM_INFINITY))


def sentence(ask):
    try:
        ask()
    except ValueError as error:
        release()
        return str(error)
    release()
    return "it fitted"


def wide():
    """A model with a large vocabulary, so that logits need the most memory: 64 positions are 51 MB."""
    lm = tiny.lm(vocab_size=200_000)
    return lm, lm.read([5 + n for n in range(64)])


def lens(megabytes):
    lm, trace = wide()
    # With a hook, the unembedding gives the whole vocabulary at once.
    lm.model.lm_head.register_forward_hook(lambda *_: None)
    expected = tb.LogitLens(top=3)(lm, trace)
    ticks = []

    def tighten(done, total, _note):
        ticks.append(done)
        if len(ticks) == 1:
            leave(megabytes)

    found = []
    with listening(tighten):
        said = sentence(lambda: found.append(tb.LogitLens(top=3)(lm, trace)))
    same = bool(found) and np.allclose(found[0].probs.values, expected.probs.values, rtol=1e-4)
    return {"said": said, "same": same, "back": any(b < a for a, b in pairwise(ticks))}


def one_pass():
    lm, _ = wide()
    leave(20)
    return {"said": sentence(lambda: lm.read([5 + n for n in range(100)]))}


def attention():
    """Two layers of 4 heads x 1000 x 1000 are 32 MB, and computing one layer uses as much."""
    lm = tiny.lm(max_position_embeddings=2000)
    trace = lm.read([5 + n % 300 for n in range(1000)])
    tb.AttentionPatterns(layers=(0,), heads=(0,))(lm, trace)  # loads what the first use needs
    passes = []
    lm.model.register_forward_pre_hook(lambda *_: passes.append(1))
    leave(52)
    free, said, before = free_bytes(), sentence(lambda: tb.AttentionPatterns()(lm, trace)), len(passes)
    leave(52)
    fits = sentence(lambda: tb.AttentionPatterns(layers=(0,))(lm, trace))
    return {"free": free, "said": said, "passes": before, "fits": fits}


def gradients():
    lm, trace = wide()
    methods = {
        "said": tb.InputXGradient(),
        "path": tb.IntegratedGradients(n_steps=4),
        "adaptive": tb.IntegratedGradients(n_steps=4, quadrature="adaptive"),
    }
    methods["said"](lm, trace, tb.Target(60))  # loads what the first use needs
    found = {}
    for name, method in methods.items():
        leave(-2)
        found[name] = sentence(lambda method=method: method(lm, trace, tb.Target(60)))
    return found


def replay():
    """A generated trace is valid even if a pass over all of it does not fit."""
    lm, _ = wide()
    lm.generate([5, 6, 7], max_new_tokens=2)
    run, made = lm.logits, []
    lm.logits = lambda ids: (leave(10), run(ids))[1]
    made.append(lm.generate([5 + n for n in range(60)], max_new_tokens=3))
    release()
    return {"steps": len(made[0].steps), "meaning": made[0].checks[0].meaning, "state": made[0].checks[0].state}


if __name__ == "__main__":
    torch.set_num_threads(1)
    asked = {
        "lens": lambda: lens(16),
        "nothing": lambda: lens(-27),
        "pass": one_pass,
        "attention": attention,
        "gradients": gradients,
        "replay": replay,
    }
    print(json.dumps({name: ask() for name, ask in asked.items()}))
