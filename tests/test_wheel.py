"""Lessons as on Colab: in an empty folder, with only the wheel of this project.

`google.colab` and `pip` are stubs that record their calls: the first is imported at the start of
Python, as on Colab, and the second unpacks the wheel in place of a download. A whole lesson is run
on the embedded data, and has to say so. `make colab` sets GAN_COLAB=all: the tests then run on
Colab's versions, and with every lesson that offers its animation as a download.
"""

import json
import os
import re
import subprocess
import sys
import sysconfig
import venv
import zipfile
from pathlib import Path

import nbformat
import numpy as np
import pytest
from PIL import Image
from test_project import NOTEBOOKS, REPOSITORY, ROOT

from gan_utils import lenet

LESSON = "02_dcgan"
SIDE = 28
GIVE_AWAY = [path.stem for path in NOTEBOOKS if "files.download(" in path.read_text("utf-8")]
STUBS = {
    "google/colab/__init__.py": "",
    "google/colab/stub.py": """
import json, os
def note(*words):
    with open(os.environ["COLAB_SAID"], "a") as file:
        file.write(json.dumps(words) + "\\n")
""",
    "google/colab/files.py": """
import os
from google.colab.stub import note
def download(filename):
    if not os.path.isfile(filename):
        raise FileNotFoundError(filename)
    note("download", os.path.abspath(filename), os.path.getsize(filename))
""",
    "google/colab/drive.py": """
import os
from google.colab.stub import note
def mount(mountpoint):
    os.makedirs(os.path.join(mountpoint, "MyDrive"))
    note("mount", mountpoint)
""",
    "pip/__init__.py": "",
    "pip/__main__.py": """
import os, sys, zipfile
from google.colab.stub import note
note("pip", *sys.argv[1:])
zipfile.ZipFile(os.environ["COLAB_WHEEL"]).extractall(os.path.dirname(os.path.dirname(__file__)))
""",
    "colab.pth": "import google.colab\n",  # Colab's kernel has imported it before the first cell
}


@pytest.fixture(scope="module")
def wheel(tmp_path_factory):
    """The wheel of gan_utils, built as an installer would build it."""
    folder = tmp_path_factory.mktemp("wheel")
    command = [sys.executable, "-m", "hatchling", "build", "-t", "wheel", "-d", str(folder)]
    subprocess.run(command, cwd=ROOT, check=True, capture_output=True)
    (path,) = folder.glob("*.whl")
    return path


def make_environment(folder):
    """Make an environment with this one's libraries, and nothing of this project; return Python."""
    venv.create(folder, with_pip=False, symlinks=True)
    python = folder / "bin" / "python"
    # TensorFlow need not be installed again. Without what an editable install leaves of this
    # project: .pth files, facts, and a folder.
    for library in {sysconfig.get_path(name) for name in ("purelib", "platlib")}:
        for path in Path(library).iterdir():
            own = path.name.startswith("gan_utils") or path.suffix == ".pth"
            if own or path.name in {"google", "pip"}:
                continue
            (packages_of(folder) / path.name).symlink_to(path)
        # A stub will stand in this folder of several packages.
        (packages_of(folder) / "google").mkdir()
        for path in (Path(library) / "google").iterdir():
            (packages_of(folder) / "google" / path.name).symlink_to(path)
    return python


def packages_of(folder):
    """Where an environment keeps its packages."""
    return Path(sysconfig.get_path("purelib", vars={"base": str(folder)}))


@pytest.fixture(scope="module")
def clean_python(wheel, tmp_path_factory):
    """Python of a new environment, with the wheel."""
    folder = tmp_path_factory.mktemp("environment")
    python = make_environment(folder)
    with zipfile.ZipFile(wheel) as archive:
        archive.extractall(packages_of(folder))
    return python


@pytest.fixture
def colab_python(tmp_path_factory):
    """Python of a new environment as on Colab: stubs, and no wheel yet."""
    folder = tmp_path_factory.mktemp("colab")
    python = make_environment(folder)
    for name, text in STUBS.items():
        path = packages_of(folder) / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text)
    return python


