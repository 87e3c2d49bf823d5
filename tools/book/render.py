"""Builds the site from the staged pages with Sphinx, and checks it."""

from __future__ import annotations

import hashlib
import shutil
from collections.abc import Collection
from importlib.metadata import version
from pathlib import Path

from . import check, execute, single_page, slim
from .execute import Project
from .images import Pictures
from .widgets import Widgets

TOOLS = (
    "sphinx",
    "jupyter-book",
    "myst-nb",
    "sphinx-book-theme",
    "sphinxcontrib-bibtex",
    "sphinx-sitemap",
    "sphinxext-opengraph",
)
SMOKE_BANNER = "Made by the smoke test: the networks are untrained. Not for publishing."
REDIRECT = """<!DOCTYPE html>
<html lang="en"><head><meta charset="utf-8"><title>{title}</title>
<meta http-equiv="refresh" content="0; url={page}"><link rel="canonical" href="{page}"></head>
<body><a href="{page}">{title}</a></body></html>
"""


class SiteError(RuntimeError):
    """The site could not be built, or lacks something."""


def render(
    project: Project,
    changed: bool,
    widgets: Widgets | None = None,
    failed: Collection[str] = (),
) -> bool:
    """Build the site when something changed since the last good build; return whether it did.

    Args:
        project: The book.
        changed: Whether a staged file has changed.
        widgets: The interactive parts.
        failed: Lessons that stopped with an error: their pages may lack outputs.

    Raises:
        SiteError: Sphinx has a warning, or the site lacks something.
    """
    html, stamp = project.out / "html", project.out / "site.stamp"
    key = tools_key(project.root)
    done = stamp.read_text() if stamp.is_file() else ""
    if not changed and done == key and (html / "index.html").is_file():
        return False
    stamp.unlink(missing_ok=True)
    # Sphinx repeats no warning about a page it does not read again, and notices no new extension.
    fresh = done != key
    if fresh:
        shutil.rmtree(html, ignore_errors=True)
    run_sphinx(project, fresh)
    (widgets or Widgets()).copy(html)
    slim.slim(html)
    Pictures(html, project.out / "pictures").lighten()
    single_page.write(html, execute.toc_files(project.root))
    write_redirect(project)
    if problems := check.problems(project.root, html, failed):
        raise SiteError("\n".join(problems))
    stamp.write_text(key)
    return True


def tools_key(root: Path) -> str:
    """Return a hash of everything that builds the site: extension, scripts, settings, libraries."""
    digest = hashlib.sha256(" ".join(version(tool) for tool in TOOLS).encode())
    scripts = [*(root / "book" / "_ext").glob("*.py"), *Path(__file__).parent.glob("*.py")]
    for path in sorted([*scripts, root / "_toc.yml", root / "_config.yml"]):
        digest.update(path.read_bytes())
    return digest.hexdigest()


def run_sphinx(project: Project, fresh: bool) -> None:
    """Run Jupyter Book's Sphinx over the staged tree; every warning is an error."""
    from jupyter_book.sphinx import build_sphinx

    source = project.out / "source"
    overrides = {
        "external_toc_path": (source / "_toc.yml").as_posix(),
        "latex_individualpages": False,
        "nitpicky": True,
    }
    if project.profile == "smoke":
        overrides["html_theme_options"] = {"announcement": SMOKE_BANNER}
    status = build_sphinx(
        source,
        project.out / "html",
        noconfig=True,
        path_config=source / "_config.yml",
        confoverrides=overrides,
        doctreedir=project.out / "doctrees",
        freshenv=fresh,
        force_all=True,
        warningiserror=True,
        keep_going=True,
        quiet=True,
    )
    if status:
        raise SiteError("The site has warnings or errors; they are printed above.")


def write_redirect(project: Project) -> None:
    """Make the site's root lead to the start page."""
    page = f"{execute.toc_files(project.root)[0]}.html"
    path = project.out / "html" / "index.html"
    path.write_text(REDIRECT.format(page=page, title="The GAN Workbook"), encoding="utf-8")
