"""Sources of images: arrays, data sets, folders, and trained generators.

`open_source` turns any of them, or its name, into batches of images.
"""

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from gan_utils import data, image_folders, images, weights

DATA_SETS = ("mnist", "fashion_mnist", "cifar10")
_OLD_DATA_SETS = ("digits",)
DEFAULT_DRAWN = 10_000
_MODELS = (weights.SUFFIX, *weights.HDF5_SUFFIXES)
_WITHOUT_END = -1  # tf.data.INFINITE_CARDINALITY
_GRAY_WEIGHTS = np.array([19595, 38470, 7471], np.uint32)  # of 65,536: ITU-R 601


@dataclass(frozen=True)
class Wish:
    """Which images of a source are wanted, and in which form.

    Attributes:
        samples: Largest number of images, drawn at random; None for all.
        seed: Seed of the draw and of the order.
        gray: Whether to convert color images to one channel.
        size: Height and width in pixels that the extractor needs; None for any.
        resize: Whether to resize images of another size (antialiased); otherwise they raise
            ValueError.
        codes: For a generator's file: length of a one-hot code at the end of its latent vector.
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
        title: Its name or a description, for messages.
        count: Number of images.
        batches: Takes a batch size; returns batches `(n, height, width, 1 or 3)`, uint8 in [0, 255]
            or float32 in [-1, 1]. All images of a batch have one size.
    """

    title: str
    count: int
    batches: Callable[[int], Iterator[np.ndarray]]


def open_source(what: Any, wish: Wish) -> Source:
    """Open a source of images that is given as an object or by name.

    Args:
        what: An array, `ImageSet` or `tf.data.Dataset` (see `from_array`, `from_dataset`); a Keras
            model that draws from noise; a name: a folder, else a data set (`mnist`, `mnist:test`),
            else a trained generator: its name, or the .keras file that a lesson saved.
        wish: How many and in what form.

    Returns:
        At least two images, in random but repeatable order.

    Raises:
        ValueError: An unknown name, a folder without images, fewer than two images, a file that
            does not hold a generator, or images of a wrong shape, dtype or range.
        OSError: A folder cannot be read.
    """
    if hasattr(what, "as_numpy_iterator"):
        return from_dataset(what, wish)
    if hasattr(what, "inputs") and callable(what):
        return _drawn(getattr(what, "name", "generator"), what, wish)
    if isinstance(what, data.ImageSet | list | tuple) or hasattr(what, "__array__"):
        return from_array(what, wish)
    name = str(what)
    if Path(name).is_dir():
        return _folder(name, wish)
    if Path(name).exists() and Path(name).suffix.lower() not in _MODELS:
        raise ValueError(
            f"{name} is a file; give a folder of images, statistics saved by --save-stats "
            f"(their name ends in .npz), or a saved generator ({weights.SUFFIX})."
        )
    if name.partition(":")[0] in DATA_SETS + _OLD_DATA_SETS:
        return _data_set(name, wish)
    return _generator(name, wish)


def read_for_scoring(path: Path, wish: Wish) -> np.ndarray:
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
    return _fit(str(path), pixels[None], wish)[0]


def from_array(array: Any, wish: Wish, title: str = "array") -> Source:
    """Open images in memory.

    Args:
        array: `(n, height, width, 1 or 3)`, uint8 in [0, 255] or float32 in [-1, 1]; or an
            `ImageSet`.
        wish: How many and in what form.
        title: What to call them.

    Returns:
        The images in random but repeatable order.

    Raises:
        ValueError: Another shape, dtype or range, fewer than two images, or another size than the
            one asked for.
    """
    if isinstance(array, data.ImageSet):
        array, title = array.images, str(array)
    array = images.check_images(array, title)
    _fit(title, array[:1], wish)  # before anything is drawn
    order = _draw(title, len(array), wish)

    def batches(batch_size: int) -> Iterator[np.ndarray]:
        for start in range(0, len(order), batch_size):
            part = array[order[start : start + batch_size]]
            yield _form(title, part, wish)

    return Source(title, len(order), batches)


def from_dataset(dataset: Any, wish: Wish) -> Source:
    """Read a `tf.data.Dataset` into memory.

    Args:
        dataset: Of images, or batches of them, as `from_array` takes them; of tuples such as
            `(images, labels)` the first part is used. An infinite one needs `wish.samples`.
        wish: How many and in what form.

    Returns:
        The first `samples` images, or all, in random but repeatable order.

    Raises:
        ValueError: As in `from_array`, an infinite dataset without `samples`, or one of
            dictionaries.
    """
    _images_spec(dataset)
    if wish.samples is None and int(dataset.cardinality()) == _WITHOUT_END:
        raise ValueError("the dataset repeats without end; give samples=, or use dataset.take(n).")
    found, count = [], 0
    for part in dataset.as_numpy_iterator():
        part = part[0] if isinstance(part, tuple) else part  # noqa: PLW2901
        found.append(part if np.ndim(part) == 4 else np.asarray(part)[None])
        count += len(found[-1])
        if wish.samples is not None and count >= wish.samples:
            break
    if not found:
        raise ValueError("the dataset gives no image; a score needs at least 2 on each side.")
    return from_array(np.concatenate(found)[: wish.samples], wish, "dataset")


