"""`scripts/bench memory`: the files that it measures on, and what it reads of a process."""

import csv
import gzip
import json
import os

import pytest
from benchmarks.bulk import FORMS, write_bulk
from benchmarks.memory import read_status

SIZE = 20_000


def words(text: int) -> list[str]:
    return [f"word{text}{n}" for n in range(30)]


@pytest.fixture
def source(tmp_path):
    path = tmp_path / "train.jsonl.gz"
    rows = [{"text": " ".join(words(n)), "label": "ab"[n % 2]} for n in range(9)]
    path.write_bytes(gzip.compress("".join(json.dumps(row) + "\n" for row in rows).encode()))
    return path


def test_writes_the_same_bytes_for_the_same_seed_in_the_requested_size(tmp_path, source):
    files = [tmp_path / f"{n}.jsonl" for n in range(3)]
    counts = [write_bulk(path, [source], SIZE, seed) for path, seed in zip(files, (1, 1, 2), strict=True)]
    first, again, other = (path.read_bytes() for path in files)
    assert first == again != other
    assert SIZE <= len(first) < SIZE + 200
    assert first.count(b"\n") == counts[0]


def test_few_rows_repeat_and_all_words_are_real(tmp_path, source):
    write_bulk(tmp_path / "a.jsonl", [source], SIZE)
    texts = [json.loads(line)["text"] for line in (tmp_path / "a.jsonl").read_text().splitlines()]
    assert len(set(texts)) > 0.9 * len(texts)
    assert {word for text in texts for word in text.split()} == {word for n in range(9) for word in words(n)}
    assert {len(text.split()) for text in texts} <= {27, 28, 29, 30}
    assert sum(text.split() == words(n) for text in texts for n in range(9)) < len(texts) / 10


def test_every_format_has_the_same_rows(tmp_path, source):
    parquet = pytest.importorskip("pyarrow.parquet")
    counts = [write_bulk(tmp_path / f"a.{form}", [source], SIZE) for form in FORMS]
    assert len(set(counts)) == 1
    rows = [json.loads(line) for line in (tmp_path / "a.jsonl").read_text().splitlines()]
    assert parquet.read_table(tmp_path / "a.parquet").to_pylist() == rows
    with (tmp_path / "a.csv").open(newline="") as file:
        assert [row | {"id": int(row["id"])} for row in csv.DictReader(file)] == rows


def test_reads_the_memory_of_a_running_process():
    status = read_status(os.getpid())
    assert 1 < status["VmRSS"] <= status["VmHWM"]
    assert read_status(2**30) == {}
