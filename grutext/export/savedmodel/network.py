"""The network in TensorFlow's operators, from the arrays of a bundle; the equations are in `grutext.model.spec`."""

from __future__ import annotations

from typing import Any

import numpy as np

from grutext.engines.keras.backend import tf
from grutext.export.savedmodel.text import Tokens
from grutext.export.savedmodel.unicode import look_up
from grutext.model.bundle import Bundle
from grutext.model.spec import LOG_FLOOR, directions
from grutext.text import CHARACTER_FAMILY, LEAST_DISTANCE, MAX_COUNT

Tensor = Any
Weights = dict[str, Any]
_LOW = -3e38  # below every state and every score


def gru_logits(bundle: Bundle, weights: Weights, tokens: Tokens, rows: Tensor, subwords: Any) -> Tensor:
    """Return the logits of the GRU part, `(N, C)`.

    Args:
        bundle: The model.
        weights: Its arrays.
        tokens: The texts.
        rows: Vocabulary row of each distinct token, `(M,)`.
        subwords: Row and token of each character n-gram, `(K,)` each; None if the model has none.
    """
    config = bundle.config.gru
    vectors = tf.cast(tf.gather(weights["embedding/words"], rows), tf.float32)  # (M, E)
    if subwords is not None:
        buckets, owners = subwords
        taken = tf.cast(tf.gather(weights["embedding/subwords"], buckets), tf.float32)  # (K, E)
        vectors += _mean_by(owners, taken, tf.size(rows))
    flat = tf.gather(vectors, tokens.ids)  # (S, E)
    inputs = tf.RaggedTensor.from_row_lengths(
        flat, tf.cast(tokens.lengths, tf.int64)
    ).to_tensor()  # (N, T, E)
    # One more step, which is padding for all texts: a batch of empty texts is no special case then.
    inputs = tf.pad(inputs, [[0, 0], [0, 1], [0, 0]])
    inputs = tf.ensure_shape(inputs, [None, None, config.embedding_size])
    if config.convolution:
        seen = tf.nn.conv1d(inputs, weights["conv/kernel"], 1, "SAME") + weights["conv/bias"]
        inputs += tf.nn.relu(seen)
    states, last = inputs, None
    for layer in range(config.layers):
        found = [
            _run_direction(bundle, weights, f"gru/{layer}/{name}", states, tokens.lengths)
            for name in directions(config)
        ]
        states = tf.concat([own for own, _ in found], axis=2)  # (N, T, D * U)
        last = tf.concat([own for _, own in found], axis=1)  # (N, D * U)
    pooled = tf.concat(
        [_pool(name, states, last, tokens.lengths, weights) for name in config.pooling.split("+")], axis=1
    )
    return pooled @ weights["head/kernel"] + weights["head/bias"]


def _mean_by(owners: Tensor, values: Tensor, count: Tensor) -> Tensor:
    sums = tf.math.unsorted_segment_sum(values, owners, count)
    sizes = tf.math.unsorted_segment_sum(tf.ones_like(owners), owners, count)
    return sums / tf.cast(tf.maximum(sizes, 1), tf.float32)[:, None]


def _run_direction(
    bundle: Bundle, weights: Weights, name: str, inputs: Tensor, lengths: Tensor
) -> tuple[Tensor, Tensor]:
    """Return the states of one direction, `(N, T, U)`, zero beyond each text, and the last of each text, `(N, U)`."""
    after, units = bundle.config.gru.reset_after, bundle.config.gru.units
    kernel, recurrent, bias = (weights[f"{name}/{part}"] for part in ("kernel", "recurrent_kernel", "bias"))
    own, inner = (bias[0], bias[1]) if after else (bias, tf.zeros_like(bias))
    backward = name.endswith("backward")
    if backward:
        inputs = tf.reverse_sequence(inputs, lengths, seq_axis=1)
    projected = tf.transpose(inputs @ kernel + own, [1, 0, 2])  # (T, N, 3U)
    steps = tf.shape(projected)[0]

    def step(t: Tensor, h: Tensor, states: Tensor) -> tuple[Tensor, Tensor, Tensor]:
        x_z, x_r, x_c = tf.split(projected[t], 3, axis=1)
        if after:
            h_z, h_r, h_c = tf.split(h @ recurrent + inner, 3, axis=1)
        else:
            h_z, h_r = tf.split(h @ recurrent[:, : 2 * units], 2, axis=1)
        z, r = tf.sigmoid(x_z + h_z), tf.sigmoid(x_r + h_r)
        past = r * h_c if after else (r * h) @ recurrent[:, 2 * units :]
        new = z * h + (1.0 - z) * tf.tanh(x_c + past)
        running = (t < lengths)[:, None]
        return t + 1, tf.where(running, new, h), states.write(t, tf.where(running, new, 0.0))

    begin = (
        tf.constant(0),
        tf.zeros([tf.size(lengths), units]),
        tf.TensorArray(tf.float32, steps, element_shape=[None, units]),
    )
    _, last, states = tf.while_loop(lambda t, *_: t < steps, step, begin)
    states = tf.reshape(states.stack(), [steps, tf.size(lengths), units])
    states = tf.transpose(states, [1, 0, 2])  # (N, T, U)
    return (tf.reverse_sequence(states, lengths, seq_axis=1) if backward else states), last


