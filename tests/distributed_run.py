"""A small labeled GAN on one device, on two devices of one process, or as one of two workers.

    main("compare", folder)          one device and two logical ones, side by side
    main("worker", folder, moment)   the role in TF_CONFIG, killed at the moment ("step 3.2")

Prints one line of JSON, each in a process of its own (`fresh.py`). The networks have synchronized
batch normalization and no dropout, and the optimizers are plain, so that a gradient that is summed
instead of averaged is noticed.
"""

import hashlib
import json
import os

import keras
import numpy as np
import tensorflow as tf
from keras import layers
from killed_run import Kill, build_gan

from gan_utils import GAN, Checkpoint, SampleGrid, StepHistory
from gan_utils.gan import step_seed

EPOCHS, BATCH, CRITIC_STEPS, LATENT_DIM = 4, 4, 2, 3
RNG = np.random.default_rng(3)
PICTURES = RNG.integers(0, 256, (26, 4, 4, 1), dtype=np.uint8)
LABELS = RNG.integers(0, 3, 26)


class LabeledGAN(GAN):
    """Draws labels as the lessons do, with a seed of their own."""

    def generator_inputs(self, batch, seed, count=None):
        latents = super().generator_inputs(batch, seed, count)
        seed = tf.random.experimental.stateless_fold_in(seed, 1)
        shape = (latents.shape[0], 1)
        return [latents, tf.random.stateless_uniform(shape, seed, 0, 3, tf.int32)]

    def real_inputs(self, batch):
        return [batch[0], batch[1][:, None]]

    def fake_inputs(self, fake_images, inputs):
        return [fake_images, inputs[1]]


def build_generator():
    inputs = [keras.Input((LATENT_DIM,)), keras.Input((1,), dtype="int32")]
    label = layers.Flatten()(layers.Embedding(3, 4)(inputs[1]))
    hidden = layers.Dense(8)(layers.Concatenate()([inputs[0], label]))
    hidden = layers.LeakyReLU()(layers.BatchNormalization(synchronized=True)(hidden))
    pixels = layers.Dense(16, activation="tanh")(hidden)
    return keras.Model(inputs, layers.Reshape((4, 4, 1))(pixels))


def build_discriminator():
    inputs = [keras.Input((4, 4, 1)), keras.Input((1,), dtype="int32")]
    label = layers.Flatten()(layers.Embedding(3, 4)(inputs[1]))
    hidden = layers.Concatenate()([layers.Flatten()(inputs[0]), label])
    hidden = layers.LeakyReLU()(layers.Dense(8)(hidden))
    return keras.Model(inputs, layers.Dense(1)(hidden))


def build():
    keras.utils.set_random_seed(11)
    networks = build_generator(), build_discriminator()
    gan = LabeledGAN(*networks, LATENT_DIM, ema_decay=0.9, critic_steps=CRITIC_STEPS, seed=5)
    gan.compile(keras.optimizers.SGD(0.1), keras.optimizers.SGD(0.1))
    return gan


def fit(gan, *callbacks, pictures=PICTURES, epochs=EPOCHS, **options):
    history = gan.fit(
        pictures,
        LABELS,
        batch_size=BATCH,
        epochs=epochs,
        callbacks=list(callbacks),
        verbose=0,
        **options,
    )
    return history.history


def state(gan):
    """What training has moved, without the statistics that sampling measures anew."""
    networks = (gan.generator, gan.discriminator)
    variables = [v for network in networks for v in network.weights]
    variables += gan.ema_generator.weights[:3]
    return [v.numpy() for v in variables]


def apart(first, second):
    return max(float(np.abs(a - b).max()) for a, b in zip(first, second, strict=True))


def refusal(action):
    try:
        action()
    except ValueError as error:
        return str(error)
    return ""


def difference_of_copies(variables):
    copies = [[copy.numpy() for copy in variable.value.values] for variable in variables]
    return max(float(np.abs(first - second).max()) for first, second in copies)


