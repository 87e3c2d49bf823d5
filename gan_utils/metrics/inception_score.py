"""Inception Score of class probabilities, in NumPy float64."""

from itertools import pairwise

import numpy as np

from gan_utils.metrics.kid import Spread
from gan_utils.metrics.validation import check_features

_SUM_TOLERANCE = 1e-3


def inception_score(
    probabilities: np.ndarray,
    splits: int = 10,
    *,
    seed: int | np.random.Generator | np.random.RandomState | None = None,
) -> Spread:
    """Return the Inception Score, exp(mean KL(p(y|x) ‖ p(y))): mean and spread over splits.

    Args:
        probabilities: `(n, classes)` in [0, 1]; each row sums to one. Not logits.
        splits: Number of parts, of consecutive rows, that are scored separately; the score depends
            on it.
        seed: Shuffles the rows first; by default they keep their order.

    Returns:
        Mean, in [1, classes], and standard deviation (of the population) over the splits.

    Raises:
        ValueError: Rows that are not probabilities, or fewer rows than splits.

    Source:
        Salimans et al. 2016, "Improved techniques for training GANs", section 4.
    """
    probabilities = check_features(probabilities, "probabilities").astype(np.float64)
    sums = probabilities.sum(axis=1)
    if probabilities.min() < 0 or np.abs(sums - 1).max() > _SUM_TOLERANCE:
        row = int(np.maximum(np.abs(sums - 1), -probabilities.min(axis=1)).argmax())
        raise ValueError(
            f"Row {row} of probabilities sums to {sums[row]:g} with a minimum of "
            f"{probabilities[row].min():g}; each row must be probabilities (not logits)."
        )
    if not 1 <= splits <= len(probabilities):
        raise ValueError(
            f"{len(probabilities)} rows of probabilities cannot be cut into {splits} splits; take "
            "more images or fewer splits."
        )
    if seed is not None:
        draw = np.random.default_rng(seed) if isinstance(seed, int | np.integer) else seed
        probabilities = probabilities[draw.permutation(len(probabilities))]
    edges = [index * len(probabilities) // splits for index in range(splits + 1)]
    values = [
        _exponential_of_divergence(probabilities[start:end]) for start, end in pairwise(edges)
    ]
    return Spread(float(np.mean(values)), float(np.std(values)))


def _exponential_of_divergence(part: np.ndarray) -> float:
    marginal = part.mean(axis=0)
    with np.errstate(divide="ignore", invalid="ignore"):
        terms = part * (np.log(part) - np.log(marginal))
    return float(np.exp(np.where(part > 0, terms, 0).sum(axis=1).mean()))
