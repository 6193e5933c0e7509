"""Compare the answers of an installed wheel with those that golden models record."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

from releasing.environments import Environment
from releasing.errors import ReleaseError

GOLDEN = sorted((Path(__file__).parents[2] / "tests/golden").glob("format-*"))
_TOLERANCE = 1e-5


def check_answers(environment: Environment, model: Path) -> int:
    """Predict and classify the golden texts of a model, and return how many they are.

    Args:
        environment: Where the wheel is installed.
        model: The folder of the model.

    Raises:
        ReleaseError: `verify`, `predict` or `classify` answers otherwise than the model records.
    """
    recorded = json.loads((model / "model.json").read_text("utf-8"))
    labels, golden = recorded["labels"], recorded["golden"]
    work = environment.folder
    texts, predicted = work / "texts.jsonl", work / "predicted.jsonl"
    texts.write_text("".join(json.dumps({"text": row["text"]}) + "\n" for row in golden), "utf-8")
    environment.grutext("verify", "-m", model, cwd=work)
    environment.grutext("predict", texts, "-m", model, "--proba", "-o", predicted, cwd=work)
    rows = [json.loads(line) for line in predicted.read_text("utf-8").splitlines()]
    for row, one in zip(rows, golden, strict=True):
        _compare(model, one, [row[f"p_{label}"] for label in labels])
    lines = work / "texts.txt"
    lines.write_text("".join(f"{row['text']}\n" for row in golden), "utf-8")
    answers = json.loads(environment.grutext("classify", lines, "--lines", "--json", "-m", model, cwd=work))
    for row, answer in zip(rows, answers, strict=True):
        if answer["label"] != row["label"] or abs(answer["confidence"] - row["confidence"]) > _TOLERANCE:
            raise ReleaseError(f"{model.name}: classify answers {answer}, and predict {row}")
    return len(golden)


def _compare(model: Path, golden: dict[str, Any], probabilities: list[float]) -> None:
    pairs = zip(probabilities, golden["probabilities"], strict=True)
    if any(abs(now - then) > _TOLERANCE for now, then in pairs):
        raise ReleaseError(
            f"{model.name}: {golden['text']!r} has {probabilities}, not {golden['probabilities']}"
        )
