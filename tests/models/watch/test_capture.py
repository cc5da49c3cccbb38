import threading

import pytest
import torch

from tests import tiny
from tracebench.models.layout.family import run
from tracebench.models.watch.capture import capture_streams

IDS = torch.tensor([[5, 6, 7, 8]])


@pytest.mark.parametrize("name", tiny.FAMILIES)
def test_streams_are_what_transformers_calls_hidden_states(name):
    lm = tiny.lm(name)
    with lm.running():
        with capture_streams(lm.layout) as streams:
            logits = run(lm.model, IDS)
        plain = lm.model(input_ids=IDS, output_hidden_states=True, use_cache=False)
    assert torch.equal(logits, plain.logits)
    assert len(streams) == len(plain.hidden_states) == 3
    # transformers returns the last hidden state after the final norm, so it is no stream. mamba leaves out the embedding.
    ours = streams[1:] if name == "mamba" else streams[:-1]
    for stream, hidden in zip(ours, plain.hidden_states[:-1], strict=True):
        assert stream.shape[:2] == IDS.shape
        assert torch.equal(stream, lm.layout.ordered(hidden))


def test_a_second_pass_fills_the_streams_anew():
    lm = tiny.lm()
    with lm.running(), capture_streams(lm.layout) as streams:
        run(lm.model, IDS)
        first = [stream.clone() for stream in streams]
        run(lm.model, IDS.flip(-1))
        assert len(streams) == 3
        assert not torch.equal(streams[2], first[2])
        run(lm.model, IDS)
        assert all(torch.equal(a, b) for a, b in zip(streams, first, strict=True))


def test_another_threads_pass_is_not_captured():
    lm = tiny.lm()
    with lm.running(), capture_streams(lm.layout) as streams:
        thread = threading.Thread(target=lambda: lm.model(IDS))
        thread.start()
        thread.join()
        assert streams == []


def test_another_model_is_not_captured():
    lm, other = tiny.lm(), tiny.lm()
    with lm.running(), capture_streams(lm.layout) as streams:
        run(other.model, IDS)
        assert streams == []


def test_a_capture_is_not_changed_by_what_the_model_does_to_it_later():
    lm = tiny.lm()
    lm.model.model.layers[1].register_forward_pre_hook(lambda _m, args: args[0].mul_(1.0))
    with lm.running(), capture_streams(lm.layout) as streams:
        run(lm.model, IDS)
        copy = streams[1].clone()
        streams_of_pass = list(streams)
        run(lm.model, IDS.flip(-1))
    assert torch.equal(streams_of_pass[1], copy)


def test_a_layout_that_no_longer_fits_is_an_error():
    lm = tiny.lm()
    block = lm.layout.blocks[1]
    block.forward = lambda *_, **__: None
    with pytest.raises(RuntimeError, match="the proved layout no longer fits this model"), lm.running():
        with capture_streams(lm.layout):
            run(lm.model, IDS)
    assert not block._forward_hooks
    lm.refresh()
    with pytest.raises(AttributeError):
        _ = lm.layout
