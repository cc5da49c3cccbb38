"""The command line: ``tracebench demo`` and ``tracebench show FILE.trace -o out.html``."""

from __future__ import annotations

import argparse
import sys
from collections.abc import Sequence
from pathlib import Path

PROMPT = "The Eiffel Tower is located in the city of"


def main(arguments: Sequence[str] | None = None) -> int:
    """Run a command; 0 when it did what was asked, 1 with a sentence on stderr when it could not."""
    options = _parser().parse_args(arguments)
    try:
        options.run(options)
    except (ValueError, LookupError, OSError, ImportError) as failure:
        # The sentences of ours; anything else is a bug and keeps its traceback.
        print(f"tracebench: {failure.args[0] if isinstance(failure, KeyError) else failure}", file=sys.stderr)
        return 1
    except KeyboardInterrupt:
        print("tracebench: interrupted", file=sys.stderr)
        return 130
    return 0


def _parser() -> argparse.ArgumentParser:
    from tracebench import __version__

    parser = argparse.ArgumentParser(prog="tracebench", description="See why a language model said what it said.")
    parser.add_argument("--version", action="version", version=f"tracebench {__version__}")
    commands = parser.add_subparsers(required=True, metavar="COMMAND")

    demo = commands.add_parser("demo", help="generate from the demo model, print a finding, write a page")
    demo.add_argument("-o", "--output", type=Path, default=Path("demo/first-look.html"), help="default: %(default)s")
    demo.add_argument("--prompt", default=PROMPT, help="default: %(default)r")
    demo.add_argument("--tokens", type=int, default=8, metavar="N", help="how many tokens to generate (default: 8)")
    demo.set_defaults(run=_demo)

    show = commands.add_parser("show", help="make a page of a saved .trace file (needs no torch)")
    show.add_argument("file", type=Path, help="a .trace file, as tb.save and bench.save write it")
    show.add_argument("-o", "--output", type=Path, help="default: the same name with .html")
    show.set_defaults(run=_show)
    return parser


def _demo(options: argparse.Namespace) -> None:
    import tracebench as tb
    from tracebench.offline.page import readable_size

    print("Loading the demo model ...", file=sys.stderr)
    lm = tb.load("demo")
    trace = lm.generate(options.prompt, max_new_tokens=options.tokens)
    lens = tb.LogitLens(top=5)(lm, trace)
    options.output.parent.mkdir(parents=True, exist_ok=True)
    bench = tb.Workbench([trace, lens])
    page = bench.save(options.output)
    data = bench.save(options.output.with_suffix(".trace"))
    _report(bench, lens)
    print(
        f"\nWritten: {page} ({readable_size(page.stat().st_size)}). Open it in a browser; it needs no kernel and no network."
    )
    print(f"The data beside it: {data}")


def _show(options: argparse.Namespace) -> None:
    import tracebench as tb
    from tracebench.offline.page import readable_size

    bundle = tb.open(options.file)
    bench = tb.Workbench([bundle.trace, *bundle.results])
    page = bench.save(options.output or options.file.with_suffix(".html"))
    if bundle.trace.steps:
        print(bench.finding(0))
    print(f"Written: {page} ({readable_size(page.stat().st_size)})")


def _report(bench, lens) -> None:  # noqa: ANN001 - imported names would cost the start-up of --help
    trace = bench.trace
    print(f"\n{trace.provenance.model}, {trace.provenance.layers} layers, {trace.provenance.dtype}")
    print(f"{trace.prompt}▸{trace.completion}\n")
    print(bench.finding(0) + "\n")
    last = lens.layers[-1]
    print("step  token            p     entropy   leads to the end from")
    probs, entropy = trace.candidates.chosen_probs.values, trace.candidates.entropy.values
    for step in trace.steps:
        layer = lens.answer_layer(trace.position(step), trace.token_at(step).id)
        led = "never" if layer is None else "the embedding" if layer == -1 else f"layer {layer} of 0-{last}"
        shown = trace.tokens.display[trace.prompt_length + step]
        print(f"{step:>4}  {shown:<14} {probs[step]:6.3f}  {entropy[step]:5.2f} nats  {led}")
    print("\nChecks (what was measured, and what is allowed):")
    for check in (*trace.checks, *lens.checks):
        print(f"{check}: {check.meaning}")


if __name__ == "__main__":
    sys.exit(main())
