"""Writes lesson 17's search for a latent vector as an ONNX file, with digits to search for.

The reverse pass is TensorFlow's own: the traced function holds a gradient tape. The converter lacks
only the derivatives of two activations.
"""

from __future__ import annotations

import warnings
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from . import export_generator

if TYPE_CHECKING:
    import keras
    import onnx

GENERATOR, LESSON = "gan", "17_latent_space"
SAMPLES = 1_000  # random latents, of which those with the nearest images are starting points
# The lesson's hyperparameters in a full run.
SEARCH = {"starts": 4, "steps": 100, "rate": 0.1, "prior": 0.1}
YARDSTICKS = ("own samples", "test digits", "turned digits")  # rows of the record
OPSET = 15


def to_onnx(model: keras.Model) -> onnx.ModelProto:
    """Convert a generator and the gradient of the lesson's loss with respect to the latents.

    Args:
        model: Takes latents (n, latent_dim), returns images (n, height, width, channels).

    Returns:
        A network from `latents` and `goals` (images) to `images`, `errors` (n,), the mean squared
        differences, and `gradient` (n, latent_dim). Each weight is in it once.
    """
    import tensorflow as tf
    import tf2onnx

    def search(latents: Any, goals: Any) -> dict[str, Any]:
        with tf.GradientTape() as tape:
            tape.watch(latents)
            drawn = model(latents, training=False)
        apart = drawn - goals
        # The derivative of sum(apart²) with respect to the images, passed back by the tape.
        gradient = tape.gradient(drawn, latents, output_gradients=2 * apart)
        return {
            "images": drawn,
            "errors": tf.reduce_mean(apart**2, axis=(1, 2, 3)),
            "gradient": gradient + 2 * SEARCH["prior"] * latents,
        }

    signature = [
        tf.TensorSpec(model.input_shape, name="latents"),
        tf.TensorSpec(model.output_shape, name="goals"),
    ]
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", FutureWarning)  # the converter asks for old NumPy names
        network, _ = tf2onnx.convert.from_function(
            tf.function(search, input_signature=signature),
            signature,
            opset=OPSET,
            custom_op_handlers={
                "TanhGrad": (_tanh_gradient, []),
                "LeakyReluGrad": (_leaky_relu_gradient, []),
            },
        )
    share_transposed(network)
    return network


def _tanh_gradient(context: Any, node: Any, name: str, _: Any) -> None:
    """Replace the node by gradient · (1 - tanh²)."""
    output, gradient = node.input
    context.remove_node(name)
    squared = context.make_node("Mul", [output, output]).output[0]
    lost = context.make_node("Mul", [gradient, squared]).output[0]
    context.make_node("Sub", [gradient, lost], name=name, outputs=node.output)


def _leaky_relu_gradient(context: Any, node: Any, name: str, _: Any) -> None:
    """Replace the node by the gradient, times the slope where the input was negative."""
    gradient, inputs = node.input
    slope, zero = (
        context.make_const(f"{name}/{kind}", np.float32(value)).output[0]
        for kind, value in (("slope", node.get_attr_value("alpha")), ("zero", 0))
    )
    context.remove_node(name)
    positive = context.make_node("Greater", [inputs, zero]).output[0]
    less = context.make_node("Mul", [gradient, slope]).output[0]
    context.make_node("Where", [positive, gradient, less], name=name, outputs=node.output)


def share_transposed(network: onnx.ModelProto) -> None:
    """Store matrices that are transposes of each other once, and compute the other one.

    Args:
        network: Changed in place.
    """
    from onnx import helper, numpy_helper

    graph, kept = network.graph, {}
    for tensor in list(graph.initializer):
        values = numpy_helper.to_array(tensor)
        if values.ndim != 2:
            continue
        twin = kept.get((values.T.shape, values.dtype, values.T.tobytes()))
        if twin is None:
            kept[values.shape, values.dtype, values.tobytes()] = tensor.name
            continue
        graph.initializer.remove(tensor)
        graph.node.insert(0, helper.make_node("Transpose", [twin], [tensor.name], perm=[1, 0]))


def export(model: keras.Model, network: Path, still: Path, examples: Path) -> None:
    """Write the search, the image of its cover, and the digits that the reader may search for.

    Raises:
        ValueError: The network would be larger than `export_generator.LARGEST_FILE`.
    """
    from PIL import Image

    from gan_utils import images

    export_generator.write(to_onnx(model), network)
    digits, labels = test_digits()
    first = [np.flatnonzero(labels == digit)[0] for digit in range(10)]
    pages = 255 - digits[first]  # dark on light, as one draws
    Image.fromarray(np.concatenate(pages, axis=1).squeeze()).save(examples)
    export_generator.save_still(images.grid(pages, columns=5), still)


def test_digits() -> tuple[np.ndarray, np.ndarray]:
    """Return images and labels of MNIST's test set: those that come with the package."""
    from gan_utils.data import embedded

    return embedded.load("mnist", "test")


def facts(manifest: dict[str, Any]) -> dict[str, Any]:
    """Return the facts for the page's script, apart from addresses.

    The error is a share of the test set's variance, as in the lesson; it is compared with means
    over the seeds of the recorded run.
    """
    from gan_utils import images, records

    digits = images.to_float(test_digits()[0])
    recorded = records.recorded(LESSON, "full")["metrics"]["inversion"]
    (latent_dim,) = manifest["inputs"]["latents"]
    return {
        **SEARCH,
        "latent_dim": latent_dim,
        "samples": SAMPLES,
        "variance": float(np.mean((digits - digits.mean(axis=0)) ** 2)),
        "yardsticks": [(name, float(np.mean(recorded[name]["error"]))) for name in YARDSTICKS],
    }
