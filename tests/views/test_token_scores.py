"""The view of token scores offers the methods that exist as analyses."""

import tracebench as tb
from tests import made
from tracebench import registry
from tracebench.views.token_scores import TokenScoresView
from tracebench.widgets.trace_data import trace_tree


def test_the_offered_methods_are_reprs_of_analyses():
    assert [method for _, method in registry.methods_of("token_scores")] == [
        repr(tb.IntegratedGradients()),
        repr(tb.IntegratedGradients(n_steps=256)),
        repr(tb.IntegratedGradients(quadrature="adaptive")),
        repr(tb.IntegratedGradients(n_steps=256, quadrature="adaptive")),
        repr(tb.InputXGradient()),
    ]


def test_an_offered_method_has_its_parameters():
    data = TokenScoresView.data()
    assert {method["analysis"] for method in data["methods"]} == {"IntegratedGradients", "InputXGradient"}
    assert data["methods"][2]["params"] == {
        "n_steps": 64,
        "baseline": "eos",
        "keep_first": True,
        "keep_special": True,
        "quadrature": "adaptive",
    }


def test_every_offered_candidate_has_its_piece():
    tree = trace_tree(made.trace())
    assert set(tree["vocab"]) == {str(i) for i in made.trace().candidates.token_ids.values.reshape(-1)}
