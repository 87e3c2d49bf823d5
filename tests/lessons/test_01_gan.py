"""Lesson 01: parameter counts, optimal discriminator, divergence, losses, networks."""

import keras
import numpy as np
import pytest
import tensorflow as tf
from lesson import load_lesson

from gan_utils import losses, records


@pytest.fixture(scope="module")
def lesson():
    return load_lesson("01_gan")


def test_real_points_cover_all_modes(lesson):
    points = lesson.draw_ring(20_000, seed=0)
    assert points.shape == (20_000, 2)
    assert lesson.modes_covered(points) == 8
    assert lesson.share_within_3_sigma(points) == pytest.approx(1 - np.exp(-4.5), abs=0.003)


def test_counts_by_hand(lesson):
    centers = lesson.ring_centers()
    assert lesson.modes_covered(np.repeat(centers[:3], 10, axis=0)) == 3
    just_inside = centers + np.array([0, 2.99 * lesson.SPREAD])
    just_outside = centers + np.array([0, 3.01 * lesson.SPREAD])
    assert lesson.share_within_3_sigma(np.concatenate([just_inside, just_outside])) == 0.5
    assert lesson.modes_covered(np.zeros((100, 2))) == 0


def test_a_mode_needs_a_fifth_of_its_fair_share(lesson):
    centers = lesson.ring_centers()
    for count, covered in ((24, 1), (25, 2)):
        points = np.repeat(centers[:2], [1000 - count, count], axis=0)
        assert lesson.modes_covered(points) == covered


def test_densities_integrate_to_one(lesson):
    points = lesson.grid_points(8.0, 801).astype("float64")
    cell = (16 / 800) ** 2
    for modes in (1, 4, 8):
        density = np.exp(lesson.log_ring_density(points, modes))
        assert density.sum() * cell == pytest.approx(1, abs=1e-4)


def test_the_ring_density_is_that_of_the_points(lesson):
    points = lesson.draw_ring(50_000, seed=1)
    entropy = np.log(8) + np.log(2 * np.pi * np.e * lesson.SPREAD**2)  # modes do not overlap
    assert -lesson.log_ring_density(points).mean() == pytest.approx(entropy, abs=0.02)


def test_the_best_discriminator_by_hand(lesson):
    centers = lesson.ring_centers().astype("float64")
    wide = lesson.best_discriminator(
        centers[:1], lambda points: lesson.log_gaussian_density(points, 0.0, 1.5)
    )
    real = 1 / 8 / (2 * np.pi * lesson.SPREAD**2)
    fake = np.exp(-(lesson.RADIUS**2) / (2 * 1.5**2)) / (2 * np.pi * 1.5**2)
    assert wide[0] == pytest.approx(real / (real + fake), rel=1e-5)
    # "the side of the covered modes is at one third ..., that of the missing ones at one"
    four = lesson.best_discriminator(centers, lambda points: lesson.log_ring_density(points, 4))
    np.testing.assert_allclose(four, [1 / 3] * 4 + [1] * 4, atol=1e-6)


@pytest.mark.parametrize("count", [1, 2, 4, 8])
def test_the_divergence_of_some_modes_in_closed_form(lesson, count):
    found = lesson.jensen_shannon(
        lesson.log_ring_density, lambda points: lesson.log_ring_density(points, count)
    )
    share = count / 8  # of the real mass, where both densities live
    mean = (share + 1) / 2
    expected = 0.5 * (share * np.log(share / mean) + (1 - share) * np.log(2) - np.log(mean))
    assert found == pytest.approx(expected, abs=1e-3)


