"""Convert bundles of earlier formats to the names of the current one.

Format 4 added text vectors. Formats 1 and 2 called the two parts of a model, `gru` and `linear`, `deep` (settings: `model`) and
`wide`; format 1 also lacked the entry `abstention` and some settings. Early models up to format 3
lack the entry `unfamiliar` and the setting `text.case`, and early models of format 4 the entry `early`.
"""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

FORMAT = 4

_SECTIONS = {"wide": "linear", "model": "gru"}
_CALIBRATION = {"deep_scale": "gru_scale", "wide_scale": "linear_scale", "wide_shift": "linear_shift"}
# Settings that earlier formats lacked, with the values that their models behave by.
_SETTINGS_OF_FORMAT_1: dict[str, dict[str, Any]] = {
    "gru": {"convolution": 0},
    "training": {"class_weight": "none"},
}
_SETTINGS_OF_FORMAT_3: dict[str, dict[str, Any]] = {"linear": {"vector_size": 0}}


def upgrade_values(values: dict[str, Any]) -> dict[str, Any]:
    """Return the entries of `model.json` under their current names.

    Args:
        values: The checked entries of a file in any format up to `FORMAT`.
    """
    version = values["format"]
    values = {"unfamiliar": [], "early": [], **values}
    config = values["config"]
    values["config"] = config | {"text": {"case": "fold"} | config.get("text", {})}
    if version == FORMAT:
        return values
    config = {_SECTIONS.get(section, section): part for section, part in values["config"].items()}
    lacking = [_SETTINGS_OF_FORMAT_3]
    if version == 1:
        lacking.append(_SETTINGS_OF_FORMAT_1)
        values = {**values, "abstention": []}
    for sections in lacking:
        for section, settings in sections.items():
            config[section] = settings | config.get(section, {})
    calibration = {_CALIBRATION.get(name, name): value for name, value in values["calibration"].items()}
    return {**values, "config": config, "calibration": calibration}


def upgrade_weights(version: int, weights: dict[str, NDArray[np.generic]]) -> dict[str, NDArray[np.generic]]:
    """Return the arrays of a weights file under their current names.

    Args:
        version: The format of the bundle.
        weights: The arrays by their names in the file.
    """
    if version == FORMAT:
        return weights
    return {
        f"linear/{name.removeprefix('wide/')}" if name.startswith("wide/") else name: array
        for name, array in weights.items()
    }
