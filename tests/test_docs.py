"""The documents keep their form: short lines, short decisions, working links, existing paths, code that runs."""

from __future__ import annotations

import ast
import inspect
import re
from dataclasses import fields, is_dataclass
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]
PAGES = sorted([*ROOT.glob("*.md"), *(ROOT / "docs").rglob("*.md")])
DECISIONS = sorted((ROOT / "docs" / "decisions").glob("*.md"))
WIDTH, DECISION, MAP = 100, 30, 120

#: The package that CONTRIBUTING.md shows.
PACKAGE = ROOT / "tests" / "third_party" / "tracebench_wordcount"
#: Marks lines that are left out.
LEFT_OUT = "..."

#: `[text](target)`, and the sources of pictures.
LINK = re.compile(r"\]\(([^)\s]+)\)|(?:src|srcset)=\"([^\"]+)\"")
#: A path in backticks that begins with one of our folders.
PATH = re.compile(r"`((?:tracebench|js|tests|docs|benchmarks|notebooks|scripts)/[^`<>*\s]*)`")


def name(path):
    return path.relative_to(ROOT).as_posix()


def prose(text):
    """The numbered lines outside of code blocks, tables and pictures."""
    code = False
    for number, line in enumerate(text.splitlines(), 1):
        if line.lstrip().startswith("```"):
            code = not code
        elif not code and not line.lstrip().startswith(("|", "<")):
            yield number, line


def anchors(text):
    """The anchors that GitHub makes for the headings of a page."""
    titles = [line.lstrip("#") for _, line in prose(text) if line.startswith("#")]
    return {re.sub(r"[^\w\- ]", "", title.strip().lower()).replace(" ", "-") for title in titles}


def long_lines(text):
    """Lines that are too long, without the addresses of their links. A line of one word may be long."""
    for number, line in prose(text):
        shortest = re.sub(r"\]\([^)]*\)", "]", line)
        if len(shortest) > WIDTH and len(shortest.split()) > 1:
            yield f"line {number} has {len(line)} columns: {line[:60]}..."


def broken_links(page, text):
    for match in LINK.finditer(text):
        target = match[1] or match[2]
        if "://" in target or target.startswith("mailto:"):
            continue
        file, _, anchor = target.partition("#")
        there = (page.parent / file).resolve() if file else page
        if not there.exists():
            yield f"{target} leads nowhere"
        elif anchor and anchor not in anchors(there.read_text("utf-8")):
            yield f"{target}: there is no such heading"


def missing_paths(text):
    return [path for path in PATH.findall(text) if "static" not in path and not (ROOT / path).exists()]


def unknown_names(text):
    """Names, methods and arguments in the Python of a page that tracebench does not have."""
    import tracebench as tb

    objects = {
        "bench": tb.Workbench,
        "lm": tb.LanguageModel,
        "trace": tb.Trace,
        "lens": tb.LensTable,
        "scores": tb.TokenScores,
        "attention": tb.Attention,
        "rollout": tb.Rollout,
    }
    for block in re.findall(r"^```python\n(.*?)^```", text, re.DOTALL | re.MULTILINE):
        for node in ast.walk(ast.parse(block)):
            if isinstance(node, ast.Attribute) and isinstance(node.value, ast.Name):
                owner = node.value.id
                if owner == "tb" and node.attr not in tb.__all__:
                    yield f"tb.{node.attr}"
                elif owner in objects and not has(objects[owner], node.attr):
                    yield f"{owner}.{node.attr}"
            elif isinstance(node, ast.Call) and (called := function_of(node.func, tb, objects)) is not None:
                known = inspect.signature(called).parameters
                if not any(each.kind is each.VAR_KEYWORD for each in known.values()):
                    yield from (
                        f"{word.arg}= in {ast.unparse(node)}" for word in node.keywords if word.arg not in known
                    )


def has(owner, attribute):
    return hasattr(owner, attribute) or (is_dataclass(owner) and attribute in {field.name for field in fields(owner)})


def function_of(node, tb, objects):
    """The function behind ``tb.load`` or ``bench.save``; None for other expressions."""
    if not (isinstance(node, ast.Attribute) and isinstance(node.value, ast.Name)):
        return None
    owner = tb if node.value.id == "tb" else objects.get(node.value.id)
    found = getattr(owner, node.attr, None)
    return found if callable(found) else None


