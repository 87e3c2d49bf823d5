"""gan_utils.augment: distortions that keep the class of an image."""

import numpy as np
import pytest
import tensorflow as tf

from gan_utils import augment


@pytest.fixture
def square():
    image = -np.ones((4, 28, 28, 1), "float32")
    image[:, 12:16, 12:16] = 1
    return tf.constant(image)


def test_copies_differ_stay_in_range_and_follow_from_the_seed(square):
    copies = augment.distort(square, [1, 2]).numpy()
    assert copies.shape == square.shape
    assert copies.min() >= -1
    assert copies.max() <= 1
    assert len({copy.tobytes() for copy in copies}) == 4
    np.testing.assert_array_equal(copies, augment.distort(square, [1, 2]))
    # The middle of the ink stays within what moving and turning allow.
    for copy in copies[..., 0] + 1:
        places = np.indices(copy.shape).reshape(2, -1) @ copy.ravel() / copy.sum()
        assert np.abs(places - 13.5).max() < augment.MOVE + 1


def test_no_strength_changes_nothing(square):
    np.testing.assert_allclose(augment.distort(square, [1, 2], strength=0.0), square, atol=1e-6)


def test_gradients_reach_the_images(square):
    with tf.GradientTape() as tape:
        tape.watch(square)
        loss = tf.reduce_mean(augment.distort(square, [1, 2]))
    assert float(tf.norm(tape.gradient(loss, square))) > 0


def test_the_pen_makes_strokes_thicker_or_thinner():
    image = -np.ones((3, 28, 28, 1), "float32")
    image[:, 10:18, 13:15] = 1
    redrawn = augment.change_pen(tf.constant(image), tf.constant([1.0, 0.0, -1.0])).numpy()
    ink = (redrawn + 1).sum(axis=(1, 2, 3)) / 2
    # A stroke of 8 by 2 pixels becomes one of 10 by 4, or none at all, by that share.
    expected = [16 + augment.PEN * (40 - 16), 16, 16 - augment.PEN * 16]
    np.testing.assert_allclose(ink, expected, rtol=1e-5)
