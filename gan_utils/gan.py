"""The alternating update of a generative adversarial network as a Keras model."""

import contextlib
from collections.abc import Iterator, Sequence
from typing import Any

import keras
import numpy as np
import tensorflow as tf

from gan_utils import _aliases, distribution, fit, fused_adam, losses, model_checks, precision
from gan_utils.data.batches import check_integer
from gan_utils.ema import MovingAverage

Logs = dict[str, tf.Tensor]

_NO_VALIDATION = (
    "a GAN has no validation loss, since its losses do not measure image quality: compare samples "
    "with held-out images instead, in a callback or after fit, for example "
    "metrics.fid(lenet.features(gan.generate(1000)), lenet.features(held_out))"
)
_NOT_SAVED = (
    "a GAN is not saved as a whole: call gan.generate(1), which recomputes the BatchNorm "
    "statistics, then gan.ema_generator.save(path); or give fit a gan_utils.Checkpoint(folder), "
    "which saves all that a run needs to resume"
)


class GAN(keras.Model):
    """A generator and a discriminator trained in turns: a Keras model with its own `train_step`.

    A variant overrides what differs: `generator_inputs`, `real_inputs` and `fake_inputs` (what each
    network sees), `discriminator_loss` and `generator_loss` (functions of logits), or the two
    `..._objective` methods where a loss needs more than logits.

    Source: Goodfellow et al., Generative Adversarial Nets, 2014, algorithm 1. The generator step
    reuses the discriminator step's latents and is scored by the updated discriminator.
    """

    average = _aliases.attribute("average", "ema_decay")
    sampler = _aliases.attribute("sampler", "ema_generator")

    @_aliases.arguments(average="ema_decay")
    def __init__(
        self,
        generator: keras.Model,
        discriminator: keras.Model,
        latent_dim: int,
        *,
        ema_decay: float | None = 0.999,
        critic_steps: int = 1,
        seed: int = 0,
        name: str = "gan",
    ) -> None:
        """Store the two networks and the hyperparameters of the training step.

        Args:
            generator: Maps latents (n, latent_dim) float32 to images (n, h, w, c) in [-1, 1].
            discriminator: Maps images to logits (no sigmoid at the end), any shape.
            latent_dim: Length of a latent vector.
            ema_decay: Decay in (0, 1) of the exponential moving average (EMA) of the generator's
                weights that `generate` uses, or None to sample from the generator itself.
            critic_steps: Discriminator updates per generator update; each has a batch of its own.
            seed: Seed of the latents and of the order of the training images.
            name: The model's name.

        Raises:
            ValueError: `latent_dim` or `critic_steps` is below 1, `ema_decay` is not in (0, 1), or
                `seed` is not an integer of at least 0.
        """
        super().__init__(name=name, autocast=False)  # each network casts what it is called with
        if latent_dim < 1 or critic_steps < 1:
            raise ValueError(
                f"latent_dim and critic_steps must be at least 1, not {latent_dim}, {critic_steps}"
            )
        if ema_decay is not None and not 0 < ema_decay < 1:
            raise ValueError(f"ema_decay must lie between 0 and 1 or be None, not {ema_decay}")
        check_integer("seed", seed, 0)
        self.seed = int(seed)  # a NumPy integer cannot be written to a checkpoint
        self.seconds = 0.0  # of training, before a resume too
        self.first_epoch = 0
        self.generator = generator
        self.discriminator = discriminator
        self.latent_dim = latent_dim
        self.ema_decay = ema_decay
        self.critic_steps = critic_steps
        self.batches_per_step = critic_steps
        self.d_skipped = self.g_skipped = self._element_spec = None

    def compile(
        self,
        d_optimizer: str | dict | keras.optimizers.Optimizer,
        g_optimizer: str | dict | keras.optimizers.Optimizer,
        **options: Any,
    ) -> None:
        """Set one optimizer for each player, and build the networks, the EMA and the optimizers.

        Where a network computes in float16, both optimizers are wrapped in Keras'
        `LossScaleOptimizer`, as Keras' own compile does (unless `auto_scale_loss=False`).

        Args:
            d_optimizer: The discriminator's optimizer, or its name or config as in Keras.
            g_optimizer: The generator's; another object, since each keeps its own moments.
            **options: Of Keras' own compile: `jit_compile`, `steps_per_execution`...

        Raises:
            ValueError: Both optimizers are one object, the discriminator ends in a sigmoid, a
                network keeps its weights in 16 or 64 bits, Keras cannot copy the generator for the
                EMA, or the variables were not made in the scope of one `tf.distribute` strategy.

        Warns:
            UserWarning: The discriminator seems to return probabilities in place of logits, or the
                generator images in [0, 1] in place of [-1, 1].
        """
        d_optimizer, g_optimizer = map(keras.optimizers.get, (d_optimizer, g_optimizer))
        if d_optimizer is g_optimizer:
            raise ValueError("d_optimizer and g_optimizer are one object: make one for each player")
        precision.hint_at_bfloat16()
        networks = self.layers
        if options.get("auto_scale_loss", True):
            d_optimizer, g_optimizer = (
                precision.scaled(optimizer, self, *networks)
                for optimizer in (d_optimizer, g_optimizer)
            )
        super().compile(optimizer=g_optimizer, **options)
        self.d_optimizer = d_optimizer
        self.g_optimizer = g_optimizer
        for network in networks:
            precision.return_float32(network)
        inputs = self.generator_inputs(None, tf.zeros((2,), tf.int32), 2)
        fake_images = self.generator(inputs, training=False)
        self.discriminator(self.fake_inputs(fake_images, inputs), training=False)
        model_checks.refuse_sigmoid(self.discriminator)
        model_checks.warn_of_probabilities(self, fake_images, inputs)
        model_checks.warn_of_positive_images(self.generator, fake_images)
        for network in networks:
            precision.require_float32_weights(network)
        self._count_skipped()
        self._ema = MovingAverage(self.generator, self.ema_decay, inputs)
        self.ema_generator = self._ema.network
        weights = self.discriminator.trainable_variables, self.generator_variables()
        for optimizer, trained in zip((d_optimizer, g_optimizer), weights, strict=True):
            optimizer.build(trained)
            fused_adam.fuse_updates(optimizer, trained)
        self.built = True  # otherwise Keras, under a strategy, calls it on images to build it
        distribution.check_scope(
            self.distribute_strategy, [*self.variables, *g_optimizer.variables]
        )

    def _count_skipped(self) -> None:
        """Add a counter of skipped updates for each optimizer that can skip one."""
        for player in ("d", "g"):
            optimizer = getattr(self, f"{player}_optimizer")
            scales = isinstance(optimizer, keras.optimizers.LossScaleOptimizer)
            if scales and getattr(self, f"{player}_skipped") is None:
                counter = self.add_weight(
                    (),
                    "zeros",
                    "int32",
                    trainable=False,
                    aggregation="only_first_replica",
                    name=f"{player}_skipped",
                )
                setattr(self, f"{player}_skipped", counter)

    def fit(
        self,
        x: Any,
        y: np.ndarray | None = None,
        *,
        batch_size: int = 64,
        epochs: int = 1,
        callbacks: Sequence[keras.callbacks.Callback] = (),
        **options: Any,
    ) -> keras.callbacks.History:
        """Train; go on from the last checkpoint if `callbacks` holds a `Checkpoint` that has one.

        Args:
            x: Images (n, h, w, c), uint8 in [0, 255] or float32 in [-1, 1]; or an `ImageSet`; or
                `Batches` or `PairBatches`; or a `tf.data.Dataset` of batches of fixed size. The
                order of all but the last depends on seed and epoch alone, so that a resumed run
                sees the batches that an uninterrupted one does.
            y: Labels (n,) int, for variants that use them; an `ImageSet` brings its own.
            batch_size: Images per update of one player, on all devices together (for arrays and an
                `ImageSet` only; batches and data sets bring theirs).
            epochs: Index of the epoch at which to stop, as in Keras: of a resumed run, the total.
            callbacks: Keras' or the book's own.
            **options: Of Keras' own `fit` (`verbose`, `steps_per_epoch`, `initial_epoch`, ...),
                but no validation: a GAN has no validation loss.

        Returns:
            Keras' history: the last step's values of each epoch.

        Raises:
            ValueError: Validation data are given; images have a wrong shape, dtype or range;
                labels do not match them; the checkpoint is damaged or belongs to another run;
                `critic_steps` or the devices cannot share a batch, or the devices were started
                with different data.
            OSError: Another run keeps its checkpoints in the same folder, a checkpoint cannot be
                opened, or a callback cannot write a file.
            FloatingPointError: A checkpoint is due and a weight is NaN or infinite.
            MemoryError: A step needs more memory than there is; the message names `batch_size`.
        """
        if options.get("validation_data") is not None or options.get("validation_split"):
            raise ValueError(_NO_VALIDATION)
        with fit.prepared(self, x, y, batch_size, callbacks=callbacks, **options) as (data, rest):
            # A step that is traced again for batches of another size would get size None, and the
            # generator draws as many inputs as the batch has images: such batches get a new step.
            if data.element_spec != self._element_spec:
                self.train_function, self._element_spec = None, data.element_spec
            return super().fit(data, epochs=epochs, **rest)

    def evaluate(self, *args: Any, **options: Any) -> None:
        """Raise NotImplementedError: a GAN has no validation loss."""
        raise NotImplementedError(_NO_VALIDATION)

    def save(self, *args: Any, **options: Any) -> None:
        """Raise NotImplementedError: save the generator, or use `Checkpoint`."""
        raise NotImplementedError(_NOT_SAVED)

    def get_config(self) -> dict[str, Any]:
        """Raise NotImplementedError, as `save` does: this is what Keras would save."""
        raise NotImplementedError(_NOT_SAVED)

    def make_train_function(self, force: bool = False) -> Any:
        """Return the function that `fit` calls; on several devices it averages their logs."""
        if self.distribute_strategy.num_replicas_in_sync == 1:
            return super().make_train_function(force)
        if self.train_function is None or force:
            self.train_function = distribution.averaging_train_function(self)
        return self.train_function

    def _maybe_symbolic_build(self, *args: Any, **options: Any) -> None:
        """Do nothing: `compile` has built everything that Keras would build here from a batch.

        The one private method of Keras that this package overrides; a Keras without it never
        calls it.
        """

    def call(self, inputs: Any, training: bool = False) -> tf.Tensor:
        """Return the images (n, h, w, c) that the EMA generator draws from generator inputs."""
        return self.ema_generator(inputs, training=training)

    def generator_inputs(self, batch: Any, seed: tf.Tensor, count: int | None = None) -> Any:
        """Draw the generator's inputs.

        Args:
            batch: The training batch, or None when only `count` inputs are wanted.
            seed: (2,) int32, the seed of this draw.
            count: Number of inputs; by default as many as the batch has images.

        Returns:
            Latents (count, latent_dim) float32 from a standard normal distribution.
        """
        count = count or keras.tree.flatten(batch)[0].shape[0]
        return tf.random.stateless_normal((count, self.latent_dim), seed)

    def real_inputs(self, batch: Any) -> Any:
        """Return the discriminator's inputs for a training batch: its images (n, h, w, c)."""
        return batch[0] if isinstance(batch, tuple | list) else batch

    def fake_inputs(self, fake_images: tf.Tensor, inputs: Any) -> Any:
        """Return the discriminator's inputs for fake images: the images (n, h, w, c)."""
        del inputs
        return fake_images

    def discriminator_loss(self, real_logits: tf.Tensor, fake_logits: tf.Tensor) -> tf.Tensor:
        """Return the discriminator's scalar loss; unless overridden, binary cross-entropy."""
        return losses.cross_entropy_discriminator_loss(real_logits, fake_logits)

    def generator_loss(self, fake_logits: tf.Tensor) -> tf.Tensor:
        """Return the generator's scalar loss; unless overridden, the non-saturating one."""
        return losses.cross_entropy_generator_loss(fake_logits)

    def discriminator_objective(
        self, batch: Any, inputs: Any, fake_images: tf.Tensor
    ) -> tuple[tf.Tensor, Logs]:
        """Return the scalar that the discriminator minimizes, and the scalars to log."""
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
        """Return the scalar that the generator minimizes, and the scalars to log."""
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
            batch: Images (n, h, w, c) float32 in [-1, 1], alone or followed by labels; n is
                divisible by `critic_steps`.

        Returns:
            Scalars of this very step (no running means): `d_loss`, `g_loss`, and as means over the
            batch `d_real` = D(x), `d_fake` = D(G(z)) before and `d_fake_after` = D(G(z)) after D's
            update. With loss scaling also `d_skipped` and `g_skipped`, updates skipped so far.
        """
        # Every update of the discriminator sees real images of its own, as in algorithm 1.
        parts = split_batch(batch, self.critic_steps)
        for index, part in enumerate(parts[1:], start=1):
            inputs = self.draw_inputs(part, index)
            # No tape: the generator does not learn from these images. They are drawn with
            # training=True, as in the last update of the step, so that D sees fakes of one kind;
            # the moving statistics are restored, since this is not an update of the generator.
            with keep_statistics(self.generator):
                fake_images = self.generator(inputs, training=True)
            self.update_discriminator(part, inputs, fake_images)
        inputs = self.draw_inputs(parts[0])
        # One forward pass of the generator serves both players: the discriminator's update moves
        # none of the generator's weights, so the images and the tape stay valid for its own.
        with tf.GradientTape() as tape:
            fake_images = self.generator(inputs, training=True)
        d_logs = self.update_discriminator(parts[0], inputs, fake_images)
        g_logs = self.update_generator(parts[0], inputs, fake_images, tape)
        return {**d_logs, **g_logs}

    def update_discriminator(self, batch: Any, inputs: Any, fake_images: tf.Tensor) -> Logs:
        """Take one optimizer step of the discriminator; the generator's weights stay fixed."""
        # `fake_images` were computed outside of this tape: no gradient reaches the generator.
        with tf.GradientTape() as tape:
            loss, logs = self.discriminator_objective(batch, inputs, fake_images)
        moved = minimize(self.d_optimizer, tape, loss, self.discriminator.trainable_variables)
        return logs | count_skipped("d_skipped", self.d_skipped, moved)

    def update_generator(
        self, batch: Any, inputs: Any, fake_images: tf.Tensor, tape: tf.GradientTape
    ) -> Logs:
        """Take one optimizer step of the generator; the discriminator stays as it is.

        `fake_images` were drawn from `inputs` on `tape`, which goes on recording here, so that the
        generator runs forward once per step.
        """
        # The discriminator runs with training=True, as in its own update, so that its
        # BatchNormalization treats the fakes in the same way; its moving statistics are restored.
        with tape, keep_statistics(self.discriminator):
            loss, logs = self.generator_objective(batch, inputs, fake_images)
        return logs | self.move_generator(tape, loss)

    def move_generator(self, tape: tf.GradientTape, loss: tf.Tensor) -> Logs:
        """Take one optimizer step of the generator, then update the EMA of its weights."""
        moved = minimize(self.g_optimizer, tape, loss, self.generator_variables())
        # After the optimizer step, so that the EMA includes the newest weights.
        self._ema.update(self.g_optimizer.iterations.value, moved)
        return count_skipped("g_skipped", self.g_skipped, moved)

    def draw_inputs(self, batch: Any, stream: int = 0) -> Any:
        """Draw the generator's inputs for the next update; on several devices, this one's share."""
        seed = step_seed(self.seed, stream, self._steps_taken(), shared=True)
        return distribution.draw_share(self.generator_inputs, batch, seed)

    def next_seed(self, stream: int = 0) -> tf.Tensor:
        """Return the (2,) int32 seed of this device's own draws in the next update."""
        return step_seed(self.seed, stream, self._steps_taken())

    def _steps_taken(self) -> tf.Tensor:
        """Return how many updates the generator has had, those skipped by loss scaling included."""
        taken = self.g_optimizer.iterations.value
        if self.g_skipped is None:
            return taken
        return taken + tf.cast(self.g_skipped.value, taken.dtype)

    def generate(self, count: int, *, seed: int = 0, batch_size: int = 250) -> np.ndarray:
        """Generate images with the EMA generator (without EMA, with the generator itself).

        Args:
            count: Number of images.
            seed: Seed of the latents: the same seed gives the same images.
            batch_size: Images per forward pass.

        Returns:
            Images (count, h, w, c) float32 in [-1, 1].

        Raises:
            ValueError: `count` or `batch_size` is less than 1, or the model is not compiled.
        """
        if count < 1:
            raise ValueError(f"count must be at least 1, not {count}")
        return self.translate(
            self.generator_inputs(None, tf.constant([seed, 0]), count), batch_size
        )

    def translate(self, inputs: Any, batch_size: int = 250) -> np.ndarray:
        """Generate the images of given generator inputs, with the EMA generator as `generate` does.

        The BatchNorm statistics of the EMA generator are recomputed first, once per update.

        Args:
            inputs: What the generator takes: latents (n, latent_dim), or a list of tensors.
            batch_size: Images per forward pass.

        Returns:
            Images (n, h, w, c) float32 in [-1, 1].

        Raises:
            ValueError: `batch_size` is less than 1, or the model is not compiled.
        """
        if batch_size < 1:
            raise ValueError(f"batch_size must be at least 1, not {batch_size}")
        if not self.compiled:
            raise ValueError("compile the GAN first: compile builds its networks and the EMA")
        step = int(keras.ops.convert_to_numpy(self.g_optimizer.iterations))
        self._ema.refresh(
            step, lambda index: self.generator_inputs(None, tf.constant([index, step]), 64)
        )
        return self._ema.draw(inputs, batch_size)

    def restored(self) -> None:
        """Note that all weights have been replaced, as `checkpoints.load` does."""
        self._ema.forget()


