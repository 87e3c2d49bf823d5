"""From two sets of features to scores with their sample counts, settings and noise floor."""

import warnings
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from gan_utils.metrics.features import Features
from gan_utils.metrics.frechet import SampleSizeWarning, fid, frechet_distance, warn_if_few
from gan_utils.metrics.inception_score import inception_score
from gan_utils.metrics.kid import default_subset_size, kid
from gan_utils.metrics.precision_recall import density_coverage, precision_recall
from gan_utils.metrics.statistics import Moments
from gan_utils.metrics.validation import require_same_origin

_Values = dict[str, tuple[float, float | None]]


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
    """Return the usual name of a score, for example `FID` for `fid`."""
    return _TITLES.get(metric, metric)


@dataclass(frozen=True)
class Score:
    """A score with what is needed to interpret and to compare it.

    Attributes:
        metric: Short name, such as `fid`, `kid`, `is` or `precision`.
        value: The score.
        spread: Standard deviation over splits or subsets, where there are any.
        extractor: Name of the network whose features were compared.
        resizing: How images were resized to the network's input size.
        real_count: Number of real images (0: the score needs none).
        fake_count: Number of generated images.
        settings: Splits, subsets or neighbors.
        floor: Noise floor: the same metric for real images against other real images.
        floor_counts: Number of real images on each side of the noise floor.
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
        """Return one line for a table or a paper."""
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
        """Return the attributes as plain values, for JSON."""
        return {**vars(self), "floor_counts": list(self.floor_counts)}


def require_known(metrics: Sequence[str], settings: Iterable[str]) -> None:
    """Raise ValueError for metrics or settings that `measure` does not know."""
    unknown = set(settings) - {"splits", "k", "subsets", "subset_size"}
    if unknown or not metrics or set(metrics) - set(METRICS):
        wrong = ", ".join(sorted(unknown | (set(metrics) - set(METRICS)))) or "no metric"
        raise ValueError(
            f"Cannot measure {wrong}; metrics are {', '.join(METRICS)}, and settings are splits, "
            "k, subsets and subset_size."
        )


def measure(
    real: Features | Moments,
    fake: Features | Moments,
    metrics: Sequence[str] = ("fid", "kid", "prdc"),
    *,
    held_out: Features | Moments | None = None,
    halves: tuple[Features | Moments, Features | Moments] | None = None,
    seed: int = 0,
    **settings: int,
) -> dict[str, Score]:
    """Compare generated images with real ones.

    Args:
        real: Features of real images, or saved moments (then only the FID can be computed).
        fake: Features of generated images, from the same extractor.
        metrics: Keys of `METRICS`: `"fid"`, `"kid"`, `"is"`, `"pr"`, `"dc"`, `"prdc"`.
        held_out: Held-out real images, for the noise floor; without them, it is measured between
            two random halves of `real`.
        halves: Those two halves, where `real` is moments, which cannot be split.
        seed: Seed of the halves and of the subsets of the KID.
        **settings: `splits` (10), `k` (precision and recall 3, density and coverage 5),
            `subsets` (100), `subset_size` (1,000, or half of the smaller set if that is less).

    Returns:
        Scores by name: `fid`, `kid`, `is`, `precision`, `recall`, `density`, `coverage`.

    Raises:
        ValueError: Unknown metric or setting, different extractors, or input for which a metric
            raises it, such as too few images.

    Warns:
        SampleSizeWarning: The FID is computed from fewer images than features.
    """
    require_known(metrics, settings)
    require_same_origin(real, fake)
    floor_pair = halves or _floor_pair(real, held_out, seed)
    scores: dict[str, Score] = {}
    for metric in metrics:
        for compute in METRICS[metric]:
            values, used = compute(real, fake, settings, seed)
            pair = (real, real) if compute is _is else floor_pair  # no comparison in this score
            floors = _floor(compute, pair, settings, seed) or _stored_floor(compute, real)
            for name, (value, spread) in values.items():
                scores[name] = Score(
                    metric=name,
                    value=value,
                    spread=spread,
                    extractor=fake.extractor,
                    resizing=fake.resizing,
                    real_count=0 if name == "is" else real.count,
                    fake_count=fake.count,
                    settings=used,
                    **floors.get(name, {}),
                )
    return scores


def fid_floor(
    real: Features | Moments,
    *,
    halves: tuple[Features | Moments, Features | Moments] | None = None,
    seed: int = 0,
) -> dict[str, Any]:
    """Return the noise floor of the FID: that between two halves of the real images.

    Args:
        real: Features of real images, or their moments.
        halves: The two halves, where `real` is moments.
        seed: Seed of the random halves otherwise.

    Returns:
        `floor` and `floor_counts`; empty where `real` cannot be split.
    """
    return _floor(_fid, halves or _floor_pair(real, None, seed), {}, seed).get("fid", {})


def _floor_pair(
    real: Features | Moments, held_out: Features | Moments | None, seed: int
) -> tuple[Features | Moments, Features | Moments] | None:
    if held_out is not None:
        require_same_origin(real, held_out)
        return real, held_out
    if isinstance(real, Moments) or real.count < 4:
        return None
    order = np.random.default_rng(seed).permutation(real.count)
    half = real.count // 2
    return real.rows(order[:half]), real.rows(order[half : 2 * half])


def _floor(
    compute: Callable, pair: tuple | None, settings: dict[str, int], seed: int
) -> dict[str, dict]:
    """Return noise floors and their counts by score; empty where there are too few real images."""
    if pair is None:
        return {}
    first, second = pair
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", SampleSizeWarning)  # its counts are printed next to it
            values, _ = compute(first, second, _fitting(settings, pair), seed)
    except ValueError:  # too few, or moments only, or no probabilities: the score has no floor
        return {}
    return {
        name: {
            "floor": value,
            "floor_counts": (second.count,) if name == "is" else (first.count, second.count),
        }
        for name, (value, _) in values.items()
    }


def _stored_floor(compute: Callable, real: Features | Moments) -> dict[str, dict]:
    if compute is not _fid or getattr(real, "floor", None) is None:
        return {}
    return {"fid": {"floor": real.floor, "floor_counts": real.floor_counts}}


def _fitting(settings: dict[str, int], pair: tuple) -> dict[str, int]:
    """Return the settings with subsets no larger than the sets of the noise floor."""
    fewest = min(part.count for part in pair)
    size = settings.get("subset_size")
    return settings if size is None else {**settings, "subset_size": min(size, fewest)}


def _vectors(part: Features | Moments, metric: str) -> np.ndarray:
    if isinstance(part, Moments):
        raise ValueError(f"{metric} needs the feature vectors; saved moments give only the FID.")
    return part.vectors


def _fid(real: Any, fake: Any, settings: dict, seed: int) -> tuple[_Values, dict]:
    if isinstance(real, Features) and isinstance(fake, Features):
        return {"fid": (fid(real.vectors, fake.vectors), None)}, {}
    first, second = (p.moments() if isinstance(p, Features) else p for p in (real, fake))
    counts = [part.count for part in (first, second) if part.count]  # 0: unknown
    if counts:
        warn_if_few(min(counts), max(counts), first.dimensions)
    distance = frechet_distance(first.mean, first.covariance, second.mean, second.covariance)
    return {"fid": (distance, None)}, {}


def _kid(real: Any, fake: Any, settings: dict, seed: int) -> tuple[_Values, dict]:
    size = settings.get("subset_size", default_subset_size(min(real.count, fake.count)))
    used = {"subsets": settings.get("subsets", 100), "subset_size": size}
    spread = kid(_vectors(real, "KID"), _vectors(fake, "KID"), **used, seed=seed)
    return {"kid": (spread.mean, spread.std)}, used


def _is(real: Any, fake: Any, settings: dict, seed: int) -> tuple[_Values, dict]:
    chances = getattr(fake, "probabilities", None)
    if chances is None:
        raise ValueError(
            f"The Inception Score needs class probabilities; {fake.extractor!r} gave none."
        )
    used = {"splits": settings.get("splits", 10)}
    spread = inception_score(chances, used["splits"])
    return {"is": (spread.mean, spread.std)}, used


def _pr(real: Any, fake: Any, settings: dict, seed: int) -> tuple[_Values, dict]:
    used = {"k": settings.get("k", 3)}
    both = precision_recall(_vectors(real, "Precision"), _vectors(fake, "Precision"), used["k"])
    return {name: (value, None) for name, value in both._asdict().items()}, used


def _dc(real: Any, fake: Any, settings: dict, seed: int) -> tuple[_Values, dict]:
    used = {"k": settings.get("k", 5)}
    both = density_coverage(_vectors(real, "Density"), _vectors(fake, "Density"), used["k"])
    return {name: (value, None) for name, value in both._asdict().items()}, used


METRICS: dict[str, tuple[Callable, ...]] = {
    "fid": (_fid,),
    "kid": (_kid,),
    "is": (_is,),
    "pr": (_pr,),
    "dc": (_dc,),
    "prdc": (_pr, _dc),
}
