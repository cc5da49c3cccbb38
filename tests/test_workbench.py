import gc
import html
import json
import re
import weakref
import zlib
from base64 import b64decode

import pytest

import tracebench as tb
from tests import made
from tracebench.files import FileError
from tracebench.offline.page import CSP, escape_script
from tracebench.request import Request

EVIL = (0, 8, 9, 8, 4, 5, 11, 6)


def state_of(page: str):
    """The JSON and the buffer area of a saved page."""
    block = re.search(r'id="tracebench-state">([^<]*)</script>', page)[1]
    raw = zlib.decompress(b64decode(block))
    size = int.from_bytes(raw[:4], "little")
    return json.loads(raw[4 : 4 + size]), raw[4 + size :]


@pytest.fixture
def bench():
    trace = made.trace()
    return tb.Workbench([trace, made.lens(trace)])


def test_views_come_from_what_is_given(bench):
    assert bench._stems == ["generation", "lens_table"]
    assert all(view.selection is bench.selection for view in bench.views)


def test_the_finding_is_a_sentence(bench):
    assert bench.finding(0).startswith("The text goes on with “·Paris” with p = ")


def test_a_bench_shows_exactly_one_trace():
    with pytest.raises(ValueError, match="exactly one trace, got 0"):
        tb.Workbench([])
    with pytest.raises(TypeError, match="got a str"):
        tb.Workbench([made.trace(), "lens"])
    with pytest.raises(ValueError, match="computed on another trace"):
        tb.Workbench([made.trace(seed=4), made.lens(made.trace())])


def test_an_unknown_keyword_is_a_sentence():
    with pytest.raises(TypeError, match="does not know thme; it takes things, answerer"):
        tb.Workbench([made.trace()], thme="dark")


def test_a_saved_page_holds_every_widget_and_answer_once(bench, tmp_path):
    page = bench.save(tmp_path / "a.html").read_text("utf-8")
    state, _ = state_of(page)
    assert state["root"] == "w0"
    assert len(state["widgets"]) == 5
    assert list(state["baked"]) == [bench._requests[0].key]
    refs = re.findall(r'"anywidget:(\w+)"', json.dumps(state))
    assert set(refs) <= set(state["widgets"])
    answers = [w["state"] for w in state["widgets"].values() if "_offline" in w["state"]]
    assert answers == [{"_offline": True}]


def test_the_arrays_of_a_saved_page_are_the_exact_bytes(bench, tmp_path):
    state, buffers = state_of(bench.save(tmp_path / "a.html").read_text("utf-8"))
    (answer,) = state["baked"].values()
    start, length = answer["entropy"]["$array"]["$buffer"]
    assert start % 8 == 0
    assert buffers[start : start + length] == bench._results()[0].entropy.values.astype("<f4").tobytes()


def test_the_same_trace_is_the_same_page(tmp_path):
    pages = []
    for _ in range(2):
        trace = made.trace()
        pages.append(tb.Workbench([trace, made.lens(trace)]).save(tmp_path / "a.html").read_bytes())
    assert pages[0] == pages[1]


def test_a_page_forbids_every_request(bench, tmp_path):
    page = bench.save(tmp_path / "a.html").read_text("utf-8")
    assert f'<meta http-equiv="Content-Security-Policy" content="{CSP}">' in page
    assert CSP.startswith("default-src 'none'")


def test_nothing_in_a_prompt_becomes_markup(tmp_path):
    trace = made.trace(*EVIL)
    page = tb.Workbench([trace, made.lens(trace)]).save(tmp_path / "a.html").read_text("utf-8")
    assert page.count("</script>") == 2
    assert html.escape("</script>") in page


def test_a_script_cannot_be_ended_from_within():
    assert escape_script('a = "</SCRIPT><!--"') == 'a = "\\x3c/SCRIPT>\\x3c!--"'


def test_the_path_says_how_large_it_is(bench, tmp_path):
    assert re.fullmatch(r"SavedPage\('.*a\.html', \d+ kB\)", repr(bench.save(tmp_path / "a.html")))


def test_a_page_over_the_limit_is_not_written(bench, tmp_path):
    with pytest.raises(FileError, match=r"the page would be \d+ kB, more than max_bytes=1000: nothing was written"):
        bench.save(tmp_path / "a.html", max_bytes=1000)
    assert not list(tmp_path.iterdir())


def test_a_bench_saves_its_data_too(bench, tmp_path):
    again = tb.open(bench.save(tmp_path / "a.trace"))
    assert again.trace.hash == bench.trace.hash
    assert len(again.results) == 1


def test_a_name_that_is_neither_is_a_sentence(bench, tmp_path):
    with pytest.raises(ValueError, match=r"save a bench as \.html \(a page\) or \.trace"):
        bench.save(tmp_path / "a.pdf")


def test_what_nobody_can_answer_is_left_out_of_the_page(tmp_path):
    trace = made.trace()
    bench = tb.Workbench([trace, Request("LogitLens", {"top": 5}, trace.hash, code="tb.LogitLens(top=5)(lm, trace)")])
    state, _ = state_of(bench.save(tmp_path / "a.html").read_text("utf-8"))
    assert state["baked"] == {}


def test_a_trace_without_steps_can_be_shown(tmp_path):
    trace = made.trace(0, 1, 2, prompt_length=3)
    page = tb.Workbench([trace, made.lens(trace)]).save(tmp_path / "a.html").read_text("utf-8")
    assert "nothing generated" in page


def test_a_snapshot_is_the_page_in_a_frame(bench):
    shown = tb.snapshot(bench)._repr_html_()
    assert shown.startswith("<iframe srcdoc=")
    assert "sandbox" not in shown
    page = html.unescape(re.search(r'srcdoc="([^"]*)"', shown)[1])
    assert state_of(page)[0]["root"] == "w0"


def test_a_bench_that_is_closed_is_freed():
    trace = made.trace()
    bench = tb.Workbench([trace, made.lens(trace)])
    gone = [weakref.ref(widget) for widget in (bench, bench.selection, bench._answers, *bench.views)]
    bench.close()
    del bench
    gc.collect()
    assert [ref() for ref in gone] == [None] * len(gone)
