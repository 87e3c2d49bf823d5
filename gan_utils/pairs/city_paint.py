"""Draws the plan of a procedural city: as a satellite picture, and the class of every pixel."""

import numpy as np
from PIL import Image, ImageDraw

from gan_utils.pairs import city_roofs, city_texture
from gan_utils.pairs.city_plan import Plan

LAND, BUILDING, STREET, AVENUE, MOTORWAY, WATER, PARK = range(7)
# The satellite picture is drawn at twice the size: its edges come out smooth.
OVERSAMPLING = 2
# Grass between the two directions of a motorway, in meters: a map draws both as one road.
MEDIAN = 4.0

_GROUND = {
    "lawn": ((124, 128, 92), LAND),
    "paved": ((168, 163, 152), LAND),
    "parking": ((128, 127, 128), LAND),
    "park": ((96, 138, 70), PARK),
    "path": ((202, 188, 158), PARK),
    "sidewalk": ((186, 181, 172), LAND),
    "verge": ((134, 138, 92), LAND),
    "water": ((54, 92, 116), WATER),
    "street": ((142, 141, 142), STREET),
    "avenue": ((120, 120, 124), AVENUE),
    "motorway": ((104, 105, 112), MOTORWAY),
}
_LEFT = np.array([-1.0, 1.0])
_MARKING = np.array([232, 232, 226])


class Canvas:
    """Two pictures of the same ground: what the satellite sees, and what each pixel is."""

    def __init__(self, plan: Plan, size: int) -> None:
        """Starts with bare ground."""
        self.plan = plan
        self.side = size * OVERSAMPLING
        self.scale = self.side / plan.extent
        color, kind = _GROUND["verge"]
        self.ground = Image.new("RGB", (self.side, self.side), color)
        self.classes = Image.new("L", (self.side, self.side), kind)
        self.drawings = ImageDraw.Draw(self.ground), ImageDraw.Draw(self.classes)

    def pixels(self, world: np.ndarray) -> np.ndarray:
        """Maps points (..., 2) of the world to this picture."""
        return world * self.scale + self.side / 2

    def grid_pixels(self, grid: np.ndarray) -> np.ndarray:
        """Maps points (..., 2) of the grid to this picture."""
        return self.pixels(self.plan.frame.to_world(grid))

    def sees(self, points: np.ndarray, margin: float) -> bool:
        """Whether points (n, 2), in pixels, come within a margin in meters of the picture."""
        near = margin * self.scale
        return bool(
            (points.max(axis=0) > -near).all() and (points.min(axis=0) < self.side + near).all()
        )

    def area(self, points: np.ndarray, kind: str) -> None:
        """Fills the polygon of points (n, 2), in pixels, with a kind of ground."""
        flat = points.ravel().tolist()
        for drawing, paint in zip(self.drawings, _GROUND[kind], strict=True):
            drawing.polygon(flat, fill=paint)

    def line(self, points: np.ndarray, kind: str, width: float) -> None:
        """Draws the line of points (n, 2), in pixels, with a width in meters."""
        outline = ribbon(points, width * self.scale / 2)
        self.area(outline, kind)

    def marking(self, points: np.ndarray, kind: str, width: float, dash: float = 0) -> None:
        """Draws a painted line that only the satellite sees.

        Args:
            points: (n, 2) in pixels.
            kind: of the road below: a line thinner than a pixel lets its color through.
            width: in meters.
            dash: length of the dashes in meters; 0 for a line without gaps.
        """
        thick = width * self.scale
        share = min(1.0, thick)
        blend = np.array(_GROUND[kind][0]) * (1 - share) + _MARKING * share
        fill, thick = tuple(np.rint(blend).astype(int).tolist()), max(1, round(thick))
        if not dash:
            self.drawings[0].line(points.ravel().tolist(), fill=fill, width=thick)
            return
        bits = _resample(points, dash * self.scale)
        for first, second in zip(bits[0:-1:2], bits[1::2], strict=False):
            self.drawings[0].line([*first, *second], fill=fill, width=thick)


