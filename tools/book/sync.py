"""Updates each lesson's notebook from its script, and removes outputs from notebooks."""

from __future__ import annotations

import argparse
import subprocess
import sys
from pathlib import Path

import nbformat

from .execute import ROOT

NOTEBOOKS = ROOT / "notebooks"


def clear(path: Path) -> None:
    """Remove outputs and execution counts from a notebook; touch it only when it has some."""
    notebook = nbformat.read(path, as_version=4)
    before = nbformat.writes(notebook)
    for cell in notebook.cells:
        if cell.cell_type == "code":
            cell.outputs, cell.execution_count = [], None
    if nbformat.writes(notebook) != before:
        nbformat.write(notebook, path)


def main(arguments: list[str] | None = None) -> int:
    """Update every notebook, the template too; cells that are unchanged keep their ids."""
    argparse.ArgumentParser(prog="python -m tools.book sync", description=__doc__).parse_args(
        arguments
    )
    scripts = sorted(str(path) for path in NOTEBOOKS.rglob("*.py"))
    command = [sys.executable, "-m", "jupytext", "--update", "--to", "ipynb", *scripts]
    subprocess.run(command, check=True)
    for script in scripts:
        clear(Path(script).with_suffix(".ipynb"))
    return 0
