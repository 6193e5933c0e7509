"""scripts/cluster: workers on this machine."""

import json
import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

pytestmark = [
    pytest.mark.long,
    pytest.mark.skipif(sys.platform == "win32", reason="signals are others there"),
]
SCRIPTS = Path(__file__).parents[1] / "scripts"


def start(count: int, program: str) -> subprocess.Popen[str]:
    return subprocess.Popen(
        [sys.executable, "-m", "local_cluster", str(count), "--", sys.executable, "-c", program],
        env=os.environ | {"PYTHONPATH": str(SCRIPTS)},
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )


def run(*arguments: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-m", "local_cluster", *arguments],
        env=os.environ | {"PYTHONPATH": str(SCRIPTS)},
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )


def test_each_worker_has_its_task_and_its_lines_their_number():
    output, _ = (process := start(2, "import os; print(os.environ['TF_CONFIG'])")).communicate(timeout=60)
    assert process.returncode == 0
    lines = sorted(output.splitlines())
    assert [line[:4] for line in lines] == ["[0] ", "[1] "]
    first, second = (json.loads(line[4:]) for line in lines)
    assert first["cluster"] == second["cluster"]
    assert len(set(first["cluster"]["worker"])) == 2
    assert [first["task"], second["task"]] == [{"type": "worker", "index": n} for n in (0, 1)]


def test_when_one_fails_all_end_and_its_exit_code_is_returned():
    program = (
        "import os, sys, time; sys.exit(3) if '\"index\": 1' in os.environ['TF_CONFIG'] else time.sleep(600)"
    )
    began = time.monotonic()
    process = start(3, program)
    process.communicate(timeout=60)
    assert process.returncode == 3
    assert time.monotonic() - began < 30


def test_ctrl_c_reaches_every_worker_once():
    program = "import time\ntry: print('up', flush=True); time.sleep(600)\nexcept KeyboardInterrupt: print('stopped')"
    process = start(2, program)
    assert process.stdout is not None
    assert {process.stdout.readline(), process.stdout.readline()} == {"[0] up\n", "[1] up\n"}
    process.send_signal(signal.SIGINT)
    output, _ = process.communicate(timeout=60)
    assert sorted(output.splitlines()) == ["[0] stopped", "[1] stopped"]
    assert process.returncode == 0


def test_after_ctrl_c_a_worker_may_take_longer_than_the_others():
    program = (
        "import os, sys, time\n"
        "try: print('up', flush=True); time.sleep(600)\n"
        "except KeyboardInterrupt:\n"
        "    if '\"index\": 1' in os.environ['TF_CONFIG']: sys.exit(130)\n"
        "    time.sleep(2); print('saved'); sys.exit(130)"
    )
    process = start(2, program)
    assert process.stdout is not None
    assert {process.stdout.readline(), process.stdout.readline()} == {"[0] up\n", "[1] up\n"}
    process.send_signal(signal.SIGINT)
    output, _ = process.communicate(timeout=60)
    assert output == "[0] saved\n"
    assert process.returncode == 130


def test_a_command_that_does_not_exist_is_explained():
    found = run("2", "--", "no-such-command")
    assert found.returncode == 127
    assert found.stderr == "scripts/cluster: no-such-command: there is no such command\n"


@pytest.mark.parametrize("arguments", [[], ["2"], ["0", "--", "ls"], ["two", "--", "ls"]])
def test_a_wrong_command_line_is_explained(arguments):
    found = run(*arguments)
    assert found.returncode == 2
    assert found.stderr.startswith("usage: scripts/cluster N -- COMMAND")
