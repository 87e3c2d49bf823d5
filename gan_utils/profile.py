"""How long a lesson trains: smoke, quick or full, read from ``GAN_PROFILE`` at each use.

``smoke`` checks that a lesson runs, ``quick`` (the default) shows in less than a minute of training
that a model learns, ``full`` is the run that is recorded. ``GAN_EPOCHS`` limits the epochs of
``full`` on a slow machine. ``GAN_SEED_SHIFT`` is added to every seed: repeated runs show which
results depend on it. ``GAN_PRECISION`` is the precision in which the networks compute: float32, or
mixed precision for a processor or GPU with 16-bit units. ``GAN_RECIPE=tutorial`` trains a lesson
with the hyperparameters of the tutorial that it follows.
"""

import os
from typing import TypeVar

NAMES = ("smoke", "quick", "full")
PRECISIONS = ("float32", "mixed_bfloat16", "mixed_float16")
RECIPES = ("ours", "tutorial")
_SEED_LIMIT = 1_000_000  # a shifted seed stays within 32 bits, which TensorFlow's seeds have


def _choice(variable: str, choices: tuple[str, ...], default: str) -> str:
    value = os.environ.get(variable, "").strip() or default
    if value not in choices:
        raise ValueError(
            f"{variable} is {value!r}; choose one of {', '.join(choices)}, or unset it."
        )
    return value


def _read_name() -> str:
    return _choice("GAN_PROFILE", NAMES, "quick")


def _read_limit() -> int | None:
    value = os.environ.get("GAN_EPOCHS", "").strip()
    if not value:
        return None
    if not value.isdecimal() or int(value) < 1:
        raise ValueError(
            f"GAN_EPOCHS is {value!r}; give a whole number of at least 1, or unset it."
        )
    return int(value)


def _read_seed_shift() -> int:
    value = os.environ.get("GAN_SEED_SHIFT", "").strip() or "0"
    if not value.isdecimal() or int(value) >= _SEED_LIMIT:
        raise ValueError(
            f"GAN_SEED_SHIFT is {value!r}; give a whole number from 0 to {_SEED_LIMIT - 1}, or "
            "unset it."
        )
    return int(value)


def _read_recipe() -> str:
    return _choice("GAN_RECIPE", RECIPES, "ours")


_Settings = TypeVar("_Settings")
_READERS = {
    "name": _read_name,
    "epoch_limit": _read_limit,
    "seed_shift": _read_seed_shift,
    "precision": lambda: _choice("GAN_PRECISION", PRECISIONS, "float32"),
    "recipe": _read_recipe,
}


def __getattr__(attribute: str) -> object:
    """Return a setting from the environment, read now.

    The attributes are `name`, `epoch_limit`, `seed_shift`, `precision` and `recipe`.

    Raises:
        AttributeError: Another name.
        ValueError: An environment variable has an invalid value.
    """
    if attribute in _READERS:
        return _READERS[attribute]()
    raise AttributeError(f"module {__name__!r} has no attribute {attribute!r}")


def settings(*, full: _Settings, short: _Settings, tutorial: _Settings | None = None) -> _Settings:
    """Return a lesson's hyperparameters for this run.

    Args:
        full: Those of the recorded run.
        short: Those of ``quick`` and ``smoke``.
        tutorial: Those of the tutorial that the lesson follows, used in every profile when
            ``GAN_RECIPE`` is "tutorial".

    Returns:
        One of the three.

    Raises:
        ValueError: ``GAN_RECIPE`` is "tutorial", and the lesson has no such hyperparameters.
    """
    if _read_recipe() == "tutorial":
        if tutorial is None:
            raise ValueError("GAN_RECIPE is 'tutorial', but this lesson has no such recipe.")
        return tutorial
    return full if _read_name() == "full" else short


def run_name() -> str:
    """Return the name of this run in records: the profile, with "-tutorial" for that recipe."""
    return _read_name() + ("" if _read_recipe() == "ours" else f"-{_read_recipe()}")


def epochs(full: int, *, quick: int = 1, smoke: int = 1) -> int:
    """Return the number of epochs in the current profile.

    Args:
        full: Epochs in ``full``, at least 1.
        quick: Epochs in ``quick``, at least 1.
        smoke: Epochs in ``smoke``, at least 1.

    Returns:
        The one of the three numbers that belongs to the current profile; in ``full`` at most
        ``GAN_EPOCHS``, where that is set.

    Raises:
        ValueError: A number is not a positive integer.
    """
    chosen = _choose("epochs", full=full, quick=quick, smoke=smoke)
    limit = _read_limit()
    return min(chosen, limit) if limit and _read_name() == "full" else chosen


def steps(full: int, *, quick: int = 100, smoke: int = 2) -> int:
    """Return the number of updates in the current profile.

    Args:
        full: Updates in ``full``, at least 1.
        quick: Updates in ``quick``, at least 1.
        smoke: Updates in ``smoke``, at least 1.

    Returns:
        The one of the three numbers that belongs to the current profile.

    Raises:
        ValueError: A number is not a positive integer.
    """
    return _choose("steps", full=full, quick=quick, smoke=smoke)


def samples(full: int, *, quick: int = 1000, smoke: int = 64, available: int | None = None) -> int:
    """Return the number of samples (to train on, generate or score) in the current profile.

    Args:
        full: Samples in ``full``, at least 1.
        quick: Samples in ``quick``, at least 1.
        smoke: Samples in ``smoke``, at least 1.
        available: How many samples exist, at least 1, such as ``len(test_set)``; None: no limit.

    Returns:
        The one of the three numbers that belongs to the current profile, at most `available`.

    Raises:
        ValueError: A number is not a positive integer.
    """
    chosen = _choose("samples", full=full, quick=quick, smoke=smoke)
    if available is None:
        return chosen
    _check_positive("samples", "available", available)
    return min(chosen, available)


def seed(number: int) -> int:
    """Return a lesson's seed, shifted by ``GAN_SEED_SHIFT`` if it is set.

    Args:
        number: The seed of the recorded runs, at least 0.

    Returns:
        `number` plus ``GAN_SEED_SHIFT``.

    Raises:
        ValueError: A number below 0, or not an integer.
    """
    if isinstance(number, bool) or not isinstance(number, int) or number < 0:
        raise ValueError(f"seed: {number!r} is not an integer of at least 0.")
    return number + _read_seed_shift()


def _choose(what: str, **numbers: int) -> int:
    # All three are checked, so that a wrong `full` is found by the smoke run.
    for profile, number in numbers.items():
        _check_positive(what, profile, number)
    return numbers[_read_name()]


def _check_positive(what: str, which: str, number: int) -> None:
    if isinstance(number, bool) or not isinstance(number, int) or number < 1:
        raise ValueError(
            f"{what}: the number for {which!r} is {number!r}; give an integer of at least 1."
        )
