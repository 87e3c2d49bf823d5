"""Fonts that tests force on a page: it must fit with the narrowest and the widest of them.

The fonts of a reader are not known, and a table that fits with one may be too wide with another.
"""

import contextlib

# Of text and of code, each the first that the machine has. Of the code fonts none is narrow.
FONTS = {
    "narrow": (
        ("Liberation Sans Narrow", "Arial Narrow", "DejaVu Sans Condensed"),
        ("Liberation Mono", "Courier New", "DejaVu Sans Mono"),
    ),
    "wide": (("DejaVu Sans", "Verdana"), ("DejaVu Sans Mono", "Menlo", "Courier New")),
}
# A font that is missing leaves the text as wide as the font that is named after it.
FIRST_INSTALLED = """names => {
    const pen = document.createElement("canvas").getContext("2d");
    const width = family => {
        pen.font = `40px ${family}`;
        return pen.measureText("Wide il").width;
    };
    return names.find(name => ["monospace", "serif"].some(
        other => width(`"${name}", ${other}`) !== width(other))) ?? null;
}"""
# Formulas and icons keep the fonts that come with the book.
STYLE = """:not(math, math *, [class*="fa-"]) {{ font-family: "{text}" !important; }}
:is(pre, pre *, code, code *, kbd, samp, .highlight *) {{ font-family: "{code}" !important; }}"""


def style(page, kind):
    """Return the style that forces the "narrow" or the "wide" fonts; None if they are missing."""
    text, code = (page.evaluate(FIRST_INSTALLED, names) for names in FONTS[kind])
    return STYLE.format(text=text, code=code) if text and code else None


@contextlib.contextmanager
def forced(page, css):
    """Show a page with a style in force until the block ends."""
    element = page.add_style_tag(content=css)
    try:
        yield
    finally:
        element.evaluate("style => style.remove()")
