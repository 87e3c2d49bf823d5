"""Reports on the files of pairs: sizes, modes, unusual files, and files that cannot be used."""

import os
from collections import Counter
from collections.abc import Callable, Iterable
from dataclasses import dataclass, replace
from pathlib import Path

from gan_utils import image_folders, images
from gan_utils.image_folders import files_in_words
from gan_utils.images import BrokenImageError, ImageInfo, Size, check_size, printable
from gan_utils.pairs.matching import PairFiles, match

WITHOUT = 'or leave broken images out with load_pairs(..., broken="skip")'
# Beyond this ratio of aspect ratios, an image is squeezed, or is not a pair of halves.
_SQUEEZED = 1.05
_MOST_VALUES, _MOST_BROKEN = 5, 10


@dataclass(frozen=True, eq=False)
class PairReport:
    """A report on the files of pairs; `str` makes a table of it.

    Attributes:
        files: The files, and those without a partner.
        size: Height and width that each image of a pair is read at.
        found: File -> facts from its header.
        broken: File -> the error that it raises.
        foreign: Names of image files of kinds that are not read, such as HEIC.
    """

    files: PairFiles
    size: Size
    found: dict[Path, ImageInfo]
    broken: dict[Path, BrokenImageError]
    foreign: tuple[str, ...] = ()

    @property
    def whole(self) -> tuple[tuple[Path, ...], ...]:
        """The pairs without a broken file."""
        return tuple(pair for pair in self.files.pairs if self.broken.keys().isdisjoint(pair))

    @property
    def usable(self) -> bool:
        """Whether each image is of a kind that is read, has a partner and is not broken."""
        return not (self.files.unpaired or self.broken or self.foreign)

    def remarks(self) -> list[str]:
        """Return a line for each kind of pair that can be read, but perhaps not as intended."""
        said = {}
        if len(self.files.folders) == 2:
            shapes = {pair: [self._shape(path) for path in pair] for pair in self.whole}
            said["of another shape than its partner"] = [
                pair[0] for pair, (one, other) in shapes.items() if _differ(one, other)
            ]
        else:
            whole = [path for (path,) in self.whole]
            said["of odd width, their middle column belongs to neither half"] = [
                path for path in whole if self.found[path].width % 2
            ]
            squeezed = [path for path in whole if _differ(self._shape(path), 2 * self._wanted)]
            if squeezed:
                said[self._about_halves(squeezed[0])] = squeezed
        return [
            files_in_words(what, [path.name for path in paths], self.files.title)
            for what, paths in said.items()
            if paths
        ]

    def odd(self) -> list[str]:
        """Return a line for each group of images with another size or mode than most."""
        lines = []
        for folder, infos in self._by_folder().items():
            for what, value in (("size", _size), ("mode", _mode)):
                counts = Counter(map(value, infos.values()))
                most, count = counts.most_common(1)[0] if counts else ("", 0)
                others = [path.name for path, info in infos.items() if value(info) != most]
                if others and count >= 2 * len(others):
                    lines.append(files_in_words(f"of another {what} than {most}", others, folder))
        return lines

    def problems(self) -> list[str]:
        """Return a line for each kind of file that cannot be used."""
        lines = [f"{printable(path)} {error.reason}" for path, error in self.broken.items()]
        rest = len(lines) - _MOST_BROKEN
        lines[_MOST_BROKEN:] = [f"and {rest:,} more broken images"] if rest > 0 else []
        if self.foreign:
            what = "of a kind that is not read (convert them, to PNG for instance)"
            lines.append(files_in_words(what, list(self.foreign), self.files.title))
        return self.files.problems() + lines

    def __str__(self) -> str:
        """Return a table with a line for each size, mode and kind, then remarks and problems."""
        lines = [
            f"{len(self.whole):,} pairs in {self.files.title}, read at {_text(self.size)} pixels"
        ]
        for folder, infos in self._by_folder().items():
            lines += ["", f"{printable(folder):<35}{'images':>8}", *_rows(list(infos.values()))]
        for title, part in (
            ("unlike the others", self.odd()),
            ("perhaps not as it is meant", self.remarks()),
            ("cannot be used", self.problems()),
        ):
            lines += ["", f"{title}:", *(f"  {line}" for line in part)] if part else []
        return "\n".join(lines)

    @property
    def _wanted(self) -> float:
        return self.size[1] / self.size[0]

    def _shape(self, path: Path) -> float:
        return self.found[path].width / self.found[path].height

    def _about_halves(self, path: Path) -> str:
        height, width = self.found[path][:2]
        return (
            f"whose halves, such as {width // 2} x {height}, are squeezed to {_text(self.size)} "
            "pixels (single images instead of side-by-side pairs? Then give two folders, "
            "load_pairs(sources, targets). Else give size=(height, width) in the shape of a half)"
        )

    def _by_folder(self) -> dict[Path, dict[Path, ImageInfo]]:
        return {
            folder: {
                pair[side]: self.found[pair[side]]
                for pair in self.files.pairs
                if pair[side] in self.found
            }
            for side, folder in enumerate(self.files.folders)
        }


