"""The command line: an error is one line on stderr, and wrong arguments are refused before slow work."""

from __future__ import annotations

import io
import os
import signal
import subprocess
import sys

import pytest

import tracebench as tb
from tests import made
from tracebench import cli
from tracebench.bench.report import report
from tracebench.record.checks import Check
from tracebench.requests.code import request_for

COMMAND = (sys.executable, "-m", "tracebench.cli")


@pytest.fixture
def trace(tmp_path, monkeypatch):
    """A file in the current folder."""
    monkeypatch.chdir(tmp_path)
    record = made.trace()
    tb.save("k.trace", record, made.lens(record))
    return tmp_path / "k.trace"


@pytest.fixture(scope="module")
def model(tmp_path_factory):
    """A folder with a tiny model."""
    from tests import tiny

    folder = tmp_path_factory.mktemp("model")
    tiny.model().save_pretrained(folder)
    tiny.tokenizer().save_pretrained(folder)
    return folder


@pytest.fixture
def no_model(monkeypatch):
    def loaded(*_a, **_k):
        raise AssertionError("the model was loaded before the arguments were checked")

    monkeypatch.setattr(tb, "load", loaded, raising=False)


def refused(capsys, *arguments):
    """Run a command that fails. Returns its one line on stderr."""
    assert cli.main([*map(str, arguments)]) == 1
    out, err = capsys.readouterr()
    assert out == ""
    assert err.count("\n") == 1
    return err


def test_show_writes_a_page_beside_the_trace(trace, capsys):
    assert cli.main(["show", "k.trace"]) == 0
    assert "Written: k.html" in capsys.readouterr().out
    assert trace.with_suffix(".html").read_text("utf-8").startswith("<!doctype html>")


def test_show_replaces_a_page_only_if_it_is_named(trace, capsys):
    page = trace.with_suffix(".html")
    page.write_text("mine")
    assert "'k.html' exists already: replace it with -o k.html" in refused(capsys, "show", "k.trace")
    assert page.read_text() == "mine"
    assert cli.main(["show", "k.trace", "-o", "k.html"]) == 0
    assert page.read_text("utf-8") != "mine"


@pytest.mark.parametrize("output", ["x.trace", "k.trace", "x", "x.png"])
def test_a_page_ends_in_html(trace, capsys, no_model, output):
    before = trace.read_bytes()
    for command in (("show", "k.trace"), ("demo",), ("explore", "demo", "Hello")):
        said = refused(capsys, *command, "-o", output)
        assert f"-o is the page to write, a name that ends in .html, got '{output}'" in said
    assert trace.read_bytes() == before


def test_show_takes_a_trace(trace, capsys):
    for arguments in (["a.html"], ["a.HTM"], ["k.html", "-o", "k.html"]):
        assert "show takes a .trace file, and " in refused(capsys, "show", *arguments)
    assert "none.trace" in refused(capsys, "show", "none.trace")
    # The error is about the folder, also if there is a page of that name.
    (trace.parent / "folder").mkdir()
    trace.with_name("folder.html").write_text("mine")
    assert "folder is a folder or a device" in refused(capsys, "show", "folder")


def test_an_impossible_folder_is_refused_before_the_model_is_loaded(trace, capsys, no_model):
    for output in ("k.trace/x.html", "k.trace/a/x.html"):
        assert "cannot make the folder 'k.trace" in refused(capsys, "demo", "-o", output)
        assert "there is no folder 'k.trace" in refused(capsys, "explore", "demo", "Hello", "-o", output)
        assert "there is no folder 'k.trace" in refused(capsys, "show", "k.trace", "-o", output)
    (trace.parent / "a.html").mkdir()
    assert "'a.html' is a folder: add a file name" in refused(capsys, "demo", "-o", "a.html")
    assert "there is no folder 'no'" in refused(capsys, "show", "k.trace", "-o", "no/x.html")


@pytest.mark.parametrize(
    ("option", "value", "said"),
    [
        ("--tokens", "0", "--tokens is a number of at least 1, got 0"),
        ("--tokens", "-2", "--tokens is a number of at least 1, got -2"),
        ("--temperature", "0", "temperature is a number above 0, got 0.0"),
        ("--temperature", "nan", "temperature is a number above 0, got nan"),
        ("--seed", "-1", "seed is a whole number from 0"),
        ("--against", "", "--against is empty"),
        ("--max-bytes", "0", "--max-bytes is a number of at least 1, got 0"),
    ],
)
@pytest.mark.usefixtures("trace", "no_model")
def test_a_wrong_option_is_refused_before_the_model_is_loaded(capsys, option, value, said):
    assert said in refused(capsys, "explore", "demo", "Hello", "-o", "a.html", option, value)
    if option == "--tokens":
        assert said in refused(capsys, "demo", option, value)


