"""Labeled images by name or from a folder, and batches of them.

`load_images` looks in the Keras cache, then downloads, then falls back, with a warning, to what
comes with the package: a sample of MNIST or Fashion-MNIST, and a stand-in for CIFAR-10.
``GAN_DATA=required`` turns this fallback into an error; ``GAN_DATA=embedded`` always uses it.
``GAN_IMAGES=150`` keeps at most 150 training images and 40 % as many test images of every data set,
evenly spaced. ``GAN_PHOTOGRAPHS=folder`` takes the color images of a folder in place of CIFAR-10.
"""

import os
import warnings
from collections.abc import Callable
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np

from gan_utils import download, images
from gan_utils.data import embedded
from gan_utils.data.batches import Batches, check_labels
from gan_utils.data.datasets import SOURCES, DatasetSpec, read_verified
from gan_utils.data.folder import ImageFolder, find_root
from gan_utils.images import Size

__all__ = ["NAMES", "SPLITS", "Batches", "ImageSet", "data_kind", "load_folder", "load_images"]

NAMES = tuple(SOURCES)
_OLD_NAMES = ("digits",)
SPLITS = ("train", "test")
TEST_SHARE = 0.4  # of GAN_IMAGES
_FEWEST_IMAGES = 20
_ORIGINS = {
    "cache": "from the Keras cache",
    "download": "downloaded",
    "embedded": "embedded",
    "folder": "from a folder",
}
_PHOTOGRAPH_SIZE = 32
_HELD_OUT = 5  # of a folder that is not split, every fifth image is for testing
_STAND_IN_CLASSES = tuple("0123456789")

# State of the process: it never mixes a whole set and its sample, and it tries and warns only once.
_downloaded: set[str] = set()
_failed_downloads: dict[str, str] = {}
_announced: set[str] = set()


@dataclass(frozen=True, eq=False)
class ImageSet:
    """Images, with their labels if they have any, and where they come from.

    Attributes:
        images: (n, height, width, channels) uint8 in [0, 255].
        labels: (n,) int64, indices into `class_names`; or None.
        class_names: Name of each class.
        source: "cache", "download", "embedded" or "folder".
        name: Name of the data set, such as "mnist", "fashion_mnist" or "cifar10"; of a folder, its
            own name.
        split: "train" or "test"; of a folder, its subset or "all".
    """

    images: np.ndarray
    labels: np.ndarray | None
    class_names: tuple[str, ...]
    source: str
    name: str
    split: str

    def __post_init__(self) -> None:
        """Check that images, labels and classes match; raise ValueError if they do not."""
        if images.check_images(self.images).dtype != np.uint8:
            raise ValueError(f"{self.name}: an ImageSet holds uint8 images; use to_uint8.")
        if self.source not in _ORIGINS:
            raise ValueError(f"{self.name}: source {self.source!r} is not one of {list(_ORIGINS)}.")
        if self.labels is None:
            return
        check_labels(self.labels, len(self.images))
        if self.labels.max() >= len(self.class_names):
            raise ValueError(
                f"{self.name}: label {self.labels.max()} has no name among the "
                f"{len(self.class_names)} class names."
            )

    def __len__(self) -> int:
        """Return the number of images."""
        return len(self.images)

    def __str__(self) -> str:
        """Return one line: name, split, number and size of the images, and where they come from."""
        size = " x ".join(str(number) for number in self.images.shape[1:])
        origin = _ORIGINS[self.source]
        if self.is_sample:
            origin = embedded.describe(SOURCES[self.name].title, self.split)
        elif self.is_stand_in:
            origin = "THE STAND-IN: handwritten digits in color in place of the real images"
        return f"{self.name} ({self.split}): {len(self):,} images, {size}, {origin}"

    __repr__ = __str__

    @property
    def is_sample(self) -> bool:
        """True for the embedded sample of a data set: real data, but not the whole set."""
        return self.source == "embedded" and self.name in embedded.NAMES

    @property
    def is_stand_in(self) -> bool:
        """True when embedded images of another kind take the place of the data set."""
        return self.source == "embedded" and not self.is_sample

    def take(self, count: int) -> "ImageSet":
        """Return the first `count` images, or all of them when there are fewer.

        Raises:
            ValueError: `count` is below 1.
        """
        if count < 1:
            raise ValueError(f"take: count is {count}; ask for at least 1 image.")
        return self._part(lambda array: array[:count])

    def sample(self, count: int) -> "ImageSet":
        """Return at most `count` images, evenly spaced over the set, with their labels.

        Use this in place of `take` where the order of a set is not random: the two halves of
        MNIST's test set come from different writers.

        Raises:
            ValueError: `count` is below 1.
        """
        if count < 1:
            raise ValueError(f"sample: count is {count}; ask for at least 1 image.")
        return self._part(lambda array: images.evenly(array, count))

    def of_class(self, label: int) -> "ImageSet":
        """Return the images with one label, in the same order.

        Raises:
            ValueError: No image has that label.
        """
        chosen = np.equal(self.labels, label)
        if not chosen.any():
            raise ValueError(f"{self.name} ({self.split}): no image has the label {label!r}.")
        return self._part(lambda array: array[chosen])

    def _part(self, choose: Callable[[np.ndarray], np.ndarray]) -> "ImageSet":
        labels = None if self.labels is None else choose(self.labels)
        return replace(self, images=choose(self.images), labels=labels)


