"""Size and readability of the pages: styles, icons, images, formulas, alt texts, single page."""

from pathlib import Path

import nbformat
import numpy as np
import pytest
from PIL import Image
from test_site import PAGES

from tools.book import alt_text, images, single_page, slim

ROOT = Path(__file__).resolve().parents[2]
# ---- icons -----------------------------------------------------------------------------------

STYLE = """.fa-used:before,.fa-old:before{content:"\\f002"}.fa-rest:before{content:"\\f003"}
.fa-used{color:red}a:after{content:"\uf004"}.fa-rest{margin:0}"""


def test_only_used_icons_stay():
    kept = slim.used_icons(STYLE, {"fa-old", "fa-x"})
    assert list(slim.code_points(STYLE)) == [0xF002, 0xF003, 0xF004]
    assert list(slim.code_points(kept)) == [0xF002, 0xF004]
    assert ".fa-used:before,.fa-old:before{" in kept
    assert kept.endswith(".fa-rest{margin:0}")


def test_site_carries_no_icon_script(site):
    assert not list(site.rglob("fontawesome.js*"))
    assert not list(site.rglob("*.map"))
    fonts = list(site.rglob("fa-*.woff"))
    assert len(fonts) == 3
    assert max(font.stat().st_size for font in fonts) < 20_000
    text = (site / "book" / "index.html").read_text(encoding="utf-8")
    assert "fontawesome.js" not in text
    assert '<i aria-hidden="true" class="fa' in text


# ---- pictures --------------------------------------------------------------------------------


@pytest.fixture
def small_site(tmp_path):
    """A site of one page with three pictures; the middle one is too wide for a phone."""
    html = tmp_path / "html"
    (html / "_images").mkdir(parents=True)
    (html / "notebooks").mkdir()
    shapes = {"a": (40, 60), "wide": (30, 900), "b": (40, 60)}
    tags = []
    for name, shape in shapes.items():
        pixels = np.random.default_rng(1).integers(0, 255, shape, "uint8")
        Image.fromarray(pixels).resize((shape[1], shape[0])).save(html / "_images" / f"{name}.png")
        tags.append(f'<img alt="{name}" src="../_images/{name}.png" />')
    tags.append('<a href="../_images/a.png">larger</a>')
    text = f"<html><img src='logo.svg'><article class=x>{' '.join(tags)}</article></html>"
    (html / "notebooks" / "page.html").write_text(text)
    (html / "index.html").write_text(text.replace("../_images", "_images"))
    return html


def test_pictures_keep_their_pixels_and_say_their_size(small_site, tmp_path):
    before = np.asarray(Image.open(small_site / "_images" / "a.png").convert("RGB"))
    images.Pictures(small_site, tmp_path / "kept").lighten()
    text = (small_site / "notebooks" / "page.html").read_text()
    assert '<img width="60" height="40" decoding="async" alt="a" src="../_images/a.webp"' in text
    assert text.count('loading="lazy"') == 2
    assert '<span class="wide-figure" style="--least: 504px"><img width="900"' in text
    assert text.count("wide-figure") == 1
    assert "wide-figure" not in (small_site / "index.html").read_text()
    after = np.asarray(Image.open(small_site / "_images" / "a.webp").convert("RGB"))
    assert np.array_equal(before, after)
    assert '<a href="../_images/a.webp">' in text
    assert not list(small_site.rglob("*.png"))


def test_large_picture_of_noise_becomes_smaller(tmp_path):
    noise = np.random.default_rng(1).integers(0, 255, (300, 400, 3), "uint8")
    images.compress(Image.fromarray(noise), tmp_path / "noise.webp")
    assert (tmp_path / "noise.webp").stat().st_size < 0.8 * noise.size
    with Image.open(tmp_path / "noise.webp") as shown:
        assert np.abs(np.asarray(shown, "float32") - noise).mean() < 60
    assert not list(tmp_path.glob("*.part"))


# ---- formulas --------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("tex", "wanted"),
    [
        (r"\tfrac12", "<mn>1</mn><mn>2</mn></mfrac>"),
        (r"a, \dots, b", "<mi>…</mi>"),
        (r"p \Big\| q", 'minsize="1.623em"'),
        (r"\|x\|^2", '<mo form="prefix" stretchy="false">‖</mo><mi>x</mi>'),
        (r"a \log Q", 'a</mi><mspace width="0.1667em"></mspace><mi>log'),
        (r"\log Q", '</mo><mspace width="0.1667em"></mspace><mi>Q'),
        (r"\log(Q)", '<mo>&ApplyFunction;</mo><mo stretchy="false">('),
        (r"\bar x_t", '<mi>x</mi><mo stretchy="false">¯</mo></mover><mi>t</mi></msub>'),
        (r"\mathbb{E}_x[f]", "<mi>\N{MATHEMATICAL DOUBLE-STRUCK CAPITAL E}</mi>"),
    ],
)
def test_formula_becomes_mathml(tex, wanted):
    import mathml

    assert wanted in mathml.mathml(tex)