def with_dropout(strategy):
    """Train the network of the other tests, which has Dropout and plain batch normalization."""
    with strategy.scope():
        gan = build_gan(steps_per_execution=2)
    for _ in range(2):
        gan.fit(PICTURES, batch_size=8, epochs=1, verbose=0)
    state = next(v for v in gan.discriminator.variables if v.name == "seed_generator_state")
    seeds = tf.function(strategy.run)(lambda: step_seed(1, 0, tf.constant(0)))
    return {
        "copies": difference_of_copies(gan.generator.trainable_weights + gan.discriminator.weights),
        "masks": [value.numpy().tolist() for value in state.value.values],
        "seeds": [value.numpy().tolist() for value in seeds.values],
        "generated": list(gan.generate(5).shape),
    }


def compare(folder):
    cpu = tf.config.list_physical_devices("CPU")[0]
    tf.config.set_logical_device_configuration(cpu, [tf.config.LogicalDeviceConfiguration()] * 2)
    strategy = tf.distribute.MirroredStrategy(["CPU:0", "CPU:1"])
    one = build()
    start = state(one)
    history = fit(one)
    np.savez(folder / "one.npz", *state(one))
    with strategy.scope():
        two = build()
    logs = fit(two)
    ended = state(two)
    outside = build_generator()

    def compile_outside():
        with strategy.scope():
            gan = LabeledGAN(outside, build_discriminator(), LATENT_DIM)
            gan.compile(keras.optimizers.SGD(), keras.optimizers.SGD())

    labels = LABELS.astype("int32")
    pairs = tf.data.Dataset.from_tensor_slices((PICTURES / np.float32(127.5) - 1, labels))
    before = int(two.g_optimizer.iterations.numpy())
    two.fit(pairs.batch(BATCH * CRITIC_STEPS, drop_remainder=True), epochs=2, verbose=0)
    return {
        "steps_of_a_dataset": int(two.g_optimizer.iterations.numpy()) - before,
        "dropout": with_dropout(strategy),
        "moved": apart(start, state(one)),
        "to_one_device": apart(state(one), ended),
        "copies": difference_of_copies(two.generator.weights + two.discriminator.weights),
        "logs": max(abs(a - b) for k in history for a, b in zip(history[k], logs[k], strict=True)),
        "outside": refusal(compile_outside),
        "odd": refusal(lambda: two.fit(PICTURES, LABELS, batch_size=5, epochs=9)),
        "ragged": refusal(lambda: two.fit(pairs.batch(4), epochs=9)),
        "arrays": refusal(lambda: two.fit(iter([PICTURES]), epochs=9)),
    }


def worker(folder, moment):
    strategy = tf.distribute.MultiWorkerMirroredStrategy()
    with strategy.scope():
        gan = build()
    latents = [np.ones((4, LATENT_DIM), np.float32), np.zeros((4, 1), np.int32)]
    callbacks = (
        Checkpoint(folder / "checkpoints"),
        SampleGrid(latents, folder=folder / "grids"),
        StepHistory(folder / "steps.csv"),
        Kill(moment),
    )
    logs = fit(gan, *callbacks)
    index = json.loads(os.environ["TF_CONFIG"])["task"]["index"]
    np.savez(folder / f"worker-{index}.npz", *state(gan))
    everything = [*gan.variables, *gan.d_optimizer.variables, *gan.g_optimizer.variables]
    return {
        "first_epoch": gan.first_epoch,
        "digest": hashlib.sha256(b"".join(v.numpy().tobytes() for v in everything)).hexdigest(),
        "frames": len(callbacks[1].frames),
        "rows": len(callbacks[2].rows),
        "logs": {name: values[-1] for name, values in logs.items()},
    }


def main(mode, folder, moment="never"):
    print(json.dumps(compare(folder) if mode == "compare" else worker(folder, moment)))
