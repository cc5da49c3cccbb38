"""How soon a bench shows something: a 32-token prompt on the loaded demo model, against one plain forward pass.

Budget: ``explore`` returns and the first view (the generation) has its data within 1 s. The lens is asked for after
that, and the saved page is what a person sends on.
"""

import sys
import warnings

import torch

import tracebench as tb
from benchmarks._measure import cost, ratios, verdict
from tracebench.models.layout.family import run
from tracebench.offline.bake import answer
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
        answer(benches[-1]._answerer, benches[-1]._requests[0])

    found = ratios({"forward": forward, "explore": explore, "lens": lens}, "forward", 5)
    print(f"first view, {lm.name}, {len(prompt)} tokens of prompt and {len(trace.steps)} steps")
    for name, (wall, cpu, _) in found.items():
        print(f"  {name:8} {wall:6.2f} x a forward pass (processor time {cpu:6.2f} x)")
    bench = benches[-1]
    page = page_html(
        bench, {key: bench.views[1].pack(result, trace) for key, result in bench._answerer.known().items()}
    )
    print(f"  the saved page has {len(page) / 1e3:.0f} kB")
    return 0 if verdict("seconds of explore", cost(explore).wall, 1.0, " s") else 1


if __name__ == "__main__":
    sys.exit(main())
