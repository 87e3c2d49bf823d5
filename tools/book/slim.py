"""Makes the pages light: what the theme brings for every possible page goes, unless ours use it."""

from __future__ import annotations

import hashlib
import logging
import re
import shutil
from collections.abc import Iterable, Iterator
from pathlib import Path

STYLES = ("styles/pydata-sphinx-theme.css", "sphinx-design.min.css", "mystnb.*.css")
ICON_FONTS = "vendor/fontawesome/webfonts"
ICON_SCRIPT = "scripts/fontawesome.js"  # would draw the icons that its fonts draw as well: 1.5 MB
NEEDLESS = ("**/*.map", "locales", f"{ICON_SCRIPT}*", f"{ICON_FONTS}/*.woff2")
WORD = re.compile(r"[\w-]+")
CLASS = re.compile(r"\.(-?[A-Za-z_][\w-]*)")
ICON = re.compile(r'<i (?=class="[^"]*\bfa)')
SCRIPT = re.compile(rf'\s*<script src="[^"]*{re.escape(ICON_SCRIPT)}[^"]*"></script>')
# A list in name alone: anchors stand between its entries, which no list may hold.
CITATIONS = re.compile(r'<div role="list" class="citation-list">')
SOURCES = re.compile(r"src:url\(([^)]*)\.woff2\)[^;}]*")
CODE_POINT = re.compile(r'"\\([0-9a-f]{2,5})"|"([\ue000-\uf8ff])"')
VALUE = re.compile(r"\[[^\]]*\]")  # of an attribute that a selector asks for
# Functions that hold selectors: `:not(.a)` applies to a page that has no `.a`.
FUNCTION = re.compile(r":(?:not|is|where|has)\([^()]*(?:\([^()]*\)[^()]*)*\)")


def slim(html: Path) -> None:
    """Remove from a built site what its pages do not use."""
    static = html / "_static"
    for pattern in NEEDLESS:
        for path in list(static.glob(pattern)):
            shutil.rmtree(path) if path.is_dir() else path.unlink()
    pages = list(html.rglob("*.html"))
    # The interactive parts bring a style of their own.
    scripts = [path for path in static.rglob("*.js") if path.parent.name != "interactive"]
    words = used_words([*pages, *scripts])
    points: set[int] = set()
    versions = {}
    for pattern in STYLES:
        for path in static.glob(pattern):
            style = SOURCES.sub(r"src:url(\1.woff)", used_rules(path.read_text("utf-8"), words))
            path.write_text(style, encoding="utf-8")
            versions[path.name] = hashlib.sha256(style.encode()).hexdigest()[:8]
            points.update(code_points(style))
    for path in sorted((static / ICON_FONTS).glob("*.ttf")):
        keep_icons(path, points)
    for page in pages:
        text = SCRIPT.sub("", page.read_text(encoding="utf-8"))
        text = CITATIONS.sub('<div class="citation-list">', text)
        for name, version in versions.items():  # so that no browser keeps an older one
            text = re.sub(rf"{re.escape(name)}(\?[\w=]*)?\"", f'{name}?v={version}"', text)
        page.write_text(ICON.sub('<i aria-hidden="true" ', text), encoding="utf-8")


def used_words(paths: Iterable[Path]) -> set[str]:
    """Return every word of the pages and scripts: a class that is used is among them."""
    return {word for path in paths for word in WORD.findall(path.read_text(encoding="utf-8"))}


def used_rules(style: str, words: set[str]) -> str:
    """Return the rules of a style sheet that can apply to a page made of these words."""
    kept = []
    for head, body in blocks(style):
        name = head.strip()
        if body is None:
            kept.append(head)
        elif name.startswith(("@media", "@supports", "@container", "@layer")):
            inner = used_rules(body, words)
            if inner.strip():
                kept.append(f"{head}{{{inner}}}")
        elif name.startswith("@"):
            kept.append(f"{head}{{{body}}}")
        else:
            selectors = [part for part in split_selectors(head) if applies(part, words)]
            if selectors:
                kept.append(f"{','.join(selectors)}{{{body}}}")
    return "".join(kept)


def blocks(style: str) -> Iterator[tuple[str, str | None]]:
    """Yield each rule's head and body; what ends without a body, such as an import, with None."""
    style = re.sub(r"/\*.*?\*/", "", style, flags=re.DOTALL)
    start = position = 0
    while position < len(style):
        if style[position] == ";":
            yield style[start : position + 1], None
        elif style[position] == "{":
            end = closing(style, position)
            yield style[start:position], style[position + 1 : end]
            position = end
        else:
            position += 1
            continue
        position += 1
        start = position
    yield style[start:], None


def closing(style: str, opening: int) -> int:
    """Return where the brace that opens here is closed."""
    depth = 0
    for found in re.compile("[{}]").finditer(style, opening):
        depth += 1 if found[0] == "{" else -1
        if depth == 0:
            return found.start()
    raise ValueError(
        f"A style sheet has a brace without an end: {style[opening : opening + 60]!r}."
    )


def split_selectors(head: str) -> list[str]:
    """Return the selectors of a rule, which commas part, except within parentheses."""
    return re.split(r",(?![^()]*\))", head)


def applies(selector: str, words: set[str]) -> bool:
    """Tell whether every class that a selector asks for is used."""
    plain = FUNCTION.sub("", VALUE.sub("", selector)).replace("\\", "")
    return all(name in words for name in CLASS.findall(plain))


def code_points(style: str) -> Iterator[int]:
    """Yield the icons that a style sheet names."""
    for found in CODE_POINT.finditer(style):
        yield int(found[1], 16) if found[1] else ord(found[2])


def keep_icons(path: Path, points: Iterable[int]) -> None:
    """Write a font of these icons alone, without the library that no browser here needs."""
    from fontTools import subset

    logging.getLogger("fontTools").setLevel(logging.WARNING)
    options = subset.Options(flavor="woff", hinting=False, layout_features=[])
    font = subset.load_font(str(path), options)
    part = subset.Subsetter(options)
    part.populate(unicodes=points)
    part.subset(font)
    subset.save_font(font, str(path.with_suffix(".woff")), options)
    path.unlink()
