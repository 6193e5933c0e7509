"""The model: its equations, and the names and shapes of its weights. Every engine computes what is written here.

The convolution
===============
Before the GRU, a convolution of odd width k may add to each token's vector v_t what it computes from the token and its
neighbours, with zeros beyond the ends of the text::

    x_t = v_t + relu(v_[t - k//2] C_1 + .. + v_[t + k//2] C_k + b)

The GRU
=======
For a text of T token vectors x_1 .. x_T, starting from h_0 = 0, with * for the elementwise product:

`reset_after=True`, the default, which is also Keras' default and the form of cuDNN::

    z = sigmoid(x Wz + bz + h Uz + dz)          update gate
    r = sigmoid(x Wr + br + h Ur + dr)          reset gate
    c = tanh(x Wc + bc + r * (h Uc + dc))       candidate
    h' = z * h + (1 - z) * c

`reset_after=False`, the form of Cho et al. 2014 (arXiv 1406.1078, section 2.3)::

    z = sigmoid(x Wz + bz + h Uz)
    r = sigmoid(x Wr + br + h Ur)
    c = tanh(x Wc + bc + (r * h) Uc)
    h' = z * h + (1 - z) * c

Gates are stored in the order (z, r, c): `kernel` (I, 3U) is [Wz Wr Wc], `recurrent_kernel` (U, 3U) is [Uz Ur Uc], and
`bias` is (2, 3U), with row 0 [bz br bc] and row 1 [dz dr dc]; with `reset_after=False` it is (3U,). The backward direction
reads a text from its last token to its first.

Other libraries and papers:

- Many tutorials, Chung et al. 2014 (arXiv 1412.3555) and Sonnet write h' = (1 - z) * h + z * c. This is the same cell with
  the update gate inverted: negate Wz, Uz, bz and dz to convert.
- PyTorch has h' as above and `reset_after=True`, but orders the gates (r, z, c) and stores the transposed matrices.
- ONNX has the order and h' as above; `linear_before_reset=1` is `reset_after=True`.

Padding
=======
A step beyond the end of a text leaves the state unchanged, and no pooling sees it. An empty text has no states and pools to
zeros, so its label depends on the bias of the head and on the linear part.

The linear part
===============
Its margins are the n-gram features of a text (`grutext.text.NgramFeatures`) times `linear/kernel`, plus `linear/bias`; with a
table of word vectors, plus the text's vector (`grutext.text.TextVectors`) times `linear/vector_kernel`.

The whole model
===============
`log p = s (a log p_gru + (1 - a) log p_linear) + b`, normalised again; with several labels the same in log-odds, for each
label separately. Each part's log-probabilities are cut off at 60 below the highest (`LOG_FLOOR`). The numbers are in `Calibration`.
"""

from __future__ import annotations

from dataclasses import dataclass, field

from grutext.config import Config, GRUConfig
from grutext.errors import ConfigError

DIRECTIONS = ("forward", "backward")

# Each pooling, with the number of state vectors that it concatenates.
POOLINGS = {"last": 1, "max": 1, "mean": 1, "attention": 1, "max+mean": 2}

LOG_FLOOR = -60.0  # of a log-probability below the highest one, so that none is infinite

Spec = dict[str, tuple[tuple[int, ...], str]]


@dataclass(frozen=True, slots=True)
class Calibration:
    """The numbers that turn raw scores into probabilities and decisions; fitted on the dev set.

    Attributes:
        gru_scale: Factor on the GRU part's logits (the inverse of a temperature).
        linear_scale: Factor on the linear part's margins; one number for each label if a text may have several.
        linear_shift: Added to the scaled margins; as many numbers.
        fusion: Weight a of the GRU part, in 0..1.
        scale: Factor on the fused log-probabilities (log-odds if a text may have several labels); one number, or one for
            each label.
        shift: Added to the scaled values; as many numbers.
        thresholds: If a text may have several labels, the probability from which each applies. Otherwise each label's
            probability is divided by its threshold before the largest is chosen; empty where none is divided.
        familiarity: Coefficients of a text's familiarity (`grutext.inference.familiarity`): the intercept, the weight of
            the largest score, and the weight of the known share. Empty in old models.
        length: Coefficients (a, b) for an answer about the first n words of a text that is still coming: its
            log-probabilities (log-odds for several labels) are multiplied by exp(a + b log n). Empty for a factor of 1.
    """

    gru_scale: float = 1.0
    linear_scale: tuple[float, ...] = (1.0,)
    linear_shift: tuple[float, ...] = (0.0,)
    fusion: float = 0.5
    scale: tuple[float, ...] = (1.0,)
    shift: tuple[float, ...] = (0.0,)
    thresholds: tuple[float, ...] = field(default=())
    familiarity: tuple[float, ...] = field(default=())
    length: tuple[float, ...] = field(default=())


