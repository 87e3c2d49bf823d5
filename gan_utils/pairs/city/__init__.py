"""The procedural city: satellite images, their maps, and the ground-truth class of every pixel.

City number `index` of a seed is always the same, however many are drawn. Streets, motorways, water,
parks and blocks are laid out in meters; `extent` is the side of an image in meters.
"""

import math
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from gan_utils import images
from gan_utils.data.batches import check_integer
from gan_utils.io import whole_file
from gan_utils.pairs.city.paint import paint
from gan_utils.pairs.city.plan import plan_city
from gan_utils.pairs.sources import PairSet

CITY_CLASSES = ("land", "building", "street", "avenue", "motorway", "water", "park")
# The map color of each class: (7, 3) uint8, at least 55 apart, so that the nearest one is clear.
CITY_PALETTE = np.array(
    [
        (232, 226, 214),
        (196, 178, 178),
        (255, 255, 255),
        (252, 214, 100),
        (240, 140, 60),
        (130, 190, 230),
        (165, 215, 150),
    ],
    np.uint8,
)
# Larger images show more of the city and more detail: 200 m at 64, 400 m at 256 pixels.
_METERS = 25.0
_FORMATS = {"png": {}, "jpg": {"quality": 95, "subsampling": 0}, "webp": {"lossless": True}}


@dataclass(frozen=True, eq=False)
class City(PairSet):
    """Procedural cities in memory.

    Attributes:
        source: Satellite images (n, size, size, 3) uint8.
        target: Their maps (n, size, size, 3) uint8: exactly `palette[classes]`, without
            antialiasing, so that every pixel has one class.
        classes: (n, size, size) uint8, indices into `class_names`.
    """

    classes: np.ndarray

    @property
    def class_names(self) -> tuple[str, ...]:
        """Name of each class."""
        return CITY_CLASSES

    @property
    def palette(self) -> np.ndarray:
        """Map color of each class, (7, 3) uint8."""
        return CITY_PALETTE.copy()


def city(
    count: int, size: int = 256, seed: int = 0, *, first: int = 0, extent: float | None = None
) -> City:
    """Draw cities: satellite images as source, their maps as target.

    Args:
        count: Number of cities; for more than memory holds, use `city_stream` or `write_city`.
        size: Side of the images in pixels, at least 16.
        seed: Seed, at least 0; a city depends on seed, index, size and extent only.
        first: Index of the first city, so that training and validation set do not overlap.
        extent: Side of an image in meters, 50 to 5,000; by default 25 times the square root of
            `size`.

    Returns:
        The cities, uint8.

    Raises:
        ValueError: An argument is out of its range.
    """
    _check(count, size, seed, first=first, extent=extent)
    source, target = (np.empty((count, size, size, 3), np.uint8) for _ in range(2))
    classes = np.empty((count, size, size), np.uint8)
    for index, drawn in enumerate(city_stream(count, size, seed, first=first, extent=extent)):
        source[index], target[index], classes[index] = drawn
    return City(source, target, classes)


def city_stream(
    count: int, size: int = 256, seed: int = 0, *, first: int = 0, extent: float | None = None
) -> Iterator[tuple[np.ndarray, np.ndarray, np.ndarray]]:
    """Draw cities one at a time, so that memory does not grow with their number.

    Args:
        count: Number of cities.
        size: Side of the images in pixels, at least 16.
        seed: Seed, at least 0.
        first: Index of the first city.
        extent: Side of an image in meters; by default 25 times the square root of `size`.

    Returns:
        Iterator of tuples: satellite image (size, size, 3), map (size, size, 3) and classes
        (size, size), all uint8.

    Raises:
        ValueError: An argument is out of its range.
    """
    _check(count, size, seed, first=first, extent=extent)
    return (_draw(index, size, seed, extent) for index in range(first, first + count))


