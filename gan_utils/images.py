"""Images: the two value ranges, their checks, grids, resizing, and the reader of image files.

On disk and in memory images are NHWC ``uint8`` in [0, 255]; networks see ``float32`` in [-1, 1].
"""

import math
import os
import re
import struct
import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from pathlib import Path
from typing import TYPE_CHECKING, Any, BinaryIO, NamedTuple

import numpy as np

from gan_utils import _aliases

if TYPE_CHECKING:
    from PIL import Image

Size = tuple[int, int]

# One factor for NumPy and TensorFlow: a product gives the same bits in both, a quotient may not.
SCALE = np.float32(1 / 127.5)
# Kinds of image files that are read. Pillow knows more; one of them (EPS) starts Ghostscript.
FORMATS = ("AVIF", "BMP", "GIF", "JPEG", "PNG", "PPM", "TIFF", "WEBP")
SUFFIXES = (
    *(".jpg", ".jpeg", ".jpe", ".jfif", ".png", ".webp", ".avif", ".gif", ".bmp", ".tif", ".tiff"),
    *(".pbm", ".pgm", ".pnm", ".ppm"),
)
# Endings of kinds that Pillow reads only where it was built with them.
_OPTIONAL = {".avif": "AVIF", ".webp": "WEBP"}
# Images for other programs: left out as any other file is, with the advice to convert them.
FOREIGN = {
    *(".heic", ".heif", ".jp2", ".jxl", ".svg", ".eps", ".pdf", ".psd", ".xcf", ".ico", ".tga"),
    *(".exr", ".hdr", ".dng", ".cr2", ".cr3", ".nef", ".arw", ".raw", ".dcm"),
}
_PAPER = 100  # ink that is lighter than this belongs to the paper, in a page of the whole range
_SIXTEEN_BITS = 65_535
_MOSTLY_DARK = 16_384  # no value reaches a quarter of 16 bits: probably 10, 12 or 14 bits
_ORIENTATION, _PHOTOMETRIC, _WHITE_IS_ZERO = 0x0112, 262, 0
_BITS, _SAMPLE_FORMAT, _SIGNED = 258, 339, 2
_FILMS = ("AVIF", "GIF", "PNG", "TIFF", "WEBP")  # not MPO: a camera's JPEG with a preview behind it
_TIFF_BEGINS = (b"II*\0", b"MM\0*")
_LIMIT = "GAN_MAX_PIXELS"  # Pillow's MAX_IMAGE_PIXELS, where no Python code sets it
_CONVERT = "Convert it, to PNG for instance"
_MAKE_AGAIN = "Make it again, or remove it"
# HEIC and AVIF files begin alike, with a size, `ftyp`, and one of these names of the contents.
_HEIC = (b"heic", b"heix", b"heim", b"heis", b"hevc", b"hevx", b"mif1", b"msf1")
# Room for rounding at the ends of [-1, 1].
TOLERANCE = 1e-3


def to_float(images: np.ndarray) -> np.ndarray:
    """Map images from [0, 255] to the networks' range [-1, 1], by x / 127.5 - 1.

    Args:
        images: Images of any shape, uint8 in [0, 255], or uint16 in [0, 65535].

    Returns:
        Same shape, float32 in [-1, 1].

    Raises:
        ValueError: The dtype is neither.
    """
    images = np.asarray(images)
    if images.dtype == np.uint16:
        return images.astype(np.float32) / np.float32(_SIXTEEN_BITS / 2) - np.float32(1)
    if images.dtype != np.uint8:
        raise ValueError(
            f"to_float expects uint8 images in [0, 255] or uint16, but got {images.dtype}; "
            "images that are already in [-1, 1] need no conversion."
        )
    return images.astype(np.float32) * SCALE - np.float32(1)


def to_uint8(images: Any, *, dtype: type = np.uint8) -> np.ndarray:
    """Map images from [-1, 1] to [0, 255]: clip, scale and round to the nearest value.

    Args:
        images: Images of any shape, floating point; values outside [-1, 1] are clipped.
        dtype: `np.uint16` keeps 16 bits, in [0, 65535].

    Returns:
        Same shape; uint8 in [0, 255], or uint16 in [0, 65535] if `dtype` says so.

    Raises:
        ValueError: The dtype is not a floating-point one of NumPy (bfloat16 is none), or a value
            is NaN.
    """
    images = np.asarray(images)
    if not np.issubdtype(images.dtype, np.floating):
        raise ValueError(
            f"to_uint8 expects floating-point images in [-1, 1], but got {images.dtype}."
        )
    if np.isnan(images).any():
        raise ValueError("to_uint8: the images contain NaN; look at the step that made them.")
    half = np.float32(np.iinfo(dtype).max / 2)
    scaled = (np.clip(images, -1, 1).astype(np.float32) + np.float32(1)) * half
    return np.rint(scaled).astype(dtype)


