"""Keras callbacks: checkpoints, sample grids, curves by step, schedules, TensorBoard, NaN."""

import math
from collections.abc import Callable
from contextlib import AbstractContextManager, nullcontext
from pathlib import Path
from typing import Any

import keras
import numpy as np
import tensorflow as tf

from gan_utils import _aliases, animation, checkpoints, images, io
from gan_utils.distribution import is_chief
from gan_utils.io import alone_in


class Checkpoint(keras.callbacks.Callback):
    """Saves the full state of a training every few epochs; `GAN.fit` resumes from the newest."""

    def __init__(self, folder: str | Path, *, every: int = 1, keep: int = 2) -> None:
        """Choose where and how often.

        Args:
            folder: A folder for this run alone; made when missing.
            every: Epochs between two checkpoints; the last epoch always has one.
            keep: How many files to keep; older ones are deleted once a newer one is complete.

        Raises:
            ValueError: `every` or `keep` is less than 1.
        """
        super().__init__()
        if every < 1 or keep < 1:
            raise ValueError(f"every and keep must be at least 1, not {every} and {keep}")
        self.folder = Path(folder)
        self.every = every
        self.keep = keep

    def alone(self) -> AbstractContextManager:
        """Return a context manager that locks the folder; OSError if another run has locked it."""
        return alone_in(self.folder) if is_chief() else nullcontext()

    def resume(self, model: keras.Model) -> int:
        """Restore a compiled model from the newest checkpoint.

        Args:
            model: With the networks and optimizers of the run that wrote the checkpoint.

        Returns:
            Epochs finished, 0 when there is no checkpoint yet.

        Raises:
            ValueError: The newest file is damaged or of another run (the message names it).
            OSError: It cannot be opened.
        """
        epochs = checkpoints.epochs_in(self.folder)
        return (
            checkpoints.load(model, checkpoints.path_of(self.folder, epochs[-1])) if epochs else 0
        )

    def on_epoch_end(self, epoch: int, logs: dict | None = None) -> None:
        """Write a checkpoint if one is due, and delete those beyond `keep`.

        Raises:
            OSError: The folder cannot be written (the message names it).
            FloatingPointError: A weight is NaN or infinite; nothing is written.
        """
        finished = epoch + 1
        last = finished == self.params["epochs"] or self.model.stop_training
        due = last or finished % self.every == 0
        if not due or not is_chief():
            return
        checkpoints.save(self.model, self.folder, finished)
        for old in checkpoints.epochs_in(self.folder)[: -self.keep]:
            checkpoints.path_of(self.folder, old).unlink(missing_ok=True)


class SampleGrid(keras.callbacks.Callback):
    """Generates images from the same inputs after each epoch, to watch the generator learn.

    Attributes:
        frames: Grids (height, width, channels) uint8, of the untrained generator and of each epoch.
    """

    def __init__(
        self, inputs: Any, *, columns: int | None = None, folder: str | Path | None = None
    ) -> None:
        """Choose the inputs and the form of the grid.

        Args:
            inputs: Generator inputs, fixed for the run: latents (n, latent_dim) float32, or a list
                with labels.
            columns: Images in a row; default: as square as possible.
            folder: Where a PNG of each epoch is kept, so that a resumed run has its earlier frames.
        """
        super().__init__()
        self.inputs = inputs
        self.columns = columns
        self.folder = Path(folder) if folder else None
        self.frames: list[np.ndarray] = []

    def on_train_begin(self, logs: dict | None = None) -> None:
        """Draw the untrained generator's grid; in a resumed run, read the frames so far."""
        first = self.model.first_epoch
        if first and self.folder:
            files = [self.folder / f"epoch-{epoch:04d}.png" for epoch in range(first + 1)]
            self.frames = animation.read_frames(files)
        elif not self.frames:
            self._draw(0)

    def on_epoch_end(self, epoch: int, logs: dict | None = None) -> None:
        """Draw the grid after an epoch."""
        self._draw(epoch + 1)

    def _draw(self, finished: int) -> None:
        """Add a frame, and write it if there is a folder."""
        frame = images.grid(self.model.translate(self.inputs), columns=self.columns)
        self.frames.append(frame)
        if self.folder and is_chief():
            animation.write_frame(frame, self.folder / f"epoch-{finished:04d}.png")

    def save_gif(self, path: str | Path) -> Path:
        """Write a GIF of the frames: `animation.keep_frames` and the last; return its path."""
        if not is_chief():
            return Path(path)
        kept = {*animation.keep_frames(len(self.frames)), len(self.frames) - 1}
        frames = [self.frames[index] for index in sorted(kept)] if self.frames else []
        return animation.save_gif(frames, path)


