"""Lesson 08: the shared trunk, who moves in which update, the bound, and how codes are judged."""

import math
import warnings

import keras
import numpy as np
import pytest
import tensorflow as tf
from lesson import load_lesson
from scipy import stats

from gan_utils import records


@pytest.fixture(scope="module")
def lesson():
    return load_lesson("08_infogan")


@pytest.fixture(scope="module")
def gan(lesson):
    """One model for the tests that change nothing."""
    return lesson.make_gan(rates=(1e-3, 1e-3))


@pytest.fixture
def real_images():
    return np.random.default_rng(0).uniform(-1, 1, (4, 28, 28, 1)).astype("float32")


def drawn(gan, real_images):
    """Return the inputs of a step, its fakes, and the tape that recorded them."""
    inputs = gan.generator_inputs(tf.constant(real_images), gan.next_seed())
    with tf.GradientTape() as tape:
        fake_images = gan.generator(inputs, training=True)
    return inputs, fake_images, tape


def values(weights):
    return [weight.numpy() for weight in weights]


def moved(before, weights):
    return [not np.array_equal(old, w.numpy()) for old, w in zip(before, weights, strict=True)]


# ---- networks ----------------------------------------------------------------------------------


def test_counts(gan):
    assert gan.generator.count_params() == 3_113_409
    assert gan.discriminator.count_params() == 670_913
    assert gan.recognizer.count_params() == 2_265_930
    assert gan.discriminator.layers[0] is gan.recognizer.layers[0] is gan.trunk


def test_weights_start_as_the_lesson_says(lesson, gan):
    networks = gan.generator, lesson.build_trunk(), lesson.build_q_head()
    kernels = [w.numpy() for n in networks for w in n.weights if w.name == "kernel"]
    assert len(kernels) == 4 + 3 + 2
    for kernel in kernels:
        assert kernel.std() == pytest.approx(0.02, rel=0.15)


def test_outputs(lesson, gan):
    images = gan.generator(tf.zeros((2, 72)), training=False)
    assert images.shape == (2, 28, 28, 1)
    assert gan.discriminator(images, training=False).shape == (2, 1)
    assert gan.recognizer(images, training=False).shape == (2, 10)
    assert gan.recognizer.layers[-1].layers[-1].activation is keras.activations.linear


def test_the_gain_is_part_of_the_saved_generator(lesson, gan, tmp_path):
    inputs = gan.generator_inputs(None, tf.constant([1, 2]), 3)
    gan.generator.save(tmp_path / "generator.keras")
    loaded = keras.saving.load_model(tmp_path / "generator.keras", compile=False)
    np.testing.assert_allclose(loaded(inputs), gan.generator(inputs), atol=1e-6)
    scaled = gan.generator.layers[0](inputs).numpy()
    gain = lesson.NOISE_GAIN
    np.testing.assert_allclose(scaled[:, :62], gain * inputs.numpy()[:, :62], rtol=1e-6)
    np.testing.assert_array_equal(scaled[:, 62:], inputs.numpy()[:, 62:])


# ---- inputs and losses ---------------------------------------------------------------------------


def test_inputs_are_noise_and_a_one_hot_code(gan, real_images):
    inputs = gan.generator_inputs(tf.constant(real_images), tf.constant([3, 4])).numpy()
    assert inputs.shape == (2 * len(real_images), 72)
    many = gan.generator_inputs(None, tf.constant([3, 4]), 4_000).numpy()
    codes = many[:, 62:]
    assert set(np.unique(codes)) == {0, 1}
    np.testing.assert_array_equal(codes.sum(axis=1), 1)
    assert codes.mean(axis=0) == pytest.approx(np.full(10, 0.1), abs=0.03)
    assert many[:, :62].std() == pytest.approx(1, abs=0.01)
    again = gan.generator_inputs(None, tf.constant([3, 4]), 4_000).numpy()
    np.testing.assert_array_equal(many, again)


