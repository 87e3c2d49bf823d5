"""Scores packed generators, and compares the scores with those of the run that made them."""

from __future__ import annotations

from typing import Any

import numpy as np

from gan_utils import data, evaluation, images, metrics, weights

from . import origins
from .origins import ORIGINS

SAMPLES = evaluation.FULL_COUNT
COMPARED = 200  # latent vectors for which float16 is compared with float32
_SLACK = {"distance": 2.0, "agreement": 0.015, "map_color": 0.02}  # allowed for other noise
_RELATIVE_SLACK = {"distance": 0.06}


def call(network: Any, inputs: list[np.ndarray]) -> np.ndarray:
    """Run a network, one image at a time if it takes images, else in one batch."""
    from gan_utils.layers import reseed

    size = 1 if inputs[0].ndim == 4 else len(inputs[0])
    parts = []
    for start in range(0, len(inputs[0]), size):
        reseed(network, 0)
        part = [values[start : start + size] for values in inputs]
        parts.append(network(part if len(part) > 1 else part[0], training=False))
    return np.concatenate(parts)


def example_inputs(network: Any) -> list[np.ndarray]:
    """Return inputs of every kind that a network of the book takes."""
    rng = np.random.default_rng(0)
    shape = tuple(network.inputs[0].shape[1:])
    if len(shape) == 1:
        count = COMPARED
        first = rng.standard_normal((count, *shape))
    elif shape[-1] == 3:
        count = 16
        first = images.to_float(origins.places(count, shape[0]).source)
    else:
        count = 64
        first = images.to_float(data.load_images("fashion_mnist", "test").images[:count])
    labels = np.arange(count, dtype=np.int32)[:, None] % weights.num_classes(network)
    return [first.astype(np.float32), labels][: len(network.inputs)]


def draw(name: str, network: Any, count: int = SAMPLES, seed: int = 0) -> Any:
    """Generate images from noise, each class equally often.

    Args:
        name: Name of the generator.
        network: Its network.
        count: Number of images.
        seed: Seed of the noise.

    Returns:
        Images `(count, height, width, channels)` float32 in [-1, 1], and their class labels
        `(count,)` int, or None for an unconditional generator.
    """
    takes = weights.inputs_of(name, network)
    rng = np.random.default_rng([seed, count])
    latents = rng.standard_normal((count, takes.latent_dim)).astype(np.float32)
    wishes = np.arange(count) % (takes.num_classes or weights.NUM_CLASSES)
    parts = [slice(start, start + 250) for start in range(0, count, 250)]
    drawn = [network(takes.arrange(latents[part], wishes[part]), training=False) for part in parts]
    return np.concatenate(drawn), wishes if takes.num_classes else None


def score(name: str, network: Any, record: dict[str, Any]) -> dict[str, Any]:
    """Score a network by the book's evaluation protocol.

    Args:
        name: Name of the generator.
        network: Its network, as it will be shipped.
        record: Record of the run that made it.

    Returns:
        The result of `gan_utils.evaluation.scores`. If the record has no such scores, also
        `distance_as_recorded`: the distance with as many images as in the record, the first ones.
    """
    origin = ORIGINS[name]
    if len(network.inputs[0].shape) == 4:
        return origin.score_translator(network, call) if origin.score_translator else {}
    drawn, wishes = draw(name, network)
    meant = None if wishes is None else origin.meaning(record)[wishes]
    real_images = data.load_images(origin.classifier, "test").images
    found = evaluation.scores(drawn, meant, real_images=real_images, classifier=origin.classifier)
    told = origin.metrics(record)
    if origin.row not in record.get("comparison", {}) and "distance" in told:
        parts = (real_images[: told["samples"]], drawn[: told["samples"]])
        vectors = list(map(evaluation.classifier_of(origin.classifier).features, parts))
        found["distance_as_recorded"] = metrics.fid(*vectors)
    return found


def difference(scores: dict[str, Any], told: dict[str, Any]) -> str:
    """Return how scores differ from the recorded ones by more than other noise explains.

    Args:
        scores: Scores of the packed network.
        told: Scores of the recorded run.

    Returns:
        An error message, or an empty string if there is no such difference.
    """
    for key, slack in _SLACK.items():
        now, then = scores.get(f"{key}_as_recorded", scores.get(key)), told.get(key)
        if now is None or then is None:
            continue
        if abs(now - then) > slack + _RELATIVE_SLACK.get(key, 0) * then:
            return f"{key} is {now:.3f}, but the recorded run had {then:.3f}"
    return ""
