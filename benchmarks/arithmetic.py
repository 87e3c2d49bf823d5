"""Floating-point operations and profile of a training step, and the machine's matrix rate."""

import math
import re
import tempfile
import time
from collections import Counter
from collections.abc import Callable
from pathlib import Path
from typing import Any

import keras
import numpy as np
import tensorflow as tf
from tensorflow.tsl.profiler.protobuf import xplane_pb2

# A node's name and its kind, without what oneDNN puts before it: "a/Conv2D:_MklNativeConv2D".
OPERATION = re.compile(r"[^:]*:(?:_Mkl(?:Native)?|_)?(?P<kind>[A-Za-z]\w*)")
SIDE = 2_048
REPEATS = 3


def matrix_rate() -> float:
    """Return the best rate of float32 products of 2,048 x 2,048 matrices, in FLOP per second."""
    matrix = tf.random.normal((SIDE, SIDE))
    best = np.inf
    for _ in range(REPEATS):
        start = time.perf_counter()
        tf.linalg.matmul(matrix, matrix).numpy()
        best = min(best, time.perf_counter() - start)
    return 2 * SIDE**3 / best


def operations_of(gan: keras.Model, batch: Any) -> int:
    """Return the floating-point operations of one training step: two for a multiply-and-add.

    Only matrix products and convolutions are counted, forward and backward: nearly all of the work.
    A transposed convolution is the backward pass of a convolution, and counted as such. They are
    read from the step's graph; those that neither its results nor its updates need do not count.

    Args:
        gan: A compiled model.
        batch: One batch of fixed shape, as `train_step` takes it.

    Returns:
        The number of operations.

    Raises:
        RuntimeError: Nothing was counted, or the step calls a graph of its own, such as a loop.
    """
    graph = tf.function(gan.train_step).get_concrete_function(batch).graph
    waiting = [*graph.control_outputs, *(tensor.op for tensor in graph.outputs)]
    needed = set()
    while waiting:
        node = waiting.pop()
        if node not in needed:
            needed.add(node)
            waiting += [*node.control_inputs, *(tensor.op for tensor in node.inputs)]
    types = {node.type for node in needed}
    if inner := {name for name in types if "PartitionedCall" in name or "While" in name}:
        raise RuntimeError(f"a part of the step is a graph of its own ({', '.join(inner)})")
    total = sum(map(_operations, needed))
    if not total:
        raise RuntimeError("no matrix product was seen in the step")
    return total


def time_shares(step: Callable[[Any], Any], batch: Any) -> dict[str, float]:
    """Return which share of a compiled step's time each kind of operation takes.

    TensorFlow's own profiler watches a few steps. Operations run at the same time on several cores,
    so the shares are of their times' sum.

    Args:
        step: A `tf.function` that was called before; returns tensors to wait for.
        batch: One batch.

    Returns:
        The shares, which add up to 1, by the operations' names in TensorFlow, largest first.
    """
    with tempfile.TemporaryDirectory() as folder:
        tf.profiler.experimental.start(folder)
        try:
            for _ in range(REPEATS):
                for value in keras.tree.flatten(step(batch)):
                    float(value)
        finally:
            tf.profiler.experimental.stop()
        (path,) = Path(folder).rglob("*.xplane.pb")
        space = xplane_pb2.XSpace.FromString(path.read_bytes())
    seconds: Counter[str] = Counter()
    for plane in space.planes:
        for event in (event for line in plane.lines for event in line.events):
            found = OPERATION.fullmatch(plane.event_metadata[event.metadata_id].name)
            if found:
                seconds[found["kind"]] += event.duration_ps
    total = sum(seconds.values())
    return {name: value / total for name, value in seconds.most_common()}


def _operations(node: tf.Operation) -> int:
    def size(shape: tf.TensorShape) -> int:
        return math.prod(shape.as_list())

    if node.type == "MatMul":
        inner = node.inputs[0].shape[0 if node.get_attr("transpose_a") else 1]
        return 2 * size(node.outputs[0].shape) * inner
    # Each value of a convolution's result is a sum over a window of its input, in all channels.
    if node.type == "Conv2D":
        return 2 * size(node.outputs[0].shape) * size(node.inputs[1].shape[:3])
    if node.type == "Conv2DBackpropInput":
        return 2 * size(node.inputs[2].shape) * size(node.inputs[1].shape[:3])
    if node.type == "Conv2DBackpropFilter":
        return 2 * size(node.inputs[2].shape) * size(node.outputs[0].shape[:3])
    return 0
