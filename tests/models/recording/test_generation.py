"""Generated traces: what is recorded is what the model says, whatever chose among it."""

import math
import random
from contextlib import nullcontext

import numpy as np
import pytest
import torch

import tracebench as tb
from tests import tiny
from tests.unchanged import unchanged
from tracebench.models.recording.generation import COLDEST
from tracebench.runtime.progress import Cancelled, listening

PROMPT = "The Eiffel Tower"


@pytest.fixture(scope="module")
def lm():
    return tiny.lm()


@pytest.fixture(scope="module")
def greedy(lm):
    return lm.generate(PROMPT, max_new_tokens=12)


def raw(lm, trace):
    """Log-probabilities [step, vocabulary] in float64: each step by a pass over the text before it."""
    with torch.no_grad():
        rows = [
            lm.model(torch.tensor([trace.tokens.ids[: trace.prompt_length + s]])).logits[0, -1] for s in trace.steps
        ]
    return torch.stack(rows).double().log_softmax(-1).numpy()


def assert_raw(lm, trace):
    logp, scores = raw(lm, trace), trace.candidates
    ids = np.asarray(scores.token_ids.values).astype(int)
    np.testing.assert_allclose(scores.probs.values, np.exp(np.take_along_axis(logp, ids, -1)), rtol=1e-3, atol=1e-7)
    np.testing.assert_allclose(
        scores.probs.values, np.exp(np.sort(logp)[:, ::-1][:, : ids.shape[1]]), rtol=1e-3, atol=1e-7
    )
    taken = np.asarray(trace.tokens.ids[trace.prompt_length :])
    np.testing.assert_allclose(
        scores.chosen_probs.values, np.exp(logp[np.arange(len(taken)), taken]), rtol=1e-3, atol=1e-7
    )
    np.testing.assert_allclose(scores.entropy.values, -(np.exp(logp) * logp).sum(-1), atol=1e-4)


# --- sampling -------------------------------------------------------------------------------------------------------


def test_the_same_seed_gives_the_same_trace_and_another_seed_another(lm):
    one, same, other = (lm.generate(PROMPT, max_new_tokens=12, temperature=1.0, seed=seed) for seed in (5, 5, 6))
    assert one.tokens.ids == same.tokens.ids
    assert one.hash == same.hash
    assert one.tokens.ids != other.tokens.ids


def test_a_seed_is_drawn_where_none_is_given_and_the_record_reproduces_the_trace(lm):
    trace = lm.generate(PROMPT, max_new_tokens=12, temperature=1.0)
    again = lm.generate(PROMPT, max_new_tokens=12, temperature=1.0, seed=trace.provenance.seed)
    assert again.tokens.ids == trace.tokens.ids
    assert lm.generate(PROMPT, max_new_tokens=12, temperature=1.0).tokens.ids != trace.tokens.ids


def test_nobodys_random_state_is_touched(lm):
    torch.manual_seed(3)
    random.seed(3)
    expected = torch.rand(2)
    torch.manual_seed(3)
    before = random.getstate()
    lm.generate(PROMPT, max_new_tokens=4, temperature=1.0)
    lm.generate(PROMPT, max_new_tokens=4, temperature=1.0, seed=9)
    assert torch.equal(torch.rand(2), expected)
    assert random.getstate() == before


def test_the_users_random_state_does_not_reach_into_a_seeded_trace(lm):
    torch.manual_seed(1)
    one = lm.generate(PROMPT, max_new_tokens=8, temperature=1.0, seed=5)
    torch.manual_seed(2)
    assert lm.generate(PROMPT, max_new_tokens=8, temperature=1.0, seed=5).tokens.ids == one.tokens.ids


@pytest.mark.parametrize(
    "options", [{}, {"temperature": 0.3}, {"temperature": 2.0, "top_k": 3}, {"temperature": 1.0, "top_p": 0.4}]
)
def test_what_is_recorded_is_raw_whatever_chose(lm, options):
    assert_raw(lm, lm.generate(PROMPT, max_new_tokens=6, **options))


