"""A study for lesson 16: five objectives, one network, one budget, MNIST and Stacked MNIST.

    GAN_PROFILE=full GAN_PRECISION=mixed_bfloat16 GAN_RECORD=book/results \
        python benchmarks/study_objectives.py

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

from gan_utils import Batches, callbacks, data, evaluation, images, metrics, profile, records

NAME = "study_objectives"
LESSON = load_lesson("16_modern_objectives")
SEEDS = [profile.seed(n) for n in range(profile.samples(full=3, quick=2, smoke=1))]
CHANNELS = {"MNIST": 1, "Stacked MNIST": 3}
EPOCHS = profile.epochs(full=8, quick=2, smoke=2)
STEPS_PER_EPOCH = profile.steps(full=400, quick=50, smoke=2)
BUDGET = LESSON.STUDY | {"gamma": LESSON.GAMMA, "updates": EPOCHS * STEPS_PER_EPOCH}
STACKED = 60_000
SLOPES = 256  # images on which the gradients are measured


def training_images(name: str) -> np.ndarray:
    """Return the images of `CHANNELS`' data sets, uint8."""
    digits = data.load_images("mnist").images
    return digits if CHANNELS[name] == 1 else LESSON.stack_digits(digits, STACKED, seed=0)


def mean_slope(discriminator: keras.Model, batch: tf.Tensor) -> float:
    """Return the discriminator's gradient norm with respect to an image, as a mean over images."""
    _, squares = LESSON.logits_and_slopes(discriminator, tf.constant(batch))
    return float(tf.reduce_mean(tf.sqrt(squares)))


def generator_pull(gan: keras.Model, real: tf.Tensor, fakes: tf.Tensor) -> float:
    """Return the norm of the gradient of G's loss with respect to a fake, as a mean over fakes."""
    fakes = tf.constant(fakes)
    with LESSON.in_float32(gan.discriminator), tf.GradientTape() as tape:
        tape.watch(fakes)
        loss, _ = gan.generator_objective(tf.constant(real), None, fakes)
    # The loss is a mean over fakes: times their number, it gives the gradient of each one's own.
    gradients = tape.gradient(loss, fakes) * float(len(fakes))
    return float(tf.reduce_mean(tf.sqrt(tf.reduce_sum(gradients**2, axis=(1, 2, 3)))))


def watchers(real: np.ndarray, folder: Any) -> dict[str, callbacks.ScoreByEpoch]:
    """Return callbacks that measure the gradients after each epoch, by name."""
    measures = {
        "real": lambda gan, _: mean_slope(gan.discriminator, real),
        "fake": lambda gan, _: mean_slope(gan.discriminator, gan.generate(SLOPES)),
        "generator": lambda gan, _: generator_pull(gan, real, gan.generate(SLOPES)),
    }
    return {
        name: callbacks.ScoreByEpoch(measure, folder / f"{name}.txt")
        for name, measure in measures.items()
    }


def train(name: str, objective: str, seed: int) -> dict[str, Any]:
    """Train one objective with one seed; return its scores and gradient norms."""
    digits = training_images(name)
    goal = LESSON.OBJECTIVES[objective]
    gan = LESSON.make_gan(goal, LESSON.STUDY, seed, channels=CHANNELS[name])
    words = f"{name} {objective} {seed}".lower().replace("+", "").split()
    folder = records.run_folder(NAME) / "-".join(words)
    folder.mkdir(exist_ok=True)
    slopes = watchers(images.to_float(digits[:SLOPES]), folder)
    batches = Batches(
        digits,
        batch_size=LESSON.STUDY["batch_size"],
        steps_per_epoch=STEPS_PER_EPOCH,
        seed=seed,
    )
    saved = callbacks.Checkpoint(folder, keep=1)
    gan.fit(batches, epochs=EPOCHS, callbacks=[*slopes.values(), saved], verbose=0)
    row = {"data": name, "objective": objective, "seed": seed, "seconds": gan.seconds}
    row["slopes"] = {kind: watcher.values for kind, watcher in slopes.items()}
    return row | scores(gan, name)


def scores(gan: keras.Model, name: str) -> dict[str, Any]:
    """Return distance and recall on MNIST, covered modes and divergence on Stacked MNIST."""
    if CHANNELS[name] == 1:
        real = data.load_images("mnist", split="test")
        drawn = gan.generate(evaluation.count(real))
        found = evaluation.scores(drawn, real_images=real.images)
        found = {key: found[key] for key in ("distance", "precision", "recall", "samples")}
    else:
        drawn = gan.generate(LESSON.STACKED_SAMPLES)
        coverage = metrics.mode_coverage(LESSON.modes_of(drawn), LESSON.NUM_MODES)
        found = coverage._asdict() | {"samples": len(drawn)}
    sheet = images.grid(drawn[:20], columns=10)
    return found | {"sheet": evaluation.encode_image(sheet)}


def main() -> None:
    """Train what is missing, seed by seed, and record each run as soon as it is finished."""
    keras.config.set_dtype_policy(profile.precision)
    cases = [
        {"data": name, "objective": objective, "seed": seed}
        for seed, name, objective in itertools.product(SEEDS, CHANNELS, LESSON.OBJECTIVES)
    ]

    def train_case(data: str, objective: str, seed: int) -> dict[str, Any]:
        return train(data, objective, seed)

    facts = {"seeds": len(SEEDS)}
    where = "MNIST and Stacked MNIST"
    train_missing(NAME, BUDGET, cases, train_case, lambda rows: facts, data=where)


if __name__ == "__main__":
    main()