def step_seed(seed: int, stream: int, step: tf.Tensor, *, shared: bool = False) -> tf.Tensor:
    """Return a (2,) int32 seed that differs by run, stream, step and, unless shared, device.

    Args:
        seed: Seed of the run.
        stream: Number that distinguishes the draws within one step.
        step: Updates so far, int.
        shared: Whether all devices get the same seed, that of a run on one device.
    """
    context = tf.distribute.get_replica_context()
    replica = context.replica_id_in_sync_group if context and not shared else 0
    by_step = tf.random.experimental.stateless_fold_in(
        tf.constant([seed, stream]), tf.cast(step, tf.int32)
    )
    return tf.random.experimental.stateless_fold_in(by_step, replica)


def split_batch(batch: Any, parts: int) -> list:
    """Cut a batch (a tensor, or a structure of them) into equal parts along its first axis."""
    if parts == 1:
        return [batch]
    cut = [tf.split(tensor, parts) for tensor in keras.tree.flatten(batch)]
    return [keras.tree.pack_sequence_as(batch, part) for part in zip(*cut, strict=True)]


def count_skipped(name: str, counter: keras.Variable | None, moved: tf.Tensor | None) -> Logs:
    """Add an update skipped by loss scaling to its counter; return the count so far as a log."""
    if counter is None or moved is None:
        return {}
    counter.assign_add(tf.cast(~moved, tf.int32))
    return {name: tf.cast(counter.value, tf.float32)}