def test_what_is_recorded_is_raw_though_the_model_has_generation_settings_of_its_own(greedy):
    lm = tiny.lm()
    own = lm.model.generation_config
    own.repetition_penalty, own.temperature, own.do_sample, own.top_k = 5.0, 0.1, True, 2
    own.bad_words_ids, own.min_new_tokens, own.num_beams = [[int(greedy.tokens.ids[-1])]], 3, 1
    with unchanged(lm.model):
        trace = lm.generate(PROMPT, max_new_tokens=12)
    assert trace.tokens.ids == greedy.tokens.ids
    assert_raw(lm, trace)


def test_top_k_and_top_p_choose_among_the_likely(lm):
    k = lm.generate(PROMPT, max_new_tokens=20, temperature=3.0, top_k=2, seed=0)
    assert max(k.chosen_rank(step) for step in k.steps) == 1
    p = lm.generate(PROMPT, max_new_tokens=20, temperature=1.0, top_p=0.05, seed=0)
    before = [float(np.sum(p.candidates.probs.values[step][: p.chosen_rank(step)])) for step in p.steps]
    assert max(before) < 0.05


def test_a_low_temperature_is_greedy(lm, greedy):
    assert lm.generate(PROMPT, max_new_tokens=12, temperature=1e-4, seed=0).tokens.ids == greedy.tokens.ids


@pytest.mark.parametrize(
    ("options", "sentence"),
    [
        ({"max_new_tokens": 0}, "max_new_tokens is a whole number from 1, got 0"),
        ({"max_new_tokens": True}, "max_new_tokens is a whole number"),
        ({"temperature": 0}, "temperature is a number above 0, got 0; leave it out for greedy decoding"),
        ({"temperature": float("nan")}, "temperature is a number above 0"),
        ({"top_k": 5}, "give a temperature too"),
        ({"temperature": 1.0, "top_k": 0}, "top_k is a whole number from 1"),
        ({"temperature": 1.0, "top_p": 1.5}, "top_p is a share above 0 and at most 1"),
        ({"stop": ["a", ""]}, "none of them empty"),
        *(({"max_new_tokens": wrong}, "max_new_tokens is a whole number from 1, got") for wrong in (None, "3", 1.5)),
        *(({"temperature": wrong}, "temperature is a number above 0, got") for wrong in ("1", [1], True, -1, math.inf)),
        ({"temperature": 1e-40}, "temperature 1e-40 is too small to divide scores by .* leave it out for greedy"),
        *(({"temperature": 1.0, "top_k": wrong}, "top_k is a whole number from 1, got") for wrong in ("3", 1.5, True)),
        *(({"temperature": 1.0, "top_p": wrong}, "top_p is a share above 0") for wrong in ("x", math.nan, True, 0)),
        *(
            ({"temperature": 1.0, "seed": wrong}, "seed is a whole number from 0")
            for wrong in ("x", 1.5, True, -1, 2**63)
        ),
        ({"seed": "x"}, "seed is a whole number from 0"),
        *(({"stop": wrong}, "stop is a text or texts") for wrong in (3, b"a", [3], {"a": 1})),
    ],
)
def test_settings_that_mean_nothing_are_a_sentence(lm, options, sentence):
    with pytest.raises(ValueError, match=sentence):
        lm.generate(PROMPT, **options)


def test_the_coldest_temperature_is_greedy_and_no_error(lm, greedy):
    trace = lm.generate(PROMPT, max_new_tokens=12, temperature=COLDEST, top_k=5, top_p=0.9, seed=0)
    assert trace.tokens.ids == greedy.tokens.ids


