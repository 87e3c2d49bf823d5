"""Training time until our recipe and the tutorial's reach the same quality, on this machine.

    GAN_PROFILE=quick python benchmarks/bench_quality.py [LESSON...]

Both train the same networks from the first step on, tracing included. Our recipe is the lesson's
short one: small batches, higher learning rates, an EMA of the generator's weights. The tutorial's
has its own batch size, learning rates and loop: a compiled function for lesson 02, `train_on_batch`
after `predict` for the others. Every few seconds of training the clock is stopped and generated
images are scored with the reference classifier. A recipe is done when the score first reaches the
target; the tutorial's gets several times as long as ours needed. Set GAN_RECORD to keep the
figures.
"""

import argparse
import time
from collections.abc import Callable
from dataclasses import dataclass, field, replace
from typing import Any

import keras
import numpy as np
from cases import Case, case_of, load_lesson

from gan_utils import GAN, Batches, data, lenet, metrics, records

SAMPLES = 1_000
EVERY = 10.0  # seconds of training between two measurements
PATIENCE = 3.0  # time limit of the tutorial's recipe, in multiples of the time ours needed
LONGEST = 180.0  # seconds for ours
ENDLESS = 10**6
ASKED = np.arange(SAMPLES, dtype="int32") % 10
Draw = Callable[[], np.ndarray]


@dataclass
class Stopwatch:
    """Stops the clock every few seconds of training and scores generated images.

    Attributes:
        real_set: The real images.
        labeled: Whether label accuracy is measured; otherwise the Fréchet distance.
        target: The label accuracy, or the distance, to reach.
        limit: Seconds of training after which it gives up.
        points: Seconds, steps and score of each measurement.
    """

    real_set: data.ImageSet
    labeled: bool
    target: float
    limit: float = LONGEST
    points: list[tuple[float, int, float]] = field(default_factory=list)

    def __post_init__(self) -> None:
        """Compute the features of the real images, and start the clock."""
        drawn_evenly = self.real_set.sample(SAMPLES)
        self.real = None if self.labeled else lenet.features(drawn_evenly.images)
        self.spent, self.steps, self.start = 0.0, 0, time.perf_counter()

    def figure(self, drawn: np.ndarray) -> float:
        """Return the label accuracy, or the Fréchet distance, of generated images."""
        if self.labeled:
            return lenet.accuracy(drawn, ASKED, self.real_set.name)
        return float(metrics.fid(self.real, lenet.features(drawn, self.real_set.name)))

    def has_seen_enough(self, draw: Draw) -> bool:
        """Count a step, measure if it is time to, and return whether to stop."""
        self.steps += 1
        spent = self.spent + time.perf_counter() - self.start
        if spent < min(self.spent + EVERY, self.limit):
            return False
        self.spent = spent
        self.points.append((spent, self.steps, self.figure(draw())))
        print(f"    {spent:6.1f} s {self.steps:>6} steps {self.points[-1][2]:8.3f}", flush=True)
        self.start = time.perf_counter()
        return self.arrived() or spent >= self.limit

    def arrived(self) -> bool:
        """Return whether the last measurement reached the target."""
        figure = self.points[-1][2]
        return figure >= self.target if self.labeled else figure <= self.target

    def result(self) -> dict[str, Any]:
        """Return whether and when the target was reached, and all measurements, for the record."""
        seconds, steps, figure = self.points[-1]
        found = {"arrived": self.arrived(), "seconds": seconds, "steps": steps, "figure": figure}
        return found | {"points": self.points}


Trial = Callable[[Stopwatch], None]


@dataclass(frozen=True)
class Race:
    """Two ways to train one lesson's networks.

    Attributes:
        case: The lesson.
        target: The label accuracy that both must reach if the case is labeled; otherwise the
            Fréchet distance.
        ours: Trains with the lesson's short recipe.
        theirs: Trains with the tutorial's recipe.
        others: Variants of ours, each trained for as long as ours took.
    """

    case: Case
    target: float
    ours: Trial
    theirs: Trial
    others: dict[str, Trial] = field(default_factory=dict)


def by_fit(gan: keras.Model, batches: Batches, draw: Draw, stopwatch: Stopwatch) -> None:
    """Train a compiled model with `fit` until the stopwatch says so."""

    def look(batch: int, logs: Any = None) -> None:
        gan.stop_training = stopwatch.has_seen_enough(draw)

    watch = keras.callbacks.LambdaCallback(on_train_batch_end=look)
    gan.fit(batches, epochs=1, callbacks=[watch], verbose=0)


def by_loop(case: Case, inputs: Callable[[keras.Model], list], stopwatch: Stopwatch) -> None:
    """Train with the tutorial's loop until the stopwatch says so."""
    networks = case.networks()
    wanted = inputs(networks[0])
    stream = case.batches().dataset().as_numpy_iterator()
    step = case.loop(case, networks, next(stream))

    def draw() -> np.ndarray:
        return networks[0].predict(wanted, batch_size=250, verbose=0)

    step(next(stream))
    while not stopwatch.has_seen_enough(draw):
        step(next(stream))


def noise(generator: keras.Model) -> np.ndarray:
    """Return latents for all the images of a measurement."""
    shape = (SAMPLES, generator.inputs[0].shape[1])
    return np.random.default_rng(1).standard_normal(shape, "float32")


