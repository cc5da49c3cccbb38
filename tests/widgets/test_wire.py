import numpy as np
import pytest

from tests import made
from tracebench.record.arrays import LabeledArray
from tracebench.record.checks import Check
from tracebench.widgets import wire


def test_split_moves_bytes_into_a_list_of_buffers():
    tree, buffers = wire.split({"a": {"$array": b"12"}, "b": [b"3", "text", None]})
    assert tree == {"a": {"$array": 0}, "b": [1, "text", None]}
    assert buffers == [b"12", b"3"]


def test_square_root_bytes_distinguish_small_weights():
    weights = np.linspace(0, 1, 1001, dtype=np.float32)
    tree = wire.pack(LabeledArray.of(weights, key=range(1001)), "sqrt-u8")
    back = (np.frombuffer(tree["$array"], np.uint8) / 255.0) ** 2
    assert np.abs(back - weights).max() < 1 / 255
    small = wire.pack(LabeledArray.of(np.asarray([0.0, 1e-5]), key=range(2)), "sqrt-u8")["$array"]
    assert small[0] != small[1]


def test_square_root_bytes_refuse_values_outside_0_to_1():
    with pytest.raises(ValueError, match=r"holds values in \[0, 1\], got 0 to 2"):
        wire.pack(LabeledArray.of(np.asarray([0.0, 2.0]), key=range(2)), "sqrt-u8")


def test_an_unknown_value_of_a_check_travels_as_null():
    (sent,) = wire.checks([Check("a", "identity", float("nan"), 1.0, "m")])
    assert sent["value"] is None
    assert sent["state"] == "broken"


def test_a_piece_has_its_text_its_display_and_its_kind():
    assert wire.pieces(made.tokens(3, 4, 6, 7)) == [
        [" Paris", "·Paris", "text"],
        ["\ufffd", "⟨F0 9F⟩", "bytes"],
        ["<|im_end|>", "<|im_end|>", "special"],
        ["\n", "↵", "space"],
    ]
