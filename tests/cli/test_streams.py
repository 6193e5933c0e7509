"""Standard streams that are closed or full: never a traceback."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

import grutext

GOLDEN = Path(__file__).parents[1] / "golden" / "format-2"
pytestmark = [
    pytest.mark.long,
    pytest.mark.skipif(sys.platform == "win32", reason="the shell's way to close a stream"),
]


def shell(redirection, *arguments):
    """Runs the command line in a process whose streams a shell has set."""
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
def test_a_stream_that_takes_nothing_gives_one_line_at_most(arguments, redirection):
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
def test_a_closed_stdin_is_an_error_of_ours(command):
    result = shell("<&-", command, "-", "-m", str(GOLDEN))
    assert (result.returncode, result.stdout) == (1, "")
    assert result.stderr == "grutext: error: standard input: is closed; name a file\n"
