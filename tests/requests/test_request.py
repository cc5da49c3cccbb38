import json
from pathlib import Path

from tests import made
from tracebench.record.target import Target
from tracebench.requests.code import request_for
from tracebench.requests.request import Absent, Job, Request
from tracebench.requests.stored import Stored

FIXTURES = Path(__file__).parents[1] / "fixtures"


def ask(answerer, request):
    """Ask, and return ("answer", result) or ("error", exception)."""
    got = []
    answerer.ask(request, Job(lambda *_: None, lambda r: got.append(("answer", r)), lambda e: got.append(("error", e))))
    return got[0]


def test_python_and_the_browser_make_the_same_key():
    for case in json.loads((FIXTURES / "requests.json").read_text("utf-8")):
        assert Request.from_json(case["request"]).key == case["key"]


def test_the_code_is_not_part_of_the_key():
    assert (
        Request("LogitLens", {"top": 5}, ("t",), code="a").key == Request("LogitLens", {"top": 5}, ("t",), code="b").key
    )


def test_requests_come_back_from_json_unchanged():
    request = Request("LogitLens", {"top": 5, "watch": (" Rome",)}, ("t",), Target(2), "code")
    assert Request.from_json(json.loads(json.dumps(request.to_json()))) == request


def test_a_result_knows_the_request_that_it_answers():
    lens = made.lens(made.trace())
    request = request_for(lens)
    assert request.analysis == "LogitLens"
    assert request.params == {"top": 3, "watch": (10,)}
    assert request.trace == lens.trace


def test_stored_results_answer_their_requests_and_others_are_absent_with_code():
    lens = made.lens(made.trace())
    stored = Stored([lens])
    assert ask(stored, request_for(lens)) == ("answer", lens)
    kind, failure = ask(stored, Request("LogitLens", {"top": 99}, lens.traces, code="tb.LogitLens(top=99)(lm, trace)"))
    assert kind == "error"
    assert isinstance(failure, Absent)
    assert failure.code == "tb.LogitLens(top=99)(lm, trace)"
