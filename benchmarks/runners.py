"""Functions that train a few steps and return the seconds per step, for variants in turns."""

import statistics
import time
from collections.abc import Callable, Iterator, Mapping
from typing import Any

import keras
import numpy as np
import tensorflow as tf
from cases import Case

from gan_utils import Batches

STEPS = 12
WARM_UP = 3
Runner = Callable[[], float]


def fit_runner(gan: keras.Model, batches: Batches) -> Runner:
    """Return a runner of a compiled model's `fit`."""
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


def bare_runner(
    step: Callable[[Any], Any], start: Callable[[], Iterator], count: int = STEPS
) -> Runner:
    """Return a runner of a step in a `tf.function`.

    Args:
        step: Takes a batch; returns tensors to wait for.
        start: Returns an iterator over batches.
        count: Number of timed steps, after a quarter as many (at least one) for warm-up.
    """
    traced = tf.function(step)

    def train(steps: int, batches: Iterator) -> float:
        begin = time.perf_counter()
        for _ in range(steps):
            found = traced(next(batches))
        for value in keras.tree.flatten(found):
            float(value)
        return (time.perf_counter() - begin) / steps

    def run() -> float:
        batches = start()
        train(max(1, count // 4), batches)
        return train(count, batches)

    return run


def classic_runner(case: Case, batches: Batches) -> Runner:
    """Return a runner of the tutorial's loop; RuntimeError if its discriminator does not train."""
    networks = case.networks()
    discriminator = networks[1]
    step = case.loop(case, networks, next(batches.dataset().as_numpy_iterator()))

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


def waiting_share(step: Callable[[Any], Any], batches: Iterator, count: int = STEPS) -> float:
    """Return the share of its time that a training loop waits for its next batch.

    Args:
        step: Takes a batch; returns tensors to wait for.
        batches: Batches, at least a quarter more than `count`.
        count: Number of timed steps.
    """
    traced = tf.function(step)
    warm_up = max(1, count // 4)
    for index in range(warm_up + count):
        if index in (0, warm_up):
            waited, start = 0.0, time.perf_counter()
        asked = time.perf_counter()
        batch = next(batches)
        waited += time.perf_counter() - asked
        for value in keras.tree.flatten(traced(batch)):
            float(value)
    return waited / (time.perf_counter() - start)


def in_turns(
    runners: Mapping[str, Runner], rounds: int, between: Callable[[], None] = lambda: None
) -> dict[str, float]:
    """Let runners take turns, so that other load slows them alike; return the median of each."""
    times: dict[str, list[float]] = {name: [] for name in runners}
    for run in runners.values():
        run()  # traces
    for _ in range(rounds):
        between()
        for name, run in runners.items():
            times[name].append(run())
    return {name: statistics.median(values) for name, values in times.items()}
