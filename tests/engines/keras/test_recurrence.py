"""The GRU with its own gradient against Keras' layer, which TensorFlow differentiates by itself."""

import numpy as np
import pytest

pytestmark = pytest.mark.tf

TEXTS, STEPS, INPUTS, UNITS = 4, 7, 5, 3


def weights(rng, reset_after):
    from grutext.engines.keras.backend import tf

    bias = (2, 3 * UNITS) if reset_after else (3 * UNITS,)
    shapes = ((INPUTS, 3 * UNITS), (UNITS, 3 * UNITS), bias)
    return [[tf.Variable(rng.normal(size=s, scale=0.6), dtype=tf.float32) for s in shapes] for _ in range(2)]


def run_gru(inputs, mask, ours, reset_after, training=True):
    """Texts first, as Keras has them; the second direction, if there is one, reads backward."""
    from grutext.engines.keras.backend import tf
    from grutext.engines.keras.recurrence import Direction, run_direction

    steps, mask = tf.transpose(inputs, [1, 0, 2]), tf.transpose(mask)
    states = [
        run_direction(steps, mask, weights, Direction(reset_after, bool(backward), training))
        for backward, weights in enumerate(ours)
    ]
    return tf.transpose(tf.concat(states, -1), [1, 0, 2])


def keras_states(inputs, mask, ours, reset_after):
    """The same cells as two Keras layers; the second reads backward and is turned round again."""
    from grutext.engines.keras.backend import keras, tf

    states, variables = [], []
    for backward, three in enumerate(ours):
        layer = keras.layers.GRU(
            UNITS,
            return_sequences=True,
            reset_after=reset_after,
            go_backwards=bool(backward),
            use_cudnn=False,
        )
        layer.build((TEXTS, STEPS, INPUTS))
        layer.set_weights([variable.numpy() for variable in three])
        out = layer(inputs, mask=mask)
        states.append(out[:, ::-1] if backward else out)
        variables += [variable.value for variable in layer.trainable_weights]
    return tf.concat(states, -1), variables


@pytest.mark.parametrize("reset_after", [True, False])
@pytest.mark.parametrize("mask_kind", ["ragged", "gaps", "full"])
@pytest.mark.parametrize("training", [True, False], ids=["own gradient", "by TensorFlow"])
def test_states_and_all_gradients_equal_those_of_keras(reset_after, mask_kind, training):
    from grutext.engines.keras.backend import tf

    rng = np.random.default_rng(3)
    inputs = tf.constant(rng.normal(size=(TEXTS, STEPS, INPUTS)), tf.float32)
    mask = {
        "ragged": np.arange(STEPS) < np.array([7, 1, 4, 0])[:, None],
        "gaps": rng.random((TEXTS, STEPS)) < 0.6,
        "full": np.ones((TEXTS, STEPS), bool),
    }[mask_kind]
    ours = weights(rng, reset_after)
    # Keras may leave anything in skipped steps, so these carry no weight in the comparison.
    upstream = tf.constant(rng.normal(size=(TEXTS, STEPS, 2 * UNITS)) * mask[:, :, None], tf.float32)
    with tf.GradientTape(persistent=True) as tape:
        tape.watch(inputs)
        mine = run_gru(inputs, tf.constant(mask), ours, reset_after, training)
        theirs, variables = keras_states(inputs, tf.constant(mask), ours, reset_after)
        my_sum, their_sum = tf.reduce_sum(mine * upstream), tf.reduce_sum(theirs * upstream)

    np.testing.assert_allclose(mine * mask[:, :, None], theirs * mask[:, :, None], atol=1e-5)
    my_gradients = tape.gradient(my_sum, [inputs, *ours[0], *ours[1]])
    their_gradients = tape.gradient(their_sum, [inputs, *variables])
    for my_gradient, their_gradient in zip(my_gradients, their_gradients, strict=True):
        np.testing.assert_allclose(my_gradient, their_gradient, atol=2e-5)


def test_one_direction_is_the_first_half_of_two():
    from grutext.engines.keras.backend import tf

    rng = np.random.default_rng(4)
    inputs = tf.constant(rng.normal(size=(TEXTS, STEPS, INPUTS)), tf.float32)
    mask = tf.ones((TEXTS, STEPS), tf.bool)
    both = weights(rng, reset_after=True)
    one = run_gru(inputs, mask, both[:1], reset_after=True)
    np.testing.assert_allclose(one, run_gru(inputs, mask, both, reset_after=True)[..., :UNITS], atol=1e-6)


def test_a_skipped_step_repeats_the_state_before_it_to_the_last_bit():
    from grutext.engines.keras.backend import tf

    rng = np.random.default_rng(5)
    inputs = tf.constant(rng.normal(size=(TEXTS, STEPS, INPUTS)) * 30, tf.float32)
    mask = np.arange(STEPS) < np.array([7, 1, 4, 0])[:, None]
    states = run_gru(inputs, tf.constant(mask), weights(rng, True), True).numpy()
    for text, length in enumerate((7, 1, 4, 0)):
        last = states[text, length - 1, :UNITS] if length else np.zeros(UNITS)
        assert (states[text, length:, :UNITS] == last).all()
        assert (states[text, length:, UNITS:] == 0).all()
