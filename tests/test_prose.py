"""Texts of the project: spelling, bibliography, citation, and names of code in the pages."""

import ast
import re
import subprocess
import sys
from pathlib import Path

import pytest
import yaml
from test_project import PYPROJECT, REPOSITORY, ROOT, SCRIPTS, TEMPLATE, toc_pages, tracked_files

BIBLIOGRAPHY = (ROOT / "book" / "references.bib").read_text(encoding="utf-8")
WORDS = {".cff", ".md", ".py", ".toml", ".yml", ".yaml", ".css", ".js"}
NO_PAPERS = ("keras.io", "Threads in which")


def test_spelling_is_american():
    names = [name for name in sorted(tracked_files()) if Path(name).suffix in WORDS]
    names = [name for name in names if (ROOT / name).is_file()]
    done = subprocess.run(
        [sys.executable, "-m", "codespell_lib", *names],
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=False,
    )
    assert (done.stdout, done.returncode) == ("", 0)


# ---- papers ----------------------------------------------------------------------------------


def plain(title):
    """A title without braces, accents' backslashes, punctuation and capitals."""
    return re.sub(r"[^a-z0-9]", "", title.lower())


def papers_of(path):
    """The entries of a lesson's list of references, each as one line."""
    text = path.read_text(encoding="utf-8").split("# ## References", 1)[1].split("# %%", 1)[0]
    lines = [line.removeprefix("#").strip() for line in text.splitlines()]
    entries = " ".join(lines).split(" - ")
    return [entry.strip() for entry in entries[1:] if not any(no in entry for no in NO_PAPERS)]


@pytest.mark.parametrize("path", SCRIPTS, ids=lambda path: path.stem)
def test_every_paper_of_a_lesson_is_in_the_bibliography(path):
    titles = [plain(title) for title in re.findall(r"title\s*=\s*\{(.*)\},", BIBLIOGRAPHY)]
    papers = papers_of(path)
    assert papers
    for paper in papers:
        number = re.search(r"arxiv\.org/abs/([\d.]+\d)", paper)
        if number:
            assert f"arxiv.org/abs/{number[1]}}}" in BIBLIOGRAPHY, paper
        else:
            title = plain(re.search(r"\*(.+?)\*", paper)[1])
            assert any(known.startswith(title) for known in titles), paper


def test_every_key_that_a_page_cites_is_in_the_bibliography():
    keys = set(re.findall(r"^@\w+\{(\w+),", BIBLIOGRAPHY, re.MULTILINE))
    assert len(keys) == len(re.findall(r"^@", BIBLIOGRAPHY, re.MULTILINE))
    for page in (ROOT / "book").rglob("*.md"):
        for group in re.findall(r"\{cite\}`([^`]+)`", page.read_text(encoding="utf-8")):
            assert set(group.split(",")) <= keys, page.name


# ---- how to cite it, what is new -----------------------------------------------------------------


def test_citation_file_has_what_the_format_requires():
    citation = yaml.safe_load((ROOT / "CITATION.cff").read_text(encoding="utf-8"))
    assert {"cff-version", "message", "title", "authors"} <= citation.keys()
    assert citation["cff-version"] == "1.2.0"
    assert citation["type"] in {"software", "dataset"}
    assert citation["authors"]
    assert all("name" in author or "family-names" in author for author in citation["authors"])
    assert citation["version"] == PYPROJECT["project"]["version"]
    # The package has a second license, that of the sample of MNIST in it.
    assert citation["license"] == PYPROJECT["project"]["license"].split(" AND ")[0]
    assert citation["repository-code"] == REPOSITORY
    assert citation["url"].rstrip("/") == PYPROJECT["project"]["urls"]["Homepage"].rstrip("/")


def test_changelog_has_a_part_for_this_version():
    text = (ROOT / "CHANGELOG.md").read_text(encoding="utf-8")
    versions = re.findall(r"^## (\S+?),? ", text, re.MULTILINE)
    assert versions[0] == PYPROJECT["project"]["version"]


