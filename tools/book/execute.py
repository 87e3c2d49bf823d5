"""Executes the lessons, and keeps what they gave until something they depend on changes."""

from __future__ import annotations

import hashlib
import json
import os
import platform
import subprocess
import sys
import tempfile
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime, timezone
from importlib.metadata import version
from pathlib import Path
from typing import Any

import nbformat
import yaml

ROOT = Path(__file__).resolve().parents[2]
# What every lesson may read, next to its own cells.
INPUT_FOLDERS = ("gan_utils", "book/results", "weights")
LIBRARIES = ("tensorflow", "keras", "numpy", "matplotlib", "pillow")
DATA_SETS = ("mnist", "fashion_mnist")
CELL_TIMEOUT = {"smoke": 900, "quick": 3600, "full": -1}  # seconds a cell; -1 waits for ever
AT_ONCE = 2  # lessons: one alone leaves half of two cores idle, and each takes 1.5 GB
STAMP = "gan_workbook"  # where an executed copy says what it was made from


class LessonError(RuntimeError):
    """A lesson did not run through."""


@dataclass(frozen=True)
class Project:
    """Where the book's sources are, where the build goes, and in which profile."""

    root: Path
    out: Path
    profile: str

    @property
    def executed(self) -> Path:
        """Folder of the executed copies."""
        return self.out / "executed"


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
    """Return the lesson as it stands in the repository."""
    path = root / "notebooks" / f"{name}.ipynb"
    if not path.is_file():
        raise LessonError(f"_toc.yml names {name}, but {path} is missing; `make sync` makes it.")
    return nbformat.read(path, as_version=4)


def code_cells(notebook: nbformat.NotebookNode) -> list[nbformat.NotebookNode]:
    """Return the notebook's code cells."""
    return [cell for cell in notebook.cells if cell.cell_type == "code"]


def shared_inputs(project: Project) -> dict[str, Any]:
    """Return everything but its own cells that a lesson's outputs depend on."""
    files = (
        path
        for folder in INPUT_FOLDERS
        for path in sorted((project.root / folder).rglob("*"))
        if path.is_file() and "__pycache__" not in path.parts
    )
    return {
        "profile": project.profile,
        "epoch_limit": os.environ.get("GAN_EPOCHS", ""),
        "image_limit": os.environ.get("GAN_IMAGES", ""),
        "data": data_kinds(),
        "versions": {"python": platform.python_version()}
        | {name: version(name) for name in LIBRARIES},
        "files": {
            path.relative_to(project.root).as_posix(): hashlib.sha256(path.read_bytes()).hexdigest()
            for path in files
        },
    }


def data_kinds() -> dict[str, str]:
    """Return for each data set whether a lesson would get the whole set or the sample."""
    from gan_utils import data

    return {name: data.data_kind(name) for name in DATA_SETS}


def fingerprint(notebook: nbformat.NotebookNode, inputs: dict[str, Any]) -> str:
    """Return the SHA-256 over the lesson's code and its shared inputs."""
    sources = [cell.source for cell in code_cells(notebook)]
    return hashlib.sha256(json.dumps([sources, inputs], sort_keys=True).encode()).hexdigest()


def executed_copy(project: Project, name: str) -> nbformat.NotebookNode | None:
    """Return the kept copy of a lesson's last good run, None when there is none."""
    path = project.executed / f"{name}.ipynb"
    return nbformat.read(path, as_version=4) if path.is_file() else None


def stale_lessons(project: Project, inputs: dict[str, Any]) -> list[str]:
    """Return the lessons whose kept copy is missing or was made from something else."""

    def is_stale(name: str) -> bool:
        copy = executed_copy(project, name)
        key = fingerprint(read_lesson(project.root, name), inputs)
        return copy is None or copy.metadata[STAMP]["key"] != key

    return [name for name in lesson_names(project.root) if is_stale(name)]


