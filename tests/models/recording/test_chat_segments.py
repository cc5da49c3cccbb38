"""Who said which tokens, in the chat formats of many families and with templates that rewrite what they are given."""

import base64
import copy
import functools
import json
from itertools import pairwise

import pytest
from tokenizers import AddedToken
from transformers import PreTrainedTokenizer

from tests import tiny
from tests.models.recording import chat_templates as formats
from tests.models.recording.chat_templates import Format
from tracebench.models.recording import chat
from tracebench.models.text.rendering import Rendering
from tracebench.models.text.turns import Turns


def said(role, content):
    return {"role": role, "content": content}


#: Each content also stands elsewhere: as a role, in another message, in a default system prompt; the last is empty.
TALK = [said("system", "AI"), said("user", "user"), said("assistant", "AI"), said("user", "")]

CHATML = [
    ("system", "<|im_start|>system\nAI<|im_end|>\n"),
    ("user", "<|im_start|>user\nuser<|im_end|>\n"),
    ("assistant", "<|im_start|>assistant\nAI<|im_end|>\n"),
    ("user", "<|im_start|>user\n<|im_end|>\n"),
    ("template", "<|im_start|>assistant\n"),
]
LLAMA3 = [
    ("user", "<|start_header_id|>user<|end_header_id|>\n\nuser<|eot_id|>"),
    ("assistant", "<|start_header_id|>assistant<|end_header_id|>\n\nAI<|eot_id|>"),
    ("user", "<|start_header_id|>user<|end_header_id|>\n\n<|eot_id|>"),
    ("template", "<|start_header_id|>assistant<|end_header_id|>\n\n"),
]
SYSTEM = "<|im_start|>system\n## Metadata\n\nReasoning Mode: /think\n\n## Custom Instructions\n\n"
CHATGPT = (
    "<|start|>system<|message|>You are ChatGPT, a large language model.\nReasoning: medium\n\n"
    "# Valid channels: analysis, commentary, final.<|end|>"
)
#: Format -> whose is what in `TALK`.
EXPECTED = {
    "LLAMA3": [
        ("template", "<s>"),
        ("system", "<|start_header_id|>system<|end_header_id|>\n\nToday Date: 26 Jul 2024\n\nAI<|eot_id|>"),
        *LLAMA3,
    ],
    "LLAMA3_FIRST": [
        ("template", "<s>"),
        ("system", "<|start_header_id|>system<|end_header_id|>\n\nAI<|eot_id|>"),
        *LLAMA3,
    ],
    "MISTRAL": [
        ("template", "<s>"),
        ("user", "[INST] user[/INST]"),
        ("assistant", " AI<|im_end|>"),
        ("template", "[INST] "),
        ("system", "AI"),
        ("user", "\n\n[/INST]"),
    ],
    "MISTRAL_V7": [
        ("template", "<s>[SYSTEM_PROMPT]"),
        ("system", "AI[/SYSTEM_PROMPT]"),
        ("user", "[INST]user[/INST]"),
        ("assistant", "AI<|im_end|>"),
        ("user", "[INST][/INST]"),
    ],
    "QWEN3": CHATML,
    "GEMMA3": [
        ("template", "<s><start_of_turn>user\n"),
        ("system", "AI"),
        ("user", "\n\nuser<end_of_turn>\n"),
        ("assistant", "<start_of_turn>model\nAI<end_of_turn>\n"),
        ("user", "<start_of_turn>user\n<end_of_turn>\n"),
        ("template", "<start_of_turn>model\n"),
    ],
    "PHI3": [
        ("system", "<|system|>\nAI<|end|>\n"),
        ("user", "<|user|>\nuser<|end|>\n"),
        ("assistant", "<|assistant|>\nAI<|end|>\n"),
        ("user", "<|user|>\n<|end|>\n"),
        ("template", "<|assistant|>\n"),
    ],
    "DEEPSEEK_R1": [
        ("template", "<s>"),
        ("system", "AI"),
        ("user", "<｜User｜>user"),
        ("assistant", "<｜Assistant｜>AI<｜end▁of▁sentence｜>"),
        ("user", "<｜User｜>"),
        ("template", "<｜Assistant｜><think>\n"),
    ],
    "SMOLLM3": [("system", SYSTEM + "AI\n\n<|im_end|>\n"), *CHATML[1:]],
    "GPT_OSS": [
        ("template", CHATGPT),
        ("system", "<|start|>developer<|message|># Instructions\n\nAI\n\n<|end|>"),
        ("user", "<|start|>user<|message|>user<|end|>"),
        ("assistant", "<|start|>assistant<|channel|>final<|message|>AI<|end|>"),
        ("user", "<|start|>user<|message|><|end|>"),
        ("template", "<|start|>assistant"),
    ],
    "COMMAND_R": [
        ("template", "<s>"),
        ("system", "<|START_OF_TURN_TOKEN|><|SYSTEM_TOKEN|>AI<|END_OF_TURN_TOKEN|>"),
        ("user", "<|START_OF_TURN_TOKEN|><|USER_TOKEN|>user<|END_OF_TURN_TOKEN|>"),
        ("assistant", "<|START_OF_TURN_TOKEN|><|CHATBOT_TOKEN|>AI<|END_OF_TURN_TOKEN|>"),
        ("user", "<|START_OF_TURN_TOKEN|><|USER_TOKEN|><|END_OF_TURN_TOKEN|>"),
        ("template", "<|START_OF_TURN_TOKEN|><|CHATBOT_TOKEN|>"),
    ],
    "GRANITE": [
        ("system", "<|start_of_role|>system<|end_of_role|>AI<|end_of_text|>\n"),
        ("user", "<|start_of_role|>user<|end_of_role|>user<|end_of_text|>\n"),
        ("assistant", "<|start_of_role|>assistant<|end_of_role|>AI<|end_of_text|>\n"),
        ("user", "<|start_of_role|>user<|end_of_role|><|end_of_text|>\n"),
        ("template", "<|start_of_role|>assistant<|end_of_role|>"),
    ],
    "CHATML": CHATML,
    "ZEPHYR": [
        ("system", "<|system|>\nAI<|im_end|>\n"),
        ("user", "<|user|>\nuser<|im_end|>\n"),
        ("assistant", "<|assistant|>\nAI<|im_end|>\n"),
        ("user", "<|user|>\n<|im_end|>\n"),
        ("template", "<|assistant|>\n"),
    ],
    "BY_NUMBER": CHATML,
}
#: Format -> what it writes before the first turn by itself, where there is no system prompt.
DEFAULTS = {
    "LLAMA3": "<s><|start_header_id|>system<|end_header_id|>\n\nToday Date: 26 Jul 2024\n\n<|eot_id|>",
    "MISTRAL_V7": "<s>[SYSTEM_PROMPT]You are Mistral.[/SYSTEM_PROMPT]",
    "SMOLLM3": SYSTEM + "You are a helpful AI assistant named SmolLM.\n\n<|im_end|>\n",
    "GPT_OSS": CHATGPT,
    "GRANITE": "<|start_of_role|>system<|end_of_role|>You are Granite, an AI assistant.<|end_of_text|>\n",
    "CHATML": "<|im_start|>system\nYou are a helpful AI assistant.<|im_end|>\n",
}
LOOP = (
    "{% for m in messages %}<|im_start|>{{ m.role }}\nCONTENT<|im_end|>\n{% endfor %}"
    "{% if add_generation_prompt %}<|im_start|>assistant\n{% endif %}"
)


