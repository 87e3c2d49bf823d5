"""Bytes that several machines exchange in a step of each lesson, and the batch from which it pays.

    GAN_PROFILE=full python benchmarks/bench_communication.py

The bytes are those of the gradients: four for each trainable parameter, in every update. In a ring
all-reduce each of n devices sends 2 (n - 1) / n times as many. The time of a step is measured at
two batch sizes, in turns; the slope between them is the cost of one more image. Nothing is sent:
the rest is arithmetic. Set GAN_RECORD to keep the figures.
"""

from collections.abc import Callable
from itertools import repeat
from types import SimpleNamespace
from typing import Any

import numpy as np
from lesson import load_lesson

from gan_utils import records

ROUNDS, STEPS = 5, 2
LARGER = 4  # size of the second batch, in multiples of the first
BYTES = 4
RATES = {"1": 1e9 / 8, "10": 1e10 / 8}  # Gbit/s -> bytes a second


def ring_seconds(size: float, count: int, rate: float) -> float:
    """Return the seconds of a ring all-reduce, without latency.

    Args:
        size: Bytes of the gradients.
        count: Number of devices.
        rate: Bytes per second of each link.

    Source: Patarasuk and Yuan, Bandwidth Optimal All-reduce Algorithms for Clusters of
    Workstations, 2009.
    """
    return 2 * (count - 1) / count * size / rate


def paying_batch(size: float, rate: float, picture_seconds: float) -> float:
    """Return the batch size from which several devices are faster than one, for any number of them.

    For a batch of B images, n devices save (n - 1) / n times the time of B images, and pay for the
    all-reduce. Both are proportional to (n - 1) / n, which cancels.
    """
    return 2 * size / (rate * picture_seconds)


def sent_bytes(gan: Any) -> int:
    """Return the bytes of all gradients of one step of a compiled model."""

    def total(variables: list) -> int:
        return sum(int(np.prod(variable.shape)) for variable in variables)

    of_discriminator = total(gan.discriminator.trainable_variables)
    of_generator = total(gan.generator_variables())
    return BYTES * (gan.batches_per_step * of_discriminator + of_generator)


def plain(kind: str) -> Callable[[SimpleNamespace], Any]:
    """Return a function that makes a lesson's compiled model of the class `kind`."""

    def make(lesson: SimpleNamespace) -> Any:
        from cases import compiled

        networks = lesson.build_generator(), lesson.build_discriminator()
        return compiled(getattr(lesson, kind)(*networks, lesson.LATENT_DIM))

    return make


def half_labeled(lesson: SimpleNamespace) -> Any:
    """Return lesson 07's model with a few made-up labeled images."""
    pictures = np.zeros((100, 28, 28, 1), np.uint8)
    return lesson.make_sgan((pictures, np.arange(100) % 10))


def translator(lesson: SimpleNamespace) -> Any:
    """Return lesson 11's model in the size of the lesson."""
    from cases import compiled

    return compiled(lesson.Pix2Pix(lesson.build_generator(), lesson.build_discriminator()))


# Lesson -> how its model is made, real images in a step of its short run, kind of batch.
LESSONS = {
    "01_gan": (plain("GAN"), 32, "pictures"),
    "02_dcgan": (plain("GAN"), 8, "pictures"),
    "04_cgan": (plain("ConditionalGAN"), 32, "labels"),
    "05_cdcgan": (plain("ConditionalGAN"), 8, "labels"),
    "06_acgan": (plain("ACGAN"), 8, "labels"),
    "07_sgan": (half_labeled, 32, "pictures"),
    "08_infogan": (lambda lesson: lesson.make_gan(lesson.SHORT), 8, "pictures"),
    "09_lsgan": (lambda lesson: lesson.make_gan(lesson.LeastSquaresGAN), 8, "pictures"),
    "10_wgan": (lambda lesson: lesson.make_penalized(), 8, "pictures"),
    "11_pix2pix": (translator, 1, "pairs"),
}


def noise(gan: Any, kind: str, count: int) -> Any:
    """Return a batch of noise in the shape that a model trains on."""
    rng = np.random.default_rng(0)
    if kind == "pairs":
        shape = (count, *gan.generator.input_shape[1:])
        return tuple(rng.uniform(-1, 1, shape).astype("float32") for _ in range(2))
    shape = (count, *gan.generator.output_shape[1:])
    pictures = rng.uniform(-1, 1, shape).astype("float32")
    labels = rng.integers(0, 10, count).astype("int32")
    return (pictures, labels) if kind == "labels" else pictures


def runner(gan: Any, kind: str, batch_size: int) -> Callable[[], float]:
    """Return a function that trains some steps on noise and returns the seconds per step."""
    import tensorflow as tf
    from runners import bare_runner

    batch = noise(gan, kind, batch_size * gan.batches_per_step)
    batch = tuple(map(tf.constant, batch)) if isinstance(batch, tuple) else tf.constant(batch)
    return bare_runner(gan.train_step, lambda: repeat(batch), STEPS)


def measure(name: str) -> dict[str, float]:
    """Return the bytes and the time of a lesson's step, and the batch size from which it pays."""
    from runners import in_turns

    make, batch_size, kind = LESSONS[name]
    gan = make(load_lesson(name))
    size = sent_bytes(gan)
    sizes = (batch_size, LARGER * batch_size)
    runners = [runner(gan, kind, count) for count in sizes]
    first, second = in_turns(dict(zip(sizes, runners, strict=True)), ROUNDS).values()
    picture = (second - first) / (sizes[1] - sizes[0])
    if picture <= 0:
        raise RuntimeError(f"{name}: a larger batch took no longer; measure on a quiet machine")
    found = {
        "batch_size": batch_size,
        "numbers": size // BYTES,
        "megabytes": size / 1e6,
        "step_ms": 1000 * first,
        "picture_ms": 1000 * picture,
    }
    for label, rate in RATES.items():
        found[f"ring_ms_{label}"] = 1000 * ring_seconds(size, 2, rate)
        found[f"paying_batch_{label}"] = paying_batch(size, rate, picture)
    return found


def main() -> None:
    """Print a table and record it."""
    import keras

    print(f"{'lesson':<12}{'MB':>8}{'batch':>7}{'step ms':>9}{'image ms':>12}", end="")
    print(f"{'ring ms at 1, 10 Gbit/s':>26}{'pays from':>18}")
    found = {}
    for name in LESSONS:
        row = found[name[:2]] = measure(name)
        print(f"{name:<12}{row['megabytes']:>8.2f}{row['batch_size']:>7}", end="")
        print(f"{row['step_ms']:>9.1f}{row['picture_ms']:>12.3f}", end="")
        print(f"{row['ring_ms_1']:>18.1f}{row['ring_ms_10']:>8.1f}", end="")
        print(f"{row['paying_batch_1']:>12.0f}{row['paying_batch_10']:>6.0f}", flush=True)
        keras.backend.clear_session()
    facts = {"data": "noise", "rounds": ROUNDS, "steps": STEPS}
    records.record("bench_communication", {"lessons": found}, **facts)


if __name__ == "__main__":
    main()
