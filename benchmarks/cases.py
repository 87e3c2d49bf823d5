"""The lessons as benchmarks see them: networks, model, data, and how their tutorials trained them.

Everything that is trained stands in the lessons and is taken from there.
"""

from collections.abc import Callable
from dataclasses import dataclass
from types import SimpleNamespace
from typing import Any

import keras
import numpy as np
from classic_loops import (
    Networks,
    Step,
    adam,
    classic_loop,
    clipping_loop,
    coded_loop,
    half_labeled_loop,
)
from lesson import load_lesson

from gan_utils import Batches, data, pairs


@dataclass(frozen=True)
class Case:
    """A lesson, and how its tutorial trained it.

    Attributes:
        lesson: the start of its file's name, and what is special, if anything.
        batch_size: of real pictures in an update of the discriminator.
        networks: makes those that the loop takes: generator, discriminator, perhaps a third.
        make_gan: makes the lesson's model, compiled, without an average of the weights.
        data: name of the pictures.
        labeled: whether the generator is asked for a class.
        judges_labels: whether the discriminator is told the class.
        names_labels: whether the discriminator has a second head that names the class.
        loss: of the verdict.
        loop: the tutorial's; None where it cannot be had in Keras 3, or is measured elsewhere.
        critic_steps: updates of the discriminator in a step.
        dense: whether both networks are without convolutions.
    """

    lesson: str
    batch_size: int
    networks: Callable[[], Networks]
    make_gan: Callable[[], keras.Model]
    data: str = "mnist"
    labeled: bool = False
    judges_labels: bool = False
    names_labels: bool = False
    loss: Any = None
    loop: Callable[["Case", Networks, Any], Step] | None = classic_loop
    critic_steps: int = 1
    dense: bool = False

    def batches(self) -> Any:
        """Return a source of this case's batches."""
        if self.data == "city":
            side = self.networks()[0].input_shape[1]
            return pairs.city(200, side).arrays().batches(self.batch_size)
        train_set = data.load_images(self.data)
        labels = train_set.labels if self.labeled else None
        size = self.batch_size * self.critic_steps
        return Batches(train_set.images, labels, batch_size=size)


def compiled(gan: keras.Model) -> keras.Model:
    """Give a lesson's model the tutorial's optimizers."""
    gan.compile(d_optimizer=adam(), g_optimizer=adam())
    return gan


def _plain(name: str, batch_size: int, kind: str, **facts: Any) -> Case:
    lesson = load_lesson(name)

    def networks() -> Networks:
        return lesson.build_generator(), lesson.build_discriminator()

    def make_gan() -> keras.Model:
        return compiled(getattr(lesson, kind)(*networks(), lesson.LATENT_DIM, ema_decay=None))

    return Case(name[:2], batch_size, networks, make_gan, **facts)


def _half_labeled() -> Case:
    lesson = load_lesson("07_sgan")
    few = np.zeros((100, 28, 28, 1), np.uint8), np.arange(100) % lesson.NUM_CLASSES

    def networks() -> Networks:
        return lesson.build_generator(), lesson.build_discriminator()

    def make_gan() -> keras.Model:
        return compiled(lesson.SGAN(*networks(), labeled=few, matching=False, ema_decay=None))

    return Case("07", lesson.BATCH_SIZE, networks, make_gan, loop=half_labeled_loop)


def _coded() -> Case:
    lesson = load_lesson("08_infogan")

    def networks() -> Networks:
        return lesson.build_generator(noise_gain=1.0), *lesson.build_players()

    def make_gan() -> keras.Model:
        return compiled(lesson.InfoGAN(noise_gain=1.0, distorts=False, ema_decay=None))

    return Case("08", lesson.TUTORIAL["real_images"], networks, make_gan, loop=coded_loop)


def _wasserstein(lesson: SimpleNamespace, kind: str, title: str, loop: Any) -> Case:
    def networks() -> Networks:
        return lesson.build_generator(), lesson.build_critic()

    def make_gan() -> keras.Model:
        options = {"ema_decay": None, "critic_steps": lesson.CRITIC_STEPS}
        gan = getattr(lesson, kind)(*networks(), lesson.LATENT_DIM, **options)
        gan.compile(keras.optimizers.RMSprop(5e-5), keras.optimizers.RMSprop(5e-5))
        return gan

    size, steps = lesson.SETTINGS["batch_size"], lesson.CRITIC_STEPS
    return Case(title, size, networks, make_gan, loop=loop, critic_steps=steps)


def _translating() -> Case:
    lesson = load_lesson("11_pix2pix")

    def networks() -> Networks:
        return lesson.build_generator(), lesson.build_discriminator()

    return Case(
        "11", 1, networks, lambda: compiled(lesson.Pix2Pix(*networks())), data="city", loop=None
    )


WGAN = load_lesson("10_wgan")
CASES = (
    _plain("01_gan", 64, "GAN", dense=True),
    _plain("02_dcgan", 64, "GAN"),
    _plain("04_cgan", 64, "ConditionalGAN", labeled=True, judges_labels=True, dense=True),
    _plain("05_cdcgan", 64, "ConditionalGAN", labeled=True, judges_labels=True),
    _plain("06_acgan", 32, "ACGAN", data="fashion_mnist", labeled=True, names_labels=True),
    _half_labeled(),
    _coded(),
    _plain("09_lsgan", 64, "LeastSquaresGAN", loss="mse"),
    _wasserstein(WGAN, "ClippedWGAN", "10 clipped", clipping_loop),
    _wasserstein(WGAN, "PenalizedWGAN", "10 penalized", None),
    _translating(),
)


def case_of(lesson: str) -> Case:
    """Return the case of a lesson."""
    return next(case for case in CASES if case.lesson == lesson)