def test_numpys_numbers_are_numbers_and_the_record_holds_pythons(lm, tmp_path):
    given = {"max_new_tokens": 6, "temperature": 0.5, "top_k": 9, "top_p": 0.75, "seed": 3}
    kinds = {"temperature": np.float32, "top_p": np.float64}
    plain = lm.generate(PROMPT, **given)
    numpys = lm.generate(PROMPT, **{name: kinds.get(name, np.int64)(value) for name, value in given.items()})
    assert numpys.hash == plain.hash
    tb.save(tmp_path / "a.trace", numpys)
    tb.save(tmp_path / "b.trace", lm.read(np.array([5, 6, 7]), prompt_length=np.int64(2)))
    assert lm.generate([np.int32(5), np.uint8(6)], max_new_tokens=1).prompt_length == 2


def test_a_seed_or_no_stop_changes_nothing_of_greedy_decoding(lm, greedy):
    assert lm.generate(PROMPT, max_new_tokens=12, seed=3, stop=None).hash == greedy.hash


# --- when it ends ---------------------------------------------------------------------------------------------------


def test_a_stop_string_ends_it_though_it_lies_across_tokens(lm):
    long = lm.generate(PROMPT, max_new_tokens=40, temperature=1.0, seed=2)
    pieces = [piece.decode("latin1") for piece in long.tokens.pieces]
    at = next(n for n in range(long.prompt_length + 3, len(pieces) - 1) if (pieces[n] + pieces[n + 1]).isascii())
    stop = pieces[at][-1] + pieces[at + 1][0]
    trace = lm.generate(PROMPT, max_new_tokens=40, temperature=1.0, seed=2, stop=stop)
    assert trace.tokens.ids == long.tokens.ids[: len(trace.tokens)]
    assert stop in trace.completion
    assert stop not in b"".join(trace.tokens.pieces[trace.prompt_length : -1]).decode("utf-8", "replace")
    assert len(trace.steps) < 40
    assert trace.provenance.settings["stop"] == [stop]


def test_a_stop_string_of_the_prompt_ends_nothing(lm, greedy):
    assert lm.generate(PROMPT, max_new_tokens=12, stop=("Eiffel", "never said")).tokens.ids == greedy.tokens.ids


EOS = {
    "one": lambda last: last,
    "several": lambda last: [317, last],
    "with a None among them": lambda last: [None, last],
    "a tuple": lambda last: (last,),
    "a tensor": torch.tensor,
    "a tensor of several": lambda last: torch.tensor([317, last]),
    "numpy's": lambda last: np.array([last]),
}


@pytest.mark.parametrize("eos", EOS)
def test_the_models_end_of_sequence_ends_it(greedy, eos):
    lm = tiny.lm()
    last = greedy.tokens.ids[greedy.prompt_length + 3]
    lm.model.generation_config.eos_token_id = EOS[eos](last)
    trace = lm.generate(PROMPT, max_new_tokens=12)
    stop = greedy.tokens.ids.index(last, greedy.prompt_length) + 1
    assert trace.tokens.ids == greedy.tokens.ids[:stop]


@pytest.mark.parametrize("none", [None, [], (), [None], torch.tensor([], dtype=torch.long)], ids=repr)
@pytest.mark.parametrize("of", ["eos_token_id", "pad_token_id"])
def test_no_end_of_sequence_is_none_however_it_is_said(greedy, none, of):
    lm = tiny.lm()
    setattr(lm.model.generation_config, of, none)
    with unchanged(lm.model) if not isinstance(none, torch.Tensor) else nullcontext():
        assert lm.generate(PROMPT, max_new_tokens=12).hash == greedy.hash


