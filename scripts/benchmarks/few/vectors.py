"""Text vectors of the peers: the mean of a text's word vectors, learned from unlabelled texts or bought with a package."""

from __future__ import annotations

import json
import zlib
from collections import Counter
from collections.abc import Sequence
from importlib.util import find_spec
from itertools import chain
from pathlib import Path
from typing import Any, Protocol

import numpy as np
from numpy.typing import NDArray

from benchmarks.peers import to_line
from benchmarks.stopwatch import Stopwatch

_RARE = 1e-3  # frequency at which a token's weight is half of that of an unseen one (Arora et al. 2017)
_TOKENS = 4_000_000  # that an unsupervised training of fastText reads, if its epochs allow it
_LEAST_EPOCHS, _MOST_EPOCHS = 5, 50
Token = str | int


class Embedding(Protocol):
    """Vectors of tokens, of `size` numbers each."""

    size: int

    def split(self, texts: Sequence[str]) -> list[list[Token]]:
        """Return the tokens of each text."""

    def vector(self, token: Token) -> NDArray[np.float32]:
        """Return a token's vector, shape (D,)."""


class SkipGram:
    """A fastText model of a text file's words; words that it lacks are made of their subwords."""

    def __init__(self, model: Any, chinese: bool) -> None:
        self._model, self._chinese = model, chinese
        self.size = model.get_dimension()

    def split(self, texts: Sequence[str]) -> list[list[Token]]:
        return [list(to_line(text, self._chinese).split()) for text in texts]

    def vector(self, token: Token) -> NDArray[np.float32]:
        vector: NDArray[np.float32] = self._model.get_word_vector(token)
        return vector


class Static:
    """The 32,000 vectors with 256 dimensions, of pieces of words, in the wheel of wordllama."""

    def __init__(self) -> None:
        from safetensors.numpy import load_file
        from tokenizers import Tokenizer

        weights, tokenizer = static_files()
        self._table = load_file(weights)["embedding.weight"].astype(np.float32)
        self._tokenizer = Tokenizer.from_file(str(tokenizer))
        self.size = self._table.shape[1]

    def split(self, texts: Sequence[str]) -> list[list[Token]]:
        found = self._tokenizer.encode_batch(list(texts), add_special_tokens=False)
        return [list(one.ids) for one in found]

    def vector(self, token: Token) -> NDArray[np.float32]:
        row: NDArray[np.float32] = self._table[int(token)]
        return row


def static_files() -> tuple[Path, Path]:
    """Return the files of wordllama's vectors and of their tokenizer, without importing the package."""
    found = find_spec("wordllama")
    if not (found and found.origin):
        raise ModuleNotFoundError("wordllama is not installed")
    folder = Path(found.origin).parent
    return (
        folder / "weights" / "l2_supercat_256.safetensors",
        folder / "tokenizers" / "l2_supercat_tokenizer_config.json",
    )


def write_static(folder: Path) -> Path:
    """Write wordllama's vectors as a folder that `grutext train --vectors` reads, and return it."""
    from safetensors.numpy import load_file, save_file

    weights, tokenizer = static_files()
    folder.mkdir()
    save_file({"embeddings": load_file(weights)["embedding.weight"]}, folder / "model.safetensors")
    (folder / "tokenizer.json").write_bytes(tokenizer.read_bytes())
    return folder


class MeanVectors:
    """Features of texts: means of word vectors, centred and of length 1.

    A pickle of it has the vectors of all tokens that it has met.

    Args:
        embedding: The vectors.
        texts: The texts whose mean becomes the origin.
        weighted: Whether tokens are weighted by their rarity in these texts, from 1 for unseen ones down to 0.
    """

    def __init__(self, embedding: Embedding, texts: Sequence[str], weighted: bool) -> None:
        self._embedding = embedding
        tokens = embedding.split(texts)
        counts = Counter(chain.from_iterable(tokens) if weighted else ())
        total = counts.total()
        self._weights = {token: _RARE / (_RARE + count / total) for token, count in counts.items()}
        self._known: dict[Token, NDArray[np.float32]] = {}
        self._origin = np.mean([self._mean(own) for own in tokens], axis=0)  # (D,)

    def transform(self, texts: Sequence[str]) -> NDArray[np.float32]:
        """Return the features, (N, D)."""
        means = np.stack([self._mean(tokens) for tokens in self._embedding.split(texts)]) - self._origin
        norms = np.linalg.norm(means, axis=1, keepdims=True)
        features: NDArray[np.float32] = (means / np.maximum(norms, 1e-9)).astype(np.float32)
        return features

    def __getstate__(self) -> dict[str, Any]:
        return {name: value for name, value in vars(self).items() if name != "_embedding"}

    def _mean(self, tokens: Sequence[Token]) -> NDArray[np.float64]:
        """Return the weighted mean of a text's vectors, (D,); zeros for an empty text."""
        if not tokens:
            return np.zeros(self._embedding.size)
        weights = np.array([self._weights.get(token, 1.0) for token in tokens])  # (T,)
        mean: NDArray[np.float64] = (
            weights @ np.stack([self._vector(token) for token in tokens]) / weights.sum()
        )
        return mean

    def _vector(self, token: Token) -> NDArray[np.float32]:
        if token not in self._known:
            self._known[token] = self._embedding.vector(token)
        return self._known[token]


def learn_skipgram(texts: Sequence[str], chinese: bool, cache: Path) -> tuple[SkipGram, dict[str, float]]:
    """Return a skip-gram model of texts, and the time that its training took.

    Dimension 100, subwords of 3 to 6 characters (1 to 3 for Chinese), one thread. 50 epochs; fewer, but at least 5, where
    they would read more than 4 million tokens. All cuts of a set have the same training texts, hence the same model: it is
    trained once and kept in the folder `cache`.
    """
    import fasttext

    lines = "".join(to_line(text, chinese) + "\n" for text in texts).encode(errors="replace")
    name = cache / f"skipgram-{zlib.crc32(lines):08x}"
    model, times, source = name.with_suffix(".bin"), name.with_suffix(".json"), name.with_suffix(".txt")
    if not times.exists():
        cache.mkdir(parents=True, exist_ok=True)
        source.write_bytes(lines)
        watch = Stopwatch()
        subwords = {"minn": 1, "maxn": 3} if chinese else {"minn": 3, "maxn": 6}
        epochs = min(max(_TOKENS // max(len(lines.split()), 1), _LEAST_EPOCHS), _MOST_EPOCHS)
        fasttext.train_unsupervised(
            str(source),
            "skipgram",
            dim=100,
            epoch=epochs,
            minCount=2,
            bucket=200_000,
            thread=1,
            verbose=0,
            **subwords,
        ).save_model(str(model))
        times.write_text(json.dumps(watch.read() | {"epochs": epochs}), encoding="utf-8")
        source.unlink()
    return SkipGram(fasttext.load_model(str(model)), chinese), json.loads(times.read_text(encoding="utf-8"))
