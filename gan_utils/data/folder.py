"""A folder of images: its files, their classes, and a cached copy of their pixels."""

import errno
import hashlib
import io
import json
import os
import unicodedata
import warnings
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from contextvars import copy_context
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import BinaryIO

import numpy as np
from tqdm import tqdm

from gan_utils import image_folders, images
from gan_utils.download import cache_folder
from gan_utils.image_folders import files_in_words, name_some
from gan_utils.images import BrokenImageError, Size, printable
from gan_utils.io import parse_json, whole_file

_RULES = 1  # part of a copy's name: raise it when the same files would give other pixels
_AT_ONCE = 256
_QUIET_SECONDS = 3  # no progress bar for what takes less
_FORBIDDEN = (errno.EROFS, errno.EACCES, errno.EPERM)
_WITHOUT = 'or leave such images out with load_folder(..., broken="skip")'


@dataclass
class Notes:
    """Facts for the warnings about a folder, which are given each time that it is loaded.

    Attributes:
        skipped: Name of an image that cannot be read -> reason.
        gray: Names of images whose files are gray.
        small: Names of images that are smaller than the size asked for.
        said: Warnings of the reader.
    """

    skipped: dict[str, str] = field(default_factory=dict)
    gray: list[str] = field(default_factory=list)
    small: list[str] = field(default_factory=list)
    said: list[str] = field(default_factory=list)


