"""Sphinx extension: ``{model-map}`` draws who takes what in and who gives what out, as SVG.

The drawing is part of the page itself: its lines and letters have the color of the page's text, so
it follows the light and the dark scheme, and its words can be searched.
"""

from __future__ import annotations

from dataclasses import dataclass
from html import escape
from typing import Any

from docutils import nodes
from sphinx.application import Sphinx
from sphinx.util.docutils import SphinxDirective

WIDTH, TALL, LOW = 354, 220, 156  # low where nothing is below the two images
FAKE_Y, REAL_Y, EXTRA_Y = 50, 122, 196
LINE = 17  # from one line of text to the next


@dataclass(frozen=True)
class Model:
    """What a panel of the map shows; a newline in a name breaks its line."""

    name: str
    lesson: str
    takes: tuple[str, ...]  # what the generator gets
    answers: tuple[str, ...]  # what the discriminator, or the network next to it, gives out
    told: str = ""  # what the discriminator gets besides the image
    discriminator: str = "D"
    side: str = ""  # what a third network, which gets the fake alone, has to give out
    helper: str = "Q"  # the name of that network
    real: str = "real"


MODELS = (
    Model("GAN, DCGAN", "02_dcgan", ("noise z",), ("real?\none logit",)),
    Model(
        "CGAN, CDCGAN",
        "04_cgan",
        ("noise z", "class y"),
        ("real, and\na y?\none logit",),
        "class y",
    ),
    Model("AC-GAN", "06_acgan", ("noise z", "class c"), ("real?\none logit", "which c?\nN logits")),
    Model(
        "SGAN",
        "07_sgan",
        ("noise z",),
        ("one of N\nclasses,\nor fake?",),
        real="real,\nfew labels",
    ),
    Model(
        "InfoGAN",
        "08_infogan",
        ("noise z", "code c"),
        ("real?\none logit", "which c?\nN logits"),
        discriminator="D\nQ",
    ),
    Model("LSGAN", "09_lsgan", ("noise z",), ("a number:\n1 for real,\n0 for fake",)),
    Model(
        "hinge, R1, R3GAN",
        "16_modern_objectives",
        ("noise z",),
        ("real? or\nmore real\nthan\na fake?",),
    ),
    Model(
        "Projection GAN",
        "18_color_photographs",
        ("noise z", "class y"),
        ("real, and\na y?\none logit",),
        "class y",
    ),
    Model(
        "WGAN, WGAN-GP",
        "10_wgan",
        ("noise z",),
        ("a score\nof slope\n1 at most",),
        discriminator="f",
    ),
    Model(
        "Pix2Pix",
        "11_pix2pix",
        ("source x",),
        ("real pair?\na logit for\neach patch",),
        "source x",
        real="target y",
    ),
    Model(
        "CycleGAN, one of\nits two ways",
        "19_cyclegan",
        ("photo x",),
        ("real map?\na logit for\neach patch",),
        side="x again?",
        helper="F",
        real="unpaired\nmap y",
    ),
    Model(
        "Pix2Pix with classes,\nways 1 and 2",
        "12_pix2pix_classes",
        ("source x",),
        ("real pair?", "which c?\nfor each\npatch"),
        "source x",
        real="target y",
    ),
    Model(
        "Pix2Pix with classes,\nway 3",
        "12_pix2pix_classes",
        ("source x", "class c"),
        ("real pair?",),
        "source x",
        side="which c?",
        real="target y",
    ),
)


def lines_of(text: str) -> list[str]:
    """Return a text's lines."""
    return text.split("\n")


def label(x: float, y: float, text: str, extra: str = "") -> str:
    """Return a text of one or more lines, centered on a point."""
    rows = lines_of(text)
    top = y - LINE * (len(rows) - 1) / 2
    spans = "".join(
        f'<tspan x="{x:g}" y="{top + LINE * row:g}" dy="0.35em">{escape(words)}</tspan>'
        for row, words in enumerate(rows)
    )
    return f"<text {extra}>{spans}</text>"


def box(x: float, y: float, size: tuple[float, float], kind: str, text: str) -> str:
    """Return a named box around a point."""
    width, height = size
    place = f'x="{x - width / 2:g}" y="{y - height / 2:g}" width="{width:g}" height="{height:g}"'
    return f'<rect class="{kind}" rx="6" {place}/>' + label(x, y, text, f'class="name {kind}"')


