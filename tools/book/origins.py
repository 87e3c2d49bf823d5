"""Which file of which lesson's run is which trained generator, and where its record says how good.

This is the one place that ties the names of `gan_utils.weights` to the lessons.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from gan_utils import pairs
from gan_utils.data.datasets import SOURCES

_KEPT = ("distance", "kernel_distance", "precision", "recall", "agreement", "samples")
_KEPT += ("extractor", "seconds", "steps")


@dataclass(frozen=True)
class Origin:
    """Where a trained generator comes from.

    Attributes:
        lesson: Name of the lesson.
        file: In the folder of its run.
        draws: What it draws, for the book's table.
        row: Of the record's comparison; its scores are this generator's.
        paths: Name of a metric -> where the record has it, if the comparison has not.
        steps: Places in the record whose product is the number of updates.
        epochs: Place of the number of epochs.
        classifier: Data set of the reference classifier that scores it.
        second: What its second input is, if it has one.
        asks: Whether one can ask for a class of that data set.
        codes: Place of the digits that its codes stand for, where classes are codes.
        score_translator: Scores a translator, given it and a way to call it.
        levels: Largest difference that packing may make to a pixel, in gray levels out of 255.
    """

    lesson: str
    file: str
    draws: str
    row: str | None = None
    paths: dict[str, str] = field(default_factory=dict)
    steps: tuple[str, ...] = ("metrics/epochs", "metrics/steps_per_epoch")
    epochs: str | None = "metrics/epochs"
    classifier: str = "mnist"
    second: str = "class_labels"
    asks: bool = False
    codes: str | None = None
    score_translator: Callable[..., dict[str, Any]] | None = None
    levels: float = 1.8

    def metrics(self, record: dict[str, Any]) -> dict[str, Any]:
        """Return the scores that the record has for this generator."""
        row = record.get("comparison", {}).get(self.row, {})
        found = {key: row[key] for key in _KEPT if row.get(key) is not None}
        for name, path in self.paths.items():
            found.setdefault(name, find(record, path))
        return found

    def meaning(self, record: dict[str, Any]) -> np.ndarray:
        """Return the class that the classifier should see, for each class one can ask for."""
        return np.asarray(find(record, self.codes) if self.codes else range(10))

    def classes(self, record: dict[str, Any]) -> list[str]:
        """Return the names of the classes one can ask for, in order; none if one cannot."""
        names = SOURCES[self.classifier].class_names
        return [names[i] for i in self.meaning(record)] if self.asks else []


def find(record: dict[str, Any], path: str) -> Any:
    """Return what is at a place such as `metrics/epochs`.

    Raises:
        KeyError: Nothing does.
    """
    found: Any = record
    for key in path.split("/"):
        found = found[key]
    return found


def places(count: int, size: int) -> Any:
    """Return pairs of the procedural city that no training has seen, at lesson 11's scale."""
    return pairs.city(count, size, seed=11, first=2_000_000, extent=25.0 * size**0.5)


def score_map(network: Any, call: Callable[..., np.ndarray], count: int = 40) -> dict[str, Any]:
    """Return the share of pixels with the right color of the map, on places never seen."""
    from gan_utils import images

    seen = places(count, network.inputs[0].shape[1])
    drawn = call(network, [images.to_float(seen.source)])
    share = float(pairs.map_accuracy(drawn, seen.classes))
    return {"map_color": share, "samples": len(seen.source)}


_DISTANCE = {
    "distance": "metrics/distance_after",
    "samples": "metrics/samples",
    "extractor": "metrics/extractor",
}
_PAINTED = "metrics/back_figures/L1 + GAN, 70x70"
_UNPAIRED = {"seconds": "metrics/main_seconds"}
# Each layer divides by the contrast of its own image, which makes rounded weights count for more
# where two areas meet.
_INSTANCE_LEVELS = 6.0
_SKETCH = "metrics/results/way 3"

