"""When lessons run again, what a failing one leaves behind, and how a page is composed."""

import json
import os
import re
import shutil
import subprocess
import sys
from pathlib import Path

import nbformat
import pytest
from nbformat.v4 import new_code_cell, new_markdown_cell, new_notebook, new_output

from tools.book import check, execute, progress, stage
from tools.book.widgets import Widgets

ROOT = Path(__file__).resolve().parents[2]
TOC = "format: jb-book\nroot: book/index\nchapters:\n- file: notebooks/a\n- file: notebooks/b\n"


def write_lesson(root, name, *codes, text="# Title\n\nWords"):
    cells = [new_markdown_cell(text), *map(new_code_cell, codes)]
    path = root / "notebooks" / f"{name}.ipynb"
    path.parent.mkdir(parents=True, exist_ok=True)
    kernel = {"name": "python3", "display_name": "Python 3", "language": "python"}
    nbformat.write(new_notebook(cells=cells, metadata={"kernelspec": kernel}), path)


@pytest.fixture
def project(tmp_path):
    """A book of two lessons, both with a kept copy of what they are now."""
    (tmp_path / "_toc.yml").write_text(TOC)
    (tmp_path / "_config.yml").write_text("title: A book\n")
    (tmp_path / "gan_utils").mkdir()
    (tmp_path / "gan_utils" / "__init__.py").write_text("")
    (tmp_path / "gan_utils" / "module.py").write_text("VALUE = 1\n")
    (tmp_path / "book").mkdir()
    (tmp_path / "book" / "index.md").write_text("# Start\n")
    for name in ("a", "b"):
        write_lesson(tmp_path, name, "1 + 1", 'load_images("mnist")')
    project = execute.Project(tmp_path, tmp_path / "_build" / "smoke", "smoke")
    for name in ("a", "b"):
        keep_as_executed(project, name)
    return project


def keep_as_executed(project, name):
    notebook = execute.read_lesson(project.root, name)
    for number, cell in enumerate(execute.code_cells(notebook), start=1):
        cell.execution_count = number
        cell.outputs = [new_output("stream", name="stdout", text=f"{name} says {number}")]
    path = project.out / "work" / f"{name}.ipynb"
    path.parent.mkdir(parents=True, exist_ok=True)
    nbformat.write(notebook, path)
    assert execute.keep(project, path, execute.shared_inputs(project)) is None


def stale(project):
    return execute.stale_lessons(project, execute.shared_inputs(project))


def test_nothing_changed_runs_nothing(project, monkeypatch):
    monkeypatch.setattr(execute, "run_nbmake", lambda *_: pytest.fail("a lesson was run"))
    assert execute.execute_stale(project).ran == []


def test_new_words_run_nothing(project):
    write_lesson(project.root, "a", "1 + 1", 'load_images("mnist")', text="# Title\n\nNew words")
    assert stale(project) == []


def test_new_code_runs_that_lesson(project):
    write_lesson(project.root, "a", "1 + 2", 'load_images("mnist")')
    assert stale(project) == ["a"]


def test_changed_data_of_the_package_runs_all(project):
    file = project.root / "gan_utils" / "assets" / "weights.npz"
    file.parent.mkdir()
    file.write_text("something else")
    assert stale(project) == ["a", "b"]


def test_changed_module_runs_the_lessons_that_import_it(project):
    module = project.root / "gan_utils" / "module.py"
    write_lesson(project.root, "a", "from gan_utils import module")
    keep_as_executed(project, "a")
    module.write_text('"""What it is for."""\n\n# A comment.\nVALUE = 1\n')
    assert stale(project) == []
    module.write_text("VALUE = 2\n")
    assert stale(project) == ["a"]


def test_changed_record_runs_the_lessons_that_read_it(project):
    write_lesson(project.root, "b", 'records.recorded("a")')
    keep_as_executed(project, "b")
    record = project.root / "book" / "results" / "a.json"
    record.parent.mkdir()
    record.write_text("{}")
    assert stale(project) == ["b"]


def test_changed_weights_run_the_lessons_that_load_them(project):
    write_lesson(project.root, "b", 'weights.load_generator("cgan")')
    keep_as_executed(project, "b")
    manifest = project.root / "weights" / "manifest.json"
    manifest.parent.mkdir()
    manifest.write_text(json.dumps({"generators": {"cgan": {"sha256": "1"}, "gan": {}}}))
    assert stale(project) == ["b"]


@pytest.mark.parametrize("name", execute.SETTINGS)
def test_changed_setting_runs_all(project, monkeypatch, name):
    monkeypatch.setenv(name, "1" if name != "GAN_DATA" else "embedded")
    assert stale(project) == ["a", "b"]