def load_images(name: str, split: str = "train") -> ImageSet:
    """Load a data set: from the Keras cache, else by download, else the sample in the package.

    Args:
        name: "mnist", "fashion_mnist" or "cifar10". In place of CIFAR-10 the images of the folder
            in ``GAN_PHOTOGRAPHS`` are taken: class folders, or ``train`` and ``test`` with class
            folders. "digits", the old name of the embedded digits, warns and returns the embedded
            sample of MNIST.
        split: "train" or "test".

    Returns:
        The images, at most as many as `image_limit` allows; `source` and ``print`` show where they
        come from.

    Raises:
        ValueError: Unknown name, split, ``GAN_DATA`` or ``GAN_IMAGES``; a file in the cache that is
            damaged or is not the official data (it is left as it is); or a folder in
            ``GAN_PHOTOGRAPHS`` that has no classes or that `load_folder` cannot load.
        download.DownloadError: ``GAN_DATA=required``, and the data are not in the cache and cannot
            be downloaded.

    Warns:
        UserWarning: The fallback is used; once for each data set.
    """
    _check_name(name)
    limit = image_limit(split)
    if name in _OLD_NAMES:
        _mode()
        warnings.warn(
            'load_images("digits") is the old name of the embedded digits; ask for "mnist", with '
            "GAN_DATA=embedded for the sample that comes with the book.",
            FutureWarning,
            stacklevel=2,
        )
        found = _embedded("mnist", split)
    else:
        found = _load(name, split)
    return found if limit is None else found.sample(limit)


def load_folder(
    path: str | os.PathLike,
    size: Size | int = 64,
    *,
    channels: int = 3,
    subset: str | None = None,
    broken: str = "raise",
) -> ImageSet:
    """Load a folder of images, for `GAN.fit`, `Batches` and the scores.

    Images that lie in the folder itself have no labels. Images in subfolders have the subfolder's
    name as their class: ``cats/a.jpg``, ``dogs/b.png``. Each is read with `images.read_image`,
    center-cropped to the aspect ratio of `size`, and resized (antialiased). That is done once: the
    pixels are kept in a file in the folder where Keras keeps data sets, which is written again when
    a file of the folder, `size` or `channels` has changed. `images` reads from that file, so memory
    does not grow with the folder.

    Args:
        path: The folder.
        size: Height and width of the images in pixels, or one number for both.
        channels: 1 for gray, 3 for RGB.
        subset: The subfolder to take, where the subfolders are subsets, such as ``train`` and
            ``test``.
        broken: "raise" stops at the first image that cannot be read; "skip" leaves such images
            out, with a warning that names them.

    Returns:
        The images in the order of their names; `labels` is None where there are no classes, and
        `class_names` are in the order of their names.

    Raises:
        ValueError: No such folder or subset, no image, a class without images, images next to
            class folders, subsets of which none was chosen, or an argument out of its range.
        images.BrokenImageError: An image cannot be read; the message names it.
        OSError: The file of pixels cannot be written, because the disk is full for example.

    Warns:
        UserWarning: Files left out, gray and color mixed, images smaller than `size`, images in
            subfolders of a class, animations, 16-bit images that are dark, or a cache folder that
            cannot be written (the images are then kept in memory).
    """
    folder, size = Path(path), images.check_size(size)
    pixels, labels, class_names, lines = ImageFolder(
        find_root(folder, subset), size, channels, broken
    ).read()
    for line in lines:
        warnings.warn(line, stacklevel=2)
    name = images.printable(folder.resolve().name)
    return ImageSet(pixels, labels, class_names, "folder", name, subset or "all")