def test_an_invalid_prompt_is_refused_before_the_model_is_loaded(trace, capsys, no_model, monkeypatch):
    for command in (("demo", "--prompt", ""), ("explore", "demo", "", "-o", "a.html")):
        assert "the prompt is empty" in refused(capsys, *command)
    assert "the prompt is not UTF-8 text" in refused(capsys, "explore", "demo", "a\udcff", "-o", "a.html")
    for given, said in (
        (b"", "the prompt is empty"),
        (b"\n", "the prompt is empty"),
        (b"ab\xff", "UTF-8 text (byte 2)"),
    ):
        typed(monkeypatch, given)
        assert said in refused(capsys, "explore", "demo", "-", "-o", "a.html")


def test_an_output_that_cannot_be_written_is_refused_before_the_model_is_loaded(trace, capsys, no_model):
    (trace.parent / "a.trace").mkdir()
    said = refused(capsys, "explore", "demo", "Hello", "-o", "a.html", "--trace")
    assert "--trace writes 'a.trace', which is a folder" in said


def typed(monkeypatch, content):
    monkeypatch.setattr(sys, "stdin", io.TextIOWrapper(io.BytesIO(content)))


def explored(capsys, model, *arguments, prompt="The tower"):
    """Run explore successfully. Returns its stdout and stderr."""
    assert cli.main(["explore", str(model), prompt, "-o", "new.html", "--tokens", "3", *arguments]) == 0
    return capsys.readouterr()


def kept(folder):
    """The trace and the results in the .trace file of the page, by kind."""
    bundle = tb.open(folder / "new.trace")
    return bundle.trace, {result.kind: result for result in bundle.results}


def test_explore_writes_only_a_page_and_prints_the_summary(model, trace, capsys):
    before = {path.name for path in trace.parent.iterdir()}
    out, err = explored(capsys, model)
    assert {path.name for path in trace.parent.iterdir()} - before == {"new.html"}
    page = (trace.parent / "new.html").read_text("utf-8")
    sentence = next(line for line in out.splitlines() if line.startswith("The model said "))
    assert f"<main><p><strong>{sentence}</strong>" in page
    for check in ("replay", "last row = the model", "completeness", "pattern @ values = attention"):
        assert f" {check}: " in out
    assert "Written: new.html (" in out
    assert err.splitlines()[0] == f"Loading {model} ..."
    assert "Computing tb.LogitLens(" in err


def test_explore_asks_the_same_as_a_bench_in_a_notebook(model, trace, capsys):
    explored(capsys, model, "--trace")
    lm = tb.load(model)
    bench = tb.explore(lm, lm.generate("The tower", max_new_tokens=3))
    found = kept(trace.parent)[1]
    assert {request_for(result).key for result in found.values()} == {request.key for request in bench.requests}


def test_explore_explains_a_token_against_another(model, trace, capsys):
    out, _ = explored(capsys, model, "--trace", "--against", "Par")
    found = kept(trace.parent)[1]
    assert found["token_scores"].target == tb.Target(0, against="Par", of="log_prob")
    assert found["lens_table"].method == "LogitLens(top=5, watch=('Par',))"
    assert "rather than “Par”" in next(line for line in out.splitlines() if " Most: " in line)


def test_the_report_warns_below_scores_that_do_not_add_up():
    trace = made.trace()
    off = Check("completeness", "measure", 3.66, 0.05, "The scores add up.")
    lines = report(trace, [made.scores(trace, 0, checks=(off,))]).splitlines()
    said = next(at for at, line in enumerate(lines) if " Most: " in line)
    assert lines[said + 1] == str(off)
    held = report(trace, [made.scores(trace, 0)]).splitlines()
    assert held[said + 1] == ""


def test_control_characters_of_a_text_do_not_reach_the_console(model, trace, capsys):
    out, _ = explored(capsys, model, prompt="a\x1b[2Jb\tc\u200dd")
    assert "a⟨1B⟩[2Jb\tc\u200dd▸" in out
    assert "\x1b" not in out


