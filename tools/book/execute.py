"""Executes the lessons, and keeps their outputs until something that they depend on changes."""

from __future__ import annotations

import hashlib
import json
import os
import platform
import re
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterable, Iterator
from concurrent.futures import ThreadPoolExecutor, as_completed
from dataclasses import dataclass, replace
from datetime import datetime, timezone
from importlib.metadata import version
from pathlib import Path
from typing import Any

import nbformat
import yaml

from . import depends
from .progress import Failure, Progress, expected_seconds

ROOT = Path(__file__).resolve().parents[2]
LIBRARIES = ("tensorflow", "keras", "numpy", "matplotlib", "pillow")
DATA_SETS = ("mnist", "fashion_mnist", "cifar10")
COLOR = "cifar10"
CELL_TIMEOUT = {"smoke": 900, "quick": 3600, "full": -1}  # seconds a cell; -1 waits for ever
# Environment variables that change a run, besides the profile.
SETTINGS = (
    *("GAN_EPOCHS", "GAN_SEED_SHIFT", "GAN_IMAGES", "GAN_DATA", "GAN_PHOTOGRAPHS"),
    *("GAN_PRECISION", "GAN_RECIPE"),
)
AT_ONCE = 2  # lessons: one alone leaves half of two cores idle, and each takes 1.5 GB
LONGEST_LINE = 200  # characters of an error message
ESCAPE = re.compile(r"\x1b\[[0-9;]*m")  # colors
STAMP = "gan_workbook"  # key of the metadata about the run in an executed copy


class LessonError(RuntimeError):
    """A lesson is missing, or lacks something that the book needs."""


@dataclass(frozen=True)
class Project:
    """The book's sources, the folder of the build, and its profile."""

    root: Path
    out: Path
    profile: str

    @property
    def executed(self) -> Path:
        """Folder of the executed copies."""
        return self.out / "executed"

    @property
    def failed(self) -> Path:
        """Folder of the copies of lessons that failed, up to the cell that did."""
        return self.out / "failed"


def toc_files(root: Path) -> list[str]:
    """Return the pages named in ``_toc.yml``, in order, without suffix."""

    def walk(node: Any) -> Iterable[str]:
        if isinstance(node, dict):
            yield from (node[key] for key in ("root", "file") if key in node)
            for value in node.values():
                yield from walk(value)
        elif isinstance(node, list):
            for item in node:
                yield from walk(item)

    return list(walk(yaml.safe_load((root / "_toc.yml").read_text(encoding="utf-8"))))


def lesson_names(root: Path) -> list[str]:
    """Return the names of the lessons in the table of contents, e.g. ``02_dcgan``."""
    return [Path(page).name for page in toc_files(root) if page.startswith("notebooks/")]


def read_lesson(root: Path, name: str) -> nbformat.NotebookNode:
    """Return the lesson's notebook in the repository; LessonError if it is missing."""
    path = root / "notebooks" / f"{name}.ipynb"
    if not path.is_file():
        raise LessonError(f"_toc.yml names {name}, but {path} is missing; `make sync` makes it.")
    return nbformat.read(path, as_version=4)


def code_cells(notebook: nbformat.NotebookNode) -> list[nbformat.NotebookNode]:
    """Return the notebook's code cells."""
    return [cell for cell in notebook.cells if cell.cell_type == "code"]


@dataclass(frozen=True)
class Shared:
    """What lessons depend on besides their own cells: settings of the run, and files."""

    run: dict[str, Any]
    files: depends.Inputs


def shared_inputs(project: Project) -> Shared:
    """Return what the lessons' outputs depend on now, besides their own cells."""
    run = {
        "profile": project.profile,
        "settings": {name: os.environ.get(name, "") for name in SETTINGS},
        "data": data_kinds(),
        "versions": {"python": platform.python_version()}
        | {name: version(name) for name in LIBRARIES},
    }
    return Shared(run, depends.Inputs(project.root))


def data_kinds() -> dict[str, str]:
    """Return for each data set whether a lesson would get the whole set or the sample."""
    from gan_utils import data

    return {name: data.data_kind(name) for name in DATA_SETS}


def fingerprint(notebook: nbformat.NotebookNode, shared: Shared) -> str:
    """Return the SHA-256 over the lesson's code and everything that it depends on."""
    sources = [cell.source for cell in code_cells(notebook)]
    code = "\n".join(sources)
    # Color photographs are for one lesson: their download makes no other one stale.
    data = {k: kind for k, kind in shared.run["data"].items() if k != COLOR or f'"{k}"' in code}
    key = [sources, shared.run | {"data": data}, shared.files.of(code)]
    return hashlib.sha256(json.dumps(key, sort_keys=True).encode()).hexdigest()


