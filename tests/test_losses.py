"""The cross-entropy pair against values worked out by hand."""

import math

import numpy as np
import pytest
import tensorflow as tf

from gan_utils import losses


def test_a_discriminator_that_cannot_tell_pays_twice_the_logarithm_of_two():
    zeros = tf.zeros((4, 1))
    assert losses.cross_entropy_discriminator_loss(zeros, zeros).numpy() == pytest.approx(
        2 * math.log(2)
    )
    assert losses.cross_entropy_generator_loss(zeros).numpy() == pytest.approx(math.log(2))


def test_values_by_hand():
    real, fake = tf.constant([[2.0], [-1.0]]), tf.constant([[0.5], [-3.0]])
    sigmoid = lambda x: 1 / (1 + math.exp(-x))  # noqa: E731
    expected = -(math.log(sigmoid(2)) + math.log(sigmoid(-1))) / 2
    expected -= (math.log(1 - sigmoid(0.5)) + math.log(1 - sigmoid(-3))) / 2
    assert losses.cross_entropy_discriminator_loss(real, fake).numpy() == pytest.approx(expected)
    expected = -(math.log(sigmoid(0.5)) + math.log(sigmoid(-3))) / 2
    assert losses.cross_entropy_generator_loss(fake).numpy() == pytest.approx(expected)


@pytest.mark.parametrize("shape", [(6,), (3, 1), (2, 4, 4, 1)])
def test_any_output_shape_gives_a_scalar_mean(shape):
    logits = tf.fill(shape, 1.5)
    assert losses.cross_entropy_generator_loss(logits).shape == ()
    assert losses.cross_entropy_generator_loss(logits).numpy() == pytest.approx(
        math.log1p(math.exp(-1.5))
    )


def test_gradients_point_the_right_way():
    real, fake = tf.Variable([[0.3]]), tf.Variable([[0.2]])
    with tf.GradientTape(persistent=True) as tape:
        d_loss = losses.cross_entropy_discriminator_loss(real, fake)
        g_loss = losses.cross_entropy_generator_loss(fake)
    d_real, d_fake = tape.gradient(d_loss, [real, fake])
    assert d_real.numpy() < 0 < d_fake.numpy()  # down the loss: real logits rise, fake ones fall
    assert tape.gradient(g_loss, fake).numpy() < 0  # the generator wants fake logits to rise


def test_extreme_logits_stay_finite():
    huge = tf.constant([[1e4], [-1e4]])
    assert np.isfinite(losses.cross_entropy_discriminator_loss(huge, huge))
    assert np.isfinite(losses.cross_entropy_generator_loss(huge))
