"""Lesson 04: both kinds of networks, which label each sees, which weights move, and errors."""

import math
import warnings

import keras
import numpy as np
import pytest
import tensorflow as tf
from lesson import load_lesson

from gan_utils import losses, records, weights

KINDS = ("concatenate", "multiply")


@pytest.fixture(scope="module")
def lesson():
    return load_lesson("04_cgan")


@pytest.fixture
def batch():
    real_images = np.random.default_rng(0).uniform(-1, 1, (8, 28, 28, 1)).astype("float32")
    return tf.constant(real_images), tf.constant([3, 1, 4, 1, 5, 9, 2, 6])


@pytest.fixture(scope="module")
def gan(lesson):
    return lesson.make_gan()


def embedding_of(network):
    (layer,) = [layer for layer in network.layers if isinstance(layer, keras.layers.Embedding)]
    return layer


@pytest.mark.parametrize(
    ("kind", "counts", "tables"),
    [
        ("concatenate", (1_514_996, 932_965), (100, 100)),
        ("multiply", (1_514_616, 935_585), (1_000, 7_840)),
    ],
)
def test_counts_shapes_and_embeddings(lesson, kind, counts, tables):
    networks = lesson.build_generator(kind), lesson.build_discriminator(kind)
    class_labels = tf.constant([[0], [9]])
    real_images = networks[0]([tf.zeros((2, lesson.LATENT_DIM)), class_labels])
    assert real_images.shape == (2, 28, 28, 1)
    assert networks[1]([real_images, class_labels]).shape == (2, 1)
    assert tuple(network.count_params() for network in networks) == counts
    assert tuple(embedding_of(network).count_params() for network in networks) == tables
    assert networks[1].layers[-1].activation is keras.activations.linear


def test_layers_are_those_of_the_text(lesson):
    generator, discriminator = lesson.build_generator(), lesson.build_discriminator()
    widths = [
        [la.units for la in n.layers if hasattr(la, "units")] for n in (generator, discriminator)
    ]
    assert widths == [[128, 256, 512, 1024, 784], [512, 512, 512, 1]]
    norms = [la for la in generator.layers if isinstance(la, keras.layers.BatchNormalization)]
    assert [norm.momentum for norm in norms] == [0.8] * 3
    assert [norm.epsilon for norm in norms] == [1e-3] * 3
    drops = [la.rate for la in discriminator.layers if isinstance(la, keras.layers.Dropout)]
    assert drops == [0.4, 0.4]


def test_the_tutorials_settings_are_those_of_the_tutorial(lesson):
    assert lesson.TUTORIAL["epochs"] == 200
    gan = lesson.make_gan(settings=lesson.TUTORIAL)
    norms = [la for la in gan.generator.layers if isinstance(la, keras.layers.BatchNormalization)]
    assert [(norm.momentum, norm.epsilon) for norm in norms] == [(0.9, 0.8)] * 3
    assert gan.ema_decay is None
    for network in (gan.generator, gan.discriminator):
        # its embedding starts from N(0, 1): 100 numbers, so 0.25 is 3.5 standard errors
        assert np.std(embedding_of(network).embeddings) == pytest.approx(1, abs=0.25)


@pytest.mark.parametrize("kind", KINDS)
def test_the_label_reaches_both_networks(lesson, kind):
    latents = tf.repeat(keras.random.normal((1, lesson.LATENT_DIM), seed=1), 2, axis=0)
    class_labels = tf.constant([[2], [7]])
    drawn = lesson.build_generator(kind)([latents, class_labels]).numpy()
    assert np.abs(drawn[0] - drawn[1]).max() > 1e-3
    same = tf.repeat(keras.random.uniform((1, 28, 28, 1), -1, 1, seed=1), 2, axis=0)
    logits = lesson.build_discriminator(kind)([same, class_labels], training=False).numpy()
    assert abs(logits[0, 0] - logits[1, 0]) > 1e-4


def test_multiplication_scales_the_noise_by_the_row_of_the_label(lesson):
    generator = lesson.build_generator("multiply")
    (product,) = [la for la in generator.layers if isinstance(la, keras.layers.Multiply)]
    latents = keras.random.normal((3, lesson.LATENT_DIM), seed=1)
    class_labels = tf.constant([[0], [9], [4]])
    seen = keras.Model(generator.inputs, product.output)([latents, class_labels])
    rows = embedding_of(generator).embeddings.numpy()[[0, 9, 4]]
    np.testing.assert_allclose(seen, latents * rows, rtol=1e-6)


def test_losses_by_hand(gan):
    real, fake = tf.constant([[2.0]]), tf.constant([[-1.0]])
    expected = math.log1p(math.exp(-2)) + math.log1p(math.exp(-1))
    assert gan.discriminator_loss(real, fake).numpy() == pytest.approx(expected, rel=1e-5)
    assert gan.generator_loss(fake).numpy() == pytest.approx(math.log1p(math.e), rel=1e-5)
    assert losses.cross_entropy_generator_loss(fake) == gan.generator_loss(fake)


