"""Runs one lesson in a permanent folder, so that a long run can be resumed, and records it.

After a full run, the generators that it trained are packed into weights/.
"""

from __future__ import annotations

import argparse
import os
import sys
from pathlib import Path

import nbformat

from . import execute


def main(arguments: list[str] | None = None) -> int:
    """Run the lesson; return the exit status."""
    parser = argparse.ArgumentParser(prog="python -m tools.book train", description=__doc__)
    parser.add_argument("lesson", help="its name, e.g. 02_dcgan")
    parser.add_argument("--root", type=Path, default=execute.ROOT, help="the repository")
    options = parser.parse_args(arguments)
    os.environ.setdefault("GAN_PROFILE", "full")
    from gan_utils import profile, records

    root = options.root.resolve()
    if options.lesson not in execute.lesson_names(root):
        names = ", ".join(execute.lesson_names(root))
        parser.error(f"there is no lesson {options.lesson!r}; choose one of {names}")
    cells = execute.code_cells(execute.read_lesson(root, options.lesson))
    if profile.recipe == "tutorial" and not any("tutorial=" in cell.source for cell in cells):
        parser.error(f"{options.lesson} has no recipe of a tutorial: unset GAN_RECIPE")
    folder = root / "runs" / profile.run_name() / options.lesson
    notebook = execute.copy_alone(root, options.lesson, folder)
    print(f"Training {options.lesson} in profile {profile.run_name()}, in {folder}", flush=True)
    if hint := records.bfloat16_hint():
        print(hint, flush=True)
    extra = {"GAN_RECORD": str(root / "book" / "results")}
    if "GAN_RUNS" in os.environ:  # which a build hides from the lessons
        extra["GAN_RUNS"] = os.environ["GAN_RUNS"]
    log = execute.run_nbmake(notebook, profile.name, extra)
    executed = nbformat.read(notebook, as_version=4)
    if not execute.ran_through(executed):
        cell, error = execute.what_failed(executed, log)
        print(f"{error}\n  in the cell that begins with: {cell}", file=sys.stderr)
        print(f"{options.lesson} stopped; start it again to resume.", file=sys.stderr)
        return 1
    print(f"{options.lesson}: {execute.seconds(executed):.0f} s; recorded in {root}/book/results")
    if profile.run_name() != "full":
        return 0
    from . import pack  # only now: its imports take seconds

    return pack.main([options.lesson, "--root", str(root)])
