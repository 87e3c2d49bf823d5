"""Lesson 07: both formulations, the losses by hand, the draw of the labels, who moves."""

import math
import warnings

import keras
import numpy as np
import pytest
import tensorflow as tf
from lesson import load_lesson

from gan_utils import records


@pytest.fixture(scope="module")
def lesson():
    return load_lesson("07_sgan")


@pytest.fixture(scope="module")
def labeled():
    rng = np.random.default_rng(0)
    pictures = rng.integers(0, 256, (20, 28, 28, 1)).astype("uint8")
    return pictures, np.repeat(np.arange(10), 2)


@pytest.fixture
def unlabeled():
    return tf.constant(np.random.default_rng(1).uniform(-1, 1, (8, 28, 28, 1)), tf.float32)


def random_logits(scale, count=30):
    return tf.constant(np.random.default_rng(2).normal(0, scale, (count, 10)), tf.float32)


@pytest.mark.parametrize("scale", [0.1, 1.0, 10.0])
def test_both_formulations_agree_in_value_and_gradient(lesson, scale):
    labels = tf.range(10)
    heads, softmax = lesson.compare_formulations(random_logits(scale), labels)
    assert heads[0] == pytest.approx(softmax[0], rel=1e-5)
    np.testing.assert_allclose(heads[1], softmax[1], atol=1e-5)
    assert np.abs(heads[1]).max() > 1e-4


def test_both_formulations_agree_in_the_gradients_of_the_weights(lesson, labeled, unlabeled):
    keras.utils.set_random_seed(0)
    network = lesson.build_discriminator(noise=0.0, dropout=0.0)
    pictures = tf.constant(lesson.images.to_float(labeled[0]))
    fakes = -unlabeled
    gradients = []
    for of_class, of_kind in (
        (lesson.class_loss, lesson.real_or_fake_loss),
        (lesson.single_class_loss, lesson.single_real_or_fake_loss),
    ):
        with tf.GradientTape() as tape:
            loss = of_class(network(pictures), labeled[1])
            loss += of_kind(network(unlabeled), network(fakes))
        gradients.append(tape.gradient(loss, network.trainable_variables))
    for one, other in zip(*gradients, strict=True):
        np.testing.assert_allclose(one, other, atol=1e-5)
        assert np.abs(one).max() > 0


def test_probabilities_are_those_of_the_formula(lesson):
    logits = random_logits(2.0, 5)
    total = np.exp(logits.numpy().astype("float64")).sum(axis=1)
    probabilities = np.exp(lesson.log_probabilities(logits))
    np.testing.assert_allclose(probabilities.sum(axis=1), 1, rtol=1e-5)
    np.testing.assert_allclose(probabilities[:, -1], 1 / (total + 1), rtol=1e-4)
    np.testing.assert_allclose(
        tf.sigmoid(lesson.real_logit(logits)), total / (total + 1), rtol=1e-5
    )


def test_losses_by_hand(lesson):
    one = tf.constant([[2.0, 0.0] + [-50.0] * 8])
    total = math.exp(2) + 1
    assert float(lesson.class_loss(one, [0])) == pytest.approx(math.log(total) - 2, rel=1e-5)
    real_term, fake_term = math.log(1 + 1 / total), math.log(1 + total)
    expected = 0.5 * (real_term + fake_term)
    assert float(lesson.real_or_fake_loss(one, one)) == pytest.approx(expected, rel=1e-5)
    assert float(lesson.fooling_loss(one)) == pytest.approx(real_term, rel=1e-5)
    assert float(lesson.minimax_loss(one)) == pytest.approx(-fake_term, rel=1e-5)
    assert float(lesson.quotient_loss(one)) == pytest.approx(real_term, rel=1e-4)
    p = math.exp(2) / total
    by_hand = -p * math.log(p) - (1 - p) * math.log(1 - p)
    assert float(lesson.entropy(one)) == pytest.approx(by_hand, rel=1e-4)
    assert float(lesson.entropy(tf.zeros((2, 10)))) == pytest.approx(math.log(10), rel=1e-5)
    real, fake = tf.constant([[0.0, 4.0], [2.0, 0.0]]), tf.constant([[4.0, 2.0]])
    assert float(lesson.matching_loss(real, fake)) == pytest.approx(9 / 2)


