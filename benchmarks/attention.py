"""Capture the residual stream and all attention patterns of the demo model, against a plain forward pass.

Budget at 512 tokens, with the patterns kept as uint8 on a square-root scale: at most 1.3 times the time of the pass; peak
memory of the kept arrays plus one layer, and at most a quarter of transformers' own eager capture.
"""

import argparse
import sys
import warnings
from copy import deepcopy

import numpy as np
import torch

import tracebench as tb
from benchmarks._measure import peaks, ratios, verdict
from tracebench.models.layout.family import run
from tracebench.models.watch.attention import Rows, watch_attention
from tracebench.models.watch.capture import capture_streams

MB = 2**20

#: Peak megabytes of transformers' eager capture of 512 tokens, including the pass. The budget is a quarter of it.
EAGER = 512.0


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--tokens", type=int, default=512)
    parser.add_argument("--rounds", type=int, default=15)
    options = parser.parse_args()
    warnings.simplefilter("ignore")
    lm = tb.load("demo")
    generator = torch.Generator().manual_seed(0)
    ids = torch.tensor([[1, *torch.randint(100, 40_000, (options.tokens - 1,), generator=generator).tolist()]])
    eager = type(lm.model)._from_config(deepcopy(lm.model.config), attn_implementation="eager").eval()
    eager.load_state_dict(lm.model.state_dict(), assign=True)

    half = torch.tensor(0.5)
    room = torch.empty(lm.heads * options.tokens**2)

    def forward() -> None:
        with lm.running():
            run(lm.model, ids)

    def capture() -> None:
        kept: list[np.ndarray] = []

        def keep(rows: Rows) -> None:
            # round(255 sqrt(w)), as the views pack weights. Torch computes it on all threads; numpy converts to bytes in a
            # quarter of torch's processor time.
            root = torch.sqrt(rows.pattern, out=room[: rows.pattern.numel()].view(rows.pattern.shape))
            kept.append(torch.add(half, root, alpha=255, out=root).numpy().astype(np.uint8))

        with lm.running(), capture_streams(lm.layout) as streams, watch_attention(lm, range(lm.layers), keep) as seen:
            run(lm.model, ids)
        capture.bytes, capture.seen = sum(array.nbytes for array in (*kept, *streams)), seen

    def weights() -> None:
        with torch.no_grad():
            eager(ids, use_cache=False, output_attentions=True, output_hidden_states=True)

    calls = {"forward": forward, "capture": capture, "eager": weights}
    took = peaks(calls, "benchmarks.attention", sys.argv[1:])
    for call in calls.values():
        call()
    found = ratios(calls, "forward", options.rounds)
    print(f"attention, {lm.name}, {options.tokens} tokens, {lm.layers} layers, {torch.get_num_threads()} threads")
    for name, (wall, cpu, _) in found.items():
        print(f"  {name:8} {wall:5.2f} x a forward pass (processor time {cpu:5.2f} x), peak +{took[name]:.0f} MB")
    print(f"  kept {capture.bytes / MB:.0f} MB; pattern @ values misses by {max(capture.seen.gaps.values()):.2g}")
    above = took["capture"] - took["forward"]
    print(f"  above the pass: {above:.0f} MB, eager {took['eager'] - took['forward']:.0f} MB")
    layer = 4 * lm.heads * options.tokens**2 / MB
    kept = [
        verdict("time, times a forward pass", found["capture"][0], 1.3),
        verdict("memory above the pass and what is kept", above - capture.bytes / MB, layer, " MB"),
    ]
    if options.tokens == 512:
        kept.append(verdict("memory above the pass, a quarter of what eager capture took", above, EAGER / 4, " MB"))
    return 0 if all(kept) else 1


if __name__ == "__main__":
    sys.exit(main())
