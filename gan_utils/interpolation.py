"""Spherical interpolation between latent vectors, which keeps the length of normal noise."""

import numpy as np

from gan_utils import _aliases


def slerp(first: np.ndarray, second: np.ndarray, angles: np.ndarray) -> np.ndarray:
    """Interpolate spherically (slerp) between latent vectors: cos(angle) first + sin(angle) second.

    Independent standard normal vectors of many dimensions are nearly orthogonal and equally long;
    for such vectors this is the slerp of White 2016, "Sampling generative networks". On a straight
    line between them, the vectors would be shorter than those that the generator was trained on.

    Args:
        first: Latents (n, latent_dim) or (latent_dim,), the result at angle 0.
        second: Latents of the same shape, the result at angle pi/2.
        angles: In radians, of a shape that broadcasts with the latents, such as (n, 1).

    Returns:
        Latents of the broadcast shape, float32.
    """
    return (np.cos(angles) * first + np.sin(angles) * second).astype(np.float32)


def interpolate(first: np.ndarray, second: np.ndarray, count: int) -> np.ndarray:
    """Return latent vectors from one to another by slerp, at equal angles, both ends included.

    Args:
        first: (latent_dim,) float.
        second: (latent_dim,) float.
        count: Number of vectors.

    Returns:
        Latents (count, latent_dim) float32.
    """
    return slerp(first, second, np.linspace(0, np.pi / 2, count)[:, None])


__getattr__ = _aliases.getter(__name__)
