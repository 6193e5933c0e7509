"""The contract says how a text becomes inputs, and its examples are right."""

import json
import re
import unicodedata

import numpy as np
import pytest

from grutext.export.contract import EXAMPLE_TEXTS, build_contract, render_contract
from grutext.export.inputs import model_inputs
from grutext.inference import Classifier
from grutext.text import normalize

pytestmark = pytest.mark.long

U32, U64 = 1 << 32, 1 << 64


def crc32(data: bytes) -> int:
    """CRC-32, bit by bit."""
    state = U32 - 1
    for byte in data:
        state ^= byte
        for _ in range(8):
            state = (state >> 1) ^ (0xEDB88320 if state & 1 else 0)
    return state ^ (U32 - 1)


def rolling(symbols: list[int], shortest: int, longest: int, ngrams: dict) -> list[int]:
    """The keys of n-grams, in whole numbers of any size, without the family."""
    base, mix = int(ngrams["base"], 16), int(ngrams["mix"], 16)
    keys = []
    for n in range(shortest, longest + 1):
        for start in range(len(symbols) - n + 1):
            state = 0
            for length, symbol in enumerate(symbols[start : start + n], start=1):
                state = (state * base + symbol + length) % U64
            keys.append((((state ^ (state >> 31)) * mix) % U64) >> 32)
    return keys


def inputs_of(example: dict, contract: dict) -> dict:
    """The inputs of one text from its tokens and normal form, by the contract alone."""
    tokens, types = example["tokens"], list(dict.fromkeys(example["tokens"]))
    rows = {token: row for row, token in enumerate(contract["vocabulary"], start=1)}
    inputs = {
        "lengths": [len(tokens)],
        "ids": [[types.index(token) for token in tokens]],
        "rows": [rows.get(token, 0) for token in types],
    }
    subwords, ngrams = contract["subwords"], contract["ngrams"]
    buckets = []
    for number, token in enumerate(types):
        marked = subwords["begin"] + token + subwords["end"]
        for n in range(subwords["min"], subwords["max"] + 1):
            grams = [marked[start : start + n] for start in range(len(marked) - n + 1)]
            buckets += [(crc32(gram.encode()) % subwords["buckets"], number) for gram in grams]
    inputs["buckets"], inputs["bucket_types"] = [b for b, _ in buckets], [n for _, n in buckets]
    words = [
        key % (1 << 31) for key in rolling([crc32(t.encode()) for t in tokens], 1, ngrams["word_max"], ngrams)
    ]
    parts = example["normalized"].split()
    text = f" {' '.join(parts)} " if parts else ""
    characters = [
        key | (1 << 31)
        for key in rolling([ord(c) for c in text], ngrams["char_min"], ngrams["char_max"], ngrams)
    ]
    keys = sorted(set(words + characters))
    inputs["keys"] = keys
    inputs["counts"] = [(words + characters).count(key) for key in keys]
    inputs["key_texts"] = [0] * len(keys)
    return inputs


@pytest.mark.parametrize(
    "settings", [{}, {"text.tokenizer": "pair"}, {"text.tokenizer": "character", "text.case": "keep"}]
)
def test_examples_follow_from_the_contract(build_bundle, settings):
    contract = build_contract(build_bundle(settings))
    for example in contract["examples"]:
        assert inputs_of(example, contract) == example["inputs"], example["text"]


def test_examples_are_what_the_model_answers(build_bundle):
    bundle = build_bundle()
    model, examples = Classifier(bundle, compiled=False), build_contract(bundle)["examples"]
    assert tuple(example["text"] for example in examples) == EXAMPLE_TEXTS
    assert [example["label"] for example in examples] == model.predict(EXAMPLE_TEXTS)
    assert [example["normalized"] for example in examples] == [normalize(text) for text in EXAMPLE_TEXTS]
    probabilities = np.array([example["probabilities"] for example in examples])
    np.testing.assert_allclose(probabilities, model.predict_proba(EXAMPLE_TEXTS), rtol=0, atol=1e-6)


def test_labels_of_examples_are_lists_where_a_text_may_have_several(build_bundle):
    contract = build_contract(build_bundle(multilabel=True))
    assert contract["multilabel"] is True
    assert len(contract["thresholds"]) == 3
    assert all(set(example["label"]) <= set(contract["labels"]) for example in contract["examples"])


def test_the_document_is_ascii_json_and_always_the_same(build_bundle):
    document = render_contract(build_bundle())
    assert document.isascii()
    assert json.loads(document) == json.loads(json.dumps(build_contract(build_bundle())))


def test_parts_that_are_off_have_no_entry(build_bundle):
    assert build_contract(build_bundle({"linear.enabled": False}))["ngrams"] is None
    assert build_contract(build_bundle({"gru.enabled": False}))["subwords"] is None
    assert build_contract(build_bundle({"text.subword_max": 0}))["subwords"] is None


def test_lower_case_and_the_special_cases_are_casefold(build_bundle):
    special = build_contract(build_bundle())["normalization"]["casefold"]
    for code in range(0x110000):
        character = chr(code)
        assert special.get(character, character.lower()) == character.casefold()


def test_letters_of_the_pattern_are_those_of_python():
    r"""`\p{L}`, `\p{N}` and `_` are Python's `\w`; `\p{Nd}` is its `\d`."""
    every = "".join(map(chr, range(0x32000)))
    categories = {character: unicodedata.category(character) for character in every}
    assert set(re.findall(r"\w", every)) == {c for c in every if categories[c][0] in "LN"} | {"_"}
    assert set(re.findall(r"\d", every)) == {c for c in every if categories[c] == "Nd"}


def test_white_space_is_that_of_python(build_bundle):
    listed = build_contract(build_bundle())["whitespace"]
    codes = {int(code, 16) for code in re.findall(r"\\u\{([0-9a-f]+)\}", listed)}
    assert codes == {code for code in range(0x110000) if chr(code).isspace()}


def test_inputs_of_several_texts(build_bundle):
    model = Classifier(build_bundle(), compiled=False)
    inputs = model_inputs(model, iter(["the ok", "", "the the"]))
    assert inputs["ids"].tolist() == [[0, 1], [0, 0], [0, 0]]
    assert inputs["lengths"].tolist() == [2, 0, 2]
    assert np.bincount(inputs["bucket_types"]).tolist() == model.tokenize(["the ok"]).bucket_counts.tolist()
    counted = np.bincount(inputs["key_texts"], weights=inputs["counts"], minlength=3)
    characters = [len(" the ok "), 0, len(" the the ")]
    ngrams = [sum(size - n + 1 for n in (2, 3)) if size else 0 for size in characters]
    assert counted.tolist() == [3 + ngrams[0], 0, 3 + ngrams[2]]


def test_inputs_of_no_text(build_bundle):
    assert model_inputs(Classifier(build_bundle(), compiled=False), [])["ids"].shape == (0, 0)


def test_inputs_of_a_single_string_are_an_error(build_bundle):
    with pytest.raises(TypeError, match="single text"):
        model_inputs(Classifier(build_bundle(), compiled=False), "the ok")
