"""The checks before a site is published, and the addresses of its launch buttons."""

import re
from urllib.parse import parse_qs, urlsplit

import pytest
from test_project import NAME, OWNER, ROOT, tracked_files

from tools.book import check as checks
from tools.book import execute, stage, widgets

LESSONS = execute.lesson_names(ROOT)
BASE = "https://someone.example/a-book/"
PAGE = """<html><head><link rel="stylesheet" href="../_static/a.css"></head>
<body id="part"><a href="b.html#part">b</a><a href="#part">here</a><a href="https://else.where/x">x</a>
<div class="cell_output"><img src="../_images/a.png"></div></body></html>"""


@pytest.fixture
def small(tmp_path):
    """A book of two lessons, and its site, with nothing wrong."""
    (tmp_path / "_toc.yml").write_text(
        "format: jb-book\nroot: notebooks/a\nchapters:\n- file: notebooks/b\n"
    )
    (tmp_path / "_config.yml").write_text(f"html:\n  baseurl: {BASE}\n")
    html = tmp_path / "html"
    for folder in ("notebooks", "_static", "_images"):
        (html / folder).mkdir(parents=True)
    for name in ("a", "b"):
        (html / "notebooks" / f"{name}.html").write_text(PAGE)
    (html / "_static" / "a.css").write_text("p {background: url('../_images/a.png')}")
    (html / "_images" / "a.png").write_bytes(b"picture")
    pages = "".join(f"<loc>{BASE}notebooks/{name}.html</loc>" for name in ("a", "b"))
    (html / "sitemap.xml").write_text(f"<urlset>{pages}</urlset>")
    return tmp_path


def check(folder, capsys):
    status = checks.main([str(folder / "html"), "--root", str(folder)])
    output, error = capsys.readouterr()
    return status, output, error


def test_good_site_names_its_pages(small, capsys):
    assert check(small, capsys) == (0, "pages=notebooks/a notebooks/b\n", "\n")


@pytest.mark.parametrize(
    ("name", "change", "words"),
    [
        ("notebooks/b.html", None, "no page notebooks/b"),
        ("_images/a.png", None, "notebooks/a.html leads to ../_images/a.png"),
        ("_static/a.css", None, "leads to ../_static/a.css"),
        ("sitemap.xml", ("notebooks/b", "b"), "does not name notebooks/b"),
        ("notebooks/a.html", ("cell_output", "cell"), "notebooks/a has no output"),
        ("notebooks/a.html", ("_images/a", "_static/a"), "notebooks/a has no image"),
        ("notebooks/a.html", ("#part", "#whole"), "leads to b.html#whole"),
        ("notebooks/a.html", ("b.html", "/notebooks/b.html"), "leads to /notebooks/b.html"),
        ("notebooks/a.html", ("b.html", "../../_toc.yml"), "leads to ../../_toc.yml"),
        ("notebooks/a.html", (">b<", ">Not for publishing<"), "made by the smoke test"),
        ("notebooks/a.html", (">b<", f">{stage.FAILED}<"), "shows a lesson that failed"),
        ("notebooks/a.html", (">b<", f">{widgets.absence('cgan')}<"), "lacks an interactive part"),
        ("_static/a.css", ("../_images", "/_images"), "leads to /_images/a.png"),
    ],
)
def test_bad_site_is_refused(small, capsys, name, change, words):
    path = small / "html" / name
    if change is None:
        path.unlink()
    else:
        text = path.read_text()
        assert change[0] in text
        path.write_text(text.replace(*change))
    status, output, error = check(small, capsys)
    assert (status, output) == (1, "")
    assert words in error


def test_smoke_site_is_never_published(site, capsys):
    assert checks.main([str(site)]) == 1
    said = capsys.readouterr().err
    assert all(f"notebooks/{name}.html was made by the smoke test" in said for name in LESSONS)
    assert "sitemap" not in said


@pytest.mark.parametrize("name", LESSONS)
def test_launch_buttons_lead_to_the_lesson(site, name):
    text = (site / "notebooks" / f"{name}.html").read_text(encoding="utf-8")
    colab, binder = (
        set(re.findall(rf'href="(https://{host}/[^"]+)"', text))
        for host in (r"colab\.research\.google\.com", r"mybinder\.org")
    )
    lesson = f"notebooks/{name}.ipynb"
    assert colab == {f"https://colab.research.google.com/github/{OWNER}/{NAME}/blob/main/{lesson}"}
    (address,) = map(urlsplit, binder)
    assert address.path == f"/v2/gh/{OWNER}/{NAME}/main"
    assert parse_qs(address.query) == {"urlpath": [f"lab/tree/{lesson}"]}
    assert {lesson, "environment.yml"} <= tracked_files()