def test_bytecode_runs_nothing(project):
    folder = project.root / "gan_utils" / "__pycache__"
    folder.mkdir()
    (folder / "module.pyc").write_bytes(b"compiled")
    assert stale(project) == []


def test_other_profile_runs_all(project):
    other = execute.Project(project.root, project.out, "quick")
    assert stale(other) == ["a", "b"]


def test_other_library_version_runs_all(project, monkeypatch):
    real = execute.version
    monkeypatch.setattr(execute, "version", lambda name: "0.0" if name == "keras" else real(name))
    assert stale(project) == ["a", "b"]


def test_other_data_runs_all(project, monkeypatch):
    from gan_utils import data

    other = {"real": "embedded", "embedded": "real"}[data.data_kind("mnist")]
    monkeypatch.setattr(data, "data_kind", lambda name: other)
    assert stale(project) == ["a", "b"]


def test_photographs_that_arrived_run_their_lesson_alone(project, monkeypatch):
    from gan_utils import data

    write_lesson(project.root, "b", 'load_images("cifar10")')
    keep_as_executed(project, "b")
    assert stale(project) == []
    kind, other = data.data_kind, {"real": "embedded", "embedded": "real"}
    monkeypatch.setattr(
        data, "data_kind", lambda name: other[kind(name)] if name == "cifar10" else kind(name)
    )
    assert stale(project) == ["b"]


def test_a_build_resumes_no_earlier_run(project, monkeypatch, tmp_path):
    monkeypatch.setenv("GAN_RUNS", str(tmp_path / "drive"))
    write_lesson(project.root, "a", "import os\nassert 'GAN_RUNS' not in os.environ")
    assert not execute.execute_stale(project, "a").failures


def test_data_that_arrived_during_the_run_counts_as_real(project, monkeypatch):
    from gan_utils import data

    def download(path, *_):
        notebook = nbformat.read(path, as_version=4)
        for cell in execute.code_cells(notebook):
            cell.execution_count = 1
        nbformat.write(notebook, path)
        monkeypatch.setattr(data, "data_kind", lambda name: "real")
        return ""

    monkeypatch.setattr(data, "data_kind", lambda name: "embedded")
    monkeypatch.setattr(execute, "run_nbmake", download)
    write_lesson(project.root, "a", "3")
    assert "a" in execute.execute_stale(project).ran
    assert "a" not in stale(project)


# ---- a lesson that fails ---------------------------------------------------------------------

DRAW = """import os
assert os.listdir() == [os.path.basename(os.getcwd()) + '.ipynb'], os.listdir()
import matplotlib.pyplot as plt
plt.plot([1, 2])
plt.show()
print('drawn')"""
BROKEN = "counts = [1, 2]\ncounts[2]"


def build(project, *words):
    """Build in a process of its own: Sphinx cannot build twice in one."""
    command = [sys.executable, "-m", "tools.book", "build", "--root", str(project.root), *words]
    environment = os.environ | {"GAN_PROFILE": "smoke"}
    return subprocess.run(
        command, cwd=ROOT, env=environment, capture_output=True, text=True, check=False
    )


@pytest.fixture
def small_book(tmp_path):
    """A book of three lessons, none executed yet; the second one fails in its second cell."""
    (tmp_path / "_toc.yml").write_text(
        TOC.replace("index", "profiles-and-data") + "- file: notebooks/c\n"
    )
    shutil.copy(ROOT / "_config.yml", tmp_path)
    (tmp_path / "gan_utils").mkdir()
    for folder in ("_ext", "_static"):
        shutil.copytree(ROOT / "book" / folder, tmp_path / "book" / folder)
    (tmp_path / "book" / "references.bib").write_text("")
    (tmp_path / "book" / "profiles-and-data.md").write_text("# Profiles and data\n")
    for name in ("a", "b", "c"):
        write_lesson(tmp_path, name, DRAW, *([BROKEN, "print('after')"] if name == "b" else []))
    return execute.Project(tmp_path, tmp_path / "_build" / "smoke", "smoke")


