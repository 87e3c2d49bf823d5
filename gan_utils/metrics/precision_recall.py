"""Precision and recall, density and coverage: fidelity and diversity, in NumPy float64.

Distances are computed in blocks, so memory does not grow with the square of the sample count.
"""

from collections.abc import Iterator
from typing import NamedTuple

import numpy as np

from gan_utils import _aliases
from gan_utils.metrics.validation import check_pair

_BLOCK_NUMBERS = 2**21  # 16 MB of float64 in a block of distances
_BLOCK_COLUMNS = 4096
_TIE = 1e-11  # of |x|² + |y|²: far above rounding, far below any difference that means something


class PrecisionRecall(NamedTuple):
    """The fraction of fakes in the manifold of the reals, and of reals in that of the fakes."""

    precision: float
    recall: float


class DensityCoverage(NamedTuple):
    """How many balls of reals a fake lies in (over k), and the fraction of balls with a fake."""

    density: float
    coverage: float


def precision_recall(
    features_real: np.ndarray, features_fake: np.ndarray, k: int = 3
) -> PrecisionRecall:
    """Return improved precision and recall.

    Args:
        features_real: `(n, d)` real numbers.
        features_fake: `(m, d)` real numbers.
        k: The ball around a sample reaches to its k-th nearest neighbor in the same set.

    Returns:
        Precision, the fraction of fakes inside at least one ball around a real sample, and recall,
        the fraction of reals inside at least one ball around a fake; both in [0, 1].

    Raises:
        ValueError: As in `fid`, or `k` not below the number of samples.

    Source:
        Kynkäänniemi et al. 2019, "Improved precision and recall metric for assessing generative
        models", equations 1 and 2.
    """
    real, fake = check_pair(features_real, features_fake, ("real", "fake"))
    center = _check_neighbors(real, fake, k)
    return PrecisionRecall(
        _fraction_inside(fake, real, k, center), _fraction_inside(real, fake, k, center)
    )


def density_coverage(
    features_real: np.ndarray, features_fake: np.ndarray, k: int = 5
) -> DensityCoverage:
    """Return density and coverage, which are robust against outliers among the real samples.

    Args:
        features_real: `(n, d)` real numbers.
        features_fake: `(m, d)` real numbers.
        k: The ball around a real sample reaches to its k-th nearest real neighbor.

    Returns:
        Density, the mean number of balls that a fake lies in, divided by k: about 1 for equal
        distributions, and at least 0. Coverage, the fraction of balls with at least one fake in
        them, in [0, 1].

    Raises:
        ValueError: As in `precision_recall`.

    Source:
        Naeem et al. 2020, "Reliable fidelity and diversity metrics for generative models",
        equations 2 and 3; a point on the border of a ball lies outside, as in their code.
    """
    real, fake = check_pair(features_real, features_fake, ("real", "fake"))
    center = _check_neighbors(real, fake, k)
    radii = _squared_radii(real, k, center)
    inside_count = 0
    covered = np.zeros(len(real), dtype=bool)
    for _, squared in _squared_distances(fake, real, center, margin=_TIE):
        inside = squared < radii
        inside_count += int(inside.sum())
        covered |= inside.any(axis=0)
    return DensityCoverage(inside_count / (k * len(fake)), float(covered.mean()))


def _check_neighbors(real: np.ndarray, fake: np.ndarray, k: int) -> np.ndarray:
    fewest = min(len(real), len(fake))
    if not 1 <= k < fewest:
        raise ValueError(f"k={k} neighbors need more than {k} samples a side; got {fewest}.")
    return real.mean(axis=0, dtype=np.float64)


def _fraction_inside(rows: np.ndarray, others: np.ndarray, k: int, center: np.ndarray) -> float:
    """Return the fraction of rows that lie in the ball of at least one other."""
    radii = _squared_radii(others, k, center)
    inside = 0
    for _, squared in _squared_distances(rows, others, center, margin=-_TIE):
        inside += int((squared <= radii).any(axis=1).sum())
    return inside / len(rows)


def _squared_radii(features: np.ndarray, k: int, center: np.ndarray) -> np.ndarray:
    radii = np.empty(len(features))
    for start, squared in _squared_distances(features, features, center):
        rows = np.arange(len(squared))
        squared[rows, start + rows] = -np.inf  # itself comes first, whatever the rounding
        radii[start : start + len(squared)] = np.partition(squared, k, axis=1)[:, k]
    return radii


def _squared_distances(
    rows: np.ndarray, columns: np.ndarray, center: np.ndarray, *, margin: float = 0.0
) -> Iterator[tuple[int, np.ndarray]]:
    """Yield, block by block, the index of its first row and its squared distances to all columns.

    `margin` times |x|² + |y|² is added to them, so that ties fall on the same side on any machine.
    """
    block_rows = max(1, _BLOCK_NUMBERS // len(columns))
    for start in range(0, len(rows), block_rows):
        block = rows[start : start + block_rows] - center
        norms = np.einsum("ij,ij->i", block, block)
        squared = np.empty((len(block), len(columns)))
        for first in range(0, len(columns), _BLOCK_COLUMNS):
            others = columns[first : first + _BLOCK_COLUMNS] - center
            sums = np.add.outer(norms, np.einsum("ij,ij->i", others, others))
            sums *= 1 + margin
            sums -= 2 * (block @ others.T)
            squared[:, first : first + len(others)] = sums
        yield start, squared


__getattr__ = _aliases.getter(__name__)
