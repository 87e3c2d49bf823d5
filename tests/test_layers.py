"""Layers that stay in training mode, spectral normalization, sizes, and layers inside layers."""

import subprocess
import sys

import keras
import numpy as np
import pytest
import tensorflow as tf
from keras import layers

from gan_utils.layers import (
    AlwaysBatchNormalization,
    AlwaysDropout,
    SpectralNormalization,
    halvings,
    reseed,
    sublayers,
)

PICTURES = np.random.default_rng(0).normal(3, 2, (2, 8, 8, 4)).astype("float32")
CALLS = {
    "call": lambda model, x: model(x),
    "training": lambda model, x: model(x, training=True),
    "inference": lambda model, x: model(x, training=False),
    "predict": lambda model, x: model.predict(x, verbose=0),
}


def build(layer):
    keras.utils.set_random_seed(0)
    return keras.Sequential([layers.Input((8, 8, 4)), layer])


@pytest.mark.parametrize("way", CALLS)
def test_dropout_is_on_in_every_way_of_calling(way):
    model = build(AlwaysDropout(0.5))
    first, second = (np.asarray(CALLS[way](model, PICTURES)) for _ in range(2))
    assert (first != second).any()
    kept = first != 0
    assert 0.3 < kept.mean() < 0.7
    np.testing.assert_allclose(first[kept], 2 * PICTURES[kept], rtol=1e-6)


@pytest.mark.parametrize("trainable", [True, False])
@pytest.mark.parametrize("way", CALLS)
def test_batch_statistics_are_used_in_every_way_of_calling_frozen_or_not(way, trainable):
    model = build(AlwaysBatchNormalization())
    model.trainable = trainable
    found = np.asarray(CALLS[way](model, PICTURES))
    np.testing.assert_allclose(found.mean(axis=(0, 1, 2)), 0, atol=1e-5)
    np.testing.assert_allclose(found.std(axis=(0, 1, 2)), 1, atol=1e-3)


def test_normalization_is_that_of_keras_in_training():
    ours, theirs = build(AlwaysBatchNormalization()), build(layers.BatchNormalization())
    for model in (ours, theirs):
        model.layers[0].gamma.assign([1, 2, 3, 4])
        model.layers[0].beta.assign([4, 3, 2, 1])
    wanted = np.asarray(theirs(PICTURES, training=True))
    np.testing.assert_allclose(ours(PICTURES, training=False), wanted, atol=1e-5)
    np.testing.assert_allclose(ours(PICTURES, training=True), wanted, atol=1e-5)
    for mine, its in zip(ours.weights, theirs.weights, strict=True):
        np.testing.assert_allclose(mine, its, rtol=1e-6)


def test_only_training_moves_the_moving_statistics():
    model = build(AlwaysBatchNormalization())
    before = [value.numpy() for value in model.non_trainable_weights]
    for way in ("call", "inference", "predict"):
        CALLS[way](model, PICTURES)
    for value, old in zip(model.non_trainable_weights, before, strict=True):
        np.testing.assert_array_equal(value, old)
    model(PICTURES, training=True)
    for value, old in zip(model.non_trainable_weights, before, strict=True):
        assert (value.numpy() != old).all()


def test_copies_keep_the_layers():
    model = build(AlwaysDropout(0.5))
    assert type(keras.models.clone_model(model).layers[0]) is AlwaysDropout


LOADED = """
import sys
import keras, numpy as np
import gan_utils.layers
model = keras.saving.load_model(sys.argv[1], compile=False)
x = np.ones((1, 8, 8, 4), "float32")
ways = [model(x), model(x), model.predict(x, verbose=0), model(x, training=False)]
values = [np.asarray(way) for way in ways]
print(all((values[i] != values[j]).any() for i in range(4) for j in range(i)))
"""


