"""Writes trained generators as ONNX files that a reader's browser runs, and a picture of each."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from gan_utils.export import to_onnx
from gan_utils.interpolation import interpolate

if TYPE_CHECKING:
    import keras
    import onnx

LARGEST_FILE = 6_000_000  # bytes
FEW = 1_000  # so few numbers are not worth packing
STILL_ROWS = 4
STILL_SCALE = 2


@dataclass(frozen=True)
class Facts:
    """What a page needs to know about a generator, from its manifest."""

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
        """Return what the page's script needs to know, apart from addresses and words."""
        names = self.classes
        if self.encoding == "one-hot":  # the classes say what the codes turned out to draw
            names = tuple(f"{code} (draws {drawn})" for code, drawn in enumerate(names))
        return asdict(self) | {"classes": names}


def inputs(facts: Facts, latents: np.ndarray, labels: Sequence[int]) -> list[np.ndarray]:
    """Return a batch of a generator's inputs from noise and the positions of classes.

    Args:
        facts: what the generator takes.
        latents: (n, latent_dim) noise.
        labels: n positions in `facts.classes`; not read where there are none.

    Returns:
        One array or two, as the generator takes them.
    """
    latents = np.asarray(latents, "float32")
    if facts.encoding == "one-hot":
        codes = np.eye(len(facts.classes), dtype="float32")[np.asarray(labels)]
        return [np.concatenate([latents, codes], axis=1)]
    if facts.encoding == "label":
        return [latents, np.asarray(labels, "int32")[:, None]]
    return [latents]


def draw(
    model: keras.Model, facts: Facts, latents: np.ndarray, labels: Sequence[int]
) -> np.ndarray:
    """Return the generator's pictures, float32 in [-1, 1]."""
    arrays = inputs(facts, latents, labels)
    return np.asarray(model(arrays if len(arrays) > 1 else arrays[0], training=False))


def export(model: keras.Model, facts: Facts, path: Path) -> None:
    """Write a generator for the page: its weights in half precision, or 12 bits where need be.

    Args:
        model: a trained generator.
        facts: what it takes.
        path: the ONNX file to write.

    Raises:
        ValueError: when the file would be larger than `LARGEST_FILE`.
    """
    write(model, path)


def write(model: keras.Model, path: Path) -> None:
    """Write a network as `export` does."""
    network = to_onnx(model)
    pack(network, LARGEST_FILE)
    path.write_bytes(network.SerializeToString())


def pack(network: onnx.ModelProto, largest: int) -> None:
    """Store a network's weights in half precision; the largest ones in 12 bits, if it must be.

    Args:
        network: changed in place; it still computes in single precision.
        largest: bytes that the file may have.

    Raises:
        ValueError: it stays larger.
    """
    from onnx import TensorProto, numpy_helper

    tensors = [
        tensor
        for tensor in network.graph.initializer
        if tensor.data_type == TensorProto.FLOAT and np.prod(tensor.dims) >= FEW
    ]
    tensors.sort(key=lambda tensor: -np.prod(tensor.dims))
    halves = sum(2 * int(np.prod(tensor.dims)) for tensor in tensors)
    size = network.ByteSize() - halves
    nodes = []
    for tensor in tensors:
        values = numpy_helper.to_array(tensor)
        if size > largest and values.ndim > 1 and values.size % 2 == 0:
            nodes += store_twelve_bits(network.graph, tensor, values)
            size -= values.size // 2
        else:
            nodes += store_halves(network.graph, tensor, values)
        network.graph.initializer.remove(tensor)
    for node in reversed(nodes):
        network.graph.node.insert(0, node)
    if network.ByteSize() > largest:
        raise ValueError(f"Packed, the network has {network.ByteSize()} bytes, over {largest}.")


def store_halves(
    graph: onnx.GraphProto, tensor: onnx.TensorProto, values: np.ndarray
) -> list[onnx.NodeProto]:
    """Add the values in half precision; return the node that widens them under the old name."""
    from onnx import TensorProto, helper, numpy_helper

    stored = f"{tensor.name}/half"
    graph.initializer.append(numpy_helper.from_array(values.astype("float16"), stored))
    return [helper.make_node("Cast", [stored], [tensor.name], to=TensorProto.FLOAT)]


