"""Dependencies: locked versions with hashes, which match the requirements."""

import importlib.metadata
import os
import re
import shutil
import subprocess
from collections import Counter

import pytest
import yaml
from packaging.requirements import Requirement
from packaging.specifiers import SpecifierSet
from packaging.utils import canonicalize_name
from test_project import PYPROJECT, ROOT

from tools import licenses

FOLDER = ROOT / "requirements"
PARTS = ("book", "build", "test", "tools")
PYTHONS = ("3.11", "3.12", "3.13")
SYSTEMS = ("linux", "darwin", "win32")
ENTRY = re.compile(r"[a-z0-9-]+==\S+( ; [^\\]+)?( \\\n    --hash=sha256:[0-9a-f]{64})+\n")
MAKEFILE = (ROOT / "Makefile").read_text(encoding="utf-8")


def text_of(part):
    return (FOLDER / f"{part}.txt").read_text(encoding="utf-8")


def locked(part, python="3.11", system="linux"):
    """The pins that hold for one Python on one system: name -> version, each only once."""
    facts = {
        "python_version": python,
        "python_full_version": f"{python}.9",
        "sys_platform": system,
        "platform_system": {"linux": "Linux", "darwin": "Darwin", "win32": "Windows"}[system],
        "platform_machine": "x86_64",
        "implementation_name": "cpython",
        "platform_python_implementation": "CPython",
    }
    pins = [
        item
        for item in licenses.locked(FOLDER / f"{part}.txt")
        if item.marker is None or item.marker.evaluate(facts)
    ]
    twice = [name for name, count in Counter(pin.name for pin in pins).items() if count > 1]
    assert twice == []
    return {canonicalize_name(pin.name): str(pin.specifier).removeprefix("==") for pin in pins}


def wanted(extra):
    """What pyproject.toml asks for directly, with an extra and the extras that this one names."""
    project = PYPROJECT["project"]
    found = [Requirement(item) for item in project["dependencies"]]
    for item in project["optional-dependencies"][extra]:
        inner = Requirement(item)
        if inner.name == project["name"]:
            found += [need for name in inner.extras for need in wanted(name)]
        else:
            found.append(inner)
    return found


# ---- the lock --------------------------------------------------------------------------------


@pytest.mark.parametrize("part", PARTS)
def test_every_pin_has_hashes_and_no_file_an_address(part):
    text = text_of(part)
    pins = re.sub(r"^#.*\n", "", text, flags=re.M)
    assert ENTRY.sub("", pins) == ""
    assert len(ENTRY.findall(pins)) >= 5
    assert not re.search(r"://|--index|--find-links|--extra-index|--trusted", text)


@pytest.mark.parametrize("extra", ["book", "test"])
@pytest.mark.parametrize("python", PYTHONS)
@pytest.mark.parametrize("system", SYSTEMS)
def test_lock_gives_what_pyproject_asks_for(extra, python, system):
    pins = locked(extra, python, system)
    for need in wanted(extra):
        version = pins.get(canonicalize_name(need.name), "none")
        assert version != "none", f"run `make lock`: {need} is not locked"
        assert need.specifier.contains(version), f"run `make lock`: {need}"


@pytest.mark.parametrize("python", PYTHONS)
def test_parts_agree(python):
    everything = locked("test", python)
    for part in ("book", "build"):
        assert locked(part, python).items() <= everything.items()


@pytest.mark.parametrize("part", ["build", "tools"])
def test_lock_gives_what_the_lists_ask_for(part):
    lines = (FOLDER / f"{part}.in").read_text(encoding="utf-8").splitlines()
    for need in (Requirement(line) for line in lines if not line.startswith("#")):
        assert need.specifier.contains(locked(part)[need.name]), need


def test_backend_is_locked():
    for item in PYPROJECT["build-system"]["requires"]:
        need = Requirement(item)
        assert need.specifier.contains(locked("build")[need.name])


