"""Contents of a block of the procedural city: buildings, trees, lawns and parking lots."""

from dataclasses import dataclass, field

import numpy as np

from gan_utils.pairs.city.streets import SIDEWALK, Block

_TILES = (
    (164, 92, 70),
    (150, 82, 62),
    (134, 88, 72),
    (122, 100, 88),
    (112, 112, 116),
    (96, 98, 104),
)
_FLAT = ((188, 186, 180), (172, 170, 168), (206, 202, 194), (154, 152, 152), (180, 168, 152))
_HALLS = ((206, 208, 210), (186, 192, 196), (150, 164, 178), (172, 166, 158))


@dataclass
class Contents:
    """Lists that the block builders fill; positions in the grid, lengths in meters."""

    # One row a building: u, v, length along u, length along v, height.
    buildings: list[tuple[float, ...]] = field(default_factory=list)
    roofs: list[tuple[str, tuple[int, int, int]]] = field(default_factory=list)
    # u, v, radius.
    trees: list[tuple[float, float, float]] = field(default_factory=list)
    # Outlines of parts of the ground with their kind: "lawn", "paved", "parking", "park", "path".
    grounds: list[tuple[np.ndarray, str]] = field(default_factory=list)
    # u, v, length along u, length along v.
    cars: list[tuple[float, ...]] = field(default_factory=list)

    def build(self, box: tuple[float, ...], height: float, roof: str, color: tuple) -> None:
        """Put a building on the box (u, v of the middle, length along u, length along v)."""
        self.buildings.append((*box, height))
        self.roofs.append((roof, color))


def fill_block(contents: Contents, rng: np.random.Generator, block: Block, kind: str) -> None:
    """Fill a block with buildings, trees and grounds of its kind.

    Args:
        contents: The lists to add them to.
        rng: Source of all random choices.
        block: The rectangle between the roads.
        kind: "houses", "rows", "flats", "halls" or "park".
    """
    inner = block.shrunk(SIDEWALK)
    if min(inner.sides) < 16:
        kind = "park" if kind == "park" else "lawn"
    _BUILDERS[kind](contents, rng, inner)


def _scatter(
    contents: Contents,
    rng: np.random.Generator,
    block: Block,
    per_hectare: float,
    radii: tuple[float, float],
) -> None:
    """Plant trees anywhere in the block."""
    count = rng.poisson(per_hectare * np.prod(block.sides) / 10_000)
    places = rng.uniform(block.low, block.high, (count, 2))
    sizes = rng.uniform(*radii, count)
    contents.trees.extend(zip(*places.T, sizes, strict=True))


def _lawn(contents: Contents, rng: np.random.Generator, block: Block) -> None:
    contents.grounds.append((block.outline(), "lawn"))
    _scatter(contents, rng, block, 60, (1.8, 3.2))


def _park(contents: Contents, rng: np.random.Generator, block: Block) -> None:
    contents.grounds.append((block.outline(), "park"))
    center = rng.uniform(0.35, 0.65, 2) * block.sides + block.low
    for corner in (block.low, block.high, (block.low[0], block.high[1])):
        side = rng.uniform(-3, 3, 2)
        contents.grounds.append((np.linspace(corner, center + side, 12), "path"))
    _scatter(contents, rng, block, rng.uniform(50, 130), (2.5, 4.8))
    for _ in range(rng.integers(1, 4)):  # groves
        grove = rng.uniform(block.low, block.high)
        radius = rng.uniform(6, 15)
        offsets = rng.normal(0, radius, (int(radius * 2.2), 2)) + grove
        inside = ((offsets > block.low) & (offsets < block.high)).all(axis=1)
        contents.trees.extend((*place, rng.uniform(2.6, 4.6)) for place in offsets[inside])


def _rim(block: Block, axis: int) -> list[tuple[float, float]]:
    """Return, for both sides along `axis`, its place and the way inwards (±1)."""
    other = 1 - axis
    return [(block.low[other], 1.0), (block.high[other], -1.0)]


def _box(axis: int, along: float, across: float, length: float, depth: float) -> tuple[float, ...]:
    """Return a box in the grid from lengths along and across the block's longer side."""
    if axis == 0:
        return along, across, length, depth
    return across, along, depth, length


def _houses(contents: Contents, rng: np.random.Generator, block: Block) -> None:
    """Add detached houses with gardens along the two longer sides."""
    contents.grounds.append((block.outline(), "lawn"))
    axis = int(block.sides[1] > block.sides[0])
    color = _TILES[rng.integers(len(_TILES))]
    lot = rng.uniform(14, 19)
    setback = rng.uniform(3, 6)
    for edge, inward in _rim(block, axis):
        start = block.low[axis] + 2
        while start + lot <= block.high[axis] - 1:
            depth, length = rng.uniform(8, 11), rng.uniform(9, min(13, lot - 3.5))
            along = start + lot / 2 + rng.uniform(-1, 1)
            across = edge + inward * (setback + depth / 2 + rng.uniform(0, 1.5))
            if rng.random() < 0.35:
                color = _TILES[rng.integers(len(_TILES))]
            roof = "gable" if rng.random() < 0.6 else "hip"
            contents.build(_box(axis, along, across, length, depth), 6.0, roof, color)
            drive = _box(axis, start + 1.4, edge + inward * setback / 2, 2.6, setback)
            contents.grounds.append((_rectangle(drive), "paved"))
            start += lot
    _scatter(contents, rng, block, rng.uniform(35, 80), (1.6, 3.2))