def store_twelve_bits(
    graph: onnx.GraphProto, tensor: onnx.TensorProto, values: np.ndarray
) -> list[onnx.NodeProto]:
    """Add the values in 12 bits; return the nodes that put them together under the old name.

    The upper 8 bits stand alone; the lower 4 of the first half of the values share their bytes with
    those of the second half.
    """
    from onnx import TensorProto, helper, numpy_helper

    levels, scale = to_levels(values)
    low = (levels & 15).astype("uint8").reshape(2, -1)
    stored = {
        "upper": (levels >> 4).astype("int8"),
        "lower": low[0] + 16 * low[1],
        "scale": scale,
        "sixteen": np.float32(16),
        "shape": np.array(values.shape, "int64"),
    }
    part = {name: f"{tensor.name}/{name}" for name in (*stored, *"abcdefgh")}
    for name, array in stored.items():
        graph.initializer.append(numpy_helper.from_array(np.asarray(array), part[name]))
    steps = (
        ("Cast", ["lower"], "a", {"to": TensorProto.FLOAT}),
        ("Div", ["a", "sixteen"], "b", {}),
        ("Floor", ["b"], "c", {}),  # of the second half
        ("Mul", ["c", "sixteen"], "d", {}),
        ("Sub", ["a", "d"], "e", {}),  # of the first half
        ("Concat", ["e", "c"], "f", {"axis": 0}),
        ("Reshape", ["f", "shape"], "g", {}),
        ("Cast", ["upper"], "h", {"to": TensorProto.FLOAT}),
    )
    nodes = [
        helper.make_node(kind, [part[name] for name in names], [part[out]], **options)
        for kind, names, out, options in steps
    ]
    wide, whole = f"{tensor.name}/wide", f"{tensor.name}/whole"
    nodes.append(helper.make_node("Mul", [part["h"], part["sixteen"]], [wide]))
    nodes.append(helper.make_node("Add", [wide, part["g"]], [whole]))
    return [*nodes, helper.make_node("Mul", [whole, part["scale"]], [tensor.name])]


def to_levels(values: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Round weights to 4,095 levels, one scale along the axis that loses least.

    Returns:
        The levels, int32 in [-2047, 2047], and the scale, float32, which multiplies them.
    """
    found = []
    for axis in range(values.ndim):
        others = tuple(index for index in range(values.ndim) if index != axis)
        scale = np.maximum(np.abs(values).max(axis=others, keepdims=True) / 2047, 1e-12)
        levels = np.rint(values / scale)
        found.append((float(np.square(levels * scale - values).sum()), levels, scale))
    _, levels, scale = min(found, key=lambda item: item[0])
    return levels.astype("int32"), scale.astype("float32")


def still(model: keras.Model, facts: Facts, path: Path) -> None:
    """Write the picture that stands in the page until the reader starts the generator."""
    from PIL import Image

    from gan_utils import images

    columns = len(facts.classes) or 8
    noise = np.random.default_rng(0).normal(size=(STILL_ROWS, facts.latent_dim))
    if facts.classes:
        latents, labels = np.repeat(noise, columns, axis=0), np.tile(range(columns), STILL_ROWS)
    else:
        latents, labels = walks(noise, columns), ()
    sheet = images.grid(draw(model, facts, latents, labels), columns=columns)
    sheet = np.repeat(np.repeat(sheet, STILL_SCALE, axis=0), STILL_SCALE, axis=1)
    Image.fromarray(sheet.squeeze()).save(path)


def walks(noise: np.ndarray, steps: int) -> np.ndarray:
    """Return latents on the way from each point to the next one, as the page's slider goes."""
    ends = zip(noise, np.roll(noise, -1, axis=0), strict=True)
    return np.concatenate([interpolate(first, second, steps) for first, second in ends])