def shown(text):
    """The code blocks of "Add a kind", with their languages."""
    section = text.partition("## Add a kind")[2]
    return re.findall(r"^```(\w+)\n(.*?)^```", section, re.DOTALL | re.MULTILINE)


def is_part_of(block, text):
    """Whether a block has the lines of the text in order. A line ``...`` stands for lines that are left out."""
    rest = text.splitlines()
    pieces = re.split(rf"^\s*{re.escape(LEFT_OUT)}\n", block, flags=re.MULTILINE)
    for piece in (piece.splitlines() for piece in pieces):
        while piece and rest[: len(piece)] != piece:
            if len(rest) < len(piece):
                return False
            rest = rest[1:]
        rest = rest[len(piece) :]
    return True


@pytest.mark.parametrize("page", PAGES, ids=name)
def test_lines_of_a_page_are_short(page):
    assert list(long_lines(page.read_text("utf-8"))) == []


@pytest.mark.parametrize("page", PAGES, ids=name)
def test_links_of_a_page_lead_somewhere(page):
    assert list(broken_links(page, page.read_text("utf-8"))) == []


@pytest.mark.parametrize("page", PAGES, ids=name)
def test_paths_that_a_page_names_exist(page):
    assert missing_paths(page.read_text("utf-8")) == []


def test_decisions_are_numbered_and_short():
    assert [path.name[:4] for path in DECISIONS] == [f"{number:03}-" for number in range(1, len(DECISIONS) + 1)]
    for path in DECISIONS:
        text = path.read_text("utf-8")
        assert len(text.splitlines()) <= DECISION, path.name
        assert re.findall(r"^\*\*(\w+)\.\*\*", text, re.MULTILINE) == ["Context", "Decision", "Consequence"], path.name


def test_the_map_is_short():
    assert len((ROOT / "docs" / "architecture.md").read_text("utf-8").splitlines()) <= MAP


@pytest.mark.parametrize("page", [page for page in PAGES if "```python" in page.read_text("utf-8")], ids=name)
def test_code_of_a_page_uses_existing_names(page):
    assert list(unknown_names(page.read_text("utf-8"))) == []


def test_the_kind_that_is_shown_is_the_one_that_is_tested():
    """Each block of "Add a kind" is copied from a file of the package that the tests install."""
    files = {"toml": "*.toml", "python": "*.py", "js": "*.js"}
    blocks = shown((ROOT / "CONTRIBUTING.md").read_text("utf-8"))
    found = [
        [file.name for file in PACKAGE.rglob(files[language]) if is_part_of(block, file.read_text("utf-8"))]
        for language, block in blocks
    ]
    whole = [["pyproject.toml"], ["kind.py"], ["word_count.py"], ["word_counts.py"], ["view.py"], ["word_counts.js"]]
    assert found == whole


def test_code_that_is_no_copy_is_found():
    text = "def f():\n    a = 1\n    b = 2\n    return a\n"
    for copy in ("def f():\n    ...\n    return a\n", "    a = 1\n    b = 2\n", text, "...\n    b = 2\n    ...\n"):
        assert is_part_of(copy, text), copy
    for other in ("def f():\n    return a\n", "    a = 2\n", "    b = 2\n    ...\n    a = 1\n", "a = 1\n"):
        assert not is_part_of(other, text), other


def test_what_a_page_may_not_have_is_found(tmp_path):
    page = tmp_path / "page.md"
    page.write_text("# One\n")
    (found,) = long_lines("word " * 30 + f"\n\n```\n{'x ' * 80}\n```\n| {'x ' * 80} |")
    assert found.startswith("line 1 has")
    assert list(broken_links(page, "[a](no.md) [b](#two) [c](#one) [d](https://example.org)")) == [
        "no.md leads nowhere",
        "#two: there is no such heading",
    ]
    assert missing_paths("`tests/test_docs.py` and `tracebench/nothing.py`") == ["tracebench/nothing.py"]


def test_code_that_cannot_run_is_found():
    code = "```python\ntb.nothing(); bench.nothing()\ntb.LogitLens(tops=3); bench.save('a.html', step=1)\n```\n"
    assert sorted(unknown_names(code)) == [
        "bench.nothing",
        "step= in bench.save('a.html', step=1)",
        "tb.nothing",
        "tops= in tb.LogitLens(tops=3)",
    ]
