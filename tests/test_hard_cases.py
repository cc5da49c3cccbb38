"""Unusual uses of a bench: two benches at once, one token, two thousand tokens."""

import threading
import warnings
from itertools import chain

import numpy as np
import pytest

import tracebench as tb
from tests import tiny
from tests.unchanged import unchanged
from tracebench.offline.bake import answer
from tracebench.requests.request import Job
from tracebench.runtime.progress import Cancelled

LONG = 2000


def numbers(result):
    return {name: array.values for name, array in vars(result).items() if hasattr(array, "values")}


def test_two_benches_on_one_model_give_the_same_answers_as_one():
    lm = tiny.lm()
    traces = [lm.generate(prompt, max_new_tokens=3) for prompt in ("The Eiffel Tower", "Gustave Eiffel, whose company")]
    alone = [[answer(bench._answerer, each) for each in bench.requests] for bench in explored(lm, traces)]
    together = [[], []]

    def ask(bench, answers):
        answers.extend(answer(bench._answerer, each) for each in bench.requests)

    with unchanged(lm.model):
        threads = [threading.Thread(target=ask, args=each) for each in zip(explored(lm, traces), together, strict=True)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
    for found, expected in zip(*map(chain.from_iterable, (together, alone)), strict=True):
        assert (found.method, found.trace) == (expected.method, expected.trace)
        for name, array in numbers(expected).items():
            np.testing.assert_array_equal(numbers(found)[name], array)


def explored(lm, traces):
    return [tb.explore(lm, trace) for trace in traces]


def test_two_benches_have_separate_selections():
    lm = tiny.lm()
    first, second = explored(lm, [lm.generate("The tower", max_new_tokens=3)] * 2)
    first.selection.step = 2
    assert second.selection.step != 2


def test_a_text_of_one_token_is_shown_and_saved(tmp_path):
    lm = tiny.lm()
    read = tb.explore(lm, lm.read([5], prompt_length=1))
    assert read.save(tmp_path / "read.html").stat().st_size > 0
    # With keep_first=True there would be nothing to explain.
    why = tb.IntegratedGradients(n_steps=16, keep_first=False)
    said = tb.explore(lm, lm.generate([5], max_new_tokens=1), why)
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        said.save(tmp_path / "said.html")
    assert {result.kind for result in said.results} == {"lens_table", "token_scores", "attention", "rollout"}


@pytest.fixture(scope="module")
def long():
    lm = tiny.lm(max_position_embeddings=2 * LONG)
    ids = np.random.default_rng(0).integers(4, tiny.VOCABULARY, LONG).tolist()
    return lm, lm.generate(ids, max_new_tokens=2)


def test_two_thousand_tokens_are_explained_and_saved(long, tmp_path):
    lm, trace = long
    bench = tb.explore(lm, trace)
    with warnings.catch_warnings():
        warnings.simplefilter("error")  # a failed answer would warn
        bench.save(tmp_path / "long.html")
    lens, scores = bench.results[:2]
    assert lens.token_ids.shape[1] == scores.scores.shape[-1] == len(trace.tokens)
    checks = [check for result in bench.results for check in result.checks if check.kind == "identity"]
    assert checks
    assert {check.state for check in checks} == {"holds"}


def test_a_slow_answer_reports_progress_and_can_be_cancelled(long):
    lm, trace = long
    ticks, ended = [], threading.Event()
    errors = []

    def tick(*progress):
        ticks.append(progress)
        if progress[0] >= 2:
            job.cancel()

    def failed(error):
        errors.append(error)
        ended.set()

    job = Job(tick, lambda _result: ended.set(), failed)
    bench = tb.explore(lm, trace, tb.IntegratedGradients())
    with unchanged(lm.model):
        bench._answerer.ask(bench.requests[1], job)
        assert ended.wait(120)
    assert [type(error) for error in errors] == [Cancelled]
    assert 2 <= ticks[-1][0] < ticks[-1][1]