# --- arguments that are none of ours --------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("options", "sentence"),
    [
        (
            {"repetition_penalty": 1.2},
            r"does not know repetition_penalty; it takes max_new_tokens, .* stop; other ways to choose",
        ),
        (
            {"num_beams": 4, "no_repeat_ngram_size": 2},
            "does not know num_beams, no_repeat_ngram_size; .* are not supported yet",
        ),
        ({"suppress_tokens": [5]}, "does not know suppress_tokens; .* forbidden tokens"),
        ({"do_sample": True}, "give a temperature to sample$"),
        ({"max_length": 9}, "max_new_tokens counts what is added to the prompt$"),
        ({"attention_mask": [1]}, r"which has the mask: lm\.generate\(tokenizer\(text\)\)$"),
        ({"temprature": 0.5}, r"does not know temprature; .* did you mean temperature\?$"),
    ],
)
@pytest.mark.parametrize("call", ["generate", "chat"])
def test_an_argument_of_another_library_is_a_sentence(lm, call, options, sentence):
    given = PROMPT if call == "generate" else [{"role": "user", "content": PROMPT}]
    with pytest.raises(ValueError, match=f"^{call} .*{sentence}"):
        getattr(lm, call)(given, **options)


# --- progress -------------------------------------------------------------------------------------------------------


def test_progress_counts_tokens(lm):
    ticks = []
    with listening(lambda *tick: ticks.append(tick)):
        lm.generate(PROMPT, max_new_tokens=4)
    assert [done for done, total, _ in ticks if total == 4][:4] == [0, 1, 2, 3]
    assert ticks[-1][:2] == (4, 4)


@pytest.mark.parametrize("failure", [Cancelled, KeyboardInterrupt])
def test_cancelling_between_tokens_leaves_everything_as_it_was(failure):
    lm = tiny.lm()
    _ = lm.layout
    lm.model.train()

    def stop(done, *_):
        if done == 2:
            raise failure

    with unchanged(lm.model), listening(stop), pytest.raises(failure):
        lm.generate(PROMPT, max_new_tokens=6, temperature=1.0, seed=0)
    assert len(lm.generate(PROMPT, max_new_tokens=3).steps) == 3


# --- the record -----------------------------------------------------------------------------------------------------


def test_provenance_says_how(lm):
    trace = lm.generate(PROMPT, max_new_tokens=3, temperature=0.7, top_k=9, top_p=0.9, seed=11)
    source = trace.provenance
    assert source.settings == {
        "how": "generate",
        "prompt": PROMPT,
        "max_new_tokens": 3,
        "temperature": 0.7,
        "top_k": 9,
        "top_p": 0.9,
    }
    assert (source.seed, source.model, source.layers, source.heads) == (11, "tiny llama", 2, 4)
    assert (source.dtype, source.device, source.weights) == ("float32", "cpu", lm.fingerprint())
    assert {"torch", "transformers", "captum", "tracebench", "python"} <= set(source.versions)
    assert lm.generate([5, 6], max_new_tokens=1).provenance.settings == {
        "how": "generate",
        "prompt": [5, 6],
        "max_new_tokens": 1,
    }


def test_the_replay_holds_in_float32_and_is_a_measure(greedy):
    (check,) = greedy.checks
    assert (check.name, check.kind, check.state) == ("replay", "measure", "holds")
    assert 0 <= check.value < 5e-5


def test_a_replay_that_differs_is_seen():
    """A model whose cached steps are another computation than one pass over the text."""
    lm = tiny.lm()
    _ = lm.layout

    def shifted(_module, _args, kwargs, output):
        if kwargs.get("past_key_values") is not None:
            output.logits = output.logits + torch.arange(tiny.VOCABULARY) * 0.01
        return output

    lm.model.register_forward_hook(shifted, with_kwargs=True)
    (check,) = lm.generate(PROMPT, max_new_tokens=3).checks
    assert check.state == "amber"
    assert check.value > 5e-5


def test_ids_and_text_are_the_same_prompt(lm, greedy):
    assert lm.generate(lm.encode(PROMPT), max_new_tokens=12).tokens.ids == greedy.tokens.ids
    assert lm.generate(torch.tensor(lm.encode(PROMPT)), max_new_tokens=12).tokens.ids == greedy.tokens.ids