@dataclass(frozen=True)
class ImageFolder:
    """A folder of images and how they are read.

    Attributes:
        root: The folder that holds images, or subfolders of them, which are classes.
        size: Height and width of the images.
        channels: 1 or 3.
        broken: "raise" or "skip".
    """

    root: Path
    size: Size
    channels: int
    broken: str

    def __post_init__(self) -> None:
        """Check the options; raise ValueError if one is out of its range."""
        if self.channels not in (1, 3):
            raise ValueError(f"channels is {self.channels!r}; choose 1 (gray) or 3 (RGB).")
        if self.broken not in ("raise", "skip"):
            raise ValueError(f"broken is {self.broken!r}; choose 'raise' or 'skip'.")

    def read(self) -> tuple[np.ndarray, np.ndarray | None, tuple[str, ...], list[str]]:
        """Return images, labels, class names and warnings; see `gan_utils.load_folder`."""
        with warnings.catch_warnings(record=True) as said:
            warnings.simplefilter("always", UserWarning)
            paths = image_folders.list_images(self.root, check_links=self.broken == "raise")
        names = [str(path.relative_to(self.root)) for path in paths]
        _class_names(self.root, names)  # before they are read, which may take long
        pixels, notes = self._copy(names)
        kept = [name for name in names if name not in notes.skipped]
        class_names = _class_names(self.root, kept)
        lines = [str(one.message) for one in said] + self._in_words(kept, notes, class_names)
        if not class_names:
            return pixels, None, (), lines
        numbers = {name: number for number, name in enumerate(class_names)}
        labels = [numbers[name.split(os.sep)[0]] for name in kept]
        return pixels, np.array(labels, np.int64), class_names, lines

    def _copy(self, names: list[str]) -> tuple[np.ndarray, Notes]:
        """Return the images from their cached copy, which is written first if need be."""
        # One place for each folder and each way to read it, so that only the latest copy is kept.
        place = _hash(os.path.realpath(self.root), self.size, self.channels, self.broken, _RULES)
        states = [_state(os.path.join(self.root, name)) for name in names]
        copy = cache_folder() / "gan-workbook" / "folders" / place / _hash(names, states)
        if (found := self._opened(copy, names)) is not None:
            return found
        try:
            self._keep(names, copy)
        except OSError as error:
            if error.errno not in _FORBIDDEN:
                raise
            stream = io.BytesIO()
            notes = self._write(names, stream)
            notes.said.append(
                f"{copy.parent} cannot be written: the images are kept in memory, and decoded at "
                "each call. Set KERAS_HOME to a folder that can be written."
            )
            return self._shaped(np.frombuffer(stream.getbuffer(), np.uint8), len(names), notes)
        return self._opened(copy, names)

    def _keep(self, names: list[str], copy: Path) -> None:
        """Write a copy, and remove those of earlier states of the folder."""
        with (
            whole_file(copy.with_suffix(".bytes")) as temporary,
            temporary.open("wb") as stream,
        ):
            notes = self._write(names, stream)
        with whole_file(copy.with_suffix(".json")) as temporary:
            facts = {"folder": printable(self.root), **asdict(notes)}
            temporary.write_text(json.dumps(facts), encoding="utf-8")
        for old in copy.parent.iterdir():
            if old.stem != copy.name and not old.name.startswith("."):
                with suppress(OSError):  # Windows keeps a file that is open
                    old.unlink()

    def _opened(self, copy: Path, names: list[str]) -> tuple[np.ndarray, Notes] | None:
        """Return the images and notes of a copy, or None if it is missing or incomplete."""
        try:
            facts = parse_json(copy.with_suffix(".json").read_text(encoding="utf-8"))
            lists = (list(facts[name]) for name in ("gray", "small", "said"))
            notes = Notes(dict(facts["skipped"]), *lists)
            texts = (*notes.gray, *notes.small, *notes.said)
            if not (notes.skipped.keys() <= set(names) and all(isinstance(x, str) for x in texts)):
                return None
            content = np.memmap(copy.with_suffix(".bytes"), np.uint8, "r")
            return self._shaped(content, len(names), notes)
        except (OSError, ValueError, KeyError, TypeError, AttributeError):
            return None

    def _shaped(self, content: np.ndarray, count: int, notes: Notes) -> tuple[np.ndarray, Notes]:
        shape = (count - len(notes.skipped), *self.size, self.channels)
        return content.reshape(shape), notes

    def _write(self, names: list[str], stream: BinaryIO) -> Notes:
        """Decode all images, in several threads, and write their pixels one after the other."""
        notes = Notes()
        with (
            warnings.catch_warnings(record=True) as said,
            images.grouped_warnings(),
            ThreadPoolExecutor() as pool,
            tqdm(total=len(names), unit=" images", delay=_QUIET_SECONDS, disable=None) as bar,
        ):
            warnings.simplefilter("always", UserWarning)
            context = copy_context()  # where the reader's warnings are gathered
            for start in range(0, len(names), _AT_ONCE):
                part = names[start : start + _AT_ONCE]
                read = pool.map(lambda name: context.copy().run(self._decode, name), part)
                for name, found in zip(part, read, strict=True):
                    if isinstance(found, str):
                        notes.skipped[name] = found
                        continue
                    pixels, is_gray, is_small = found
                    stream.write(pixels.tobytes())
                    notes.gray += [name] * is_gray
                    notes.small += [name] * is_small
                bar.update(len(part))
        notes.said = [str(one.message) for one in said]
        if len(notes.skipped) == len(names):
            reasons = name_some([f"{name} {why}" for name, why in notes.skipped.items()])
            raise ValueError(f"{printable(self.root)} holds no image that can be read: {reasons}.")
        return notes

    def _decode(self, name: str) -> tuple[np.ndarray, bool, bool] | str:
        """Return an image, whether its file is gray and whether it is small; or an error."""
        try:
            pixels, is_gray = image_folders.read_or_name(self._look, self.root / name, _WITHOUT)
        except BrokenImageError as error:
            if self.broken == "raise":
                raise
            return error.reason
        is_small = pixels.shape[0] < self.size[0] or pixels.shape[1] < self.size[1]
        pixels = images.resize(_middle(pixels, self.size)[None], self.size)
        return pixels, is_gray, is_small

    def _look(self, path: Path) -> tuple[np.ndarray, bool]:
        from PIL import Image

        pixels, mode = images.read_with_mode(path, channels=self.channels)
        return pixels, Image.getmodebase(mode) == "L"

    def _in_words(self, kept: list[str], notes: Notes, class_names: tuple[str, ...]) -> list[str]:
        """Return the warnings about the images."""
        broken = [f"{name} {why}" for name, why in notes.skipped.items()]
        gray, mixed = set(notes.gray), 0 < len(notes.gray) < len(kept)
        deep = [name for name in kept if class_names and name.count(os.sep) > 1]
        small = f"smaller than {self.size[1]} x {self.size[0]} pixels, enlarged"
        if self.channels == 3:
            odd, what = notes.gray, "gray, the others in color; all become RGB"
        else:
            odd = [name for name in kept if name not in gray]
            what = "in color, the others gray; all become gray"
        found = {
            "broken, left out": broken,
            what: odd if mixed else [],
            small: notes.small,
            "in subfolders of a class, and counted to it": deep,
        }
        lines = [files_in_words(what, some, self.root) for what, some in found.items() if some]
        return notes.said + lines