@contextlib.contextmanager
def keep_statistics(network: keras.Model) -> Iterator[None]:
    """Restore a network's non-trainable weights, such as moving statistics, after the block."""
    variables = network.non_trainable_weights
    before = [tf.identity(variable.value) for variable in variables]
    yield
    for variable, value in zip(variables, before, strict=True):
        variable.assign(value)


def minimize(
    optimizer: keras.optimizers.Optimizer, tape: tf.GradientTape, loss: tf.Tensor, variables: list
) -> tf.Tensor | None:
    """Take one optimizer step down the gradient of a scalar loss.

    Args:
        optimizer: Built on `variables`.
        tape: The tape that recorded `loss`.
        loss: A scalar; under `tf.distribute` the mean over one replica's share of the batch.
        variables: The variables to update.

    Returns:
        A scalar bool: whether the step was taken; an optimizer that scales the loss skips it when
        a gradient is not finite. None for another optimizer.

    Raises:
        ValueError: The loss is not a scalar, or does not depend on one of the variables.
    """
    if loss.shape.rank != 0:
        raise ValueError(
            f"a loss must be a scalar, not of shape {tuple(loss.shape)}: take its mean over the "
            "batch (and over the patches, if there are any)"
        )
    # Keras sums gradients over replicas, and each loss is the mean over one replica's share of the
    # batch: divided by the number of replicas, the sum is the gradient of the mean over the batch.
    share = tf.constant(1 / tf.distribute.get_strategy().num_replicas_in_sync)
    # Loss scaling multiplies the gradient at the loss, not the loss itself, which is logged as it
    # is. `apply_gradients` divides by the same scale.
    scale = tf.cast(optimizer.scale_loss(share), loss.dtype)
    gradients = tape.gradient(loss, variables, output_gradients=scale)
    # Keras would only warn and skip such a variable, and the layer would never learn.
    missing = [v.path for v, g in zip(variables, gradients, strict=True) if g is None]
    if missing:
        raise ValueError(
            f"the loss does not depend on {', '.join(missing)}, which would never learn: check "
            "that every layer is called and that nothing between it and the loss is "
            "non-differentiable"
        )
    gradients, moved = precision.finite_everywhere(optimizer, gradients)
    optimizer.apply_gradients(zip(gradients, variables, strict=True))
    return moved
