"""Prints the progress of a run of the lessons, and its failures."""

from __future__ import annotations

import json
import time
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path
from statistics import mean


@dataclass(frozen=True)
class Failure:
    """A lesson that stopped: where, and why.

    Attributes:
        lesson: Its name.
        cell: First line of the cell that failed.
        error: Type and message of the error, one line.
        notebook: The notebook with the outputs up to that cell, and the traceback.
        command: The command that runs this lesson alone.
    """

    lesson: str
    cell: str
    error: str
    notebook: Path
    command: str


class Progress:
    """Prints one line a lesson as it ends, with an estimate of what is left."""

    def __init__(self, expected: dict[str, float], at_once: int) -> None:
        """Start the clock.

        Args:
            expected: Expected seconds of each lesson that will run; 0 if unknown.
            at_once: Number of lessons that run at the same time.
        """
        self.expected, self.at_once = expected, at_once
        self.start = time.perf_counter()
        self.took: dict[str, float] = {}

    def announce(self, profile: str) -> None:
        """Print how many lessons will run, and how long that should take."""
        count = len(self.expected)
        what = "1 lesson" if count == 1 else f"{count} lessons, {self.at_once} at a time"
        print(f"Running {what}, in profile {profile}{self._left()}", flush=True)

    def ended(self, name: str, seconds: float, failure: Failure | None) -> None:
        """Print a line for a lesson that has ended."""
        self.took[name] = seconds
        took = f"FAILED after {seconds:.0f} s" if failure else f"{seconds:.0f} s"
        count, width = len(self.expected), max(map(len, self.expected))
        place = f"[{len(self.took):{len(str(count))}}/{count}]"
        print(f"{place} {name:{width}}  {took}{self._left()}", flush=True)

    def _left(self) -> str:
        seconds = self.left()
        if seconds is None:
            return ""
        words = f"{seconds:.0f} s" if seconds < 90 else f"{seconds / 60:.0f} min"
        return f", about {words} left"

    def left(self) -> float | None:
        """Estimate the seconds until the last lesson ends; None when nothing is left or known."""
        waiting = sum(time for name, time in self.expected.items() if name not in self.took)
        known = sum(self.expected[name] for name in self.took)
        if waiting == 0:
            return None
        took = sum(self.took.values())
        pace = took / known if known else 1.0  # of this machine, next to the one expected
        running = self.at_once * (time.perf_counter() - self.start) - took
        return max(pace * waiting - max(running, 0.0), 0.0) / self.at_once


def expected_seconds(root: Path, profile: str, last: dict[str, float | None]) -> dict[str, float]:
    """Return how long each lesson should take.

    Args:
        root: The repository.
        profile: The run's profile.
        last: Seconds of each lesson's last run here, None where there is none.

    Returns:
        Expected seconds: those of the last run, else of the record, else the mean of the others.
    """
    found = {name: last[name] or recorded_seconds(root, profile, name) for name in last}
    usual = mean([seconds for seconds in found.values() if seconds] or [0.0])
    return {name: seconds or usual for name, seconds in found.items()}


def recorded_seconds(root: Path, profile: str, lesson: str) -> float:
    """Return the seconds of a lesson's recorded run, 0 when there is none."""
    path = root / "book" / "results" / f"{lesson}.json"
    if not path.is_file():
        return 0.0
    run = json.loads(path.read_text(encoding="utf-8")).get("runs", {}).get(profile, {})
    return float(run.get("seconds") or 0.0)  # none where nothing is trained


def summary(failures: Iterable[Failure]) -> str:
    """Return a text on each failure: where, why, and how to run the lesson alone."""
    failures = list(failures)
    count = "1 lesson" if len(failures) == 1 else f"{len(failures)} lessons"
    lines = [f"{count} failed. The other pages are complete; this site is not for publishing."]
    for failure in failures:
        lines += [
            f"\n{failure.lesson}: {failure.error}",
            f"  in the cell that begins with: {failure.cell}",
            f"  notebook up to there, with the traceback: {failure.notebook}",
            f"  run it alone: {failure.command}",
        ]
    return "\n".join(lines)