def check_images(images: Any, name: str = "images") -> np.ndarray:
    """Check that a batch of images follows the project's conventions.

    Args:
        images: Should be (n, height, width, 1 or 3), n at least 1; uint8 in [0, 255], or float32,
            float16 or bfloat16 in [-1, 1] (a network in mixed precision may return the latter).
        name: What to call the batch in the message.

    Returns:
        The batch as a NumPy array, uint8 or float32, not copied if it already is one.

    Raises:
        ValueError: Wrong rank, channels, dtype or range, an empty batch, NaN or infinity.
    """
    images = np.asarray(images)
    _check_layout(images, name)
    if images.dtype == np.uint8:
        return images
    if images.dtype.name in ("float16", "bfloat16"):
        images = images.astype(np.float32)
    if images.dtype != np.float32:
        raise ValueError(
            f"{name} are {images.dtype}; give uint8 in [0, 255] or float32 in [-1, 1], "
            'for instance with .astype("float32").'
        )
    low, high = float(images.min()), float(images.max())
    if not (math.isfinite(low) and math.isfinite(high)):
        raise ValueError(f"{name} contain NaN or infinity; look at the step that made them.")
    if low < -1 - TOLERANCE or high > 1 + TOLERANCE:
        raise ValueError(
            f"{name} have values from {low:g} to {high:g}, outside [-1, 1]; "
            "convert uint8 images with gan_utils.images.to_float."
        )
    return images


def _check_layout(images: np.ndarray, name: str) -> None:
    if images.ndim != 4:
        raise ValueError(
            f"{name} have shape {images.shape}; give four axes (n, height, width, channels), "
            "for gray images with images[..., None]."
        )
    if images.shape[-1] not in (1, 3):
        raise ValueError(
            f"{name} have shape {images.shape} with {images.shape[-1]} channels; "
            "the last axis must be 1 (gray) or 3 (red, green, blue)."
        )
    if 0 in images.shape:
        raise ValueError(f"{name} have shape {images.shape}: there is no image in it.")


def grid(
    images: Any, columns: int | None = None, pad: int = 2, *, background: int = 255
) -> np.ndarray:
    """Arrange a batch of images in one image, row by row.

    Args:
        images: (n, height, width, channels), uint8 in [0, 255] or float32 in [-1, 1].
        columns: Images in a row; default: as square as possible.
        pad: Width of the line between images, in pixels.
        background: Value of the lines and of empty cells, 0 (black) to 255 (white).

    Returns:
        (grid height, grid width, channels) uint8 in [0, 255].

    Raises:
        ValueError: The batch fails `check_images`, or a number is out of range.
    """
    images = check_images(images)
    images = images if images.dtype == np.uint8 else to_uint8(images)
    count, height, width, channels = images.shape
    columns = math.ceil(math.sqrt(count)) if columns is None else columns
    if columns < 1 or pad < 0 or not 0 <= background <= 255:
        raise ValueError(
            f"grid: columns={columns} must be at least 1, pad={pad} at least 0 "
            f"and background={background} in [0, 255]."
        )
    columns = min(columns, count)
    rows = math.ceil(count / columns)
    cells = np.full(
        (rows * columns, height + pad, width + pad, channels), background, dtype=np.uint8
    )
    cells[:count, :height, :width] = images
    cells = cells.reshape(rows, columns, height + pad, width + pad, channels)
    sheet = cells.transpose(0, 2, 1, 3, 4).reshape(
        rows * (height + pad), columns * (width + pad), channels
    )
    return sheet[: sheet.shape[0] - pad, : sheet.shape[1] - pad]


