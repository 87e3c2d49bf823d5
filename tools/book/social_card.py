"""Draws the preview image of the book's pages on social networks, from a recorded run.

Run it by hand after that run is recorded again: ``python -m tools.book.social_card``.
"""

from __future__ import annotations

import json
from pathlib import Path

from PIL import Image, ImageDraw, ImageFont, ImageOps

from gan_utils import evaluation

BOOK = Path(__file__).resolve().parents[2] / "book"
RUN, PROFILE, ROW = "05_cdcgan", "full", "CDCGAN"
SIZE = (1200, 630)  # what the sites that show such cards ask for
INK, SOFT, PAPER = "#1b1f24", "#57606a", "#ffffff"


def letters(size: int, *, bold: bool = False) -> ImageFont.FreeTypeFont:
    """Return Matplotlib's own font, so that every machine draws the same card."""
    import matplotlib

    name = "DejaVuSans-Bold.ttf" if bold else "DejaVuSans.ttf"
    return ImageFont.truetype(str(Path(matplotlib.get_data_path()) / "fonts" / "ttf" / name), size)


def sheet() -> Image.Image:
    """Return the digits of the recorded run, dark on white."""
    record = json.loads((BOOK / "results" / f"{RUN}.json").read_text(encoding="utf-8"))
    pixels = evaluation.decode_image(record["runs"][PROFILE]["comparison"][ROW]["sheet"])
    return ImageOps.invert(Image.fromarray(pixels).convert("L"))


def card() -> Image.Image:
    """Return the card."""
    picture = Image.new("L", SIZE, 255).convert("RGB")
    pen = ImageDraw.Draw(picture)
    pen.text((80, 70), "The GAN Workbook", fill=INK, font=letters(78, bold=True))
    pen.text((84, 180), "Networks that draw: TensorFlow and Keras 3", fill=SOFT, font=letters(36))
    digits = sheet()
    scale = (SIZE[0] - 160) / digits.width
    place = (round(digits.width * scale), round(digits.height * scale))
    picture.paste(digits.resize(place, Image.Resampling.LANCZOS), (80, 290))
    pen.text(
        (84, 530), "Nobody wrote these digits. Lesson 05 drew them.", fill=SOFT, font=letters(32)
    )
    return picture


if __name__ == "__main__":
    card().quantize(32).save(BOOK / "_static" / "social_card.png", optimize=True)
