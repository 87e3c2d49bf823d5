"""The runs of a study that an earlier, interrupted start has recorded."""

import json
from typing import Any

from gan_utils import profile, records


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
