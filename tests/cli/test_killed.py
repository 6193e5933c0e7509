"""Real processes of `grutext predict`: killed, out of room, two at a time, unread."""

import os
import random
import signal
import subprocess
import sys
import threading
import time
from pathlib import Path

import pytest

import grutext

pytestmark = [
    pytest.mark.long,
    pytest.mark.skipif(sys.platform == "win32", reason="signals, limits and pipes are others there"),
]

# Small batches, each with an entry in the log: a kill has many places to hit.
START = """
with open("started", "w") as file:
    file.write("\\n")
import resource, sys
from grutext.cli import main, predict
from grutext.data.writing import resumable
predict.BATCH, resumable.SECONDS, room = 64, 0, int(sys.argv.pop(1))
if room:
    resource.setrlimit(resource.RLIMIT_FSIZE, (room, room))
main(prog_name="grutext")
"""
ROWS = 1_500
WORDS = ("parcel", "invoice", "password", "hello")


@pytest.fixture
def start(tmp_path, model):
    """Start a process of `grutext predict` that may write files of `room` bytes; 0 is no limit."""
    lines = (f'{n},"{WORDS[n % 4]}, again"\n' for n in range(ROWS))
    (tmp_path / "many.csv").write_text("id,message\n" + "".join(lines), encoding="utf-8")

    # Where Python does not buffer, nothing is left that could fail while it shuts down.
    environment = {name: value for name, value in os.environ.items() if name != "PYTHONUNBUFFERED"}
    environment |= {"PYTHONPATH": str(Path(grutext.__file__).parents[1]), "OMP_NUM_THREADS": "1"}
    environment |= {"NUMBA_DISABLE_JIT": "1"}  # it takes longer to load than these few rows take

    def start_process(*arguments: str, room: int = 0, **pipes):
        return subprocess.Popen(
            [sys.executable, "-c", START, str(room), "predict", *arguments],
            cwd=tmp_path,
            env=environment,
            stdin=pipes.get("stdin", subprocess.DEVNULL),
            stdout=pipes.get("stdout", subprocess.PIPE),
            stderr=subprocess.PIPE,
        )

    return start_process


def check_done(process, code: int = 0) -> str:
    """Assert how a process ends, and return its stderr."""
    stderr = process.communicate()[1].decode()
    assert process.returncode == code, stderr
    assert "Traceback" not in stderr
    return stderr


def wait_for(path: Path, lines: int, process) -> None:
    """Waits until a log has so many lines, or the process has ended."""
    while process.poll() is None and count_lines(path) < lines:
        time.sleep(0.001)


def count_lines(path: Path) -> int:
    """Return the lines of a file, which may vanish at any time; 0 where it is not."""
    try:
        return path.read_bytes().count(b"\n")
    except FileNotFoundError:
        return 0


def kill_again_and_again(start, folder: Path, output: str, kills: int, seed: int) -> dict[str, int]:
    """Kill runs that resume one another, start over when one completes, and return how often each end was seen."""
    check_done(start("many.csv", "-o", f"whole-{output}"))
    expected = (folder / f"whole-{output}").read_bytes()
    draw = random.Random(seed)
    met = {"killed": 0, "resumed": 0, "complete": 0}
    log = folder / f".{output}.progress"
    while met["killed"] < kills:
        before = count_lines(log)
        (folder / "started").unlink()
        process = start("many.csv", "-o", output, "--resume")
        # An interrupt before it has started would be met by Python alone, which then exits with 1.
        wait_for(folder / "started", 1, process)
        wait_for(log, before + draw.choice((0, 1, 2, 5, 10, 15)), process)
        time.sleep(draw.uniform(0, 0.01))
        process.send_signal(draw.choice((signal.SIGKILL, signal.SIGKILL, signal.SIGTERM, signal.SIGINT)))
        stderr = process.communicate()[1].decode()
        met["resumed"] += "continues after" in stderr
        if process.returncode:
            assert process.returncode in {-signal.SIGKILL, -signal.SIGTERM, -signal.SIGINT, 130}, stderr
            met["killed"] += 1
        if (folder / output).exists():  # it was whole before the signal came
            assert (folder / output).read_bytes() == expected
            met["complete"] += 1
            for path in folder.glob(f"*{output}*"):
                if not path.name.startswith("whole"):
                    path.unlink()
    check_done(start("many.csv", "-o", output, "--resume"))
    assert (folder / output).read_bytes() == expected
    assert sorted(path.name for path in folder.glob(f"*{output}*")) == [f"{output}", f"whole-{output}"]
    return met


@pytest.mark.parametrize("output", ["out.csv", "out.jsonl.gz"])
def test_killed_at_ten_moments_it_ends_with_the_same_bytes(start, tmp_path, output) -> None:
    met = kill_again_and_again(start, tmp_path, output, kills=5, seed=len(output))
    assert met["resumed"] >= 2  # or nothing was tested


