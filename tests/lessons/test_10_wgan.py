"""Lesson 10: gradients of the losses, critic loss, clipping, penalty, and which weights move."""

import keras
import numpy as np
import pytest
import tensorflow as tf
from lesson import load_lesson

import gan_utils
from gan_utils import losses, records


@pytest.fixture(scope="module")
def lesson():
    return load_lesson("10_wgan")


@pytest.fixture
def real_images():
    return np.random.default_rng(0).uniform(-1, 1, (20, 28, 28, 1)).astype("float32")


def test_the_networks_have_the_lessons_counts(lesson):
    generator, critic = lesson.build_generator(), lesson.build_critic()
    assert generator.count_params() == 2_330_944
    assert critic.count_params() == 212_865
    assert generator(tf.zeros((2, lesson.LATENT_DIM))).shape == (2, 28, 28, 1)
    assert critic.layers[-1].activation is keras.activations.linear
    kinds = {type(layer) for layer in critic.layers}
    assert keras.layers.BatchNormalization not in kinds


def test_papers_settings_average_no_weights(lesson):
    # Neither WGAN paper draws from averaged weights.
    assert lesson.PAPER["ema_decay"] is None
    assert (lesson.PAPER["clip_rate"], lesson.PAPER["d_rate"]) == (5e-5, 1e-4)
    assert lesson.PAPER["batch_size"] == 64
    assert (lesson.CLIP, lesson.CRITIC_STEPS, lesson.PENALTY_WEIGHT) == (0.01, 5, 10)
    gan = lesson.make_penalized()
    for optimizer in (gan.d_optimizer, gan.g_optimizer):
        assert (optimizer.beta_1, optimizer.beta_2) == (0, 0.9)


@pytest.mark.parametrize("theta", [0.5, 3.0, 6.0])
def test_slopes_at_the_fakes_are_the_derivatives(lesson, theta):
    # Of the losses at x = theta, for the best discriminator between two normal distributions.
    x = tf.constant(theta, tf.float64)
    with tf.GradientTape(persistent=True) as tape:
        tape.watch(x)
        logit = theta**2 / 2 - theta * x
        saturating, other = -tf.nn.softplus(logit), tf.nn.softplus(-logit)
    slopes = lesson.generator_slopes(np.array(theta))
    assert abs(tape.gradient(saturating, x).numpy()) == pytest.approx(slopes["saturating"])
    assert abs(tape.gradient(other, x).numpy()) == pytest.approx(slopes["non-saturating"])
    assert slopes["critic"] == 1


def test_losses_by_hand_and_as_in_the_package(lesson):
    real, fake = tf.constant([[3.0], [1.0]]), tf.constant([[-1.0], [2.0]])
    assert lesson.critic_loss(real, fake).numpy() == pytest.approx(0.5 - 2.0)
    assert lesson.generator_loss(fake).numpy() == pytest.approx(-0.5)
    np.testing.assert_allclose(
        lesson.critic_loss(real, fake), losses.wasserstein_discriminator_loss(real, fake)
    )
    np.testing.assert_allclose(lesson.generator_loss(fake), losses.wasserstein_generator_loss(fake))


def test_penalty_of_a_linear_critic_by_hand_and_as_in_the_package(lesson, real_images):
    slopes = np.random.default_rng(1).normal(size=(28, 28, 1)).astype("float32") / 20

    def critic(batch, training):
        return tf.reduce_sum(batch * slopes, axis=(1, 2, 3))

    real, fake, seed = tf.constant(real_images), tf.constant(-real_images), tf.constant([1, 2])
    found = lesson.gradient_penalty(critic, real, fake, seed)
    norm = np.sqrt((slopes**2).sum())
    assert found.numpy() == pytest.approx(10 * (norm - 1) ** 2, rel=1e-4)
    other = lesson.build_critic()
    np.testing.assert_allclose(
        lesson.gradient_penalty(other, real, fake, seed),
        losses.gradient_penalty(other, real, fake, seed),
        rtol=1e-4,  # of 32-bit sums in another order
    )


