"""A study for lesson 14: what each model makes of the same images, and of the same seconds.

    taskset -c 0 env GAN_PROFILE=full GAN_RECORD=book/results python benchmarks/study_budgets.py

Each model trains on MNIST with the hyperparameters of its lesson's short run, at constant learning
rates, and is scored twice: as soon as its discriminator has seen `IMAGES` real images, and as soon
as it has trained for `SECONDS`. Each finished run is recorded at once. Started again, the study
skips the runs that its record has.
"""

import itertools
import os
import statistics
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from types import SimpleNamespace
from typing import Any

import keras
import numpy as np
import tensorflow as tf
from finished_runs import train_missing
from lesson import load_lesson

from gan_utils import GAN, Batches, data, evaluation, images, profile

NAME = "study_budgets"
SEEDS = list(range(profile.samples(full=3, quick=1, smoke=1)))
IMAGES = profile.samples(full=20_000, quick=2_000, smoke=100)
SECONDS = float(profile.samples(full=120, quick=10, smoke=1))
SHEET = 10  # images kept of each run
LABELED = 100
BUDGET = {"images": IMAGES, "seconds": SECONDS}


@dataclass(frozen=True)
class Entry:
    """A lesson's model in the comparison.

    Attributes:
        title: Its name in the table.
        lesson: The lesson's file name without its ending.
        make: Builds the model, compiled, from the lesson's definitions.
        batch_size: Real images in one step, from the lesson's definitions.
        labeled: Whether it is trained with class labels.
    """

    title: str
    lesson: str
    make: Callable[[SimpleNamespace], GAN]
    batch_size: Callable[[SimpleNamespace], int]
    labeled: bool = False


def make_dcgan(lesson: SimpleNamespace) -> GAN:
    """Return lesson 02's model: its training cell makes it outside a function."""
    settings = lesson.SETTINGS
    networks = lesson.build_generator(), lesson.build_discriminator()
    gan = lesson.GAN(
        *networks, lesson.LATENT_DIM, ema_decay=settings["ema_decay"], seed=lesson.SEED
    )
    rates = settings["d_rate"], settings["g_rate"]
    gan.compile(*(keras.optimizers.Adam(rate, beta_1=settings["beta_1"]) for rate in rates))
    return gan


