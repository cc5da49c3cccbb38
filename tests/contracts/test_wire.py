"""What every kind promises to the browser: trees that are JSON with bytes, saved pages, and code to copy."""

from __future__ import annotations

import ast
import html
import json
import re
from dataclasses import replace

import numpy as np
import pytest

import tracebench as tb
from tests.bench.test_workbench import state_of
from tests.contracts import rows, samples
from tests.contracts.samples import arrays, lm, trace
from tracebench.record.arrays import LabeledArray
from tracebench.record.checks import Check
from tracebench.requests.request import slice_key
from tracebench.widgets import wire

every_kind = pytest.mark.parametrize("kind", rows.KINDS, ids=str)
every_finding = pytest.mark.parametrize("kind", [kind for kind in rows.KINDS if kind != rows.TRACE], ids=str)
every_text = pytest.mark.parametrize("text", samples.TEXTS)

BYTES = {"f4": 4, "i4": 4, "u1": 1, "u2": 2}


def nodes(tree):
    """Every array in a tree."""
    if isinstance(tree, dict):
        if "$array" in tree:
            yield tree
        else:
            for value in tree.values():
                yield from nodes(value)
    elif isinstance(tree, (list, tuple)):
        for value in tree:
            yield from nodes(value)


def assert_travels(tree):
    """A tree is JSON once its bytes stand beside it, and says how to read them."""
    sent, buffers = wire.split(tree)
    assert json.loads(json.dumps(sent, allow_nan=False)) == sent
    assert sum(1 for _ in nodes(sent)) == len(buffers)
    for node in nodes(sent):
        data = buffers[node["$array"]]
        assert len(data) == BYTES[node["dtype"]] * int(np.prod(node["shape"]))
        assert len(node["dims"]) == len(node["shape"])
        for name, coords in node["coords"].items():
            assert len(coords) == node["shape"][node["dims"].index(name)]


@every_text
@every_kind
def test_its_tree_travels(kind, text):
    for result in samples.results(kind, text):
        tree = kind.pack(result, trace(text))
        assert_travels(tree)
        assert tree["kind"] == kind.name
        assert tree["checks"] == wire.checks(result.checks)
        assert tree["code"].startswith("import tracebench as tb\n")
        if kind != rows.TRACE:
            assert tree["traces"] == [trace(text).hash]
            assert tree["method"] == result.method
            assert tree["cost"] == result.cost


@every_kind
def test_a_check_that_is_unknown_travels(kind):
    unknown = Check("known", "identity", float("nan"), 1.0, "It is known.")
    for result in samples.results(kind, "generated"):
        tree = kind.pack(replace(result, checks=(unknown,)), trace("generated"))
        assert_travels(tree)
        assert [(check["value"], check["state"]) for check in tree["checks"]] == [(None, "broken")]


@every_finding
def test_a_view_is_there_before_its_answer(kind):
    assert_travels(kind.before())


@every_text
@every_kind
def test_what_does_not_exist_is_nan_on_the_wire(kind, text):
    for result in samples.results(kind, text):
        tree = kind.pack(result, trace(text))
        for name, array in result.to_record().arrays.items():
            node = tree.get(name)
            if not isinstance(array, LabeledArray) or not isinstance(node, dict) or node["encoding"] != "plain":
                continue
            sent = np.frombuffer(node["$array"], "<" + node["dtype"])
            np.testing.assert_array_equal(sent, np.asarray(array.values, sent.dtype).reshape(-1), err_msg=name)


@every_text
@every_finding
def test_its_slices_travel_and_a_notebook_has_those_of_a_page(kind, text):
    for result in samples.results(kind, text):
        for coords, baked, live in kind.slices(result, trace(text)):
            assert_travels(baked)
            assert_travels(live)
            assert baked.keys() == live.keys()
            assert {name: live[name] for name in coords} == coords
            json.dumps(coords)


@every_text
@every_finding
def test_a_saved_page_has_its_answer(kind, text, tmp_path):
    for result in samples.results(kind, text):
        bench = tb.Workbench([trace(text), result])
        try:
            assert kind.view.stem in bench._stems
            page = bench.save(tmp_path / "a.html").read_text("utf-8")
            state, _ = state_of(page)
            key = rows.request_of(result).key
            assert state["baked"][key]["kind"] == kind.name
            assert {vars(kind.view)["_esm"], vars(kind.view)["_css"]} <= set(state["code"].values())
            assert {slice_key(key, coords) for coords, *_ in kind.slices(result, trace(text))} <= state["baked"].keys()
            # No token ends a script, and every token of the text is there to read.
            assert page.lower().count("<script") == page.lower().count("</script>")
            static = page[page.index("<main>") : page.index("</main>")]
            assert not re.search(r"<(?!/?(main|p|strong|span|wbr)\b)", static)
            assert all(html.escape(shown) in static for shown in trace(text).tokens.display)
            assert bench.checks[bench._stems[1]] == result.checks
        finally:
            bench.close()


@every_finding
def test_a_saved_page_is_the_same_bytes_again(kind, tmp_path):
    pages = []
    for _ in range(2):
        bench = tb.Workbench([trace("hard"), *samples.results(kind, "hard")[:1]])
        pages.append(bench.save(tmp_path / "a.html").read_bytes())
        bench.close()
    assert pages[0] == pages[1]


@every_finding
def test_a_bench_is_saved_as_data_and_opened(kind, tmp_path):
    found = samples.results(kind, "generated")
    bench = tb.Workbench([trace("generated"), *found])
    opened = tb.open(bench.save(tmp_path / "a.trace"))
    bench.close()
    assert opened.trace.hash == trace("generated").hash
    assert [arrays(result.to_record()) for result in opened.results] == [arrays(result.to_record()) for result in found]


@every_finding
def test_a_bench_with_a_model_answers_its_request(kind, tmp_path):
    for analysis in rows.ANALYSES:
        if analysis.gives != kind.name:
            continue
        (result, *_) = samples.found(analysis, "generated")
        bench = tb.Workbench(
            [trace("generated"), rows.request_of(result)], answerer=rows.session(lm(), trace("generated"))
        )
        try:
            state, _ = state_of(bench.save(tmp_path / "a.html").read_text("utf-8"))
            assert state["baked"][rows.request_of(result).key]["kind"] == kind.name
        finally:
            bench.close()


@every_finding
def test_its_code_to_copy_computes_it(kind):
    """From the record on: the lines before it load the model and make the trace."""
    about = trace("generated")
    for result in samples.results(kind, "generated"):
        lines = ast.parse(kind.pack(result, about)["code"]).body
        start = next(n for n, line in enumerate(lines) if ast.unparse(line).startswith("trace = lm.")) + 1
        names = {"tb": tb, "lm": lm(), "trace": about}
        *_, last = lines[start:]
        exec(compile(ast.Module(lines[start:], []), "code", "exec"), names)
        again = names[last.targets[0].id]
        assert arrays(again.to_record()) == arrays(result.to_record())
