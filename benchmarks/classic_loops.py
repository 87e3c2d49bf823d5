"""The training loops of the older tutorials: Keras calls on a compiled D and a stacked model."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import keras
import numpy as np
import tensorflow as tf

from gan_utils import Batches, data, pairs

Networks = tuple[keras.Model, ...]
Step = Callable[[Any], None]
WGAN_CLIP = 0.01


@dataclass(frozen=True)
class Case:
    """A lesson, and the training loop of its tutorial.

    Attributes:
        lesson: The start of its file's name, and the variant, if there are several.
        batch_size: Real images in an update of the discriminator.
        networks: Builds the networks of the loop: generator, discriminator, perhaps a third.
        make_gan: Builds the lesson's model, compiled, without EMA.
        data: Name of the data set.
        labeled: Whether the generator takes a class label.
        judges_labels: Whether the discriminator takes the class label too.
        names_labels: Whether the discriminator has a second head that classifies.
        loss: Loss on the discriminator's real/fake output.
        loop: The tutorial's loop; None where Keras 3 cannot run it, or where it is measured
            elsewhere.
        critic_steps: Updates of the discriminator per step.
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
    loop: Callable[["Case", Networks, Any], Step] | None = None
    critic_steps: int = 1

    def batches(self) -> Any:
        """Return a source of this case's batches."""
        if self.data == "city":
            side = self.networks()[0].input_shape[1]
            return pairs.city(200, side).arrays().batches(self.batch_size)
        train_set = data.load_images(self.data)
        labels = train_set.labels if self.labeled else None
        size = self.batch_size * self.critic_steps
        return Batches(train_set.images, labels, batch_size=size)


def adam() -> keras.optimizers.Optimizer:
    """Return the optimizer of the tutorials."""
    return keras.optimizers.Adam(2e-4, beta_1=0.5)


def cross_entropy() -> keras.losses.Loss:
    """Return the loss on real/fake logits."""
    return keras.losses.BinaryCrossentropy(from_logits=True)


def freeze(network: keras.Model) -> None:
    """Freeze all layers but batch normalization, which in the tutorials uses batch statistics."""
    for layer in network.layers:
        if isinstance(layer, keras.Model):
            freeze(layer)
        elif not isinstance(layer, keras.layers.BatchNormalization):
            layer.trainable = False


def classic_loop(case: Case, networks: Networks, first: Any) -> Step:
    """Return the tutorial's step: predict, D on real, D on fake, G through the stack.

    Args:
        case: The lesson.
        networks: Its generator and its discriminator.
        first: A batch, to trace the discriminator's step before it is frozen in the stack: Keras 3
            reads `trainable` when a step is traced.

    Returns:
        A function that takes a batch of NumPy arrays.
    """
    generator, discriminator = networks
    discriminator.compile(optimizer=adam(), loss=_losses(case))
    size = case.batch_size
    draw, targets = _noise(generator, size), _targets(size)

    def judged(pictures: np.ndarray, labels: Any, real: bool) -> None:
        inputs = [pictures, labels] if case.judges_labels else pictures
        answers = [targets[real], labels] if case.names_labels else targets[real]
        discriminator.train_on_batch(inputs, answers)

    def parts(batch: Any) -> tuple[np.ndarray, Any]:
        return (batch[0], batch[1][:, None]) if case.labeled else (batch, None)

    judged(*parts(first), True)
    freeze(discriminator)
    outputs = generator.outputs[0]
    verdict = discriminator([outputs, generator.inputs[1]] if case.judges_labels else outputs)
    stacked = keras.Model(generator.inputs, verdict)
    stacked.compile(optimizer=adam(), loss=_losses(case))

    def step(batch: Any) -> None:
        pictures, labels = parts(batch)
        inputs = [draw(), labels] if case.labeled else draw()
        fake_images = generator.predict(inputs, verbose=0)
        judged(pictures, labels, True)
        judged(fake_images, labels, False)
        answers = [targets[True], labels] if case.names_labels else targets[True]
        stacked.train_on_batch(inputs, answers)

    return step


