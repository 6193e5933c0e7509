"""A trained model that labels texts, computed by NumPy or by compiled kernels."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable, Sequence
from pathlib import Path
from typing import NamedTuple, TypeVar, cast

import numpy as np
from numpy.typing import NDArray

from grutext.errors import BundleError, ConfigError, SessionError
from grutext.explain import Explanation, TokenGates, WordContribution, leave_out
from grutext.inference.answers import FAMILIARITY_DECIMALS, Answer, round_numbers
from grutext.inference.chunks import check_threads, map_chunks
from grutext.inference.decisions import choose, name_labels
from grutext.inference.familiarity import familiarity, known_tokens, top_score
from grutext.inference.fusion import fuse, fuse_logits, label_direction, linearize
from grutext.inference.gru_part import GRUPart
from grutext.inference.kernel_switch import KernelSwitch
from grutext.inference.linear_part import LinearPart
from grutext.inference.sessions import (
    EarlyAnswer,
    Session,
    SessionAnswer,
    Stream,
    answer_early,
    can_stream,
    finish_many,
    load_state,
    push_many,
    stop_threshold,
)
from grutext.inference.texts import list_texts
from grutext.kernels import SESSIONS
from grutext.messages import count, list_names, quote, suggest
from grutext.model.bundle import Bundle
from grutext.model.spec import directions
from grutext.text import TokenBatch, Vectorizer, Vocabulary, find_words

Float = NDArray[np.float32]
Result = TypeVar("Result")


class RawScores(NamedTuple):
    """The scores of a model's two parts for N texts, before calibration.

    Attributes:
        gru: The logits of the GRU part, `(N, C) float32`; None for a model without one.
        linear: The margins of the linear part, `(N, C) float32`; for two labels `(N, 1)`, where a positive margin
            speaks for the second; None for a model without a linear part.
        known: The share of each text's n-grams that the model knows, `(N,) float32`; of its tokens, for a model
            without a linear part. 0 for an empty text.
    """

    gru: Float | None
    linear: Float | None
    known: Float


class Classifier:
    """A trained model that labels texts.

    Texts are any iterable of `str`, such as a list, a generator, a NumPy array or one column of a table; a text may
    have any length and is never cut. Its scores do not depend on the texts around it, up to the last bits of float32.
    An empty text gets the label that the biases suggest.

    Any number of threads may share a classifier. It can be pickled to send it to another
    process; `save` writes a folder without any pickle.

    Args:
        bundle: The model's settings, weights and calibration.
        threads: The number of threads that work on many texts; None is one for each core that the process may use. The
            answers are the same bits for any number.
        compiled: True uses compiled kernels (Numba, from the extra `fast`), False uses NumPy. The kernels are twice as fast,
            but loading them takes a second, and compiling them, once, about twenty seconds. None begins
            with NumPy, and switches to the kernels after a million characters if they are in Numba's cache, or after
            thirty million if they are not. From then on probabilities differ by a few millionths.

    Attributes:
        bundle: The model's settings, weights, metrics and history.
        labels: The C labels, in the order of the columns of `predict_proba`.
        multilabel: Whether a text may have several labels, or none.
        thresholds: What `decide` compares with, `(C,) float32`; empty where the likeliest label wins.
        threads: The number of threads.

    Raises:
        ConfigError: `threads` is below 1, or `compiled` is true and the kernels are not available.
    """

    def __init__(self, bundle: Bundle, threads: int | None = None, compiled: bool | None = None) -> None:
        self.bundle = bundle
        self.threads = check_threads(threads)
        self._asked = threads, compiled
        self.labels = bundle.labels
        self.multilabel = bundle.multilabel
        self.thresholds = np.array(bundle.calibration.thresholds, np.float32)
        self._vocabulary = Vocabulary(bundle.vocabulary)
        self._switch = KernelSwitch(compiled)
        self._set_compiled(self._switch.compiled)

    def _set_compiled(self, compiled: bool) -> None:
        """Switch between compiled kernels and NumPy; both return the same types, so other threads may be predicting."""
        config, weights = self.bundle.config, self.bundle.weights
        self._vectorizer = Vectorizer(config.text, self._vocabulary, compiled)
        self._gru = GRUPart(config.gru, weights, compiled) if config.gru.enabled else None
        self._linear = LinearPart(config.linear, weights, compiled) if config.linear.enabled else None
        self._stream: Stream | None = None

    @classmethod
    def load(cls, path: str | Path, threads: int | None = None, compiled: bool | None = None) -> Classifier:
        """Load a model folder; `threads` and `compiled` are as in the class.

        Raises:
            BundleError: The folder is missing, damaged or of a newer format.
            ConfigError: As in the class.
        """
        return cls(Bundle.load(path), threads, compiled)

    def save(self, path: str | Path, overwrite: bool = False) -> None:
        """Save the model as a folder, which appears only when it is complete.

        Args:
            path: The folder; missing parents are made.
            overwrite: Whether to replace a model that is there. A folder that holds anything else is never replaced.

        Raises:
            BundleError: The folder exists, and `overwrite` is false or it is not a model.
            OSError: The disk is full or may not be written to; a model that was there is still whole.
        """
        if not overwrite and Path(path).exists():
            raise BundleError(f"{path} already exists; overwrite=True replaces it")
        self.bundle.save(path, overwrite)

    def __repr__(self) -> str:
        config, data = self.bundle.config, self.bundle.data
        several = ", several for a text" if self.multilabel else ""
        layers = f"{config.gru.layers} layers of " if config.gru.layers > 1 else ""
        gru = f"GRU {layers}{config.gru.units}x{len(directions(config.gru))}"
        parts = [gru] * config.gru.enabled + ["linear"] * config.linear.enabled
        texts = data.get("refit", data.get("train"))
        trained = f", trained on {count(texts, 'text')}" if isinstance(texts, int) else ""
        return f"<{type(self).__name__}: {len(self.labels)} labels{several}, {' + '.join(parts)}{trained}>"

    def __reduce__(self) -> tuple[type[Classifier], tuple[Bundle, int | None, bool | None]]:
        return type(self), (self.bundle, *self._asked)  # everything else is rebuilt from the bundle

    def predict(self, texts: Iterable[str]) -> list[str] | list[tuple[str, ...]]:
        """Return the label of each text; where a text may have several, the tuple of its labels.

        Raises:
            TypeError: `texts` is not an iterable of `str`.
            BundleError: The weights are so large that a text's scores overflow.
        """
        return self.decide(self.predict_proba(texts))

    def predict_proba(self, texts: Iterable[str]) -> Float:
        """Return the probability of each label for each text, shape (N, C), float32, in the order of `labels`.

        Rows sum to 1, unless a text may have several labels.

        Raises:
            TypeError: `texts` is not an iterable of `str`.
            BundleError: The weights are so large that a text's scores overflow.
        """
        return np.concatenate(self._map(lambda tokens: self._fuse(self._score(tokens)), texts))

    def answer(
        self,
        texts: Iterable[str],
        *,
        top_k: int = 3,
        abstain_below: float | None = None,
        familiar_above: float | None = None,
        early: float | None = None,
    ) -> list[Answer]:
        """Return all that a service needs to know of each text: label, confidence, likeliest labels, familiarity.

        Args:
            texts: The texts.
            top_k: The number of labels in `Answer.top`; all if there are fewer.
            abstain_below: Leave a text to a person if its confidence is below this; None leaves none.
                `bundle.abstention` lists which thresholds keep which error rate.
            familiar_above: Leave a text to a person if its familiarity is below this; None leaves none.
                `bundle.unfamiliar` lists thresholds that refuse few texts of the training kind.
            early: Read each text only until its answer is decided, with one of the gaps in `bundle.early`; None reads all of it.

        Raises:
            TypeError: `texts` is not an iterable of `str`.
            SessionError: `early` is given, and the model reads each text from its end as well.
            ConfigError: The model does not offer the gap `early`, or it is given with `familiar_above`; `top_k` is below 1, `abstain_below` is not a probability, `familiar_above` is not finite, or
                `abstain_below` is given for a model with several labels per text, which has no confidence for the whole set.
            BundleError: `familiar_above` is given, and the model has no familiarity; or the weights are so large that a
                text's scores overflow.
        """
        if top_k < 1:
            raise ConfigError(f"top_k is {top_k}; it must be 1 or more")
        if abstain_below is not None and not 0 <= abstain_below <= 1:
            raise ConfigError(f"abstain_below is {abstain_below}; it must be between 0 and 1")
        if abstain_below is not None and self.multilabel:
            raise ConfigError(
                "abstain_below is for models that give one label to a text; this one gives several"
            )
        if familiar_above is not None and not math.isfinite(familiar_above):
            raise ConfigError(f"familiar_above is {familiar_above}; it must be a finite number")
        if familiar_above is not None:
            self._check_familiarity()
        if early is not None and familiar_above is not None:
            raise ConfigError("the familiarity is that of whole texts; leave out early or familiar_above")
        words: Sequence[int | None]
        if early is None:
            probabilities, measured = self._assess(texts)
            words = [None] * len(probabilities)
        else:
            (probabilities, words), measured = self._read_early(texts, early), None
        familiar = None if measured is None else round_numbers(measured, FAMILIARITY_DECIMALS)
        confidence = round_numbers(self.confidence(probabilities))
        order = np.argsort(-probabilities, axis=1, kind="stable")[:, :top_k]  # (N, K)
        likeliest = round_numbers(np.take_along_axis(probabilities, order, axis=1))  # (N, K)
        labels: Sequence[str | tuple[str, ...]] = self.decide(probabilities)
        abstained = np.zeros(len(probabilities), np.bool_)
        if abstain_below is not None:
            abstained |= confidence < abstain_below
        if familiar is not None and familiar_above is not None:
            abstained |= familiar < familiar_above
        known = [None] * len(probabilities) if familiar is None else familiar.tolist()
        top = [
            tuple((self.labels[c], p) for c, p in zip(classes, shares, strict=True))
            for classes, shares in zip(order.tolist(), likeliest.tolist(), strict=True)
        ]
        rows = zip(
            labels, confidence.tolist(), top, abstained.tolist(), known, probabilities, words, strict=True
        )
        return [
            Answer(None if is_left else label, sure, likely, is_left, familiarity, own, read)
            for label, sure, likely, is_left, familiarity, own, read in rows
        ]

    def explain(self, text: str, label: str | None = None) -> Explanation:
        """Return what each word of a text adds to the logit of a label; `grutext.explain` says how it is computed.

        Args:
            text: The text.
            label: The label; None for the one that `predict` chooses, or, where a text may have several, the likeliest.

        Raises:
            TypeError: `text` is not a `str`.
            ConfigError: The model has no such label.
            BundleError: The weights are so large that the text's scores overflow.
        """
        if label is not None and label not in self.labels:
            raise ConfigError(
                f"the model has no label {quote(label)}{suggest(label, self.labels)} Its labels are: {list_names(self.labels)}"
            )
        return self._map(lambda tokens: self._explain(text, tokens, label), [text])[0]

    def leave_out(self, explanation: Explanation, count: int = 5) -> list[tuple[WordContribution, float]]:
        """Return the words with the largest contributions, and how much the logit changes when each is left out.

        It is what a word's contribution is to be compared with: the gates and the normalisers are not held here.

        Args:
            explanation: The explanation of a text by this model.
            count: The number of words, the largest contribution first; fewer if the text has fewer.

        Raises:
            BundleError: The weights are so large that the scores overflow.
        """
        words, config = explanation.strongest(count), self.bundle.config.text
        texts = [leave_out(explanation.text, word.start, word.end, config) for word in words]
        direction = label_direction(len(self.labels), self.multilabel, self.labels.index(explanation.label))

        def logits(tokens: TokenBatch) -> NDArray[np.floating]:
            scores = self._score(tokens)
            self._fuse(scores)  # checks that nothing overflows
            return (
                fuse_logits(scores.gru, scores.linear, self.bundle.calibration, self.multilabel) @ direction
            )

        changes = np.concatenate(self._map(logits, texts)) - explanation.logit
        return list(zip(words, changes.tolist(), strict=True))

    def gates(self, text: str) -> TokenGates:
        """Return the gates of the GRU's last layer and the norm of its state along a text; of no tokens for an empty text.

        Raises:
            TypeError: `text` is not a `str`.
            BundleError: The model was trained without its GRU part.
        """
        gru = self._with_encoder()
        tokens: TokenBatch
        (tokens,) = self._map(lambda batch: batch, [text])
        words = find_words(text, tokens.normalized[0], self.bundle.config.text)
        spans = [(words.spans[first][0], words.spans[last][1]) for first, last in words.of_tokens.tolist()]
        names = tuple(text[start:end] for start, end in spans)
        return TokenGates.of(names, directions(self.bundle.config.gru), gru.gates(tokens))

    def _explain(self, text: str, tokens: TokenBatch, label: str | None) -> Explanation:
        scores = self._score(tokens)
        probabilities = self._fuse(scores)
        if label is None:
            best = probabilities.argmax(axis=1) if self.multilabel else choose(probabilities, self.thresholds)
            index = int(best[0])
        else:
            index = self.labels.index(label)
        calibration = self.bundle.calibration
        logit = linearize((scores.gru, scores.linear), calibration, self.multilabel, index)
        words = find_words(text, tokens.normalized[0], self.bundle.config.text)
        gru, linear = np.zeros(len(words.spans)), np.zeros(len(words.spans))
        bias = logit.bias
        if self._gru is not None:
            by_token, rest = self._gru.explain(tokens, logit.gru)
            gru = words.sum_tokens(by_token)
            bias += rest
        if self._linear is not None:
            linear, rest = self._linear.explain(tokens, logit.linear, words)
            bias += rest
        contributions = zip(words.spans, gru.tolist(), linear.tolist(), strict=True)
        return Explanation(
            label=self.labels[index],
            probability=float(probabilities[0, index]),
            logit=logit.logit,
            bias=bias,
            words=tuple(
                WordContribution(text[start:end], start, end, of_gru + of_linear, of_gru, of_linear)
                for (start, end), of_gru, of_linear in contributions
            ),
            gru_weight=self.bundle.gru_weight,
            text=text,
        )

    def session(self, gap: float | None = None) -> Session:
        """Begin a session: a text that is still coming, with an answer after each piece.

        Args:
            gap: When an answer is decided: of the texts that are labelled right after their end, at most this share is
                labelled wrong where the answer is first decided. One of those in `bundle.early`; None decides at the end only.

        Raises:
            SessionError: The model reads each text from its end as well; `--preset streaming` trains one that does not.
            ConfigError: The model offers no such gap.
        """
        return Session(self.stream, self.stream.begin(stop_threshold(self.bundle, gap)))

    def predict_early(self, texts: Iterable[str], gap: float) -> list[EarlyAnswer]:
        """Read each text only until its answer is decided, as by `session`, and return the answers.

        Raises:
            TypeError: `texts` is not an iterable of `str`.
            SessionError: As for `session`.
            ConfigError: As for `session`.
            BundleError: The weights are so large that a text's scores overflow.
        """
        threshold, listed = stop_threshold(self.bundle, gap), self._list(texts)
        return answer_early(self.stream, listed, threshold)

    def resume(self, state: bytes) -> Session:
        """Continue a session from the bytes that `Session.state` returned, in this process or another one.

        Raises:
            SessionError: As for `session`; or the bytes are no state, damaged, of another model or of a newer version.
        """
        return Session(self.stream, load_state(self.stream, state))

    def push_many(self, sessions: Sequence[Session], pieces: Sequence[str]) -> list[SessionAnswer]:
        """Push a piece of text to each of many sessions at once, which is much faster than one after the other.

        Args:
            sessions: Sessions of this model, each once.
            pieces: The next piece of each session's text; may be empty.

        Raises:
            TypeError: A piece is not a `str`.
            SessionError: The numbers of sessions and pieces differ; or a session has ended, is there twice or is of another
                model.
            BundleError: The weights are so large that a text's scores overflow.
        """
        return push_many(self.stream, sessions, pieces)

    def finish_many(self, sessions: Sequence[Session]) -> list[SessionAnswer]:
        """End many sessions at once, as `Session.finish` ends one, and return their last answers.

        Args:
            sessions: Sessions of this model, each once.

        Raises:
            SessionError: A session has ended, is there twice or is of another model.
            BundleError: The weights are so large that a text's scores overflow.
        """
        return finish_many(self.stream, sessions)

    @property
    def stream(self) -> Stream:
        """What sessions that begin now compute with; each keeps it to its end, so that its last bits do not depend on its pieces."""
        stream = self._stream
        if stream is None:
            if not can_stream(self.bundle):
                raise SessionError(
                    "this model also reads each text from its end, so it cannot answer before the end has come; "
                    "train one that can: grutext train DATA --preset streaming"
                )
            compiled = self._switch.compiled and self._switch.may_load(SESSIONS)
            stream = Stream(self.bundle, self._vectorizer, self._gru, self._linear, compiled)
            self._stream = stream
        return stream

    def tokenize(self, texts: Iterable[str]) -> TokenBatch:
        """Return the tokens of texts as the numbers that the model reads, in one batch.

        Raises:
            TypeError: `texts` is not an iterable of `str`.
        """
        return self._vectorizer.vectorize(self._list(texts))

    def encode(self, texts: Iterable[str]) -> Float:
        """Return the encoder's vector of each text, shape (N, P), float32; zeros for an empty text.

        Raises:
            TypeError: `texts` is not an iterable of `str`.
            BundleError: The model was trained without its GRU part.
        """
        return np.concatenate(self._map(self._with_encoder().encode, texts))

    def _with_encoder(self) -> GRUPart:
        if self._gru is None:
            raise BundleError("this model has no encoder: it was trained with --no-gru")
        return self._gru

    def familiarity(self, texts: Iterable[str]) -> Float:
        """Return how much each text is like the training texts, shape (N,), float32; higher is more alike.

        0 is the average of the dev texts, which the model was not trained on; most texts of the same kind are between
        -1 and 1, and out-of-scope texts below -2.

        Raises:
            TypeError: `texts` is not an iterable of `str`.
            BundleError: The model is of an old version, which has no familiarity; or its scores overflow.
        """
        self._check_familiarity()
        _, familiar = self._assess(texts)
        return cast("Float", familiar)

    def raw_scores(self, texts: Iterable[str]) -> RawScores:
        """Return the scores of the two parts before calibration.

        Raises:
            TypeError: `texts` is not an iterable of `str`.
        """
        gru, linear, known = zip(*self._map(self._score, texts), strict=True)
        return RawScores(
            np.concatenate(gru) if self._gru else None,
            np.concatenate(linear) if self._linear else None,
            np.concatenate(known),
        )

    def decide(self, probabilities: Float) -> list[str] | list[tuple[str, ...]]:
        """Return the labels for probabilities of shape (N, C), as `predict` does for texts."""
        return name_labels(probabilities, self.labels, self.thresholds, self.multilabel)

    def confidence(self, probabilities: Float) -> Float:
        """Return the probability of the label that `decide` chooses, shape (N,), for probabilities of shape (N, C).

        Where a text may have several labels, it is the largest probability, even if no label applies.
        """
        if self.multilabel:
            return np.asarray(probabilities.max(axis=1))
        best = choose(probabilities, self.thresholds)
        return np.take_along_axis(probabilities, best[:, None], axis=1)[:, 0]

    def _read_early(self, texts: Iterable[str], gap: float) -> tuple[Float, list[int]]:
        """Return the probabilities where each text is decided, `(N, C)`, and the number of words that are read until then."""
        answers = self.predict_early(texts, gap)
        rows = np.array([answer.probabilities for answer in answers], np.float32)
        return rows.reshape(-1, len(self.labels)), [answer.words for answer in answers]

    def _assess(self, texts: Iterable[str]) -> tuple[Float, Float | None]:
        """Return the probabilities and the familiarity of each text; None for a model that has no familiarity."""
        calibration = self.bundle.calibration

        def assess(tokens: TokenBatch) -> tuple[Float, Float | None]:
            scores = self._score(tokens)
            if not calibration.familiarity:
                return self._fuse(scores), None
            top = top_score(scores.gru, scores.linear, calibration, self.multilabel)
            return self._fuse(scores), familiarity(top, scores.known, calibration)

        probabilities, familiar = zip(*self._map(assess, texts), strict=True)
        return np.concatenate(probabilities), np.concatenate(familiar) if calibration.familiarity else None

    def _score(self, tokens: TokenBatch) -> RawScores:
        """Return the raw scores of one chunk of texts."""
        gru = self._gru.logits(self._gru.encode(tokens)) if self._gru is not None else None
        if self._linear is None:
            return RawScores(gru, None, known_tokens(tokens))
        return RawScores(gru, *self._linear.score(tokens))

    def _fuse(self, scores: RawScores) -> Float:
        """Return the calibrated probabilities of one chunk of texts, (N, C)."""
        probabilities = fuse(scores.gru, scores.linear, self.bundle.calibration, self.multilabel)
        if not np.isfinite(probabilities).all():
            raise BundleError("the model's weights are so large that its scores overflow; train it again")
        return probabilities

    def _map(self, work: Callable[[TokenBatch], Result], texts: Iterable[str]) -> list[Result]:
        """Apply a function to the tokens of each chunk of the texts; without texts there is one empty chunk."""

        def read(chunk: Sequence[str]) -> Result:
            with np.errstate(over="ignore", invalid="ignore"):  # a setting of each thread; `_fuse` checks
                return work(self._vectorizer.vectorize(chunk))

        return map_chunks(read, self._list(texts), self.threads)

    def _list(self, texts: Iterable[str]) -> Sequence[str]:
        """Return texts as a list or tuple, after switching to kernels if so many texts have come."""
        listed = list_texts(texts)
        if self._switch.should_switch(sum(map(len, listed))):
            self._set_compiled(True)
        return listed

    def _check_familiarity(self) -> None:
        if not self.bundle.calibration.familiarity:
            raise BundleError("this model has no familiarity: an older version trained it; train it again")
