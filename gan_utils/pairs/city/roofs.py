"""What rises above the ground of a procedural city: roofs, trees and cars, with their shadows."""

from dataclasses import dataclass

import numpy as np
from PIL import Image, ImageChops, ImageDraw, ImageFilter

from gan_utils.pairs.city.canvas import Canvas

_CORNERS = np.array([(-1, -1), (1, -1), (1, 1), (-1, 1)]) / 2
_PROBES = np.array([(u, v) for u in (-0.5, -0.25, 0, 0.25, 0.5) for v in (-0.5, 0, 0.5)])
_CARS = ((226, 226, 226), (58, 60, 66), (150, 32, 30), (160, 164, 170), (40, 64, 120))


@dataclass(frozen=True)
class Buildings:
    """Buildings in pixels: corners (n, 4, 2), the first two along the grid's first axis."""

    footprints: np.ndarray
    heights: np.ndarray
    roofs: list[tuple[str, tuple[int, int, int]]]


def standing(canvas: Canvas, free: np.ndarray) -> Buildings:
    """Return the planned buildings that touch the image and are wholly on free ground.

    Args:
        canvas: The image.
        free: (side, side) bool, where the ground may be built on.

    Returns:
        The buildings in pixels.
    """
    contents = canvas.plan.contents
    boxes = np.array(contents.buildings).reshape(-1, 5)
    corners = _placed(canvas, boxes[:, :4], _CORNERS)
    probes = _placed(canvas, boxes[:, :4] + [0, 0, 1.5, 1.5], _PROBES)
    inside, clear = _look_up(free, probes)
    keep = np.flatnonzero(inside.any(axis=1) & clear.all(axis=1))
    return Buildings(corners[keep], boxes[keep, 4], [contents.roofs[i] for i in keep])


def growing(canvas: Canvas, free: np.ndarray) -> np.ndarray:
    """Return the planned trees on free ground.

    Args:
        canvas: The image.
        free: (side, side) bool, where trees may grow.

    Returns:
        (n, 3) float: x, y and radius in pixels.
    """
    trees = np.array(canvas.plan.contents.trees).reshape(-1, 3)
    places = canvas.grid_pixels(trees[:, :2])
    inside, clear = _look_up(free, places)
    return np.column_stack([places, trees[:, 2] * canvas.scale])[inside & clear]


def draw(
    canvas: Canvas,
    ground: Image.Image,
    buildings: Buildings,
    trees: np.ndarray,
    rng: np.random.Generator,
) -> Image.Image:
    """Draw shadows, roofs and trees on the textured ground.

    Args:
        canvas: The image; its plan knows the sun.
        ground: (side, side) RGB.
        buildings: In pixels.
        trees: (n, 3) x, y and radius in pixels.
        rng: Source of the small differences between roofs and between trees.

    Returns:
        The finished image at the canvas' size.
    """
    direction, length = canvas.plan.sun
    reach = np.array([np.cos(direction), np.sin(direction)]) * length * canvas.scale
    picture = _shaded(ground, buildings, trees, reach, canvas.scale)
    drawing = ImageDraw.Draw(picture)
    for footprint, roof in zip(buildings.footprints, buildings.roofs, strict=True):
        _draw_roof(drawing, footprint, roof, reach, rng)
    _draw_trees(picture, trees, reach, rng)
    return picture


def park_cars(
    canvas: Canvas, ground: Image.Image, free: np.ndarray, rng: np.random.Generator
) -> None:
    """Draw the planned cars that are on free ground.

    Args:
        canvas: The image.
        ground: (side, side) RGB, drawn on.
        free: (side, side) bool, where cars may be.
        rng: Source of the colors.
    """
    cars = np.array(canvas.plan.contents.cars).reshape(-1, 4)
    drawing = ImageDraw.Draw(ground)
    corners = _placed(canvas, cars, _CORNERS)
    clear = _look_up(free, corners)[1].all(axis=1)
    colors = rng.integers(len(_CARS), size=len(cars))
    for car, color in zip(corners[clear], colors[clear], strict=True):
        drawing.polygon(car.ravel().tolist(), fill=_CARS[color])


def _placed(canvas: Canvas, boxes: np.ndarray, shape: np.ndarray) -> np.ndarray:
    """Return points of a unit shape (k, 2) in each box (n, 4), rotated with it, in pixels."""
    middles, sides = boxes[:, None, :2], boxes[:, None, 2:]
    angle = canvas.plan.frame.turn(boxes[:, :2])[:, None]
    u, v = np.moveaxis(shape * sides, -1, 0)
    cos, sin = np.cos(angle), np.sin(angle)
    arms = np.stack([u * cos - v * sin, u * sin + v * cos], axis=-1)
    return canvas.pixels(canvas.plan.frame.to_world(middles) + arms)


