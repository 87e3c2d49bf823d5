"""Sources of pairs of images, in memory or in files, and shuffled batches of them."""

from abc import ABC, abstractmethod
from collections.abc import Iterator
from dataclasses import dataclass, fields, replace
from typing import TYPE_CHECKING, Any

import numpy as np

from gan_utils import images
from gan_utils.data.batches import ShuffledBatches, check_labels, reads
from gan_utils.images import Size, check_size

if TYPE_CHECKING:
    import tensorflow as tf


Pair = tuple[np.ndarray, np.ndarray]


class PairSource(ABC):
    """Pairs of images, source and target, that are read one at a time.

    ``pairs[3]`` is a pair, ``pairs[:100]`` a smaller set, and ``for source, target in pairs``
    reads one after the other.
    """

    @property
    @abstractmethod
    def size(self) -> Size:
        """Height and width of the images in pixels."""

    @abstractmethod
    def __len__(self) -> int:
        """Return the number of pairs."""

    @abstractmethod
    def pair(self, position: int, size: Size | None = None) -> Pair:
        """Read one pair.

        Args:
            position: 0 to the number of pairs less one.
            size: Height and width to read it at; by default `self.size`.

        Returns:
            Source and target, each (height, width, channels) uint8 in [0, 255].

        Raises:
            ValueError: The image cannot be read; the message names its file.
        """

    @abstractmethod
    def part(self, chosen: slice) -> "PairSource":
        """Return the set of some of the pairs."""

    @abstractmethod
    def swapped(self) -> "PairSource":
        """Return the same pairs with source and target exchanged, for the other direction."""

    def report(self) -> object:
        """Return what is known about the pairs without decoding them; `str` makes text of it."""
        height, width = self.size
        return f"{len(self):,} pairs of {width} x {height} pixels"

    def __getitem__(self, position: int | slice) -> Any:
        """Return a pair, or with a slice a smaller set.

        Raises:
            IndexError: There is no such pair.
            ValueError: The slice is empty.
        """
        if isinstance(position, slice):
            if not range(*position.indices(len(self))):
                raise ValueError(f"{position} of {len(self):,} pairs leaves none.")
            return self.part(position)
        if not -len(self) <= position < len(self):
            raise IndexError(f"pair {position} of {len(self):,}")
        return self.pair(int(position) % len(self))

    def __iter__(self) -> Iterator[Pair]:
        """Return an iterator over the pairs."""
        return (self.pair(position) for position in range(len(self)))

    def arrays(self) -> "PairSet":
        """Read all pairs into memory as uint8: for a validation set, or for figures.

        Returns:
            The pairs; each takes 2 x height x width x channels bytes.
        """
        first, _ = self.pair(0)
        source, target = (np.empty((len(self), *first.shape), np.uint8) for _ in range(2))
        with images.grouped_warnings():
            for position, (one, other) in enumerate(self):
                source[position], target[position] = one, other
        return PairSet(source, target)

    def batches(self, batch_size: int = 1, **options: Any) -> "PairBatches":
        """Return shuffled batches for `GAN.fit`, resumable by epoch.

        Args:
            batch_size: Pairs in a batch.
            **options: `seed`, `jitter`, `mirror`, `labels`, `steps_per_epoch` of `PairBatches`.

        Returns:
            The batches.
        """
        return PairBatches(self, batch_size=batch_size, **options)


