"""A lesson in an empty folder, with nothing of this project but its installed wheel.

The same run tests the embedded data: it asks for them, and the lesson has to say so.
"""

import os
import subprocess
import sys
import sysconfig
import venv
import zipfile
from pathlib import Path

import nbformat
import pytest

ROOT = Path(__file__).resolve().parents[1]
LESSON = "02_dcgan"


@pytest.fixture(scope="module")
def wheel(tmp_path_factory):
    """The wheel of gan_utils, built as an installer would build it."""
    folder = tmp_path_factory.mktemp("wheel")
    command = [sys.executable, "-m", "hatchling", "build", "-t", "wheel", "-d", str(folder)]
    subprocess.run(command, cwd=ROOT, check=True, capture_output=True)
    (path,) = folder.glob("*.whl")
    return path


@pytest.fixture(scope="module")
def clean_python(wheel, tmp_path_factory):
    """A new environment: this one's libraries, but of this project only the wheel."""
    folder = tmp_path_factory.mktemp("environment")
    venv.create(folder, with_pip=False, symlinks=True)
    python = folder / "bin" / "python"
    ask = "import sysconfig; print(sysconfig.get_path('purelib'))"
    packages = subprocess.check_output([python, "-c", ask], text=True).strip()
    with zipfile.ZipFile(wheel) as archive:
        archive.extractall(packages)
    # A path in a .pth file is only looked in: the .pth files in there, which make this
    # checkout importable, are not read. So TensorFlow need not be installed again.
    libraries = {sysconfig.get_path(name) for name in ("purelib", "platlib")}
    (Path(packages) / "libraries.pth").write_text("\n".join(sorted(libraries)) + "\n")
    return python


def run(python, *arguments, **options):
    hidden = {"PYTHONPATH", "MPLBACKEND", "PYTEST_CURRENT_TEST", "VIRTUAL_ENV"}
    environment = {key: value for key, value in os.environ.items() if key not in hidden}
    environment |= {"GAN_PROFILE": "smoke", "GAN_DATA": "embedded"}
    return subprocess.run(
        [str(python), *arguments],
        env=environment,
        capture_output=True,
        text=True,
        check=False,
        **options,
    )


def test_wheel_holds_the_package_and_its_data(wheel):
    names = set(zipfile.ZipFile(wheel).namelist())
    inside = {path.relative_to(ROOT).as_posix() for path in (ROOT / "gan_utils").rglob("*.py")}
    inside |= {
        path.relative_to(ROOT).as_posix()
        for path in (ROOT / "gan_utils" / "assets").rglob("*")
        if path.is_file()
    }
    assert {name for name in inside if "__pycache__" not in name} <= names
    for path in (ROOT / "book" / "results").glob("*.json"):
        assert f"gan_utils/recorded/{path.name}" in names
    assert not any(name.startswith(("book/", "tests/", "notebooks/")) for name in names)


def test_package_is_the_installed_one(clean_python, tmp_path):
    ask = "import gan_utils, sys; print(gan_utils.__file__); import tensorflow"
    done = run(clean_python, "-c", ask, cwd=tmp_path)
    assert done.returncode == 0, done.stderr
    assert Path(done.stdout.strip()).is_relative_to(clean_python.parents[1])


@pytest.mark.slow
def test_lesson_runs_in_an_empty_folder(clean_python, tmp_path):
    notebook = tmp_path / f"{LESSON}.ipynb"
    notebook.write_bytes((ROOT / "notebooks" / notebook.name).read_bytes())
    nbmake = ["--nbmake", "--overwrite", "--nbmake-timeout=900", "-p", "no:cacheprovider"]
    nowhere = ["-c", os.devnull, "--rootdir", str(tmp_path)]
    done = run(clean_python, "-m", "pytest", *nbmake, *nowhere, str(notebook), cwd=tmp_path)
    assert done.returncode == 0, done.stdout + done.stderr
    said = "\n".join(
        output.text
        for cell in nbformat.read(notebook, as_version=4).cells
        for output in cell.get("outputs", [])
        if output.get("name") == "stdout"
    )
    assert "STAND-IN" in said
    assert str(ROOT) not in said
