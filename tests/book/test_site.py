"""The contents of the built site, read from its files without a browser."""

import re
import tempfile
from html import unescape
from html.parser import HTMLParser
from io import BytesIO
from pathlib import Path
from urllib.parse import urlsplit

import nbformat
import pytest
from PIL import Image

from tools.book import execute

ROOT = Path(__file__).resolve().parents[2]
PAGES = execute.toc_files(ROOT)
LESSONS = execute.lesson_names(ROOT)


class Page(HTMLParser):
    """Elements of a page: addresses it links to or shows, and its outputs."""

    def __init__(self, path):
        super().__init__()
        self.links, self.images, self.outputs = [], [], 0
        self.feed(path.read_text(encoding="utf-8"))

    def handle_starttag(self, tag, attrs):
        attributes = dict(attrs)
        self.outputs += "cell_output" in (attributes.get("class") or "").split()
        if tag == "a" and attributes.get("href"):
            self.links.append(attributes["href"])
        if tag == "img":
            self.images.append(attributes)


def page_path(site, page):
    return site / f"{page}.html"


@pytest.mark.parametrize("page", [*PAGES, "search", "genindex", "whole-book"])
def test_page_is_whole(site, page):
    path = page_path(site, page)
    text = path.read_text(encoding="utf-8")
    contents = Page(path)
    assert "<IPython.core.display" not in text
    assert "&lt;IPython.core.display" not in text
    assert "Traceback" not in text
    assert str(ROOT) not in text
    assert str(Path(tempfile.gettempdir()) / "gan-workbook-") not in text
    without_words = [image.get("src") for image in contents.images if not image.get("alt")]
    assert without_words == []
    assert not any("_images/" in image["alt"] for image in contents.images)
    assert "Figure made by the code cell above" not in text


@pytest.mark.parametrize("page", PAGES)
def test_pictures_wait_and_keep_their_place(site, page):
    path = page_path(site, page)
    text = path.read_text(encoding="utf-8")
    article = text[text.index("<article") : text.index("</article>")]
    tags = re.findall(r"<img [^>]*>", article)
    drawn = [tag for tag in tags if re.search(r'src="[^"]*\.(png|webp|gif)"', tag)]
    assert all(" width=" in tag and " height=" in tag for tag in drawn)
    assert all('loading="lazy"' in tag for tag in tags[1:] if tag in drawn)


@pytest.mark.parametrize("page", PAGES)
def test_formulas_are_set_without_a_script(site, page, signs_of_the_font):
    text = page_path(site, page).read_text(encoding="utf-8")
    formulas = re.findall(r"<math.*?</math>", text, re.DOTALL)
    assert len(formulas) == text.count('class="math notranslate')
    source = ROOT / (f"{page}.py" if page.startswith("notebooks/") else f"{page}.md")
    displayed = "$$" in source.read_text(encoding="utf-8")
    assert displayed <= any('display="block"' in formula for formula in formulas)
    letters = {ord(letter) for letter in unescape(re.sub(r"<[^>]+>", "", "".join(formulas)))}
    assert [hex(sign) for sign in letters - signs_of_the_font if sign > 0x20] == []
    assert "mathjax/" not in text.lower()


@pytest.fixture(scope="module")
def signs_of_the_font():
    """The code points that the formulas' font can draw."""
    from fontTools.ttLib import TTFont

    with TTFont(ROOT / "book" / "_static" / "formulas.woff") as font:
        return set(font.getBestCmap())


@pytest.mark.parametrize("name", LESSONS)
def test_lesson_shows_what_was_executed(site, name):
    executed = nbformat.read(site.parent / "executed" / f"{name}.ipynb", as_version=4)
    assert execute.ran_through(executed)
    shown = [
        cell
        for cell in execute.code_cells(executed)
        if "remove-cell" not in cell.metadata.get("tags", [])
        and any(output.get("name") != "stderr" for output in cell.outputs)
    ]
    contents = Page(page_path(site, f"notebooks/{name}"))
    assert contents.outputs >= len(shown) > 0
    assert any("_images/" in image["src"] for image in contents.images)


def test_lessons_ran_on_fewer_images_than_they_want(site):
    limits, shown = {"train": 150, "test": 60}, set()
    for name in LESSONS:
        executed = nbformat.read(site.parent / "executed" / f"{name}.ipynb", as_version=4)
        outputs = [output for cell in execute.code_cells(executed) for output in cell.outputs]
        said = "".join(output.text for output in outputs if output.get("name") == "stdout")
        # Not lesson 06's colored digits, which it takes from the package and does not load.
        kind = "cifar10" if name.startswith("18") else "(?:fashion_)?mnist"
        line = rf"^{kind} \((train|test)\): ([\d,]+) images, "
        for split, count in re.findall(line, said, re.M):
            shown.add(name)
            assert int(count.replace(",", "")) == limits[split], name
    # 07 and 14 print tables of several sets, 11 and 19 draw cities.
    silent = {"07_sgan", "11_pix2pix", "14_comparison", "19_cyclegan"}
    assert shown == set(LESSONS) - silent


def test_gif_of_lesson_02_has_frames(site):
    path = page_path(site, "notebooks/02_dcgan")
    sources = [image["src"] for image in Page(path).images if image["src"].endswith(".gif")]
    assert sources
    for source in sources:
        with Image.open(BytesIO((path.parent / source).read_bytes())) as picture:
            assert picture.n_frames > 1


def test_root_leads_to_the_start_page(site):
    assert f"url={PAGES[0]}.html" in (site / "index.html").read_text(encoding="utf-8")


def test_start_page_links_every_lesson(site):
    links = Page(page_path(site, PAGES[0])).links
    linked = {Path(urlsplit(link).path).stem for link in links if "notebooks/" in link}
    assert set(LESSONS) <= linked
    text = page_path(site, PAGES[0]).read_text(encoding="utf-8")
    for name in set(LESSONS) - {"15_diagnosis"}:  # which is for looking up, and has no card
        assert f"{name[:2]} ·" in text