def evenly(array: np.ndarray, count: int) -> np.ndarray:
    """Return at most `count` entries, evenly spaced over the array.

    Use it in place of the first entries where the order of a data set is not random.

    Args:
        array: `(n, ...)`, such as images or labels; two arrays of the same length give entries
            that belong together.
        count: How many entries to keep, at least 1.

    Returns:
        `(min(count, n), ...)`, in the same order, the first and the last entry among them where
        `count` is at least 2.

    Raises:
        ValueError: `count` is below 1.
    """
    if count < 1:
        raise ValueError(f"evenly: count is {count}; ask for at least 1.")
    places = np.linspace(0, len(array) - 1, min(count, len(array)))
    return array[np.rint(places).astype(int)]


def like_mnist(page: np.ndarray) -> np.ndarray:
    """Convert a photographed or drawn digit to an image like those of MNIST.

    Args:
        page: (height, width, 1) uint8, one dark digit on light paper.

    Returns:
        (1, 28, 28, 1) float32 in [-1, 1]: the digit light on dark, as large as fits into the 20 by
        20 pixels in the middle.

    Raises:
        ValueError: The page has one gray value only, or another shape or dtype.

    Source:
        LeCun et al. 1998, "Gradient-based learning applied to document recognition", section
        III-A. There the center of mass is centered, here the bounding box.
    """
    from PIL import Image, ImageOps

    if page.ndim != 3 or page.shape[-1] != 1 or page.dtype != np.uint8 or not np.ptp(page):
        raise ValueError(
            f"page is {page.dtype} {page.shape}; expected one digit on (height, width, 1) uint8."
        )
    ink = ImageOps.autocontrast(ImageOps.invert(Image.fromarray(page[..., 0])))
    box = ink.point(lambda value: 255 * (value > _PAPER)).getbbox()
    digit = ImageOps.pad(ink.crop(box), (20, 20))
    return to_float(np.pad(np.asarray(digit), 4)[None, ..., None])


def resize(
    images: np.ndarray, size: int | tuple[int, int], *, method: str = "bicubic"
) -> np.ndarray:
    """Resize images; when shrinking, with antialiasing (the filter widens with the factor).

    Args:
        images: (n, height, width, channels) uint8 in [0, 255]; gray ones also uint16.
        size: New size in pixels, (height, width) or one number for both.
        method: Pillow's filter: "nearest", "box", "bilinear", "hamming", "bicubic" or "lanczos".

    Returns:
        (n, new height, new width, channels) of the same dtype.

    Raises:
        ValueError: The images have another shape or dtype, the size is not one or two whole
            numbers of at least 1, or the method is unknown.
    """
    from PIL import Image

    _check_layout(images, "images")
    deep = images.dtype == np.uint16 and images.shape[-1] == 1
    if images.dtype != np.uint8 and not deep:
        raise ValueError(
            f"resize expects uint8 images (gray ones also uint16), but got {images.dtype}; convert "
            "floats in [-1, 1] with to_uint8."
        )
    height, width = check_size(size)
    filters = {choice.name.lower(): choice for choice in Image.Resampling}
    if method not in filters:
        raise ValueError(f"resize: method {method!r} is unknown; choose from {sorted(filters)}.")
    if images.shape[1:3] == (height, width):
        return images.copy()
    # Pillow's filters know 8 bits and floats; those of floats do not clip where they overshoot.
    planes = images[..., 0] if images.shape[-1] == 1 else images
    planes = map(Image.fromarray, planes.astype(np.float32) if deep else planes)
    resized = np.stack([plane.resize((width, height), filters[method]) for plane in planes])
    if deep:
        resized = np.rint(resized.clip(0, _SIXTEEN_BITS)).astype(np.uint16)
    return resized.reshape(len(images), height, width, images.shape[-1])


class BrokenImageError(ValueError):
    """A file that cannot be read as an image; the message names it and says what to do.

    Attributes:
        path: The file.
        reason: What is wrong with it.
        advice: What to do.
    """

    def __init__(self, path: Path, reason: str, advice: str = _MAKE_AGAIN) -> None:
        super().__init__(f"{printable(path)} {reason}. {advice}.")
        self.path = path
        self.reason = reason
        self.advice = advice


class ImageWarning(UserWarning):
    """A warning about a file that was read, but perhaps not as intended.

    Attributes:
        path: The file.
        what: What to know about it.
        kind: "animation" or "bits"; `grouped_warnings` names the first file of a kind.
    """

    def __init__(self, path: Path, what: str, kind: str) -> None:
        super().__init__(f"{printable(path)}: {what}")
        self.path, self.what, self.kind = path, what, kind


