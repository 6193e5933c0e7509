"""How texts become the inputs of an exported network, as JSON for programs in other languages, with examples to test them."""

from __future__ import annotations

import json
import sys
from collections.abc import Sequence
from functools import cache
from typing import Any

import grutext
from grutext.config import Config
from grutext.export.inputs import model_inputs
from grutext.inference import Classifier
from grutext.model.bundle import Bundle
from grutext.text.ngrams import BASE, MIX, SPACES
from grutext.text.tokenizers import CHARACTER, LETTERS, TOKEN, UNSPACED

VERSION = 1  # of the contract
_DECIMALS = 7  # of an example's probabilities
# Every rule of normalisation, tokenizer and hashing decides the inputs of at least one of them.
EXAMPLE_TEXTS = (
    "",
    "ok",
    " \t\n ",
    "Hello, world!",
    "It isn’t 3.50 or 1:30... it's WHAT?! -- no--way (really)",
    "Zażółć gęślą jaźń, ČEŠTINA, Straße ẞ ŉ ǰ ﬁne Ⅷ ﬃ İstanbul ıı ΣΊΣΥΦΟΣ",
    "Ｆｕｌｌ　ｗｉｄｔｈ №１ ½ ① e\u0301le\u0300ve a\u0323\u0302 \u1e9b\u0323 a\u200db",
    "天气很好 3 天 and 東京タワー ｶﾞｷﾞ, 안녕하세요 \u1112\u1161\u11ab",
    "สวัสดีครับ ភាសាខ្មែរ हिन्दी में தமிழ் العَرَبِيَّة עִבְרִית",
    "👩🏽‍🚀 👍🏽👍 🇩🇪🇫🇷🇮 1️⃣ #️⃣ ❤️ ☎ ©",
    "ᏣᎳᎩ ꮳꮃꭹ 𐐀𐐨 𝒜𝓫 𠀀𠮷 \u212a\u2126\u00b5",
    "x" * 70 + " " + "na " * 30,
    "a\u0000b\u0085c\u001fd\u00a0e\u2003f\ufeffg\u2028h",
)


def build_contract(bundle: Bundle) -> dict[str, Any]:
    """Return the contract of a model, for JSON; `docs/guide/export.md` explains each entry.

    Patterns are regular expressions of ECMAScript with the flag `u`.
    """
    config, examples = bundle.config, _examples(bundle)
    return {
        "format": "grutext-inputs",
        "version": VERSION,
        "grutext": grutext.__version__,
        "labels": list(bundle.labels),
        "multilabel": bundle.multilabel,
        "thresholds": list(bundle.calibration.thresholds),
        "normalization": _normalization(config),
        "tokenizer": _tokenizer(config),
        "whitespace": _whitespace(),
        "vocabulary": list(bundle.vocabulary),
        "subwords": _subwords(config),
        "ngrams": _ngrams(config),
        "inputs": list(examples[0]["inputs"]),
        "examples": examples,
    }


def render_contract(bundle: Bundle) -> str:
    """Return the contract of a model as a JSON document, all ASCII, each entry on a line."""
    entries = (f"{json.dumps(name)}: {json.dumps(value)}" for name, value in build_contract(bundle).items())
    return "{\n" + ",\n".join(entries) + "\n}\n"


def _normalization(config: Config) -> dict[str, Any]:
    fold = config.text.case != "keep"
    return {
        "form": "NFKC",
        "case": "fold" if fold else "keep",
        "casefold": _special_casefold() if fold else {},
        "replacements": {"\u2019": "'"},
    }


@cache
def _special_casefold() -> dict[str, str]:
    """Return the characters whose casefolded form is not their lower case, with that form."""
    characters = map(chr, range(sys.maxunicode + 1))
    return {
        character: character.casefold()
        for character in characters
        if character.casefold() != character.lower()
    }


def _tokenizer(config: Config) -> dict[str, str]:
    kind = "word" if config.text.tokenizer == "auto" else config.text.tokenizer
    pattern = CHARACTER.pattern if kind == "character" else TOKEN.pattern
    return {"kind": kind, "pattern": _portable(pattern), "unspaced": _portable(f"[{UNSPACED}]")}


def _portable(pattern: str) -> str:
    r"""Return a pattern of Python's `re` as one of ECMAScript.

    There `\w`, `\d` and `\S` mean less than in Python, where `\w` is every letter, every number and `_`.
    """
    letters = rf"(?:(?![{UNSPACED}])[\p{{L}}\p{{N}}_])"
    pattern = pattern.replace(LETTERS, letters).replace(r"\d", r"\p{Nd}")
    pattern = pattern.replace(r"\S", f"[^{_whitespace()[1:]}")
    return "".join(c if c.isascii() else f"\\u{{{ord(c):x}}}" for c in pattern)


def _whitespace() -> str:
    codes = [code for code, is_space in enumerate(SPACES) if is_space]
    return "[" + "".join(f"\\u{{{code:x}}}" for code in codes) + "]"


def _subwords(config: Config) -> dict[str, Any] | None:
    text = config.text
    if not config.gru.enabled or not text.subword_max:
        return None
    return {
        "begin": "<",
        "end": ">",
        "min": text.subword_min,
        "max": text.subword_max,
        "buckets": text.subword_buckets,
    }


def _ngrams(config: Config) -> dict[str, Any] | None:
    linear = config.linear
    if not linear.enabled:
        return None
    return {
        "word_max": linear.word_max,
        "char_min": linear.char_min,
        "char_max": linear.char_max,
        "base": hex(BASE),
        "mix": hex(MIX),
    }


def _examples(bundle: Bundle, texts: Sequence[str] = EXAMPLE_TEXTS) -> list[dict[str, Any]]:
    """Return for each text its tokens, the inputs of the network for it alone, and the answer."""
    model = Classifier(bundle, threads=1, compiled=False)
    probabilities = model.predict_proba(texts)
    examples = []
    for text, row, label in zip(texts, probabilities, model.decide(probabilities), strict=True):
        batch = model.tokenize([text])
        examples.append(
            {
                "text": text,
                "normalized": batch.normalized[0],
                "tokens": [batch.types[token] for token in batch.ids],
                "inputs": {name: array.tolist() for name, array in model_inputs(model, [text]).items()},
                "probabilities": [round(float(value), _DECIMALS) for value in row],
                "label": label,
            }
        )
    return examples
