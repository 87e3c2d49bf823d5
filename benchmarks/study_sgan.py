"""Makes the record of the study "SGAN: which part of the recipe matters?".

`GAN_PROFILE=full GAN_RECORD=book/results python benchmarks/study_sgan.py` remakes it in an hour.
"""

from typing import Any

import keras
import numpy as np
from lesson import load_lesson

from gan_utils import Batches, data, evaluation, profile, records

LESSON = load_lesson("07_sgan")
LABELS = 100
VARIANTS = {
    "matching": {},
    "fooling": {"matching": False},
    "no_entropy": {"entropy_weight": 0.0},
    "no_consistency": {"consistency_weight": 0.0},
    "no_game": {"game": 0.0},
    "no_distortion": {"distorts": False, "consistency_weight": 0.0},
}
DRAWS = [profile.seed(n) for n in range(profile.samples(full=3, quick=1, smoke=1))]


def train(
    train_set: data.ImageSet, test_set: data.ImageSet, seed: int, settings: dict[str, Any]
) -> dict[str, float]:
    """Train one variant on one draw of the labels; return test accuracy, distance and seconds."""
    places = LESSON.draw_labeled(train_set.labels[: -min(5_000, len(train_set) // 5)], LABELS, seed)
    labeled = train_set.images[places], train_set.labels[places]
    sgan = LESSON.make_sgan(labeled, seed=seed, settings=settings)
    options = {"batch_size": LESSON.BATCH_SIZE, "steps_per_epoch": LESSON.STEPS_PER_EPOCH}
    batches = Batches(train_set.images, seed=seed, **options)
    sgan.fit(batches, epochs=LESSON.EPOCHS, verbose=0)
    drawn = sgan.generate(evaluation.count(test_set), seed=seed)
    scored = evaluation.scores(drawn, real_images=test_set.images)
    test = LESSON.accuracy(sgan.discriminator, test_set.images, test_set.labels)
    return {"test": test, "distance": scored["distance"], "seconds": sgan.seconds}


def summary(variants: dict[str, list[dict[str, float]]]) -> dict[str, dict[str, float]]:
    """Return mean, least and largest test accuracy and the mean distance of each variant."""
    found = {}
    for name, rows in variants.items():
        tests = [row["test"] for row in rows]
        found[name] = {
            "test": float(np.mean(tests)),
            "least": min(tests),
            "largest": max(tests),
            "distance": float(np.mean([row["distance"] for row in rows])),
        }
    return found


def main() -> None:
    """Train all variants and record their scores."""
    keras.config.set_dtype_policy(profile.precision)
    train_set, test_set = (data.load_images("mnist", split=split) for split in ("train", "test"))
    variants: dict[str, list[dict[str, float]]] = {name: [] for name in VARIANTS}
    for seed in DRAWS:
        for name, settings in VARIANTS.items():
            variants[name].append(train(train_set, test_set, seed, settings))
            keras.backend.clear_session()
            print(name, seed, variants[name][-1], flush=True)
    found = {
        "variants": variants,
        "summary": summary(variants),
        "labels": LABELS,
        "steps": LESSON.EPOCHS * LESSON.STEPS_PER_EPOCH,
        "real_images": f"{evaluation.count(test_set):,} test images, drawn evenly",
    }
    seconds = sum(row["seconds"] for rows in variants.values() for row in rows)
    records.record("study_sgan", found, seconds=seconds, data=train_set, seed=DRAWS[0])


if __name__ == "__main__":
    main()
