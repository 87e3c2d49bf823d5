"""Writes lesson 20's denoiser as an ONNX file for the page, and the image of its cover."""

from __future__ import annotations

from collections.abc import Iterator
from itertools import pairwise
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from gan_utils import export

from . import export_generator

if TYPE_CHECKING:
    import keras

GENERATOR, LESSON = "denoiser", "20_gans_and_diffusion"
# The lesson's cosine schedule: noise steps, the offset s, and the most that one step removes.
SCHEDULE = {"steps": 1000, "offset": 0.008, "most": 0.999}
CHOICES = (1, 5, 10, 20, 50)  # calls of the network that the reader can ask for
CALLS = 20
STILL_ROWS, STILL_COLUMNS = 4, 10


def facts() -> dict[str, Any]:
    """Return the facts for the page's script, apart from addresses."""
    return {**SCHEDULE, "choices": CHOICES, "calls": CALLS}


def factors() -> tuple[np.ndarray, np.ndarray]:
    """Return the factors of image and noise, (steps + 1,) float64 each.

    Source:
        Nichol and Dhariwal 2021, "Improved denoising diffusion probabilistic models", equation 17.
    """
    offset = SCHEDULE["offset"]
    progress = np.arange(SCHEDULE["steps"] + 1) / SCHEDULE["steps"]
    curve = np.cos((progress + offset) / (1 + offset) * np.pi / 2) ** 2
    kept = 1 - np.minimum(1 - curve[1:] / curve[:-1], SCHEDULE["most"])
    share = np.concatenate([[1.0], np.cumprod(kept)])
    return np.sqrt(share), np.sqrt(1 - share)


def denoise(model: keras.Model, noise: np.ndarray, calls: int) -> Iterator[np.ndarray]:
    """Draw with DDIM as the page does, without fresh noise.

    Args:
        model: Takes noisy images (n, height, width, 1) and their noise steps (n, 1), returns v.
        noise: (n, height, width, 1) float32, standard normal.
        calls: Calls of the network.

    Yields:
        The guess of the clean images in each call, like `noise` in [-1, 1]; the last one is the
        result.

    Source:
        Song et al. 2021, "Denoising diffusion implicit models", equation 12 with sigma = 0.
    """
    signal, scale = factors()
    path = np.linspace(SCHEDULE["steps"], 0, calls + 1).round().astype("int32")
    noisy = noise
    for t, s in pairwise(path):
        v = np.asarray(model([noisy, np.full((len(noisy), 1), t)], training=False))
        clean = np.clip(signal[t] * noisy - scale[t] * v, -1, 1).astype("float32")
        yield clean
        rest = (noisy - signal[t] * clean) / scale[t]
        noisy = (signal[s] * clean + scale[s] * rest).astype("float32")


def write(model: keras.Model, network: Path, still: Path) -> None:
    """Write the denoiser, and a sheet whose rows lead from the first guess to a digit.

    Raises:
        ValueError: The network would be larger than `export_generator.LARGEST_FILE`.
    """
    from gan_utils import images

    export_generator.write(export.to_onnx(model), network)
    noise = np.random.default_rng(0).normal(size=(STILL_ROWS, *model.output_shape[1:]))
    guesses = np.stack([*denoise(model, noise.astype("float32"), CALLS)], axis=1)
    shown = guesses[:, np.linspace(0, CALLS - 1, STILL_COLUMNS).round().astype(int)]
    sheet = images.grid(shown.reshape(-1, *shown.shape[2:]), columns=STILL_COLUMNS)
    export_generator.save_still(sheet, still)
