"""A small LeNet for 28x28 grayscale images: the feature extractor of the book's scores.

Its weights ship with the package (float16, trained by `tools/train_lenet.py`), so a score needs no
download. Scores on these features compare with each other, never with published Inception figures.
"""

import json
from collections.abc import Iterator
from functools import lru_cache
from importlib import resources
from typing import Any

import keras
import numpy as np
import tensorflow as tf
from keras import layers, ops

from gan_utils.images import check_images
from gan_utils.precision import float32_policy

NAMES = ("mnist", "fashion_mnist")
NUM_FEATURES = 84
NUM_CLASSES = 10
BATCH_SIZE = 250


@float32_policy()
def build_lenet(dropout: float = 0.0) -> keras.Model:
    """Build the untrained network: two convolutions, three dense layers, logits out.

    Args:
        dropout: Fraction of the flattened activations dropped while training, in [0, 1).

    Returns:
        A model from `(batch, 28, 28, 1)` float32 in [-1, 1] to `(batch, 10)` float32 logits; its
        layer `features` gives the 84 numbers that the scores use.

    Source:
        LeCun et al. 1998, "Gradient-based learning applied to document recognition", figure 2,
        with more filters, ReLU, max pooling and batch normalization.
    """
    images = keras.Input((28, 28, 1), name="images")
    hidden = images
    for index, (filters, padding) in enumerate([(24, "same"), (48, "valid")], start=1):
        hidden = layers.Conv2D(
            filters, 5, padding=padding, use_bias=False, name=f"convolution_{index}"
        )(hidden)
        hidden = layers.BatchNormalization(name=f"normalization_{index}")(hidden)
        hidden = layers.ReLU(name=f"activation_{index}")(hidden)
        hidden = layers.MaxPooling2D(2, name=f"pooling_{index}")(hidden)
    hidden = layers.Flatten(name="flatten")(hidden)
    hidden = layers.Dropout(dropout, name="dropout")(hidden)
    hidden = layers.Dense(120, activation="relu", name="hidden")(hidden)
    features = layers.Dense(NUM_FEATURES, activation="relu", name="features")(hidden)
    logits = layers.Dense(NUM_CLASSES, name="logits")(features)
    return keras.Model(images, logits, name="lenet")


@lru_cache(maxsize=len(NAMES))
def load(name: str = "mnist") -> keras.Model:
    """Load the trained classifier; repeated calls return the same frozen model.

    Args:
        name: Data set it was trained on, `"mnist"` or `"fashion_mnist"`.

    Returns:
        A model from `(batch, 28, 28, 1)` float32 in [-1, 1] to `(batch, 10)` float32 logits.

    Raises:
        ValueError: Unknown name, or a weights file that is damaged or of another network.
    """
    stored = _read(name)
    model = build_lenet()
    for variable in model.weights:
        weights = stored.get(variable.path)
        if weights is None or weights.shape != tuple(variable.shape):
            raise ValueError(
                f"{_file(name)} holds no weights for {variable.path} of shape "
                f"{tuple(variable.shape)}; restore the file or run tools/train_lenet.py."
            )
        variable.assign(weights.astype("float32"))
    model.trainable = False
    return model


def features(images: np.ndarray, name: str = "mnist") -> np.ndarray:
    """Return the activations before the last layer, the vectors that the distances compare.

    Args:
        images: `(n, 28, 28, 1)` or `(n, 28, 28)`; float in [-1, 1] or uint8 in [0, 255].
        name: Which trained network, `"mnist"` or `"fashion_mnist"`.

    Returns:
        `(n, 84)` float32, not negative.

    Raises:
        ValueError: Wrong shape, dtype or range, NaN, no image, or an unknown name.
    """
    return _run(images, name)[0]


def probabilities(images: np.ndarray, name: str = "mnist") -> np.ndarray:
    """Return the probability of each of the ten classes.

    Args:
        images: As in `features`.
        name: Which trained network, `"mnist"` or `"fashion_mnist"`.

    Returns:
        `(n, 10)` float64 in [0, 1]; each row sums to one.

    Raises:
        ValueError: As in `features`.
    """
    return look(images, name)[1]


def look(images: np.ndarray, name: str = "mnist") -> tuple[np.ndarray, np.ndarray]:
    """Return what `features` and `probabilities` return, from one pass over the images."""
    vectors, logits = _run(images, name)
    logits = logits.astype(np.float64)
    exponentials = np.exp(logits - logits.max(axis=1, keepdims=True))
    return vectors, exponentials / exponentials.sum(axis=1, keepdims=True)


