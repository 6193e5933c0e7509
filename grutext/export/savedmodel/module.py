"""The module that TensorFlow saves: texts in, probabilities and labels out."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np

from grutext.engines.keras.backend import tf
from grutext.errors import ExportError
from grutext.export.inputs import has_text_vectors
from grutext.export.savedmodel import network, text
from grutext.model.bundle import Bundle

Tensor = Any


class TextClassifier(tf.Module):
    """A model whose signature `serving_default` takes strings.

    Args:
        bundle: The model.

    Raises:
        ExportError: The linear part of the model knows no n-gram.
    """

    def __init__(self, bundle: Bundle) -> None:
        super().__init__()
        if bundle.config.linear.enabled and not len(bundle.weights["linear/keys"]):
            raise ExportError("the linear part of the model knows no n-gram; train it with --no-linear")
        self._bundle = bundle
        self._weights = {
            name: array.astype(np.int64)
            if name == "linear/keys"
            else tf.Variable(array, trainable=False, name=name)
            for name, array in bundle.weights.items()
        }
        rows = {
            token.encode("utf-8", "surrogatepass"): row
            for row, token in enumerate(bundle.vocabulary, start=1)
        }
        initializer = tf.lookup.KeyValueTensorInitializer(
            tf.constant(list(rows), tf.string), tf.constant(list(rows.values()), tf.int64)
        )
        self._rows = tf.lookup.StaticHashTable(initializer, default_value=0)

    @tf.function(input_signature=[tf.TensorSpec([None], tf.string, name="texts")])
    def classify(self, texts: Tensor) -> dict[str, Tensor]:
        """Return `probabilities` `(N, C)`, and what the model has of `label` `(N,)`, `applies` `(N, C)`, `familiarity` `(N,)`."""
        bundle, config = self._bundle, self._bundle.config
        normalized, tokens = text.read(texts, config)
        logits = margins = None
        known: Tensor = None
        rows = self._rows.lookup(tokens.types)
        if config.gru.enabled:
            subwords = text.hash_subwords(tokens.types, config) if config.text.subword_max else None
            logits = network.gru_logits(bundle, self._weights, tokens, rows, subwords)
            known = network.known_tokens(tokens, rows)
        if config.linear.enabled:
            ngrams = text.count_ngrams(normalized, tokens, config)
            margins, known = network.linear_margins(self._weights, ngrams, tf.size(texts))
            if has_text_vectors(bundle):
                margins += network.vector_margins(self._weights, tokens, rows)
        probabilities, top = network.fuse(bundle, logits, margins)
        outputs = {"probabilities": probabilities}
        thresholds = np.array(bundle.calibration.thresholds, np.float32)
        if bundle.multilabel:
            outputs["applies"] = probabilities >= thresholds
        else:
            values = probabilities / thresholds if thresholds.size else probabilities
            outputs["label"] = tf.gather(tf.constant(bundle.labels), tf.argmax(values, axis=1))
        if bundle.calibration.familiarity:
            bias, score_weight, known_weight = bundle.calibration.familiarity
            outputs["familiarity"] = bias + score_weight * top + known_weight * known
        return outputs

    @tf.function(input_signature=[])
    def labels(self) -> dict[str, Tensor]:
        """Return the labels, in the order of the columns of `probabilities`."""
        return {"labels": tf.constant(self._bundle.labels)}


def save_savedmodel(bundle: Bundle, folder: Path) -> None:
    """Write a model into a folder, which must be empty or absent.

    Raises:
        ExportError: The model cannot be written exactly.
    """
    module = TextClassifier(bundle)
    signatures = {"serving_default": module.classify, "labels": module.labels}
    tf.saved_model.save(module, str(folder), signatures=signatures)