@functools.cache
def model():
    return tiny.model(vocab_size=400, max_position_embeddings=4096)


def talker(form, tokenizer=tiny.tokenizer, **marks):
    made = copy.deepcopy(tokenizer())
    special = [AddedToken(text, special=True, normalized=False, **marks) for text in form.special]
    made.add_special_tokens({"additional_special_tokens": special})
    made.chat_template = form.template
    return tiny.LanguageModel(model(), made, name="talker")


def content_loop(body):
    return talker(Format(LOOP.replace("CONTENT", body), ("<|im_start|>", "<|im_end|>")))


def segments(lm, talk):
    """(role, text) of each segment, which cover the tokens in order."""
    rendered = chat.render(lm, talk)
    pieces = lm.tokens(rendered.ids).pieces
    edges = [(segment.start, segment.stop) for segment in rendered.segments]
    assert edges[0][0] == 0
    assert edges[-1][1] == len(rendered.ids)
    assert all(stop == start for (_, stop), (start, _) in pairwise(edges))
    return [(s.role, b"".join(pieces[s.start : s.stop]).decode()) for s in rendered.segments]


@pytest.mark.parametrize("name", EXPECTED)
def test_each_turn_is_a_segment_of_its_message(name):
    lm = talker(getattr(formats, name))
    assert segments(lm, TALK) == EXPECTED[name]
    assert not chat.render(lm, TALK).checks