def test_lock_leaves_nothing_out():
    """What the locked packages need in turn, as far as they are installed here."""
    pins = locked("test")
    there = {
        canonicalize_name(found.name): found
        for found in importlib.metadata.distributions()
        if pins.get(canonicalize_name(found.name)) == found.version
    }
    if len(there) < len(pins) / 2:
        pytest.skip("other versions than the locked ones are installed")
    for name, found in there.items():
        for need in map(Requirement, found.requires or []):
            if need.marker is None or need.marker.evaluate({"extra": ""}):
                assert canonicalize_name(need.name) in pins, f"{name} needs {need}"


# ---- which Python ----------------------------------------------------------------------------


def test_one_range_of_pythons_everywhere():
    low, high = re.search(
        r"SUPPORTED := \(3, (\d+)\) <= sys\.version_info < \(3, (\d+)\)", MAKEFILE
    ).groups()
    assert [f"3.{minor}" for minor in range(int(low), int(high))] == list(PYTHONS)
    assert f"for python in {' '.join(PYTHONS)};" in MAKEFILE
    assert f"--python-version {PYTHONS[0]} " in MAKEFILE
    environment = yaml.safe_load((ROOT / "environment.yml").read_text(encoding="utf-8"))
    assert f"python>=3.{low},<3.{high}" in environment["dependencies"]
    weekly = yaml.safe_load((ROOT / ".github/workflows/weekly.yml").read_text(encoding="utf-8"))
    tried = weekly["jobs"]["latest"]["strategy"]["matrix"]["python"]
    assert tried == [PYTHONS[0], PYTHONS[-1]]
    words = f"Python {', '.join(PYTHONS[:-1])} or {PYTHONS[-1]}"
    assert words in (ROOT / "README.md").read_text(encoding="utf-8")
    assert all(SpecifierSet(PYPROJECT["project"]["requires-python"]).contains(p) for p in PYTHONS)


# ---- make ------------------------------------------------------------------------------------

STUB = """#!/bin/sh
case "$1" in -c) exit $STUB_OLD;; esac
echo "$@" >> "$STUB_SAID"
case "$*" in *"-r requirements"*) exit $STUB_PIP;; esac
"""


def make_book(folder, *words, old=0, pip=0):
    """Run `make book` with a Python that only notes what it is asked; return status and notes."""
    if shutil.which("make") is None:
        pytest.skip("no make here")
    python = folder / "venv" / "bin" / "python"
    python.parent.mkdir(parents=True)
    python.write_text(STUB)
    python.chmod(0o755)
    said = folder / "said"
    stub = {"STUB_SAID": str(said), "STUB_OLD": str(old), "STUB_PIP": str(pip)}
    kept = {key: value for key, value in os.environ.items() if key not in {"LOCK", "MAKEFLAGS"}}
    done = subprocess.run(
        ["make", "--no-print-directory", "book", f"VENV={folder / 'venv'}", *words],
        cwd=ROOT,
        env=kept | stub,
        capture_output=True,
        text=True,
        check=False,
    )
    return done, said.read_text().splitlines()


def test_make_forgets_what_was_installed_for_other_tests(tmp_path):
    # After `make test LOCK=no` the latest versions are there: `make book` must not take them.
    (tmp_path / "venv").mkdir()
    (tmp_path / "venv" / ".for-test-0-no").touch()
    done, _ = make_book(tmp_path)
    assert done.returncode == 0, done.stderr
    assert [path.name.partition("-")[0] for path in (tmp_path / "venv").glob(".for-*")] == [".for"]
    assert not (tmp_path / "venv" / ".for-test-0-no").exists()


def test_make_installs_the_locked_versions_only(tmp_path):
    done, said = make_book(tmp_path)
    assert done.returncode == 0, done.stderr
    assert said == [
        "-m pip install --quiet --require-hashes -r requirements/build.txt",
        "-m pip install --quiet --require-hashes -r requirements/book.txt",
        "-m pip install --quiet --no-deps --no-build-isolation -e .",
        "-m tools.book build",
    ]


