"""Parameters that are objects travel as data, and become equal objects when the request runs."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

import pytest

import tracebench as tb
from tests import made
from tracebench import registry
from tracebench.analyses import base
from tracebench.requests.code import public_code, request_for
from tracebench.requests.parameters import parsed, rebuilt
from tracebench.requests.request import Request


@dataclass(frozen=True)
class Patch:
    site: str
    layer: int
    value: float | None = None


@dataclass(frozen=True)
class Both:
    first: Patch
    rest: tuple[Patch, ...] = ()


@dataclass(frozen=True)
class Mending:
    """An analysis with objects as parameters."""

    patch: Patch | Both
    targets: Sequence[tb.Target] = ()
    by: Any = None

    gives = "lens_table"

    def __call__(self, _lm, _trace):
        return self


@dataclass
class Loose:
    x: int = 1


@dataclass(frozen=True)
class Hiding:
    x: int = 1
    y: int = field(default=2, repr=False)


ANALYSES = (
    Mending(Patch("z", 3)),
    Mending(Patch("z", 3, 1e-7)),
    Mending(Both(Patch("z", 3), (Patch("q", 0, 1.0), Patch('"\n', -1)))),
    Mending(Patch("z", 3), (tb.Target(0, " Rome"), tb.Target(None, of="entropy"))),
    Mending(Patch("z", 3), by=tb.LogitLens(top=3, watch=(" Rome",))),
    Mending(Patch("z", 3), by={"a": [1, (2.5, None)], "b": Patch("k", 2**60)}),
)


@pytest.fixture(autouse=True)
def known(monkeypatch):
    row = registry.Analysis("Mending", f"{__name__}:Mending", "lens_table", "mending")
    monkeypatch.setattr(registry, "ANALYSES", (*registry.ANALYSES, row))


def travelled(request):
    return Request.from_json(json.loads(json.dumps(request.to_json())))


@pytest.mark.parametrize("analysis", ANALYSES)
def test_an_analysis_with_objects_comes_back_unchanged(analysis):
    trace = made.trace()
    asked = base.request(analysis, trace)
    again = base.run(travelled(asked), None, [trace])
    assert base.request(again, trace).key == asked.key
    if not isinstance(analysis.by, dict):  # its list becomes a tuple
        assert again == analysis
    assert type(again.patch) is type(analysis.patch)


@pytest.mark.parametrize("analysis", ANALYSES)
def test_the_repr_of_an_analysis_is_the_same_question(analysis):
    trace = made.trace()
    name, params = parsed(repr(analysis))
    assert Request(name, params, (trace.hash,)).key == base.request(analysis, trace).key


def test_requests_are_plain_data():
    asked = base.request(Mending(Patch("z", 3)), made.trace())
    assert asked.params["patch"] == {"$class": "Patch", "site": "z", "layer": 3, "value": None}
    assert travelled(asked) == asked


def test_equal_objects_have_equal_keys_and_different_ones_do_not():
    trace = made.trace()
    keys = [
        base.request(Mending(patch), trace).key for patch in (Patch("z", 3, 1), Patch(layer=3, site="z", value=1.0))
    ]
    assert keys[0] == keys[1]
    others = (Patch("z", 3, 2), Patch("z", 3), Patch("y", 3, 1), Both(Patch("z", 3, 1)))
    assert len({base.request(Mending(patch), trace).key for patch in others} | {keys[0]}) == 5


def test_copied_code_uses_the_public_names_of_objects():
    target = "targets=(Target(step=0, token='שלום'),), patch=Patch(site='(', layer=1)"
    assert public_code(f"Mending({target})")[1] == f"tb.Mending({target})".replace("Patch(", "tb.Patch(").replace(
        "(Target", "(tb.Target"
    )
    assert request_for(made.lens(made.trace())).code == "tb.LogitLens(top=3, watch=(10,))(lm, trace)\n"


def test_an_unknown_class_raises_a_sentence():
    with pytest.raises(
        ValueError, match=r"a parameter of Mending is a 'Elsewhere', which is not known here.*Both, Patch, Target"
    ):
        rebuilt({"patch": {"$class": "Elsewhere"}}, Mending)


def test_unknown_fields_of_a_class_raise_a_sentence():
    with pytest.raises(ValueError, match="Patch does not take the parameters site, depth"):
        rebuilt({"patch": {"$class": "Patch", "site": "z", "depth": 3}}, Mending)


@pytest.mark.parametrize(
    ("value", "error", "sentence"),
    [
        (Loose(), TypeError, "a parameter is a frozen dataclass, Loose is not"),
        (Hiding(y=3), TypeError, "names every field that is not at its default"),
        (1j, TypeError, "got complex"),
        ({1, 2}, TypeError, "got set"),
        (print, TypeError, "got builtin_function_or_method"),
        ({1: 2}, TypeError, "the keys of a mapping are text, got 1"),
        ({"$int": "1"}, ValueError, r"keys of a mapping that begin with \$"),
    ],
)
def test_a_value_that_cannot_be_a_parameter_raises_a_sentence(value, error, sentence):
    with pytest.raises(error, match=sentence):
        Request("X", {"x": value}, ("t",))


@pytest.mark.parametrize(
    "method", ["LogitLens", "f(1)", "f(**x)", "f(x=g(1))", "f(x=a.b(y=1))", "f(x={**y})", "f(x=open)", "f(x", "1"]
)
def test_text_that_is_not_the_repr_of_an_analysis_raises_a_sentence(method):
    with pytest.raises(ValueError, match="a result's method is the repr of an analysis"):
        parsed(method)


def test_a_field_that_the_repr_leaves_out_keeps_its_default():
    assert Request("X", {"x": Hiding()}, ("t",)).params["x"] == {"$class": "Hiding", "x": 1}
