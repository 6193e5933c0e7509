"""The names and shapes that training and runtime agree on, written out by hand."""

import itertools

import pytest

from grutext.config import Config, GRUConfig
from grutext.errors import ConfigError
from grutext.model import spec
from grutext.model.spec import (
    check_model,
    encoder_spec,
    linear_columns,
    pooled_width,
    state_width,
    weight_spec,
)

E, U = 5, 4


def model(**settings) -> GRUConfig:
    return GRUConfig(**{"embedding_size": E, "units": U} | settings)


def whole(**settings) -> Config:
    small = {"gru.embedding_size": E, "gru.units": U, "text.subword_buckets": 61}
    return Config().override(small | {name.replace("__", "."): value for name, value in settings.items()})


@pytest.mark.parametrize(
    ("bidirectional", "pooling", "states", "pooled"),
    [
        (False, "last", 4, 4),
        (False, "max", 4, 4),
        (False, "mean", 4, 4),
        (False, "attention", 4, 4),
        (False, "max+mean", 4, 8),
        (True, "last", 8, 8),
        (True, "max", 8, 8),
        (True, "mean", 8, 8),
        (True, "attention", 8, 8),
        (True, "max+mean", 8, 16),
    ],
)
def test_widths_of_states_and_of_the_pooled_vector(bidirectional, pooling, states, pooled):
    config = model(bidirectional=bidirectional, pooling=pooling)
    assert (state_width(config), pooled_width(config)) == (states, pooled)


def test_the_table_above_has_every_pooling():
    assert set(spec.POOLINGS) == {"last", "max", "mean", "attention", "max+mean"}


@pytest.mark.parametrize(
    ("layers", "bidirectional", "reset_after", "pooling", "convolution"),
    list(itertools.product((1, 2, 3), (False, True), (False, True), spec.POOLINGS, (0, 3, 5))),
)
def test_every_gru_has_three_arrays_of_three_gates(layers, bidirectional, reset_after, pooling, convolution):
    config = model(
        layers=layers,
        bidirectional=bidirectional,
        reset_after=reset_after,
        pooling=pooling,
        convolution=convolution,
    )
    names = ["forward", "backward"] if bidirectional else ["forward"]
    width = U * len(names)
    expected = {}
    if convolution:
        expected["conv/kernel"] = ((convolution, E, E), "float32")
        expected["conv/bias"] = ((E,), "float32")
    for layer in range(layers):
        for direction in names:
            before = f"gru/{layer}/{direction}/"
            expected[before + "kernel"] = ((width if layer else E, 12), "float32")
            expected[before + "recurrent_kernel"] = ((U, 12), "float32")
            expected[before + "bias"] = ((2, 12) if reset_after else (12,), "float32")
    if pooling == "attention":
        expected["pool/kernel"] = ((width, width), "float32")
        expected["pool/bias"] = expected["pool/query"] = ((width,), "float32")
    assert encoder_spec(config) == expected


def test_lists_the_weights_of_a_complete_model():
    found = weight_spec(whole(), rows=7, classes=3, multilabel=False, features=11)
    encoder = encoder_spec(whole().gru)
    assert found == encoder | {
        "embedding/words": ((7, E), "float16"),
        "embedding/subwords": ((61, E), "float16"),
        "head/kernel": ((4 * U, 3), "float32"),
        "head/bias": ((3,), "float32"),
        "linear/keys": ((11,), "uint32"),
        "linear/scale": ((11,), "float16"),
        "linear/kernel": ((11, 3), "float16"),
        "linear/bias": ((3,), "float32"),
    }
    assert list(found) == [
        "embedding/words", "embedding/subwords", *encoder, "head/kernel", "head/bias",
        "linear/keys", "linear/scale", "linear/kernel", "linear/bias",
    ]  # fmt: skip


def test_lists_the_weights_of_either_part_alone():
    gru = weight_spec(whole(linear__enabled=False), rows=7, classes=3, multilabel=False, features=0)
    linear = weight_spec(whole(gru__enabled=False), rows=7, classes=3, multilabel=False, features=11)
    assert {name.partition("/")[0] for name in gru} == {"embedding", "conv", "gru", "head"}
    assert set(linear) == {"linear/keys", "linear/scale", "linear/kernel", "linear/bias"}


@pytest.mark.parametrize("enabled", [True, False])
def test_text_vectors_belong_to_the_linear_part(enabled):
    config = whole(linear__enabled=enabled)
    without = weight_spec(config, rows=7, classes=3, multilabel=False, features=11)
    found = weight_spec(config, rows=7, classes=3, multilabel=False, features=11, vector_size=5)
    more = {
        "text_vectors/words": ((7, 5), "int8"),
        "text_vectors/scale": ((7,), "float16"),
        "text_vectors/center": ((5,), "float32"),
        "linear/vector_kernel": ((5, 3), "float32"),
    }
    assert found == without | (more if enabled else {})


def test_without_subwords_there_is_no_table_for_them():
    found = weight_spec(whole(text__subword_max=0), rows=7, classes=3, multilabel=False, features=11)
    assert "embedding/words" in found
    assert "embedding/subwords" not in found


@pytest.mark.parametrize(
    ("classes", "multilabel", "columns"),
    [(2, False, 1), (2, True, 2), (3, False, 3), (3, True, 3), (1, True, 1)],
)
def test_two_exclusive_labels_need_one_margin(classes, multilabel, columns):
    assert linear_columns(classes, multilabel) == columns
    found = weight_spec(whole(), rows=7, classes=classes, multilabel=multilabel, features=11)
    assert found["linear/kernel"] == ((11, columns), "float16")
    assert found["linear/bias"] == ((columns,), "float32")
    assert found["head/bias"] == ((classes,), "float32")


def test_refuses_an_unknown_pooling_and_lists_the_known_ones():
    check_model(model(pooling="attention"))
    with pytest.raises(ConfigError, match=r'no pooling "median".*last, max, mean, attention, max\+mean'):
        check_model(model(pooling="median"))