def test_losses_stay_finite_at_extreme_logits(lesson):
    for level in (-200.0, 200.0):
        logits = tf.fill((3, 10), level)
        assert np.isfinite(lesson.real_or_fake_loss(logits, logits))
        assert np.isfinite(lesson.single_real_or_fake_loss(logits, logits))
        assert np.isfinite(lesson.fooling_loss(logits))


def test_what_a_sure_discriminator_sends_back(lesson):
    logits = tf.fill((4, 10), -30.0)
    sizes = {}
    for name in ("minimax_loss", "quotient_loss", "fooling_loss"):
        with tf.GradientTape() as tape:
            tape.watch(logits)
            loss = getattr(lesson, name)(logits)
        gradient = tape.gradient(loss, logits)
        assert np.all(np.asarray(gradient) <= 0), "a higher logit must lower the generator's loss"
        sizes[name] = float(tf.norm(gradient))
    assert sizes["quotient_loss"] == 0
    assert 0 < sizes["minimax_loss"] < 1e-10
    assert sizes["fooling_loss"] > 0.05


@pytest.mark.parametrize("count", [10, 25, 50, 100])
def test_the_draw_of_the_labels_is_balanced_and_seeded(lesson, count):
    labels = np.random.default_rng(3).integers(0, 10, 2_000)
    places = lesson.draw_labeled(labels, count, seed=4)
    assert len(set(places.tolist())) == count
    sizes = np.bincount(labels[places], minlength=10)
    assert sizes.max() - sizes.min() <= 1
    np.testing.assert_array_equal(places, lesson.draw_labeled(labels, count, seed=4))
    assert set(places.tolist()) != set(lesson.draw_labeled(labels, count, seed=5).tolist())


def test_networks_have_the_lessons_counts_and_end_in_logits(lesson):
    discriminator, generator = lesson.build_discriminator(), lesson.build_generator()
    assert discriminator.count_params() == 215_370
    assert generator.count_params() == 176_337
    assert discriminator.output_shape == (None, 10)
    assert discriminator.layers[-1].activation is keras.activations.linear
    assert generator.output_shape == (None, 28, 28, 1)


@pytest.mark.parametrize("matching", [True, False])
@pytest.mark.parametrize("mover", ["discriminator", "generator"])
def test_each_update_moves_its_own_player(lesson, labeled, unlabeled, matching, mover):
    rates = (1e-3 * (mover == "discriminator"), 1e-3 * (mover == "generator"))
    sgan = lesson.make_sgan(labeled, rates=rates, settings={"matching": matching})
    players = {"discriminator": sgan.discriminator, "generator": sgan.generator}
    before = {k: [w.numpy() for w in p.trainable_weights] for k, p in players.items()}
    statistics = [w.numpy() for w in sgan.discriminator.non_trainable_weights]
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        logs = sgan.train_step(unlabeled)
    assert all(np.isfinite(value) for value in logs.values())
    for name, player in players.items():
        moved = [
            not np.array_equal(w.numpy(), o)
            for w, o in zip(player.trainable_weights, before[name], strict=True)
        ]
        assert all(moved) if name == mover else not any(moved)
    for weight, old in zip(sgan.discriminator.non_trainable_weights, statistics, strict=True):
        if weight.dtype == "float32":
            np.testing.assert_array_equal(weight, old)


@pytest.mark.parametrize(
    ("labels", "message"),
    [
        (np.zeros(20), "float64"),
        (np.full(20, 10), "up to 10"),
        (np.full(20, -1), "down to -1"),
        (np.zeros((20, 1), int), "shape"),
        (np.zeros(19, int), "shape"),
    ],
)
def test_wrong_labels_are_refused_before_training(lesson, labeled, labels, message):
    with pytest.raises(ValueError, match=message):
        lesson.make_sgan((labeled[0], labels))


def test_labeled_pictures_come_from_the_few_and_differ_by_step(lesson, labeled):
    sgan = lesson.make_sgan(labeled)
    few = lesson.images.to_float(labeled[0])
    first, again = sgan.labeled_batch(), sgan.labeled_batch()
    np.testing.assert_array_equal(first[1], again[1])
    for picture, label in zip(*first, strict=True):
        place = int(np.abs(few - picture.numpy()).sum(axis=(1, 2, 3)).argmin())
        np.testing.assert_array_equal(few[place], picture)
        assert labeled[1][place] == int(label)
    sgan.g_optimizer.iterations.assign_add(1)
    assert not np.array_equal(first[1], sgan.labeled_batch()[1])


