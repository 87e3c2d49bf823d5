"""Pictures from a trained generator of noise: what it takes, and its pictures batch by batch."""

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any

import numpy as np

NUM_CLASSES = 10  # of a generator that takes classes and does not say how many it knows
_INFOGAN = "infogan"


@dataclass(frozen=True)
class Takes:
    """What a generator takes.

    Attributes:
        latent_dim: Numbers in one of its noise vectors, a code among them.
        num_classes: Of how many classes one can ask for one; 0 where one cannot ask.
        one_hot: Whether the class is a one-hot code behind the noise, not an input of its own.
    """

    latent_dim: int
    num_classes: int
    one_hot: bool


def understand(name: str, generator: Any) -> Takes:
    """Find out what a generator takes.

    Args:
        name: Name or file of the generator; one that has `infogan` in it takes its class as a
            one-hot code behind the noise.
        generator: Keras model of `latents` `(n, latent_dim)`, or of `[latents, class_labels]`.

    Returns:
        What it takes.

    Raises:
        ValueError: The generator takes pictures, or something else than noise and labels.
    """
    shapes = [tuple(part.shape) for part in getattr(generator, "inputs", None) or []]
    if not 1 <= len(shapes) <= 2 or len(shapes[0]) not in (2, 4):
        raise ValueError(
            f"{name} takes inputs of shape {', '.join(map(str, shapes)) or 'unknown'}; pictures "
            "are drawn from noise (n, latent_dim), with class labels (n, 1) or without."
        )
    if len(shapes[0]) != 2:
        raise ValueError(
            f"{name} translates pictures and cannot draw from noise; that is the work of "
            "gan-utils translate."
        )
    one_hot = _INFOGAN in name.lower()
    asked = one_hot or len(shapes) > 1
    return Takes(shapes[0][1], num_classes(generator) if asked else 0, one_hot)


def arrange(takes: Takes, latents: np.ndarray, class_labels: np.ndarray | None) -> Any:
    """Bring noise and classes into the form that a generator takes.

    Args:
        takes: Of the generator.
        latents: `(n, latent_dim)` float32.
        class_labels: `(n,)` int below `num_classes`; not looked at where one cannot ask.

    Returns:
        Its inputs.
    """
    if takes.one_hot:
        codes = np.eye(takes.num_classes, dtype=np.float32)[class_labels]
        return np.concatenate([latents[:, : -takes.num_classes], codes], axis=1)
    if takes.num_classes:
        return [latents, np.asarray(class_labels, np.int32)[:, None]]
    return latents


def drawer(name: str, generator: Any, count: int, seed: int) -> Callable[[int], Iterator]:
    """Return a function that draws `count` pictures, with random classes where there are any.

    Args:
        name: See `understand`.
        generator: See `understand`.
        count: Number of pictures.
        seed: Of noise and classes.

    Returns:
        A function from a batch size to batches `(n, height, width, channels)` float32 in [-1, 1];
        the batch size does not change what is drawn.

    Raises:
        ValueError: The generator takes pictures, or something else than noise and labels.
    """
    takes = understand(name, generator)

    def batches(batch_size: int) -> Iterator[np.ndarray]:
        draws = [np.random.default_rng([seed, stream]) for stream in range(2)]
        for start in range(0, count, batch_size):
            part = min(batch_size, count - start)
            classes = draws[0].integers(0, takes.num_classes or NUM_CLASSES, part)
            latents = draws[1].standard_normal((part, takes.latent_dim)).astype(np.float32)
            yield np.asarray(generator(arrange(takes, latents, classes), training=False))

    return batches


def num_classes(generator: Any) -> int:
    """Return how many classes the embedding of a generator knows."""
    for layer in getattr(generator, "layers", []):
        if type(layer).__name__ == "Embedding":
            return layer.input_dim
    return NUM_CLASSES
