"""A conversation and who said which tokens."""

import copy
from itertools import pairwise

import pytest

from tests import tiny

TALK = [
    {"role": "system", "content": "Be brief."},
    {"role": "user", "content": "Which tower?"},
    {"role": "assistant", "content": "Eiffel 🗼"},
    {"role": "user", "content": "Which tower?"},
]
MARKED = "<|im_start|>{{ m['role'] }}\n{{ m['content'] }}<|im_end|>\n"
OPENING = "{% if add_generation_prompt %}<|im_start|>assistant\n{% endif %}"
#: Templates as they are in the wild.
TEMPLATES = {
    "plain": "{% for m in messages %}" + MARKED + "{% endfor %}" + OPENING,
    "with a default system prompt": (
        "{% if messages[0]['role'] != 'system' %}<|im_start|>system\nYou are helpful.<|im_end|>\n{% endif %}"
        "{% for m in messages %}" + MARKED + "{% endfor %}" + OPENING
    ),
    "with a BOS": "{{ bos_token }}{% for m in messages %}" + MARKED + "{% endfor %}" + OPENING,
    "refuses another end than the user's": (
        "{% if messages[-1]['role'] != 'user' %}{{ raise_exception('the user speaks last') }}{% endif %}"
        "{% for m in messages %}" + MARKED + "{% endfor %}" + OPENING
    ),
    "refuses a beginning without the user": (
        "{% if not messages | selectattr('role', 'equalto', 'user') | list %}{{ raise_exception('no user') }}{% endif %}"
        "{% for m in messages %}" + MARKED + "{% endfor %}" + OPENING
    ),
    "a mark for each role": (
        "{% for m in messages %}<|{{ m['role'] }}|>\n{{ m['content'] }}<|im_end|>\n{% endfor %}"
        "{% if add_generation_prompt %}<|assistant|>\n{% endif %}"
    ),
    "trims, and closes the last turn alone": (
        "{% for m in messages %}<|im_start|>{{ m['role'] }}\n{{ m['content'] | trim }}"
        "{% if not loop.last %}<|im_end|>{% endif %}\n{% endfor %}" + OPENING
    ),
}


def talker(template):
    tokenizer = copy.deepcopy(tiny.tokenizer())
    tokenizer.chat_template = template
    return tiny.LanguageModel(tiny.model(max_position_embeddings=512), tokenizer, name="talker")


@pytest.mark.parametrize("template", TEMPLATES)
def test_segments_cover_the_prompt_in_order(template):
    trace = talker(TEMPLATES[template]).chat(TALK, max_new_tokens=2)
    edges = [(s.start, s.stop) for s in trace.segments]
    assert edges[0][0] == 0
    assert edges[-1][1] == trace.prompt_length
    assert all(stop == start for (_, stop), (start, _) in pairwise(edges))
    roles = [s.role for s in trace.segments if s.role != "template"]
    assert roles == [message["role"] for message in TALK]
    assert trace.segments[-1].role == "template"


@pytest.mark.parametrize("template", TEMPLATES)
def test_each_segment_holds_its_own_message(template):
    trace = talker(TEMPLATES[template]).chat(TALK, max_new_tokens=1)
    segments = [s for s in trace.segments if s.role != "template"]
    for segment, message in zip(segments, TALK, strict=True):
        text = b"".join(trace.tokens.pieces[segment.start : segment.stop]).decode()
        assert message["content"] in text
        if template == "a mark for each role":
            assert text == f"<|{message['role']}|>\n{message['content']}<|im_end|>\n"
        else:
            assert text.count("<|im_start|>") == 1
            assert text.startswith(f"<|im_start|>{message['role']}\n")


def test_what_the_template_adds_of_its_own_is_the_templates():
    trace = talker(TEMPLATES["with a default system prompt"]).chat(TALK[1:2], max_new_tokens=1)
    first, user, last = trace.segments
    texts = [b"".join(trace.tokens.pieces[s.start : s.stop]).decode() for s in (first, user, last)]
    assert [s.role for s in trace.segments] == ["template", "user", "template"]
    assert texts == [
        "<|im_start|>system\nYou are helpful.<|im_end|>\n",
        "<|im_start|>user\nWhich tower?<|im_end|>\n",
        "<|im_start|>assistant\n",
    ]


def test_a_bos_of_the_template_is_there_once():
    trace = talker(TEMPLATES["with a BOS"]).chat(TALK, max_new_tokens=1)
    assert trace.tokens.ids.count(1) == 1
    assert (trace.segments[0].role, trace.segments[0].stop) == ("template", 1)