def first_size(what: Any) -> tuple[int, int] | None:
    """Return height and width of a source's images (of a folder, the first); None for a name."""
    if hasattr(what, "element_spec"):
        return tuple(_images_spec(what).shape)[-3:-1]
    if hasattr(what, "inputs") and callable(what):
        return tuple(what.output_shape)[1:3]
    if not isinstance(what, str | Path):
        return np.shape(what.images if isinstance(what, data.ImageSet) else what)[1:3]
    return images.image_size(image_folders.list_images(what)[0]) if Path(what).is_dir() else None


def _images_spec(dataset: Any) -> Any:
    """Return the specification of a dataset's images; raise ValueError if it has none."""
    spec = dataset.element_spec
    spec = spec[0] if isinstance(spec, tuple) else spec
    if not hasattr(spec, "shape"):
        raise ValueError(
            f"the dataset gives {type(spec).__name__} elements; give images or (images, labels), "
            'for example dataset.map(lambda part: part["image"]).'
        )
    return spec


def _fit(name: str, batch: np.ndarray, wish: Wish) -> np.ndarray:
    """Return images of the size asked for; raise ValueError if they are not to be resized."""
    height, width = batch.shape[1:3]
    if wish.size is None or (height, width) == (wish.size, wish.size):
        return batch
    if not wish.resize:
        raise ValueError(
            f"{name} has {width} x {height} pixels, the extractor wants "
            f"{wish.size} x {wish.size}; choose another --extractor, or add --resize "
            "(resize=True)."
        )
    return images.resize(_bytes(batch), wish.size)


def _bytes(batch: np.ndarray) -> np.ndarray:
    """Return images as uint8 in [0, 255]."""
    return batch if batch.dtype == np.uint8 else images.to_uint8(images.check_images(batch))


def _form(name: str, batch: np.ndarray, wish: Wish) -> np.ndarray:
    """Return images in the color and of the size asked for; see `_fit`."""
    return _fit(name, _gray(batch) if wish.gray else batch, wish)


def _gray(batch: np.ndarray) -> np.ndarray:
    """Return one channel, by the weights with which Pillow converts color to gray."""
    if batch.shape[-1] == 1:
        return batch
    return ((_bytes(batch).astype(np.uint32) @ _GRAY_WEIGHTS + 0x8000) >> 16).astype(np.uint8)[
        ..., None
    ]


def _folder(name: str, wish: Wish) -> Source:
    files = image_folders.list_images(name)
    chosen = [files[index] for index in _draw(name, len(files), wish)]

    def batches(batch_size: int) -> Iterator[np.ndarray]:
        batch: list[np.ndarray] = []
        for path in chosen:
            image = read_for_scoring(path, wish)
            if batch and (len(batch) == batch_size or image.shape != batch[0].shape):
                yield np.stack(batch)
                batch = []
            batch.append(image)
        yield np.stack(batch)

    return Source(name, len(chosen), batches)


def _data_set(name: str, wish: Wish) -> Source:
    base, _, split = name.partition(":")
    return from_array(data.load_images(base, split or "train"), wish)


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
    _require_two(name, _drawn_count(wish))
    import_tensorflow()
    return _drawn(name, weights.load_generator(name), wish)


def _drawn(name: str, generator: Any, wish: Wish) -> Source:
    count = _drawn_count(wish)
    _require_two(name, count)
    draw = weights.drawer(name, generator, count, wish.seed, wish.codes)

    def batches(batch_size: int) -> Iterator[np.ndarray]:
        for batch in draw(batch_size):
            yield _form(name, batch, wish)

    return Source(f"generator {name}", count, batches)


def _drawn_count(wish: Wish) -> int:
    return DEFAULT_DRAWN if wish.samples is None else wish.samples


def _draw(name: str, available: int, wish: Wish) -> np.ndarray:
    count = available if wish.samples is None else min(wish.samples, available)
    _require_two(name, count)
    return np.random.default_rng(wish.seed).permutation(available)[:count]


def _require_two(name: str, count: int) -> None:
    if count < 2:
        raise ValueError(f"{name} gives {count} image; a score needs at least 2 on each side.")
