"""The alternating update: which weights move, logs, errors, and samples."""

import warnings

import keras
import numpy as np
import pytest
import tensorflow as tf
from keras import layers

from gan_utils import GAN, Batches, fit

LATENT_DIM = 5


def build_generator():
    return keras.Sequential(
        [
            layers.Input((LATENT_DIM,)),
            layers.Dense(12, use_bias=False),
            layers.BatchNormalization(),
            layers.LeakyReLU(),
            layers.Dense(16, activation="tanh"),
            layers.Reshape((4, 4, 1)),
        ]
    )


def build_discriminator(activation=None):
    return keras.Sequential(
        [
            layers.Input((4, 4, 1)),
            layers.Conv2D(6, 3, padding="same"),
            layers.BatchNormalization(),
            layers.LeakyReLU(),
            layers.Dropout(0.3),
            layers.Flatten(),
            layers.Dense(1, activation=activation),
        ]
    )


def build_gan(rate=1e-2, **options):
    keras.utils.set_random_seed(7)
    gan = GAN(build_generator(), build_discriminator(), LATENT_DIM, **options)
    gan.compile(d_optimizer=keras.optimizers.Adam(rate), g_optimizer=keras.optimizers.Adam(rate))
    return gan


@pytest.fixture
def real_images():
    return np.random.default_rng(0).uniform(-1, 1, (64, 4, 4, 1)).astype("float32")


def snapshot(network):
    return [np.array(w) for w in network.get_weights()]


def moved(network, before):
    return [not np.array_equal(a, b) for a, b in zip(network.get_weights(), before, strict=True)]


def test_discriminator_update_moves_the_discriminator_only(real_images):
    gan = build_gan()
    batch = tf.constant(real_images[:8])
    inputs = gan.generator_inputs(batch, tf.constant([1, 2]))
    fake_images = gan.generator(inputs, training=False)
    g_before, d_before = snapshot(gan.generator), snapshot(gan.discriminator)
    gan.update_discriminator(batch, inputs, fake_images)
    assert all(moved(gan.discriminator, d_before))  # weights and moving statistics
    assert not any(moved(gan.generator, g_before))


def test_generator_update_moves_the_generator_only(real_images):
    gan = build_gan()
    batch = tf.constant(real_images[:8])
    inputs = gan.generator_inputs(batch, tf.constant([1, 2]))
    g_before, d_before = snapshot(gan.generator), snapshot(gan.discriminator)
    with tf.GradientTape() as tape:
        fake_images = gan.generator(inputs, training=True)
    gan.update_generator(batch, inputs, fake_images, tape)
    assert all(moved(gan.generator, g_before))
    assert not any(moved(gan.discriminator, d_before))  # its moving statistics stay too


@pytest.mark.parametrize("critic_steps", [1, 3])
def test_a_step_moves_both_warns_of_nothing_and_logs_finite_scalars(real_images, critic_steps):
    gan = build_gan(critic_steps=critic_steps)
    g_before, d_before = snapshot(gan.generator), snapshot(gan.discriminator)
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        logs = tf.function(gan.train_step)(tf.constant(real_images[: 8 * critic_steps]))
    assert all(moved(gan.generator, g_before))
    assert all(moved(gan.discriminator, d_before))
    assert set(logs) == {"d_loss", "g_loss", "d_real", "d_fake", "d_fake_after"}
    assert all(np.isfinite(value) and value.shape == () for value in logs.values())
    assert int(gan.d_optimizer.iterations) == critic_steps
    assert int(gan.g_optimizer.iterations) == 1


def test_critic_steps_leave_the_generators_statistics_to_its_own_update(real_images):
    gan = build_gan(critic_steps=4)
    gan.g_optimizer.learning_rate = 0.0
    single = build_gan(critic_steps=1)
    gan.train_step(tf.constant(real_images[:32]))
    single.train_step(tf.constant(real_images[:8]))
    for many, one in zip(
        gan.generator.non_trainable_weights, single.generator.non_trainable_weights, strict=True
    ):
        np.testing.assert_allclose(many, one, rtol=1e-6)


def test_history_holds_the_steps_values_not_running_means(real_images):
    gan = build_gan()
    seen = []
    watch = keras.callbacks.LambdaCallback(on_train_batch_end=lambda _, logs: seen.append(logs))
    history = gan.fit(real_images, batch_size=16, epochs=2, callbacks=[watch], verbose=0).history
    for name in ("d_loss", "g_loss", "d_real", "d_fake", "d_fake_after"):
        assert history[name] == [seen[3][name], seen[7][name]]


def test_fit_takes_arrays_batches_and_datasets(real_images):
    bytes_ = np.round((real_images + 1) * 127.5).astype("uint8")
    dataset = tf.data.Dataset.from_tensor_slices(real_images).batch(16, drop_remainder=True)
    for source in (bytes_, Batches(bytes_, batch_size=16), dataset):
        gan = build_gan()
        gan.fit(source, batch_size=16, epochs=2, verbose=0)
        assert int(gan.g_optimizer.iterations) == 8


