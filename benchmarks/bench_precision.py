"""Time of a training step in float32 and in bfloat16, by lesson and batch size.

    GAN_PROFILE=full taskset -c 0 python benchmarks/bench_precision.py [LESSON...]

Lessons 02 and 06 have batches of 16, 64 and 256, Pix2Pix has the tutorial's size (256 x 256, 54
million parameters) and a batch of one pair. Each case runs in a process of its own, and they take
turns. On one core, where no step can wait for another core, processor time is reported: other load
hardly changes it. Then the script counts, in each precision, the gradients that are zero where the
discriminator is certain. Set GAN_RECORD to keep the figures.
"""

import argparse
from typing import Any

import bench_pix2pix
import numpy as np
import workers
from asked import asked_lessons

from gan_utils import profile, records

LESSONS = {"02": (16, 64, 256), "06": (16, 64, 256), "11": (1,)}
PRECISIONS = ("float32", "mixed_bfloat16")
ROUNDS = 5
SURE = 10.0  # a logit: D(x) = 0.99995
SCALE = 2.0**15  # the first one of Keras' LossScaleOptimizer


def noise(lesson: str, batch_size: int) -> Any:
    """Return a batch of noise of the form that a lesson's `train_step` takes."""
    random = np.random.default_rng(0)
    size, channels = (bench_pix2pix.SIZE, 3) if lesson == "11" else (28, 1)
    draw = [random.uniform(-1, 1, (batch_size, size, size, channels)) for _ in range(2)]
    images, targets = np.float32(draw)
    if lesson == "11":
        return images, targets
    return (images, np.arange(batch_size, dtype="int32") % 10) if lesson == "06" else images


def serve(lesson: str, batch_size: int) -> None:
    """Time the lesson's own step in the precision that GAN_PRECISION names."""
    import keras
    import tensorflow as tf

    keras.config.set_dtype_policy(profile.precision)
    from cases import case_of

    gan = bench_pix2pix.build_fused() if lesson == "11" else case_of(lesson).make_gan()
    batch = keras.tree.map_structure(tf.constant, noise(lesson, batch_size))
    traced = tf.function(gan.train_step)

    def step() -> None:
        for value in keras.tree.flatten(traced(batch)):
            float(value)

    workers.serve(step)


def worker(lesson: str, batch_size: int, precision: str) -> workers.Worker:
    """Start a process that times one case."""
    return workers.Worker(
        __file__, [lesson, "--serve", str(batch_size)], GAN_PRECISION=precision, GAN_PROFILE="full"
    )


def measure(lesson: str, batch_size: int) -> dict[str, float]:
    """Return the milliseconds of a step in both precisions, and their ratio."""
    start = {
        precision: lambda precision=precision: worker(lesson, batch_size, precision)
        for precision in PRECISIONS
    }
    found = workers.in_turns(start, ROUNDS)
    single, half = (found[precision][workers.clock()] for precision in PRECISIONS)
    return {
        **{f"{p}_{name}": value for p in PRECISIONS for name, value in found[p].items()},
        "float32_over_bfloat16": single / half,
    }


def zero_gradients(precision: str, scale: float = 1.0) -> float:
    """Return the share of zeros in the gradient of a discriminator that is certain.

    The discriminator is that of lesson 02, and outputs the logit `SURE` for 64 images.

    Args:
        precision: Precision of its layers.
        scale: Factor on the loss.
    """
    import keras
    import tensorflow as tf
    from cases import case_of

    from gan_utils.losses import cross_entropy_generator_loss
    from gan_utils.precision import return_float32

    before = keras.config.dtype_policy()
    keras.config.set_dtype_policy(precision)
    keras.utils.set_random_seed(0)
    _, discriminator = case_of("02").networks()
    keras.config.set_dtype_policy(before)
    return_float32(discriminator)
    discriminator.layers[-1].bias.assign([SURE])
    with tf.GradientTape() as tape:
        logits = discriminator(noise("02", 64), training=False)
        loss = cross_entropy_generator_loss(logits)  # its target is 1, which D already outputs
    gradients = tape.gradient(
        loss, discriminator.trainable_variables, output_gradients=tf.constant(scale, loss.dtype)
    )
    return float(np.mean(np.concatenate([np.ravel(g) for g in gradients]) == 0))


def main() -> None:
    """Print a table, and record it if it has all lessons."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("lessons", nargs="*", metavar="LESSON", help=", ".join(LESSONS))
    parser.add_argument("--serve", type=int, help=argparse.SUPPRESS)
    options = parser.parse_args()
    if options.serve:
        serve(*options.lessons, options.serve)
        return
    wanted = asked_lessons(parser, options.lessons, LESSONS)
    found: dict = {}
    for lesson in wanted:
        for size in LESSONS[lesson]:
            row = found.setdefault(lesson, {})[str(size)] = measure(lesson, size)
            times = ", ".join(f"{name} {value:.2f}" for name, value in row.items())
            print(f"{lesson}, batch {size}: {times}", flush=True)
    if wanted == list(LESSONS):
        zeros = {p: zero_gradients(p) for p in (*PRECISIONS, "mixed_float16")}
        zeros["mixed_float16_scaled"] = zero_gradients("mixed_float16", SCALE)
        found = {"lessons": found, "zero_gradients": zeros}
        records.record("bench_precision", found, data="noise", rounds=ROUNDS, sure=SURE)


if __name__ == "__main__":
    main()