def test_failing_lesson_leaves_the_other_pages(small_book, capsys):
    done = build(small_book)
    assert done.returncode == 1
    assert re.search(r"\[3/3\] [abc]  (FAILED after )?\d+ s$", done.stdout, re.MULTILINE)
    assert re.search(r"b  FAILED after \d+ s", done.stdout)
    for words in ("Traceback", "site-packages", "nbmake", "TF_", "WARNING"):
        assert words not in done.stdout + done.stderr
    for words in (
        "1 lesson failed",
        "b: IndexError: list index out of range",
        "begins with: counts = [1, 2]",
        "_build/smoke/failed/b.ipynb",
        "make lessons LESSON=b GAN_PROFILE=smoke",
    ):
        assert words in done.stderr
    html = small_book.out / "html"
    pages = {name: (html / "notebooks" / f"{name}.html").read_text() for name in ("a", "b", "c")}
    assert [name for name, text in pages.items() if stage.FAILED in text] == ["b"]
    assert pages["b"].count("IndexError") == 1
    assert pages["b"].count("cell_output") == pages["a"].count("cell_output")
    assert "list index out of range" in pages["b"]
    assert check.main([str(html), "--root", str(small_book.root)]) == 1
    assert "notebooks/b.html shows a lesson that failed" in capsys.readouterr().err

    again = build(small_book)
    assert again.returncode == 1
    assert "Running 1 lesson" in again.stdout
    assert "1 lesson executed" in again.stdout
    alone = build(small_book, "--lesson", "b")
    assert alone.returncode == 1
    assert "Built" not in alone.stdout

    write_lesson(small_book.root, "b", DRAW)
    mended = build(small_book)
    assert mended.returncode == 0, mended.stderr
    assert "1 lesson executed" in mended.stdout
    assert stage.FAILED not in (html / "notebooks" / "b.html").read_text()


def test_failed_lesson_is_kept_up_to_the_cell(project):
    write_lesson(project.root, "a", "print('before')", BROKEN, "print('not reached')")
    outcome = execute.execute_stale(project)
    assert list(outcome.failed) == outcome.ran == ["a"]
    failed = nbformat.read(project.failed / "a.ipynb", as_version=4)
    assert failed.cells[2].outputs[0].ename == "IndexError"
    assert failed.cells[3].outputs == []
    assert stale(project) == ["a"]


def test_dead_kernel_is_a_failure(project):
    write_lesson(project.root, "a", "import os\nos._exit(1)")
    (failure,) = execute.execute_stale(project).failures
    assert failure.cell == "import os"
    assert "died" in failure.error


def test_one_lesson_runs_whether_it_changed_or_not(project, monkeypatch):
    assert execute.find_lesson(project.root, "b") == "b"
    with pytest.raises(execute.LessonError, match="choose one of a, b"):
        execute.find_lesson(project.root, "c")
    assert execute.execute_stale(project, "b").ran == ["b"]


# ---- what is printed while they run ----------------------------------------------------------


def test_time_left_follows_the_pace_of_this_machine(monkeypatch, capsys):
    now = [0.0]
    monkeypatch.setattr(progress.time, "perf_counter", lambda: now[0])
    shown = progress.Progress({"a": 100.0, "b": 100.0, "c": 100.0, "d": 100.0}, at_once=2)
    shown.announce("quick")
    now[0] = 200.0  # twice the time expected
    shown.ended("a", 200.0, None)
    shown.ended("b", 200.0, None)
    now[0] = 400.0
    shown.ended("c", 200.0, None)
    shown.ended("d", 200.0, None)
    assert capsys.readouterr().out.splitlines() == [
        "Running 4 lessons, 2 at a time, in profile quick, about 3 min left",
        "[1/4] a  200 s, about 3 min left",
        "[2/4] b  200 s, about 3 min left",
        "[3/4] c  200 s, about 0 s left",
        "[4/4] d  200 s",
    ]


def test_expected_seconds_come_from_the_last_run_or_the_record(tmp_path):
    record = tmp_path / "book" / "results" / "b.json"
    record.parent.mkdir(parents=True)
    record.write_text(json.dumps({"runs": {"quick": {"seconds": 30}}}))
    untrained = {"runs": {"quick": {"seconds": None}}}  # a lesson in which nothing is trained
    record.with_name("d.json").write_text(json.dumps(untrained))
    last = {"a": 10.0, "b": None, "c": None, "d": None}
    found = progress.expected_seconds(tmp_path, "quick", last)
    assert found == {"a": 10.0, "b": 30.0, "c": 20.0, "d": 20.0}


def test_allowed_error_is_no_failure():
    cell = new_code_cell("1 / 0", execution_count=1, metadata={"tags": ["raises-exception"]})
    cell.outputs = [new_output("error", ename="ZeroDivisionError", evalue="", traceback=[])]
    assert execute.ran_through(new_notebook(cells=[cell]))
    cell.metadata.tags = []
    assert not execute.ran_through(new_notebook(cells=[cell]))


