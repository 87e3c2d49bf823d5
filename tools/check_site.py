"""Refuse a built site that lacks a page or leans on its address; print what it holds.

    python -m tools.check_site _build/quick/html

Prints `pages=book/index book/... notebooks/...`, one line, for the job that asks for each of them
once they are published. Says on standard error what is wrong, and ends with status 1, otherwise.
"""

import argparse
import re
import sys
from html.parser import HTMLParser
from pathlib import Path
from urllib.parse import unquote, urlsplit

import yaml

from tools.book import execute, render, stage

ROOT = Path(__file__).resolve().parents[1]
LEADS_TO = {"href", "src", "poster"}
STYLE_ADDRESS = re.compile(r"url\(\s*['\"]?([^'\")]+)")
DRAFT = {
    "Not for publishing": "was made by the smoke test",
    "is not part of this copy of the book": "lacks an interactive part",
}


class Addresses(HTMLParser):
    """Everything that a page links to, shows or loads."""

    def __init__(self, text: str) -> None:
        super().__init__()
        self.found: list[str] = []
        self.feed(text)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        """Note the addresses of one element."""
        self.found += [value for name, value in attrs if name in LEADS_TO and value]


def wrong_addresses(html: Path, path: Path, addresses: list[str]) -> list[str]:
    """Return the addresses in a file that name no file of the site, seen from that file.

    An address that starts with `/` would work at the root of a host, and nowhere below it.
    """
    wrong = []
    for address in addresses:
        parts = urlsplit(address)
        if parts.scheme or parts.netloc or not parts.path:
            continue
        target = (path.parent / unquote(parts.path)).resolve()
        outside = parts.path.startswith("/") or not target.is_relative_to(html)
        if outside or not target.exists():
            wrong.append(f"{path.relative_to(html).as_posix()} leads to {address}")
    return wrong


def problems(root: Path, html: Path, *, draft: bool = False) -> list[str]:
    """Return what speaks against publishing a site.

    Args:
        root: The repository, whose `_toc.yml` says which pages there have to be.
        html: The built site.
        draft: Whether pages may stand in it that the smoke test made, or a build without Node.

    Returns:
        Sentences; none when all is well.
    """
    html = html.resolve()
    found = []
    try:
        render.check_site(execute.Project(root, html.parent, "quick"))
    except render.SiteError as error:
        found.append(str(error))
    for path in sorted(html.rglob("*.html")):
        if "_static" in path.parts:  # a theme's templates, which nobody opens
            continue
        text = path.read_text(encoding="utf-8")
        found += wrong_addresses(html, path, Addresses(text).found)
        name = path.relative_to(html).as_posix()
        found += [f"{name} {words}" for sign, words in DRAFT.items() if sign in text and not draft]
        found += [f"{name} shows a lesson that failed"] if stage.FAILED in text else []
    for path in sorted(html.rglob("*.css")):
        text = path.read_text(encoding="utf-8")
        found += wrong_addresses(html, path, STYLE_ADDRESS.findall(text))
    return found + missing_in_sitemap(root, html)


def missing_in_sitemap(root: Path, html: Path) -> list[str]:
    """Return a sentence for each page that the sitemap does not name at the book's address."""
    config = yaml.safe_load((root / "_config.yml").read_text(encoding="utf-8"))
    path = html / "sitemap.xml"
    listed = path.read_text(encoding="utf-8") if path.is_file() else ""
    return [
        f"sitemap.xml does not name {page}.html"
        for page in execute.toc_files(root)
        if f"<loc>{config['html']['baseurl']}{page}.html</loc>" not in listed
    ]


def main(arguments: list[str] | None = None) -> int:
    """Check; return the exit status."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("html", type=Path, help="the site, in a folder named html")
    parser.add_argument("--root", type=Path, default=ROOT, help="the repository")
    options = parser.parse_args(arguments)
    found = problems(options.root, options.html)
    print(*found, sep="\n", file=sys.stderr)
    if not found:
        print("pages=" + " ".join(execute.toc_files(options.root)))
    return 1 if found else 0


if __name__ == "__main__":
    sys.exit(main())