@pytest.mark.slow
@pytest.mark.parametrize("output", ["out.csv", "out.jsonl.gz"])
def test_killed_at_two_hundred_moments_it_ends_with_the_same_bytes(start, tmp_path, output, capsys) -> None:
    met = kill_again_and_again(start, tmp_path, output, kills=100, seed=1)
    with capsys.disabled():
        sys.stdout.write(f" {output} {met} ")
    assert met["resumed"] >= 50


def test_a_full_disk_is_one_line_and_the_run_can_be_resumed(start, tmp_path) -> None:
    output = "out.csv"
    check_done(start("many.csv", "-o", f"whole-{output}"))
    expected = (tmp_path / f"whole-{output}").read_bytes()
    stderr = check_done(start("many.csv", "-o", output, room=len(expected) * 2 // 3), code=1)
    kept, error = stderr.splitlines()
    assert "rows are saved; repeat the command with --resume" in kept
    assert error == f"grutext: error: {output}: cannot be written: file too large"
    assert not (tmp_path / output).exists()
    assert "continues after" in check_done(start("many.csv", "-o", output, "--resume"))
    assert (tmp_path / output).read_bytes() == expected


def test_a_full_disk_from_the_start_leaves_nothing(start, tmp_path) -> None:
    stderr = check_done(start("many.csv", "-o", "out.csv", room=1), code=1)
    assert stderr.splitlines()[-1] == "grutext: error: out.csv: cannot be written: file too large"
    assert not list(tmp_path.glob("*out.csv*"))


def test_a_second_process_is_refused_while_the_first_lives(start, tmp_path) -> None:
    first = start("-", "-o", "out.tsv", stdin=subprocess.PIPE)
    first.stdin.write(b"parcel\n" * 500)
    first.stdin.flush()
    wait_for(tmp_path / ".out.tsv.progress", 2, first)
    for more in ([], ["--resume"]):
        assert check_done(start("many.csv", "-o", "out.tsv", *more), code=1) == (
            "grutext: error: out.tsv: another process is writing this file; wait for it, or name another file\n"
        )
    assert check_done(first).splitlines()[-1] == "out.tsv: 500 rows"
    assert (tmp_path / "out.tsv").read_bytes().count(b"\n") == 501
    assert not list(tmp_path.glob(".out*"))


@pytest.mark.parametrize("rows", [3, 6_000])  # less and more than a pipe holds
def test_it_ends_silently_when_the_reader_leaves(start, tmp_path, rows) -> None:
    (tmp_path / "rows.txt").write_text("parcel\n" * rows)
    read, write = os.pipe()
    process = start("rows.txt", stdout=write)
    os.close(write)
    if rows > 3:  # a reader that takes the first bytes; else one that is gone before the only ones
        os.read(read, 10)
    os.close(read)
    assert check_done(process, code=141) == ""


def test_rows_can_be_read_before_the_last_ones_are_there(start) -> None:
    process = start("-", stdin=subprocess.PIPE)
    process.stdin.write(b"ok\n" * 201)  # three batches, and less than Python's own buffer holds
    process.stdin.flush()
    watchdog = threading.Timer(60, process.kill)
    watchdog.start()
    assert process.stdout.readline() == b"text\tlabel\tconfidence\n"
    assert process.stdout.readline() == b"ok\tbilling\t0.333333\n"
    watchdog.cancel()
    process.stdin.close()
    assert process.stdout.read().count(b"\n") == 200
    process.stdin = None  # or communicate would flush it
    check_done(process)


@pytest.mark.skipif(not Path("/dev/full").exists(), reason="there is no /dev/full here")
def test_a_full_stdout_is_one_line(start, tmp_path) -> None:
    (tmp_path / "few.txt").write_text("parcel\n")
    for name in ("few.txt", "many.csv"):
        with Path("/dev/full").open("wb") as full:
            stderr = check_done(start(name, "--quiet", stdout=full), code=1)
        assert stderr == "grutext: error: standard output: cannot be written: no space left on device\n"


def test_stdout_that_is_closed_is_one_line_and_no_matter_with_a_file(tmp_path, start) -> None:
    close = "import os, runpy, sys; os.close(1); sys.argv = sys.argv[1:]; sys.stdout = None\n"
    command = [sys.executable, "-c", close + START, "-c", "0", "predict", "many.csv"]
    environment = os.environ | {"PYTHONPATH": str(Path(grutext.__file__).parents[1])}
    for arguments, code, line in (
        ([], 1, "grutext: error: standard output: is closed; name a file to write\n"),
        (["-o", "out.csv"], 0, "out.csv: 1,500 rows\n"),
    ):
        done = subprocess.run(
            [*command, *arguments],
            cwd=tmp_path,
            env=environment,
            stderr=subprocess.PIPE,
            text=True,
            check=False,
        )
        assert (done.returncode, done.stderr.splitlines(keepends=True)[-1]) == (code, line)
