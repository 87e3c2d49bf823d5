"""Folders of side-by-side images, read one pair at a time."""

import os
import warnings
from collections.abc import Callable
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any, TypeVar

import numpy as np

from gan_utils import images
from gan_utils.images import BrokenImageError, printable
from gan_utils.pairs.sources import Pair, PairSource, Size, check_size

Result = TypeVar("Result")

_LISTED = 10
# Halves this many times longer one way than asked for are probably no halves.
_SQUEEZED = 1.6


@dataclass(frozen=True, eq=False)
class Pairs(PairSource):
    """Side-by-side images in a folder; only their names are held in memory.

    Attributes:
        folder: Where they are.
        names: Their file names, in order.
        size: Height and width that each half is read at.
        source: "left" or "right": the half that is the source.
        skipped: File name -> why it was left out (only with ``broken="skip"``).
    """

    folder: Path
    names: tuple[str, ...]
    size: Size = (256, 256)
    source: str = "left"
    skipped: dict[str, str] = field(default_factory=dict)
    # Kinds of `ImageWarning` that training gave already, in this set or a part of it.
    _said: dict[str, Path] = field(default_factory=dict, repr=False)

    def __len__(self) -> int:
        """Return the number of pairs."""
        return len(self.names)

    def __str__(self) -> str:
        """Return one line: how many, from where, at which size."""
        line = (
            f"{len(self):,} pairs in {printable(self.folder)}, each half {self.size[0]} x "
            f"{self.size[1]}, source on the {self.source}"
        )
        return line + (f", {len(self.skipped):,} broken left out" if self.skipped else "")

    __repr__ = __str__

    def pair(self, position: int, size: Size | None = None) -> Pair:
        """Read one pair from its file."""
        with images.grouped_warnings(self._said):
            return read_pair(self.folder / self.names[position], size or self.size, self.source)

    def part(self, chosen: slice) -> "Pairs":
        """Return the set of some of the pairs."""
        return replace(self, names=self.names[chosen])

    def swapped(self) -> "Pairs":
        """Return the same pairs with the other half as the source."""
        return replace(self, source="right" if self.source == "left" else "left")


