"""Packs the trained generators of recorded full runs into weights/, after measuring them.

A generator is packed from the folder of its run, e.g. `make pack LESSON=04_cgan`; `make train` does
the same at its end. A generator whose scores differ from its record is not packed.
"""

from __future__ import annotations

import argparse
import hashlib
import json
import os
import sys
import tempfile
from collections.abc import Iterable
from datetime import datetime, timezone
from math import prod
from pathlib import Path
from typing import Any

import numpy as np

from gan_utils import model_file, records
from gan_utils.io import whole_file

from . import execute, origins, score
from .origins import ORIGINS, Origin

PROFILE = "full"
MOST_DROPPED_BITS = 3


class PackError(RuntimeError):
    """A generator cannot be packed."""


def pack_lesson(root: Path, lesson: str, runs: Path | None = None) -> list[str]:
    """Pack the generators of a lesson's recorded full run.

    Args:
        root: The repository.
        lesson: Name of the lesson.
        runs: Parent of the run's folder; default: the one that `make train` uses.

    Returns:
        Names of what was packed; empty for a lesson that ships none.

    Raises:
        PackError: No such run or file, or a generator that differs from its record.
    """
    record_file = root / "book" / "results" / f"{lesson}.json"
    packed = []
    for name, origin in ORIGINS.items():
        if origin.lesson != lesson:
            continue
        found = json.loads(record_file.read_text("utf-8"))["runs"] if record_file.exists() else {}
        if PROFILE not in found:
            raise PackError(f"{record_file} has no recorded full run: make train LESSON={lesson}")
        precision = found[PROFILE].get("precision", "float32")
        source = run_folder(root, lesson, runs, precision) / origin.file
        if not source.is_file():
            raise PackError(f"{name}: the run did not write {source}; run make train again")
        with tempfile.TemporaryDirectory(prefix="gan-workbook-") as folder:
            path = Path(folder) / f"{name}.npz"
            entry = pack_one(name, source, found[PROFILE], path)
            # An older file is replaced only after all checks have passed.
            with whole_file(root / "weights" / path.name) as temporary:
                temporary.write_bytes(path.read_bytes())
        add_to_manifest(root, name, entry)
        packed.append(name)
    return packed


def run_folder(
    root: Path, lesson: str, runs: Path | None = None, precision: str = "float32"
) -> Path:
    """Return the folder that a lesson's full run has written to under `make train`."""
    home = runs or Path(os.environ.get("GAN_RUNS", "").strip() or "runs").expanduser()
    return root / "runs" / PROFILE / lesson / home / records.folder_name(lesson, PROFILE, precision)


def pack_one(name: str, source: Path, record: dict[str, Any], target: Path) -> dict[str, Any]:
    """Pack one generator into a file; return its entry in the manifest."""
    import keras

    from gan_utils import layers  # noqa: F401  (so that Keras knows its layers)

    origin = ORIGINS[name]
    if isinstance(record["data"], dict) and record["data"]["source"] == "embedded":
        raise PackError(f"{name}: its run was on embedded images, not on the whole data set")
    network = keras.saving.load_model(source, compile=False)
    small, levels = pack_small(network, target, origin.levels)
    entry = {
        **describe_file(target),
        **describe_run(origin, record),
        **describe_network(name, small, record),
        "largest_difference_in_gray_levels": round(levels, 3),
        "scores": score.score(name, small, record),
    }
    if difference := score.difference(entry["scores"], entry["metrics"]):
        raise PackError(f"{name}: {difference}")
    return entry


def pack_small(network: Any, target: Path, most: float) -> tuple[Any, float]:
    """Pack with as few bits as the images allow; return the packed network and its largest error.

    The error is in gray levels out of 255.
    """
    inputs = score.example_inputs(network)
    exact = score.call(network, inputs)
    levels = np.inf
    for bits in range(MOST_DROPPED_BITS, -1, -1):
        model_file.pack(network, target, dropped_bits=bits)
        small = model_file.unpack(target)
        levels = float(np.abs(score.call(small, inputs) - exact).max()) * 127.5
        if levels <= most:
            return small, levels
    raise PackError(f"{target.name}: float16 changes a pixel by {levels:.2f} gray levels")


def describe_file(path: Path) -> dict[str, Any]:
    """Return name, size and SHA-256 of a file."""
    content = path.read_bytes()
    return {
        "file": path.name,
        "bytes": len(content),
        "sha256": hashlib.sha256(content).hexdigest(),
    }


def describe_run(origin: Origin, record: dict[str, Any]) -> dict[str, Any]:
    """Return facts about the run that made a generator, from its record."""
    kept = {key: record.get(key) for key in ("lesson", "commit", "date", "seed", "versions")}
    metrics = origin.metrics(record)
    steps = prod(origins.find(record, path) for path in origin.steps)
    told = record["data"]
    return {
        **kept,
        "data": told if isinstance(told, str) else f"{told['count']:,} images of {told['name']}",
        "epochs": origins.find(record, origin.epochs) if origin.epochs else None,
        "steps": metrics.pop("steps", steps),
        "seconds": round(metrics.pop("seconds", record["seconds"])),
        "metrics": metrics,
    }


def describe_network(name: str, network: Any, record: dict[str, Any]) -> dict[str, Any]:
    """Return the shapes of a network's inputs and output, and its classes, if any."""
    shapes = [list(part.shape[1:]) for part in network.inputs]
    kinds = ("images" if len(shapes[0]) == 3 else "latents", ORIGINS[name].second)
    inputs = dict(zip(kinds, shapes, strict=False))
    classes = ORIGINS[name].classes(record)
    found = {"inputs": inputs, "output": list(network.outputs[0].shape[1:])}
    return found | ({"classes": classes} if classes else {})


def add_to_manifest(root: Path, name: str, entry: dict[str, Any]) -> None:
    """Add an entry to the manifest, in the book's order, and update the table in the book."""
    path = root / "weights" / "manifest.json"
    found = json.loads(path.read_text("utf-8"))["generators"] if path.exists() else {}
    found[name] = entry | {"packed": datetime.now(timezone.utc).date().isoformat()}
    ordered = {name: found[name] for name in ORIGINS if name in found}
    text = json.dumps({"generators": ordered}, indent=1, ensure_ascii=False, allow_nan=False)
    write(path, text + "\n")
    write(root / "book" / "trained-generators.md", origins.table(ordered))


def write(path: Path, text: str) -> None:
    """Write a text file atomically."""
    with whole_file(path) as temporary:
        temporary.write_text(text, encoding="utf-8")


def main(arguments: Iterable[str] | None = None) -> int:
    """Pack the generators of one lesson; return the exit status."""
    parser = argparse.ArgumentParser(prog="python -m tools.book pack", description=__doc__)
    parser.add_argument("lesson", help="its name, e.g. 04_cgan")
    parser.add_argument("--root", type=Path, default=execute.ROOT, help="the repository")
    parser.add_argument("--runs", type=Path, help="folder that holds the folder of the full run")
    options = parser.parse_args(arguments)
    names = execute.lesson_names(options.root)
    if options.lesson not in names:
        parser.error(f"there is no lesson {options.lesson!r}; choose one of {', '.join(names)}")
    try:
        packed = pack_lesson(options.root.resolve(), options.lesson, options.runs)
    except (PackError, ValueError, KeyError) as error:
        print(f"not packed: {error}", file=sys.stderr)
        return 1
    print(f"{options.lesson}: packed {', '.join(packed) or 'nothing, it ships no generator'}")
    return 0
