"""Train the classifier that scores 32x32 color images, and write its weights beside the package.

    GAN_RECORD=book/results python -m tools.train_convnet

Reads CIFAR-10 as `gan_utils.load_images` does (`GAN_PHOTOGRAPHS` names a folder of copies), trains
in the precision that `GAN_PRECISION` asks for, and keeps checkpoints below `GAN_RUNS`. An
interrupted training goes on after its last whole epoch. Writes
`gan_utils/assets/convnet_cifar10.npz` (float16) and, where `GAN_RECORD` says so, the record of the
run. The accuracy it stores is that of the rounded weights on the test images.
"""

import time
from dataclasses import dataclass
from pathlib import Path

import keras
import numpy as np

from gan_utils import convnet, data, profile, records
from gan_utils.images import to_float
from gan_utils.precision import float32_policy
from tools.train_lenet import round_to_float16, save

SEED = 0
BATCH_SIZE = 256
RISE = 0.2  # of a cycle's updates, until the learning rate is at its peak
MOMENTUM = 0.9
WEIGHT_DECAY = 5e-3  # of the learning rate, in each update
SMOOTHING = 0.1
GRAY = 127  # what a hole shows


@dataclass(frozen=True)
class Cycle:
    """A part of the training, in which the learning rate rises and falls once.

    Attributes:
        epochs: Passes over the data.
        peak: The highest learning rate.
        shift: By how many pixels an image is moved at most, each way.
        hole: Side of a gray square that hides a part of the image; 0 for none.
    """

    epochs: int
    peak: float
    shift: int
    hole: int


CYCLES = (Cycle(15, 0.2, shift=2, hole=0),)


def load(split: str) -> data.ImageSet:
    """Load the photographs of one split."""
    image_set = data.load_images("cifar10", split)
    if image_set.is_stand_in:
        raise SystemExit("CIFAR-10 is not at hand: set KERAS_HOME or GAN_PHOTOGRAPHS.")
    return image_set


class Augmented(keras.utils.PyDataset):
    """Batches of changed images, in a new order each epoch.

    A random half is mirrored, in every second epoch the other half (Jordan 2024, section 3.6), so
    that two epochs show each image both ways. Holes are those of DeVries and Taylor 2017.
    """

    def __init__(self, image_set: data.ImageSet, cycle: Cycle, optimizer: keras.Optimizer) -> None:
        """Take the images, what happens to them, and the optimizer that counts the updates."""
        super().__init__()
        self.images, self.labels = image_set.images, image_set.labels
        self.cycle, self.optimizer = cycle, optimizer
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
        batch = moved(batch, self.cycle.shift, generator)
        if self.cycle.hole:
            batch[holes(len(batch), self.cycle.hole, generator)] = GRAY
        return to_float(batch), self.labels[chosen]


def moved(batch: np.ndarray, reach: int, generator: np.random.Generator) -> np.ndarray:
    """Return images `(n, 32, 32, 3)`, each moved by at most `reach` pixels, edges reflected."""
    around = ((0, 0), (reach, reach), (reach, reach), (0, 0))
    padded = np.pad(batch, around, mode="reflect")
    size = (convnet.SIZE, convnet.SIZE)
    windows = np.lib.stride_tricks.sliding_window_view(padded, size, axis=(1, 2))
    rows, columns = generator.integers(0, 2 * reach + 1, (2, len(batch)))
    return windows[np.arange(len(batch)), rows, columns].transpose(0, 2, 3, 1)


def holes(count: int, side: int, generator: np.random.Generator) -> np.ndarray:
    """Return `(count, 32, 32)` bool: a square at a random place of each image, cut at the edge."""
    rows, columns = generator.integers(0, convnet.SIZE, (2, count, 1)) - np.arange(convnet.SIZE)
    return (np.abs(rows) < side / 2)[:, :, None] & (np.abs(columns) < side / 2)[:, None, :]


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
    """Train the classifier under the policy of Keras, cycle after cycle."""
    keras.utils.set_random_seed(SEED)
    model = convnet.build_convnet(mirror=False)
    model.get_layer("whitening").set_weights(
        [convnet.whitening_filters(to_float(image_set.sample(5_000).images))]
    )
    for number, cycle in enumerate(CYCLES, start=1):
        weights = model.get_weights()
        model = convnet.build_convnet(mirror=False)  # Keras resumes a model once
        model.set_weights(weights)
        run_cycle(model, image_set, cycle, work / str(number))
    return model


def run_cycle(model: keras.Model, image_set: data.ImageSet, cycle: Cycle, work: Path) -> None:
    """Train for one cycle, with an optimizer of its own; go on from the checkpoint in `work`."""
    updates = cycle.epochs * (len(image_set) // BATCH_SIZE)
    optimizer = keras.optimizers.SGD(
        OneCycle(cycle.peak, updates), MOMENTUM, nesterov=True, weight_decay=WEIGHT_DECAY
    )
    optimizer.exclude_from_weight_decay(var_names=["gamma", "beta", "bias"])
    model.compile(optimizer, smoothed_loss, metrics=["accuracy"])
    batches = Augmented(image_set, cycle, optimizer)
    backup = keras.callbacks.BackupAndRestore(str(work), delete_checkpoint=False)
    model.fit(batches, epochs=cycle.epochs, callbacks=[backup], shuffle=False, verbose=2)


def smoothed_loss(labels: keras.KerasTensor, logits: keras.KerasTensor) -> keras.KerasTensor:
    """Return the cross-entropy with smoothed labels, a number for each image."""
    hot = keras.ops.one_hot(keras.ops.reshape(labels, (-1,)), convnet.NUM_CLASSES)
    return keras.losses.categorical_crossentropy(
        hot, logits, from_logits=True, label_smoothing=SMOOTHING
    )


def test_accuracy(model: keras.Model, image_set: data.ImageSet) -> float:
    """Return the fraction of test images that the model classifies correctly."""
    logits = model.predict(to_float(image_set.images), batch_size=500, verbose=0)
    return float(np.mean(logits.argmax(axis=1) == image_set.labels))


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
        "epochs": sum(cycle.epochs for cycle in CYCLES),
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
