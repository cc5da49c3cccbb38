"""The command line: ``tracebench explore MODEL PROMPT -o out.html``, ``tracebench demo``, ``tracebench show FILE.trace``."""

from __future__ import annotations

import argparse
import io
import os
import sys
import tempfile
import warnings
from collections.abc import Sequence
from pathlib import Path
from typing import Any

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

    explore = commands.add_parser(
        "explore",
        help="generate from a model, print a finding, write a page",
        description="Generate from a model and write what explains it as one HTML page: which tokens speak for what was "
        "said, at which layer it formed, and where attention looked. Progress goes to stderr, the finding to stdout.",
    )
    explore.add_argument("model", metavar="MODEL", help='a hub id, a local folder, a .gguf file, or "demo"')
    explore.add_argument(
        "prompt",
        metavar="PROMPT",
        help="the text that the model goes on with; - reads it from stdin, less its last newline",
    )
    explore.add_argument(
        "-o", "--output", type=Path, required=True, help="the .html to write; what is there is written over"
    )
    explore.add_argument("--chat", action="store_true", help="the prompt is a user's message: apply the chat template")
    explore.add_argument("--tokens", type=int, default=8, metavar="N", help="how many tokens to generate (default: 8)")
    explore.add_argument(
        "--temperature", type=float, metavar="T", help="sample; without it the most likely token is taken"
    )
    explore.add_argument("--seed", type=int, metavar="N", help="of the sampling; drawn and recorded when none is given")
    explore.add_argument(
        "--against",
        metavar="TOKEN",
        help='explain step 0 rather than this token, e.g. " Rome" (exact text, with its space)',
    )
    explore.add_argument("--steps", choices=["all"], help="which tokens speak for every step, not for step 0 alone")
    explore.add_argument("--max-bytes", type=int, metavar="N", help="write no page that is larger")
    explore.add_argument(
        "--trace",
        action="store_true",
        help="also write the data, as a .trace of the page's name; written over likewise",
    )
    explore.set_defaults(run=_explore, make_folder=False)

    # The same, with everything chosen.
    demo = commands.add_parser("demo", help="explore the demo model at every step")
    demo.add_argument(
        "-o",
        "--output",
        type=Path,
        default=Path("demo/first-look.html"),
        help="the .html to write, with a .trace of the same name beside it; both are written over (default: %(default)s)",
    )
    demo.add_argument("--prompt", default=PROMPT, help="default: %(default)r")
    demo.add_argument("--tokens", type=int, default=8, metavar="N", help="how many tokens to generate (default: 8)")
    chosen = {"model": "demo", "chat": False, "temperature": None, "seed": None, "against": None, "max_bytes": None}
    demo.set_defaults(run=_explore, make_folder=True, steps="all", trace=True, **chosen)

    show = commands.add_parser("show", help="make a page of a saved .trace file (needs no torch)")
    show.add_argument("file", type=Path, help="a .trace file, as tb.save and bench.save write it")
    show.add_argument(
        "-o", "--output", type=Path, help="the .html to write, over what is there (default: FILE.html, if it is new)"
    )
    show.set_defaults(run=_show)
    return parser


def _explore(options: argparse.Namespace) -> None:
    import tracebench as tb
    from tracebench.analyses.usual import OF, usual
    from tracebench.bench.report import report
    from tracebench.offline.page import readable_size

    prompt = _checked_prompt(options)
    _say(f"Loading {options.model} ...")
    lm = tb.load(options.model)
    against = options.against
    if against is not None:
        lm.token_id(against)
    _say("Generating ...")
    trace = _generated(lm, prompt, options)
    if against is not None and lm.token_id(against) == trace.token_at(0).id:
        raise ValueError(f"--against {against!r} is what the model said at step 0: name a token that it did not say")
    targets = [tb.Target(0, against=against, of=OF)] if against is not None or options.steps is None else []
    if options.steps == "all":
        targets.insert(0, tb.Target(None, of=OF))
    lens = tb.LogitLens(watch=() if against is None else (against,))
    requests, note = usual(lm, trace, [lens], targets)
    bench, missing = _computed(lm, trace, requests, note, options.max_bytes)
    # Before the report: a reader may stop it early (`| head`), and the page is not lost for that.
    page = bench.save(options.output, max_bytes=options.max_bytes)
    data = bench.save(_data(options.output)) if options.trace else None
    print(report(trace, bench.results, [*missing, *filter(None, [note])]))
    size = readable_size(page.stat().st_size)
    print(f"\nWritten: {page} ({size}). Open it in a browser; it needs no kernel and no network.")
    if data is not None:
        print(f"The data beside it: {data}")


