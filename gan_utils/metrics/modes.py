"""How many modes of a data set a generator reaches, and how evenly."""

from typing import NamedTuple

import numpy as np


class ModeCoverage(NamedTuple):
    """Modes reached, and how uneven their shares are.

    Attributes:
        modes: How many modes have at least one sample.
        divergence: KL divergence of the modes' shares from the uniform distribution, in nats.
    """

    modes: int
    divergence: float


def mode_coverage(labels: np.ndarray, num_modes: int) -> ModeCoverage:
    """Count the modes that a generator reaches, and measure how uneven their shares are.

    Samples of a uniform distribution have a divergence above 0 too: about
    `(num_modes - 1) / (2 n)` for n samples, if n is much larger than the number of modes.

    Args:
        labels: `(n,)` int in [0, num_modes), n > 0: the mode that a classifier assigned to each
            generated sample.
        num_modes: Number of modes of the data set, such as 1,000 for Stacked MNIST.

    Returns:
        Modes in [1, num_modes] and KL(p || uniform) in [0, log(num_modes)], p being the shares of
        the modes; a mode without samples adds nothing to the divergence.

    Raises:
        ValueError: Labels of another shape, dtype or range, or none at all.

    Source:
        Metz et al. 2017, "Unrolled generative adversarial networks", section 3.3.1.
    """
    labels = np.asarray(labels)
    if labels.ndim != 1 or labels.size == 0 or labels.dtype.kind not in "iu":
        raise ValueError(
            f"labels has shape {labels.shape} and type {labels.dtype}; expected (n,) integers "
            "with n > 0."
        )
    if labels.min() < 0 or labels.max() >= num_modes:
        raise ValueError(
            f"labels lie in {labels.min()} … {labels.max()}, outside 0 … {num_modes - 1}."
        )
    counts = np.bincount(labels, minlength=num_modes)
    shares = counts[counts > 0] / labels.size
    return ModeCoverage(len(shares), float((shares * np.log(shares * num_modes)).sum()))
