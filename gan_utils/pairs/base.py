"""What every set of pairs can do, wherever its pictures are."""

from abc import ABC, abstractmethod
from collections.abc import Iterator
from dataclasses import dataclass, fields, replace
from typing import TYPE_CHECKING, Any

import numpy as np

from gan_utils import images

if TYPE_CHECKING:
    from gan_utils.pairs.batches import PairBatches

Pair = tuple[np.ndarray, np.ndarray]
Size = tuple[int, int]


class PairSource(ABC):
    """Pairs of pictures, source and target, that are read one at a time.

    ``pairs[3]`` is a pair, ``pairs[:100]`` a smaller set, and ``for source, target in pairs``
    reads them in turn.
    """

    @property
    @abstractmethod
    def size(self) -> Size:
        """Height and width of the pictures in pixels."""

    @abstractmethod
    def __len__(self) -> int:
        """Number of pairs."""

    @abstractmethod
    def pair(self, position: int, size: Size | None = None) -> Pair:
        """Reads one pair.

        Args:
            position: 0 to the number of pairs less one.
            size: height and width to read it at; by default `self.size`.

        Returns:
            source and target, each (height, width, channels) uint8 in [0, 255].

        Raises:
            ValueError: the picture cannot be read; the message names its file.
        """

    @abstractmethod
    def part(self, chosen: slice) -> "PairSource":
        """The set of some of the pairs."""

    @abstractmethod
    def swapped(self) -> "PairSource":
        """The same pairs with source and target exchanged: for the other direction."""

    def __getitem__(self, position: int | slice) -> Any:
        """A pair, or with a slice a smaller set."""
        if isinstance(position, slice):
            if not range(*position.indices(len(self))):
                raise ValueError(f"{position} of {len(self):,} pairs leaves none.")
            return self.part(position)
        if not -len(self) <= position < len(self):
            raise IndexError(f"pair {position} of {len(self):,}")
        return self.pair(int(position) % len(self))

    def __iter__(self) -> Iterator[Pair]:
        """The pairs in turn."""
        return (self.pair(position) for position in range(len(self)))

    def arrays(self) -> "PairSet":
        """Reads all pairs into memory as uint8: for a validation set, or for figures.

        Returns:
            The pairs; they take 2 x height x width x channels bytes each.
        """
        first, _ = self.pair(0)
        source, target = (np.empty((len(self), *first.shape), np.uint8) for _ in range(2))
        for position, (one, other) in enumerate(self):
            source[position], target[position] = one, other
        return PairSet(source, target)

    def batches(self, batch_size: int = 1, **options: Any) -> "PairBatches":
        """Shuffled batches for `GAN.fit`, resumable by epoch.

        Args:
            batch_size: pairs in a batch.
            **options: `seed`, `jitter`, `mirror`, `labels`, `steps_per_epoch` of `PairBatches`.

        Returns:
            The batches.
        """
        from gan_utils.pairs.batches import PairBatches

        return PairBatches(self, batch_size=batch_size, **options)


@dataclass(frozen=True, eq=False)
class PairSet(PairSource):
    """Pairs in memory.

    Attributes:
        source: (n, height, width, channels) uint8 in [0, 255].
        target: the same for the other half of each pair.
    """

    source: np.ndarray
    target: np.ndarray

    def __post_init__(self) -> None:
        """Checks that there is a target of the same size for each source."""
        for name in ("source", "target"):
            if images.check_images(getattr(self, name), name).dtype != np.uint8:
                raise ValueError(f"{name} pictures must be uint8; use gan_utils.images.to_uint8.")
        if self.source.shape[:3] != self.target.shape[:3]:
            raise ValueError(
                f"source pictures have shape {self.source.shape} and targets {self.target.shape}; "
                "pairs need the same number, height and width."
            )

    @property
    def size(self) -> Size:
        """Height and width of the pictures in pixels."""
        return self.source.shape[1:3]

    def __len__(self) -> int:
        """Number of pairs."""
        return len(self.source)

    def pair(self, position: int, size: Size | None = None) -> Pair:
        """One pair, resized (antialiased) if `size` is another one than `self.size`."""
        both = self.source[position], self.target[position]
        if size is None or tuple(size) == self.size:
            return both
        one, other = (images.resize(picture[None], size)[0] for picture in both)
        return one, other

    def part(self, chosen: slice) -> "PairSet":
        """The set of some of the pairs; the pictures are not copied."""
        return replace(self, **{one.name: getattr(self, one.name)[chosen] for one in fields(self)})

    def swapped(self) -> "PairSet":
        """The same pairs with source and target exchanged."""
        return replace(self, source=self.target, target=self.source)

    def arrays(self) -> "PairSet":
        """These pairs, which are in memory already."""
        return self


def check_size(size: Any, name: str = "size") -> Size:
    """Checks a picture size.

    Args:
        size: (height, width) in pixels, or one number for both.
        name: what to call it in the message.

    Returns:
        (height, width).

    Raises:
        ValueError: not one or two whole numbers of at least 1.
    """
    values = (size, size) if isinstance(size, (int, np.integer)) else size
    try:
        height, width = (int(value) for value in values)
        whole = (height, width) == tuple(values) and min(height, width) >= 1
    except (TypeError, ValueError):
        whole = False
    if not whole or isinstance(size, bool):
        raise ValueError(
            f"{name} is {size!r}; give (height, width) in pixels, such as (256, 256), "
            "or one number for both."
        )
    return height, width
