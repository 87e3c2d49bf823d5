"""Gives each figure of a lesson an alternative text: its titles, and the heading it is under."""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator

import nbformat

HEADING = re.compile(r"^#{1,6} (.+)$", re.MULTILINE)
TITLES = {"title", "set_title", "suptitle", "titles", "row_labels"}
AXES = {"ylabel", "set_ylabel", "xlabel", "set_xlabel"}
MOST = 3  # titles, before a list becomes a burden
MARKUP = re.compile(r"[*`]|\$[^$]*\$|\[([^\]]*)\]\([^)]*\)")


def describe_figures(notebook: nbformat.NotebookNode) -> None:
    """Put each figure's alternative text where MyST-NB looks for it.

    An animation has its own, given by ``IPython.display.Image(alt=...)``.
    """
    heading = ""
    for cell in notebook.cells:
        if cell.cell_type == "markdown":
            heading = next(reversed(HEADING.findall(cell.source)), heading)
            continue
        kinds = [kind for output in cell.get("outputs", []) for kind in output.get("data", {})]
        if any(kind.startswith("image/") for kind in kinds):
            words = own_words(cell) or figure_words(cell.source, plain(heading))
            cell.metadata["mystnb"] = {"image": {"alt": words}}


def own_words(cell: nbformat.NotebookNode) -> str:
    """Return the alternative text that an output has already, if any."""
    for output in cell.outputs:
        for kind, facts in output.get("metadata", {}).items():
            if kind.startswith("image/") and facts.get("alt"):
                return facts["alt"]
    return ""


def figure_words(code: str, heading: str) -> str:
    """Return the alternative text of a cell's figure, from titles and axis labels in its code."""
    titles = list(dict.fromkeys(texts(code, TITLES)))
    axes = list(dict.fromkeys(texts(code, AXES)))
    words = "; ".join(titles[:MOST])
    if axes:
        words = f"{words} ({'; '.join(axes[:MOST])})" if words else "; ".join(axes[:MOST])
    return f"Figure in “{heading}”: {words}" if words else f"Figure in “{heading}”"


def texts(code: str, names: set[str]) -> Iterator[str]:
    """Yield the texts that code passes to functions or keywords of these names, in order."""
    try:
        tree = ast.parse(code)
    except SyntaxError:  # a line for the notebook alone, such as `%pip`
        return
    calls = [node for node in ast.walk(tree) if isinstance(node, ast.Call)]
    for node in sorted(calls, key=lambda call: (call.lineno, call.col_offset)):
        name = getattr(node.func, "attr", getattr(node.func, "id", ""))
        values = [word.value for word in node.keywords if word.arg in names]
        values += node.args[:1] if name in names else []
        for value in values:
            parts = value.elts if isinstance(value, ast.List | ast.Tuple) else [value]
            yield from filter(None, map(text_of, parts))


def text_of(value: ast.expr) -> str:
    """Return a string of the code; computed parts of an f-string become dots."""
    if isinstance(value, ast.Constant) and isinstance(value.value, str):
        return plain(value.value)
    if isinstance(value, ast.JoinedStr):
        parts = (part.value if isinstance(part, ast.Constant) else "…" for part in value.values)
        text = plain("".join(map(str, parts)))
        return text if re.search(r"\w{2}", text) else ""
    return ""


def plain(text: str) -> str:
    """Return a line without markup."""
    return re.sub(r"\s+", " ", MARKUP.sub(lambda found: found[1] or "", text)).strip()
