"""Whether the pieces of a model fit each other."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import asdict
from typing import Any

import numpy as np
from numpy.typing import NDArray

from grutext.config import Config
from grutext.errors import BundleError
from grutext.model.reading import WEIGHTS_FILE
from grutext.model.spec import Calibration, check_model, weight_spec


def check_values(values: Mapping[str, Any]) -> None:
    """Checks that the entries of `model.json` are of the kinds that a `Bundle` promises.

    Args:
        values: The parsed file; `config` and `calibration` are looked into elsewhere, save for what could
            keep that from ending.

    Raises:
        BundleError: There are entries that are not; all of them are listed.
    """
    entry: dict[str, Any] = defaultdict(lambda: None, values)
    several, data = entry["multilabel"], entry["data"]
    rules = {
        "config": _is_object(entry["config"], dict) and _is_brief(entry["config"]),
        "labels": _is_list(entry["labels"], str) and len(entry["labels"]) > (0 if several else 1),
        "multilabel": isinstance(several, bool),
        "vocabulary": _is_list(entry["vocabulary"], str),
        "calibration": isinstance(entry["calibration"], dict)
        and all(
            _is_list(value if isinstance(value, list) else [value], int, float)
            for value in entry["calibration"].values()
        ),
        "history": _is_list(entry["history"], dict),
        "metrics": _is_object(entry["metrics"], dict),
        "data": isinstance(data, dict)
        and all(
            isinstance(data.get(name, ""), (str, type(None))) for name in ("text_column", "label_column")
        ),
        "abstention": _is_list(values.get("abstention", []), dict),
        "golden": _is_list(entry["golden"], dict) and all(map(_is_golden, entry["golden"])),
        "versions": _is_object(entry["versions"], str),
        "created": isinstance(entry["created"], str),
        "files": _is_object(entry["files"], str) and WEIGHTS_FILE in entry["files"],
    }
    wrong = [name for name, holds in rules.items() if not holds]
    if wrong:
        raise BundleError(f"entries of model.json are missing or of another kind: {', '.join(wrong)}")


def _is_list(value: Any, *kinds: type) -> bool:
    return isinstance(value, list) and set(map(type, value)) <= set(kinds)


def _is_object(value: Any, *kinds: type) -> bool:
    return isinstance(value, dict) and set(map(type, value.values())) <= set(kinds)


def _is_brief(config: Mapping[str, Mapping[str, Any]]) -> bool:
    """Tells whether the names are short; the nearest known name is looked for, which must not take long."""
    return all(len(section + key) < 100 for section, part in config.items() for key in part)


def _is_golden(row: Mapping[str, Any]) -> bool:
    numbers: Any = row.get("probabilities")
    return isinstance(row.get("text"), str) and (
        _is_list(numbers, int, float) and all(0 <= number <= 1 for number in numbers)
    )


def check_weights(
    config: Config,
    labels: Sequence[str],
    multilabel: bool,
    vocabulary: int,
    weights: Mapping[str, NDArray[Any]],
) -> None:
    """Lists every weight that is missing, unknown, not finite, or of a wrong shape or dtype.

    Args:
        config: The model's configuration.
        labels: Its labels.
        multilabel: Whether a text has several.
        vocabulary: The number of known tokens.
        weights: The arrays by name.

    Raises:
        BundleError: There is such a weight.
        ConfigError: The configuration names a pooling that does not exist.
    """
    check_model(config.gru)
    if config.gru.layers > len(weights):  # it would take for ever to name what billions of layers lack
        raise BundleError(f"there are {len(weights)} weights for {config.gru.layers} layers")
    keys = weights.get("linear/keys", np.zeros(0, np.uint32))
    spec = weight_spec(config, vocabulary + 1, len(labels), multilabel, len(keys))
    wrong = [f"{name} is missing" for name in spec if name not in weights]
    wrong += [f"{name} is unknown" for name in weights if name not in spec]
    for name, (shape, dtype) in spec.items():
        array = weights.get(name)
        if array is not None and (array.shape != shape or array.dtype != dtype):
            wrong.append(f"{name} is {array.shape} {array.dtype}, not {shape} {dtype}")
        elif array is not None and array.dtype.kind == "f" and not _is_finite(array):
            wrong.append(f"{name} has values that are not finite")
    if keys.ndim == 1 and (keys[1:] <= keys[:-1]).any():
        wrong.append("linear/keys does not ascend")
    if wrong:
        raise BundleError("the weights do not fit the model: " + "; ".join(wrong))


def _is_finite(array: NDArray[np.floating]) -> bool:
    """Tells whether no value is infinite or not a number: IEEE 754 has all bits of its exponent set then.

    NumPy's own `isfinite` takes far longer for float16, of which a model has millions.
    """
    if array.dtype != np.float16:
        return bool(np.isfinite(array).all())
    return not np.any((array.view(np.uint16) & 0x7C00) == 0x7C00)


def check_calibration(calibration: Calibration, labels: Sequence[str], multilabel: bool) -> None:
    """Checks that the calibration has finite numbers, as many as there are labels or one for all.

    Raises:
        BundleError: It has not, or a label stands twice.
    """
    wrong = [
        f"{name} has another number of values than one or one for each label"
        for name in ("linear_scale", "linear_shift", "scale", "shift")
        if len(getattr(calibration, name)) not in (1, len(labels))
    ]
    if len(calibration.thresholds) not in ((len(labels),) if multilabel else (0, len(labels))):
        wrong.append(f"there are {len(calibration.thresholds)} thresholds")
    if len(calibration.familiarity) not in (0, 3):
        wrong.append("familiarity has another number of values than three")
    if not multilabel and min(calibration.thresholds, default=1.0) <= 0:
        wrong.append("a threshold is not positive")
    if not all(isinstance(number, (int, float)) for number in (calibration.gru_scale, calibration.fusion)):
        wrong.append("gru_scale or fusion is no number")
    numbers = np.concatenate([np.ravel(value) for value in asdict(calibration).values()])
    if not np.isfinite(np.asarray(numbers, np.float64)).all() or not 0.0 <= calibration.fusion <= 1.0:
        wrong.append("a number is not finite, or the fusion is outside 0..1")
    if len(set(labels)) != len(labels):
        wrong.append("a label stands twice")
    if wrong:
        raise BundleError("the calibration does not fit the model: " + "; ".join(wrong))
