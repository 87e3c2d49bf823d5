"""Fréchet distance between two sets of feature vectors, in NumPy float64."""

import warnings

import numpy as np

from gan_utils.metrics.statistics import Moments
from gan_utils.metrics.validation import check_pair

_ROOT_DIMENSIONS = 256  # up to here singular values cost next to nothing, and are the exact way
_BLOCK_ROWS = 1024
_BLOCK_COLUMNS = 256
_SYMMETRY = 1e-6


class SampleSizeWarning(UserWarning):
    """Fewer samples than dimensions: most of the distance between the two sets is bias."""


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
        ValueError: Shapes that do not match, values that are not finite, a covariance that is not
            symmetric or has a negative variance, or a distance beyond the range of float64.

    Source:
        Heusel et al. 2017, "GANs trained by a two time-scale update rule", equation 6; the
        eigenvalues of the symmetric A^½ B A^½ are those of A B.
    """
    mean_a, cov_a = _check_gaussian(mean_a, cov_a, "a")
    mean_b, cov_b = _check_gaussian(mean_b, cov_b, "b")
    if mean_a.shape != mean_b.shape:
        raise ValueError(f"mean_a has {len(mean_a)} dimensions, mean_b {len(mean_b)}.")
    return _gaussian_distance(mean_a - mean_b, cov_a, cov_b)


def fid(features_a: np.ndarray, features_b: np.ndarray) -> float:
    """Return the Fréchet distance between Gaussians fitted to two sets of features.

    With fewer samples than dimensions, and in few dimensions, the trace of the matrix square root
    is computed as the nuclear norm of Xc Ycᵀ (centered features): covariance matrices would lose
    half of the digits.

    Args:
        features_a: `(n, d)` real numbers, one row per image.
        features_b: `(m, d)` real numbers.

    Returns:
        The (squared) distance of `frechet_distance`, in squared units of the features; 0 for
        identical sets, biased upwards for small ones.

    Raises:
        ValueError: Fewer than two samples, values that are not finite, or unequal dimensions.

    Warns:
        SampleSizeWarning: Fewer samples than dimensions.

    Source:
        Heusel et al. 2017, section 3, equation 6 (FID, there with Inception features).
    """
    features_a, features_b = check_pair(features_a, features_b)
    dimensions = features_a.shape[1]
    warn_if_few(len(features_a), len(features_b), dimensions)
    if dimensions > _ROOT_DIMENSIONS and min(len(features_a), len(features_b)) >= dimensions:
        first, second = Moments.of(features_a), Moments.of(features_b)
        return _gaussian_distance(first.mean - second.mean, first.covariance, second.covariance)
    mean_a, root_a = _mean_and_root(features_a)
    mean_b, root_b = _mean_and_root(features_b)
    nuclear_norm = np.linalg.svd(root_a @ root_b.T, compute_uv=False).sum()
    return _combine(mean_a - mean_b, (np.sum(root_a**2), np.sum(root_b**2)), nuclear_norm)


def warn_if_few(count_a: int, count_b: int, dimensions: int) -> None:
    """Warn (`SampleSizeWarning`) if a Fréchet distance has fewer samples than dimensions."""
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
        raise ValueError(
            f"cov_{name} is not a covariance matrix: not symmetric, or with a negative variance."
        )
    return mean, cov


def _gaussian_distance(difference: np.ndarray, cov_a: np.ndarray, cov_b: np.ndarray) -> float:
    """Take tr((A^½ B A^½)^½) from the eigenvalues of Fᵀ B F, where A = F Fᵀ."""
    scale_a, scale_b = float(np.trace(cov_a)), float(np.trace(cov_b))
    if scale_a == 0 or scale_b == 0 or not np.isfinite(scale_a + scale_b):
        return _combine(difference, (scale_a, scale_b), 0.0)
    try:  # ten times faster than an eigenbasis
        product = _lower_product(np.linalg.cholesky(cov_a / scale_a), cov_b / scale_b)
    except np.linalg.LinAlgError:
        values, vectors = np.linalg.eigh(cov_a / scale_a)
        kept = values > _noise(values)
        factor = vectors[:, kept] * np.sqrt(values[kept])
        product = factor.T @ (cov_b / scale_b) @ factor
    eigenvalues = np.linalg.eigvalsh(product, UPLO="L")
    roots = np.sqrt(eigenvalues[eigenvalues > _noise(eigenvalues)])
    root = np.sqrt(scale_a) * np.sqrt(scale_b) * roots.sum()
    return _combine(difference, (scale_a, scale_b), root)


def _lower_product(factor: np.ndarray, cov: np.ndarray) -> np.ndarray:
    """Return Fᵀ B F for a lower triangular F, itself only in the lower triangle.

    Leaving out the zeros and the mirror image saves more than half of the multiplications.
    """
    size = len(factor)
    edges = range(0, size, _BLOCK_COLUMNS)
    half = np.empty_like(cov)
    for start in edges:
        end = start + _BLOCK_COLUMNS
        half[:, start:end] = cov[:, start:] @ factor[start:, start:end]
    product = np.zeros_like(cov)
    for start in edges:
        end = start + _BLOCK_COLUMNS
        product[start:end, :end] = factor[start:, start:end].T @ half[start:, :end]
    return product


def _noise(eigenvalues: np.ndarray) -> float:
    """Return the size below which an eigenvalue is a rounding error, whose root would count."""
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
