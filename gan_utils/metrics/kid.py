"""Kernel distance (KID) between two sets of feature vectors, in NumPy float64."""

from typing import NamedTuple

import numpy as np

from gan_utils.metrics.validation import check_pair

MOST_SUBSETS = 100_000  # more take hours and change no digit that is shown
_BLOCK_ROWS = 1024


class Spread(NamedTuple):
    """A mean and its standard deviation over splits or subsets."""

    mean: float
    std: float


def kid(
    features_a: np.ndarray,
    features_b: np.ndarray,
    *,
    subsets: int = 100,
    subset_size: int | None = None,
    seed: int | np.random.Generator | np.random.RandomState = 0,
) -> Spread:
    """Return the kernel distance (KID): unbiased estimates of MMD² with the kernel (x·y/d + 1)³.

    Args:
        features_a: `(n, d)` real numbers.
        features_b: `(m, d)` real numbers.
        subsets: How many pairs of random subsets to average, 1 to 100,000.
        subset_size: Samples in a subset; by default 1,000, or half of the smaller set if that is
            less.
        seed: Seed of the subsets, or a random generator of NumPy.

    Returns:
        Mean and standard deviation (of the population) over the subsets. As the estimate is
        unbiased, the mean can be slightly negative for equal distributions.

    Raises:
        ValueError: As in `fid`, or a number or size of subsets that is out of range.

    Source:
        Bińkowski et al. 2018, "Demystifying MMD GANs", section 4, with Gretton et al. 2012,
        equation 3.
    """
    features_a, features_b = check_pair(features_a, features_b)
    fewest = min(len(features_a), len(features_b))
    size = default_subset_size(fewest) if subset_size is None else subset_size
    if not 2 <= size <= fewest or not 1 <= subsets <= MOST_SUBSETS:
        raise ValueError(
            f"{subsets:,} subsets of {size} cannot be drawn from {fewest} samples; choose one to "
            f"{MOST_SUBSETS:,} subsets of 2 to {fewest}."
        )
    draw = np.random.default_rng(seed) if isinstance(seed, int | np.integer) else seed
    values = []
    for _ in range(subsets):
        part_a = features_a[draw.choice(len(features_a), size, replace=False)]
        part_b = features_b[draw.choice(len(features_b), size, replace=False)]
        values.append(_unbiased_mmd(part_a.astype(np.float64), part_b.astype(np.float64)))
    return Spread(float(np.mean(values)), float(np.std(values)))


def default_subset_size(fewest: int) -> int:
    """Return the size of the subsets that `kid` draws when the smaller set holds `fewest`."""
    return min(1000, max(2, fewest // 2))


def _unbiased_mmd(part_a: np.ndarray, part_b: np.ndarray) -> float:
    size = len(part_a)
    pairs = size * (size - 1)
    within_a = (_kernel_sum(part_a, part_a) - _kernel_of_self(part_a)) / pairs
    within_b = (_kernel_sum(part_b, part_b) - _kernel_of_self(part_b)) / pairs
    return within_a + within_b - 2 * _kernel_sum(part_a, part_b) / size**2


def _kernel_sum(part_a: np.ndarray, part_b: np.ndarray) -> float:
    total = 0.0
    for start in range(0, len(part_a), _BLOCK_ROWS):
        base = part_a[start : start + _BLOCK_ROWS] @ part_b.T / part_a.shape[1] + 1
        total += float(np.sum(base * base * base))
    return total


def _kernel_of_self(part: np.ndarray) -> float:
    return float(np.sum((np.sum(part * part, axis=1) / part.shape[1] + 1) ** 3))
