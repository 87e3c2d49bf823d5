"""The lessons as benchmark cases: networks, model, data, and the training loop of their tutorial.

Networks and models are loaded from the lessons themselves.
"""

from types import SimpleNamespace
from typing import Any

import keras
import numpy as np
from classic_loops import (
    Case,
    Networks,
    adam,
    classic_loop,
    clipping_loop,
    coded_loop,
    half_labeled_loop,
)
from lesson import load_lesson


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

    return Case(name[:2], batch_size, networks, make_gan, loop=classic_loop, **facts)


def _half_labeled() -> Case:
    lesson = load_lesson("07_sgan")
    few = np.zeros((100, 28, 28, 1), np.uint8), np.arange(100) % lesson.NUM_CLASSES

    def networks() -> Networks:
        return lesson.build_generator(), lesson.build_discriminator()

    def make_gan() -> keras.Model:
        plain = {"matching": False, "distorts": False, "ema_decay": None}
        return compiled(lesson.SGAN(*networks(), labeled=few, **plain))

    return Case("07", lesson.BATCH_SIZE, networks, make_gan, loop=half_labeled_loop)


def _coded() -> Case:
    lesson = load_lesson("08_infogan")

    def networks() -> Networks:
        return lesson.build_generator(noise_gain=1.0), *lesson.build_players()

    def make_gan() -> keras.Model:
        return compiled(lesson.InfoGAN(settings=lesson.TUTORIAL | {"fakes_per_real": 2}))

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

    return Case("11", 1, networks, lambda: compiled(lesson.Pix2Pix(*networks())), data="city")


WGAN = load_lesson("10_wgan")
CASES = (
    _plain("01_gan", 64, "GAN"),
    _plain("02_dcgan", 64, "GAN"),
    _plain("04_cgan", 64, "ConditionalGAN", labeled=True, judges_labels=True),
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