def _look_up(free: np.ndarray, points: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Return whether points (..., 2) lie in the image, and whether they are free or outside."""
    side = len(free)
    x, y = np.moveaxis(np.floor(points).astype(int), -1, 0)
    inside = (x >= 0) & (x < side) & (y >= 0) & (y < side)
    return inside, free[y.clip(0, side - 1), x.clip(0, side - 1)] | ~inside


def _shaded(
    ground: Image.Image,
    buildings: Buildings,
    trees: np.ndarray,
    reach: np.ndarray,
    scale: float,
) -> Image.Image:
    mask = Image.new("L", ground.size, 0)
    drawing = ImageDraw.Draw(mask)
    for footprint, height in zip(buildings.footprints, buildings.heights, strict=True):
        far = footprint + reach * height
        drawing.polygon(far.ravel().tolist(), fill=255)
        for i in range(4):
            j = (i + 1) % 4
            quad = np.concatenate([footprint[i], footprint[j], far[j], far[i]])
            drawing.polygon(quad.tolist(), fill=255)
    # A tree throws the shadow of a crown at 1.5 times its radius above the ground.
    shifts = trees[:, 2:] / scale * 1.5 * reach
    for disc in _discs(trees[:, :2] + shifts, trees[:, 2]):
        drawing.ellipse(disc, fill=215)
    dark = ImageChops.multiply(ground, Image.new("RGB", ground.size, (96, 104, 128)))
    mask = mask.filter(ImageFilter.GaussianBlur(0.7))
    return Image.composite(dark, ground, mask)


def _discs(middles: np.ndarray, radii: np.ndarray) -> list[list[float]]:
    """Return the boxes (left, top, right, bottom) around discs."""
    return np.concatenate([middles - radii[:, None], middles + radii[:, None]], axis=1).tolist()


def _lit(color: np.ndarray, light: float) -> tuple[int, ...]:
    return tuple((color * light).clip(0, 255).astype(int).tolist())


def _draw_roof(
    drawing: ImageDraw.ImageDraw,
    corners: np.ndarray,
    roof: tuple[str, tuple[int, int, int]],
    reach: np.ndarray,
    rng: np.random.Generator,
) -> None:
    kind, color = roof[0], np.array(roof[1]) * rng.uniform(0.9, 1.1)
    if kind in ("flat", "hall"):
        _draw_flat_roof(drawing, corners, kind, color, rng)
        return
    # The ridge runs along the longer side; a hip roof's ridge is shorter than the house.
    if np.hypot(*(corners[1] - corners[0])) < np.hypot(*(corners[3] - corners[0])):
        corners = np.roll(corners, -1, axis=0)
    along, across = corners[1] - corners[0], corners[3] - corners[0]
    cut = min(0.45, 0.5 * np.hypot(*across) / np.hypot(*along)) if kind == "hip" else 0.0
    ridge = corners[0] + across / 2 + along * cut, corners[0] + across / 2 + along * (1 - cut)
    toward_sun = -reach / np.hypot(*reach)
    faces = [
        (-across, (corners[0], corners[1], ridge[1], ridge[0])),
        (across, (corners[3], corners[2], ridge[1], ridge[0])),
    ]
    if kind == "hip":
        faces.append((-along, (corners[0], corners[3], ridge[0])))
        faces.append((along, (corners[1], corners[2], ridge[1])))
    for normal, face in faces:
        light = 0.98 + 0.3 * float(normal @ toward_sun) / np.hypot(*normal)
        drawing.polygon(np.concatenate(face).tolist(), fill=_lit(color, light))


def _draw_flat_roof(
    drawing: ImageDraw.ImageDraw,
    corners: np.ndarray,
    kind: str,
    color: np.ndarray,
    rng: np.random.Generator,
) -> None:
    middle = corners.mean(axis=0)
    drawing.polygon(corners.ravel().tolist(), fill=_lit(color, 1.16))
    inner = middle + (corners - middle) * 0.94
    drawing.polygon(inner.ravel().tolist(), fill=_lit(color, 1.0))
    along, across = corners[1] - corners[0], corners[3] - corners[0]
    if kind == "hall":
        for share in np.arange(0.12, 0.95, 0.11):
            start = inner[0] + (inner[1] - inner[0]) * share
            end = inner[3] + (inner[2] - inner[3]) * share
            drawing.line([*start, *end], fill=_lit(color, 0.9), width=1)
        return
    longer, unit = (along, across) if np.hypot(*along) > np.hypot(*across) else (across, along)
    for share in rng.uniform(-0.4, 0.4, 3):
        box = middle + longer * share
        arm, side = unit * 0.14, longer / np.hypot(*longer) * np.hypot(*unit) * 0.16
        shape = np.concatenate(
            [box - arm - side, box + arm - side, box + arm + side, box - arm + side]
        )
        drawing.polygon(shape.tolist(), fill=_lit(color, 0.72))


def _draw_trees(
    picture: Image.Image, trees: np.ndarray, reach: np.ndarray, rng: np.random.Generator
) -> None:
    drawing = ImageDraw.Draw(picture)
    toward_sun = -reach / np.hypot(*reach)
    tones = rng.normal(0, 7, (len(trees), 1)) + rng.normal(0, 3, (len(trees), 3))
    dark = (np.array([54, 78, 46]) + tones).clip(0, 255).astype(int).tolist()
    light = (np.array([92, 122, 66]) + 1.4 * tones).clip(0, 255).astype(int).tolist()
    crowns = _discs(trees[:, :2], trees[:, 2])
    lights = _discs(trees[:, :2] + toward_sun * trees[:, 2:] * 0.25, trees[:, 2] * 0.62)
    for crown, shade, top, leaf in zip(crowns, dark, lights, light, strict=True):
        drawing.ellipse(crown, fill=tuple(shade))
        drawing.ellipse(top, fill=tuple(leaf))
