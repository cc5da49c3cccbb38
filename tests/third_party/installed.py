"""Installs the package as a person would, into a folder of its own, and runs Python with it."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).parents[2]
PACKAGE = Path(__file__).parent / "tracebench_wordcount"


def install(folder: Path) -> Path:
    """The folder, with the package in it. Needs no network: the build's one requirement is in the environment."""
    pip = (sys.executable, "-m", "pip", "install", "--quiet", "--disable-pip-version-check", "--no-index")
    # --target leaves this environment as it is.
    run(*pip, "--no-deps", "--no-build-isolation", "--target", folder, PACKAGE)
    return folder


def run_tests(folder: Path, *arguments: str) -> int:
    """Runs tests where the package is installed. How many passed; a failure is an assertion with their output."""
    said = run(
        *(sys.executable, "-m", "pytest", "-q", "-p", "no:cacheprovider", *arguments),
        env={**os.environ, "PYTHONPATH": os.pathsep.join((str(folder), str(ROOT)))},
        cwd=ROOT,
    )
    return int(said.rsplit(" passed", 1)[0].split()[-1])


def run(*command: object, **options: object) -> str:
    done = subprocess.run([*map(str, command)], capture_output=True, text=True, check=False, timeout=500, **options)  # ty: ignore[no-matching-overload]
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout
