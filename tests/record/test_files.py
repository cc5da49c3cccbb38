import json
import os
import stat
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from safetensors import safe_open
from safetensors.numpy import save_file

import tracebench as tb
from tests import made
from tracebench.record import files
from tracebench.record.arrays import Axis, LabeledArray
from tracebench.record.files import FileError, Record, read_records, write_records
from tracebench.record.tokens import Vocabulary


@pytest.fixture
def saved(tmp_path):
    trace = made.trace()
    lens = made.lens(trace)
    return trace, lens, tb.save(tmp_path / "a.trace", trace, lens)


def test_arrays_are_views_of_one_mapping(saved):
    before = len(os.listdir("/proc/self/fd")) if Path("/proc/self/fd").exists() else None
    bundle = tb.open(saved[2])
    (lens,) = bundle.results
    assert not lens.probs.values.flags.owndata
    assert not lens.probs.values.flags.writeable
    if before is not None:
        assert len(os.listdir("/proc/self/fd")) <= before + 1


def test_the_same_records_are_the_same_bytes(saved, tmp_path):
    trace, lens, path = saved
    assert tb.save(tmp_path / "b.trace", trace, lens).read_bytes() == path.read_bytes()


def test_it_is_one_safetensors_file_without_pickle(saved):
    with safe_open(saved[2], "np") as file:
        assert "tracebench" in file.metadata()
        assert "1/probs" in file.keys()  # noqa: SIM118 - safe_open is no mapping


def by_hand(path, tensors, **contents):
    """Write a file with one record: correct digests, any contents."""
    digests = {name: files._digest(array) for name, array in tensors.items()}
    text = json.dumps([{"kind": "x", "json": {}, "arrays": digests, "axes": {}, **contents}])
    meta = {"format": 1, "digest": files._sha256(text.encode()), "records": text}
    save_file({f"0/{name}": array for name, array in tensors.items()}, path, {"tracebench": json.dumps(meta)})


def test_a_newer_format_says_to_upgrade(tmp_path):
    path = tmp_path / "new.trace"
    save_file({"0/a": np.zeros(1)}, path, {"tracebench": json.dumps({"format": 99, "records": []})})
    with pytest.raises(FileError, match="file format 99, this tracebench reads up to 2: upgrade"):
        read_records(path)


@pytest.mark.parametrize("keep", [0, 4, 100, -1])
def test_a_truncated_file_raises_a_sentence(saved, keep):
    path = saved[2]
    path.write_bytes(path.read_bytes()[:keep])
    with pytest.raises(FileError, match="cut short"):
        tb.open(path)


def test_arrays_that_do_not_fit_the_contents_raise_a_sentence(tmp_path):
    path = tmp_path / "odd.trace"
    by_hand(path, {"a": np.zeros(1)}, arrays={"gone": ""})
    with pytest.raises(FileError, match="do not fit its list of contents"):
        read_records(path)


def test_an_array_that_does_not_fit_its_axes_raises_a_sentence(tmp_path):
    path = tmp_path / "odd.trace"
    by_hand(path, {"a": np.zeros(2)}, axes={"a": [["token", [0, 1, 2]]]})
    with pytest.raises(FileError, match=r"x\.a: values of shape \(2,\) do not fit the axes"):
        read_records(path)


def test_a_file_of_another_program_raises_a_sentence(tmp_path):
    path = tmp_path / "other.safetensors"
    save_file({"a": np.zeros(1)}, path)
    with pytest.raises(FileError, match="not one that tracebench saved"):
        tb.open(path)
    path.write_bytes(b"PK\x03\x04\0\0\0\0 this is a zip")
    with pytest.raises(FileError, match="cut short or is not"):
        tb.open(path)
    with pytest.raises(FileError, match="there is no file"):
        tb.open(tmp_path / "gone.trace")


