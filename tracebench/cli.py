"""The command line: ``tracebench demo`` and ``tracebench show FILE.trace -o out.html``."""

from __future__ import annotations

import argparse
import io
import os
import sys
from collections.abc import Sequence
from pathlib import Path

PROMPT = "The Eiffel Tower is located in the city of"


def main(arguments: Sequence[str] | None = None) -> int:
    """Run a command; 0 when it did what was asked, 1 with a sentence on stderr when it could not."""
    options = _parser().parse_args(arguments)
    # A console that has no "▸" shows another sign there: the page is written all the same.
    if isinstance(sys.stdout, io.TextIOWrapper):
        sys.stdout.reconfigure(errors="replace")
    try:
        options.run(options)
        sys.stdout.flush()
    except BrokenPipeError:
        # Whoever read it has seen enough (`| head`). Python would flush once more at its end, and complain.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return 141
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
    demo.add_argument(
        "-o",
        "--output",
        type=Path,
        default=Path("demo/first-look.html"),
        help="the .html to write, with a .trace of the same name beside it; both are written over (default: %(default)s)",
    )
    demo.add_argument("--prompt", default=PROMPT, help="default: %(default)r")
    demo.add_argument("--tokens", type=int, default=8, metavar="N", help="how many tokens to generate (default: 8)")
    demo.set_defaults(run=_demo)

    show = commands.add_parser("show", help="make a page of a saved .trace file (needs no torch)")
    show.add_argument("file", type=Path, help="a .trace file, as tb.save and bench.save write it")
    show.add_argument(
        "-o", "--output", type=Path, help="the .html to write, over what is there (default: FILE.html, if it is new)"
    )
    show.set_defaults(run=_show)
    return parser


def _demo(options: argparse.Namespace) -> None:
    import tracebench as tb
    from tracebench.offline.page import readable_size

    # Loading takes seconds: what cannot end well is said before.
    if options.tokens < 1:
        raise ValueError(f"--tokens is a number from 1, got {options.tokens}")
    if not options.prompt:
        raise ValueError("--prompt is empty: give the text that the model goes on with")
    _check_page(options.output)
    _make_folder(options.output.parent)
    print("Loading the demo model ...", file=sys.stderr)
    lm = tb.load("demo")
    trace = lm.generate(options.prompt, max_new_tokens=options.tokens)
    lens = tb.LogitLens(top=5)(lm, trace)
    print("Explaining every step ...", file=sys.stderr)
    scores = tb.IntegratedGradients()(lm, trace, tb.Target(step=None, of="log_prob"))
    bench = tb.Workbench([trace, lens, scores])
    page = bench.save(options.output)
    data = bench.save(options.output.with_suffix(".trace"))
    _report(bench, lens, scores)
    print(
        f"\nWritten: {page} ({readable_size(page.stat().st_size)}). Open it in a browser; it needs no kernel and no network."
    )
    print(f"The data beside it: {data}")


def _show(options: argparse.Namespace) -> None:
    import tracebench as tb
    from tracebench.offline.page import readable_size

    if _is_page(options.file):
        raise ValueError(f"show takes a .trace file, and {str(options.file)!r} is a page: open it in a browser")
    output = options.output or options.file.with_suffix(".html")
    if options.output is None and output.exists():
        raise ValueError(
            f"{str(output)!r} is there already: -o {output} writes over it, -o with another name leaves it"
        )
    _check_page(output)
    if not output.parent.is_dir():
        raise ValueError(f"there is no folder {str(output.parent)!r} to write {output.name} into: make it first")
    bundle = tb.open(options.file)
    bench = tb.Workbench([bundle.trace, *bundle.results])
    page = bench.save(output)
    if bundle.trace.steps:
        print(bench.finding(0))
    print(f"Written: {page} ({readable_size(page.stat().st_size)})")


def _is_page(path: Path) -> bool:
    return path.suffix.lower() in (".html", ".htm")


def _check_page(output: Path) -> None:
    if not _is_page(output):
        raise ValueError(f"-o names the page to write, which ends in .html, got {str(output)!r}")
    if output.is_dir():
        raise ValueError(f"-o names the page to write, and {str(output)!r} is a folder: add a file name")


def _make_folder(folder: Path) -> None:
    try:
        folder.mkdir(parents=True, exist_ok=True)
    except (FileExistsError, NotADirectoryError):
        raise ValueError(
            f"cannot make the folder {str(folder)!r}: it is, or is inside of, a file; name another"
        ) from None


def _report(bench, lens, scores) -> None:  # noqa: ANN001 - imported names would cost the start-up of --help
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
    for check in (*trace.checks, *lens.checks, *scores.checks):
        print(f"{check}: {check.meaning}")


if __name__ == "__main__":
    sys.exit(main())
