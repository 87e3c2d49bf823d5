"""Translate pictures with a trained generator.

NAME is a .keras file, such as lesson 11 saves, or the name of a trained generator. INPUT is a
picture or a folder of pictures; OUTPUT is then a file or a folder. Pictures of another size than
the generator's are resized to it, and that is said; with --tile they keep their size and are
translated piece by piece.
"""

import argparse
import sys
from collections import Counter
from pathlib import Path

from gan_utils import images
from gan_utils.commands import saving, translating
from gan_utils.commands.progress import Progress

EXAMPLES = """examples:
  gan-utils translate satellite_to_map.keras photo.jpg map.png
  gan-utils translate satellite_to_map.keras photos/ maps/
  gan-utils translate satellite_to_map.keras large.jpg map.png --tile
  gan-utils translate sketch_to_item.keras sketch.png boot.png --label 9
"""


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare what the command takes."""
    parser.add_argument("name", metavar="NAME", help="the generator: a .keras file or a name")
    parser.add_argument("input", metavar="INPUT", help="a picture, or a folder of pictures")
    parser.add_argument("output", metavar="OUTPUT", help="a file to write, or a folder")
    parser.add_argument(
        "--tile", action="store_true", help="keep the picture's size, translate it in tiles"
    )
    parser.add_argument(
        "--seed", type=saving.seed, default=0, help="of the generator's own noise (default 0)"
    )
    parser.add_argument(
        "--label",
        type=lambda text: saving.whole_number(text, 0, 9_999),
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
        ValueError: A generator, picture or place that cannot be used.
        OSError: Files that cannot be read or written.
    """
    jobs = _plan(Path(options.input), Path(options.output))
    translator = translating.open_translator(options.name, options.label)
    several = Path(options.input).is_dir()
    shown = options.progress if several else False
    bar = Progress(options.input, len(jobs), shown=shown)
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
            bar.advance(1)
    finally:
        bar.close()
    _report(options, translator.size, resized, len(jobs) - len(broken))
    if broken:
        raise ValueError(
            f"{len(broken)} of {len(jobs)} pictures were left out: " + " ".join(broken)
        )
    return 0


def _translate(
    translator: translating.Translator, source: Path, target: Path, options: argparse.Namespace
) -> tuple[int, int]:
    """Translate one file into another; return the height and width of the first."""
    picture = images.read_image(source, channels=translator.channels)
    drawn = translating.translate_picture(translator, picture, tile=options.tile, seed=options.seed)
    saving.save(drawn, target)
    return picture.shape[:2]


def _plan(source: Path, target: Path) -> list[tuple[Path, Path]]:
    """Return what is read and what is written, before any work is done."""
    if not source.exists():
        raise ValueError(f"There is no picture and no folder {source}.")
    if source.is_dir():
        if target.exists() and not target.is_dir():
            raise ValueError(f"{target} is a file; {source} is a folder, so give a folder for it.")
        files = images.list_images(source)
        jobs = [(file, (target / file.relative_to(source)).with_suffix(".png")) for file in files]
    else:
        saving.require_place(target, f"{source} is a picture")
        jobs = [(source, target)]
    _require_distinct(jobs)
    return jobs


def _require_distinct(jobs: list[tuple[Path, Path]]) -> None:
    sources = {source.resolve() for source, _ in jobs}
    written: dict[Path, Path] = {}
    for source, target in jobs:
        if target.resolve() in sources:
            raise ValueError(f"{target} would overwrite a picture of INPUT; choose another OUTPUT.")
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
        which = "the picture was" if count == 1 else f"{count:,} pictures were"
        sys.stderr.write(
            f"note: {which} resized from {examples}{more} to {size[1]} x {size[0]} pixels, the "
            "generator's size; --tile keeps the size.\n"
        )
    number = "1 picture" if written == 1 else f"{written:,} pictures"
    sys.stdout.write(f"{number} translated: {options.output}\n")
