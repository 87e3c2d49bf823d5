"""Lesson 16: its losses and penalties, spectral normalization, and which weights move."""

import warnings

import keras
import numpy as np
import pytest
import tensorflow as tf
from lesson import load_lesson

from gan_utils import records, weights, who_moved
from gan_utils.layers import SpectralNormalization

TINY = {"width": 4, "batch_size": 4, "rate": 1e-3, "ema_decay": 0.9}
NAMES = (
    "cross-entropy",
    "hinge + spectral norm",
    "cross-entropy + R1",
    "relativistic",
    "relativistic + R1 + R2",
)


@pytest.fixture(scope="module")
def lesson():
    return load_lesson("16_modern_objectives")


@pytest.fixture(params=["float32", "mixed_bfloat16", "mixed_float16"])
def policy(request):
    keras.config.set_dtype_policy(request.param)
    yield request.param
    keras.config.set_dtype_policy("float32")


@pytest.fixture
def real_images():
    return tf.constant(np.random.default_rng(0).uniform(-1, 1, (4, 28, 28, 1)), tf.float32)


def test_the_five_objectives_differ_in_nothing_but_loss_and_penalties(lesson):
    assert tuple(lesson.OBJECTIVES) == NAMES
    chosen = [lesson.OBJECTIVES[name] for name in NAMES]
    normalized = [goal.wrap is SpectralNormalization for goal in chosen]
    assert normalized == [False, True, False, False, False]
    assert [(goal.r1 > 0, goal.r2 > 0) for goal in chosen] == [
        *((False, False), (False, False), (True, False), (False, False), (True, True))
    ]
    assert lesson.R3GAN is chosen[-1]


def test_losses_by_hand(lesson):
    real, fake = tf.constant([[3.0], [0.5]]), tf.constant([[-2.0], [0.0]])
    # Hinge: real (0 + 0.5) / 2, fake (0 + 1) / 2.
    assert float(lesson.hinge_loss(real, fake)) == pytest.approx(0.75)
    pairs = np.log1p(np.exp([-5.0, -0.5])).mean()
    assert float(lesson.pairing_loss(real, fake)) == pytest.approx(pairs)


def test_each_generators_loss_by_hand(lesson, real_images):
    fakes = -real_images
    for name in NAMES:
        gan = lesson.make_gan(lesson.OBJECTIVES[name], TINY)
        real, fake = (gan.discriminator(x).numpy() for x in (real_images, fakes))
        expected = np.log1p(np.exp(real - fake if "relativistic" in name else -fake)).mean()
        expected = -fake.mean() if "hinge" in name else expected
        loss, _ = gan.generator_objective(real_images, None, fakes)
        assert float(loss) == pytest.approx(float(expected), rel=1e-4, abs=1e-6), name


def test_a_constant_on_all_logits_changes_no_relativistic_loss(lesson):
    real, fake = tf.constant([[3.0], [0.5]]), tf.constant([[-2.0], [0.0]])
    for pair in ((real, fake), (fake, real)):
        moved = lesson.pairing_loss(*(logits + 5 for logits in pair))
        assert float(moved) == pytest.approx(float(lesson.pairing_loss(*pair)))
    assert float(lesson.hinge_loss(real + 5, fake + 5)) > float(lesson.hinge_loss(real, fake))


def test_slopes_of_a_plane_are_its_squared_norm(lesson, real_images):
    plane = keras.Sequential(
        [keras.Input((28, 28, 1)), keras.layers.Flatten(), keras.layers.Dense(1)]
    )
    logits, squares = lesson.logits_and_slopes(plane, real_images)
    np.testing.assert_allclose(logits, plane(real_images), atol=1e-5)
    norm = float(tf.reduce_sum(tf.square(plane.layers[-1].kernel)))
    np.testing.assert_allclose(squares, np.full(4, norm), rtol=1e-5)


def test_the_penalties_enter_the_discriminators_loss(lesson, real_images):
    gan = lesson.make_gan(lesson.R3GAN, TINY)
    fakes = -real_images
    loss, logs = gan.discriminator_objective(real_images, None, fakes)
    slopes = [lesson.logits_and_slopes(gan.discriminator, x)[1] for x in (real_images, fakes)]
    expected = 0.5 * lesson.GAMMA * sum(float(tf.reduce_mean(part)) for part in slopes)
    assert float(logs["penalty"]) == pytest.approx(expected, rel=1e-5)
    assert float(loss) == pytest.approx(float(logs["d_loss"] + logs["penalty"]), rel=1e-5)
    alone = lesson.make_gan(lesson.OBJECTIVES["relativistic"], TINY)
    assert float(alone.discriminator_objective(real_images, None, fakes)[1]["penalty"]) == 0


def test_the_networks_have_shapes_for_both_data_sets(lesson):
    for channels in (1, 3):
        generator = lesson.build_generator(4, channels)
        discriminator = lesson.build_discriminator(4, channels, SpectralNormalization)
        images = generator(tf.zeros((2, lesson.LATENT_DIM)))
        assert images.shape == (2, 28, 28, channels)
        assert discriminator(images).shape == (2, 1)
        kinds = {type(layer) for layer in [*generator.layers, *discriminator.layers]}
        assert keras.layers.BatchNormalization not in kinds
    wrapped = [layer for layer in discriminator.layers if isinstance(layer, SpectralNormalization)]
    assert len(wrapped) == 7
    plain = lesson.build_discriminator(4, 1)
    assert not any(isinstance(layer, keras.layers.Wrapper) for layer in plain.layers)


