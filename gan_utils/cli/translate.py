"""Translate images with a trained generator.

NAME is a .keras file, such as lesson 11 saves, or the name of a trained generator. INPUT is an
image or a folder of images; OUTPUT is then a file or a folder. A translation has the size of its
image. --fit chooses how an image of another size is brought to the generator's:

  resize  resized to the generator's size, the translation resized back
  pad     padded with its mirror image, which is cut off again; larger images are shrunk first,
          in proportion, and enlarged again
  tile    translated in overlapping tiles at its own scale, smaller images padded
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
  gan-utils translate satellite_to_map.keras large.jpg map.png --fit tile
  gan-utils translate sketch_to_item.keras sketch.png boot.png --label 9
"""


FITS = ("resize", "pad", "tile")
_OVERLAP = 4  # neighboring tiles overlap by a fourth of their side
_NOTES = {
    "resize": "resized to {size} and back; --fit pad keeps the proportions, --fit tile the scale",
    "pad": "padded to {size}, larger ones shrunk before and enlarged again",
    "tile": "translated in tiles of {size}",
}


@dataclass(frozen=True)
class Translator:
    """A generator that takes images.

    Attributes:
        title: Its name or file, for messages.
        size: Height and width in pixels of its input.
        channels: Channels of its input, 1 or 3.
        drawn_size: Height and width in pixels of its output.
        draw: Takes an image `(1, height, width, channels)` float32 in [-1, 1]; returns its
            translation, float32.
        reseed: Takes a seed and sets the noise of its dropout.
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
        "--fit", choices=FITS, default=FITS[0], help="for another size (default %(default)s)"
    )
    parser.add_argument(  # its older name
        "--tile", dest="fit", action="store_const", const="tile", help=argparse.SUPPRESS
    )
    parser.add_argument(
        "--seed",
        type=shared.seed,
        default=0,
        help="seed of the generator's dropout noise (default 0)",
    )
    parser.add_argument(
        "--label",
        type=lambda text: shared.whole_number(text, 0, 9_999),
        metavar="L",
        help="the class, from 0, for a class-conditional generator, such as sketch_to_item",
    )
    shared.add_progress(parser, "a progress bar on stderr for a folder")


def run(options: argparse.Namespace) -> int:
    """Translate the images, and print what was written.

    Raises:
        ValueError: The generator, an image or the output file cannot be used.
        OSError: Files that cannot be read or written.
    """
    with shared.warnings_as_lines(), images.grouped_warnings():
        return _translate_all(options)


def _translate_all(options: argparse.Namespace) -> int:
    jobs = _plan(Path(options.input), Path(options.output))
    translator = open_translator(options.name, options.label)
    if options.fit == "tile":
        _require_tiles(translator)
    several = Path(options.input).is_dir()
    shown = options.progress if several else False
    hidden = None if shown is None else not shown  # None: wherever there is no terminal
    bar = tqdm(desc=options.input, total=len(jobs), unit=" images", disable=hidden)
    others: Counter = Counter()
    broken = []
    try:
        for source, target in jobs:
            try:
                found = _translate(translator, source, target, options)
                others.update([found] if found != translator.size else [])
            except ValueError as error:
                if not several:
                    raise
                broken.append(str(error))
            bar.update()
    finally:
        bar.close()
    _report(options, translator.size, others, len(jobs) - len(broken))
    if broken:
        raise ValueError(f"{len(broken)} of {len(jobs)} images were left out: " + " ".join(broken))
    return 0


def _translate(
    translator: Translator, source: Path, target: Path, options: argparse.Namespace
) -> tuple[int, int]:
    """Translate one file into another; return the height and width of the first."""
    keeps_bits = target.suffix.lower() == ".png"  # the other kinds that are written have 8
    image = images.read_image(source, channels=translator.channels, keep_bits=keeps_bits)
    drawn = translate_image(translator, image, fit=options.fit, seed=options.seed)
    shared.save(drawn, target)
    return image.shape[:2]


def _plan(source: Path, target: Path) -> list[tuple[Path, Path]]:
    """Return (source, target) of each image; raise ValueError, before any work, if one is wrong."""
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
    options: argparse.Namespace, size: tuple[int, int], others: Counter, written: int
) -> None:
    if others:
        examples = ", ".join(f"{width} x {height}" for height, width in list(others)[:3])
        more = ", ..." if len(others) > 3 else ""
        count = others.total()
        which = "the image was" if count == 1 else f"{count:,} images were"
        how = _NOTES[options.fit].format(size=f"the generator's {size[1]} x {size[0]} pixels")
        sys.stderr.write(f"note: {which} {examples}{more} pixels, {how}.\n")
    number = "1 image" if written == 1 else f"{written:,} images"
    sys.stdout.write(f"{number} translated: {options.output}\n")


def open_translator(name: str, label: int | None = None) -> Translator:
    """Load a trained image-to-image network.

    Args:
        name: A file that ends in .keras, else a name from `gan_utils.weights.names()`.
        label: The class of all images, for a network that takes `[images, class_labels]`.

    Returns:
        The translator.

    Raises:
        ValueError: No such file or name, a file that is not a Keras model, a network with other
            inputs than one image and a label, a label that it does not take, or a label that is
            missing or out of range.
    """
    weights.check_name(name)
    weights.require_one_call(name)
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
            f"{name} turns an image into an array of shape {drawn}, not a gray or RGB image."
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
    (height, width), (drawn_height, drawn_width) = translator.size, translator.drawn_size
    if drawn_height % height or drawn_width % width:
        raise ValueError(
            f"{translator.title} turns {width} x {height} pixels into {drawn_width} x "
            f"{drawn_height}, not a multiple, so tiles cannot be joined; choose another --fit."
        )


def _require_label(name: str, label: int | None, num_classes: int) -> None:
    if label is not None and not num_classes:
        raise ValueError(f"{name} takes no class; leave --label out.")
    if num_classes and (label is None or label >= num_classes):
        raise ValueError(f"{name} needs the class of the image: --label 0 to {num_classes - 1}.")


def translate_image(
    translator: Translator, image: np.ndarray, *, fit: str = "resize", seed: int = 0
) -> np.ndarray:
    """Translate one image; the result does not depend on images translated before.

    Args:
        translator: The network.
        image: `(height, width, channels)` uint8 in [0, 255], of any size; a gray one also uint16 in
            [0, 65535].
        fit: How an image of another size is brought to the network's. "resize": resize to it
            (antialiased), and the translation back. "pad": pad at the right and at the bottom by
            mirroring, and crop the translation; a larger image is first shrunk in proportion, and
            its translation enlarged again. "tile": translate overlapping tiles, blended where they
            overlap, and pad as above where the image is smaller.
        seed: Seed of the network's dropout noise.

    Returns:
        `(height, width, 1 or 3)` of the image's size; if the network's output is k times as large
        as its input, k times that size. uint16 if the image is uint16 and the translation is gray,
        else uint8.

    Raises:
        ValueError: An unknown `fit`, or "tile" for a network whose output size is not a multiple of
            its input size.
    """
    if fit not in FITS:
        raise ValueError(f"fit is {fit!r}; choose one of {', '.join(FITS)}.")
    if fit == "tile":
        _require_tiles(translator)
    translator.reseed(seed)
    size = image.shape[:2]
    within = translator.size if fit == "resize" else size
    if fit == "pad":
        share = min(1, *(most / side for most, side in zip(translator.size, size, strict=True)))
        within = tuple(max(1, round(share * side)) for side in size)
    drawn = _tiled(translator, images.resize(image[None], within)[0])
    return images.resize(drawn[None], _drawn_size(translator, size))[0]


def _drawn_size(translator: Translator, size: tuple[int, int]) -> tuple[int, ...]:
    """Return the size of an image's translation."""
    scales = zip(size, translator.drawn_size, translator.size, strict=True)
    return tuple(max(1, round(side * drawn / taken)) for side, drawn, taken in scales)