def test_explore_compares_only_with_another_single_token(model, trace, capsys):
    said = tb.load(model).generate("The Tower", max_new_tokens=1).completion
    for against, sentence in ((said, "is the generated token of step 0"), (" Paris Paris", "is not one token")):
        assert cli.main(["explore", str(model), "The Tower", "-o", "new.html", "--against", against]) == 1
        assert sentence in capsys.readouterr().err
    assert not (trace.parent / "new.html").exists()


def test_explore_explains_every_step_and_one_comparison(model, trace, capsys):
    explored(capsys, model, "--trace", "--steps", "all", "--against", "Par")
    targets = [r.target for r in tb.open(trace.parent / "new.trace").results if r.kind == "token_scores"]
    assert targets == [tb.Target(None, of="log_prob"), tb.Target(0, against="Par", of="log_prob")]


def test_explore_can_sample_and_chat(model, trace, capsys):
    explored(capsys, model, "--trace", "--chat", "--temperature", "0.7", "--seed", "5")
    found = kept(trace.parent)[0]
    again = tb.load(model).chat([{"role": "user", "content": "The tower"}], max_new_tokens=3, temperature=0.7, seed=5)
    assert found.tokens == again.tokens
    assert [segment.role for segment in found.segments] == [segment.role for segment in again.segments]
    assert (found.provenance.seed, found.provenance.settings["temperature"]) == (5, 0.7)


@pytest.mark.parametrize("ending", ["", "\n", "\r\n"])
def test_a_prompt_from_stdin_loses_only_its_last_newline(model, trace, capsys, monkeypatch, ending):
    typed(monkeypatch, f"La dame\n— «fer» \n{ending}".encode())
    explored(capsys, model, "--trace", prompt="-")
    expected = "La dame\n— «fer» " + ("\n" if ending else "")
    assert kept(trace.parent)[0].provenance.settings["prompt"] == expected


@pytest.mark.parametrize("share", [0.1, 0.99])
def test_a_page_that_is_too_large_is_not_written_and_nothing_is_printed_to_stdout(model, trace, capsys, share):
    explored(capsys, model)
    most = int((trace.parent / "new.html").stat().st_size * share)
    (trace.parent / "new.html").unlink()
    few = ["explore", str(model), "The tower", "-o", "new.html", "--trace", "--tokens", "3", "--max-bytes", str(most)]
    assert cli.main(few) == 1
    out, err = capsys.readouterr()
    assert out == ""
    assert f"more than max_bytes={most}: nothing was written" in err
    # A page that is clearly too large is refused before any computation.
    assert ("Computing" in err) == (share > 0.5)
    assert sorted(path.name for path in trace.parent.iterdir()) == ["k.trace"]


def test_the_report_says_in_its_place_that_a_question_has_no_answer(model, trace, capsys):
    out, err = explored(capsys, model, prompt="x")
    why = next(line for line in out.splitlines() if line.startswith("Why did the model say "))
    assert (
        "at step 0? Not known: IntegratedGradients is not in the page: at this step there is nothing to explain: "
        in why
    )
    assert "tracebench: IntegratedGradients is not in the page: " in err


def test_the_report_names_results_that_are_left_out(model, trace, capsys, monkeypatch):
    from tracebench.analyses import usual

    assert "not shown" not in explored(capsys, model)[0]
    monkeypatch.setattr(usual, "WEIGHTS", 10)
    assert "Attention to 5 tokens is not shown: " in explored(capsys, model)[0]


def test_the_report_lists_checks_by_result(model, trace, capsys):
    out, _ = explored(capsys, model, "--steps", "all", "--against", "Par")
    checks = out[out.index("Checks (") : out.index("\nWritten:")].splitlines()[1:]
    headings = [line for line in checks if line.startswith("- ")]
    assert headings[:2] == ["- the generation", "- LogitLens(top=5, watch=('Par',))"]
    assert sum("IntegratedGradients" in line for line in headings) == 2
    assert headings[3].endswith(" of Target(step=0, against='Par', of='log_prob')")
    assert len(set(headings)) == len(headings) == 6
    assert all(line.startswith(("- ", "  ✓ ")) for line in checks if line)


def test_an_unknown_model_gives_a_whole_sentence(trace, capsys):
    assert cli.main(["explore", "nobody/no-such", "Hi", "-o", "new.html"]) == 1
    said = capsys.readouterr().err.splitlines()[-1]
    assert "cannot load 'nobody/no-such': " in said
    assert not said.endswith((" at", " at ", " ", ":"))


