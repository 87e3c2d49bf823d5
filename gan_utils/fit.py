"""What `GAN.fit` adds to Keras' own: resuming, several devices, memory errors with advice."""

import time
from collections.abc import Iterator, Sequence
from contextlib import ExitStack, contextmanager
from typing import Any

import keras
import numpy as np
import tensorflow as tf

from gan_utils import distribution, model_checks
from gan_utils.callbacks import Checkpoint
from gan_utils.data import Batches, ImageSet
from gan_utils.data.batches import ShuffledBatches, untuned


@contextmanager
def prepared(
    model: keras.Model,
    x: Any,
    y: np.ndarray | None,
    batch_size: int,
    *,
    callbacks: Sequence[keras.callbacks.Callback],
    **options: Any,
) -> Iterator[tuple[Any, dict[str, Any]]]:
    """Restore a model from its last checkpoint, and bring its data into the form for Keras' `fit`.

    Args:
        model: Compiled; the arguments are those of `GAN.fit`.
        x: Images, batches, or a dataset.
        y: Labels, or None.
        batch_size: Images per update of one player, where `x` is an array.
        callbacks: Any; a `Checkpoint` among them is called last.
        **options: Of Keras' `fit`.

    Yields:
        The data and the options for Keras' `fit`. Inside the block an out-of-memory error of
        TensorFlow becomes a `MemoryError` that says what to do.

    Raises:
        ValueError, OSError, MemoryError: As in `GAN.fit`.
    """
    x = _batches(model, x, y, batch_size, options)
    # A checkpoint comes last: what other callbacks write must never be older than it.
    callbacks = sorted(
        keras.tree.flatten(callbacks or []), key=lambda callback: isinstance(callback, Checkpoint)
    )
    with ExitStack() as held:
        if callbacks and isinstance(callbacks[-1], Checkpoint):
            held.enter_context(callbacks[-1].alone())
            options["initial_epoch"] = callbacks[-1].resume(model)
        model.first_epoch = options.get("initial_epoch", 0)
        now = None
        if isinstance(x, ShuffledBatches):
            now = x.batch_size // model.batches_per_step
            options["steps_per_epoch"] = x.steps_per_epoch
            x = x.dataset(model.first_epoch)
        x = untuned(x)
        if now is None:  # a dataset of the user's own
            x = model_checks.checked_dataset(x)
        x = share(model, x, options)
        if not distribution.is_chief():
            options["verbose"] = 0
        # The order is settled above; Keras would only warn that it cannot shuffle a dataset.
        options.setdefault("shuffle", False)
        held.enter_context(_explained_memory(now))
        yield x, {**options, "callbacks": [_clock(model), *callbacks]}


def _batches(
    model: keras.Model, x: Any, y: np.ndarray | None, batch_size: int, options: dict[str, Any]
) -> ShuffledBatches | tf.data.Dataset:
    """Make batches of an array, and check what else is given; see `prepared`."""
    if isinstance(x, np.ndarray | ImageSet):
        size, steps = batch_size * model.batches_per_step, options.pop("steps_per_epoch", None)
        found = Batches(x, y, batch_size=size, steps_per_epoch=steps, seed=model.seed)
        if isinstance(x, np.ndarray) and x.dtype != np.uint8:
            model_checks.check_range(x, "the array of images")
        return found
    if y is not None:
        raise ValueError("y is given, but x is not an array of images and brings its own labels")
    if not isinstance(x, ShuffledBatches | tf.data.Dataset):
        raise ValueError(
            "fit takes an array of images, an ImageSet, Batches, PairBatches or a tf.data.Dataset, "
            f"not {type(x).__name__}"
        )
    asked = options.get("steps_per_epoch")
    if isinstance(x, ShuffledBatches) and asked not in (None, x.steps_per_epoch):
        raise ValueError(
            f"steps_per_epoch is {asked}, but the batches have {x.steps_per_epoch}: give it to "
            f"{type(x).__name__} instead"
        )
    return x


def _clock(model: keras.Model) -> keras.callbacks.Callback:
    """Return a callback that keeps `model.seconds`, by a clock that never goes back."""
    start = time.perf_counter() - model.seconds

    def read_clock(epoch: int, logs: dict | None = None) -> None:
        model.seconds = time.perf_counter() - start

    return keras.callbacks.LambdaCallback(on_epoch_end=read_clock)


def share(model: keras.Model, dataset: tf.data.Dataset, options: dict[str, Any]) -> Any:
    """Distribute a dataset over the devices, after a check that they train the same run.

    Args:
        model: With the attributes `seed`, `first_epoch` and `batches_per_step`.
        dataset: With batches of fixed size, the same ones in every process.
        options: Of Keras' `fit`; gets `steps_per_epoch` when the dataset ends.

    Returns:
        What Keras' `fit` takes: the dataset itself when there is one device.

    Raises:
        ValueError: The batches have no fixed size, or not one that `batches_per_step` divides; or,
            on several devices, they do not divide by the devices or differ between the workers.
    """
    strategy = model.distribute_strategy
    sizes, parts = distribution.batch_sizes(dataset), model.batches_per_step
    if sizes and sizes[0] % parts:
        raise ValueError(
            f"a batch has {sizes[0]} images, which {parts} updates of the discriminator "
            f"(critic_steps) cannot share: choose a batch size that is a multiple of {parts}"
        )
    if strategy.num_replicas_in_sync == 1:
        return dataset
    if dataset.cardinality() != tf.data.INFINITE_CARDINALITY:
        steps = int(dataset.cardinality())
        if steps < 1 and "steps_per_epoch" not in options:
            raise ValueError("the dataset's length is unknown: give fit(steps_per_epoch=...)")
        options.setdefault("steps_per_epoch", steps)
        dataset = dataset.repeat()
    distribution.check_same(
        strategy,
        seed=model.seed,
        epochs_finished=model.first_epoch,
        steps_per_epoch=options.get("steps_per_epoch") or 0,
        batch_size=sizes[0],
    )
    distribution.spread_dropout(strategy, model.variables)
    return distribution.distribute(strategy, dataset, model.batches_per_step)


@contextmanager
def _explained_memory(batch_size: int | None) -> Iterator[None]:
    """Turn TensorFlow's out-of-memory error into a `MemoryError` that says what to do."""
    try:
        yield
    except tf.errors.ResourceExhaustedError as error:
        if "space left" in error.message:  # of a disk that TensorBoard's events fill
            raise
        now = "" if batch_size is None else f" (it is {batch_size} now)"
        reason = error.message.strip().split("\n", 1)[0]
        raise MemoryError(
            f"A step needs more memory than there is: make batch_size smaller{now}; half of it "
            f"takes about half the memory. Checkpoints stay as they are. TensorFlow says: {reason}"
        ) from error