# Not `warnings.catch_warnings`, which threads that read at the same time would undo for each other.
_heard: ContextVar[list[ImageWarning] | None] = ContextVar("heard", default=None)


@contextmanager
def grouped_warnings(said: dict[str, Path] | None = None) -> Iterator[None]:
    """Give one warning for each kind of `ImageWarning` inside the block, however many files.

    Args:
        said: Kinds that were warned about before, each with its first file: they are not repeated,
            and new ones are added. Inside another such block it is not used: the outer block
            collects the warnings of all files.
    """
    outer, heard = _heard.get(), []
    token = _heard.set(heard)
    try:
        yield
    finally:
        _heard.reset(token)
    if outer is not None:
        outer += heard
        return
    for kind in dict.fromkeys(one.kind for one in heard):
        first, *rest = {one.path: one for one in heard if one.kind == kind}.values()
        # Threads may come here together; of them one adds the kind.
        if said is not None and said.setdefault(kind, first.path) is not first.path:
            continue
        more = "" if said is None else " (others like it are not named)"
        more = f" (and {len(rest):,} more files like it)" if rest else more
        warnings.warn(ImageWarning(first.path, first.what + more, kind), stacklevel=4)


def _warn(path: Path, what: str, kind: str, stacklevel: int = 3) -> None:
    warning, heard = ImageWarning(path, what, kind), _heard.get()
    if heard is None:
        warnings.warn(warning, stacklevel=stacklevel)
    else:
        heard.append(warning)


def printable(path: str | os.PathLike) -> str:
    """Return a path as text that can be printed, even when its bytes are not valid UTF-8."""
    return os.fsencode(path).decode("utf-8", "replace")


def check_size(size: Any, name: str = "size") -> Size:
    """Check an image size.

    Args:
        size: (height, width) in pixels, or one number for both.
        name: What to call it in the message.

    Returns:
        (height, width).

    Raises:
        ValueError: Not one or two whole numbers of at least 1.
    """
    values = (size, size) if isinstance(size, (int, np.integer)) else size
    try:
        height, width = (int(value) for value in values)
        whole = (height, width) == tuple(values) and min(height, width) >= 1
    except (TypeError, ValueError):
        whole = False
    if not whole or isinstance(size, bool):
        raise ValueError(
            f"{name} is {size!r}; give (height, width) in pixels, such as (256, 256), "
            "or one number for both."
        )
    return height, width


def read_image(
    path: str | os.PathLike, *, channels: int = 3, keep_bits: bool = False
) -> np.ndarray:
    """Read an image file; every part of this package reads images with this function.

    The image is rotated as its EXIF orientation says. Transparent parts become white. Values of 16
    bits are mapped from [0, 65535] to [0, 255] (of a PGM or PPM, from [0, maxval]), floating-point
    values from [0, 1]. Of an animation the first frame is read, of a TIFF the first page.

    Args:
        path: A file of one of the `FORMATS`, whatever its name.
        channels: 1 for gray, 3 for RGB.
        keep_bits: Return gray of more than 8 bits as uint16 in [0, 65535], if `channels` is 1.

    Returns:
        (height, width, channels) uint8 in [0, 255]; uint16 where `keep_bits` applies.

    Raises:
        BrokenImageError: The file is damaged, not an image, too large, or has values of unknown
            range (signed ones in a TIFF, floating-point ones outside [0, 1]).
        ValueError: The variable `GAN_MAX_PIXELS` is not a whole number.
        OSError: The file cannot be opened (no such file, no permission, a folder).

    Warns:
        ImageWarning: 16-bit values that end below a quarter of their range, such as those of a
            12-bit scanner: the image is dark. Or a file of several frames or pages.
    """
    return read_with_mode(path, channels=channels, keep_bits=keep_bits)[0]


