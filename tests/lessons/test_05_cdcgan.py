"""Lesson 05: where the label enters the networks, which weights move, and errors."""

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
    return load_lesson("05_cdcgan")


@pytest.fixture
def batch():
    real_images = np.random.default_rng(0).uniform(-1, 1, (8, 28, 28, 1)).astype("float32")
    return tf.constant(real_images), tf.constant([3, 1, 4, 1, 5, 9, 2, 6])


@pytest.fixture(scope="module")
def gan(lesson):
    return lesson.make_gan()


def layer_of(network, kind):
    (layer,) = [layer for layer in network.layers if isinstance(layer, kind)]
    return layer


def test_counts_shapes_and_embeddings(gan, lesson):
    networks = gan.generator, gan.discriminator
    real_images = networks[0]([tf.zeros((2, lesson.LATENT_DIM)), tf.constant([[0], [9]])])
    assert real_images.shape == (2, 28, 28, 1)
    assert networks[1]([real_images, tf.constant([[0], [9]])]).shape == (2, 1)
    assert [network.count_params() for network in networks] == [2_456_484, 275_585]
    tables = [layer_of(network, keras.layers.Embedding).count_params() for network in networks]
    assert tables == [100, 62_720]
    assert layer_of(networks[1], keras.layers.Dense).activation is keras.activations.linear
    assert lesson.build_discriminator("channel").count_params() == 222_305
    assert lesson.build_discriminator("multiply").count_params() == 220_705
    assert lesson.build_generator(multiply=True).count_params() == 2_330_944 + 1_000


def test_the_projection_is_that_of_the_formula(gan):
    network = gan.discriminator
    real_images = keras.random.uniform((2, 28, 28, 1), -1, 1, seed=1)
    features = layer_of(network, keras.layers.Dense).input
    phi = keras.Model(network.inputs, features)([real_images, tf.constant([[4], [0]])]).numpy()
    rows = layer_of(network, keras.layers.Embedding).embeddings.numpy()[[4, 0]]
    kernel, bias = layer_of(network, keras.layers.Dense).get_weights()
    expected = phi @ kernel + bias + (rows * phi).sum(axis=1, keepdims=True)
    logits = network([real_images, tf.constant([[4], [0]])], training=False)
    np.testing.assert_allclose(logits, expected, rtol=1e-4, atol=1e-5)


def test_the_label_map_is_the_second_channel(lesson):
    network = lesson.build_discriminator("channel")
    joined = layer_of(network, keras.layers.Concatenate).output
    real_images = keras.random.uniform((2, 28, 28, 1), -1, 1, seed=1)
    seen = keras.Model(network.inputs, joined)([real_images, tf.constant([[4], [0]])]).numpy()
    assert seen.shape == (2, 28, 28, 2)
    np.testing.assert_array_equal(seen[..., :1], real_images)
    maps = layer_of(network, keras.layers.Embedding).embeddings.numpy().reshape(10, 28, 28)
    np.testing.assert_array_equal(seen[..., 1], maps[[4, 0]])


def test_multiplication_scales_noise_and_image_by_the_row_of_the_label(lesson):
    class_labels = tf.constant([[4], [0]])
    for network, inputs in (
        (lesson.build_generator(multiply=True), keras.random.normal((2, 100), seed=1)),
        (
            lesson.build_discriminator("multiply"),
            keras.random.uniform((2, 28, 28, 1), -1, 1, seed=1),
        ),
    ):
        scaled = keras.Model(network.inputs, layer_of(network, keras.layers.Multiply).output)
        rows = layer_of(network, keras.layers.Embedding).embeddings.numpy()[[4, 0]]
        assert rows.mean() == pytest.approx(1, abs=0.3)
        expected = inputs * rows.reshape(inputs.shape)
        np.testing.assert_allclose(scaled([inputs, class_labels]), expected, rtol=1e-5)


def test_the_label_reaches_both_networks(gan, lesson):
    latents = tf.repeat(keras.random.normal((1, lesson.LATENT_DIM), seed=1), 2, axis=0)
    class_labels = tf.constant([[2], [7]])
    drawn = gan.generator([latents, class_labels], training=False).numpy()
    assert np.abs(drawn[0] - drawn[1]).max() > 1e-3
    same = tf.repeat(keras.random.uniform((1, 28, 28, 1), -1, 1, seed=1), 2, axis=0)
    logits = gan.discriminator([same, class_labels], training=False).numpy()
    assert abs(logits[0, 0] - logits[1, 0]) > 1e-4


def test_losses_by_hand(gan):
    real, fake = tf.constant([[2.0]]), tf.constant([[-1.0]])
    expected = math.log1p(math.exp(-2)) + math.log1p(math.exp(-1))
    assert gan.discriminator_loss(real, fake).numpy() == pytest.approx(expected, rel=1e-5)
    assert gan.generator_loss(fake).numpy() == pytest.approx(math.log1p(math.e), rel=1e-5)


