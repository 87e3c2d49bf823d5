"""Makes one page of the whole book from the pages of the site, and prints it to PDF."""

from __future__ import annotations

import argparse
import re
import shutil
import subprocess
import sys
import tempfile
from html import escape
from pathlib import Path
from posixpath import dirname, join, normpath

from . import execute

NAME = "whole-book.html"
PDF = "whole-book.pdf"
BROWSERS = ("chromium", "chromium-browser", "google-chrome", "google-chrome-stable")
PATIENCE = 600  # seconds for the printing
ARTICLE = re.compile(r'<article class="bd-article"[^>]*>(.*?)</article>', re.DOTALL)
SCRIPT = re.compile(r"<script\b.*?</script>", re.DOTALL)
ADDRESS = re.compile(r'\b(id|href|src|for|name|aria-labelledby|aria-controls)="([^"]*)"')
STYLE = re.compile(r'<link [^>]*rel="stylesheet"[^>]*>')
HEADING = re.compile(r"<(/?)h([1-6])\b")
TITLE = re.compile(r"<h1>(.*?)<a class=\"headerlink\"", re.DOTALL)
PAGE = """<!DOCTYPE html>
<html lang="en" data-content_root="./" data-theme="light">
<head><meta charset="utf-8"><meta name="viewport" content="width=device-width, initial-scale=1">
<title>The GAN Workbook, the whole book on one page</title>
<meta name="robots" content="noindex">
<link rel="icon" href="_static/favicon.svg">
{styles}
</head>
<body class="whole-book"><main class="bd-article" id="main-content">
<h1>The GAN Workbook</h1>
<p>The whole book on one page, to read offline, to search and to print.
<a href="{start}">The book page by page</a></p>
<nav aria-label="Pages"><ol>
{contents}
</ol></nav>
{articles}
</main></body>
</html>
"""


def write(html: Path, pages: list[str]) -> Path:
    """Write the single page into the site; return its path.

    Args:
        html: Folder of the site, which holds the pages.
        pages: Their names without suffix, in the book's order.

    Raises:
        ValueError: A page has no article.
    """
    contents, articles = [], []
    for page in pages:
        text = (html / f"{page}.html").read_text(encoding="utf-8")
        found = ARTICLE.search(text)
        if found is None:
            raise ValueError(f"{page}.html has no article: does the theme write its pages anew?")
        title = re.sub(r"<[^>]+>", "", TITLE.search(found[1])[1])
        contents.append(f'<li><a href="#{slug(page)}">{title}</a></li>')
        articles.append(
            f'<section class="page" id="{slug(page)}">{moved(found[1], page, pages)}</section>'
        )
    first = (html / f"{pages[0]}.html").read_text(encoding="utf-8")
    styles = "\n".join(STYLE.findall(first)).replace('href="../', 'href="')
    path = html / NAME
    path.write_text(
        PAGE.format(
            styles=styles,
            start=f"{pages[0]}.html",
            contents="\n".join(contents),
            articles="\n".join(articles),
        ),
        encoding="utf-8",
    )
    return path


def slug(page: str) -> str:
    """Return a page's name as the start of its anchors."""
    return page.replace("/", "-")


def moved(article: str, page: str, pages: list[str]) -> str:
    """Return an article with its anchors and links changed for the single page."""

    def rewrite(found: re.Match) -> str:
        name, value = found.groups()
        if name in {"href", "src"}:
            return f'{name}="{target(value, page, pages)}"'
        return f'{name}="{" ".join(f"{slug(page)}--{part}" for part in value.split())}"'

    article = HEADING.sub(lambda found: f"<{found[1]}h{min(6, int(found[2]) + 1)}", article)
    return ADDRESS.sub(rewrite, SCRIPT.sub("", article))


def target(address: str, page: str, pages: list[str]) -> str:
    """Return where a link of a page leads on the single page."""
    if re.match(r"[a-z][a-z0-9+.-]*:|//", address):
        return address
    path, _, anchor = address.partition("#")
    path = normpath(join(dirname(page), path)) if path else f"{page}.html"
    name = path.removesuffix(".html")
    if name in pages:
        return f"#{slug(name)}--{anchor}" if anchor else f"#{slug(name)}"
    return escape(path) + (f"#{anchor}" if anchor else "")


def print_pdf(html: Path) -> Path | None:
    """Print the single page with a browser of the machine; return None when there is none."""
    browser = next(filter(None, map(shutil.which, BROWSERS)), None)
    if browser is None:
        return None
    text = (html / NAME).read_text(encoding="utf-8")
    with tempfile.NamedTemporaryFile("w", suffix=".html", dir=html, encoding="utf-8") as page:
        page.write(text.replace(' loading="lazy"', ""))  # paper has no place to scroll to
        page.flush()
        command = [browser, "--headless", "--no-sandbox", "--disable-gpu"]
        command += ["--no-pdf-header-footer", f"--print-to-pdf={html / PDF}"]
        subprocess.run(
            [*command, Path(page.name).as_uri()], check=True, capture_output=True, timeout=PATIENCE
        )
    return html / PDF


def main(arguments: list[str] | None = None) -> int:
    """Write the single page and print it to PDF; return the exit status."""
    from gan_utils import profile

    parser = argparse.ArgumentParser(prog="python -m tools.book single", description=__doc__)
    folder = execute.ROOT / "_build" / profile.name / "html"
    parser.add_argument("--site", type=Path, default=folder, help="the built site")
    html = parser.parse_args(arguments).site.resolve()
    if not html.is_dir():
        print(f"There is no site in {html} yet: make book", file=sys.stderr)
        return 1
    print(f"One page: {write(html, execute.toc_files(execute.ROOT))}")
    pdf = print_pdf(html)
    print(f"PDF: {pdf}" if pdf else f"No PDF: no browser here (looked for {', '.join(BROWSERS)}).")
    return 0
