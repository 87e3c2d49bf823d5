"""The filter gradient of DCGAN's convolutions, the part of a step that bfloat16 helps least.

    GAN_PROFILE=full taskset -c 0 python benchmarks/bench_filter_gradient.py

TensorFlow's own operation, in both precisions, is compared with two other ways to compute the same
gradient: a matrix product of patches (im2col), and a convolution in which the channels are the
batch. On one core, in milliseconds of processor time, in turns. Set GAN_RECORD to keep the figures.
"""

import statistics
import time
from collections.abc import Callable

import numpy as np
import tensorflow as tf

from gan_utils import records

BATCH, KERNEL = 64, 5
# Height of the inputs, channels in and out, stride: D's second convolution, and G's two large ones,
# whose transposed convolution has the gradient of a convolution from its output to its input.
LAYERS = {"D 2": (14, 64, 128, 2), "G 1": (7, 128, 256, 1), "G 2": (14, 64, 128, 2)}
ROUNDS, REPEATS = 7, 3
Gradient = Callable[[tf.Tensor, tf.Tensor], tf.Tensor]


def ways(layer: tuple[int, int, int, int]) -> dict[str, Gradient]:
    """Return by name the ways to compute the filter gradient, from inputs and output gradients."""
    _, inside, outside, stride = layer
    shape = (KERNEL, KERNEL, inside, outside)

    def built_in(images: tf.Tensor, errors: tf.Tensor) -> tf.Tensor:
        return tf.raw_ops.Conv2DBackpropFilter(
            input=images,
            filter_sizes=shape,
            out_backprop=errors,
            strides=[1, stride, stride, 1],
            padding="SAME",
        )

    def patches(images: tf.Tensor, errors: tf.Tensor) -> tf.Tensor:
        steps, size = [1, stride, stride, 1], [1, KERNEL, KERNEL, 1]
        rows = tf.image.extract_patches(images, size, steps, [1, 1, 1, 1], "SAME")
        rows = tf.reshape(rows, (-1, KERNEL * KERNEL * inside))
        product = tf.matmul(rows, tf.reshape(errors, (-1, outside)), transpose_a=True)
        return tf.reshape(product, shape)

    def convolution(images: tf.Tensor, errors: tf.Tensor) -> tf.Tensor:
        size, count = images.shape[1], errors.shape[1]
        total = max(0, (count - 1) * stride + KERNEL - size)
        before, behind = total // 2, total - total // 2
        padded = tf.pad(images, ((0, 0), (before, behind), (before, behind), (0, 0)))
        found = tf.nn.conv2d(
            tf.transpose(padded, (3, 1, 2, 0)),
            tf.transpose(errors, (1, 2, 0, 3)),
            strides=1,
            padding="VALID",
            dilations=stride,
        )
        return tf.transpose(found[:, :KERNEL, :KERNEL], (1, 2, 0, 3))

    return {"built_in": built_in, "patches": patches, "convolution": convolution}


def measure(layer: tuple[int, int, int, int]) -> dict[str, float]:
    """Return the milliseconds of each way for one layer; raise if two ways differ."""
    size, inside, outside, stride = layer
    random = np.random.default_rng(0)
    shapes = (BATCH, size, size, inside), (BATCH, size // stride, size // stride, outside)
    single = [tf.constant(random.standard_normal(shape), tf.float32) for shape in shapes]
    runs = {}
    expected = ways(layer)["built_in"](*single)
    for precision in (tf.float32, tf.bfloat16):
        arguments = [tf.cast(value, precision) for value in single]
        for name, way in ways(layer).items():
            run = tf.function(way)
            found = tf.cast(run(*arguments), tf.float32)
            np.testing.assert_allclose(found, expected, atol=0.02 * np.abs(expected).max())
            runs[f"{name}_{precision.name}"] = (run, arguments)
    times: dict[str, list[float]] = {name: [] for name in runs}
    for _ in range(ROUNDS):
        for name, (run, arguments) in runs.items():
            start = time.process_time()
            for _ in range(REPEATS):
                run(*arguments)
            times[name].append(1000 * (time.process_time() - start) / REPEATS)
    return {name: statistics.median(values) for name, values in times.items()}


def main() -> None:
    """Print a table, and record it."""
    found = {}
    for title, layer in LAYERS.items():
        found[title.replace(" ", "_")] = row = measure(layer)
        print(title, {name: round(value, 2) for name, value in row.items()}, flush=True)
    records.record("bench_filter_gradient", {"layers": found}, data="noise", rounds=ROUNDS)


if __name__ == "__main__":
    main()
