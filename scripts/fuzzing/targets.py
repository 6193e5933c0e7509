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
        for form in ("csv", "tsv", "json", "jsonl", "parquet", "excel", "fasttext", "txt")
    },
    **{suffix: partial(readers.read_packed, f".{suffix}") for suffix in ("gz", "bz2", "xz", "zst", "zip")},
    "dialect": readers.read_dialect,
    "folder": readers.read_folder,
    "vectors": readers.read_word_vectors,
    "settings": readers.read_settings,
    "labels": texts.check_label_cell,
    "normalize": texts.check_normalize,
    "tokenizers": texts.check_tokenizers,
    "vectorizer": texts.check_vectorizer,
    "ngrams": texts.check_ngrams,
}