ORIGINS = {
    "gan": Origin("01_gan", "generator.keras", "digits", "GAN, dense", _DISTANCE),
    "dcgan": Origin("02_dcgan", "generator.keras", "digits", "DCGAN", _DISTANCE),
    "cgan": Origin(
        "04_cgan", "generator.keras", "the digit you ask for", "CGAN, concatenate", asks=True
    ),
    "cdcgan": Origin("05_cdcgan", "generator.keras", "the digit you ask for", "CDCGAN", asks=True),
    "acgan": Origin(
        *("06_acgan", "generator.keras", "the piece of clothing you ask for", "AC-GAN"),
        classifier="fashion_mnist",
        asks=True,
    ),
    "infogan": Origin(
        *("08_infogan", "generator.keras", "the code you ask for, a digit each", "InfoGAN"),
        {"agreement": "metrics/agreement", "samples": "metrics/samples"},
        asks=True,
        codes="metrics/digits_of_codes",
    ),
    "lsgan": Origin("09_lsgan", "generator.keras", "digits", "LSGAN", _DISTANCE),
    "wgan_gp": Origin("10_wgan", "generator.keras", "digits", "WGAN-GP", _DISTANCE),
    "r3gan": Origin(
        *("16_modern_objectives", "generator.keras", "digits", "R3GAN objective", _DISTANCE)
    ),
    "photographs": Origin(
        *("18_color_photographs", "generator.keras", "the kind of photograph you ask for"),
        row="projection GAN",
        classifier="cifar10",
        asks=True,
    ),
    "satellite_to_map": Origin(
        *("11_pix2pix", "satellite_to_map.keras", "the map of a satellite image"),
        paths={
            "l1": "metrics/figures/Pix2Pix/l1",
            "map_color": "metrics/figures/Pix2Pix/map_color",
            "seconds": "metrics/main_seconds",
        },
        steps=("metrics/updates",),
        epochs=None,
        score_translator=score_map,
    ),
    "map_to_satellite": Origin(
        *("11_pix2pix", "map_to_satellite.keras", "a satellite image for a map"),
        # Its map color is read back by the other translator, so it is not recomputed alone.
        paths={
            "l1": f"{_PAINTED}/l1",
            "map_color_read_back": f"{_PAINTED}/map_color",
            "seconds": "metrics/back_seconds",
        },
        steps=("metrics/back_updates",),
        epochs=None,
    ),
    "unpaired_to_map": Origin(
        *("19_cyclegan", "to_map.keras", "the map of a satellite image, learned without pairs"),
        paths=_UNPAIRED | {"map_color": "metrics/main/map_color", "l1": "metrics/main/l1"},
        steps=("metrics/updates",),
        epochs=None,
        score_translator=score_map,
        levels=_INSTANCE_LEVELS,
    ),
    "unpaired_to_satellite": Origin(
        *(
            "19_cyclegan",
            "to_satellite.keras",
            "a satellite image for a map, learned without pairs",
        ),
        paths=_UNPAIRED,
        steps=("metrics/updates",),
        epochs=None,
        levels=_INSTANCE_LEVELS,
    ),
    "sketch_to_item": Origin(
        *("12_pix2pix_classes", "sketch_to_item.keras", "the piece of clothing of a sketch"),
        paths={
            "l1": f"{_SKETCH}/l1",
            "agreement": f"{_SKETCH}/accuracy",
            "seconds": f"{_SKETCH}/seconds",
        },
        steps=("metrics/updates",),
        epochs=None,
        classifier="fashion_mnist",
        asks=True,
    ),
    "denoiser": Origin(
        *("20_gans_and_diffusion", "denoiser.keras", "the v of a noisy digit, for lesson 20 alone"),
        paths=_DISTANCE,
        steps=("metrics/updates",),
        epochs=None,
        second="noise_steps",
    ),
}

HEAD = """<!-- Written by tools/book/pack.py from weights/manifest.json. -->

| name | lesson | it draws | it takes | updates | score | MB |
|---|---|---|---|---:|---|---:|
"""


def table(generators: dict[str, dict[str, Any]]) -> str:
    """Return the book's table of the trained generators, as Markdown."""
    rows = []
    for name, found in generators.items():
        origin = ORIGINS[name]
        takes = ", ".join(f"{key} {tuple(shape)}" for key, shape in found["inputs"].items())
        cells = [
            f"`{name}`",
            f"[{origin.lesson[:2]}](../notebooks/{origin.lesson}.ipynb)",
            origin.draws,
            takes.replace("_", " ").replace(",)", ")"),
            f"{found['steps']:,}",
            _words(found["scores"] or found["metrics"]),
            f"{found['bytes'] / 1e6:.1f}",
        ]
        rows.append(f"| {' | '.join(cells)} |")
    return HEAD + "\n".join(rows) + "\n"


def _words(scores: dict[str, Any]) -> str:
    """Return the scores that a reader compares, in words."""
    shapes = {
        "distance": "distance {:.1f}",
        "agreement": "label accuracy {:.1%}",
        "map_color": "{:.1%} of a map's pixels right",
        "map_color_read_back": "{:.1%} right when read back",
    }
    found = [shape.format(scores[key]) for key, shape in shapes.items() if scores.get(key)]
    return ", ".join(found) or "-"
