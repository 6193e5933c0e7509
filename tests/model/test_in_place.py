"""What may stand in the place of a model's files: links, pipes, devices, files without end.

A child process loads such folders, so that a reader that hangs or eats the memory fails here and not on
the machine: it has little memory to give, and measures what each folder took.
"""

import json
import os
import shutil
import socket
import subprocess
import sys
from pathlib import Path

import pytest

import grutext
from grutext.model.bundle import MODEL_FILE, WEIGHTS_FILE

ALLOWED = 512 << 20  # bytes of address space beyond what the child has when it begins
CHILD = """
import json, re, resource, sys, time
from grutext import Classifier
from grutext.errors import BundleError

def resident(name):  # megabytes: VmRSS now, VmHWM the most since the mark
    with open("/proc/self/status") as file:
        return int(re.search(name + r":\\s+(\\d+)", file.read())[1]) / 1000

def mark():
    with open("/proc/self/clear_refs", "w") as file:
        file.write("5")
    return resident("VmRSS")

ready, allowed, *folders = sys.argv[1:]
Classifier.load(ready).predict(["warm"])
with open("/proc/self/statm") as file:
    pages = int(file.read().split()[0])
limit = pages * resource.getpagesize() + int(allowed)
resource.setrlimit(resource.RLIMIT_AS, (limit, limit))
for folder in folders:
    before, start = mark(), time.perf_counter()
    try:
        Classifier.load(folder)
        told = ""
    except BundleError as error:
        told = str(error)
    seconds = time.perf_counter() - start
    print(json.dumps({"told": told, "seconds": seconds, "megabytes": resident("VmHWM") - before}), flush=True)
"""

pytestmark = pytest.mark.skipif(
    not Path("/proc/self/clear_refs").exists(), reason="memory is measured in /proc"
)


