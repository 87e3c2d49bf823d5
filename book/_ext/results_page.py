"""Sphinx extension: tables and images from the recorded runs.

``{recorded-run} 02_dcgan`` shows what a lesson's recorded runs reached, ``{recorded-image}
study_stacked_mnist:full:runs.0.sheet`` an image that a run kept.
"""

from __future__ import annotations

import base64
from typing import Any, ClassVar

import recorded
from docutils import nodes
from docutils.parsers.rst import directives
from docutils.statemachine import StringList
from recorded_figures import FIGURES, Figure
from sphinx.application import Sphinx
from sphinx.util.docutils import SphinxDirective

MISSING = "no run is recorded yet"
ABSENT = "n/a"


def value_of(figure: Figure, run: dict[str, Any]) -> str:
    """Return a figure of a run as text, `ABSENT` where the run does not have it."""
    try:
        found = {**run["metrics"], "comparison": run.get("comparison", {})}
        return format(figure.value(found), figure.form)
    except (KeyError, IndexError, TypeError, ValueError):
        return ABSENT


def table(lesson: str, found: dict[str, dict[str, Any]]) -> list[str]:
    """Return the lines of a table: a line for each figure, a column for each run."""
    figures = FIGURES.get(lesson, [])
    published = any(figure.published for figure in figures)
    head = ["", *found, *(["published"] if published else [])]
    lines = ["| " + " | ".join(head) + " |", "|---" + "|---:" * (len(head) - 1) + "|"]
    for figure in figures:
        cells = [figure.words, *(value_of(figure, run) for run in found.values())]
        cells += [figure.published or ABSENT] if published else []
        if set(cells[1:]) != {ABSENT}:
            lines.append("| " + " | ".join(cells) + " |")
    return lines


def circumstances(profile: str, run: dict[str, Any]) -> str:
    """Return one line on how a run was made."""
    facts = [recorded.budget(run), recorded.data(run)]
    if run.get("seconds"):
        facts.append(f"{recorded.duration(run['seconds'])} on {recorded.machine(run)}")
    else:
        facts.append(recorded.machine(run))
    samples, extractor = run["metrics"].get("samples"), run["metrics"].get("extractor")
    if isinstance(samples, int):
        scorer = f", {extractor}" if isinstance(extractor, str) else ""
        facts.append(f"measured on {samples:,} images{scorer}")
    facts += [run["date"], recorded.versions(run)]
    if run.get("commit"):
        facts.append(f"commit {run['commit']}")
    return f"- **{profile}:** {'; '.join(fact for fact in facts if fact)}."


def described(lesson: str, found: dict[str, dict[str, Any]]) -> list[str]:
    """Return a lesson's part of the results page as Markdown."""
    if not found:
        return [f"Of this lesson, {MISSING}."]
    wanted = ("quick", "full") if lesson[0].isdigit() else tuple(found)
    missing = [name for name in wanted if name not in found]
    lines = [*table(lesson, found), ""] if FIGURES.get(lesson) else []
    lines += [circumstances(name, run) for name, run in found.items()]
    return [*lines, *(f"- **{name}:** {MISSING}." for name in missing)]


class RecordedRun(SphinxDirective):
    """Shows the recorded runs of one lesson."""

    required_arguments = 1

    def run(self) -> list[nodes.Node]:
        """Return the table and the lines below it."""
        lesson = self.arguments[0]
        path = recorded.results_path(self.env.srcdir, lesson)
        self.env.note_dependency(str(path))
        text = described(lesson, recorded.runs(self.env.srcdir, lesson))
        holder = nodes.container(classes=["recorded-run"])
        self.state.nested_parse(StringList(text, str(path)), 0, holder)
        return [holder]


class RecordedImage(SphinxDirective):
    """Shows an image of a recorded run, enlarged without smoothing; its content is the caption."""

    required_arguments = 1
    has_content = True
    option_spec: ClassVar[dict[str, Any]] = {"alt": directives.unchanged_required}

    def run(self) -> list[nodes.Node]:
        """Return the figure, or an error that fails the build."""
        try:
            run, profile, key = self.arguments[0].split(":")
            self.env.note_dependency(str(recorded.results_path(self.env.srcdir, run)))
            text = recorded.value(self.env.srcdir, run, profile, key)
            kind = "png" if base64.b64decode(text).startswith(b"\x89PNG") else "jpeg"
            alt = self.options["alt"]
        except (OSError, LookupError, ValueError, TypeError) as error:
            message = f"No recorded image {self.arguments[0]!r}, or no :alt: for it: {error!r}"
            raise self.error(message) from error
        image = nodes.image("", uri=f"data:image/{kind};base64,{text}", alt=alt, width="100%")
        figure = nodes.figure("", image, classes=["recorded-image"])
        words = nodes.container()
        self.state.nested_parse(self.content, self.content_offset, words)
        if words.children:
            figure += nodes.caption("", "", *words[0].children)
        return [figure]


def setup(app: Sphinx) -> dict[str, Any]:
    """Register the directives."""
    app.add_directive("recorded-run", RecordedRun)
    app.add_directive("recorded-image", RecordedImage)
    return {"version": "1", "parallel_read_safe": True, "parallel_write_safe": True}