def dcgan() -> Race:
    """Return lesson 02's race; the DCGAN tutorial has a compiled step of its own."""
    lesson, case = load_lesson("02_dcgan"), case_of("02")
    pictures = data.load_images(case.data).images

    def trial(settings: dict[str, Any]) -> Trial:
        def train(stopwatch: Stopwatch) -> None:
            keras.utils.set_random_seed(lesson.SEED)
            options = {"ema_decay": settings["ema_decay"], "seed": lesson.SEED}
            gan = GAN(*case.networks(), lesson.LATENT_DIM, **options)
            rates = settings["d_rate"], settings["g_rate"]
            gan.compile(*(keras.optimizers.Adam(r, beta_1=settings["beta_1"]) for r in rates))
            options = {"batch_size": settings["batch_size"], "steps_per_epoch": ENDLESS}
            by_fit(gan, Batches(pictures, **options), lambda: gan.generate(SAMPLES), stopwatch)

        return train

    short = lesson.SHORT
    others = {
        "without the average": trial(short | {"ema_decay": None}),
        "batch 64, both rates 2e-4": trial(
            short | {"batch_size": 64, "d_rate": 2e-4, "g_rate": 2e-4}
        ),
    }
    return Race(case, 150.0, trial(short), trial(lesson.TUTORIAL), others)


def cgan() -> Race:
    """Return lesson 04's race."""
    lesson, case = load_lesson("04_cgan"), case_of("04")
    train_set = data.load_images(case.data)

    def ours(stopwatch: Stopwatch) -> None:
        gan = lesson.make_gan("concatenate", lesson.SHORT)
        source = train_set.images, train_set.labels, lesson.SHORT["batch_size"], ENDLESS
        by_fit(gan, lesson.labeled_batches(*source), lambda: lesson.draw(gan, ASKED), stopwatch)

    def networks() -> tuple[keras.Model, keras.Model]:
        spread = lesson.TUTORIAL["spread"]
        return lesson.build_generator(spread=spread), lesson.build_discriminator(spread=spread)

    theirs = replace(case, batch_size=lesson.TUTORIAL["batch_size"], networks=networks)
    return Race(case, 0.7, ours, labeled_loop(theirs))


def acgan() -> Race:
    """Return lesson 06's race."""
    lesson, case = load_lesson("06_acgan"), case_of("06")
    train_set = data.load_images(case.data)

    def ours(stopwatch: Stopwatch) -> None:
        keras.utils.set_random_seed(lesson.SEED)
        gan = lesson.make_gan(case.networks(), lesson.SHORT)
        batches = lesson.labeled_batches(train_set, lesson.SHORT, ENDLESS)
        by_fit(gan, batches, lambda: lesson.draw(gan, ASKED), stopwatch)

    theirs = replace(case, batch_size=lesson.TUTORIAL["half_batch"])
    return Race(case, 0.6, ours, labeled_loop(theirs))


def infogan() -> Race:
    """Return lesson 08's race."""
    lesson, case = load_lesson("08_infogan"), case_of("08")
    pictures = data.load_images(case.data).images

    def ours(stopwatch: Stopwatch) -> None:
        gan = lesson.make_gan(lesson.SHORT)
        options = {"batch_size": lesson.SHORT["real_images"], "steps_per_epoch": ENDLESS}
        by_fit(gan, Batches(pictures, **options), lambda: gan.generate(SAMPLES), stopwatch)

    def inputs(generator: keras.Model) -> np.ndarray:
        latents = noise(generator)
        latents[:, lesson.NOISE_DIM :] = np.eye(lesson.NUM_CODES)[ASKED]
        return latents

    return Race(case, 150.0, ours, lambda stopwatch: by_loop(case, inputs, stopwatch))


def labeled_loop(case: Case) -> Trial:
    """Return a trial of a class-conditional generator with the tutorial's loop."""

    def inputs(generator: keras.Model) -> list[Any]:
        return [noise(generator), ASKED[:, None]]

    return lambda stopwatch: by_loop(case, inputs, stopwatch)


RACES = {"02": dcgan, "04": cgan, "06": acgan, "08": infogan}


def run(lesson: str) -> dict[str, Any]:
    """Run one lesson's recipes; return when each of them reached the target."""
    race = RACES[lesson]()
    test_set = data.load_images(race.case.data, split="test")

    def looked_at(title: str, trial: Trial, limit: float) -> dict[str, Any]:
        print(f"  {title}, at most {limit:.0f} s", flush=True)
        stopwatch = Stopwatch(test_set, race.case.labeled, race.target, limit)
        trial(stopwatch)
        keras.backend.clear_session()
        return stopwatch.result()

    ours = looked_at("our recipe", race.ours, LONGEST)
    theirs = looked_at("the tutorial's", race.theirs, PATIENCE * ours["seconds"])
    others = {
        title: looked_at(title, trial, ours["seconds"]) for title, trial in race.others.items()
    }
    share = ours["seconds"] / theirs["seconds"]
    print(f"  {'' if theirs['arrived'] else 'less than '}{share:.2f} of the tutorial's time")
    return {
        "measure": "label accuracy" if race.case.labeled else "Fréchet distance",
        "target": race.target,
        "ours": ours,
        "theirs": theirs,
        "others": others,
        "share_of_time": share,
    }


def main() -> None:
    """Run all races; record them when all were run."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("lessons", nargs="*", choices=[[], *RACES], metavar="LESSON")
    wanted = parser.parse_args().lessons or list(RACES)
    found = {}
    for lesson in wanted:
        print(f"lesson {lesson}", flush=True)
        found[lesson] = run(lesson)
    if wanted == list(RACES):
        facts = {"data": "mnist; fashion_mnist in lesson 06", "samples": SAMPLES, "every": EVERY}
        records.record("bench_quality", {"lessons": found}, **facts)


if __name__ == "__main__":
    main()