def execute_stale(project: Project) -> list[str]:
    """Execute the lessons that need it and keep their copies; return their names.

    Raises:
        LessonError: when a lesson fails. The lessons that passed are kept all the same.
    """
    inputs = shared_inputs(project)
    stale = stale_lessons(project, inputs)
    if not stale:
        return []
    print(f"Executing in profile {project.profile}: {', '.join(stale)}", flush=True)
    with tempfile.TemporaryDirectory(prefix="gan-workbook-") as folder:
        copies = [copy_alone(project.root, name, Path(folder) / name) for name in stale]
        status = run_nbmake(copies, project.profile)
        # After the run: the first lesson may have downloaded what was missing before it.
        inputs |= {"data": data_kinds()}
        failed = [path.stem for path in copies if not keep(project, path, inputs)]
    if failed:
        raise LessonError(
            f"Failed: {', '.join(failed)}. The traceback is above; the lesson up to the failing "
            f"cell is kept in {project.out / 'failed'}."
        )
    if status != 0:
        raise LessonError(f"pytest --nbmake ended with status {status}; its words are above.")
    return stale


def copy_alone(root: Path, name: str, folder: Path) -> Path:
    """Copy a lesson into an empty folder, so that it can lean on nothing but gan_utils."""
    folder.mkdir(parents=True, exist_ok=True)
    path = folder / f"{name}.ipynb"
    nbformat.write(read_lesson(root, name), path)
    return path


def run_nbmake(notebooks: list[Path], profile: str, extra: dict[str, str] | None = None) -> int:
    """Execute notebooks in place, each in its own folder; return pytest's exit status."""
    from gan_utils import records

    # Not in `_build`, where nbmake collects nothing, and without this repository's pytest settings.
    command = [sys.executable, "-m", "pytest", "--nbmake", "--overwrite", "-v", "--no-header"]
    command += ["-c", os.devnull, "--rootdir", str(notebooks[0].parent.parent)]
    command += ["-p", "no:cacheprovider", f"--nbmake-timeout={CELL_TIMEOUT[profile]}"]
    command += [f"--numprocesses={min(AT_ONCE, len(notebooks))}"] if len(notebooks) > 1 else []
    hidden = {"PYTEST_ADDOPTS", "PYTEST_CURRENT_TEST", "MPLBACKEND", "GAN_RECORD"}
    environment = {key: value for key, value in os.environ.items() if key not in hidden}
    environment |= {"GAN_PROFILE": profile, "JUPYTER_PREFER_ENV_PATH": "1"} | (extra or {})
    if len(notebooks) > 1:  # lessons that share the cores get in each other's way: a tenth slower
        threads = max(1, records.hardware()["cores"] // AT_ONCE)
        environment.setdefault("TF_NUM_INTRAOP_THREADS", str(threads))
    environment.setdefault("TF_CPP_MIN_LOG_LEVEL", "2")
    folder = notebooks[0].parent.parent
    return subprocess.run(
        [*command, *map(str, notebooks)], env=environment, cwd=folder, check=False
    ).returncode


def keep(project: Project, path: Path, inputs: dict[str, Any]) -> bool:
    """Store an executed notebook with its key; put a failed one aside and return False."""
    notebook = nbformat.read(path, as_version=4)
    good = ran_through(notebook)
    folder = project.executed if good else project.out / "failed"
    folder.mkdir(parents=True, exist_ok=True)
    notebook.metadata[STAMP] = {
        "key": fingerprint(notebook, inputs),
        "seconds": round(seconds(notebook), 1),
        "date": datetime.now(timezone.utc).date().isoformat(),
        **{name: inputs[name] for name in ("profile", "data", "versions")},
    }
    temporary = folder / f".{path.name}.part"
    nbformat.write(notebook, temporary)
    temporary.replace(folder / path.name)
    if good:
        print(f"{path.stem}: {notebook.metadata[STAMP]['seconds']} s", flush=True)
        (project.out / "failed" / path.name).unlink(missing_ok=True)
    return good


def ran_through(notebook: nbformat.NotebookNode) -> bool:
    """Tell whether every code cell ran, and none raised except where a tag allows it."""
    for cell in code_cells(notebook):
        allowed = "raises-exception" in cell.metadata.get("tags", [])
        raised = any(output.output_type == "error" for output in cell.outputs)
        if cell.source.strip() and (cell.execution_count is None or (raised and not allowed)):
            return False
    return True


def seconds(notebook: nbformat.NotebookNode) -> float:
    """Return the seconds from the start of the first cell to the end of the last one."""
    times = [
        datetime.fromisoformat(moment.replace("Z", "+00:00"))
        for cell in code_cells(notebook)
        for moment in cell.metadata.get("execution", {}).values()
    ]
    return (max(times) - min(times)).total_seconds() if times else 0.0
