"""A GAN as a Keras model: methods that work as in Keras, and errors that name alternatives."""

import warnings

import keras
import numpy as np
import pytest
import tensorflow as tf
from keras import layers, ops

import gan_utils
from gan_utils import GAN, model_checks

SHAPE = (8, 8, 1)


def build_generator(activation="tanh"):
    return keras.Sequential(
        [layers.Input((4,)), layers.Dense(64, activation=activation), layers.Reshape(SHAPE)]
    )


def build_discriminator(*ends):
    return keras.Sequential([layers.Input(SHAPE), layers.Flatten(), layers.Dense(1), *ends])


def build_gan(generator=None, discriminator=None, optimizers=("adam", "adam")):
    gan = GAN(generator or build_generator(), discriminator or build_discriminator(), 4)
    gan.compile(*optimizers)
    return gan


def operation_at_the_end():
    images = keras.Input(SHAPE)
    return keras.Model(images, ops.sigmoid(layers.Dense(1)(layers.Flatten()(images))))


class SigmoidInCall(keras.Model):
    def __init__(self):
        super().__init__()
        self.dense = layers.Dense(1)

    def call(self, images, training=False):
        return tf.sigmoid(self.dense(tf.reshape(images, (-1, 64))))


def normalized_discriminator():
    return build_discriminator(layers.LayerNormalization(), layers.Dense(1, use_bias=True))


def real_images(count=16):
    return np.random.default_rng(0).integers(0, 256, (count, *SHAPE)).astype("uint8")


def dataset(pictures, labels=False):
    parts = (pictures, np.arange(len(pictures), dtype="uint8")) if labels else pictures
    return tf.data.Dataset.from_tensor_slices(parts).batch(8, drop_remainder=True)


def test_optimizers_are_named_as_in_keras():
    gan = build_gan(optimizers=("adam", "adam"))
    assert gan.d_optimizer is not gan.g_optimizer
    gan = build_gan(optimizers=("adam", "rmsprop"))
    assert [type(o).__name__ for o in (gan.d_optimizer, gan.g_optimizer)] == ["Adam", "RMSprop"]
    gan.fit(real_images(), batch_size=8, verbose=0)
    config = keras.optimizers.serialize(keras.optimizers.SGD(0.5))
    assert float(build_gan(optimizers=(config, config)).d_optimizer.learning_rate) == 0.5


@pytest.mark.parametrize(
    ("discriminator", "named"),
    [
        (lambda: build_discriminator(layers.Activation("sigmoid"), layers.Reshape((1, 1))), ""),
        (lambda: build_discriminator(keras.Sequential([layers.Activation("sigmoid")])), ""),
        (operation_at_the_end, "sigmoid"),
        (SigmoidInCall, "sigmoid_in_call"),
        (lambda: build_discriminator(layers.Dense(2, activation="softmax")), "dense"),
    ],
)
def test_a_discriminator_that_returns_probabilities_is_named(discriminator, named):
    with pytest.warns(UserWarning, match=rf"discriminator.*{named}.*logits"):
        build_gan(discriminator=discriminator())


def test_a_generator_that_ends_in_a_sigmoid_is_named():
    with pytest.warns(UserWarning, match=r"generator.*tanh"):
        build_gan(generator=build_generator("sigmoid"))


def test_usual_networks_and_ranges_warn_of_nothing():
    with warnings.catch_warnings():
        warnings.simplefilter("error", UserWarning)
        for seed in range(3):  # its outputs have one sign by luck, and do not grow with the pixels
            keras.utils.set_random_seed(seed)
            build_gan(discriminator=normalized_discriminator())
        gan = build_gan()
        gan.fit(real_images(), batch_size=8, verbose=0)
        gan.fit(dataset(real_images() / np.float32(127.5) - 1), verbose=0)


