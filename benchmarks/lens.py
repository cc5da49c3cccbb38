"""The logit lens of the demo model, against the unembedding matmuls alone.

Budget: every layer and position of 512 tokens with top-10, probability, entropy and KL takes at most 1.25 times the
matmuls (31 x 512 rows into a reused buffer), and less than 150 MB above the model. The budget excludes the plain pass,
whose digest is cached per text; the time with it is printed too, and the time of other ways to do the same matmuls.
"""

import argparse
import sys
import warnings

import torch

import tracebench as tb
from benchmarks._measure import peaks, ratios, verdict
from tracebench.models.layout.family import run
from tracebench.models.watch.unembedding import ROWS as MANY
from tracebench.models.watch.unembedding import even_slices

#: Rows per matmul of the reference: the fastest size with little memory (64 rows take 1.3 times as long).
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
    buffer, rows = torch.empty(ROWS, weight.shape[0]), torch.randn(max(MANY, options.tokens), weight.shape[1])

    def matmuls() -> None:
        for _ in range(layers * -(-options.tokens // ROWS)):
            torch.mm(rows[:ROWS], weight.T, out=buffer)

    def whole_layers() -> None:
        many = torch.empty(options.tokens, weight.shape[0])
        for _ in range(layers):
            torch.mm(rows[: options.tokens], weight.T, out=many)

    def slices() -> None:
        for tokens in even_slices(0, weight.shape[0]):
            for _ in range(layers * -(-options.tokens // MANY)):
                torch.mm(rows[:MANY], weight[tokens].T)

    def forward() -> None:
        with lm.running():
            run(lm.model, torch.tensor([ids]))

    def lens() -> None:
        lens.table = tb.LogitLens(top=10)(lm, trace)

    def first_lens() -> None:
        lm.refresh()  # clears the cached digest of the plain pass
        lens()

    lens()
    calls = {
        "matmuls": matmuls,
        "lens": lens,
        "lens and plain pass": first_lens,
        "forward": forward,
        "matmuls of a layer at once": whole_layers,
        "matmuls in slices": slices,
    }
    peak = peaks(
        {"lens": lens, "first": first_lens},
        "benchmarks.lens",
        ["--tokens", str(options.tokens)],
    )
    found = ratios(calls, "matmuls", options.rounds)
    print(f"logit lens, {lm.name}, {options.tokens} tokens, {layers} rows, {torch.get_num_threads()} threads")
    for name, (wall, cpu, _) in found.items():
        print(f"  {name:26} {wall:5.2f} x the matmuls (processor time {cpu:5.2f} x)")
    for check in lens.table.checks:
        print(f"  {check}")
    kept = [
        verdict("lens time, times the matmuls", found["lens"][0], 1.25),
        verdict("lens memory above the model", max(peak.values()), 150, " MB"),
    ]
    return 0 if all(kept) else 1


if __name__ == "__main__":
    sys.exit(main())
