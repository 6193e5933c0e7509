"""Adversarial directions: what is remembered of a word and a label, and when a step looks for its own."""

import numpy as np
import pytest

from grutext.config import Config

pytestmark = pytest.mark.tf

WORDS, CLASSES, SIZE, STEPS = 5, 2, 3, 6
IDS = np.array([[1, 4, 1, 0, 0, 0], [4, 2, 0, 0, 0, 0], [0, 0, 0, 0, 0, 0], [1, 3, 3, 0, 4, 1]])  # (N, T)
LENGTHS = np.array([3, 2, 0, 6])
CLASS = np.array([1, 0, 0, 1])
SHARED = {"adversarial_radius": 0.5, "adversarial_direction": "shared"}
MASK = np.arange(STEPS)[:, None] < LENGTHS  # (T, N)


def drawn(seed):
    return np.random.default_rng(seed).normal(size=(STEPS, len(IDS), SIZE)).astype(np.float32)  # (T, N, E)


def known(seed=None):
    from grutext.engines.keras.directions import Directions

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
    assert len(set(pairs[MASK])) == 6  # (1, 1) (4, 1) (4, 0) (2, 0) (3, 1) (0, 1)
    assert not directions.recall(pairs).numpy().any()


def test_it_moves_towards_the_mean_of_the_gradients_a_text_counting_as_one():
    directions, grad_vectors = known(seed=1), drawn(2)
    before = directions.table.numpy()
    grad_vectors *= MASK[:, :, None]  # a loss does not depend on padding
    pairs = pairs_of(directions)
    directions.learn(pairs, grad_vectors, MASK)

    met: dict[int, list[np.ndarray]] = {}
    for text, length in enumerate(LENGTHS):
        norm = np.linalg.norm(grad_vectors[:, text])
        for place in range(length):
            met.setdefault(int(IDS[text, place]) * CLASSES + int(CLASS[text]), []).append(
                grad_vectors[place, text] / norm
            )
    expected = before.copy()
    for row, some in met.items():
        expected[row] = 0.7 * before[row] + 0.3 * np.mean(some, axis=0)
    np.testing.assert_allclose(directions.table.numpy(), expected, atol=1e-6)
    np.testing.assert_array_equal(
        directions.recall(pairs).numpy()[0, 1], directions.table.numpy()[4 * CLASSES]
    )


def test_many_pairs_share_rows():
    from grutext.engines.keras.directions import Directions

    directions = Directions(100_000, 3, 1)
    pairs = directions.pairs(np.full((1, 3), 99_999, np.int32), np.eye(3, dtype=np.float32)).numpy()
    assert directions.table.shape == (65_536, 1)
    assert len(np.unique(pairs)) == 3
    assert (pairs >= 0).all()
    assert (pairs < 65_536).all()


def network(**settings):
    from grutext.engines.keras.network import KerasNetwork

    named = {f"training.{name}": value for name, value in settings.items()}
    sizes = {"gru.units": 7, "gru.embedding_size": SIZE, "text.subword_buckets": 4}
    still = {"training.embedding_dropout": 0, "training.pooled_dropout": 0}
    made = KerasNetwork(Config().override(sizes | still | named), WORDS, CLASSES, "softmax")
    draw = np.random.default_rng(4)
    made.assign({k: draw.normal(size=v.shape).astype(np.float32) / 2 for k, v in made.arrays().items()})
    return made


def batch(texts=(0, 1, 2, 3), steps=STEPS):
    """Texts, padded to so many steps; the second and the fourth word have subwords."""
    texts = list(texts)
    ids = np.pad(IDS, ((0, 0), (0, steps - STEPS)))[texts]
    rows = np.arange(WORDS if LENGTHS[texts].any() else 0, dtype=np.int32)
    ids = np.where(np.arange(steps) < LENGTHS[texts][:, None], ids, len(rows))
    some = np.array([0, 1, 2] if len(rows) else [], np.int32)
    values = {
        "ids": ids, "lengths": LENGTHS[texts], "word_rows": rows, "type_words": rows, "bucket_rows": some,
        "type_buckets": some, "type_of_bucket": np.array([1, 1, 3] if len(rows) else []),
    }  # fmt: skip
    targets = {
        "targets": np.eye(CLASSES, dtype=np.float32)[CLASS[texts]],
        "weights": np.ones(len(texts), np.float32),
    }
    return {name: value.astype(np.int32) for name, value in values.items()} | targets


def learn(trained, steps):
    for step in steps:
        trained.train_step(batch(), step, 0.01)
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
    assert same(learn(network(**plain), [1]), learn(network(**SHARED), [1]))
    assert not same(learn(network(**plain), [1, 2]), learn(network(**SHARED), [1, 2]))


def test_a_shared_shift_raises_the_loss():
    shared = network(**SHARED)
    learn(shared, [1, 2, 3])
    weights, table = shared.arrays(), shared.directions.table.numpy()
    losses = []
    for directions in (np.zeros_like(table), table):
        shared.assign(weights)
        shared.directions.table.assign(directions)
        losses.append(shared.train_step(batch(), 5, 0.0))
    assert losses[1] > losses[0] + 1e-3


def test_padding_takes_nothing_of_a_shared_shift():
    losses = []
    for steps in (STEPS, STEPS + 5):
        shared = network(**SHARED)
        learn(shared, [1, 2, 3])
        losses.append(shared.train_step(batch(steps=steps), 5, 0.0))
    assert losses[0] == pytest.approx(losses[1], abs=1e-6)


def test_a_batch_of_empty_texts_teaches_no_direction():
    shared = network(**SHARED)
    before = learn(shared, [1, 2]) | {"directions": shared.directions.table.numpy()}
    assert np.isfinite(shared.train_step(batch(texts=[2, 2]), 3, 0.01))
    np.testing.assert_array_equal(shared.directions.table.numpy(), before["directions"])
    np.testing.assert_array_equal(shared.arrays()["embedding/words"], before["embedding/words"])