def _pool(name: str, states: Tensor, last: Tensor, lengths: Tensor, weights: Weights) -> Tensor:
    """Return the vectors of texts, `(N, D * U)`, zeros for empty ones."""
    mask = tf.sequence_mask(lengths, tf.shape(states)[1])[:, :, None]  # (N, T, 1)
    if name == "last":
        return last
    if name == "max":
        largest = tf.reduce_max(tf.where(mask, states, _LOW), axis=1)
        return tf.where((lengths > 0)[:, None], largest, 0.0)
    if name == "mean":
        sums = tf.reduce_sum(tf.cast(states, tf.float64), axis=1)
        return tf.cast(sums / tf.cast(tf.maximum(lengths, 1), tf.float64)[:, None], tf.float32)
    seen = tf.tanh(tf.tensordot(states, weights["pool/kernel"], 1) + weights["pool/bias"])
    scores = tf.tensordot(seen, weights["pool/query"][:, None], 1)  # (N, T, 1)
    shares = tf.nn.softmax(tf.where(mask, scores, _LOW), axis=1)
    return tf.reduce_sum(states * shares, axis=1)


def known_tokens(tokens: Tokens, rows: Tensor) -> Tensor:
    """Return the share of each text's tokens that are in the vocabulary, `(N,)`; 0 for an empty text."""
    known = tf.cast(tf.gather(rows, tokens.ids) > 0, tf.float32)
    counts = tf.math.unsorted_segment_sum(known, tokens.owners, tf.size(tokens.lengths))
    return counts / tf.cast(tf.maximum(tokens.lengths, 1), tf.float32)


def linear_margins(
    weights: Weights, ngrams: tuple[Tensor, Tensor, Tensor], texts: Tensor
) -> tuple[Tensor, Tensor]:
    """Return the margins of the linear part, `(N, C)` or `(N, 1)`, and the share of known n-grams, `(N,)`."""
    keys, counts, owners = ngrams
    columns, found = look_up(weights["linear/keys"], keys)
    total = tf.math.unsorted_segment_sum(tf.ones_like(owners, tf.float32), owners, texts)
    known = tf.math.unsorted_segment_sum(tf.cast(found, tf.float32), owners, texts) / tf.maximum(total, 1.0)
    columns, counts, owners = (tf.boolean_mask(values, found) for values in (columns, counts, owners))
    scale = tf.cast(tf.gather(weights["linear/scale"], columns), tf.float32)
    values = (1.0 + tf.math.log(tf.cast(tf.minimum(counts, MAX_COUNT), tf.float32))) * scale
    first_character = int(np.searchsorted(weights["linear/keys"], int(CHARACTER_FAMILY)))
    groups = 2 * owners + tf.cast(columns >= first_character, tf.int64)
    norms = tf.sqrt(tf.math.unsorted_segment_sum(values * values, groups, 2 * texts))
    values /= tf.gather(tf.maximum(norms, 1e-12), groups)
    products = tf.cast(tf.gather(weights["linear/kernel"], columns), tf.float32) * values[:, None]  # (Z, C)
    return tf.math.unsorted_segment_sum(products, owners, texts) + weights["linear/bias"], known


def vector_margins(weights: Weights, tokens: Tokens, rows: Tensor) -> Tensor:
    """Return what text vectors add to the margins, `(N, C)` or `(N, 1)`; `grutext.text.text_vectors` has the equation."""
    words = tf.cast(tf.gather(weights["text_vectors/words"], rows), tf.float32)  # (M, K)
    words *= tf.cast(tf.gather(weights["text_vectors/scale"], rows), tf.float32)[:, None]
    sums = tf.math.unsorted_segment_sum(tf.gather(words, tokens.ids), tokens.owners, tf.size(tokens.lengths))
    length = tf.norm(sums, axis=1, keepdims=True)  # (N, 1)
    centered = sums / tf.maximum(length, 1e-12) - weights["text_vectors/center"]
    vectors = centered / tf.maximum(tf.norm(centered, axis=1, keepdims=True), LEAST_DISTANCE)
    return tf.where(length > 0, vectors, 0.0) @ weights["linear/vector_kernel"]


def fuse(bundle: Bundle, logits: Tensor, margins: Tensor) -> tuple[Tensor, Tensor]:
    """Return the probabilities, `(N, C)`, and the highest score of each text, `(N,)`; either part may be None."""
    calibration, multilabel = bundle.calibration, bundle.multilabel
    scores = []
    if logits is not None:
        scores.append((calibration.fusion, logits * calibration.gru_scale))
    if margins is not None:
        scaled = margins * np.array(calibration.linear_scale, np.float32) + np.array(
            calibration.linear_shift, np.float32
        )
        if len(bundle.labels) == 2 and not multilabel:
            scaled = tf.concat([-scaled, scaled], axis=1)
        scores.append((1.0 - calibration.fusion, scaled))
    if len(scores) == 1:
        scores = [(1.0, scores[0][1])]
    top = tf.reduce_max(tf.add_n([share * values for share, values in scores]), axis=1)
    if not multilabel:
        scores = [
            (share, tf.maximum(values - tf.reduce_max(values, axis=1, keepdims=True), LOG_FLOOR))
            for share, values in scores
        ]
    fused = tf.add_n([share * values for share, values in scores])
    if not multilabel and len(calibration.scale) > 1:
        fused = tf.nn.log_softmax(fused)
    fused = fused * np.array(calibration.scale, np.float32) + np.array(calibration.shift, np.float32)
    if multilabel:
        return tf.sigmoid(tf.clip_by_value(fused, LOG_FLOOR, -LOG_FLOOR)), top
    return tf.nn.softmax(fused), top
