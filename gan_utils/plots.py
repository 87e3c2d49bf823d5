"""Figures and animations; the only place that maps pictures to [0, 1], which Matplotlib wants.

Figures stay open, so that ``plt.show()`` displays them.
"""

import math
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

import numpy as np

from gan_utils import images as image_tools
from gan_utils.animation import keep_frames, save_gif
from gan_utils.curves import plot_history

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

__all__ = ["keep_frames", "plot_history", "save_gif", "show_images"]

# Inches. The text of a figure this wide can still be read when a phone shrinks it to its screen.
_WIDTH = 6.4
_TEXT_SIZE = 13


def show_images(
    images: Any,
    columns: int | None = None,
    *,
    titles: Sequence[str] | None = None,
    row_labels: Sequence[str] | None = None,
    title: str | None = None,
    scale: float | None = None,
) -> "Figure":
    """Draws a batch of pictures, row by row.

    Args:
        images: (n, height, width, 1 or 3), uint8 in [0, 255] or float32 in [-1, 1].
        columns: pictures in a row; default: as square as possible.
        titles: a text above each picture.
        row_labels: a text to the left of each row.
        title: a text above all.
        scale: width of a picture in inches; default: fills the page, at most 1.6 each.

    Returns:
        The figure, for ``plt.show()`` or ``savefig``.

    Raises:
        ValueError: pictures that fail `images.check_images`, a number of texts that does not match,
            or a number out of range.
    """
    pictures = _to_unit_range(images)
    count = len(pictures)
    columns = min(count, math.ceil(math.sqrt(count)) if columns is None else columns)
    if columns < 1 or (scale is not None and scale <= 0):
        raise ValueError(f"show_images: columns={columns} and scale={scale} must be above 0.")
    _check_texts("titles", titles, count)
    _check_texts("row_labels", row_labels, math.ceil(count / columns))
    if scale is None:
        label_width = 0.11 * max(map(len, row_labels)) if row_labels else 0
        scale = min(1.6, (_WIDTH - label_width) / columns)
    axes = _draw_cells(pictures, columns, titles, row_labels, scale=scale)
    if title:
        axes.set_title(title, size=_TEXT_SIZE)
    return axes.figure


def _draw_cells(
    pictures: np.ndarray,
    columns: int,
    titles: Sequence[str] | None,
    row_labels: Sequence[str] | None,
    *,
    scale: float,
) -> "Axes":
    import matplotlib.pyplot as plt

    count, height, width, _ = pictures.shape
    rows, aspect = math.ceil(count / columns), height / width
    # Cells in units of a picture's width; a title needs about a quarter of an inch.
    cell = (1.06, aspect + 0.06 + (0.26 / scale if titles else 0))
    _, axes = plt.subplots(figsize=(columns * cell[0] * scale, rows * cell[1] * scale))
    _frame(axes, columns * cell[0] - 0.06, rows * cell[1])
    for index, picture in enumerate(pictures):
        left, bottom = index % columns * cell[0], (index // columns + 1) * cell[1]
        _place(axes, picture, (left, left + 1, bottom, bottom - aspect))
        if titles:
            at = (left + 0.5, bottom - aspect - 0.03)
            axes.text(*at, titles[index], ha="center", va="bottom", size=_TEXT_SIZE - 2)
    if row_labels:
        axes.set_yticks([(row + 1) * cell[1] - aspect / 2 for row in range(rows)], row_labels)
    return axes


def _to_unit_range(images: Any) -> np.ndarray:
    images = image_tools.check_images(images)
    if images.dtype == np.uint8:
        return images.astype(np.float32) / 255
    return np.clip((images + 1) / 2, 0, 1)


def _check_texts(name: str, texts: Sequence[str] | None, count: int) -> None:
    if texts is not None and (isinstance(texts, str) or len(texts) != count):
        raise ValueError(f"show_images: {name} must be a list of {count} texts, not {texts!r}.")


def _place(axes: "Axes", picture: np.ndarray, extent: tuple[float, float, float, float]) -> None:
    gray = picture.shape[-1] == 1
    # Small pictures keep their square pixels, large ones are averaged, never thinned out.
    axes.imshow(
        picture[..., 0] if gray else picture,
        cmap="gray" if gray else None,
        vmin=0,
        vmax=1,
        extent=extent,
        interpolation="nearest" if picture.shape[1] <= 64 else "antialiased",
    )


def _frame(axes: "Axes", width: float, height: float) -> None:
    axes.set_xlim(0, width)
    axes.set_ylim(height, 0)
    axes.set_aspect("equal")
    axes.set_xticks([])
    axes.set_yticks([])
    axes.tick_params(length=0, labelsize=_TEXT_SIZE)
    axes.set_frame_on(False)
    axes.figure.subplots_adjust(left=0, right=1, bottom=0, top=1)
