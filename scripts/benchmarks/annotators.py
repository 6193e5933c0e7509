"""`scripts/bench annotators`: are probabilities of labels worth more than the labels of a majority?

Two annotators label each training text; each of them takes a random wrong label for a share of the texts. Where they
disagree, the majority is one of the two at random, and the probabilities are one half each.
"""

from __future__ import annotations

from pathlib import Path

import click
import numpy as np

import grutext
from benchmarks.sets import BenchSet
from grutext.data import label_set


@click.command(help="Train on labels of two noisy annotators, once on majorities and once on probabilities.")
@click.argument("sets", nargs=-1)
@click.option(
    "--data", type=click.Path(path_type=Path, exists=True), required=True, help="Folder of the sets."
)
@click.option(
    "--flipped", type=click.FloatRange(0, 1), default=0.2, show_default=True, help="Share of wrong labels."
)
@click.option(
    "--rows", type=click.IntRange(min=100), default=3000, show_default=True, help="Training texts at most."
)
@click.option("--seeds", type=click.IntRange(min=1), default=3, show_default=True)
@click.option("--preset", default="fast", show_default=True)
def main(sets: tuple[str, ...], data: Path, flipped: float, rows: int, seeds: int, preset: str) -> None:
    print("| set | majority | probabilities | gain |\n|---|---|---|---|")
    for name in sets or ("trec6", "subj", "tweeteval_emotion"):
        scores = np.array(
            [_compare(BenchSet(data / name), flipped, rows, seed, preset) for seed in range(seeds)]
        )
        gains = scores[:, 1] - scores[:, 0]
        majority, probabilities = scores.mean(axis=0)
        error = gains.std(ddof=1) / np.sqrt(seeds) if seeds > 1 else float("nan")
        print(
            f"| {name} | {majority:.2%} | {probabilities:.2%} | {100 * gains.mean():+.2f} ± {100 * error:.2f} |",
            flush=True,
        )


def _compare(bench: BenchSet, flipped: float, rows: int, seed: int, preset: str) -> list[float]:
    """Return the test accuracy of a model of the majorities, and of one of the probabilities."""
    from grutext.settings import preset as read_preset

    examples, test = bench.read("train").examples, bench.read("test").examples
    rng = np.random.default_rng([seed, 17])
    examples = [examples[n] for n in rng.permutation(len(examples))[:rows]]
    labels = label_set(examples)
    truth = np.array([labels.index(example.labels[0]) for example in examples])
    wrong = (truth + rng.integers(1, len(labels), (2, len(truth)))) % len(labels)
    votes = np.where(rng.random((2, len(truth))) < flipped, wrong, truth)  # (2, N)
    majority = votes[rng.integers(2, size=len(truth)), np.arange(len(truth))]
    texts = [example.text for example in examples]
    probable = [_probabilities([labels[vote] for vote in pair]) for pair in votes.T]
    settings = read_preset(preset) | {"training.seed": seed + 1}
    scores = []
    for targets in ([labels[place] for place in majority], probable):
        model = grutext.train((texts, targets), settings=settings).classifier
        right = [
            own == example.labels[0]
            for own, example in zip(model.predict([e.text for e in test]), test, strict=True)
        ]
        scores.append(float(np.mean(right)))
    return scores


def _probabilities(votes: list[str]) -> dict[str, float]:
    return {vote: votes.count(vote) / len(votes) for vote in votes}


if __name__ == "__main__":
    main()
