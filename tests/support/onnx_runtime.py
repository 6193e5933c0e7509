"""Exported models in ONNX Runtime."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

import numpy as np
import onnxruntime

from grutext.export import model_inputs
from grutext.export.onnx import build_onnx
from grutext.inference import Classifier
from grutext.model.bundle import Bundle


class OnnxClassifier:
    """A model in ONNX Runtime; its inputs are prepared by grutext."""

    def __init__(self, bundle: Bundle) -> None:
        self.bundle = bundle
        self.model = Classifier(bundle, threads=1, compiled=False)
        options = onnxruntime.SessionOptions()
        options.intra_op_num_threads = 1
        self.session = onnxruntime.InferenceSession(build_onnx(bundle).SerializeToString(), options)

    def run(self, texts: Sequence[str]) -> dict[str, np.ndarray]:
        """Return the outputs by name, computed in one batch."""
        inputs = model_inputs(self.model, texts)
        assert set(inputs) == {value.name for value in self.session.get_inputs()}
        names = [value.name for value in self.session.get_outputs()]
        return dict(zip(names, self.session.run(names, inputs), strict=True))

    def predict_proba(self, texts: Sequence[str], batch: int = 64) -> np.ndarray:
        """Return the probabilities, computed in batches of texts of similar length."""
        order = sorted(range(len(texts)), key=lambda n: len(texts[n]))
        probabilities = np.empty((len(texts), len(self.bundle.labels)), np.float32)
        for part in _cut(order, batch):
            probabilities[part] = self.run([texts[n] for n in part])["probabilities"]
        return probabilities


def _cut(order: list[int], size: int) -> Iterator[list[int]]:
    for first in range(0, len(order), size):
        yield order[first : first + size]
