"""The book's own Sphinx extension, over a page of a few lines."""

import json
from io import StringIO
from pathlib import Path

import pytest
from sphinx.application import Sphinx
from sphinx.util.docutils import docutils_namespace, patch_docutils

ROOT = Path(__file__).resolve().parents[2]
ADDRESS = {
    "repository_url": "https://github.com/someone/a-book",
    "repository_branch": "main",
    "launch_buttons": {"colab_url": "https://colab.research.google.com"},
}


@pytest.fixture
def build(tmp_path, monkeypatch):
    """Builds one page and returns its HTML, with Sphinx' warnings."""
    monkeypatch.syspath_prepend(str(ROOT / "book" / "_ext"))
    results = tmp_path / "source" / "book" / "results"
    results.mkdir(parents=True)
    run = {"seconds": 83.4, "metrics": {"distance": 41.987}}
    (results / "02_dcgan.json").write_text(json.dumps({"runs": {"quick": run}}))

    def build_page(text):
        (tmp_path / "source" / "index.md").write_text(f"# Title\n\n{text}\n")
        folders = [tmp_path / "source", None, tmp_path / "html", tmp_path / "trees"]
        config = {"extensions": ["myst_parser", "gan_workbook"], "html_theme": "basic"}
        warnings = StringIO()
        with patch_docutils(), docutils_namespace():
            app = Sphinx(
                *folders, "html", confoverrides=config, status=None, warning=warnings, freshenv=True
            )
            app.config.html_theme_options = ADDRESS
            app.build()
        return (tmp_path / "html" / "index.html").read_text(), warnings.getvalue()

    return build_page


def test_recorded_number_is_printed(build):
    html, warnings = build(
        "{result}`02_dcgan:quick:distance:.1f` and {result}`02_dcgan:quick:seconds`"
    )
    assert "42.0" in html
    assert "83.4" in html
    assert warnings == ""


@pytest.mark.parametrize(
    "number",
    ["02_dcgan:full:distance", "02_dcgan:quick:missing", "03_none:quick:x", "02_dcgan", "a:b:c:d"],
)
def test_missing_number_is_a_warning(build, number):
    _, warnings = build(f"{{result}}`{number}`")
    assert "No recorded number" in warnings


def test_addresses_come_from_the_settings(build):
    html, warnings = build("{source}`LICENSE` {colab}`lesson 02 <notebooks/02_dcgan.ipynb>`")
    assert 'href="https://github.com/someone/a-book/blob/main/LICENSE"' in html
    colab = "https://colab.research.google.com/github/someone/a-book/blob/main/notebooks/02_dcgan"
    assert f'href="{colab}.ipynb">lesson 02</a>' in html
    assert warnings == ""


def test_figure_without_words_gets_some(build, tmp_path):
    (tmp_path / "source" / "a.png").write_bytes(b"")
    (tmp_path / "source" / "b.png").write_bytes(b"")
    html, _ = build("![A grid](a.png)\n\n```{image} b.png\n```")
    assert 'alt="A grid"' in html
    assert 'alt="Figure made by the code cell above"' in html
