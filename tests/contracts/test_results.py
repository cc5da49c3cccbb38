"""What every kind of record promises, in Python: axes, tables, figures, checks and files."""

from __future__ import annotations

import json
import math
from dataclasses import FrozenInstanceError, fields

import numpy as np
import pytest

import tracebench as tb
from tests.contracts import rows, samples
from tests.contracts.samples import arrays, trace
from tracebench.record.arrays import LINKED, UNLINKED, LabeledArray

every_kind = pytest.mark.parametrize("kind", rows.KINDS, ids=str)
every_finding = pytest.mark.parametrize("kind", [kind for kind in rows.KINDS if kind != rows.TRACE], ids=str)
every_text = pytest.mark.parametrize("text", samples.TEXTS)

#: Columns that say where a number belongs.
COORDINATES = (*LINKED, *UNLINKED)


def labeled(result):
    """Every array of a result that has axes, by name."""
    return {name: a for name, a in result.to_record().arrays.items() if isinstance(a, LabeledArray)}


def along(about):
    """What each axis of a trace runs over."""
    positions, source = range(len(about.tokens)), about.provenance
    return {
        **dict.fromkeys(("token", "query", "key"), positions),
        "step": about.steps,
        "layer": range(-1, source.layers),
        "head": range(source.heads),
    }


@every_kind
def test_there_is_a_result_of_every_kind_on_an_ordinary_text(kind):
    for text in samples.ORDINARY:
        assert samples.results(kind, text)


@every_kind
def test_it_is_frozen(kind):
    for result in samples.results(kind, "generated"):
        assert type(result) is kind.result
        assert result.kind == kind.name
        for name in [field.name for field in fields(result)] + ["kind"]:
            with pytest.raises(FrozenInstanceError):
                setattr(result, name, None)


@every_text
@every_kind
def test_its_axes_are_those_of_the_trace(kind, text):
    there = along(trace(text))
    for result in samples.results(kind, text):
        assert labeled(result)
        for name, array in labeled(result).items():
            assert set(array.dims) <= set(COORDINATES)
            for axis in array.axes:
                assert set(axis.coords) <= set(there.get(axis.name, axis.coords)), f"{name}: {axis}"
                if axis.name in ("token", "query", "key"):
                    # The whole text: a view paints all of it.
                    assert axis.coords == tuple(there[axis.name]), f"{name}: {axis}"


@every_text
@every_kind
def test_its_table_names_every_number_by_its_place(kind, text):
    about = trace(text)
    there = along(about)
    for result in samples.results(kind, text):
        frame = result.to_pandas()
        assert len(set(frame.columns)) == len(frame.columns)
        where = [name for name in frame.columns if name in COORDINATES]
        assert where
        assert not frame.duplicated(where).any()
        for name in where:
            assert set(frame[name]) <= set(there.get(name, frame[name])), name
        if "text" in frame:
            # So that any two tables can be joined by the token.
            position = "key" if "key" in frame else "token"
            assert list(frame["token_id"]) == [about.tokens.ids[at] for at in frame[position]]
            assert list(frame["text"]) == [about.tokens.texts[at] for at in frame[position]]


@every_text
@every_kind
def test_what_does_not_exist_has_no_row(kind, text):
    for result in samples.results(kind, text):
        frame = result.to_pandas()
        numbers = [name for name in frame.columns if frame[name].dtype.kind == "f"]
        if numbers and len(frame):
            assert frame[numbers].notna().any(axis=1).all()
        for array in labeled(result).values():
            if set(array.dims) == {name for name in frame.columns if name in COORDINATES}:
                values = np.asarray(array.values, np.float64)
                exists = np.tri(*values.shape[-2:]) if array.dims[-2:] == ("query", "key") else 1
                assert len(frame) == np.count_nonzero(~np.isnan(values) * exists)
        if {"query", "key"} <= set(frame.columns):
            assert (frame["key"] <= frame["query"]).all()


@every_text
@every_finding
def test_its_figure_is_plain_data(kind, text):
    from plotly.graph_objects import Figure, FigureWidget

    for result in samples.results(kind, text):
        figure = result.figure()
        assert isinstance(figure, Figure)
        assert not isinstance(figure, FigureWidget)
        shown = json.loads(figure.to_json())
        assert shown["data"]
        assert shown["layout"]["title"]["text"]


@every_text
@every_kind
def test_it_proves_itself(kind, text):
    for result in samples.results(kind, text):
        checks = result.checks
        # A text that was read was recorded by the pass itself: there is nothing to compare it with.
        assert checks or (kind == rows.TRACE and trace(text).was_read)
        assert len({check.name for check in checks}) == len(checks)
        for check in checks:
            assert check.kind in ("identity", "measure")
            assert check.meaning.endswith(".")
            assert not math.isnan(check.limit)
            # Random models are no reason for a wrong number.
            assert check.state == "holds" or check.kind == "measure", str(check)


@every_text
@every_kind
def test_it_comes_back_from_a_file_bit_for_bit(kind, text, tmp_path):
    about = trace(text)
    for result in samples.results(kind, text):
        records = [about] if kind == rows.TRACE else [about, result]
        opened = tb.open(tb.save(tmp_path / "a.trace", *records))
        again = [*opened][-1]
        assert type(again) is type(result)
        assert arrays(again.to_record()) == arrays(result.to_record())
        assert again.to_record().json == json.loads(json.dumps(result.to_record().json))
        assert repr(again) == repr(result)
        assert again.checks == result.checks
        assert again.to_pandas().equals(result.to_pandas())


@every_kind
def test_it_says_what_it_is_in_a_line(kind):
    for result in samples.results(kind, "hard"):
        assert repr(result).startswith(f"{type(result).__name__}(")
        assert "\n" not in repr(result)


@every_kind
def test_numbers_are_numbers(kind):
    """No infinity, and NaN only where nothing exists."""
    for text in samples.ORDINARY:
        for result in samples.results(kind, text):
            for name, array in labeled(result).items():
                assert not np.isinf(np.asarray(array.values, np.float64)).any(), name


@every_text
@every_finding
def test_what_a_generic_room_asks_of_it_is_answered(kind, text):
    about = trace(text)
    for result in samples.results(kind, text):
        assert result.traces == (about.hash,)
        assert result.says in ("continues", "compares", "adds")
        assert set(result.whole_text) <= {name for array in labeled(result).values() for name in array.dims}
        for step in about.steps:
            for part in result.sentence(about, step) or ():
                assert isinstance(part, str) or [*part] == ["token"]
            assert isinstance(result.question(about, step), (str, type(None)))
        assert all(isinstance(target, tb.Target) for target in result.other_targets(about))
        assert all(isinstance(line, str) for line in result.lines(about))
        if (column := result.step_column(about)) is not None:
            heading, cells = column
            assert isinstance(heading, str)
            assert len(cells) == len(about.steps)