def test_a_tokenizers_own_batch_of_one_is_a_prompt(lm, greedy):
    import torch

    ids = greedy.tokens.ids[: greedy.prompt_length]
    again = lm.generate(torch.tensor([ids]), max_new_tokens=len(greedy.steps))
    assert again.tokens.ids == greedy.tokens.ids
    with pytest.raises(ValueError, match="a batch of texts is read one at a time"):
        lm.generate(torch.tensor([ids, ids]))


def test_without_a_tokenizer_ids_do(greedy):
    lm = tiny.LanguageModel(tiny.model(), None, name="bare")
    trace = lm.generate(greedy.tokens.ids[: greedy.prompt_length], max_new_tokens=12)
    assert trace.tokens.ids == greedy.tokens.ids
    assert trace.text == "".join(f"[{i}]" for i in trace.tokens.ids)
    with pytest.raises(ValueError, match="no tokenizer: give token ids"):
        lm.generate(PROMPT)


# --- what cannot be done --------------------------------------------------------------------------------------------


@pytest.mark.parametrize("run", [lambda lm, p: lm.generate(p), lambda lm, p: lm.read(p)])
@pytest.mark.parametrize(
    ("prompt", "sentence"),
    [
        ("", "the prompt is empty: give a text"),
        ([], "the prompt has no tokens"),
        ([5, 320], r"token id 320 is not in the vocabulary of tiny llama \(0 to 319\)"),
        ([-1], "token id -1 is not in the vocabulary"),
        ("hi \ud83d", "lone surrogate"),
        ([True, False], "token ids are one list of whole numbers, got True in it"),
        ([5, None], "token ids are one list of whole numbers, got None in it"),
        ([b"a"], "token ids are one list of whole numbers, got b'a' in it"),
        (torch.tensor([5.0]), r"got 5\.0 in it"),
        ([[5], [6]], "a batch of texts is read one at a time"),
    ],
)
def test_a_prompt_that_is_none_is_a_sentence(lm, run, prompt, sentence):
    with pytest.raises(ValueError, match=sentence):
        run(lm, prompt)


@pytest.mark.parametrize("run", [lambda lm, p: lm.generate(p), lambda lm, p: lm.read(p)])
@pytest.mark.parametrize("prompt", [None, b"ab", 3, 1.5, np.array(5), {"ids": [5]}, {"input_ids": "the"}, {5, 6}])
def test_a_prompt_of_the_wrong_kind_is_a_sentence(lm, run, prompt):
    with pytest.raises(
        TypeError, match=r"expected a text or a list of token ids, got (a \w+|'the'); bytes are text after"
    ):
        run(lm, prompt)


def test_a_prompt_that_does_not_fit_is_a_sentence(lm):
    with pytest.raises(
        ValueError, match="120 tokens and 32 new ones do not fit the context window of tiny llama, which holds 128"
    ):
        lm.generate([5] * 120)
    with pytest.raises(ValueError, match=r"129 tokens do not fit .* which holds 128: shorten the prompt"):
        lm.read([5] * 129)
    assert len(lm.generate([5] * 120, max_new_tokens=8).tokens) == 128
    assert len(lm.read([5] * 128).tokens) == 128


def test_the_window_of_learned_positions_counts_too():
    with pytest.raises(ValueError, match="which holds 128"):
        tiny.lm("gpt2").read([5] * 129)


def test_a_model_without_a_window_takes_any_length():
    assert len(tiny.lm("mamba").read([5] * 200).tokens) == 200


@pytest.mark.parametrize("run", [lambda lm: lm.generate([5, 6]), lambda lm: lm.read([5, 6, 7])])
def test_nan_weights_are_a_sentence(run):
    lm = tiny.lm()
    with torch.no_grad():
        lm.model.model.layers[0].mlp.down_proj.weight[0] = float("nan")
    with pytest.raises(ValueError, match=r"NaN.*[Cc]heck its weights and its dtype"):
        run(lm)


