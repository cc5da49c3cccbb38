"""The floors of docs/architecture.md: imports point down only, and the two wings never import each other."""

from __future__ import annotations

import ast
import re
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]
PACKAGE = ROOT / "tracebench"

#: The floor of each room (a folder or module of the package). Every module must have one.
FLOORS = {
    "record/arrays": 0,
    "record/counts": 0,
    "record/signs": 0,
    "record/tokens": 0,
    "record": 1,
    "runtime": 1,
    "results": 2,
    "sentences": 2,
    "requests": 2,
    "registry": 2,
    "bundle": 2,
    "models": 3,
    "analyses": 3,
    "session": 3,
    "widgets": 3,
    "views": 3,
    "bench": 4,
    "offline": 4,
    "facade": 5,
    "cli": 5,
    "__init__": 5,
}
MODEL_WING = {"models", "analyses", "session"}
VIEW_WING = {"widgets", "views"}

#: Packages that only some floors may import, and packages that no module may import at its head.
HEAVY = {"torch", "transformers", "captum", "accelerate", "gguf"}
FRONT = {"anywidget", "ipywidgets", "traitlets", "IPython"}
LAZY = {"pandas", "plotly"}


def modules():
    return sorted(PACKAGE.rglob("*.py"))


def name_of(path):
    parts = path.relative_to(ROOT).with_suffix("").parts
    return ".".join(parts[:-1] if parts[-1] == "__init__" and len(parts) > 2 else parts)


def place(module):
    """`tracebench.models.load` -> `models`, `tracebench.record.arrays` -> `record/arrays`."""
    names = module.split(".")[1:] or ["__init__"]
    return "/".join(names) if "/".join(names) in FLOORS else names[0]


def imports(path):
    """Every import of a file as (name, line, whether it is at the head of the module), without TYPE_CHECKING blocks."""
    tree = ast.parse(path.read_text("utf-8"))
    here = name_of(path).split(".")
    package = here if path.name == "__init__.py" and here[-1] != "__init__" else here[:-1]
    found = []

    def visit(node, head):
        for child in ast.iter_child_nodes(node):
            if isinstance(child, ast.If) and ast.unparse(child.test) in ("TYPE_CHECKING", "typing.TYPE_CHECKING"):
                for other in child.orelse:
                    visit(other, head)
            elif isinstance(child, ast.Import):
                found.extend((alias.name, child.lineno, head) for alias in child.names)
            elif isinstance(child, ast.ImportFrom):
                base = child.module or ""
                if child.level:
                    base = ".".join([*package[: len(package) - child.level + 1], *filter(None, [base])])
                # `from tracebench import progress` imports tracebench.progress.
                for alias in child.names:
                    inner = base.split(".")[0] == "tracebench" and exists(f"{base}.{alias.name}")
                    found.append((f"{base}.{alias.name}" if inner else base, child.lineno, head))
            else:
                visit(child, head and not isinstance(child, (ast.FunctionDef, ast.AsyncFunctionDef, ast.Lambda)))

    visit(tree, True)
    return found


def exists(module):
    path = ROOT.joinpath(*module.split("."))
    return path.with_suffix(".py").is_file() or (path / "__init__.py").is_file()


def test_every_module_has_a_floor():
    assert {place(name_of(path)) for path in modules()} == set(FLOORS)


def test_the_map_in_the_docs_has_the_same_floors():
    drawing = (ROOT / "docs" / "architecture.md").read_text("utf-8").split("```")[1].strip()
    width = drawing.splitlines()[-1].index("numpy")
    drawn = {
        name: int(line[0])
        for line in drawing.splitlines()
        for name in re.findall(r"[\w/]*\w", line[2:width].partition(" ")[2].replace("(lazy names)", ""))
    }
    assert drawn == FLOORS


@pytest.mark.parametrize("path", modules(), ids=name_of)
def test_imports_point_down(path):
    here = place(name_of(path))
    ours = [(name, line) for name, line, _ in imports(path) if name.split(".")[0] == "tracebench"]
    for name, line in ours:
        there = place(name)
        where = f"{path.relative_to(ROOT)}:{line} imports {name}"
        if there == "__init__":
            # Only the top floor may import the lazy names.
            assert FLOORS[here] == 5, where
            continue
        assert FLOORS[there] <= FLOORS[here], f"{where}, which is upwards"
        assert not (here in MODEL_WING and there in VIEW_WING), f"{where}: the other wing"
        assert not (here in VIEW_WING and there in MODEL_WING), f"{where}: the other wing"
        assert not (here in {"bench", "offline"} and there in MODEL_WING), f"{where}: products run without torch"


@pytest.mark.parametrize("path", modules(), ids=name_of)
def test_each_floor_imports_only_its_packages(path):
    here = place(name_of(path))
    floor = FLOORS[here]
    for name, line, head in imports(path):
        top, where = name.split(".")[0], f"{path.relative_to(ROOT)}:{line} imports {name}"
        if top in HEAVY:
            assert here in MODEL_WING, where
        if top in FRONT:
            assert here in VIEW_WING or floor >= 4, where
        if top in LAZY:
            assert not head, f"{where} at its head: pandas and plotly are imported where they are used"


BLOCKER = """
import sys
class Blocked:
    def find_spec(self, name, path=None, target=None):
        if name.split(".")[0] in {blocked!r}:
            raise ModuleNotFoundError(f"blocked: {{name}}", name=name)
sys.meta_path.insert(0, Blocked())
"""


def python(code, blocked=()):
    """Run code in a new interpreter without some packages."""
    done = subprocess.run(
        [sys.executable, "-c", BLOCKER.format(blocked=set(blocked)) + code],
        capture_output=True,
        text=True,
        cwd=ROOT,
        timeout=300,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    return done.stdout


def test_import_tracebench_is_light():
    loaded = python("import tracebench, sys; print(*sys.modules)").split()
    tops = {name.split(".")[0] for name in loaded}
    assert tops.isdisjoint({"torch", "transformers", "captum", "anywidget", "ipywidgets", "numpy", "pandas", "plotly"})


def below(*places):
    return [name_of(path) for path in modules() if place(name_of(path)) in places and not path.stem.startswith("__")]


def test_all_but_the_model_wing_runs_without_torch():
    names = below(*(set(FLOORS) - MODEL_WING - {"__init__"}))
    python("".join(f"import {name}\n" for name in names) + NOT_LOADED, HEAVY)


def test_a_file_is_opened_shown_and_saved_without_torch(tmp_path):
    code = f"""
import tracebench as tb
from tests import made
trace = made.trace()
tb.save({str(tmp_path / "a.trace")!r}, trace, made.lens(trace))
bench = tb.Workbench([*tb.open({str(tmp_path / "a.trace")!r})])
bench.save({str(tmp_path / "a.html")!r})
"""
    python(code + NOT_LOADED, HEAVY)
    assert (tmp_path / "a.html").stat().st_size > 10_000


NOT_LOADED = f"\nassert {{name.split('.')[0] for name in sys.modules}}.isdisjoint({HEAVY!r})\n"


def test_the_model_wing_runs_without_the_front_end():
    python("".join(f"import {name}\n" for name in below(*MODEL_WING)), {"anywidget", "ipywidgets"})
