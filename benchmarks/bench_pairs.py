"""Memory of training on pairs from disk, and of the classic recipe with float arrays in memory.

    python benchmarks/bench_pairs.py                          # 1,000 pairs of 256 x 256
    python benchmarks/bench_pairs.py --count 20000            # the promise; writing takes minutes
    python benchmarks/bench_pairs.py --count 20000 --folder D # keeps the images in D

Cities are written as side-by-side JPEGs, each in its eight rotations and reflections, which saves
time and does not change the memory. Each way of reading them trains the same small network in a
process of its own, which measures its own memory. The classic recipe is measured on fewer pairs and
extrapolated by the slope between two counts. The script fails above the promised memory. Set
GAN_RECORD to keep the figures.
"""

import argparse
import json
import os
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Callable
from pathlib import Path

import numpy as np

from gan_utils import pairs, records

SIZE = 256
BATCH_SIZE = 4
PROMISED_GB = 1.5
CLASSIC_COUNTS = (300, 900)
TURNS = 8
CITY_SIZES = (64, 128, 256)
STATUS = Path("/proc/self/statm")


def resident() -> int:
    """Return the memory of this process in bytes; SystemExit where Linux does not count it."""
    if not STATUS.exists():
        raise SystemExit("Memory is measured on Linux only: /proc/self/statm is missing.")
    return int(STATUS.read_text(encoding="ascii").split()[1]) * os.sysconf("SC_PAGE_SIZE")


class Peak:
    """The peak memory of this process while the block runs, sampled every 10 ms."""

    def __enter__(self) -> "Peak":
        """Start sampling."""
        self.bytes = resident()
        self._done = threading.Event()
        self._thread = threading.Thread(target=self._look)
        self._thread.start()
        return self

    def _look(self) -> None:
        while not self._done.wait(0.01):
            self.bytes = max(self.bytes, resident())

    def __exit__(self, *error: object) -> None:
        """Stop sampling."""
        self._done.set()
        self._thread.join()
        self.bytes = max(self.bytes, resident())


def build_network():
    """Return a small image-to-image network, compiled: enough to train on the pairs."""
    import keras
    from keras import layers

    network = keras.Sequential(
        [
            layers.Input((SIZE, SIZE, 3)),
            layers.Conv2D(8, 4, 4, padding="same", activation="relu"),
            layers.Conv2DTranspose(3, 4, 4, padding="same", activation="tanh"),
        ]
    )
    network.compile(keras.optimizers.Adam(2e-4), "mae")
    return network


def measure(read_and_train: Callable[[], int]) -> dict[str, float]:
    """Return memory in bytes before and during the work, its seconds, and the pairs trained on."""
    import tensorflow as tf

    tf.reduce_sum(tf.zeros((2, 2))).numpy()
    start = resident()
    seconds = time.perf_counter()
    with Peak() as peak:
        count = read_and_train()
    return {
        "start": start,
        "peak": peak.bytes,
        "seconds": time.perf_counter() - seconds,
        "pairs": count,
    }


def stream(folder: str, count: int) -> int:
    """Train one epoch on batches that are read from disk."""
    batches = pairs.load_pairs(folder, SIZE)[:count].batches(BATCH_SIZE, jitter=True, mirror=True)
    build_network().fit(
        batches.dataset(), steps_per_epoch=batches.steps_per_epoch, shuffle=False, verbose=0
    )
    return batches.steps_per_epoch * BATCH_SIZE


def load_floats(folder: str, count: int) -> list[np.ndarray]:
    """Read images as the classic recipe does: into lists of float arrays, then into one array."""
    from PIL import Image

    sources, targets = [], []
    for path in sorted(Path(folder).iterdir())[:count]:
        pixels = np.asarray(Image.open(path).resize((2 * SIZE, SIZE)), "float32")
        sources.append(pixels[:, :SIZE])
        targets.append(pixels[:, SIZE:])
    return [np.asarray(sources), np.asarray(targets)]