def test_code_loss_by_hand(lesson):
    codes = tf.constant([[1.0, 0.0, 0.0], [0.0, 1.0, 0.0]])
    logits = tf.math.log(tf.constant([[0.7, 0.2, 0.1], [0.5, 0.4, 0.1]]))
    expected = -(math.log(0.7) + math.log(0.4)) / 2
    assert lesson.code_loss(codes, logits).numpy() == pytest.approx(expected, rel=1e-5)
    # Any constant may be added to the logits of a picture.
    assert lesson.code_loss(codes, logits + 7).numpy() == pytest.approx(expected, rel=1e-5)
    nothing = lesson.code_loss(tf.eye(10), tf.zeros((10, 10)))
    assert nothing.numpy() == pytest.approx(math.log(10), rel=1e-6)


def test_gaussian_loss_against_scipy(lesson):
    rng = np.random.default_rng(1)
    codes, means, log_stds = (rng.normal(size=(50, 2)) for _ in range(3))
    expected = -stats.norm.logpdf(codes, means, np.exp(log_stds)).sum(axis=1).mean()
    found = lesson.gaussian_loss(*(tf.constant(x, tf.float32) for x in (codes, means, log_stds)))
    assert found.numpy() == pytest.approx(expected, rel=1e-4)


def test_gaussian_loss_pulls_to_the_code_and_to_the_right_spread(lesson):
    codes = tf.constant([[1.0], [1.0]])
    means, log_stds = tf.Variable([[0.0], [2.0]]), tf.Variable([[2.0], [-2.0]])
    with tf.GradientTape() as tape:
        loss = lesson.gaussian_loss(codes, means, log_stds)
    by_mean, by_std = tape.gradient(loss, [means, log_stds])
    assert by_mean.numpy()[0, 0] < 0 < by_mean.numpy()[1, 0]
    assert by_std.numpy()[0, 0] > 0 > by_std.numpy()[1, 0]


def test_squared_error_is_a_likelihood_with_variance_one_half(lesson):
    codes, means = tf.constant([[0.3, -0.8]]), tf.constant([[0.1, 0.4]])
    half = tf.fill((1, 2), np.float32(0.5 * math.log(0.5)))
    squared = lesson.squared_loss(codes, means, half).numpy()
    assert squared == pytest.approx(0.04 + 1.44, rel=1e-5)
    expected = squared + 2 * 0.5 * math.log(math.pi)
    assert lesson.gaussian_loss(codes, means, half).numpy() == pytest.approx(expected, rel=1e-5)


def test_distortion_moves_the_ink_and_keeps_the_digit(lesson, monkeypatch):
    picture = -np.ones((4, 28, 28, 1), "float32")
    picture[:, 12:16, 12:16] = 1
    copies = lesson.distort(tf.constant(picture), [1, 2]).numpy()
    assert copies.shape == picture.shape
    assert copies.min() >= -1
    assert copies.max() <= 1
    ink = (copies + 1).sum(axis=(1, 2, 3)) / (picture + 1).sum(axis=(1, 2, 3))
    assert np.all((ink > 0.1) & (ink < 3.5))  # of a 4 by 4 square, the pen takes or adds much
    assert len({copy.tobytes() for copy in copies}) == 4
    np.testing.assert_array_equal(copies, lesson.distort(tf.constant(picture), [1, 2]))
    for name in lesson.DISTORTIONS:
        monkeypatch.setitem(lesson.DISTORTIONS, name, 0.0)
    still = lesson.distort(tf.constant(picture), [1, 2])
    np.testing.assert_allclose(still, picture, atol=1e-6)


def test_the_pen_makes_strokes_thicker_or_thinner(lesson):
    picture = -np.ones((3, 28, 28, 1), "float32")
    picture[:, 10:18, 13:15] = 1
    drawn_again = lesson.change_pen(tf.constant(picture), tf.constant([1.0, 0.0, -1.0])).numpy()
    ink = (drawn_again + 1).sum(axis=(1, 2, 3)) / 2
    share = lesson.DISTORTIONS["pen"]
    # A stroke of 8 by 2 pixels becomes one of 10 by 4, or none at all, by that share.
    np.testing.assert_allclose(ink, [16 + share * (40 - 16), 16, 16 - share * 16], rtol=1e-5)