def test_no_dataset_is_tuned_unless_its_options_ask_for_it(monkeypatch):
    plain = tf.data.Dataset.from_tensor_slices(tf.zeros((8, 4, 4, 1)))
    asked = tf.data.Options()
    asked.autotune.enabled = True
    seen = []
    gan = build_gan()
    monkeypatch.setattr(fit, "share", lambda model, dataset, *rest: seen.append(dataset) or dataset)
    for dataset in (plain.batch(4, True), plain.with_options(asked).batch(4, True)):
        gan.fit(dataset, verbose=0)
    ours = Batches(np.zeros((8, 4, 4, 1), np.uint8), batch_size=4).dataset()
    found = [dataset.options().autotune.enabled for dataset in (*seen, ours)]
    assert found == [False, True, False]


def test_a_dataset_whose_last_batch_is_smaller_is_refused_with_the_way_out(real_images):
    dataset = tf.data.Dataset.from_tensor_slices(real_images).batch(16)
    with pytest.raises(ValueError, match=r"no fixed size.*drop_remainder=True"):
        build_gan().fit(dataset, verbose=0)


def test_a_trained_gan_trains_on_with_batches_of_another_size(real_images):
    gan = build_gan()
    for batch_size in (4, 2, 4):
        gan.fit(real_images[:8], batch_size=batch_size, epochs=1, verbose=0)
    assert int(gan.g_optimizer.iterations) == 2 + 4 + 2


def test_same_seed_same_run_other_seed_another(real_images):
    def weights(seed):
        gan = build_gan(seed=seed)
        gan.fit(real_images, batch_size=16, epochs=1, verbose=0)
        return np.concatenate([w.ravel() for w in gan.get_weights()])

    assert np.array_equal(weights(3), weights(3))
    assert not np.array_equal(weights(3), weights(4))


def test_every_step_has_latents_of_its_own():
    gan = build_gan()
    drawn = []
    gan.generator_inputs = lambda batch, seed, count=None: (
        drawn.append(np.array(seed)) or GAN.generator_inputs(gan, batch, seed, count)
    )
    for _ in range(3):
        gan.train_step(tf.zeros((8, 4, 4, 1)))
    assert len({tuple(seed) for seed in drawn}) == 3


def test_generate_is_reproducible_and_independent_of_the_batch_size(real_images):
    gan = build_gan()
    gan.fit(real_images, batch_size=16, epochs=1, verbose=0)
    drawn = gan.generate(10, seed=1)
    assert drawn.shape == (10, 4, 4, 1)
    assert drawn.dtype == np.float32
    assert np.abs(drawn).max() <= 1
    np.testing.assert_array_equal(drawn, gan.generate(10, seed=1))
    np.testing.assert_allclose(drawn, gan.generate(10, seed=1, batch_size=3), atol=1e-6)
    assert not np.allclose(drawn, gan.generate(10, seed=2))


def test_the_average_follows_the_recurrence():
    gan = build_gan(ema_decay=0.5)
    expected = gan.generator.trainable_weights[0].numpy()
    for step in range(1, 5):
        gan.train_step(tf.zeros((8, 4, 4, 1)))
        rate = 1 - min(0.5, (1 + step) / (10 + step))
        expected = expected + rate * (gan.generator.trainable_weights[0].numpy() - expected)
    averaged = gan.ema_generator.layers[0].kernel.numpy()
    np.testing.assert_allclose(averaged, expected, rtol=1e-5)
    assert not np.allclose(averaged, gan.generator.trainable_weights[0].numpy())


def test_the_averaged_generator_gets_statistics_that_fit_its_weights(real_images):
    gan = build_gan()
    gan.fit(real_images, batch_size=16, epochs=3, verbose=0)
    gan.generate(4)
    latents = np.random.default_rng(1).standard_normal((4096, LATENT_DIM)).astype("float32")
    dense, normalization = gan.ema_generator.layers[:2]
    outputs = dense(latents).numpy()
    np.testing.assert_allclose(normalization.moving_mean, outputs.mean(0), atol=0.1)
    np.testing.assert_allclose(normalization.moving_variance, outputs.var(0), rtol=0.35)
    assert normalization.momentum == 0.99  # put back after measuring


def test_no_average_samples_from_the_generator_itself(real_images):
    gan = build_gan(ema_decay=None)
    gan.fit(real_images, batch_size=16, epochs=1, verbose=0)
    assert gan.ema_generator is gan.generator
    latents = gan.generator_inputs(None, tf.constant([0, 0]), 6)
    np.testing.assert_allclose(gan.generate(6), gan.generator(latents, training=False), atol=1e-6)