class StepHistory(keras.callbacks.Callback):
    """Keeps the logs of every step (or every n-th), in memory and in a file that a resume reads."""

    def __init__(self, path: str | Path | None = None, *, every: int = 1) -> None:
        """Choose the file and how many steps lie between two rows.

        Args:
            path: A CSV file with one row for each kept step, flushed after each epoch.
            every: Steps between two rows.

        Raises:
            ValueError: `every` is less than 1.
        """
        super().__init__()
        if every < 1:
            raise ValueError(f"every must be at least 1, not {every}")
        self.path = Path(path) if path else None
        self.every = every
        self.rows: list[dict[str, float]] = []

    @property
    def history(self) -> dict[str, list[float]]:
        """Columns `step`, `d_loss`, `g_loss`, ... with one value for each kept step."""
        return {name: [row[name] for row in self.rows] for name in (self.rows or [{}])[0]}

    def on_train_begin(self, logs: dict | None = None) -> None:
        """Read the rows of the finished epochs; rows of an unfinished epoch are dropped.

        Raises:
            ValueError: The file is damaged (the message names it), or the number of steps in an
                epoch is unknown; it is left as it is.
        """
        steps, first = self.params["steps"], self.model.first_epoch
        if first and steps is None and self.path and self.path.is_file():
            raise ValueError(
                f"{self.path} cannot be continued: the dataset's length is unknown; give "
                "fit(steps_per_epoch=...)"
            )
        done = first * (steps or 0)
        if done and self.path and self.path.is_file():
            rows = io.read_rows(self.path)
            self.rows = [row for row in rows if row["step"] <= done]
        self._step = done

    def on_train_batch_end(self, batch: int, logs: dict | None = None) -> None:
        """Keep the logs of a step."""
        # Keras calls this once for every `steps_per_execution` steps.
        before, self._step = self._step, self._step + self.model.steps_per_execution
        if self._step // self.every > before // self.every:
            self.rows.append({"step": self._step, **{k: float(v) for k, v in logs.items()}})

    def on_epoch_end(self, epoch: int, logs: dict | None = None) -> None:
        """Write the rows."""
        if self.path and self.rows and is_chief():
            io.write_rows(self.rows, self.path)


class TensorBoardImages(keras.callbacks.Callback):
    """Writes scalars and a grid of generated images for TensorBoard, once per epoch."""

    def __init__(self, folder: str | Path, inputs: Any, *, columns: int | None = None) -> None:
        """Choose the folder and the inputs.

        Args:
            folder: TensorBoard's folder of this run.
            inputs: Generator inputs, fixed for the run, as in `SampleGrid`.
            columns: Images in a row of the grid; default: as square as possible.
        """
        super().__init__()
        self.folder = Path(folder)
        self.inputs = inputs
        self.columns = columns

    def on_train_begin(self, logs: dict | None = None) -> None:
        """Open the event file."""
        folder = str(self.folder)
        self._writer = (
            tf.summary.create_file_writer(folder) if is_chief() else tf.summary.create_noop_writer()
        )

    def on_epoch_end(self, epoch: int, logs: dict | None = None) -> None:
        """Write the last step's scalars and the grid."""
        grid = images.grid(self.model.translate(self.inputs), columns=self.columns)
        with self._writer.as_default(step=epoch + 1):
            for name, value in (logs or {}).items():
                tf.summary.scalar(name, value)
            tf.summary.image("samples", grid[None])
        self._writer.flush()

    def on_train_end(self, logs: dict | None = None) -> None:
        """Close the event file."""
        self._writer.close()


