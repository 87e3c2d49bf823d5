"""How much work a lesson does: smoke, quick or full, read once from ``GAN_PROFILE``.

``smoke`` proves that a lesson runs, ``quick`` (the default) shows in less than a minute of training
that a model learns, ``full`` is the run that is recorded. ``GAN_EPOCHS`` sets a limit on the epochs
of ``full``, for a machine that cannot afford all of them. ``GAN_SEED_SHIFT`` is added to every
seed, so that anybody can see which results depend on luck.
"""

import os

NAMES = ("smoke", "quick", "full")
_SEED_LIMIT = 1_000_000  # a shifted seed stays within 32 bits, which TensorFlow's seeds have


def _read_name() -> str:
    value = os.environ.get("GAN_PROFILE", "").strip() or "quick"
    if value not in NAMES:
        raise ValueError(
            f"GAN_PROFILE is {value!r}, which is not a profile; choose one of {', '.join(NAMES)}."
        )
    return value


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


name: str = _read_name()
epoch_limit: int | None = _read_limit()
seed_shift: int = _read_seed_shift()


def epochs(full: int, *, quick: int = 1, smoke: int = 1) -> int:
    """Number of passes over the data in the current profile.

    Args:
        full: passes in ``full``, at least 1.
        quick: passes in ``quick``, at least 1.
        smoke: passes in ``smoke``, at least 1.

    Returns:
        The one of the three numbers that belongs to the current profile; in ``full`` at most
        ``GAN_EPOCHS``, where that is set.

    Raises:
        ValueError: a number is not a positive integer.
    """
    chosen = _choose("epochs", full=full, quick=quick, smoke=smoke)
    return min(chosen, epoch_limit) if name == "full" and epoch_limit else chosen


def steps(full: int, *, quick: int = 100, smoke: int = 2) -> int:
    """Number of updates in the current profile.

    Args:
        full: updates in ``full``, at least 1.
        quick: updates in ``quick``, at least 1.
        smoke: updates in ``smoke``, at least 1.

    Returns:
        The one of the three numbers that belongs to the current profile.

    Raises:
        ValueError: a number is not a positive integer.
    """
    return _choose("steps", full=full, quick=quick, smoke=smoke)


def samples(full: int, *, quick: int = 1000, smoke: int = 64, available: int | None = None) -> int:
    """Number of samples (images to train on, to generate or to score) in the current profile.

    Args:
        full: samples in ``full``, at least 1.
        quick: samples in ``quick``, at least 1.
        smoke: samples in ``smoke``, at least 1.
        available: how many there are, at least 1, such as ``len(test_set)``; None without a limit.

    Returns:
        The one of the three numbers that belongs to the current profile, and never more than
        `available`: a sample of 2,000 test images can be all there is.

    Raises:
        ValueError: a number is not a positive integer.
    """
    chosen = _choose("samples", full=full, quick=quick, smoke=smoke)
    if available is None:
        return chosen
    _check_positive("samples", "available", available)
    return min(chosen, available)


def seed(number: int) -> int:
    """A lesson's seed: the number itself, or shifted where ``GAN_SEED_SHIFT`` says so.

    Args:
        number: the seed of the recorded runs, at least 0.

    Returns:
        `number` plus ``GAN_SEED_SHIFT``.

    Raises:
        ValueError: a number below 0, or not an integer.
    """
    if isinstance(number, bool) or not isinstance(number, int) or number < 0:
        raise ValueError(f"seed: {number!r} is not an integer of at least 0.")
    return number + seed_shift


def _choose(what: str, **numbers: int) -> int:
    # All three are checked, so that a wrong `full` is found by the smoke run.
    for profile, number in numbers.items():
        _check_positive(what, profile, number)
    return numbers[name]


def _check_positive(what: str, which: str, number: int) -> None:
    if isinstance(number, bool) or not isinstance(number, int) or number < 1:
        raise ValueError(
            f"{what}: the number for {which!r} is {number!r}; give an integer of at least 1."
        )