@pytest.mark.parametrize(
    "content", ["AI", "assistant", "", " ", "\n", " \nAI\n ", "<|im_start|>", "🗼 <think>", "You are"]
)
@pytest.mark.parametrize("name", DEFAULTS)
def test_what_the_template_says_by_itself_is_never_the_users(name, content):
    found = segments(talker(getattr(formats, name)), [said("user", content)])
    assert found[0] == ("template", DEFAULTS[name])
    assert [role for role, _ in found[1:]] in (["user", "template"], ["user"])
    assert content.strip() in found[1][1]


@pytest.mark.parametrize("side", ["lstrip", "rstrip"])
@pytest.mark.parametrize("name", EXPECTED)
def test_marks_may_eat_the_white_space_beside_them(name, side):
    talk = [*TALK[:3], said("user", "the tower")]
    plain = segments(talker(getattr(formats, name)), talk)
    eaten = segments(talker(getattr(formats, name), **{side: True}), talk)
    assert [(role, "".join(text.split())) for role, text in eaten] == [
        (role, "".join(text.split())) for role, text in plain if text.strip()
    ]


def test_a_turn_that_opens_the_next_one():
    """Phi-3's first template writes the assistant's mark at the end of the user's pass."""
    talk = [said("user", "AI"), said("assistant", "user"), said("user", "AI")]
    expected = [
        ("template", "<s>"),
        ("user", "<|user|>\nAI<|end|>\n"),
        ("assistant", "<|assistant|>\nuser<|end|>\n"),
        ("user", "<|user|>\nAI<|end|>\n"),
        ("template", "<|assistant|>\n"),
    ]
    lm = talker(formats.PHI3_FIRST)
    assert segments(lm, talk) == expected
    blank = [talk[0], said("assistant", " \n"), talk[2]]
    assert segments(lm, blank)[2] == ("assistant", "<|assistant|>\n \n<|end|>\n")
    assert segments(lm, talk[:1]) == [*expected[:2], expected[-1]]


# --- contents that the template changes -----------------------------------------------------------------------------

REWRITES = {
    "{{ m.content | upper }}": "DER TURM IST ",
    "{{ m.content | trim }}": "der Turm ist",
    "{{ m.content | capitalize }}": "Der turm ist ",
    "{{ m.content | replace(' ', '_') }}": "der_Turm_ist_",
    "{{ m.content.split() | join(' ') }}": "der Turm ist",
    "{{ m.content | tojson }}": '"der Turm ist "',
    "{{ m | tojson }}": '{"role": "user", "content": "der Turm ist "}',
    "{% for key, value in m.items() %}{{ key }}={{ value }};{% endfor %}": "role=user;content=der Turm ist ;",
    "{{ m.content }} ({{ m.content | trim }})": "der Turm ist  (der Turm ist)",
    "{% if m.content %}{{ m.content }}{% else %}nothing{% endif %}": "der Turm ist ",
    "{% if m.content.startswith('der') %}{{ m.content }}{% endif %}": "der Turm ist ",
    "{{ m.content.split('Turm')[-1] }}": " ist ",
    "{% if m.content | length == 13 %}{{ m.content }}{% endif %}": "der Turm ist ",
}


