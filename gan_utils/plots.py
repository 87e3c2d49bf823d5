"""Figures: grids of images, curves of a training, graphs and tables of networks.

Figures stay open, so that ``plt.show()`` displays them. Colors of curves are those of Okabe and Ito
(2008), which color-blind readers can tell apart; the line styles differ as well.
"""

import contextlib
import math
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from gan_utils import images as image_tools
from gan_utils.animation import keep_frames, save_gif

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure


__all__ = ["keep_frames", "plot_history", "save_gif", "show_graph", "show_images"]

# Inches and points that can still be read when a phone shrinks the figure to its screen.
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
    """Draw a batch of images, row by row.

    Args:
        images: (n, height, width, 1 or 3), uint8 in [0, 255] or float32 in [-1, 1].
        columns: Images in a row; default: as square as possible.
        titles: A text above each image.
        row_labels: A text to the left of each row.
        title: Title of the figure.
        scale: Width of an image in inches; default: as wide as the page allows, at most 1.6.

    Returns:
        The figure, for ``plt.show()`` or ``savefig``.

    Raises:
        ValueError: Images that fail `images.check_images`, a number of texts that does not match,
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
    # Cells in units of an image's width; a title needs about a quarter of an inch.
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
    # Small images keep their square pixels; large ones are antialiased, not subsampled.
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


def show_graph(network: Any, path: str | Path) -> None:
    """Display the graph of a network's layers, drawn by Keras.

    Where pydot or Graphviz is missing, Keras' summary table is printed instead.

    Args:
        network: A built `keras.Model`.
        path: PNG file to write.
    """
    import keras
    from IPython.display import Image, display

    path = Path(path)
    path.unlink(missing_ok=True)
    # In a notebook Keras only prints what is missing; elsewhere it raises.
    with contextlib.suppress(ImportError):
        keras.utils.plot_model(network, path, show_shapes=True, dpi=60)
    if path.exists():
        display(Image(filename=path, alt=f"Graph of the {network.name}, layer by layer"))
    else:
        show_summary(network)


def show_summary(network: Any) -> None:
    """Print Keras' table of a network's layers, their shapes and parameters.

    Without colors, some of which are hard to read, and without the empty output that Keras' way of
    printing leaves in a notebook.

    Args:
        network: A built `keras.Model`.
    """
    from IPython.utils.capture import capture_output

    with capture_output(stdout=False, stderr=False):
        network.summary(print_fn=print)


_STYLES = (
    ("#0072B2", "-"),
    ("#D55E00", "--"),
    ("#009E73", "-."),
    ("#CC79A7", ":"),
    ("#000000", (0, (5, 1))),
    ("#E69F00", (0, (1, 1))),
)
_LABELS = {
    "d_loss": "loss of the discriminator",
    "g_loss": "loss of the generator",
    "d_real": "D(x): real images",
    "d_fake": "D(G(z)): fake images",
    "d_fake_after": "D(G(z)) after D's update",
}
_GROUPS = {
    "Loss": ("d_loss", "g_loss"),
    "Discriminator output: probability of real": ("d_real", "d_fake"),
}
_PROBABILITIES = {"d_real", "d_fake", "d_fake_after"}


def plot_history(
    history: Mapping[str, Sequence[float]],
    groups: Mapping[str, Sequence[str]] | None = None,
    *,
    labels: Mapping[str, str] | None = None,
    smooth: int | None = None,
    title: str | None = None,
) -> "Figure":
    """Draw the curves of a training; with smoothing, the raw values stay visible as thin lines.

    Args:
        history: Name -> one value for each point; "step", where there is one, is the x axis.
        groups: Title of a panel -> names in it; default: the losses, then D(x) and D(G(z)).
        labels: Name -> its text in the legend.
        smooth: Window of the moving average over the last points, 1 for none; default: a fiftieth
            of the number of points.
        title: Title of the figure.

    Returns:
        The figure, for ``plt.show()`` or ``savefig``.

    Raises:
        ValueError: A name is not in the history, a panel has more than six curves, the curves have
            different lengths or no point, or `smooth` is below 1.
    """
    import matplotlib.pyplot as plt

    groups = _default_groups(history) if groups is None else groups
    count = _check_curves(history, groups)
    smooth = _check_smooth(max(1, count // 50) if smooth is None else smooth)
    size = (_WIDTH, 3.1 * len(groups))
    figure, panels = plt.subplots(len(groups), 1, sharex=True, figsize=size, squeeze=False)
    points = np.asarray(history.get("step", np.arange(1, count + 1)))
    texts = {name: name.replace("_", " ") for name in history} | _LABELS | dict(labels or {})
    for axes, (heading, names) in zip(panels[:, 0], groups.items(), strict=True):
        _draw_panel(axes, points, {texts[name]: history[name] for name in names}, smooth)
        _finish_panel(axes, heading, names)
    note = f" (thick: mean of the last {smooth} points)" if 1 < smooth <= count else ""
    panels[-1, 0].set_xlabel(("step" if "step" in history else "epoch") + note, size=_TEXT_SIZE)
    figure.suptitle(title or "", size=_TEXT_SIZE + 1)
    figure.tight_layout()
    return figure


def _default_groups(history: Mapping[str, Sequence[float]]) -> dict[str, list[str]]:
    found = {
        heading: [name for name in names if name in history] for heading, names in _GROUPS.items()
    }
    found = {heading: names for heading, names in found.items() if names}
    if not found:
        raise ValueError(
            f"plot_history: none of {sorted(_LABELS)} is in the history, which has "
            f"{sorted(history)}; say what to draw with groups={{title: [names]}}."
        )
    return found


def _check_smooth(smooth: int) -> int:
    if smooth < 1:
        raise ValueError(f"plot_history: smooth is {smooth}; average at least 1 point.")
    return smooth


def _check_curves(
    history: Mapping[str, Sequence[float]], groups: Mapping[str, Sequence[str]]
) -> int:
    names = [name for group in groups.values() for name in group]
    unknown = [name for name in names if name not in history]
    if unknown or not names:
        raise ValueError(f"plot_history: {unknown or groups} is not among {sorted(history)}.")
    if max(len(group) for group in groups.values()) > len(_STYLES):
        raise ValueError(f"plot_history: at most {len(_STYLES)} curves fit in one panel.")
    names += ["step"] if "step" in history else []
    lengths = {name: len(history[name]) for name in names}
    if len(set(lengths.values())) > 1 or 0 in lengths.values():
        raise ValueError(f"plot_history: the curves need the same number of points, not {lengths}.")
    return lengths[names[0]]


def _draw_panel(
    axes: "Axes", points: np.ndarray, curves: Mapping[str, Sequence[float]], smooth: int
) -> None:
    for (label, curve), (color, line) in zip(curves.items(), _STYLES, strict=False):
        values = np.asarray(curve, dtype=np.float64)
        style = {"color": color, "linestyle": line, "label": label}
        if smooth == 1 or len(values) < smooth:
            axes.plot(points, values, marker="o" if len(values) == 1 else None, **style)
            continue
        axes.plot(points, values, color=color, linewidth=0.6, alpha=0.35, zorder=1)
        means = np.convolve(values, np.full(smooth, 1 / smooth), mode="valid")
        axes.plot(points[smooth - 1 :], means, linewidth=2.4, zorder=3, **style)


def _finish_panel(axes: "Axes", heading: str, names: Sequence[str]) -> None:
    if set(names) <= _PROBABILITIES:
        axes.axhline(0.5, color="0.4", linewidth=0.8, linestyle=":")
        axes.set_ylim(-0.02, 1.02)
    # The legend is between heading and curves, where it hides no value.
    axes.set_title(heading, size=_TEXT_SIZE, loc="left", pad=10 + 20 * math.ceil(len(names) / 2))
    axes.legend(
        loc="lower left",
        bbox_to_anchor=(-0.02, 1),
        ncols=2,
        fontsize=_TEXT_SIZE - 1,
        frameon=False,
        handlelength=2.6,
        columnspacing=1.2,
    )
    axes.tick_params(labelsize=_TEXT_SIZE - 1)
    axes.grid(color="0.9", linewidth=0.6)
    axes.set_axisbelow(True)
