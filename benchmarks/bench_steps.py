"""What one training step costs: `GAN.fit` beside a bare `tf.function` and the classic loop.

All three train lesson 02's own networks on the same pictures in one process, in turns, so that a
busy machine slows all of them. Run with ``make bench``; set GAN_RECORD to keep the figures.
"""

import statistics
import sys
import time
from collections.abc import Callable
from pathlib import Path

import keras
import numpy as np
import tensorflow as tf

sys.path.insert(0, str(Path(__file__).resolve().parents[1] / "tests" / "lessons"))

from lesson import load_lesson

from gan_utils import GAN, Batches, load_images, records

ROUNDS = 7
STEPS = 12
WARM_UP = 3
LESSON = load_lesson("02_dcgan")


def adam() -> keras.optimizers.Optimizer:
    """Return the optimizer that all three use."""
    return keras.optimizers.Adam(2e-4, beta_1=0.5)


def fit_runner(batches: Batches, average: float | None) -> Callable[[], float]:
    """Return a function that trains STEPS steps with `GAN.fit` and returns seconds a step."""
    networks = LESSON.build_generator(), LESSON.build_discriminator()
    gan = GAN(*networks, LESSON.LATENT_DIM, average=average)
    gan.compile(d_optimizer=adam(), g_optimizer=adam())
    times: list[float] = []
    clock = keras.callbacks.LambdaCallback(
        on_train_batch_end=lambda batch, logs: times.append(time.perf_counter())
    )

    def run() -> float:
        times.clear()
        gan.fit(
            batches.dataset(),
            steps_per_epoch=WARM_UP + STEPS,
            epochs=1,
            callbacks=[clock],
            verbose=0,
        )
        return (times[-1] - times[WARM_UP - 1]) / STEPS

    return run


def bare_runner(batches: Batches) -> Callable[[], float]:
    """Return a function that trains with the lesson's written-out step in a `tf.function`."""
    networks = LESSON.build_generator(), LESSON.build_discriminator()
    optimizers = adam(), adam()
    for network, optimizer in zip(networks[::-1], optimizers, strict=True):
        optimizer.build(network.trainable_variables)

    @tf.function
    def step(real_images: tf.Tensor) -> tuple[tf.Tensor, tf.Tensor]:
        latents = tf.random.normal((batches.batch_size, LESSON.LATENT_DIM))
        return LESSON.train_step(networks, optimizers, real_images, latents)

    def run() -> float:
        iterator = iter(batches.dataset())
        for _ in range(WARM_UP):
            step(next(iterator))
        start = time.perf_counter()
        for _ in range(STEPS):
            losses = step(next(iterator))
        float(losses[0])
        return (time.perf_counter() - start) / STEPS

    return run


def classic_runner(batches: Batches) -> Callable[[], float]:
    """Return the loop of the older tutorials, in the one order in which D really trains."""
    generator, discriminator = LESSON.build_generator(), LESSON.build_discriminator()
    loss = keras.losses.BinaryCrossentropy(from_logits=True)
    discriminator.compile(optimizer=adam(), loss=loss)
    size = batches.batch_size
    ones, zeros = np.ones((size, 1)), np.zeros((size, 1))
    rng = np.random.default_rng(0)
    images = np.asarray(next(iter(batches.dataset())))
    # Keras 3 reads `trainable` when a step is traced: one step before the freeze keeps D learning.
    discriminator.train_on_batch(images, ones)
    discriminator.trainable = False
    stacked = keras.Sequential([generator, discriminator])
    stacked.compile(optimizer=adam(), loss=loss)

    def train(count: int, iterator: object) -> None:
        for _ in range(count):
            latents = rng.standard_normal((size, LESSON.LATENT_DIM)).astype("float32")
            fake_images = generator.predict(latents, verbose=0)
            discriminator.train_on_batch(next(iterator), ones)
            discriminator.train_on_batch(fake_images, zeros)
            stacked.train_on_batch(latents, ones)

    def run() -> float:
        iterator = batches.dataset().as_numpy_iterator()
        train(WARM_UP, iterator)
        before = discriminator.get_weights()[0]
        start = time.perf_counter()
        train(STEPS, iterator)
        seconds = (time.perf_counter() - start) / STEPS
        if np.array_equal(before, discriminator.get_weights()[0]):
            raise RuntimeError("the classic loop's discriminator did not move: nothing to compare")
        return seconds

    return run


def measure(batch_size: int) -> dict[str, float]:
    """Return the median seconds a step of each way at one batch size."""
    batches = Batches(load_images("mnist").images, batch_size=batch_size)
    runners = {
        "bare": bare_runner(batches),
        "fit": fit_runner(batches, average=None),
        "fit_with_average": fit_runner(batches, average=0.999),
        "classic": classic_runner(batches),
    }
    times: dict[str, list[float]] = {name: [] for name in runners}
    for run in runners.values():
        run()  # traces
    for _ in range(ROUNDS):
        for name, run in runners.items():
            times[name].append(run())
    return {name: statistics.median(values) for name, values in times.items()}


def main() -> None:
    """Print a table and record it."""
    found = {}
    print(f"{'batch':>6}{'bare ms':>10}{'fit':>8}{'+average':>10}{'classic':>9}  (ratios to bare)")
    for batch_size in (8, 64):
        seconds = measure(batch_size)
        ratios = {name: value / seconds["bare"] for name, value in seconds.items()}
        found[f"batch_{batch_size}"] = {"bare_ms": 1000 * seconds["bare"], "ratios": ratios}
        print(
            f"{batch_size:>6}{1000 * seconds['bare']:>10.1f}{ratios['fit']:>8.3f}"
            f"{ratios['fit_with_average']:>10.3f}{ratios['classic']:>9.3f}"
        )
    records.record("bench_steps", found, data="mnist", rounds=ROUNDS, steps=STEPS)


if __name__ == "__main__":
    main()
