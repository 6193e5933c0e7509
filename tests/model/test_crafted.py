"""Models whose hashes fit and whose content does not: what a program could write, by mistake or on purpose."""

import hashlib
import json
import math

import numpy as np
import pytest

from grutext.errors import BundleError
from grutext.model.bundle import FORMAT, MODEL_FILE, WEIGHTS_FILE, Bundle


def put(value, *path):
    """Return a function that replaces an entry."""

    def change(document):
        for name in path[:-1]:
            document = document[name]
        document[path[-1]] = value

    return change


def nested(depth: int):
    """Return lists within lists."""
    value = []
    for _ in range(depth - 1):
        value = [value]
    return value


REFUSED = {
    **{f"format {value!r}": put(value, "format") for value in (0, -1, True, 2.0, "2", None, [2], 10**30)},
    **{f"multilabel {value!r}": put(value, "multilabel") for value in (1, "yes", None, [])},
    **{f"labels {value!r}": put(value, "labels") for value in ("abc", [1, 2, 3], ["one"], [], {"a": 1}, [["a"], ["b"], ["c"]])},
    "a vocabulary of numbers": lambda document: put([1] * len(document["vocabulary"]), "vocabulary")(document),
    **{f"{name} that is {value!r}": put(value, name)
       for name in ("history", "metrics", "data", "abstention", "golden", "versions", "created")
       for value in (3, [3], {"a": 3})
       if (name, value) != ("data", {"a": 3})},
    "a column that is a number": put(3, "data", "text_column"),
    **{f"a reading {value!r}": put(value, "data", "reading")
       for value in (3, [], {"told": []}, {"found": 3}, {"found": {"text_column": 3}}, {"found": {"label_column": []}},
                     {"found": {"text_column": ["a", 3]}}, {"told": {"label_separator": ""}},
                     {"told": {"label_separator": 3}}, {"told": {"keep_missing": "yes"}},
                     {"told": {"dialect": 3}}, {"told": {"dialect": {"delimiter": ";;"}}},
                     {"told": {"dialect": {"columns": [1]}}}, {"told": {"dialect": {"color": "red"}}})},
    **{f"a threshold of familiarity {value!r}": put([value], "unfamiliar")
       for value in ({}, {"refused": 0.0, "threshold": 1.0}, {"refused": 0.05, "threshold": math.nan},
                     {"refused": 0.05, "threshold": 10**4000})},
    "a golden text that is a number": put(3, "golden", 0, "text"),
    **{f"a golden probability {value!r}": put(value, "golden", 0, "probabilities", 0)
       for value in (math.nan, math.inf, -0.1, 10**4000, "0.5", None)},
    **{f"gru_scale {value!r}": put(value, "calibration", "gru_scale")
       for value in (math.nan, -math.inf, "0.8", None, True, [0.8], [], {}, 10**4000)},
    **{f"linear_scale {value!r}": put(value, "calibration", "linear_scale")
       for value in ([math.nan], ["1"], [None], [[1.0]], 1.0, [], [True])},
    "a billion layers": put(10**9, "config", "gru", "layers"),
    "units without end": put(10**4000, "config", "gru", "units"),
    "n-grams without end": put(10**9, "config", "linear", "char_max"),
    "subwords without end": put(10**9, "config", "text", "subword_max"),
    "a setting with a long name": put(1, "config", "gru", "x" * 10**6 + ".units"),
    "a setting with a name of two lines": put(1, "config", "gru", "a\nb\x1b[31m"),
    "a setting with a long value": put("x" * 10**6, "config", "text", "tokenizer"),
    "lists nested deep": put(nested(30), "data", "notes"),
    "lists nested very deep": put(nested(600), "data", "notes"),
}  # fmt: skip

SAME = {
    "a note": put({"by": ["someone", 3, 1e300]}, "data", "notes"),
    "an entry that a later version may know": put([1, {"a": None}], "later"),
    "numbers that are none, where none is computed with": put(math.nan, "history", 0, "loss"),
    "a huge number, where none is computed with": put(10**4000, "metrics", "dev", "n"),
    "lists nested a little": put(nested(8), "data", "notes"),
    "another time": put("yesterday", "created"),
}


