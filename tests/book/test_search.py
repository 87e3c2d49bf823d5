"""Search terms of readers: the glossary has the terms of deep learning."""

import json
import re
from io import StringIO
from pathlib import Path

import pytest
from sphinx.application import Sphinx
from sphinx.search.en import SearchEnglish
from sphinx.util.docutils import docutils_namespace, patch_docutils

ROOT = Path(__file__).resolve().parents[2]
GLOSSARY = ROOT / "book" / "glossary.md"
WORDS = (
    *("mode collapse", "mode dropping", "memorization", "checkerboard artifacts"),
    *("EMA", "exponential moving average", "TTUR", "two time-scale update rule"),
    *("learning-rate schedule", "hyperparameter", "batch normalization", "instance normalization"),
    *("spectral normalization", "Lipschitz", "gradient penalty", "weight clipping"),
    *("Wasserstein distance", "Jensen-Shannon divergence", "non-saturating loss", "logit"),
    *("vanishing gradient", "transposed convolution", "receptive field", "skip connection"),
    *("U-Net", "PatchGAN", "CycleGAN", "projection discriminator", "feature matching"),
    *("latent space", "slerp", "disentanglement", "mutual information", "semi-supervised"),
    *("FID", "KID", "Inception Score", "precision and recall", "noise floor", "baseline"),
    *("validation set", "ground truth", "mixed precision", "augmentation"),
)


def found_by_search(html, query):
    """Return the pages that have all words of a query in the index which the search field reads."""
    text = (html / "searchindex.js").read_text(encoding="utf-8")
    index = json.loads(re.fullmatch(r"Search\.setIndex\((.*)\)\s*", text, re.DOTALL)[1])
    language = SearchEnglish({})
    pages = set(range(len(index["docnames"])))
    for word in re.findall(r"\w+", query.lower()):
        if word in language.stopwords:
            continue
        hits = [index[table].get(language.stem(word), []) for table in ("terms", "titleterms")]
        pages &= {page for hit in hits for page in ([hit] if isinstance(hit, int) else hit)}
    return {index["docnames"][page] for page in pages}


def test_glossary_has_the_words_of_the_field():
    import glossary_links

    entries = glossary_links.glossary_entries(GLOSSARY.read_text(encoding="utf-8"))
    names = [name for entry in entries for name in entry]
    assert len(WORDS) >= 30
    assert sorted({*WORDS} - {*names}) == []
    assert len({*names}) == len(names)
    firsts = [re.sub(r"\W", "", entry[0]).lower() for entry in entries]
    assert firsts == sorted(firsts)


@pytest.fixture(scope="module")
def small_site(tmp_path_factory):
    """Returns the HTML folder of the glossary and one page without its words."""
    source, html = tmp_path_factory.mktemp("source"), tmp_path_factory.mktemp("html")
    (source / "glossary.md").write_text(GLOSSARY.read_text(encoding="utf-8"), encoding="utf-8")
    (source / "other.md").write_text("# Other\n\nNothing of that kind.\n", encoding="utf-8")
    config = {"extensions": ["myst_parser"], "html_theme": "basic", "root_doc": "glossary"}
    with patch_docutils(), docutils_namespace():
        folders = (source, None, html, html / "trees")
        app = Sphinx(*folders, "html", confoverrides=config, status=None, warning=StringIO())
        app.build()
    return html


@pytest.mark.parametrize("word", WORDS)
def test_search_finds_the_glossary(small_site, word):
    assert found_by_search(small_site, word) == {"glossary"}


def test_search_finds_no_other_word(small_site):
    assert found_by_search(small_site, "no such zebra") == set()
    assert found_by_search(small_site, "nothing") == {"other"}


def test_search_of_the_site_finds_the_words_of_the_field(site):
    assert [word for word in WORDS if "book/glossary" not in found_by_search(site, word)] == []
    assert "notebooks/02_dcgan" in found_by_search(site, "slerp")
