"""Layers that Keras lacks: always in training mode, spectral normalization with its gradient.

`model(x)`, `model(x, training=False)`, `model.predict(x)` and a model loaded from a file all keep
the first two on; `layer(x, training=True)` inside a functional model does not (Keras 3 overrides
it). Import this module before loading a model with these layers, so that Keras knows the classes.
Also: how often the size of an image can be halved, and the layers inside other layers.
"""

import math
from collections import deque
from typing import Any

import keras
from keras import layers, ops

from gan_utils.images import Size, check_size

_PACKAGE = "gan_utils"


@keras.saving.register_keras_serializable(_PACKAGE)
class AlwaysDropout(layers.Dropout):
    """Dropout that is never switched off.

    Source: Isola et al., Image-to-Image Translation with Conditional Adversarial Networks, 2017,
    section 3.1: dropout at both training and test time is the only noise of the generator.
    """

    def call(self, inputs: Any, training: bool | None = None) -> Any:
        """Return the inputs with some of them set to zero, for any value of `training`."""
        del training
        return super().call(inputs, training=True)


@keras.saving.register_keras_serializable(_PACKAGE)
class AlwaysBatchNormalization(layers.BatchNormalization):
    """Batch normalization that always uses the statistics of the current batch, frozen or not.

    With one image in a batch this is instance normalization. The moving statistics are updated in
    training, as in the base class, but never used to normalize.

    Source: Isola et al., 2017, section 3.3, on normalizing with the test batch's statistics.
    """

    def call(self, inputs: Any, training: bool | None = None, mask: Any = None) -> Any:
        """Normalize with the batch's statistics; only a training call updates the moving ones."""
        if training and self.trainable:
            return super().call(inputs, training=True, mask=mask)
        inputs = ops.cast(inputs, "float32")  # statistics in 16 bits would be rounded
        axis = self.axis % len(inputs.shape)
        others = [index for index in range(len(inputs.shape)) if index != axis]
        mean, variance = ops.moments(inputs, axes=others)
        scale = ops.cast(self.gamma, "float32") if self.scale else None
        offset = ops.cast(self.beta, "float32") if self.center else None
        outputs = ops.batch_normalization(
            inputs, mean, variance, axis, offset=offset, scale=scale, epsilon=self.epsilon
        )
        return ops.cast(outputs, self.compute_dtype)


@keras.saving.register_keras_serializable(_PACKAGE)
class SpectralNormalization(layers.SpectralNormalization):
    """Divides a layer's kernel by its spectral norm in each call, and lets the gradient through.

    Keras' own layer overwrites the kernel with the quotient, outside of what is differentiated: the
    gradient does not know of the division. Each update then adds to the largest singular value, the
    division takes it from all of them, and after some thousand updates one is left. Here the kernel
    is left alone, and the norm's gradient takes from an update what would only scale the kernel.

    The norm is kept in float32 under every policy; the layer inside computes in the policy of
    Keras. With `training=True` the vector of the power iteration takes its step; no call changes
    the kernel.

    Args:
        layer: With a `kernel` or `embeddings`, not all zero.
        power_iterations: Of each call, at least 1.

    Raises:
        ValueError: `power_iterations` below 1, or a layer without such weights, when it is built.

    Source: Miyato et al., Spectral Normalization for Generative Adversarial Networks, 2018,
    sections 2.1 to 2.3 and algorithm 1.
    """

    def __init__(self, layer: layers.Layer, power_iterations: int = 1, **options: Any) -> None:
        """Wrap a layer."""
        super().__init__(layer, power_iterations, **options | {"dtype": "float32"})

    def call(self, inputs: Any, training: bool = False) -> Any:
        """Return the layer's outputs, in float32 under every policy."""
        vector_u, kernel = self.normalized_weights()
        if training:
            self.vector_u.assign(vector_u)
        with keras.StatelessScope(state_mapping=[(self.kernel, kernel)]):
            outputs = self.layer(inputs)
        return ops.cast(outputs, inputs.dtype)


def halvings(size: Size | int, least: int | None = None) -> tuple[Size, int]:
    """Return how often an image's size can be halved, as in the encoder of a U-Net.

    Args:
        size: (height, width) in pixels, or one number for both.
        least: How often it must be possible. None: four times, or for a side below 16 pixels as
            often as its logarithm to base 2 says (rounded down, at least once).

    Returns:
        (height, width), and the largest n for which 2**n divides both.

    Raises:
        ValueError: `size` is not an image size, or 2**least does not divide it; the message names
            one that works.
    """
    height, width = check_size(size)
    if least is None:
        least = min(4, max(1, int(math.log2(min(height, width)))))
    common = math.gcd(height, width)
    count = (common & -common).bit_length() - 1  # the lowest bit that is set
    if count < least:
        step = 2**least
        near = tuple(step * math.ceil(side / step) for side in (height, width))
        raise ValueError(
            f"size is {size!r}: height and width must be divisible by {step}, to be halved {least} "
            f"times; take {near[0] if near[0] == near[1] else near} for instance."
        )
    return (height, width), count


def sublayers(network: keras.Model) -> list[layers.Layer]:
    """Return all layers of a network, those inside other layers too.

    Keras lists the layers of a model, but not those that another layer keeps in its attributes. The
    order is fixed: it decides which seed `reseed` gives to which layer.
    """
    found: dict[int, layers.Layer] = {}
    waiting = deque(_layers_of(network))
    while waiting:
        layer = waiting.popleft()
        if id(layer) not in found:
            found[id(layer)] = layer
            waiting.extendleft(_layers_of(layer))
    return list(found.values())


def _layers_of(holder: layers.Layer) -> list[layers.Layer]:
    if isinstance(holder, keras.Model):
        return holder.layers
    found, values = [], [*vars(holder).values()]
    for value in values:  # grows meanwhile
        if isinstance(value, layers.Layer):
            found.append(value)
        elif isinstance(value, dict):
            values.extend(value.values())
        elif isinstance(value, list | tuple | set):
            values.extend(value)
    return found


def reseed(model: keras.Model, seed: int) -> None:
    """Set the seeds of a model's dropout, so that the same seed gives the same translation.

    Args:
        model: With dropout layers; other layers are left alone.
        seed: 0 to 2**32 - 1.
    """
    for index, layer in enumerate(sublayers(model)):
        if isinstance(layer, layers.Dropout) and layer.rate > 0:
            layer.seed_generator.state.assign([seed, index])
