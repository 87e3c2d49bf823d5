"""Folders of side-by-side pictures, read one pair at a time."""

import os
import unicodedata
import warnings
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

from gan_utils.pairs.base import Pair, PairSource, Size, check_size
from gan_utils.pairs.pictures import SUFFIXES, BrokenPictureError, dimensions, read_pair, shown

_LISTED = 10
# Halves this many times longer one way than asked for are probably no halves.
_SQUEEZED = 1.6


@dataclass(frozen=True, eq=False)
class Pairs(PairSource):
    """Side-by-side pictures in a folder; only their names are held in memory.

    Attributes:
        folder: where they are.
        names: their file names, in order.
        size: height and width that each half is read at.
        source: "left" or "right": the half that is the source.
        skipped: file name -> why it was left out (only with ``broken="skip"``).
    """

    folder: Path
    names: tuple[str, ...]
    size: Size = (256, 256)
    source: str = "left"
    skipped: dict[str, str] = field(default_factory=dict)

    def __len__(self) -> int:
        """Number of pairs."""
        return len(self.names)

    def __str__(self) -> str:
        """One line: how many, from where, at which size."""
        line = (
            f"{len(self):,} pairs in {shown(self.folder)}, each half {self.size[0]} x "
            f"{self.size[1]}, source on the {self.source}"
        )
        return line + (f", {len(self.skipped):,} broken left out" if self.skipped else "")

    __repr__ = __str__

    def pair(self, position: int, size: Size | None = None) -> Pair:
        """Reads one pair from its file."""
        return read_pair(self.folder / self.names[position], size or self.size, self.source)

    def part(self, chosen: slice) -> "Pairs":
        """The set of some of the pairs."""
        return replace(self, names=self.names[chosen])

    def swapped(self) -> "Pairs":
        """The same pairs with the other half as the source."""
        return replace(self, source="right" if self.source == "left" else "left")


def load_pairs(
    folder: str | os.PathLike,
    size: Size | int = (256, 256),
    *,
    source: str = "left",
    broken: str = "raise",
) -> Pairs:
    """Finds the side-by-side pictures of a folder; they are read when they are used.

    Pictures are the .jpg, .jpeg, .png and .webp files in the folder itself, in the order of their
    names; other files, hidden files and subfolders are not looked at. The beginning and the end of
    every picture are checked now. Jitter and mirroring belong to the batches:
    ``load_pairs("photos").batches(batch_size=4, jitter=286, mirror=True)``.

    Args:
        folder: the folder.
        size: height and width in pixels that each half is resized to, or one number for both.
        source: "left" or "right": the half that is the source; the other one is the target.
        broken: "raise" stops at the first broken picture; "skip" decodes every picture once and
            leaves broken ones out, with a warning that names them.

    Returns:
        The pairs.

    Raises:
        ValueError: no such folder, no pictures in it, or an argument that is none of the above.
        BrokenPictureError: a picture is broken; the message names it.

    Warns:
        UserWarning: pictures left out, odd widths (the middle column is left out), or halves that
            are so far from `size` that they are probably no side-by-side pictures.
    """
    if source not in ("left", "right"):
        raise ValueError(f"source is {source!r}; choose 'left' or 'right'.")
    if broken not in ("raise", "skip"):
        raise ValueError(f"broken is {broken!r}; choose 'raise' or 'skip'.")
    size, folder = check_size(size), Path(folder)
    names, skipped, odd, squeezed = [], {}, [], []
    for name in _picture_names(folder):
        try:
            height, width = _inspect(folder / name, size, decode=broken == "skip")
        except BrokenPictureError as error:
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
        raise ValueError(f"{shown(folder)} holds no whole picture: all {len(skipped)} are broken.")
    return Pairs(folder, tuple(names), size, source, skipped)


def _inspect(path: Path, size: Size, *, decode: bool) -> Size:
    """Height and width of a picture that is whole, as far as is looked."""
    found = dimensions(path)
    if decode:
        read_pair(path, size)
    return found


def _picture_names(folder: Path) -> list[str]:
    if not folder.is_dir():
        what = "is not a folder; unpack it first" if folder.exists() else "does not exist"
        raise ValueError(f"{shown(folder)} {what}. Give the folder of side-by-side pictures.")
    names, inside = [], []
    with os.scandir(folder) as entries:
        for entry in entries:
            if entry.is_dir():
                inside.append(entry.name)
            elif entry.name.lower().endswith(SUFFIXES) and not entry.name.startswith("."):
                names.append(entry.name)
    if not names:
        hint = f"; its subfolders are {', '.join(sorted(inside))}" if inside else ""
        raise ValueError(
            f"{shown(folder)} holds no pictures ({', '.join(SUFFIXES)}){hint}. "
            "Give the folder that the pictures are in."
        )
    # File systems spell accents in two ways; the order must be the same on all of them.
    return sorted(names, key=lambda name: (unicodedata.normalize("NFC", name), name))


def _say(what: str, names: list[Any], folder: Path) -> None:
    if not names:
        return
    listed = ", ".join(shown(Path(name)) for name in names[:_LISTED])
    more = f" and {len(names) - _LISTED:,} more" if len(names) > _LISTED else ""
    count = f"{len(names):,} picture{'s' if len(names) > 1 else ''}"
    warnings.warn(f"{shown(folder)}: {count} {what}: {listed}{more}.", stacklevel=3)
