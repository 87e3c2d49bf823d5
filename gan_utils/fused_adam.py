"""Adam's update of a weight in one pass over memory, where Keras' own takes about ten."""

from collections.abc import Sequence
from typing import Any

import keras
import tensorflow as tf


def fuse_updates(optimizer: keras.optimizers.Optimizer, weights: Sequence[keras.Variable]) -> None:
    """Let Adam update each weight in one operation.

    The formula is that of Keras, up to rounding; the moments stay the optimizer's own, so that
    checkpoints are the same. Other optimizers, AMSGrad, sparse gradients and several devices are
    left to Keras.

    Source: Kingma and Ba 2015, algorithm 1 in the reordered form at the end of section 2, where the
    bias corrections are part of the step size.

    Args:
        optimizer: Alone or inside a `LossScaleOptimizer`.
        weights: The variables that it was built with.
    """
    adam = getattr(optimizer, "inner_optimizer", optimizer)
    if type(adam) is not keras.optimizers.Adam or adam.amsgrad or "update_step" in vars(adam):
        return
    means, squares = (
        [moment.value for moment in adam.variables if moment.name.endswith(kind)]
        for kind in ("_momentum", "_velocity")
    )
    if not len(means) == len(squares) == len(weights):  # a Keras that names them otherwise
        return
    moments = {
        weight.value.ref(): pair for weight, *pair in zip(weights, means, squares, strict=True)
    }
    by_keras = adam.update_step

    def update_step(gradient: Any, variable: Any, learning_rate: Any) -> None:
        weight = variable.value if isinstance(variable, keras.Variable) else variable
        several = tf.distribute.get_strategy().num_replicas_in_sync > 1
        if several or isinstance(gradient, tf.IndexedSlices):
            by_keras(gradient, variable, learning_rate)
            return
        mean, square = moments[weight.ref()]
        step = tf.cast(adam.iterations.value + 1, weight.dtype)
        tf.raw_ops.ResourceApplyAdam(
            var=weight.handle,
            m=mean.handle,
            v=square.handle,
            beta1_power=tf.pow(tf.constant(adam.beta_1, weight.dtype), step),
            beta2_power=tf.pow(tf.constant(adam.beta_2, weight.dtype), step),
            lr=tf.cast(learning_rate, weight.dtype),
            beta1=adam.beta_1,
            beta2=adam.beta_2,
            epsilon=adam.epsilon,
            grad=tf.cast(gradient, weight.dtype),
        )

    adam.update_step = update_step
