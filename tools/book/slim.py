"""Removes the parts of the theme that the pages do not use, so that they load faster."""

from __future__ import annotations

import hashlib
import logging
import re
import shutil
from collections.abc import Iterable, Iterator
from pathlib import Path

STYLE = "styles/pydata-sphinx-theme.css"
ICON_FONTS = "vendor/fontawesome/webfonts"
ICON_SCRIPT = "scripts/fontawesome.js"  # would draw the icons that its fonts draw as well: 1.5 MB
NEEDLESS = ("**/*.map", "locales", f"{ICON_SCRIPT}*", f"{ICON_FONTS}/*.woff2")
# The theme's style has 1,900 rules such as `.fa-a:before,.fa-b:before{content:"\\f002"}`.
ICON_RULE = re.compile(r'((?:\.fa-[\w-]+::?before,?)+)\{content:"[^"]*"\}')
ICON_NAME = re.compile(r"\bfa-[\w-]+")
ICON = re.compile(r'<i (?=class="[^"]*\bfa)')
SCRIPT = re.compile(rf'\s*<script src="[^"]*{re.escape(ICON_SCRIPT)}[^"]*"></script>')
# It has role="list" but anchors between its entries, which is invalid: the role is removed.
CITATIONS = re.compile(r'<div role="list" class="citation-list">')
SOURCES = re.compile(r"src:url\(([^)]*)\.woff2\)[^;}]*")
CODE_POINT = re.compile(r'"\\([0-9a-f]{2,5})"|"([\ue000-\uf8ff])"')


def slim(html: Path) -> None:
    """Remove from a built site what its pages do not use."""
    static = html / "_static"
    for pattern in NEEDLESS:
        for path in list(static.glob(pattern)):
            shutil.rmtree(path) if path.is_dir() else path.unlink()
    pages = list(html.rglob("*.html"))
    texts = (path.read_text("utf-8") for path in [*pages, *static.rglob("*.js")])
    names = {name for text in texts for name in ICON_NAME.findall(text)}
    path = static / STYLE
    style = used_icons(SOURCES.sub(r"src:url(\1.woff)", path.read_text("utf-8")), names)
    path.write_text(style, encoding="utf-8")
    for font in sorted((static / ICON_FONTS).glob("*.ttf")):
        keep_icons(font, set(code_points(style)))
    version = hashlib.sha256(style.encode()).hexdigest()[
        :8
    ]  # so that no browser keeps an older one
    for page in pages:
        text = SCRIPT.sub("", page.read_text(encoding="utf-8"))
        text = CITATIONS.sub('<div class="citation-list">', text)
        text = re.sub(rf"{re.escape(path.name)}(\?[\w=]*)?\"", f'{path.name}?v={version}"', text)
        page.write_text(ICON.sub('<i aria-hidden="true" ', text), encoding="utf-8")


def used_icons(style: str, names: set[str]) -> str:
    """Return a style sheet without the rules of icons, except those with these names."""
    return ICON_RULE.sub(
        lambda found: found[0] if names.intersection(ICON_NAME.findall(found[1])) else "", style
    )


def code_points(style: str) -> Iterator[int]:
    """Yield the icons that a style sheet names."""
    for found in CODE_POINT.finditer(style):
        yield int(found[1], 16) if found[1] else ord(found[2])


def keep_icons(path: Path, points: Iterable[int]) -> None:
    """Replace an icon font by a WOFF file with only these icons."""
    from fontTools import subset

    logging.getLogger("fontTools").setLevel(logging.WARNING)
    options = subset.Options(flavor="woff", hinting=False, layout_features=[])
    font = subset.load_font(str(path), options)
    part = subset.Subsetter(options)
    part.populate(unicodes=points)
    part.subset(font)
    subset.save_font(font, str(path.with_suffix(".woff")), options)
    path.unlink()
