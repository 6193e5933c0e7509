"""The group: help, version, and how errors become lines and exit codes."""

import errno
import re
import shlex
import subprocess
import sys
from pathlib import Path

import click
import pytest

import grutext
from grutext.cli import main
from grutext.errors import DataError


@pytest.fixture
def failing(monkeypatch):
    """Add a command `fail` that raises what it is given."""

    def add(error: BaseException) -> None:
        @click.command("fail")
        def fail() -> None:
            raise error

        monkeypatch.setitem(main.commands, "fail", fail)

    return add


def test_version(run) -> None:
    assert run("--version").stdout == f"grutext {grutext.__version__}\n"


def test_help_names_the_commands(run) -> None:
    text = run("-h").stdout
    assert run("--help").stdout == text
    for name in ("train", "evaluate", "predict", "classify", "show", "verify", "warmup", "completion"):
        assert f"  {name} " in text


def test_without_a_command_four_lines_show_how_to_start(run) -> None:
    lines = run().stdout.splitlines()
    assert len(lines) == 4
    for line in lines:
        assert len(line) < 100
        example = re.match(r"grutext (.+?)   ", line)
        name, *arguments = shlex.split(example[1])
        if name != "--help":
            main.commands[name].make_context(name, arguments)


def test_an_error_is_one_line_and_exit_code_1(error, failing) -> None:
    failing(DataError("label column is empty.\n  Pass --skip-empty", "a.csv", 812))
    assert error("fail") == "a.csv, line 812: label column is empty.; Pass --skip-empty"


def test_a_file_name_in_an_error_has_no_control_characters(error, failing) -> None:
    failing(DataError("is empty", "a\x1b[31m\a\x9b1mé.csv"))
    assert error("fail") == r"a\x1b[31m\x07\x9b1mé.csv: is empty"
    failing(PermissionError(errno.EACCES, "Permission denied", "b\x1b[31m"))
    assert error("fail") == r"b\x1b[31m: Permission denied"


def test_an_error_of_the_system_names_the_file(error, failing) -> None:
    failing(PermissionError(errno.EACCES, "Permission denied", "/root/x"))
    assert error("fail") == "/root/x: Permission denied"


def test_a_full_disk_is_one_line_with_or_without_a_file(error, failing) -> None:
    failing(OSError(errno.ENOSPC, "No space left on device", "out.csv"))
    line = "No space left on device; make room and run the command again"
    assert error("fail") == f"out.csv: {line}"
    failing(OSError(errno.ENOSPC, "No space left on device"))
    assert error("fail") == line


def test_an_interruption_is_exit_code_130(run, failing) -> None:
    failing(KeyboardInterrupt())
    assert run("fail", check=130).stderr == "grutext: interrupted\n"


def test_a_bug_keeps_its_traceback(run, failing) -> None:
    failing(ZeroDivisionError())
    with pytest.raises(ZeroDivisionError):
        run("fail")
    failing(OSError("no number, no file"))
    with pytest.raises(OSError, match="no number"):
        run("fail")


def test_a_wrong_command_line_is_exit_code_2(run) -> None:
    assert run("trian", check=2).stderr.endswith("Error: No such command 'trian'. Did you mean 'train'?\n")
    assert run("xyzzy", check=2).stderr.endswith("Error: No such command 'xyzzy'.\n")
    assert "Did you mean '--model'?" in run("show", "--modell", check=2).stderr
    assert "No such option" in run("show", "--lout", check=2).stderr


@pytest.mark.long
@pytest.mark.skipif(sys.platform == "win32", reason="pipes end differently there")
def test_a_closed_pipe_ends_a_command_quietly(tmp_path, model) -> None:
    (tmp_path / "many.txt").write_text("parcel\n" * 60_000, encoding="utf-8")
    command = f"{sys.executable} -m grutext classify --lines many.txt | head -n 1"
    environment = {"PYTHONPATH": str(Path(grutext.__file__).parents[1]), "PATH": "/usr/bin:/bin"}
    done = subprocess.run(
        command, shell=True, cwd=tmp_path, env=environment, capture_output=True, text=True, check=False
    )
    assert done.stdout == "many.txt:1\tdelivery\t0.909443\n"
    assert done.stderr == ""


@pytest.mark.long
def test_a_label_that_the_terminal_cannot_show_is_escaped(tmp_path, model) -> None:
    (tmp_path / "bär☎.txt").write_text("parcel", encoding="utf-8")
    environment = {"PYTHONPATH": str(Path(grutext.__file__).parents[1]), "PYTHONIOENCODING": "latin-1"}
    done = subprocess.run(
        [sys.executable, "-m", "grutext", "classify", "bär☎.txt"],
        cwd=tmp_path, env=environment, capture_output=True, check=True,
    )  # fmt: skip
    assert done.stdout == b"b\xe4r\\u260e.txt\tdelivery\t0.909443\n"
