"""Traces, arrays and tables as parameters of an analysis travel as their content hash."""

from __future__ import annotations

import json
from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd
import pytest

import tracebench as tb
from tests import made
from tracebench import registry
from tracebench.analyses import base
from tracebench.record.arrays import LabeledArray
from tracebench.record.files import FileError
from tracebench.requests.code import call_code, request_for
from tracebench.requests.parameters import described, parsed
from tracebench.requests.request import Request
from tracebench.requests.things import hash_of

CLEAN, CORRUPT = made.trace(), made.trace(seed=4)
VECTOR = np.arange(4, dtype=np.float32)
NAMED = LabeledArray.of(VECTOR, layer=range(4))
TABLE = pd.DataFrame({"pair": ["he", "she"], "score": [0.1, 0.2]})


@dataclass(frozen=True, repr=False)
class Compared:
    """An analysis that returns a lens with its own parameters in ``given``."""

    corrupt: Any
    vector: Any = None
    within: tuple[Any, ...] = ()

    gives = "lens_table"
    __repr__ = described

    def __call__(self, _lm, trace):
        lens = made.lens(trace)
        object.__setattr__(lens, "method", repr(self))
        object.__setattr__(lens, "given", self)
        return lens


@pytest.fixture(autouse=True)
def known(monkeypatch):
    row = registry.Analysis("Compared", f"{__name__}:Compared", "lens_table", "compared")
    monkeypatch.setattr(registry, "ANALYSES", (*registry.ANALYSES, row))


@pytest.mark.parametrize("thing", [CORRUPT, VECTOR, NAMED, TABLE], ids=["trace", "array", "named", "table"])
def test_a_request_carries_the_hash_and_the_analysis_gets_the_object(thing):
    asked = base.request(Compared(thing, within=(thing, 1)), CLEAN)
    content = hash_of(thing)
    assert content in json.dumps(asked.to_json())
    assert len(json.dumps(asked.to_json())) < 600
    seen = Request.from_json(json.loads(json.dumps(asked.to_json())))
    assert seen.key == asked.key
    given = base.run(asked, None, [CLEAN]).given
    assert hash_of(given.corrupt) == hash_of(given.within[0]) == content
    assert type(given.corrupt) is type(thing)
    with pytest.raises(ValueError, match=f"{content}, which this bench does not have"):
        base.run(seen, None, [CLEAN])


@pytest.mark.parametrize("thing", [CORRUPT, VECTOR, NAMED, TABLE], ids=["trace", "array", "named", "table"])
def test_the_python_of_an_analysis_opens_the_saved_object(thing, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    analysis = Compared(thing)
    name, params = parsed(repr(analysis))
    assert Request(name, params, (CLEAN.hash,)).key == base.request(analysis, CLEAN).key
    tb.save(f"{hash_of(thing)}.trace", thing)
    again = eval(repr(analysis), {"Compared": Compared, "tb": tb})
    assert base.request(again, CLEAN).key == base.request(analysis, CLEAN).key
    assert f"tb.Compared(corrupt=tb.open('{hash_of(thing)}.trace')." in call_code(repr(analysis))


def test_equal_objects_have_equal_keys_and_different_ones_do_not():
    def key(thing):
        return base.request(Compared(thing), CLEAN).key

    assert key(VECTOR) == key(VECTOR.copy())
    assert len({key(each) for each in (VECTOR, VECTOR + 1, NAMED, VECTOR.astype(np.float64), TABLE, CORRUPT)}) == 6


def test_a_bench_answers_a_browser_that_has_only_the_hash():
    result = base.run(base.request(Compared(CORRUPT, VECTOR), CLEAN), None, [CLEAN])
    seen = []

    class Answers:
        def ask(self, request, job):
            seen.append(base.run(request, None, [CLEAN]).given)
            job.on_answer(result)

        def known(self):
            return {}

        def close(self):
            """There is no work to stop."""

    bench = tb.Workbench([CLEAN, base.request(Compared(CORRUPT, VECTOR), CLEAN)], answerer=Answers())
    bench._answers._on_message(None, {"kind": "ask", "id": "1", "request": bench.views[1]._requests[0]}, [])
    assert seen[0].corrupt is CORRUPT
    np.testing.assert_array_equal(seen[0].vector, VECTOR)
    bench.baked()
    assert seen[1].corrupt is CORRUPT
    assert request_for(result).key == bench.views[1].request.key


def test_an_array_that_is_edited_later_keeps_its_hash():
    mine = VECTOR.copy()
    asked = base.request(Compared(mine), CLEAN)
    key = asked.key
    mine[:] = 7
    np.testing.assert_array_equal(base.run(asked, None, [CLEAN]).given.corrupt, VECTOR)
    assert asked.key == key


@pytest.mark.parametrize(
    "table",
    [
        pd.DataFrame({"code": ["001", "010"], "modified": ["2020-01-01", "x"], "whole": [1.0, 2.0]}),
        pd.DataFrame({"f": np.asarray([0.1, 0.2], np.float32), "b": [True, False], "i": [1, 2]}),
    ],
)
def test_a_table_comes_back_as_it_was(table, tmp_path):
    again = tb.open(tb.save(tmp_path / "a.trace", table)).table
    pd.testing.assert_frame_equal(again, table)
    assert hash_of(again) == hash_of(table)


@pytest.mark.parametrize(
    "array",
    [np.arange(3, dtype=kind) for kind in ("i2", "u4", "u8", ">f4", ">i8", "i1", "f2")] + [np.array(3.0)],
    ids=str,
)
def test_an_array_of_any_number_comes_back_as_it_was(array, tmp_path):
    again = tb.open(tb.save(tmp_path / "a.trace", array)).array
    np.testing.assert_array_equal(again, array)
    assert again.shape == array.shape


@pytest.mark.parametrize("array", [np.array(["a"]), np.array([1j]), np.array([None])])
def test_an_array_that_no_file_holds_is_a_sentence(array, tmp_path):
    with pytest.raises((FileError, TypeError), match=r"plain numbers|whole numbers, floats and booleans"):
        tb.save(tmp_path / "a.trace", array)


def test_a_followup_with_an_array_is_answered():
    bench = tb.Workbench([CLEAN, made.scores(CLEAN, 0)])
    view = bench.views[1]
    asked = Request("IntegratedGradients", {"baseline": VECTOR}, (CLEAN.hash,), tb.Target(0))
    view.request = asked
    assert hash_of(VECTOR) in bench._things()
