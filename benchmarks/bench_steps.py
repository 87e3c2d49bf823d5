"""What one training step costs: `GAN.fit` beside a bare `tf.function` and the classic loop.

All three train lesson 02's own networks on the same pictures in one process, in turns, so that a
busy machine slows all of them. The bare function is the update that the lesson writes out. Run with
``make bench``; set GAN_RECORD to keep the figures.
"""

from collections.abc import Callable
from dataclasses import replace

import tensorflow as tf
from classic_loops import CASES, Case, adam, compiled
from lesson import load_lesson
from runners import STEPS, bare_runner, classic_runner, fit_runner, in_turns

from gan_utils import GAN, Batches, load_images, records

ROUNDS = 7
LESSON = load_lesson("02_dcgan")
CASE = next(case for case in CASES if case.lesson == "02")


def written_out_step(case: Case) -> Callable[[tf.Tensor], tuple[tf.Tensor, tf.Tensor]]:
    """Return the lesson's own update of new networks."""
    networks = case.networks()
    optimizers = adam(), adam()
    for network, optimizer in zip(networks[::-1], optimizers, strict=True):
        optimizer.build(network.trainable_variables)

    def step(real_images: tf.Tensor) -> tuple[tf.Tensor, tf.Tensor]:
        latents = tf.random.normal((case.batch_size, LESSON.LATENT_DIM))
        return LESSON.train_step(networks, optimizers, real_images, latents)

    return step


def measure(case: Case) -> dict[str, float]:
    """Return the median seconds a step of each way."""
    batches = Batches(load_images("mnist").images, batch_size=case.batch_size)
    averaged = compiled(GAN(*case.networks(), LESSON.LATENT_DIM, average=0.999))
    runners = {
        "bare": bare_runner(written_out_step(case), lambda: iter(batches.dataset())),
        "fit": fit_runner(case.make_gan(), batches),
        "fit_with_average": fit_runner(averaged, batches),
        "classic": classic_runner(case, case.networks(), batches),
    }
    return in_turns(runners, ROUNDS)


def main() -> None:
    """Print a table and record it."""
    found = {}
    print(f"{'batch':>6}{'bare ms':>10}{'fit':>8}{'+average':>10}{'classic':>9}  (ratios to bare)")
    for batch_size in (8, 64):
        seconds = measure(replace(CASE, batch_size=batch_size))
        ratios = {name: value / seconds["bare"] for name, value in seconds.items()}
        found[f"batch_{batch_size}"] = {"bare_ms": 1000 * seconds["bare"], "ratios": ratios}
        print(
            f"{batch_size:>6}{1000 * seconds['bare']:>10.1f}{ratios['fit']:>8.3f}"
            f"{ratios['fit_with_average']:>10.3f}{ratios['classic']:>9.3f}"
        )
    records.record("bench_steps", found, data="mnist", rounds=ROUNDS, steps=STEPS)


if __name__ == "__main__":
    main()
