"""The arithmetic of a training step, counted while it runs, and what the machine can do."""

import time
from collections import defaultdict
from dataclasses import dataclass
from typing import Any

import keras
import numpy as np
import tensorflow as tf
from tensorflow.python.framework import op_callbacks

SIDE = 2_048
REPEATS = 3


def matrix_rate() -> float:
    """Return the best rate of a float32 product of two 2,048 x 2,048 matrices, in flop a second."""
    matrix = tf.random.normal((SIDE, SIDE))
    best = np.inf
    for _ in range(REPEATS):
        start = time.perf_counter()
        tf.linalg.matmul(matrix, matrix).numpy()
        best = min(best, time.perf_counter() - start)
    return 2 * SIDE**3 / best


@dataclass
class Share:
    """What one kind of operation does in a training step.

    Attributes:
        calls: how often it runs.
        operations: floating-point operations, two for a multiply-and-add.
        seconds: run one by one, with what Python needs in between.
    """

    calls: int = 0
    operations: float = 0.0
    seconds: float = 0.0


def profile_of(gan: keras.Model, batch: Any) -> dict[str, Share]:
    """Return what each kind of operation does in one training step, which runs one by one.

    Only matrix products and convolutions count as arithmetic, forward and backward: that is nearly
    all there is. A transposed convolution is the backward pass of a convolution, and counts as
    such. Operation by operation, G's update also takes the gradient of D's dense weights, which a
    graph leaves out: in a dense step about one product in nine is too many.

    Args:
        gan: a compiled model.
        batch: one batch, as `train_step` takes it.

    Returns:
        The shares by the operations' names in TensorFlow.

    Raises:
        RuntimeError: nothing was counted, so the step did not run operation by operation.
    """
    found: dict[str, Share] = defaultdict(Share)
    last = time.perf_counter()

    def count(op_type: str, inputs: Any, attrs: Any, outputs: Any, *_: Any) -> None:
        nonlocal last
        share = found[op_type]
        share.seconds += time.perf_counter() - last
        share.calls += 1
        named = dict(zip(attrs[::2], attrs[1::2], strict=True))
        share.operations += _operations(op_type, inputs, named, outputs)
        last = time.perf_counter()

    tf.config.run_functions_eagerly(True)
    try:
        gan.train_step(batch)  # what is made once is made now
        op_callbacks.add_op_callback(count)
        last = time.perf_counter()
        gan.train_step(batch)
    finally:
        op_callbacks.clear_op_callbacks()
        tf.config.run_functions_eagerly(False)
    if not any(share.operations for share in found.values()):
        raise RuntimeError("no matrix product was seen in the step")
    return dict(found)


def operations_of(gan: keras.Model, batch: Any) -> float:
    """Return the floating-point operations of one training step; see `profile_of`."""
    return sum(share.operations for share in profile_of(gan, batch).values())


def _operations(op_type: str, inputs: Any, attrs: dict, outputs: Any) -> float:
    if op_type == "MatMul":
        inner = inputs[0].shape[0 if attrs["transpose_a"] else 1]
        return 2.0 * int(tf.size(outputs[0])) * inner
    # Each value of a convolution's result is a sum over a window of its input, in all channels.
    if op_type == "Conv2D":
        return 2.0 * int(tf.size(outputs[0])) * int(np.prod(inputs[1].shape[:3]))
    if op_type == "Conv2DBackpropInput":
        return 2.0 * int(tf.size(inputs[2])) * int(np.prod(inputs[1].shape[:3]))
    if op_type == "Conv2DBackpropFilter":
        return 2.0 * int(tf.size(inputs[2])) * int(np.prod(outputs[0].shape[:3]))
    return 0.0
