"""A saved model, and ways to change one so that its hashes fit again."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from safetensors.numpy import load, save

from grutext import Classifier
from grutext.errors import BundleError
from grutext.model.bundle import MODEL_FILE, WEIGHTS_FILE, Bundle


@pytest.fixture
def saved(build_bundle, tmp_path: Path) -> Path:
    """The folder of a saved bundle, alone in its parent."""
    path = tmp_path / "parent" / "model"
    build_bundle().save(path)
    return path


def seal(values: dict[str, Any]) -> bytes:
    """Return `model.json` with the checksum that its values call for: JSON, sorted names, SHA-256."""
    values = {name: value for name, value in values.items() if name != "checksum"}
    text = json.dumps(values, sort_keys=True)
    return json.dumps(values | {"checksum": hashlib.sha256(text.encode()).hexdigest()}).encode()


@pytest.fixture
def rewrite() -> Callable[..., None]:
    """Change a saved bundle as a program would that knows the format: all hashes fit afterwards."""

    def change(
        path: Path,
        values: Callable[[dict[str, Any]], Any] | None = None,
        weights: Callable[[dict[str, Any]], Any] | None = None,
    ) -> None:
        document = json.loads((path / MODEL_FILE).read_bytes())
        if weights is not None:
            arrays = load((path / WEIGHTS_FILE).read_bytes())
            weights(arrays)
            raw = save(arrays)
            (path / WEIGHTS_FILE).write_bytes(raw)
            document["files"][WEIGHTS_FILE] = hashlib.sha256(raw).hexdigest()
        if values is not None:
            values(document)
        (path / MODEL_FILE).write_bytes(seal(document))

    return change


REMEDIES = ("train it again", "copy", "grutext train makes one", "with -m", "update grutext")


@pytest.fixture
def outcome_of() -> Callable[[Path], Callable[[], str]]:
    """Load a whole model; return what tells, whatever was done to the folder since, what loading comes to.

    That is "same answers" or "refused", by one BundleError whose one line has the path and a remedy. All else
    is a failure.
    """

    def remember(path: Path) -> Callable[[], str]:
        model = Classifier.load(path)
        texts = [row["text"] for row in model.bundle.golden] + ["nothing of that", ""]
        labels, probabilities = model.predict(texts), model.predict_proba(texts).tobytes()

        def outcome() -> str:
            try:
                now = Classifier.load(path)
            except BundleError as error:
                line = str(error)
                assert str(path) in line
                assert "\n" not in line
                assert any(remedy in line for remedy in REMEDIES), line
                return "refused"
            assert now.predict(texts) == labels
            assert now.predict_proba(texts).tobytes() == probabilities
            return "same answers"

        assert outcome() == "same answers"
        return outcome

    return remember


@pytest.fixture
def check_equal() -> Callable[[Bundle, Bundle], None]:
    """Assert that two bundles are the same in every field and every bit of every weight."""

    def check(one: Bundle, other: Bundle) -> None:
        for name in one.__dataclass_fields__:
            if name != "weights":
                assert getattr(one, name) == getattr(other, name), name
                assert type(getattr(one, name)) is type(getattr(other, name)), name
        assert set(one.weights) == set(other.weights)
        for name, array in one.weights.items():
            assert array.dtype == other.weights[name].dtype, name
            assert array.shape == other.weights[name].shape, name
            assert array.tobytes() == other.weights[name].tobytes(), name

    return check