def executed_copy(
    project: Project, name: str, *, failed: bool = False
) -> nbformat.NotebookNode | None:
    """Return the copy of a lesson's last successful (or failed) run; None if there is none."""
    path = (project.failed if failed else project.executed) / f"{name}.ipynb"
    return nbformat.read(path, as_version=4) if path.is_file() else None


def stale_lessons(project: Project, shared: Shared) -> list[str]:
    """Return the lessons whose copy is missing or out of date."""

    def is_stale(name: str) -> bool:
        copy = executed_copy(project, name)
        key = fingerprint(read_lesson(project.root, name), shared)
        return copy is None or copy.metadata[STAMP]["key"] != key

    return [name for name in lesson_names(project.root) if is_stale(name)]


def find_lesson(root: Path, asked: str) -> str:
    """Return the lesson with a name or the start of one, such as `04`.

    Raises:
        LessonError: There is none, or more than one.
    """
    names = lesson_names(root)
    found = [name for name in names if name == asked] or [
        name for name in names if name.startswith(asked)
    ]
    if len(found) != 1:
        raise LessonError(f"There is no lesson {asked!r}; choose one of {', '.join(names)}.")
    return found[0]


@dataclass(frozen=True)
class Outcome:
    """Names of the lessons that ran, and those that failed, in the book's order."""

    ran: list[str]
    failures: list[Failure]

    @property
    def failed(self) -> dict[str, Failure]:
        """The failures by lesson."""
        return {failure.lesson: failure for failure in self.failures}


def execute_stale(project: Project, only: str | None = None) -> Outcome:
    """Execute the lessons that need it, and keep the copy of each as it ends.

    Args:
        project: The book.
        only: Name of the one lesson to run, whether it needs it or not.
    """
    shared = shared_inputs(project)
    names = [only] if only else stale_lessons(project, shared)
    if not names:
        return Outcome([], [])
    copies = {name: executed_copy(project, name) for name in names}
    last = {name: copy and copy.metadata[STAMP]["seconds"] for name, copy in copies.items()}
    expected = expected_seconds(project.root, project.profile, last)
    progress = Progress(expected, min(AT_ONCE, len(names)))
    progress.announce(project.profile)
    failures = {}
    with tempfile.TemporaryDirectory(prefix="gan-workbook-") as folder:
        # The longest first, so that both places are taken until the end.
        order = sorted(names, key=lambda name: -expected[name])
        paths = [copy_alone(project.root, name, Path(folder) / name) for name in order]
        for path, log, seconds in run_all(paths, project.profile):
            # The data may have been downloaded by a lesson, after the key of the others was made.
            shared = replace(shared, run=shared.run | {"data": data_kinds()})
            if failure := keep(project, path, shared, log):
                failures[path.stem] = failure
            progress.ended(path.stem, seconds, failure)
    return Outcome(names, [failures[name] for name in names if name in failures])


