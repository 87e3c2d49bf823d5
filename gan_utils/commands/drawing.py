"""Pictures from a trained generator, batch by batch."""

from collections.abc import Callable, Iterator
from typing import Any

import numpy as np

NUM_CLASSES = 10
_INFOGAN = "infogan"


def drawer(name: str, generator: Any, count: int, seed: int) -> Callable[[int], Iterator]:
    """Return a function that draws `count` pictures, with random classes where there are any.

    Args:
        name: Name of the generator; InfoGAN takes its class as a one-hot code behind the noise.
        generator: Keras model of `latents` `(n, latent_dim)`, or of `[latents, class_labels]`.
        count: Number of pictures.
        seed: Of noise and classes.

    Returns:
        A function from a batch size to batches `(n, height, width, channels)` float32 in [-1, 1];
        the batch size does not change what is drawn.

    Raises:
        ValueError: The generator takes pictures, not noise.
    """
    shapes = [tuple(part.shape) for part in generator.inputs]
    if len(shapes[0]) != 2:
        raise ValueError(
            f"{name} translates pictures and cannot draw from noise; translate a folder of "
            "pictures first and score that."
        )

    def batches(batch_size: int) -> Iterator[np.ndarray]:
        draws = [np.random.default_rng([seed, stream]) for stream in range(2)]
        for start in range(0, count, batch_size):
            inputs = _inputs(name, shapes, min(batch_size, count - start), draws)
            yield np.asarray(generator(inputs, training=False))

    return batches


def _inputs(name: str, shapes: list[tuple], count: int, draws: list) -> Any:
    classes = draws[0].integers(0, NUM_CLASSES, (count, 1))
    latents = draws[1].standard_normal((count, shapes[0][1])).astype(np.float32)
    if name == _INFOGAN:
        latents[:, -NUM_CLASSES:] = np.eye(NUM_CLASSES)[classes[:, 0]]
    return [latents, classes.astype(np.int32)] if len(shapes) > 1 else latents
