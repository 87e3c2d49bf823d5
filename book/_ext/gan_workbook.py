"""Sphinx extension of the book: recorded numbers, addresses, words for figures."""

from __future__ import annotations

from typing import Any

import recorded
from docutils import nodes
from sphinx.application import Sphinx
from sphinx.util.docutils import SphinxRole

OUTPUT_ALT = "Figure made by the code cell above"


class ResultRole(SphinxRole):
    """``{result}`02_dcgan:quick:seconds``` prints a recorded number; ``:.2f`` after it shapes it.

    The number is looked up among the run's metrics, then among the run's other facts; dots in its
    name lead into groups of them (``04_cgan:full:results.concatenate.accuracy``), and numbers into
    lists.
    """

    def run(self) -> tuple[list[nodes.Node], list[nodes.system_message]]:
        """Return the number as text, or an error that fails the build."""
        try:
            lesson, profile, key, *form = self.text.split(":")
            self.env.note_dependency(str(recorded.results_path(self.env.srcdir, lesson)))
            value = recorded.value(self.env.srcdir, lesson, profile, key)
            text = format(value, form[0] if form else "")
        except (OSError, LookupError, ValueError, TypeError) as error:
            message = self.inliner.reporter.error(
                f"No recorded number {self.text!r} (write lesson:profile:key or "
                f"lesson:profile:key:format): {error!r}",
                line=self.lineno,
            )
            return [self.inliner.problematic(self.rawtext, self.rawtext, message)], [message]
        return [nodes.inline(text=text, classes=["result"])], []


class AddressRole(SphinxRole):
    """Links to a file of the repository, whose address is in ``_config.yml`` alone.

    ``{source}`LICENSE``` opens the file, ``{colab}`notebooks/02_dcgan.ipynb``` opens it in Colab;
    ``{colab}`words <notebooks/02_dcgan.ipynb>``` shows other words.
    """

    def run(self) -> tuple[list[nodes.Node], list[nodes.system_message]]:
        """Return the link."""
        words, _, path = self.text.rstrip(">").rpartition("<")
        theme = self.config.html_theme_options
        repository, branch = theme["repository_url"], theme["repository_branch"]
        address = f"{repository}/blob/{branch}/{path.strip()}"
        if self.name == "colab":
            name = repository.removeprefix("https://github.com/")
            colab = theme["launch_buttons"]["colab_url"]
            address = f"{colab}/github/{name}/blob/{branch}/{path.strip()}"
        return [nodes.reference(text=words.strip() or path, refuri=address)], []


def describe_outputs(app: Sphinx, doctree: nodes.document) -> None:
    """Give a lesson's figures words for those who do not see them, in place of a file name."""
    for image in doctree.findall(nodes.image):
        image.setdefault("alt", OUTPUT_ALT)


def setup(app: Sphinx) -> dict[str, Any]:
    """Register the roles and the handlers."""
    app.add_role("result", ResultRole())
    app.add_role("source", AddressRole())
    app.add_role("colab", AddressRole())
    app.connect("doctree-read", describe_outputs)
    return {"version": "1", "parallel_read_safe": True, "parallel_write_safe": True}