@pytest.mark.parametrize("body", REWRITES)
def test_a_content_may_be_rewritten(body):
    found = segments(content_loop(body), [said("user", "der Turm ist "), said("user", "")])
    assert found[0] == ("user", f"<|im_start|>user\n{REWRITES[body]}<|im_end|>\n")
    assert [role for role, _ in found] == ["user", "user", "template"]


def test_without_a_loop_over_messages_a_rewritten_content_is_found_too():
    form = formats.BY_NUMBER
    lm = talker(form._replace(template=form.template.replace("messages[i].content", "(messages[i].content | upper)")))
    assert segments(lm, TALK) == [
        (role, text.replace("\nuser", "\nUSER").replace("m_start|>USER", "m_start|>user")) for role, text in CHATML
    ]


@pytest.mark.parametrize(
    ("body", "missing"),
    [
        ("{% for part in m.content %}{{ part.text }}{% endfor %}", 2),  # for contents that are lists of parts
        ("{{ m.content | length }}", 2),
        ("{{ m.content if m.role != 'system' }}", 1),
    ],
)
def test_a_content_that_is_left_out_is_said_in_the_record(body, missing):
    trace = content_loop(body).chat([said("system", "Be brief."), said("user", "Why?")], max_new_tokens=1)
    (check,) = [check for check in trace.checks if check.name == "segments"]
    assert (check.state, check.value) == ("amber", missing)
    assert "0 (system)" in check.meaning
    assert [segment.role for segment in trace.segments] == ["system", "user", "template"]


def test_a_message_that_is_left_out_has_no_segment_and_the_record_says_so():
    lm = content_loop("{{ m.content }}")
    lm.tokenizer.chat_template = lm.tokenizer.chat_template.replace("messages %}", "messages if m.role != 'system' %}")
    rendered = chat.render(lm, [said("system", "AI"), said("user", "AI")])
    assert [segment.role for segment in rendered.segments] == ["user", "template"]
    assert "0 (system)" in rendered.checks[0].meaning


@pytest.mark.parametrize("blocks", [1, 6])
def test_contents_may_hold_the_characters_that_marks_are_made_of(blocks):
    from tracebench.models.text.marks import BLOCKS

    content = "".join(chr(base + 3) for base in BLOCKS[:blocks])
    lm = content_loop("{{ m.content }}")
    rendered = chat.render(lm, [said("user", content)])
    free = blocks < len(BLOCKS)
    assert [segment.role for segment in rendered.segments] == (["user", "template"] if free else ["template"])
    assert bool(rendered.checks) is not free


def test_many_messages():
    talk = [said(("user", "assistant")[n % 2], "user") for n in range(301)]
    found = segments(talker(formats.LLAMA3_FIRST), talk)
    assert [role for role, _ in found] == ["template", *(message["role"] for message in talk), "template"]


# --- thinking and tools ---------------------------------------------------------------------------------------------


def test_a_thinking_part_that_the_template_moves_or_drops():
    thought = said("assistant", "<think>\nAI\n</think>\n\nuser")
    lm = talker(formats.QWEN3)
    assert segments(lm, [TALK[1], thought, said("user", "AI")])[1] == (
        "assistant",
        "<|im_start|>assistant\nuser<|im_end|>\n",
    )
    found = segments(talker(formats.DEEPSEEK_R1), [TALK[1], thought, said("user", "AI")])
    assert found[2] == ("assistant", "<｜Assistant｜>\n\nuser<｜end▁of▁sentence｜>")


def test_results_of_tools_share_a_turn():
    talk = [said("user", "1"), said("assistant", "2"), said("tool", "1"), said("tool", "2")]
    assert segments(talker(formats.QWEN3), talk)[2:4] == [
        ("tool", "<|im_start|>user\n<tool_response>\n1\n</tool_response>"),
        ("tool", "\n<tool_response>\n2\n</tool_response><|im_end|>\n"),
    ]


