"""Repeats the short experiments of lessons 01, 04 and 05 with three seeds each.

`GAN_PROFILE=full GAN_RECORD=book/results python benchmarks/study_demonstrations.py` makes the
record that the three lessons show, with their own functions, in 15 minutes of one core.
"""

from typing import Any

import numpy as np
from lesson import load_lesson

from gan_utils import data, profile, records

RING, DENSE, CONVOLUTIONAL = map(load_lesson, ("01_gan", "04_cgan", "05_cdcgan"))
SEEDS = [profile.seed(n) for n in range(profile.samples(full=3, quick=1, smoke=1))]


def weak_discriminator(seed: int) -> dict[str, Any]:
    """Return what the ring's generator covers against lesson 01's weak discriminator."""
    _, counts = RING.train_ring(seed, width=RING.WEAK_WIDTH)
    return {"seed": seed, **counts}


def label_mistakes(pairs: tuple[np.ndarray, np.ndarray], seed: int) -> list[dict[str, Any]]:
    """Return lesson 04's losses and label accuracy with right and with swapped labels."""
    return [{"seed": seed, **DENSE.short_run(name, pairs, seed)} for name in DENSE.EXPERIMENTS]


def trials(
    kinds: tuple[str, ...], pairs: tuple[np.ndarray, np.ndarray], seed: int
) -> list[dict[str, Any]]:
    """Return the label accuracies of lesson 05's trials, a row for each kind of networks."""
    return [{"seed": seed, **CONVOLUTIONAL.trial(kind, pairs, seed)} for kind in kinds]


def main() -> None:
    """Repeat all experiments, seed by seed, and record them."""
    train_set = data.load_images("mnist")
    pairs = train_set.images, train_set.labels
    shifted = train_set.images, np.roll(train_set.labels, 1)
    collapsed, mistakes = [], []
    compared: dict[str, list[dict[str, Any]]] = {"in step": [], "out of step": []}
    for seed in SEEDS:
        collapsed.append(weak_discriminator(seed))
        mistakes += label_mistakes(pairs, seed)
        compared["in step"] += trials(CONVOLUTIONAL.KINDS, pairs, seed)
        compared["out of step"] += trials(("projection",), shifted, seed)
        print(f"seed {seed} done", flush=True)
    found = {"01_gan": collapsed, "04_cgan": mistakes, "05_cdcgan": compared}
    rows = [*collapsed, *mistakes, *compared["in step"], *compared["out of step"]]
    seconds = sum(row["seconds"] for row in rows)
    records.record("study_demonstrations", found, seconds=seconds, data=train_set, seeds=SEEDS)


if __name__ == "__main__":
    main()
