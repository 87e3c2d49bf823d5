"""Reads the recorded runs of the book, and says in words what they were made with."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

RUNS = ("quick", "full", "full-tutorial")  # the last: full, with the recipe of the tutorial
TITLES = {"mnist": "MNIST", "fashion_mnist": "Fashion-MNIST", "cifar10": "CIFAR-10"}


def results_path(srcdir: str | Path, lesson: str) -> Path:
    """Return the file that keeps a lesson's recorded runs, whether it exists or not."""
    return Path(srcdir) / "book" / "results" / f"{lesson}.json"


def runs(srcdir: str | Path, lesson: str) -> dict[str, dict[str, Any]]:
    """Return a lesson's recorded runs by profile, shortest first; empty when there is none."""
    path = results_path(srcdir, lesson)
    found = json.loads(path.read_text(encoding="utf-8"))["runs"] if path.is_file() else {}
    return {name: found[name] for name in RUNS if name in found}


def value(srcdir: str | Path, run: str, profile: str, key: str) -> Any:
    """Return a recorded value, looked up among a run's metrics, then among its other facts.

    Dots in ``key`` lead into groups of values, numbers into lists.

    Raises:
        LookupError, OSError, ValueError, TypeError: There is no such value.
    """
    found = json.loads(results_path(srcdir, run).read_text(encoding="utf-8"))["runs"][profile]
    found = {**found, **found.get("metrics", {})}
    for part in key.split("."):
        found = found[int(part) if isinstance(found, list) else part]
    return found


def duration(seconds: float) -> str:
    """Return a time in the unit that a reader would use."""
    if seconds < 100:
        return f"{seconds:.0f} seconds"
    if seconds < 6000:
        return f"{seconds / 60:.0f} minutes"
    return f"{seconds / 3600:.1f} hours"


def machine(run: dict[str, Any]) -> str:
    """Return what a run was made on, such as ``2 CPU cores (AMD EPYC)``."""
    hardware = run["hardware"]
    cores = hardware["cores"]
    words = f"{cores} CPU core{'s' if cores != 1 else ''} ({hardware['cpu']})"
    return f"{', '.join(hardware['gpus'])}; {words}" if hardware.get("gpus") else words


def data(run: dict[str, Any]) -> str:
    """Return what a run was trained on; a sample is called one."""
    found = run.get("data")
    if isinstance(found, dict):
        name = TITLES.get(found["name"], found["name"])
        if found["source"] == "embedded":
            return f"a sample of {name} that comes with the book ({found['count']:,} images)"
        return f"{name}, {found['split']} part ({found['count']:,} images)"
    return found or "no data"


def budget(run: dict[str, Any]) -> str:
    """Return how much training a run had: updates, images seen and passes, as far as recorded."""
    facts = {**run.get("settings", {}), **run["metrics"]}
    steps = facts.get("updates", facts.get("steps"))
    if steps is None and {"epochs", "steps_per_epoch"} <= facts.keys():
        steps = facts["epochs"] * facts["steps_per_epoch"]
    if steps is None:
        return ""
    parts = [f"{steps:,} updates"]
    sizes = [facts.get(key) for key in ("batch_size", "real_images", "half_batch")]
    size = next((size for size in sizes if isinstance(size, int)), None)
    if size:
        parts[0] += f" of {size} real images"
    rows = [
        row["images_seen"] for row in run.get("comparison", {}).values() if "images_seen" in row
    ]
    found = run.get("data")
    if rows and isinstance(found, dict):
        parts.append(
            f"{rows[0]:,} images seen, {rows[0] / found['count']:.1f} passes over the data"
        )
    return ", ".join(parts)


def versions(run: dict[str, Any]) -> str:
    """Return the versions that made a run, in one line."""
    found = run["versions"]
    known = (("python", "Python"), ("tensorflow", "TensorFlow"), ("keras", "Keras"))
    return ", ".join(f"{title} {found[name]}" for name, title in known if name in found)
