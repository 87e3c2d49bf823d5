"""Lesson 08: the shared trunk, which weights each update moves, the bound, scores of codes."""

import json
import math
import warnings
from types import FunctionType

import keras
import numpy as np
import pytest
import tensorflow as tf
from lesson import load_lesson

from gan_utils import augment, records, weights, who_moved


@pytest.fixture(scope="module")
def lesson():
    return load_lesson("08_infogan")


@pytest.fixture(scope="module")
def gan(lesson):
    """One model for the tests that change nothing."""
    return lesson.make_gan(lesson.SHORT)


@pytest.fixture
def real_images():
    return np.random.default_rng(0).uniform(-1, 1, (4, 28, 28, 1)).astype("float32")


@pytest.mark.parametrize(("name", "fakes"), [("SHORT", 8), ("FULL", 4), ("TUTORIAL", 8)])
def test_fakes_that_the_generator_learns_from_for_four_real_images(
    lesson, real_images, name, fakes, monkeypatch
):
    gan, seen = lesson.make_gan(getattr(lesson, name)), []
    update = type(gan).update_generator

    def watched(self, batch, inputs, *rest):
        seen.append(len(inputs))
        return update(self, batch, inputs, *rest)

    monkeypatch.setattr(type(gan), "update_generator", watched)
    logs = gan.train_step(tf.constant(real_images))
    assert np.isfinite([float(value) for value in logs.values()]).all()
    assert seen == [fakes]


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
    assert gan.discriminator.layers[0] is gan.recognizer.layers[0]


def test_weights_start_as_the_lesson_says(lesson, gan):
    networks = lesson.build_generator(), *lesson.build_players()[1].layers
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
    gain = lesson.SETTINGS["noise_gain"]
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


def test_the_code_is_read_off_a_distorted_copy(lesson, gan, real_images, monkeypatch):
    _, fake_images, _ = drawn(gan, real_images)
    codes = tf.one_hot([3] * 8, 10)
    seed = gan.next_seed(stream=lesson.DISTORTION_STREAM)
    copies = augment.distort(fake_images, seed)
    by_hand = lesson.code_loss(codes, gan.recognizer(copies, training=True))
    assert float(gan.information_loss(codes, fake_images)) == pytest.approx(
        float(by_hand), rel=1e-4
    )
    monkeypatch.setattr(gan, "distorts", False)
    plain = lesson.code_loss(codes, gan.recognizer(fake_images, training=True))
    assert float(gan.information_loss(codes, fake_images)) == pytest.approx(float(plain), rel=1e-4)


@pytest.mark.parametrize("weight", [0.0, 1.0, 0.25])
def test_lambda_weighs_the_code_loss(gan, real_images, weight):
    inputs, fake_images, _ = drawn(gan, real_images)
    old, gan.information_weight = gan.information_weight, weight
    total, logs = gan.generator_objective(None, inputs, fake_images)
    gan.information_weight = old
    assert total.numpy() == pytest.approx(float(logs["g_loss"] + weight * logs["q_loss"]))


@pytest.mark.parametrize("weight", [0.0, 1.0])
def test_gradient_of_the_information_term_is_zero_without_lambda(lesson, gan, real_images, weight):
    names = {**vars(lesson), "real_sample": real_images}
    size = FunctionType(lesson.information_gradient.__code__, names)(gan, weight)
    assert (float(size) > 0) == (weight > 0)


# ---- the updates ------------------------------------------------------------------------------


def test_the_discriminator_sees_as_many_fakes_as_real_pictures(gan, real_images):
    inputs, fake_images, _ = drawn(gan, real_images)
    batch = tf.constant(real_images)
    loss, _ = gan.discriminator_objective(batch, inputs, fake_images)
    spoiled = tf.concat([fake_images[:4], tf.ones_like(fake_images[4:])], axis=0)
    assert gan.discriminator_objective(batch, inputs, spoiled)[0].numpy() == loss.numpy()
    spoiled = tf.concat([tf.ones_like(fake_images[:4]), fake_images[4:]], axis=0)
    assert gan.discriminator_objective(batch, inputs, spoiled)[0].numpy() != loss.numpy()


def test_each_update_moves_its_own_parts(lesson, real_images):
    gan = lesson.make_gan()
    moves = who_moved(gan, tf.constant(real_images), lesson.parts_of(gan))
    assert moves.movers == [
        ("discriminator", ["trunk", "D's head", "trunk's statistics"]),
        ("generator", ["generator", "Q's own"]),
    ]


def test_a_recognizer_of_its_own_moves_with_the_generator(lesson, real_images):
    gan = lesson.make_gan(kind=lesson.SeparateInfoGAN)
    moves = who_moved(gan, tf.constant(real_images), lesson.parts_of(gan))
    assert moves.movers[1] == ("generator", ["generator", "Q's own"])
    assert not {id(w) for w in gan.recognizer.weights} & {id(w) for w in gan.discriminator.weights}


def test_a_step_is_finite_and_warns_of_nothing(gan, real_images):
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        logs = gan.train_step(tf.constant(real_images))
    assert {"d_loss", "g_loss", "q_loss", "d_real", "d_fake"} == set(logs)
    assert np.isfinite([float(value) for value in logs.values()]).all()


# ---- scoring codes -----------------------------------------------------------------------------


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
    assert lesson.clustering_error(table, table) == pytest.approx(1 - (2 + 1 + 1) / 6)


def test_errors_use_the_assignment_of_the_other_table(lesson):
    train_table = 10 * np.eye(10, dtype=int)
    test_table = 10 * np.roll(np.eye(10, dtype=int), 1, axis=1)
    assert lesson.clustering_error(train_table, train_table) == 0
    assert lesson.clustering_error(train_table, test_table) == 1