def test_the_code_is_read_off_the_copies(lesson, gan, real_images, monkeypatch):
    monkeypatch.setitem(lesson.DISTORTIONS, "move", 1e6)  # the copies are empty then
    seen = []
    loss = gan.information_loss
    monkeypatch.setattr(gan, "information_loss", lambda *parts: seen.extend(parts) or loss(*parts))
    inputs, fake_images, _ = drawn(gan, real_images)
    _, logs = gan.generator_objective(None, inputs, fake_images)
    _, drawn_outputs, copy_outputs = (part.numpy() for part in seen)
    np.testing.assert_allclose(copy_outputs, copy_outputs[:1].repeat(8, axis=0), atol=1e-5)
    assert np.abs(drawn_outputs - drawn_outputs[0]).max() > 1e-3
    by_hand = lesson.code_loss(inputs[:, 62:], tf.constant(copy_outputs))
    assert float(logs["q_loss"]) == pytest.approx(float(by_hand), rel=1e-5)


def test_without_distortion_the_copy_is_the_drawing(lesson, gan, real_images, monkeypatch):
    inputs, fake_images, _ = drawn(gan, real_images)
    monkeypatch.setattr(gan, "distorts", False)
    plain = gan.generator_objective(None, inputs, fake_images)[1]["q_loss"]
    monkeypatch.setattr(gan, "distorts", True)
    for name in lesson.DISTORTIONS:
        monkeypatch.setitem(lesson.DISTORTIONS, name, 0.0)
    still = gan.generator_objective(None, inputs, fake_images)[1]["q_loss"]
    assert float(still) == pytest.approx(float(plain), rel=1e-4)


@pytest.mark.parametrize("weight", [0.0, 1.0, 0.25])
def test_lambda_weighs_the_code_loss(gan, real_images, weight):
    inputs, fake_images, _ = drawn(gan, real_images)
    old, gan.information_weight = gan.information_weight, weight
    total, logs = gan.generator_objective(None, inputs, fake_images)
    gan.information_weight = old
    assert total.numpy() == pytest.approx(float(logs["g_loss"] + weight * logs["q_loss"]))


def test_lambda_zero_gives_the_generator_no_gradient_from_q(gan, real_images):
    sizes = []
    for weight in (0.0, 1.0):
        inputs = gan.generator_inputs(tf.constant(real_images), gan.next_seed())
        old, gan.information_weight = gan.information_weight, weight
        with tf.GradientTape() as tape:
            fake_images = gan.generator(inputs, training=True)
            total, logs = gan.generator_objective(None, inputs, fake_images)
            share = total - logs["g_loss"]
        gan.information_weight = old
        gradients = tape.gradient(share, gan.generator.trainable_variables)
        sizes.append(float(tf.linalg.global_norm(gradients)))
    assert sizes[0] == 0
    assert sizes[1] > 0


# ---- the updates ------------------------------------------------------------------------------


def test_the_discriminator_sees_as_many_fakes_as_real_pictures(gan, real_images):
    inputs, fake_images, _ = drawn(gan, real_images)
    batch = tf.constant(real_images)
    loss, _ = gan.discriminator_objective(batch, inputs, fake_images)
    spoiled = tf.concat([fake_images[:4], tf.ones_like(fake_images[4:])], axis=0)
    assert gan.discriminator_objective(batch, inputs, spoiled)[0].numpy() == loss.numpy()
    spoiled = tf.concat([tf.ones_like(fake_images[:4]), fake_images[4:]], axis=0)
    assert gan.discriminator_objective(batch, inputs, spoiled)[0].numpy() != loss.numpy()


def test_the_discriminators_update_moves_trunk_and_head_only(lesson, real_images):
    gan = lesson.make_gan(rates=(1e-3, 1e-3))
    inputs, fake_images, _ = drawn(gan, real_images)
    before = values(gan.discriminator.weights)
    others = gan.generator.weights + gan.q_head.weights
    kept = values(others)
    gan.update_discriminator(tf.constant(real_images), inputs, fake_images)
    assert all(moved(before, gan.discriminator.weights))
    assert not any(moved(kept, others))


