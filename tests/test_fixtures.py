"""Python and the browser read the same fixtures; this test checks that Python still writes them."""

import json
from pathlib import Path

import pytest

from tests.fixtures import make
from tests.made import trace

FIXTURES = Path(__file__).parent / "fixtures"


@pytest.mark.parametrize("name", make.contents())
def test_python_writes_the_same_fixtures(name):
    written = json.loads((FIXTURES / name).read_text("utf-8"))
    assert written == json.loads(json.dumps(make.contents()[name]))


def test_steps_are_the_traces_own_arithmetic():
    for case in json.loads((FIXTURES / "steps.json").read_text("utf-8")):
        ids = [0] * (case["prompt_length"] + case["steps"])
        of = trace(*ids, prompt_length=case["prompt_length"])
        assert of.position(case["step"]) == case["position"]
