"""Which files are pairs: the halves of one image, or images of the same name in two folders."""

import os
import re
import unicodedata
import warnings
from dataclasses import dataclass, field
from itertools import chain
from pathlib import Path

from gan_utils import image_folders, images
from gan_utils.image_folders import name_some
from gan_utils.images import printable

# The paired sets of CycleGAN call the two images of a pair 1_A.jpg and 1_B.jpg.
_ENDINGS = ("$", "_[ab]$")
_NESTED = 2  # levels of subfolders in which folders of pairs are looked for


@dataclass(frozen=True)
class PairFiles:
    """The files of pairs, found by their names, without opening them.

    Attributes:
        folders: The folder of side-by-side images, or the two of the sources and of the targets.
        pairs: The file, or the two files, of each pair, in the order of their names.
        unpaired: Problem, such as "only in A" -> the names of the files that have it.
    """

    folders: tuple[Path, ...]
    pairs: tuple[tuple[Path, ...], ...]
    unpaired: dict[str, list[str]] = field(default_factory=dict)

    @property
    def title(self) -> str:
        """The folders, for messages."""
        return " and ".join(map(printable, self.folders))

    def problems(self) -> list[str]:
        """Return a line for each kind of file without a partner."""
        return [
            f"{len(names):,} file{'s' if len(names) > 1 else ''} {what}: {name_some(names)}"
            for what, names in self.unpaired.items()
        ]


def match(folder: Path, targets: Path | None = None) -> PairFiles:
    """Find the pairs of one folder or of two.

    Two folders are matched by the names of their files without the endings, ignoring case.
    One folder without images of its own may have two such subfolders: `A` and `B`, or `trainA` and
    `trainB`.

    Args:
        folder: Of side-by-side images, or of the sources.
        targets: The folder of the targets.

    Returns:
        The pairs, and the files that have no partner.

    Raises:
        ValueError: No such folder, no images in it, or several subfolders of pairs.
    """
    folders = _subfolders_of_pairs(folder) if targets is None else (folder, targets)
    listed = list(map(_image_files, folders))
    if len(folders) == 1:
        return PairFiles(folders, tuple((path,) for path in listed[0]))
    if folders[0].resolve() == folders[1].resolve():
        raise ValueError(f"{printable(folders[0])} is given twice; give sources and targets.")
    for ending in _ENDINGS:
        sides = [_by_name(paths, ending) for paths in listed]
        if not sides[0].keys().isdisjoint(sides[1]):
            return _matched(folders, sides)
    return _matched(folders, [_by_name(paths, _ENDINGS[0]) for paths in listed])


def plain(name: str) -> str:
    """Return a name in the form in which names are compared: Unicode NFC, without case."""
    return unicodedata.normalize("NFC", name).casefold()


def _matched(folders: tuple[Path, ...], sides: list[dict[str, list[Path]]]) -> PairFiles:
    unpaired = {}
    for folder, side, other in zip(folders, sides, sides[::-1], strict=True):
        only = [paths for name, paths in side.items() if name not in other]
        double = [paths for paths in side.values() if len(paths) > 1]
        unpaired[f"only in {printable(folder)}"] = [path.name for path in chain(*only)]
        unpaired[f"of one name in {printable(folder)}"] = [path.name for path in chain(*double)]
    pairs = tuple((sides[0][name][0], sides[1][name][0]) for name in sides[0] if name in sides[1])
    return PairFiles(folders, pairs, {what: names for what, names in unpaired.items() if names})


def _by_name(paths: list[Path], ending: str) -> dict[str, list[Path]]:
    found: dict[str, list[Path]] = {}
    for path in paths:
        found.setdefault(re.sub(ending, "", plain(path.stem)), []).append(path)
    return found


def _image_files(folder: Path) -> list[Path]:
    if not folder.is_dir():
        what = "is not a folder; unpack it first" if folder.exists() else "does not exist"
        what = image_folders.dead_link(folder) or what
        raise ValueError(f"{printable(folder)} {what}. Give the folder that the images are in.")
    inside = ", ".join(printable(path.name) for path in _inside(folder))
    try:
        found = image_folders.list_images(folder, subfolders=False, check_links=False)
    except ValueError as error:
        hint = f" Its subfolders are {inside}:" if inside else ""
        raise ValueError(f"{error}{hint} Give the folder that the images are in.") from error
    if _choices(folder):
        what = "has images of its own, which are read; those of its subfolders are not"
        warnings.warn(f"{printable(folder)} {what}: {inside}.", stacklevel=4)
    return found


def _subfolders_of_pairs(folder: Path) -> tuple[Path, ...]:
    """Return the folder itself, or its `A` and `B` where it has no images of its own."""
    choices = _choices(folder) if folder.is_dir() and not _has_images(folder) else []
    if not choices:
        return (folder,)
    if len(choices) == 1 and len(choices[0]) == 2:
        return choices[0]
    inside = ", ".join(printable(path.name) for path in _inside(folder))
    written = " or ".join(
        f"load_pairs({', '.join(repr(printable(one)) for one in choice)})" for choice in choices
    )
    raise ValueError(
        f"{printable(folder)} has no images of its own. Its subfolders are {inside}: write "
        f"{written}."
    )


def _choices(folder: Path, nested: int = _NESTED) -> list[tuple[Path, ...]]:
    """Return the folders of pairs below a folder: single ones, or (sources, targets)."""
    inside = {path.name.lower(): path for path in _inside(folder)}
    couples = [
        (one, inside[f"{name[:-1]}b"])
        for name, one in inside.items()
        if name[-1] == "a" and f"{name[:-1]}b" in inside
    ]
    found = []
    for one, other in couples:
        parts = [] if _has_images(one) else [(part, other / part.name) for part in _inside(one)]
        found += [choice for choice in parts if choice[1].is_dir()] or [(one, other)]
    rest = [one for one in inside.values() if nested and one not in chain(*couples)]
    rest = [one for one in rest if _has_images(one) or _choices(one, nested - 1)]
    if (
        not couples
        and len(rest) == 2
        and not {one.name.lower() for one in rest} & image_folders.SUBSETS
    ):
        return [tuple(rest), tuple(rest[::-1])]
    return found + [(one,) for one in rest]


def _inside(folder: Path) -> list[Path]:
    found = (path for path in folder.iterdir() if path.name[0] != "." and path.is_dir())
    return sorted(path for path in found if os.access(path, os.R_OK | os.X_OK))


def _has_images(folder: Path) -> bool:
    names = (path for path in folder.iterdir() if path.name[0] != ".")
    return any(path.suffix.lower() in images.SUFFIXES and not path.is_dir() for path in names)
