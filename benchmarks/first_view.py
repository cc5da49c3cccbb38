"""The time until a bench shows its first view: a 32-token prompt on the loaded demo model, against a plain forward pass.

Budget: within 1 s ``explore`` returns and the first view (the generation) has its data. Also printed: the time of the lens,
which the bench requests next, and the size of the saved page.
"""

import sys
import warnings

import torch

import tracebench as tb
from benchmarks._measure import cost, ratios, verdict
from tracebench.models.layout.family import run
from tracebench.offline.bake import answer, entries
from tracebench.offline.page import page_html


def main() -> int:
    warnings.simplefilter("ignore")
    lm = tb.load("demo")
    prompt = lm.encode("The tower was built by many people over a long time. " * 4)[:32]
    trace = lm.generate(prompt, max_new_tokens=8)
    benches = []

    def forward() -> None:
        with lm.running():
            run(lm.model, torch.tensor([list(trace.tokens.ids)]))

    def explore() -> None:
        benches.append(tb.explore(lm, trace))

    def lens() -> None:
        answer(benches[-1]._answerer, benches[-1].requests[0])

    found = ratios({"forward": forward, "explore": explore, "lens": lens}, "forward", 5)
    print(f"first view, {lm.name}, {len(prompt)} tokens of prompt and {len(trace.steps)} steps")
    for name, (wall, cpu, _) in found.items():
        print(f"  {name:8} {wall:6.2f} x a forward pass (processor time {cpu:6.2f} x)")
    bench = benches[-1]
    baked = {}
    for key, result in bench._answerer.known().items():
        baked |= entries(key, result, bench.traces, None)
    page = page_html(bench, baked)
    print(f"  the saved page has {len(page) / 1e3:.0f} kB")
    return 0 if verdict("seconds of explore", cost(explore).wall, 1.0, " s") else 1


if __name__ == "__main__":
    sys.exit(main())
