"""The logit lens of the demo model, against the unembedding matmuls alone.

Budget: every layer and position of 512 tokens with top-10, probability, entropy and KL takes at most 2.2 times the
matmuls (31 x 512 rows into a reused buffer), and less than 150 MB above the model.
"""

import argparse
import sys
import warnings

import torch

import tracebench as tb
from benchmarks._measure import ratios, verdict
from tracebench.models.family import run

#: Of the reference's matmuls: the size at which they are quickest in that much memory (64 takes 1.3 times as long).
ROWS = 128


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--tokens", type=int, default=512)
    parser.add_argument("--rounds", type=int, default=3)
    options = parser.parse_args()
    warnings.simplefilter("ignore")
    lm = tb.load("demo")
    generator = torch.Generator().manual_seed(0)
    ids = [1, *torch.randint(100, 40_000, (options.tokens - 1,), generator=generator).tolist()]
    trace = lm.read(ids)
    weight = lm.layout.unembed.weight.detach()
    layers = lm.layers + 1
    buffer, rows = torch.empty(ROWS, weight.shape[0]), torch.randn(ROWS, weight.shape[1])

    def matmuls() -> None:
        for _ in range(layers * -(-options.tokens // ROWS)):
            torch.mm(rows, weight.T, out=buffer)

    def forward() -> None:
        with lm.running():
            run(lm.model, torch.tensor([ids]))

    def lens() -> None:
        lm.refresh()  # forget the plain pass: its cost belongs to the lens
        lens.table = tb.LogitLens(top=10)(lm, trace)

    tb.LogitLens(top=10)(lm, lm.read(ids[:8]))
    found = ratios({"matmuls": matmuls, "forward": forward, "lens": lens}, "matmuls", options.rounds)
    print(f"logit lens, {lm.name}, {options.tokens} tokens, {layers} rows, {torch.get_num_threads()} threads")
    for name, (wall, cpu, peak) in found.items():
        print(f"  {name:8} {wall:5.2f} x the matmuls (processor time {cpu:5.2f} x), peak +{peak:.0f} MB")
    for check in lens.table.checks:
        print(f"  {check}")
    kept = [
        verdict("lens time, times the matmuls", found["lens"][0], 2.2),
        verdict("lens memory above the model", found["lens"][2], 150, " MB"),
    ]
    return 0 if all(kept) else 1


if __name__ == "__main__":
    sys.exit(main())
