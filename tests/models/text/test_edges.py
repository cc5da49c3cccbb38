"""Padding, end marks and start marks around a prompt: dropped by the mask, refused in a sentence, or said in the record."""

import copy

import numpy as np
import pytest
import torch
from tokenizers import processors
from transformers import BatchEncoding

import tracebench as tb
from tests import tiny

PAD, START, END = 0, 1, 3


def lm_of(tokenizer, **changes):
    return tb.LanguageModel(tiny.model("llama", vocab_size=len(tokenizer), **changes), tokenizer, name="marked")


def wrapping(single, tokenizer=None):
    tokenizer = copy.deepcopy(tokenizer or tiny.tokenizer())
    marks = [(mark, tokenizer.convert_tokens_to_ids(mark)) for mark in single.split() if mark != "$A"]
    tokenizer.backend_tokenizer.post_processor = processors.TemplateProcessing(single=single, special_tokens=marks)
    return tokenizer


def amber(trace):
    return {check.name: check for check in trace.checks if check.state != "holds"}


# --- padding --------------------------------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def lm():
    return lm_of(tiny.tokenizer())


@pytest.mark.parametrize("side", ["left", "right"])
@pytest.mark.parametrize("tensors", [None, "pt", "np"])
@pytest.mark.parametrize("run", ["generate", "read"])
def test_what_a_tokenizer_gives_is_read_without_its_padding(lm, side, tensors, run):
    given = lm.tokenizer("the tower", padding="max_length", max_length=9, padding_side=side, return_tensors=tensors)
    assert isinstance(given, BatchEncoding)
    plain = getattr(lm, run)("the tower")
    trace = getattr(lm, run)(given)
    assert trace.tokens.ids == plain.tokens.ids
    np.testing.assert_array_equal(trace.candidates.logits.values, plain.candidates.logits.values)
    assert amber(trace) == {}
    assert getattr(lm, run)(dict(given)).hash == trace.hash


def test_a_mask_with_a_gap_drops_what_it_masks(lm):
    given = {"input_ids": [5, 6, 7, 8], "attention_mask": [1, 0, 1, 1]}
    assert lm.read(given).tokens.ids == (5, 7, 8)


@pytest.mark.parametrize(
    ("given", "sentence"),
    [
        (
            {"input_ids": [5, 6], "attention_mask": [1]},
            "a 0 or a 1 for each of the 2 token ids, got 1 numbers from 1 to 1",
        ),
        (
            {"input_ids": [5, 6], "attention_mask": [1, 2]},
            "a 0 or a 1 for each of the 2 token ids, got 2 numbers from 1 to 2",
        ),
        ({"input_ids": [5, 6], "attention_mask": [0, 0]}, "the prompt has no tokens"),
        ({"input_ids": [5, 6], "attention_mask": [0.5, 1]}, "an attention mask is one list of whole numbers, got 0.5"),
        ({"input_ids": [[5, 6], [7, 8]], "attention_mask": [[1, 1], [1, 1]]}, "a batch of texts is read one at a time"),
        ({"input_ids": []}, "the prompt has no tokens"),
    ],
)
def test_a_mask_that_does_not_fit_is_a_sentence(lm, given, sentence):
    with pytest.raises(ValueError, match=sentence):
        lm.generate(given)


@pytest.mark.parametrize("run", ["generate", "read"])
@pytest.mark.parametrize(
    ("ids", "where"),
    [
        ([PAD, PAD, 5, 6], "2 at the start"),
        ([5, 6, PAD], "1 at the end"),
        ([PAD, 5, 6, PAD, PAD], "1 at the start and 2 at the end"),
    ],
)
def test_padding_without_a_mask_is_a_sentence(lm, run, ids, where):
    for given in (ids, torch.tensor([ids]), {"input_ids": ids}):
        with pytest.raises(
            ValueError, match=rf"have padding \(<pad>, id 0: {where}\), .* lm\.generate\(tokenizer\(text\)\)$"
        ):
            getattr(lm, run)(given)


def test_the_padding_token_inside_a_text_is_a_token(lm):
    assert lm.read([5, PAD, 6]).tokens.ids == (5, PAD, 6)
    assert lm.generate("<pad>the", max_new_tokens=1).tokens.ids[0] == PAD


@pytest.mark.parametrize("token", ["<|im_end|>", "<s>"])
def test_where_the_padding_token_is_another_too_the_record_says_so(token):
    tokenizer = copy.deepcopy(tiny.tokenizer())
    tokenizer.pad_token = token
    lm = lm_of(tokenizer)
    given = tokenizer("the tower", padding="max_length", max_length=9, padding_side="left")
    (check,) = amber(lm.generate(given["input_ids"], max_new_tokens=1)).values()
    assert check.value >= 5
    assert "tokenizer" in check.meaning or "start marks" in check.meaning
    assert amber(lm.generate(given, max_new_tokens=1)) == {}


def test_without_a_tokenizer_no_token_is_padding():
    bare = tb.LanguageModel(tiny.model(), None)
    assert bare.read([0, 0, 5]).tokens.ids == (0, 0, 5)


# --- an end mark ----------------------------------------------------------------------------------------------------


