"""Check pairs of images before a training.

`check` counts the pairs of FOLDER (side-by-side images), or of FOLDER and TARGETS (matched by the
names of their files), and lists sizes, channels, modes and kinds, unusual files, and files that
cannot be used. It decodes every image once, by the rules of `load_pairs`. Exit status 1: an image
has no partner or cannot be read.
"""

import argparse
import sys
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
from tqdm import tqdm

from gan_utils import images
from gan_utils.cli import options as shared

if TYPE_CHECKING:
    from gan_utils.pairs import PairReport

EXAMPLES = """examples:
  gan-utils pairs check facades/train
  gan-utils pairs check photos/ maps/ --size 192 256 --sheet first.png
"""
_SHOWN, _COLUMNS, _LONGER_SIDE = 12, 3, 128


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare what the command takes."""
    parser.add_argument("action", choices=["check"], metavar="check", help="what to do")
    parser.add_argument("folder", metavar="FOLDER", help="side-by-side images, or the sources")
    parser.add_argument("targets", metavar="TARGETS", nargs="?", help="the folder of the targets")
    parser.add_argument(
        "--size",
        type=shared.positive,
        nargs="+",
        default=[256],
        metavar="N",
        help="height and width to read each image of a pair at, or one number (default 256)",
    )
    parser.add_argument("--sheet", type=Path, metavar="FILE", help="an image of the first pairs")
    shared.add_progress(parser)


def run(options: argparse.Namespace) -> int:
    """Write the report to stdout.

    Raises:
        ValueError: No such folder, no images in it, or an impossible size.
        OSError: Files that cannot be read or written.
    """
    from gan_utils.pairs import check_pairs  # brings Pillow, which --help can do without

    if options.sheet:
        shared.require_place(options.sheet, "the sheet is an image")
    size = options.size[0] if len(options.size) == 1 else tuple(options.size)
    hidden = None if options.progress is None else not options.progress
    with shared.warnings_as_lines(), images.grouped_warnings():
        report = check_pairs(
            options.folder,
            options.targets,
            size=size,
            progress=lambda files: tqdm(files, unit=" images", disable=hidden, leave=False),
        )
        if options.sheet and report.whole:
            shared.save(_contact_sheet(report), options.sheet)
    sys.stdout.write(f"{report}\n")
    return 0 if report.usable else 1


def _contact_sheet(report: "PairReport") -> np.ndarray:
    """Return a grid of the first pairs, each source next to its target, at a reduced size."""
    from gan_utils.pairs import Pairs

    small = tuple(max(1, round(side * _LONGER_SIDE / max(report.size))) for side in report.size)
    first = Pairs(report.files.folders, report.whole[:_SHOWN], small).arrays()
    return images.grid(np.concatenate([first.source, first.target], axis=2), _COLUMNS, pad=8)
