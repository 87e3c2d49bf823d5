"""Shared parts of the commands: numbers as arguments, files to write images to."""

import argparse
import os
import sys
import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import numpy as np

from gan_utils.io import whole_file

KINDS = {".png": "PNG", ".jpg": "JPEG", ".jpeg": "JPEG", ".webp": "WEBP"}
_LARGEST_SEED = 2**32 - 1


def require_place(
    path: Path, given: str = "the result is one file", kinds: tuple[str, ...] | None = tuple(KINDS)
) -> None:
    """Check, before any work, that a file can be written.

    Args:
        path: The file.
        given: The reason why it is a file, for the message, such as "photo.jpg is an image".
        kinds: Endings that its name may have; None for any.

    Raises:
        ValueError: `path` is a folder, has another ending, or its folder cannot be written.
    """
    if path.is_dir():
        raise ValueError(f"{path} is a folder; {given}, so give a file to write.")
    if kinds is not None and path.suffix.lower() not in kinds:
        ends = ", ".join(kinds)
        raise ValueError(f"{path} has an unknown file type; let it end in one of {ends}.")
    if not path.parent.is_dir() or not os.access(path.parent, os.W_OK):
        raise ValueError(
            f"{path} cannot be written: {path.parent} is not a folder that can be written."
        )


def save(pixels: np.ndarray, path: Path) -> None:
    """Write an image.

    Args:
        pixels: `(height, width, 1 or 3)` uint8 in [0, 255].
        path: The file; its ending, one of `KINDS`, decides the format.

    Raises:
        OSError: The file cannot be written; an older file stays as it is.
    """
    from PIL import Image

    image = Image.fromarray(np.squeeze(pixels, -1) if pixels.shape[-1] == 1 else pixels)
    with whole_file(path) as temporary:
        image.save(temporary, KINDS[path.suffix.lower()])


def add_progress(
    parser: argparse.ArgumentParser | argparse._ArgumentGroup,
    what: str = "a progress bar on stderr",
) -> None:
    """Add the option --progress: None, the default, shows a bar on a terminal only."""
    parser.add_argument(
        "--progress",
        action=argparse.BooleanOptionalAction,
        help=f"{what} (default: on a terminal)",
    )


def add_codes(parser: argparse.ArgumentParser | argparse._ArgumentGroup) -> None:
    """Add the option --codes, for a file: what the manifest holds for the book's generators."""
    parser.add_argument(
        "--codes",
        type=positive,
        default=0,
        metavar="N",
        help="for a .keras file: its last N latents are a one-hot code, as in InfoGAN",
    )


def seed(text: str) -> int:
    """Return the seed of an argument, 0 to 2**32 - 1, for argparse."""
    return whole_number(text, 0, _LARGEST_SEED)


def positive(text: str) -> int:
    """Return the number of an argument, 1 to 100,000, for argparse."""
    return whole_number(text, 1, 100_000)


def whole_number(text: str, least: int, most: int) -> int:
    """Return the number of an argument, for argparse.

    Raises:
        argparse.ArgumentTypeError: It is not a whole number from `least` to `most`.
    """
    if not (text.isascii() and text.isdecimal()) or not least <= int(text) <= most:
        raise argparse.ArgumentTypeError(f"{text!r} is not a whole number from {least} to {most:,}")
    return int(text)


@contextmanager
def warnings_as_lines() -> Iterator[None]:
    """Write the warnings of the block to stderr, one line each and each only once."""
    said = set()

    def say(message: Warning | str, *_: object) -> None:
        if str(message) not in said:
            said.add(str(message))
            sys.stderr.write(f"warning: {message}\n")

    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        warnings.simplefilter("always", UserWarning)
        warnings.showwarning = say
        yield