def load_pairs(
    folder: str | os.PathLike,
    size: Size | int = (256, 256),
    *,
    source: str = "left",
    broken: str = "raise",
) -> Pairs:
    """Find the side-by-side images of a folder; they are read when they are used.

    Images are the files in the folder itself that `images.list_images` finds, in the order of their
    names; hidden files and subfolders are not looked at. The beginning and the end of every image
    are checked now. Jitter and mirroring belong to the batches:
    ``load_pairs("photos").batches(batch_size=4, jitter=286, mirror=True)``.

    Args:
        folder: The folder.
        size: Height and width in pixels that each half is resized to, or one number for both.
        source: "left" or "right": the half that is the source; the other one is the target.
        broken: "raise" stops at the first broken image; "skip" decodes every image once and
            leaves broken ones out, with a warning that names them.

    Returns:
        The pairs.

    Raises:
        ValueError: No such folder, no images in it, or an argument that is none of the above.
        BrokenImageError: An image is broken; the message names it.

    Warns:
        UserWarning: Images left out, odd widths (the middle column is left out), or halves that
            are so far from `size` that they are probably no side-by-side images.
    """
    if source not in ("left", "right"):
        raise ValueError(f"source is {source!r}; choose 'left' or 'right'.")
    if broken not in ("raise", "skip"):
        raise ValueError(f"broken is {broken!r}; choose 'raise' or 'skip'.")
    size, folder = check_size(size), Path(folder)
    names, skipped, odd, squeezed, said = [], {}, [], [], {}
    with images.grouped_warnings(said):
        for name in _image_names(folder):
            try:
                height, width = _inspect(folder / name, size, decode=broken == "skip")
            except BrokenImageError as error:
                if broken == "raise":
                    raise
                skipped[name] = error.reason
                continue
            names.append(name)
            aspect = (width // 2) / height * size[0] / size[1]
            odd += [name] * (width % 2)
            squeezed += [name] * (max(aspect, 1 / aspect) > _SQUEEZED)
    _say("broken, left out", [f"{name} {why}" for name, why in skipped.items()], folder)
    _say("of odd width, their middle column belongs to neither half", odd, folder)
    _say(f"strongly squeezed to halves of {size}: are they side-by-side pairs?", squeezed, folder)
    if not names:
        raise ValueError(
            f"{printable(folder)} holds no whole image: all {len(skipped)} are broken."
        )
    return Pairs(folder, tuple(names), size, source, skipped, said)


def read_pair(path: Path, size: Size, source: str = "left") -> Pair:
    """Read both halves of a side-by-side image, as `images.read_image` reads it.

    Of an odd number of columns the middle one belongs to neither half.

    Args:
        path: The file.
        size: Height and width of each half that is returned; larger halves are antialiased.
        source: "left" or "right": the half that is the source.

    Returns:
        Source and target, each (height, width, 3) uint8 in [0, 255].

    Raises:
        BrokenImageError: The file cannot be read or is no whole image.
    """
    whole = _named(images.read_image, path)
    _require_halves(path, whole.shape[1])
    half = whole.shape[1] // 2
    left, right = (_resized(part, size) for part in (whole[:, :half], whole[:, -half:]))
    return (left, right) if source == "left" else (right, left)


def side_by_side_size(path: Path) -> Size:
    """Return height and width of an image that is whole, as far as `images.image_size` looks.

    Raises:
        BrokenImageError: It is broken, or too narrow for a pair.
    """
    height, width = _named(images.image_size, path)
    _require_halves(path, width)
    return height, width


def _named(read: Callable[[Path], Result], path: Path) -> Result:
    """Call `read(path)`; every error names the file and how to go on without it."""
    try:
        return read(path)
    except BrokenImageError as error:
        raise _broken(path, error.reason, error.advice) from error
    except OSError as error:
        reason = images.dead_link(path) or f"cannot be read ({error.strerror})"
        raise _broken(path, reason) from error


def _broken(path: Path, reason: str, advice: str = "Fix or remove it") -> BrokenImageError:
    advice += ', or leave broken images out with load_pairs(..., broken="skip")'
    return BrokenImageError(path, reason, advice)


def _require_halves(path: Path, width: int) -> None:
    if width < 2:
        raise _broken(path, f"is {width} pixel wide: too narrow for two halves")


def _resized(half: np.ndarray, size: Size) -> np.ndarray:
    return half if half.shape[:2] == size else images.resize(half[None], size)[0]


def _inspect(path: Path, size: Size, *, decode: bool) -> Size:
    """Return height and width of an image that is whole, as far as is looked."""
    found = side_by_side_size(path)
    if decode:
        read_pair(path, size)
    return found


def _image_names(folder: Path) -> list[str]:
    if not folder.is_dir():
        what = "is not a folder; unpack it first" if folder.exists() else "does not exist"
        raise ValueError(f"{printable(folder)} {what}. Give the folder of side-by-side images.")
    try:
        return [
            path.name for path in images.list_images(folder, subfolders=False, check_links=False)
        ]
    except ValueError as error:
        inside = sorted(path.name for path in folder.iterdir() if path.is_dir())
        hint = f" Its subfolders are {', '.join(inside)}:" if inside else ""
        raise ValueError(f"{error}{hint} Give the folder that the images are in.") from error


def _say(what: str, names: list[Any], folder: Path) -> None:
    if not names:
        return
    listed = ", ".join(printable(Path(name)) for name in names[:_LISTED])
    more = f" and {len(names) - _LISTED:,} more" if len(names) > _LISTED else ""
    count = f"{len(names):,} image{'s' if len(names) > 1 else ''}"
    warnings.warn(f"{printable(folder)}: {count} {what}: {listed}{more}.", stacklevel=3)