def image_limit(split: str = "train") -> int | None:
    """Return how many images of a split ``GAN_IMAGES`` allows; None without a limit.

    Args:
        split: "train", or "test", which gets 40 % of the number.

    Returns:
        At least 8, or None.

    Raises:
        ValueError: ``GAN_IMAGES`` is not a whole number of at least 20, or the split is unknown.
    """
    if split not in SPLITS:
        raise ValueError(f"split {split!r} is unknown; choose one of {', '.join(SPLITS)}.")
    value = os.environ.get("GAN_IMAGES", "").strip()
    if not value:
        return None
    if not value.isdecimal() or int(value) < _FEWEST_IMAGES:
        raise ValueError(
            f"GAN_IMAGES is {value!r}; give a whole number of at least {_FEWEST_IMAGES}, or unset "
            "it."
        )
    return int(value) if split == "train" else int(int(value) * TEST_SHARE)


def _load(name: str, split: str) -> ImageSet:
    mode = _mode()
    photographs = os.environ.get("GAN_PHOTOGRAPHS", "").strip()
    if name == "cifar10" and photographs and mode != "embedded":
        return _photographs(Path(photographs).expanduser(), split)
    source = SOURCES[name]
    reason = "GAN_DATA=embedded asks for it" if mode == "embedded" else _fetch(name, source)
    if reason is None:
        origin = "download" if name in _downloaded else "cache"
        return ImageSet(*read_verified(source, split), source.class_names, origin, name, split)
    if mode == "required":
        raise download.DownloadError(
            f"GAN_DATA=required, but {source.title} is not here: {reason}."
        )
    if name not in _announced:
        _announced.add(name)
        warnings.warn(_fallback_line(name, split, reason), stacklevel=3)
    return _embedded(name, split)


def _photographs(folder: Path, split: str) -> ImageSet:
    """Load a folder of class folders, or of two such sets, as 32x32 color images."""
    has_splits = all((folder / part).is_dir() for part in SPLITS)
    found = load_folder(folder, _PHOTOGRAPH_SIZE, subset=split if has_splits else None)
    if found.labels is None:
        raise ValueError(
            f"GAN_PHOTOGRAPHS: {images.printable(folder)} has images without classes; put those of "
            "each class into a folder of its own."
        )
    if has_splits:
        return found
    held_out = np.arange(len(found)) % _HELD_OUT == _HELD_OUT - 1
    kept = held_out if split == "test" else ~held_out
    return replace(found._part(lambda array: array[kept]), split=split)


def _embedded(name: str, split: str) -> ImageSet:
    if name in embedded.NAMES:
        arrays, classes = embedded.load(name, split), SOURCES[name].class_names
    else:
        arrays, classes = embedded.colored(split), _STAND_IN_CLASSES
    return ImageSet(*arrays, classes, "embedded", name, split)


def data_kind(name: str) -> str:
    """Return whether the whole data set is in the cache, without opening a file.

    Args:
        name: "mnist", "fashion_mnist" or "cifar10" (``GAN_PHOTOGRAPHS`` is not considered).

    Returns:
        "real" for the whole set, else "embedded"; with ``GAN_DATA=required`` always "real", since
        loading fails without the whole set.

    Raises:
        ValueError: Unknown name or ``GAN_DATA``.
    """
    _check_name(name)
    mode = _mode()
    if name in _OLD_NAMES or mode == "embedded":
        return "embedded"
    return "real" if mode == "required" or not SOURCES[name].missing_files() else "embedded"


def _fetch(name: str, source: DatasetSpec) -> str | None:
    """Download the missing files; return the reason if that fails, else None."""
    if name not in _failed_downloads:
        try:
            for file in source.missing_files():
                download.download(file)
                _downloaded.add(name)
        except download.DownloadError as error:
            _failed_downloads[name] = str(error)
    return _failed_downloads.get(name)


def _fallback_line(name: str, split: str, reason: str) -> str:
    source = SOURCES[name]
    files = ", ".join(file.name for file in source.files)
    if name in embedded.NAMES:
        what = f"this is {embedded.describe(source.title, split)}"
    else:
        what = (
            "handwritten digits in color REPLACE it; with an internet connection the real set is "
            "used"
        )
    return (
        f"{source.title} is not here ({reason}): {what}. You can also put {files} in "
        f"{download.cache_folder()}; GAN_DATA=required makes this an error."
    )


def _check_name(name: str) -> None:
    if name not in NAMES + _OLD_NAMES:
        raise ValueError(f"data set {name!r} is unknown; choose one of {', '.join(NAMES)}.")


def _mode() -> str:
    mode = os.environ.get("GAN_DATA", "").strip()
    if mode not in ("", "required", "embedded"):
        raise ValueError(
            f"GAN_DATA is {mode!r}; leave it unset, or choose one of required, embedded."
        )
    return mode
