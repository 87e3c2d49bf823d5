"""What one update needs: a seed, a share of the batch, frozen statistics, an optimizer step."""

import contextlib
from collections.abc import Iterator
from typing import Any

import keras
import tensorflow as tf


def step_seed(seed: int, stream: int, step: tf.Tensor, *, shared: bool = False) -> tf.Tensor:
    """Return a (2,) int32 seed that differs by run, stream, step and, unless shared, device.

    Args:
        seed: of the run.
        stream: tells apart the draws within one step.
        step: updates so far, int.
        shared: the same on all devices: that of a run on one device.
    """
    context = tf.distribute.get_replica_context()
    replica = context.replica_id_in_sync_group if context and not shared else 0
    by_step = tf.random.experimental.stateless_fold_in(
        tf.constant([seed, stream]), tf.cast(step, tf.int32)
    )
    return tf.random.experimental.stateless_fold_in(by_step, replica)


def split_batch(batch: Any, parts: int) -> list:
    """Cut a batch (a tensor, or a structure of them) into equal parts along its first axis."""
    if parts == 1:
        return [batch]
    cut = [tf.split(tensor, parts) for tensor in keras.tree.flatten(batch)]
    return [keras.tree.pack_sequence_as(batch, part) for part in zip(*cut, strict=True)]


def refuse_sigmoid(discriminator: keras.Model) -> None:
    """Raise ValueError if a discriminator ends in a sigmoid: the losses take logits."""
    last = discriminator.layers[-1]
    if getattr(last, "activation", None) is keras.activations.sigmoid:
        raise ValueError(
            f"the discriminator's last layer {last.name!r} ends in a sigmoid; the losses take "
            "logits: remove the activation"
        )


@contextlib.contextmanager
def keep_statistics(network: keras.Model) -> Iterator[None]:
    """Put a network's moving statistics back after a forward pass that is not its own update."""
    variables = network.non_trainable_weights
    before = [tf.identity(variable.value) for variable in variables]
    yield
    for variable, value in zip(variables, before, strict=True):
        variable.assign(value)


def minimize(
    optimizer: keras.optimizers.Optimizer, tape: tf.GradientTape, loss: tf.Tensor, variables: list
) -> None:
    """Take one optimizer step down the gradient of a scalar loss.

    Args:
        optimizer: built on `variables`.
        tape: on which `loss` was recorded.
        loss: a scalar; under `tf.distribute` the mean over one replica's share of the batch.
        variables: what moves.

    Raises:
        ValueError: the loss is no scalar, or does not depend on one of the variables.
    """
    if loss.shape.rank != 0:
        raise ValueError(
            f"a loss must be a scalar, not of shape {tuple(loss.shape)}: take its mean over the "
            "batch (and over the patches, if there are any)"
        )
    # Keras sums gradients over replicas, so each replica contributes its share of the mean.
    share = tf.cast(1 / tf.distribute.get_strategy().num_replicas_in_sync, loss.dtype)
    gradients = tape.gradient(loss, variables, output_gradients=share)
    missing = [v.path for v, g in zip(variables, gradients, strict=True) if g is None]
    if missing:
        raise ValueError(
            f"the loss does not depend on {', '.join(missing)}, which would never learn: check "
            "that every layer is called and that nothing between it and the loss is "
            "non-differentiable"
        )
    optimizer.apply_gradients(zip(gradients, variables, strict=True))