def test_unknown_command_is_an_error():
    import mathml

    with pytest.raises(ValueError, match="nothing"):
        mathml.mathml(r"\nothing{x}")


# ---- words for figures -----------------------------------------------------------------------


def lesson(code, *headings, alt=None):
    """Return a notebook with headings and a code cell that gave a picture."""
    facts = {"image/png": {"alt": alt}} if alt else {}
    output = nbformat.v4.new_output("display_data", {"image/png": ""}, metadata=facts)
    cells = [nbformat.v4.new_markdown_cell(f"## {heading}\n\nWords.") for heading in headings]
    cells += [nbformat.v4.new_code_cell(code, outputs=[output])]
    return nbformat.v4.new_notebook(cells=cells)


def words(notebook):
    alt_text.describe_figures(notebook)
    return notebook.cells[-1].metadata["mystnb"]["image"]["alt"]


def test_figure_is_named_by_its_titles_and_its_place():
    code = 'axis.set(title="Loss", ylabel="nats")\nplots.show_images(x, title=f"Epoch {epoch}: D")'
    assert words(lesson(code, "Idea", "The `game`")) == (
        "Figure in “The game”: Loss; Epoch …: D (nats)"
    )


def test_figure_without_titles_is_named_by_its_place():
    assert words(lesson("plt.show()", "What **goes** wrong")) == "Figure in “What goes wrong”"
    assert words(lesson("%pip install x", "Setup")) == "Figure in “Setup”"


def test_animation_keeps_its_own_words():
    assert words(lesson("Image(path)", "Training", alt="Digits forming")) == "Digits forming"


# ---- the whole book on one page --------------------------------------------------------------

HEAD = '<link href="../_static/a.css" rel="stylesheet" />'
ONE = """<article class="bd-article"><section id="one">
<h1>One<a class="headerlink" href="#one">#</a></h1>
<p id="p">See <a href="two.html#two">two</a>, <a href="../_images/x.png">x</a>,
<a href="https://example.org/a#b">out</a>, <a href="#p">here</a>.</p>
<script>run()</script></section></article>"""
TWO = """<article class="bd-article"><section id="two">
<h1>Two<a class="headerlink" href="#two">#</a></h1>
<img src="../_images/x.png" alt="x" loading="lazy"></section></article>"""


@pytest.fixture
def two_pages(tmp_path):
    """A site of two pages."""
    (tmp_path / "book").mkdir()
    (tmp_path / "book" / "one.html").write_text(f"<html><head>{HEAD}</head>{ONE}</html>")
    (tmp_path / "book" / "two.html").write_text(f"<html><head>{HEAD}</head>{TWO}</html>")
    single_page.write(tmp_path, ["book/one", "book/two"])
    return tmp_path


def test_links_lead_within_the_page(two_pages):
    text = (two_pages / single_page.NAME).read_text()
    for part in (
        '<link href="_static/a.css" rel="stylesheet" />',
        '<a href="#book-one">One</a>',
        '<section class="page" id="book-one">',
        '<a href="#book-two--two">two</a>',
        '<section id="book-two--two">',
        '<a href="_images/x.png">x</a>',
        '<a href="https://example.org/a#b">out</a>',
        '<a href="#book-one--p">here</a>',
        "<h2>Two",
    ):
        assert part in text
    assert "run()" not in text


def test_page_without_article_is_refused(tmp_path):
    (tmp_path / "one.html").write_text("<html></html>")
    with pytest.raises(ValueError, match=r"one\.html"):
        single_page.write(tmp_path, ["one"])


@pytest.mark.browser
def test_page_is_printed(browser, two_pages):
    pdf = single_page.print_pdf(two_pages)
    assert pdf.read_bytes().startswith(b"%PDF")
    assert not list(two_pages.glob("tmp*"))


def test_without_a_browser_there_is_no_pdf(two_pages, monkeypatch):
    monkeypatch.setenv("PATH", "")
    assert single_page.print_pdf(two_pages) is None


def test_command_says_what_is_missing(tmp_path, capsys):
    assert single_page.main(["--site", str(tmp_path / "none")]) == 1
    assert "make book" in capsys.readouterr().err


def test_whole_book_holds_every_page(site):
    text = (site / single_page.NAME).read_text(encoding="utf-8")
    assert text.count('<section class="page"') == len(PAGES)
