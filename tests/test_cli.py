"""The command as a process: exit status, what goes to stdout and what to stderr."""

import importlib
import json
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

import gan_utils
from gan_utils import cli
from gan_utils.cli import score

try:
    import tomllib
except ModuleNotFoundError:  # Python 3.10
    import tomli as tomllib

ROOT = Path(__file__).resolve().parents[1]


def run(*arguments, **options):
    command = [sys.executable, "-m", "gan_utils", *map(str, arguments)]
    return subprocess.run(command, capture_output=True, text=True, check=False, **options)


@pytest.fixture(scope="module")
def folders(tmp_path_factory):
    rng = np.random.default_rng(0)
    made = []
    for name, noise in {"real": 0, "fake": 60}.items():
        folder = tmp_path_factory.mktemp(name)
        for index in range(24):
            pixels = np.full((28, 28), 30 + 8 * index) + rng.normal(0, noise, (28, 28))
            Image.fromarray(pixels.clip(0, 255).astype(np.uint8)).save(folder / f"{index}.png")
        made.append(folder)
    return made


def test_scores_two_folders(folders):
    done = run("score", *folders, "--metric", "fid", "kid", "prdc", "is", "--json")
    assert done.returncode == 0, done.stderr
    assert done.stderr.count("\n") == 1, "one warning: 24 pictures for 84 features"
    assert "24 samples for 84 dimensions" in done.stderr
    found = json.loads(done.stdout)
    names = ["fid", "kid", "precision", "recall", "density", "coverage", "is"]
    assert list(found["scores"]) == names
    assert found["scores"]["fid"]["value"] > 2 * found["scores"]["fid"]["floor"]
    assert found["real"] == {"source": str(folders[0]), "count": 24}
    assert len(found["warnings"]) == 1


def test_wrong_input_is_a_sentence_and_status_1(folders, tmp_path):
    done = run("score", folders[0], tmp_path / "absent")
    assert (done.returncode, done.stdout) == (1, "")
    assert done.stderr.startswith("gan-utils score: There is no folder")
    assert "absent" in done.stderr
    assert "Traceback" not in done.stderr


def test_help_is_quick_and_names_the_command():
    code = (
        "import sys; from gan_utils import cli\n"
        "try: cli.main(['score', '--help'])\n"
        "except SystemExit as end: assert end.code == 0\n"
        "assert not {'tensorflow', 'keras', 'PIL'} & set(sys.modules)"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.startswith("usage: gan-utils score")
    assert "gan-utils score real/ --save-stats real.npz" in done.stdout


def test_a_reader_that_leaves_early_is_no_error():
    code = "import sys; sys.exit(__import__('gan_utils.cli').cli.main(['short']))"
    stub = (
        "import sys, types; from gan_utils import cli\n"
        "module = types.ModuleType('gan_utils.cli.short', 'Short.')\n"
        "module.add_arguments = lambda parser: None\n"
        "def run(options):\n"
        "    sys.stdin.readline(); sys.stdout.write('line\\n' * 9); return 0\n"
        "module.run = run\n"
        "sys.modules[module.__name__] = module; cli.NAMES = ('short',)\n"
    )
    command = [sys.executable, "-c", stub + code]
    pipes = {"stdin": subprocess.PIPE, "stdout": subprocess.PIPE, "stderr": subprocess.PIPE}
    with subprocess.Popen(command, **pipes) as process:
        process.stdout.close()
        process.stdin.write(b"go\n")
        process.stdin.close()
        errors = process.stderr.read()
    assert (process.returncode, errors) == (0, b"")


def test_version(capsys):
    with pytest.raises(SystemExit, match="0"):
        cli.main(["--version"])
    assert capsys.readouterr().out == f"gan-utils {gan_utils.__version__}\n"


@pytest.mark.parametrize(
    "arguments",
    [
        [],
        ["paint"],
        ["score"],
        ["score", "real"],
        ["score", "real", "fake", "--metric", "fidd"],
        ["score", "real", "--save-stats", "real.npz", "--metric", "fid"],
        ["score", "real", "fake", "--samples", "0"],
        ["score", "real", "fake", "--splits", "-1"],
        ["score", "real", "fake", "--seed", "one"],
        ["score", "real", "fake", "--extractor", "vgg"],
    ],
)
def test_wrong_arguments_are_status_2(arguments, capsys):
    with pytest.raises(SystemExit, match="2"):
        cli.main(arguments)
    captured = capsys.readouterr()
    assert captured.out == ""
    assert "usage: gan-utils" in captured.err


@pytest.mark.parametrize(
    ("error", "status", "message"),
    [
        (ValueError("a.png is damaged"), 1, "gan-utils score: a.png is damaged\n"),
        (PermissionError(13, "Permission denied", "b.npz"), 1, "b.npz"),
        (KeyboardInterrupt(), 130, "stopped"),
    ],
)
def test_exit_status_of_a_command(monkeypatch, capsys, error, status, message):
    def fail(options):
        raise error

    monkeypatch.setattr(score, "run", fail)
    assert cli.main(["score", "real", "fake"]) == status
    assert message in capsys.readouterr().err


def test_errors_of_the_program_itself_are_not_hidden(monkeypatch):
    monkeypatch.setattr(score, "run", lambda options: {}["no such key"])
    with pytest.raises(KeyError):
        cli.main(["score", "real", "fake"])


def test_every_command_keeps_the_agreement():
    for name in cli.NAMES:
        module = importlib.import_module(f"gan_utils.cli.{name}")
        assert module.__doc__
        assert callable(module.add_arguments)
        assert callable(module.run)


def test_the_installed_program_is_this_one():
    project = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]
    module, _, function = project["scripts"]["gan-utils"].partition(":")
    assert getattr(importlib.import_module(module), function) is cli.main
