"""Check that the entries and the weights of a model are valid and match each other."""

from __future__ import annotations

import sys
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
    """Check the types of the entries of `model.json`.

    Args:
        values: The parsed file. The contents of `config` and `calibration` are checked elsewhere, apart from names
            so long that those checks would not end.

    Raises:
        BundleError: Entries are missing or have a wrong type; the message lists all of them.
    """
    entry: dict[str, Any] = defaultdict(lambda: None, values)
    multilabel, data = entry["multilabel"], entry["data"]
    rules = {
        "config": _is_object(entry["config"], dict) and _is_brief(entry["config"]),
        "labels": _is_list(entry["labels"], str) and (multilabel or len(entry["labels"]) != 1),
        "multilabel": isinstance(multilabel, bool),
        "vocabulary": _is_list(entry["vocabulary"], str),
        "calibration": isinstance(entry["calibration"], dict)
        and all(
            _is_list(value if isinstance(value, list) else [value], int, float)
            for value in entry["calibration"].values()
        ),
        "history": _is_list(entry["history"], dict),
        "metrics": _is_object(entry["metrics"], dict),
        "data": isinstance(data, dict)
        and all(isinstance(data.get(name, ""), (str, type(None))) for name in ("text_column", "label_column"))
        and _is_reading(data.get("reading", {})),
        "abstention": _is_list(values.get("abstention", []), dict),
        "unfamiliar": _is_list(values.get("unfamiliar", []), dict)
        and all(map(_is_familiarity_threshold, values.get("unfamiliar", []))),
        "early": _is_list(values.get("early", []), dict) and all(map(_is_early, values.get("early", []))),
        "golden": _is_list(entry["golden"], dict) and all(map(_is_golden, entry["golden"])),
        "versions": _is_object(entry["versions"], str),
        "created": isinstance(entry["created"], str),
        "files": _is_object(entry["files"], str) and WEIGHTS_FILE in entry["files"],
    }
    wrong = [name for name, holds in rules.items() if not holds]
    if wrong:
        raise BundleError(f"entries of model.json are missing or have a wrong type: {', '.join(wrong)}")


def _is_reading(record: Any) -> bool:
    """Return whether a value is a record of how data were read, as `grutext.data.remembered` writes it."""
    if not isinstance(record, dict):
        return False
    told, found = record.get("told", {}), record.get("found", {})
    if not (isinstance(told, dict) and isinstance(found, dict)):
        return False
    columns = [part.get(name) for part in (told, found) for name in ("text_column", "label_column")]
    return (
        all(value is None or isinstance(value, str) or (_is_list(value, str) and value) for value in columns)
        and isinstance(told.get("label_separator", ";"), str)
        and told.get("label_separator", ";") != ""
        and isinstance(told.get("keep_missing", False), bool)
        and _is_dialect(told.get("dialect", {}))
    )


def _is_dialect(told: Any) -> bool:
    """Return whether a value has fields of `grutext.data.Dialect` with their types."""
    kinds = {
        "delimiter": str,
        "escape": str,
        "quotes": bool,
        "skip_blanks": bool,
        "header": bool,
        "columns": list,
    }
    return (
        isinstance(told, dict)
        and all(isinstance(value, kinds.get(name, ())) for name, value in told.items())
        and _is_list(told.get("columns", []), str)
        and all(len(told.get(name, ";")) == 1 for name in ("delimiter", "escape"))
    )


def _is_list(value: Any, *kinds: type) -> bool:
    return isinstance(value, list) and set(map(type, value)) <= set(kinds)


def _is_object(value: Any, *kinds: type) -> bool:
    return isinstance(value, dict) and set(map(type, value.values())) <= set(kinds)


def _is_brief(config: Mapping[str, Mapping[str, Any]]) -> bool:
    """Return whether all names are short, because the search for the nearest known name must not take long."""
    return all(len(section + key) < 100 for section, part in config.items() for key in part)


def _is_golden(row: Mapping[str, Any]) -> bool:
    numbers: Any = row.get("probabilities")
    return isinstance(row.get("text"), str) and (
        _is_list(numbers, int, float) and all(0 <= number <= 1 for number in numbers)
    )


def _is_familiarity_threshold(row: Mapping[str, Any]) -> bool:
    refused, threshold = row.get("refused"), row.get("threshold")
    return (
        isinstance(refused, float)
        and 0 < refused < 1
        and isinstance(threshold, (int, float))
        and abs(threshold) <= sys.float_info.max  # NaN is not, nor is an integer that is no float
    )