CLOSING = {
    "eos": (lambda: wrapping("<s> $A <|im_end|>"), "<|im_end|>"),
    "sep": (lambda: wrapping("$A [SEP]", tiny.wordpiece()), "[SEP]"),
    "eos of a unigram tokenizer": (lambda: wrapping("$A </s>", tiny.metaspace()), "</s>"),
}


@pytest.mark.parametrize("tokenizer", CLOSING)
def test_a_prompt_that_the_tokenizer_closes_is_in_the_record_with_the_way_out(tokenizer):
    make, mark = CLOSING[tokenizer]
    lm = lm_of(make())
    trace = lm.generate("the tower", max_new_tokens=1)
    check = amber(trace)["no end mark closes the prompt"]
    assert check.kind == "measure"
    assert f"The tokenizer closes the text with the end mark {mark}" in check.meaning
    assert "Leave it out: lm.generate(lm.encode(text)[:-1])." in check.meaning
    assert amber(lm.generate(lm.encode("the tower")[:-1], max_new_tokens=1)) == {}
    read = amber(lm.read("the tower"))["no end mark closes the text"]
    assert "its last step is that mark" in read.meaning
    assert "lm.read(lm.encode(text)[:-1])" in read.meaning


def test_an_end_mark_that_was_typed_is_said_of_what_is_continued_and_not_of_what_is_read(lm):
    for given in ("the<|im_end|>", lm.encode("the<|im_end|>")):
        check = amber(lm.generate(given, max_new_tokens=1))["no end mark closes the prompt"]
        assert "The prompt ends with the end mark <|im_end|>" in check.meaning
        assert amber(lm.read(given)) == {}


def test_the_end_tokens_of_the_model_count_too():
    lm = lm_of(tiny.tokenizer())
    lm.model.generation_config.eos_token_id = [9, 10]
    assert "no end mark closes the prompt" in amber(lm.generate([5, 10], max_new_tokens=1))
    assert amber(lm.generate([5, 11], max_new_tokens=1)) == {}


def test_an_end_mark_that_is_the_start_mark_too_starts():
    """GPT-2 has one mark for both, and a text is begun with it."""
    tokenizer = copy.deepcopy(tiny.tokenizer())
    tokenizer.bos_token = tokenizer.eos_token
    lm = lm_of(tokenizer)
    for prompt in ("<|im_end|>", "the<|im_end|>"):
        assert amber(lm.generate(prompt, max_new_tokens=1)) == {}


# --- two start marks ------------------------------------------------------------------------------------------------


def test_two_start_marks_are_in_the_record_with_the_way_out():
    tokenizer = wrapping("<s> $A")
    tokenizer.chat_template = "{{ bos_token }}" + tiny.tokenizer().chat_template
    lm = lm_of(tokenizer, max_position_embeddings=512)
    rendered = tokenizer.apply_chat_template([{"role": "user", "content": "hi"}], tokenize=False)
    for run in ("generate", "read"):
        for text in ("<s>the", rendered):
            check = amber(getattr(lm, run)(text))["one start mark"]
            assert (check.kind, check.value) == ("measure", 1)
            assert f"lm.{run}(lm.encode(text)[1:]; the tokenizer adds <s>" in check.meaning
    assert "one start mark" not in amber(lm.generate(lm.encode("<s>the")[1:], max_new_tokens=1))
    # The template's own mark is the only one.
    assert amber(lm.chat([{"role": "user", "content": "hi"}], max_new_tokens=1)) == {}
    assert amber(lm.generate("the", max_new_tokens=1)) == {}


def test_start_marks_with_a_space_between_are_two():
    tokenizer = wrapping("<s> $A", tiny.sentencepiece())
    lm = lm_of(tokenizer)
    assert "one start mark" in amber(lm.generate("<s>the", max_new_tokens=1))
    assert amber(lm.generate("the", max_new_tokens=1)) == {}


def test_a_start_mark_further_on_is_none_of_these(lm):
    """Some chat templates begin every turn with one."""
    assert amber(lm.generate([START, 5, 6, START, 7], max_new_tokens=1)) == {}


def test_a_chat_whose_template_says_it_twice_is_in_the_record():
    tokenizer = copy.deepcopy(tiny.tokenizer())
    tokenizer.chat_template = "<s>{{ bos_token }}" + tokenizer.chat_template
    trace = lm_of(tokenizer, max_position_embeddings=512).chat([{"role": "user", "content": "hi"}], max_new_tokens=1)
    assert amber(trace)["one start mark"].value == 1


# --- where a user sees it -------------------------------------------------------------------------------------------


def test_the_bench_the_page_and_the_console_say_it(tmp_path, capsys):
    from tracebench import cli
    from tracebench.bench.report import report

    lm = lm_of(wrapping("<s> $A <|im_end|>"))
    trace = lm.generate("<s>the", max_new_tokens=2)
    bench = tb.Workbench([trace])
    names = {"no end mark closes the prompt", "one start mark"}
    assert {check.name for _, check in bench.checks.wrong} == names
    assert all(name in bench.checks.sentence for name in names)
    assert "Leave it out: lm.generate" in report(trace, [])
    tb.save(tmp_path / "a.trace", trace)
    assert cli.main(["show", str(tmp_path / "a.trace")]) == 0
    said = capsys.readouterr().out
    assert all(name in said for name in names)
    assert "Leave it out: lm.generate(lm.encode(text)[:-1])." in said
