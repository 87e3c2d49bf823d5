"""Samples of MNIST and Fashion-MNIST that come with the package: real data without a network.

`tools/embed_samples.py` drew them. Each folder `assets/<name>` holds the images as one PNG sheet a
split, the labels, the checksums, and the license of the data set.
"""

import hashlib
from pathlib import Path

import numpy as np

from gan_utils.io import parse_json

NAMES = ("mnist", "fashion_mnist")
COUNTS = {"train": 10_000, "test": 2_000}
ASSETS = Path(__file__).resolve().parents[1] / "assets"
SIZE = 28
# Room around a digit of 28 x 28 pixels in the stand-in for photographs of 32 x 32.
_MARGIN = 2


def load(name: str, split: str) -> tuple[np.ndarray, np.ndarray]:
    """Read an embedded sample.

    Args:
        name: "mnist" or "fashion_mnist".
        split: "train" (10,000 images) or "test" (2,000).

    Returns:
        Images (n, 28, 28, 1) uint8 in [0, 255] and labels (n,) int64.

    Raises:
        ValueError: A file of the package is damaged.
    """
    from PIL import Image

    folder = ASSETS / name
    try:
        wanted = parse_json((folder / "checksums.json").read_text(encoding="utf-8"))[split]
        with Image.open(folder / f"{split}.png", formats=("PNG",)) as sheet:
            images = cut(np.asarray(sheet))
        with np.load(folder / "labels.npz", allow_pickle=False) as arrays:
            labels = arrays[split]
    except Exception as error:  # a damaged file can raise nearly anything
        raise _damaged(folder) from error
    if checksum(images, labels) != wanted:
        raise _damaged(folder)
    return images, labels.astype(np.int64)


def colored(split: str) -> tuple[np.ndarray, np.ndarray]:
    """Read the embedded digits in color, bright on dark: the stand-in for CIFAR-10.

    Args:
        split: "train" (10,000 images) or "test" (2,000); the same colors every time.

    Returns:
        Images (n, 32, 32, 3) uint8 in [0, 255] and labels (n,) int64.

    Raises:
        ValueError: A file of the package is damaged.
    """
    digits, labels = load("mnist", split)
    around = ((0, 0), (_MARGIN, _MARGIN), (_MARGIN, _MARGIN))
    strength = np.pad(digits[..., 0], around).astype(np.float32) / 255
    generator = np.random.default_rng((1, len(digits)))
    dark = generator.uniform(0, 96, (3, len(digits), 1, 1)).astype(np.float32)
    bright = generator.uniform(160, 255, (3, len(digits), 1, 1)).astype(np.float32)
    images = np.empty((*strength.shape, 3), np.uint8)
    for channel in range(3):  # one after the other, which needs a third of the memory
        low, high = dark[channel], bright[channel]
        images[..., channel] = np.rint(low + (high - low) * strength)
    return images, labels


def describe(title: str, split: str = "train") -> str:
    """Return a description of a sample, for a note or a warning."""
    return (
        f"a sample of {COUNTS[split]:,} {title} images that comes with the book; "
        "with an internet connection the whole set is used"
    )


def cut(sheet: np.ndarray) -> np.ndarray:
    """Cut a sheet of images without gaps, row by row.

    Args:
        sheet: (rows * 28, columns * 28) uint8.

    Returns:
        (rows * columns, 28, 28, 1) uint8.
    """
    cells = sheet.reshape(sheet.shape[0] // SIZE, SIZE, -1, SIZE)
    return cells.swapaxes(1, 2).reshape(-1, SIZE, SIZE, 1)


def checksum(images: np.ndarray, labels: np.ndarray) -> str:
    """Return the SHA-256 of images and labels in their order, as 64 hexadecimal digits.

    Args:
        images: (n, 28, 28, 1) uint8.
        labels: (n,) uint8.
    """
    total = hashlib.sha256(np.ascontiguousarray(images))
    total.update(np.ascontiguousarray(labels))
    return total.hexdigest()


def _damaged(folder: Path) -> ValueError:
    return ValueError(f"The sample in {folder} is damaged; install gan_utils again.")