def paint(plan: Plan, size: int, rng: np.random.Generator) -> tuple[np.ndarray, np.ndarray]:
    """Draws a city.

    Args:
        plan: the city.
        size: side of the pictures in pixels.
        rng: source of the textures.

    Returns:
        The satellite picture (size, size, 3) uint8 and the classes (size, size) uint8.
    """
    canvas = Canvas(plan, size)
    _draw_blocks(canvas)
    _draw_roads(canvas, "street")
    if not any(body.is_river for body in plan.water):
        _draw_roads(canvas, "avenue")
    for body in plan.water:
        canvas.area(canvas.pixels(body.bank), "park")
    for body in plan.water:
        canvas.area(canvas.pixels(body.outline), "water")
    if any(body.is_river for body in plan.water):
        _draw_roads(canvas, "avenue")
    _draw_motorway(canvas)
    buildings = city_roofs.standing(canvas, np.asarray(canvas.classes) == LAND)
    for footprint in buildings.footprints:
        canvas.drawings[1].polygon(footprint.ravel().tolist(), fill=BUILDING)
    classes = np.asarray(canvas.classes)
    trees = city_roofs.growing(canvas, np.isin(classes, (LAND, PARK)))
    ground = city_texture.textured(canvas.ground, classes, rng, canvas.scale)
    city_roofs.park_cars(canvas, ground, classes == LAND, rng)
    shaded = city_roofs.draw(canvas, ground, buildings, trees, rng)
    satellite = city_texture.developed(shaded.reduce(OVERSAMPLING), rng)
    return satellite, np.ascontiguousarray(classes[::OVERSAMPLING, ::OVERSAMPLING])


def _draw_blocks(canvas: Canvas) -> None:
    shapes = [(block.outline(), "sidewalk") for block in canvas.plan.streets.blocks]
    shapes += canvas.plan.contents.grounds
    # All at once: mapping each of hundreds of small shapes would take longer than drawing it.
    ends = np.cumsum([len(points) for points, _ in shapes])
    mapped = canvas.grid_pixels(np.concatenate([points for points, _ in shapes]))
    for points, (_, kind) in zip(np.split(mapped, ends[:-1]), shapes, strict=True):
        if not canvas.sees(points, 3.0):
            continue
        if kind == "path":
            canvas.line(points, kind, 2.6)
        else:
            canvas.area(points, kind)


def _draw_roads(canvas: Canvas, kind: str) -> None:
    """Draws all roads of a kind, then their markings, so that crossings stay clear."""
    roads = [
        (road, middle)
        for road in canvas.plan.streets.roads
        if road.kind == kind
        and canvas.sees(middle := canvas.grid_pixels(road.points(road.width / 2)), road.width)
    ]
    for road, middle in roads:
        canvas.line(middle, kind, road.width)
    for road, _ in roads:
        if kind == "street" and road.width < 9:
            continue
        middle = canvas.grid_pixels(road.points(-4.0))
        if kind == "street":
            canvas.marking(middle, kind, 0.3, dash=6)
            continue
        canvas.marking(middle, kind, 0.7)
        for side in (-1, 1):
            lane = offset(middle, side * road.width * canvas.scale / 4)
            canvas.marking(lane, kind, 0.3, dash=6)


def _draw_motorway(canvas: Canvas) -> None:
    """Draws the motorway, then the avenue that bridges it."""
    roads = canvas.plan.streets.roads
    for road in roads:
        if road.kind != "motorway":
            continue
        middle = canvas.grid_pixels(road.points())
        canvas.line(middle, "motorway", road.width)
        median = ribbon(middle, MEDIAN * canvas.scale / 2)
        canvas.drawings[0].polygon(median.ravel().tolist(), fill=_GROUND["verge"][0])
        for side in (-1, 1):
            for share, dash in ((0.46, 0), (0.27, 9), (0.11, 0)):
                line = offset(middle, side * share * road.width * canvas.scale)
                canvas.marking(line, road.kind, 0.4, dash=dash)
        bridge = roads[-1]
        canvas.line(canvas.grid_pixels(bridge.points()), "avenue", bridge.width)
        canvas.marking(canvas.grid_pixels(bridge.points()), "avenue", 0.7)


def offset(points: np.ndarray, distance: float) -> np.ndarray:
    """Moves a line of points (n, 2) sideways by a distance."""
    along = np.empty_like(points)
    along[1:-1] = points[2:] - points[:-2]
    along[0], along[-1] = points[1] - points[0], points[-1] - points[-2]
    along *= distance / np.maximum(np.hypot(along[:, :1], along[:, 1:]), 1e-9)
    return points + along[:, ::-1] * _LEFT


def ribbon(points: np.ndarray, half: float) -> np.ndarray:
    """The outline of a line of points (n, 2) with a width of twice `half`."""
    return np.concatenate([offset(points, half), offset(points, -half)[::-1]])


def _resample(points: np.ndarray, step: float) -> np.ndarray:
    """Points at equal distances along the line of points (n, 2)."""
    steps = points[1:] - points[:-1]
    lengths = np.concatenate([[0], np.cumsum(np.hypot(steps[:, 0], steps[:, 1]))])
    places = np.arange(0, lengths[-1], max(step, 1.0))
    return np.stack([np.interp(places, lengths, points[:, axis]) for axis in (0, 1)], axis=-1)
