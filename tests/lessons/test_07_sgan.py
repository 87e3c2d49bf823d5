"""Lesson 07: both formulations, the losses by hand, the draw of the labels, which weights move."""

import math
import warnings
from types import FunctionType, SimpleNamespace

import keras
import numpy as np
import pytest
import tensorflow as tf
from lesson import load_lesson

from gan_utils import records, who_moved


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
def test_both_formulations_agree(lesson, scale):
    logits = random_logits(scale)
    for one, other in zip(lesson.one_softmax(logits), lesson.two_heads(logits), strict=True):
        np.testing.assert_allclose(one, other, atol=1e-6)
        assert float(np.max(one)) > 0


def test_probabilities_are_those_of_the_formula(lesson):
    logits = random_logits(2.0, 5)
    total = np.exp(logits.numpy().astype("float64")).sum(axis=1)
    classes, fake = lesson.one_softmax(logits)
    np.testing.assert_allclose(tf.reduce_sum(classes, axis=1) + fake, 1, rtol=1e-5)
    np.testing.assert_allclose(fake, 1 / (total + 1), rtol=1e-4)
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
        assert np.isfinite(lesson.fooling_loss(logits))


def test_what_a_sure_discriminator_sends_back(lesson):
    logits = tf.fill((4, 10), -30.0)
    sizes = {}
    for name in ("minimax_loss", "fooling_loss"):
        with tf.GradientTape() as tape:
            tape.watch(logits)
            loss = getattr(lesson, name)(logits)
        gradient = tape.gradient(loss, logits)
        assert np.all(np.asarray(gradient) <= 0), "a higher logit must lower the generator's loss"
        sizes[name] = float(tf.norm(gradient))
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
def test_each_update_moves_its_own_player(lesson, labeled, unlabeled, matching):
    sgan = lesson.make_sgan(labeled, settings={"matching": matching})
    trunk, head = (sgan.discriminator.get_layer(name) for name in ("trunk", "class_logits"))
    parts = {"generator": sgan.generator.trainable_weights}
    parts |= {"trunk": trunk.trainable_weights, "head": head.trainable_weights}
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        moves = who_moved(sgan, unlabeled, parts)
    assert moves.movers == [("discriminator", ["trunk", "head"]), ("generator", ["generator"])]


def test_consistency_by_hand_sends_no_gradient_through_the_image(lesson):
    logits = tf.constant([[1.0] + [-60.0] * 9, [0.0, 0.0] + [-60.0] * 8])
    copies = tf.constant([[math.log(3), 0.0] + [-60.0] * 8] * 2)
    with tf.GradientTape(persistent=True) as tape:
        tape.watch([logits, copies])
        loss = lesson.consistency_loss(logits, copies)
    first, second = -math.log(3 / 4), -0.5 * (math.log(3 / 4) + math.log(1 / 4))
    assert float(loss) == pytest.approx((first + second) / 2, rel=1e-5)
    assert tape.gradient(loss, logits) is None
    assert float(tf.norm(tape.gradient(loss, copies))) > 0.1


def test_new_terms_grow_from_zero(lesson, labeled, unlabeled, monkeypatch):
    of_the_lesson = lesson.SGAN.discriminator_objective.__globals__
    monkeypatch.setitem(of_the_lesson, "RAMP_STEPS", 10)

    def loss_of(updates, **settings):
        options = {"noise": 0.0, "dropout": 0.0, "seed": 3, "settings": settings}
        sgan = lesson.make_sgan(labeled, **options)
        fakes = tf.zeros((8, 28, 28, 1))
        sgan.d_optimizer.iterations.assign(updates)
        return sgan.discriminator_objective(unlabeled, None, fakes)

    plain = {"entropy_weight": 0.0, "consistency_weight": 0.0}
    without, _ = loss_of(0, **plain)
    assert float(loss_of(0)[0]) == pytest.approx(float(without), rel=1e-5)
    for share in (0.5, 1.0, 3.0):
        loss, logs = loss_of(int(10 * share))
        terms = float(logs["entropy"] + logs["consistency"])
        assert float(loss - without) == pytest.approx(min(share, 1.0) * terms, rel=1e-2)


