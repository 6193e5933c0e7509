"""Real texts in 75 languages, film reviews and Chinese: nothing is lost, and nothing hangs on the batch."""

import gzip
import json
import re

import numpy as np
import pytest

from grutext.config import LinearConfig, TextConfig
from grutext.text import TOKENIZERS, Vectorizer, count_ngrams, normalize


@pytest.fixture(params=["langid75_words", "chnsenticorp", "goemotions", "imdb"])
def real_texts(request, data_folder) -> list[str]:
    """A few hundred texts from all over the test set of a data set."""
    path = data_folder / request.param / "test.jsonl.gz"
    if not path.exists():
        pytest.skip(f"{request.param} is not here")
    with gzip.open(path, "rt", encoding="utf-8") as file:
        lines = file.readlines()
    return [json.loads(line)["text"] for line in lines[:: max(1, len(lines) // 150)]]


@pytest.mark.long
@pytest.mark.parametrize("tokenizer", ["word", "character"])
def test_tokens_are_the_text_without_white_space(real_texts, tokenizer):
    for text in real_texts:
        normalized = normalize(text)
        assert "".join(TOKENIZERS[tokenizer](normalized)) == re.sub(r"\s", "", normalized)
        assert normalize(normalized) == normalized


@pytest.mark.long
def test_counts_of_a_batch_equal_those_of_its_texts(real_texts):
    vectorizer = Vectorizer.fit(real_texts, TextConfig())
    whole = count_ngrams(vectorizer.vectorize(real_texts), LinearConfig())
    for number in range(0, len(real_texts), 10):
        alone = count_ngrams(vectorizer.vectorize([real_texts[number]]), LinearConfig())
        mine = whole.texts == number
        assert np.array_equal(whole.keys[mine], alone.keys)
        assert np.array_equal(whole.counts[mine], alone.counts)
