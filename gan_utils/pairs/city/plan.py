"""The plan of one procedural city: streets, water and the blocks' buildings and trees."""

from dataclasses import dataclass

import numpy as np

from gan_utils.pairs.city.houses import Contents, fill_block
from gan_utils.pairs.city.streets import Frame, Streets, lay_streets

BANK = 7.0
_KINDS = ("houses", "rows", "flats", "halls", "park")
# How often each kind of block is found in a garden suburb, in a town and in its center.
_MIXES = (
    (0.66, 0.12, 0.05, 0.05, 0.12),
    (0.3, 0.26, 0.22, 0.1, 0.12),
    (0.08, 0.2, 0.46, 0.14, 0.12),
)


@dataclass(frozen=True)
class Water:
    """Water: outline (n, 2) in the world, outline of its green bank, whether avenues cross it."""

    outline: np.ndarray
    bank: np.ndarray
    is_river: bool


@dataclass(frozen=True)
class Plan:
    """Everything that a city holds, before it is drawn.

    Attributes:
        extent: Side of the image in meters.
        frame: From the grid to the world.
        streets: Roads and blocks, in the grid.
        water: Rivers, lakes and the sea, in the world.
        contents: Buildings, trees and grounds of the blocks, in the grid.
        sun: Direction of the shadows (radians), and their length per meter of height.
    """

    extent: float
    frame: Frame
    streets: Streets
    water: list[Water]
    contents: Contents
    sun: tuple[float, float]


def plan_city(rng: np.random.Generator, extent: float) -> Plan:
    """Plan a city around the middle of the image.

    Args:
        rng: Source of all choices.
        extent: Side of the image in meters.

    Returns:
        The plan; it reaches beyond the image on every side.
    """
    frame = Frame.draw(rng, extent)
    streets = lay_streets(rng, extent)
    contents = Contents()
    mix = np.array(_MIXES[rng.integers(len(_MIXES))])
    middle = np.abs(frame.to_world(np.array([_middle(block) for block in streets.blocks])))
    near = (middle < extent * 0.5 + 70).all(axis=1)
    for block, is_near in zip(streets.blocks, near, strict=True):
        if is_near:
            large = max(block.sides) > 130 or min(block.sides) > 80
            weights = mix * (1, 1, 1, 3, 6) if large else mix
            kind = _KINDS[rng.choice(len(_KINDS), p=weights / weights.sum())]
            fill_block(contents, rng, block, kind)
    water = _lay_water(rng, extent)
    for body in water:
        contents.trees.extend(_bank_trees(rng, frame, body))
    # Shadows fall up to the left or right, as in images taken around noon in the north.
    sun = -np.pi / 2 + rng.uniform(-1.0, 1.0), rng.uniform(0.45, 0.9)
    return Plan(extent, frame, streets, water, contents, sun)


def _middle(block) -> tuple[float, float]:
    return (block.low[0] + block.high[0]) / 2, (block.low[1] + block.high[1]) / 2


def _lay_water(rng: np.random.Generator, extent: float) -> list[Water]:
    choice = rng.random()
    if choice < 0.34:
        return [_river(rng, extent)]
    if choice < 0.5:
        return [_lake(rng, extent)]
    if choice < 0.62:
        return [_coast(rng, extent)]
    return []


def _wave(rng: np.random.Generator, along: np.ndarray, length: float, height: float) -> np.ndarray:
    """Return a smooth line: two sines of which the longer has this length and this height."""
    phases = rng.uniform(0, 2 * np.pi, 2)
    first = np.sin(2 * np.pi * along / length + phases[0])
    return height * (first + 0.35 * np.sin(5.1 * np.pi * along / length + phases[1]))


def _turned(points: np.ndarray, angle: float) -> np.ndarray:
    cos, sin = np.cos(angle), np.sin(angle)
    return points @ np.array([[cos, sin], [-sin, cos]])


def _river(rng: np.random.Generator, extent: float) -> Water:
    along = np.linspace(-0.9, 0.9, 60) * extent
    middle = rng.uniform(-0.25, 0.25) * extent
    middle = middle + _wave(rng, along, extent * rng.uniform(0.8, 1.6), extent * 0.06)
    width = extent * rng.uniform(0.07, 0.15) * (1 + 0.1 * _wave(rng, along, extent * 0.7, 1.0))
    angle = rng.uniform(0, np.pi)

    def ribbon(half: np.ndarray) -> np.ndarray:
        sides = np.stack([along, middle + half], -1), np.stack([along, middle - half], -1)
        return _turned(np.concatenate([sides[0], sides[1][::-1]]), angle)

    return Water(ribbon(width / 2), ribbon(width / 2 + BANK), is_river=True)


def _lake(rng: np.random.Generator, extent: float) -> Water:
    turn = np.linspace(0, 2 * np.pi, 72, endpoint=False)
    phases = rng.uniform(0, 2 * np.pi, 3)
    lobes = np.array([2, 3, 5])[:, None]
    ripple = (np.cos(lobes * turn + phases[:, None]) * 0.2 / lobes).sum(axis=0)
    radius = extent * rng.uniform(0.12, 0.22) * (1 + ripple)
    center = rng.uniform(-0.3, 0.3, 2) * extent
    circle = np.stack([np.cos(turn), np.sin(turn)], -1)
    bank = BANK + extent * 0.02
    return Water(
        circle * radius[:, None] + center,
        circle * (radius + bank)[:, None] + center,
        is_river=False,
    )


def _coast(rng: np.random.Generator, extent: float) -> Water:
    along = np.linspace(-0.9, 0.9, 60) * extent
    line = extent * rng.uniform(0.12, 0.36) + _wave(rng, along, extent * 1.1, extent * 0.04)
    angle = rng.uniform(0, 2 * np.pi)

    def sea(edge: np.ndarray) -> np.ndarray:
        far = np.array([(0.9 * extent, extent), (-0.9 * extent, extent)])
        return _turned(np.concatenate([np.stack([along, edge], -1), far]), angle)

    return Water(sea(line), sea(line - BANK * 1.3), is_river=False)


def _bank_trees(rng: np.random.Generator, frame: Frame, body: Water) -> list[tuple[float, ...]]:
    """Return trees (u, v, radius), in the grid, between the water and the edge of its bank.

    The outlines are in the world; the bend of the grid is inverted by four fixed-point iterations.
    """
    share = rng.uniform(0.35, 0.75, (len(body.bank), 1))
    chosen = rng.random(len(body.bank)) < 0.65
    places = (body.outline * (1 - share) + body.bank * share)[chosen]
    flat = _turned(places, -frame.angle)
    for _ in range(4):
        flat = _turned(places, -frame.angle) - (_turned(frame.to_world(flat), -frame.angle) - flat)
    return [(*place, rng.uniform(2.4, 4.0)) for place in flat]
