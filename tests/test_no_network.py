"""No command reaches for the network.

Each runs in a process of its own in which looking up a name, connecting and sending fail and are written down, also
where the program would have hidden the failure; and, where the system permits, without any network at all,
which covers what is not Python.
"""

import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

import grutext

pytestmark = pytest.mark.long

GOLDEN = Path(__file__).parent / "golden" / "format-2"
# Python reads sitecustomize.py when it starts, in child processes as well. A local socket has a path for address.
WATCH = """
import os, sys

def watch(event, arguments):
    if event in {"socket.connect", "socket.sendto", "socket.sendmsg"} and not isinstance(arguments[1], tuple):
        return
    if event.startswith(("socket.connect", "socket.send", "socket.get")) and event != "socket.gethostname":
        with open(os.environ["REACHED"], "a", encoding="utf-8") as file:
            print(event, arguments[1:] if event == "socket.connect" else arguments, file=file)
        raise PermissionError(f"{event} is forbidden")

sys.addaudithook(watch)
"""
ISOLATE = ["unshare", "--map-root-user", "--net"]


def isolated() -> list[str]:
    """Return what a command line begins with to have no network; nothing where the system does not permit it."""
    if (
        not shutil.which(ISOLATE[0])
        or subprocess.run([*ISOLATE, "true"], capture_output=True, check=False).returncode
    ):
        return []
    return ISOLATE


@pytest.fixture
def offline(tmp_path):
    """Run Python without network; return what it printed, and the lines of what it reached for."""
    (tmp_path / "watch").mkdir()
    (tmp_path / "watch" / "sitecustomize.py").write_text(WATCH, encoding="utf-8")
    reached = tmp_path / "reached.txt"
    paths = os.pathsep.join([str(tmp_path / "watch"), str(Path(grutext.__file__).parents[1])])

    def run(*arguments: str, stdin: str = "") -> tuple[str, list[str]]:
        reached.write_text("", encoding="utf-8")
        done = subprocess.run(
            [*isolated(), sys.executable, *arguments],
            cwd=tmp_path,
            env=os.environ | {"PYTHONPATH": paths, "REACHED": str(reached)},
            input=stdin,
            capture_output=True,
            encoding="utf-8",
            timeout=120,
            check=False,
        )
        assert done.returncode == 0, done.stderr
        return done.stdout, reached.read_text(encoding="utf-8").splitlines()

    return run


@pytest.mark.parametrize(
    ("code", "event"),
    [
        ("socket.create_connection(('192.0.2.1', 80), timeout=1)", "socket.getaddrinfo"),
        ("socket.socket().connect(('192.0.2.1', 80))", "socket.connect"),
        ("socket.socket(type=socket.SOCK_DGRAM).sendto(b'x', ('192.0.2.1', 80))", "socket.sendto"),
        ("socket.gethostbyname('example.invalid')", "socket.gethostbyname"),
        ("urllib.request.urlopen('http://example.invalid', timeout=1)", "socket.getaddrinfo"),
        ("subprocess.run([sys.executable, '-c', 'import socket; socket.socket().connect((\"192.0.2.1\", 80))'])",
         "socket.connect"),
    ],
)  # fmt: skip
def test_notices_network_access_even_if_the_program_hides_it(offline, code, event):
    hidden = f"import socket, subprocess, sys, urllib.request\ntry: {code}\nexcept OSError: pass"
    _, reached = offline("-c", hidden)
    assert reached
    assert reached[0].startswith(event)


def test_native_code_has_no_network_either(offline):
    if not isolated():
        pytest.skip("this system does not permit a process without network")
    out, _ = offline("-c", "print(open('/proc/net/dev').read())")
    assert [line.split(":")[0].strip() for line in out.splitlines()[2:] if line.strip()] == ["lo"]


@pytest.mark.parametrize(
    ("arguments", "stdin"),
    [
        (["-c", "import grutext; print(grutext.Classifier, grutext.__version__)"], ""),
        (["-m", "grutext", "classify", "-", "-m", str(GOLDEN)], "where is my parcel?"),
        (["-m", "grutext", "predict", "-", "--format", "jsonl", "-m", str(GOLDEN)], '{"text": "a parcel"}\n'),
        (["-m", "grutext", "show", "-m", str(GOLDEN)], ""),
    ],
    ids=["import", "classify", "predict", "show"],
)
def test_running_a_model_does_not_access_the_network(offline, arguments, stdin):
    out, reached = offline(*arguments, stdin=stdin)
    assert out.strip()
    assert reached == []


@pytest.mark.tf
def test_training_and_evaluating_do_not_access_the_network(offline, tmp_path):
    rows = [f"{word} {number},{word}" for number in range(12) for word in ("parcel", "invoice")]
    (tmp_path / "mails.csv").write_text("\n".join(["text,label", *rows, ""]), encoding="utf-8")
    settings = ["--epochs", "1", "--set", "text.subword_buckets=100", "--set", "gru.units=4"]
    out, reached = offline("-m", "grutext", "train", "mails.csv", "-m", "model", *settings)
    assert "model: model" in out
    assert reached == []
    out, reached = offline("-m", "grutext", "evaluate", "mails.csv", "-m", "model")
    assert "accuracy" in out
    assert reached == []
