"""The study of classifying discriminators: measurements, claims of its page and of lesson 12."""

import math

import numpy as np
import pytest
import study_classes as study
import tensorflow as tf

from gan_utils import records
from gan_utils.data import ImageSet


def test_logits_of_real_are_the_log_odds():
    outputs = np.zeros((1, 1, 1, 11), "float32")
    outputs[..., 3], outputs[..., 10] = 2.0, -1.0
    # Way 2: nine classes of weight 1, one of e^2, against fake with weight 1/e.
    odds = math.log((9 + math.exp(2)) / math.exp(-1))
    assert float(study.real_logits("way 2", outputs)[0, 0, 0, 0]) == pytest.approx(odds, rel=1e-5)
    assert study.real_logits("way 1", outputs).tolist() == [[[[-1.0]]]]
    assert study.real_logits("plain", outputs[..., :1]).tolist() == [[[[0.0]]]]


@pytest.mark.parametrize("name", study.QUESTIONS)
def test_gradients_of_the_two_questions_add_up(name):
    tf.random.set_seed(0)
    kind = study.LESSON.WAYS[name]
    network = study.LESSON.build_discriminator(2, kind.outputs)
    pairs = {
        real: np.random.default_rng(real).normal(size=(4, 28, 28, 2)) for real in (True, False)
    }
    labels = np.array([0, 3, 9, 3], "int32")
    norms = study.gradient_norms(name, network, pairs, labels)
    assert norms["source"] > 0
    assert (norms["naming"] > 1e-6) == (name != "plain")


def test_crossed_pairs_have_an_item_and_a_sketch_of_another_class():
    labels = np.array([1, 1, 2, 2, 3])
    items, others = study.crossed(labels)
    assert (items.tolist(), others.tolist()) == ([2, 4], [1, 3])


def test_class_outputs_are_averaged_over_the_patches():
    outputs = np.zeros((2, 1, 2, 11))
    outputs[0, 0, 0, 4], outputs[0, 0, 1, 5] = 3, 2  # the mean is largest for 4
    outputs[1, ..., 10] = 9  # fake or real is no class
    outputs[1, ..., 7] = 1
    assert study.share_named(outputs, np.array([4, 7])) == 1
    assert study.share_named(outputs, np.array([5, 7])) == 0.5


def test_means_keep_the_shape():
    rows = [{"a": 1, "b": {"c": 2.0}}, {"a": 3, "b": {"c": 6.0}}]
    assert study.means(rows) == {"a": 2, "b": {"c": 4.0}}


def test_accuracy_by_class_skips_a_class_that_is_not_there():
    labels = np.array([0, 0, 2])
    test = ImageSet(
        np.zeros((3, 28, 28, 1), "uint8"), labels, ("a", "b", "c"), "folder", "x", "test"
    )
    found = study.by_class(np.array([0, 1, 2]), test)
    assert found == {"accuracy": pytest.approx(2 / 3), "per_class": {"a": 0.5, "c": 1.0}}


# ---- claims of the page and of the lesson -------------------------------------------------------


@pytest.fixture(scope="module")
def translators():
    return records.recorded("study_translators", "full")["metrics"]


def test_recorded_naming_costs_the_discriminator():
    costs = records.recorded("study_questions", "full")["metrics"]
    assert costs["plain"]["better"] > max(costs[n]["better"] for n in ("way_1", "way_2")) + 0.1
    assert all(costs[name]["naming"] > costs[name]["source"] for name in ("way_1", "way_2"))


def test_recorded_class_is_read_off_the_sketch_too(translators):
    named = {name: translators[name]["named"] for name in ("way_1", "way_2", "way_3")}
    assert all(named[name]["crossed"] < named[name]["true"] - 0.1 for name in ("way_1", "way_2"))
    assert named["way_3"]["crossed"] == named["way_3"]["true"], "it never sees a sketch"


def test_recorded_class_helps_most_where_outlines_are_alike(translators):
    plain, told = (translators[name]["per_class"] for name in ("plain", "way_3"))
    gains = {name: told[name] - plain[name] for name in plain}
    order = sorted(gains, key=gains.get)
    assert set(order[-3:]) == {"Pullover", "Coat", "Shirt"}
    assert set(order[:2]) == {"Bag", "Trouser"}


def test_recorded_label_wins_seldom(translators):
    wrong = translators["wrong_labels"]
    assert wrong["label"] < 0.1
    assert wrong["source"] > 0.7


def test_recorded_classifier_that_learns_from_fakes_flatters(translators):
    wrong, right = translators["also_from_fakes"], translators["way_3"]
    assert wrong["own"] > right["own"] + 0.02
    assert wrong["accuracy"] <= right["accuracy"]
    assert wrong["own"] - wrong["accuracy"] > 0.03 > abs(right["own"] - right["accuracy"])
    # "Q names translations more easily than true items", also where it learned from true ones only
    assert right["own"] > right["named"]["true"]
    # "The L1 term keeps the damage small."
    assert wrong["accuracy"] > translators["plain"]["accuracy"]


def test_recorded_label_alone_is_between_plain_and_way_3(translators):
    names = ("plain", "label_alone", "way_3", "weight_10")
    accuracy = [translators[name]["accuracy"] for name in names]
    assert accuracy == sorted(accuracy)
    assert translators["weight_10"]["l1"] > max(translators[name]["l1"] for name in names[:3])
