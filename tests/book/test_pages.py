"""The pages around the lessons: recorded numbers, the map, the glossary, and navigation."""

import json
import re
from html import unescape
from io import StringIO
from pathlib import Path
from xml.etree import ElementTree

import numpy as np
import pytest
import yaml
from PIL import Image
from sphinx.application import Sphinx
from sphinx.util.docutils import docutils_namespace, patch_docutils
from test_site import LESSONS, PAGES, Page, page_path

from gan_utils import evaluation

ROOT = Path(__file__).resolve().parents[2]
CONFIG = yaml.safe_load((ROOT / "_config.yml").read_text(encoding="utf-8"))
BASE = CONFIG["html"]["baseurl"]
# What people type into a search field when their GAN does not work.
SYMPTOMS = (
    "D loss is 0",
    "G loss rises",
    "never converge",
    "mode collapse",
    "all generated images are the same",
    "discriminator never trains",
    "trainable = False",
    "gradients do not exist",
    "loss is NaN",
    "checkerboard",
    "predict() so slow",
    "same image every time",
    "No module named",
    "disconnected",
    "out of memory",
    "GPU is not used",
    "cannot be downloaded",
    "FID is NaN",
)


@pytest.fixture
def build(tmp_path):
    """Builds pages given by name with the book's own extensions; returns their HTML."""
    extensions = ["glossary_links", "lesson_cost", "model_map", "results_page"]

    def build_pages(**pages):
        source = tmp_path / "source"
        for name, text in pages.items():
            path = source / f"{name.replace('__', '/')}.md"
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_text(text, encoding="utf-8")
        folders = [source, None, tmp_path / "html", tmp_path / "trees"]
        config = {
            "extensions": ["myst_parser", *extensions],
            "html_theme": "basic",
            "root_doc": next(iter(pages)).replace("__", "/"),
        }
        warnings = StringIO()
        with patch_docutils(), docutils_namespace():
            app = Sphinx(
                *folders, "html", confoverrides=config, status=None, warning=warnings, freshenv=True
            )
            app.build()
        files = {name: tmp_path / "html" / f"{name.replace('__', '/')}.html" for name in pages}
        return {name: path.read_text() for name, path in files.items()}, warnings.getvalue()

    return build_pages


def record(folder, lesson, **runs):
    """Write a record of runs."""
    facts = {
        "hardware": {"cpu": "a CPU", "cores": 2, "gpus": []},
        "versions": {"python": "3.11", "keras": "3.10"},
        "data": {"name": "mnist", "split": "train", "source": "cache", "count": 60000},
        "date": "2026-01-02",
        "seconds": 83.4,
    }
    results = folder / "source" / "book" / "results"
    results.mkdir(parents=True, exist_ok=True)
    full = {name: facts | run for name, run in runs.items()}
    (results / f"{lesson}.json").write_text(json.dumps({"lesson": lesson, "runs": full}))


# ---- how long a lesson takes -----------------------------------------------------------------


def test_lesson_says_how_long_it_takes(build, tmp_path):
    record(tmp_path, "02_dcgan", quick={"metrics": {}}, full={"metrics": {}, "seconds": 7200})
    words = " ".join(["word"] * 590)
    code = "```python\n" + "code " * 2000 + "\n```"
    pages, _ = build(notebooks__02_dcgan=f"# A title of six words here\n\n{words}\n\n{code}\n")
    html = unescape(pages["notebooks__02_dcgan"])
    assert "Reading: about 3 minutes" in html
    assert "quick: 83 seconds on 2 CPU cores; full: 2.0 hours on 2 CPU cores." in html
    assert html.index("<h1>") < html.index("Reading: about") < html.index("word word")


def test_lesson_without_a_record_says_so(build):
    pages, _ = build(notebooks__09_lsgan="# Title\n\nWords.\n")
    html = pages["notebooks__09_lsgan"]
    assert "about 1 minute," in html
    assert "quick: no recorded run yet; full: no recorded run yet." in html


def test_run_without_training_says_so():
    import lesson_cost

    run = {"seconds": None, "hardware": {"cores": 1}}
    assert lesson_cost.run_sentence("full", run) == "full: nothing to train"
    gpu = {"seconds": 90, "hardware": {"cores": 8, "gpus": ["A GPU"]}}
    assert lesson_cost.run_sentence("full", gpu) == "full: 90 seconds on A GPU"