def write_city(
    folder: str | Path,
    count: int,
    size: int = 256,
    seed: int = 0,
    *,
    first: int = 0,
    extension: str = "png",
) -> Path:
    """Write cities, one at a time, as side-by-side images that `load_pairs` reads.

    Args:
        folder: Where to write; made if need be. Images that exist are not drawn again.
        count: Number of cities.
        size: Side of one half in pixels, at least 16.
        seed: Seed, at least 0.
        first: Index of the first city; the indices are the file names.
        extension: "png" (exact), "webp" (exact, smaller, slower) or "jpg" (like the maps set).

    Returns:
        The folder.

    Raises:
        ValueError: An argument is out of its range.
        OSError: The folder cannot be written; no incomplete image is left.
    """
    from PIL import Image

    _check(count, size, seed, first=first)
    if extension not in _FORMATS:
        raise ValueError(f"extension {extension!r} is unknown; choose one of {list(_FORMATS)}.")
    folder = Path(folder)
    folder.mkdir(parents=True, exist_ok=True)
    kind = "jpeg" if extension == "jpg" else extension
    for index in range(first, first + count):
        path = folder / f"{index:06d}.{extension}"
        if path.exists():
            continue
        satellite, drawn_map, _ = _draw(index, size, seed)
        sheet = Image.fromarray(np.concatenate([satellite, drawn_map], axis=1))
        with whole_file(path) as temporary:
            sheet.save(temporary, kind, **_FORMATS[extension])
    return folder


def city_classes(maps: Any) -> np.ndarray:
    """Return the class of every pixel of a map: the one with the nearest map color (Euclidean).

    Args:
        maps: (n, height, width, 3), uint8 in [0, 255] or float32 in [-1, 1].

    Returns:
        (n, height, width) uint8, indices into `CITY_CLASSES`.

    Raises:
        ValueError: Not a batch of RGB images.
    """
    maps = images.check_images(maps, "maps")
    if maps.shape[-1] != 3:
        raise ValueError(f"maps have shape {maps.shape}; map colors need 3 channels.")
    maps = maps if maps.dtype == np.uint8 else images.to_uint8(maps)
    found = np.empty(maps.shape[:3], np.uint8)
    palette = CITY_PALETTE.astype(np.int32)
    for index, one in enumerate(maps):  # one at a time: the distances take 28 times the image
        distances = ((one[..., None, :].astype(np.int32) - palette) ** 2).sum(axis=-1)
        found[index] = distances.argmin(axis=-1)
    return found


def map_accuracy(maps: Any, classes: np.ndarray) -> float:
    """Return the pixel accuracy of maps: the fraction of pixels with the right map color.

    Args:
        maps: Generated maps (n, height, width, 3), uint8 in [0, 255] or float32 in [-1, 1].
        classes: Ground truth: classes (n, height, width) uint8.

    Returns:
        Fraction in [0, 1]; exactly 1 for the target maps of a `City`.

    Raises:
        ValueError: Maps that are not RGB images, or classes of another shape.
    """
    found = city_classes(maps)
    if found.shape != np.shape(classes):
        raise ValueError(
            f"maps have {found.shape} pixels, classes have {np.shape(classes)}; "
            "give the classes of the same cities."
        )
    return float((found == classes).mean())


def _draw(
    index: int, size: int, seed: int, extent: float | None = None
) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    rng = np.random.default_rng([seed, index])
    extent = _METERS * math.sqrt(size) if extent is None else extent
    satellite, classes = paint(plan_city(rng, extent), size, rng)
    return satellite, CITY_PALETTE[classes], classes


def _check(
    count: int, size: int, seed: int, *, first: int = 0, extent: float | None = None
) -> None:
    numbers = {"count": (count, 1), "size": (size, 16), "seed": (seed, 0), "first": (first, 0)}
    for name, (value, least) in numbers.items():
        check_integer(f"city: {name}", value, least)
    if extent is not None and not 50 <= extent <= 5000:
        raise ValueError(f"city: extent is {extent!r}; give 50 to 5,000 meters.")
