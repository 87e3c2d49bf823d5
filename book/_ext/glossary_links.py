"""Sphinx extension: links the first mention of each glossary term on a lesson's page.

Lessons are read in Colab too, where a MyST role would be noise, so their text stays plain and the
links are made here.
"""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

from docutils import nodes
from lesson_cost import ancestors
from sphinx import addnodes
from sphinx.application import Sphinx

GLOSSARY = "book/glossary"
FENCE = re.compile(r"^(`{3,}|:{3,})\{glossary\}\n(.*?)^\1$", re.MULTILINE | re.DOTALL)
CLOSED = (
    nodes.title,
    nodes.reference,
    nodes.literal,
    nodes.Admonition,
    nodes.table,
    nodes.caption,
    addnodes.pending_xref,
)


def glossary_entries(text: str) -> list[list[str]]:
    """Return the terms of each entry of a page's glossary; an entry may have several names."""
    entries: list[list[str]] = []
    for fence in FENCE.finditer(text):
        after_definition = True
        for line in fence[2].splitlines():
            if not line.strip() or line.startswith((" ", "\t")):
                after_definition = after_definition or bool(line.strip())
                continue
            if after_definition:
                entries.append([])
            entries[-1].append(line.strip())
            after_definition = False
    return entries


def pattern_of(term: str) -> str:
    """Return the expression that finds a term, in the plural too; capitals count in short ones."""
    words = r"\s+".join(re.escape(word) for word in term.split())
    body = words if term.isupper() else f"(?i:{words})"
    return rf"(?<![\w-]){body}(?:s|es)?(?![\w-])"


def link_text(text: nodes.Text, wanted: dict[str, int], used: set[int], page: str) -> None:
    """Split a text at the first mention of each entry not yet used, and link the mention."""
    left = [term for term in wanted if wanted[term] not in used]
    if not left:
        return
    groups = "|".join(f"({pattern_of(term)})" for term in left)
    rest, pieces = text.astext(), []
    for match in re.finditer(groups, rest):
        term = left[match.lastindex - 1]
        if wanted[term] in used:
            continue
        used.add(wanted[term])
        start = sum(len(piece.astext()) for piece in pieces)
        pieces += [nodes.Text(rest[start : match.start()]), reference_to(term, match[0], page)]
    if pieces:
        start = sum(len(piece.astext()) for piece in pieces)
        text.parent.replace(text, [*pieces, nodes.Text(rest[start:])])


def reference_to(term: str, words: str, page: str) -> addnodes.pending_xref:
    """Return the link from a page to a term, in the words of the page."""
    facts = {"refdomain": "std", "reftype": "term", "reftarget": term, "refdoc": page}
    inner = nodes.inline(words, words, classes=["glossary-term"])
    return addnodes.pending_xref(words, inner, refexplicit=True, refwarn=True, **facts)


def in_references(node: nodes.Node) -> bool:
    """Tell whether a node is the section that lists papers, whose titles stay as they are."""
    return isinstance(node, nodes.section) and node[0].astext() == "References"


def link_terms(app: Sphinx, doctree: nodes.document) -> None:
    """Link the first mention of each term on a lesson's page."""
    page = app.env.docname
    path = Path(app.srcdir) / f"{GLOSSARY}.md"
    if not page.startswith("notebooks/") or not path.is_file():
        return
    app.env.note_dependency(str(path))
    entries = glossary_entries(path.read_text(encoding="utf-8"))
    terms = [(term, number) for number, names in enumerate(entries) for term in names]
    wanted = dict(sorted(terms, key=lambda pair: -len(pair[0])))  # the longest name wins
    used: set[int] = set()
    for text in list(doctree.findall(nodes.Text)):
        parents = ancestors(text)
        closed = any(isinstance(node, CLOSED) or in_references(node) for node in parents)
        if any(isinstance(node, nodes.paragraph) for node in parents) and not closed:
            link_text(text, wanted, used, page)


def setup(app: Sphinx) -> dict[str, Any]:
    """Register the handler."""
    app.connect("doctree-read", link_terms, priority=450)
    return {"version": "1", "parallel_read_safe": True, "parallel_write_safe": True}
