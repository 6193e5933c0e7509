"""`--threads` changes no answer."""

import json

import pytest

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


@pytest.mark.parametrize("command", ["predict", "classify", "evaluate"])
def test_zero_threads_are_a_usage_error(run, model, rows, command):
    result = run(command, rows, "-m", model, "--threads", "0", check=2)
    assert "--threads" in result.stderr