class ScoreByEpoch(keras.callbacks.Callback):
    """Measures the model after each epoch, with the Fréchet distance for example.

    Args:
        measure: Takes the model and the index of the epoch, from 0; returns a number.
        path: A text file with one row for each epoch, which a resumed run reads and continues.

    Attributes:
        rows: For each measured epoch [epochs finished, value].
    """

    def __init__(
        self, measure: Callable[[keras.Model, int], float], path: str | Path | None = None
    ) -> None:
        super().__init__()
        self.measure = measure
        self.path = Path(path) if path else None
        self.rows: list[list[float]] = []

    @property
    def values(self) -> list[float]:
        """The measured values, one for each epoch."""
        return [value for _, value in self.rows]

    def on_train_begin(self, logs: dict | None = None) -> None:
        """In a resumed run, read the values of the finished epochs.

        Raises:
            ValueError: The file is damaged (the message names it).
        """
        if self.model.first_epoch and self.path and self.path.exists():
            try:
                rows = np.loadtxt(self.path, ndmin=2).tolist()
            except ValueError as error:
                raise ValueError(
                    f"{self.path} is not a table of scores ({error}); delete it to go on without it"
                ) from error
            self.rows = [row for row in rows if row[0] <= self.model.first_epoch]

    def on_epoch_end(self, epoch: int, logs: dict | None = None) -> None:
        """Measure, and write the file."""
        self.rows.append([epoch + 1, float(self.measure(self.model, epoch))])
        if self.path and is_chief():
            with io.whole_file(self.path) as temporary:
                np.savetxt(temporary, self.rows)


class LinearDecay(keras.callbacks.Callback):
    """Learning-rate schedule of both players: constant stages, the last with linear decay to zero.

    The learning rates depend on the epoch alone, so that a resumed run has the same ones. They are
    set at the start of an epoch; in the last stage they fall linearly, to reach zero at its end.

    Args:
        stages: (start, d_rate, g_rate) of each stage: the share of the epochs after which it
            begins, in [0, 1), 0 for the first and rising, and the learning rates of the
            discriminator and of the generator.

    Raises:
        ValueError: There is no stage, or the starts are not such shares.
    """

    def __init__(self, *stages: tuple[float, float, float]) -> None:
        super().__init__()
        starts = [stage[0] for stage in stages]
        if not stages or starts[0] != 0 or starts[-1] >= 1 or sorted({*starts}) != starts:
            raise ValueError(
                f"the stages start at {starts}; give rising shares from 0 to below 1, the first 0."
            )
        self._stages = stages

    def on_epoch_begin(self, epoch: int, logs: dict | None = None) -> None:
        """Set the learning rates of this epoch."""
        done = epoch / self.params["epochs"]
        start, d_rate, g_rate = [stage for stage in self._stages if stage[0] <= done][-1]
        last = self._stages[-1][0]
        left = (1 - done) / (1 - last) if start == last else 1.0
        self.model.d_optimizer.learning_rate = d_rate * left
        self.model.g_optimizer.learning_rate = g_rate * left


class TerminateOnNaN(keras.callbacks.Callback):
    """Stops training with an error message as soon as a logged number is NaN or infinite."""

    def on_train_batch_end(self, batch: int, logs: dict | None = None) -> None:
        """Check the logs of a step.

        Raises:
            FloatingPointError: A number is not finite; the message names it, the step and the usual
                causes.
        """
        for name, value in (logs or {}).items():
            if not math.isfinite(value):
                raise FloatingPointError(
                    f"{name} became {float(value)} at step {batch + 1} of the epoch. Usual causes: "
                    "images outside [-1, 1] or with NaN in them, a learning rate that is too high, "
                    "a loss that takes the logarithm of a sigmoid instead of logits. The last "
                    "checkpoint is from before this step."
                )


__getattr__ = _aliases.getter(__name__)