# ---- the glossary ----------------------------------------------------------------------------

GLOSSARY = """# Glossary

```{glossary}
generator
    Draws.

earth mover's distance
Wasserstein distance
    Work, of a critic.

GAN
    A game.
```
"""


def test_terms_are_read_with_their_other_names():
    import glossary_links

    names = glossary_links.glossary_entries(GLOSSARY)
    assert names == [["generator"], ["earth mover's distance", "Wasserstein distance"], ["GAN"]]


def test_first_mention_is_linked(build):
    lesson = (
        "# The generator\n\nThe `generator` and **two Generators**, a generator, a regenerator.\n\n"
        "The Wasserstein distance is the earth mover's distance. No gan, a GAN.\n\n"
        "## References\n\n- *The generator*\n"
    )
    pages, warnings = build(notebooks__a=lesson, book__glossary=GLOSSARY)
    assert re.findall(r'glossary-term">([^<]+)<', pages["notebooks__a"]) == [
        "Generators",
        "Wasserstein distance",
        "GAN",
    ]
    assert 'href="../book/glossary.html#term-generator"' in pages["notebooks__a"]
    assert 'href="../book/glossary.html#term-Wasserstein-distance"' in pages["notebooks__a"]
    assert "glossary-term" not in pages["book__glossary"]
    assert "term" not in warnings


@pytest.mark.parametrize("name", LESSONS)
def test_lesson_links_terms_once(site, name):
    text = page_path(site, f"notebooks/{name}").read_text(encoding="utf-8")
    links = re.findall(r'href="([^"]+)"[^>]*><span class="glossary-term', text)
    assert len(links) >= 5
    assert len(set(links)) == len(links)
    assert text.count('class="lesson-cost"') == 1


# ---- results ---------------------------------------------------------------------------------


def test_recorded_runs_become_a_table(build, tmp_path):
    metrics = {"error": 0.0853, "epochs": 8, "steps_per_epoch": 937, "batch_size": 16}
    rows = {"InfoGAN": {"images_seen": 120_000}}
    record(tmp_path, "08_infogan", full={"metrics": metrics, "commit": "abc", "comparison": rows})
    pages, _ = build(page="# Results\n\n```{recorded-run} 08_infogan\n```\n")
    text = unescape(re.sub(r"<[^>]+>", " ", pages["page"]))
    for words in ("8.5%", "5%", "7,496 updates of 16 real images", "2.0 passes over the data"):
        assert words in text
    for words in ("MNIST, train part (60,000 images)", "2 CPU cores (a CPU)", "2026-01-02"):
        assert words in text
    assert re.search(r"quick:\s+no run is recorded yet", text)
    assert "Purity" not in text, "a figure that no run has"


def test_recorded_image_becomes_a_figure(build, tmp_path):
    pixels = np.arange(12, dtype="uint8").reshape(2, 2, 3)
    text = evaluation.encode_image(pixels)
    record(tmp_path, "study_a", full={"metrics": {"runs": [{"sheet": text}]}})
    directive = "# A\n\n```{{recorded-image}} study_a:full:{}\n{}\nA *caption*.\n```\n"
    pages, warnings = build(page=directive.format("runs.0.sheet", ":alt: Four pixels\n"))
    assert warnings == ""
    assert 'alt="Four pixels"' in pages["page"]
    assert "A <em>caption</em>." in pages["page"]
    (address,) = re.findall(r'src="data:image/png;base64,([^"]+)"', pages["page"])
    np.testing.assert_array_equal(evaluation.decode_image(address), pixels)


@pytest.mark.parametrize(
    ("key", "alt"), [("runs.1.sheet", ":alt: x\n"), ("runs.0.sheet", ""), ("runs", ":alt: x\n")]
)
def test_recorded_image_that_is_missing_or_has_no_alt_text_fails(build, tmp_path, key, alt):
    record(tmp_path, "study_a", full={"metrics": {"runs": [{"sheet": "AAAA"}]}})
    _, warnings = build(page=f"# A\n\n```{{recorded-image}} study_a:full:{key}\n{alt}\n```\n")
    assert "No recorded image" in warnings


def test_lesson_without_runs_has_a_sentence(build):
    pages, warnings = build(page="# Results\n\n```{recorded-run} 02_dcgan\n```\n")
    assert "no run is recorded yet" in pages["page"]
    assert warnings == ""


