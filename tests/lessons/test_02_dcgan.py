"""Lesson 02: its networks, its losses, and its own update against that of the package."""

import math
import types
import warnings

import keras
import numpy as np
import pytest
import tensorflow as tf
from lesson import load_lesson

from gan_utils import GAN, callbacks, records
from gan_utils.steps import SimultaneousOrder


@pytest.fixture(scope="module")
def lesson():
    return load_lesson("02_dcgan")


@pytest.fixture
def real_images():
    return np.random.default_rng(0).uniform(-1, 1, (8, 28, 28, 1)).astype("float32")


def test_networks_have_the_lessons_counts(lesson):
    latents = tf.zeros((2, lesson.LATENT_DIM))
    for build in (lesson.build_generator, lesson.Generator):
        network = build()
        assert network(latents).shape == (2, 28, 28, 1)
        assert network.count_params() == 2_330_944
    network = lesson.build_discriminator()
    assert network(tf.zeros((2, 28, 28, 1))).shape == (2, 1)
    assert network.count_params() == 212_865


def test_no_bias_in_the_generator_and_a_logit_at_the_end(lesson):
    assert not [w for w in lesson.build_generator().weights if w.name == "bias"]
    last = lesson.build_discriminator().layers[-1]
    assert last.activation is keras.activations.linear


def test_the_class_passes_training_on(lesson):
    generator = lesson.Generator()
    latents = keras.random.normal((8, lesson.LATENT_DIM), seed=1)
    generator(latents)
    before = [w.numpy() for w in generator.non_trainable_weights]
    generator(latents, training=False)
    after = [w.numpy() for w in generator.non_trainable_weights]
    assert all(np.array_equal(a, b) for a, b in zip(before, after, strict=True))
    generator(latents, training=True)
    after = [w.numpy() for w in generator.non_trainable_weights]
    assert not any(np.array_equal(a, b) for a, b in zip(before, after, strict=True))


def test_losses_by_hand(lesson):
    real, fake = tf.constant([[2.0]]), tf.constant([[-1.0]])
    expected = math.log1p(math.exp(-2)) + math.log1p(math.exp(-1))
    assert lesson.discriminator_loss(real, fake).numpy() == pytest.approx(expected, rel=1e-5)
    expected = math.log1p(math.exp(1))
    assert lesson.generator_loss(fake).numpy() == pytest.approx(expected, rel=1e-5)


@pytest.mark.parametrize("mover", ["discriminator", "generator", "both"])
def test_the_written_out_update_moves_who_it_should(lesson, real_images, mover):
    networks = lesson.build_generator(), lesson.build_discriminator()
    rates = {"generator": 1e-3 * (mover != "discriminator")}
    rates["discriminator"] = 1e-3 * (mover != "generator")
    optimizers = [keras.optimizers.Adam(rates[k]) for k in ("discriminator", "generator")]
    before = [[w.numpy() for w in network.trainable_weights] for network in networks]
    latents = keras.random.normal((8, lesson.LATENT_DIM), seed=1)
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        losses = lesson.train_step(networks, optimizers, real_images, latents)
    assert all(np.isfinite(losses))
    for name, network, old in zip(("generator", "discriminator"), networks, before, strict=True):
        moved = [
            not np.array_equal(w.numpy(), o)
            for w, o in zip(network.trainable_weights, old, strict=True)
        ]
        assert all(moved) if rates[name] else not any(moved)


def networks_without_dropout(lesson):
    networks = lesson.build_generator(), lesson.build_discriminator()
    for layer in networks[1].layers:
        if isinstance(layer, keras.layers.Dropout):
            layer.rate = 0.0
    return networks


def test_the_package_does_the_same_update(lesson, real_images):
    """One step of plain gradient descent: Adam would turn rounding into full steps."""
    by_hand, packaged = (networks_without_dropout(lesson) for _ in range(2))
    for mine, its in zip(by_hand, packaged, strict=True):
        its.set_weights(mine.get_weights())
    before = [[w.numpy() for w in network.trainable_weights] for network in by_hand]
    gan = GAN(*packaged, lesson.LATENT_DIM, seed=3)
    gan.compile(keras.optimizers.SGD(0.1), keras.optimizers.SGD(0.1))
    latents = gan.generator_inputs(real_images, gan.next_seed())
    optimizers = keras.optimizers.SGD(0.1), keras.optimizers.SGD(0.1)
    losses = lesson.train_step(by_hand, optimizers, real_images, latents)
    logs = gan.train_step(tf.constant(real_images))
    np.testing.assert_allclose(losses, [logs["d_loss"], logs["g_loss"]], rtol=1e-4)
    for mine, its, old in zip(by_hand, packaged, before, strict=True):
        for a, b, start in zip(mine.trainable_weights, its.trainable_weights, old, strict=True):
            # float32 sums in another order differ by some 1e-6 of their size
            size = np.abs(a - start).max()
            assert size > 0
            np.testing.assert_allclose(a, b, rtol=0, atol=1e-3 * size + 1e-7)


