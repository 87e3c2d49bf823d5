"""Checks a built site: missing pages, missing outputs, broken links.

    python -m tools.book check _build/quick/html

checks whether the site may be published. It prints `pages=book/index book/... notebooks/...`, one
line, for the job that requests each of them once they are published; otherwise it prints the
problems to standard error, and ends with status 1.
"""

from __future__ import annotations

import argparse
import functools
import re
import sys
from collections.abc import Callable, Collection
from html.parser import HTMLParser
from pathlib import Path
from urllib.parse import unquote, urlsplit

import yaml

from . import execute, stage

LEADS_TO = {"href", "src", "poster"}
STYLE_ADDRESS = re.compile(r"url\(\s*['\"]?([^'\")]+)")
DRAFT = {
    "Not for publishing": "was made by the smoke test",
    "is not part of this copy of the book": "lacks an interactive part",
    stage.FAILED: "shows a lesson that failed",
}


class Page(HTMLParser):
    """A page's links and anchors, and its numbers of outputs and images."""

    def __init__(self, path: Path) -> None:
        super().__init__()
        self.outputs = self.images = 0
        self.addresses: list[str] = []
        self.anchors: set[str] = set()
        self.feed(path.read_text(encoding="utf-8"))

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        """Note one element."""
        attributes = {name: value for name, value in attrs if value}
        self.outputs += "cell_output" in attributes.get("class", "").split()
        self.images += tag == "img" and "_images/" in attributes.get("src", "")
        self.addresses += [attributes[name] for name in LEADS_TO & attributes.keys()]
        self.anchors.update(attributes[name] for name in ("id", "name") if name in attributes)


def problems(root: Path, html: Path, failed: Collection[str] = ()) -> list[str]:
    """Return what a site lacks, and which of its links are broken.

    Args:
        root: The repository, whose `_toc.yml` lists the pages.
        html: The built site.
        failed: Lessons that stopped with an error: their pages may lack outputs.

    Returns:
        One line for each problem.
    """
    html, found = html.resolve(), []
    read = functools.cache(Page)
    for page in execute.toc_files(root):
        path = html / f"{page}.html"
        if not path.is_file():
            found.append(f"there is no page {page}")
        elif page.startswith("notebooks/") and path.stem not in failed:
            found += [f"{page} has no output"] if not read(path).outputs else []
            found += [f"{page} has no image"] if not read(path).images else []
    leads = {path: read(path).addresses for path in pages_of(html)}
    for path in sorted(html.rglob("*.css")):
        leads[path] = STYLE_ADDRESS.findall(path.read_text(encoding="utf-8"))
    return found + [
        f"{path.relative_to(html).as_posix()} leads to {address}, which is not there"
        for path, addresses in leads.items()
        for address in addresses
        if not is_there(html, path, address, read)
    ]


def pages_of(html: Path) -> list[Path]:
    """Return the pages of a site, without the templates of the theme."""
    return sorted(path for path in html.rglob("*.html") if "_static" not in path.parts)


def is_there(html: Path, path: Path, address: str, read: Callable[[Path], Page]) -> bool:
    """Return whether an address in a file leads to a file of the site, and to an anchor in it.

    One that starts with `/` would work only if the site were at the root of its host.
    """
    parts = urlsplit(address)
    if parts.scheme or parts.netloc or address in ("", "#"):
        return True
    target = (path.parent / unquote(parts.path)).resolve() if parts.path else path
    if parts.path.startswith("/") or not target.is_relative_to(html) or not target.exists():
        return False
    anchor = unquote(parts.fragment) if target.suffix == ".html" else ""
    return not anchor or anchor in read(target).anchors


def drafts(root: Path, html: Path) -> list[str]:
    """Return what makes a site a draft: unfinished pages, or pages missing from the sitemap."""
    config = yaml.safe_load((root / "_config.yml").read_text(encoding="utf-8"))
    sitemap = html / "sitemap.xml"
    listed = sitemap.read_text(encoding="utf-8") if sitemap.is_file() else ""
    return [
        f"{path.relative_to(html).as_posix()} {what}"
        for path in pages_of(html)
        for sign, what in DRAFT.items()
        if sign in path.read_text(encoding="utf-8")
    ] + [
        f"sitemap.xml does not name {page}.html"
        for page in execute.toc_files(root)
        if f"<loc>{config['html']['baseurl']}{page}.html</loc>" not in listed
    ]


def main(arguments: list[str] | None = None) -> int:
    """Check whether a site may be published; return the exit status."""
    parser = argparse.ArgumentParser(prog="python -m tools.book check", description=__doc__)
    parser.add_argument("html", type=Path, help="the site")
    parser.add_argument("--root", type=Path, default=execute.ROOT, help="the repository")
    options = parser.parse_args(arguments)
    found = [*problems(options.root, options.html), *drafts(options.root, options.html)]
    print(*found, sep="\n", file=sys.stderr)
    if not found:
        print("pages=" + " ".join(execute.toc_files(options.root)))
    return 1 if found else 0