def test_the_prompt_is_what_the_tokenizer_renders():
    lm = talker(TEMPLATES["plain"])
    trace = lm.chat(TALK, max_new_tokens=3)
    text = lm.tokenizer.apply_chat_template(TALK, tokenize=False, add_generation_prompt=True)
    assert trace.prompt == text
    encoded = lm.tokenizer.apply_chat_template(TALK, add_generation_prompt=True)
    assert list(trace.tokens.ids[: trace.prompt_length]) == list(encoded["input_ids"])
    assert trace.provenance.settings["messages"] == TALK


def test_options_are_those_of_generate():
    lm = talker(TEMPLATES["plain"])
    one = lm.chat(TALK, max_new_tokens=5, temperature=1.0, seed=3)
    again = lm.generate(one.tokens.ids[: one.prompt_length], max_new_tokens=5, temperature=1.0, seed=3)
    assert one.tokens.ids == again.tokens.ids
    assert len(one.steps) == 5
    with pytest.raises(ValueError, match="chat does not know depth; it takes max_new_tokens, temperature"):
        lm.chat(TALK, depth=3)


@pytest.mark.parametrize("content", ["", " ", "\n", "user", "<", "</script>", "שלום"])
def test_any_content(content):
    talk = [{"role": role, "content": content} for role in ("user", "assistant", "user")]
    trace = talker(TEMPLATES["plain"]).chat(talk, max_new_tokens=1)
    assert [s.role for s in trace.segments] == ["user", "assistant", "user", "template"]
    texts = [b"".join(trace.tokens.pieces[s.start : s.stop]).decode() for s in trace.segments]
    assert texts[:3] == [f"<|im_start|>{m['role']}\n{content}<|im_end|>\n" for m in talk]
    trace = talker(TEMPLATES["plain"]).chat([{"role": "user", "content": content}], max_new_tokens=1)
    assert [s.role for s in trace.segments] == ["user", "template"]


@pytest.mark.parametrize(
    ("messages", "sentence"),
    [
        ([], "a conversation has at least one message"),
        ([{"role": "user"}], "a message is"),
        ([{"role": "user", "content": None}], "a message is"),
        ([{"role": "user", "content": "x", "name": "y"}], "a message is"),
        ([{"role": "user", "content": "\udcff"}], "lone surrogate"),
    ],
)
def test_what_is_no_conversation_is_a_sentence(messages, sentence):
    with pytest.raises(ValueError, match=sentence):
        talker(TEMPLATES["plain"]).chat(messages)


@pytest.mark.parametrize(
    "messages",
    [
        "Hello",
        [["user", "Hello"]],
        ["Hello"],
        {"role": "user", "content": "Hello"},
        None,
        3,
        iter([{"role": "user", "content": "Hello"}]),
        [None],
        [{}],
        [{"role": 3, "content": "Hello"}],
        [{"role": "user", "content": [{"type": "text", "text": "Hello"}]}],
    ],
)
def test_what_looks_like_a_conversation_and_is_none_is_a_sentence(messages):
    with pytest.raises((TypeError, ValueError), match=r"a (message|conversation) is"):
        talker(TEMPLATES["plain"]).chat(messages)


def test_without_a_template_it_says_what_to_do():
    for lm in (talker(None), tiny.LanguageModel(tiny.model(), None, name="bare")):
        with pytest.raises(
            ValueError, match=r"has no chat template: write the prompt yourself and use lm\.generate\(text\)"
        ):
            lm.chat(TALK)


@pytest.mark.parametrize("talk", [TALK, TALK[1:], TALK[1:2]])
def test_it_also_works_where_no_beginning_can_be_rendered(talk):
    """The template takes this one conversation and no part of it."""
    lm = talker(
        "{% if messages | length != "
        + str(len(talk))
        + " %}{{ raise_exception('no') }}{% endif %}"
        + TEMPLATES["plain"]
    )
    expected = talker(TEMPLATES["plain"]).chat(talk, max_new_tokens=1)
    assert lm.chat(talk, max_new_tokens=1).segments == expected.segments


def test_a_template_that_refuses_the_conversation_is_a_sentence():
    lm = talker(TEMPLATES["refuses another end than the user's"])
    with pytest.raises(ValueError, match="the chat template of talker refuses this conversation: the user speaks last"):
        lm.chat(TALK[:3])
