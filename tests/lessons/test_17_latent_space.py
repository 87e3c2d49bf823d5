"""Lesson 17: directions in latent space, measurements on images, and inversion."""

import keras
import numpy as np
import pytest
from lesson import load_lesson
from PIL import Image, ImageDraw

from gan_utils import records, weights


@pytest.fixture(scope="module")
def lesson():
    found = load_lesson("17_latent_space")
    found.move.__globals__["generator"] = weights.load_generator("gan")
    return found


@pytest.fixture(scope="module")
def generator(lesson):
    return lesson.move.__globals__["generator"]


def stroke(lean=0, width=3):
    """A vertical stroke whose top is `lean` pixels to the right of its bottom."""
    page = Image.new("L", (28, 28), 0)
    ImageDraw.Draw(page).line((14 - lean / 2, 24, 14 + lean / 2, 4), fill=255, width=width)
    return np.asarray(page, "float32")[None, ..., None] / 127.5 - 1


def test_a_move_ends_on_the_shell_and_further_along_its_direction(lesson):
    rng = np.random.default_rng(0)
    latents, direction = lesson.noise(20, rng), rng.normal(size=100)
    moved = lesson.move(latents, direction, 3)
    np.testing.assert_allclose(np.linalg.norm(moved, axis=1), 10, rtol=1e-5)
    assert ((moved - lesson.move(latents, direction, 0)) @ direction > 0).all()
    one_each = lesson.move(latents, rng.normal(size=(20, 100)), 3)
    assert one_each.shape == (20, 100)


def test_slant_is_the_shear_and_thickness_the_ink(lesson):
    leans = [lesson.measure(stroke(lean))["slant"][0] for lean in (-8, 0, 8)]
    np.testing.assert_allclose(leans, [-0.4, 0, 0.4], atol=0.05)  # pixels aside in 20 down
    thin, thick = (lesson.measure(stroke(width=width))["thickness"][0] for width in (2, 4))
    assert thick == pytest.approx(2 * thin, rel=0.01)
    everything = lesson.measure(np.ones((1, 28, 28, 1), "float32"))
    assert everything["thickness"][0] == pytest.approx(1)


def test_the_fit_finds_the_direction_that_leans(lesson, generator):
    latents = lesson.noise(200, np.random.default_rng(5))
    slant = lesson.fit_directions(0)["slant"]
    assert slant.shape == (101,)
    left, right = (
        lesson.measure(weights.draw(generator, lesson.move(latents, slant[:-1], step)))["slant"]
        for step in (-3, 3)
    )
    assert right.mean() > left.mean() + 0.3


def test_the_first_components_change_images_more_than_the_last(lesson, generator):
    latents = lesson.noise(100, np.random.default_rng(6))
    directions = lesson.principal_directions(0)
    np.testing.assert_allclose(np.linalg.norm(directions, axis=1), 1, rtol=1e-5)
    drawn = weights.draw(generator, lesson.move(latents, directions[0], 0))
    changes = [
        np.mean((weights.draw(generator, lesson.move(latents, row, 3)) - drawn) ** 2)
        for row in directions[[0, 1, -2, -1]]
    ]
    assert min(changes[:2]) > 3 * max(changes[2:])


def test_searches_start_at_the_nearest_images(lesson, generator):
    takes = weights.inputs_of("gan", generator)
    rng = np.random.default_rng(7)
    known = lesson.noise(1_000, np.random.default_rng(7))[:3]  # the first that the search draws
    targets = weights.draw(generator, known)
    starts = lesson.start_near(generator, takes, targets, np.zeros(3, int), rng)
    assert starts.shape == (3, lesson.STARTS, 100)
    np.testing.assert_array_equal(starts[:, 0], known)


def test_starts_of_a_conditional_generator_have_the_label_asked_for(lesson):
    conditional = weights.load_generator("cgan")
    takes = weights.inputs_of("cgan", conditional)
    known = lesson.noise(1_000, np.random.default_rng(8))[:2]
    labels = np.array([3, 7])
    targets = weights.draw(conditional, takes.arrange(known, labels))
    rng = np.random.default_rng(8)
    starts = lesson.start_near(conditional, takes, targets, labels, rng)
    np.testing.assert_array_equal(starts[:, 0], known)


def test_inversion_comes_nearer_from_every_start_on_average(lesson, generator, monkeypatch):
    monkeypatch.setitem(lesson.invert.__globals__, "INVERSION_STEPS", 30)
    rng = np.random.default_rng(9)
    targets = weights.draw(generator, lesson.noise(4, rng))
    starts = lesson.noise(4 * lesson.STARTS, rng).reshape(4, lesson.STARTS, 100)
    begun = weights.draw(generator, starts.reshape(-1, 100)).reshape(4, -1, 28, 28, 1)
    before = np.mean((begun - targets[:, None]) ** 2, axis=(2, 3, 4))
    drawn, errors = lesson.invert(generator, targets, rng, starts=starts)
    assert errors.shape == before.shape
    assert errors.mean() < 0.7 * before.mean()
    np.testing.assert_allclose(
        np.mean((drawn - targets) ** 2, axis=(1, 2, 3)), errors.min(axis=1), rtol=1e-4
    )


