"""Writes trained generators as ONNX files for a reader's browser, and a still image of each."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from gan_utils import weights
from gan_utils.interpolation import interpolate

if TYPE_CHECKING:
    import keras
    import onnx

LARGEST_FILE = 8_000_000  # bytes; loaded on a click, next to a runtime of 14 MB
FEW = 1_000  # smaller weights stay in float32: a node more would cost as much
STILL_ROWS = 4
STILL_SCALE = 2


@dataclass(frozen=True)
class Facts:
    """Facts about a generator for its page, from the manifest."""

    name: str
    latent_dim: int
    height: int
    width: int
    channels: int
    classes: tuple[str, ...] = ()
    encoding: str = ""  # label, one-hot, or nothing to ask for

    @classmethod
    def of(cls, name: str, manifest: dict) -> Facts:
        """Return the facts that a manifest's entry holds."""
        classes = tuple(manifest.get("classes") or ())
        labeled = "class_labels" in manifest["inputs"]
        encoding = ("label" if labeled else "one-hot") if classes else ""
        (latent_dim,) = manifest["inputs"]["latents"]
        if encoding == "one-hot":
            latent_dim -= len(classes)
        height, width, channels = manifest["output"]
        return cls(name, latent_dim, height, width, channels, classes, encoding)

    def shown(self) -> dict[str, Any]:
        """Return the facts for the page's script, apart from addresses and texts."""
        names = self.classes
        if self.encoding == "one-hot":  # the classes are what each code draws after training
            names = tuple(f"{code} (draws {drawn})" for code, drawn in enumerate(names))
        return asdict(self) | {"classes": names}


def draw(
    model: keras.Model, facts: Facts, latents: np.ndarray, labels: Sequence[int]
) -> np.ndarray:
    """Generate images from noise and classes, as the page does.

    Args:
        model: The generator.
        facts: Facts about it.
        latents: (n, latent_dim) noise.
        labels: n indices into `facts.classes`; ignored if there are none.

    Returns:
        Images (n, height, width, channels) float32 in [-1, 1].
    """
    takes = weights.inputs_of(facts.name, model)
    room = np.zeros((len(latents), takes.latent_dim - facts.latent_dim))  # of a one-hot code
    noise = np.concatenate([latents, room], axis=1).astype("float32")
    return weights.draw(model, takes.arrange(noise, np.asarray(labels, int)))


def write(network: onnx.ModelProto, path: Path) -> None:
    """Write a network for the page, its weights in half precision.

    Args:
        network: A trained network, changed in place.
        path: The ONNX file to write.

    Raises:
        ValueError: The file would be larger than `LARGEST_FILE`.
    """
    store_halves(network)
    if network.ByteSize() > LARGEST_FILE:
        raise ValueError(
            f"{path.name} would have {network.ByteSize()} bytes, over {LARGEST_FILE}: show a "
            "smaller generator, or raise LARGEST_FILE in tools/book/export_generator.py."
        )
    path.write_bytes(network.SerializeToString())


def store_halves(network: onnx.ModelProto) -> None:
    """Store a network's weights in half precision; it still computes in single precision.

    Args:
        network: changed in place.
    """
    from onnx import TensorProto, helper, numpy_helper

    graph = network.graph
    for tensor in list(graph.initializer):
        if tensor.data_type != TensorProto.FLOAT or np.prod(tensor.dims) < FEW:
            continue
        stored = f"{tensor.name}/half"
        values = numpy_helper.to_array(tensor).astype("float16")
        graph.initializer.append(numpy_helper.from_array(values, stored))
        graph.initializer.remove(tensor)
        graph.node.insert(
            0, helper.make_node("Cast", [stored], [tensor.name], to=TensorProto.FLOAT)
        )


def still(model: keras.Model, facts: Facts, path: Path) -> None:
    """Write the image that the page shows until the reader starts the generator."""
    from gan_utils import images

    columns = len(facts.classes) or 8
    noise = np.random.default_rng(0).normal(size=(STILL_ROWS, facts.latent_dim))
    if facts.classes:
        latents, labels = np.repeat(noise, columns, axis=0), np.tile(range(columns), STILL_ROWS)
    else:
        latents, labels = walks(noise, columns), ()
    save_still(images.grid(draw(model, facts, latents, labels), columns=columns), path)


def save_still(sheet: np.ndarray, path: Path) -> None:
    """Write a sheet of images (height, width, channels) uint8, enlarged without smoothing."""
    from PIL import Image

    sheet = np.repeat(np.repeat(sheet, STILL_SCALE, axis=0), STILL_SCALE, axis=1)
    Image.fromarray(sheet.squeeze()).save(path)


def walks(noise: np.ndarray, steps: int) -> np.ndarray:
    """Return latents from each point to the next one by slerp, as the page's slider does."""
    ends = zip(noise, np.roll(noise, -1, axis=0), strict=True)
    return np.concatenate([interpolate(first, second, steps) for first, second in ends])
