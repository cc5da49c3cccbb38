import numpy as np
import pytest

from tracebench.record.arrays import Axis, LabeledArray

LENS = LabeledArray.of(np.arange(12).reshape(4, 3), layer=range(-1, 3), token=range(3))


def test_a_coordinate_is_not_an_offset():
    assert LENS.sel(layer=-1, token=2) == 2
    assert LENS.isel(layer=-1, token=2) == 11


def test_selecting_one_axis_keeps_the_other_named():
    row = LENS.sel(layer=1)
    assert row.dims == ("token",)
    assert row.values.tolist() == [6, 7, 8]


def test_a_slice_of_coordinates_is_half_open_and_may_end_past_the_last():
    assert LENS.sel(layer=slice(0, 2)).coords("layer") == (0, 1)
    assert LENS.sel(layer=slice(1, 3)).coords("layer") == (1, 2)
    assert LENS.sel(layer=slice(None, 0)).coords("layer") == (-1,)


def test_a_missing_coordinate_lists_the_coordinates():
    with pytest.raises(KeyError, match=r"layer=7 is not there; this axis has -1, 0, 1, 2"):
        LENS.sel(layer=7)


def test_a_missing_axis_lists_the_axes():
    with pytest.raises(KeyError, match="no axis 'head'; this array has layer, token"):
        LENS.sel(head=0)


def test_values_must_fit_the_axes():
    with pytest.raises(ValueError, match=r"shape \(2,\) do not fit the axes \(token: 3\)"):
        LabeledArray.of(np.zeros(2), token=range(3))


def test_axis_names_come_from_one_list():
    with pytest.raises(ValueError, match="'position' is not one of the axis names"):
        Axis("position", (0, 1))


def test_coordinates_are_unique():
    with pytest.raises(ValueError, match="twice"):
        Axis("watched", (3, 3))


def test_the_repr_shows_axes_coordinates_and_a_few_numbers():
    axes = "layer: 4 (-1, 0, 1, 2), token: 3 (0, 1, 2)"
    assert repr(LENS) == f"LabeledArray(int64, {axes}, [[ 0 1 2] [ 3 4 5] [ 6 7 8] [ 9 10 11]])"
    assert repr(LENS.sel(layer=0)) == "LabeledArray(int64, token: 3 (0, 1, 2), [3 4 5])"
    assert repr(LabeledArray.of(np.zeros(20, np.int8), token=range(20))).endswith("0 0])")
    assert repr(LabeledArray.of(np.zeros(21), token=range(21))) == "LabeledArray(float64, token: 21 (0, 1, ... 20))"


@pytest.mark.parametrize("kind", [int, np.int32, np.int64, np.uint8])
def test_a_whole_number_of_any_type_is_a_coordinate_and_an_offset(kind):
    assert LENS.sel(layer=kind(1), token=kind(2)) == 8
    assert LENS.isel(layer=kind(1), token=kind(2)) == 5


@pytest.mark.parametrize("wrong", [True, np.True_, 1.0, np.float32(1), None, "1"])
def test_values_that_only_equal_a_whole_number_are_refused(wrong):
    with pytest.raises(KeyError, match=r"token=.* is not there; this axis has 0, 1, 2"):
        LENS.sel(token=wrong)
    with pytest.raises(TypeError, match="token: an offset is a whole number or a slice, got"):
        LENS.isel(token=wrong)


def test_a_missing_offset_raises_a_sentence():
    with pytest.raises(IndexError, match="token: offset 3 is not there; this axis has 3 coordinates"):
        LENS.isel(token=3)


def test_to_pandas_has_one_row_per_number():
    frame = LENS.to_pandas("n")
    assert list(frame.columns) == ["layer", "token", "n"]
    assert len(frame) == 12
    assert frame[(frame.layer == -1) & (frame.token == 2)].n.item() == 2
