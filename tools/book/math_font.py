"""Makes the font of the formulas: the subset of STIX Two Math that this book needs.

Run by hand with the font's file when a formula needs a sign that is not in it:
``python -m tools.book.math_font STIXTwoMath-Regular.ttf``. The font's license, the SIL Open Font
License 1.1, allows passing the subset on under the same license; it is next to the font file.
"""

# ruff: noqa: RUF001 (the signs look like letters, and are none)

from __future__ import annotations

import sys
from collections.abc import Iterable
from pathlib import Path

FONT = Path(__file__).resolve().parents[2] / "book" / "_static" / "formulas.woff"
RANGES = (
    (0x20, 0x7E),  # ASCII
    (0x391, 0x3C9),  # Greek
    (0x1D400, 0x1D467),  # bold and italic letters
    (0x1D49C, 0x1D4B5),  # script capitals
    (0x1D538, 0x1D550),  # capitals with a double stroke
    (0x1D6E2, 0x1D71B),  # italic Greek
)
SINGLE = (
    "±×·ˆˇ˜¯˙ϕϵϑϖϱ‖…′″ℂℓℕℙℚℝℤℒℬℰℱℋℐℳℛℎ←↑→↓↔↦⇐⇒⇔∀∂∃∅∇∈∉∋∏∑−∓∗∘√∝∞∣∥∧∨∩∪∫∼≃≅≈≠≡≤≥≪≫⊂⊃⊆⊇⊕⊖⊗⊙⊤⊥⋅⋆⋮⋯⋱"
    "⌈⌉⌊⌋⟨⟩"
)


def signs() -> Iterable[int]:
    """Yield the code points that the font keeps."""
    for first, last in RANGES:
        yield from range(first, last + 1)
    yield from map(ord, SINGLE)
    yield from range(0x2061, 0x2065)  # operators that cannot be seen


def main(source: str) -> None:
    """Write the subset of the font file `source`."""
    from fontTools import subset

    options = subset.Options(flavor="woff", hinting=False, layout_features=[])
    options.name_IDs = [0, 1, 2, 13, 14]  # copyright, names, license
    font = subset.load_font(source, options)
    part = subset.Subsetter(options)
    part.populate(unicodes=signs())
    part.subset(font)
    subset.save_font(font, str(FONT), options)


if __name__ == "__main__":
    main(sys.argv[1])