def test_a_content_that_the_template_looks_into():
    response = "<tool_response>\n1\n</tool_response>"
    found = segments(talker(formats.QWEN3), [said("user", "1"), said("assistant", "2"), said("user", response)])
    assert found[2] == ("user", f"<|im_start|>user\n{response}<|im_end|>\n")
    found = segments(talker(formats.SMOLLM3), [said("system", "Be brief. /no_think"), said("user", "Be brief.")])
    assert [role for role, _ in found] == ["system", "user", "template"]
    assert found[0][1].endswith("/no_think\n\n## Custom Instructions\n\nBe brief.\n\n<|im_end|>\n")


# --- the last message is the assistant's ----------------------------------------------------------------------------


@pytest.mark.parametrize("content", ["The tower is", "The tower is ", "", "<think>\nAI", "user"])
@pytest.mark.parametrize("name", [*EXPECTED, "PHI3_FIRST"])
def test_the_assistants_last_message_is_continued(name, content):
    talk = [said("user", "user"), said("assistant", content)]
    lm = talker(getattr(formats, name))
    rendered = chat.render(lm, talk)
    right = lm.tokenizer.apply_chat_template(talk, tokenize=False, continue_final_message=True)
    assert lm.tokens(rendered.ids).text == right
    assert rendered.continued
    found = segments(lm, talk)
    if name in DEFAULTS:
        assert found[0] == ("template", DEFAULTS[name])
    roles = [role for role, _ in found if role != "template"]
    # Before an empty content, Mistral's format has nothing that is the assistant's.
    assert roles == ["user", "assistant"] or (content == "" and roles == ["user"])
    assert content.strip() in found[-1][1]
    assert not rendered.checks


def test_the_record_says_that_a_turn_was_continued():
    from tracebench.requests.code import trace_code

    talk = [said("user", "hi"), said("assistant", "The tower is")]
    lm = talker(formats.BY_NUMBER)
    trace = lm.chat(talk, max_new_tokens=1)
    assert trace.provenance.settings["continue_final_message"] is True
    assert trace.prompt.endswith("assistant\nThe tower is")
    assert trace.segments[-1].stop == trace.prompt_length
    assert trace.segments[-1].role == "assistant"
    assert "continue_final_message" not in trace_code(trace)  # chat takes no such argument: the messages say it
    assert "continue_final_message" not in lm.chat(talk[:1], max_new_tokens=1).provenance.settings


def test_what_is_left_of_a_thinking_part_is_continued():
    """transformers refuses, because the content as it was given is not in the text."""
    talk = [said("user", "hi"), said("assistant", "<think>\nhm\n</think>The tower ")]
    lm = talker(formats.DEEPSEEK_R1)
    with pytest.raises(ValueError, match="does not appear"):
        lm.tokenizer.apply_chat_template(talk, tokenize=False, continue_final_message=True)
    assert segments(lm, talk)[-1] == ("assistant", "<｜Assistant｜>The tower ")


def test_a_last_message_that_is_not_written_cannot_be_continued():
    lm = content_loop("{{ m.content if m.role != 'assistant' }}")
    with pytest.raises(ValueError, match="does not write the end of the last message"):
        chat.render(lm, [said("user", "hi"), said("assistant", "The tower")])


# --- tokenizers -----------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("tokenizer", [tiny.sentencepiece, tiny.metaspace, tiny.wordpiece])
def test_tokenizers_that_rewrite_the_text(tokenizer):
    """Spaces are added, accents and line breaks dropped, letters lowered, characters unknown."""
    lm = talker(formats.PHI3._replace(template=formats.PHI3.template.replace("eos_token", "''")), tokenizer)
    found = segments(lm, [said("system", "THE 🗼 Tower"), said("user", "in Paris"), said("assistant", "the"), TALK[-1]])
    assert [role for role, _ in found] == ["system", "user", "assistant", "user", "template"]
    marks = ["<|system|>", "<|user|>", "<|assistant|>", "<|user|>", "<|assistant|>"]
    assert all(text.strip().startswith(mark) for (_, text), mark in zip(found, marks, strict=True))
    assert all(text.count("<|") == 2 for _, text in found[:-1])


