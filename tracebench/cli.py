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
    """Run a command.

    Returns:
        0 for success; 1 for an error, with one sentence on stderr; 130 after Ctrl-C; 141 if stdout was closed early.
    """
    options = _parser().parse_args(arguments)
    # A console without "▸" shows a replacement sign instead of failing.
    if isinstance(sys.stdout, io.TextIOWrapper):
        sys.stdout.reconfigure(errors="replace")
    try:
        options.run(options)
        sys.stdout.flush()
    except BrokenPipeError:
        # The reader closed the pipe (`| head`). Python flushes stdout at exit, which would raise again.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return 141
    except (ValueError, LookupError, OSError, ImportError) as failure:
        # These are our own messages. Any other exception is a bug and keeps its traceback.
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
        help="generate from a model, print a report, write a page",
        description="Generate from a model and write one HTML page that explains the text: which tokens speak for it, "
        "at which layer it formed, and where attention looked. Progress goes to stderr, the report to stdout.",
    )
    explore.add_argument("model", metavar="MODEL", help='a hub id, a local folder, a .gguf file, or "demo"')
    explore.add_argument(
        "prompt",
        metavar="PROMPT",
        help="the text that the model continues; - reads it from stdin, without its last newline",
    )
    explore.add_argument(
        "-o", "--output", type=Path, required=True, help="the .html file to write; an old file is replaced"
    )
    explore.add_argument("--chat", action="store_true", help="the prompt is a user's message: apply the chat template")
    explore.add_argument("--tokens", type=int, default=8, metavar="N", help="how many tokens to generate (default: 8)")
    explore.add_argument(
        "--temperature", type=float, metavar="T", help="sample; without it, take the most likely token"
    )
    explore.add_argument("--seed", type=int, metavar="N", help="seed of the sampling (default: a random one, recorded)")
    explore.add_argument(
        "--against",
        metavar="TOKEN",
        help='explain step 0 rather than this token, e.g. " Rome" (exact text, with its space)',
    )
    explore.add_argument("--steps", choices=["all"], help="explain every step, not only step 0")
    explore.add_argument("--max-bytes", type=int, metavar="N", help="refuse to write a larger page")
    explore.add_argument(
        "--trace",
        action="store_true",
        help="also write the data to a .trace file with the name of the page; an old file is replaced",
    )
    explore.set_defaults(run=_explore, make_folder=False)

    # The demo is explore with fixed options.
    demo = commands.add_parser("demo", help="explore the demo model at every step")
    demo.add_argument(
        "-o",
        "--output",
        type=Path,
        default=Path("demo/first-look.html"),
        help="the .html file to write, with a .trace file of the same name; old files are replaced (default: %(default)s)",
    )
    demo.add_argument("--prompt", default=PROMPT, help="default: %(default)r")
    demo.add_argument("--tokens", type=int, default=8, metavar="N", help="how many tokens to generate (default: 8)")
    chosen = {"model": "demo", "chat": False, "temperature": None, "seed": None, "against": None, "max_bytes": None}
    demo.set_defaults(run=_explore, make_folder=True, steps="all", trace=True, **chosen)

    show = commands.add_parser("show", help="make a page of a saved .trace file (needs no torch)")
    show.add_argument("file", type=Path, help="a .trace file from tb.save or bench.save")
    show.add_argument(
        "-o", "--output", type=Path, help="the .html file to write or replace (default: FILE.html, if it is new)"
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
        raise ValueError(f"--against {against!r} is the generated token of step 0: give another token")
    targets = [tb.Target(0, against=against, of=OF)] if against is not None or options.steps is None else []
    if options.steps == "all":
        targets.insert(0, tb.Target(None, of=OF))
    lens = tb.LogitLens(watch=() if against is None else (against,))
    requests, note = usual(lm, trace, [lens], targets)
    bench, missing = _computed(lm, trace, requests, note, options.max_bytes)
    # Save before the report, because a reader may close the pipe early (`| head`).
    page = bench.save(options.output, max_bytes=options.max_bytes)
    data = bench.save(_data(options.output)) if options.trace else None
    print(report(trace, bench.results, [*missing, *filter(None, [note])]))
    size = readable_size(page.stat().st_size)
    print(f"\nWritten: {page} ({size}). Open it in a browser; it needs no kernel and no network.")
    if data is not None:
        print(f"Data: {data}")


def _checked_prompt(options: argparse.Namespace) -> str:
    """The prompt. All options are checked here, before the slow work starts."""
    if options.tokens < 1:
        raise ValueError(f"--tokens is a number of at least 1, got {options.tokens}")
    if options.max_bytes is not None and options.max_bytes < 1:
        raise ValueError(f"--max-bytes is a number of at least 1, got {options.max_bytes}")
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
        raise ValueError("the prompt is empty: give the text that the model continues")
    try:
        prompt.encode()
    except UnicodeEncodeError:
        # A shell passes bytes. Bytes that are not UTF-8 arrive as lone surrogates.
        raise ValueError("the prompt is not UTF-8 text: convert it, or pass it through stdin with -") from None
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
    # Drop the newline at the end of a file or an echo, like $(...) in a shell.
    return text.removesuffix("\n").removesuffix("\r")


def _generated(lm: Any, prompt: str, options: argparse.Namespace) -> Any:
    how = {"max_new_tokens": options.tokens, "temperature": options.temperature, "seed": options.seed}
    if options.chat:
        return lm.chat([{"role": "user", "content": prompt}], **how)
    return lm.generate(prompt, **how)


def _computed(
    lm: Any, trace: Any, requests: Sequence[Any], note: str | None, max_bytes: int | None
) -> tuple[Any, list[str]]:
    """A bench with all answers, and one sentence per failed request. A failure does not stop the other requests."""
    import tracebench as tb
    from tracebench.offline.bake import FAILURES, answer
    from tracebench.session.direct import Direct

    direct, missing = Direct([(lm, trace)]), []
    bench = tb.Workbench([trace], answerer=direct, usual=lambda _: (list(requests), note))
    for request in requests:
        if max_bytes is not None:
            # Refuse as early as possible, because the next request may take minutes.
            bench._check_size(max_bytes)
        _say(f"Computing {request.code.strip()} ...")
        try:
            answer(direct, request)
        except FAILURES as failure:
            question = f"{request.target.sentence(trace)} Not known: " if request.target is not None else ""
            missing.append(f"{question}{request.analysis} is not in the page: {failure}")
            _say(f"tracebench: {request.analysis} is not in the page: {failure}")
    # Saving would warn again about the failures above.
    warnings.filterwarnings("ignore", message=".* was not saved: ")
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
        raise ValueError(f"{str(output)!r} exists already: replace it with -o {output}, or give -o another name")
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
        raise ValueError(f"-o is the page to write, a name that ends in .html, got {str(output)!r}")
    if output.is_dir():
        raise ValueError(f"-o is the page to write, but {str(output)!r} is a folder: add a file name")


def _check_folder(output: Path) -> None:
    folder = output.parent
    if not folder.is_dir():
        raise ValueError(f"there is no folder {str(folder)!r} for {output.name}: make it first")
    try:
        tempfile.TemporaryFile(dir=folder).close()
    except OSError as error:
        raise ValueError(f"cannot write into the folder {str(folder)!r}: {error.strerror}; choose another") from None


def _make_folder(folder: Path) -> None:
    try:
        folder.mkdir(parents=True, exist_ok=True)
    except (FileExistsError, NotADirectoryError):
        raise ValueError(
            f"cannot make the folder {str(folder)!r}: it is a file, or in a file; give -o another folder"
        ) from None


if __name__ == "__main__":
    sys.exit(main())
