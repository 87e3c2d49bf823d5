"""Lays out the folder that Sphinx reads: the pages, and the lessons with their outputs."""

from __future__ import annotations

import os
from pathlib import Path

import nbformat

from gan_utils.data import embedded
from gan_utils.data.datasets import SOURCES

from . import execute
from .alt_text import describe_figures
from .execute import STAMP, Project
from .progress import Failure
from .widgets import Widgets

BOOK_FILES = ("**/*.md", "*.bib", "_static/**/*", "_ext/*.py", "results/*.json")
FAILED = "This lesson stopped with an error"  # check.py fails for such a page


def stage(
    project: Project, widgets: Widgets | None = None, failed: dict[str, Failure] | None = None
) -> bool:
    """Bring the staged tree up to date; return whether anything in it changed.

    A file that did not change is not touched, so that Sphinx reads only changed ones.
    """
    failed, widgets = failed or {}, widgets or Widgets()
    files = book_files(project.root)
    for name in execute.lesson_names(project.root):
        files[f"notebooks/{name}.ipynb"] = lesson_page(project, name, widgets, failed.get(name))
    return mirror(files, project.out / "source")


def book_files(root: Path) -> dict[str, bytes]:
    """Return the settings and all files of the prose pages, by path in the repository."""
    paths = [root / "_config.yml", root / "_toc.yml", *root.glob("CONTRIBUTING.md")]
    for pattern in BOOK_FILES:
        paths += sorted(path for path in (root / "book").glob(pattern) if path.is_file())
    return {path.relative_to(root).as_posix(): path.read_bytes() for path in paths}


def lesson_page(
    project: Project, name: str, widgets: Widgets, failure: Failure | None = None
) -> bytes:
    """Return the lesson's current text with the outputs of its executed copy, as a notebook.

    A lesson that failed has the outputs of the cells before the failing one.
    """
    notebook = execute.read_lesson(project.root, name)
    executed = execute.executed_copy(project, name, failed=failure is not None)
    if executed is None:
        raise execute.LessonError(f"{name} has not been executed in {project.out}.")
    pairs = zip(execute.code_cells(notebook), execute.code_cells(executed), strict=True)
    for cell, source in pairs:
        if failure and execute.errors_of(source):
            break
        cell.outputs, cell.execution_count = source.outputs, source.execution_count
    describe_figures(notebook)
    for cell in notebook.cells:
        if cell.cell_type == "markdown":
            cell.source = widgets.place(cell.source)
    code = "\n".join(cell.source for cell in execute.code_cells(notebook))
    note = failure_note(failure) if failure else origin_note(executed.metadata[STAMP], code)
    insert_under_title(notebook, note)
    return (nbformat.writes(notebook) + "\n").encode()


def insert_under_title(notebook: nbformat.NotebookNode, text: str) -> None:
    """Put text right after the notebook's first heading."""
    for cell in notebook.cells:
        lines = cell.source.split("\n")
        heading = next((i for i, line in enumerate(lines) if line.startswith("# ")), None)
        if cell.cell_type == "markdown" and heading is not None:
            lines[heading + 1 : heading + 1] = ["", text, ""]
            cell.source = "\n".join(lines)
            return
    raise execute.LessonError("A lesson needs a first heading, a line that starts with '# '.")


def failure_note(failure: Failure) -> str:
    """Return the note on the page of a lesson that failed."""
    words = f"cell:  {failure.cell}\nerror: {failure.error}".replace("```", "'''")
    return f""":::{{admonition}} {FAILED}
:class: danger failed-lesson
The outputs on this page end before the cell that failed. Figures of recorded runs are not affected.

```text
{words}
```

Run this lesson alone with `{failure.command}`.
:::"""


def origin_note(stamp: dict, code: str) -> str:
    """Return the note about the run that made this page's images."""
    smoke = stamp["profile"] == "smoke"
    kind, title = (
        ("danger", "Not for publishing: made by the smoke test")
        if smoke
        else ("note", "What made the images on this page")
    )
    facts = [f"Profile **{stamp['profile']}**"]
    settings = stamp.get("settings", {})
    facts += [
        describe_data(name, kind_of_data, settings.get("GAN_PHOTOGRAPHS", ""))
        for name, kind_of_data in stamp["data"].items()
        if f'"{name}"' in code
    ]
    precision = settings.get("GAN_PRECISION")
    if precision:
        facts.append(f"networks in {precision}")
    versions = stamp["versions"]
    facts.append(
        f"Python {versions['python']}, TensorFlow {versions['tensorflow']}, "
        f"Keras {versions['keras']}"
    )
    facts.append(f"{stamp['date']}, {round(stamp['seconds'])} s from the first cell to the last")
    lines = [f":::{{admonition}} {title}", f":class: {kind} origin"]
    if smoke:
        lines += [
            "The networks on this page were trained for a moment: its images show nothing.",
            "",
        ]
    more = f"[What a profile is]({os.path.relpath('book/profiles-and-data.md', 'notebooks')})"
    return "\n".join([*lines, " · ".join(facts) + f" · {more}", ":::"])


def describe_data(name: str, kind: str, photographs: str = "") -> str:
    """Return a description of the data that the lesson ran on."""
    title = SOURCES[name].title
    if name == execute.COLOR and photographs:
        return "data: photographs from a folder"
    if kind == "real":
        return f"data: {title}"
    if name == execute.COLOR:
        return f"data: **handwritten digits in color in place of {title}**"
    return f"data: **{embedded.describe(title)}**"


def mirror(files: dict[str, bytes], folder: Path) -> bool:
    """Make a folder hold exactly these files; return whether anything changed."""
    changed = False
    for relative, content in files.items():
        path = folder / relative
        if not path.is_file() or path.read_bytes() != content:
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_bytes(content)
            changed = True
    wanted = {folder / relative for relative in files}
    for path in sorted(folder.rglob("*")):
        if path.is_file() and path not in wanted and "__pycache__" not in path.parts:
            path.unlink()
            changed = True
    return changed