def make_sgan(lesson: SimpleNamespace) -> GAN:
    """Return lesson 07's model with ten labeled images of each class, without distortions.

    So it has no consistency term; matching and entropy stay.
    """
    digits = data.load_images("mnist")
    chosen = [np.flatnonzero(digits.labels == label)[: LABELED // 10] for label in range(10)]
    places = np.concatenate(chosen)
    plain = {"distorts": False, "consistency_weight": 0.0}
    return lesson.make_sgan((digits.images[places], digits.labels[places]), settings=plain)


def setting(name: str) -> Callable[[SimpleNamespace], int]:
    """Return a function that reads one of a lesson's hyperparameters."""
    return lambda lesson: lesson.SETTINGS[name]


ENTRIES = (
    Entry("GAN, dense", "01_gan", lambda lesson: lesson.make_gan(), setting("batch_size")),
    Entry("DCGAN", "02_dcgan", make_dcgan, setting("batch_size")),
    Entry("CGAN", "04_cgan", lambda lesson: lesson.make_gan(), setting("batch_size"), labeled=True),
    Entry(
        "CDCGAN", "05_cdcgan", lambda lesson: lesson.make_gan(), setting("batch_size"), labeled=True
    ),
    Entry(
        "AC-GAN",
        "06_acgan",
        lambda lesson: lesson.make_gan(
            (lesson.build_generator(), lesson.build_discriminator()), lesson.SETTINGS
        ),
        setting("half_batch"),
        labeled=True,
    ),
    Entry("SGAN", "07_sgan", make_sgan, lambda lesson: lesson.BATCH_SIZE),
    Entry("InfoGAN", "08_infogan", lambda lesson: lesson.make_gan(), setting("real_images")),
    Entry(
        "LSGAN",
        "09_lsgan",
        lambda lesson: lesson.make_gan(lesson.LeastSquaresGAN),
        setting("batch_size"),
    ),
    Entry(
        "WGAN-GP",
        "10_wgan",
        lambda lesson: lesson.make_penalized(),
        lambda lesson: lesson.SETTINGS["batch_size"] * lesson.CRITIC_STEPS,
    ),
    Entry("R3GAN", "16_modern_objectives", lambda lesson: lesson.make_gan(), setting("batch_size")),
)


@contextmanager
def short_run(seed: int) -> Iterator[None]:
    """Let lessons be loaded with the hyperparameters of their short run, and shifted seeds."""
    changed = {"GAN_PROFILE": "quick", "GAN_SEED_SHIFT": str(seed)}
    before = {name: os.environ.get(name) for name in changed}
    os.environ.update(changed)
    try:
        yield
    finally:
        for name, value in before.items():
            os.environ.pop(name)
            os.environ.update({} if value is None else {name: value})


def score(gan: GAN, real: data.ImageSet, *, labeled: bool) -> dict[str, Any]:
    """Return what a generator's images are worth, and a sheet of the first ones."""
    inputs = gan.generator_inputs(None, tf.constant([0, 0]), evaluation.count(real))
    drawn = gan.translate(inputs)
    asked = np.asarray(inputs[1])[:, 0] if labeled else None
    found = evaluation.scores(drawn, asked, real_images=real.images)
    kept = {name: found[name] for name in ("distance", "precision", "recall", "agreement")}
    return kept | {"sheet": evaluation.encode_image(images.grid(drawn[:SHEET], columns=SHEET))}


class Budgets(keras.callbacks.Callback):
    """Scores a model when each budget is used up, and stops the training after the last.

    The clock runs from the end of the first step, which is traced, and not while the model is
    scored.

    Attributes:
        found: The scores by budget, each with the images and seconds that it had then.
    """

    def __init__(self, batch_size: int, score_now: Callable[[GAN], dict[str, Any]]) -> None:
        super().__init__()
        self.batch_size, self.score_now = batch_size, score_now
        self.images, self.seconds, self.since = 0, 0.0, None
        self.found: dict[str, dict[str, Any]] = {}

    def on_train_batch_end(self, batch: int, logs: dict | None = None) -> None:
        """Count, and score if a budget is used up."""
        self.images += self.batch_size
        if self.since is not None:
            self.seconds += time.perf_counter() - self.since
        for name, used in (("images", self.images), ("seconds", self.seconds)):
            if used >= BUDGET[name] and name not in self.found:
                facts = {"images": self.images, "seconds": self.seconds}
                self.found[name] = facts | self.score_now(self.model)
        self.model.stop_training = len(self.found) == len(BUDGET)
        self.since = time.perf_counter()


def train(entry: Entry, seed: int) -> dict[str, Any]:
    """Train one model with one seed until both budgets are used up; return its scores."""
    with short_run(seed):
        lesson = load_lesson(entry.lesson)
    keras.utils.set_random_seed(lesson.SEED)
    digits, real = data.load_images("mnist"), data.load_images("mnist", split="test")
    size = entry.batch_size(lesson)
    watcher = Budgets(size, lambda gan: score(gan, real, labeled=entry.labeled))
    labels = digits.labels if entry.labeled else None
    batches = Batches(digits.images, labels, batch_size=size, seed=lesson.SEED)
    gan = entry.make(lesson)
    # More epochs than either budget can use: the watcher stops the training.
    gan.fit(batches, epochs=10_000, callbacks=[watcher], verbose=0)
    return {"model": entry.title, "seed": seed, **watcher.found}


def summary(rows: list[dict[str, Any]]) -> dict[str, dict[str, Any]]:
    """Return for each model what the page shows: means over seeds, and text with a number each."""
    found = {}
    for entry in ENTRIES:
        chosen = [row for row in rows if row["model"] == entry.title]
        if not chosen:
            continue
        facts: dict[str, Any] = {}
        for name in BUDGET:
            distances = [row[name]["distance"] for row in chosen]
            facts[f"equal_{name}"] = " / ".join(f"{distance:.0f}" for distance in distances)
            facts[f"mean_{name}"] = statistics.mean(distances)
            facts[f"recall_{name}"] = statistics.mean(row[name]["recall"] for row in chosen)
        facts["images"] = statistics.mean(row["seconds"]["images"] for row in chosen)
        facts["seconds"] = statistics.mean(row["images"]["seconds"] for row in chosen)
        found[entry.title] = facts
    return found


def gallery(rows: list[dict[str, Any]]) -> dict[str, str]:
    """Return an image with a row a model (first seed, equal seconds), lowest distance first."""
    first = [row for row in rows if row["seed"] == SEEDS[0]]
    first.sort(key=lambda row: row["seconds"]["distance"])
    strips = [evaluation.decode_image(row["seconds"]["sheet"]) for row in first]
    names = "; ".join(row["model"] for row in first)
    return {"sheet": evaluation.encode_image(np.concatenate(strips)), "models": names}


def main() -> None:
    """Train what is missing, seed by seed, and record each run as soon as it is finished."""
    keras.config.set_dtype_policy(profile.precision)
    entries = {entry.title: entry for entry in ENTRIES}
    cases = [{"model": title, "seed": seed} for seed, title in itertools.product(SEEDS, entries)]

    def train_case(model: str, seed: int) -> dict[str, Any]:
        keras.backend.clear_session()
        return train(entries[model], seed)

    def facts(rows: list[dict[str, Any]]) -> dict[str, Any]:
        return {"seeds": len(SEEDS), "summary": summary(rows), "gallery": gallery(rows)}

    train_missing(NAME, BUDGET, cases, train_case, facts, data="MNIST")


if __name__ == "__main__":
    main()
