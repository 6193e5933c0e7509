"""Standard streams that are closed or full: never a traceback."""

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

import grutext
from grutext import Classifier

GOLDEN = Path(__file__).parents[1] / "golden" / "format-2"
pytestmark = [
    pytest.mark.long,
    pytest.mark.skipif(sys.platform == "win32", reason="the shell's way to close a stream"),
]


def shell(redirection, *arguments):
    """Run the command line in a process whose streams a shell has set."""
    command = f'"$0" -m grutext "$@" {redirection}'
    environment = os.environ | {"PYTHONPATH": str(Path(grutext.__file__).parents[1])}
    return subprocess.run(
        ["sh", "-c", command, sys.executable, *arguments],
        capture_output=True, text=True, env=environment, check=False,
    )  # fmt: skip


COMMANDS = [
    ("--help",), ("classify", "--help"), ("--version",), ("show", "-m", str(GOLDEN)), ("verify", "-m", str(GOLDEN)),
    ("classify", __file__, "-m", str(GOLDEN)), ("predict", __file__, "--format", "txt", "-m", str(GOLDEN)),
]  # fmt: skip


@pytest.mark.parametrize("arguments", COMMANDS, ids=" ".join)
@pytest.mark.parametrize("redirection", [">&-", "2>&-", ">/dev/full", ">&- 2>&-"])
def test_a_closed_or_full_stream_gives_one_line_at_most(arguments, redirection):
    if "full" in redirection and not Path("/dev/full").exists():
        pytest.skip("there is no /dev/full here")
    result = shell(redirection, *arguments)
    assert result.returncode in ((1,) if "full" in redirection else (0, 1))
    lines = result.stderr.splitlines()
    assert len([line for line in lines if line.startswith("grutext: error: ")]) == (
        result.returncode and "2>" not in redirection
    )
    assert "Traceback" not in result.stderr


@pytest.mark.parametrize("command", ["classify", "predict"])
def test_a_closed_stdin_is_one_line(command):
    result = shell("<&-", command, "-", "-m", str(GOLDEN))
    assert (result.returncode, result.stdout) == (1, "")
    assert result.stderr == "grutext: error: standard input: is closed; name a file\n"


def run_with_a_closed_pipe(stream, folder, *arguments):
    """Run the command line with stdout or stderr a pipe that nobody reads."""
    read, write = os.pipe()
    os.close(read)
    streams = {"stdout": subprocess.PIPE, "stderr": subprocess.PIPE} | {stream: write}
    environment = os.environ | {"PYTHONPATH": str(Path(grutext.__file__).parents[1])}
    done = subprocess.run(
        [sys.executable, "-m", "grutext", *arguments],
        **streams,
        cwd=folder,
        env=environment,
        text=True,
        check=False,
    )
    os.close(write)
    return done


@pytest.mark.parametrize(
    "arguments",
    [
        ["show"], ["show", "--json"], ["show", "--config"], ["evaluate", "test.csv"], ["evaluate", "test.csv", "--json"],
        ["predict", "test.csv"], ["classify", "--lines", "test.csv"], ["--help"], ["train", "--help"], ["completion", "bash"],
    ],
    ids=" ".join,
)  # fmt: skip
def test_results_that_nobody_reads_are_exit_code_141(tmp_path, model, arguments):
    if arguments[0] == "evaluate":
        pytest.importorskip("sklearn")
    (tmp_path / "test.csv").write_text("message,topic\nparcel,delivery\n", encoding="utf-8")
    done = run_with_a_closed_pipe("stdout", tmp_path, *arguments)
    assert (done.returncode, done.stderr) == (141, "")


@pytest.mark.parametrize("arguments", [["predict", "a.csv"], ["evaluate", "a.csv"]], ids=" ".join)
def test_notes_that_nobody_reads_stop_nothing(tmp_path, model, arguments):
    if arguments[0] == "evaluate":
        pytest.importorskip("sklearn")
    # A guessed column and an unknown label are noted.
    head = "body,kind" if arguments[0] == "predict" else "message,topic"
    (tmp_path / "a.csv").write_text(f"{head}\nparcel,delivery\nparcel,spam\n", encoding="utf-8")
    done = run_with_a_closed_pipe("stderr", tmp_path, *arguments)
    assert done.returncode == 0
    assert "delivery" in done.stdout


@pytest.mark.parametrize("at_once", [True, False])
def test_a_training_whose_notes_nobody_reads_is_finished(tmp_path, at_once):
    pytest.importorskip("sklearn")
    rows = "".join(f"an invoice of {n},billing\nmy parcel of {n},delivery\n" for n in range(20))
    (tmp_path / "a.csv").write_text(f"text,label\n{rows}", encoding="utf-8")
    arguments = ["train", "a.csv", "--no-gru", "-m", "model", "--json"]
    if at_once:
        done = run_with_a_closed_pipe("stderr", tmp_path, *arguments)
        code, out = done.returncode, done.stdout
    else:
        environment = os.environ | {"PYTHONPATH": str(Path(grutext.__file__).parents[1])}
        process = subprocess.Popen(
            [sys.executable, "-m", "grutext", *arguments],
            stdout=subprocess.PIPE, stderr=subprocess.PIPE, cwd=tmp_path, env=environment, text=True,
        )  # fmt: skip
        assert process.stderr is not None
        assert process.stderr.readline().startswith("a.csv: ")
        process.stderr.close()
        out, _ = process.communicate(timeout=120)
        code = process.returncode
    assert code == 0
    assert json.loads(out)["model"] == "model"
    assert Classifier.load(tmp_path / "model").predict(["my parcel"]) == ["delivery"]