def test_the_update_of_g_and_q_leaves_the_trunk_and_its_statistics(lesson, real_images):
    gan = lesson.make_gan(rates=(1e-3, 1e-3))
    inputs, fake_images, tape = drawn(gan, real_images)
    movers = gan.generator.trainable_weights + gan.q_head.weights
    before, kept = values(movers), values(gan.discriminator.weights)
    assert len(gan.trunk.non_trainable_weights) == 4
    gan.update_generator(tf.constant(real_images), inputs, fake_images, tape)
    assert all(moved(before, movers))
    assert not any(moved(kept, gan.discriminator.weights))


def test_a_step_is_finite_and_warns_of_nothing(lesson, gan, real_images):
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        logs = gan.train_step(tf.constant(real_images))
    assert {"d_loss", "g_loss", "q_loss", "d_real", "d_fake"} == set(logs)
    assert np.isfinite([float(value) for value in logs.values()]).all()
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        trial = lesson.make_gan(lesson.ContinuousInfoGAN, likelihood=lesson.squared_loss)
        logs = trial.train_step(tf.constant(real_images))
    assert np.isfinite([float(value) for value in logs.values()]).all()


# ---- judging codes -----------------------------------------------------------------------------


def test_purity_and_errors_of_a_table(lesson):
    codes = np.array([0, 0, 0, 1, 1, 2])
    digits = np.array([7, 7, 3, 7, 7, 1])
    table = lesson.count_table(codes, digits)
    assert table.shape == (10, 10)
    assert lesson.purity(table) == pytest.approx(5 / 6)
    assert lesson.agreement(table) == pytest.approx(4 / 6)
    one_digit = np.zeros((10, 10), int)
    one_digit[:, 8] = 5
    assert lesson.purity(one_digit) == 1
    assert lesson.agreement(one_digit) == pytest.approx(0.1)
    # One to one, the digit 7 goes to one code: code 1 gets it, and code 0 the digit 3 (or 7 and 2).
    strict, mild = lesson.clustering_errors(table, table)
    assert mild == pytest.approx(1 / 6)
    assert strict == pytest.approx(1 - (2 + 1 + 1) / 6)


def test_errors_use_the_assignment_of_the_other_table(lesson):
    train_table = 10 * np.eye(10, dtype=int)
    test_table = 10 * np.roll(np.eye(10, dtype=int), 1, axis=1)
    assert lesson.clustering_errors(train_table, train_table) == (0, 0)
    assert lesson.clustering_errors(train_table, test_table) == (1, 1)


def test_measured_again_fits_the_pictures_and_leaves_the_recognizer(lesson, gan):
    pictures = np.random.default_rng(2).integers(0, 256, (64, 28, 28, 1), dtype=np.uint8)
    kept = values(gan.recognizer.weights)
    network = lesson.measured_again(gan.recognizer, pictures, batch_size=64)
    assert not any(moved(kept, gan.recognizer.weights))
    batch = lesson.images.to_float(pictures)
    calm, live = network(batch, training=False), network(batch, training=True)
    np.testing.assert_allclose(calm, live, atol=2e-3)
    assert not np.allclose(gan.recognizer(batch, training=False), live, atol=2e-3)


def test_tightening_moves_qs_own_layers_of_the_copy_only(lesson, gan):
    pictures = np.random.default_rng(5).integers(0, 256, (16, 28, 28, 1), dtype=np.uint8)
    network = lesson.measured_again(gan.recognizer, pictures, batch_size=16)
    trunk, q_head = network.layers
    still = gan.recognizer.weights + gan.generator.weights + trunk.weights
    kept, before = values(still), values(q_head.weights)
    losses = lesson.tighten(gan, network, 2, batch_size=8)
    assert np.isfinite(losses).all()
    assert not any(moved(kept, still))
    assert all(moved(before, q_head.weights))


def test_batch_statistics_leave_no_trace(lesson, gan):
    pictures = np.random.default_rng(3).integers(0, 256, (20, 28, 28, 1), dtype=np.uint8)
    kept = values(gan.recognizer.weights)
    assert lesson.predict_codes(gan.recognizer, pictures, training=True).shape == (20,)
    assert not any(moved(kept, gan.recognizer.weights))


