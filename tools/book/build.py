"""Builds the book: executes the lessons that changed, then makes the site from them."""

from __future__ import annotations

import argparse
import sys
import time
from pathlib import Path

from . import execute, render, stage, widgets


def main(arguments: list[str] | None = None) -> int:
    """Build; return the exit status."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--root", type=Path, default=execute.ROOT, help="the repository")
    parser.add_argument("--out", type=Path, help="where to build (default: _build/<profile>)")
    parser.add_argument("--execute-only", action="store_true", help="build no site")
    options = parser.parse_args(arguments)
    try:
        build(options.root.resolve(), options.out, execute_only=options.execute_only)
    except (execute.LessonError, render.SiteError) as error:
        print(f"\n{error}", file=sys.stderr)
        return 1
    return 0


def build(root: Path, out: Path | None = None, *, execute_only: bool = False) -> None:
    """Bring the executed lessons, and unless told otherwise the site, up to date."""
    from gan_utils import profile

    start = time.perf_counter()
    out = (out or root / "_build" / profile.name).resolve()
    project = execute.Project(root, out, profile.name)
    executed = execute.execute_stale(project)
    if execute_only:
        print_lessons(project)
    else:
        parts = widgets.prepare(project)
        changed = render.render(project, stage.stage(project, parts), parts)
        page = out / "html" / "index.html"
        print(f"{'Built' if changed else 'Up to date'}: {page}")
        serve = "make serve" + (
            "" if project.profile == "quick" else f" GAN_PROFILE={project.profile}"
        )
        print(f"Read it with `{serve}`, at http://localhost:8000 (its search needs a server).")
    print(f"{len(executed)} lessons executed, {time.perf_counter() - start:.0f} s in all.")


def print_lessons(project: execute.Project) -> None:
    """Print how long each lesson's last run took."""
    for name in execute.lesson_names(project.root):
        notebook = execute.executed_copy(project, name)
        stamp = notebook.metadata[execute.STAMP]
        print(f"{name}: {stamp['seconds']:.1f} s in profile {stamp['profile']} ({stamp['date']})")
