"""Pairs in image files, read one pair at a time."""

import os
import warnings
from collections.abc import Iterable
from dataclasses import dataclass, field, replace
from pathlib import Path, PurePath

from gan_utils import image_folders, images
from gan_utils.image_folders import name_some
from gan_utils.images import Size, check_size, printable
from gan_utils.pairs.matching import PairFiles, match, plain
from gan_utils.pairs.report import WITHOUT, PairReport, inspect_files, require_halves
from gan_utils.pairs.sources import Pair, PairSource


@dataclass(frozen=True, eq=False)
class Pairs(PairSource):
    """Pairs in image files; only their names are held in memory.

    Attributes:
        folders: The folder of side-by-side images, or those of the sources and of the targets.
        files: The file, or the two files, of each pair, in order.
        size: Height and width that each image of a pair is read at.
        source: "left" or "right": the half, or the folder, that is the source.
        skipped: File name -> reason why it is left out (only with ``broken="skip"``).
    """

    folders: tuple[Path, ...]
    files: tuple[tuple[Path, ...], ...]
    size: Size = (256, 256)
    source: str = "left"
    skipped: dict[str, str] = field(default_factory=dict)
    # Kinds of `ImageWarning` that training gave already, in this set or a part of it.
    _said: dict[str, Path] = field(default_factory=dict, repr=False)

    @property
    def folder(self) -> Path:
        """The folder of side-by-side images, or the first of two."""
        return self.folders[0]

    @property
    def names(self) -> tuple[str, ...]:
        """The name of the first file of each pair."""
        return tuple(pair[0].name for pair in self.files)

    def __len__(self) -> int:
        """Return the number of pairs."""
        return len(self.files)

    def __str__(self) -> str:
        """Return one line: number of pairs, folders, size and side of the source."""
        where = " and ".join(map(printable, self.folders))
        part = "half" if len(self.folders) == 1 else "image"
        place = f"on the {self.source}"
        if len(self.folders) == 2:
            place = f"in {printable(self.folders[self.source == 'right'])}"
        line = (
            f"{len(self):,} pairs in {where}, each {part} {self.size[0]} x {self.size[1]}, "
            f"source {place}"
        )
        return line + (f", {len(self.skipped):,} broken left out" if self.skipped else "")

    __repr__ = __str__

    def pair(self, position: int, size: Size | None = None) -> Pair:
        """Read one pair from its file, or its two files; see `PairSource.pair`."""
        with images.grouped_warnings(self._said):
            return _read_pair(self.files[position], size or self.size, self.source)

    def part(self, chosen: slice) -> "Pairs":
        """Return the set of some of the pairs."""
        return replace(self, files=self.files[chosen])

    def swapped(self) -> "Pairs":
        """Return the same pairs with the other half, or the other folder, as the source."""
        return replace(self, source="right" if self.source == "left" else "left")

    def only(self, names: str | os.PathLike | Iterable[str]) -> "Pairs":
        """Return the pairs of some names, such as those of a split, in the order of the names.

        Args:
            names: Names of first files, with or without their endings; or a text file with one in
                each line, such as `train.txt`.

        Raises:
            ValueError: There are no names, the text file is not in UTF-8, or no pair has one of the
                names; names of pairs that are left out as broken are allowed.
            OSError: The text file cannot be read.
        """
        if isinstance(names, (str, os.PathLike)):
            file = names
            try:
                names = Path(file).read_text(encoding="utf-8-sig").splitlines()
            except UnicodeDecodeError as error:
                raise ValueError(
                    f"{printable(file)} is not a text in UTF-8; save it as one."
                ) from error
        wanted = {name: plain(PurePath(name).name) for name in map(str.strip, names) if name}
        known: dict[str, tuple[Path, ...]] = {}
        for pair in self.files:
            known |= dict.fromkeys(_names(pair[0]), pair)
        broken = {part for name in self.skipped for part in _names(PurePath(name))}
        absent = [name for name, key in wanted.items() if key not in known and key not in broken]
        if absent or not wanted:
            what = f"no pair is named {name_some(absent)}" if absent else "no name is given"
            raise ValueError(f"{' and '.join(map(printable, self.folders))}: {what}.")
        return replace(self, files=tuple(known[key] for key in wanted.values() if key in known))

    def report(self) -> PairReport:
        """Return a report from the headers of the files: sizes, modes, kinds, unusual files."""
        with images.grouped_warnings(self._said):
            return inspect_files(PairFiles(self.folders, self.files), self.size)


