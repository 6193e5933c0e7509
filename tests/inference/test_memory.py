"""Asking a model again and again takes no more memory."""

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

import grutext

GOLDEN = Path(__file__).parents[1] / "golden" / "format-2"
# Texts never repeat, so that whatever kept something of a text would grow.
CHILD = """
import json, resource, sys
from grutext import Classifier

def resident():  # bytes
    with open("/proc/self/statm") as file:
        return int(file.read().split()[1]) * resource.getpagesize()

folder, calls, leak, kernels = sys.argv[1], int(sys.argv[2]), sys.argv[3] == "leak", sys.argv[4] == "True"
model, kept, sizes = Classifier.load(folder, compiled=kernels), [], []  # loading kernels later would take memory
for n in range(0, 40_000, 8):  # more words than are remembered
    model.predict([" ".join(f"sail{n + k:07} {n + k:07}" for k in range(8))])
for call in range(-500, calls + 1):
    text = f"tide {call:07} sail{call:07} " * (1 + call % 7)  # words of one length: as heavy when remembered
    model.predict([text])
    if leak:
        kept.append(text * 60)
    if call >= 0 and call % (calls // 10) == 0:
        sizes.append(resident())
print(json.dumps(sizes))
"""

pytestmark = [
    pytest.mark.long,
    pytest.mark.skipif(not Path("/proc/self/statm").exists(), reason="memory is measured in /proc"),
]


def growth(calls: int, compiled: bool, leak: str = "") -> float:
    """Return by how many megabytes a process grows over `calls` calls of `predict`, after 500 to warm up."""
    done = subprocess.run(
        [sys.executable, "-c", CHILD, str(GOLDEN), str(calls), leak, str(compiled)],
        env=os.environ | {"PYTHONPATH": str(Path(grutext.__file__).parents[1])},
        capture_output=True,
        text=True,
        timeout=1800,
        check=True,
    )
    first, *later = json.loads(done.stdout)
    assert len(later) == 10
    print(f"{calls:,} calls: {(later[-1] - first) / 1e6:.2f} MB")  # noqa: T201 (pytest -s, for docs/research/reliability.md)
    return (max(later) - first) / 1e6


def test_five_thousand_calls_leave_the_memory_as_it_is(compiled):
    assert growth(5000, compiled) < 1


def test_a_leak_of_one_text_a_call_is_noticed():
    assert growth(1000, False, "leak") > 3


@pytest.mark.slow
def test_a_hundred_thousand_calls_leave_the_memory_as_it_is(compiled):
    assert growth(100_000, compiled) < 1
