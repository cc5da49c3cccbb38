"""Equal data gives equal text. js/test/requests/canonical.test.ts tests the same for the browser."""

import json
import math
from pathlib import Path

import numpy as np
import pytest

from tests.fixtures.make import NUMBERS
from tracebench.requests.canonical import canonical, number
from tracebench.requests.request import Request

FIXTURES = Path(__file__).parents[1] / "fixtures"


def key(**params):
    return Request("X", params, ("t",)).key


@pytest.mark.parametrize(("value", "spelled"), NUMBERS)
def test_numbers_are_spelled_as_ecmascript_spells_them(value, spelled):
    assert number(value) == spelled
    assert float(spelled) == value


def test_all_spellings_of_a_number_have_one_key():
    for case in json.loads((FIXTURES / "numbers.json").read_text("utf-8")):
        wanted = Request("X", {"x": float(case["spelled"])}, ("t",)).key
        assert wanted.endswith(f'"params":{{"x":{case["spelled"]}}},"target":null,"traces":["t"]}}')
        for text in case["written"]:
            arrived = {"analysis": "X", "params": {"x": json.loads(text)}, "traces": ["t"], "target": None}
            assert Request.from_json(arrived).key == wanted


def test_equal_numbers_have_equal_keys_and_a_bool_is_not_a_number():
    assert key(x=1) == key(x=1.0) == key(x=np.int64(1)) == key(x=np.float32(1))
    assert key(x=0.0) == key(x=-0.0)
    assert len({key(x=1), key(x=True), key(x="1"), key(x=None), key(x=2)}) == 5


def test_whole_numbers_that_a_browser_cannot_hold_stay_distinct():
    large = [2**53 - 1, 2**53, 2**53 + 1, 2**64 - 1, -(2**53) - 1]
    assert len({key(x=value) for value in large}) == len(large)
    for value in large:
        asked = Request("X", {"x": value}, ("t",))
        # A browser reads every number as a double, and writes it again.
        seen = json.loads(json.dumps(asked.to_json()), parse_int=lambda digits: int(float(digits)))
        again = Request.from_json(seen)
        assert again.params["x"] == value
        assert again.key == asked.key


@pytest.mark.parametrize("value", [math.nan, math.inf, -math.inf, np.float32("nan")])
def test_a_number_that_json_cannot_hold_raises_a_sentence(value):
    with pytest.raises(ValueError, match=r"a parameter is a finite number, got -?(nan|inf): give None"):
        Request("X", {"x": [value]}, ("t",))
    with pytest.raises(ValueError, match="JSON cannot hold the number"):
        canonical(float(value))


def test_text_is_written_as_in_a_browser():
    """A surrogate alone is escaped; two surrogates in a row are one character."""
    assert canonical("\ud83d") == '"\\ud83d"'
    assert canonical("\ud83d\ude00") == canonical("😀") == '"😀"'
    canonical("\ud83d\ude00\udead").encode()