def test_logs_of_a_step_are_finite(lesson, labeled, unlabeled):
    logs = lesson.make_sgan(labeled).train_step(unlabeled)
    names = {"d_loss", "class_loss", "entropy", "consistency", "d_real", "d_fake", "g_loss"}
    assert logs.keys() == names
    assert all(np.isfinite(float(value)) for value in logs.values())


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


def test_watching_leaves_the_generator_where_it_was(lesson, labeled):
    random = np.random.default_rng(5)
    some = random.integers(0, 256, (64, 28, 28, 1)).astype("uint8")
    names = {**vars(lesson), "train_set": SimpleNamespace(images=some)}
    watch = FunctionType(lesson.watch.__code__, names)
    sgan = lesson.make_sgan(labeled)
    before = [w.numpy() for w in sgan.generator.trainable_weights]
    rows = watch(sgan, 2)
    assert [row.keys() for row in rows] == [{"D(G(z))", "minimax", "fooling", "matching"}] * 2
    assert all(value > 0 for row in rows for value in row.values())
    for weights, then in zip(sgan.generator.trainable_weights, before, strict=True):
        np.testing.assert_array_equal(weights.numpy(), then)
    assert int(sgan.d_optimizer.iterations) == 2


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
    assert len(rows) >= 3
    return np.mean([row["test"] for row in rows])


def test_recorded_unlabeled_images_help_at_every_count(recorded):
    assert list(recorded["sgan"]) == ["25", "50", "100", "1000"]
    assert {len(rows) for kind in ("sgan", "baseline") for rows in recorded[kind].values()} == {5}
    gains = {
        count: mean_test(rows) - mean_test(recorded["baseline"][count])
        for count, rows in recorded["sgan"].items()
    }
    assert min(gains.values()) > 0
    # "with 1,000, little is left to gain"
    assert min(gains, key=gains.get) == "1000"


@pytest.mark.parametrize(("count", "asked"), [("25", 0.85), ("50", 0.90), ("100", 0.96)])
def test_recorded_accuracy_with_few_labels(recorded, count, asked):
    assert mean_test(recorded["sgan"][count]) >= asked


def test_recorded_minimax_gradient_is_lost(recorded):
    # "which the discriminator takes to zero"
    first, last = recorded["gradients_first"], recorded["gradients_last"]
    assert last["D(G(z))"] < first["D(G(z))"] / 1_000
    assert last["minimax"] < first["minimax"] / 3
    assert last["minimax"] < min(last["fooling"], last["matching"]) / 1_000


# ---- the study of the recipe's parts -------------------------------------------------------------


@pytest.fixture(scope="module")
def study():
    return records.recorded("study_sgan", "full")["metrics"]


def accuracies_of(study, variant):
    return np.array([row["test"] for row in study["variants"][variant]])


def test_recorded_parts_are_worth_what_the_study_says(study):
    whole = accuracies_of(study, "matching")
    lost = {key: whole - accuracies_of(study, key) for key in study["variants"]}
    for part in ("no_distortion", "no_consistency", "no_entropy"):
        assert lost[part].min() > 0, "each draw ends lower"
    means = {key: values.mean() for key, values in lost.items()}
    parts = [key for key in means if key.startswith("no_")]
    ranking = sorted(parts, key=means.get, reverse=True)
    assert ranking == ["no_distortion", "no_consistency", "no_entropy", "no_game"]
    assert means["no_game"] < np.ptp(whole), "by less than the draws differ"
    spreads = {key: np.ptp(accuracies_of(study, key)) for key in study["variants"]}
    assert max(spreads, key=spreads.get) == "no_distortion"


def test_recorded_fooling_gives_better_images_and_as_good_a_classifier(study):
    rows = study["variants"]
    distances = {k: np.mean([row["distance"] for row in found]) for k, found in rows.items()}
    assert distances["fooling"] < distances["matching"] / 2
    apart = accuracies_of(study, "fooling").mean() - accuracies_of(study, "matching").mean()
    assert abs(apart) < np.ptp(accuracies_of(study, "matching"))


def test_recorded_study_says_how_the_variants_compare(study):
    found = study["summary"]
    for key, rows in study["variants"].items():
        assert found[key]["test"] == pytest.approx(mean_test(rows))
