"""What the benchmarks count and compare."""

import sys
from pathlib import Path

import keras
import numpy as np
import pytest
import tensorflow as tf
from keras import layers

from gan_utils import GAN

sys.path.insert(0, str(Path(__file__).resolve().parents[1] / "benchmarks"))

from arithmetic import matrix_rate, operations_of
from classic_loops import CASES, classic_loop

BATCH = 4


def compiled(generator, discriminator, latent_dim):
    gan = GAN(generator, discriminator, latent_dim, average=None)
    gan.compile(d_optimizer=keras.optimizers.Adam(), g_optimizer=keras.optimizers.Adam())
    return gan


def test_products_of_a_dense_step_are_those_on_paper():
    generator = keras.Sequential([layers.Input((3,)), layers.Dense(5)])
    discriminator = keras.Sequential([layers.Input((5,)), layers.Dense(1)])
    found = operations_of(compiled(generator, discriminator, 3), tf.zeros((BATCH, 5)))
    g_forward, d_forward = 2 * BATCH * 3 * 5, 2 * BATCH * 5 * 1
    # D: twice forward, twice its weights' gradient. G: forward, D forward and back, its gradient,
    # and the one of D's weights that nobody asks for.
    assert (
        found == 2 * d_forward + 2 * d_forward + g_forward + 2 * d_forward + g_forward + d_forward
    )


def test_convolutions_are_counted_in_both_directions():
    generator = keras.Sequential(
        [layers.Input((4, 4, 2)), layers.Conv2DTranspose(3, 2, strides=2, padding="same")]
    )
    discriminator = keras.Sequential(
        [layers.Input((8, 8, 3)), layers.Conv2D(5, 4, strides=2, padding="same")]
    )

    class FromPictures(GAN):
        def generator_inputs(self, batch, seed, count=None):
            return tf.zeros((count or BATCH, 4, 4, 2))

    gan = FromPictures(generator, discriminator, 1, average=None)
    gan.compile(d_optimizer=keras.optimizers.Adam(), g_optimizer=keras.optimizers.Adam())
    found = operations_of(gan, tf.zeros((BATCH, 8, 8, 3)))
    g_forward = 2 * BATCH * 4 * 4 * 2 * 2 * 2 * 3
    d_forward = 2 * BATCH * 4 * 4 * 5 * 4 * 4 * 3
    assert found == 2 * d_forward + 2 * d_forward + g_forward + 2 * d_forward + g_forward


def test_a_step_without_products_is_refused():
    class Still(keras.Model):
        def train_step(self, batch):
            return batch + 1

    with pytest.raises(RuntimeError, match="no matrix product"):
        operations_of(Still(), tf.zeros((1,)))


def test_the_machine_does_some_products():
    assert matrix_rate() > 1e8


@pytest.mark.parametrize("case", [CASES[0], CASES[2]], ids=lambda case: case.lesson)
def test_both_players_of_the_classic_loop_move(case):
    networks = case.networks()
    pictures = np.zeros((case.batch_size, 28, 28, 1), "float32")
    labels = np.arange(case.batch_size, dtype="int32") % 10
    batch = (pictures, labels) if case.labeled else pictures
    step = classic_loop(case, networks, batch)
    before = [network.get_weights() for network in networks]
    step(batch)
    for network, old in zip(networks, before, strict=True):
        changes = [np.abs(a - b).max() for a, b in zip(network.get_weights(), old, strict=True)]
        assert max(changes) > 0
