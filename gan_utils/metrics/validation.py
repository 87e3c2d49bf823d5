"""Input validation shared by all metrics."""

import numpy as np

_BLOCK_NUMBERS = 2**24


def check_features(features: np.ndarray, name: str = "features", *, least: int = 2) -> np.ndarray:
    """Check feature vectors, and return them as an array.

    Args:
        features: `(n, d)` real numbers, any float or integer dtype.
        name: What to call them in the message.
        least: Smallest `n` that is allowed.

    Returns:
        The same values, `(n, d)`, dtype unchanged; bfloat16 (TensorFlow's own type in NumPy) as
        float32.

    Raises:
        ValueError: Not two axes, no dimension, too few samples, a dtype that is not real, or a
            value that is not finite.
    """
    features = np.asarray(features)
    if features.dtype.name == "bfloat16":
        features = features.astype(np.float32)
    if features.ndim != 2 or features.shape[1] == 0:
        raise ValueError(f"{name} has shape {features.shape}; expected (samples, dimensions).")
    if len(features) < least:
        raise ValueError(f"{name} holds {len(features)} sample(s); give at least {least}.")
    if features.dtype.kind not in "fiu":
        raise ValueError(f"{name} has dtype {features.dtype}; expected real numbers.")
    rows = max(1, _BLOCK_NUMBERS // features.shape[1])
    for start in range(0, len(features), rows):
        finite = np.isfinite(features[start : start + rows]).all(axis=1)
        if not finite.all():
            row = start + int(finite.argmin())
            raise ValueError(
                f"{name} has NaN or infinity in row {row}; find out which image that is."
            )
    return features


def check_pair(
    features_a: np.ndarray, features_b: np.ndarray, names: tuple[str, str] = ("a", "b")
) -> tuple[np.ndarray, np.ndarray]:
    """Check two sets of features (see `check_features`), and that their dimensions are equal."""
    first = check_features(features_a, f"features_{names[0]}")
    second = check_features(features_b, f"features_{names[1]}")
    if first.shape[1] != second.shape[1]:
        raise ValueError(
            f"features_{names[0]} has {first.shape[1]} dimensions, features_{names[1]} "
            f"{second.shape[1]}; take both from the same extractor."
        )
    return first, second


def require_same_origin(first: object, second: object) -> None:
    """Raise an error for vectors that come from different networks or resizings.

    Args:
        first: Anything with the attributes `extractor` and `resizing`.
        second: The same.

    Raises:
        ValueError: The two differ, so that no score can compare them.
    """
    for attribute in ("extractor", "resizing"):
        here, there = getattr(first, attribute), getattr(second, attribute)
        if here != there:
            raise ValueError(
                f"Different {attribute}: {here!r} and {there!r}; their numbers do not compare. "
                "Compute both sides in the same way."
            )
