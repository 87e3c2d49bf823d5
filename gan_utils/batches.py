"""Shuffled batches that can be resumed at any epoch."""

from typing import TYPE_CHECKING, Any

import numpy as np

from gan_utils import images as image_tools

if TYPE_CHECKING:
    import tensorflow as tf


class Batches:
    """A shuffled source of fixed-shape batches, the same for the same seed, resumable by epoch.

    The pictures are held once, as they came; a uint8 batch becomes float32 in [-1, 1] when it is
    drawn. The order is a function of (seed, epoch) alone: starting at epoch e gives exactly the
    batches that a run from epoch 0 gets there. Each pass leaves out another remainder.

    Attributes:
        batch_size: pictures in a batch.
        steps_per_epoch: batches in an epoch; unless given, all full batches of one pass.
        seed: seed of the order.
        has_labels: whether batches are pairs (pictures, labels).
        image_shape: (height, width, channels).
    """

    _readers: int | None = None  # batches made at the same time, in their order

    def __init__(
        self,
        images: Any,
        labels: Any = None,
        *,
        batch_size: int,
        steps_per_epoch: int | None = None,
        seed: int = 0,
    ) -> None:
        """Takes the pictures.

        Args:
            images: (n, height, width, channels), uint8 in [0, 255] or float32 in [-1, 1].
            labels: (n,) integers from 0, or None.
            batch_size: pictures in a batch, 1 to n.
            steps_per_epoch: batches that count as one epoch, for epochs shorter than one pass
                over the pictures; by default a whole pass.
            seed: seed of the order, an integer of at least 0.

        Raises:
            ValueError: not such arrays, or an impossible batch size or seed.
        """
        import tensorflow as tf

        images = image_tools.check_images(images)
        check_integer("seed", seed, 0)
        _check_batch_size(batch_size, len(images))
        self.batch_size = int(batch_size)
        self._steps_per_pass = len(images) // self.batch_size
        if steps_per_epoch is not None:
            check_integer("steps_per_epoch", steps_per_epoch, 1)
        self.steps_per_epoch = steps_per_epoch or self._steps_per_pass
        self.seed = int(seed)
        self.has_labels = labels is not None
        self.image_shape = images.shape[1:]
        # tf.data runs on the CPU; a tensor on a GPU would be copied for every batch.
        with tf.device("CPU:0"):
            self._images = tf.constant(images)
            if self.has_labels:
                self._labels = tf.constant(check_labels(labels, len(images)), tf.int32)

    def __len__(self) -> int:
        """Number of pictures, not of batches."""
        return int(self._images.shape[0])

    def dataset(self, first_epoch: int = 0) -> "tf.data.Dataset":
        """The endless stream of batches from an epoch on.

        Args:
            first_epoch: epoch to start at, from 0.

        Returns:
            Dataset of pictures (batch, height, width, channels) float32 in [-1, 1], or of pairs
            (pictures, labels (batch,) int32). After each `steps_per_epoch` batches a new epoch
            begins.

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
        """The positions of each batch of one pass over the pictures."""
        import tensorflow as tf

        # Not index_shuffle: its four rounds leave the orders of two passes correlated (0.8).
        order = tf.random.experimental.stateless_shuffle(
            tf.range(len(self)), seed=tf.stack([tf.constant(self.seed, tf.int64), number])
        )
        shape = (self._steps_per_pass, self.batch_size)
        return tf.data.Dataset.from_tensor_slices(tf.reshape(order[: shape[0] * shape[1]], shape))

    def _batch(self, positions: "tf.Tensor") -> Any:
        import tensorflow as tf

        pictures = tf.gather(self._images, positions)
        if pictures.dtype == tf.uint8:
            pictures = tf.cast(pictures, tf.float32) * image_tools.SCALE - 1
        return (pictures, tf.gather(self._labels, positions)) if self.has_labels else pictures


def untuned(dataset: "tf.data.Dataset") -> "tf.data.Dataset":
    """Returns the dataset without tf.data's own tuning, unless its options decide about that.

    The tuning thread sleeps longer and longer. Whoever lets go of an iterator, such as `fit` at its
    end, may have to wait until it wakes up: half a minute was seen with TensorFlow 2.21.
    """
    import tensorflow as tf

    if dataset.options().autotune.enabled is not None:
        return dataset
    options = tf.data.Options()
    options.autotune.enabled = False
    return dataset.with_options(options)


def check_labels(labels: Any, count: int, num_classes: int | None = None) -> np.ndarray:
    """Checks labels for a batch of pictures.

    Args:
        labels: should be (count,) integers from 0.
        count: number of pictures.
        num_classes: if given, the labels must lie below it.

    Returns:
        The labels as a NumPy array.

    Raises:
        ValueError: another shape, another number than `count`, not integers, negative, or not
            below `num_classes`.
    """
    labels = np.asarray(labels)
    if labels.shape != (count,):
        raise ValueError(
            f"labels have shape {labels.shape}, but {count} pictures need shape ({count},)."
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


def _check_batch_size(batch_size: Any, count: int) -> None:
    check_integer("batch_size", batch_size, 1)
    if batch_size > count:
        raise ValueError(
            f"batch_size is {batch_size}, but there are only {count} pictures; "
            "use smaller batches or more pictures."
        )


def check_integer(name: str, value: Any, least: int) -> None:
    """Raises ValueError, with the name, unless the value is an integer of at least `least`."""
    if isinstance(value, bool) or not isinstance(value, (int, np.integer)) or value < least:
        raise ValueError(f"{name} is {value!r}; give an integer of at least {least}.")