def test_clipped_critic_starts_inside_and_stays_within_the_bounds(lesson, real_images):
    gan = lesson.make_clipped(seed=1)
    assert lesson.share_at_bounds(gan.discriminator) == pytest.approx(0.01, abs=0.002)
    batch, inputs = tf.constant(real_images[:4]), tf.random.stateless_normal((4, 100), (1, 2))
    fakes = gan.generator(inputs, training=True)
    for weight in gan.discriminator.trainable_variables:
        weight.assign(100 * weight)
    for _ in range(3):
        gan.update_discriminator(batch, inputs, fakes)
        for weight in gan.discriminator.weights:
            assert np.abs(weight.numpy()).max() <= lesson.CLIP * (1 + 1e-6)
    assert lesson.share_at_bounds(gan.discriminator) > 0.9


def test_the_bounds_are_the_clipped_kinds_alone(lesson, real_images):
    gan = lesson.make_penalized(seed=1)
    gan.train_step(tf.constant(real_images))
    assert max(np.abs(w.numpy()).max() for w in gan.discriminator.weights) > lesson.CLIP


def test_the_penalized_objective_is_loss_plus_penalty(lesson, real_images):
    gan = lesson.make_penalized(seed=1)
    batch, inputs = tf.constant(real_images[:4]), tf.random.stateless_normal((4, 100), (1, 2))
    loss, logs = gan.discriminator_objective(batch, inputs, gan.generator(inputs))
    assert loss.numpy() == pytest.approx(float(logs["penalty"] - logs["estimate"]), rel=1e-4)
    before = float(logs["penalty"])
    gan.update_discriminator(batch, inputs, gan.generator(inputs))
    _, logs = gan.discriminator_objective(batch, inputs, gan.generator(inputs))
    assert float(logs["penalty"]) != before


@pytest.mark.parametrize("kind", ["make_clipped", "make_penalized"])
def test_an_update_moves_who_it_should(lesson, real_images, kind):
    gan = getattr(lesson, kind)()
    moves = gan_utils.who_moved(gan, tf.constant(real_images))
    *critic_updates, last = moves.movers
    assert len(critic_updates) == lesson.CRITIC_STEPS
    for update, movers in critic_updates:
        assert update == "discriminator"
        assert {"discriminator"} <= set(movers) <= {"discriminator", "generator's statistics"}
    assert last == ("generator", ["generator"])


def test_batch_normalization_ties_the_images_of_a_batch_together(lesson, real_images):
    batch = real_images[:4]
    tied = lesson.cross_slopes(lesson.build_critic([keras.layers.BatchNormalization()]), batch)
    free = lesson.cross_slopes(lesson.build_critic(), batch)
    off = ~np.eye(4, dtype=bool)
    assert tied[off].min() > 0
    assert free[off].max() == 0
    assert free.diagonal().min() > 0


def test_slope_of_a_linear_critic_by_hand(lesson, real_images):
    def critic(images, training):
        return 3 * tf.reduce_sum(images, axis=(1, 2, 3))[:, None]

    assert lesson.pixel_slope(critic, real_images) == pytest.approx(3 * 28, rel=1e-5)


# ---- what the recorded full run carries --------------------------------------------------------


@pytest.fixture(scope="module")
def recorded():
    return records.recorded("10_wgan", "full")["metrics"]


def test_the_recorded_run_learned(recorded):
    assert recorded["distance_after"] < recorded["distance_before"] / 5


def test_recorded_weights_pile_up_at_the_bounds_and_slopes_are_of_order_one(recorded):
    # Spread evenly, 1 % of the weights would lie there.
    assert recorded["weights_at_bounds"] > 0.05
    # "In the recorded run the penalized critic's slope is of the order of one."
    assert 0.5 < recorded["gradient_norms"]["penalized"]["pixels"] < 2


def test_the_recorded_estimate_ranks_the_epochs(recorded):
    # "In the recorded run the two orders nearly agree."
    assert recorded["spearman"]["critic in training"] >= 0.8
    assert len(recorded["distances"]) == len(recorded["running_estimates"]) >= 20
