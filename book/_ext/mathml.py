"""Sphinx extension: formulas as MathML, which browsers set without a script."""

from __future__ import annotations

import re
from typing import Any

from docutils import nodes
from docutils.utils.math.latex2mathml import tex2mathml
from sphinx.application import Sphinx
from sphinx.locale import _
from sphinx.util import logging
from sphinx.util.math import get_node_equation_number
from sphinx.writers.html5 import HTML5Translator

# What docutils does not know, in words that it does.
BIG = re.compile(r"\\([bB]igg?)(?![A-Za-z])")
DOTS = re.compile(r"\\dots(?![A-Za-z])")
DIGITS = re.compile(r"\\([td]?frac)\s*(\d)\s*(\d)")  # \frac12 is a half, and not a twelve
# docutils puts the index of a letter with an accent under the letter.
UNDER = re.compile(
    r"<munderover>(<mi>[^<]*</mi>)(<(mi|mn)>[^<]*</\3>|<mrow>(?:(?!</?mrow).)*</mrow>)"
    r'(<mo stretchy="false">[ˉˆ~]</mo>)</munderover>'
)
BESIDE = r'<msub><mover accent="true">\1\4</mover>\2</msub>'
MACRON = "ˉ", "¯"  # the formulas' font has the second alone
NORM = re.compile(r"(?<![bB]ig)(?<![bB]igg)\\\|(.+?)\\\|")
BARS = "‖|"
THIN = '<mspace width="0.1667em"></mspace>'  # beside log and its like, as TeX has it
AFTER_NAME = re.compile(r"(<mo>&ApplyFunction;</mo>)(?!(?:<mrow>)?<mo[^>]*>[(\[{])")
BEFORE_NAME = re.compile(r"(</(?:mi|mn|msub|msup|msubsup)>)(?=<mi>\w+</mi><mo>&ApplyFunction;)")
BETWEEN_TAGS = re.compile(r">\s+<")

logger = logging.getLogger(__name__)


def mathml(tex: str, *, block: bool = False) -> str:
    """Return a formula as a ``<math>`` element.

    Raises:
        ValueError: a command that has no MathML here.
    """
    known = NORM.sub(r"\\lVert \1\\rVert ", DIGITS.sub(r"\\\1{\2}{\3}", tex))
    known = DOTS.sub(r"\\ldots", BIG.sub(r"\\\1l", known))
    written = BETWEEN_TAGS.sub("><", str(tex2mathml(known, as_block=block)))
    written = UNDER.sub(BESIDE, written).replace(*MACRON)
    for bar in BARS:  # without these words a browser sets a norm's bars as relations, wide apart
        opening, closing = f'<mo class="mathopen">{bar}<', f"<mo>{bar}<"
        written = written.replace(opening, f'<mo form="prefix" stretchy="false">{bar}<')
        written = written.replace(closing, f'<mo form="postfix" stretchy="false">{bar}<')
    return BEFORE_NAME.sub(rf"\1{THIN}", AFTER_NAME.sub(rf"\1{THIN}", written))


def converted(node: nodes.Element, *, block: bool = False) -> str:
    """Return a node's formula; one that cannot be set is a warning, which fails the build."""
    tex = node.astext()
    try:
        return mathml(tex, block=block)
    except ValueError as error:
        logger.warning("No MathML for the formula %r: %s", tex, error, location=node)
        return f"<code>{nodes.Text(tex)}</code>"


def visit_math(writer: HTML5Translator, node: nodes.math) -> None:
    """Write a formula within a line."""
    start = writer.starttag(node, "span", "", CLASS="math notranslate nohighlight")
    writer.body.append(f"{start}{converted(node)}</span>")
    raise nodes.SkipNode


def visit_math_block(writer: HTML5Translator, node: nodes.math_block) -> None:
    """Write a formula on lines of its own, with its number where it has one."""
    writer.body.append(writer.starttag(node, "div", "", CLASS="math notranslate nohighlight"))
    if node["number"]:
        number = get_node_equation_number(writer, node)
        writer.body.append(f'<span class="eqno">({number})')
        writer.add_permalink_ref(node, _("Link to this equation"))
        writer.body.append("</span>")
    writer.body.append(f"{converted(node, block=True)}</div>\n")
    raise nodes.SkipNode


def setup(app: Sphinx) -> dict[str, Any]:
    """Register the renderer; ``html_math_renderer`` chooses it."""
    app.add_html_math_renderer("mathml", (visit_math, None), (visit_math_block, None))
    return {"version": "1", "parallel_read_safe": True, "parallel_write_safe": True}
