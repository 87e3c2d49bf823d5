"""Pictures through a trained translator: found by name or file, resized or tiled, one at a time."""

import importlib
from collections.abc import Callable
from dataclasses import dataclass

import numpy as np

from gan_utils import images, trained
from gan_utils.commands import drawing
from gan_utils.commands.quiet import import_tensorflow

_OVERLAP = 4  # neighboring tiles share one part in so many of their side


@dataclass(frozen=True)
class Translator:
    """A generator that takes pictures.

    Attributes:
        title: The name or file that it was asked for by.
        size: Height and width that it takes.
        channels: 1 or 3, of what it takes.
        draw: From `(1, height, width, channels)` float32 in [-1, 1] to its translation.
        reseed: Sets the noise of its dropout.
    """

    title: str
    size: tuple[int, int]
    channels: int
    draw: Callable[[np.ndarray], np.ndarray]
    reseed: Callable[[int], None]


def open_translator(name: str, label: int | None = None) -> Translator:
    """Find a trained translator.

    Args:
        name: A file that ends in .keras, else a name from `gan_utils.weights.names()`.
        label: The class of all pictures, for a network that takes `[pictures, class_labels]`.

    Returns:
        The translator.

    Raises:
        ValueError: No such file or name, a file that is no Keras model, a network that takes
            something else than one picture, or a class that it does not know, want or get.
    """
    trained.check(name)
    import_tensorflow()
    model = trained.load_generator(name)
    shapes = [tuple(part.shape) for part in getattr(model, "inputs", None) or []]
    if len(shapes) == 1 and len(shapes[0]) == 2:
        raise ValueError(f"{name} draws from noise; translate needs a network that takes pictures.")
    fits = len(shapes[:1]) == 1 and len(shapes[0]) == 4 and None not in shapes[0][1:]
    asks = shapes[1:] == [(None, 1)] and "int" in str(model.inputs[1].dtype)
    if not fits or shapes[0][3] not in (1, 3) or (shapes[1:] and not asks):
        raise ValueError(
            f"{name} takes inputs of shape {', '.join(map(str, shapes)) or 'unknown'}; translate "
            "needs one picture of fixed height and width, gray or RGB, and at most a class label."
        )
    _require_label(name, label, drawing.num_classes(model) if asks else 0)
    tensorflow = importlib.import_module("tensorflow")
    rest = [tensorflow.constant([[label]], model.inputs[1].dtype)] if asks else []
    call = tensorflow.function(
        lambda picture: model([picture, *rest] if rest else picture, training=False)
    )
    reseed = importlib.import_module("gan_utils.always_on").reseed
    return Translator(
        name,
        shapes[0][1:3],
        shapes[0][3],
        lambda picture: np.asarray(call(tensorflow.constant(picture))),
        lambda seed: reseed(model, seed),
    )


def _require_label(name: str, label: int | None, num_classes: int) -> None:
    if label is not None and not num_classes:
        raise ValueError(f"{name} takes no class; leave --label out.")
    if num_classes and (label is None or label >= num_classes):
        raise ValueError(
            f"{name} has to be told the class of the picture: --label 0 to {num_classes - 1}."
        )


def translate_picture(
    translator: Translator, picture: np.ndarray, *, tile: bool = False, seed: int = 0
) -> np.ndarray:
    """Translate one picture; what else is translated before or after makes no difference.

    Args:
        translator: The network.
        picture: `(height, width, channels)` uint8 in [0, 255], of any size.
        tile: Keep the picture's size and translate it piece by piece, in place of resizing it
            (antialiased) to the network's size.
        seed: Of the network's noise.

    Returns:
        `(height, width, 1 or 3)` uint8: of the picture's size if tiled, else of the network's.
    """
    translator.reseed(seed)
    if tile and picture.shape[:2] != translator.size:
        return images.to_uint8(_tiled(translator, images.to_float(picture[None])[0])[None])[0]
    if picture.shape[:2] != translator.size:
        picture = images.resize(picture[None], translator.size)[0]
    return images.to_uint8(translator.draw(images.to_float(picture[None])))[0]


def _tiled(translator: Translator, picture: np.ndarray) -> np.ndarray:
    """Translate overlapping tiles and fade each into its neighbors."""
    sides = [
        _starts(length, tile) for length, tile in zip(picture.shape, translator.size, strict=False)
    ]
    missing = [
        (0, max(0, starts[-1] + tile - length))
        for starts, tile, length in zip(sides, translator.size, picture.shape, strict=False)
    ]
    padded = np.pad(picture, [*missing, (0, 0)], mode="symmetric")
    height, width = translator.size
    weight = np.outer(_ramp(height), _ramp(width))[..., None]
    total, weights = 0.0, np.zeros((*padded.shape[:2], 1), np.float32)
    for top in sides[0]:
        for left in sides[1]:
            place = slice(top, top + height), slice(left, left + width)
            drawn = translator.draw(padded[place][None])[0]
            if not np.ndim(total):
                total = np.zeros((*padded.shape[:2], drawn.shape[-1]), np.float32)
            total[place] += weight * drawn
            weights[place] += weight
    return (total / weights)[: picture.shape[0], : picture.shape[1]]


def _starts(length: int, tile: int) -> list[int]:
    """Return where tiles begin along one side; the last one ends with the side if it can."""
    if length <= tile:
        return [0]
    count = int(np.ceil((length - tile) / (tile - tile // _OVERLAP))) + 1
    return [round(value) for value in np.linspace(0, length - tile, count)]


def _ramp(tile: int) -> np.ndarray:
    """Return weights that rise from the edges of a tile to where its neighbors end."""
    from_edge = np.minimum(np.arange(1, tile + 1), np.arange(tile, 0, -1))
    return np.minimum(1, from_edge / (tile // _OVERLAP + 1)).astype(np.float32)
