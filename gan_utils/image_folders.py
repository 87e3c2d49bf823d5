"""The image files of a folder, and messages about them."""

import os
import unicodedata
import warnings
from collections import Counter
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import TypeVar

from gan_utils import images
from gan_utils.images import BrokenImageError, printable

Result = TypeVar("Result")

# Names of subfolders that are parts of one set.
SUBSETS = {"train", "training", "val", "valid", "validation", "dev", "test", "testing", "eval"}
_LISTED = 10


def list_images(
    folder: str | os.PathLike, *, subfolders: bool = True, check_links: bool = True
) -> list[Path]:
    """Find the image files of a folder.

    Hidden files and folders are left out. Linked folders are followed, each folder once.

    Args:
        folder: Where to look.
        subfolders: Whether to look below it too.
        check_links: Whether a broken symbolic link raises an error; otherwise it is listed.

    Returns:
        Files whose names end in one of the `images.SUFFIXES` that this version of Pillow reads, in
        the order of their names.

    Raises:
        ValueError: The folder has no images, or a symbolic link is broken.
        OSError: The folder cannot be read.

    Warns:
        UserWarning: Files of all other kinds, with their number.
    """
    root = Path(folder)
    found, others, read = [], Counter(), images.readable_suffixes()
    for path in _visible_files(root, subfolders):
        suffix = path.suffix.lower()
        # What a link without an ending led to was a folder, probably one of images.
        if check_links and suffix in ("", *read) and (reason := dead_link(path)):
            raise ValueError(f"{printable(path)} {reason}; remove it, or bring the file back.")
        if suffix in read:
            found.append(path)
        else:
            others[suffix or "without an ending"] += 1
    if others:
        warnings.warn(f"{printable(root)}: {_left_out(others)}", stacklevel=2)
    if not found:
        kinds = ", ".join(suffix[1:] for suffix in read)
        raise ValueError(
            f"{printable(root)} has no images in it; their names should end in {kinds}."
        )
    # File systems spell accents in two ways; the order must be the same on all of them.
    return sorted(found, key=lambda path: (unicodedata.normalize("NFC", str(path)), str(path)))


def read_or_name(read: Callable[[Path], Result], path: Path, advice: str) -> Result:
    """Call `read(path)`; every error names the file and how to go on without it.

    Args:
        read: Function of the path, which reads or checks the file.
        path: The file.
        advice: How to go on without it; added to the advice of the reader.

    Returns:
        What `read` returns.

    Raises:
        BrokenImageError: The file is damaged or cannot be read.
    """
    try:
        return read(path)
    except BrokenImageError as error:
        raise BrokenImageError(path, error.reason, f"{error.advice}, {advice}") from error
    except OSError as error:
        reason = dead_link(path) or f"cannot be read ({error.strerror})"
        raise BrokenImageError(path, reason, f"Fix or remove it, {advice}") from error


def files_in_words(what: str, names: list[str], folder: str | os.PathLike) -> str:
    """Return a line for a warning: the number of files with a property, and their names.

    Args:
        what: The property, such as "smaller than 64 x 64 pixels".
        names: At least one; the first ten are named.
        folder: Where they are.
    """
    count = f"{len(names):,} image{'s' if len(names) > 1 else ''}"
    return f"{printable(folder)}: {count} {what}: {name_some(names)}."


def name_some(names: list[str]) -> str:
    """Return the first ten names, and how many there are besides."""
    more = f" and {len(names) - _LISTED:,} more" if len(names) > _LISTED else ""
    return ", ".join(map(printable, names[:_LISTED])) + more


def dead_link(path: Path) -> str:
    """Return what is wrong with a broken symbolic link, or an empty string for any other path."""
    if path.exists() or not path.is_symlink():
        return ""
    return f"is a link to {printable(os.readlink(path))}, which does not exist"


def _left_out(others: Counter) -> str:
    count = others.total()
    kinds = ", ".join(f"{suffix} {number:,}" for suffix, number in sorted(others.items()))
    line = f"{count:,} file{'s' if count > 1 else ''} left out: {kinds}."
    foreign = [suffix for suffix in sorted(others) if suffix in {*images.FOREIGN, *images.SUFFIXES}]
    if not foreign:
        return line
    verb = "is" if len(foreign) == 1 else "are"
    return f"{line} {', '.join(foreign)} {verb} not read: convert them, to PNG for instance."


def _visible_files(root: Path, subfolders: bool) -> Iterator[Path]:
    known = set()
    for folder, inside, files in os.walk(root, onerror=_fail, followlinks=True):
        yield from (Path(folder, name) for name in files if not name.startswith("."))
        if not subfolders:
            return
        inside[:] = sorted(name for name in inside if not name.startswith("."))
        places = {name: os.stat(os.path.join(folder, name)) for name in [".", *inside]}
        for name, place in places.items():
            identity = place.st_dev, place.st_ino
            # A link may lead back to a folder above it, and would be followed without end.
            if name != "." and identity in known:
                inside.remove(name)
            known.add(identity)


def _fail(error: OSError) -> None:
    raise error  # os.walk would skip a folder that cannot be read
