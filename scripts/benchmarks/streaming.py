"""`scripts/bench streaming`: measure the sessions and the early answers of a model on labelled texts."""

from __future__ import annotations

import os
import time
from collections.abc import Callable, Sequence
from dataclasses import replace
from pathlib import Path

import click
import numpy as np
from numpy.typing import NDArray

from benchmarks.memory import read_status
from grutext import Classifier
from grutext.data import ReadOptions, read_dataset
from grutext.inference.decisions import choose
from grutext.inference.sessions import Reading, read_to_checkpoints
from grutext.training.calibration.early import Beginnings, choose_early

Float = NDArray[np.float32]
_PIECES = (50, 10, 1)  # words
_PUSHED = 1000  # sessions that are advanced together


@click.command()
@click.argument("model", type=click.Path(exists=True, path_type=Path))
@click.argument("data")
@click.option("--texts", default=3000, show_default=True, help="Most texts of DATA that are used.")
@click.option(
    "--splits", default=100, show_default=True, help="Random halves on which the stop rule is chosen."
)
@click.option(
    "--sessions", default=20_000, show_default=True, help="Sessions that are open at once, for their memory."
)
@click.option("--numpy", is_flag=True, help="Computes with NumPy in place of compiled kernels.")
def main(model: Path, data: str, texts: int, splits: int, sessions: int, numpy: bool) -> None:
    """Print what MODEL, which reads forward only, does with the texts of DATA while they come in.

    Times are CPU seconds of one thread. DATA must not have been used for the training.
    """
    classifier = Classifier.load(model, threads=1, compiled=not numpy)
    examples = read_dataset(data, ReadOptions()).examples[:texts]
    listed = [example.text for example in examples]
    targets = np.array(
        [[label in example.labels for label in classifier.labels] for example in examples], np.float32
    )
    classifier.predict_proba(listed[:50])  # what is made on first use
    classifier.session().push(listed[0])
    seconds = _time(lambda: classifier.predict_proba(listed))
    read = _read(classifier, listed)
    click.echo(
        f"{len(listed):,} texts, {read.words.mean():.0f} words on average, {1e6 * seconds / read.words.sum():.1f} µs a word"
    )
    _print_sessions(classifier, listed[:_PUSHED])
    _print_memory(classifier, listed, sessions)
    _print_early(classifier, listed, read, targets, seconds, splits)


def _time(work: Callable[[], object]) -> float:
    began = time.process_time()
    work()
    return time.process_time() - began


def _read(classifier: Classifier, texts: Sequence[str]) -> Beginnings:
    undecided = np.zeros(len(texts), np.bool_)
    return Beginnings(list(read_to_checkpoints(classifier.stream, texts, undecided)), len(texts))


def _print_sessions(classifier: Classifier, texts: Sequence[str]) -> None:
    """Print the rate at which sessions are advanced together, beside that of `predict_proba`."""
    words, expected = [text.split(" ") for text in texts], _time(lambda: classifier.predict_proba(texts))
    count = sum(map(len, words))
    click.echo("\n| words in a piece | µs a word | share of the rate of predict_proba |\n|---|---|---|")
    for size in _PIECES:
        sessions = [classifier.session() for _ in texts]
        seconds = _time(lambda: _push(classifier, sessions, words, size))  # noqa: B023 (it is called at once)
        click.echo(f"| {size} | {1e6 * seconds / count:.1f} | {100 * expected / seconds:.0f} % |")


def _print_memory(classifier: Classifier, texts: Sequence[str], count: int) -> None:
    """Print by how much the process grows with each open session that has read a text to its end."""
    before, sessions = read_status(os.getpid())["VmRSS"], [classifier.session() for _ in range(count)]
    for start in range(0, count, _PUSHED):
        some = sessions[start : start + _PUSHED]
        classifier.push_many(some, [f"{texts[(start + n) % len(texts)]} " for n in range(len(some))])
    grown = read_status(os.getpid())["VmRSS"] - before
    state = sum(len(session.state()) for session in sessions[:_PUSHED]) / min(_PUSHED, count)
    click.echo(
        f"\n{count:,} open sessions: {1e3 * grown / count:.1f} KB of the process for each; state() has {state / 1e3:.1f} KB"
    )


def _push(classifier: Classifier, sessions: Sequence[object], words: Sequence[list[str]], size: int) -> None:
    for start in range(0, max(map(len, words)), size):
        some = [n for n, own in enumerate(words) if start < len(own)]
        pieces = [" ".join(words[n][start : start + size]) + " " for n in some]
        classifier.push_many([sessions[n] for n in some], pieces)  # type: ignore[misc]


def _print_early(
    classifier: Classifier,
    texts: Sequence[str],
    read: Beginnings,
    targets: Float,
    seconds: float,
    splits: int,
) -> None:
    """Print the accuracy and the cost of early answers, and in how many splits the promise held."""
    limits = classifier.bundle.calibration.thresholds
    whole, held = _accuracy(read.whole, targets, limits), _check_promise(read, targets, limits, splits)
    click.echo(f"\naccuracy on whole texts {100 * whole:.2f} %\n")
    click.echo(
        "| gap | accuracy | words read | of a text | harmonic mean | time | promise held |\n|---|---|---|---|---|---|---|"
    )
    for row in classifier.bundle.early:
        gap, threshold = row["gap"], row["threshold"]
        if threshold is None:
            click.echo(f"| {gap:g} | not offered | | | | | {held[gap]} |")
            continue
        found, words = read.stop(threshold, limits)
        right, share = _accuracy(found, targets, limits), (words / np.maximum(read.words, 1)).mean()
        used = _time(lambda: classifier.predict_early(texts, gap))  # noqa: B023 (it is called at once)
        saved = 1 - share
        click.echo(
            f"| {gap:g} | {100 * right:.2f} % | {100 * words.sum() / read.words.sum():.0f} % | {100 * share:.0f} % "
            f"| {2 * right * saved / (right + saved):.2f} | {100 * used / seconds:.0f} % | {held[gap]} |"
        )


def _accuracy(probabilities: Float, targets: Float, limits: Sequence[float]) -> float:
    return float((targets[np.arange(len(targets)), choose(probabilities, limits)] > 0).mean())


def _check_promise(
    read: Beginnings, targets: Float, limits: Sequence[float], splits: int
) -> dict[float, str]:
    """Choose the stop rule on random halves of the texts; return in how many the other half lost no more than the gap."""
    draw, held, offered = np.random.default_rng(1), dict[float, int](), dict[float, int]()
    for _ in range(splits):
        is_first = draw.permutation(read.texts) < read.texts // 2
        first, second = _take(read, is_first), _take(read, ~is_first)
        for row in choose_early(first, targets[is_first], limits):
            gap, own = row["gap"], targets[~is_first]
            held.setdefault(gap, 0)
            offered.setdefault(gap, 0)
            if row["threshold"] is not None:
                found, _ = second.stop(row["threshold"], limits)
                offered[gap] += 1
                held[gap] += _accuracy(second.whole, own, limits) - _accuracy(found, own, limits) <= gap
    return {gap: f"{held[gap]} of {offered[gap]}" for gap in held}


def _take(read: Beginnings, is_taken: NDArray[np.bool_]) -> Beginnings:
    """Return some of the texts."""
    places, readings = np.cumsum(is_taken) - 1, []
    for reading in read.readings:
        own = is_taken[reading.texts]
        values = (reading.words[own], reading.has_ended[own], reading.probabilities[own])
        readings.append(Reading(places[reading.texts[own]], *values))
    return replace(read, readings=readings, texts=int(is_taken.sum()))


if __name__ == "__main__":
    main()