def _tiled(translator: Translator, image: np.ndarray) -> np.ndarray:
    """Translate overlapping tiles, as many as are needed, and blend each with its neighbors.

    A row of tiles is finished, and rounded, before the next one: float32 values of a whole large
    image would take many times the memory of the image.
    """
    height, width = _drawn_size(translator, image.shape[:2])
    (tops, down, fades), columns = (
        _places(*sides)
        for sides in zip(image.shape, translator.size, translator.drawn_size, strict=False)
    )
    finished, begun = [], None
    for top, start, end, fade in zip(tops, down, [*down[1:], None], fades, strict=True):
        row = fade[:, None, None] * _row(translator, image[top : top + translator.size[0]], columns)
        if begun is not None:
            row[: len(begun)] += begun
        done = len(row) if end is None else end - start
        deep = image.dtype == np.uint16 and row.shape[-1] == 1
        finished.append(images.to_uint8(row[:done], dtype=np.uint16 if deep else np.uint8))
        begun = row[done:]
    return np.concatenate(finished)[:height, :width]


def _row(translator: Translator, image: np.ndarray, columns: tuple) -> np.ndarray:
    """Translate one row of tiles."""
    height, width = translator.size
    row = None
    for left, start, fade in zip(*columns, strict=True):
        tile = image[:, left : left + width]
        missing = [(0, height - tile.shape[0]), (0, width - tile.shape[1]), (0, 0)]
        tile = images.to_float(np.pad(tile, missing, mode="symmetric"))
        drawn = translator.draw(tile[None])[0]
        if row is None:
            shape = len(drawn), columns[1][-1] + len(fade), drawn.shape[-1]
            row = np.zeros(shape, np.float32)
        row[:, start : start + len(fade)] += fade[:, None] * drawn
    return row


def _places(length: int, tile: int, drawn: int) -> tuple[list[int], list[int], list[np.ndarray]]:
    """Return, along one side, the starts of the tiles and of their translations, and the weights.

    The weights of all tiles add up to one at every pixel.
    """
    starts = _starts(length, tile)
    places = [start * drawn // tile for start in starts]
    ramp, total = _ramp(drawn), np.zeros(places[-1] + drawn, np.float32)
    for place in places:
        total[place : place + drawn] += ramp
    return starts, places, [ramp / total[place : place + drawn] for place in places]


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
