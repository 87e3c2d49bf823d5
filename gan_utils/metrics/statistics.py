"""Mean and covariance of a stream of feature vectors.

A million images need the memory of one batch and of one covariance matrix, all in float64: sums in
float32 change a Fréchet distance by several percent.
"""

import os

import numpy as np

from gan_utils.io import read_arrays, whole_file
from gan_utils.metrics.validation import check_features, require_same_origin

_BLOCK_NUMBERS = 2**24  # 128 MB of float64 at most, whatever the array
_FORMAT = 1
_MOST_BYTES = 1 << 30  # the moments of 2,048 dimensions take 34 MB


class Moments:
    """Count, mean and covariance of a stream of feature vectors.

    Attributes:
        count: Number of vectors so far; 0 where the statistics of another tool do not hold it.
        extractor: Name of the network that made the vectors; only equal names are compared.
        resizing: How images were resized to the input size of that network.
        floor: Noise floor, the Fréchet distance between two halves of the vectors, if computed.
        floor_counts: How many vectors each half held.

    Source:
        Chan, Golub, LeVeque 1979, "Updating formulae and a pairwise algorithm for computing sample
        variances", equations 2.1, here for matrices.
    """

    def __init__(self, *, extractor: str = "", resizing: str = "") -> None:
        self.extractor = extractor
        self.resizing = resizing
        self.count = 0
        self.floor: float | None = None
        self.floor_counts: tuple[int, ...] = ()
        self._mean: np.ndarray | None = None
        self._scatter: np.ndarray | None = None

    @classmethod
    def of(cls, features: np.ndarray, *, extractor: str = "", resizing: str = "") -> "Moments":
        """Return the moments of one array `(n, d)`, converted to float64 block by block."""
        return cls(extractor=extractor, resizing=resizing).update(features)

    @classmethod
    def given(
        cls,
        mean: np.ndarray,
        covariance: np.ndarray,
        *,
        count: int = 0,
        extractor: str,
        resizing: str,
    ) -> "Moments":
        """Return moments from a mean and a covariance that were computed elsewhere.

        Args:
            mean: `(d,)` real numbers.
            covariance: `(d, d)`, divided by `count - 1`, as `np.cov` does.
            count: Number of images; 0 if unknown, then the moments cannot be updated or saved.
            extractor: Name of the network; it must equal that of the other side of a comparison.
            resizing: How images were resized to its input size; likewise.

        Raises:
            ValueError: Shapes that do not match, a count of 1 or below 0, or numbers that are not
                finite.
        """
        moments = cls(extractor=extractor, resizing=resizing)
        moments.count = int(count)
        moments._mean = np.asarray(mean, np.float64)
        covariance = np.asarray(covariance, np.float64)
        size = moments._mean.size
        shapes = moments._mean.shape, covariance.shape
        finite = all(np.isfinite(part).all() for part in (moments._mean, covariance))
        counted = moments.count == 0 or moments.count > 1
        if shapes != ((size,), (size, size)) or not (counted and size and finite):
            raise ValueError(
                f"a mean {shapes[0]} and a covariance {shapes[1]} of {moments.count} samples do "
                "not belong together or are not finite; compute them again"
            )
        moments._scatter = covariance * max(1, moments.count - 1)
        return moments

    def update(self, features: np.ndarray) -> "Moments":
        """Add one batch of vectors.

        Args:
            features: `(n, d)` real numbers, n at least 1.

        Returns:
            Itself, for chaining.

        Raises:
            ValueError: As in `check_features`, or another number of dimensions than before.
        """
        features = check_features(features, least=1)
        self._require_dimensions(features.shape[1])
        rows = max(1, _BLOCK_NUMBERS // features.shape[1])
        for start in range(0, len(features), rows):
            block = features[start : start + rows].astype(np.float64)
            mean = block.mean(axis=0)
            block -= mean
            self._add(len(block), mean, block.T @ block)
        return self

    def merge(self, other: "Moments") -> "Moments":
        """Add the vectors of other moments, computed on another machine for example.

        Args:
            other: Moments of vectors from the same extractor.

        Returns:
            Itself, for chaining.

        Raises:
            ValueError: Another extractor, resizing or number of dimensions, or moments whose count
                is unknown.
        """
        require_same_origin(self, other)
        other._require_count()
        if other._mean is not None and other._scatter is not None:
            self._require_dimensions(len(other._mean))
            self._add(other.count, other._mean, other._scatter.copy())
        return self

    @property
    def dimensions(self) -> int:
        """Length of a vector; 0 before the first batch."""
        return 0 if self._mean is None else len(self._mean)

    @property
    def mean(self) -> np.ndarray:
        """Mean `(d,)` float64; ValueError before the first batch."""
        if self._mean is None:
            raise ValueError("These moments have seen no vector yet; call update first.")
        return self._mean

    @property
    def covariance(self) -> np.ndarray:
        """Covariance `(d, d)` float64, divided by `count - 1`; ValueError with fewer than two."""
        if self._scatter is None or self.count == 1:
            raise ValueError(f"A covariance needs at least two samples, not {self.count}.")
        return self._scatter / max(1, self.count - 1)

    def save(self, path: str | os.PathLike) -> None:
        """Write the moments to an `.npz` file without pickle, which `load` reads.

        Args:
            path: The file; an older one is replaced when the new one is complete.

        Raises:
            ValueError: The number of vectors is unknown or below 2.
            OSError: The file cannot be written.
        """
        self._require_count()
        contents = {
            "format": np.array(_FORMAT),
            "count": np.array(self.count),
            "mean": self.mean,
            "covariance": self.covariance,
            "extractor": np.array(self.extractor),
            "resizing": np.array(self.resizing),
        }
        if self.floor is not None:
            contents |= {"floor": np.array(self.floor), "floor_counts": np.array(self.floor_counts)}
        with whole_file(path) as temporary, temporary.open("wb") as stream:
            np.savez(stream, **contents)

    @classmethod
    def load(cls, path: str | os.PathLike, *, extractor: str = "", resizing: str = "") -> "Moments":
        """Read what `save` wrote, or the `mu` and `sigma` of pytorch-fid, clean-fid and TTUR.

        Args:
            path: File to read.
            extractor: Network of another tool's statistics, which do not hold its name.
            resizing: How images were resized to its input size; likewise.

        Returns:
            Moments that can be compared and, where their count is known, updated and merged.

        Raises:
            ValueError: The file is damaged or holds something else, or another tool wrote it and
                `extractor` and `resizing` are not given.
            OSError: The file cannot be read.
        """
        try:
            stored = read_arrays(path, _MOST_BYTES)
            if {"mu", "sigma"} <= stored.keys():
                names = require_named(extractor, resizing, what=str(path))
                return cls.given(stored["mu"], stored["sigma"], **names)
            _require_format(stored["format"])
            moments = cls.given(
                stored["mean"],
                stored["covariance"],
                count=int(stored["count"]),
                extractor=str(stored["extractor"]),
                resizing=str(stored["resizing"]),
            )
            if moments.count < 2:
                raise ValueError(f"they are of {moments.count} samples")
            if "floor" in stored:
                moments.floor = float(stored["floor"])
                moments.floor_counts = tuple(int(count) for count in stored["floor_counts"])
            if not np.isfinite(moments.floor or 0.0):
                raise ValueError(f"their noise floor is {moments.floor}")
        except UnnamedError:
            raise
        except KeyError as error:
            raise ValueError(
                f"{path} holds no moments that gan_utils saved: there is no {error}"
            ) from error
        except (ValueError, TypeError, OverflowError) as error:
            raise ValueError(f"{path} holds no moments that can be used: {error}.") from error
        return moments

    def __repr__(self) -> str:
        """Return count, dimensions and extractor."""
        origin = f", extractor={self.extractor!r}" if self.extractor else ""
        return f"Moments(count={self.count}, dimensions={self.dimensions}{origin})"

    def _require_count(self) -> None:
        if self.count == 0 and self._mean is not None:
            raise ValueError(
                "These statistics do not say of how many images they are, so they can be compared, "
                "but not updated, merged or saved; see Moments.given(count=...)."
            )

    def _require_dimensions(self, dimensions: int) -> None:
        if self._mean is not None and len(self._mean) != dimensions:
            raise ValueError(
                f"These moments are of {len(self._mean)} dimensions, the new ones of {dimensions}."
            )

    def _add(self, count: int, mean: np.ndarray, scatter: np.ndarray) -> None:
        self._require_count()
        self.floor, self.floor_counts = None, ()  # it was that of fewer vectors
        if self._mean is None or self._scatter is None:
            self.count, self._mean, self._scatter = count, mean.copy(), scatter
            return
        total = self.count + count
        difference = mean - self._mean
        scatter += np.outer(difference * (self.count * count / total), difference)
        self._scatter += scatter
        self._mean = self._mean + difference * (count / total)
        self.count = total


class UnnamedError(ValueError):
    """The statistics of another tool are given without the names of network and resizing."""


def require_named(extractor: str, resizing: str, *, what: str) -> dict[str, str]:
    """Return both names; raise an error if one of them is missing.

    Args:
        extractor: Name of the network.
        resizing: How images were brought to its size.
        what: The file, for the message.

    Raises:
        UnnamedError: One of the two is empty.
    """
    if not (extractor and resizing):
        raise UnnamedError(
            f"{what} holds `mu` and `sigma`, as pytorch-fid, clean-fid and TTUR save them, without "
            "the network and the resizing that made them. Name both: --extractor and --resizing "
            "(for example inception-2015 and legacy for pytorch-fid, clean for clean-fid); in "
            "Python extractor= and resizing=."
        )
    return {"extractor": extractor, "resizing": resizing}


def _require_format(number: np.ndarray) -> None:
    if int(number) != _FORMAT:
        raise ValueError(f"format {int(number)} is not {_FORMAT}; update gan_utils.")
