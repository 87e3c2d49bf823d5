"""The streets and blocks of a procedural city, in meters around the middle of the image."""

from dataclasses import dataclass

import numpy as np

SIDEWALK = 1.8
VERGE = 7.0
_SPACING = 8.0
_STEPS = np.linspace(0, 1, 6, endpoint=False)
_FULL, _ZERO = np.ones(6), np.zeros(6)
_UNIT_OUTLINE = np.stack(
    [
        np.concatenate([_STEPS, _FULL, 1 - _STEPS, _ZERO]),
        np.concatenate([_ZERO, _STEPS, _FULL, 1 - _STEPS]),
    ],
    axis=-1,
)


@dataclass(frozen=True)
class Frame:
    """Maps the straight grid (u, v) to the world (x, y), by a bend and a turn; both in meters."""

    angle: float
    amplitude: np.ndarray
    frequency: np.ndarray
    phase: np.ndarray

    @classmethod
    def draw(cls, rng: np.random.Generator, extent: float) -> "Frame":
        """Draw a random turn and a gentle random bend for an image of this extent (meters)."""
        waves = 2 * np.pi / (extent * rng.uniform(0.9, 2.5, 2))
        # Streets that bend more than this would be wider at one end of a block than at the other.
        return cls(
            rng.uniform(0, np.pi),
            rng.uniform(0, 0.12, 2) / waves,
            waves,
            rng.uniform(0, 2 * np.pi, 2),
        )

    def to_world(self, points: np.ndarray) -> np.ndarray:
        """Map points (..., 2) of the grid to the world."""
        bent = points + self.amplitude * np.sin(points[..., ::-1] * self.frequency + self.phase)
        cos, sin = np.cos(self.angle), np.sin(self.angle)
        return bent @ np.array([[cos, sin], [-sin, cos]])

    def turn(self, points: np.ndarray) -> np.ndarray:
        """Return the angle of the grid's first axis in the world at points (..., 2) of the grid."""
        half = np.array([0.5, 0.0])
        step = self.to_world(points + half) - self.to_world(points - half)
        return np.arctan2(step[..., 1], step[..., 0])


@dataclass(frozen=True)
class Road:
    """A road: its middle line in the grid, its width in meters and its kind."""

    start: tuple[float, float]
    end: tuple[float, float]
    width: float
    kind: str

    def points(self, widen: float = 0.0) -> np.ndarray:
        """Return points (n, 2) of the grid along the line, made longer by `widen` at both ends."""
        start, end = np.array(self.start), np.array(self.end)
        length = np.hypot(*(end - start))
        step = (end - start) / length * widen
        count = max(2, int(length / _SPACING))
        return np.linspace(start - step, end + step, count)


@dataclass(frozen=True)
class Block:
    """A block between roads: a rectangle in the grid from `low` to `high`, (u, v) in meters."""

    low: tuple[float, float]
    high: tuple[float, float]

    @property
    def sides(self) -> tuple[float, float]:
        """Length along u and along v."""
        return self.high[0] - self.low[0], self.high[1] - self.low[1]

    def shrunk(self, margin: float) -> "Block":
        """Return the block made smaller by a margin (meters) on every side."""
        return Block(
            (self.low[0] + margin, self.low[1] + margin),
            (self.high[0] - margin, self.high[1] - margin),
        )

    def outline(self) -> np.ndarray:
        """Return corners and points between them (n, 2): long sides follow the bend."""
        return _UNIT_OUTLINE * self.sides + self.low

    def split(self, axis: int, position: float, gap: float) -> tuple["Block", "Block"]:
        """Return the two parts next to a road of width `gap` across `axis` at `position`."""
        first_high, second_low = list(self.high), list(self.low)
        first_high[axis], second_low[axis] = position - gap / 2, position + gap / 2
        return Block(self.low, tuple(first_high)), Block(tuple(second_low), self.high)

    def road(self, axis: int, position: float, width: float, kind: str) -> Road:
        """Return the road across `axis` at `position`, from one side of the block to the other."""
        start, end = list(self.low), list(self.high)
        start[axis] = end[axis] = position
        return Road(tuple(start), tuple(end), width, kind)


@dataclass(frozen=True)
class Streets:
    """Roads and the blocks between them."""

    roads: list[Road]
    blocks: list[Block]


def lay_streets(rng: np.random.Generator, extent: float) -> Streets:
    """Cut the land into blocks: a motorway in some cities, avenues, then narrower streets.

    Args:
        rng: Source of all choices.
        extent: Side of the image in meters.

    Returns:
        Roads and blocks in the grid, reaching beyond the image however it is turned.
    """
    half = extent * 0.78 + 25
    land = Block((-half, -half), (half, half))
    streets = Streets([], [])
    if rng.random() < 0.45:
        axis, position = int(rng.integers(2)), rng.uniform(-0.3, 0.3) * extent
        width = rng.uniform(23, 27)
        parts = land.split(axis, position, width + 2 * VERGE)
        crossing = rng.uniform(-0.3, 0.3) * extent
        avenue = rng.uniform(14, 17)
        for part in parts:
            _cut(streets, rng, part.split(1 - axis, crossing, avenue))
        # The avenue comes last: it bridges the motorway.
        streets.roads.append(land.road(axis, position, width, "motorway"))
        streets.roads.append(land.road(1 - axis, crossing, avenue, "avenue"))
    else:
        _cut(streets, rng, (land,), avenues=2)
    return streets


def _cut(
    streets: Streets, rng: np.random.Generator, blocks: tuple[Block, ...], avenues: int = 1
) -> None:
    """Cut blocks recursively until they are as small as a block of houses."""
    for block in blocks:
        sides = block.sides
        axis = int(sides[1] > sides[0])
        longest = rng.uniform(62, 130)
        # A few blocks stay large: room for parks and big buildings.
        if max(sides) < longest or (max(sides) < 170 and rng.random() < 0.06):
            streets.blocks.append(block)
            continue
        kind, width = "street", rng.uniform(6.5, 8.5)
        if avenues > 0:
            kind, width = "avenue", rng.uniform(13, 17)
        elif max(sides) > 200 and rng.random() < 0.6:
            width = rng.uniform(9.5, 11.5)
        position = block.low[axis] + sides[axis] * rng.uniform(0.36, 0.64)
        streets.roads.append(block.road(axis, position, width, kind))
        _cut(streets, rng, block.split(axis, position, width), avenues - 1)
