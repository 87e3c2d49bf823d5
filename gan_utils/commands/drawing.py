"""Pictures from a trained generator, batch by batch."""

from collections.abc import Callable, Iterator
from typing import Any

import numpy as np

NUM_CLASSES = 10  # of a generator that does not say how many it knows
_INFOGAN = "infogan"


def drawer(name: str, generator: Any, count: int, seed: int) -> Callable[[int], Iterator]:
    """Return a function that draws `count` pictures, with random classes where there are any.

    Args:
        name: Name or file of the generator; one that has `infogan` in it takes its class as a
            one-hot code behind the noise.
        generator: Keras model of `latents` `(n, latent_dim)`, or of `[latents, class_labels]`.
        count: Number of pictures.
        seed: Of noise and classes.

    Returns:
        A function from a batch size to batches `(n, height, width, channels)` float32 in [-1, 1];
        the batch size does not change what is drawn.

    Raises:
        ValueError: The generator takes pictures, or something else than noise and labels.
    """
    shapes = [tuple(part.shape) for part in getattr(generator, "inputs", None) or []]
    if not 1 <= len(shapes) <= 2 or len(shapes[0]) not in (2, 4):
        raise ValueError(
            f"{name} takes inputs of shape {', '.join(map(str, shapes)) or 'unknown'}; score draws "
            "from noise (n, latent_dim), with class labels (n, 1) or without."
        )
    if len(shapes[0]) != 2:
        raise ValueError(
            f"{name} translates pictures and cannot draw from noise; translate a folder of "
            "pictures first and score that."
        )

    num_classes = _num_classes(generator)

    def batches(batch_size: int) -> Iterator[np.ndarray]:
        draws = [np.random.default_rng([seed, stream]) for stream in range(2)]
        for start in range(0, count, batch_size):
            part = min(batch_size, count - start)
            classes = draws[0].integers(0, num_classes, (part, 1))
            latents = draws[1].standard_normal((part, shapes[0][1])).astype(np.float32)
            if _INFOGAN in name.lower():
                latents[:, -num_classes:] = np.eye(num_classes)[classes[:, 0]]
            inputs = [latents, classes.astype(np.int32)] if len(shapes) > 1 else latents
            yield np.asarray(generator(inputs, training=False))

    return batches


def _num_classes(generator: Any) -> int:
    """Return how many classes the embedding of a generator knows."""
    for layer in getattr(generator, "layers", []):
        if type(layer).__name__ == "Embedding":
            return layer.input_dim
    return NUM_CLASSES
