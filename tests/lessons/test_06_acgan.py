"""Lesson 06: two heads, ten classes, our update order and the tutorial's."""

import math
import warnings

import keras
import numpy as np
import pytest
import tensorflow as tf
from lesson import load_lesson

from gan_utils import records, who_moved


@pytest.fixture(scope="module")
def lesson():
    return load_lesson("06_acgan")


@pytest.fixture(scope="module")
def batch():
    random = np.random.default_rng(0)
    pictures = random.uniform(-1, 1, (8, 28, 28, 1)).astype("float32")
    return tf.constant(pictures), tf.constant(np.arange(8, dtype="int32"))


def build(lesson, settings=None):
    """A model with the paper's objectives in the order of our own runs."""
    keras.utils.set_random_seed(1)
    networks = lesson.build_generator(), lesson.build_discriminator()
    return lesson.make_gan(networks, settings or lesson.FULL | {"fake_class_weight": 1.0})


@pytest.fixture(scope="module")
def gan(lesson):
    return build(lesson)


def test_counts_and_shapes(lesson):
    generator, discriminator = lesson.build_generator(), lesson.build_discriminator()
    assert generator.count_params() == 3_757_176
    assert discriminator.count_params() == 527_627
    trainable = sum(math.prod(w.shape) for w in discriminator.trainable_weights)
    assert trainable == 526_731
    assert [tuple(head.shape) for head in discriminator.outputs] == [(None, 1), (None, 10)]


def test_filters_strides_and_regularization_of_the_discriminators(lesson):
    for discriminator, filters, strides in (
        (lesson.build_discriminator(), [32, 64, 128, 256], [2, 1, 2, 1]),
        (
            lesson.build_discriminator([16, 32, 64, 128, 256, 512], image_shape=(32, 32, 3)),
            [16, 32, 64, 128, 256, 512],
            [2, 1, 2, 1, 2, 1],
        ),
    ):
        found = {
            kind: [layer for layer in discriminator.layers if isinstance(layer, kind)]
            for kind in (
                keras.layers.Conv2D,
                keras.layers.BatchNormalization,
                keras.layers.Dropout,
                keras.layers.LeakyReLU,
            )
        }
        convolutions, norms, dropouts, activations = found.values()
        assert [layer.filters for layer in convolutions] == filters
        assert [layer.strides[0] for layer in convolutions] == strides
        assert {layer.kernel_size for layer in convolutions} == {(3, 3)}
        assert len(norms) == len(filters) - 1
        assert [layer.rate for layer in dropouts] == [0.5] * len(filters)
        assert {round(layer.negative_slope, 6) for layer in activations} == {0.2}
        heads = discriminator.get_layer("source"), discriminator.get_layer("class")
        assert all(head.activation is keras.activations.linear for head in heads)


def test_kernels_start_small_and_normal(lesson):
    keras.utils.set_random_seed(0)
    for network in (lesson.build_generator(), lesson.build_discriminator()):
        for layer in network.layers:
            if hasattr(layer, "kernel") and layer.kernel.shape[-1] > 100:
                assert float(np.std(layer.kernel)) == pytest.approx(0.02, rel=0.05)


def test_class_loss_by_hand(lesson):
    logits = tf.constant([[2.0] + [0.0] * 9, [0.0] * 10])
    expected = (math.log(math.exp(2) + 9) - 2 + math.log(10)) / 2
    for labels in ([0, 3], [[0], [3]]):
        assert float(lesson.CLASS_LOSS(tf.constant(labels), logits)) == pytest.approx(expected)


def test_objectives_are_the_papers_sums(lesson, gan, batch, monkeypatch):
    real = tf.constant([[1.5]] * 8), tf.constant(np.eye(10, dtype="float32")[:8] * 2)
    inputs = [tf.zeros((8, 100)), tf.constant([[3]] * 8)]
    fake = tf.constant([[-0.5]] * 8), tf.constant(np.eye(10, dtype="float32")[[3] * 8] * 4)
    answers = [real, fake, fake]
    monkeypatch.setattr(gan, "discriminator", lambda pictures, training: answers.pop(0))
    source = math.log1p(math.exp(-1.5)) + math.log1p(math.exp(-0.5))
    naming = [math.log(math.exp(k) + 9) - k for k in (2, 4)]
    loss, logs = gan.discriminator_objective(batch, inputs, batch[0])
    assert float(loss) == pytest.approx(source + sum(naming), rel=1e-5)
    assert float(logs["class_real"]) == float(logs["class_fake"]) == 1
    loss, _ = gan.generator_objective(batch, inputs, batch[0])
    assert float(loss) == pytest.approx(math.log1p(math.exp(0.5)) + naming[1], rel=1e-5)