def accuracy(images: np.ndarray, labels: np.ndarray, name: str = "mnist") -> float:
    """Return the fraction of images that the classifier sees as the class they should show.

    Args:
        images: As in `features`.
        labels: `(n,)` or `(n, 1)` integers in 0 … 9, the class each image should show.
        name: Which trained network, `"mnist"` or `"fashion_mnist"`.

    Returns:
        A fraction in [0, 1].

    Raises:
        ValueError: As in `features`, or labels that do not fit the images.
    """
    labels = np.asarray(labels)
    if labels.shape not in {(len(images),), (len(images), 1)}:
        raise ValueError(
            f"labels has shape {labels.shape}; expected one label for each of "
            f"the {len(images)} images."
        )
    if labels.dtype.kind not in "iu" or np.any((labels < 0) | (labels >= NUM_CLASSES)):
        raise ValueError(f"labels must be integers in 0 … {NUM_CLASSES - 1}.")
    predicted = _run(images, name)[1].argmax(axis=1)
    return float(np.mean(predicted == labels.reshape(-1)))


def test_accuracy(name: str = "mnist") -> float:  # noqa: PT028 - not a test, see below
    """Return the shipped (float16) weights' accuracy on the data set's 10,000 test images.

    Args:
        name: Which trained network, `"mnist"` or `"fashion_mnist"`.

    Returns:
        A fraction in [0, 1], measured once when the network was trained.
    """
    return float(facts(name)["test_accuracy"])


test_accuracy.__test__ = False  # pytest takes an imported name that starts with test_ for a test


def facts(name: str = "mnist") -> dict[str, Any]:
    """Return what the weights file says about its training.

    Args:
        name: Which trained network, `"mnist"` or `"fashion_mnist"`.

    Returns:
        Test accuracy, epochs, batch size, seed, seconds, library versions and parameter count.
    """
    try:
        return json.loads(str(_read(name)["facts"]))
    except (KeyError, json.JSONDecodeError) as error:
        raise ValueError(
            f"{_file(name)} does not say how it was trained; run tools/train_lenet.py."
        ) from error


def _file(name: str) -> resources.abc.Traversable:
    if name not in NAMES:
        raise ValueError(f"No LeNet named {name!r}; choose one of {', '.join(NAMES)}.")
    return resources.files("gan_utils") / "assets" / f"lenet_{name}.npz"


def _read(name: str) -> dict[str, np.ndarray]:
    path = _file(name)
    try:
        with path.open("rb") as stream, np.load(stream, allow_pickle=False) as archive:
            return {key: archive[key] for key in archive.files}
    except FileNotFoundError as error:
        raise ValueError(f"{path} is missing; install gan_utils again.") from error
    except Exception as error:  # NumPy and zipfile raise many kinds for a damaged archive
        raise ValueError(f"{path} is damaged ({error}); install gan_utils again.") from error


@lru_cache(maxsize=len(NAMES))
def _compiled(name: str) -> tf.types.experimental.PolymorphicFunction:
    model = load(name)
    with float32_policy():
        both = keras.Model(model.inputs, [model.get_layer("features").output, model.output])

    @tf.function(input_signature=[tf.TensorSpec((BATCH_SIZE, 28, 28, 1), tf.float32)])
    def forward(images: tf.Tensor) -> list[tf.Tensor]:
        return both(images, training=False)

    return forward


def _run(images: np.ndarray, name: str) -> tuple[np.ndarray, np.ndarray]:
    forward = _compiled(name)
    images = _check(images)
    outputs = [[ops.convert_to_numpy(part) for part in forward(b)] for b in _batches(images)]
    vectors, logits = (np.concatenate(parts)[: len(images)] for parts in zip(*outputs, strict=True))
    return vectors, logits


def _batches(images: np.ndarray) -> Iterator[np.ndarray]:
    """Yield float32 batches of one fixed shape; the last is filled up with its own first image."""
    for start in range(0, len(images), BATCH_SIZE):
        batch = images[start : start + BATCH_SIZE]
        if batch.dtype == np.uint8:
            batch = batch / np.float32(127.5) - np.float32(1)
        missing = BATCH_SIZE - len(batch)
        if missing:
            batch = np.concatenate([batch, np.repeat(batch[:1], missing, axis=0)])
        yield batch.astype(np.float32, copy=False)


def _check(images: np.ndarray) -> np.ndarray:
    images = np.asarray(images)
    if images.ndim == 3:
        images = images[..., np.newaxis]
    if images.shape[1:] != (28, 28, 1) or len(images) == 0:
        raise ValueError(f"images has shape {images.shape}; expected (n, 28, 28, 1) with n > 0.")
    if images.dtype.kind == "f":
        images = images.astype(np.float32, copy=False)
    return check_images(images)
