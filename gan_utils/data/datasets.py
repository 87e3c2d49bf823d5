"""The data sets: their official files, how they are read, and how they are verified.

The cache may hold a repacked copy of MNIST or Fashion-MNIST, so their *arrays* are verified, in any
order and compression; of CIFAR-10 the file is. A download must be the official file, byte for byte.
Files are never changed.
"""

import gzip
import hashlib
import tarfile
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import TypeVar

import numpy as np

from gan_utils import _aliases
from gan_utils.download import File
from gan_utils.io import file_sha256

Arrays = tuple[np.ndarray, np.ndarray]
Result = TypeVar("Result")


@dataclass(frozen=True)
class DatasetSpec:
    """A data set: its files, what they must hold, and how they are read.

    Attributes:
        title: Its name in messages, such as "Fashion-MNIST".
        files: Its official files.
        shape: Height, width and channels of an image.
        class_names: Name of each class.
        counts: Split -> number of images.
        read: From the data set and a split to images and labels, uint8.
        digests: Split -> `digest` of its images and labels; None: the SHA-256 of the files is
            verified instead.
    """

    title: str
    files: tuple[File, ...]
    shape: tuple[int, int, int]
    class_names: tuple[str, ...]
    counts: dict[str, int]
    read: Callable[["DatasetSpec", str], Arrays]
    digests: dict[str, str] | None = None

    def missing_files(self) -> list[File]:
        """Return the files that are not in the cache (none is opened, so this is cheap)."""
        return [file for file in self.files if file.is_missing()]

    def problem(self, what: str, *paths: Path) -> ValueError:
        """Return a ValueError that names the files (default: all) and what to do."""
        names = ", ".join(str(path) for path in paths or [file.path for file in self.files])
        return ValueError(
            f"{self.title}: {names} {what}. Nothing was changed; move it away or delete it, "
            "then the official data is downloaded at the next load."
        )


def read_verified(source: DatasetSpec, split: str) -> Arrays:
    """Read one split from the cache and verify that it is the official data.

    Args:
        source: The data set; all its files are in the cache.
        split: "train" or "test".

    Returns:
        Images (n, height, width, channels) uint8 in [0, 255] and labels (n,) int64.

    Raises:
        ValueError: A file cannot be read, is damaged, or holds something else.
    """
    if source.digests is None:
        for file in source.files:
            if _guard(source, file.path, file_sha256) != file.sha256:
                raise source.problem("is not the official file: its SHA-256 differs", file.path)
    images, labels = source.read(source, split)
    count = source.counts[split]
    wanted = f"uint8 {(count, *source.shape)} and uint8 {(count,)}"
    found = f"{images.dtype} {images.shape} and {labels.dtype} {labels.shape}"
    if found != wanted:
        raise source.problem(f"holds {split} arrays {found} instead of {wanted}")
    if source.digests is not None and digest(images, labels) != source.digests[split]:
        raise source.problem(f"holds {split} images or labels that are not the official ones")
    return images, labels.astype(np.int64)


def digest(images: np.ndarray, labels: np.ndarray) -> str:
    """Return SHA-256 of a set of labeled images, the same for every order of the pairs.

    Args:
        images: (n, ...) uint8.
        labels: (n,) uint8.

    Returns:
        SHA-256 of the sorted SHA-256s of all rows (image, label), as 64 hexadecimal digits.
    """
    rows = np.concatenate([images.reshape(len(images), -1), labels[:, None]], axis=1)
    hashes = sorted(hashlib.sha256(row).digest() for row in rows)
    return hashlib.sha256(b"".join(hashes)).hexdigest()


def _guard(source: DatasetSpec, path: Path, read: Callable[[Path], Result]) -> Result:
    """Call `read(path)`; whatever goes wrong becomes an error message that names the file."""
    try:
        return read(path)
    except (PermissionError, IsADirectoryError, FileNotFoundError) as error:
        raise source.problem(f"cannot be read ({error.strerror})", path) from error
    except Exception as error:  # a damaged archive can raise nearly anything
        raise source.problem(f"is damaged ({type(error).__name__}: {error})", path) from error


def _read_npz(source: DatasetSpec, split: str) -> Arrays:
    def read(path: Path) -> Arrays:
        with np.load(path, allow_pickle=False) as arrays:
            return arrays[f"x_{split}"][..., None], arrays[f"y_{split}"]

    return _guard(source, source.files[0].path, read)


def _read_idx_pair(source: DatasetSpec, split: str) -> Arrays:
    images_file, labels_file = source.files[:2] if split == "train" else source.files[2:]
    images = _guard(source, images_file.path, _read_idx)
    return images[..., None], _guard(source, labels_file.path, _read_idx)