def test_a_second_sigmoid_bounds_the_loss_and_stops_the_generator(lesson):
    logits = tf.Variable([[-16.0]])  # D is sure, and right
    losses, slopes = [], []
    for ending in (tf.identity, tf.sigmoid):
        with tf.GradientTape() as tape:
            loss = lesson.generator_loss(ending(logits))
        slopes.append(abs(float(tape.gradient(loss, logits)[0, 0])))
        losses.append(float(lesson.discriminator_loss(ending(-logits), ending(logits))))
    assert losses[0] < 1e-6
    assert losses[1] == pytest.approx(math.log1p(math.exp(-1)) + math.log(2), abs=1e-4)
    assert slopes[0] == pytest.approx(1, abs=1e-4)
    assert slopes[1] < 1e-6


def test_batch_normalization_in_the_discriminator_would_show_the_rest_of_the_batch(
    lesson, real_images
):
    discriminator = lesson.build_discriminator()
    norm = keras.layers.BatchNormalization()
    others = [real_images, np.zeros_like(real_images)]
    batches = [np.concatenate([real_images[:1], rest[1:]]) for rest in others]
    plain, normed = [], []
    for batch in batches:
        features = discriminator.layers[0](batch)
        plain.append(features[0].numpy())
        normed.append(norm(features, training=True)[0].numpy())
    np.testing.assert_allclose(*plain, rtol=0, atol=1e-5)
    assert np.abs(normed[0] - normed[1]).max() > 0.1


def test_the_average_written_out_is_that_of_the_package(lesson, real_images):
    gan = GAN(*networks_without_dropout(lesson), lesson.LATENT_DIM, ema_decay=0.99, seed=3)
    gan.compile(keras.optimizers.SGD(0.1), keras.optimizers.SGD(0.1))
    mine = keras.models.clone_model(gan.generator)
    mine.set_weights(gan.generator.get_weights())
    for step in range(1, 4):
        gan.train_step(tf.constant(real_images))
        lesson.update_ema(mine, gan.generator, step, decay=0.99)
    for a, b in zip(mine.weights, gan.ema_generator.weights, strict=True):
        np.testing.assert_allclose(a, b, rtol=1e-5, atol=1e-6)


def test_recomputed_statistics_are_the_means_over_the_batches(lesson):
    network = lesson.build_generator()
    batches = [keras.random.normal((32, lesson.LATENT_DIM), seed=n) for n in range(4)]
    lesson.recompute_statistics(network, batches)
    norm = next(x for x in network.layers if isinstance(x, keras.layers.BatchNormalization))
    features = [network.layers[0](part).numpy() for part in batches]
    expected = np.mean([part.mean(axis=0) for part in features], axis=0)
    np.testing.assert_allclose(norm.moving_mean, expected, rtol=1e-4, atol=1e-5)
    expected = np.mean([part.var(axis=0) for part in features], axis=0)
    np.testing.assert_allclose(norm.moving_variance, expected, rtol=1e-3, atol=1e-5)
    assert norm.momentum == 0.99


@pytest.mark.parametrize("done", [0.0, 0.2, 0.4, 0.5, 0.95])
def test_the_schedule_written_out_is_that_of_the_package(lesson, done):
    model = types.SimpleNamespace(
        d_optimizer=types.SimpleNamespace(), g_optimizer=types.SimpleNamespace()
    )
    schedule = callbacks.LinearDecay(*lesson.STAGES)
    schedule.set_params({"epochs": 20})
    schedule.set_model(model)
    schedule.on_epoch_begin(round(20 * done))
    rates = model.d_optimizer.learning_rate, model.g_optimizer.learning_rate
    assert rates == pytest.approx(lesson.rates_at(done))


def test_with_a_fast_discriminator_the_toy_game_does_not_overshoot(lesson):
    equal, fast = lesson.toy_game(0.05), lesson.toy_game(0.2)
    assert min(equal) < -0.1
    assert 0 <= min(fast) < 0.01


def test_the_tutorials_recipe(lesson):
    assert lesson.TUTORIAL == {
        "epochs": 50,
        "batch_size": 256,
        "d_rate": 1e-4,
        "g_rate": 1e-4,
        "beta_1": 0.9,  # Adam's own
        "ema_decay": None,
    }
    assert issubclass(lesson.SimultaneousGAN, GAN)
    assert lesson.SimultaneousGAN.train_step is SimultaneousOrder.train_step


def test_the_recorded_run_carries_what_the_lesson_says():
    found = records.recorded("02_dcgan", "full")["metrics"]
    # "the recorded full run shows how far the networks get"
    assert found["distance_after"] < found["distance_before"] / 10
    assert found["real_vs_real"] < found["distance_after"]
    assert 0.6 < found["readable"] < found["readable_real"]
    # "At the end the other two hardly matter"
    assert max(found["worth"].values()) - min(found["worth"].values()) < 1
    # "The distance falls while the rates decay": from before the decay to the end
    by_epoch = dict(found["distances"])
    assert by_epoch[20] < 0.75 * by_epoch[8]