def check_pairs(
    folder: str | os.PathLike,
    targets: str | os.PathLike | None = None,
    *,
    size: Size | int = (256, 256),
    progress: Callable[[list[Path]], Iterable[Path]] = iter,
) -> PairReport:
    """Check the files of pairs, as `load_pairs` finds and reads them; each is decoded once.

    Args:
        folder: Of side-by-side images, or of the sources.
        targets: The folder of the targets.
        size: Height and width in pixels that each image of a pair is to be read at.
        progress: Wraps the list of files, such as `tqdm`.

    Returns:
        The report. `print` shows it as a table; `usable` is False if images have no partner, are
        broken, or are of a kind that is not read.

    Raises:
        ValueError: No such folder, or no images in it.
    """
    files = match(Path(folder), None if targets is None else Path(targets))
    unread = {*images.FOREIGN, *images.SUFFIXES} - {*images.readable_suffixes()}
    inside = [path for one in files.folders for path in sorted(one.glob("[!.]*"))]
    foreign = tuple(path.name for path in inside if path.suffix.lower() in unread)
    report = inspect_files(files, check_size(size), decode=True, progress=progress)
    return replace(report, foreign=foreign)


def inspect_files(
    files: PairFiles,
    size: Size,
    *,
    decode: bool = False,
    progress: Callable[[list[Path]], Iterable[Path]] = iter,
) -> PairReport:
    """Check the beginning and the end of each file, or decode it; see `check_pairs`."""
    found, broken = {}, {}
    for path in progress([path for pair in files.pairs for path in pair]):
        try:
            info = image_folders.read_or_name(images.inspect_image, path, WITHOUT)
            if len(files.folders) == 1:
                require_halves(path, info.width)
            if decode:
                image_folders.read_or_name(images.read_image, path, WITHOUT)
            found[path] = info
        except BrokenImageError as error:
            broken[path] = error
    return PairReport(files, size, found, broken)


def require_halves(path: Path, width: int) -> None:
    """Raise a BrokenImageError unless an image is wide enough for two halves."""
    if width < 2:
        reason = f"is {width} pixel wide: too narrow for two halves"
        raise BrokenImageError(path, reason, f"Fix or remove it, {WITHOUT}")


def _rows(infos: list[ImageInfo]) -> list[str]:
    """Return a line for each size, number of channels, mode and kind, the most frequent first."""
    lines = []
    for what, value in _COLUMNS.items():
        counts = Counter(map(value, infos)).most_common()
        rest = sum(count for _, count in counts[_MOST_VALUES:])
        counts[_MOST_VALUES:] = [("others", rest)] if rest else []
        titles = [what] + [""] * len(counts)
        lines += [
            f"  {title:<13}{text:<20}{count:>8,}"
            for title, (text, count) in zip(titles, counts, strict=False)
        ]
    return lines


def _differ(one: float, other: float) -> bool:
    return max(one, other) > _SQUEEZED * min(one, other)


def _text(size: Size) -> str:
    return f"{size[1]} x {size[0]}"


def _size(info: ImageInfo) -> str:
    return _text(info[:2])


def _mode(info: ImageInfo) -> str:
    return info.mode


_COLUMNS: dict[str, Callable[[ImageInfo], str]] = {
    "size": _size,
    "channels": lambda info: str(info.channels),
    "mode": _mode,
    "kind": lambda info: info.kind,
}
