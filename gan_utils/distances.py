"""Distances between two sets of feature vectors: Fréchet and kernel, in NumPy float64."""

import warnings
from typing import NamedTuple

import numpy as np

from gan_utils.moments import Moments, check_features

_ROOT_DIMENSIONS = 256  # up to here singular values cost next to nothing, and are the exact way
_BLOCK_ROWS = 1024
_SYMMETRY = 1e-6


class SampleSizeWarning(UserWarning):
    """Fewer samples than dimensions: the distance is exact for them, but mostly bias."""


class Spread(NamedTuple):
    """A mean and its standard deviation over splits or subsets."""

    mean: float
    std: float


def frechet_distance(
    mean_a: np.ndarray, cov_a: np.ndarray, mean_b: np.ndarray, cov_b: np.ndarray
) -> float:
    """Return the squared Fréchet (2-Wasserstein) distance between two Gaussians.

    Args:
        mean_a: `(d,)` mean of the first.
        cov_a: `(d, d)` covariance of the first; it may be singular.
        mean_b: `(d,)` mean of the second.
        cov_b: `(d, d)` covariance of the second.

    Returns:
        |mean_a - mean_b|² + tr(A) + tr(B) - 2 tr((A^½ B A^½)^½), never negative.

    Raises:
        ValueError: Shapes that do not fit, values that are not finite, or a covariance that is not
            symmetric or has a negative variance.

    Source:
        Heusel et al. 2017, "GANs trained by a two time-scale update rule", equation 6; the
        eigenvalues of the symmetric A^½ B A^½ are those of A B.
    """
    mean_a, cov_a = _check_gaussian(mean_a, cov_a, "a")
    mean_b, cov_b = _check_gaussian(mean_b, cov_b, "b")
    if mean_a.shape != mean_b.shape:
        raise ValueError(f"mean_a has {len(mean_a)} dimensions, mean_b {len(mean_b)}.")
    traces = np.trace(cov_a), np.trace(cov_b)
    return _combine(mean_a - mean_b, traces, _trace_of_root(cov_a, cov_b))


def fid(features_a: np.ndarray, features_b: np.ndarray) -> float:
    """Return the Fréchet distance between Gaussians fitted to two sets of features.

    With fewer samples than dimensions, and in few dimensions, it takes the nuclear norm of
    Xc Ycᵀ (centered features), which is exact where covariance matrices lose half the digits.

    Args:
        features_a: `(n, d)` real numbers, one row a picture.
        features_b: `(m, d)` real numbers.

    Returns:
        The distance, in squared units of the features; 0 for identical sets, biased upwards for
        small ones.

    Raises:
        ValueError: Fewer than two samples, values that are not finite, or unequal dimensions.

    Warns:
        SampleSizeWarning: Fewer samples than dimensions.
    """
    features_a, features_b = check_pair(features_a, features_b)
    dimensions = features_a.shape[1]
    warn_if_few(len(features_a), len(features_b), dimensions)
    if dimensions > _ROOT_DIMENSIONS and min(len(features_a), len(features_b)) >= dimensions:
        moments = Moments.of(features_a), Moments.of(features_b)
        return frechet_distance(*(part for m in moments for part in (m.mean, m.covariance)))
    mean_a, root_a = _mean_and_root(features_a)
    mean_b, root_b = _mean_and_root(features_b)
    nuclear_norm = np.linalg.svd(root_a @ root_b.T, compute_uv=False).sum()
    return _combine(mean_a - mean_b, (np.sum(root_a**2), np.sum(root_b**2)), nuclear_norm)


