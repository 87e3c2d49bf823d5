"""Where a command writes pictures: checked before the work, written whole or not at all."""

import argparse
from pathlib import Path

import numpy as np

from gan_utils.files import whole_file

KINDS = {".png": "PNG", ".jpg": "JPEG", ".jpeg": "JPEG", ".webp": "WEBP"}
_LARGEST_SEED = 2**32 - 1


def require_place(path: Path, given: str, kinds: tuple[str, ...] = tuple(KINDS)) -> None:
    """Find out before the work that a picture cannot be written.

    Args:
        path: Of the picture.
        given: What it is made from, for the message, such as "photo.jpg is a picture".
        kinds: Endings that its name may have.

    Raises:
        ValueError: A folder, another ending, or no folder to write to.
    """
    if path.is_dir():
        raise ValueError(f"{path} is a folder; {given}, so give a file to write.")
    if path.suffix.lower() not in kinds:
        ends = ", ".join(kinds)
        raise ValueError(f"{path} has no name of a picture file; let it end in one of {ends}.")
    if not path.parent.is_dir():
        raise ValueError(f"{path} cannot be written: {path.parent} is no folder.")


def save(picture: np.ndarray, path: Path) -> None:
    """Write a picture.

    Args:
        picture: `(height, width, 1 or 3)` uint8 in [0, 255].
        path: Its ending says the kind.

    Raises:
        OSError: It cannot be written; an older file stays as it is.
    """
    from PIL import Image

    image = Image.fromarray(np.squeeze(picture, -1) if picture.shape[-1] == 1 else picture)
    with whole_file(path) as temporary:
        image.save(temporary, KINDS[path.suffix.lower()])


def seed(text: str) -> int:
    """Return the seed that an argument says, for argparse."""
    return whole_number(text, 0, _LARGEST_SEED)


def positive(text: str) -> int:
    """Return the positive number that an argument says, for argparse."""
    return whole_number(text, 1, 100_000)


def whole_number(text: str, least: int, most: int) -> int:
    """Return a number within limits, for argparse.

    Raises:
        argparse.ArgumentTypeError: Something else.
    """
    if not (text.isascii() and text.isdecimal()) or not least <= int(text) <= most:
        raise argparse.ArgumentTypeError(f"{text!r} is not a whole number from {least} to {most:,}")
    return int(text)
