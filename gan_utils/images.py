"""Pictures as arrays: the two value ranges, their checks, grids and resizing.

On disk and in memory pictures are NHWC ``uint8`` in [0, 255]; networks see ``float32`` in [-1, 1].
"""

import math
from typing import Any

import numpy as np

# One factor for NumPy and TensorFlow: a product gives the same bits in both, a quotient may not.
SCALE = np.float32(1 / 127.5)
# Kinds of picture files that are read. Pillow knows more; one of them (EPS) starts Ghostscript.
FORMATS = ("BMP", "GIF", "JPEG", "PNG", "PPM", "TIFF", "WEBP")
# Room for rounding at the ends of [-1, 1].
TOLERANCE = 1e-3


def to_float(images: np.ndarray) -> np.ndarray:
    """Maps pictures from [0, 255] to the range of the networks, x / 127.5 - 1.

    Args:
        images: pictures of any shape, uint8 in [0, 255].

    Returns:
        Same shape, float32 in [-1, 1].

    Raises:
        ValueError: the dtype is not uint8.
    """
    images = np.asarray(images)
    if images.dtype != np.uint8:
        raise ValueError(
            f"to_float expects uint8 pictures in [0, 255], but got {images.dtype}; "
            "pictures that are already in [-1, 1] need no conversion."
        )
    return images.astype(np.float32) * SCALE - np.float32(1)


def to_uint8(images: Any) -> np.ndarray:
    """Maps pictures from [-1, 1] to [0, 255]: clips, scales and rounds to the nearest value.

    Args:
        images: pictures of any shape, floating point; values outside [-1, 1] are clipped.

    Returns:
        Same shape, uint8 in [0, 255].

    Raises:
        ValueError: the dtype is not a floating-point one, or a value is NaN.
    """
    images = np.asarray(images)
    if not np.issubdtype(images.dtype, np.floating):
        raise ValueError(
            f"to_uint8 expects floating-point pictures in [-1, 1], but got {images.dtype}."
        )
    if np.isnan(images).any():
        raise ValueError("to_uint8: the pictures contain NaN; look at the step that made them.")
    scaled = (np.clip(images, -1, 1).astype(np.float32) + np.float32(1)) * np.float32(127.5)
    return np.rint(scaled).astype(np.uint8)


def check_images(images: Any, name: str = "images") -> np.ndarray:
    """Checks that a batch of pictures follows the project's conventions.

    Args:
        images: should be (n, height, width, 1 or 3), n at least 1; uint8 in [0, 255] or
            float32 in [-1, 1].
        name: what to call the batch in the message.

    Returns:
        The batch as a NumPy array, not copied if it already is one.

    Raises:
        ValueError: wrong rank, channels, dtype or range, an empty batch, NaN or infinity.
    """
    images = np.asarray(images)
    _check_layout(images, name)
    if images.dtype == np.uint8:
        return images
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
            "convert uint8 pictures with gan_utils.images.to_float."
        )
    return images


def _check_layout(images: np.ndarray, name: str) -> None:
    if images.ndim != 4:
        raise ValueError(
            f"{name} have shape {images.shape}; give four axes (n, height, width, channels), "
            "for gray pictures with images[..., None]."
        )
    if images.shape[-1] not in (1, 3):
        raise ValueError(
            f"{name} have shape {images.shape} with {images.shape[-1]} channels; "
            "the last axis must be 1 (gray) or 3 (red, green, blue)."
        )
    if 0 in images.shape:
        raise ValueError(f"{name} have shape {images.shape}: there is no picture in it.")


def grid(
    images: Any, columns: int | None = None, pad: int = 2, *, background: int = 255
) -> np.ndarray:
    """Arranges a batch of pictures in one picture, row by row.

    Args:
        images: (n, height, width, channels), uint8 in [0, 255] or float32 in [-1, 1].
        columns: pictures in a row; default: as square as possible.
        pad: width of the line between pictures, in pixels.
        background: value of the lines and of empty cells, 0 (black) to 255 (white).

    Returns:
        (grid height, grid width, channels) uint8 in [0, 255].

    Raises:
        ValueError: the batch fails `check_images`, or a number is out of range.
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
    """Return at most `count` entries, evenly spaced over the array, whose parts may differ.

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


def resize(
    images: np.ndarray, size: int | tuple[int, int], *, method: str = "bicubic"
) -> np.ndarray:
    """Resizes pictures; smaller sizes are antialiased (the filter widens with the factor).

    Args:
        images: (n, height, width, channels) uint8 in [0, 255].
        size: new size in pixels, (height, width) or one number for both.
        method: Pillow's filter: "nearest", "box", "bilinear", "hamming", "bicubic" or "lanczos".

    Returns:
        (n, new height, new width, channels) uint8 in [0, 255].

    Raises:
        ValueError: pictures that are not such a batch, an impossible size, an unknown method.
    """
    from PIL import Image

    images = check_images(images)
    if images.dtype != np.uint8:
        raise ValueError(f"resize expects uint8 pictures, but got {images.dtype}; use to_uint8.")
    height, width = (size, size) if isinstance(size, int) else size
    if height < 1 or width < 1:
        raise ValueError(f"resize: size {size!r} must be at least 1 pixel each way.")
    filters = {choice.name.lower(): choice for choice in Image.Resampling}
    if method not in filters:
        raise ValueError(f"resize: method {method!r} is unknown; choose from {sorted(filters)}.")
    squeeze = images.shape[-1] == 1
    resized = [
        np.asarray(
            Image.fromarray(picture[..., 0] if squeeze else picture).resize(
                (width, height), filters[method]
            )
        )
        for picture in images
    ]
    return np.stack(resized).reshape(len(images), height, width, images.shape[-1])