@pytest.mark.parametrize("where", ["header", "numbers"])
def test_a_damaged_file_raises_a_sentence(saved, tmp_path, where):
    """Overwrite one byte at random. The file is refused in a sentence, or (an unused byte) has the same contents."""
    raw = saved[2].read_bytes()
    header = 8 + int.from_bytes(raw[:8], "little")
    span = (0, header) if where == "header" else (header, len(raw))
    random = np.random.default_rng(0)
    refused = 0
    for _ in range(300):
        damaged = bytearray(raw)
        at = int(random.integers(*span))
        damaged[at] ^= int(random.integers(1, 256))
        path = tmp_path / "damaged.trace"
        path.write_bytes(damaged)
        try:
            bundle = tb.open(path)
        except FileError:
            refused += 1
        else:
            assert tb.save(tmp_path / "again.trace", *bundle).read_bytes() == raw
    assert refused >= (295 if where == "numbers" else 200)


def test_a_changed_number_and_a_changed_word_are_named(saved):
    raw = saved[2].read_bytes()
    path = saved[2]
    path.write_bytes(raw[:-9] + bytes([raw[-9] ^ 1]) + raw[-8:])
    with pytest.raises(FileError, match=r"the numbers of \w+\.[\w.]+ were changed"):
        tb.open(path)
    path.write_bytes(raw.replace(b"LogitLens(top=3", b"LogitLens(top=4"))
    with pytest.raises(FileError, match="its list of contents was changed"):
        tb.open(path)


def test_a_result_that_does_not_fit_its_trace_raises_a_sentence(tmp_path):
    """The digests are correct, because another program wrote the file."""
    trace = made.trace()
    lens = made.lens(trace)
    shifted = replace(lens, kl=LabeledArray.of(lens.kl.values, layer=range(3, 3 + len(lens.layers)), token=range(8)))
    of_another = replace(lens, traces=("0123456789abcdef",))
    unreadable = replace(lens, method="LogitLens(top=")
    without_pieces = replace(lens, vocabulary=Vocabulary({}))
    for wrong, sentence in (
        (shifted, "has layer . in kl, the trace has none"),
        (of_another, "is about trace 0123456789abcdef, the file holds trace"),
        (unreadable, "a result's method is the repr of an analysis"),
        (without_pieces, "is not among the 0 pieces"),
    ):
        path = write_records(tmp_path / "odd.trace", [trace.to_record(), wrong.to_record()])
        with pytest.raises(FileError, match=sentence):
            tb.open(path)


def test_a_record_of_an_unknown_kind_raises_a_sentence(tmp_path):
    path = write_records(tmp_path / "a.trace", [Record("horoscope", {}, {"a": np.zeros(1)})])
    with pytest.raises(FileError, match="there is no kind of result 'horoscope'"):
        tb.open(path)


def test_a_missing_folder_raises_a_sentence(tmp_path):
    with pytest.raises(FileError, match=r"the folder .*gone.* does not exist"):
        tb.save(tmp_path / "gone" / "a.trace", made.trace())


@pytest.mark.parametrize("name", ["a\0b.trace", "\ud800.trace", "x" * 300 + ".trace"])
def test_an_impossible_file_name_raises_a_sentence_and_leaves_no_file(tmp_path, name):
    with pytest.raises(FileError, match="choose another name"):
        tb.save(tmp_path / name, made.trace())
    assert os.listdir(tmp_path) == []


@pytest.mark.parametrize("name", ["🗼 שלום.trace", "<img onerror>${}.trace", "a\nb.trace"])
def test_an_unusual_file_name_is_kept(tmp_path, name):
    assert tb.open(tb.save(tmp_path / name, made.trace())).trace.hash == made.trace().hash


def test_an_interrupted_write_leaves_the_old_file(saved, monkeypatch):
    path = saved[2]
    before = path.read_bytes()

    def interrupt(_fd):
        raise KeyboardInterrupt

    monkeypatch.setattr(os, "fsync", interrupt)
    with pytest.raises(KeyboardInterrupt):
        tb.save(path, made.trace(seed=5))
    assert path.read_bytes() == before
    assert os.listdir(path.parent) == ["a.trace"]