def classic(folder: str, count: int) -> int:
    """Train one epoch as the classic recipe does, with all images in memory."""
    sources, targets = load_floats(folder, count)
    sources = (sources - 127.5) / 127.5
    targets = (targets - 127.5) / 127.5
    network = build_network()
    rng = np.random.default_rng(0)
    for _ in range(count // BATCH_SIZE):
        chosen = rng.integers(0, count, BATCH_SIZE)
        network.train_on_batch(sources[chosen], targets[chosen])
    return count


def run(way: str, folder: Path, count: int) -> dict[str, float]:
    """Measure one way in a process of its own."""
    command = [sys.executable, __file__, "--way", way, "--folder", str(folder)]
    environment = {**os.environ, "TF_CPP_MIN_LOG_LEVEL": "3", "CUDA_VISIBLE_DEVICES": "-1"}
    result = subprocess.run(
        [*command, "--count", str(count)],
        env=environment,
        stdout=subprocess.PIPE,
        text=True,
        check=True,
    )
    return json.loads(result.stdout.splitlines()[-1])


def city_rates() -> dict[str, float]:
    """Return, by size, how many cities one core draws per second."""
    rates = {}
    for size in CITY_SIZES:
        start = time.process_time()
        for _ in pairs.city_stream(40, size, seed=1):
            pass
        rates[str(size)] = round(40 / (time.process_time() - start), 1)
        print(f"city of {size} x {size}: {rates[str(size)]:.0f} a second on one core")
    return rates


def write_pairs(folder: Path, count: int) -> None:
    """Write `count` side-by-side images: cities, each in its eight rotations and reflections."""
    from PIL import Image

    folder.mkdir(parents=True, exist_ok=True)
    for first in range(0, count, TURNS):
        paths = [folder / f"{index:06d}.jpg" for index in range(first, first + TURNS)]
        if all(path.exists() for path in paths):
            continue
        satellite, drawn_map, _ = next(pairs.city_stream(1, SIZE, first=first // TURNS))
        for turn, path in enumerate(paths):
            halves = [
                np.rot90(half, turn // 2)[:, :: 1 - turn % 2 * 2] for half in (satellite, drawn_map)
            ]
            Image.fromarray(np.concatenate(halves, axis=1)).save(path, quality=95, subsampling=0)


def classic_memory(folder: Path, count: int) -> dict[str, float]:
    """Measure the classic recipe on two counts, and extrapolate its memory to all pairs."""
    few, many = (run("classic", folder, part) for part in CLASSIC_COUNTS)
    slope = (many["peak"] - few["peak"]) / (many["pairs"] - few["pairs"])
    all_gb = (many["peak"] - many["start"] + slope * (count - many["pairs"])) / 1e9
    print(
        f"classic recipe: {slope / 1e6:.2f} MB a pair at its peak, measured on "
        f"{CLASSIC_COUNTS[0]} and {CLASSIC_COUNTS[1]} pairs; "
        f"extrapolated to {count:,} pairs: {all_gb:.1f} GB above TensorFlow's start"
    )
    return {
        "classic_mb_a_pair": slope / 1e6,
        "classic_measured_pairs": many["pairs"],
        "classic_measured_gb_above_start": (many["peak"] - many["start"]) / 1e9,
        "classic_extrapolated_gb_above_start": all_gb,
    }


def compare(folder: Path, count: int) -> None:
    """Write what is missing, measure both ways, print, record, and check the promise."""
    rates = city_rates()
    write_pairs(folder, count)
    megabytes = sum(path.stat().st_size for path in folder.iterdir()) / 1e6
    print(f"{count:,} pairs of {SIZE} x {SIZE} on disk: {megabytes:,.0f} MB")
    floats = classic_memory(folder, count)
    short, long = (run("stream", folder, part) for part in (count // 10, count))
    above = [(one["peak"] - one["start"]) / 1e9 for one in (short, long)]
    print(
        f"from disk: {above[0]:.2f} GB above TensorFlow's start for {short['pairs']:,} pairs, "
        f"{above[1]:.2f} GB for {long['pairs']:,}; {long['pairs'] / long['seconds']:.0f} pairs "
        "a second, decoded, jittered, mirrored and trained on"
    )
    records.record(
        "pairs",
        {
            "pairs": long["pairs"],
            "gb_above_start": above[1],
            "gb_above_start_a_tenth": above[0],
            "start_gb": long["start"] / 1e9,
            "pairs_a_second": long["pairs"] / long["seconds"],
            **floats,
            "cities_a_second_one_core": rates,
        },
        seconds=long["seconds"],
        data=f"procedural city in {TURNS} turns and reflections, {SIZE} x {SIZE}, JPEG on disk",
        seed=0,
    )
    if above[1] > PROMISED_GB:
        raise SystemExit(f"More memory than promised: {above[1]:.2f} > {PROMISED_GB} GB")


def main() -> None:
    """Compare both ways, or measure one in this process."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--count", type=int, default=1000, help="pairs on disk, 900 or more")
    parser.add_argument("--folder", help="where the images are written and kept")
    parser.add_argument("--way", choices=("stream", "classic"), help=argparse.SUPPRESS)
    options = parser.parse_args()
    if options.way:
        way = {"stream": stream, "classic": classic}[options.way]
        print(json.dumps(measure(lambda: way(options.folder, options.count))))
        return
    if options.count < max(CLASSIC_COUNTS):
        parser.error(f"--count must be at least {max(CLASSIC_COUNTS)}")
    with tempfile.TemporaryDirectory() as temporary:
        compare(Path(options.folder or temporary), options.count)


if __name__ == "__main__":
    main()