@pytest.mark.long
@pytest.mark.parametrize("kind", REFUSED)
def test_refuses_entries_of_a_wrong_type_or_value(saved, rewrite, outcome_of, kind):
    outcome = outcome_of(saved)
    rewrite(saved, values=REFUSED[kind])
    assert outcome() == "refused"
    with pytest.raises(BundleError) as caught:
        Bundle.load(saved)
    line = str(caught.value)
    assert line.isprintable()
    assert len(line) < 3000


@pytest.mark.parametrize("kind", SAME)
def test_accepts_other_values_of_entries_without_effect(saved, rewrite, outcome_of, kind):
    outcome = outcome_of(saved)
    rewrite(saved, values=SAME[kind])
    assert outcome() == "same answers"


def test_refuses_a_repeated_name_even_if_the_last_value_is_right(saved, outcome_of):
    outcome, text = outcome_of(saved), (saved / MODEL_FILE).read_text(encoding="utf-8")
    doubled = text.replace('"fusion"', '"fusion": 0.9, "fusion"', 1)
    assert json.loads(doubled) == json.loads(text)
    (saved / MODEL_FILE).write_text(doubled, encoding="utf-8")
    assert outcome() == "refused"


def test_white_space_does_not_matter(saved, outcome_of):
    outcome, values = outcome_of(saved), json.loads((saved / MODEL_FILE).read_bytes())
    (saved / MODEL_FILE).write_text(json.dumps(values), encoding="utf-8")
    assert outcome() == "same answers"


def test_ignores_an_unknown_entry(saved, rewrite):
    rewrite(saved, values=put(True, "later"))
    assert json.loads((saved / MODEL_FILE).read_bytes())["format"] == FORMAT
    assert not hasattr(Bundle.load(saved), "later")


def entry(dtype, shape, start, end):
    return {"dtype": dtype, "shape": shape, "data_offsets": [start, end]}


def tamper(name, **values):
    """Return a function that changes the entry of an array in the header."""
    return lambda header: header[name].update(values)


def cut(header, name, by):
    """Make an array shorter, so that a gap follows it."""
    header[name]["shape"] = [header[name]["shape"][0] - by]
    header[name]["data_offsets"][1] -= by * 4


HEADERS = {
    **{f"type {dtype!r}": tamper("head/bias", dtype=dtype)
       for dtype in ("BF16", "F8_E4M3", "I64", "F64", "I32", "C64", "", None, 3, ["F32"], "f32")},
    **{f"shape {shape!r}": tamper("head/bias", shape=shape)
       for shape in ([2], [4], [3, 1, 2], [-3], [-1, -3], [3.0], [True, 3], ["3"], [[3]], 3, None, "3", [2**62, 2**62],
                     [0, 2**70], [10**30], [1] * 70 + [3])},
    **{f"offsets {offsets!r}": tamper("head/bias", data_offsets=offsets)
       for offsets in ([0, 12], [0, 0], [-12, 0], [12, 0], [2**63, 2**63 + 12], [0], [], None, 3, ["0", "12"], [0.0, 12.0])},
    "a gap": lambda header: cut(header, "head/bias", 1),
    "no arrays": lambda header: header.clear(),
    "an array fewer": lambda header: header.pop("linear/bias"),
    "an array more, of no bytes": lambda header: header.update(spare=entry("F32", [0], 0, 0)),
    "an array more, of no bytes and a long axis": lambda header: header.update(spare=entry("F32", [0, 2**70], 0, 0)),
    "an array more, of no bytes and long axes": lambda header: header.update(spare=entry("F32", [2**32, 0, 2**32], 0, 0)),
    "an array more, of no bytes and many axes": lambda header: header.update(spare=entry("F32", [0] * 70, 0, 0)),
    "an array more, on top of another": lambda header: header.update(spare=entry("F32", [1], 0, 4)),
    "an array more, beyond the end": lambda header: header.update(spare=entry("F32", [1], 10**12, 10**12 + 4)),
    "a name of two lines": lambda header: header.update({"a\nb\x1b[31m": entry("F32", [0], 0, 0)}),
    "another name": lambda header: header.update({"head/bais": header.pop("head/bias")}),
    "an entry that is a list": lambda header: header.update({"head/bias": [1]}),
    "an entry that is null": lambda header: header.update({"head/bias": None}),
    "an entry without its type": lambda header: header["head/bias"].pop("dtype"),
    "ten thousand names": lambda header: header.update({f"spare/{n}": entry("F32", [0], 0, 0) for n in range(10_000)}),
    "a header that is too large": lambda header: header.update(__metadata__={"note": "x" * (1 << 20)}),
    "entries nested deep": tamper("head/bias", shape=nested(500)),
}  # fmt: skip


