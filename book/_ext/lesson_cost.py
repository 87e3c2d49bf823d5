"""Sphinx extension: how long a lesson takes to read and to run, in its first lines."""

from __future__ import annotations

from html import escape
from typing import Any

import recorded
from docutils import nodes
from sphinx.application import Sphinx

WORDS_A_MINUTE = 200
NOT_PROSE = (nodes.literal_block, nodes.math, nodes.math_block, nodes.raw, nodes.Admonition)


def prose_words(doctree: nodes.document) -> int:
    """Count the words of a page that one reads: no code, no outputs, no formulas, no notes."""
    return sum(
        len(text.astext().split())
        for text in doctree.findall(nodes.Text)
        if not any(is_no_prose(node) for node in ancestors(text))
    )


def ancestors(node: nodes.Node) -> list[nodes.Node]:
    """Return a node's parents, the nearest first."""
    found = []
    while node.parent is not None:
        node = node.parent
        found.append(node)
    return found


def is_no_prose(node: nodes.Node) -> bool:
    """Tell whether words below this node are not counted."""
    classes = node.get("classes", []) if isinstance(node, nodes.Element) else []
    return isinstance(node, NOT_PROSE) or "cell_output" in classes


def run_sentence(profile: str, run: dict[str, Any] | None) -> str:
    """Return what is known about the time that a profile takes."""
    if run is None:
        return f"{profile}: no recorded run yet"
    if not run.get("seconds"):
        return f"{profile}: nothing to train"
    cores = run["hardware"]["cores"]
    on = ", ".join(run["hardware"].get("gpus", [])) or f"{cores} CPU core{'s' * (cores != 1)}"
    return f"{profile}: {recorded.duration(run['seconds'])} on {on}"


def cost_line(words: int, runs: dict[str, dict[str, Any]]) -> str:
    """Return the line: reading time from the words, training time from the recorded runs."""
    minutes = max(1, round(words / WORDS_A_MINUTE))
    unit = "minute" if minutes == 1 else "minutes"
    known = "; ".join(run_sentence(name, runs.get(name)) for name in ("quick", "full"))
    return f"Reading: about {minutes} {unit}, without the code. Training, as recorded: {known}."


def insert_cost(app: Sphinx, doctree: nodes.document) -> None:
    """Put the line under a lesson's title."""
    name = app.env.docname
    if not name.startswith("notebooks/"):
        return
    title = next(doctree.findall(nodes.title), None)
    if title is None:
        return
    lesson = name.removeprefix("notebooks/")
    app.env.note_dependency(str(recorded.results_path(app.srcdir, lesson)))
    line = cost_line(prose_words(doctree), recorded.runs(app.srcdir, lesson))
    place = title.parent.index(title) + 1
    # Raw, so that the words by which a shared page is described begin with the lesson's own.
    text = f'<p class="lesson-cost">{escape(line)}</p>'
    title.parent.insert(place, nodes.raw("", text, format="html"))


def setup(app: Sphinx) -> dict[str, Any]:
    """Count before other handlers add words of their own."""
    app.connect("doctree-read", insert_cost, priority=400)
    return {"version": "1", "parallel_read_safe": True, "parallel_write_safe": True}
