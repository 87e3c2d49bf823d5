"""Mixed precision: what a GAN keeps in float32 while its layers compute in 16 bits.

Under the policies "mixed_bfloat16" and "mixed_float16" of Keras a layer computes in 16 bits and
keeps its weights in 32. Losses, penalties, the EMA and helper networks need 32 bits throughout.
"""

import functools
import logging
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import keras
import tensorflow as tf

from gan_utils import records
from gan_utils.layers import sublayers

HALF = ("float16", "bfloat16")


@functools.cache
def hint_at_bfloat16() -> None:
    """Log once, in one line, that the processor has bfloat16 units and the policy is float32."""
    hint = records.bfloat16_hint()
    unused = keras.config.dtype_policy().name == "float32"
    if hint and unused and not tf.config.list_physical_devices("GPU"):
        logging.getLogger("gan_utils").warning(hint)


def to_float32(values: Any) -> Any:
    """Return a tensor, or a structure of tensors, with 16-bit floats cast to float32."""

    def cast(value: Any) -> Any:
        half = tf.is_tensor(value) or isinstance(value, keras.KerasTensor)
        half = half and keras.backend.standardize_dtype(value.dtype) in HALF
        return keras.ops.cast(value, "float32") if half else value

    return keras.tree.map_structure(cast, values)


@contextmanager
def float32_policy() -> Iterator[None]:
    """Build the layers made inside this block in float32, whatever the global policy is."""
    before = keras.config.dtype_policy()
    keras.config.set_dtype_policy("float32")
    try:
        yield
    finally:
        keras.config.set_dtype_policy(before)


def half_layers(network: Any) -> list[keras.layers.Layer]:
    """Return the layers of a network, itself included, that compute in 16 bits."""
    if not isinstance(network, keras.layers.Layer):
        return []
    return [layer for layer in [network, *sublayers(network)] if layer.compute_dtype in HALF]


def compute_in_float32(network: keras.Model) -> keras.Model:
    """Let all layers of a network compute in float32 from now on; return the network."""
    for layer in half_layers(network):
        layer.dtype_policy = "float32"
    return network


@contextmanager
def in_float32(network: Any) -> Iterator[None]:
    """Let all layers of a network compute in float32 inside this block, and as before after it.

    Anything but a Keras layer is left alone.
    """
    policies = [(layer, layer.dtype_policy) for layer in half_layers(network)]
    for layer, _ in policies:
        layer.dtype_policy = "float32"
    try:
        yield
    finally:
        for layer, policy in policies:
            layer.dtype_policy = policy


def return_float32(network: keras.layers.Layer) -> None:
    """Let a network that computes in 16 bits return float32.

    Real and fake images can then be mixed and concatenated, and every loss, also one that a variant
    defines, gets logits in float32. The layers and the saved file stay as they are.
    """
    if not half_layers(network) or hasattr(network.call, "returns_float32"):
        return
    call = network.call

    @functools.wraps(call)
    def cast(*args: Any, **options: Any) -> Any:
        return to_float32(call(*args, **options))

    cast.returns_float32 = True
    network.call = cast


def require_float32_weights(network: keras.Model) -> None:
    """Raise ValueError if a network keeps weights in another floating-point type than float32.

    In 16 bits small updates are lost; the EMA and all images are float32.
    """
    for weight in network.weights:
        dtype = keras.backend.standardize_dtype(weight.dtype)
        if dtype in HALF:
            raise ValueError(
                f"{weight.path} is {dtype}, in which small updates and those of the EMA are "
                f'rounded away; build the networks under "mixed_{dtype}", which keeps '
                "weights in float32"
            )
        if dtype == "float64":
            raise ValueError(f"{weight.path} is float64; build the networks in float32")


def scaled(
    optimizer: keras.optimizers.Optimizer, *networks: keras.layers.Layer
) -> keras.optimizers.Optimizer:
    """Return an optimizer that scales the loss where a network computes in float16.

    Small gradients are zero in float16 (below 6e-8). Keras' own `compile` does the same.

    Args:
        optimizer: Not built yet.
        *networks: The networks that its gradients pass through.

    Returns:
        A `LossScaleOptimizer` around the optimizer, or the optimizer itself if it is one, or if no
        network computes in float16.
    """
    if isinstance(optimizer, keras.optimizers.LossScaleOptimizer):
        return optimizer
    half = any(
        layer.compute_dtype == "float16" for network in networks for layer in half_layers(network)
    )
    return keras.optimizers.LossScaleOptimizer(optimizer) if half else optimizer


def finite_everywhere(
    optimizer: keras.optimizers.Optimizer, gradients: list
) -> tuple[list, tf.Tensor | None]:
    """Return whether an optimizer that scales the loss will take this update, or skip it.

    Args:
        optimizer: Of one player.
        gradients: Of this device's share of the batch.

    Returns:
        The gradients, and a scalar bool: True if all are finite; None for an optimizer that skips
        nothing. Keras checks the gradients of one device only, so if any device has one that is not
        finite, the gradients become NaN on all of them.
    """
    if not isinstance(optimizer, keras.optimizers.LossScaleOptimizer):
        return gradients, None
    finite = optimizer.check_finite(gradients)
    if tf.distribute.get_strategy().num_replicas_in_sync > 1:
        bad = tf.distribute.get_replica_context().all_reduce(
            tf.distribute.ReduceOp.SUM, tf.cast(~finite, tf.float32)
        )
        finite = bad == 0
        gradients = [tf.where(finite, g, tf.constant(float("nan"), g.dtype)) for g in gradients]
    return gradients, finite
