"""A study for lesson 16: Stacked MNIST at full length, counted as published work counts it.

    GAN_PROFILE=full GAN_PRECISION=mixed_bfloat16 GAN_RECORD=book/results \
        python benchmarks/study_stacked_mnist.py

The five objectives of `study_objectives.py` share a short budget. Here three of them train with
the lesson's own recipe, `FULL`: first the one that was best there, then the plain one. Each
finished run is recorded at once. Started again, the study skips the runs that its record has, and
resumes the interrupted one from its last checkpoint, in `GAN_RUNS`.
"""

import itertools
from typing import Any

import keras
import study_objectives
from finished_runs import train_missing

from gan_utils import Batches, callbacks, data, metrics, profile, records

NAME = "study_stacked_mnist"
LESSON = study_objectives.LESSON
SEEDS = study_objectives.SEEDS
DATA = "Stacked MNIST"
OBJECTIVES = ("cross-entropy + R1", "cross-entropy", "relativistic + R1 + R2")
EPOCHS, STEPS_PER_EPOCH = LESSON.EPOCHS, LESSON.STEPS_PER_EPOCH
BUDGET = LESSON.FULL | LESSON.BETAS | {"gamma": LESSON.GAMMA, "updates": EPOCHS * STEPS_PER_EPOCH}
BUDGET["stages"] = [list(stage) for stage in LESSON.STAGES]  # as JSON gives them back


def train(objective: str, seed: int) -> dict[str, Any]:
    """Train one objective with one seed; return what its generator covers."""
    images = study_objectives.training_images(DATA)
    channels = study_objectives.CHANNELS[DATA]
    gan = LESSON.make_gan(LESSON.OBJECTIVES[objective], LESSON.FULL, seed, channels=channels)
    words = f"{objective} {seed}".replace("+", "").split()
    folder = records.run_folder(NAME) / "-".join(words)
    folder.mkdir(exist_ok=True)
    batches = Batches(
        images, batch_size=LESSON.FULL["batch_size"], steps_per_epoch=STEPS_PER_EPOCH, seed=seed
    )
    watchers = [
        callbacks.Checkpoint(folder, keep=1),
        callbacks.LinearDecay(*LESSON.STAGES),
        callbacks.TerminateOnNaN(),
    ]
    gan.fit(batches, epochs=EPOCHS, callbacks=watchers, verbose=0)
    facts = {"objective": objective, "seed": seed, "seconds": gan.seconds}
    return facts | study_objectives.scores(gan, DATA)


def real_coverage() -> dict[str, Any]:
    """Return modes and divergence of as many real images: what no generator should beat."""
    digits = data.load_images("mnist", split="test").images
    stacked = LESSON.stack_digits(digits, LESSON.STACKED_SAMPLES, seed=0)
    return metrics.mode_coverage(LESSON.modes_of(stacked), LESSON.NUM_MODES)._asdict()


def summary(rows: list[dict[str, Any]]) -> dict[str, dict[str, str]]:
    """Return modes and divergences of each finished objective as text, a number a seed."""
    found = {}
    for objective in OBJECTIVES:
        chosen = [row for row in rows if row["objective"] == objective]
        if chosen:
            found[objective] = {
                "modes": " / ".join(f"{row['modes']:,}" for row in chosen),
                "divergences": " / ".join(f"{row['divergence']:.3f}" for row in chosen),
                "minutes": " / ".join(f"{row['seconds'] / 60:.0f}" for row in chosen),
            }
    return found


def main() -> None:
    """Train what is missing, objective by objective, and record each run as it is finished."""
    keras.config.set_dtype_policy(profile.precision)
    pairs = itertools.product(OBJECTIVES, SEEDS)
    cases = [{"objective": objective, "seed": seed} for objective, seed in pairs]
    real = real_coverage()

    def facts(rows: list[dict[str, Any]]) -> dict[str, Any]:
        return {"seeds": len(SEEDS), "summary": summary(rows), "real": real}

    train_missing(NAME, BUDGET, cases, train, facts, data=DATA)


if __name__ == "__main__":
    main()