def run_all(paths: list[Path], profile: str) -> Iterator[tuple[Path, str, float]]:
    """Execute notebooks, `AT_ONCE` at a time; yield each as it ends, with its log and seconds."""
    from gan_utils import records

    extra = {}
    if len(paths) > 1:  # lessons that share the cores get in each other's way: a tenth slower
        threads = max(1, records.hardware()["cores"] // AT_ONCE)
        extra = {"TF_NUM_INTRAOP_THREADS": str(threads)}

    def run(path: Path) -> tuple[Path, str, float]:
        start = time.perf_counter()
        log = run_nbmake(path, profile, extra)
        return path, log, time.perf_counter() - start

    pool = ThreadPoolExecutor(AT_ONCE)
    try:
        for done in as_completed([pool.submit(run, path) for path in paths]):
            yield done.result()
    finally:
        pool.shutdown(cancel_futures=True)


def copy_alone(root: Path, name: str, folder: Path) -> Path:
    """Copy a lesson into an empty folder, so that it can use nothing but gan_utils."""
    folder.mkdir(parents=True, exist_ok=True)
    path = folder / f"{name}.ipynb"
    nbformat.write(read_lesson(root, name), path)
    return path


def run_nbmake(notebook: Path, profile: str, extra: dict[str, str] | None = None) -> str:
    """Execute a notebook in place, in its own folder; return what pytest printed."""
    # Not in `_build`, where nbmake collects nothing, and without this repository's pytest settings.
    folder = notebook.parent
    command = [sys.executable, "-m", "pytest", "--nbmake", "--overwrite", "-q", "--color=no"]
    command += ["-c", os.devnull, "--rootdir", str(folder), "-p", "no:cacheprovider"]
    command += [f"--nbmake-timeout={CELL_TIMEOUT[profile]}", str(notebook)]
    # A build resumes no earlier run: its outputs would be those of the code of then.
    hidden = {"PYTEST_ADDOPTS", "PYTEST_CURRENT_TEST", "MPLBACKEND", "GAN_RECORD", "GAN_RUNS"}
    environment = {key: value for key, value in os.environ.items() if key not in hidden}
    environment = (extra or {}) | environment
    environment |= {"GAN_PROFILE": profile, "JUPYTER_PREFER_ENV_PATH": "1"}
    environment.setdefault("TF_CPP_MIN_LOG_LEVEL", "2")
    # Where nothing is chosen, `GAN` prints a hint that depends on the processor.
    environment["GAN_PRECISION"] = environment.get("GAN_PRECISION", "").strip() or "float32"
    return subprocess.run(
        command,
        env=environment,
        cwd=folder,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        encoding="utf-8",
        errors="replace",
        check=False,
    ).stdout


def keep(project: Project, path: Path, shared: Shared, log: str = "") -> Failure | None:
    """Store an executed notebook with its key; return the failure of one that failed."""
    notebook = nbformat.read(path, as_version=4)
    good = ran_through(notebook)
    folder = project.executed if good else project.failed
    folder.mkdir(parents=True, exist_ok=True)
    notebook.metadata[STAMP] = {
        "key": fingerprint(notebook, shared),
        "seconds": round(seconds(notebook), 1),
        "date": datetime.now(timezone.utc).date().isoformat(),
        **shared.run,
    }
    temporary = folder / f".{path.name}.part"
    nbformat.write(notebook, temporary)
    temporary.replace(folder / path.name)
    if good:
        (project.failed / path.name).unlink(missing_ok=True)
        return None
    kept = folder / path.name
    return Failure(
        path.stem,
        *what_failed(notebook, log),
        kept.relative_to(project.root) if kept.is_relative_to(project.root) else kept,
        command_for(project, path.stem),
    )


def command_for(project: Project, name: str) -> str:
    """Return the command that runs one lesson alone, in the project's profile."""
    profile = "" if project.profile == "quick" else f" GAN_PROFILE={project.profile}"
    return f"make lessons LESSON={name}{profile}"


def what_failed(notebook: nbformat.NotebookNode, log: str) -> tuple[str, str]:
    """Return the first line of the cell that failed, and the error.

    Args:
        notebook: As the run has left it.
        log: What pytest printed; it holds the error where no cell does, as when the kernel died.
    """
    for cell in code_cells(notebook):
        for error in errors_of(cell):
            text = f"{error.ename}: {ESCAPE.sub('', error.evalue)}".strip().removesuffix(":")
            return first_line(cell.source), first_line(text)
    cell = next((cell for cell in code_cells(notebook) if cell.execution_count is None), None)
    found = re.findall(r"^.*(?:Error|timed out|died).*$", ESCAPE.sub("", log), re.MULTILINE)
    error = found[-1].strip() if found else "the run ended without an error message"
    return first_line(cell.source if cell else ""), error


def first_line(text: str) -> str:
    """Return the first line of a text, at most `LONGEST_LINE` characters of it."""
    line = next(iter(text.strip().splitlines()), "")
    return line if len(line) <= LONGEST_LINE else f"{line[:LONGEST_LINE]}..."


def errors_of(cell: nbformat.NotebookNode) -> list[nbformat.NotebookNode]:
    """Return a cell's errors, except those that a tag allows."""
    if "raises-exception" in cell.metadata.get("tags", []):
        return []
    return [output for output in cell.outputs if output.output_type == "error"]


def ran_through(notebook: nbformat.NotebookNode) -> bool:
    """Return whether every code cell ran without an error, except errors that a tag allows."""
    cells = [cell for cell in code_cells(notebook) if cell.source.strip()]
    return not any(cell.execution_count is None or errors_of(cell) for cell in cells)


def seconds(notebook: nbformat.NotebookNode) -> float:
    """Return the seconds from the start of the first cell to the end of the last one."""
    times = [
        datetime.fromisoformat(moment.replace("Z", "+00:00"))
        for cell in code_cells(notebook)
        for moment in cell.metadata.get("execution", {}).values()
    ]
    return (max(times) - min(times)).total_seconds() if times else 0.0
