"""Lesson 03: each of its claims about Keras, by the lesson's own functions.

These tests pin down Keras' behavior: when one fails after an update of Keras, a claim of the page
is no longer true and must be changed.
"""

import keras
import numpy as np
import pytest
import tensorflow as tf
from lesson import load_lesson

from gan_utils import records
from gan_utils.gan import minimize


@pytest.fixture(scope="module")
def lesson():
    return load_lesson("03_keras_notes")


@pytest.fixture(scope="module")
def moves(lesson):
    return lesson.four_ways()


def signs(row):
    """What moved in D's update (kernels of D, gamma of D, G) and in G's (G, and the two of D)."""
    return "".join("x" if row[name] else "." for name in row if name != "warned")


@pytest.mark.parametrize(
    ("way", "at_full_batch", "at_half_batch"),
    [
        ("model frozen after compile", "...x..", "...x.."),
        ("layers frozen, all but BN", ".x.x.x", ".x.x.x"),
        ("one step, then model frozen", "xx.x..", "...x.."),
        ("two explicit updates", "xx.x..", "xx.x.."),
    ],
)
def test_who_moves_in_the_four_ways(lesson, moves, way, at_full_batch, at_half_batch):
    assert signs(moves[way, lesson.BATCH_SIZE]) == at_full_batch
    assert signs(moves[way, lesson.BATCH_SIZE // 2]) == at_half_batch


def test_only_a_wholly_frozen_model_warns(lesson, moves):
    for count in (lesson.BATCH_SIZE, lesson.BATCH_SIZE // 2):
        assert moves["model frozen after compile", count]["warned"]
        assert not moves["layers frozen, all but BN", count]["warned"]
        assert not moves["two explicit updates", count]["warned"]


def test_a_first_step_is_as_long_as_the_learning_rate(lesson, moves):
    row = moves["two explicit updates", lesson.BATCH_SIZE]
    assert row["D's update: D"] == pytest.approx(lesson.RATE, rel=0.02)


def test_frozen_batch_normalization_runs_in_inference_mode(lesson):
    modes = lesson.batch_norm_modes()
    assert modes[True, True]["output mean"] == pytest.approx(0, abs=1e-3)
    assert modes[True, True]["moving mean moved"]
    for flags in ((True, False), (False, True), (False, False)):
        assert modes[flags]["output mean"] > 4
        assert not modes[flags]["moving mean moved"]
    assert [modes[flags]["trainable weights"] for flags in modes] == [2, 2, 0, 0]


def test_the_generators_update_moves_statistics_of_d_unless_kept(lesson):
    found = lesson.statistics_in_the_generator_update()
    assert found["plain"][0] > 0
    assert found["plain"][1] == 0
    assert found["plain"][2] > 0
    assert found["keep_statistics"][0] > 0
    assert found["keep_statistics"][1:] == [0, 0]


@pytest.mark.parametrize(
    ("cause", "stuck"),
    [
        ("layer never called", "spare"),
        ("rounding", "first"),
        ("head without a loss", "kind"),
    ],
)
def test_missing_gradients_warn_and_are_fixed(lesson, cause, stuck):
    broken = lesson.missing_gradients(cause, fixed=False)
    assert broken == {"stuck": [f"{stuck}/kernel", f"{stuck}/bias"], "warned": True}
    assert lesson.missing_gradients(cause, fixed=True) == {"stuck": [], "warned": False}


def test_the_books_update_refuses_a_missing_gradient(lesson):
    model = lesson.WithRounding()
    with tf.GradientTape() as tape:
        loss = tf.reduce_mean(model(lesson.REAL, training=True) ** 2)
    with pytest.raises(ValueError, match="never learn"):
        minimize(keras.optimizers.Adam(), tape, loss, model.trainable_variables)


def test_a_stack_of_sigmoids_vanishes_without_a_warning(lesson):
    values, texts = lesson.gradient_norms("sigmoid")
    assert values[0] < 1e-4 * values[-1]
    assert values[0] > 0
    assert texts == []
    values, texts = lesson.gradient_norms("leaky_relu")
    assert values[0] > 0.1 * values[-1]
    assert texts == []


def test_slopes_of_the_generators_losses(lesson):
    for logit in lesson.LOGITS:
        slopes, texts = lesson.generator_slopes(logit)
        probability = 1 / (1 + np.exp(-logit))
        assert slopes["log(1 - D), saturating"] == pytest.approx(-probability, rel=1e-3)
        assert slopes["-log D, from the logit"] == pytest.approx(probability - 1, rel=1e-3)
        assert texts == []
    slopes, _ = lesson.generator_slopes(-20)
    assert slopes["-log D, sigmoid, reshape"] == 0
    assert slopes["-log D, sigmoid"] == pytest.approx(-1, rel=1e-3)


def test_label_tables_multiply_and_concatenate(lesson):
    pictures = np.random.default_rng(0).uniform(-1, 1, (10, 28, 28, 1)).astype("float32")
    found = lesson.joined(pictures, np.arange(10))
    assert {count for count, _ in found.values()} == {7_840}
    concatenated = found["concatenate"][1]
    assert concatenated.shape == (10, 28, 28, 2)
    np.testing.assert_array_equal(concatenated[..., :1], pictures)
    assert found["multiply"][1].shape == (10, 28, 28, 1)
    assert np.abs(found["multiply"][1]).max() <= 0.05
    assert found["multiply, around 1"][1].std() == pytest.approx(pictures.std(), rel=0.1)


def test_a_row_moves_only_when_its_label_is_in_the_batch(lesson):
    assert lesson.rows_moved([3, 3, 5]) == [3, 5]
    assert lesson.rows_moved(range(10)) == list(range(10))


def test_who_hears_about_training(lesson):
    heard = {way: tuple(row.values()) for way, row in lesson.sense_training().items()}
    on = {"network(x, training=True)", "in call(training=True), not passed on"}
    assert len(heard) == 6
    assert heard == {way: (way in on, way in on) for way in heard}


def test_dropout_that_stays_on(lesson):
    assert lesson.always_on_readings() == {
        "Dropout()(x, training=True)": [True, False, False],
        "a layer that is always on": [True, True, True],
    }


def test_each_way_to_call_a_model_is_timed(lesson):
    costs = lesson.milliseconds_per_call(3)
    assert len(costs) == 3
    assert min(costs.values()) > 0


def test_predict_cost_more_than_a_call_in_the_recorded_run():
    costs = records.recorded("03_keras_notes", "full")["metrics"]["milliseconds"]
    assert costs["generator.predict(z)"] > 10 * costs["the same in a tf.function"]
    assert costs["generator.predict(z)"] > 10 * costs["generator(z, training=False)"]


@pytest.mark.parametrize(
    ("habit", "result"),
    [
        ("Adam(lr=...)", "error"),
        ("Adam(decay=...)", "warning"),
        ("LeakyReLU(alpha=...)", "warning"),
        ("Dense(input_dim=...)", "warning"),
        ("tf.concat on symbolic", "error"),
        ("keras.backend.mean", "gone"),
        ("keras.backend.random_normal", "gone"),
        ("add_loss on functional", "error"),
        ("layer.output_shape", "gone"),
        ("fit_generator", "gone"),
        ("predict_classes", "gone"),
        ('save("folder")', "error"),
    ],
)
def test_habits_of_keras_2(lesson, habit, result):
    found, text = lesson.try_habit(lesson.HABITS[habit])
    assert found == result
    assert text


def test_every_habit_of_the_lesson_is_tested(lesson):
    (mark,) = [m for m in test_habits_of_keras_2.pytestmark if m.name == "parametrize"]
    assert {habit for habit, _ in mark.args[1]} == set(lesson.HABITS)


def test_train_on_batch_returns_the_loss_of_the_step_or_a_running_mean(lesson):
    true, returned = np.array(lesson.returned_losses(4)).T
    running_means = np.cumsum(true) / np.arange(1, 5)
    np.testing.assert_allclose(true, [4, 1.44, 0.5184, 0.186624], rtol=1e-4)
    assert np.allclose(returned, true) or np.allclose(returned, running_means)


def test_a_shared_initializer_gives_equal_weights(lesson):
    np.testing.assert_array_equal(*lesson.shared_initializer_weights(shared=True))
    assert not np.array_equal(*lesson.shared_initializer_weights(shared=False))