@pytest.mark.parametrize(("words", "old"), [(["LOCK=no"], 0), ([], 1)])
def test_make_takes_the_latest_when_told_or_on_another_python(tmp_path, words, old):
    done, said = make_book(tmp_path, *words, old=old)
    assert done.returncode == 0, done.stderr
    assert said[1:] == ["-m pip install --quiet --upgrade -e .[book]", "-m tools.book build"]
    assert "latest versions" in done.stdout


def test_make_says_what_to_do_when_a_version_cannot_be_had(tmp_path):
    done, said = make_book(tmp_path, pip=1)
    assert done.returncode != 0
    assert said == ["-m pip install --quiet --require-hashes -r requirements/build.txt"]
    assert "make LOCK=no" in done.stdout
    assert not list((tmp_path / "venv").glob(".for-book-*"))


def test_advisories_are_asked_for_everything_locked():
    recipe = re.search(r"^audit:.*\n((?:\t.*\n)+)", MAKEFILE, re.M)[1]
    parts = re.search(r"for part in ([\w ]+);", recipe)[1].split()
    assert {*parts, "book", "build"} == set(PARTS)  # test.txt holds what book.txt and build.txt do
    assert "|| exit 1" in recipe


# ---- licenses --------------------------------------------------------------------------------


def test_licenses_are_in_step_with_the_lock():
    text = (FOLDER / "licenses.md").read_text(encoding="utf-8")
    system, python = re.search(r"installs on (\w+) with\s+Python ([\d.]+)", text).groups()
    rows = re.findall(
        r"^\| ([a-z0-9-]+) \| (\S*\d\S*) \| (.+) \| (book|build|tests) \|$", text, re.M
    )
    names = {"Linux": "linux", "Darwin": "darwin", "Windows": "win32"}
    pins = locked("test", python, names[system])
    assert {name: version for name, version, *_ in rows} == pins, "run `make licenses`"
    assert not any("UNKNOWN" in license_name for _, _, license_name, _ in rows)
    book = locked("book", python, names[system])
    assert {name for name, *_, need in rows if need == "tests"} == pins.keys() - book.keys()


@pytest.mark.parametrize(
    ("found", "words"),
    [
        ({"a": ("1.0", "MIT")}, None),
        ({"a": ("1.1", "MIT")}, "1.1 is installed"),
        ({}, "none is installed"),
        ({"a": ("1.0", "UNKNOWN")}, "does not say its license"),
    ],
)
def test_list_of_licenses_refuses_gaps(tmp_path, found, words):
    for part in ("book", "test", "build"):
        (tmp_path / f"{part}.txt").write_text("# made\n" * 2)
    pins = "a==1.0 \\\n    --hash=sha256:00\nb==2.0 ; sys_platform == 'nowhere' \\\n    --hash=x\n"
    (tmp_path / "test.txt").write_text(pins)
    if words:
        with pytest.raises(ValueError, match=words):
            licenses.table(tmp_path, found)
    else:
        text = licenses.table(tmp_path, found)
        assert text.startswith("| a | 1.0 | MIT | tests |\n")
        assert 'b (`sys_platform == "nowhere"`)' in text


@pytest.mark.parametrize(
    ("stated", "text", "name"),
    [
        ("MIT\n License", "anything", "MIT License"),
        ("UNKNOWN", "Licensed under the X License (the 1)", "X License (from its license file)"),
        ("UNKNOWN", "All rights reserved.", "UNKNOWN"),
    ],
)
def test_license_that_only_a_file_states_is_found(stated, text, name):
    assert licenses.name_of({"License": stated, "LicenseText": text}) == name


def test_hooks_have_the_locked_versions():
    hooks = yaml.safe_load((ROOT / ".pre-commit-config.yaml").read_text(encoding="utf-8"))
    revisions = {
        hook["id"].split("-")[0]: entry.get("rev", "").removeprefix("v")
        for entry in hooks["repos"]
        for hook in entry["hooks"]
    }
    locked = (ROOT / "requirements" / "test.txt").read_text(encoding="utf-8")
    for tool in ("ruff", "codespell"):
        assert f"\n{tool}=={revisions[tool]} " in locked, f"{tool}: see .pre-commit-config.yaml"
