"""Where pictures come from: a folder, a data set of the book, or a trained generator.

`open_source` is the one place that turns a name into pictures.
"""

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from gan_utils import trained
from gan_utils.images import FORMATS

if TYPE_CHECKING:
    from PIL import Image

SUFFIXES = (".bmp", ".jpeg", ".jpg", ".pgm", ".png", ".ppm", ".tif", ".tiff", ".webp")
DATA_SETS = ("mnist", "fashion_mnist", "cifar10", "digits")
DEFAULT_DRAWN = 10_000
_SIXTEEN_BITS = 65_535


@dataclass(frozen=True)
class Wish:
    """How the pictures of a source should arrive.

    Attributes:
        samples: At most so many, drawn at random; None for all.
        seed: Draws and orders them.
        gray: One channel in place of three.
        size: Height and width that the extractor needs; None for any.
        resize: Bring other sizes to it (antialiased) in place of refusing them.
    """

    samples: int | None = None
    seed: int = 0
    gray: bool = False
    size: int | None = None
    resize: bool = False


@dataclass(frozen=True)
class Source:
    """Pictures that are read batch by batch.

    Attributes:
        title: What the user called it, or a fuller description.
        count: Number of pictures.
        batches: From a batch size to batches `(n, height, width, 1 or 3)`, uint8 in [0, 255] or
            float32 in [-1, 1]; the pictures of one batch have one size.
    """

    title: str
    count: int
    batches: Callable[[int], Iterator[np.ndarray]]


def open_source(name: str, wish: Wish) -> Source:
    """Find the pictures that a name stands for.

    Args:
        name: A folder, else a data set (`mnist`, `mnist:test`), else a trained generator: its
            name, or the .keras file that a lesson saved.
        wish: How many and in what form.

    Returns:
        At least two pictures, in random but repeatable order.

    Raises:
        ValueError: Nothing of that name, a folder without pictures, fewer than two, or a file
            that holds no generator.
        OSError: A folder that cannot be read.
    """
    if Path(name).is_dir():
        return _folder(name, wish)
    if Path(name).exists() and Path(name).suffix != trained.SUFFIX:
        raise ValueError(
            f"{name} is a file; give a folder of pictures, statistics saved by --save-stats "
            f"(their name ends in .npz), or a saved generator ({trained.SUFFIX})."
        )
    if name.partition(":")[0] in DATA_SETS:
        return _data_set(name, wish)
    return _generator(name, wish)


def list_pictures(folder: str) -> list[Path]:
    """Return the picture files in a folder and below, sorted; hidden ones are left out.

    Raises:
        ValueError: There is none.
        OSError: The folder cannot be read.
    """
    root = Path(folder)
    next(root.iterdir(), None)  # says so when the folder cannot be read; rglob would skip it
    files = [
        path
        for path in root.rglob("*")
        if path.suffix.lower() in SUFFIXES
        and not any(part.startswith(".") for part in path.relative_to(root).parts)
        and path.is_file()
    ]
    if not files:
        kinds = ", ".join(suffix[1:] for suffix in SUFFIXES)
        raise ValueError(f"{folder} has no pictures in it; their names should end in {kinds}.")
    return sorted(files)


def read_picture(path: Path, wish: Wish) -> np.ndarray:
    """Read one picture.

    Args:
        path: The file; transparency is dropped, 16 bits become 8, of an animation the first frame.
        wish: Channels and size.

    Returns:
        `(height, width, 1 or 3)` uint8 in [0, 255].

    Raises:
        ValueError: The file is damaged, or has another size than the one asked for.
        OSError: The file cannot be opened.
    """
    from PIL import Image

    try:
        with Image.open(path, formats=FORMATS) as opened:
            picture = _to_eight_bits(opened).convert("L" if wish.gray else "RGB")
    except (PermissionError, FileNotFoundError):
        raise
    except Exception as error:  # Pillow's readers raise many kinds for damaged files
        reason = str(error) or type(error).__name__
        raise ValueError(
            f"{path} cannot be read as a picture ({reason}); make it again, or remove it."
        ) from error
    wanted = (wish.size, wish.size)
    if wish.size is not None and picture.size != wanted:
        if not wish.resize:
            raise ValueError(
                f"{path} has {picture.width} x {picture.height} pixels, the extractor wants "
                f"{wish.size} x {wish.size}; choose another --extractor, or add --resize."
            )
        picture = picture.resize(wanted, Image.Resampling.BICUBIC)
    pixels = np.asarray(picture)
    return pixels[..., np.newaxis] if pixels.ndim == 2 else pixels


def first_size(folder: str) -> tuple[int, int]:
    """Return height and width of a folder's first picture."""
    return read_picture(list_pictures(folder)[0], Wish()).shape[:2]


def _to_eight_bits(picture: "Image.Image") -> "Image.Image":
    from PIL import Image

    if picture.mode == "F":
        raise ValueError("its pixels are floating-point numbers; save it with 8 or 16 bits")
    if not picture.mode.startswith("I"):
        return picture
    values = np.asarray(picture).astype(np.int64)
    if values.min() < 0 or values.max() > _SIXTEEN_BITS:
        raise ValueError("its pixels have 32 bits; save it with 8 or 16")
    return Image.fromarray(np.rint(values * (255 / _SIXTEEN_BITS)).astype(np.uint8))


def _folder(name: str, wish: Wish) -> Source:
    files = list_pictures(name)
    chosen = [files[index] for index in _draw(name, len(files), wish)]

    def batches(batch_size: int) -> Iterator[np.ndarray]:
        batch: list[np.ndarray] = []
        for path in chosen:
            picture = read_picture(path, wish)
            if batch and (len(batch) == batch_size or picture.shape != batch[0].shape):
                yield np.stack(batch)
                batch = []
            batch.append(picture)
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
    from gan_utils.commands import drawing
    from gan_utils.commands.quiet import import_tensorflow

    try:
        trained.check(name)
    except ValueError as error:
        if name.endswith(trained.SUFFIX):
            raise
        raise ValueError(
            f"There is no folder {name!r} and no data set of that name ({', '.join(DATA_SETS)}). "
            f"{error}"
        ) from None
    count = DEFAULT_DRAWN if wish.samples is None else wish.samples
    _require_two(name, count)
    import_tensorflow()
    draw = drawing.drawer(name, trained.load_generator(name), count, wish.seed)
    return Source(f"generator {name}", count, draw)


def _draw(name: str, available: int, wish: Wish) -> np.ndarray:
    count = available if wish.samples is None else min(wish.samples, available)
    _require_two(name, count)
    return np.random.default_rng(wish.seed).permutation(available)[:count]


def _require_two(name: str, count: int) -> None:
    if count < 2:
        raise ValueError(f"{name} gives {count} picture; a score needs at least 2 on each side.")