def test_labels_of_fakes_are_drawn_at_random_and_stay_with_them(lesson, gan, batch):
    _, many = gan.generator_inputs(None, tf.constant([1, 2]), 5_000)
    shares = np.bincount(many.numpy()[:, 0], minlength=lesson.NUM_CLASSES) / 5_000
    np.testing.assert_allclose(shares, 0.1, atol=0.02)
    inputs = gan.generator_inputs(batch, tf.constant([1, 2]))
    assert inputs[1].shape == (8, 1)
    assert inputs[1].dtype == tf.int32
    assert not np.array_equal(inputs[1][:, 0], batch[1])
    np.testing.assert_array_equal(gan.fake_inputs(batch[0], inputs)[1], inputs[1])
    np.testing.assert_array_equal(gan.real_inputs(batch)[1][:, 0], batch[1])


@pytest.mark.parametrize(
    ("kind", "mover"),
    [
        ("projection", "discriminator"),
        ("projection", "generator"),
        ("projection", "both"),
        ("channel", "both"),
        ("multiply", "both"),
    ],
)
def test_who_moves(lesson, batch, kind, mover):
    rates = {"d_rate": 1e-3 * (mover != "generator"), "g_rate": 1e-3 * (mover != "discriminator")}
    gan = lesson.make_gan({**lesson.SHORT, **rates}, kind)
    players = {"discriminator": gan.discriminator, "generator": gan.generator}
    before = {name: [w.numpy() for w in p.trainable_weights] for name, p in players.items()}
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        logs = gan.train_step(batch)
    assert set(logs) == {"d_loss", "g_loss", "d_real", "d_fake", "d_fake_after"}
    assert all(np.isfinite(value) for value in logs.values())
    for name, player in players.items():
        for weight, old in zip(player.trainable_weights, before[name], strict=True):
            assert np.array_equal(weight.numpy(), old) == (mover not in (name, "both"))


def test_a_step_moves_the_generators_statistics(lesson, batch):
    gan = lesson.make_gan({**lesson.SHORT, "d_rate": 0.0})
    statistics = [w.numpy() for w in gan.generator.non_trainable_weights]
    gan.train_step(batch)
    moved = [
        not np.array_equal(w.numpy(), old)
        for w, old in zip(gan.generator.non_trainable_weights, statistics, strict=True)
    ]
    assert all(moved)


def test_wrong_labels_are_refused_before_training(lesson, gan, batch):
    real_images = batch[0].numpy()
    for wrong, message in [
        (np.full(8, 10), "up to 10"),
        (np.full(8, -1), "down to -1"),
        (np.zeros(8), "float"),
        (np.zeros((8, 1), int), "shape"),
        (np.zeros(7, int), "shape"),
    ]:
        with pytest.raises(ValueError, match=message):
            lesson.labeled_batches(real_images, wrong, 4, 1)
    with pytest.raises(ValueError, match="up to 11"):
        lesson.draw(gan, np.array([11]))
    with pytest.raises(ValueError, match="needs labels"):
        gan.fit(real_images, batch_size=4, epochs=1, verbose=0)
    assert int(gan.g_optimizer.iterations.numpy()) == 0


def test_the_order_of_the_labels_is_respected_and_a_saved_generator_draws_the_same(
    lesson, gan, tmp_path
):
    together = lesson.draw(gan, np.array([7, 2, 5]))
    gan.ema_generator.save(tmp_path / "generator.keras")
    loaded = keras.saving.load_model(tmp_path / "generator.keras", compile=False)
    latents = tf.random.stateless_normal((3, lesson.LATENT_DIM), [0, lesson.SEED])
    for index, label in enumerate([7, 2, 5]):
        alone = loaded([latents[index : index + 1], tf.constant([[label]])], training=False)
        np.testing.assert_allclose(together[index], alone[0], atol=1e-5)


def test_label_accuracy_goes_on_after_a_resume(lesson, gan, tmp_path):
    first = lesson.watch_label_accuracy(tmp_path / "label_accuracy.txt", 10)
    first.set_model(gan)
    first.on_train_begin()
    for epoch in range(3):
        first.on_epoch_end(epoch)
    assert len(first.values) == 3
    assert all(0 <= value <= 1 for value in first.values)
    gan.first_epoch = 2
    second = lesson.watch_label_accuracy(tmp_path / "label_accuracy.txt", 10)
    second.set_model(gan)
    second.on_train_begin()
    gan.first_epoch = 0
    assert second.values == first.values[:2]


def test_the_recorded_run_carries_what_the_lesson_says():
    found = records.recorded("05_cdcgan", "full")["metrics"]
    assert found["result"]["accuracy"] >= 0.99
    # "at equal batch size, a convolutional update costs several dense ones"
    steps = records.recorded("bench_lessons", "full")["metrics"]["lessons"]
    assert steps["05"]["batch_size"] == steps["04"]["batch_size"]
    assert steps["05"]["fit_ms"] > 3 * steps["04"]["fit_ms"]


def test_share_between_labels_by_hand(lesson):
    groups = np.array([0, 0, 1, 1])
    same_in_a_group = np.array([1.0, 1.0, -1.0, -1.0])[:, None]
    assert lesson.share_between(same_in_a_group, groups) == pytest.approx(1)
    # between the means 1 and -1 the variance is 1, of all four numbers it is 2
    mixed = np.array([2.0, 0.0, 0.0, -2.0])[:, None]
    assert lesson.share_between(mixed, groups) == pytest.approx(0.5)
