"""cuDNN through Keras: there is no GPU here, but the same calls run on a CPU and can be compared."""

import numpy as np
import pytest

pytestmark = pytest.mark.tf

LENGTHS = np.array([6, 1, 0, 4])
TEXTS, STEPS, INPUTS, UNITS = 4, 6, 5, 3
RAGGED = np.arange(STEPS)[:, None] < LENGTHS  # (T, N)


@pytest.fixture
def cudnn_directions(monkeypatch):
    """Pretend that there is a GPU; return the list of directions that cuDNN ran."""
    from grutext.engines.keras import cudnn

    directions = []
    run = cudnn.run

    def spy(*args, backward):
        directions.append(backward)
        return run(*args, backward=backward)

    monkeypatch.setattr(cudnn, "sees_gpu", lambda: True)
    monkeypatch.setattr(cudnn, "run", spy)
    return directions


def states_and_gradients(mask, reset_after=True):
    from grutext.engines.keras.backend import tf
    from grutext.engines.keras.recurrence import Direction, run_direction

    rng = np.random.default_rng(1)
    bias = (2, 3 * UNITS) if reset_after else (3 * UNITS,)
    shapes = ((STEPS, TEXTS, INPUTS), (TEXTS, UNITS), (INPUTS, 3 * UNITS), (UNITS, 3 * UNITS), bias)
    steps, start, *weights = (tf.constant(rng.normal(size=s, scale=0.6), tf.float32) for s in shapes)
    results = []
    for backward in (False, True):
        with tf.GradientTape() as tape:
            tape.watch([steps, start, *weights])
            direction = Direction(reset_after, backward)
            states = run_direction(steps, tf.constant(mask), tuple(weights), direction, start)
            total = tf.reduce_sum(states * rng.normal(size=states.shape))
        results += [states, *tape.gradient(total, [steps, start, *weights])]
    return results


def test_both_paths_give_the_same_states_and_gradients(cudnn_directions):
    theirs = states_and_gradients(RAGGED)
    assert cudnn_directions == [False, True]
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("grutext.engines.keras.cudnn.sees_gpu", lambda: False)
        ours = states_and_gradients(RAGGED)
    assert len(cudnn_directions) == 2, "without a GPU cuDNN does not run"
    for mine, other in zip(ours, theirs, strict=True):
        np.testing.assert_allclose(mine, other, atol=2e-5)


@pytest.mark.parametrize("mask", [~RAGGED, RAGGED & (np.arange(STEPS)[:, None] != 2)], ids=["left", "gap"])
def test_a_mask_that_cudnn_does_not_know_is_run_without_it(mask, cudnn_directions):
    states_and_gradients(mask)
    assert cudnn_directions == []


def test_the_other_convention_is_run_without_cudnn(cudnn_directions):
    states_and_gradients(RAGGED, reset_after=False)
    assert cudnn_directions == []


def test_the_encoder_runs_ids_with_an_empty_text_by_cudnn_within_a_graph(cudnn_directions):
    from grutext.encoder import GRUEncoder
    from grutext.engines.keras.backend import tf

    encoder = GRUEncoder(UNITS, vocabulary_size=20, pooling="last")
    ids = np.random.default_rng(2).integers(1, 20, (TEXTS, STEPS)) * RAGGED.T
    vectors = tf.function(encoder)(tf.constant(ids))
    assert set(cudnn_directions) == {False, True}
    assert not np.asarray(vectors)[2].any()
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("grutext.engines.keras.cudnn.sees_gpu", lambda: False)
        np.testing.assert_allclose(vectors, encoder(ids), atol=1e-5)


def run_in_a_graph(mask, dtype="float32"):
    """Return the states, and how often cuDNN was run, and not only traced."""
    from grutext.engines.keras import cudnn
    from grutext.engines.keras.backend import tf
    from grutext.engines.keras.recurrence import Direction, run_direction

    rng, count, run = np.random.default_rng(3), tf.Variable(0), cudnn.run
    shapes = ((STEPS, TEXTS, INPUTS), (INPUTS, 3 * UNITS), (UNITS, 3 * UNITS), (2, 3 * UNITS))
    steps, *weights = (tf.constant(rng.normal(size=shape, scale=0.6), dtype) for shape in shapes)

    def counted(*args, **kwargs):
        with tf.control_dependencies([count.assign_add(1)]):
            return run(*args, **kwargs)

    @tf.function
    def states(mask):
        return run_direction(steps, mask, tuple(weights), Direction(backward=True))

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(cudnn, "run", counted)
        found = states(tf.constant(mask))
    return np.asarray(found).astype(np.float32), int(count)


@pytest.mark.parametrize("dtype", ["float32", "float16"])
def test_in_a_graph_the_mask_decides_when_it_runs(monkeypatch, dtype):
    monkeypatch.setattr("grutext.engines.keras.cudnn.sees_gpu", lambda: True)
    theirs, count = run_in_a_graph(RAGGED, dtype)
    assert count == 1
    gap = RAGGED & (np.arange(STEPS)[:, None] != 2)
    assert run_in_a_graph(gap, dtype)[1] == 0
    monkeypatch.setattr("grutext.engines.keras.cudnn.sees_gpu", lambda: False)
    ours, count = run_in_a_graph(RAGGED, dtype)
    assert count == 0
    np.testing.assert_allclose(theirs, ours, atol=1e-5 if dtype == "float32" else 0.01)
