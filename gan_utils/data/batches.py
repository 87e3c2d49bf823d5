"""Shuffled batches that can be resumed at any epoch."""

import atexit
import threading
import time
from abc import ABC, abstractmethod
from typing import TYPE_CHECKING, Any

import numpy as np

from gan_utils import images as image_tools

if TYPE_CHECKING:
    import tensorflow as tf

# Larger files of images are read batch by batch; for smaller ones, tf.gather in memory is faster.
_IN_MEMORY = 1 << 30

# TensorFlow's threads must not wait for Python once it ends: the program would never leave.
_QUIET_SECONDS = 0.25


class _Reads:
    """Counts the reads in progress of all data sets, so that none runs when Python exits."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._under_way, self._latest = 0, 0.0
        self.ending = False

    def __enter__(self) -> None:
        with self._lock:
            self._under_way += 1

    def __exit__(self, *_: object) -> None:
        with self._lock:
            self._under_way -= 1
            self._latest = time.monotonic()

    def end(self) -> None:
        """Drain unclosed tf.data iterators with blank images so that the interpreter can exit."""
        self.ending = True
        while self._under_way or time.monotonic() - self._latest < _QUIET_SECONDS:
            time.sleep(0.01)


reads = _Reads()
atexit.register(reads.end)


class ShuffledBatches(ABC):
    """Batches of fixed shape in a shuffled order, the same for the same seed, resumable by epoch.

    The order is a function of (seed, epoch) alone: starting at epoch e gives exactly the batches
    that a run from epoch 0 gets there. What does not fill a batch is dropped, in each pass other
    items.

    Attributes:
        batch_size: Items in a batch.
        steps_per_epoch: Batches in an epoch; unless given, all full batches of one pass.
        seed: Seed of the order.
    """

    _readers: int | None = None  # batches made in parallel, returned in their order

    def __init__(
        self, count: int, batch_size: int, steps_per_epoch: int | None, seed: int, noun: str
    ) -> None:
        """Check and store the numbers that decide the order.

        Args:
            count: Number of items.
            batch_size: Items in a batch, 1 to `count`.
            steps_per_epoch: Batches that count as one epoch; None for a whole pass.
            seed: Seed of the order, an integer of at least 0.
            noun: What to call the items in a message.

        Raises:
            ValueError: A number is out of its range.
        """
        check_integer("seed", seed, 0)
        check_integer("batch_size", batch_size, 1)
        if batch_size > count:
            raise ValueError(
                f"batch_size is {batch_size}, but there are only {count} {noun}; use smaller "
                f"batches or more {noun}."
            )
        if steps_per_epoch is not None:
            check_integer("steps_per_epoch", steps_per_epoch, 1)
        self.batch_size, self.seed = int(batch_size), int(seed)
        self._count = count
        self._steps_per_pass = count // self.batch_size
        self.steps_per_epoch = steps_per_epoch or self._steps_per_pass

    def __len__(self) -> int:
        """Return the number of items, not of batches."""
        return self._count

    @abstractmethod
    def _batch(self, number: "tf.Tensor", positions: "tf.Tensor") -> Any:
        """Return one batch from the number of the pass and the positions (batch,) of its items."""

    def dataset(self, first_epoch: int = 0) -> "tf.data.Dataset":
        """Return the infinite stream of batches, starting at an epoch.

        Args:
            first_epoch: Epoch to start at, from 0.

        Returns:
            Infinite dataset of batches, as the class describes them. After each `steps_per_epoch`
            batches a new epoch begins.

        Raises:
            ValueError: `first_epoch` is not an integer of at least 0.
        """
        import tensorflow as tf

        check_integer("first_epoch", first_epoch, 0)
        first_pass, skipped = divmod(first_epoch * self.steps_per_epoch, self._steps_per_pass)
        return untuned(
            tf.data.Dataset.counter(first_pass)
            .flat_map(self._order)
            .skip(skipped)
            .map(self._batch, num_parallel_calls=self._readers)
            .apply(tf.data.experimental.assert_cardinality(tf.data.INFINITE_CARDINALITY))
            .prefetch(2)  # a self-tuned buffer is no faster here, and grows by tens of MB
        )

    def _order(self, number: "tf.Tensor") -> "tf.data.Dataset":
        """Return the number of the pass with the positions of each of its batches."""
        import tensorflow as tf

        # Not index_shuffle: its four rounds leave the orders of two passes correlated (0.8).
        order = tf.random.experimental.stateless_shuffle(
            tf.range(len(self)), seed=tf.stack([tf.constant(self.seed, tf.int64), number])
        )
        shape = (self._steps_per_pass, self.batch_size)
        return tf.data.Dataset.from_tensor_slices(
            tf.reshape(order[: shape[0] * shape[1]], shape)
        ).map(lambda positions: (number, positions))


class Batches(ShuffledBatches):
    """Shuffled batches of images.

    The images are kept in memory once, in their dtype; those in a file of more than 1 GiB (a
    `numpy.memmap`, such as `load_folder` returns) are read batch by batch. A batch is float32 in
    [-1, 1]: images (batch, height, width, channels), or a tuple of images and labels (batch,)
    int32.

    Attributes:
        has_labels: Whether batches are (images, labels).
        image_shape: (height, width, channels).
    """

    def __init__(
        self,
        images: Any,
        labels: Any = None,
        *,
        batch_size: int,
        steps_per_epoch: int | None = None,
        seed: int = 0,
    ) -> None:
        """Check and store the images.

        Args:
            images: (n, height, width, channels), uint8 in [0, 255] or float32 in [-1, 1]; or an
                `ImageSet`, which brings its labels.
            labels: (n,) integers from 0, or None.
            batch_size: Images in a batch, 1 to n.
            steps_per_epoch: Batches that count as one epoch, for epochs shorter than one pass
                over the images; by default a whole pass.
            seed: Seed of the order, an integer of at least 0.

        Raises:
            ValueError: Images or labels of a wrong shape, dtype or range, or a batch size, number
                of steps or seed out of its range.
        """
        import tensorflow as tf

        if hasattr(images, "class_names"):  # an ImageSet, whose module imports this one
            images, labels = images.images, images.labels if labels is None else labels
        mapped = isinstance(images, np.memmap)
        images = image_tools.check_images(images)
        super().__init__(len(images), batch_size, steps_per_epoch, seed, "images")
        self.has_labels = labels is not None
        self.image_shape = images.shape[1:]
        # tf.data runs on the CPU; a tensor on a GPU would be copied for every batch.
        with tf.device("CPU:0"):
            self._in_file = mapped and images.nbytes > _IN_MEMORY
            self._images = images if self._in_file else tf.constant(images)
            if self.has_labels:
                self._labels = tf.constant(check_labels(labels, len(images)), tf.int32)

    def _batch(self, number: "tf.Tensor", positions: "tf.Tensor") -> Any:
        import tensorflow as tf

        del number
        if self._in_file:
            images = tf.numpy_function(self._read, [positions], self._images.dtype)
            images.set_shape((self.batch_size, *self.image_shape))
        else:
            images = tf.gather(self._images, positions)
        if images.dtype == tf.uint8:
            images = tf.cast(images, tf.float32) * image_tools.SCALE - 1
        return (images, tf.gather(self._labels, positions)) if self.has_labels else images

    def _read(self, positions: np.ndarray) -> np.ndarray:
        """Read a batch from its file; runs outside of TensorFlow's graph."""
        with reads:
            return self._images[: len(positions)] if reads.ending else self._images[positions]


