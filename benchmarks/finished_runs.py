"""The runs of a study: those that an earlier, interrupted start has recorded, and the others."""

import json
from collections.abc import Callable, Iterable
from typing import Any

from gan_utils import profile, records
from gan_utils.data import ImageSet


def finished_runs(name: str, budget: dict[str, Any]) -> list[dict[str, Any]]:
    """Return the runs that a study's record already has, if their budget is that of this study.

    Args:
        name: Name of the study and of its record.
        budget: The settings that all runs of the study share.
    """
    folder = records.record_folder()
    path = folder / f"{name}.json" if folder else None
    if path is None or not path.exists():
        return []
    found = json.loads(path.read_text("utf-8"))["runs"].get(profile.run_name())
    return found["metrics"]["runs"] if found and found["metrics"]["budget"] == budget else []


def train_missing(
    name: str,
    budget: dict[str, Any],
    cases: Iterable[dict[str, Any]],
    train: Callable[..., dict[str, Any]],
    facts: Callable[[list[dict[str, Any]]], dict[str, Any]],
    *,
    data: str | ImageSet,
) -> None:
    """Train the cases that a study's record lacks, and record the study after each of them.

    Args:
        name: Name of the study and of its record.
        budget: The settings that all runs of the study share.
        cases: What distinguishes a run, such as objective and seed: the arguments of `train`.
        train: Trains one case; returns its row, which begins with the case itself.
        facts: Returns what the record holds besides the rows, from the rows so far.
        data: What the runs were trained on.
    """
    rows = finished_runs(name, budget)
    for case in cases:
        if any(case.items() <= row.items() for row in rows):
            continue
        rows.append(train(**case))
        print(case, flush=True)
        records.record(name, {"runs": rows, "budget": budget} | facts(rows), data=data)
