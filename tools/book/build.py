"""Builds the book: executes the lessons that changed, then makes the site from them.

If a lesson fails, the other pages are built; its own page shows the error, and the status is 1.
"""

from __future__ import annotations

import argparse
import sys
import time
from pathlib import Path

from . import execute, progress, render, stage, widgets


def main(arguments: list[str] | None = None) -> int:
    """Build; return the exit status."""
    parser = argparse.ArgumentParser(prog="python -m tools.book build", description=__doc__)
    parser.add_argument("--root", type=Path, default=execute.ROOT, help="the repository")
    parser.add_argument("--out", type=Path, help="where to build (default: _build/<profile>)")
    parser.add_argument("--execute-only", action="store_true", help="build no site")
    parser.add_argument("--lesson", help="run this one, changed or not, e.g. 04; builds no site")
    options = parser.parse_args(arguments)
    from gan_utils import profile

    root = options.root.resolve()
    out = (options.out or root / "_build" / profile.name).resolve()
    project = execute.Project(root, out, profile.name)
    try:
        return build(project, options.lesson, site=not (options.execute_only or options.lesson))
    except (execute.LessonError, render.SiteError) as error:
        print(f"\n{error}", file=sys.stderr)
        return 1
    except KeyboardInterrupt:
        print("\nStopped. The lessons that are through are kept.", file=sys.stderr)
        return 130


def build(project: execute.Project, lesson: str | None = None, *, site: bool = True) -> int:
    """Bring the executed lessons, and unless told otherwise the site, up to date.

    Returns:
        The exit status: 1 when a lesson failed.
    """
    start = time.perf_counter()
    only = execute.find_lesson(project.root, lesson) if lesson else None
    outcome = execute.execute_stale(project, only)
    if site:
        build_site(project, outcome)
    else:
        print_lessons(project, [only] if only else execute.lesson_names(project.root))
    count = "1 lesson" if len(outcome.ran) == 1 else f"{len(outcome.ran)} lessons"
    print(f"{count} executed, {time.perf_counter() - start:.0f} s in all.", flush=True)
    if outcome.failures:
        print(f"\n{progress.summary(outcome.failures)}", file=sys.stderr)
    return 1 if outcome.failures else 0


def build_site(project: execute.Project, outcome: execute.Outcome) -> None:
    """Bring the site up to date, and print where it is."""
    parts = widgets.prepare(project)
    changed = stage.stage(project, parts, outcome.failed)
    changed = render.render(project, changed, parts, outcome.failed)
    print(f"{'Built' if changed else 'Up to date'}: {project.out / 'html' / 'index.html'}")
    serve = "make serve" + ("" if project.profile == "quick" else f" GAN_PROFILE={project.profile}")
    print(f"Read it with `{serve}`, at http://localhost:8000 (its search needs a server).")


def print_lessons(project: execute.Project, names: list[str]) -> None:
    """Print how long the last good run of each lesson took."""
    for name in names:
        notebook = execute.executed_copy(project, name)
        if notebook is not None:
            stamp = notebook.metadata[execute.STAMP]
            facts = f"{stamp['seconds']:.1f} s in profile {stamp['profile']} ({stamp['date']})"
            print(f"{name}: {facts}")
