"""Adam in one operation moves weights as Keras' own update does."""

import keras
import numpy as np
import pytest
import tensorflow as tf

from gan_utils import GAN, Checkpoint, fused_adam

SCHEDULE = keras.optimizers.schedules.PolynomialDecay(1e-2, 10, 1e-3)


def run(fused, rate=1e-2, half=False, steps=5):
    keras.utils.set_random_seed(0)
    weights = [keras.Variable(np.ones((40, 5)), name="matrix"), keras.Variable([1.0], name="bias")]
    optimizer = keras.optimizers.Adam(rate, beta_1=0.5)
    if half:
        optimizer = keras.optimizers.LossScaleOptimizer(optimizer)
    optimizer.build(weights)
    if fused:
        fused_adam.fuse_updates(optimizer, weights)
        fused_adam.fuse_updates(optimizer, weights)
    rng = np.random.default_rng(1)
    step = tf.function(lambda *gradients: optimizer.apply(list(gradients), weights))
    for _ in range(steps):
        step(
            *(
                tf.constant(rng.normal(size=w.shape) * (1024 if half else 1), tf.float32)
                for w in weights
            )
        )
    return [np.asarray(v) for v in [*weights, *optimizer.variables]]


@pytest.mark.parametrize("half", [False, True])
@pytest.mark.parametrize("rate", [1e-2, SCHEDULE])
def test_one_operation_moves_as_keras_does(rate, half, monkeypatch):
    calls = []
    apply = tf.raw_ops.ResourceApplyAdam
    monkeypatch.setattr(tf.raw_ops, "ResourceApplyAdam", lambda **k: calls.append(k) or apply(**k))
    fused = run(True, rate, half)
    assert len(calls) >= 2
    for ours, keras_own in zip(fused, run(False, rate, half), strict=True):
        np.testing.assert_allclose(ours, keras_own, rtol=1e-5, atol=1e-7)


def test_a_resumed_run_ends_in_the_same_bits(tmp_path):
    images = np.random.default_rng(0).uniform(-1, 1, (16, 4, 4, 1)).astype("float32")

    def train(folder, *ends):
        for end in ends:
            keras.utils.set_random_seed(0)
            g = keras.Sequential(
                [keras.layers.Input((3,)), keras.layers.Dense(16), keras.layers.Reshape((4, 4, 1))]
            )
            d = keras.Sequential(
                [keras.layers.Input((4, 4, 1)), keras.layers.Flatten(), keras.layers.Dense(1)]
            )
            gan = GAN(g, d, 3)
            gan.compile("adam", "adam")
            gan.fit(images, batch_size=4, epochs=end, verbose=0, callbacks=[Checkpoint(folder)])
        return gan

    whole, resumed = train(tmp_path / "a", 4), train(tmp_path / "b", 2, 4)
    for one, other in zip(whole.variables, resumed.variables, strict=True):
        np.testing.assert_array_equal(one, other)


def test_other_optimizers_are_left_alone():
    for optimizer in (
        keras.optimizers.SGD(),
        keras.optimizers.Adam(amsgrad=True),
        keras.optimizers.AdamW(),
    ):
        weights = [keras.Variable([1.0])]
        optimizer.build(weights)
        before = optimizer.update_step
        fused_adam.fuse_updates(optimizer, weights)
        assert optimizer.update_step == before
