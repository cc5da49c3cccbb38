"""What is set aside of the model's own generation_config is in the record, by name and value."""

import pytest
from transformers import GenerationConfig
from transformers.generation.configuration_utils import WatermarkingConfig

import tracebench as tb
from tests import tiny

PROMPT = "The tower"
NAME = "the model's own generation settings"


def generated(settings, **sampling):
    lm = tiny.lm()
    for name, value in settings.items():
        setattr(lm.model.generation_config, name, value)
    return lm.generate(PROMPT, max_new_tokens=2, **sampling)


def about(trace):
    return next((check for check in trace.checks if check.name == NAME), None)


@pytest.mark.parametrize(
    "settings",
    [
        {"repetition_penalty": 5.0},
        {"suppress_tokens": [5, 6]},
        {"begin_suppress_tokens": [5]},
        {"forced_eos_token_id": 3},
        {"forced_bos_token_id": 3},
        {"bad_words_ids": [[7]]},
        {"no_repeat_ngram_size": 2},
        {"min_new_tokens": 3},
        {"exponential_decay_length_penalty": [2, 1.5]},
        {"num_beams": 4},
        {"guidance_scale": 1.5},
        {"renormalize_logits": True},
        {"stop_strings": ["x"]},
        {"a_setting_of_later": 1},
    ],
)
def test_what_would_change_scores_is_named_with_its_value_and_amber(settings):
    trace = generated(settings)
    assert trace.provenance.set_aside == settings
    check = about(trace)
    assert (check.kind, check.state, check.value) == ("measure", "amber", len(settings))
    ((name, value),) = settings.items()
    assert f"{name}={value!r}" in check.meaning


def test_how_the_model_would_draw_is_named_and_is_the_callers_to_choose():
    trace = generated({"do_sample": True, "temperature": 0.6, "top_k": 20, "top_p": 0.9, "min_p": 0.1})
    assert trace.provenance.set_aside == {
        "do_sample": True,
        "temperature": 0.6,
        "top_k": 20,
        "top_p": 0.9,
        "min_p": 0.1,
    }
    check = about(trace)
    assert check.state == "holds"
    assert "do_sample=True, temperature=0.6, top_k=20, top_p=0.9, min_p=0.1" in check.meaning
    assert "generate(temperature=...)" in check.meaning


def test_what_the_caller_asks_for_too_is_not_set_aside():
    own = {"do_sample": True, "temperature": 0.6, "top_p": 0.9}
    trace = generated(own, temperature=0.6, top_p=0.9, seed=0)
    assert trace.provenance.set_aside == {}
    assert about(trace) is None
    assert generated(own, temperature=0.7, seed=0).provenance.set_aside == {"temperature": 0.6, "top_p": 0.9}


@pytest.mark.parametrize(
    "settings",
    [
        {},
        {
            "repetition_penalty": 1.0,
            "num_beams": 1,
            "do_sample": False,
            "temperature": 1.0,
            "top_p": 1.0,
            "no_repeat_ngram_size": 0,
        },
        {"bad_words_ids": [], "suppress_tokens": []},
        {"use_cache": False, "cache_implementation": "static", "max_length": 20, "return_dict_in_generate": True},
    ],
)
def test_settings_that_do_nothing_or_are_followed_are_not_named(settings):
    trace = generated(settings)
    assert trace.provenance.set_aside == {}
    assert about(trace) is None


def test_every_setting_of_transformers_has_a_place():
    """New ones count as changing scores until they are looked at."""
    from tracebench.models.recording.own_settings import DRAWING, FOLLOWED

    known = set(vars(GenerationConfig()))
    gone = {*DRAWING, *FOLLOWED} - known - {"_commit_hash", "_original_object_hash", "return_legacy_cache"}
    assert gone == set()


def test_values_that_json_has_not_are_kept_in_words(tmp_path):
    trace = generated(
        {
            "sequence_bias": {(5, 6): -1.0},
            "watermarking_config": WatermarkingConfig(bias=2.0),
            "guidance_scale": float("inf"),
        }
    )
    tb.save(tmp_path / "a.trace", trace)
    kept = tb.open(tmp_path / "a.trace").trace.provenance.set_aside
    assert kept == trace.provenance.set_aside
    assert kept["sequence_bias"] == "{(5, 6): -1.0}"
    assert kept["watermarking_config"]["bias"] == 2.0
    assert kept["guidance_scale"] == "inf"


def test_a_chat_says_it_too_and_a_text_that_was_read_does_not():
    lm = tiny.lm(max_position_embeddings=512)
    lm.model.generation_config.repetition_penalty = 5.0
    assert about(lm.chat([{"role": "user", "content": "hi"}], max_new_tokens=1)).state == "amber"
    assert about(lm.read(PROMPT)) is None


def test_the_code_of_a_record_makes_it_again():
    from tracebench.requests.code import trace_code

    trace = generated({"repetition_penalty": 5.0, "do_sample": True})
    assert "repetition_penalty" not in trace_code(trace)
