"""Compresses the images of the pages, and writes their sizes into the pages.

A figure is compressed without loss, unless it would still be large, as grids of noise are: then it
is stored with loss, as a photograph would be.
"""

from __future__ import annotations

import hashlib
import os
import re
import shutil
from html import escape
from pathlib import Path
from urllib.parse import unquote

from PIL import Image

IMAGE = re.compile(r"<img [^>]*>")
ATTRIBUTE = re.compile(r'\b(src|alt|class)="([^"]*)"')
LINK = re.compile(r'href="([^":]*_images/[^"]+\.png)"')
FOLDER = "_images"
LESSONS = "notebooks"
EFFORT = 2  # of WebP, 0 to 6: more takes long and gains little
LARGE = 60_000  # bytes
QUALITIES = (85, 70, 50, 30)  # of what is larger: the first one that makes it small enough
# A text of 10 points is 14 pixels high in a figure, and 8 where a phone shows it this much smaller.
SMALLEST_SCALE = 0.56
PHONE = 360  # pixels


class Pictures:
    """The images of a site, each read and compressed once."""

    def __init__(self, html: Path, cache: Path) -> None:
        self.html, self.cache = html, cache
        self.sizes: dict[Path, tuple[int, int]] = {}
        self.smaller: dict[Path, Path] = {}

    def lighten(self) -> None:
        """Rewrite every page for the compressed images, and remove the originals."""
        self.cache.mkdir(parents=True, exist_ok=True)
        for page in sorted(self.html.rglob("*.html")):
            self.lighten_page(page)
        for path, smaller in self.smaller.items():
            if smaller != path:
                path.unlink(missing_ok=True)

    def lighten_page(self, page: Path) -> None:
        """Rewrite the images of a page's article; all but the first are loaded lazily."""
        head, mark, body = page.read_text(encoding="utf-8").partition("<article")
        first = IMAGE.search(body)
        body = IMAGE.sub(
            lambda found: self.rewritten(page, found[0], found.start() != first.start()), body
        )
        body = LINK.sub(lambda found: self.linked(page, found[1]), body)
        page.write_text(head + mark + body, encoding="utf-8")

    def linked(self, page: Path, address: str) -> str:
        """Return a link to an image, or to its compressed file if there is one."""
        path = (page.parent / unquote(address)).resolve()
        return f'href="{relative(self.smaller.get(path, path), page)}"'

    def rewritten(self, page: Path, tag: str, lazy: bool) -> str:
        """Return an ``<img>`` with its size, its loading order and the compressed file."""
        attributes = dict(ATTRIBUTE.findall(tag))
        path = (page.parent / unquote(attributes.get("src", ""))).resolve()
        if path.suffix not in {".png", ".gif", ".jpg", ".webp"} or "width=" in tag:
            return tag
        if path not in self.smaller and not path.is_file():
            return tag  # the check of the site says which images a site lacks
        shown = self.small(path)
        width, height = self.sizes[path]
        tag = tag.replace(f'src="{attributes["src"]}"', f'src="{relative(shown, page)}"', 1)
        words = f'<img width="{width}" height="{height}" decoding="async" '
        words += 'loading="lazy" ' if lazy else ""
        tag = words + tag.removeprefix("<img ")
        least = round(SMALLEST_SCALE * width)
        # Text in a lesson's figures must stay legible; the figures of other pages have none.
        is_figure = path.parent.name == FOLDER and page.parent.name == LESSONS
        if not is_figure or least <= PHONE or path.suffix == ".gif":
            return tag
        return f'<span class="wide-figure" style="--least: {least}px">{tag}</span>'

    def small(self, path: Path) -> Path:
        """Return the smallest file of an image; only figures are compressed."""
        if path in self.smaller:
            return self.smaller[path]
        with Image.open(path) as picture:
            self.sizes[path] = picture.size
            self.smaller[path] = path
            if path.suffix == ".png" and path.parent == self.html / FOLDER:
                target = path.with_suffix(".webp")
                # The settings are part of the key, so that other settings make other files.
                key = path.read_bytes() + repr((EFFORT, LARGE, QUALITIES)).encode()
                kept = self.cache / f"{hashlib.sha256(key).hexdigest()}.webp"
                if not kept.is_file():
                    compress(picture, kept)
                if kept.stat().st_size < path.stat().st_size:
                    shutil.copyfile(kept, target)
                    self.smaller[path] = target
        return self.smaller[path]


def relative(path: Path, page: Path) -> str:
    """Return the address of a file on a page."""
    return escape(os.path.relpath(path, page.parent).replace(os.sep, "/"))


def compress(picture: Image.Image, path: Path) -> None:
    """Save an image as WebP, under a temporary name first."""
    temporary = path.with_suffix(".part")
    picture.save(temporary, "WEBP", lossless=True, quality=0, method=EFFORT)
    for quality in QUALITIES:
        if temporary.stat().st_size > LARGE:
            picture.save(temporary, "WEBP", quality=quality, method=EFFORT, use_sharp_yuv=True)
    temporary.replace(path)
