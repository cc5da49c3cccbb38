"""Mistral's own tokenizers: no fast tokenizer, no slow one, and special tokens that no text encodes."""

import pytest
from transformers import MistralCommonBackend

from tests import tiny
from tests.vocabularies import mistral
from tracebench.models.language_model import LanguageModel

FILES = {"tekken": mistral.tekken, "sentencepiece": mistral.mistral_spm}


@pytest.fixture(scope="module", params=FILES)
def lm(request, tmp_path_factory):
    tokenizer = MistralCommonBackend(FILES[request.param](tmp_path_factory.mktemp(request.param)))
    return LanguageModel(tiny.model("llama", vocab_size=len(tokenizer)), tokenizer)


@pytest.mark.parametrize("text", ["the tower in Paris", "naïve 🗼", " two  spaces", "[INST] is text here </s>"])
def test_a_text_is_read_as_it_is(lm, text):
    trace = lm.read(text)
    start, rest = trace.tokens.pieces[0], b"".join(trace.tokens.pieces[1:])
    assert (start, trace.tokens.special[0]) == (b"<s>", True)
    # SentencePiece puts a space before a text, which stays where a special token stands before it.
    assert rest.decode() in (text, f" {text}")
    assert not any(trace.tokens.special[1:])
    assert all(check.state == "holds" for check in trace.checks)


def test_half_characters_keep_their_bytes(lm):
    ids = lm.pieces.encode("🗼", special=False)[-4:]
    assert lm.tokens(ids[1:]).display == ("⟨9F⟩", "⟨97⟩", "⟨BC⟩")


def test_it_generates_and_finds_tokens_by_text(lm):
    trace = lm.generate("the tower", max_new_tokens=4)
    assert trace.prompt == "<s>" + lm.tokens(trace.tokens.ids[1:3]).text or trace.prompt.startswith("<s>")
    assert len(trace.steps) == 4
    assert trace.candidates.vocabulary.pieces[trace.tokens.ids[-1]] == lm.pieces.piece(trace.tokens.ids[-1])
    assert lm.pieces.piece(lm.token_id(" t")) == b" t"
    assert lm.token_id("[INST]") in lm.pieces.special


def test_an_id_past_the_vocabulary_is_an_id(lm):
    assert lm.pieces.tokens([10**6]).text == "[1000000]"


def test_the_digest_tells_vocabularies_apart(tmp_path):
    digests = set()
    for name, write in FILES.items():
        digests.add(
            LanguageModel(
                tiny.model("llama", vocab_size=700), MistralCommonBackend(write(tmp_path / name))
            ).pieces.digest
        )
    assert len(digests) == 2


def test_it_chats_and_knows_who_said_what(lm):
    turns = [("user", "the tower"), ("assistant", "in Paris"), ("user", "why 🗼")]
    trace = lm.chat([{"role": role, "content": said} for role, said in turns], max_new_tokens=2)
    spoken = [(s.role, b"".join(trace.tokens.pieces[s.start : s.stop]).decode()) for s in trace.segments]
    for role, said in turns:
        assert any(r == role and said in text for r, text in spoken), spoken
    assert [role for role, _ in spoken if role != "template"] == [role for role, _ in turns]
    assert trace.tokens.pieces[0] == b"<s>"
    assert lm.token_id("[INST]") in trace.tokens.ids
    assert all(check.state == "holds" for check in trace.checks)