@pytest.mark.parametrize("path", sorted((ROOT / "book" / "results").glob("*.json")), ids=str)
def test_every_record_has_a_figure_to_show(path):
    import recorded_figures
    import results_page

    record = json.loads(path.read_text(encoding="utf-8"))
    if not path.stem[0].isdigit() and path.stem not in recorded_figures.FIGURES:
        pytest.skip("the record of no lesson, shown elsewhere")
    for run in record["runs"].values():
        values = [results_page.value_of(f, run) for f in recorded_figures.FIGURES[path.stem]]
        assert values
        assert set(values) != {results_page.ABSENT}


def test_results_page_shows_the_records(site):
    text = page_path(site, "book/results").read_text(encoding="utf-8")
    for path in (ROOT / "book" / "results").glob("[0-9]*.json"):
        for run in json.loads(path.read_text(encoding="utf-8"))["runs"].values():
            assert run["date"] in text
            assert run.get("commit", run["date"]) in text


# ---- the map ---------------------------------------------------------------------------------


def test_map_has_words_for_every_panel(site):
    import model_map

    text = page_path(site, "book/models").read_text(encoding="utf-8")
    labels = re.findall(r'<svg class="model-panel"[^>]*role="img" aria-label="([^"]+)"', text)
    assert len(labels) == len(model_map.MODELS)
    assert all("generator G takes" in label for label in labels)
    drawn = " ".join(model.name for model in model_map.MODELS)
    for name in ("GAN", "DCGAN", "CGAN", "CDCGAN", "AC-GAN", "SGAN", "InfoGAN", "LSGAN", "WGAN-GP"):
        assert re.search(rf"(?<![\w-]){name}\b", drawn), name
    assert "Pix2Pix" in drawn


def test_map_stays_inside_its_panels():
    import model_map

    for model in model_map.MODELS:
        svg = ElementTree.fromstring(model_map.drawing(model))
        _, _, width, height = map(float, svg.get("viewBox").split())
        points = [
            tuple(map(float, point.split(",")))
            for line in svg.iter("polyline")
            for point in line.get("points").split()
        ]
        for rect in svg.iter("rect"):
            x, y, w, h = (float(rect.get(key)) for key in ("x", "y", "width", "height"))
            points += [(x, y), (x + w, y + h)]
        for span in svg.iter("tspan"):
            half = 3.6 * len(span.text)  # a letter is about 7 wide
            points += [
                (float(span.get("x")) + side * half, float(span.get("y"))) for side in (-1, 1)
            ]
        assert all(0 <= x <= width and 0 <= y <= height for x, y in points), model.name


# ---- around every page -------------------------------------------------------------------------


@pytest.mark.parametrize("page", PAGES)
def test_page_can_be_shared_edited_and_reported(site, page):
    text = page_path(site, page).read_text(encoding="utf-8")
    meta = dict(re.findall(r'<meta property="og:([\w:]+)" content="([^"]*)"', text))
    assert meta["title"]
    assert meta["description"]
    assert not meta["description"].startswith("Reading")
    assert meta["url"] == f"{BASE}{page}.html"
    assert (site / meta["image"].removeprefix(BASE)).is_file()
    assert 'rel="icon"' in text or 'rel="shortcut icon"' in text
    links = Page(page_path(site, page)).links
    source = f"{page}.py" if page.startswith("notebooks/") else f"{page}.md"
    assert any(link.endswith(f"/edit/main/{source}") for link in links)
    assert any("/issues/new?" in link for link in links)


def test_footer_says_the_version(site):
    import gan_utils

    text = page_path(site, PAGES[0]).read_text(encoding="utf-8")
    assert f"Version {gan_utils.__version__}." in text


def test_sitemap_names_no_page_for_tools(site):
    text = (site / "sitemap.xml").read_text(encoding="utf-8")
    assert "search.html" not in text
    assert "genindex.html" not in text


def test_card_has_the_size_that_is_asked_for():
    with Image.open(ROOT / "book" / "_static" / "social_card.png") as card:
        assert card.size == (1200, 630)


def test_symptoms_can_be_searched_for(site):
    pages = [page_path(site, page).read_text(encoding="utf-8") for page in PAGES]
    words = unescape(re.sub(r"<[^>]+>", "", " ".join(pages))).lower()
    words = re.sub(r"\s+", " ", words)
    assert [symptom for symptom in SYMPTOMS if symptom.lower() not in words] == []
