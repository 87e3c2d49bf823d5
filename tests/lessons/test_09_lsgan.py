"""Lesson 09: its losses, their targets, its networks, and which weights an update moves."""

import keras
import numpy as np
import pytest
import tensorflow as tf
from lesson import load_lesson

from gan_utils import losses, records


@pytest.fixture(scope="module")
def lesson():
    return load_lesson("09_lsgan")


@pytest.fixture
def real_images():
    return np.random.default_rng(0).uniform(-1, 1, (8, 28, 28, 1)).astype("float32")


def test_the_networks_have_the_lessons_counts(lesson):
    generator, discriminator = lesson.build_generator(), lesson.build_discriminator()
    assert generator.count_params() == 2_330_944
    assert discriminator.count_params() == 212_865
    assert generator(tf.zeros((2, lesson.LATENT_DIM))).shape == (2, 28, 28, 1)
    assert discriminator.layers[-1].activation is keras.activations.linear


def test_the_generator_without_batch_normalization_has_biases_instead(lesson):
    plain = lesson.build_generator(normalize=False)
    kinds = [type(layer) for layer in plain.layers]
    assert keras.layers.BatchNormalization not in kinds
    biases = [w.shape[0] for w in plain.weights if w.name == "bias"]
    assert biases == [7 * 7 * 256, 128, 64]
    assert not [w for w in lesson.build_generator().weights if w.name == "bias"]


def test_losses_by_hand_and_as_in_the_package(lesson):
    real, fake = tf.constant([[3.0], [1.0]]), tf.constant([[-1.0], [2.0]])
    # Real: ((3 - 1)^2 + 0) / 2 = 2; fake: (1 + 4) / 2 = 2.5; half of the sum.
    assert lesson.discriminator_loss(real, fake).numpy() == pytest.approx(2.25)
    # ((-1 - 1)^2 + (2 - 1)^2) / 2 = 2.5, and half of it.
    assert lesson.generator_loss(fake).numpy() == pytest.approx(1.25)
    np.testing.assert_allclose(
        lesson.discriminator_loss(real, fake), losses.least_squares_discriminator_loss(real, fake)
    )
    np.testing.assert_allclose(
        lesson.generator_loss(fake), losses.least_squares_generator_loss(fake)
    )


def test_the_best_output_minimizes_the_loss_at_a_point(lesson):
    p_data, p_fake, targets = 0.7, 0.2, (-1.0, 1.0, 0.0)
    outputs = np.linspace(-1.5, 1.5, 30_001)
    pays = p_data * (outputs - targets[1]) ** 2 + p_fake * (outputs - targets[0]) ** 2
    best = lesson.best_output(p_data, p_fake, targets)
    assert best == pytest.approx(outputs[pays.argmin()], abs=2e-4)


def test_only_one_choice_of_targets_gives_pearson(lesson):
    step = 0.001
    points = np.arange(-12, 14, step)
    p_data, p_fake = lesson.normal_density(points, 0.0), lesson.normal_density(points, 1.3)
    found = lesson.objective_at_best(p_data, p_fake, (-1, 1, 0), step)
    assert found == pytest.approx(lesson.pearson(p_data, p_fake, step), abs=1e-9)
    # The divergence itself, written as in the paper's equation 7.
    mixed = p_data + p_fake
    assert found == pytest.approx(np.sum((2 * p_fake - mixed) ** 2 / mixed) * step, abs=1e-9)
    assert lesson.objective_at_best(p_data, p_data, (-1, 1, 0), step) == pytest.approx(0, abs=1e-9)
    assert lesson.objective_at_best(p_data, p_data, (0, 1, 1), step) == pytest.approx(0.5, abs=1e-6)


def test_the_model_uses_the_lessons_losses(lesson):
    gan = lesson.make_gan(lesson.LeastSquaresGAN, seed=1)
    real, fake = tf.constant([[3.0], [1.0]]), tf.constant([[-1.0], [2.0]])
    assert gan.discriminator_loss(real, fake).numpy() == pytest.approx(2.25)
    assert gan.generator_loss(fake).numpy() == pytest.approx(1.25)


@pytest.mark.parametrize("mover", ["discriminator", "generator", "both"])
def test_an_update_moves_who_it_should(lesson, real_images, mover):
    rates = 1e-3 * (mover != "generator"), 1e-3 * (mover != "discriminator")
    gan = lesson.make_gan(lesson.LeastSquaresGAN, rates=rates)
    players = {"generator": gan.generator, "discriminator": gan.discriminator}
    before = {n: [w.numpy() for w in p.trainable_weights] for n, p in players.items()}
    logs = gan.train_step(tf.constant(real_images))
    assert np.isfinite([logs["d_loss"], logs["g_loss"]]).all()
    for name, player in players.items():
        pairs = zip(player.trainable_weights, before[name], strict=True)
        moved = [not np.array_equal(w.numpy(), old) for w, old in pairs]
        assert all(moved) if mover in (name, "both") else not any(moved)


def test_a_sigmoid_takes_the_gradient_away(lesson, real_images):
    fakes = tf.constant(0.1 * real_images)
    wrong = lesson.gradient_at_fakes(True, tf.constant(real_images), fakes, 25)
    right = lesson.gradient_at_fakes(False, tf.constant(real_images), fakes, 25)
    assert wrong[-1] < right[-1]


def test_spread_of_equal_images_is_zero(lesson, real_images):
    assert lesson.spread(np.repeat(real_images[:1], 5, axis=0)) == pytest.approx(0, abs=1e-6)
    assert lesson.spread(real_images) == pytest.approx(real_images.std(axis=0).mean())


# ---- what the recorded full run carries --------------------------------------------------------


@pytest.fixture(scope="module")
def recorded():
    return records.recorded("09_lsgan", "full")["metrics"]


def test_the_recorded_run_learned(recorded):
    # far below the untrained generator's distance
    assert recorded["distance_after"] < recorded["distance_before"] / 5


def test_normalization_and_not_the_loss_decides_in_the_recorded_run(lesson, recorded):
    # "Without batch normalization both losses fail in most runs, and with it the ordinary loss
    # fails in none."
    rows = recorded["stability"]
    failed = {
        name: np.mean([row["spread"] < lesson.LEAST_SPREAD for row in rows if row["name"] == name])
        for name in {row["name"] for row in rows}
    }
    assert failed["cross-entropy, normalized"] == 0
    assert min(failed["cross-entropy"], failed["least squares"]) > 0.5
    assert len(rows) >= 3 * len(failed), "several seeds of each kind"
    # "A failed run draws the same black image for every noise."
    spreads = [row["spread"] for row in rows if row["spread"] < lesson.LEAST_SPREAD]
    assert max(spreads) < 0.01


def test_the_recorded_recipe_is_the_dcgan_lessons():
    # "The two differ in the loss alone", so that their distances stand next to each other.
    ours, theirs = (records.recorded(name, "full") for name in ("09_lsgan", "02_dcgan"))
    same = ("batch_size", "d_rate", "g_rate", "beta_1", "ema_decay", "stages")
    assert all(ours["settings"][key] == theirs["settings"][key] for key in same)
    steps = (run["metrics"]["epochs"] * run["metrics"]["steps_per_epoch"] for run in (ours, theirs))
    assert len({*steps}) == 1