def arrow(*points: tuple[float, float]) -> str:
    """Return a line through points that ends in a head."""
    path = " ".join(f"{x:g},{y:g}" for x, y in points)
    (x0, y0), (x, y) = points[-2:]
    length = max(abs(x - x0), abs(y - y0)) or 1
    dx, dy = (x - x0) / length, (y - y0) / length
    wings = [(x - 7 * dx - 4 * s * dy, y - 7 * dy + 4 * s * dx) for s in (1, -1)]
    head = " ".join(f"{a:g},{b:g}" for a, b in [(x, y), *wings])
    return f'<polyline points="{path}"/><polygon points="{head}"/>'


def generator_part(model: Model) -> list[str]:
    """Return what goes into the generator, the generator, and its image."""
    count = len(model.takes)
    rows = [FAKE_Y + 34 * (row - (count - 1) / 2) for row in range(count)]
    parts = [label(36, row, text) for row, text in zip(rows, model.takes, strict=True)]
    parts += [arrow((68, row), (92, FAKE_Y + (row - FAKE_Y) / 2)) for row in rows]
    parts += [box(112, FAKE_Y, (38, 52), "generator", "G"), arrow((132, FAKE_Y), (150, FAKE_Y))]
    return [*parts, box(178, FAKE_Y, (52, 36), "picture", "fake")]


def discriminator_part(model: Model) -> list[str]:
    """Return the real images, the discriminator and its answers."""
    middle = (FAKE_Y + REAL_Y) / 2
    parts = [box(164, REAL_Y, (80, 42), "picture", model.real), arrow((205, REAL_Y), (222, REAL_Y))]
    parts += [arrow((205, FAKE_Y), (222, FAKE_Y))]
    parts += [box(242, middle, (38, REAL_Y - FAKE_Y + 44), "discriminator", model.discriminator)]
    if model.told:
        parts += [
            label(186, EXTRA_Y, model.told),
            arrow((216, EXTRA_Y), (242, EXTRA_Y), (242, 146)),
        ]
    count = len(model.answers)
    for row, text in enumerate(model.answers):
        y = middle + 58 * (row - (count - 1) / 2)
        parts += [arrow((262, y), (274, y)), label(314, y, text)]
    return parts


def side_part(model: Model) -> list[str]:
    """Return the network that looks at fakes beside the discriminator, if there is one."""
    if not model.side:
        return []
    q_y = EXTRA_Y
    way = arrow((178, 68), (178, 84), (106, 84), (106, q_y - 19))
    return [
        way,
        box(106, q_y, (38, 36), "side", model.helper),
        arrow((86, q_y), (70, q_y)),
        label(36, q_y, model.side),
    ]


def sentence(model: Model) -> str:
    """Return the panel in words, for those who do not see it."""
    name = model.name.replace("\n", " ")
    answers = " and ".join(text.replace("\n", " ") for text in model.answers)
    parts = [f"{name}: the generator G takes {' and '.join(model.takes)} and draws a fake image."]
    real = model.real.replace(",\n", " images with ").replace("\n", " ")
    real = "real images" if real == "real" else real
    takes, returns = ("take", "return") if "\n" in model.discriminator else ("takes", "returns")
    told = f" with {model.told}" if model.told else ""
    parts.append(
        f"{model.discriminator.replace(chr(10), ' and ')} {takes} fake images or {real}{told} "
        f"and {returns}: {answers}{'' if answers.endswith('?') else '.'}"
    )
    if model.side:
        parts.append(f"{model.helper} takes the fake and answers: {model.side}")
    return " ".join(parts)


def drawing(model: Model) -> str:
    """Return a panel as SVG."""
    parts = [*generator_part(model), *discriminator_part(model), *side_part(model)]
    height = TALL if model.told or model.side else LOW
    return (
        f'<svg class="model-panel" viewBox="0 0 {WIDTH} {height}" role="img" '
        f'aria-label="{escape(sentence(model))}">{"".join(parts)}</svg>'
    )


class ModelMap(SphinxDirective):
    """Draws all panels."""

    def run(self) -> list[nodes.Node]:
        """Return the figure."""
        panels = "".join(
            f'<figure><figcaption><a href="../notebooks/{model.lesson}.html">'
            f"{escape(model.name)}</a></figcaption>{drawing(model)}</figure>"
            for model in MODELS
        )
        return [nodes.raw("", f'<div class="model-map">{panels}</div>', format="html")]


def setup(app: Sphinx) -> dict[str, Any]:
    """Register the directive."""
    app.add_directive("model-map", ModelMap)
    return {"version": "1", "parallel_read_safe": True, "parallel_write_safe": True}