def run(python, *arguments, environment=None, **options):
    hidden = {"PYTHONPATH", "MPLBACKEND", "PYTEST_CURRENT_TEST", "VIRTUAL_ENV", "GAN_RUNS"}
    kept = {key: value for key, value in os.environ.items() if key not in hidden}
    kept |= {"GAN_PROFILE": "smoke", "GAN_DATA": "embedded"}
    return subprocess.run(
        [str(python), *arguments],
        env=kept | (environment or {}),
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


def test_wheel_brings_the_samples_with_their_licenses(wheel, clean_python, tmp_path):
    with zipfile.ZipFile(wheel) as archive:
        names = archive.namelist()
        (facts,) = (name for name in names if name.endswith(".dist-info/METADATA"))
        assert "License-Expression: MIT AND CC-BY-SA-3.0" in archive.read(facts).decode()
    for name in ("mnist", "fashion_mnist"):
        assert any(path.endswith(f"licenses/gan_utils/assets/{name}/LICENSE") for path in names)
    ask = (
        "import gan_utils\n"
        "for name in ('mnist', 'fashion_mnist'):\n"
        "    for split in ('train', 'test'):\n"
        "        found = gan_utils.load_images(name, split)\n"
        "        print(found.source, found.is_stand_in, found.images.shape)\n"
    )
    home = {"KERAS_HOME": str(tmp_path / "home"), "GAN_DATA": ""}
    no_network = dict.fromkeys(("http_proxy", "https_proxy"), "http://127.0.0.1:9")
    done = run(clean_python, "-c", ask, cwd=tmp_path, environment=home | no_network)
    assert done.returncode == 0, done.stderr
    shapes = ["(10000, 28, 28, 1)", "(2000, 28, 28, 1)"] * 2
    assert done.stdout.splitlines() == [f"embedded False {shape}" for shape in shapes]
    assert "a sample of 10,000 MNIST images that comes with the book" in done.stderr


def test_wheel_brings_a_trained_generator(clean_python, tmp_path):
    """Installed, with no network and no download: a command draws."""
    home = {"KERAS_HOME": str(tmp_path / "home"), "TF_CPP_MIN_LOG_LEVEL": "3"}
    no_network = dict.fromkeys(("http_proxy", "https_proxy"), "http://127.0.0.1:9")
    command = ["-m", "gan_utils", "generate", "cgan", "--label", "7", "--count", "12"]
    done = run(*(clean_python, *command, "sevens.png"), cwd=tmp_path, environment=home | no_network)
    assert done.returncode == 0, done.stderr
    assert done.stdout == "12 images drawn by cgan: sevens.png\n"
    with Image.open(tmp_path / "sevens.png") as opened:
        sheet = np.asarray(opened.convert("L"))
    cells = [
        sheet[row : row + 28, left : left + 28] for row in (0, 30) for left in range(0, 300, 30)
    ]
    assert lenet.accuracy(np.stack(cells[:12])[..., None], np.full(12, 7)) >= 10 / 12
    assert not list(tmp_path.rglob("*.npz"))


# ---- Colab -----------------------------------------------------------------------------------


def as_on_colab(wheel, folder):
    """Where the stubs note what they are asked, and what they need for their answers."""
    return {"COLAB_WHEEL": str(wheel), "COLAB_SAID": str(folder / "said")}


def said_to_stubs(folder):
    return [json.loads(line) for line in (folder / "said").read_text().splitlines()]


FIRST_CELLS = """
import contextlib, io, json, sys
for number, path in enumerate(sys.argv[1:]):
    with open(path, encoding="utf-8") as file:
        cells = [cell for cell in json.load(file)["cells"] if cell["cell_type"] == "code"]
    with contextlib.redirect_stdout(io.StringIO()) as output:
        names = {}
        for cell in cells[:2]:
            exec("".join(cell["source"]), names)
    print(json.dumps([path, names["gan_utils"].__file__, output.getvalue()]))
"""


@pytest.mark.slow
def test_first_cells_of_every_lesson_run(wheel, colab_python, tmp_path):
    """Setup, which installs the package where it is missing, and imports, in one Python."""
    paths = [str(path) for path in NOTEBOOKS]
    environment = as_on_colab(wheel, tmp_path)
    done = run(colab_python, "-c", FIRST_CELLS, *paths, cwd=tmp_path, environment=environment)
    assert done.returncode == 0, done.stderr
    lessons = [json.loads(line) for line in done.stdout.splitlines()]
    assert [path for path, *_ in lessons] == paths
    for path, package, output in lessons:
        assert Path(package).is_relative_to(colab_python.parents[1]), path
        assert re.search(r"^TensorFlow [\d.]+.*, Keras [\d.]+", output, re.M), path
        assert re.search(r"^GPU: (none|\['/physical_device)", output, re.M), path
    assert said_to_stubs(tmp_path) == [["pip", "install", "-q", f"git+{REPOSITORY}"]]


def drive_cell(folder):
    """The cell that the book gives for runs in Drive, in smoke and with Drive in a folder."""
    text = (ROOT / "book" / "how-to-use.md").read_text(encoding="utf-8")
    (block,) = [code for code in re.findall(r"```python\n(.+?)```", text, re.S) if "mount" in code]
    assert block.count('"/content/drive') == 2
    assert block.count('"full"  #') == 1
    block = block.replace('"/content/drive', f'"{folder}/drive').replace('"full"  #', '"smoke"  #')
    return nbformat.v4.new_code_cell(block)


def outputs_of(path):
    return "\n".join(
        output.text
        for cell in nbformat.read(path, as_version=4).cells
        for output in cell.get("outputs", [])
        if output.get("name") == "stdout"
    )


@pytest.mark.slow
@pytest.mark.parametrize("name", GIVE_AWAY)
def test_lesson_runs_on_colab(wheel, colab_python, tmp_path, name):
    if name != LESSON and os.environ.get("GAN_COLAB") != "all":
        pytest.skip("one lesson is enough here; `make colab` runs the others too")
    lesson = nbformat.read(ROOT / "notebooks" / f"{name}.ipynb", as_version=4)
    lesson.cells.insert(0, drive_cell(tmp_path))
    notebook = tmp_path / "content" / f"{name}.ipynb"
    notebook.parent.mkdir()
    nbformat.write(lesson, notebook)
    nbmake = ["--nbmake", "--overwrite", "--nbmake-timeout=900", "-p", "no:cacheprovider"]
    nowhere = ["-c", os.devnull, "--rootdir", str(notebook.parent)]
    done = run(
        *(colab_python, "-m", "pytest", *nbmake, *nowhere, str(notebook)),
        cwd=notebook.parent,
        environment=as_on_colab(wheel, tmp_path),
    )
    assert done.returncode == 0, done.stdout + done.stderr
    output = outputs_of(notebook)
    # Lesson 11 draws its own pairs of pictures, and asks for no data set.
    asked = any("load_images(" in cell.source for cell in lesson.cells)
    assert ("images that comes with the book" in output) == asked
    assert "GPU: " in output
    assert str(ROOT) not in output
    mounted, installed, *downloads = said_to_stubs(tmp_path)
    assert mounted == ["mount", f"{tmp_path}/drive"]
    assert installed == ["pip", "install", "-q", f"git+{REPOSITORY}"]
    runs = tmp_path / "drive" / "MyDrive" / "gan-runs"
    assert list(runs.glob(f"{name}-smoke*/**/*")), "nothing of the run is in Drive"
    assert [path.name for path in notebook.parent.iterdir()] == [notebook.name]
    assert downloads
    for _, file, size in downloads:
        assert Path(file).is_relative_to(runs)
        assert Path(file).suffix == ".gif"
        assert size > 1_000
