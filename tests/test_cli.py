"""The command line, as a person types it: what is wrong is one line, said before anything slow."""

from __future__ import annotations

import os
import subprocess
import sys

import pytest

import tracebench as tb
from tests import made
from tracebench import cli

COMMAND = (sys.executable, "-m", "tracebench.cli")


@pytest.fixture
def trace(tmp_path, monkeypatch):
    """A file in the folder that is the current one."""
    monkeypatch.chdir(tmp_path)
    record = made.trace()
    tb.save("k.trace", record, made.lens(record))
    return tmp_path / "k.trace"


@pytest.fixture
def no_model(monkeypatch):
    def loaded(*_a, **_k):
        raise AssertionError("the model was loaded before the arguments were looked at")

    monkeypatch.setattr(tb, "load", loaded, raising=False)


def refused(capsys, *arguments):
    """The one line that is said when a command does nothing."""
    assert cli.main([*map(str, arguments)]) == 1
    out, err = capsys.readouterr()
    assert out == ""
    assert err.count("\n") == 1
    return err


def test_show_writes_a_page_beside_the_trace(trace, capsys):
    assert cli.main(["show", "k.trace"]) == 0
    assert "Written: k.html" in capsys.readouterr().out
    assert trace.with_suffix(".html").read_text("utf-8").startswith("<!doctype html>")


def test_show_writes_over_a_page_only_when_it_is_named(trace, capsys):
    page = trace.with_suffix(".html")
    page.write_text("mine")
    assert "'k.html' is there already: -o k.html writes over it" in refused(capsys, "show", "k.trace")
    assert page.read_text() == "mine"
    assert cli.main(["show", "k.trace", "-o", "k.html"]) == 0
    assert page.read_text("utf-8") != "mine"


@pytest.mark.parametrize("output", ["x.trace", "k.trace", "x", "x.png"])
def test_a_page_ends_in_html(trace, capsys, no_model, output):
    before = trace.read_bytes()
    for command in (("show", "k.trace"), ("demo",)):
        said = refused(capsys, *command, "-o", output)
        assert f"-o names the page to write, which ends in .html, got '{output}'" in said
    assert trace.read_bytes() == before


def test_show_takes_a_trace(trace, capsys):
    for arguments in (["a.html"], ["a.HTM"], ["k.html", "-o", "k.html"]):
        assert "show takes a .trace file, and " in refused(capsys, "show", *arguments)
    assert "none.trace" in refused(capsys, "show", "none.trace")


def test_a_folder_that_cannot_be_is_said_before_the_model_is_loaded(trace, capsys, no_model):
    for output in ("k.trace/x.html", "k.trace/a/x.html"):
        assert "cannot make the folder 'k.trace" in refused(capsys, "demo", "-o", output)
        assert "there is no folder 'k.trace" in refused(capsys, "show", "k.trace", "-o", output)
    (trace.parent / "a.html").mkdir()
    assert "'a.html' is a folder: add a file name" in refused(capsys, "demo", "-o", "a.html")
    assert "there is no folder 'no'" in refused(capsys, "show", "k.trace", "-o", "no/x.html")


@pytest.mark.parametrize(("option", "value"), [("--tokens", "0"), ("--tokens", "-2"), ("--prompt", "")])
def test_what_cannot_be_generated_is_said_before_the_model_is_loaded(trace, capsys, no_model, option, value):
    assert option in refused(capsys, "demo", option, value)


def test_a_console_that_lacks_the_signs_gets_others(trace):
    environment = {**os.environ, "PYTHONIOENCODING": "ascii"}
    done = subprocess.run([*COMMAND, "show", "k.trace"], env=environment, capture_output=True, check=False, timeout=60)
    assert (done.returncode, done.stderr) == (0, b"")
    assert b"The model said" in done.stdout or b"The text goes on" in done.stdout


@pytest.mark.skipif(os.name == "nt", reason="there a closed pipe is another error")
def test_a_reader_that_has_seen_enough_is_no_error(trace):
    read, write = os.pipe()
    os.close(read)
    with open(write, "wb") as closed:
        done = subprocess.run(
            [*COMMAND, "show", "k.trace"], stdout=closed, stderr=subprocess.PIPE, check=False, timeout=60
        )
    assert (done.returncode, done.stderr) == (141, b"")
    assert trace.with_suffix(".html").is_file()


def test_help_says_what_is_written_over(capsys):
    for command, sentence in (("show", "if it is new"), ("demo", "written over")):
        with pytest.raises(SystemExit):
            cli.main([command, "--help"])
        assert sentence in " ".join(capsys.readouterr().out.split())


def test_the_demo_writes_a_page_and_its_data(trace, capsys):
    assert cli.main(["demo", "-o", "new/first.html", "--tokens", "1"]) == 0
    said = capsys.readouterr().out
    assert "The model said “·Paris”" in said
    assert sorted(path.name for path in (trace.parent / "new").iterdir()) == ["first.html", "first.trace"]
