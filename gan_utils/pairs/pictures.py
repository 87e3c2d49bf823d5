"""One side-by-side picture: opened whatever its kind, cut in two halves, resized."""

import os
import struct
from pathlib import Path
from typing import BinaryIO

import numpy as np
from PIL import Image, ImageOps

from gan_utils.images import FORMATS
from gan_utils.pairs.base import Pair, Size

SUFFIXES = (".jpg", ".jpeg", ".png", ".webp")
_ORIENTATION = 0x0112


class BrokenPictureError(ValueError):
    """A file that should be a picture of a pair and is not; the text names it."""

    def __init__(self, path: Path, reason: str) -> None:
        """Keeps the reason apart from the sentence."""
        super().__init__(
            f"{shown(path)} {reason}. Mend or remove it, or leave broken pictures out with "
            'load_pairs(..., broken="skip").'
        )
        self.reason = reason


def shown(path: Path) -> str:
    """The path as text that can be printed, even when its bytes are no valid text."""
    return os.fsencode(path).decode("utf-8", "replace")


def dimensions(path: Path) -> Size:
    """Checks the beginning and the end of a picture file, without decoding it if both are right.

    Args:
        path: the file.

    Returns:
        (height, width) in pixels, as the picture is shown (turned by its EXIF orientation).

    Raises:
        BrokenPictureError: it is unreadable, empty, no picture, cut off, or too narrow for a pair.
    """
    try:
        with path.open("rb") as stream, Image.open(stream, formats=FORMATS) as picture:
            width, height = picture.size
            if picture.getexif().get(_ORIENTATION, 1) >= 5:
                width, height = height, width
            if not _has_end(stream, picture.format):
                stream.seek(0)
                picture.load()
    except Exception as error:  # a damaged file can raise nearly anything
        raise BrokenPictureError(path, _reason(path, error)) from error
    if width < 2:
        raise BrokenPictureError(path, f"is {width} x {height} pixels: too narrow for two halves")
    return height, width


def read_pair(path: Path, size: Size, source: str = "left") -> Pair:
    """Reads both halves of a side-by-side picture.

    Of an odd number of columns the middle one belongs to neither half.

    Args:
        path: the file: JPEG, PNG or WebP of any mode; 16 bits are cut to 8, transparent parts
            become white, the EXIF orientation is applied.
        size: height and width of each half that is returned; larger halves are antialiased.
        source: "left" or "right": the half that is the source.

    Returns:
        source and target, each (height, width, 3) uint8 in [0, 255].

    Raises:
        BrokenPictureError: the file cannot be read or is no whole picture.
    """
    try:
        with path.open("rb") as stream, Image.open(stream, formats=FORMATS) as picture:
            upright = as_rgb(ImageOps.exif_transpose(picture))
    except Exception as error:  # a damaged file can raise nearly anything
        raise BrokenPictureError(path, _reason(path, error)) from error
    width, height = upright.size
    if width < 2:
        raise BrokenPictureError(path, f"is {width} x {height} pixels: too narrow for two halves")
    half = width // 2
    boxes = (0, 0, half, height), (width - half, 0, width, height)
    left, right = (_resized(upright.crop(box), size) for box in boxes)
    return (left, right) if source == "left" else (right, left)


def as_rgb(picture: Image.Image) -> Image.Image:
    """Turns a picture of any mode into RGB of 8 bits.

    Args:
        picture: gray, 16 bit, palette, RGB, CMYK..., with or without transparency.

    Returns:
        RGB; transparent parts are white.
    """
    if picture.mode.startswith(("I", "F")):  # more than 8 bits a pixel
        values = np.asarray(picture).astype(np.float64)
        values = values / 257 if values.max(initial=0) > 255 or ";16" in picture.mode else values
        picture = Image.fromarray(np.rint(values).clip(0, 255).astype(np.uint8))
    if picture.has_transparency_data:
        picture = picture.convert("RGBA")
        white = Image.new("RGBA", picture.size, "white")
        picture = Image.alpha_composite(white, picture)
    return picture.convert("RGB")


def _resized(half: Image.Image, size: Size) -> np.ndarray:
    height, width = size
    if half.size != (width, height):
        half = half.resize((width, height), Image.Resampling.BICUBIC)
    return np.asarray(half)


def _has_end(stream: BinaryIO, kind: str | None) -> bool:
    """Whether the file ends as files of its kind do; what follows the end is not looked for."""
    length = stream.seek(0, os.SEEK_END)
    stream.seek(max(0, length - 12))
    tail = stream.read()
    if kind == "JPEG":
        return tail.endswith(b"\xff\xd9")
    if kind == "PNG":
        return tail[4:8] == b"IEND"
    if kind == "WEBP":
        stream.seek(4)
        return struct.unpack("<I", stream.read(4))[0] + 8 <= length
    return False


def _reason(path: Path, error: Exception) -> str:
    if isinstance(error, OSError) and error.errno is not None:
        return f"cannot be read ({error.strerror})"
    try:
        if path.stat().st_size == 0:
            return "is empty (0 bytes)"
    except OSError as problem:
        return f"cannot be read ({problem.strerror})"
    if isinstance(error, Image.UnidentifiedImageError):
        return "is not a picture, whatever its name says"
    return f"is damaged ({type(error).__name__}: {error})"