@pytest.mark.parametrize("labels", [False, True])
def test_bytes_in_a_dataset_become_what_an_array_becomes(labels):
    seen = []

    class Watching(GAN):
        def real_inputs(self, batch):
            found = super().real_inputs(batch)
            seen.append((found.dtype, batch[1].dtype if labels else None))
            return found

    gan = Watching(build_generator(), build_discriminator(), 4)
    gan.compile("sgd", "sgd")
    gan.fit(dataset(real_images(), labels), verbose=0)
    assert set(seen) == {(tf.float32, tf.uint8 if labels else None)}


@pytest.mark.parametrize("labels", [False, True])
def test_a_dataset_in_another_range_is_refused_or_warned_of(labels):
    with pytest.raises(ValueError, match=r"from 0 to 255.*\[-1, 1\].*127\.5"):
        build_gan().fit(dataset(real_images().astype("float32"), labels), verbose=0)
    with pytest.warns(UserWarning, match=r"\[0, 1\].*2 \* x - 1"):
        build_gan().fit(dataset(real_images() / np.float32(255), labels), verbose=0)
    with pytest.warns(UserWarning, match=r"\[0, 1\]"):
        build_gan().fit(real_images() / np.float32(255), batch_size=8, verbose=0)
    with pytest.raises(ValueError, match="int32"):
        build_gan().fit(dataset(real_images().astype("int32"), labels), verbose=0)


def test_what_a_gan_lacks_says_what_to_use(tmp_path):
    gan = build_gan()
    pictures = real_images()
    for options in ({"validation_data": pictures}, {"validation_split": 0.5}):
        with pytest.raises(ValueError, match=r"no validation loss.*metrics\.fid"):
            gan.fit(pictures, batch_size=8, verbose=0, **options)
    with pytest.raises(NotImplementedError, match=r"no validation loss.*metrics\.fid"):
        gan.evaluate(pictures)
    for save in (gan.save, lambda path: keras.saving.save_model(gan, path)):
        with pytest.raises(NotImplementedError, match=r"ema_generator\.save.*Checkpoint"):
            save(tmp_path / "x.keras")
    gan.summary(print_fn=lambda line: None)


@pytest.mark.parametrize("backend", ["jax", "torch"])
def test_another_backend_is_refused_in_one_line(backend, monkeypatch):
    monkeypatch.setenv("KERAS_BACKEND", backend)
    with pytest.raises(ImportError, match=f"needs TensorFlow under Keras.*{backend}"):
        gan_utils.GAN  # noqa: B018


class Gated(keras.Model):
    def __init__(self):
        super().__init__()
        self.head, self.gate = layers.Dense(1), layers.Dense(64, activation="sigmoid")

    def call(self, images, training=False):
        pixels = tf.reshape(images, (-1, 64))
        return self.head(pixels * self.gate(pixels))


def test_a_sigmoid_inside_a_subclass_is_not_its_end():
    with warnings.catch_warnings():
        warnings.simplefilter("error", UserWarning)
        build_gan(discriminator=Gated())


def test_fit_names_what_it_takes_and_callbacks_are_as_in_keras():
    for data in (tf.zeros((8, *SHAPE)), iter([])):
        with pytest.raises(ValueError, match="fit takes an array"):
            build_gan().fit(data, verbose=0)
    for callbacks in (None, keras.callbacks.History()):
        build_gan().fit(real_images(), batch_size=8, callbacks=callbacks, verbose=0)


def test_a_dataset_of_float64_is_converted():
    found = model_checks.checked_dataset(dataset(real_images() / 127.5 - 1))
    assert found.element_spec.dtype == tf.float32


def test_another_backend_in_the_file_of_keras_is_refused_too(tmp_path, monkeypatch):
    monkeypatch.delenv("KERAS_BACKEND", raising=False)
    monkeypatch.setenv("KERAS_HOME", str(tmp_path))
    (tmp_path / "keras.json").write_text('{"backend": "jax"}')
    with pytest.raises(ImportError, match=r"keras\.json is 'jax'"):
        gan_utils.GAN  # noqa: B018
    (tmp_path / "keras.json").write_text("[]")  # Keras ignores it as well
    assert gan_utils.GAN is GAN
