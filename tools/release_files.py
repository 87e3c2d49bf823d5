"""Gather what a release holds: the wheel, the trained generators and their manifest.

    make wheel
    python -m tools.release_files v0.1.0 release

Fails for a tag that is not this version, and for a file that is not the one in the manifest: an
installed `gan_utils.weights` looks for exactly these names, under exactly this tag, with these
SHA-256 sums. Needs only Python's standard library.
"""

import argparse
import hashlib
import json
import re
import shutil
import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]


def version(root: Path) -> str:
    """Return the version in `pyproject.toml`; raise ValueError if there is none."""
    text = (root / "pyproject.toml").read_text(encoding="utf-8")
    found = re.search(r'^version = "(.+)"$', text, re.MULTILINE)
    if found is None:
        raise ValueError("pyproject.toml names no version.")
    return found[1]


def release_files(root: Path, tag: str) -> list[Path]:
    """Return the files of a release, after checking all of them.

    Args:
        root: The repository, with the wheel in `dist`.
        tag: The release's tag, such as `v0.1.0`.

    Returns:
        The wheel, `weights/manifest.json`, and each file that the manifest names.

    Raises:
        ValueError: The tag is not this version, there is not one wheel of this version, or a file
            is missing, differs from the manifest, or is one that the manifest does not name.
    """
    if tag != f"v{version(root)}":
        raise ValueError(f"The tag is {tag}, and pyproject.toml says {version(root)}.")
    wheels = sorted((root / "dist").glob("*.whl"))
    if len(wheels) != 1 or f"-{version(root)}-" not in wheels[0].name:
        raise ValueError(f"dist/ holds {[path.name for path in wheels]}; first: make wheel")
    manifest = root / "weights" / "manifest.json"
    wanted = {
        facts["file"]: facts["sha256"]
        for facts in json.loads(manifest.read_text(encoding="utf-8"))["generators"].values()
    }
    there = {path.name: path for path in manifest.parent.glob("*.npz")}
    if wanted.keys() != there.keys():
        differing = sorted(wanted.keys() ^ there.keys())
        raise ValueError(f"weights/ and its manifest differ in: {', '.join(differing)}.")
    for name, path in there.items():
        if hashlib.sha256(path.read_bytes()).hexdigest() != wanted[name]:
            raise ValueError(f"{name} is not the file that the manifest describes.")
    return [wheels[0], manifest, *(there[name] for name in sorted(there))]


def main(arguments: list[str] | None = None) -> int:
    """Copy the files of a release into a folder; return the exit status."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("tag")
    parser.add_argument("folder", type=Path)
    parser.add_argument("--root", type=Path, default=ROOT, help="the repository")
    options = parser.parse_args(arguments)
    try:
        files = release_files(options.root, options.tag)
    except (OSError, ValueError) as error:
        print(error, file=sys.stderr)
        return 1
    options.folder.mkdir(parents=True, exist_ok=True)
    for path in files:
        print(shutil.copy2(path, options.folder))
    return 0


if __name__ == "__main__":
    sys.exit(main())