def test_the_watched_training_is_the_packages(lesson, labeled):
    pictures = np.random.default_rng(5).integers(0, 256, (16, 28, 28, 1)).astype("uint8")
    source = lesson.gan_utils.Batches(pictures, batch_size=8, steps_per_epoch=1, seed=0)
    watched, packaged = (lesson.make_sgan(labeled, noise=0.0, dropout=0.0) for _ in range(2))
    start = [w.numpy() for w in watched.generator.trainable_weights]
    for sgan in (watched, packaged):
        # Not Adam: its first step makes a full step of a gradient that is only rounding.
        optimizers = keras.optimizers.SGD(0.1), keras.optimizers.SGD(0.1)
        sgan.compile(d_optimizer=optimizers[0], g_optimizer=optimizers[1])
    rows = lesson.train_watched(watched, source, 1)
    packaged.fit(source, epochs=1, verbose=0)
    assert np.all(rows["gradient"] > 0)
    for one, other, old in zip(
        watched.generator.trainable_weights,
        packaged.generator.trainable_weights,
        start,
        strict=True,
    ):
        step = np.abs(other - old).max()
        assert step > 0
        np.testing.assert_allclose(one, other, atol=1e-3 * step + 1e-7)


def test_shifted_pictures_are_the_same_pictures_moved(lesson):
    picture = np.full((6, 28, 28, 1), -1, "float32")
    picture[:, 10:14, 12:15] = 1
    moved = lesson.shift_pictures(tf.constant(picture), (0, 1)).numpy()
    np.testing.assert_array_equal(moved.sum(axis=(1, 2, 3)), picture.sum(axis=(1, 2, 3)))
    corners = [tuple(np.argwhere(one[..., 0] == 1)[0]) for one in moved]
    assert len(set(corners)) > 1
    assert all(abs(row - 10) <= 2 and abs(column - 12) <= 2 for row, column in corners)


def test_counts_of_labels_never_exceed_what_can_be_drawn(lesson):
    labels = np.repeat(np.arange(10), 7)
    places = lesson.draw_labeled(labels, 70, seed=0)
    assert sorted(places) == list(range(70))
    with pytest.raises(ValueError, match="larger"):
        lesson.draw_labeled(labels, 80, seed=0)


# ---- what the lesson says of the recorded full run -----------------------------------------------


@pytest.fixture(scope="module")
def recorded():
    return records.recorded("07_sgan", "full")["metrics"]


def mean_test(rows):
    assert len(rows) == 3
    return np.mean([row["test"] for row in rows])


def test_recorded_unlabeled_images_help_at_every_count(recorded):
    # "At every label count the SGAN is ahead ..., most with 50 and 100 labels"
    assert list(recorded["sgan"]) == ["25", "50", "100", "1000"]
    gains = [
        mean_test(recorded["sgan"][count]) - mean_test(recorded["baseline"][count])
        for count in recorded["sgan"]
    ]
    assert min(gains) > 0.02
    assert min(gains[1:3]) > 0.1 > max(gains[0], gains[3])
    assert mean_test(recorded["sgan"]["100"]) >= 0.93


def test_recorded_variants_differ_in_their_images(recorded):
    # "fooling gives much better images, with as good a classifier"
    rows = recorded["variants"]
    distances = {k: np.mean([row["distance"] for row in found]) for k, found in rows.items()}
    assert distances["fooling"] < distances["as above"] / 2
    tests = [mean_test(found) for found in rows.values()]
    assert max(tests) - min(tests) < 0.01
    # "Many have the strokes of digits without being one"
    assert recorded["readable"] < 0.6 < recorded["readable_real"]


def test_recorded_minimax_gradient_is_lost(recorded):
    # "that is what the discriminator takes to zero: nothing is left to learn from"
    first, last = recorded["gradients_first"], recorded["gradients_last"]
    assert last["minimax"] < first["minimax"] / 10
    assert last["minimax"] < min(last["fooling"], last["matching"]) / 1_000


def test_recorded_cases_get_better_from_line_to_line(recorded):
    # "In the recorded run the distances fall from line to line"
    names = ["hasty, minimax", "hasty, matching", "level, matching"]
    assert list(recorded["cases"]) == names
    assert np.all(np.diff([recorded["cases"][name] for name in names]) < -10)


def test_recorded_shifts_close_more_than_half_of_the_gap(recorded):
    # exercise 1, on the first of the three draws
    alone, sgan = (recorded[kind]["100"][0]["test"] for kind in ("baseline", "sgan"))
    assert recorded["baseline_with_shifts"] > (alone + sgan) / 2