def test_inversion_of_a_linear_generator_finds_the_latent(lesson, monkeypatch):
    monkeypatch.setitem(lesson.invert.__globals__, "INVERSION_STEPS", 200)
    monkeypatch.setitem(lesson.invert.__globals__, "PRIOR", 0.0)
    keras.utils.set_random_seed(0)
    linear = keras.Sequential(
        [keras.layers.Input((100,)), keras.layers.Dense(784), keras.layers.Reshape((28, 28, 1))]
    )
    rng = np.random.default_rng(0)
    targets = weights.draw(linear, lesson.noise(3, rng))
    starts = lesson.noise(3 * lesson.STARTS, rng).reshape(3, lesson.STARTS, 100)
    _, errors = lesson.invert(linear, targets, rng, starts=starts)
    assert errors.max() < 1e-3 * targets.var()


def test_the_error_is_zero_for_copies_and_one_for_the_mean(lesson):
    targets = np.random.default_rng(0).normal(size=(5, 28, 28, 1))
    assert not lesson.missed(targets, targets).any()
    mean = np.broadcast_to(targets.mean(axis=0), targets.shape)
    assert lesson.missed(targets, mean).mean() == pytest.approx(1)


# ---- what the recorded full run carries --------------------------------------------------------


@pytest.fixture(scope="module")
def recorded():
    return records.recorded("17_latent_space", "full")["metrics"]


@pytest.fixture(scope="module")
def values(recorded):
    """The numbers of one column, one for each seed."""
    return lambda *keys: np.array(recorded[keys[0]][keys[1]][keys[2]])


def test_recorded_runs_have_three_seeds(recorded):
    assert len(recorded["seeds"]) == 3


def test_the_recorded_generators_are_those_that_ship(recorded):
    shipped = {name: weights.facts(name)["sha256"] for name in ("gan", "cgan")}
    assert recorded["generators"] == shipped, "measure again: the generators are others now"


def test_recorded_straight_lines_trade_recall_for_precision(values):
    # "The middle of a slerp scores like fresh noise": within the scatter of the seeds.
    for score, margin in (("precision", 0.03), ("recall", 0.03), ("distance", 3)):
        fresh, turned = (
            values("interpolation", row, score) for row in ("fresh noise", "middle, slerp")
        )
        assert abs(fresh - turned).max() < margin, score
    fresh, straight = (
        {
            score: values("interpolation", row, score)
            for score in ("precision", "recall", "distance")
        }
        for row in ("fresh noise", "middle, straight")
    )
    assert straight["precision"].mean() > fresh["precision"].mean()
    assert straight["recall"].max() < fresh["recall"].min()
    assert straight["distance"].min() > fresh["distance"].max()
    np.testing.assert_allclose(values("interpolation", "middle, straight", "length"), 7, atol=0.1)


def test_recorded_truncation_trades_recall_for_precision(lesson, values):
    rows = [f"psi {psi}" for psi in lesson.PSIS]
    precision, recall = (
        np.array([values("truncation", row, score) for row in rows])
        for score in ("precision", "recall")
    )
    assert (np.diff(precision, axis=0) < 0).all()
    assert (np.diff(recall, axis=0) > 0).all()


def test_the_recorded_average_is_the_better_generator(values):
    last, average = (
        {s: values("weights", row, s) for s in ("precision", "recall", "distance")}
        for row in ("weights of the last step", "EMA")
    )
    assert (average["precision"] > last["precision"]).all()
    assert (average["recall"] > last["recall"]).all()
    assert average["distance"].mean() < last["distance"].mean()
    assert average["distance"].std() < last["distance"].std()


def test_recorded_directions_exist_and_are_entangled(values):
    assert values("directions", "slant", "explained").min() > 0.5
    assert values("directions", "digit, read off z", "right").min() > 0.5
    # "On the way to more ink, most images become another digit."
    assert values("directions", "thickness", "digit kept").max() < 0.5
    changes = [
        values("components", row, "pixels change").mean()
        for row in ("component 1", "random direction", "component 100")
    ]
    assert changes[0] > 5 * changes[1] > 25 * changes[2]


def test_recorded_arithmetic_needs_means_of_many(values):
    right = [values("arithmetic", f"means of {count}", "digit right") for count in (1, 3, 10, 30)]
    assert (np.diff(right, axis=0) > 0).all()
    assert right[0].max() < 0.5
    assert right[-1].min() > 0.8


def test_recorded_inversions_find_digits_and_nothing_else(values):
    def error(row, column="error"):
        return values("inversion", row, column)

    test = error("test digits")
    assert error("own samples").max() < 0.02
    assert test.max() < 0.2
    assert test.mean() < error("training digits").mean() + 0.01  # "no larger than"
    assert 3 < error("turned digits").mean() / test.mean() < 5
    assert error("shuffled pixels").min() > 1
    pca, turned = (error(row, "error of PCA") for row in ("test digits", "turned digits"))
    assert pca.max() < test.min()
    assert 1.5 < turned.mean() / pca.mean() < 2.5
    assert 1.7 < error("test digits, poor GAN").mean() / test.mean() < 2.3
    assert error("turned digits, poor GAN").mean() < 1.1 * error("turned digits").mean()
    assert (error("test, random starts") > 1.2 * test).all()


def test_the_recorded_cgan_draws_digits_that_it_was_not_asked_for(values):
    rows = "test, CGAN, wrong label", "test, CGAN, right label"
    wrong, right = (values("inversion", row, "error") for row in rows)
    assert (wrong > 1.3 * right).all()
    assert values("inversion", rows[0], "same digit").min() > 0.8  # "mostly"


def test_the_digit_drawn_least_often_has_the_largest_recorded_error(lesson, generator, values):
    drawn = weights.draw(generator, lesson.noise(10_000, np.random.default_rng(0)))
    assert np.bincount(lesson.read(drawn), minlength=10).argmin() == 2
    errors = [values("inversion", f"only {digit}", "error").mean() for digit in range(10)]
    assert np.argmax(errors) == 2
