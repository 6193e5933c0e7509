"""Adversarial directions: what is remembered of a word and a label, and when a step looks for its own."""

import numpy as np
import pytest

from grutext.config import Config

pytestmark = pytest.mark.tf

WORDS, CLASSES, SIZE = 5, 2, 3
IDS = np.array([[1, 4, 1, 0], [4, 2, 0, 0], [0, 0, 0, 0], [1, 3, 3, 2]])  # (N, T)
LENGTHS = np.array([3, 2, 0, 4])
CLASS = np.array([1, 0, 0, 1])


def drawn(seed):
    return np.random.default_rng(seed).normal(size=(4, 4, SIZE)).astype(np.float32)  # (T, N, E)


def known(seed=None):
    from grutext.nn.directions import Directions

    directions = Directions(WORDS, CLASSES, SIZE)
    if seed:
        values = np.random.default_rng(seed).normal(size=(WORDS * CLASSES, SIZE))
        directions.table.assign(values.astype(np.float32))
    return directions


def pairs_of(directions):
    return directions.pairs(IDS.T.astype(np.int32), np.eye(CLASSES, dtype=np.float32)[CLASS])


def test_a_pair_has_a_row_of_its_own_which_begins_as_zeros():
    directions = known()
    pairs = pairs_of(directions).numpy()
    assert len(set(pairs[np.arange(4)[:, None] < LENGTHS])) == 6  # (1, 1) (4, 1) (4, 0) (2, 0) (3, 1) (2, 1)
    assert not directions.recall(pairs).numpy().any()


def test_it_moves_towards_the_mean_of_the_gradients_a_text_counting_as_one():
    directions, pull = known(seed=1), drawn(2)
    before = directions.table.numpy()
    mask = np.arange(4)[:, None] < LENGTHS
    pull *= mask[:, :, None]
    pairs = pairs_of(directions)
    directions.learn(pairs, pull, mask)

    met: dict[int, list[np.ndarray]] = {}
    for text, length in enumerate(LENGTHS):
        norm = np.linalg.norm(pull[:, text])
        for place in range(length):
            met.setdefault(int(IDS[text, place]) * CLASSES + int(CLASS[text]), []).append(
                pull[place, text] / norm
            )
    expected = before.copy()
    for row, some in met.items():
        expected[row] = 0.7 * before[row] + 0.3 * np.mean(some, axis=0)
    np.testing.assert_allclose(directions.table.numpy(), expected, atol=1e-6)
    np.testing.assert_array_equal(
        directions.recall(pairs).numpy()[0, 1], directions.table.numpy()[4 * CLASSES]
    )


def test_many_pairs_share_rows():
    from grutext.nn.directions import Directions

    directions = Directions(100_000, 3, 1)
    pairs = directions.pairs(np.full((1, 3), 99_999, np.int32), np.eye(3, dtype=np.float32)).numpy()
    assert directions.table.shape == (65_536, 1)
    assert len(np.unique(pairs)) == 3
    assert (pairs >= 0).all()
    assert (pairs < 65_536).all()


def network(**settings):
    from grutext.nn.network import Network

    named = {f"training.{name}": value for name, value in settings.items()}
    sizes = {
        "model.units": 4,
        "model.embedding_size": 4,
        "text.subword_max": 0,
        "training.embedding_dropout": 0,
    }
    config = Config().override(sizes | {"training.pooled_dropout": 0, "training.learning_rate": 0.01} | named)
    return Network(config, WORDS, CLASSES, "softmax")


def one_batch():
    rows, ids = np.arange(WORDS, dtype=np.int32), np.where(np.arange(4) < LENGTHS[:, None], IDS, WORDS)
    empty = np.zeros(0, np.int32)
    return {
        "ids": ids.astype(np.int32), "lengths": LENGTHS.astype(np.int32), "word_rows": rows, "type_words": rows,
        "bucket_rows": empty, "type_buckets": empty, "type_of_bucket": empty,
        "targets": np.eye(CLASSES, dtype=np.float32)[CLASS],
    }  # fmt: skip


def learn(trained, steps):
    for step in steps:
        trained.train_step(one_batch(), step, 0.01)
    return trained.arrays()


def same(one, other):
    return all(np.array_equal(one[name], other[name]) for name in one)


def test_every_other_step_looks_for_directions_of_its_own():
    plain = {"adversarial_radius": 0.0}
    own = {"adversarial_radius": 0.5, "adversarial_direction": "own"}
    assert same(learn(network(**plain), [1]), learn(network(**own), [1]))
    assert not same(learn(network(**plain), [2]), learn(network(**own), [2]))


def test_shared_directions_shift_from_the_second_look_on():
    plain = {"adversarial_radius": 0.0}
    shared = {"adversarial_radius": 0.5, "adversarial_direction": "shared"}
    assert same(learn(network(**plain), [1]), learn(network(**shared), [1]))
    assert not same(learn(network(**plain), [1, 2]), learn(network(**shared), [1, 2]))


def test_a_shared_shift_raises_the_loss():
    shared = network(adversarial_radius=0.5, adversarial_direction="shared")
    learn(shared, [1, 2, 3])
    weights, table = shared.arrays(), shared.directions.table.numpy()
    losses = []
    for directions in (np.zeros_like(table), table):
        shared.assign(weights)
        shared.directions.table.assign(directions)
        losses.append(shared.train_step(one_batch(), 5, 0.0))
    assert losses[1] > losses[0] + 1e-3