def test_subclassed_networks_work(real_images):
    class Generator(keras.Model):
        def __init__(self):
            super().__init__()
            self.dense = layers.Dense(16, activation="tanh")

        def call(self, latents, training=False):
            return tf.reshape(self.dense(latents), (-1, 4, 4, 1))

    gan = GAN(Generator(), build_discriminator(), LATENT_DIM)
    gan.compile(d_optimizer=keras.optimizers.Adam(), g_optimizer=keras.optimizers.Adam())
    gan.fit(real_images, batch_size=16, epochs=1, verbose=0)
    assert gan.generate(3).shape == (3, 4, 4, 1)


def test_a_functional_network_is_averaged(real_images):
    latents = keras.Input((LATENT_DIM,))
    pixels = layers.Dense(16, activation="tanh")(latents)
    generator = keras.Model(latents, layers.Reshape((4, 4, 1))(pixels), name="generator")
    gan = GAN(generator, build_discriminator(), LATENT_DIM, ema_decay=0.9)
    gan.compile(d_optimizer=keras.optimizers.Adam(), g_optimizer=keras.optimizers.Adam())
    gan.fit(real_images, batch_size=16, epochs=1, verbose=0)
    assert gan.ema_generator is not gan.generator
    apart = [
        np.abs(ours.numpy() - theirs.numpy()).max()
        for ours, theirs in zip(gan.ema_generator.weights, generator.weights, strict=True)
    ]
    assert max(apart) > 0
    assert gan.generate(3).shape == (3, 4, 4, 1)


def test_a_network_that_cannot_be_copied_says_so():
    class Generator(keras.Model):
        def __init__(self, layer, width):
            super().__init__()
            self.inner = layer

        def call(self, latents, training=False):
            return tf.reshape(self.inner(latents), (-1, 4, 4, 1))

    gan = GAN(Generator(layers.Dense(16), object()), build_discriminator(), LATENT_DIM)
    with pytest.raises(ValueError, match="ema_decay=None"):
        gan.compile(d_optimizer=keras.optimizers.Adam(), g_optimizer=keras.optimizers.Adam())


def test_refusals():
    with pytest.raises(ValueError, match="latent_dim"):
        GAN(build_generator(), build_discriminator(), 0)
    with pytest.raises(ValueError, match="ema_decay"):
        GAN(build_generator(), build_discriminator(), LATENT_DIM, ema_decay=1.0)
    optimizer = keras.optimizers.Adam()
    gan = GAN(build_generator(), build_discriminator(), LATENT_DIM)
    with pytest.raises(ValueError, match="one for each"):
        gan.compile(d_optimizer=optimizer, g_optimizer=optimizer)
    gan = GAN(build_generator(), build_discriminator("sigmoid"), LATENT_DIM)
    with pytest.raises(ValueError, match="sigmoid"):
        gan.compile(d_optimizer=keras.optimizers.Adam(), g_optimizer=keras.optimizers.Adam())
    with pytest.raises(ValueError, match="count"):
        build_gan().generate(0)


def test_a_loss_that_is_no_scalar_or_misses_a_layer_is_an_error():
    gan = build_gan()
    gan.discriminator_loss = lambda real_logits, fake_logits: real_logits
    with pytest.raises(ValueError, match="scalar"):
        gan.train_step(tf.zeros((8, 4, 4, 1)))
    gan = build_gan()
    gan.generator_loss = lambda fake_logits: tf.reduce_mean(tf.round(fake_logits))
    with pytest.raises(ValueError, match="does not depend on"):
        gan.train_step(tf.zeros((8, 4, 4, 1)))


def test_steps_per_epoch_and_labels_are_not_dropped(real_images):
    gan = build_gan()
    gan.fit(real_images, batch_size=8, steps_per_epoch=2, epochs=3, verbose=0)
    assert int(gan.g_optimizer.iterations) == 6
    batches = Batches(real_images, batch_size=8)
    with pytest.raises(ValueError, match="give it to Batches"):
        gan.fit(batches, steps_per_epoch=2, verbose=0)
    with pytest.raises(ValueError, match="y is given"):
        gan.fit(batches, np.zeros(64, int), verbose=0)


def test_a_batch_that_the_critics_steps_cannot_share_is_named(real_images):
    with pytest.raises(ValueError, match=r"8 images.*multiple of 5"):
        build_gan(critic_steps=5).fit(Batches(real_images, batch_size=8), verbose=0)


@pytest.mark.parametrize("seed", [np.int64(3), np.uint8(3)])
def test_a_seed_of_numpy_is_kept_as_a_number(seed):
    assert type(build_gan(seed=seed).seed) is int


def test_no_seed_is_refused():
    with pytest.raises(ValueError, match="seed is None"):
        build_gan(seed=None)


def test_generate_names_what_is_wrong():
    with pytest.raises(ValueError, match="batch_size must be at least 1"):
        build_gan().generate(2, batch_size=0)
    with pytest.raises(ValueError, match="compile the GAN first"):
        GAN(build_generator(), build_discriminator(), LATENT_DIM).generate(2)
