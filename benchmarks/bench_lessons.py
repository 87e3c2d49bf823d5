"""What a step costs in each lesson: `fit`, a bare `tf.function`, the classic loop, the machine.

The networks, losses and updates are the lessons' own. The classic loop is that of the tutorials,
`train_on_batch` after `predict`, in the one order in which its discriminator really trains. The
machine's limit is the step's arithmetic, counted while it runs, over the rate of a large matrix
product in the same process. Everything runs in turns, so that a busy machine slows all of it.
Run with ``make bench``; set GAN_RECORD to keep the figures.
"""

import statistics
import time
from collections.abc import Callable, Iterator

import keras
import numpy as np
import tensorflow as tf
from arithmetic import matrix_rate, operations_of
from classic_loops import CASES, Case, classic_loop

from gan_utils import Batches, data, records

ROUNDS = 5
STEPS = 12
WARM_UP = 3


def fit_runner(case: Case, batches: Batches) -> Callable[[], float]:
    """Return a function that trains STEPS steps with `fit` and returns seconds a step."""
    gan = case.make_gan()
    times: list[float] = []
    clock = keras.callbacks.LambdaCallback(
        on_train_batch_end=lambda batch, logs: times.append(time.perf_counter())
    )

    def run() -> float:
        times.clear()
        steps = WARM_UP + STEPS
        gan.fit(batches.dataset(), steps_per_epoch=steps, epochs=1, callbacks=[clock], verbose=0)
        return (times[-1] - times[WARM_UP - 1]) / STEPS

    return run


def bare_runner(case: Case, batches: Batches) -> Callable[[], float]:
    """Return the same for the lesson's update alone in a `tf.function`."""
    gan = case.make_gan()
    step = tf.function(gan.train_step)

    def train(count: int, iterator: Iterator) -> float:
        start = time.perf_counter()
        for _ in range(count):
            logs = step(next(iterator))
        for value in logs.values():
            float(value)
        return (time.perf_counter() - start) / count

    def run() -> float:
        iterator = iter(batches.dataset())
        train(WARM_UP, iterator)
        return train(STEPS, iterator)

    return run


def classic_runner(case: Case, batches: Batches) -> Callable[[], float]:
    """Return the same for the classic loop.

    Raises:
        RuntimeError: its discriminator stood still, so there is nothing to compare with.
    """
    networks = case.networks()
    discriminator = networks[1]
    step = classic_loop(case, networks, next(batches.dataset().as_numpy_iterator()))

    def run() -> float:
        iterator = batches.dataset().as_numpy_iterator()
        for _ in range(WARM_UP):
            step(next(iterator))
        before = [weights.copy() for weights in discriminator.get_weights()]
        start = time.perf_counter()
        for _ in range(STEPS):
            step(next(iterator))
        seconds = (time.perf_counter() - start) / STEPS
        if all(map(np.array_equal, before, discriminator.get_weights())):
            raise RuntimeError(f"{case.lesson}: the classic loop's discriminator did not move")
        return seconds

    return run


def measure(case: Case) -> dict[str, float]:
    """Return what a step of one lesson costs: milliseconds, ratios, and arithmetic."""
    train_set = data.load_images(case.data)
    labels = train_set.labels if case.labeled else None
    batches = Batches(train_set.images, labels, batch_size=case.batch_size)
    runners = {"bare": bare_runner(case, batches), "fit": fit_runner(case, batches)}
    runners["classic"] = classic_runner(case, batches)
    times: dict[str, list[float]] = {name: [] for name in runners}
    rates = []
    for run in runners.values():
        run()  # traces
    for _ in range(ROUNDS):
        rates.append(matrix_rate())
        for name, run in runners.items():
            times[name].append(run())
    seconds = {name: statistics.median(values) for name, values in times.items()}
    operations = operations_of(case.make_gan(), next(iter(batches.dataset())))
    least = operations / statistics.median(rates)
    return {
        "batch_size": case.batch_size,
        **{f"{name}_ms": 1000 * value for name, value in seconds.items()},
        "fit_over_bare": seconds["fit"] / seconds["bare"],
        "classic_over_fit": seconds["classic"] / seconds["fit"],
        "gigaflop": operations / 1e9,
        "gigaflop_a_second": statistics.median(rates) / 1e9,
        "share_of_limit": least / seconds["fit"],
    }


def main() -> None:
    """Print a table and record it."""
    print(f"{'lesson':<12}{'batch':>6}{'bare ms':>9}{'fit ms':>8}{'fit/bare':>10}", end="")
    print(f"{'classic/fit':>13}{'Gflop':>8}{'share of limit':>16}")
    found = {}
    for case in CASES:
        row = found[case.lesson] = measure(case)
        print(f"{case.lesson:<12}{row['batch_size']:>6}{row['bare_ms']:>9.1f}", end="")
        print(f"{row['fit_ms']:>8.1f}{row['fit_over_bare']:>10.3f}", end="")
        print(f"{row['classic_over_fit']:>13.2f}{row['gigaflop']:>8.2f}", end="")
        print(f"{row['share_of_limit']:>16.0%}", flush=True)
        keras.backend.clear_session()
    facts = {"data": "real pictures of each lesson's own set", "rounds": ROUNDS, "steps": STEPS}
    records.record("bench_lessons", {"lessons": found}, **facts)


if __name__ == "__main__":
    main()
