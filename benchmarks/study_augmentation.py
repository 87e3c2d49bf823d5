"""A study for lesson 18: a tenth of the photographs, with and without augmentation.

    GAN_PROFILE=full GAN_PRECISION=mixed_bfloat16 GAN_RECORD=book/results \
        python benchmarks/study_augmentation.py

Each finished run is recorded at once. Started again, the study skips the runs that its record has,
and resumes the interrupted one from its last checkpoint, in `GAN_RUNS`.
"""

import itertools
from typing import Any

import keras
import numpy as np
import tensorflow as tf
from finished_runs import train_missing
from lesson import load_lesson

from gan_utils import Batches, callbacks, data, evaluation, images, profile, records

NAME = "study_augmentation"
LESSON = load_lesson("18_color_photographs")
SEEDS = [profile.seed(n) for n in range(profile.samples(full=3, quick=2, smoke=1))]
SHARE = 0.1
EPOCHS = profile.epochs(full=10, quick=2, smoke=2)
STEPS_PER_EPOCH = profile.steps(full=800, quick=50, smoke=2)
WATCHED = profile.samples(full=1_000, quick=500, smoke=40)
UPDATES = EPOCHS * STEPS_PER_EPOCH


def budget(count: int) -> dict[str, Any]:
    """Return the settings that all runs of the study share, for `count` training images."""
    facts = LESSON.STUDY | LESSON.BETAS | {"updates": UPDATES, "images": count}
    return facts | {"passes": UPDATES * LESSON.STUDY["batch_size"] / count}


def asked(count: int, num_classes: int) -> np.ndarray:
    """Return `count` labels for the generator, equally many of each class."""
    return np.arange(count) % num_classes


def gap(gan: keras.Model, known: data.ImageSet, held_out: data.ImageSet) -> float:
    """Return the mean logit on training images minus that on held-out ones, not augmented."""
    logits = [
        gan.discriminator(
            [tf.constant(images.to_float(part.images)), tf.constant(part.labels[:, None])],
            training=False,
        )
        for part in (known, held_out)
    ]
    return float(tf.reduce_mean(logits[0]) - tf.reduce_mean(logits[1]))


def scores(gan: keras.Model, real: data.ImageSet, count: int) -> dict[str, Any]:
    """Return the scores of `count` generated images, equally many of each class."""
    drawn = LESSON.draw(gan, asked(count, gan.num_classes))
    return evaluation.scores(drawn, real_images=real.images, classifier="cifar10")


def train(few: data.ImageSet, test_set: data.ImageSet, augments: bool, seed: int) -> dict[str, Any]:
    """Train once; return what was measured on the way and at the end."""
    gan = LESSON.make_gan(LESSON.STUDY, len(few.class_names), augments, seed)
    kind = "augmented" if augments else "plain"
    folder = records.run_folder(NAME, few) / few.name / f"{kind}-{seed}"
    folder.mkdir(parents=True, exist_ok=True)
    known, held_out = few.sample(WATCHED), test_set.sample(WATCHED)
    gaps = callbacks.ScoreByEpoch(lambda gan, _: gap(gan, known, held_out), folder / "gaps.txt")
    distances = callbacks.ScoreByEpoch(
        lambda gan, _: scores(gan, test_set, len(held_out))["distance"], folder / "distances.txt"
    )
    batches = Batches(
        few, batch_size=LESSON.STUDY["batch_size"], steps_per_epoch=STEPS_PER_EPOCH, seed=seed
    )
    watchers = [gaps, distances, callbacks.Checkpoint(folder, keep=1)]
    gan.fit(batches, epochs=EPOCHS, callbacks=watchers, verbose=0)
    found = scores(gan, test_set, evaluation.count(test_set))
    drawn = LESSON.draw(gan, asked(20, gan.num_classes))
    return {
        **{"augments": augments, "seed": seed, "seconds": gan.seconds},
        **{"gaps": gaps.values, "distances": distances.values, "watched": len(held_out)},
        **{key: found[key] for key in ("distance", "precision", "recall", "samples")},
        "sheet": evaluation.encode_image(images.grid(drawn, columns=10)),
    }


def main() -> None:
    """Train what is missing, seed by seed, and record each run as soon as it is finished."""
    keras.config.set_dtype_policy(profile.precision)
    train_set, test_set = (data.load_images("cifar10", split) for split in data.SPLITS)
    few = train_set.sample(max(LESSON.STUDY["batch_size"], round(SHARE * len(train_set))))
    shared = budget(len(few))
    pairs = itertools.product(SEEDS, (False, True))
    cases = [{"augments": augments, "seed": seed} for seed, augments in pairs]

    def train_case(augments: bool, seed: int) -> dict[str, Any]:
        return train(few, test_set, augments, seed)

    facts = {"seeds": len(SEEDS)}
    train_missing(NAME, shared, cases, train_case, lambda rows: facts, data=few)


if __name__ == "__main__":
    main()