def test_a_fresh_process_loads_them_and_they_are_on(tmp_path):
    model = build(AlwaysDropout(0.5))
    model.add(AlwaysBatchNormalization())
    model.save(tmp_path / "model.keras")
    command = [sys.executable, "-c", LOADED, str(tmp_path / "model.keras")]
    done = subprocess.run(command, capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "True"


def test_the_same_seed_gives_the_same_noise_and_layers_differ():
    model = build(AlwaysDropout(0.5))
    model.add(AlwaysDropout(0.5))
    ones = np.ones((1, 8, 8, 4), "float32")
    drawn = []
    for seed in (3, 3, 4):
        reseed(model, seed)
        drawn.append(np.asarray(model(ones)))
    np.testing.assert_array_equal(drawn[0], drawn[1])
    assert (drawn[0] != drawn[2]).any()
    reseed(model, 5)
    first, second = (np.asarray(layer(ones)) for layer in model.layers)
    assert (first != second).any()


def test_layers_inside_of_layers_are_found_once():
    class Block(layers.Layer):
        def __init__(self):
            super().__init__()
            self.inner = {"first": layers.Dense(2, name="a"), 2: [layers.Dense(2, name="b")]}
            self.model = keras.Sequential([layers.Dense(2, name="c")], name="d")

        def call(self, inputs):
            return inputs

    shared, wrapped = layers.Dense(2, name="e"), layers.Dense(1, name="f")
    inputs = keras.Input((3, 2))
    outputs = layers.TimeDistributed(wrapped)(shared(Block()(shared(inputs))))
    found = sublayers(keras.Model(inputs, outputs))
    assert len(found) == len(set(found))
    assert set("abcdef") <= {layer.name for layer in found}


@pytest.mark.parametrize(
    ("size", "shape", "count"),
    [
        (256, (256, 256), 8),
        ((64, 128), (64, 128), 6),
        ((480, 640), (480, 640), 5),
        (8, (8, 8), 3),
        ((np.int64(16), 48), (16, 48), 4),
    ],
)
def test_sizes_are_halved_as_often_as_two_divides_both(size, shape, count):
    assert halvings(size) == (shape, count)


@pytest.mark.parametrize(
    ("size", "least", "words"),
    [
        (200, None, "size is 200: .*divisible by 16, .* take 208 for instance"),
        ((480, 600), None, r"divisible by 16, .*take \(480, 608\)"),
        (12, None, "divisible by 8, .*take 16"),
        (1, None, "divisible by 2, .*take 2"),
        ((30, 28), 2, r"divisible by 4, .*take \(32, 28\)"),
        ((64, 0), None, r"size is \(64, 0\); give \(height, width\)"),
    ],
)
def test_other_sizes_are_refused_with_one_that_fits(size, least, words):
    with pytest.raises(ValueError, match=words) as caught:
        halvings(size, least)
    assert "\n" not in str(caught.value)


# ---- spectral normalization --------------------------------------------------------------------


def spectrum(kernel):
    matrix = np.asarray(kernel)
    return np.linalg.svd(matrix.reshape(-1, matrix.shape[-1]), compute_uv=False)


def settled(layer, shape, calls=200):
    """Build a layer, and call it until its power iteration has converged."""
    model = keras.Sequential([layers.Input(shape), layer])
    layer.kernel.assign(5 * layer.kernel)
    for _ in range(calls):
        model(np.zeros((1, *shape), "float32"), training=True)
    return model


@pytest.mark.parametrize("policy", ["float32", "mixed_bfloat16", "mixed_float16"])
@pytest.mark.parametrize(
    ("kind", "sizes", "shape"), [(layers.Conv2D, (8, 3), (6, 6, 4)), (layers.Dense, (8,), (12,))]
)
def test_the_normalized_kernel_has_a_spectral_norm_of_one(kind, sizes, shape, policy):
    keras.config.set_dtype_policy(policy)
    try:
        layer = SpectralNormalization(kind(*sizes))
        model = settled(layer, shape)
        kernel = layer.kernel.numpy()
        inputs = np.random.default_rng(1).normal(size=(3, *shape)).astype("float32")
        found = np.asarray(model(inputs), dtype="float32")
    finally:
        keras.config.set_dtype_policy("float32")
    assert layer.kernel.dtype == "float32"
    assert layer.layer.compute_dtype == policy.removeprefix("mixed_")
    np.testing.assert_allclose(spectrum(layer.normalized_weights()[1])[0], 1, rtol=1e-3)
    np.testing.assert_array_equal(layer.kernel, kernel, err_msg="a call changed the kernel")
    plain = kind(*sizes)
    plain.build((None, *shape))
    plain.set_weights([kernel / spectrum(kernel)[0], layer.layer.bias])
    error = 1e-4 if policy == "float32" else 0.03
    np.testing.assert_allclose(found, plain(inputs), atol=error)


def test_only_training_moves_the_vector_of_the_power_iteration():
    layer = SpectralNormalization(layers.Dense(8))
    model = settled(layer, (12,), calls=1)
    before = layer.vector_u.numpy()
    model(np.zeros((1, 12), "float32"))
    np.testing.assert_array_equal(layer.vector_u, before)
    model(np.zeros((1, 12), "float32"), training=True)
    assert np.abs(layer.vector_u.numpy() - before).max() > 1e-4


def test_the_gradient_knows_of_the_division():
    """Scaling the kernel changes nothing, so the gradient has no part along the kernel."""
    layer = SpectralNormalization(layers.Dense(8, use_bias=False))
    model = settled(layer, (12,))
    rng = np.random.default_rng(2)
    inputs, weights = rng.normal(size=(5, 12)), rng.normal(size=(5, 8))
    with tf.GradientTape() as tape:
        loss = tf.reduce_sum(model(inputs.astype("float32")) * weights.astype("float32"))
    gradient = tape.gradient(loss, layer.kernel.value).numpy()
    norm, kernel = spectrum(layer.kernel)[0], layer.kernel.numpy()
    left, values, right = np.linalg.svd(kernel)
    outer = np.outer(left[:, 0], right[0])
    plain = inputs.T @ weights
    np.testing.assert_allclose(values[0], norm, rtol=1e-6)
    expected = (plain - np.sum(plain * kernel / norm) * outer) / norm
    np.testing.assert_allclose(gradient, expected, atol=1e-3 * np.abs(expected).max())
    assert abs(np.sum(gradient * kernel)) < 1e-3 * np.linalg.norm(gradient) * norm


def test_a_network_with_spectral_normalization_is_saved_and_copied(tmp_path):
    model = settled(SpectralNormalization(layers.Conv2D(8, 3)), (6, 6, 4), calls=3)
    inputs = np.random.default_rng(3).normal(size=(2, 6, 6, 4)).astype("float32")
    model.save(tmp_path / "d.keras")
    copy = keras.models.load_model(tmp_path / "d.keras")
    np.testing.assert_allclose(copy(inputs), model(inputs), rtol=1e-6)
    assert isinstance(copy.layers[0], SpectralNormalization)