@dataclass(frozen=True, eq=False)
class PairSet(PairSource):
    """Pairs in memory.

    Attributes:
        source: (n, height, width, channels) uint8 in [0, 255].
        target: The same for the other half of each pair.
    """

    source: np.ndarray
    target: np.ndarray

    def __post_init__(self) -> None:
        """Check that each source has a target of its size; raise ValueError if not."""
        for name in ("source", "target"):
            if images.check_images(getattr(self, name), name).dtype != np.uint8:
                raise ValueError(f"{name} images must be uint8; use gan_utils.images.to_uint8.")
        if self.source.shape[:3] != self.target.shape[:3]:
            raise ValueError(
                f"source images have shape {self.source.shape} and targets {self.target.shape}; "
                "pairs need the same number, height and width."
            )

    @property
    def size(self) -> Size:
        """Height and width of the images in pixels."""
        return self.source.shape[1:3]

    def __len__(self) -> int:
        """Return the number of pairs."""
        return len(self.source)

    def pair(self, position: int, size: Size | None = None) -> Pair:
        """Return one pair, resized (antialiased) if `size` is another one than `self.size`."""
        both = self.source[position], self.target[position]
        if size is None or tuple(size) == self.size:
            return both
        one, other = (images.resize(picture[None], size)[0] for picture in both)
        return one, other

    def part(self, chosen: slice) -> "PairSet":
        """Return the set of some of the pairs; the images are not copied."""
        return replace(self, **{one.name: getattr(self, one.name)[chosen] for one in fields(self)})

    def swapped(self) -> "PairSet":
        """Return the same pairs with source and target exchanged."""
        return replace(self, source=self.target, target=self.source)

    def arrays(self) -> "PairSet":
        """Return these pairs, which are in memory already."""
        return self


# As in the paper: resized to 286, cropped to 256.
_JITTER = 286 / 256


class PairBatches(ShuffledBatches):
    """A shuffled source of batches (source, target), the same for the same seed.

    Images are read, jittered and mirrored as uint8, a batch at a time, by two threads, and then
    converted to float32 in [-1, 1]. So memory does not grow with the number of pairs.
    Order, crops and mirroring are a function of (seed, epoch) alone: starting at epoch e gives
    exactly the batches that a run from epoch 0 gets there. `GAN.fit` takes them like `Batches`.

    A batch is (source, target), each (batch, height, width, channels) float32 in [-1, 1], or
    (source, target, labels) with labels (batch,) int32. An image that cannot be read ends the
    stream with an error that names the file.

    Attributes:
        batch_size: Pairs in a batch.
        steps_per_epoch: Batches in an epoch; unless given, all full batches of one pass.
        seed: Seed of order, crops and mirroring.
        has_labels: Whether batches are (source, target, labels).
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
        """Check and store the options.

        Args:
            pairs: From `load_pairs`, `city`, `maps`, or a `PairSet`.
            batch_size: Pairs in a batch, 1 to the number of pairs.
            seed: Seed of order, crops and mirroring, an integer of at least 0.
            jitter: Random jitter: the size to which source and target are resized before both are
                cropped, at the same random place, to `pairs.size`. (height, width); or the shorter
                side, the other one in proportion; or True for 286/256 of `pairs.size`.
            mirror: Whether to mirror source and target, together, with probability 1/2.
            labels: (n,) integers from 0, the third part of each batch, or None.
            steps_per_epoch: Batches that count as one epoch; by default a whole pass.

        Raises:
            ValueError: An argument is out of its range.
        """
        super().__init__(len(pairs), batch_size, steps_per_epoch, seed, "pairs")
        self._pairs = pairs
        self._read_size = _check_jitter(jitter, pairs.size)
        self._mirror = bool(mirror)
        self.has_labels = labels is not None
        self._labels = None if labels is None else check_labels(labels, len(pairs))
        self._channels = tuple(picture.shape[-1] for picture in pairs.pair(0))
        self.image_shape = (*pairs.size, self._channels[0])

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
        """Read a batch as uint8; runs outside of TensorFlow's graph."""
        with reads:
            if reads.ending:
                shapes = [(self.batch_size, *self._pairs.size, count) for count in self._channels]
                return np.zeros(shapes[0], np.uint8), np.zeros(shapes[1], np.uint8)
            read = [self._augmented(int(number), int(position)) for position in positions]
            source, target = zip(*read, strict=True)
            return np.stack(source), np.stack(target)

    def _augmented(self, number: int, position: int) -> Pair:
        """Return one pair with the crop and mirroring of this pass, the same for both halves."""
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
    if np.ndim(jitter) == 0:
        height, width = (round(side * jitter / min(size)) for side in size)
        larger = height, width
    if larger[0] < size[0] or larger[1] < size[1]:
        raise ValueError(
            f"jitter is {jitter!r}, smaller than the pairs' size {size}; images are read at the "
            "size of the jitter and cropped to the size of the pairs."
        )
    return larger