def load_in_child(ready: Path, *folders: Path) -> list[dict]:
    """Load folders in a process of little memory; return what each came to."""
    done = subprocess.run(
        [sys.executable, "-c", CHILD, str(ready), str(ALLOWED), *map(str, folders)],
        env=os.environ | {"PYTHONPATH": str(Path(grutext.__file__).parents[1]), "OPENBLAS_NUM_THREADS": "1"},
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    return [json.loads(line) for line in done.stdout.splitlines()]


def pipe(path: Path) -> None:
    os.mkfifo(path)


def listening(path: Path) -> None:
    """A socket; the file stays when it is closed."""
    with socket.socket(socket.AF_UNIX) as server:
        os.chdir(path.parent)  # a socket's path must be short
        server.bind(path.name)


def link_to(target: str):
    return lambda path: path.symlink_to(target)


def sparse(size: int, start: bytes = b""):
    """A file that claims a size and has nothing of it on the disk."""

    def make(path: Path) -> None:
        path.write_bytes(start)
        os.truncate(path, size)

    return make


def claimed(size: int) -> bytes:
    """The beginning of a weights file whose one array has so many bytes, so that the file may be as long."""
    header = json.dumps(
        {"linear/keys": {"dtype": "U32", "shape": [size // 4], "data_offsets": [0, size]}}
    ).encode()
    return len(header).to_bytes(8, "little") + header


GB = 1 << 30
CLAIM = {size: claimed(size * GB) for size in (3, 100)}
PLACES = {
    "a folder": Path.mkdir,
    "a pipe": pipe,
    "a socket": listening,
    "a device without end": link_to("/dev/zero"),
    "a device of nothing": link_to("/dev/null"),
    "a terminal": link_to("/dev/tty"),
    "a file that says it is empty": link_to("/proc/self/maps"),
    "a link that leads nowhere": link_to("gone"),
    "a link to itself": lambda path: path.symlink_to(path.name),
    "nothing but a hundred gigabytes of zeros": sparse(100 * GB),
    "nothing but a hundred megabytes of zeros": sparse(100_000_000),
    "a hundred gigabytes that the header claims": sparse(len(CLAIM[100]) + 100 * GB, CLAIM[100]),
    "three gigabytes that the header claims": sparse(len(CLAIM[3]) + 3 * GB, CLAIM[3]),
    "more than the header claims": sparse(3 * GB, claimed(400)),
    "three gigabytes that the file has not": lambda path: path.write_bytes(CLAIM[3]),
    "a million brackets": lambda path: path.write_bytes(b"[" * 10**6),
    "ten million lists": lambda path: path.write_bytes(b"[" + b"[]," * 10**7 + b"[]]"),
    "a million digits": lambda path: path.write_bytes(b"9" * 10**6),
    "a million names": lambda path: path.write_bytes(json.dumps(dict.fromkeys(map(str, range(10**6)), 0)).encode()),
}  # fmt: skip
# Those that are read before they can be told from a good one: no more than twice their size is taken for them.
HEAVY = {
    (MODEL_FILE, "nothing but a hundred megabytes of zeros"),
    (MODEL_FILE, "a million names"),
    (MODEL_FILE, "ten million lists"),
}


SAID = {
    "a pipe": "is no regular file",
    "a device without end": "is no regular file",
    "a device of nothing": "is no regular file",
    "nothing but a hundred gigabytes of zeros": "bytes, more than a model's",
    "a hundred gigabytes that the header claims": "bytes, more than a model's",
}


@pytest.mark.long
def test_no_file_makes_loading_hang_or_use_much_memory(saved, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    cases = []
    for name in (MODEL_FILE, WEIGHTS_FILE):
        for number, (place, make) in enumerate(PLACES.items()):
            folder = tmp_path / f"{name}-{number}"
            shutil.copytree(saved, folder)
            (folder / name).unlink()
            make(folder / name)
            cases.append((name, place, folder))
    found = load_in_child(saved, *(folder for _, _, folder in cases))
    assert len(found) == len(cases) == 2 * len(PLACES)
    for (name, place, folder), outcome in zip(cases, found, strict=True):
        assert str(folder) in outcome["told"], place
        assert "\n" not in outcome["told"]
        assert SAID.get(place, "") in outcome["told"]
        if (name, place) == (WEIGHTS_FILE, "more than the header claims"):  # told before it is read
            assert "its header does not describe what follows" in outcome["told"]
        assert any(
            remedy in outcome["told"] for remedy in ("copy", "train it again", "memory; free some", "with -m")
        ), outcome
        allowed = 250 if (name, place) in HEAVY else 32
        assert outcome["megabytes"] < allowed, (name, place, outcome)
        assert outcome["seconds"] < 10, (name, place, outcome)


@pytest.mark.long
def test_the_child_process_measures_memory_and_reports_its_lack(saved, tmp_path):
    """Memory that cannot be had is an error of one line, and memory that is had is measured."""
    shutil.copytree(saved, tmp_path / "large")
    (tmp_path / "large" / MODEL_FILE).write_bytes(b'"' + b"x" * 100_000_000 + b'"')
    first, second = load_in_child(saved, tmp_path / "large", saved)
    assert first["megabytes"] > 90
    assert second["told"] == ""


def test_follows_links_and_verifies_the_hashes_of_their_targets(saved, tmp_path, outcome_of, build_bundle):
    """Stores that keep every file once, such as those of model hubs, are folders of links out of them."""
    outcome = outcome_of(saved)
    for name in (MODEL_FILE, WEIGHTS_FILE):
        shutil.move(saved / name, tmp_path / name)
        (saved / name).symlink_to(tmp_path / name)
    assert outcome() == "same answers"
    build_bundle(seed=6).save(tmp_path / "other")
    for name in (MODEL_FILE, WEIGHTS_FILE):
        (saved / name).unlink()
        (saved / name).symlink_to(tmp_path / "other" / name)
        assert outcome() == "refused"
        (saved / name).unlink()
        (saved / name).symlink_to(tmp_path / name)
    shutil.move(saved, tmp_path / "elsewhere")
    saved.symlink_to(tmp_path / "elsewhere")
    assert outcome() == "same answers"


def test_never_opens_other_files_in_the_folder(saved, outcome_of):
    outcome = outcome_of(saved)
    for name in ("README.md", ".DS_Store", "weights.npz", "model.json~", "model.pkl"):
        (saved / name).write_bytes(b"\x80\x04cos\nsystem\n(S'false'\ntR.")
    os.mkfifo(saved / "pipe")
    (saved / "folder").mkdir()
    assert outcome() == "same answers"


def test_refuses_files_of_another_model_and_exchanged_files(saved, tmp_path, outcome_of, build_bundle):
    outcome, kept = outcome_of(saved), tmp_path / "kept"
    shutil.copytree(saved, kept)
    build_bundle(seed=6).save(tmp_path / "other")
    for name in (MODEL_FILE, WEIGHTS_FILE):
        shutil.copy(tmp_path / "other" / name, saved)
        assert outcome() == "refused"
        shutil.copy(kept / name, saved)
    shutil.copy(kept / MODEL_FILE, saved / WEIGHTS_FILE)
    assert outcome() == "refused"
    shutil.copy(kept / WEIGHTS_FILE, saved / MODEL_FILE)
    assert outcome() == "refused"
    shutil.copy(kept / MODEL_FILE, saved / MODEL_FILE)
    assert outcome() == "refused"
    shutil.copy(kept / WEIGHTS_FILE, saved / WEIGHTS_FILE)
    assert outcome() == "same answers"
