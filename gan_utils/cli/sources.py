"""Where images come from: a folder, a data set of the book, or a trained generator.

`open_source` is the one place that turns a name into images.
"""

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from gan_utils import images, weights

DATA_SETS = ("mnist", "fashion_mnist", "cifar10")
_OLD_DATA_SETS = ("digits",)
DEFAULT_DRAWN = 10_000


@dataclass(frozen=True)
class Wish:
    """How the images of a source should arrive.

    Attributes:
        samples: At most so many, drawn at random; None for all.
        seed: Draws and orders them.
        gray: One channel in place of three.
        size: Height and width that the extractor needs; None for any.
        resize: Bring other sizes to it (antialiased) in place of refusing them.
        codes: Of a generator's file: so many of its last latents are a one-hot code.
    """

    samples: int | None = None
    seed: int = 0
    gray: bool = False
    size: int | None = None
    resize: bool = False
    codes: int = 0


@dataclass(frozen=True)
class Source:
    """Images that are read batch by batch.

    Attributes:
        title: What the user called it, or a fuller description.
        count: Number of images.
        batches: From a batch size to batches `(n, height, width, 1 or 3)`, uint8 in [0, 255] or
            float32 in [-1, 1]; the images of one batch have one size.
    """

    title: str
    count: int
    batches: Callable[[int], Iterator[np.ndarray]]


def open_source(name: str, wish: Wish) -> Source:
    """Find the images that a name stands for.

    Args:
        name: A folder, else a data set (`mnist`, `mnist:test`), else a trained generator: its
            name, or the .keras file that a lesson saved.
        wish: How many and in what form.

    Returns:
        At least two images, in random but repeatable order.

    Raises:
        ValueError: Nothing of that name, a folder without images, fewer than two, or a file
            that holds no generator.
        OSError: A folder that cannot be read.
    """
    if Path(name).is_dir():
        return _folder(name, wish)
    if Path(name).exists() and Path(name).suffix not in (weights.SUFFIX, *weights.HDF5_SUFFIXES):
        raise ValueError(
            f"{name} is a file; give a folder of images, statistics saved by --save-stats "
            f"(their name ends in .npz), or a saved generator ({weights.SUFFIX})."
        )
    if name.partition(":")[0] in DATA_SETS + _OLD_DATA_SETS:
        return _data_set(name, wish)
    return _generator(name, wish)


def read_picture(path: Path, wish: Wish) -> np.ndarray:
    """Read one image.

    Args:
        path: The file.
        wish: Channels and size.

    Returns:
        `(height, width, 1 or 3)` uint8 in [0, 255].

    Raises:
        ValueError: The file is damaged, or has another size than the one asked for.
        OSError: The file cannot be opened.
    """
    pixels = images.read_image(path, channels=1 if wish.gray else 3)
    height, width = pixels.shape[:2]
    if wish.size is None or (height, width) == (wish.size, wish.size):
        return pixels
    if not wish.resize:
        raise ValueError(
            f"{path} has {width} x {height} pixels, the extractor wants "
            f"{wish.size} x {wish.size}; choose another --extractor, or add --resize."
        )
    return images.resize(pixels[None], wish.size)[0]


def first_size(folder: str) -> tuple[int, int]:
    """Return height and width of a folder's first image."""
    return images.image_size(images.list_images(folder)[0])


def _folder(name: str, wish: Wish) -> Source:
    files = images.list_images(name)
    chosen = [files[index] for index in _draw(name, len(files), wish)]

    def batches(batch_size: int) -> Iterator[np.ndarray]:
        batch: list[np.ndarray] = []
        for path in chosen:
            image = read_picture(path, wish)
            if batch and (len(batch) == batch_size or image.shape != batch[0].shape):
                yield np.stack(batch)
                batch = []
            batch.append(image)
        yield np.stack(batch)

    return Source(name, len(chosen), batches)


def _data_set(name: str, wish: Wish) -> Source:
    from gan_utils import data

    base, _, split = name.partition(":")
    found = data.load_images(base, split or "train")
    order = _draw(name, len(found), wish)

    def batches(batch_size: int) -> Iterator[np.ndarray]:
        for start in range(0, len(order), batch_size):
            yield found.images[order[start : start + batch_size]]

    return Source(str(found), len(order), batches)


def _generator(name: str, wish: Wish) -> Source:
    from gan_utils.process import import_tensorflow

    try:
        weights.check_name(name)
    except ValueError as error:
        if Path(name).exists() or name.endswith(weights.SUFFIX):
            raise
        raise ValueError(
            f"There is no folder {name!r} and no data set of that name ({', '.join(DATA_SETS)}). "
            f"{error}"
        ) from None
    count = DEFAULT_DRAWN if wish.samples is None else wish.samples
    _require_two(name, count)
    import_tensorflow()
    draw = weights.drawer(name, weights.load_generator(name), count, wish.seed, wish.codes)
    return Source(f"generator {name}", count, draw)


def _draw(name: str, available: int, wish: Wish) -> np.ndarray:
    count = available if wish.samples is None else min(wish.samples, available)
    _require_two(name, count)
    return np.random.default_rng(wish.seed).permutation(available)[:count]


def _require_two(name: str, count: int) -> None:
    if count < 2:
        raise ValueError(f"{name} gives {count} image; a score needs at least 2 on each side.")