def test_page_has_new_words_and_kept_outputs(project):
    write_lesson(project.root, "a", "1 + 1", 'load_images("mnist")', text="# Title\n\nNew words")
    page = nbformat.reads(stage.lesson_page(project, "a", Widgets()).decode(), as_version=4)
    assert page.cells[0].source.startswith("# Title\n\n:::{admonition}")
    assert page.cells[0].source.endswith("New words")
    assert page.cells[1].outputs[0].text == "a says 1"
    assert "load_images" in page.cells[2].source


def test_staging_touches_only_what_changed(project):
    assert stage.stage(project)
    page = project.out / "source" / "notebooks" / "a.ipynb"
    other = project.out / "source" / "notebooks" / "b.ipynb"
    before = page.stat().st_mtime_ns, other.stat().st_mtime_ns
    assert not stage.stage(project)
    write_lesson(project.root, "a", "1 + 1", 'load_images("mnist")', text="# Title\n\nNew words")
    (project.out / "source" / "book" / "old.md").write_text("# Gone from the book\n")
    assert stage.stage(project)
    assert page.stat().st_mtime_ns > before[0]
    assert other.stat().st_mtime_ns == before[1]
    assert not (project.out / "source" / "book" / "old.md").exists()


def stamp(profile, kind):
    versions = {"python": "3.11", "tensorflow": "2.20", "keras": "3.10"}
    data = {"mnist": kind, "fashion_mnist": "real"}
    facts = {"date": "2026-01-02", "seconds": 83.4, "versions": versions}
    return {"profile": profile, "data": data, **facts}


def test_note_says_what_made_the_page():
    note = stage.origin_note(stamp("quick", "real"), 'load_images("mnist")')
    for words in ("**quick**", "data: MNIST", "TensorFlow 2.20", "2026-01-02", "83 s"):
        assert words in note
    assert "Not for publishing" not in note
    assert "Fashion" not in note
    assert "sample" not in note


def test_note_warns_of_the_sample_and_of_smoke():
    note = stage.origin_note(stamp("quick", "embedded"), 'load("mnist")')
    assert "a sample of 10,000 MNIST images that comes with the book" in note
    assert "Not for publishing" in stage.origin_note(stamp("smoke", "real"), "")


def test_note_says_what_took_the_place_of_color_photographs():
    kept = stamp("quick", "real")
    kept["data"]["cifar10"] = "embedded"
    assert "in place of CIFAR-10" in stage.origin_note(kept, 'load_images("cifar10")')
    kept["settings"] = {"GAN_PHOTOGRAPHS": "here"}
    assert "data: photographs from a folder" in stage.origin_note(kept, 'load_images("cifar10")')


def test_a_page_names_the_precision_that_it_was_made_in(project, monkeypatch, tmp_path):
    monkeypatch.setenv("GAN_PRECISION", "mixed_bfloat16")
    copy = execute.copy_alone(project.root, "a", tmp_path / "a")
    execute.keep(project, copy, execute.shared_inputs(project))
    kept = execute.executed_copy(project, "a", failed=True)
    assert "networks in mixed_bfloat16" in stage.origin_note(kept.metadata[execute.STAMP], "")


@pytest.mark.usefixtures("as_the_site")
def test_second_build_is_quick_and_runs_nothing(site):
    command = [sys.executable, "-m", "tools.book", "build", "--out", str(site.parent)]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=True, timeout=60)
    assert "Up to date" in done.stdout
    assert "0 lessons executed" in done.stdout


def test_training_records_where_it_is_told(project):
    code = (
        "import os, json, gan_utils.profile\n"
        "folder = os.environ['GAN_RECORD']\n"
        "os.makedirs(folder, exist_ok=True)\n"
        "with open(os.path.join(folder, 'a.json'), 'w') as file:\n"
        "    json.dump(gan_utils.profile.name, file)\n"
        "open('checkpoint', 'a').write('x')"
    )
    write_lesson(project.root, "a", code)
    command = [sys.executable, "-m", "tools.book", "train", "a", "--root", str(project.root)]
    for _ in range(2):
        subprocess.run(command, cwd=ROOT, check=True, capture_output=True)
    assert json.loads((project.root / "book" / "results" / "a.json").read_text()) == "smoke"
    kept = project.root / "runs" / "smoke" / "a" / "checkpoint"
    assert kept.read_text() == "xx", "the second run did not find what the first one left"


def test_training_an_unknown_lesson_names_the_known(project):
    command = [sys.executable, "-m", "tools.book", "train", "c", "--root", str(project.root)]
    done = subprocess.run(command, cwd=ROOT, check=False, capture_output=True, text=True)
    assert done.returncode != 0
    assert "choose one of a, b" in done.stderr