def load_pairs(
    folder: str | os.PathLike,
    targets: str | os.PathLike | Size | int | None = None,
    size: Size | int | None = None,
    *,
    source: str = "left",
    broken: str = "raise",
) -> Pairs:
    """Find pairs of images in one folder or two; the images are read when they are used.

    `load_pairs("facades")` takes side-by-side images: one file is one pair.
    `load_pairs("photos", "maps")` takes a source from the first folder and a target from the
    second: two files are a pair if their names without the ending are equal, ignoring case.
    In the paired sets of CycleGAN, `1_A.jpg` and `1_B.jpg` are a pair. A folder that has no images
    but subfolders `A` and `B`, or `trainA` and `trainB`, is read as those two.

    Images are the files directly in the folders that `image_folders.list_images` finds, in the
    order of their names; hidden files and subfolders are ignored. The beginning and the end of
    every image are checked at once. Jitter and mirroring are options of the batches:
    ``load_pairs("photos").batches(batch_size=4, jitter=286, mirror=True)``.

    Args:
        folder: The folder of side-by-side images, or that of the sources.
        targets: The folder of the targets. A number, or two, here are taken as `size`.
        size: Height and width in pixels that each image of a pair is resized to, or one number for
            both; by default (256, 256).
        source: "left" or "right": the half that is the source; the other one is the target. With
            two folders, "left" is the first.
        broken: "raise" stops at the first broken image; "skip" decodes every image once and
            leaves broken ones out, with a warning that names them.

    Returns:
        The pairs.

    Raises:
        ValueError: No such folder, no images in it, images without a partner, no pair without a
            broken image, or an argument out of its range.
        BrokenImageError: An image is broken; the message names it.

    Warns:
        UserWarning: Images left out, odd widths (the middle column is left out), halves of another
            aspect ratio than `size` (probably not side-by-side images), partners of different
            aspect ratios.
    """
    if targets is not None and not isinstance(targets, (str, os.PathLike)):
        if size is not None:
            raise ValueError(f"targets is {targets!r}; give the folder that the targets are in.")
        targets, size = None, targets
    if source not in ("left", "right"):
        raise ValueError(f"source is {source!r}; choose 'left' or 'right'.")
    if broken not in ("raise", "skip"):
        raise ValueError(f"broken is {broken!r}; choose 'raise' or 'skip'.")
    size = check_size((256, 256) if size is None else size)
    files = match(Path(folder), None if targets is None else Path(targets))
    if files.unpaired:
        raise ValueError(
            f"{files.title} do not match: {'; '.join(files.problems())}. {len(files.pairs):,} "
            "files have a partner: one name, without the ending. Add the missing partners, or move "
            "the others away."
        )
    said: dict[str, Path] = {}
    with images.grouped_warnings(said):
        report = inspect_files(files, size, decode=broken == "skip")
    if report.broken and broken == "raise":
        raise next(iter(report.broken.values()))
    skipped = {_short(path, files): error.reason for path, error in report.broken.items()}
    lines = [f"{name} {why}" for name, why in skipped.items()]
    lines = [image_folders.files_in_words("broken, left out", lines, files.title)] if lines else []
    for line in lines + report.remarks():
        warnings.warn(line, stacklevel=2)
    if not report.whole:
        raise ValueError(
            f"{files.title}: there is no whole image: all {len(files.pairs)} pairs are broken."
        )
    return Pairs(files.folders, report.whole, size, source, skipped, said)


def _names(path: PurePath) -> tuple[str, str]:
    return plain(path.stem), plain(path.name)


def _short(path: Path, files: PairFiles) -> str:
    return path.name if len(files.folders) == 1 else f"{path.parent.name}/{path.name}"


def _read_pair(paths: tuple[Path, ...], size: Size, source: str) -> Pair:
    """Read the two halves of a side-by-side image, or two images, as `images.read_image` does.

    Of an odd number of columns the middle one belongs to neither half.
    """
    both = [image_folders.read_or_name(images.read_image, path, WITHOUT) for path in paths]
    if len(both) == 1:
        (whole,), (path,) = both, paths
        require_halves(path, whole.shape[1])
        half = whole.shape[1] // 2
        both = [whole[:, :half], whole[:, -half:]]
    first, second = (images.resize(image[None], size)[0] for image in both)
    return (first, second) if source == "left" else (second, first)
