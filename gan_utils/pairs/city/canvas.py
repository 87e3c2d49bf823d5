"""The canvas of a procedural city: what the satellite sees, and the class of every pixel."""

import numpy as np
from PIL import Image, ImageDraw

from gan_utils.pairs.city.plan import Plan

LAND, BUILDING, STREET, AVENUE, MOTORWAY, WATER, PARK = range(7)
# The satellite image is drawn at twice the size and reduced: this antialiases its edges.
OVERSAMPLING = 2
# Grass between the two directions of a motorway, in meters: a map draws both as one road.
MEDIAN = 4.0

GROUND = {
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
    """Two images of the same ground: the satellite image, and the class of each pixel."""

    def __init__(self, plan: Plan, size: int) -> None:
        """Start with bare ground."""
        self.plan = plan
        self.side = size * OVERSAMPLING
        self.scale = self.side / plan.extent
        color, kind = GROUND["verge"]
        self.ground = Image.new("RGB", (self.side, self.side), color)
        self.classes = Image.new("L", (self.side, self.side), kind)
        self.drawings = ImageDraw.Draw(self.ground), ImageDraw.Draw(self.classes)

    def pixels(self, world: np.ndarray) -> np.ndarray:
        """Map points (..., 2) of the world to this image."""
        return world * self.scale + self.side / 2

    def grid_pixels(self, grid: np.ndarray) -> np.ndarray:
        """Map points (..., 2) of the grid to this image."""
        return self.pixels(self.plan.frame.to_world(grid))

    def sees(self, points: np.ndarray, margin: float) -> bool:
        """Return whether points (n, 2), in pixels, come within a margin (meters) of the image."""
        near = margin * self.scale
        return bool(
            (points.max(axis=0) > -near).all() and (points.min(axis=0) < self.side + near).all()
        )

    def area(self, points: np.ndarray, kind: str) -> None:
        """Fill the polygon of points (n, 2), in pixels, with a kind of ground."""
        flat = points.ravel().tolist()
        for drawing, paint in zip(self.drawings, GROUND[kind], strict=True):
            drawing.polygon(flat, fill=paint)

    def line(self, points: np.ndarray, kind: str, width: float) -> None:
        """Draw the line of points (n, 2), in pixels, with a width in meters."""
        outline = ribbon(points, width * self.scale / 2)
        self.area(outline, kind)

    def marking(self, points: np.ndarray, kind: str, width: float, dash: float = 0) -> None:
        """Draw a painted line, in the satellite image only.

        Args:
            points: (n, 2) in pixels.
            kind: Of the road below: a line thinner than a pixel lets its color through.
            width: In meters.
            dash: Length of the dashes in meters; 0 for a line without gaps.
        """
        thick = width * self.scale
        share = min(1.0, thick)
        blend = np.array(GROUND[kind][0]) * (1 - share) + _MARKING * share
        fill, thick = tuple(np.rint(blend).astype(int).tolist()), max(1, round(thick))
        if not dash:
            self.drawings[0].line(points.ravel().tolist(), fill=fill, width=thick)
            return
        bits = _resample(points, dash * self.scale)
        for first, second in zip(bits[0:-1:2], bits[1::2], strict=False):
            self.drawings[0].line([*first, *second], fill=fill, width=thick)


def offset(points: np.ndarray, distance: float) -> np.ndarray:
    """Move a line of points (n, 2) sideways by a distance."""
    along = np.empty_like(points)
    along[1:-1] = points[2:] - points[:-2]
    along[0], along[-1] = points[1] - points[0], points[-1] - points[-2]
    along *= distance / np.maximum(np.hypot(along[:, :1], along[:, 1:]), 1e-9)
    return points + along[:, ::-1] * _LEFT


def ribbon(points: np.ndarray, half: float) -> np.ndarray:
    """Return the outline of a line of points (n, 2) with a width of twice `half`."""
    return np.concatenate([offset(points, half), offset(points, -half)[::-1]])


def _resample(points: np.ndarray, step: float) -> np.ndarray:
    """Return points at equal distances along the line of points (n, 2)."""
    steps = points[1:] - points[:-1]
    lengths = np.concatenate([[0], np.cumsum(np.hypot(steps[:, 0], steps[:, 1]))])
    places = np.arange(0, lengths[-1], max(step, 1.0))
    return np.stack([np.interp(places, lengths, points[:, axis]) for axis in (0, 1)], axis=-1)
