"""Bundles the scripts of the interactive parts with Node.js, if the machine has it."""

from __future__ import annotations

import hashlib
import shutil
import subprocess
from pathlib import Path

SOURCES = "book/interactive"
LOCK = "package-lock.json"
FETCHED = ".fetched"  # exists when the packages of the lock file are installed
FETCH = ("ci", "--ignore-scripts", "--no-audit", "--no-fund", "--prefer-offline")
PATIENCE = 600  # seconds for one command


class NoBundleError(RuntimeError):
    """The interactive parts cannot be made here; the message says why."""


def bundle(root: Path) -> Path:
    """Bring the bundled scripts up to date.

    The packages are fetched once, into ``_build``, and again only when their list changes.

    Args:
        root: the repository.

    Returns:
        The folder of the scripts and the runtimes that they load.

    Raises:
        NoBundleError: Node or npm is missing, or one of them failed.
    """
    work, done = workshop(root), workshop(root).with_name("done")
    stamp = done / ".key"
    key = digest(sorted(path for path in (root / SOURCES).iterdir() if path.is_file()))
    if stamp.is_file() and stamp.read_text() == key:
        return done
    node, npm = shutil.which("node"), shutil.which("npm")
    if node is None or npm is None:
        raise NoBundleError(f"{'npm' if node else 'Node.js'} was not found")
    work.mkdir(parents=True, exist_ok=True)
    for path in (root / SOURCES).iterdir():
        if path.is_file():
            shutil.copy2(path, work / path.name)
    fetch(npm, work)
    shutil.rmtree(done, ignore_errors=True)
    run([node, "build.mjs", str(done)], work)
    stamp.write_text(key)
    return done


def workshop(root: Path) -> Path:
    """Return the folder in which the scripts are bundled."""
    return root / "_build" / "interactive" / "node"


def fetch(npm: str, work: Path) -> None:
    """Fetch the packages that the lock file names, unless they are there already."""
    stamp, key = work / FETCHED, digest([work / LOCK])
    if stamp.is_file() and stamp.read_text() == key:
        return
    stamp.unlink(missing_ok=True)
    print("Fetching the packages of the interactive parts", flush=True)
    run([npm, *FETCH], work)
    stamp.write_text(key)


def run(command: list[str], folder: Path) -> None:
    """Run a command; NoBundleError with its last lines if it fails or takes too long."""
    try:
        done = subprocess.run(
            command, cwd=folder, capture_output=True, text=True, check=False, timeout=PATIENCE
        )
    except subprocess.TimeoutExpired as error:
        raise NoBundleError(f"{Path(command[0]).name} took over {PATIENCE} s") from error
    if done.returncode:
        words = (done.stderr.strip() or done.stdout.strip()).splitlines()[-5:]
        raise NoBundleError(f"{Path(command[0]).name} failed: {' / '.join(words)}")


def digest(paths: list[Path]) -> str:
    """Return a hash of files, their names included."""
    total = hashlib.sha256()
    for path in paths:
        total.update(path.name.encode() + b"\0" + path.read_bytes())
    return total.hexdigest()
