"""A trained model that answers, in NumPy or machine code."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from pathlib import Path
from typing import TypeVar

import numpy as np
from numpy.typing import NDArray

from grutext.errors import BundleError, ConfigError
from grutext.inference.chunks import check_threads, map_chunks
from grutext.inference.decisions import choose, decide
from grutext.inference.familiarity import backing, familiarity, known_tokens
from grutext.inference.fusion import fuse
from grutext.inference.gru_part import GRUPart
from grutext.inference.linear_part import LinearPart
from grutext.kernels import problem
from grutext.model.bundle import Bundle
from grutext.model.spec import pooled_width
from grutext.text import TokenBatch, Vectorizer, Vocabulary

Float = NDArray[np.float32]
Result = TypeVar("Result")


class Classifier:
    """Labels texts with a trained model; immutable, so that any number of threads may share one.

    Texts may be of any length and are never cut. A text's scores do not depend on the texts around it,
    up to the last bits of float32. An empty text gets the label that its lack of content suggests.

    It may be pickled, to hand it to another process; on the disk a model is never a pickle, but a folder.

    Args:
        bundle: The model.
        threads: How many threads work on many texts; None is one for each core that the process may use. The
            answers are the same bits for any number.
        compiled: Whether the loops are machine code, made by Numba (the extra `fast`), and not NumPy's and Python's:
            two to three times as fast, once it is loaded, which takes a second or two, or compiled, which takes some twenty seconds
            the first time. None: if it is to be had. Probabilities differ by a few millionths.

    Raises:
        ConfigError: There are fewer than one thread, or `compiled` is asked for and not to be had.
    """

    def __init__(self, bundle: Bundle, threads: int | None = None, compiled: bool | None = None) -> None:
        self.bundle = bundle
        self.threads = check_threads(threads)
        self._asked = threads, compiled
        compiled = _has_compiled(compiled)
        self.labels = bundle.labels
        self.multilabel = bundle.multilabel
        self.thresholds = np.array(bundle.calibration.thresholds, np.float32)
        self._vectorizer = Vectorizer(bundle.config.text, Vocabulary(bundle.vocabulary), compiled)
        config, weights = bundle.config, bundle.weights
        self._gru = GRUPart(config.gru, weights, compiled) if config.gru.enabled else None
        self._linear = LinearPart(config.linear, weights, compiled) if config.linear.enabled else None

    @classmethod
    def load(cls, path: str | Path, threads: int | None = None, compiled: bool | None = None) -> Classifier:
        """Reads a model folder; `threads` and `compiled` are those of the class.

        Raises:
            BundleError: The folder is missing, damaged or of a newer format.
            ConfigError: As the class raises it.
        """
        return cls(Bundle.load(path), threads, compiled)

    def __reduce__(self) -> tuple[type[Classifier], tuple[Bundle, int | None, bool | None]]:
        return type(self), (self.bundle, *self._asked)  # all else is made from the bundle

    def predict(self, texts: Sequence[str]) -> list[str] | list[tuple[str, ...]]:
        """Gives the label of each text, or where a text may have several the tuple of its labels."""
        return self.decide(self.predict_proba(texts))

    def decide(self, probabilities: Float) -> list[str] | list[tuple[str, ...]]:
        """Gives the labels that probabilities `(N, C)` stand for, as `predict` does."""
        if not self.multilabel:
            return [self.labels[c] for c in choose(probabilities, self.thresholds).tolist()]
        chosen = decide(probabilities, self.thresholds, True)
        return [tuple(self.labels[c] for c in np.flatnonzero(row)) for row in chosen]

    def predict_proba(self, texts: Sequence[str]) -> Float:
        """Gives the probability of each label for each text, `(N, C) float32`, in the order of `labels`.

        Raises:
            BundleError: The weights are so large that a text's scores overflow.
        """
        return self._stack(
            self._map(lambda tokens: self._fuse(*self._read(tokens)[:2]), texts), len(self.labels)
        )

    def confidence(self, probabilities: Float) -> Float:
        """Gives `(N,)`: the probability of each text's label, of several the largest there is."""
        if self.multilabel:
            return np.asarray(probabilities.max(axis=1))
        best = choose(probabilities, self.thresholds)
        return np.take_along_axis(probabilities, best[:, None], axis=1)[:, 0]

    def familiarity(self, texts: Sequence[str]) -> Float:
        """Gives how much each text is like the training texts, `(N,) float32`; higher is more alike.

        0 is the average of the dev texts, which the model had not seen either; foreign texts are far below.

        Raises:
            BundleError: The model was made by a version that did not measure it, or its scores overflow.
        """
        return self.assess(texts)[1]

    def assess(self, texts: Sequence[str]) -> tuple[Float, Float]:
        """Gives what `predict_proba` and `familiarity` give, for the price of one."""
        calibration = self.bundle.calibration
        if not calibration.familiarity:
            raise BundleError("this model has no familiarity: an older version trained it; train anew")

        def assess(tokens: TokenBatch) -> tuple[Float, Float]:
            gru, linear, known = self._read(tokens)
            backed = backing(gru, linear, calibration, self.multilabel)
            return self._fuse(gru, linear), familiarity(backed, known, calibration)

        probabilities, familiar = zip(*self._map(assess, texts), strict=True)
        return np.concatenate(probabilities), np.concatenate(familiar)

    def encode(self, texts: Sequence[str]) -> Float:
        """Gives the encoder's vectors, `(N, P) float32`; zeros for an empty text.

        Raises:
            BundleError: The model was trained without its GRU part.
        """
        if self._gru is None:
            raise BundleError("this model has no encoder: it was trained with --no-gru")
        parts = self._map(self._gru.encode, texts)
        return self._stack(parts, pooled_width(self.bundle.config.gru))

    def scores(self, texts: Sequence[str]) -> tuple[Float | None, Float | None]:
        """Gives the uncalibrated scores of the two parts: logits `(N, C)` and margins; None for no part."""
        return self.evidence(texts)[:2]

    def evidence(self, texts: Sequence[str]) -> tuple[Float | None, Float | None, Float]:
        """Gives the scores, and the share `(N,)` of each text's n-grams (or tokens) that the model knows."""
        chunks = self._map(self._read, texts)
        gru, linear, known = zip(*chunks, strict=True)
        return (
            self._stack(gru, len(self.labels)) if self._gru else None,
            self._stack(linear, self._linear.kernel.shape[1]) if self._linear else None,
            np.concatenate([np.zeros(0, np.float32), *known]),
        )

    def _read(self, tokens: TokenBatch) -> tuple[Float | None, Float | None, Float]:
        """Gives what `evidence` does, of one chunk."""
        gru = self._gru.logits(self._gru.encode(tokens)) if self._gru is not None else None
        if self._linear is None:
            return gru, None, known_tokens(tokens)
        return gru, *self._linear.read(tokens)

    def _fuse(self, gru: Float | None, linear: Float | None) -> Float:
        probabilities = fuse(gru, linear, self.bundle.calibration, self.multilabel)
        if not np.isfinite(probabilities).all():
            raise BundleError("the model's weights are so large that its scores overflow; train anew")
        return probabilities

    def _map(self, work: Callable[[TokenBatch], Result], texts: Sequence[str]) -> list[Result]:
        """Gives what `work` makes of the tokens of each chunk of the texts."""
        if isinstance(texts, str):
            raise TypeError("texts is a list of strings, not one string")

        def read(chunk: Sequence[str]) -> Result:
            with np.errstate(over="ignore", invalid="ignore"):  # a setting of each thread; `_fuse` checks
                return work(self._vectorizer.vectorize(chunk))

        return map_chunks(read, texts, self.threads)

    @staticmethod
    def _stack(parts: Sequence[Float], width: int) -> Float:
        return np.concatenate(parts) if parts else np.zeros((0, width), np.float32)


def _has_compiled(asked: bool | None) -> bool:
    """Tells whether the loops are machine code: as asked, and by default if it is to be had."""
    if asked is False:
        return False
    reason = problem("inference") or problem("ngrams") or problem("tokens")
    if asked and reason:
        raise ConfigError(f"there is no machine code ({reason}); pip install 'grutext[fast]' brings Numba")
    return reason is None
