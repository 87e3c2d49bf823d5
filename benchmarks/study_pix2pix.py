"""A study for lesson 11: the weight of L1, skip connections, longer training, and few pairs.

    GAN_PROFILE=full GAN_RECORD=book/results python benchmarks/study_pix2pix.py

Small translators of the procedural city, with the lesson's networks, losses and learning rates and
several seeds. From map to satellite, the weight of L1 goes from zero to infinity. From satellite to
map, with L1 alone, a U-Net is compared with the same network without its skip connections, with
twice as many updates, and with training on few pairs, with and without jitter and mirroring.
"""

from typing import Any

import keras
import numpy as np
from lesson import load_lesson

from gan_utils import images, pairs, profile, records

LESSON = load_lesson("11_pix2pix")
SEEDS = [profile.seed(n) for n in range(profile.samples(full=3, quick=1, smoke=1))]
SIZE = profile.samples(full=64, quick=32, smoke=16)
FILTERS = profile.samples(full=12, quick=6, smoke=2)
TRAIN_COUNT = profile.samples(full=1_000, quick=100, smoke=4)
VALIDATION_COUNT = profile.samples(full=100, quick=20, smoke=3)
FEW = profile.samples(full=24, quick=10, smoke=2)
STEPS = profile.steps(full=800, quick=100, smoke=2)
L1_ALONE = {"gan_weight": 0.0}
WEIGHTS = {str(weight): {"l1_weight": float(weight)} for weight in (0, 10, 100, 1000)}
WEIGHTS["L1 alone"] = L1_ALONE
NETWORKS = {
    "U-Net": {},
    "no skip connections": {"skips": False},
    "U-Net, twice the updates": {"steps": 2 * STEPS},
}
BATCHES = {
    "as they are": {},
    "jitter, mirrored": {"jitter": True, "mirror": True},
}


def translator(
    pair_set: pairs.PairSet,
    seed: int,
    batches: dict,
    *,
    steps: int = STEPS,
    skips: bool = True,
    **weights: float,
) -> keras.Model:
    """Train the lesson's model on pairs.

    Args:
        pair_set: Sources and targets.
        seed: Seed of weights, order and dropout.
        batches: Options of `PairSet.batches`.
        steps: Updates, over which the learning rates decay.
        skips: Whether the generator has skip connections.
        **weights: Weights of the two losses, as the lesson's `Pix2Pix` takes them.

    Returns:
        The trained model.
    """
    keras.utils.set_random_seed(seed)
    networks = (
        LESSON.build_generator(SIZE, FILTERS, skips=skips),
        LESSON.build_discriminator(SIZE, FILTERS),
    )
    model = LESSON.Pix2Pix(*networks, seed=seed, **weights)
    rates = (LESSON.falling(rate, steps) for rate in (LESSON.D_RATE, LESSON.G_RATE))
    model.compile(*(keras.optimizers.Adam(rate, beta_1=LESSON.BETA_1) for rate in rates))
    model.fit(pair_set.batches(1, seed=seed, steps_per_epoch=steps, **batches), verbose=0)
    return model


def scores(model: keras.Model, held_out: pairs.PairSet) -> dict[str, float]:
    """Return the lesson's scores on pairs, and the distance of the sharpness from 1."""
    source, target = (images.to_float(part) for part in (held_out.source, held_out.target))
    found = LESSON.measure(model.translate(source), target)
    return found | {"off": abs(found["sharpness"] - 1)}


def summary(runs: list[dict[str, float]]) -> dict[str, Any]:
    """Return the mean of each figure over the seeds, with its least and largest value."""
    return {
        name: {
            "mean": float(np.mean([run[name] for run in runs])),
            "least": min(run[name] for run in runs),
            "largest": max(run[name] for run in runs),
        }
        for name in runs[0]
    }


def main() -> None:
    """Train all translators and record their figures."""
    train_set = pairs.city(TRAIN_COUNT, SIZE, seed=1)
    held_out = pairs.city(VALIDATION_COUNT, SIZE, seed=1, first=1_000_000)
    few, mirrored = train_set[:FEW], {"mirror": True}
    back, shown = train_set.swapped(), held_out.swapped()
    found: dict[str, Any] = {"weights": {}, "networks": {}, "few_pairs": {}}

    def keep(part: str, title: str, models: list[keras.Model], on: pairs.PairSet) -> None:
        found[part][title] = summary([scores(model, on) for model in models])
        print(part, title, found[part][title], flush=True)

    for title, weights in WEIGHTS.items():
        models = [translator(back, seed, mirrored, **weights) for seed in SEEDS]
        keep("weights", title, models, shown)
    for title, options in NETWORKS.items():
        models = [translator(train_set, s, mirrored, **options, **L1_ALONE) for s in SEEDS]
        keep("networks", title, models, held_out)
    for title, batches in BATCHES.items():
        models = [translator(few, seed, batches, **L1_ALONE) for seed in SEEDS]
        keep("few_pairs", f"{title}, training pairs", models, few)
        keep("few_pairs", f"{title}, other pairs", models, held_out)
    sizes = {"size": SIZE, "filters": FILTERS, "steps": STEPS, "seeds": len(SEEDS), "few": FEW}
    sizes |= {"pairs": TRAIN_COUNT, "validation_pairs": VALIDATION_COUNT}
    records.record("study_pix2pix", found | sizes, data="procedural city")


if __name__ == "__main__":
    main()