def test_slopes_of_the_generators_losses(lesson):
    logits = tf.constant([-20.0, -3.0, 0.0, 4.0])
    saturating, non_saturating = lesson.generator_slopes(logits.numpy()).values()
    for slopes, loss in (
        (saturating, lambda a: tf.math.log_sigmoid(-a)),
        (non_saturating, losses.cross_entropy_generator_loss),
    ):
        with tf.GradientTape() as tape:
            tape.watch(logits)
            total = tf.reduce_sum(loss(logits)) * (4 if np.ndim(loss(logits)) == 0 else 1)
        np.testing.assert_allclose(slopes, tape.gradient(total, logits), rtol=1e-4, atol=1e-6)


def test_the_game_of_two_numbers(lesson):
    rate, count = 0.1, 200
    # "the distance grows by sqrt(1 + rate^2) each time"
    spiral = lesson.distances_from_rest(alternate=False, beta=0.0, count=count, rate=rate)
    np.testing.assert_allclose(spiral, (1 + rate**2) ** (0.5 * np.arange(1, count + 1)))
    # "an ellipse, almost a circle": d^2 + g^2 + rate d g stays one
    circle = lesson.distances_from_rest(alternate=True, beta=0.0, count=count, rate=rate)
    assert circle.min() >= (1 + rate / 2) ** -0.5 - 1e-9
    assert circle.max() <= (1 - rate / 2) ** -0.5 + 1e-9
    # "Momentum drives them out again", the more so the longer it remembers
    half, most = (lesson.distances_from_rest(True, beta)[-1] for beta in (0.5, 0.9))
    assert 2 < half < most / 2


def test_the_networks_have_the_lessons_counts(lesson):
    generator, discriminator = lesson.build_generator(), lesson.build_discriminator()
    assert generator(tf.zeros((2, 100))).shape == (2, 28, 28, 1)
    assert generator.count_params() == 1_493_520
    assert discriminator(tf.zeros((2, 28, 28, 1))).shape == (2, 1)
    assert discriminator.count_params() == 533_505
    widths = [layer.units for layer in generator.layers if isinstance(layer, keras.layers.Dense)]
    assert widths == [256, 512, 1024, 784]
    widths = [x.units for x in discriminator.layers if isinstance(x, keras.layers.Dense)]
    assert widths == [512, 256, 1]
    assert discriminator.layers[-1].activation is keras.activations.linear


def test_ring_batches_are_real_points_and_differ(lesson):
    first, second = (batch.numpy() for batch in lesson.ring_batches(3).take(2))
    assert first.shape == (lesson.RING_BATCH, 2)
    assert lesson.share_within_3_sigma(first) > 0.95
    assert not np.array_equal(first, second)
    (again,) = (batch.numpy() for batch in lesson.ring_batches(3).take(1))
    np.testing.assert_array_equal(first, again)
    (other_seed,) = (batch.numpy() for batch in lesson.ring_batches(4).take(1))
    assert not np.array_equal(first, other_seed)


def test_points_train_with_the_books_gan_and_frames_are_kept(lesson):
    frames, counts = lesson.train_ring(0)
    assert [frame["step"] for frame in frames] == [0, 10, 20, 30, 40]
    assert not np.array_equal(frames[0]["points"], frames[-1]["points"])
    assert frames[-1]["field"].min() >= 0
    assert frames[-1]["field"].max() <= 1
    assert 0 <= counts["modes"] <= lesson.MODES
    assert 0 <= counts["share"] <= 1
    image = lesson.frame_as_array(frames[-1])
    assert image.dtype == np.uint8
    assert image.shape == (400, 380, 3)


def test_the_recorded_run_carries_what_the_lesson_says():
    found = records.recorded("01_gan", "full")["metrics"]
    # the ring covers all modes with every seed, nearly all points within 3 sigma
    assert len(found["ring"]) == 5
    assert all(ring["modes"] == 8 and ring["share"] >= 0.9 for ring in found["ring"])
    # the digits: far from noise, not as close as real ones; no digit is avoided
    assert found["distance_after"] < found["distance_before"] / 10
    assert found["real_vs_real"] < found["distance_after"]
    assert min(found["share_of_digits"]) > 0.05
