"""Generate images with a trained generator.

NAME is a trained generator of the book (see the list below), which is downloaded if needed, or a
.keras file such as a lesson saves. OUTPUT is one image, a grid (its name ends in .png, .jpg or
.webp), or an animation (.gif) in which each image's latent vector moves along a circle.
"""

import argparse
import math
import sys
from pathlib import Path
from typing import Any

import numpy as np

from gan_utils import weights
from gan_utils.cli import options as shared
from gan_utils.interpolation import slerp
from gan_utils.process import import_tensorflow

EXAMPLES = """examples:
  gan-utils generate cdcgan digits.png
  gan-utils generate cdcgan --label 2,0,2,6 year.png
  gan-utils generate wgan_gp --count 200 --columns 20 --seed 5 digits.png
  gan-utils generate infogan --label 3 --interpolate walk.png
  gan-utils generate generator.keras --count 16 digits.gif

the trained generators of this version:
  """ + (", ".join(weights.names()) or "none")
_COLUMNS = 10
_COUNT = 100
_COUNT_MOVING = 25
_BATCH = 100


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare what the command takes."""
    parser.add_argument("name", metavar="NAME", help="the generator: a name or a .keras file")
    parser.add_argument("output", metavar="OUTPUT", help="the file to write")
    parser.add_argument(
        "--label",
        type=_labels,
        metavar="L[,L...]",
        help="the class to draw, from 0, or several in turn (default: all in turn); for infogan a "
        "code",
    )
    parser.add_argument(
        "--count",
        type=shared.positive,
        metavar="N",
        help=f"images (default: as many as there are labels, if several; else {_COUNT}, or "
        f"{_COUNT_MOVING} in a GIF)",
    )
    parser.add_argument(
        "--columns",
        type=shared.positive,
        metavar="N",
        help=f"images in a row (default {_COLUMNS}, or fewer)",
    )
    shared.add_codes(parser)
    parser.add_argument("--seed", type=shared.seed, default=0, help="seed of the noise (default 0)")
    parser.add_argument(
        "--interpolate",
        action="store_true",
        help="each row interpolates between two latent vectors (slerp), with one label",
    )
    parser.add_argument(
        "--frames",
        type=shared.positive,
        default=36,
        metavar="N",
        help="frames of a GIF (default 36)",
    )


def run(options: argparse.Namespace) -> int:
    """Generate the images, and print what was written.

    Raises:
        ValueError: The generator, a label or the output file cannot be used.
        OSError: The generator cannot be downloaded, or the file cannot be written.
    """
    from gan_utils import animation

    path = Path(options.output)
    moving = path.suffix.lower() == ".gif"
    shared.require_place(path, "all images go into one file", (*shared.KINDS, ".gif"))
    weights.check_name(options.name)
    import_tensorflow()
    generator = weights.load_generator(options.name)
    takes = weights.inputs_of(options.name, generator, options.codes)
    _require_labels(options, takes)
    walks = options.interpolate and not moving
    count, columns = _layout(options, moving, walks)
    wanted = np.array(options.label or range(takes.num_classes or 1))
    labels = wanted[(np.arange(count) // columns if walks else np.arange(count)) % len(wanted)]
    angles = [_angles(count, columns)] if walks else [np.zeros(count)]
    if moving:
        angles = [np.full(count, 2 * np.pi * i / options.frames) for i in range(options.frames)]
    first, second = _ends(takes.latent_dim, count, columns if walks else 1, options.seed)
    grids = [
        _grid(generator, takes, slerp(first, second, angle[:, None]), labels, columns)
        for angle in angles
    ]
    if moving:
        animation.save_gif(grids, path, seconds=0.1)
    else:
        shared.save(grids[0], path)
    _report(options, count, len(grids))
    return 0


def _require_labels(options: argparse.Namespace, takes: weights.Inputs) -> None:
    if options.label and not takes.num_classes:
        raise ValueError(f"{options.name} takes no class; leave --label out.")
    if options.label and max(options.label) >= takes.num_classes:
        raise ValueError(
            f"{options.name} has no class {max(options.label)}; its {takes.num_classes} classes "
            f"are 0 to {takes.num_classes - 1}{_meanings(options.name)}."
        )


def _meanings(name: str) -> str:
    classes = weights.facts(name).get("classes") if name in weights.names() else None
    return f" ({', '.join(classes)})" if classes else ""


def _layout(options: argparse.Namespace, moving: bool, walks: bool) -> tuple[int, int]:
    """Return how many images there are, and how many in a row."""
    several = len(options.label or ())
    if walks:
        columns = options.columns or _COLUMNS
        return options.count or columns * (several or _COLUMNS), columns
    count = options.count or (several if several > 1 else _COUNT_MOVING if moving else _COUNT)
    square = math.isqrt(count - 1) + 1
    columns = options.columns or (square if moving and several < 2 else _COLUMNS)
    return count, min(count, columns)


def _angles(count: int, columns: int) -> np.ndarray:
    """Return the angle of each image within its row, from 0 to a quarter turn."""
    return (np.arange(count) % columns) / max(1, columns - 1) * (np.pi / 2)


def _ends(latent_dim: int, count: int, in_common: int, seed: int) -> tuple[np.ndarray, np.ndarray]:
    """Return two latent vectors for each image, the same for groups of `in_common` images."""
    draws = [np.random.default_rng([seed, stream]) for stream in range(2)]
    rows = -(-count // in_common)
    ends = [draw.standard_normal((rows, latent_dim)).astype(np.float32) for draw in draws]
    first, second = (np.repeat(end, in_common, axis=0)[:count] for end in ends)
    return first, second


def _grid(
    generator: Any, takes: weights.Inputs, latents: np.ndarray, labels: np.ndarray, columns: int
) -> np.ndarray:
    """Generate batch by batch; return one grid of images, uint8."""
    from gan_utils import images

    drawn = [
        weights.draw(generator, takes.arrange(latents[part], labels[part]))
        for part in (slice(i, i + _BATCH) for i in range(0, len(latents), _BATCH))
    ]
    return images.grid(np.concatenate(drawn), columns)


def _report(options: argparse.Namespace, count: int, frames: int) -> None:
    number = "1 image" if count == 1 else f"{count:,} images"
    moving = f", {frames:,} frames" if frames > 1 else ""
    sys.stdout.write(f"{number} drawn by {options.name}{moving}: {options.output}\n")


def _labels(text: str) -> list[int]:
    """Return the labels that an argument such as `2,0,2,6` lists, for argparse."""
    return [shared.whole_number(part.strip(), 0, 9_999) for part in text.split(",")]
