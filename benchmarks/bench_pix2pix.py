"""Pix2Pix at 256 x 256, batch 1: step time against the classic loop, and memory on pairs from disk.

    python benchmarks/bench_pix2pix.py                          # both parts, few steps
    python benchmarks/bench_pix2pix.py --pairs 20000 --folder D # memory on pairs that stay in D

Networks and update are those of lesson 11, in the tutorial's size. The classic loop is two
`train_on_batch` of the discriminator, `predict`, and `train_on_batch` of the stacked model, in the
one order in which Keras 3 lets the discriminator train; the run fails if it does not move. Both
take turns in one process, so that a busy machine slows both. Memory is measured in a process of
its own. Set GAN_RECORD to keep the figures.
"""

import argparse
import functools
import json
import os
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import bench_pairs
import numpy as np

from gan_utils import pairs, records

SIZE, FILTERS = 256, 64
PROMISED_GB = 1.5
ROUNDS, STEPS, WARM_UP = 3, 2, 1
CLASSIC_L1_WEIGHT = 100


def build() -> tuple:
    """Return lesson 11, and its two networks in the tutorial's size."""
    from lesson import load_lesson

    lesson = load_lesson("11_pix2pix")
    networks = (
        lesson.build_generator(SIZE, FILTERS),
        lesson.build_discriminator(SIZE, FILTERS, "tutorial"),
    )
    return lesson, networks


def adam() -> object:
    """Return the tutorial's optimizer."""
    import keras

    return keras.optimizers.Adam(2e-4, beta_1=0.5)


def build_fused() -> object:
    """Return the lesson's model, compiled."""
    lesson, networks = build()
    model = lesson.Pix2Pix(*networks)
    model.compile(d_optimizer=adam(), g_optimizer=adam())
    return model


def fused_runner(batches: pairs.PairBatches) -> Callable[[int], float]:
    """Return a function that trains some steps with `fit` and returns the seconds per step."""
    import keras

    model = build_fused()
    times: list[float] = []
    clock = keras.callbacks.LambdaCallback(
        on_train_batch_end=lambda batch, logs: times.append(time.perf_counter())
    )

    def run(steps: int) -> float:
        times.clear()
        total = WARM_UP + steps
        model.fit(batches.dataset(), steps_per_epoch=total, epochs=1, callbacks=[clock], verbose=0)
        return (times[-1] - times[WARM_UP - 1]) / steps

    return run


def stack(generator: object, discriminator: object) -> object:
    """Return the classic stacked model: from a source to D's logits and the translation."""
    import keras
    from keras import layers

    discriminator.trainable = False
    source = layers.Input((SIZE, SIZE, 3))
    translated = generator(source)
    verdict = discriminator(layers.Concatenate()([source, translated]))
    model = keras.Model(source, [verdict, translated])
    cross_entropy = keras.losses.BinaryCrossentropy(from_logits=True)
    model.compile(adam(), [cross_entropy, "mae"], loss_weights=[1, CLASSIC_L1_WEIGHT])
    return model


def classic_step() -> tuple[object, Callable[[tuple], None]]:
    """Return a discriminator that really trains, and the older tutorials' step on one pair."""
    import keras

    _, (generator, discriminator) = build()
    cross_entropy = keras.losses.BinaryCrossentropy(from_logits=True)
    discriminator.compile(adam(), cross_entropy, loss_weights=0.5)
    patches = (1, *discriminator.output_shape[1:])
    ones, zeros = np.ones(patches, np.float32), np.zeros(patches, np.float32)
    # Keras 3 reads `trainable` when a step is traced: one step before the freeze keeps D learning.
    discriminator.train_on_batch(np.zeros((1, SIZE, SIZE, 6), np.float32), ones)
    stacked = stack(generator, discriminator)

    def step(pair: tuple) -> None:
        source, target = pair
        fake_images = generator.predict(source, verbose=0)
        discriminator.train_on_batch(np.concatenate([source, target], -1), ones)
        discriminator.train_on_batch(np.concatenate([source, fake_images], -1), zeros)
        stacked.train_on_batch(source, [ones, target])

    return discriminator, step


