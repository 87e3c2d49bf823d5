"""The losses and the gradient penalty against values computed by hand."""

import math

import keras
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


def test_least_squares_by_hand():
    real, fake = tf.constant([[2.0], [-1.0]]), tf.constant([[0.5], [-3.0]])
    # Targets 1 and 0: ((2-1)^2 + (-1-1)^2) / 2 = 2.5 and (0.25 + 9) / 2 = 4.625, then half of each.
    found = losses.least_squares_discriminator_loss(real, fake)
    assert found.numpy() == pytest.approx((2.5 + 4.625) / 2)
    assert losses.least_squares_generator_loss(fake).numpy() == pytest.approx((0.25 + 16) / 4)
    # Targets 1 and -1: fakes give (1.5^2 + 2^2) / 2 = 3.125; the generator aims at 0.
    found = losses.least_squares_discriminator_loss(real, fake, fake_target=-1.0)
    assert found.numpy() == pytest.approx((2.5 + 3.125) / 2)
    found = losses.least_squares_generator_loss(fake, target=0.0)
    assert found.numpy() == pytest.approx((0.25 + 9) / 4)


def test_least_squares_is_zero_on_target_and_punishes_both_sides():
    ones, zeros = tf.ones((3, 1)), tf.zeros((3, 1))
    assert losses.least_squares_discriminator_loss(ones, zeros).numpy() == 0
    assert losses.least_squares_generator_loss(ones).numpy() == 0
    fake = tf.Variable([[0.2], [3.0]])
    with tf.GradientTape() as tape:
        loss = losses.least_squares_generator_loss(fake)
    below, above = tape.gradient(loss, fake).numpy()[:, 0]
    assert below < 0 < above  # cross-entropy would push both the same way


def test_wasserstein_by_hand_and_its_signs():
    real, fake = tf.Variable([[2.0], [-1.0]]), tf.Variable([[0.5], [-3.0]])
    with tf.GradientTape(persistent=True) as tape:
        d_loss = losses.wasserstein_discriminator_loss(real, fake)
        g_loss = losses.wasserstein_generator_loss(fake)
    assert d_loss.numpy() == pytest.approx(-1.25 - 0.5)
    assert g_loss.numpy() == pytest.approx(1.25)
    np.testing.assert_allclose(tape.gradient(d_loss, real), [[-0.5], [-0.5]])
    np.testing.assert_allclose(tape.gradient(d_loss, fake), [[0.5], [0.5]])
    np.testing.assert_allclose(tape.gradient(g_loss, fake), [[-0.5], [-0.5]])


@pytest.mark.parametrize("shape", [(6,), (3, 1), (2, 4, 4, 1)])
def test_the_newer_losses_take_any_output_shape(shape):
    real, fake = tf.fill(shape, 2.0), tf.fill(shape, 0.5)
    assert losses.least_squares_discriminator_loss(real, fake).numpy() == pytest.approx(0.625)
    assert losses.least_squares_generator_loss(fake).numpy() == pytest.approx(0.125)
    assert losses.wasserstein_discriminator_loss(real, fake).numpy() == pytest.approx(-1.5)
    assert losses.wasserstein_generator_loss(fake).numpy() == pytest.approx(-0.5)


SEED = tf.constant([3, 4])


def pair_of_images(count=5, shape=(4, 4, 1), seed=0):
    rng = np.random.default_rng(seed)
    return [tf.constant(rng.uniform(-1, 1, (count, *shape)).astype("float32")) for _ in range(2)]


def test_penalty_of_a_linear_critic_by_hand():
    slopes = tf.constant(np.random.default_rng(1).normal(size=(4, 4, 1)).astype("float32"))

    def critic(images, training):
        assert training
        return tf.reduce_sum(images * slopes, axis=(1, 2, 3))[:, None] + 7.0

    # The gradient is `slopes` everywhere, so its norm over all pixels is known.
    norm = float(np.sqrt((slopes.numpy() ** 2).sum()))
    real, fake = pair_of_images()
    found = losses.gradient_penalty(critic, real, fake, SEED)
    assert found.numpy() == pytest.approx(10 * (norm - 1) ** 2, rel=1e-5)
    found = losses.gradient_penalty(critic, real, fake, SEED, weight=2.5)
    assert found.numpy() == pytest.approx(2.5 * (norm - 1) ** 2, rel=1e-5)


