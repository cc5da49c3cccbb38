"""A stop string is text, whichever token of a vocabulary holds the space before a word."""

import pytest
import torch
import transformers

from tests import tiny
from tests.vocabularies import classes
from tracebench.models.language_model import LanguageModel
from tracebench.models.recording.generation import StopAt


@pytest.mark.parametrize(
    "kind",
    ["sentencepiece", "tokenizer", "wordpiece", "metaspace", "CTRLTokenizer", "XLMTokenizer", "MistralCommonBackend"],
)
def test_a_stop_string_may_begin_with_the_space_of_its_word(kind, tmp_path):
    """Where a vocabulary keeps a word's space depends on its kind: before the word, after it, or nowhere."""
    made = getattr(tiny, kind)() if hasattr(tiny, kind) else classes.build(getattr(transformers, kind), tmp_path)
    lm = LanguageModel(tiny.model("llama", vocab_size=700), made)
    pieces = lm.pieces
    ids = pieces.encode("the tower", special=False)
    start = next(n for n in range(1, len(ids)) if pieces.tokens(ids[:n]).text.strip() == "the")
    for stop in (" t", "t"):
        stopped = StopAt(lm, start, (stop,))
        assert bool(stopped(torch.tensor([ids]), None))
        assert not bool(stopped(torch.tensor([ids[:start]]), None))


def test_a_stop_string_with_its_space_stops_where_the_word_alone_does():
    lm = LanguageModel(tiny.model("llama", vocab_size=420), tiny.sentencepiece())
    word = lm.generate("The tower", max_new_tokens=1).completion.strip()
    for stop in (f" {word}", word):
        assert len(lm.generate("The tower", max_new_tokens=6, stop=stop).steps) == 1


def test_the_space_of_the_prompt_is_no_new_text():
    lm = tiny.lm()
    ids = lm.encode("The tower is")
    assert not bool(StopAt(lm, 2, (" ",))(torch.tensor([[*ids[:1], lm.token_id(" "), lm.token_id("t")]]), None))
    assert bool(StopAt(lm, 2, (" t",))(torch.tensor([[*ids[:1], lm.token_id(" "), lm.token_id("t")]]), None))
