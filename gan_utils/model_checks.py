"""Checks before a GAN trains: the outputs of its networks and the range of its images."""

import warnings
from typing import Any

import keras
import numpy as np
import tensorflow as tf

from gan_utils import images, precision

_FEW = 32  # outputs: as many of random sign are all positive with a probability of 2**-32
_FAR = 1e3  # factor on the images: logits grow with it, probabilities stay between 0 and 1
_SHAPES = (keras.layers.Reshape, keras.layers.Flatten, keras.layers.Permute)


def refuse_sigmoid(discriminator: keras.Model) -> None:
    """Raise ValueError if a discriminator ends in a sigmoid: the losses take logits."""
    # A subclass lists its layers in the order of its attributes, not of its calls: there
    # `warn_of_probabilities` tests the outputs.
    last = discriminator.layers[-1] if getattr(discriminator, "outputs", None) else None
    if getattr(last, "activation", None) is keras.activations.sigmoid:
        raise ValueError(
            f"the discriminator's last layer {last.name!r} ends in a sigmoid; the losses take "
            "logits: remove the activation"
        )


def warn_of_probabilities(model: Any, fake_images: tf.Tensor, inputs: Any) -> None:
    """Warn if a discriminator seems to return probabilities in place of logits.

    Args:
        model: A GAN whose networks are built.
        fake_images: Images (n, h, w, c) that the generator draws from `inputs`.
        inputs: Inputs of the generator.
    """
    network = model.discriminator
    last = _last_operation(network)
    # Where the last layer hides its operations from Keras, its outputs are tested instead.
    opaque = isinstance(last, keras.Model | keras.layers.Lambda)
    if _returns_probabilities(model, fake_images, inputs) if opaque else _squashes(last):
        warnings.warn(
            f"the discriminator {network.name!r} ends in {last.name!r}, which returns numbers "
            "between 0 and 1, as a sigmoid or softmax does; the losses take logits: remove it",
            UserWarning,
            stacklevel=3,
        )


def _squashes(last: Any) -> bool:
    """Return whether a layer or operation ends in a sigmoid or softmax."""
    kinds = type(last).__name__, getattr(getattr(last, "activation", None), "__name__", "")
    return any(word in kind.lower() for kind in kinds for word in ("sigmoid", "softmax"))


def _returns_probabilities(model: Any, fake_images: tf.Tensor, inputs: Any) -> bool:
    """Return whether all outputs are between 0 and 1, whatever the images and their size."""
    noise = tf.random.stateless_normal(fake_images.shape, [0, 0])
    outputs = []
    with precision.in_float32(model.discriminator):
        for factor in (_FAR, -_FAR):
            for drawn in (fake_images, noise, noise[..., ::-1, :]):
                seen = model.fake_inputs(factor * drawn, inputs)
                found = keras.tree.flatten(model.discriminator(seen, training=False))[0]
                outputs.append(np.ravel(found))
    outputs = np.concatenate(outputs)
    # Equal outputs show nothing: zero weights return them too.
    return 0 <= outputs.min() < outputs.max() <= 1


def warn_of_positive_images(generator: keras.Model, fake_images: tf.Tensor) -> None:
    """Warn if a generator draws images in [0, 1], where the GAN's images are in [-1, 1].

    Args:
        generator: Built.
        fake_images: Some of its images (n, h, w, c).
    """
    drawn = np.ravel(fake_images)
    if drawn.size >= _FEW and 0 <= drawn.min() < drawn.max() <= 1:
        warnings.warn(
            f"the generator {generator.name!r} ends in {_last_operation(generator).name!r} and "
            "draws numbers between 0 and 1, as a sigmoid does; images are in [-1, 1] here: end "
            "it in a tanh",
            UserWarning,
            stacklevel=3,
        )


def _last_operation(network: keras.Model) -> Any:
    """Return the layer or operation that computes a network's first output, or the network itself.

    Nested networks are entered; what changes the shape alone is passed over.
    """
    if isinstance(network, keras.Sequential):
        rest = [layer for layer in network.layers if not isinstance(layer, _SHAPES)]
        last = rest[-1] if rest else network
    elif getattr(network, "outputs", None):
        last = network.outputs[0]._keras_history.operation
        while isinstance(last, _SHAPES):
            last = last.input._keras_history.operation
    else:
        return network
    return _last_operation(last) if isinstance(last, keras.Model) and last is not network else last


def checked_dataset(dataset: tf.data.Dataset) -> tf.data.Dataset:
    """Return a dataset of float32 images in [-1, 1]; the range of the first batch is checked.

    Args:
        dataset: Of batches: images (n, h, w, c), alone or in a structure with other tensors.

    Raises:
        ValueError: Images of another type, or outside of [-1, 1] (the message has the range).
    """
    specs = [spec for spec in keras.tree.flatten(dataset.element_spec) if _shows_images(spec)]
    for spec in specs:
        if spec.dtype != tf.uint8 and not spec.dtype.is_floating:
            raise ValueError(
                f"the dataset's images are {spec.dtype.name}; give uint8 in [0, 255], or float32 "
                "in [-1, 1]: map them with x / 127.5 - 1"
            )
    if any(spec.dtype in (tf.uint8, tf.float64) for spec in specs):
        dataset = dataset.map(
            lambda *parts: keras.tree.map_structure(
                _to_float, parts[0] if len(parts) == 1 else parts
            )
        )
    if any(spec.dtype.is_floating for spec in specs):
        for batch in dataset.take(1):
            for part in keras.tree.flatten(batch):
                if _shows_images(part) and part.dtype.is_floating:
                    check_range(part.numpy(), "the dataset's first batch")
    return dataset


def check_range(values: np.ndarray, what: str) -> None:
    """Check that float images are in [-1, 1]; warn where they look like [0, 1].

    Raises:
        ValueError: They are not.
    """
    low, high = float(np.min(values)), float(np.max(values))
    if not (low >= -1 - images.TOLERANCE and high <= 1 + images.TOLERANCE):
        guess = (
            " (0 to 255, it seems: map them with x / 127.5 - 1)" if high > 2 and low >= 0 else ""
        )
        raise ValueError(
            f"{what} has values from {low:.4g} to {high:.4g}; images must be in [-1, 1]{guess}"
        )
    if 0 <= low < high:
        warnings.warn(
            f"{what} has values from {low:.4g} to {high:.4g}, as images in [0, 1] have; they are "
            "in [-1, 1] here: map them with 2 * x - 1",
            UserWarning,
            stacklevel=2,
        )


def _shows_images(tensor: Any) -> bool:
    """Return whether a tensor, or its specification, has the four axes of images."""
    return tensor.shape.rank == 4


def _to_float(tensor: tf.Tensor) -> tf.Tensor:
    """Map uint8 images to float32 in [-1, 1], float64 ones to float32; leave others alone."""
    if not _shows_images(tensor):
        return tensor
    if tensor.dtype == tf.uint8:
        return tf.cast(tensor, tf.float32) * images.SCALE - 1
    return tf.cast(tensor, tf.float32) if tensor.dtype == tf.float64 else tensor