def write_weights(saved, rewrite, header: bytes, length: int | None = None) -> None:
    """Return the weights file another header; the SHA-256 in `model.json` fits."""
    raw = (saved / WEIGHTS_FILE).read_bytes()
    data = raw[8 + int.from_bytes(raw[:8], "little") :]
    size = len(header) if length is None else length
    raw = size.to_bytes(8, "little") + header + data
    (saved / WEIGHTS_FILE).write_bytes(raw)
    rewrite(saved, values=put(hashlib.sha256(raw).hexdigest(), "files", WEIGHTS_FILE))


def read_header(saved) -> dict:
    """Return the header of the weights file."""
    raw = (saved / WEIGHTS_FILE).read_bytes()
    return json.loads(raw[8 : 8 + int.from_bytes(raw[:8], "little")])


@pytest.mark.long
@pytest.mark.parametrize("kind", HEADERS)
def test_refuses_a_weights_header_that_does_not_match_the_file(saved, rewrite, outcome_of, kind):
    outcome, header = outcome_of(saved), read_header(saved)
    HEADERS[kind](header)
    write_weights(saved, rewrite, json.dumps(header).encode())
    assert outcome() == "refused"


@pytest.mark.parametrize(
    "header",
    [
        b"",
        b"{",
        b"[]",
        b"null",
        b"3",
        b"[" * 9999,
        b"\xff\xfe",
        b'{"a": 1, "a": 2}',
        b"NaN",
        b'"' + b"x" * 99,
    ],
)
def test_refuses_a_weights_header_that_is_malformed(saved, rewrite, outcome_of, header):
    outcome = outcome_of(saved)
    write_weights(saved, rewrite, header)
    assert outcome() == "refused"


@pytest.mark.parametrize("length", [0, 1, 10**6, 1 << 21, 1 << 40, (1 << 63) - 1, (1 << 64) - 1])
def test_refuses_a_wrong_length_of_the_weights_header(saved, rewrite, outcome_of, length):
    outcome = outcome_of(saved)
    write_weights(saved, rewrite, json.dumps(read_header(saved)).encode(), length)
    assert outcome() == "refused"


def test_accepts_any_order_of_names_and_any_metadata(saved, rewrite, outcome_of):
    outcome, header = outcome_of(saved), read_header(saved)
    turned = {"__metadata__": {"by": "someone"}} | dict(reversed(header.items()))
    assert list(turned)[1:] != list(header)
    write_weights(saved, rewrite, json.dumps(turned).encode())
    assert outcome() == "same answers"


@pytest.mark.parametrize("value", [math.nan, math.inf, -math.inf])
def test_refuses_any_weight_that_is_not_finite(saved, rewrite, outcome_of, value):
    outcome, whole = outcome_of(saved), (saved / WEIGHTS_FILE).read_bytes()
    names = [name for name, part in read_header(saved).items() if part["dtype"] != "U32"]
    assert len(names) > 10
    for name in names:
        rewrite(saved, weights=lambda arrays, name=name: arrays[name].ravel().__setitem__(-1, value))
        assert outcome() == "refused", name
        (saved / WEIGHTS_FILE).write_bytes(whole)


@pytest.mark.parametrize("dtype", [np.float64, np.float16, np.int32, np.int64, np.uint8, np.bool_])
def test_refuses_any_weight_of_another_dtype(saved, rewrite, outcome_of, dtype):
    outcome, whole = outcome_of(saved), (saved / WEIGHTS_FILE).read_bytes()
    for name in [name for name, part in read_header(saved).items() if part["dtype"] == "F32"]:
        rewrite(saved, weights=lambda arrays, name=name: arrays.update({name: arrays[name].astype(dtype)}))
        assert outcome() == "refused", name
        (saved / WEIGHTS_FILE).write_bytes(whole)
