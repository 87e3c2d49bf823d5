"""Writes trained image-to-image networks as ONNX files for the page, and a still image of each."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from gan_utils.export import to_onnx, without_dropout

from . import export_generator

if TYPE_CHECKING:
    import keras

EXAMPLE_SEED = 2026  # of the map that the reader begins with


def is_translator(manifest: dict[str, Any]) -> bool:
    """Return whether a manifest's entry is about a network that takes color images."""
    return set(manifest["inputs"]) == {"images"} and manifest["inputs"]["images"][2] == 3


def translate(model: keras.Model, pictures: np.ndarray) -> np.ndarray:
    """Return the translations, float32 in [-1, 1], of images (n, height, width, channels) uint8.

    They are translated one by one, so that normalization uses the statistics of one image, as in
    the page.
    """
    values = pictures.astype("float32") / 127.5 - 1
    return np.concatenate([np.asarray(model(value[None], training=False)) for value in values])


def example(size: int) -> np.ndarray:
    """Return the map of a city outside the training set, (size, size, 3) uint8."""
    from gan_utils import pairs

    return pairs.city(1, size, seed=EXAMPLE_SEED).target[0]


def export(model: keras.Model, size: int, network: Path, still: Path, paper: Path) -> None:
    """Write a translator, the image of its cover, and the map that the reader begins with.

    Raises:
        ValueError: The network would be larger than `export_generator.LARGEST_FILE`.
    """
    from PIL import Image

    from gan_utils import images

    model, begin = without_dropout(model), example(size)
    answer = translate(model, begin[None])
    export_generator.write(to_onnx(model), network)
    sheet = images.grid(np.stack([begin, images.to_uint8(answer)[0]]), columns=2)
    export_generator.save_still(sheet, still)
    Image.fromarray(begin).save(paper)


def facts(name: str, manifest: dict[str, Any]) -> dict[str, Any]:
    """Return the facts for the page's script, apart from addresses."""
    from gan_utils import pairs

    height, width, channels = manifest["output"]
    colors = [
        (kind, color.tolist())
        for kind, color in zip(pairs.CITY_CLASSES, pairs.CITY_PALETTE, strict=True)
    ]
    shape = {"height": height, "width": width, "channels": channels}
    return {"name": name, **shape, "palette": colors}