def kid(
    features_a: np.ndarray,
    features_b: np.ndarray,
    *,
    subsets: int = 100,
    subset_size: int | None = None,
    seed: int | np.random.Generator | np.random.RandomState = 0,
) -> Spread:
    """Return the kernel distance: an unbiased squared MMD with the kernel (x·y/d + 1)³.

    Args:
        features_a: `(n, d)` real numbers.
        features_b: `(m, d)` real numbers.
        subsets: How many pairs of random subsets to average.
        subset_size: Samples in a subset; by default 1,000, or half of the smaller set.
        seed: Draws the subsets; a generator of NumPy is used as it is.

    Returns:
        Mean and standard deviation over the subsets (of the population); slightly negative values
        are right for equal distributions.

    Raises:
        ValueError: As in `fid`, or subsets that cannot be drawn.

    Source:
        Bińkowski et al. 2018, "Demystifying MMD GANs", section 4, with Gretton et al. 2012,
        equation 3.
    """
    features_a, features_b = check_pair(features_a, features_b)
    fewest = min(len(features_a), len(features_b))
    size = default_subset_size(fewest) if subset_size is None else subset_size
    if not 2 <= size <= fewest or subsets < 1:
        raise ValueError(
            f"{subsets} subsets of {size} cannot be drawn from {fewest} samples; choose at least "
            f"one subset of 2 to {fewest}."
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


def check_pair(
    features_a: np.ndarray, features_b: np.ndarray, names: tuple[str, str] = ("a", "b")
) -> tuple[np.ndarray, np.ndarray]:
    """Check two sets of features, each and against each other (see `check_features`)."""
    first = check_features(features_a, f"features_{names[0]}")
    second = check_features(features_b, f"features_{names[1]}")
    if first.shape[1] != second.shape[1]:
        raise ValueError(
            f"features_{names[0]} has {first.shape[1]} dimensions, features_{names[1]} "
            f"{second.shape[1]}; take both from the same extractor."
        )
    return first, second


def warn_if_few(count_a: int, count_b: int, dimensions: int) -> None:
    """Warn, with the numbers, when a Fréchet distance has fewer samples than dimensions."""
    fewest = min(count_a, count_b)
    if fewest < dimensions:
        warnings.warn(
            f"{fewest:,} samples for {dimensions:,} dimensions: the Fréchet distance is exact for "
            f"these samples, but far above that of the distributions; take more than {dimensions:,}"
            " or compare only with numbers from as many samples.",
            SampleSizeWarning,
            stacklevel=3,
        )


def _combine(difference: np.ndarray, traces: tuple[float, float], root: float) -> float:
    distance = float(difference @ difference + (traces[0] + traces[1] - 2 * root))
    if not np.isfinite(distance):
        raise ValueError("The distance exceeds float64; divide the features by a constant.")
    return max(distance, 0.0)


def _check_gaussian(mean: np.ndarray, cov: np.ndarray, name: str) -> tuple[np.ndarray, np.ndarray]:
    mean = np.atleast_1d(np.asarray(mean, dtype=np.float64))
    cov = np.atleast_2d(np.asarray(cov, dtype=np.float64))
    if mean.ndim != 1 or cov.shape != (len(mean), len(mean)) or len(mean) == 0:
        raise ValueError(
            f"mean_{name} has shape {mean.shape} and cov_{name} {cov.shape}; expected (d,), (d, d)."
        )
    if not (np.isfinite(mean).all() and np.isfinite(cov).all()):
        raise ValueError(f"mean_{name} or cov_{name} has NaN or infinity.")
    if np.abs(cov - cov.T).max() > _SYMMETRY * np.abs(cov).max() or np.diag(cov).min() < 0:
        raise ValueError(f"cov_{name} is no covariance: not symmetric, or a negative variance.")
    return mean, cov


def _trace_of_root(cov_a: np.ndarray, cov_b: np.ndarray) -> float:
    """Return tr((A^½ B A^½)^½) from the eigenvalues of Fᵀ B F, where A = F Fᵀ."""
    scale_a, scale_b = np.trace(cov_a), np.trace(cov_b)
    if scale_a == 0 or scale_b == 0:
        return 0.0
    try:
        factor = np.linalg.cholesky(cov_a / scale_a)  # ten times faster than an eigenbasis
    except np.linalg.LinAlgError:
        values, vectors = np.linalg.eigh(cov_a / scale_a)
        kept = values > _noise(values)
        factor = vectors[:, kept] * np.sqrt(values[kept])
    eigenvalues = np.linalg.eigvalsh(factor.T @ (cov_b / scale_b) @ factor)
    roots = np.sqrt(eigenvalues[eigenvalues > _noise(eigenvalues)])
    return float(np.sqrt(scale_a) * np.sqrt(scale_b) * roots.sum())


def _noise(eigenvalues: np.ndarray) -> float:
    """Below this, an eigenvalue is rounding; its root would be 1e-8 of the largest, not nothing."""
    return float(len(eigenvalues) * np.finfo(np.float64).eps * eigenvalues.max())


def _mean_and_root(features: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Return the mean and a matrix R of at most d rows whose RᵀR is the covariance."""
    mean = features.mean(axis=0, dtype=np.float64)
    count, dimensions = features.shape
    if count <= dimensions:
        return mean, (features - mean) / np.sqrt(count - 1)
    root = np.empty((0, dimensions))
    rows = max(4 * dimensions, _BLOCK_ROWS)
    for start in range(0, count, rows):
        block = features[start : start + rows] - mean
        root = np.linalg.qr(np.concatenate([root, block]), mode="r")
    return mean, root / np.sqrt(count - 1)


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
