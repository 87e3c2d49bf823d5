"""Spherical interpolation between latent vectors, which stays where normal noise is."""

import numpy as np

from gan_utils import _aliases


def slerp(first: np.ndarray, second: np.ndarray, angles: np.ndarray) -> np.ndarray:
    """Interpolate spherically between two noise vectors; on a straight line noise gets too short.

    Independent normal vectors of many dimensions are nearly orthogonal and equally long, so the
    weights are the cosine and the sine of the angle.

    Args:
        first: Latents (n, latent_dim) or (latent_dim,), where the angle is 0.
        second: The same shape, where it is a quarter turn.
        angles: In radians, of a shape that goes with theirs, such as (n, 1).

    Returns:
        Latents of their common shape, float32.
    """
    return (np.cos(angles) * first + np.sin(angles) * second).astype(np.float32)


def interpolate(first: np.ndarray, second: np.ndarray, count: int) -> np.ndarray:
    """Return stops on the way from one latent vector to another, both ends among them.

    Args:
        first: (latent_dim,) float.
        second: (latent_dim,) float.
        count: Number of stops.

    Returns:
        Latents (count, latent_dim) float32.
    """
    return slerp(first, second, np.linspace(0, np.pi / 2, count)[:, None])


__getattr__ = _aliases.getter(__name__)