# ---- exercises -----------------------------------------------------------------------------------


def test_warm_start_keeps_the_pictures_and_picks_codes(lesson, gan):
    trial = lesson.make_gan(num_codes=5)
    pick = np.arange(0, 10, 2)
    lesson.warm_start(trial, gan, pick)
    noise = np.random.default_rng(4).normal(size=(5, 62)).astype("float32")
    few = np.concatenate([noise, np.eye(5, dtype="float32")], axis=1)
    full = np.concatenate([noise, np.eye(10, dtype="float32")[pick]], axis=1)
    ours, theirs = trial.generator(few, training=False), gan.generator(full, training=False)
    assert np.abs(ours - theirs).mean() < 0.1 * np.abs(theirs).mean() + 0.01
    for mine, its in zip(trial.trunk.weights, gan.trunk.weights, strict=True):
        np.testing.assert_array_equal(mine, its)


def test_continuous_codes_have_their_distributions(lesson):
    trial = lesson.make_gan(lesson.ContinuousInfoGAN)
    assert trial.latent_dim == 74
    assert trial.recognizer.output_shape == (None, 14)
    uniform = trial.draw_codes(4_000, tf.constant([1, 2])).numpy()
    np.testing.assert_array_equal(uniform[:, :10].sum(axis=1), 1)
    assert np.abs(uniform[:, 10:]).max() <= 1
    assert uniform[:, 10:].std() == pytest.approx(1 / math.sqrt(3), abs=0.02)
    assert abs(np.corrcoef(uniform[:, 10], uniform[:, 11])[0, 1]) < 0.06
    trial.distribution = "normal"
    normal = trial.draw_codes(4_000, tf.constant([1, 2])).numpy()[:, 10:]
    assert normal.std() == pytest.approx(1, abs=0.03)
    assert np.abs(normal).max() > 2


# ---- settings ------------------------------------------------------------------------------------


def test_the_tutorials_settings_switch_our_additions_off(lesson):
    tutorial = lesson.TUTORIAL
    assert (tutorial["average"], tutorial["noise_gain"], tutorial["distorts"]) == (None, 1.0, False)
    assert lesson.SHORT.keys() | {"epochs"} == tutorial.keys()


def test_statistics_are_recomputed_from_a_set_smaller_than_a_batch(lesson, gan):
    pictures = np.random.default_rng(6).integers(0, 256, (24, 28, 28, 1), dtype=np.uint8)
    network = lesson.measured_again(gan.recognizer, pictures)
    batch = lesson.images.to_float(pictures)
    np.testing.assert_allclose(
        network(batch, training=False), network(batch, training=True), atol=0.02
    )


# ---- what the lesson says of the recorded full run -----------------------------------------------


@pytest.fixture(scope="module")
def recorded():
    return records.recorded("08_infogan", "full")["metrics"]


def test_recorded_codes_are_digits(recorded):
    # "What the recorded run reached": a digit for each code, and few real digits sorted wrong
    assert sorted(recorded["digits_of_codes"]) == list(range(10))
    assert recorded["agreement"] > 0.99
    assert recorded["agreement_by_epoch"][0] < 0.2
    assert recorded["error"] <= 0.10
    # "There is one thing more to be had without labels": the tightened recognizer is the best
    assert recorded["error"] == min(strict for strict, _ in recorded["errors_by_way"].values())


def test_recorded_experiments_show_what_the_noise_gain_does(recorded):
    found = {name: row["agreement"] for name, row in recorded["experiments"].items()}
    # "lower than with lambda = 1, but far from 1/10"
    assert 0.4 < found["lambda = 0"] < found["lambda = 1"]
    # "with a gain of 1 the agreement is near 1/10"
    assert found["noise gain 1"] < 0.2
    # "Without the distortion it is lower too"
    assert found["no distortion"] < found["lambda = 1"]


def test_tutorial_takes_hours():
    # "On two CPU cores that takes hours"
    step = records.recorded("bench_lessons", "full")["metrics"]["lessons"]["08"]["fit_ms"]
    assert 3 < step * 93_700 / 3.6e6 < 12
