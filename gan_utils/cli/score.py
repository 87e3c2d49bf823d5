"""Measure how good generated images are.

Compares generated images with real ones: Frechet distance (fid), kernel distance (kid),
Inception Score (is), precision and recall (pr), density and coverage (dc, or all four: prdc).
REAL and FAKE are folders of images, statistics saved with --save-stats (or by pytorch-fid or
clean-fid: name --extractor and --resizing), data sets of the book (mnist, mnist:test,
fashion_mnist, cifar10), or trained generators: a .keras file such as a
lesson saves, or a name where they are installed. Scores are comparable only for equal extractors,
resizings and sample counts; these are printed with them, and so is the noise floor: the same score
for real images against other real images.
"""

import argparse
import json
import sys
import warnings
from collections.abc import Sequence
from dataclasses import fields
from pathlib import Path
from typing import Any

import gan_utils
from gan_utils import images
from gan_utils.cli import options as shared
from gan_utils.io import whole_file
from gan_utils.metrics import METRICS, Score, extract
from gan_utils.metrics.evaluate import title_of
from gan_utils.metrics.extract import Seen
from gan_utils.metrics.score import Options, compare

EXAMPLES = """examples:
  gan-utils score real/ fake/
  gan-utils score real/ fake/ --metric fid kid prdc is --samples 5000 --json
  gan-utils score real/ --save-stats real.npz
  gan-utils score real.npz fake/ --metric fid
  gan-utils score mnist:test generator.keras --samples 5000
"""
_MOST = 10**9
_SETTINGS = ("splits", "subsets", "subset_size", "k")


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare what the command takes."""
    parser.add_argument("real", metavar="REAL", help="the real images, or their statistics")
    parser.add_argument("fake", metavar="FAKE", nargs="?", help="the generated images")
    parser.add_argument(
        "--metric",
        nargs="+",
        choices=list(METRICS),
        help="what to compute (default: fid kid prdc is; with saved statistics: fid)",
    )
    parser.add_argument("--save-stats", metavar="FILE", help="keep the statistics of REAL in FILE")
    parser.add_argument(
        "--seed", type=shared.seed, default=0, help="seed of all random draws (default 0)"
    )
    _add_extractor_arguments(parser.add_argument_group("feature extractor"))
    _add_setting_arguments(parser.add_argument_group("settings of the scores"))
    _add_output_arguments(parser.add_argument_group("output"))


def run(options: argparse.Namespace) -> int:
    """Measure, and write the result to stdout.

    Raises:
        ValueError: Images, statistics or settings that cannot be used.
        OSError: Files that cannot be read or written.
    """
    if options.fake is None and options.save_stats is None:
        options.parser.error("give FAKE to compare with REAL, or --save-stats FILE")
    if options.fake is None and options.metric:
        options.parser.error("--metric compares two sets; give FAKE too")
    for file in (options.save_stats, options.output):
        if file is not None:
            shared.require_place(Path(file), kinds=None)
    if options.save_stats and not extract.is_statistics(options.save_stats):
        raise ValueError(f"{options.save_stats}: give a file name that ends in .npz.")
    notes: list[str] = []
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        warnings.simplefilter("always", UserWarning)
        warnings.showwarning = lambda message, *_: _note(str(message), notes)
        with images.grouped_warnings():
            found = _measure(options)
    text = json.dumps({**found, "warnings": notes}, indent=2, allow_nan=False)
    if options.output:
        with whole_file(options.output) as temporary:
            temporary.write_text(text + "\n", encoding="utf-8")
    sys.stdout.write(text + "\n" if options.json else _as_text(found))
    return 0


def _measure(options: argparse.Namespace) -> dict:
    sides = [name for name in (options.real, options.fake) if name is not None]
    names = {field.name for field in fields(Options)}
    chosen = Options(**{name: value for name, value in vars(options).items() if name in names})
    settings = {name: getattr(options, name) for name in _SETTINGS}
    settings = {name: value for name, value in settings.items() if value is not None}
    seen, scores = compare(sides, options.metric, chosen, settings)
    if options.save_stats:
        seen[0].moments(options.seed).save(options.save_stats)
    return _as_dict(seen, scores, seed=options.seed, saved=options.save_stats)


def _add_extractor_arguments(group: argparse._ArgumentGroup) -> None:
    group.add_argument(
        "--extractor",
        choices=["auto", *extract.CHOICES],
        default="auto",
        help="network (default auto: that of saved statistics; lenet-mnist for 28x28 images; "
        "else inception-2015, whose scores are comparable with published ones)",
    )
    group.add_argument(
        "--extractor-file",
        metavar="FILE",
        help="its weights, if they are not to be downloaded: classify_image_graph_def.pb or a "
        "Keras weights file",
    )
    group.add_argument(
        "--resizing",
        choices=["clean", "legacy"],
        help="for inception-2015: clean (antialiased, the default) or legacy (the graph's own); "
        "with --extractor, also that of an .npz of another tool",
    )
    group.add_argument(
        "--resize", action="store_true", help="for lenet: resize other sizes to 28x28, antialiased"
    )
    shared.add_codes(group)
    group.add_argument(
        "--samples", type=_positive, metavar="N", help="use N images a side, drawn at random"
    )
    group.add_argument("--batch-size", type=_positive, metavar="N", help="images per forward pass")


def _add_setting_arguments(group: argparse._ArgumentGroup) -> None:
    group.add_argument(
        "--splits", type=_positive, help="splits of the Inception Score (default 10)"
    )
    group.add_argument(
        "--subsets", type=_positive, help="subsets of the kernel distance (default 100)"
    )
    group.add_argument(
        "--subset-size",
        type=_positive,
        help="images in a subset (default 1,000, or half of the smaller set if that is less)",
    )
    group.add_argument("--k", type=_positive, help="nearest neighbors (default: pr 3, dc 5)")


def _add_output_arguments(group: argparse._ArgumentGroup) -> None:
    group.add_argument("--json", action="store_true", help="write JSON to stdout, not text")
    group.add_argument("--output", metavar="FILE", help="keep the JSON in FILE")
    shared.add_progress(group)


def _positive(text: str) -> int:
    return shared.whole_number(text, 1, _MOST)


def _note(message: str, notes: list[str]) -> None:
    if message not in notes:
        notes.append(message)
        sys.stderr.write(f"warning: {message}\n")


_SIDES = ("real", "fake")


def _as_dict(
    seen: Sequence[Seen], scores: dict[str, Score], *, seed: int, saved: str | None
) -> dict[str, Any]:
    """Return sources, settings and scores as plain values, for JSON.

    Args:
        seen: The real side and, where there is one, the generated side.
        scores: What `metrics.measure` returned.
        seed: Seed of the order of the images and of all draws.
        saved: File of the saved statistics of the real side, or None.

    Returns:
        Values that JSON can hold.
    """
    first = seen[0].what
    sides = {
        side: {"source": part.title, "count": part.what.count or None}  # other tools: unknown
        for side, part in zip(_SIDES, seen, strict=False)
    }
    return {
        "gan_utils": gan_utils.__version__,
        **sides,
        "extractor": first.extractor,
        "resizing": first.resizing,
        "seed": seed,
        "saved_statistics": saved,
        "scores": {name: score.to_dict() for name, score in scores.items()},
    }


def _as_text(found: dict[str, Any]) -> str:
    """Return the text for a terminal: the sources and settings, then a line for each score."""
    rows = [
        (side, f"{found[side]['source']} ({_number(found[side]['count'])} images)")
        for side in _SIDES
        if side in found
    ]
    rows += [(name, str(found[name])) for name in ("extractor", "resizing", "seed")]
    if found["saved_statistics"]:
        rows.append(("saved", f"statistics of the real images in {found['saved_statistics']}"))
    lines = [f"{name:<11}{value}" for name, value in rows]
    if found["scores"]:
        lines += ["", f"{'':<17}{'value':>10}{'spread':>10}  real against real"]
        lines += [_line(score) for score in found["scores"].values()]
    return "\n".join(lines) + "\n"


def _number(count: int | None) -> str:
    return "unknown number of" if count is None else f"{count:,}"


def _line(score: dict[str, Any]) -> str:
    spread = "" if score["spread"] is None else f"{score['spread']:.2g}"
    floor = "unknown"
    if score["floor"] is not None:
        sizes = " + ".join(f"{count:,}" for count in score["floor_counts"])
        floor = f"{score['floor']:.4g} ({sizes})"
    settings = ", ".join(
        f"{name.replace('_', ' ')} {value:,}" for name, value in score["settings"].items()
    )
    line = f"{title_of(score['metric']):<17}{score['value']:>10.4g}{spread:>10}  {floor:<24}"
    return f"{line}{settings}".rstrip()