def test_recomputed_statistics_fit_the_images_and_leave_the_weights(lesson):
    gan = lesson.make_gan()
    some = np.random.default_rng(2).integers(0, 256, (64, 28, 28, 1), dtype=np.uint8)
    kept = values(gan.recognizer.trainable_weights)
    lesson.recompute(gan.recognizer, some)
    assert not any(moved(kept, gan.recognizer.trainable_weights))
    batch = lesson.images.to_float(some)
    calm = gan.recognizer(batch, training=False)
    np.testing.assert_allclose(calm, gan.recognizer(batch, training=True), atol=2e-3)


def test_tightening_moves_qs_own_layers_only(lesson):
    gan = lesson.make_gan()
    trunk, q_head = gan.recognizer.layers
    still = gan.generator.weights + trunk.weights
    kept, before = values(still), values(q_head.weights)
    lesson.tighten(gan, 2, batch_size=8)
    assert not any(moved(kept, still))
    assert all(moved(before, q_head.weights))


def test_codes_are_named_for_each_image(lesson, gan):
    some = np.random.default_rng(3).integers(0, 256, (20, 28, 28, 1), dtype=np.uint8)
    assert lesson.predict_codes(gan.recognizer, some).shape == (20,)


# ---- as in the tutorial --------------------------------------------------------------------------


def test_tutorials_settings(lesson):
    tutorial = lesson.TUTORIAL
    gan = lesson.make_gan(tutorial)
    assert tutorial["epochs"] * tutorial["steps"] == 93_700
    assert tutorial["real_images"] == 32
    assert gan.ema_decay is None
    assert gan.distorts is False
    assert gan.information_weight == 1
    scale = gan.generator.layers[0].scale
    np.testing.assert_array_equal(scale, np.ones(72))
    for optimizer in (gan.d_optimizer, gan.g_optimizer):
        assert isinstance(optimizer, keras.optimizers.Adam)
        assert float(optimizer.learning_rate) == pytest.approx(2e-4)
        assert optimizer.beta_1 == 0.5
    assert tutorial.keys() == lesson.FULL.keys() == lesson.SHORT.keys()


def test_tutorials_round_is_two_steps_and_twice_as_many_new_fakes(lesson, real_images, monkeypatch):
    gan = lesson.make_gan(lesson.TUTORIAL)
    seen = []
    half, objective = gan._fake_half, gan.generator_objective
    monkeypatch.setattr(gan, "_fake_half", lambda *p: seen.append(len(p[1])) or half(*p))
    monkeypatch.setattr(
        gan, "generator_objective", lambda *p: seen.append(len(p[1])) or objective(*p)
    )
    gan.train_step(tf.constant(real_images))
    assert seen == [4, 8]
    assert (int(gan.d_optimizer.iterations), int(gan.g_optimizer.iterations)) == (2, 1)


# ---- what the lesson says of the recorded full run -----------------------------------------------


@pytest.fixture(scope="module")
def full_run():
    return records.recorded("08_infogan", "full")


@pytest.fixture(scope="module")
def recorded(full_run):
    return full_run["metrics"]


def test_recorded_run_has_the_settings_of_the_page(lesson, full_run):
    # "twenty passes over the data"
    assert full_run["settings"] == json.loads(json.dumps(lesson.FULL))
    assert full_run["data"]["count"] == 60_000
    row = full_run["comparison"]["InfoGAN"]
    assert (row["steps"], row["batch_size"], row["images_seen"]) == (37_500, 32, 20 * 60_000)
    assert row["samples"] == row["real_samples"] == 10_000
    assert row["extractor"] == "LeNet (mnist)"


def test_recorded_images_are_near_the_real_ones_and_varied(full_run):
    row = full_run["comparison"]["InfoGAN"]
    assert row["distance"] <= 8
    assert row["recall"] >= 0.50


def test_recorded_codes_are_digits(recorded):
    assert sorted(recorded["digits_of_codes"]) == list(range(10))
    assert recorded["samples"] == recorded["test_images"] == 10_000
    assert recorded["agreement"] > 0.99
    assert recorded["error"] <= 0.05  # as published, Chen et al., 2016


def test_recorded_recognizer_gets_better_without_labels(recorded):
    # "both are recomputed"; "a better Q makes the bound tighter"
    errors = recorded["errors"]
    assert recorded["error"] == errors["tightened too"] < errors["as trained"]
    assert errors["recomputed statistics"] < errors["as trained"]


def test_shipped_generator_is_that_of_the_record(full_run):
    # The page shows its images above the record's figures.
    shipped = weights.facts("infogan")
    assert (shipped["commit"], shipped["steps"]) == (full_run["commit"], 37_500)
    assert list(map(int, shipped["classes"])) == full_run["metrics"]["digits_of_codes"]
    assert shipped["scores"]["distance"] <= 8
    assert shipped["scores"]["recall"] >= 0.50


# ---- the study of the code -----------------------------------------------------------------------


@pytest.fixture(scope="module")
def study():
    return records.recorded("study_infogan", "full")["metrics"]


def test_recorded_changes_show_what_the_noise_gain_does(study):
    found = study["agreement"]
    # "the code means hardly anything"
    assert found["gain_one"] < 0.2
    # "even a generator without the information term uses the code for the digit"
    assert 0.4 < found["no_information"] < found["as_in_the_lesson"]
    # "costs most"
    assert found["gain_one"] == min(found.values())


def test_recorded_purities_of_other_codes(study):
    found = study["purity_by_codes"]
    assert 0.5 < found["5"] < 0.9 < found["20"]
