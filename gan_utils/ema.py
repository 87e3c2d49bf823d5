"""Exponential moving average (EMA) of a generator's weights, and sampling from it."""

from collections.abc import Callable, Iterable
from typing import Any

import keras
import numpy as np
import tensorflow as tf

from gan_utils import _aliases, precision
from gan_utils.layers import sublayers

_STATISTICS_BATCHES = 8


class MovingAverage:
    """The exponential moving average (EMA) of a generator's weights, in a copy of the generator.

    Source: Yazici et al., The Unusual Effectiveness of Averaging in GAN Training, 2019, section 3.
    """

    def __init__(self, generator: keras.Model, decay: float | None, inputs: Any) -> None:
        """Copy the generator, unless `decay` is None, and start from the same weights.

        The copy computes in float32, also where the generator is trained in mixed precision.

        Args:
            generator: The network that is trained.
            decay: In (0, 1), or None to draw from the generator itself.
            inputs: Generator inputs; the copy is called on them once, to build its weights.

        Raises:
            ValueError: Keras cannot rebuild the generator from its `get_config()`.
        """
        self.generator = generator
        self.decay = decay
        self.network = generator
        if decay is not None:
            with precision.float32_policy():
                self.network = precision.compute_in_float32(_copy(generator))
            self.network(inputs, training=False)
            self.network.trainable = False
            self.network.set_weights(generator.get_weights())
        self._refreshed_step = -1
        self._call = tf.function(
            lambda inputs: self.network(inputs, training=False), reduce_retracing=True
        )

    def update(self, step: tf.Tensor, moved: tf.Tensor | None = None) -> None:
        """Update the EMA: average = decay * average + (1 - decay) * current weights.

        Args:
            step: Updates so far. The decay is at most (1 + step) / (10 + step), the warm-up of
                `tf.train.ExponentialMovingAverage`, so that a short run forgets its first weights.
            moved: Scalar bool: False leaves the EMA as it is, because this update was skipped.
        """
        if self.decay is None:
            return
        step = tf.cast(step, tf.float32)
        rate = 1 - tf.minimum(self.decay, (1 + step) / (10 + step))
        if moved is not None:
            rate *= tf.cast(moved, tf.float32)
        for average, current in zip(self.network.weights, self.generator.weights, strict=True):
            if average.dtype == "float32":
                average.assign_sub(rate * (average.value - current.value))

    def refresh(self, step: int, draw_inputs: Callable[[int], Any]) -> None:
        """Recompute BatchNorm statistics for the EMA weights.

        The statistics of training belong to other weights and do not match them.

        Args:
            step: Updates so far; a second call at the same step does nothing.
            draw_inputs: Returns the generator inputs of batch i; all batches have equal weight.
        """
        if self.decay is None or step == self._refreshed_step:
            return
        self._refreshed_step = step
        recompute_statistics(self.network, (draw_inputs(i) for i in range(_STATISTICS_BATCHES)))

    def forget(self) -> None:
        """Recompute the statistics at the next `refresh`: the weights have been replaced."""
        self._refreshed_step = -1

    def draw(self, inputs: Any, batch_size: int) -> np.ndarray:
        """Return the images (n, h, w, c) float32 in [-1, 1] of n generator inputs."""
        count = len(keras.tree.flatten(inputs)[0])
        parts = [
            self._call(keras.tree.map_structure(lambda x, i=i: x[i : i + batch_size], inputs))
            for i in range(0, count, batch_size)
        ]
        return np.concatenate([part.numpy() for part in parts])


def recompute_statistics(network: keras.Model, batches: Iterable[Any]) -> None:
    """Set a network's BatchNorm statistics to their mean over batches, all with equal weight.

    Args:
        network: Its trainable weights stay as they are.
        batches: The network's inputs, batch by batch; it is called on them with `training=True`.
            They are not read if the network has no BatchNormalization.
    """
    layers = [
        layer for layer in sublayers(network) if isinstance(layer, keras.layers.BatchNormalization)
    ]
    if not layers:
        return
    kept = [(layer.momentum, layer.trainable) for layer in layers]
    try:
        for index, batch in enumerate(batches):
            for layer in layers:
                # A frozen BatchNormalization ignores training=True, so it is trainable meanwhile.
                layer.trainable = True
                layer.momentum = index / (index + 1)
            network(batch, training=True)
    finally:
        for layer, (momentum, trainable) in zip(layers, kept, strict=True):
            layer.momentum, layer.trainable = momentum, trainable


def _copy(network: keras.Model) -> keras.Model:
    """Return a network of the same architecture with weights of its own."""
    try:
        config = network.get_config()
        if isinstance(network, keras.Sequential) or "input_layers" in config:
            return keras.models.clone_model(network)
        # Most subclasses do not take the base class's own settings, and the copy needs none.
        base = ("name", "trainable", "dtype")
        return type(network).from_config({k: v for k, v in config.items() if k not in base})
    except (TypeError, ValueError, NotImplementedError) as error:
        raise ValueError(
            f"the EMA of the weights needs a copy of {network.name!r}, which Keras cannot rebuild "
            "from get_config(); write that method or pass ema_decay=None"
        ) from error


__getattr__ = _aliases.getter(__name__)