def untuned(dataset: "tf.data.Dataset") -> "tf.data.Dataset":
    """Return the dataset with tf.data's autotuning switched off, unless its options set that.

    The tuning thread sleeps longer and longer, and the end of `fit`, which deletes the iterator,
    may have to wait until the thread wakes up: half a minute was seen with TensorFlow 2.21.
    """
    import tensorflow as tf

    if dataset.options().autotune.enabled is not None:
        return dataset
    options = tf.data.Options()
    options.autotune.enabled = False
    return dataset.with_options(options)


def check_labels(labels: Any, count: int, num_classes: int | None = None) -> np.ndarray:
    """Check labels for a batch of images.

    Args:
        labels: Should be (count,) integers from 0.
        count: Number of images.
        num_classes: If given, the labels must lie below it.

    Returns:
        The labels as a NumPy array.

    Raises:
        ValueError: Another shape, another number than `count`, not integers, negative, or not
            below `num_classes`.
    """
    labels = np.asarray(labels)
    if labels.shape != (count,):
        raise ValueError(
            f"labels have shape {labels.shape}, but {count} images need shape ({count},)."
        )
    if not np.issubdtype(labels.dtype, np.integer):
        raise ValueError(f"labels are {labels.dtype}; give integers from 0.")
    if labels.min() < 0:
        raise ValueError(f"labels go down to {labels.min()}; give integers from 0.")
    if num_classes is not None and labels.max() >= num_classes:
        raise ValueError(
            f"labels go up to {labels.max()}, but {num_classes} classes end at {num_classes - 1}."
        )
    return labels


def check_integer(name: str, value: Any, least: int) -> None:
    """Raise ValueError, with the name, unless the value is an integer of at least `least`."""
    if isinstance(value, bool) or not isinstance(value, (int, np.integer)) or value < least:
        raise ValueError(f"{name} is {value!r}; give an integer of at least {least}.")