def test_our_class_head_learns_from_real_images_alone(lesson, batch, monkeypatch):
    assert lesson.SHORT["fake_class_weight"] == lesson.FULL["fake_class_weight"] == 0
    gan = build(lesson, lesson.SHORT)
    real = tf.constant([[1.5]] * 8), tf.constant(np.eye(10, dtype="float32")[:8] * 2)
    fake = tf.constant([[-0.5]] * 8), tf.fill((8, 10), 7.0)
    answers = [real, fake]
    monkeypatch.setattr(gan, "discriminator", lambda pictures, training: answers.pop(0))
    loss, _ = gan.discriminator_objective(batch, [None, tf.constant([[3]] * 8)], batch[0])
    source = math.log1p(math.exp(-1.5)) + math.log1p(math.exp(-0.5))
    assert float(loss) == pytest.approx(source + math.log(math.exp(2) + 9) - 2, rel=1e-5)


def test_generator_inputs_are_noise_and_every_class(gan, batch):
    latents, class_labels = gan.generator_inputs(None, tf.constant([3, 4]), 2_000)
    assert latents.shape == (2_000, 100)
    assert class_labels.shape == (2_000, 1)
    assert class_labels.dtype == tf.int32
    counts = np.bincount(class_labels.numpy()[:, 0])
    assert len(counts) == 10
    assert counts.min() > 140
    again = gan.generator_inputs(batch, tf.constant([3, 4]))
    assert [tuple(part.shape) for part in again] == [(8, 100), (8, 1)]


def test_each_update_moves_its_own_player_only(lesson, batch):
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        moves = who_moved(build(lesson), batch)
    assert moves.movers == [
        ("discriminator", ["discriminator", "discriminator's statistics"]),
        ("generator", ["generator"]),
    ]


def test_every_weight_moves_in_a_step_and_all_logs_are_finite(lesson, batch, recwarn):
    gan = build(lesson)
    players = gan.generator, gan.discriminator
    before = [[w.numpy() for w in player.trainable_weights] for player in players]
    logs = gan.train_step(batch)
    assert all(np.isfinite(value) for value in logs.values())
    assert not [w for w in recwarn if "radient" in str(w.message)]
    for player, old in zip(players, before, strict=True):
        for weights, then in zip(player.trainable_weights, old, strict=True):
            # A bias before batch normalization has no effect, so its gradient is only noise.
            assert weights.name == "bias" or not np.array_equal(weights, then), weights.path


def test_each_head_hears_its_own_loss_and_the_trunk_both(lesson, gan, batch):
    network = gan.discriminator
    places = network.layers[1].kernel, network.get_layer("source").kernel
    places = *places, network.get_layer("class").kernel
    with tf.GradientTape(persistent=True) as tape:
        logits, class_logits = network(batch[0], training=True)
        losses = tf.reduce_mean(logits), lesson.CLASS_LOSS(batch[1], class_logits)
    reached = [[tape.gradient(loss, place) is not None for place in places] for loss in losses]
    assert reached == [[True, True, False], [True, False, True]]


@pytest.mark.parametrize(
    ("labels", "message"),
    [
        (np.array([0.0, 1.0]), "float64"),
        (np.array([0, 10]), "up to 10"),
        (np.array([0, -1]), "down to -1"),
        (np.array([[0, 1]]), "shape"),
        (np.array([0, 1, 2]), "shape"),
    ],
)
def test_wrong_labels_are_refused_before_training(lesson, labels, message):
    class Few:
        images = np.zeros((2, 28, 28, 1), "uint8")

        def __len__(self):
            return 2

    few = Few()
    few.labels = labels
    with pytest.raises(ValueError, match=message):
        lesson.labeled_batches(few, lesson.SHORT, 1)


def test_training_without_labels_is_refused(gan, batch):
    before = [w.numpy() for w in gan.discriminator.trainable_weights]
    with pytest.raises(ValueError, match="images with labels"):
        gan.fit(batch[0].numpy(), batch_size=4, epochs=1, verbose=0)
    for weights, then in zip(gan.discriminator.trainable_weights, before, strict=True):
        np.testing.assert_array_equal(weights, then)


