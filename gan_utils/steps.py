"""Which weights one training step changes; the update orders of two well-known recipes."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import keras
import numpy as np
import tensorflow as tf

from gan_utils.gan import Logs, count_skipped, minimize


@dataclass(frozen=True)
class Moves:
    """The updates of one training step, in the order in which they ran.

    Attributes:
        rows: For each update its name, such as "discriminator", and the largest change of any
            number in each part: name of the part -> at least 0.
    """

    rows: tuple[tuple[str, dict[str, float]], ...]

    @property
    def movers(self) -> list[tuple[str, list[str]]]:
        """For each update its name and the parts that it moved."""
        return [
            (update, [part for part, change in changes.items() if change > 0])
            for update, changes in self.rows
        ]

    def __str__(self) -> str:
        """Return a table: a row for each update, a column for each part."""
        parts = list(self.rows[0][1]) if self.rows else []
        head = f"{'update of the':<16}" + "".join(f"{part:>{len(part) + 2}}" for part in parts)
        lines = [
            f"{update:<16}" + "".join(f"{changes[part]:>{len(part) + 2}.0e}" for part in parts)
            for update, changes in self.rows
        ]
        return "\n".join([head, *lines])


def who_moved(
    gan: keras.Model, batch: Any, parts: Mapping[str, Sequence[keras.Variable]] | None = None
) -> Moves:
    """Take one training step and compare all weights before and after each of its updates.

    The step really trains the model, so use one that you do not need afterwards.

    Args:
        gan: A compiled `GAN`; each of its methods `update_...` counts as an update.
        batch: What its `train_step` takes, as tensors.
        parts: Name -> variables; by default the trainable weights of generator and discriminator,
            and the moving statistics of each, where it has any.

    Returns:
        The updates; `print` shows them as a table.
    """
    parts = _players(gan) if parts is None else parts
    rows: list[tuple[str, dict[str, float]]] = []

    def watched(name: str) -> Callable[..., Any]:
        update = getattr(gan, name)

        def call(*arguments: Any) -> Any:
            before = _values(parts)
            logs = update(*arguments)
            rows.append((name.removeprefix("update_"), _largest_changes(before, _values(parts))))
            return logs

        return call

    names = [name for name in dir(type(gan)) if name.startswith("update_")]
    for name in names:
        object.__setattr__(gan, name, watched(name))
    try:
        gan.train_step(batch)
    finally:
        for name in names:
            object.__delattr__(gan, name)
    return Moves(tuple(rows))


def _players(gan: keras.Model) -> dict[str, list[keras.Variable]]:
    parts = {}
    for name in ("generator", "discriminator"):
        network = getattr(gan, name)
        parts[name] = network.trainable_weights
        # Counters, such as that of Normalization, are integers and no statistics.
        statistics = [w for w in network.non_trainable_weights if "float" in w.dtype]
        if statistics:
            parts[f"{name}'s statistics"] = statistics
    return parts


def _values(parts: Mapping[str, Sequence[keras.Variable]]) -> dict[str, list[np.ndarray]]:
    return {name: [variable.numpy() for variable in variables] for name, variables in parts.items()}


def _largest_changes(
    before: dict[str, list[np.ndarray]], after: dict[str, list[np.ndarray]]
) -> dict[str, float]:
    return {
        name: max(float(np.abs(b - a).max()) for a, b in zip(old, after[name], strict=True))
        for name, old in before.items()
    }


class ClassicOrder:
    """Mixin for a `GAN`, listed before it as a base: the update order of `train_on_batch` loops.

    The discriminator takes one step on the real images and one on as many fakes, each with a loss
    and an optimizer update of its own; the fakes are drawn in inference mode, as `predict` does.
    Then the generator takes one step on new latents, twice as many as there are real images. (`GAN`
    takes one step on both halves, and its generator learns from the same fakes.)

    A variant whose discriminator has other losses than cross-entropy defines
    `real_objective(batch)` and `fake_objective(inputs, fake_images)`: they return a scalar and
    what to log of it.
    """

    d_steps_a_batch = 2  # one of them sees real images

    def update_on_half(self, objective: Callable[..., Any], *arguments: Any) -> Logs:
        """Take one optimizer step of the discriminator on the loss of one half of the batch."""
        with tf.GradientTape() as tape:
            loss, logs = objective(*arguments)
        moved = minimize(self.d_optimizer, tape, loss, self.discriminator.trainable_variables)
        return logs | count_skipped("d_skipped", self.d_skipped, moved) | {"d_loss": loss}

    def train_step(self, batch: Any) -> Logs:
        """Update the discriminator twice and the generator once.

        Args:
            batch: As for `GAN.train_step`.

        Returns:
            Scalars of this step; `d_loss` is the sum of both halves.
        """
        inputs = self.draw_inputs(batch)
        fake_images = self.generator(inputs, training=False)
        real_objective = getattr(self, "real_objective", self._real_half)
        fake_objective = getattr(self, "fake_objective", self._fake_half)
        real_logs = self.update_on_half(real_objective, batch)
        fake_logs = self.update_on_half(fake_objective, inputs, fake_images)
        d_loss = real_logs["d_loss"] + fake_logs["d_loss"]
        # Only its size matters: as many generator inputs are drawn as it has images.
        doubled = keras.tree.map_structure(lambda part: tf.concat([part, part], axis=0), batch)
        inputs = self.draw_inputs(doubled, stream=1)
        with tf.GradientTape() as tape:
            fake_images = self.generator(inputs, training=True)
        g_logs = self.update_generator(doubled, inputs, fake_images, tape)
        return {**real_logs, **fake_logs, "d_loss": d_loss, **g_logs}

    def _real_half(self, batch: Any) -> tuple[tf.Tensor, Logs]:
        logits = self.discriminator(self.real_inputs(batch), training=True)
        return tf.reduce_mean(tf.nn.softplus(-logits)), {
            "d_real": tf.reduce_mean(tf.sigmoid(logits))
        }

    def _fake_half(self, inputs: Any, fake_images: tf.Tensor) -> tuple[tf.Tensor, Logs]:
        logits = self.discriminator(self.fake_inputs(fake_images, inputs), training=True)
        return tf.reduce_mean(tf.nn.softplus(logits)), {
            "d_fake": tf.reduce_mean(tf.sigmoid(logits))
        }


class SimultaneousOrder:
    """Mixin for a `GAN`, listed before it as a base: both players learn from one forward pass.

    This is the update order of the DCGAN tutorial of TensorFlow. The generator's gradient is that
    of the discriminator *before* its update. (`GAN` alternates: its generator learns from the
    discriminator just updated.)
    """

    def train_step(self, batch: Any) -> Logs:
        """Update both players once.

        Args:
            batch: As for `GAN.train_step`.

        Returns:
            Scalars of this step.
        """
        inputs = self.draw_inputs(batch)
        with tf.GradientTape() as g_tape, tf.GradientTape() as d_tape:
            fake_images = self.generator(inputs, training=True)
            real_logits = self.discriminator(self.real_inputs(batch), training=True)
            fake_logits = self.discriminator(self.fake_inputs(fake_images, inputs), training=True)
            d_loss = self.discriminator_loss(real_logits, fake_logits)
            g_loss = self.generator_loss(fake_logits)
        variables = self.discriminator.trainable_variables
        moved = minimize(self.d_optimizer, d_tape, d_loss, variables)
        # The tape has stored the forward pass, so D's update does not change G's gradient.
        skipped = self.move_generator(g_tape, g_loss)
        return (
            count_skipped("d_skipped", self.d_skipped, moved)
            | skipped
            | {
                "d_loss": d_loss,
                "g_loss": g_loss,
                "d_real": tf.reduce_mean(tf.sigmoid(real_logits)),
                "d_fake": tf.reduce_mean(tf.sigmoid(fake_logits)),
            }
        )
