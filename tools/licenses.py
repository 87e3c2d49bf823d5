"""List the licenses of all locked packages, as pip-licenses finds them installed here.

    make licenses

Writes `requirements/licenses.md`; tests/test_supply.py compares it with requirements/test.txt.
"""

import argparse
import json
import platform
import re
import subprocess
import sys
from pathlib import Path

from packaging.requirements import Requirement
from packaging.utils import canonicalize_name

ROOT = Path(__file__).resolve().parents[1]
HEAD = """# Licenses of the dependencies

Made by `make licenses` with pip-licenses: what `requirements/test.txt` installs on {system} with
Python {python}, and under which license each package says it is. The last column says what
needs it: the book, the tests alone, or the packing of the wheel.

| package | version | license | needed for |
|---|---|---|---|
"""


def locked(path: Path) -> list[Requirement]:
    """Return the pinned packages of a lock file, in its order."""
    lines = path.read_text(encoding="utf-8").splitlines()
    return [
        Requirement(line.removesuffix("\\").strip())
        for line in lines
        if line and not line.startswith((" ", "#"))
    ]


def installed_licenses(tool: Path) -> dict[str, tuple[str, str]]:
    """Return name -> (version, license) of all packages installed for this Python."""
    command = [str(tool), "--python", sys.executable, "--format=json", "--from=mixed"]
    command += ["--with-system", "--with-license-file", "--no-license-path"]
    return {
        canonicalize_name(item["Name"]): (item["Version"], name_of(item))
        for item in json.loads(subprocess.check_output(command, text=True))
    }


def name_of(item: dict[str, str]) -> str:
    """Return the name of a package's license, from its license file if the metadata lacks it."""
    if item["License"] != "UNKNOWN":
        return " ".join(item["License"].split())
    stated = re.search(r"Licensed under the (.+?) \(", item["LicenseText"])
    return f"{stated[1]} (from its license file)" if stated else "UNKNOWN"


def table(folder: Path, licenses: dict[str, tuple[str, str]]) -> str:
    """Return the page about the packages locked in a folder.

    Args:
        folder: Holds `test.txt`, `book.txt` and `build.txt`.
        licenses: Name -> (version, license) of what is installed.

    Returns:
        Markdown: one row for each package that is installed here, and a line that names the others.

    Raises:
        ValueError: Another version than the locked one is installed, or a package has no license.
    """
    names = {
        part: {canonicalize_name(item.name) for item in locked(folder / f"{part}.txt")}
        for part in ("book", "build")
    }
    rows, elsewhere = [], []
    for item in locked(folder / "test.txt"):
        name = canonicalize_name(item.name)
        if item.marker and not item.marker.evaluate():
            elsewhere.append(f"{name} (`{item.marker}`)")
            continue
        version, license_name = licenses.get(name, ("none", ""))
        if not item.specifier.contains(version):
            raise ValueError(f"{name}: {version} is installed, and {item} is locked; first: make")
        if license_name == "UNKNOWN":
            raise ValueError(f"{name} {version} does not say its license.")
        need = next((part for part in ("build", "book") if name in names[part]), "tests")
        rows.append(f"| {name} | {version} | {license_name} | {need} |")
    others = f"\nOn other systems or Pythons also, or instead: {', '.join(elsewhere)}.\n"
    return "\n".join(rows) + "\n" + (others if elsewhere else "")


def main(arguments: list[str] | None = None) -> int:
    """Write the list; return the exit status."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("tool", type=Path, help="the program pip-licenses")
    parser.add_argument("--folder", type=Path, default=ROOT / "requirements")
    options = parser.parse_args(arguments)
    try:
        text = table(options.folder, installed_licenses(options.tool))
    except ValueError as error:
        print(error, file=sys.stderr)
        return 1
    head = HEAD.format(system=platform.system(), python=".".join(map(str, sys.version_info[:2])))
    (options.folder / "licenses.md").write_text(head + text, encoding="utf-8")
    return 0


if __name__ == "__main__":
    sys.exit(main())
