"""Shuffled batches of pairs that can be resumed at any epoch."""

import atexit
import threading
import time
from typing import TYPE_CHECKING, Any

import numpy as np

from gan_utils import images
from gan_utils.batches import Batches, check_integer, check_labels
from gan_utils.pairs.base import Pair, PairSource, Size, check_size

if TYPE_CHECKING:
    import tensorflow as tf

# The enlargement of the paper: read at 286, cropped to 256.
_JITTER = 286 / 256
# TensorFlow's threads must not wait for Python once it ends: the program would never leave.
_QUIET_SECONDS = 0.25


class _Reads:
    """The reads under way in any stream, so that none is when Python ends."""

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
        """Lets streams that nobody closed fill their buffers with empty pictures and fall quiet."""
        self.ending = True
        while self._under_way or time.monotonic() - self._latest < _QUIET_SECONDS:
            time.sleep(0.01)


_reads = _Reads()
atexit.register(_reads.end)


class PairBatches(Batches):
    """A shuffled source of batches (source, target), the same for the same seed.

    Pictures are read, jittered and mirrored as uint8, a batch at a time, by two threads; a batch
    becomes float32 in [-1, 1] when it is drawn. So memory does not grow with the number of pairs.
    Order, crops and mirroring are a function of (seed, epoch) alone: starting at epoch e gives
    exactly the batches that a run from epoch 0 gets there. `GAN.fit` takes it like `Batches`.

    Source and target of a batch are (batch, height, width, channels) each, with labels (batch,)
    int32 behind them if there are any. A picture that cannot be read ends the stream with an error
    that names the file.

    Attributes:
        batch_size: pairs in a batch.
        steps_per_epoch: batches in an epoch; unless given, all full batches of one pass.
        seed: seed of order, crops and mirroring.
        has_labels: whether batches are (source, target, labels).
        image_shape: (height, width, channels) of the source.

    Source of the jitter: Isola et al., Image-to-Image Translation with Conditional Adversarial
    Networks, 2017, section 6.2.
    """

    _readers = 2

    def __init__(
        self,
        pairs: PairSource,
        *,
        batch_size: int = 1,
        seed: int = 0,
        jitter: bool | int | Size = False,
        mirror: bool = False,
        labels: Any = None,
        steps_per_epoch: int | None = None,
    ) -> None:
        """Takes the pairs.

        Args:
            pairs: from `load_pairs`, `city`, `maps`, or a `PairSet`.
            batch_size: pairs in a batch, 1 to the number of pairs.
            seed: seed of order, crops and mirroring, an integer of at least 0.
            jitter: size to read both halves at before the same random crop of both to `pairs.size`:
                (height, width), or one number, or True for 286/256 of `pairs.size`.
            mirror: whether to mirror both halves of every other pair, by chance.
            labels: (n,) integers from 0 that come third in each batch, or None.
            steps_per_epoch: batches that count as one epoch; by default a whole pass.

        Raises:
            ValueError: an argument is out of its range.
        """
        self._pairs = pairs
        check_integer("seed", seed, 0)
        check_integer("batch_size", batch_size, 1)
        if batch_size > len(pairs):
            raise ValueError(
                f"batch_size is {batch_size}, but there are only {len(pairs)} pairs; "
                "use smaller batches or more pairs."
            )
        if steps_per_epoch is not None:
            check_integer("steps_per_epoch", steps_per_epoch, 1)
        self.batch_size, self.seed = int(batch_size), int(seed)
        self._steps_per_pass = len(pairs) // self.batch_size
        self.steps_per_epoch = steps_per_epoch or self._steps_per_pass
        self._read_size = _check_jitter(jitter, pairs.size)
        self._mirror = bool(mirror)
        self.has_labels = labels is not None
        self._labels = None if labels is None else check_labels(labels, len(pairs))
        self._channels = tuple(picture.shape[-1] for picture in pairs.pair(0))
        self.image_shape = (*pairs.size, self._channels[0])

    def __len__(self) -> int:
        """Number of pairs, not of batches."""
        return len(self._pairs)

    def _order(self, number: "tf.Tensor") -> "tf.data.Dataset":
        """The number of the pass and the positions of each of its batches."""
        return super()._order(number).map(lambda positions: (number, positions))

    def _batch(self, number: "tf.Tensor", positions: "tf.Tensor") -> tuple:
        import tensorflow as tf

        pictures = tf.numpy_function(self._read, (number, positions), (tf.uint8, tf.uint8))
        batch = []
        for picture, channels in zip(pictures, self._channels, strict=True):
            picture.set_shape((self.batch_size, *self._pairs.size, channels))
            batch.append(tf.cast(picture, tf.float32) * images.SCALE - 1)
        if self.has_labels:
            batch.append(tf.gather(tf.constant(self._labels, tf.int32), positions))
        return tuple(batch)

    def _read(self, number: np.int64, positions: np.ndarray) -> Pair:
        """Reads a batch as uint8; runs outside of TensorFlow's graph."""
        with _reads:
            if _reads.ending:
                shapes = [(self.batch_size, *self._pairs.size, count) for count in self._channels]
                return np.zeros(shapes[0], np.uint8), np.zeros(shapes[1], np.uint8)
            read = [self._augmented(int(number), int(position)) for position in positions]
            source, target = zip(*read, strict=True)
            return np.stack(source), np.stack(target)

    def _augmented(self, number: int, position: int) -> Pair:
        """One pair with the crop and the mirroring of this pass, the same for both halves."""
        source, target = self._pairs.pair(position, self._read_size)
        rng = np.random.default_rng([self.seed, number, position])
        height, width = self._pairs.size
        top = rng.integers(self._read_size[0] - height + 1)
        left = rng.integers(self._read_size[1] - width + 1)
        step = -1 if self._mirror and rng.random() < 0.5 else 1
        window = slice(top, top + height), slice(left, left + width)
        return source[window][:, ::step], target[window][:, ::step]


def _check_jitter(jitter: bool | int | Size, size: Size) -> Size:
    if jitter is None or jitter is False:
        return size
    if jitter is True:
        return round(size[0] * _JITTER), round(size[1] * _JITTER)
    larger = check_size(jitter, "jitter")
    if larger[0] < size[0] or larger[1] < size[1]:
        raise ValueError(
            f"jitter is {jitter!r}, smaller than the pairs' size {size}; pictures are read at the "
            "size of the jitter and cropped to the size of the pairs."
        )
    return larger
