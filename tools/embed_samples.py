"""Draw the samples of MNIST and Fashion-MNIST that the package brings, and write them compactly.

    KERAS_HOME=~/.keras python tools/embed_samples.py

Reads the whole sets from the Keras cache (and verifies that they are the official data), and draws
10,000 training and 2,000 test images. Every class has the same share as in the whole set. Within a
class, MNIST's images are evenly spaced over its files, which are ordered by writer: both halves of
the test set are represented. Fashion-MNIST has no such order, and copies differ in theirs, so its
images are taken in the order of their SHA-256. The samples are the same on every machine.
"""

import argparse
import json
from hashlib import sha256
from pathlib import Path

import numpy as np
from PIL import Image

from gan_utils import images
from gan_utils.data import embedded
from gan_utils.data.datasets import SOURCES, read_verified
from gan_utils.io import whole_file

COLUMNS = {"train": 100, "test": 50}
IN_FILE_ORDER = {"mnist": True, "fashion_mnist": False}


def draw(pictures: np.ndarray, labels: np.ndarray, count: int, *, in_order: bool) -> np.ndarray:
    """Return the positions of a sample with the class shares of the whole set.

    Args:
        pictures: (n, 28, 28, 1) uint8.
        labels: (n,) int64.
        count: Size of the sample.
        in_order: Whether the chosen images of a class are evenly spaced in the order of the files;
            otherwise in that of their SHA-256, which is the same for every copy of the set.

    Returns:
        (count,) int64 positions, in that order.
    """
    order = np.arange(len(pictures))
    if not in_order:
        order = np.array(sorted(order, key=lambda place: sha256(pictures[place]).digest()))
    by_class = order[np.argsort(labels[order], kind="stable")]
    chosen = np.zeros(len(pictures), bool)
    chosen[images.evenly(by_class, count)] = True
    return order[chosen[order]]


def write(name: str, folder: Path) -> None:
    """Write sheets, labels and checksums of one data set into `folder`."""
    labels_of, checksums = {}, {}
    for split, count in embedded.COUNTS.items():
        pictures, labels = read_verified(SOURCES[name], split)
        places = draw(pictures, labels, count, in_order=IN_FILE_ORDER[name])
        chosen, few = pictures[places], labels[places].astype(np.uint8)
        sheet = images.grid(chosen, columns=COLUMNS[split], pad=0)[..., 0]
        with whole_file(folder / f"{split}.png") as temporary:
            Image.fromarray(sheet).save(temporary, "png", optimize=True)
        labels_of[split] = few
        checksums[split] = embedded.checksum(chosen, few)
        halves = np.histogram(places, bins=2, range=(0, len(pictures)))[0]
        print(f"{name} {split}: {len(few):,} images, {np.bincount(few)} a class, {halves} a half")
    with whole_file(folder / "labels.npz") as temporary, temporary.open("wb") as stream:
        np.savez_compressed(stream, **labels_of)
    with whole_file(folder / "checksums.json") as temporary:
        temporary.write_text(json.dumps(checksums, indent=2) + "\n", encoding="utf-8")


def main() -> None:
    """Write the samples of both data sets into the folder given by --folder."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--folder", type=Path, default=embedded.ASSETS, help="default: %(default)s")
    folder = parser.parse_args().folder
    for name in embedded.NAMES:
        (folder / name).mkdir(parents=True, exist_ok=True)
        write(name, folder / name)


if __name__ == "__main__":
    main()
