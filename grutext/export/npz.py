"""A model as one `.npz` file of NumPy arrays, which is read without pickle."""

from __future__ import annotations

import io
import json
from typing import Any

import numpy as np

from grutext.model.bundle import Bundle
from grutext.model.reading import MODEL_FILE


def build_npz(bundle: Bundle) -> bytes:
    """Return the content of the file: every array by its name, and `model.json` as `uint8` in UTF-8.

    The same model gives the same bytes.
    """
    entries = json.dumps(bundle.entries(), sort_keys=True).encode()
    arrays: dict[str, Any] = {MODEL_FILE: np.frombuffer(entries, np.uint8)}
    arrays |= {name: bundle.weights[name] for name in sorted(bundle.weights)}
    content = io.BytesIO()
    np.savez_compressed(content, **arrays)
    return content.getvalue()