def find_root(folder: Path, subset: str | None) -> Path:
    """Return the folder that holds images or classes.

    Args:
        folder: The one that is given.
        subset: A subfolder to take, where the subfolders are subsets.

    Raises:
        ValueError: No such folder or subset, or subsets of which none was chosen.
    """
    if not folder.is_dir():
        what = "is not a folder; unpack it first" if folder.exists() else "does not exist"
        raise ValueError(f"{printable(folder)} {what}. Give load_folder a folder of images.")
    found = _subfolders(folder)
    found = found if all(name.lower() in image_folders.SUBSETS for name in found) else []
    if subset is not None:
        if not (folder / subset).is_dir():
            there = ", ".join(map(printable, found)) or "none"
            raise ValueError(f"{printable(folder)} has no subset {subset!r}; it has {there}.")
        return folder / subset
    if found:
        calls = " or ".join(
            f"load_folder({printable(folder)!r}, subset={name!r})" for name in found
        )
        raise ValueError(f"{printable(folder)} has subsets, not classes: write {calls}.")
    return folder


def _class_names(root: Path, names: list[str]) -> tuple[str, ...]:
    """Return the names of the subfolders, or none where the images are in the folder itself."""
    parts = [name.split(os.sep) for name in names]
    filled = {first for first, *rest in parts if rest}
    loose = [first for first, *rest in parts if not rest]
    if loose and filled:
        where = files_in_words("next to subfolders with images", loose, root)
        raise ValueError(
            f"{where} Subfolders are classes ({name_some(sorted(filled))}): move "
            "these images into one of them, or the subfolders somewhere else."
        )
    empty = set(_subfolders(root)) - filled
    if empty and filled:
        raise ValueError(
            f"{printable(root)} has classes without an image that can be read: "
            f"{name_some(sorted(empty))}. Put images into their folders, or remove them."
        )
    return tuple(sorted(filled, key=lambda name: (unicodedata.normalize("NFC", name), name)))


def _subfolders(folder: Path) -> list[str]:
    inside = (entry for entry in folder.iterdir() if entry.is_dir())
    return sorted(entry.name for entry in inside if not entry.name.startswith("."))


def _middle(pixels: np.ndarray, size: Size) -> np.ndarray:
    """Return the largest centered crop of an image with the aspect ratio of `size`."""
    height, width = pixels.shape[:2]
    tall = max(1, min(height, round(width * size[0] / size[1])))
    wide = max(1, min(width, round(height * size[1] / size[0])))
    top, left = (height - tall) // 2, (width - wide) // 2
    return pixels[top : top + tall, left : left + wide]


def _state(path: str) -> tuple[int, int] | None:
    """Return size and modification time of a file; None where a symbolic link is broken."""
    with suppress(OSError):
        found = os.stat(path)
        return found.st_size, found.st_mtime_ns
    return None


def _hash(*parts: object) -> str:
    return hashlib.sha256(repr(parts).encode()).hexdigest()[:32]