def check_model(config: GRUConfig) -> None:
    """Raise a ConfigError if the configuration names an unknown pooling."""
    if config.pooling not in POOLINGS:
        raise ConfigError(
            f'there is no pooling "{config.pooling}"; gru.pooling must be one of {", ".join(POOLINGS)}'
        )


def directions(config: GRUConfig) -> tuple[str, ...]:
    """Return the names of the directions in which the GRU reads, one or two."""
    return DIRECTIONS if config.bidirectional else DIRECTIONS[:1]


def state_width(config: GRUConfig) -> int:
    """Return the width D * U of a token's state."""
    return len(directions(config)) * config.units


def pooled_width(config: GRUConfig) -> int:
    """Return the width P of a text's vector."""
    return POOLINGS[config.pooling] * state_width(config)


def encoder_spec(config: GRUConfig) -> Spec:
    """Return shape and dtype of every weight of the convolution, the GRU layers and the pooling, by name."""
    units, size = config.units, config.embedding_size
    spec: Spec = {}
    if config.convolution:
        spec["conv/kernel"] = ((config.convolution, size, size), "float32")
        spec["conv/bias"] = ((size,), "float32")
    for layer in range(config.layers):
        width = size if layer == 0 else state_width(config)
        for direction in directions(config):
            name = f"gru/{layer}/{direction}"
            spec[f"{name}/kernel"] = ((width, 3 * units), "float32")
            spec[f"{name}/recurrent_kernel"] = ((units, 3 * units), "float32")
            spec[f"{name}/bias"] = ((2, 3 * units) if config.reset_after else (3 * units,), "float32")
    if config.pooling == "attention":
        size = state_width(config)
        spec["pool/kernel"] = ((size, size), "float32")
        spec["pool/bias"] = ((size,), "float32")
        spec["pool/query"] = ((size,), "float32")
    return spec


def weight_spec(
    config: Config, rows: int, classes: int, multilabel: bool, features: int, vector_size: int = 0
) -> Spec:
    """Return shape and dtype of every weight of a model by name, in the order of the computation.

    Args:
        config: The model's configuration.
        rows: Rows V of the word table.
        classes: Number C of labels.
        multilabel: Whether a text may have several labels.
        features: Number F of n-grams in the linear part.
        vector_size: Width K of the word vectors of the linear part; 0 for none.
    """
    spec: Spec = {}
    model, text = config.gru, config.text
    if model.enabled:
        spec["embedding/words"] = ((rows, model.embedding_size), "float16")
        if text.subword_max:
            spec["embedding/subwords"] = ((text.subword_buckets, model.embedding_size), "float16")
        spec |= encoder_spec(model)
        spec["head/kernel"] = ((pooled_width(model), classes), "float32")
        spec["head/bias"] = ((classes,), "float32")
    if config.linear.enabled:
        margins = linear_columns(classes, multilabel)
        spec["linear/keys"] = ((features,), "uint32")
        spec["linear/scale"] = ((features,), "float16")
        spec["linear/kernel"] = ((features, margins), "float16")
        spec["linear/bias"] = ((margins,), "float32")
        if vector_size:
            spec["text_vectors/words"] = ((rows, vector_size), "int8")
            spec["text_vectors/scale"] = ((rows,), "float16")
            spec["text_vectors/center"] = ((vector_size,), "float32")
            spec["linear/vector_kernel"] = ((vector_size, margins), "float32")
    return spec


def linear_columns(classes: int, multilabel: bool) -> int:
    """Return the number of margins of the linear part: one for two classes, otherwise one for each class."""
    return 1 if classes == 2 and not multilabel else classes
