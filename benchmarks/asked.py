"""The lessons that a benchmark is asked for on the command line."""

import argparse
from collections.abc import Iterable


def asked_lessons(
    parser: argparse.ArgumentParser, asked: list[str], known: Iterable[str]
) -> list[str]:
    """Return the lessons asked for, or all; end with an error that names an unknown one."""
    names = list(known)
    if unknown := set(asked) - set(names):
        parser.error(f"no such case: {', '.join(sorted(unknown))}; there are {', '.join(names)}")
    return asked or names
