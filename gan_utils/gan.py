"""The alternating update of a generative adversarial network as a Keras model."""

from typing import Any

import keras
import numpy as np
import tensorflow as tf

from gan_utils import devices, losses
from gan_utils.resumable import ResumableModel
from gan_utils.sampler import Sampler
from gan_utils.updates import keep_statistics, minimize, refuse_sigmoid, split_batch, step_seed

Logs = dict[str, tf.Tensor]


class GAN(ResumableModel):
    """A generator and a discriminator trained in turns, one update each per step.

    A variant overrides what differs: `generator_inputs`, `real_inputs`, `fake_inputs` (who sees
    what), `discriminator_loss` and `generator_loss` (logits in), or the two `..._objective`
    methods where a loss needs more than logits.

    Source: Goodfellow et al., Generative Adversarial Nets, 2014, algorithm 1; the generator's
    update uses the latents of the discriminator's, judged by the discriminator just updated.
    """

    def __init__(
        self,
        generator: keras.Model,
        discriminator: keras.Model,
        latent_dim: int,
        *,
        average: float | None = 0.999,
        critic_steps: int = 1,
        seed: int = 0,
        name: str = "gan",
    ) -> None:
        """Hold the two networks.

        Args:
            generator: maps latents (n, latent_dim) float32 to images (n, h, w, c) in [-1, 1].
            discriminator: maps images to logits (no sigmoid at the end), any shape.
            latent_dim: length of a latent vector.
            average: decay in (0, 1) of the running average of the generator's weights that
                `generate` uses, or None to sample from the generator as it stands.
            critic_steps: discriminator updates per generator update; each has a batch of its own.
            seed: of the latents and of the order of the training images.
            name: the model's name.

        Raises:
            ValueError: an argument is out of its range.
        """
        super().__init__(seed=seed, name=name)
        if latent_dim < 1 or critic_steps < 1:
            raise ValueError(
                f"latent_dim and critic_steps must be at least 1, not {latent_dim}, {critic_steps}"
            )
        if average is not None and not 0 < average < 1:
            raise ValueError(f"average must lie between 0 and 1 or be None, not {average}")
        self.generator = generator
        self.discriminator = discriminator
        self.latent_dim = latent_dim
        self.average = average
        self.critic_steps = critic_steps
        self.batches_per_step = critic_steps

    def compile(
        self,
        d_optimizer: keras.optimizers.Optimizer,
        g_optimizer: keras.optimizers.Optimizer,
        **options: Any,
    ) -> None:
        """Set one optimizer for each player and build what is not built yet.

        Args:
            d_optimizer: of the discriminator.
            g_optimizer: of the generator; another object, since each keeps its own moments.
            **options: of Keras' own compile: `jit_compile`, `steps_per_execution`...

        Raises:
            ValueError: both optimizers are one object, or the discriminator ends in a sigmoid.
        """
        if d_optimizer is g_optimizer:
            raise ValueError("d_optimizer and g_optimizer are one object: make one for each player")
        super().compile(optimizer=g_optimizer, **options)
        self.d_optimizer = d_optimizer
        self.g_optimizer = g_optimizer
        inputs = self.generator_inputs(None, tf.zeros((2,), tf.int32), 2)
        fake_images = self.generator(inputs, training=False)
        self.discriminator(self.fake_inputs(fake_images, inputs), training=False)
        refuse_sigmoid(self.discriminator)
        self._sampler = Sampler(self.generator, self.average, inputs)
        self.sampler = self._sampler.network
        d_optimizer.build(self.discriminator.trainable_variables)
        g_optimizer.build(self.generator_variables())
        self.built = True  # otherwise Keras, under a strategy, calls it on images to build it
        devices.check_scope(self.distribute_strategy, [*self.variables, *g_optimizer.variables])

    def call(self, inputs: Any, training: bool = False) -> tf.Tensor:
        """Return the images that the sampling network draws from generator inputs."""
        return self.sampler(inputs, training=training)

    def generator_inputs(self, batch: Any, seed: tf.Tensor, count: int | None = None) -> Any:
        """Draw what the generator sees.

        Args:
            batch: the training batch, or None when only `count` inputs are wanted.
            seed: (2,) int32, the seed of this draw.
            count: number of inputs; by default as many as the batch has images.

        Returns:
            Latents (count, latent_dim) float32 from a standard normal distribution.
        """
        count = count or keras.tree.flatten(batch)[0].shape[0]
        return tf.random.stateless_normal((count, self.latent_dim), seed)

    def real_inputs(self, batch: Any) -> Any:
        """Return what the discriminator sees of a training batch: its images."""
        return batch[0] if isinstance(batch, tuple | list) else batch

    def fake_inputs(self, fake_images: tf.Tensor, inputs: Any) -> Any:
        """Return what the discriminator sees of a generator's draw: its images."""
        del inputs
        return fake_images

    def discriminator_loss(self, real_logits: tf.Tensor, fake_logits: tf.Tensor) -> tf.Tensor:
        """Return the discriminator's scalar loss; binary cross-entropy unless overridden."""
        return losses.cross_entropy_discriminator_loss(real_logits, fake_logits)

    def generator_loss(self, fake_logits: tf.Tensor) -> tf.Tensor:
        """Return the generator's scalar loss; the non-saturating one unless overridden."""
        return losses.cross_entropy_generator_loss(fake_logits)

    def discriminator_objective(
        self, batch: Any, inputs: Any, fake_images: tf.Tensor
    ) -> tuple[tf.Tensor, Logs]:
        """Return what the discriminator minimizes and what to log of it."""
        real_logits = self.discriminator(self.real_inputs(batch), training=True)
        fake_logits = self.discriminator(self.fake_inputs(fake_images, inputs), training=True)
        loss = self.discriminator_loss(real_logits, fake_logits)
        return loss, {
            "d_loss": loss,
            "d_real": tf.reduce_mean(tf.sigmoid(real_logits)),
            "d_fake": tf.reduce_mean(tf.sigmoid(fake_logits)),
        }

    def generator_objective(
        self, batch: Any, inputs: Any, fake_images: tf.Tensor
    ) -> tuple[tf.Tensor, Logs]:
        """Return what the generator minimizes and what to log of it."""
        del batch
        fake_logits = self.discriminator(self.fake_inputs(fake_images, inputs), training=True)
        loss = self.generator_loss(fake_logits)
        return loss, {"g_loss": loss, "d_fake_after": tf.reduce_mean(tf.sigmoid(fake_logits))}

    def generator_variables(self) -> list:
        """Return the variables that the generator's optimizer moves."""
        return self.generator.trainable_variables

    def train_step(self, batch: Any) -> Logs:
        """Update the discriminator `critic_steps` times, then the generator once.

        Args:
            batch: images (n, h, w, c) float32 in [-1, 1], alone or with labels behind them; n is
                divisible by `critic_steps`.

        Returns:
            Scalars of this very step (no running means): `d_loss`, `g_loss`, `d_real` = D(x),
            `d_fake` = D(G(z)) before and `d_fake_after` = D(G(z)) after D's update.
        """
        parts = split_batch(batch, self.critic_steps)
        for index, part in enumerate(parts[1:], start=1):
            inputs = self.draw_inputs(part, index)
            with keep_statistics(self.generator):
                fake_images = self.generator(inputs, training=True)
            self.update_discriminator(part, inputs, fake_images)
        inputs = self.draw_inputs(parts[0])
        with tf.GradientTape() as tape:
            fake_images = self.generator(inputs, training=True)
        d_logs = self.update_discriminator(parts[0], inputs, fake_images)
        g_logs = self.update_generator(parts[0], inputs, fake_images, tape)
        return {**d_logs, **g_logs}

    def update_discriminator(self, batch: Any, inputs: Any, fake_images: tf.Tensor) -> Logs:
        """Take one step of the discriminator; nothing of the generator moves."""
        with tf.GradientTape() as tape:
            loss, logs = self.discriminator_objective(batch, inputs, fake_images)
        minimize(self.d_optimizer, tape, loss, self.discriminator.trainable_variables)
        return logs

    def update_generator(
        self, batch: Any, inputs: Any, fake_images: tf.Tensor, tape: tf.GradientTape
    ) -> Logs:
        """Take one step of the generator; nothing of the discriminator moves, statistics included.

        `fake_images` were drawn from `inputs` on `tape`, which goes on recording here, so that the
        generator runs forward once per step.
        """
        with tape, keep_statistics(self.discriminator):
            loss, logs = self.generator_objective(batch, inputs, fake_images)
        minimize(self.g_optimizer, tape, loss, self.generator_variables())
        self._sampler.update(self.g_optimizer.iterations.value)
        return logs

    def draw_inputs(self, batch: Any, stream: int = 0) -> Any:
        """Draw what the generator sees in the next update; of several devices, each its share."""
        seed = step_seed(self.seed, stream, self.g_optimizer.iterations.value, shared=True)
        return devices.draw_share(self.generator_inputs, batch, seed)

    def next_seed(self, stream: int = 0) -> tf.Tensor:
        """Return the (2,) int32 seed of this device's own draws in the next update."""
        return step_seed(self.seed, stream, self.g_optimizer.iterations.value)

    def generate(self, count: int, *, seed: int = 0, batch_size: int = 250) -> np.ndarray:
        """Draw images from the averaged generator.

        Args:
            count: how many.
            seed: of the latents: the same seed gives the same images.
            batch_size: how many at a time.

        Returns:
            Images (count, h, w, c) float32 in [-1, 1].

        Raises:
            ValueError: `count` is less than 1.
        """
        if count < 1:
            raise ValueError(f"count must be at least 1, not {count}")
        return self.translate(
            self.generator_inputs(None, tf.constant([seed, 0]), count), batch_size
        )

    def translate(self, inputs: Any, batch_size: int = 250) -> np.ndarray:
        """Draw the images of given generator inputs.

        Args:
            inputs: what the generator takes: latents (n, latent_dim), or a list of tensors.
            batch_size: how many at a time.

        Returns:
            Images (n, h, w, c) float32 in [-1, 1].
        """
        step = int(keras.ops.convert_to_numpy(self.g_optimizer.iterations))
        self._sampler.refresh(
            step, lambda index: self.generator_inputs(None, tf.constant([index, step]), 64)
        )
        return self._sampler.draw(inputs, batch_size)
