"""Draws the plan of a procedural city: the satellite image, and the class of every pixel."""

import numpy as np

from gan_utils.pairs.city import roofs, texture
from gan_utils.pairs.city.canvas import (
    BUILDING,
    GROUND,
    LAND,
    MEDIAN,
    OVERSAMPLING,
    PARK,
    Canvas,
    offset,
    ribbon,
)
from gan_utils.pairs.city.plan import Plan


def paint(plan: Plan, size: int, rng: np.random.Generator) -> tuple[np.ndarray, np.ndarray]:
    """Draw a city.

    Args:
        plan: The city.
        size: Side of the images in pixels.
        rng: Source of the textures.

    Returns:
        The satellite image (size, size, 3) uint8 and the classes (size, size) uint8.
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
    buildings = roofs.standing(canvas, np.asarray(canvas.classes) == LAND)
    for footprint in buildings.footprints:
        canvas.drawings[1].polygon(footprint.ravel().tolist(), fill=BUILDING)
    classes = np.asarray(canvas.classes)
    trees = roofs.growing(canvas, np.isin(classes, (LAND, PARK)))
    ground = texture.textured(canvas.ground, classes, rng, canvas.scale)
    roofs.park_cars(canvas, ground, classes == LAND, rng)
    shaded = roofs.draw(canvas, ground, buildings, trees, rng)
    satellite = texture.developed(shaded.reduce(OVERSAMPLING), rng)
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
    """Draw all roads of a kind, then their markings, so that crossings stay clear."""
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
    """Draw the motorway, then the avenue that bridges it."""
    roads = canvas.plan.streets.roads
    for road in roads:
        if road.kind != "motorway":
            continue
        middle = canvas.grid_pixels(road.points())
        canvas.line(middle, "motorway", road.width)
        median = ribbon(middle, MEDIAN * canvas.scale / 2)
        canvas.drawings[0].polygon(median.ravel().tolist(), fill=GROUND["verge"][0])
        for side in (-1, 1):
            for share, dash in ((0.46, 0), (0.27, 9), (0.11, 0)):
                line = offset(middle, side * share * road.width * canvas.scale)
                canvas.marking(line, road.kind, 0.4, dash=dash)
        bridge = roads[-1]
        canvas.line(canvas.grid_pixels(bridge.points()), "avenue", bridge.width)
        canvas.marking(canvas.grid_pixels(bridge.points()), "avenue", 0.7)