def _read_idx(path: Path) -> np.ndarray:
    """Read the idx format: two zero bytes, 8 for uint8, the rank, big-endian sizes, values."""
    with gzip.open(path, "rb") as stream:
        content = stream.read()
    if content[:3] != b"\0\0\x08":
        raise ValueError("it does not begin like an idx file of uint8")
    start = 4 + 4 * content[3]
    shape = np.frombuffer(content[4:start], ">i4")
    return np.frombuffer(content, np.uint8, offset=start).reshape(shape)


def _read_cifar(source: DatasetSpec, split: str) -> Arrays:
    """Record of a label and 3 planes of 32 x 32, read from the archive without unpacking it."""
    names = ["test_batch"] if split == "test" else [f"data_batch_{i}" for i in range(1, 6)]

    def read(path: Path) -> np.ndarray:
        found = {}
        with tarfile.open(path, "r:gz") as archive:
            for member in archive:
                if member.isfile() and Path(member.name).stem in names:
                    found[Path(member.name).stem] = archive.extractfile(member).read()
        return np.frombuffer(b"".join(found[name] for name in names), np.uint8).reshape(-1, 3073)

    rows = _guard(source, source.files[0].path, read)
    planes = rows[:, 1:].reshape(-1, 3, 32, 32)
    return np.ascontiguousarray(planes.transpose(0, 2, 3, 1)), rows[:, 0].copy()


_KERAS_URL = "https://storage.googleapis.com/tensorflow/tf-keras-datasets/"


def _fashion_file(name: str, sha256: str) -> File:
    return File(f"fashion-mnist/{name}-ubyte.gz", f"{_KERAS_URL}{name}-ubyte.gz", sha256)


SOURCES = {
    "mnist": DatasetSpec(
        title="MNIST",
        files=(
            File(
                "mnist.npz",
                f"{_KERAS_URL}mnist.npz",
                "731c5ac602752760c8e48fbffcf8c3b850d9dc2a2aedcf2cc48468fc17b673d1",
            ),
        ),
        shape=(28, 28, 1),
        class_names=tuple("0123456789"),
        counts={"train": 60_000, "test": 10_000},
        read=_read_npz,
        digests={
            "train": "54e1ab866c9484947dd4821c52bb7a43938f555d6b046be6af55247f8e6ffc64",
            "test": "97b756d55950f1841ebd48df7379b9b2fc87a10d63e08d6213dad41d564e8508",
        },
    ),
    "fashion_mnist": DatasetSpec(
        title="Fashion-MNIST",
        files=(
            _fashion_file(
                "train-images-idx3",
                "3aede38d61863908ad78613f6a32ed271626dd12800ba2636569512369268a84",
            ),
            _fashion_file(
                "train-labels-idx1",
                "a04f17134ac03560a47e3764e11b92fc97de4d1bfaf8ba1a3aa29af54cc90845",
            ),
            _fashion_file(
                "t10k-images-idx3",
                "346e55b948d973a97e58d2351dde16a484bd415d4595297633bb08f03db6a073",
            ),
            _fashion_file(
                "t10k-labels-idx1",
                "67da17c76eaffca5446c3361aaab5c3cd6d1c2608764d35dfb1850b086bf8dd5",
            ),
        ),
        shape=(28, 28, 1),
        class_names=(
            "T-shirt/top",
            "Trouser",
            "Pullover",
            "Dress",
            "Coat",
            "Sandal",
            "Shirt",
            "Sneaker",
            "Bag",
            "Ankle boot",
        ),
        counts={"train": 60_000, "test": 10_000},
        read=_read_idx_pair,
        digests={
            "train": "fb88a2f5c1b590c907f860b47803d006e4fa7b276cdb551799af9d443accdff7",
            "test": "0b381379398a0943a88bf3864ff3f5177903dcf178030b4b74c495294b38fa7c",
        },
    ),
    "cifar10": DatasetSpec(
        title="CIFAR-10",
        files=(
            # The binary version: reading the Python version would unpickle what was downloaded.
            File(
                "cifar-10-binary.tar.gz",
                "https://www.cs.toronto.edu/~kriz/cifar-10-binary.tar.gz",
                "c4a38c50a1bc5f3a1c5537f2155ab9d68f9f25eb1ed8d9ddda3db29a59bca1dd",
            ),
        ),
        shape=(32, 32, 3),
        class_names=(
            "airplane",
            "automobile",
            "bird",
            "cat",
            "deer",
            "dog",
            "frog",
            "horse",
            "ship",
            "truck",
        ),
        counts={"train": 50_000, "test": 10_000},
        read=_read_cifar,
    ),
}


__getattr__ = _aliases.getter(__name__)