def _rows(contents: Contents, rng: np.random.Generator, block: Block) -> None:
    """Add rows of terraced houses along the two longer sides, with gardens between them."""
    contents.grounds.append((block.outline(), "lawn"))
    axis = int(block.sides[1] > block.sides[0])
    color = _TILES[rng.integers(len(_TILES))]
    depth = rng.uniform(9, 11)
    setback = rng.uniform(1.5, 4)
    for edge, inward in _rim(block, axis):
        start = block.low[axis] + rng.uniform(1, 3)
        while start + 14 < block.high[axis]:
            length = min(rng.uniform(22, 42), block.high[axis] - start - 1)
            across = edge + inward * (setback + depth / 2)
            box = _box(axis, start + length / 2, across, length, depth)
            contents.build(box, 8.0, "gable", color)
            start += length + rng.uniform(5, 9)
    _scatter(contents, rng, block, rng.uniform(40, 90), (1.6, 3.0))


def _flats(contents: Contents, rng: np.random.Generator, block: Block) -> None:
    """Add apartment buildings: a closed ring around a court, or slabs with long shadows."""
    axis = int(block.sides[1] > block.sides[0])
    color = _FLAT[rng.integers(len(_FLAT))]
    depth = rng.uniform(11, 13.5)
    if min(block.sides) > 42 and rng.random() < 0.55:
        contents.grounds.append((block.outline(), "paved"))
        contents.grounds.append((block.shrunk(depth + 2).outline(), "lawn"))
        height = rng.uniform(13, 19)
        ring = block.shrunk(0.8)
        for edge, inward in _rim(ring, axis):
            across = edge + inward * depth / 2
            middle = (ring.low[axis] + ring.high[axis]) / 2
            box = _box(axis, middle, across, ring.sides[axis], depth)
            contents.build(box, height, "flat", color)
        other = 1 - axis
        middle = (ring.low[other] + ring.high[other]) / 2
        for edge, inward in _rim(ring, other):
            box = _box(
                other, middle, edge + inward * depth / 2, ring.sides[other] - 2 * depth, depth
            )
            contents.build(box, height, "flat", color)
        _scatter(contents, rng, block.shrunk(depth + 4), 130, (2.0, 3.6))
        return
    contents.grounds.append((block.outline(), "lawn"))
    height = rng.uniform(16, 30)
    across = block.low[1 - axis] + depth / 2 + rng.uniform(3, 5)
    while across + depth / 2 + 2 < block.high[1 - axis]:
        length = block.sides[axis] - rng.uniform(6, 14)
        middle = (block.low[axis] + block.high[axis]) / 2 + rng.uniform(-2, 2)
        contents.build(_box(axis, middle, across, length, depth), height, "flat", color)
        across += depth + rng.uniform(20, 27)
    _scatter(contents, rng, block, rng.uniform(50, 110), (2.0, 3.8))


def _halls(contents: Contents, rng: np.random.Generator, block: Block) -> None:
    """Add a big flat hall with a parking lot next to it."""
    contents.grounds.append((block.outline(), "paved"))
    axis = int(block.sides[1] > block.sides[0])
    share = rng.uniform(0.5, 0.68)
    length, depth = block.sides[axis] * share - 5, block.sides[1 - axis] - rng.uniform(7, 12)
    along = block.low[axis] + 3 + length / 2
    across = (block.low[1 - axis] + block.high[1 - axis]) / 2
    color = _HALLS[rng.integers(len(_HALLS))]
    contents.build(_box(axis, along, across, length, depth), 9.0, "hall", color)
    start = block.low[axis] + length + 8
    lot = _box(
        axis, (start + block.high[axis] - 2) / 2, across, block.high[axis] - 2 - start, depth
    )
    contents.grounds.append((_rectangle(lot), "parking"))
    for row in np.arange(start + 4, block.high[axis] - 4, 8.5):
        for place in np.arange(across - depth / 2 + 3, across + depth / 2 - 3, 2.7):
            if rng.random() < 0.62:
                contents.cars.append(_box(axis, row, place, 4.3, 1.9))
    _scatter(contents, rng, block, 12, (1.8, 2.6))


def _rectangle(box: tuple[float, ...]) -> np.ndarray:
    u, v, length, depth = box
    corners = np.array([(-1, -1), (1, -1), (1, 1), (-1, 1)]) / 2
    return corners * (length, depth) + (u, v)


_BUILDERS = {
    "houses": _houses,
    "rows": _rows,
    "flats": _flats,
    "halls": _halls,
    "park": _park,
    "lawn": _lawn,
}
