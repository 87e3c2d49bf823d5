r"""Train the classifier that scores 32x32 color images, and write its weights beside the package.

    GAN_PROFILE=full GAN_PRECISION=mixed_bfloat16 GAN_RECORD=book/results \
        python -m tools.train_convnet

Reads CIFAR-10 as `gan_utils.load_images` does (`GAN_PHOTOGRAPHS` names a folder of copies), trains
in the precision that `GAN_PRECISION` asks for, and keeps checkpoints below `GAN_RUNS`. An
interrupted training goes on after its last whole epoch (the recorded seconds are then those since
the last start). Writes `gan_utils/assets/convnet_cifar10.npz` (float16) and, where `GAN_RECORD`
says so, the record of the run. The accuracy it stores is that of the rounded weights on the test
images.
"""

import time
from pathlib import Path

import keras
import numpy as np

from gan_utils import convnet, data, profile, records
from gan_utils.images import to_float
from gan_utils.precision import float32_policy
from tools.train_lenet import round_to_float16, save, test_accuracy

SEED = 0
BATCH_SIZE = 256
EPOCHS = 15
PEAK_RATE = 0.2
RISE = 0.2  # of all updates, until the learning rate is at its peak
SHIFT = 2  # pixels by which an image is moved at most, each way
MOMENTUM = 0.9
WEIGHT_DECAY = 5e-3  # of the learning rate, in each update
SMOOTHING = 0.1


def load(split: str) -> data.ImageSet:
    """Load the photographs of one split."""
    image_set = data.load_images("cifar10", split)
    if image_set.is_stand_in:
        raise SystemExit("CIFAR-10 is not at hand: set KERAS_HOME or GAN_PHOTOGRAPHS.")
    return image_set


class Augmented(keras.utils.PyDataset):
    """Batches of changed images, in a new order each epoch.

    A random half is mirrored, in every second epoch the other half (Jordan 2024, section 3.6), so
    that two epochs show each image both ways.
    """

    def __init__(self, image_set: data.ImageSet, optimizer: keras.Optimizer) -> None:
        """Take the images, and the optimizer that counts the updates."""
        super().__init__()
        self.images, self.labels = image_set.images, image_set.labels
        self.optimizer = optimizer
        self.mirrored = np.random.default_rng(SEED).random(len(image_set)) < 0.5
        self.on_epoch_begin()

    def __len__(self) -> int:
        """Return the number of whole batches."""
        return len(self.images) // BATCH_SIZE

    def on_epoch_begin(self) -> None:
        """Draw the order of the epoch that the optimizer is in, also after a resume."""
        self.epoch = int(self.optimizer.iterations) // len(self)
        self.order = np.random.default_rng((SEED, self.epoch)).permutation(len(self.images))

    def __getitem__(self, index: int) -> tuple[np.ndarray, np.ndarray]:
        """Return one batch, float32 in [-1, 1], and its labels."""
        chosen = self.order[index * BATCH_SIZE : (index + 1) * BATCH_SIZE]
        generator = np.random.default_rng((SEED, self.epoch, index))
        batch = self.images[chosen]
        mirrored = self.mirrored[chosen] ^ bool(self.epoch % 2)
        batch[mirrored] = batch[mirrored, :, ::-1]
        return to_float(moved(batch, SHIFT, generator)), self.labels[chosen]


def moved(batch: np.ndarray, reach: int, generator: np.random.Generator) -> np.ndarray:
    """Return images `(n, 32, 32, 3)`, each moved by at most `reach` pixels, edges reflected."""
    around = ((0, 0), (reach, reach), (reach, reach), (0, 0))
    padded = np.pad(batch, around, mode="reflect")
    size = (convnet.SIZE, convnet.SIZE)
    windows = np.lib.stride_tricks.sliding_window_view(padded, size, axis=(1, 2))
    rows, columns = generator.integers(0, 2 * reach + 1, (2, len(batch)))
    return windows[np.arange(len(batch)), rows, columns].transpose(0, 2, 3, 1)


class OneCycle(keras.optimizers.schedules.LearningRateSchedule):
    """A learning rate that rises linearly to its peak, then falls linearly to zero."""

    def __init__(self, peak: float, updates: int) -> None:
        """Take the highest rate and the number of updates."""
        self.peak, self.updates = peak, updates

    def __call__(self, step: int) -> keras.KerasTensor:
        """Return the learning rate of one update."""
        share = keras.ops.cast(step, "float32") / self.updates
        return self.peak * keras.ops.minimum(share / RISE, (1 - share) / (1 - RISE))


def train(image_set: data.ImageSet, work: Path) -> keras.Model:
    """Train the classifier under the policy of Keras; resume from the checkpoint in `work`."""
    keras.utils.set_random_seed(SEED)
    model = convnet.build_convnet(mirror=False)
    model.get_layer("whitening").set_weights(
        [convnet.whitening_filters(to_float(image_set.sample(5_000).images))]
    )
    updates = EPOCHS * (len(image_set) // BATCH_SIZE)
    optimizer = keras.optimizers.SGD(
        OneCycle(PEAK_RATE, updates), MOMENTUM, nesterov=True, weight_decay=WEIGHT_DECAY
    )
    optimizer.exclude_from_weight_decay(var_names=["gamma", "beta", "bias"])
    model.compile(optimizer, smoothed_loss, metrics=["accuracy"])
    batches = Augmented(image_set, optimizer)
    backup = keras.callbacks.BackupAndRestore(str(work), delete_checkpoint=False)
    model.fit(batches, epochs=EPOCHS, callbacks=[backup], shuffle=False, verbose=2)
    return model


def smoothed_loss(labels: keras.KerasTensor, logits: keras.KerasTensor) -> keras.KerasTensor:
    """Return the cross-entropy with smoothed labels, a number for each image."""
    hot = keras.ops.one_hot(keras.ops.reshape(labels, (-1,)), convnet.NUM_CLASSES)
    return keras.losses.categorical_crossentropy(
        hot, logits, from_logits=True, label_smoothing=SMOOTHING
    )


def main() -> None:
    """Train the classifier, save it, record it, and print how good it is."""
    keras.config.set_dtype_policy(profile.precision)
    start = time.perf_counter()
    image_set = load("train")
    trained = train(image_set, records.run_folder("convnet", image_set))
    seconds = round(time.perf_counter() - start, 1)
    with float32_policy():
        model = convnet.build_convnet()
    model.set_weights(trained.get_weights())
    weights = round_to_float16(model)
    facts = {
        "test_accuracy": test_accuracy(model, load("test")),
        "parameters": model.count_params(),
        "epochs": EPOCHS,
        "batch_size": BATCH_SIZE,
        "seed": SEED,
        "precision": profile.precision,
        "seconds": seconds,
    }
    save("convnet_cifar10", weights, facts | {"versions": records.versions()})
    records.record("convnet", {"cifar10": facts}, seconds=seconds, data=image_set, seed=SEED)
    print(f"{facts['test_accuracy']:.4f} on the test images, {seconds} s")


if __name__ == "__main__":
    main()
