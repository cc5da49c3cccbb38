import json
import os

import numpy as np
import pytest
from safetensors import safe_open
from safetensors.numpy import save_file

import tracebench as tb
from tests import made
from tracebench.files import FileError, Record, read_records, write_records


@pytest.fixture
def saved(tmp_path):
    trace = made.trace()
    lens = made.lens(trace)
    return trace, lens, tb.save(tmp_path / "a.trace", trace, lens)


def test_what_was_saved_is_what_is_opened(saved):
    trace, lens, path = saved
    bundle = tb.open(path)
    assert bundle.trace.hash == trace.hash
    assert bundle.trace.tokens == trace.tokens
    assert bundle.trace.provenance == trace.provenance
    assert bundle.trace.checks == trace.checks
    (again,) = bundle.results
    for name in ("token_ids", "probs", "entropy", "kl", "final_probs", "realised", "watched"):
        np.testing.assert_array_equal(getattr(again, name).values, getattr(lens, name).values)
        assert getattr(again, name).axes == getattr(lens, name).axes
    assert (again.method, again.trace, again.vocabulary, again.checks) == (
        lens.method,
        lens.trace,
        lens.vocabulary,
        lens.checks,
    )


def test_arrays_are_read_when_they_are_used(saved):
    (lens,) = tb.open(saved[2]).results
    assert isinstance(lens.probs.values, np.memmap)


def test_the_same_records_are_the_same_bytes(saved, tmp_path):
    trace, lens, path = saved
    assert tb.save(tmp_path / "b.trace", trace, lens).read_bytes() == path.read_bytes()


def test_it_is_one_safetensors_file_without_pickle(saved):
    with safe_open(saved[2], "np") as file:
        assert "tracebench" in file.metadata()
        assert "1/probs" in file.keys()  # noqa: SIM118 - safe_open is no mapping


def test_a_newer_format_says_to_upgrade(tmp_path):
    path = tmp_path / "new.trace"
    save_file({"0/a": np.zeros(1)}, path, {"tracebench": json.dumps({"format": 99, "records": []})})
    with pytest.raises(FileError, match="file format 99, this tracebench reads up to 1: upgrade"):
        read_records(path)


@pytest.mark.parametrize("keep", [0, 4, 100, -1])
def test_a_truncated_file_is_a_sentence(saved, keep):
    path = saved[2]
    path.write_bytes(path.read_bytes()[:keep])
    with pytest.raises(FileError, match="cut short"):
        tb.open(path)


def test_arrays_that_do_not_fit_the_contents_are_a_sentence(tmp_path):
    path = tmp_path / "odd.trace"
    meta = {"format": 1, "records": [{"kind": "x", "json": {}, "arrays": ["gone"], "axes": {}}]}
    save_file({"0/a": np.zeros(1)}, path, {"tracebench": json.dumps(meta)})
    with pytest.raises(FileError, match="do not fit its list of contents"):
        read_records(path)


def test_an_array_that_does_not_fit_its_axes_is_a_sentence(tmp_path):
    path = tmp_path / "odd.trace"
    meta = {"format": 1, "records": [{"kind": "x", "json": {}, "arrays": ["a"], "axes": {"a": [["token", [0, 1, 2]]]}}]}
    save_file({"0/a": np.zeros(2)}, path, {"tracebench": json.dumps(meta)})
    with pytest.raises(FileError, match=r"x\.a: values of shape \(2,\) do not fit the axes"):
        read_records(path)


def test_a_stranger_is_a_sentence(tmp_path):
    path = tmp_path / "other.safetensors"
    save_file({"a": np.zeros(1)}, path)
    with pytest.raises(FileError, match="not one that tracebench saved"):
        tb.open(path)
    path.write_bytes(b"PK\x03\x04\0\0\0\0 this is a zip")
    with pytest.raises(FileError, match="cut short or is not"):
        tb.open(path)
    with pytest.raises(FileError, match="there is no file"):
        tb.open(tmp_path / "gone.trace")


def test_a_damaged_file_is_a_sentence_or_the_right_shape(saved, tmp_path):
    """Bytes of the header are overwritten at random: never an exception of another kind than ours."""
    raw = saved[2].read_bytes()
    header = 8 + int.from_bytes(raw[:8], "little")
    random = np.random.default_rng(0)
    refused = 0
    for _ in range(400):
        damaged = bytearray(raw)
        for at in random.integers(0, header, random.integers(1, 4)):
            damaged[at] = random.integers(0, 256)
        path = tmp_path / "damaged.trace"
        path.write_bytes(damaged)
        try:
            bundle = tb.open(path)
        except FileError:
            refused += 1
        else:
            assert len(bundle.trace.tokens) == len(saved[0].tokens)
    assert refused > 100


def test_a_record_of_an_unknown_kind_is_a_sentence(tmp_path):
    path = write_records(tmp_path / "a.trace", [Record("horoscope", {}, {"a": np.zeros(1)})])
    with pytest.raises(FileError, match="there is no 'horoscope' among the results"):
        tb.open(path)


def test_a_folder_that_does_not_exist_is_a_sentence(tmp_path):
    with pytest.raises(FileError, match=r"the folder .*gone.* does not exist"):
        tb.save(tmp_path / "gone" / "a.trace", made.trace())


@pytest.mark.parametrize("name", ["a\0b.trace", "\ud800.trace", "x" * 300 + ".trace"])
def test_a_name_the_system_cannot_hold_is_a_sentence_and_leaves_nothing(tmp_path, name):
    with pytest.raises(FileError, match="choose another name"):
        tb.save(tmp_path / name, made.trace())
    assert os.listdir(tmp_path) == []


@pytest.mark.parametrize("name", ["🗼 שלום.trace", "<img onerror>${}.trace", "a\nb.trace"])
def test_a_strange_name_the_system_can_hold_is_kept(tmp_path, name):
    assert tb.open(tb.save(tmp_path / name, made.trace())).trace.hash == made.trace().hash


def test_an_interrupted_write_leaves_what_was_there(saved, monkeypatch):
    path = saved[2]
    before = path.read_bytes()

    def interrupt(_fd):
        raise KeyboardInterrupt

    monkeypatch.setattr(os, "fsync", interrupt)
    with pytest.raises(KeyboardInterrupt):
        tb.save(path, made.trace(seed=5))
    assert path.read_bytes() == before
    assert os.listdir(path.parent) == ["a.trace"]


def test_a_result_of_another_trace_is_refused(tmp_path):
    with pytest.raises(FileError, match="was computed on another trace"):
        tb.save(tmp_path / "a.trace", made.trace(seed=3), made.lens(made.trace()))
    with pytest.raises(FileError, match="exactly one trace, got 0"):
        tb.save(tmp_path / "a.trace", made.lens(made.trace()))
