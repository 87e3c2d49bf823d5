"""Sphinx extension: the footer, and an edit link that opens what is edited."""

from __future__ import annotations

from importlib.metadata import version
from typing import Any

from docutils import nodes
from sphinx.application import Sphinx
from sphinx.config import Config

PACKAGE = "gan-utils"
WHOLE_BOOK = "whole-book.html"


def fill_footer(app: Sphinx, config: Config) -> None:
    """Put the package's version where the footer of ``_config.yml`` says ``{version}``."""
    options = config.html_theme_options
    if "extra_footer" in options:
        footer = options["extra_footer"].replace("{version}", version(PACKAGE))
        options["extra_footer"] = footer


def link_whole_book(
    app: Sphinx, page: str, template: str, context: dict[str, Any], doctree: nodes.document | None
) -> None:
    """Let the footer lead to the single page, which tools/book/single_page.py adds to the site."""
    footer = context.get("theme_extra_footer", "")
    address = context["pathto"](WHOLE_BOOK, resource=True)
    context["theme_extra_footer"] = footer.replace("{whole-book}", address)


def edit_script(
    app: Sphinx, page: str, template: str, context: dict[str, Any], doctree: nodes.document | None
) -> None:
    """Let a lesson's edit link open its script, which the notebook is made from."""
    if not page.startswith("notebooks/"):
        return
    for button in context.get("header_buttons", []):
        for item in button.get("buttons", [button]):
            if "/edit/" in item.get("url", ""):
                item["url"] = item["url"].removesuffix(".ipynb").removesuffix(".py") + ".py"


def setup(app: Sphinx) -> dict[str, Any]:
    """Register the handlers; the theme adds its buttons at the usual priority."""
    app.connect("config-inited", fill_footer)
    app.connect("html-page-context", link_whole_book)
    app.connect("html-page-context", edit_script, priority=900)
    return {"version": "1", "parallel_read_safe": True, "parallel_write_safe": True}