@pytest.mark.parametrize("run", [lambda lm: lm.generate([5, 6]), lambda lm: lm.read([5, 6, 7])])
def test_weights_that_became_nan_later_are_a_sentence(run):
    lm = tiny.lm()
    _ = lm.layout
    lm.model.model.norm.weight.data[0] = float("nan")
    with pytest.raises(ValueError, match="the model gives NaN or infinite logits at step 0"):
        run(lm)


@pytest.mark.parametrize(
    "text", ["nul \x00 in it", "🗼👩‍👩‍👧", "שלום عليكم", "</script><img onerror=x>${y}", "\r\n\t ", "\u202eevil"]
)
def test_any_text_comes_back_as_it_was(lm, text):
    trace = lm.generate(text, max_new_tokens=2)
    assert trace.prompt == text
    assert lm.read(text).text == text


# --- reading --------------------------------------------------------------------------------------------------------


def test_reading_gives_every_token_as_a_step(lm):
    trace = lm.read(tiny.PARAGRAPH[:80])
    assert trace.prompt_length == 1
    assert len(trace.steps) == len(trace.tokens) - 1
    assert_raw(lm, trace)


def test_reading_what_was_generated_gives_what_was_recorded(lm, greedy):
    trace = lm.read(greedy.tokens.ids, prompt_length=greedy.prompt_length)
    np.testing.assert_array_equal(trace.candidates.token_ids.values[:, :5], greedy.candidates.token_ids.values[:, :5])
    np.testing.assert_allclose(trace.candidates.logits.values, greedy.candidates.logits.values, atol=1e-4)
    assert trace.was_read
    assert not greedy.was_read


def test_reading_in_parts_changes_nothing(lm, monkeypatch):
    from tracebench.models.recording import reading

    whole = lm.read(tiny.PARAGRAPH[:80])
    monkeypatch.setattr(reading, "ROWS", 3)
    assert lm.read(tiny.PARAGRAPH[:80]).hash == whole.hash


@pytest.mark.parametrize("length", [0, -1, 4, True, 1.0])
def test_a_prompt_length_that_cannot_be_is_a_sentence(lm, length):
    with pytest.raises(
        ValueError, match=r"prompt_length is a whole number from 1 to 3 \(the tokens of the text\), got"
    ):
        lm.read([5, 6, 7], prompt_length=length)


def test_a_text_that_is_all_prompt_has_no_steps(lm):
    for trace in (lm.read([5]), lm.read([5, 6, 7], prompt_length=3)):
        assert len(trace.steps) == 0
        assert trace.checks == ()
        with pytest.raises(
            IndexError, match="step 0 was asked for, but this trace has no steps: every token is prompt"
        ):
            trace.position(0)


class Wrapper(torch.nn.Module):
    """Passes on what is inside, as PEFT, FSDP and value heads do."""

    def __init__(self, inner):
        super().__init__()
        self.inner = inner

    def __getattr__(self, name):
        try:
            return super().__getattr__(name)
        except AttributeError:
            return getattr(self.inner, name)

    def forward(self, *args, **kwargs):
        return self.inner(*args, **kwargs)

    def generate(self, *args, **kwargs):
        return self.inner.generate(*args, **kwargs)


def test_a_wrapped_model_generates_by_our_settings_and_keeps_its_own():
    plain = tiny.lm("llama")
    expected = plain.generate("The tower", max_new_tokens=3)
    own = plain.model.generation_config
    own.repetition_penalty, own.max_new_tokens = 1.9, 20
    wrapped = tb.LanguageModel(Wrapper(plain.model), plain.tokenizer)
    assert wrapped.generate("The tower", max_new_tokens=3).tokens == expected.tokens
    hot = [wrapped.generate("The tower", max_new_tokens=3, temperature=5.0, seed=seed).completion for seed in range(4)]
    assert len(set(hot)) > 1
    assert plain.model.generation_config is own
    assert own.repetition_penalty == 1.9
    assert "generation_config" not in vars(wrapped.model)