def half_labeled_loop(case: Case, networks: Networks, first: Any) -> Step:
    """Return the SGAN's step: classes of labeled images, real/fake for the others, then G.

    The first images of each batch get made-up labels, which do not change the time.
    """
    generator, discriminator = networks
    size = case.batch_size
    few = size // 2
    draw, targets = _noise(generator, size), _targets(size)
    labels = np.arange(few) % discriminator.output_shape[1]
    verdict = keras.ops.logsumexp(discriminator.output, axis=1, keepdims=True)
    real_or_fake = keras.Model(discriminator.input, verdict)
    real_or_fake.compile(optimizer=adam(), loss=cross_entropy())
    named = keras.losses.SparseCategoricalCrossentropy(from_logits=True)
    discriminator.compile(optimizer=adam(), loss=named)
    discriminator.train_on_batch(first[:few], labels)
    real_or_fake.train_on_batch(first, targets[True])
    freeze(discriminator)
    stacked = keras.Model(generator.inputs, real_or_fake(generator.outputs[0]))
    stacked.compile(optimizer=adam(), loss=cross_entropy())

    def step(batch: Any) -> None:
        latents = draw()
        discriminator.train_on_batch(batch[:few], labels)
        real_or_fake.train_on_batch(batch, targets[True])
        real_or_fake.train_on_batch(generator.predict(latents, verbose=0), targets[False])
        stacked.train_on_batch(latents, targets[True])

    return step


def coded_loop(case: Case, networks: Networks, first: Any) -> Step:
    """Return the InfoGAN's step: D on real and on fake, then G and Q through the stack.

    D sees `batch_size` real and as many fake images; G and Q learn from twice as many fakes.
    """
    generator, discriminator, recognizer = networks
    size, num_codes = case.batch_size, recognizer.output_shape[1]
    noise = _noise(generator, 2 * size, less=num_codes)
    rng = np.random.default_rng(0)
    targets, twice = _targets(size), _targets(2 * size)

    def draw() -> tuple[np.ndarray, np.ndarray]:
        codes = np.eye(num_codes, dtype="float32")[rng.integers(0, num_codes, 2 * size)]
        return np.concatenate([noise(), codes], axis=1), codes

    discriminator.compile(optimizer=adam(), loss=cross_entropy())
    discriminator.train_on_batch(first, targets[True])
    freeze(discriminator)
    fake = generator.outputs[0]
    stacked = keras.Model(generator.inputs, [discriminator(fake), recognizer(fake)])
    of_code = keras.losses.CategoricalCrossentropy(from_logits=True)
    stacked.compile(optimizer=adam(), loss=[cross_entropy(), of_code])

    def step(batch: Any) -> None:
        inputs, codes = draw()
        discriminator.train_on_batch(batch, targets[True])
        fake_images = generator.predict(inputs[:size], verbose=0)
        discriminator.train_on_batch(fake_images, targets[False])
        stacked.train_on_batch(inputs, [twice[True], codes])

    return step


def clipping_loop(case: Case, networks: Networks, first: Any) -> Step:
    """Return the WGAN's step: some updates of the critic, each clipped, then one of G.

    The batch holds the real images of all updates of the critic.
    """
    generator, critic = networks
    size = case.batch_size
    draw, answers = _noise(generator, size), _targets(size, real=-1.0, fake=1.0)

    def rms() -> keras.optimizers.Optimizer:
        return keras.optimizers.RMSprop(5e-5)

    def earth_mover(targets: tf.Tensor, outputs: tf.Tensor) -> tf.Tensor:
        return keras.ops.mean(targets * outputs)

    critic.compile(optimizer=rms(), loss=earth_mover)
    critic.train_on_batch(first[:size], answers[True])
    freeze(critic)
    stacked = keras.Model(generator.inputs, critic(generator.outputs[0]))
    stacked.compile(optimizer=rms(), loss=earth_mover)

    def step(batch: Any) -> None:
        for part in np.split(batch, len(batch) // size):
            critic.train_on_batch(part, answers[True])
            critic.train_on_batch(generator.predict(draw(), verbose=0), answers[False])
            critic.set_weights([w.clip(-WGAN_CLIP, WGAN_CLIP) for w in critic.get_weights()])
        stacked.train_on_batch(draw(), answers[True])

    return step


def _losses(case: Case) -> Any:
    """Return the losses for the tutorial's `compile`."""
    verdict = case.loss or cross_entropy()
    if not case.names_labels:
        return verdict
    return [verdict, keras.losses.SparseCategoricalCrossentropy(from_logits=True)]


def _noise(generator: keras.Model, count: int, less: int = 0) -> Callable[[], np.ndarray]:
    rng = np.random.default_rng(0)
    shape = (count, generator.inputs[0].shape[1] - less)
    return lambda: rng.standard_normal(shape, "float32")


def _targets(count: int, real: float = 1.0, fake: float = 0.0) -> dict[bool, np.ndarray]:
    return {True: np.full((count, 1), real, "float32"), False: np.full((count, 1), fake, "float32")}