class Letters(PreTrainedTokenizer):
    """A slow tokenizer that knows a few letters."""

    def __init__(self, **options):
        self.letters = {char: n for n, char in enumerate("?ab")}
        super().__init__(unk_token="?", **options)

    @property
    def vocab_size(self):
        return len(self.letters)

    def get_vocab(self):
        return self.letters | self.added_tokens_encoder

    def _tokenize(self, text):
        return list(text.lower())

    def _convert_token_to_id(self, token):
        return self.letters.get(token, 0)

    def _convert_id_to_token(self, index):
        return "?ab"[index] if index < len("?ab") else None

    def convert_tokens_to_string(self, tokens):
        return "".join(tokens)


def test_where_tokens_cannot_be_placed_all_is_the_templates_and_the_record_says_so():
    tokenizer = Letters(chat_template="{% for m in messages %}{{ m.role[0] }}{{ m.content }}{% endfor %}")
    lm = tiny.LanguageModel(model(), tokenizer, name="slow")
    trace = lm.chat([said("user", "aXb"), said("assistant", "b"), said("user", "a")], max_new_tokens=1)
    assert [(s.role, s.start, s.stop) for s in trace.segments] == [("template", 0, trace.prompt_length)]
    (check,) = [check for check in trace.checks if check.name == "segments"]
    assert (check.state, check.value) == ("amber", 3)


# --- formats that are written in code -------------------------------------------------------------------------------

TEKKEN = ["<unk>", "<s>", "</s>", "[INST]", "[/INST]", "[AVAILABLE_TOOLS]", "[/AVAILABLE_TOOLS]", "[TOOL_RESULTS]"]
TEKKEN += ["[/TOOL_RESULTS]", "[TOOL_CALLS]", "[IMG]", "<pad>", "[IMG_BREAK]", "[IMG_END]", "[PREFIX]", "[MIDDLE]"]
TEKKEN += ["[SUFFIX]", "[SYSTEM_PROMPT]", "[/SYSTEM_PROMPT]", "[TOOL_CONTENT]"]


@pytest.fixture(scope="module")
def tekken(tmp_path_factory):
    from transformers.tokenization_mistral_common import MistralCommonBackend

    pieces = [bytes([byte]) for byte in range(256)] + [b"th", b" t", b"the", b" the"]
    words = [{"rank": n, "token_bytes": base64.b64encode(p).decode(), "token_str": None} for n, p in enumerate(pieces)]
    about = {
        "pattern": r"[^\r\n\p{L}\p{N}]?\p{L}+|\p{N}|\s+|[^\s\p{L}\p{N}]+",
        "num_vocab_tokens": len(words),
        "default_vocab_size": len(words) + len(TEKKEN),
        "default_num_special_tokens": len(TEKKEN),
        "version": "v7",
    }
    special = [{"rank": n, "token_str": text, "is_control": True} for n, text in enumerate(TEKKEN)]
    path = tmp_path_factory.mktemp("mistral") / "tekken.json"
    path.write_text(json.dumps({"config": about, "vocab": words, "special_tokens": special}))
    return MistralCommonBackend(tokenizer_path=str(path))


def test_a_format_that_is_written_in_code(tekken):
    rendering = Rendering(
        tekken, [said("system", "AI"), said("user", "the"), said("assistant", "AI"), said("user", "")]
    )
    found = [(s.message, rendering.text[s.start : s.stop]) for s in Turns(rendering).stretches()]
    assert found == [
        (None, "<s>"),
        (0, "[SYSTEM_PROMPT]AI[/SYSTEM_PROMPT]"),
        (1, "[INST]the[/INST]"),
        (2, "AI</s>"),
        (3, "[INST][/INST]"),
    ]
    assert rendering.ids == tekken.apply_chat_template(rendering.messages, tokenize=True, return_dict=False)


def test_a_format_that_is_written_in_code_is_continued(tekken):
    rendering = Rendering(tekken, [said("user", "the"), said("assistant", "AI ")], continued=True)
    found = [(s.message, rendering.text[s.start : s.stop]) for s in Turns(rendering).stretches()]
    assert found == [(None, "<s>"), (0, "[INST]the[/INST]"), (1, "AI")]
    assert tekken.decode(rendering.ids, skip_special_tokens=False) == rendering.text