def _is_early(row: Mapping[str, Any]) -> bool:
    threshold = row.get("threshold")
    shares = [row.get("gap"), row.get("words_read"), 1.0 if threshold is None else threshold]
    return all(isinstance(share, (int, float)) and 0 <= share <= 1 for share in shares)


def check_weights(
    config: Config,
    labels: Sequence[str],
    multilabel: bool,
    vocabulary: int,
    weights: Mapping[str, NDArray[Any]],
) -> None:
    """Check that every weight is present, known, finite, and of the right shape and dtype.

    Args:
        config: The model's configuration.
        labels: Its C labels; none for a base.
        multilabel: Whether a text may have several labels.
        vocabulary: The number V - 1 of known tokens.
        weights: The arrays by name.

    Raises:
        BundleError: A weight is wrong; the message lists every one.
        ConfigError: The configuration names an unknown pooling.
    """
    check_model(config.gru)
    if config.gru.layers > len(weights):  # the list of what billions of layers lack would not end
        raise BundleError(f"there are {len(weights)} weights for {config.gru.layers} layers")
    keys = weights.get("linear/keys", np.zeros(0, np.uint32))
    words = weights.get("text_vectors/words", np.zeros((0, 0), np.int8))
    vector_size = words.shape[1] if words.ndim == 2 else 0
    spec = weight_spec(config, vocabulary + 1, len(labels), multilabel, len(keys), vector_size)
    if not labels:  # a base has the embedding alone
        spec = {name: kind for name, kind in spec.items() if name.startswith("embedding/")}
    wrong = [f"{name} is missing" for name in spec if name not in weights]
    wrong += [f"{name} is unknown" for name in weights if name not in spec]
    for name, (shape, dtype) in spec.items():
        array = weights.get(name)
        if array is not None and (array.shape != shape or array.dtype != dtype):
            wrong.append(f"{name} is {array.shape} {array.dtype}, not {shape} {dtype}")
        elif array is not None and array.dtype.kind == "f" and not _is_finite(array):
            wrong.append(f"{name} has values that are not finite")
    if (
        np.abs(weights.get("text_vectors/center", np.zeros(0))).max(initial=0) > 1
    ):  # a mean of vectors of length 1
        wrong.append("text_vectors/center has values beyond 1")
    if keys.ndim == 1 and (keys[1:] <= keys[:-1]).any():
        wrong.append("linear/keys does not ascend")
    if wrong:
        raise BundleError("the weights do not fit the model: " + "; ".join(wrong))


def _is_finite(array: NDArray[np.floating]) -> bool:
    """Return whether no value is infinite or NaN.

    For float16, of which a model has millions, this tests the bits of the exponent (IEEE 754: all set for infinity
    and NaN), because NumPy's `isfinite` is much slower there.
    """
    if array.dtype != np.float16:
        return bool(np.isfinite(array).all())
    return not np.any((array.view(np.uint16) & 0x7C00) == 0x7C00)


def check_calibration(calibration: Calibration, labels: Sequence[str], multilabel: bool) -> None:
    """Check that the calibration's numbers are finite and that there is one per label, or one for all labels.

    Raises:
        BundleError: They are not, or a label is repeated; the message lists every problem.
    """
    wrong = [
        f"{name} has neither one value nor one per label"
        for name in ("linear_scale", "linear_shift", "scale", "shift")
        if len(getattr(calibration, name)) not in (1, len(labels))
    ]
    if len(calibration.thresholds) not in ((len(labels),) if multilabel else (0, len(labels))):
        wrong.append(f"there are {len(calibration.thresholds)} thresholds")
    if len(calibration.familiarity) not in (0, 3):
        wrong.append("familiarity does not have three values")
    if len(calibration.length) not in (0, 2):
        wrong.append("length does not have two values")
    if not multilabel and min(calibration.thresholds, default=1.0) <= 0:
        wrong.append("a threshold is not positive")
    if not all(isinstance(number, (int, float)) for number in (calibration.gru_scale, calibration.fusion)):
        wrong.append("gru_scale or fusion is not a number")
    numbers = np.concatenate([np.ravel(value) for value in asdict(calibration).values()])
    if not np.isfinite(np.asarray(numbers, np.float64)).all() or not 0.0 <= calibration.fusion <= 1.0:
        wrong.append("a number is not finite, or the fusion is outside 0..1")
    if len(set(labels)) != len(labels):
        wrong.append("a label is repeated")
    if wrong:
        raise BundleError("the calibration does not fit the model: " + "; ".join(wrong))