def test_keras_layer_changes_weights_in_a_call_and_ours_does_not(lesson, real_images):
    for wrap, changes in ((lesson.keras_wrap, True), (SpectralNormalization, False)):
        discriminator = lesson.build_discriminator(4, wrap=wrap)
        before = [weight.numpy() for weight in discriminator.trainable_weights]
        discriminator(real_images, training=True)
        after = [weight.numpy() for weight in discriminator.trainable_weights]
        assert changes == any((a != b).any() for a, b in zip(before, after, strict=True))


@pytest.mark.parametrize("seed", [1, 2, 3])
def test_keras_layer_leaves_one_direction_and_ours_several(lesson, monkeypatch, seed):
    monkeypatch.setitem(lesson.push.__globals__, "SEED", seed)
    theirs, ours = (lesson.push(wrap) for wrap in (lesson.keras_wrap, SpectralNormalization))
    assert theirs[1] < 0.01 * theirs[0]
    assert (ours > 0.1 * ours[0]).sum() >= 6


@pytest.mark.parametrize("name", NAMES)
def test_each_update_moves_its_own_player_alone(lesson, policy, real_images, name):
    gan = lesson.make_gan(lesson.OBJECTIVES[name], TINY)
    with warnings.catch_warnings():
        warnings.simplefilter("error")  # Keras warns of a variable without a gradient
        for _ in range(3):  # the first scales of the loss may be too large for float16
            logs = gan.train_step(real_images)
        moves = who_moved(gan, real_images)
    changes = dict(moves.rows)
    assert list(changes) == ["discriminator", "generator"]
    assert all(np.isfinite(float(value)) for value in logs.values())
    d_changes, g_changes = changes["discriminator"], changes["generator"]
    assert d_changes["discriminator"] > 0
    assert g_changes["generator"] > 0
    assert d_changes["generator"] == 0
    assert {value for part, value in g_changes.items() if "discriminator" in part} == {0.0}
    if lesson.OBJECTIVES[name].wrap is SpectralNormalization:
        assert d_changes["discriminator's statistics"] > 0


def test_only_a_penalty_lets_the_smallest_gan_converge_soon(lesson):
    # "The circle shrinks, but ever more slowly ... With a penalty the path soon ends."
    circle, spiral = (np.linalg.norm(lesson.dirac_path(g), axis=1) for g in (0.0, 0.3))
    assert circle[500] > 0.3
    assert circle[500] / circle[250] > circle[250] / circle[0]
    assert spiral[500] < 1e-2
    small = lesson.dirac_path(0.0, steps=2_500, rate=0.02)
    assert np.linalg.norm(small[-1]) > 0.3, "a smaller rate does not help"


def test_the_penalty_has_the_eigenvalues_of_the_solution(lesson):
    # Finite differences of one step at the solution: the rate times the solution's matrix.
    rate, gamma, tiny = 1e-4, 0.3, 1e-6
    columns = [lesson.dirac_step(*point, rate, gamma) for point in ((tiny, 0.0), (0.0, tiny))]
    matrix = (np.array(columns).T / tiny - np.eye(2)) / rate
    expected = 0.5 * (-gamma + np.array([1, -1]) * np.sqrt(complex(gamma**2 - 1)))
    found = sorted(np.linalg.eigvals(matrix), key=lambda value: value.imag)
    np.testing.assert_allclose(found, expected[::-1], atol=1e-3)


def test_stacked_digits_are_three_digits_in_three_channels(lesson):
    digits = np.arange(5 * 28 * 28, dtype="uint8").reshape(5, 28, 28, 1)
    stacked = lesson.stack_digits(digits, 50, seed=1)
    assert stacked.shape == (50, 28, 28, 3)
    assert stacked.dtype == np.uint8
    known = {digit.tobytes() for digit in digits[..., 0]}
    used = {np.ascontiguousarray(image[..., i]).tobytes() for image in stacked for i in range(3)}
    assert used == known
    np.testing.assert_array_equal(stacked, lesson.stack_digits(digits, 50, seed=1))


def test_a_mode_is_the_number_that_the_three_digits_read(lesson):
    from gan_utils import load_images

    test_set = load_images("mnist", split="test")
    places = [int(np.flatnonzero(test_set.labels == digit)[0]) for digit in (7, 0, 4)]
    stacked = np.concatenate([test_set.images[i] for i in places], axis=-1)[None]
    assert lesson.modes_of(stacked).tolist() == [704]


def test_the_recorded_generator_is_close_to_real_images_and_covers_them():
    run = records.recorded("16_modern_objectives", "full")
    scored = run["comparison"]["R3GAN objective"]
    assert scored["images_seen"] == 12 * 60_000
    for found in (scored, weights.facts("r3gan")["scores"]):
        assert found["samples"] == 10_000
        assert found["distance"] <= 2
        assert found["recall"] >= 0.8
