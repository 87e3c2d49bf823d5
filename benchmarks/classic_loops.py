"""The training loop of the older tutorials, for the networks of each lesson that has one."""

import sys
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import keras
import numpy as np

sys.path.insert(0, str(Path(__file__).resolve().parents[1] / "tests" / "lessons"))

from lesson import load_lesson

Networks = tuple[keras.Model, keras.Model]
Step = Callable[[Any], None]


def adam() -> keras.optimizers.Optimizer:
    """Return the optimizer of the tutorials."""
    return keras.optimizers.Adam(2e-4, beta_1=0.5)


@dataclass(frozen=True)
class Case:
    """A lesson, and how its tutorial trained it.

    Attributes:
        lesson: the start of its file's name.
        batch_size: of real pictures, and of fakes.
        networks: makes generator and discriminator.
        make_gan: makes the lesson's model, compiled, without an average of the weights.
        data: name of the pictures.
        labeled: whether the generator is asked for a class.
        judges_labels: whether the discriminator is told the class.
        names_labels: whether the discriminator has a second head that names the class.
        loss: of the verdict.
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

    def losses(self) -> Any:
        """Return what the tutorial's `compile` gets."""
        verdict = self.loss or keras.losses.BinaryCrossentropy(from_logits=True)
        if not self.names_labels:
            return verdict
        return [verdict, keras.losses.SparseCategoricalCrossentropy(from_logits=True)]


def classic_loop(case: Case, networks: Networks, first: Any) -> Step:
    """Return the tutorial's step: predict, D on real, D on fake, G through the stack.

    Args:
        case: what is trained.
        networks: its generator and its discriminator.
        first: a batch, to trace the discriminator's step before it is frozen in the stack: Keras 3
            reads `trainable` when a step is traced.

    Returns:
        A function that takes a batch of numpy arrays.
    """
    generator, discriminator = networks
    discriminator.compile(optimizer=adam(), loss=case.losses())
    rng = np.random.default_rng(0)
    size, latent_dim = case.batch_size, generator.inputs[0].shape[1]
    targets = {True: np.ones((size, 1), "float32"), False: np.zeros((size, 1), "float32")}

    def judged(pictures: np.ndarray, labels: Any, real: bool) -> None:
        inputs = [pictures, labels] if case.judges_labels else pictures
        answers = [targets[real], labels] if case.names_labels else targets[real]
        discriminator.train_on_batch(inputs, answers)

    def parts(batch: Any) -> tuple[np.ndarray, Any]:
        return (batch[0], batch[1][:, None]) if case.labeled else (batch, None)

    judged(*parts(first), True)
    discriminator.trainable = False
    outputs = generator.outputs[0]
    verdict = discriminator([outputs, generator.inputs[1]] if case.judges_labels else outputs)
    stacked = keras.Model(generator.inputs, verdict)
    stacked.compile(optimizer=adam(), loss=case.losses())

    def step(batch: Any) -> None:
        pictures, labels = parts(batch)
        latents = rng.standard_normal((size, latent_dim), "float32")
        inputs = [latents, labels] if case.labeled else latents
        fake_images = generator.predict(inputs, verbose=0)
        judged(pictures, labels, True)
        judged(fake_images, labels, False)
        answers = [targets[True], labels] if case.names_labels else targets[True]
        stacked.train_on_batch(inputs, answers)

    return step


def compiled(gan: keras.Model) -> keras.Model:
    """Give a lesson's model the tutorial's optimizers."""
    gan.compile(d_optimizer=adam(), g_optimizer=adam())
    return gan


def _case(name: str, batch_size: int, kind: str, **facts: Any) -> Case:
    lesson: SimpleNamespace = load_lesson(name)

    def networks() -> Networks:
        return lesson.build_generator(), lesson.build_discriminator()

    def make_gan() -> keras.Model:
        return compiled(getattr(lesson, kind)(*networks(), lesson.LATENT_DIM, average=None))

    return Case(name[:2], batch_size, networks, make_gan, **facts)


CASES = (
    _case("01_gan", 64, "GAN"),
    _case("02_dcgan", 64, "GAN"),
    _case("04_cgan", 64, "ConditionalGAN", labeled=True, judges_labels=True),
    _case("05_cdcgan", 64, "ConditionalGAN", labeled=True, judges_labels=True),
    _case("06_acgan", 32, "ACGAN", data="fashion_mnist", labeled=True, names_labels=True),
    _case("09_lsgan", 64, "LeastSquaresGAN", loss="mse"),
)