def _checked_prompt(options: argparse.Namespace) -> str:
    """The prompt. Loading and explaining take their time: what cannot end well is said before."""
    if options.tokens < 1:
        raise ValueError(f"--tokens is a number from 1, got {options.tokens}")
    if options.max_bytes is not None and options.max_bytes < 1:
        raise ValueError(f"--max-bytes is a number from 1, got {options.max_bytes}")
    if options.against == "":
        raise ValueError('--against is empty: give the exact text of a token, e.g. " Rome"')
    _check_page(options.output)
    if options.trace and _data(options.output).is_dir():
        raise ValueError(f"--trace writes {str(_data(options.output))!r}, which is a folder: give -o another name")
    if options.make_folder:
        _make_folder(options.output.parent)
    _check_folder(options.output)
    prompt = _read_prompt() if options.prompt == "-" else options.prompt
    if not prompt:
        raise ValueError("the prompt is empty: give the text that the model goes on with")
    try:
        prompt.encode()
    except UnicodeEncodeError:
        # What a shell passes on is bytes; those that are no text arrive as lone surrogates.
        raise ValueError("the prompt is not UTF-8 text: give it as such, or through stdin with -") from None
    from tracebench.models.recording.generation import Sampling

    Sampling(options.tokens, options.temperature, seed=options.seed)
    return prompt


def _read_prompt() -> str:
    if sys.stdin.isatty():
        _say("Type the prompt and end it with Ctrl-D (on Windows Ctrl-Z and Enter).")
    try:
        text = sys.stdin.buffer.read().decode("utf-8-sig")
    except UnicodeDecodeError as error:
        raise ValueError(f"the prompt on stdin is not UTF-8 text (byte {error.start}): convert it first") from None
    # As a shell's $(...) does: the newline that ends a file or an echo is nobody's prompt.
    return text.removesuffix("\n").removesuffix("\r")


def _generated(lm: Any, prompt: str, options: argparse.Namespace) -> Any:
    how = {"max_new_tokens": options.tokens, "temperature": options.temperature, "seed": options.seed}
    if options.chat:
        return lm.chat([{"role": "user", "content": prompt}], **how)
    return lm.generate(prompt, **how)


def _computed(
    lm: Any, trace: Any, requests: Sequence[Any], note: str | None, max_bytes: int | None
) -> tuple[Any, list[str]]:
    """A bench whose questions have been answered, and why some could not be: the others are not lost for that."""
    import tracebench as tb
    from tracebench.offline.bake import FAILURES, answer
    from tracebench.session.direct import Direct

    direct, missing = Direct([(lm, trace)]), []
    bench = tb.Workbench([trace], answerer=direct, usual=lambda _: (list(requests), note))
    for request in requests:
        if max_bytes is not None:
            # As soon as it is sure: what comes after may take minutes.
            bench._insist_on_size(max_bytes)
        _say(f"Computing {request.code.strip()} ...")
        try:
            answer(direct, request)
        except FAILURES as failure:
            question = f"{request.target.sentence(trace)} Not known: " if request.target is not None else ""
            missing.append(f"{question}{request.analysis} is not in the page: {failure}")
            _say(f"tracebench: {request.analysis} is not in the page: {failure}")
    # Saving would warn of what was just said.
    warnings.filterwarnings("ignore", message=".* is not in what was saved: ")
    return bench, missing


def _data(page: Path) -> Path:
    return page.with_suffix(".trace")


def _say(progress: str) -> None:
    print(progress, file=sys.stderr, flush=True)


def _show(options: argparse.Namespace) -> None:
    import tracebench as tb
    from tracebench.offline.page import readable_size

    if _is_page(options.file):
        raise ValueError(f"show takes a .trace file, and {str(options.file)!r} is a page: open it in a browser")
    bundle = tb.open(options.file)
    output = options.output or options.file.with_suffix(".html")
    if options.output is None and output.exists():
        raise ValueError(
            f"{str(output)!r} is there already: -o {output} writes over it, -o with another name leaves it"
        )
    _check_page(output)
    _check_folder(output)
    bench = tb.Workbench([*bundle])
    page = bench.save(output)
    if bench.trace is not None and bench.trace.steps:
        print(bench.summary(0))
    for _, check in bench.checks.wrong:
        print(f"{check}: {check.meaning}")
    print(f"Written: {page} ({readable_size(page.stat().st_size)})")


def _is_page(path: Path) -> bool:
    return path.suffix.lower() in (".html", ".htm")


def _check_page(output: Path) -> None:
    if not _is_page(output):
        raise ValueError(f"-o names the page to write, which ends in .html, got {str(output)!r}")
    if output.is_dir():
        raise ValueError(f"-o names the page to write, and {str(output)!r} is a folder: add a file name")


def _check_folder(output: Path) -> None:
    folder = output.parent
    if not folder.is_dir():
        raise ValueError(f"there is no folder {str(folder)!r} to write {output.name} into: make it first")
    try:
        tempfile.TemporaryFile(dir=folder).close()
    except OSError as error:
        raise ValueError(f"cannot write into the folder {str(folder)!r}: {error.strerror}; choose another") from None


def _make_folder(folder: Path) -> None:
    try:
        folder.mkdir(parents=True, exist_ok=True)
    except (FileExistsError, NotADirectoryError):
        raise ValueError(
            f"cannot make the folder {str(folder)!r}: it is, or is inside of, a file; name another"
        ) from None


if __name__ == "__main__":
    sys.exit(main())
