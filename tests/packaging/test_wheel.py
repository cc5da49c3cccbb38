"""The wheel, as a stranger gets it: whole, and able to show a trace where there is neither torch nor Node."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import venv
import zipfile
from pathlib import Path

import pytest

import tracebench as tb
from tests import made
from tests.chromium import watch

pytestmark = pytest.mark.packaging

ROOT = Path(__file__).parents[2]

#: All that `tracebench show` needs of the dependencies.
NEEDED = ("anywidget", "ipywidgets", "numpy", "safetensors")


def run(*command, **options):
    done = subprocess.run([*map(str, command)], capture_output=True, text=True, check=False, timeout=500, **options)
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout


@pytest.fixture(scope="module")
def wheel(tmp_path_factory):
    folder = tmp_path_factory.mktemp("dist")
    # The dev group has the build's two requirements, in the versions of constraints.txt.
    run(sys.executable, "-m", "build", "--wheel", "--no-isolation", "--outdir", folder, ROOT)
    [wheel] = folder.glob("*.whl")
    return wheel


@pytest.fixture(scope="module")
def contents(wheel):
    with zipfile.ZipFile(wheel) as archive:
        return {name: archive.read(name) for name in archive.namelist() if not name.endswith("/")}


@pytest.fixture(scope="module")
def bare(wheel, tmp_path_factory):
    """The command in an environment with the wheel and the few packages it needs to show a trace."""
    folder = tmp_path_factory.mktemp("environment")
    venv.create(folder, with_pip=True)
    bin_folder = folder / ("Scripts" if os.name == "nt" else "bin")
    pip = (bin_folder / "python", "-m", "pip", "install", "--disable-pip-version-check", "-q")
    run(*pip, "--no-deps", wheel)
    run(*pip, "-c", ROOT / "constraints.txt", *NEEDED)
    # No Node, nothing of the developer's environment, and not the sources.
    environment = {"PATH": str(bin_folder), "HOME": str(folder), "HF_HUB_OFFLINE": "1"}

    def command(name, *arguments):
        return run(bin_folder / name, *arguments, env=environment, cwd=folder)

    return command


def test_every_module_and_every_bundle_is_in_it(contents):
    packaged = {name for name in contents if name.startswith("tracebench/")}
    python = {path.relative_to(ROOT).as_posix() for path in (ROOT / "tracebench").rglob("*.py")}
    manifest = json.loads(contents["tracebench/static/manifest.json"])
    bundles = {file for named in manifest.values() for files in named.values() for file in files}
    views = {path.parent.name for path in (ROOT / "js" / "src").glob("*/view.ts")}
    assert {f"{stem}.{kind}" for stem in views for kind in ("js", "css")} < bundles
    assert packaged == python | {f"tracebench/static/{file}" for file in bundles | {"manifest.json"}}


def test_it_holds_what_is_in_the_sources_now(contents):
    for name, content in contents.items():
        if name.startswith("tracebench/"):
            assert content == (ROOT / name).read_bytes(), name


def test_it_carries_its_licence_and_its_command(contents):
    [about] = {name.split("/")[0] for name in contents if ".dist-info/" in name}
    assert contents[f"{about}/licenses/LICENSE"] == (ROOT / "LICENSE").read_bytes()
    assert b"tracebench = tracebench.cli:main" in contents[f"{about}/entry_points.txt"]
    metadata = contents[f"{about}/METADATA"].decode()
    assert "License-Expression: Apache-2.0" in metadata
    assert "Requires-Dist: torch>=2.6\n" in metadata, "torch is pinned for our tests, not for users"


def test_nothing_else_is_in_it(contents):
    strays = [
        name for name in contents if not name.startswith("tracebench") or "node_modules" in name or "tests/" in name
    ]
    assert strays == []


def test_a_trace_is_shown_without_torch_and_without_node(bare, browser, tmp_path):
    trace = made.trace()
    tb.save(tmp_path / "x.trace", trace, made.lens(trace))

    said = bare("tracebench", "show", tmp_path / "x.trace", "-o", tmp_path / "out.html")
    assert "Written: " in said
    absent = "from importlib.util import find_spec as f; print([n for n in ('torch','transformers','pandas') if f(n)])"
    assert bare("python", "-c", absent).strip() == "[]"

    page = browser.new_context(offline=True).new_page()
    wrong = watch(page)
    page.goto((tmp_path / "out.html").as_uri())
    for view in ("generation", "lens_table"):
        page.wait_for_selector(f'[data-view="{view}"][data-state="ready"]', timeout=20_000)
    page.context.close()
    assert wrong == []


def test_what_needs_torch_says_so(bare):
    code = "import tracebench as tb\ntry: tb.load('demo')\nexcept ImportError as e: print(e)"
    assert "torch" in bare("python", "-c", code)
