"""How much work a lesson does: smoke, quick or full, read once from ``GAN_PROFILE``.

``smoke`` proves that a lesson runs, ``quick`` (the default) shows its point in minutes on a CPU,
``full`` reaches the quality that the lesson promises and is meant for a GPU. ``GAN_EPOCHS`` sets a
limit on the passes of ``full``, for a machine that cannot afford all of them.
"""

import os

NAMES = ("smoke", "quick", "full")


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


name: str = _read_name()
epoch_limit: int | None = _read_limit()


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


def samples(full: int, *, quick: int = 1000, smoke: int = 64) -> int:
    """Number of samples (pictures to train on, to generate or to score) in the current profile.

    Args:
        full: samples in ``full``, at least 1.
        quick: samples in ``quick``, at least 1.
        smoke: samples in ``smoke``, at least 1.

    Returns:
        The one of the three numbers that belongs to the current profile.

    Raises:
        ValueError: a number is not a positive integer.
    """
    return _choose("samples", full=full, quick=quick, smoke=smoke)


def _choose(what: str, **numbers: int) -> int:
    # All three are checked, so that a wrong `full` is found by the smoke run.
    for profile, number in numbers.items():
        if isinstance(number, bool) or not isinstance(number, int) or number < 1:
            raise ValueError(
                f"{what}: the number for {profile!r} is {number!r}; give an integer of at least 1."
            )
    return numbers[name]