def test_a_failed_analysis_does_not_lose_the_others(trace, capsys):
    from tests import tiny

    folder = trace.parent / "model"
    tiny.model().save_pretrained(folder)
    from transformers import PreTrainedTokenizerFast

    # This tokenizer has no end-of-text token, which is the default baseline of integrated gradients.
    bare = PreTrainedTokenizerFast(tokenizer_object=tiny.tokenizer().backend_tokenizer)
    bare.save_pretrained(folder)
    out, err = explored(capsys, folder, "--trace")
    assert "tracebench: IntegratedGradients is not in the page: the tokenizer of model has no eos token" in err
    assert set(kept(trace.parent)[1]) == {"lens_table", "attention", "rollout"}
    assert "Written: new.html" in out


@pytest.mark.skipif(os.name == "nt", reason="there is no SIGINT for another process there")
def test_ctrl_c_gives_one_line_and_leaves_no_partial_file(model, trace):
    before = {path.name for path in trace.parent.iterdir()}
    arguments = ["explore", str(model), "The tower", "-o", "new.html", "--trace", "--tokens", "100", "--steps", "all"]
    run = subprocess.Popen(
        [*COMMAND, *arguments], stdout=subprocess.PIPE, stderr=subprocess.PIPE, stdin=subprocess.DEVNULL
    )
    said = b""
    while b"Computing tb.IntegratedGradients" not in said:
        said = run.stderr.readline()
        assert said, "it ended before it was interrupted"
    run.send_signal(signal.SIGINT)
    out, err = run.communicate(timeout=300)
    assert (run.returncode, out) == (130, b"")
    assert err.endswith(b"tracebench: interrupted\n")
    assert b"Traceback" not in err
    assert {path.name for path in trace.parent.iterdir()} == before


def test_a_console_without_our_signs_gets_replacements(trace):
    environment = {**os.environ, "PYTHONIOENCODING": "ascii"}
    done = subprocess.run([*COMMAND, "show", "k.trace"], env=environment, capture_output=True, check=False, timeout=300)
    assert (done.returncode, done.stderr) == (0, b"")
    assert b"The model said" in done.stdout or b"The text goes on" in done.stdout


@pytest.mark.skipif(os.name == "nt", reason="there a closed pipe is another error")
def test_a_closed_pipe_gives_no_error_message(trace):
    read, write = os.pipe()
    os.close(read)
    with open(write, "wb") as closed:
        done = subprocess.run(
            [*COMMAND, "show", "k.trace"], stdout=closed, stderr=subprocess.PIPE, check=False, timeout=300
        )
    assert (done.returncode, done.stderr) == (141, b"")
    assert trace.with_suffix(".html").is_file()


@pytest.mark.skipif(os.name == "nt", reason="there a closed pipe is another error")
def test_the_page_is_written_also_if_the_reader_closes_the_pipe(model, trace):
    read, write = os.pipe()
    os.close(read)
    command = (
        sys.executable,
        "-u",
        "-m",
        "tracebench.cli",
        "explore",
        str(model),
        "Hello",
        "--tokens",
        "2",
        "-o",
        "a.html",
    )
    with open(write, "wb") as closed:
        done = subprocess.run(command, stdout=closed, stderr=subprocess.PIPE, check=False, timeout=300)
    assert done.returncode == 141
    assert trace.with_name("a.html").is_file()


def test_help_says_which_files_are_replaced(capsys):
    for command, sentence in (("show", "if it is new"), ("demo", "are replaced"), ("explore", "is replaced")):
        with pytest.raises(SystemExit):
            cli.main([command, "--help"])
        assert sentence in " ".join(capsys.readouterr().out.split())


def test_the_demo_writes_a_page_and_its_data(trace, capsys):
    assert cli.main(["demo", "-o", "new/first.html", "--tokens", "1"]) == 0
    said = capsys.readouterr().out
    assert "The model said “·Paris”" in said
    assert sorted(path.name for path in (trace.parent / "new").iterdir()) == ["first.html", "first.trace"]
    found = {result.kind: result for result in tb.open("new/first.trace").results}
    assert set(found) == {"lens_table", "token_scores", "attention", "rollout"}
    assert found["token_scores"].target == tb.Target(None, of="log_prob")