def read_with_mode(
    path: str | os.PathLike, *, channels: int = 3, keep_bits: bool = False
) -> tuple[np.ndarray, str]:
    """Return what `read_image` returns, and Pillow's mode of the file, such as "L" or "RGBA"."""
    from PIL import Image, ImageOps

    path, formats = Path(path), _formats()
    try:
        with path.open("rb") as stream, Image.open(stream, formats=formats) as opened:
            _require_unsigned(opened, path)
            deep, mode = _has_sixteen_bits(opened), opened.mode
            dtype = np.uint16 if keep_bits and channels == 1 else np.uint8
            image = _whole_range(ImageOps.exif_transpose(opened), opened, path, dtype)
            if image.mode != "I;16":
                image = _on_white(image).convert("L" if channels == 1 else "RGB")
            pixels = np.asarray(image)
            frames = _frames(opened)
    except (BrokenImageError, PermissionError, FileNotFoundError, IsADirectoryError):
        raise
    except Exception as error:  # a damaged file can raise nearly anything
        raise BrokenImageError(path, *_diagnosis(path, error)) from error
    if deep and pixels.any():  # Pillow keeps the upper 8 bits of a color
        _warn_of_dark(path, int(pixels.max()) * 256 + 255)
    _warn_of_frames(path, frames)
    return pixels.reshape(*pixels.shape[:2], channels), mode


class ImageInfo(NamedTuple):
    """Facts from the header of an image file.

    Attributes:
        height: In pixels, as the image is shown (turned by its EXIF orientation).
        width: The same.
        mode: Pillow's mode, such as "L", "RGBA" or "I;16", with ";16" for 16 bits a color.
        channels: Channels of that mode.
        kind: One of the `FORMATS`.
    """

    height: int
    width: int
    mode: str
    channels: int
    kind: str


def inspect_image(path: str | os.PathLike) -> ImageInfo:
    """Check the beginning and the end of an image file, without decoding it if both are right.

    Args:
        path: The file.

    Returns:
        Its size, mode and kind.

    Raises:
        BrokenImageError: The file is damaged, truncated, not an image, or a TIFF of signed values.
        OSError: The file cannot be opened.

    Warns:
        ImageWarning: A file of several frames or pages.
    """
    from PIL import Image

    path, formats = Path(path), _formats()
    try:
        with path.open("rb") as stream, Image.open(stream, formats=formats) as opened:
            _require_unsigned(opened, path)
            mode = opened.mode + (";16" if _has_sixteen_bits(opened) else "")
            channels, kind = len(opened.getbands()), opened.format
            if not _has_end(stream, kind):
                stream.seek(0)
                opened.load()
            # After loading: Pillow turns a TIFF itself when it decodes it.
            width, height = opened.size
            if opened.getexif().get(_ORIENTATION, 1) >= 5:
                width, height = height, width
            frames = _frames(opened)
    except (BrokenImageError, PermissionError, FileNotFoundError, IsADirectoryError):
        raise
    except Exception as error:  # a damaged file can raise nearly anything
        raise BrokenImageError(path, *_diagnosis(path, error)) from error
    _warn_of_frames(path, frames)
    return ImageInfo(height, width, mode, channels, kind)


def image_size(path: str | os.PathLike) -> Size:
    """Return height and width in pixels, as `inspect_image` finds them."""
    return inspect_image(path)[:2]


def readable_suffixes() -> tuple[str, ...]:
    """Return the `SUFFIXES` that this version of Pillow can read."""
    formats = _formats()
    return tuple(end for end in SUFFIXES if _OPTIONAL.get(end, "PNG") in formats)


def _formats() -> list[str]:
    """Return the `FORMATS` that this version of Pillow can read; set its limit if one is given."""
    from PIL import Image

    Image.init()
    if limit := os.environ.get(_LIMIT):
        if not limit.isdecimal():
            raise ValueError(f"{_LIMIT} is {limit!r}; give a whole number of pixels, or unset it.")
        Image.MAX_IMAGE_PIXELS = int(limit)
    return [name for name in FORMATS if name in Image.OPEN]


def _require_unsigned(opened: "Image.Image", path: Path) -> None:
    """Raise BrokenImageError for signed 8 or 16 bits, whose black and white are not defined."""
    tags = getattr(opened, "tag_v2", {})
    bits = max(tags.get(_BITS, (1,)))
    if _SIGNED in tags.get(_SAMPLE_FORMAT, ()) and bits <= 16:
        reason = f"has signed pixels of {bits} bits, which have no known black and white"
        raise BrokenImageError(path, reason, "Save it with unsigned ones: 0 is black")


def _has_sixteen_bits(opened: "Image.Image") -> bool:
    """Return whether a color image has 16 bits a value in its file, of which Pillow returns 8."""
    if opened.mode.startswith(("I", "F")) or opened.format not in ("PNG", "TIFF"):
        return False
    return any(";16" in str(part[-1]) for part in opened.tile)


