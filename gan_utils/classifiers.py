"""Reference classifiers: their weights, their features, class probabilities and label accuracy.

`lenet` and `convnet` are the two networks; `evaluation.classifier_of` finds that of a data set.
"""

import json
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from functools import cached_property
from importlib import resources
from typing import Any

import keras
import numpy as np
import tensorflow as tf
from keras import ops

from gan_utils.images import check_images, to_float
from gan_utils.precision import float32_policy

NUM_CLASSES = 10
BATCH_SIZE = 250


@dataclass(frozen=True)
class Classifier:
    """A network trained on one data set; its weights are read from the package on first use.

    Attributes:
        kind: Name of the architecture, as scores print it.
        name: Data set that it was trained on.
        build: Returns the untrained network, with logits as output and a layer `features`.
        shape: Height, width and channels of an image.
        tool: The script that trains it, for error messages.
    """

    kind: str
    name: str
    build: Callable[[], keras.Model]
    shape: tuple[int, int, int]
    tool: str

    @cached_property
    def model(self) -> keras.Model:
        """The frozen network, from images `(n, *shape)` float32 in [-1, 1] to logits `(n, 10)`.

        Raises:
            ValueError: The weights file is missing, damaged or of another network.
        """
        stored = self._read()
        model = self.build()
        for variable in model.weights:
            weights = stored.get(variable.path)
            if weights is None or weights.shape != tuple(variable.shape):
                raise ValueError(
                    f"{self.file} holds no weights for {variable.path} of shape "
                    f"{tuple(variable.shape)}; restore the file or run {self.tool}."
                )
            variable.assign(weights.astype("float32"))
        model.trainable = False
        return model

    @cached_property
    def facts(self) -> dict[str, Any]:
        """Facts about its training from the weights file, such as `test_accuracy`.

        Raises:
            ValueError: The weights file is missing or damaged, or holds no such facts.
        """
        try:
            return json.loads(str(self._read()["facts"]))
        except (KeyError, json.JSONDecodeError) as error:
            raise ValueError(
                f"{self.file} holds no facts about its training; run {self.tool}."
            ) from error

    def run(self, images: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """Return features `(n, d)` and logits `(n, 10)`, both float32.

        Args:
            images: `(n, *shape)`, gray ones also `(n, height, width)`; float in [-1, 1] or uint8 in
                [0, 255].

        Raises:
            ValueError: Wrong shape, dtype or range, NaN, or no image.
        """
        images = self._check(images)
        outputs = [
            [ops.convert_to_numpy(part) for part in self._forward(batch)]
            for batch in self._batches(images)
        ]
        vectors, logits = (
            np.concatenate(parts)[: len(images)] for parts in zip(*outputs, strict=True)
        )
        return vectors, logits

    def features(self, images: np.ndarray) -> np.ndarray:
        """Return the feature vectors `(n, d)` float32; arguments and errors are those of `run`."""
        return self.run(images)[0]

    def look(self, images: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """Return features `(n, d)` float32 and class probabilities `(n, 10)` float64; see `run`."""
        vectors, logits = self.run(images)
        logits = logits.astype(np.float64)
        exponentials = np.exp(logits - logits.max(axis=1, keepdims=True))
        return vectors, exponentials / exponentials.sum(axis=1, keepdims=True)

    def accuracy(self, images: np.ndarray, labels: np.ndarray) -> float:
        """Return the label accuracy: the fraction of images classified as their label.

        Args:
            images: As in `run`.
            labels: `(n,)` or `(n, 1)` integers in 0 … 9, the class that each image should show.

        Returns:
            A fraction in [0, 1].

        Raises:
            ValueError: As in `run`, or labels of another shape, dtype or range.
        """
        labels = np.asarray(labels)
        if labels.shape not in {(len(images),), (len(images), 1)}:
            raise ValueError(
                f"labels has shape {labels.shape}; expected one label for each of "
                f"the {len(images)} images."
            )
        if labels.dtype.kind not in "iu" or np.any((labels < 0) | (labels >= NUM_CLASSES)):
            raise ValueError(
                f"labels must be integers in 0 … {NUM_CLASSES - 1}, not {labels.dtype} such as "
                f"{np.unique(labels)[-3:].tolist()}."
            )
        return float(np.mean(self.run(images)[1].argmax(axis=1) == labels.reshape(-1)))

    @property
    def file(self) -> resources.abc.Traversable:
        """The weights file in the package."""
        return resources.files("gan_utils") / "assets" / f"{self.kind.lower()}_{self.name}.npz"

    def _read(self) -> dict[str, np.ndarray]:
        path = self.file
        try:
            with path.open("rb") as stream, np.load(stream, allow_pickle=False) as archive:
                return {key: archive[key] for key in archive.files}
        except FileNotFoundError as error:
            raise ValueError(f"{path} is missing; install gan_utils again.") from error
        except Exception as error:  # NumPy and zipfile raise many kinds for a damaged archive
            raise ValueError(f"{path} is damaged ({error}); install gan_utils again.") from error

    @cached_property
    def _forward(self) -> tf.types.experimental.PolymorphicFunction:
        model = self.model
        with float32_policy():
            both = keras.Model(model.inputs, [model.get_layer("features").output, model.output])

        @tf.function(input_signature=[tf.TensorSpec((BATCH_SIZE, *self.shape), tf.float32)])
        def forward(images: tf.Tensor) -> list[tf.Tensor]:
            return both(images, training=False)

        return forward

    def _batches(self, images: np.ndarray) -> Iterator[np.ndarray]:
        """Yield float32 batches of one shape; the last is padded with copies of its first image."""
        for start in range(0, len(images), BATCH_SIZE):
            batch = images[start : start + BATCH_SIZE]
            if batch.dtype == np.uint8:
                batch = to_float(batch)
            missing = BATCH_SIZE - len(batch)
            if missing:
                batch = np.concatenate([batch, np.repeat(batch[:1], missing, axis=0)])
            yield batch.astype(np.float32, copy=False)

    def _check(self, images: np.ndarray) -> np.ndarray:
        images = np.asarray(images)
        if images.ndim == 3 and self.shape[-1] == 1:
            images = images[..., np.newaxis]
        if images.shape[1:] != self.shape or len(images) == 0:
            expected = ", ".join(map(str, self.shape))
            raise ValueError(
                f"images has shape {images.shape}; expected (n, {expected}) with n > 0."
            )
        if images.dtype.kind == "f":
            images = images.astype(np.float32, copy=False)
        return check_images(images)
