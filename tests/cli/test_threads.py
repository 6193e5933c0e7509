"""`--threads` changes no answer."""

import json
from pathlib import Path

import pytest

from grutext.cli import predict
from grutext.inference import chunks

WAYS = ((), *(("--threads", str(number)) for number in (1, 2, 3, 7)))


@pytest.fixture
def rows(tmp_path, texts, monkeypatch):
    """Forty rows, more than one chunk."""
    monkeypatch.setattr(chunks, "CHUNK_TEXTS", 4)
    path = tmp_path / "rows.jsonl"
    lines = [json.dumps({"text": f"{text} {n}", "label": "login"}) for n in range(5) for text in texts]
    path.write_text("\n".join(lines), encoding="utf-8")
    return str(path)


@pytest.mark.parametrize("command", ["predict", "classify", "evaluate"])
def test_the_output_is_the_same_for_any_number_of_threads(run, model, rows, command):
    options = ["--json"] if command == "evaluate" else ["--lines"] if command == "classify" else ["--proba"]
    outputs = {run(command, rows, "-m", model, *options, *more).stdout for more in WAYS}
    assert len(outputs) == 1
    assert len(outputs.pop()) > 100


def test_many_cores_answer_several_batches_at_once_with_the_same_bytes(run, model, rows, monkeypatch):
    monkeypatch.setattr(predict, "BATCH", 8)  # two chunks
    one = run("predict", rows, "-m", model, "--threads", "1", "--proba").stdout
    shares = []
    share_cores = predict._share_cores

    def share(*arguments):
        shares.append(share_cores(*arguments))
        return shares[-1]

    monkeypatch.setattr(predict, "_share_cores", share)
    monkeypatch.setattr(chunks, "usable_cores", lambda: 64)
    assert run("predict", rows, "-m", model, "--proba").stdout == one
    stdin = Path(rows).read_bytes()
    assert run("predict", "-", "--format", "jsonl", "-m", model, "--proba", stdin=stdin).stdout == one
    assert shares == [(32, 2), (0, 64)], "nobody waits for the next row of a pipe"


@pytest.mark.parametrize(
    ("threads", "shared"), [(1, (0, 1)), (2, (1, 2)), (8, (1, 8)), (12, (2, 6)), (64, (8, 8))]
)
def test_all_threads_are_shared_among_the_batches(threads, shared):
    assert predict._share_cores([__file__], threads) == shared


@pytest.mark.parametrize("command", ["predict", "classify", "evaluate"])
def test_zero_threads_are_a_usage_error(run, model, rows, command):
    result = run(command, rows, "-m", model, "--threads", "0", check=2)
    assert "--threads" in result.stderr
