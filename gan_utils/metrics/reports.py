"""What goes into a measurement and what comes out of it, each with its origin."""

from dataclasses import dataclass, field, replace
from typing import Any

import numpy as np

from gan_utils.metrics.checks import check_features
from gan_utils.metrics.moments import Moments

_TITLES = {
    "fid": "FID",
    "kid": "KID",
    "is": "Inception Score",
    "precision": "Precision",
    "recall": "Recall",
    "density": "Density",
    "coverage": "Coverage",
}


def title_of(metric: str) -> str:
    """Return what people call a score, for example `FID`."""
    return _TITLES.get(metric, metric)


@dataclass(frozen=True)
class Features:
    """What an extractor sees in a set of pictures.

    Attributes:
        vectors: `(n, d)` real numbers, n at least 2.
        probabilities: `(n, classes)`, rows sum to one; only the Inception Score needs them.
        extractor: Name of the network.
        resizing: How pictures were brought to the size of that network.
    """

    vectors: np.ndarray
    probabilities: np.ndarray | None = None
    extractor: str = "features as given"
    resizing: str = "none"

    def __post_init__(self) -> None:
        """Refuse what no score can use."""
        check_features(self.vectors, "vectors")
        if self.probabilities is not None and len(self.probabilities) != len(self.vectors):
            raise ValueError(
                f"{len(self.probabilities)} rows of probabilities for {len(self.vectors)} vectors."
            )

    @property
    def count(self) -> int:
        """Number of pictures."""
        return len(self.vectors)

    def rows(self, indices: np.ndarray | slice) -> "Features":
        """Return some of the pictures."""
        chances = None if self.probabilities is None else self.probabilities[indices]
        return replace(self, vectors=self.vectors[indices], probabilities=chances)

    def moments(self) -> Moments:
        """Return count, mean and covariance, which is all that the FID needs."""
        return Moments.of(self.vectors, extractor=self.extractor, resizing=self.resizing)


@dataclass(frozen=True)
class Score:
    """One number, with what it means nothing without.

    Attributes:
        metric: Short name, a key of `METRICS` or one of its results.
        value: The number.
        spread: Standard deviation over splits or subsets, where there are any.
        extractor: Name of the network whose features were compared.
        resizing: How pictures were brought to its size.
        real_count: Real pictures (0: none needed).
        fake_count: Generated pictures.
        settings: Splits, subsets or neighbors.
        floor: The same metric for real against real.
        floor_counts: How many real pictures on each side of the floor.
    """

    metric: str
    value: float
    spread: float | None
    extractor: str
    resizing: str
    real_count: int
    fake_count: int
    settings: dict[str, int] = field(default_factory=dict)
    floor: float | None = None
    floor_counts: tuple[int, ...] = ()

    def __str__(self) -> str:
        """Return one line that can stand in a table or a paper."""
        number = f"{title_of(self.metric)} {self.value:.4g}"
        if self.spread is not None:
            number += f" ± {self.spread:.2g}"
        counts = f"{self.real_count:,} real, " if self.real_count else ""
        parts = [f"{self.extractor}", f"resizing: {self.resizing}"]
        parts.append(f"{counts}{self.fake_count:,} fake")
        parts += [f"{name} {value:,}" for name, value in self.settings.items()]
        if self.floor is not None:
            sizes = " + ".join(f"{count:,}" for count in self.floor_counts)
            parts.append(f"real against real {self.floor:.4g} ({sizes})")
        return f"{number} ({'; '.join(parts)})"

    def to_dict(self) -> dict[str, Any]:
        """Return the same as plain values, for JSON."""
        return {**vars(self), "floor_counts": list(self.floor_counts)}
