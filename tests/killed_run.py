"""A small run that can kill itself; prints the hash of its final state."""

import hashlib
import os
import signal
from pathlib import Path

import keras
import numpy as np
from keras import layers

from gan_utils import GAN, Checkpoint, SampleGrid, StepHistory

EPOCHS = 4


class Kill(keras.callbacks.Callback):
    """Ends the process without any chance to clean up."""

    def __init__(self, moment):
        super().__init__()
        self.moment = moment
        self.epoch = 0

    def on_epoch_begin(self, epoch, logs=None):
        self.epoch = epoch + 1

    def on_train_batch_end(self, batch, logs=None):
        self.strike(f"step {self.epoch}.{batch + 1}")

    def strike(self, now):
        if now == self.moment:
            os.kill(os.getpid(), signal.SIGKILL)


def build_gan(**options):
    keras.utils.set_random_seed(11)
    generator = keras.Sequential(
        [
            layers.Input((6,)),
            layers.Dense(8),
            layers.BatchNormalization(),
            layers.Dense(16, activation="tanh"),
            layers.Reshape((4, 4, 1)),
        ]
    )
    discriminator = keras.Sequential(
        [layers.Input((4, 4, 1)), layers.Flatten(), layers.Dropout(0.4), layers.Dense(1)]
    )
    gan = GAN(generator, discriminator, 6, ema_decay=0.9, seed=5)
    optimizers = keras.optimizers.Adam(0.01), keras.optimizers.Adam(0.01)
    gan.compile(*optimizers, **options)
    return gan


def main(folder, moment):
    kill = Kill(moment)
    replace = os.replace

    def replace_or_die(source, target):
        what = Path(target).stem.split("-")[0]
        kill.strike(f"inside {what} {kill.epoch}")
        replace(source, target)
        kill.strike(f"after {what} {kill.epoch}")

    os.replace = replace_or_die
    pictures = np.random.default_rng(3).integers(0, 256, (50, 4, 4, 1), dtype=np.uint8)
    gan = build_gan()
    latents = keras.random.normal((4, 6), seed=1)
    grid = SampleGrid(latents, folder=folder / "grids")
    steps = StepHistory(folder / "steps.csv")
    # The checkpoint stands first here: fit has to put it behind the others by itself.
    gan.fit(
        pictures,
        batch_size=8,
        epochs=EPOCHS,
        callbacks=[Checkpoint(folder / "checkpoints"), grid, steps, kill],
        verbose=0,
    )
    digest = hashlib.sha256()
    for variable in [*gan.variables, *gan.d_optimizer.variables, *gan.g_optimizer.variables]:
        digest.update(np.asarray(variable.value).tobytes())
    digest.update(gan.translate(latents).tobytes())
    digest.update(np.stack(grid.frames).tobytes())
    digest.update(repr(sorted(steps.history.items())).encode())
    print(gan.first_epoch, len(grid.frames), len(steps.rows), digest.hexdigest())