def test_penalty_looks_between_the_two_with_a_factor_for_each_image():
    seen = []

    def critic(images, training):
        seen.append(images.numpy())
        return tf.reduce_sum(images, axis=(1, 2, 3))

    real, fake = tf.ones((400, 2, 2, 1)), -tf.ones((400, 2, 2, 1))
    losses.gradient_penalty(critic, real, fake, SEED)
    factors = (seen[0] + 1) / 2
    assert factors.std(axis=(1, 2, 3)).max() < 1e-6  # one factor for all pixels of an image
    each = factors[:, 0, 0, 0]
    assert 0 <= each.min() < 0.05
    assert 0.95 < each.max() <= 1
    assert each.mean() == pytest.approx(0.5, abs=0.05)
    assert each.std() == pytest.approx(12**-0.5, abs=0.03)  # uniform, not normal
    losses.gradient_penalty(critic, real, fake, SEED + 1)
    assert not np.allclose(seen[1], seen[0])


def test_penalty_against_finite_differences():
    keras.utils.set_random_seed(5)
    critic = keras.Sequential(
        [
            keras.layers.Input((4, 4, 1)),
            keras.layers.Conv2D(3, 3, activation="tanh"),
            keras.layers.Flatten(),
            keras.layers.Dense(1),
        ]
    )
    critic.layers[-1].kernel.assign(3 * critic.layers[-1].kernel)
    real, fake = pair_of_images()
    factors = tf.random.stateless_uniform((5, 1, 1, 1), SEED)
    mixed = (factors * real + (1 - factors) * fake).numpy()
    step, slopes = 1e-2, []
    for image in mixed:
        moves = step * np.eye(16, dtype="float32").reshape(16, 4, 4, 1)
        rise = critic(image + moves) - critic(image - moves)
        slopes.append(np.sqrt(((rise.numpy() / (2 * step)) ** 2).sum()))
    expected = 10 * ((np.array(slopes) - 1) ** 2).mean()
    found = losses.gradient_penalty(critic, real, fake, SEED)
    assert found.numpy() == pytest.approx(expected, rel=1e-2)

    kernel = critic.layers[-1].kernel
    with tf.GradientTape() as tape:
        loss = losses.gradient_penalty(critic, real, fake, SEED)
    slope = tape.gradient(loss, kernel.value).numpy()[0, 0]
    move = np.zeros(kernel.shape, "float32")
    move[0, 0] = step
    values, start = [], kernel.numpy()
    for sign in (1, -1):
        kernel.assign(start + sign * move)
        values.append(float(losses.gradient_penalty(critic, real, fake, SEED)))
    assert slope == pytest.approx((values[0] - values[1]) / (2 * step), rel=2e-2, abs=1e-3)


def test_penalty_of_a_flat_critic_has_finite_gradients():
    scale = tf.Variable(0.0)
    real, fake = pair_of_images()
    with tf.GradientTape() as tape:
        loss = losses.gradient_penalty(
            lambda images, training: tf.reduce_sum(scale * images, axis=(1, 2, 3)), real, fake, SEED
        )
    assert loss.numpy() == pytest.approx(10, rel=1e-4)
    assert np.isfinite(tape.gradient(loss, scale))


def test_penalty_needs_as_many_fakes_as_reals():
    real, fake = pair_of_images()
    with pytest.raises(ValueError, match=r"\(5, 4, 4, 1\).*\(3, 4, 4, 1\)"):
        losses.gradient_penalty(lambda images, training: images, real, fake[:3], SEED)
