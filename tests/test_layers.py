"""Layers that stay in training mode: in every way of calling a model, frozen, and loaded."""

import subprocess
import sys

import keras
import numpy as np
import pytest
from keras import layers

from gan_utils.layers import AlwaysBatchNormalization, AlwaysDropout, halvings, reseed, sublayers

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
