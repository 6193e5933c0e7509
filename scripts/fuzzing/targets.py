"""All targets by name; the seeds of each are in `tests/seeds/NAME`."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from pathlib import Path

from fuzzing import readers, texts

SEEDS = Path(__file__).parents[2] / "tests" / "seeds"

TARGETS: dict[str, Callable[[bytes], None]] = {
    **{
        form: partial(readers.read_file, form)
        for form in ("csv", "tsv", "jsonl", "parquet", "fasttext", "txt")
    },
    "gz": readers.read_packed,
    "folder": readers.read_folder,
    "vectors": readers.read_word_vectors,
    "settings": readers.read_settings,
    "normalize": texts.check_normalize,
    "tokenizers": texts.check_tokenizers,
    "vectorizer": texts.check_vectorizer,
    "ngrams": texts.check_ngrams,
}
