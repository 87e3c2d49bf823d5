"""Translate images with a trained generator.

NAME is a .keras file, such as lesson 11 saves, or the name of a trained generator. INPUT is a
image or a folder of images; OUTPUT is then a file or a folder. Images of another size than
the generator's are resized to it, and that is said; with --tile they keep their size and are
translated piece by piece.
"""

import argparse
import importlib
import sys
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from tqdm import tqdm

from gan_utils import image_folders, images, weights
from gan_utils.cli import options as shared
from gan_utils.process import import_tensorflow

EXAMPLES = """examples:
  gan-utils translate satellite_to_map.keras photo.jpg map.png
  gan-utils translate satellite_to_map.keras photos/ maps/
  gan-utils translate satellite_to_map.keras large.jpg map.png --tile
  gan-utils translate sketch_to_item.keras sketch.png boot.png --label 9
"""


_OVERLAP = 4  # neighboring tiles share one part in so many of their side


@dataclass(frozen=True)
class Translator:
    """A generator that takes images.

    Attributes:
        title: The name or file that it was asked for by.
        size: Height and width that it takes.
        channels: 1 or 3, of what it takes.
        drawn_size: Height and width of its translations.
        draw: From `(1, height, width, channels)` float32 in [-1, 1] to its translation.
        reseed: Sets the noise of its dropout.
    """

    title: str
    size: tuple[int, int]
    channels: int
    drawn_size: tuple[int, int]
    draw: Callable[[np.ndarray], np.ndarray]
    reseed: Callable[[int], None]


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare what the command takes."""
    parser.add_argument("name", metavar="NAME", help="the generator: a .keras file or a name")
    parser.add_argument("input", metavar="INPUT", help="an image, or a folder of images")
    parser.add_argument("output", metavar="OUTPUT", help="a file to write, or a folder")
    parser.add_argument(
        "--tile", action="store_true", help="keep the image's size, translate it in tiles"
    )
    parser.add_argument(
        "--seed", type=shared.seed, default=0, help="of the generator's own noise (default 0)"
    )
    parser.add_argument(
        "--label",
        type=lambda text: shared.whole_number(text, 0, 9_999),
        metavar="L",
        help="the class, from 0, for a generator that asks for one, such as sketch_to_item",
    )
    parser.add_argument(
        "--progress",
        action=argparse.BooleanOptionalAction,
        help="a bar on stderr for a folder (default: on a terminal)",
    )


def run(options: argparse.Namespace) -> int:
    """Translate, and say what was written.

    Raises:
        ValueError: A generator, image or place that cannot be used.
        OSError: Files that cannot be read or written.
    """
    with shared.warnings_as_lines(), images.grouped_warnings():
        return _translate_all(options)


def _translate_all(options: argparse.Namespace) -> int:
    jobs = _plan(Path(options.input), Path(options.output))
    translator = open_translator(options.name, options.label)
    if options.tile:
        _require_tiles(translator)
    several = Path(options.input).is_dir()
    shown = options.progress if several else False
    hidden = None if shown is None else not shown  # None: wherever there is no terminal
    bar = tqdm(desc=options.input, total=len(jobs), unit=" images", disable=hidden)
    resized: Counter = Counter()
    broken = []
    try:
        for source, target in jobs:
            try:
                found = _translate(translator, source, target, options)
                resized.update([found] if found != translator.size and not options.tile else [])
            except ValueError as error:
                if not several:
                    raise
                broken.append(str(error))
            bar.update()
    finally:
        bar.close()
    _report(options, translator.size, resized, len(jobs) - len(broken))
    if broken:
        raise ValueError(f"{len(broken)} of {len(jobs)} images were left out: " + " ".join(broken))
    return 0


def _translate(
    translator: Translator, source: Path, target: Path, options: argparse.Namespace
) -> tuple[int, int]:
    """Translate one file into another; return the height and width of the first."""
    image = images.read_image(source, channels=translator.channels)
    drawn = translate_image(translator, image, tile=options.tile, seed=options.seed)
    shared.save(drawn, target)
    return image.shape[:2]


def _plan(source: Path, target: Path) -> list[tuple[Path, Path]]:
    """Return what is read and what is written, before any work is done."""
    if not source.exists():
        raise ValueError(f"There is no image and no folder {source}.")
    if source.is_dir():
        if target.exists() and not target.is_dir():
            raise ValueError(f"{target} is a file; {source} is a folder, so give a folder for it.")
        files = image_folders.list_images(source)
        jobs = [(file, (target / file.relative_to(source)).with_suffix(".png")) for file in files]
    else:
        shared.require_place(target, f"{source} is an image")
        jobs = [(source, target)]
    _require_distinct(jobs)
    return jobs


def _require_distinct(jobs: list[tuple[Path, Path]]) -> None:
    sources = {source.resolve() for source, _ in jobs}
    written: dict[Path, Path] = {}
    for source, target in jobs:
        if target.resolve() in sources:
            raise ValueError(f"{target} would overwrite an image of INPUT; choose another OUTPUT.")
        if target in written:
            raise ValueError(
                f"{written[target]} and {source} would both be written to {target}; rename one."
            )
        written[target] = source


def _report(
    options: argparse.Namespace, size: tuple[int, int], resized: Counter, written: int
) -> None:
    if resized:
        examples = ", ".join(f"{width} x {height}" for height, width in list(resized)[:3])
        more = ", ..." if len(resized) > 3 else ""
        count = sum(resized.values())
        which = "the image was" if count == 1 else f"{count:,} images were"
        sys.stderr.write(
            f"note: {which} resized from {examples}{more} to {size[1]} x {size[0]} pixels, the "
            "generator's size; --tile keeps the size.\n"
        )
    number = "1 image" if written == 1 else f"{written:,} images"
    sys.stdout.write(f"{number} translated: {options.output}\n")


def open_translator(name: str, label: int | None = None) -> Translator:
    """Find a trained translator.

    Args:
        name: A file that ends in .keras, else a name from `gan_utils.weights.names()`.
        label: The class of all images, for a network that takes `[images, class_labels]`.

    Returns:
        The translator.

    Raises:
        ValueError: No such file or name, a file that is no Keras model, a network that takes
            something else than one image, or a class that it does not know, want or get.
    """
    weights.check_name(name)
    import_tensorflow()
    model = weights.load_generator(name)
    shapes = [tuple(part.shape) for part in getattr(model, "inputs", None) or []]
    if len(shapes) == 1 and len(shapes[0]) == 2:
        raise ValueError(f"{name} draws from noise; translate needs a network that takes images.")
    fits = len(shapes[:1]) == 1 and len(shapes[0]) == 4 and None not in shapes[0][1:]
    asks = shapes[1:] == [(None, 1)] and "int" in str(model.inputs[1].dtype)
    if not fits or shapes[0][3] not in (1, 3) or (shapes[1:] and not asks):
        raise ValueError(
            f"{name} takes inputs of shape {', '.join(map(str, shapes)) or 'unknown'}; translate "
            "needs one image of fixed height and width, gray or RGB, and at most a class label."
        )
    _require_label(name, label, weights.num_classes(model) if asks else 0)
    tensorflow = importlib.import_module("tensorflow")
    rest = [tensorflow.constant([[label]], model.inputs[1].dtype)] if asks else []
    network = tensorflow.function(
        lambda image: model([image, *rest] if rest else image, training=False)
    )

    def call(image: np.ndarray) -> np.ndarray:
        return np.asarray(network(tensorflow.constant(image))).astype(np.float32, copy=False)

    drawn = call(np.zeros((1, *shapes[0][1:]), np.float32)).shape
    if len(drawn) != 4 or drawn[3] not in (1, 3):
        raise ValueError(
            f"{name} turns an image into numbers of shape {drawn}, no gray or RGB image."
        )
    reseed = importlib.import_module("gan_utils.layers").reseed
    return Translator(
        name,
        shapes[0][1:3],
        shapes[0][3],
        drawn[1:3],
        call,
        lambda seed: reseed(model, seed),
    )


def _require_tiles(translator: Translator) -> None:
    if translator.drawn_size != translator.size:
        (height, width), (drawn_height, drawn_width) = translator.size, translator.drawn_size
        raise ValueError(
            f"{translator.title} turns {width} x {height} pixels into {drawn_width} x "
            f"{drawn_height}, and tiles need one size; leave --tile out."
        )


def _require_label(name: str, label: int | None, num_classes: int) -> None:
    if label is not None and not num_classes:
        raise ValueError(f"{name} takes no class; leave --label out.")
    if num_classes and (label is None or label >= num_classes):
        raise ValueError(
            f"{name} has to be told the class of the image: --label 0 to {num_classes - 1}."
        )


def translate_image(
    translator: Translator, image: np.ndarray, *, tile: bool = False, seed: int = 0
) -> np.ndarray:
    """Translate one image; what else is translated before or after makes no difference.

    Args:
        translator: The network.
        image: `(height, width, channels)` uint8 in [0, 255], of any size.
        tile: Keep the image's size and translate it piece by piece, in place of resizing it
            (antialiased) to the network's size.
        seed: Of the network's noise.

    Returns:
        `(height, width, 1 or 3)` uint8: of the image's size if tiled, else of the network's.

    Raises:
        ValueError: Tiles of a network whose output has another size than its input.
    """
    translator.reseed(seed)
    if tile:
        _require_tiles(translator)
    if tile and image.shape[:2] != translator.size:
        return images.to_uint8(_tiled(translator, images.to_float(image[None])[0])[None])[0]
    if image.shape[:2] != translator.size:
        image = images.resize(image[None], translator.size)[0]
    return images.to_uint8(translator.draw(images.to_float(image[None])))[0]


def _tiled(translator: Translator, image: np.ndarray) -> np.ndarray:
    """Translate overlapping tiles and fade each into its neighbors."""
    sides = [
        _starts(length, tile) for length, tile in zip(image.shape, translator.size, strict=False)
    ]
    missing = [
        (0, max(0, starts[-1] + tile - length))
        for starts, tile, length in zip(sides, translator.size, image.shape, strict=False)
    ]
    padded = np.pad(image, [*missing, (0, 0)], mode="symmetric")
    height, width = translator.size
    weight = np.outer(_ramp(height), _ramp(width))[..., None]
    total, weights = 0.0, np.zeros((*padded.shape[:2], 1), np.float32)
    for top in sides[0]:
        for left in sides[1]:
            place = slice(top, top + height), slice(left, left + width)
            drawn = translator.draw(padded[place][None])[0]
            if not np.ndim(total):
                total = np.zeros((*padded.shape[:2], drawn.shape[-1]), np.float32)
            total[place] += weight * drawn
            weights[place] += weight
    return (total / weights)[: image.shape[0], : image.shape[1]]


def _starts(length: int, tile: int) -> list[int]:
    """Return where tiles begin along one side; the last one ends with the side if it can."""
    if length <= tile:
        return [0]
    count = int(np.ceil((length - tile) / (tile - tile // _OVERLAP))) + 1
    return [round(value) for value in np.linspace(0, length - tile, count)]


def _ramp(tile: int) -> np.ndarray:
    """Return weights that rise from the edges of a tile to where its neighbors end."""
    from_edge = np.minimum(np.arange(1, tile + 1), np.arange(tile, 0, -1))
    return np.minimum(1, from_edge / (tile // _OVERLAP + 1)).astype(np.float32)
