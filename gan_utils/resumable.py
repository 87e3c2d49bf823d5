"""Keras' `fit` with images in memory, an order that can be resumed, and checkpoints."""

import time
from collections.abc import Iterator, Sequence
from contextlib import ExitStack, contextmanager, nullcontext
from typing import Any

import keras
import numpy as np
import tensorflow as tf

from gan_utils.batches import Batches, untuned
from gan_utils.distributed import DistributedModel
from gan_utils.workers import is_chief


class ResumableModel(DistributedModel):
    """A Keras model whose `fit` goes on where a killed run stopped, with the same result."""

    def __init__(self, *, seed: int, name: str) -> None:
        """Remember the seed of the run; `seconds` counts its training, before a resume too."""
        super().__init__(name=name)
        self.seed = seed
        self.first_epoch = 0
        self.batches_per_step = 1
        self.seconds = 0.0

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
            x: images (n, h, w, c), uint8 in [0, 255] or float32 in [-1, 1]; or `Batches`; or a
                `tf.data.Dataset` of float32 batches of fixed size. The first two are shuffled by
                epoch and seed alone, so that a resumed run sees what an uninterrupted one does.
            y: labels (n,) int, for variants that use them.
            batch_size: images per update of one player (arrays only), on all devices together.
            epochs: at which epoch to stop.
            callbacks: Keras' or the book's own.
            **options: of Keras' own `fit` (`verbose`, `steps_per_epoch`, `initial_epoch`, ...).

        Returns:
            Keras' history: the last step's values of each epoch.

        Raises:
            ValueError: images or labels that do not fit, a checkpoint that cannot be used, or
                devices that cannot share a batch or disagree.
            OSError: another run keeps its checkpoints in the same folder.
            MemoryError: a step needs more memory than there is; the message names `batch_size`.
        """
        if isinstance(x, np.ndarray):
            x = Batches(x, y, batch_size=batch_size * self.batches_per_step, seed=self.seed)
        # A checkpoint comes last: what other callbacks write must never be older than it.
        callbacks = sorted(callbacks, key=lambda callback: hasattr(callback, "resume"))
        with ExitStack() as held:
            if callbacks and hasattr(callbacks[-1], "resume"):
                held.enter_context(getattr(callbacks[-1], "alone", nullcontext)())
                options["initial_epoch"] = callbacks[-1].resume(self)
            self.first_epoch = options.get("initial_epoch", 0)
            callbacks.insert(0, self._clock())
            if isinstance(x, Batches):
                held.enter_context(_explained_memory(x.batch_size // self.batches_per_step))
                options["steps_per_epoch"] = x.steps_per_epoch
                x = x.dataset(self.first_epoch)
            else:
                held.enter_context(_explained_memory(None))
            if isinstance(x, tf.data.Dataset):
                x = untuned(x)
            x = self.share(x, options, self.batches_per_step)
            if not is_chief():
                options["verbose"] = 0
            # The order is settled above; Keras would only warn that it cannot shuffle a dataset.
            options.setdefault("shuffle", False)
            return super().fit(x, epochs=epochs, callbacks=callbacks, **options)

    def _clock(self) -> keras.callbacks.Callback:
        """Return a callback that counts `seconds`, whatever happens to the time of day."""
        start = time.perf_counter() - self.seconds

        def read_clock(epoch: int, logs: dict | None = None) -> None:
            self.seconds = time.perf_counter() - start

        return keras.callbacks.LambdaCallback(on_epoch_end=read_clock)


@contextmanager
def _explained_memory(batch_size: int | None) -> Iterator[None]:
    """Turn TensorFlow's error about memory into one that says what to do."""
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
