import threading
import time

import pytest
import traitlets

from tests import made
from tracebench.widgets.selection import Selection


@pytest.fixture
def selection():
    return Selection(made.trace(prompt_length=3))


def sent(selection, **fields):
    """The next state of the browser: the fields, and a sequence number that is 1 larger."""
    return {"seq": selection._state["seq"] + 1, "fields": {**selection.fields, **fields}}


def message(selection, state):
    selection._handle_custom_msg({"kind": "select", **state}, [])


def test_it_starts_at_the_first_step(selection):
    assert (selection.step, selection.query, selection.token) == (0, 2, None)


def test_setting_a_step_sets_the_query_in_the_same_sync(selection):
    states = []
    selection.observe(lambda change: states.append(change["new"]), "_state")
    selection.step = 2
    assert selection.query == 4
    assert len(states) == 1
    assert (states[0]["fields"]["step"], states[0]["fields"]["query"]) == (2, 4)


def test_setting_a_query_never_sets_a_step(selection):
    selection.query = 5
    assert selection.step == 0


def test_observers_of_a_public_trait_receive_changes_of_the_browser(selection):
    heard = []
    selection.observe(lambda change: heard.append(change["new"]), "token")
    selection.set_state({"_state": sent(selection, token=4)})
    assert heard == [4]
    assert selection.token == 4


def test_the_same_change_by_trait_and_by_message_is_one_change(selection):
    heard = []
    selection.observe(lambda change: heard.append(change["new"]), "token")
    state = sent(selection, token=4)
    message(selection, state)
    selection.set_state({"_state": state})
    assert heard == [4]


def test_an_older_state_from_the_browser_does_not_win(selection):
    old = sent(selection, token=1)
    message(selection, sent(selection, token=2))
    message(selection, sent(selection, token=5))
    selection.set_state({"_state": old})
    assert selection.token == 5
    assert selection._state["seq"] > old["seq"]


def test_an_invalid_state_from_the_browser_is_replaced_by_the_current_one(selection):
    selection.set_state({"_state": sent(selection, step=99)})
    assert selection.step == 0
    assert selection.fields["step"] == 0


def test_a_token_may_be_a_half_open_range(selection):
    selection.token = (2, 5)
    assert selection.token == (2, 5)
    assert selection.fields["token"] == [2, 5]
    with pytest.raises(traitlets.TraitError, match="not a half-open range within 0 to 8"):
        selection.token = (5, 99)


def test_several_fields_are_one_change(selection):
    states = []
    selection.observe(lambda change: states.append(change["new"]), "_state")
    selection.select(layer=-1, query=4)
    assert (selection.layer, selection.query, selection.step) == (-1, 4, 0)
    assert len(states) == 1


@pytest.mark.parametrize(
    ("name", "value", "sentence"),
    [
        ("step", 9, "step=9 is not there; step goes over: 0 to 4"),
        ("layer", 3, "layer=3 is not there; layer goes over: -1 to 2"),
        ("token", "a", "token is a whole number or None"),
        ("query", -1, "query goes over: 0 to 7"),
        ("step", True, "whole number"),
        ("head", -1, "head=-1 is not there; head goes over: 0 and up"),
        ("token", (1, 2, 3), "not a half-open range"),
        ("token", (0.5, 2.7), "not a half-open range"),
    ],
)
def test_a_missing_coordinate_raises_a_sentence_and_changes_nothing(selection, name, value, sentence):
    before = selection.fields
    with pytest.raises(traitlets.TraitError, match=sentence):
        setattr(selection, name, value)
    assert selection.fields == before


def test_as_the_last_value_of_a_cell_it_shows_its_repr(selection):
    assert selection._repr_mimebundle_()[0] == {"text/plain": "Selection(trace=0, step=0, query=2)"}


def test_an_unknown_keyword_raises_a_sentence(selection):
    with pytest.raises(TypeError, match="does not know layr; it takes trace, step, token"):
        Selection(made.trace(), layr=3)
    with pytest.raises(TypeError, match="does not know setp"):
        selection.select(setp=3)


def test_a_trace_without_steps_has_a_selection_without_a_step():
    selection = Selection(made.trace(0, 1, 2, prompt_length=3))
    assert selection.step is None
    with pytest.raises(traitlets.TraitError, match="step goes over: none"):
        selection.step = 0


def test_a_change_in_python_during_a_browser_message_is_not_lost(selection, monkeypatch):
    """On a host with subshells, another thread applies a browser message."""
    half, set_trait = threading.Event(), selection.set_trait

    def slowly(name, value):
        set_trait(name, value)
        if name == "layer":
            half.set()
            time.sleep(0.1)

    monkeypatch.setattr(selection, "set_trait", slowly)
    browser = threading.Thread(target=message, args=(selection, sent(selection, layer=1)))
    browser.start()
    half.wait()
    selection.key = 3
    browser.join()
    assert (selection.layer, selection.key) == (1, 3)
    assert (selection.fields["layer"], selection.fields["key"]) == (1, 3)