def test_labels_of_fakes_are_drawn_at_random(lesson, gan, batch):
    _, first = gan.generator_inputs(None, tf.constant([1, 2]), 5_000)
    _, second = gan.generator_inputs(None, tf.constant([1, 3]), 5_000)
    assert first.shape == (5_000, 1)
    assert first.dtype == tf.int32
    shares = np.bincount(first.numpy()[:, 0], minlength=lesson.NUM_CLASSES) / 5_000
    np.testing.assert_allclose(shares, 0.1, atol=0.02)
    assert 0.05 < np.mean(first.numpy() == second.numpy()) < 0.15
    latents, asked = gan.generator_inputs(batch, tf.constant([1, 2]))
    assert latents.shape == (8, lesson.LATENT_DIM)
    assert not np.array_equal(asked[:, 0], batch[1])


def test_labels_do_not_depend_on_the_noise(gan):
    latents, class_labels = gan.generator_inputs(None, tf.constant([5, 6]), 20_000)
    means = [latents.numpy()[class_labels.numpy()[:, 0] == d].mean() for d in range(10)]
    np.testing.assert_allclose(means, 0, atol=0.01)


def test_each_image_is_scored_with_its_own_label(lesson, gan, batch):
    real_images, class_labels = gan.real_inputs(batch)
    np.testing.assert_array_equal(real_images, batch[0])
    np.testing.assert_array_equal(class_labels[:, 0], batch[1])
    inputs = gan.generator_inputs(batch, gan.next_seed())
    _, asked = gan.fake_inputs(batch[0], inputs)
    np.testing.assert_array_equal(asked, inputs[1])
    swapped = lesson.SwappedLabelsGAN.fake_inputs(gan, batch[0], inputs)[1]
    np.testing.assert_array_equal(swapped[1:], inputs[1][:-1])
    assert not np.array_equal(swapped, inputs[1])


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("mover", ["discriminator", "generator", "both"])
def test_who_moves(lesson, batch, kind, mover):
    rates = {"d_rate": 1e-3 * (mover != "generator"), "g_rate": 1e-3 * (mover != "discriminator")}
    gan = lesson.make_gan(kind, {**lesson.SHORT, **rates})
    players = {"discriminator": gan.discriminator, "generator": gan.generator}
    before = {name: [w.numpy() for w in player.weights] for name, player in players.items()}
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        logs = gan.train_step(batch)
    assert set(logs) == {"d_loss", "g_loss", "d_real", "d_fake", "d_fake_after"}
    assert all(np.isfinite(value) for value in logs.values())
    for name, player in players.items():
        trained = {w.path for w in player.trainable_weights}
        for weight, old in zip(player.weights, before[name], strict=True):
            if weight.path in trained:
                assert np.array_equal(weight.numpy(), old) == (mover not in (name, "both"))


def test_the_generators_update_leaves_d_fake_after_to_the_new_discriminator(lesson, batch):
    gan = lesson.make_gan(settings={**lesson.SHORT, "d_rate": 5e-3})
    for _ in range(3):
        logs = gan.train_step(batch)
    assert logs["d_fake_after"] != logs["d_fake"]


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
    steps = int(gan.g_optimizer.iterations.numpy())
    with pytest.raises(ValueError, match="needs labels"):
        gan.fit(real_images, batch_size=4, epochs=1, verbose=0)
    assert int(gan.g_optimizer.iterations.numpy()) == steps


def test_the_order_of_the_labels_is_respected(lesson, gan):
    together = lesson.draw(gan, np.array([7, 2, 5]))
    latents = tf.random.stateless_normal((3, lesson.LATENT_DIM), [0, lesson.SEED])
    for index, label in enumerate([7, 2, 5]):
        alone = gan.ema_generator(
            [latents[index : index + 1], tf.constant([[label]])], training=False
        )
        np.testing.assert_allclose(together[index], alone[0], atol=1e-5)
    grid_labels = lesson.fixed_inputs()[1].numpy()[:, 0]
    np.testing.assert_array_equal(grid_labels.reshape(10, 10)[:, 0], range(10))


@pytest.mark.parametrize("kind", KINDS)
def test_a_saved_generator_draws_the_same(lesson, tmp_path, kind):
    gan = lesson.make_gan(kind)
    gan.ema_generator.save(tmp_path / "generator.keras")
    loaded = keras.saving.load_model(tmp_path / "generator.keras", compile=False)
    latents = keras.random.normal((4, lesson.LATENT_DIM), seed=3)
    class_labels = tf.constant([[1], [0], [9], [4]])
    np.testing.assert_array_equal(
        loaded([latents, class_labels], training=False),
        gan.ema_generator([latents, class_labels], training=False),
    )


def test_keras_default_embedding_hardly_moves_an_untrained_score(lesson):
    # "A label that moves the score so little is ignored at first"
    one_image = tf.repeat(keras.random.uniform((1, 28, 28, 1), -1, 1, seed=1), 10, axis=0)
    ten = tf.range(10)[:, None]
    quiet, loud = (
        np.std(lesson.build_discriminator(spread=spread)([one_image, ten], training=False))
        for spread in (lesson.KERAS_SPREAD, 1.0)
    )
    assert 0 < quiet < loud / 5


def test_the_recorded_run_carries_what_the_lesson_says():
    found = records.recorded("04_cgan", "full")["metrics"]
    # "the generator obeys nearly every label"
    assert min(row["accuracy"] for row in found["results"].values()) >= 0.97
    assert weights.facts("cgan")["scores"]["agreement"] >= 0.97
    # "In the recorded run it is small", and untrained samples are recognized
    right, wrong_label, bad_image = found["verdicts"].values()
    assert abs(right - wrong_label) < 0.05
    assert bad_image < 0.05