@pytest.mark.skipif(os.name == "nt", reason="permissions and links of Unix")
def test_a_replaced_file_keeps_its_permissions_and_a_link_stays_a_link(saved, tmp_path):
    path, link = saved[2], tmp_path / "link.trace"
    path.chmod(0o640)
    link.symlink_to(path)
    tb.save(link, made.trace(seed=5))
    assert link.is_symlink()
    assert tb.open(path).trace.hash == made.trace(seed=5).hash
    assert stat.S_IMODE(path.stat().st_mode) == 0o640
    assert stat.S_IMODE(tb.save(tmp_path / "new.trace", made.trace()).stat().st_mode) == 0o666 & ~current_umask()


def current_umask():
    umask = os.umask(0)
    os.umask(umask)
    return umask


@pytest.mark.parametrize("path", [None, 3, made.trace()])
def test_a_value_that_is_not_a_path_raises_a_sentence(path):
    with pytest.raises(TypeError, match=r"takes the path of a \.trace file"):
        tb.open(path)
    with pytest.raises(TypeError, match="takes the path first"):
        tb.save(path, made.trace())


def test_the_suffix_decides_between_a_page_and_a_record(tmp_path):
    with pytest.raises(FileError, match=r"records are saved as \.trace, got .*a\.html; bench\.save writes pages"):
        tb.save(tmp_path / "a.html", made.trace())
    with pytest.raises(FileError, match="is a page for a browser"):
        tb.open(tmp_path / "a.html")


def test_a_result_of_another_trace_is_refused(tmp_path):
    with pytest.raises(FileError, match="is not among the records"):
        tb.save(tmp_path / "a.trace", made.trace(seed=3), made.lens(made.trace()))
    with pytest.raises(FileError, match="is not among the records"):
        tb.save(tmp_path / "a.trace", made.lens(made.trace()))
    with pytest.raises(FileError, match="there is nothing to save"):
        tb.save(tmp_path / "a.trace")


@pytest.mark.parametrize(("make", "name"), [(made.attention, "weights"), (made.rollout, "flow")])
@pytest.mark.parametrize("axis", ["query", "key"])
@pytest.mark.parametrize("length", [7, 9])
def test_maps_that_do_not_fit_the_text_raise_a_sentence(tmp_path, make, name, axis, length):
    trace, path = made.trace(), tmp_path / "a.trace"
    record = make(trace).to_record()
    array = record.arrays[name]
    axes = tuple(Axis(axis, tuple(range(length))) if each.name == axis else each for each in array.axes)
    values = np.resize(array.values, tuple(map(len, axes)))
    write_records(
        path, [trace.to_record(), replace(record, arrays={**record.arrays, name: LabeledArray(values, axes)})]
    )
    with pytest.raises(
        FileError, match=rf"its {record.kind} has {length} positions as {axis} in {name}, the trace has 8$"
    ):
        tb.open(path)


@pytest.mark.parametrize("make", [made.lens, made.attention, made.rollout, made.scores])
def test_a_result_without_its_text_or_with_another_raises_a_sentence(tmp_path, make):
    """An older version may have written it. Its table would name wrong tokens, or none."""
    trace, path = made.trace(), tmp_path / "a.trace"
    result = make(trace)
    record = result.to_record()
    bare = replace(record, arrays={name: a for name, a in record.arrays.items() if not name.startswith("tokens.")})
    write_records(path, [trace.to_record(), bare])
    with pytest.raises(
        FileError, match=rf"a\.trace is damaged or of another version: its {result.kind} has no tokens$"
    ):
        tb.open(path)
    other = replace(result, tokens=made.tokens(0, 1)).to_record()
    write_records(path, [trace.to_record(), other])
    with pytest.raises(FileError, match=rf"its {result.kind} names 2 tokens that are not the 8 of the trace$"):
        tb.open(path)


def test_a_tilde_is_the_home_folder(tmp_path, monkeypatch):
    monkeypatch.setenv("HOME", str(tmp_path))
    path = tb.save("~/a.trace", made.trace())
    assert path == tmp_path / "a.trace"
    assert tb.open("~/a.trace").trace.hash == made.trace().hash