def classic_runner(batches: pairs.PairBatches) -> Callable[[int], float]:
    """Return a function that takes some of the older tutorials' steps; seconds per step."""
    discriminator, step = classic_step()

    def train(count: int, stream: Iterator) -> None:
        for _ in range(count):
            step(next(stream))

    def run(steps: int) -> float:
        stream = batches.dataset().as_numpy_iterator()
        train(WARM_UP, stream)
        before = discriminator.get_weights()[0]
        start = time.perf_counter()
        train(steps, stream)
        seconds = (time.perf_counter() - start) / steps
        if np.array_equal(before, discriminator.get_weights()[0]):
            raise RuntimeError("the classic loop's discriminator did not move: nothing to compare")
        return seconds

    return run


def compare_steps(rounds: int, steps: int) -> dict[str, float]:
    """Train both in turns; return the median seconds per step and their ratio."""
    batches = pairs.city(4, SIZE).batches(1)
    runners = {"fused": fused_runner(batches), "classic": classic_runner(batches)}
    times: dict[str, list[float]] = {name: [] for name in runners}
    for run in runners.values():
        run(1)  # traces
    for _ in range(rounds):
        for name, run in runners.items():
            times[name].append(run(steps))
    # The ratio of each round, since a busy machine slows neighbors in time alike.
    ratios = [c / f for c, f in zip(times["classic"], times["fused"], strict=True)]
    found = {f"{name}_seconds": statistics.median(values) for name, values in times.items()}
    return found | {"classic_over_fused": statistics.median(ratios), "rounds": rounds}


def train_from_disk(folder: str, steps: int) -> int:
    """Train the 256 x 256 networks on pairs from disk; return the steps."""
    batches = pairs.load_pairs(folder, SIZE).batches(1, jitter=True, mirror=True)
    build_fused().fit(batches.dataset(), steps_per_epoch=steps, shuffle=False, verbose=0)
    return steps


def measure_memory(folder: Path, count: int, steps: int) -> dict[str, float]:
    """Write pairs, train on them in a process of its own, and check the promise."""
    bench_pairs.write_pairs(folder, count)
    command = [sys.executable, __file__, "--measure", "--folder", str(folder)]
    environment = {**os.environ, "TF_CPP_MIN_LOG_LEVEL": "3", "CUDA_VISIBLE_DEVICES": "-1"}
    done = subprocess.run(
        [*command, "--memory-steps", str(steps)],
        env=environment,
        stdout=subprocess.PIPE,
        text=True,
        check=True,
    )
    found = json.loads(done.stdout.splitlines()[-1])
    above = (found["peak"] - found["start"]) / 1e9
    print(f"{count:,} pairs on disk, {steps} steps: {above:.2f} GB above TensorFlow's start")
    return {"pairs": count, "memory_steps": steps, "gb_above_start": above}


def main() -> None:
    """Compare, measure, print, record, and check the promise."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--rounds", type=int, default=ROUNDS)
    parser.add_argument("--steps", type=int, default=STEPS, help="in each turn")
    parser.add_argument("--pairs", type=int, default=1000, help="on disk, for the memory")
    parser.add_argument("--memory-steps", type=int, default=12)
    parser.add_argument("--folder", help="where the images are written and kept")
    parser.add_argument("--measure", action="store_true", help=argparse.SUPPRESS)
    options = parser.parse_args()
    if options.measure:
        work = functools.partial(train_from_disk, options.folder, options.memory_steps)
        print(json.dumps(bench_pairs.measure(work)))
        return
    found = compare_steps(options.rounds, options.steps)
    print(f"fused {found['fused_seconds']:.2f} s a step, classic {found['classic_seconds']:.2f} s")
    print(f"classic / fused: {found['classic_over_fused']:.2f}")
    with tempfile.TemporaryDirectory() as temporary:
        folder = Path(options.folder or temporary)
        found |= measure_memory(folder, options.pairs, options.memory_steps)
    records.record("bench_pix2pix", found, data="procedural city, 256 x 256", seed=0)
    if found["gb_above_start"] > PROMISED_GB:
        raise SystemExit(f"More memory than promised: {found['gb_above_start']:.2f} GB")


if __name__ == "__main__":
    main()