def test_saved_generator_takes_latents_and_labels(lesson, gan, tmp_path):
    gan.ema_generator.save(tmp_path / "generator.keras")
    loaded = keras.saving.load_model(tmp_path / "generator.keras", compile=False)
    assert [tensor.name for tensor in loaded.inputs] == ["latents", "class_labels"]
    latents = np.random.default_rng(0).normal(size=(4, 100)).astype("float32")
    class_labels = np.array([[7], [4], [7], [4]], "int32")
    drawn = loaded([latents, class_labels], training=False)
    assert drawn.shape == (4, 28, 28, 1)
    again = gan.ema_generator([latents, class_labels], training=False)
    np.testing.assert_allclose(drawn, again, atol=1e-5)  # sums in another order
    others = loaded([latents, 9 - class_labels], training=False)
    assert float(np.abs(others - drawn).max()) > 0


def test_the_label_map_is_one_of_385_channels(lesson):
    generator = lesson.build_generator()
    assert generator.get_layer("label_map").output.shape == (None, 7, 7, 1)
    assert generator.get_layer("together").output.shape == (None, 7, 7, 385)


def test_batch_statistics_alone_tell_a_fake_among_fakes_from_one_among_real(lesson, gan, batch):
    # exercise 3: the copy without dropout says the same twice, and depends on the batch
    still = lesson.build_discriminator(dropout=0.0)
    still.set_weights([w for w in gan.discriminator.weights if w.dtype == "float32"])
    once, again = (still(batch[0], training=True)[0] for _ in range(2))
    np.testing.assert_allclose(once, again, atol=1e-5)  # sums in another order
    mixed = still(tf.concat([batch[0], batch[0] ** 3], axis=0), training=True)[0]
    assert float(np.abs(mixed[:8] - once).max()) > 1e-3


# ---- as in the tutorial --------------------------------------------------------------------------


def test_tutorials_settings(lesson):
    tutorial = lesson.TUTORIAL
    gan = build(lesson, tutorial)
    assert tutorial["epochs"] * tutorial["steps"] == 93_700
    assert tutorial["decays"] is False
    assert gan.ema_decay is None
    assert gan.fake_class_weight == 1
    for optimizer in (gan.d_optimizer, gan.g_optimizer):
        assert isinstance(optimizer, keras.optimizers.Adam)
        assert float(optimizer.learning_rate) == pytest.approx(2e-4)
        assert optimizer.beta_1 == 0.5
    assert tutorial["half_batch"] == 32
    generator = lesson.build_generator(spread=tutorial["embedding_spread"])
    (embedding,) = [x for x in generator.layers if isinstance(x, keras.layers.Embedding)]
    assert isinstance(embedding.embeddings_initializer, keras.initializers.RandomUniform)
    assert tutorial.keys() == lesson.FULL.keys() == lesson.SHORT.keys()


def test_tutorials_round_is_two_steps_and_new_latents(lesson, batch, monkeypatch):
    gan = build(lesson, lesson.TUTORIAL)
    asked = []
    objective = gan.generator_objective
    monkeypatch.setattr(
        gan, "generator_objective", lambda *parts: asked.append(parts[1]) or objective(*parts)
    )
    gan.train_step(batch)
    assert (int(gan.d_optimizer.iterations), int(gan.g_optimizer.iterations)) == (2, 1)
    latents, class_labels = asked[0]
    assert latents.shape == (16, 100)
    assert class_labels.shape == (16, 1)
    assert not np.array_equal(latents[:8], gan.draw_inputs(batch)[0])


def test_the_full_run_sees_the_data_twenty_times(lesson):
    full = lesson.FULL
    assert full["epochs"] * full["steps"] * full["half_batch"] >= 20 * 60_000


# ---- what the lesson says of the recorded full run -----------------------------------------------


@pytest.fixture(scope="module")
def recorded():
    return records.recorded("06_acgan", "full")["metrics"]


def test_recorded_generator_follows_the_labels(recorded):
    assert recorded["accuracy"] >= recorded["classifier_accuracy"] - 0.03


def test_recorded_classes_show_the_failure(recorded):
    # "easy to name, and all alike"; the page counts the classes itself
    classes = recorded["per_class"].values()
    assert len(classes) == 10
    assert any(found["as_asked"] > found["real"] and found["variety"] < 1 for found in classes)
