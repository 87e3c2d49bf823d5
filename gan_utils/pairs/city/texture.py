"""Texture of a procedural city's ground, and the tone and noise of its satellite image."""

import numpy as np
from PIL import Image

# Strength of the coarse and of the fine grain of each class, in gray values.
_COARSE = np.array([7, 3, 3, 3, 3, 3, 9], np.float32)
_FINE = np.array([6, 2, 3.5, 3.5, 3, 2, 8], np.float32)


def textured(
    ground: Image.Image, classes: np.ndarray, rng: np.random.Generator, scale: float
) -> Image.Image:
    """Add grain to the ground, of a strength that depends on the class.

    Args:
        ground: (side, side) RGB.
        classes: (side, side) uint8.
        rng: Source of the grain.
        scale: Pixels for each meter.

    Returns:
        The ground with its grain, RGB.
    """
    side = len(classes)
    coarse = _noise(rng, side, 26 * scale) + 0.6 * _noise(rng, side, 9 * scale)
    fine = _noise(rng, side, max(1.0, 1.2 * scale))
    grain = _COARSE[classes] * coarse + _FINE[classes] * fine
    # Dry grass is yellow: red follows the coarse grain more than blue does.
    tint = np.stack([grain + 0.4 * _COARSE[classes] * coarse, grain, 0.7 * grain], axis=-1)
    values = np.asarray(ground, np.float32) + tint
    return Image.fromarray(values.clip(0, 255).astype(np.uint8))


def developed(image: Image.Image, rng: np.random.Generator) -> np.ndarray:
    """Add a random color gain, one for each image, and pixel noise, as a camera would.

    Args:
        image: RGB.
        rng: Source of gain and noise.

    Returns:
        (height, width, 3) uint8.
    """
    values = np.asarray(image, np.float32)
    gain = rng.uniform(0.98, 1.16) * rng.uniform(0.97, 1.03, 3).astype(np.float32)
    noise = rng.standard_normal(values.shape[:2], dtype=np.float32)[..., None] * 2.5
    return np.rint(values * gain.astype(np.float32) + noise).clip(0, 255).astype(np.uint8)


def _noise(rng: np.random.Generator, side: int, cell: float) -> np.ndarray:
    """Smooth noise (side, side) of about unit strength with bumps of `cell` pixels."""
    few = max(2, min(side, round(side / cell) + 1))
    values = Image.fromarray(rng.standard_normal((few, few), dtype=np.float32))
    return np.asarray(values.resize((side, side), Image.Resampling.BICUBIC))