def _whole_range(
    image: "Image.Image", opened: "Image.Image", path: Path, dtype: type
) -> "Image.Image":
    """Map pixels of more than 8 bits to the range of `dtype`, by their type, not their values."""
    from PIL import Image

    if not image.mode.startswith(("I", "F")):
        return image
    values = np.asarray(image).astype(np.float64)
    low, high, white = values.min(), values.max(), np.iinfo(dtype).max
    if image.mode == "F":
        if not (low >= 0 and high <= 1):
            raise BrokenImageError(
                path,
                f"has floating-point pixels from {low:g} to {high:g}, and only [0, 1] has a known "
                "meaning",
                "Save it with 8 or 16 bits, or in [0, 1]",
            )
        return Image.fromarray(np.rint(values * white).astype(dtype))
    if low < 0 or high > _SIXTEEN_BITS:
        reason = f"has pixels of 32 bits, from {low:,.0f} to {high:,.0f}; only 0 to 65,535 is known"
        raise BrokenImageError(path, reason, "Save it with 8 or 16 bits")
    _warn_of_dark(path, high)
    if getattr(opened, "tag_v2", {}).get(_PHOTOMETRIC) == _WHITE_IS_ZERO:
        values = _SIXTEEN_BITS - values  # Pillow does this for 8 bits only
    if isinstance(clear := opened.info.get("transparency"), int):
        values[np.asarray(image) == clear] = _SIXTEEN_BITS
    return Image.fromarray(np.rint(values * (white / _SIXTEEN_BITS)).astype(dtype))


def _frames(opened: "Image.Image") -> int:
    return getattr(opened, "n_frames", 1) if opened.format in _FILMS else 1


def _warn_of_frames(path: Path, frames: int) -> None:
    if frames > 1:
        what = f"has {frames} frames or pages, of which the first is read"
        _warn(path, what, "animation", stacklevel=4)


def _warn_of_dark(path: Path, high: float) -> None:
    if not 0 < high < _MOSTLY_DARK:
        return
    what = (
        f"no value of this 16-bit image is above {high:,.0f}; it is read as 0 to 65,535 and is "
        "dark. If it holds 10, 12 or 14 bits, save it stretched."
    )
    _warn(path, what, "bits", stacklevel=5)


def _on_white(image: "Image.Image") -> "Image.Image":
    """Make transparent parts white: the color stored under them was never meant to be seen."""
    from PIL import Image

    if not image.has_transparency_data:
        return image
    image = image.convert("RGBA")
    return Image.alpha_composite(Image.new("RGBA", image.size, "white"), image)


def _has_end(stream: BinaryIO, kind: str | None) -> bool:
    """Return whether the file ends as files of its kind do, a sign that it is not truncated."""
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


def _diagnosis(path: Path, error: Exception) -> tuple[str, str]:
    """Return what is wrong with a file that could not be read, and what to do about it."""
    from PIL import Image

    if path.stat().st_size == 0:
        return "is empty (0 bytes)", _MAKE_AGAIN
    if isinstance(error, Image.DecompressionBombError):
        pixels = int(re.search(r"\d+", str(error))[0])
        return (
            f"has {pixels:,} pixels, and Pillow reads {2 * Image.MAX_IMAGE_PIXELS:,} at most, "
            "against files made to fill the memory",
            "Make it smaller; or, if you trust it, raise the limit: "
            f"PIL.Image.MAX_IMAGE_PIXELS = {pixels} in Python, {_LIMIT}={pixels} before a command",
        )
    if isinstance(error, Image.UnidentifiedImageError):
        kind = "HEIC" if _is_heic(path) else path.suffix[1:].upper()
        if kind == "HEIC" or path.suffix.lower() in FOREIGN:
            return f"is a file of the kind {kind}, which is not read", _CONVERT
        with path.open("rb") as stream:
            if stream.read(4) in _TIFF_BEGINS:
                return "is a TIFF of a kind that is not read", "Save it with 8 or 16 bits a value"
        return "is not an image, whatever its name says", _MAKE_AGAIN
    return f"is damaged ({type(error).__name__}: {error})", _MAKE_AGAIN


def _is_heic(path: Path) -> bool:
    with path.open("rb") as stream:
        begin = stream.read(12)
    return begin[4:8] == b"ftyp" and begin[8:] in _HEIC


__getattr__ = _aliases.getter(__name__)