def test_changelog_counts_lessons_and_terms():
    text = (ROOT / "CHANGELOG.md").read_text(encoding="utf-8")
    pages = [page for page in toc_pages() if page.startswith("notebooks/")]
    assert "Nineteen lessons" in text
    assert len(pages) == 19 + 1  # and the page for diagnosis
    glossary = (ROOT / "book" / "glossary.md").read_text(encoding="utf-8")
    terms = glossary.count("\n\n", glossary.index("```{glossary}"))
    assert int(re.search(r"more than (\d+) terms", text)[1]) <= terms < 100


# ---- pages that speak of code ---------------------------------------------------------


def test_objectives_name_the_losses_of_the_package():
    page = (ROOT / "book" / "objectives.md").read_text(encoding="utf-8")
    part = page.split("## In the package", 1)[1]
    named = set(re.findall(r"`(\w+_loss|gradient_penalty)`", part))
    tree = ast.parse((ROOT / "gan_utils" / "losses.py").read_text(encoding="utf-8"))
    defined = {node.name for node in tree.body if isinstance(node, ast.FunctionDef)}
    assert named - {"discriminator_loss", "generator_loss"} == defined


def test_results_page_has_a_part_for_each_lesson():
    page = (ROOT / "book" / "results.md").read_text(encoding="utf-8")
    shown = re.findall(r"\{recorded-run\} (\w+)", page)
    lessons = [Path(page).name for page in toc_pages() if page.startswith("notebooks/")]
    assert shown[: len(lessons)] == sorted(lessons)


def test_shortest_example_runs(monkeypatch):
    import gan_utils

    page = (ROOT / "book" / "how-to-use.md").read_text(encoding="utf-8")
    (code,) = [
        block for block in re.findall(r"```python\n(.*?)```", page, re.DOTALL) if "GAN(" in block
    ]
    digits = gan_utils.load_images("mnist").take(128)
    monkeypatch.setattr(gan_utils, "load_images", lambda name: digits)
    names = {}
    exec(compile(code.replace("epochs=1", "epochs=1, verbose=0"), "how-to-use.md", "exec"), names)
    assert names["generated"].shape == (16, 28, 28, 1)


# ---- the map of the package ------------------------------------------------------------


@pytest.mark.parametrize("folder", ["gan_utils", "tools/book"])
def test_map_has_a_line_for_each_module(folder):
    text = (ROOT / "CONTRIBUTING.md").read_text(encoding="utf-8")
    block = re.search(rf"`{folder}`[^\n]*\n\n```text\n(.*?)```", text, re.DOTALL)[1]
    names = [line.split()[0] for line in block.splitlines()]
    modules = {path.relative_to(ROOT / folder) for path in (ROOT / folder).rglob("*.py")}
    wanted = {path.as_posix().removesuffix("__init__.py") for path in modules} - {""}
    assert len(names) == len(set(names))
    assert set(names) == wanted


# ---- the template of a lesson ---------------------------------------------------------


def test_template_is_no_lesson_of_the_book():
    assert TEMPLATE.name not in {path.name for path in SCRIPTS}
    assert not any("templates" in page for page in toc_pages())


def test_template_runs(monkeypatch, tmp_path):
    import io
    import runpy
    from contextlib import redirect_stdout

    import gan_utils

    def run_here(script):
        said = io.StringIO()
        with redirect_stdout(said):
            exec(compile(script, "script", "exec"), {})
        return said.getvalue()

    # A new process would load TensorFlow once more; what is tested here is the template.
    monkeypatch.setattr(gan_utils, "run_in_fresh_process", run_here)
    monkeypatch.setenv("GAN_RUNS", str(tmp_path / "runs"))
    monkeypatch.setenv("GAN_RECORD", str(tmp_path / "records"))
    monkeypatch.setenv("GAN_DATA", "embedded")
    monkeypatch.chdir(tmp_path)
    names = runpy.run_path(str(TEMPLATE))
    assert names["generated"].shape[1:] == (28, 28, 1)
    assert (tmp_path / "records" / f"{names['LESSON']}.json").is_file()
