"""A small LeNet for 28x28 grayscale images: the book's feature extractor and classifier for them.

Its weights ship with the package (float16, trained by `tools/train_lenet.py`), so a score needs no
download. Scores on these features compare with each other, never with published ones on Inception.
"""

from typing import Any

import keras
import numpy as np
from keras import layers

from gan_utils.classifiers import NUM_CLASSES, Classifier
from gan_utils.precision import float32_policy

NAMES = ("mnist", "fashion_mnist")
NUM_FEATURES = 84


@float32_policy()
def build_lenet(dropout: float = 0.0) -> keras.Model:
    """Build the untrained network: two convolutions, three dense layers, logits out.

    Args:
        dropout: Fraction of the flattened activations dropped while training, in [0, 1).

    Returns:
        A model from `(batch, 28, 28, 1)` float32 in [-1, 1] to `(batch, 10)` float32 logits; its
        layer `features` returns the 84 activations that the scores compare.

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


_CLASSIFIERS = {
    name: Classifier("LeNet", name, build_lenet, (28, 28, 1), "tools/train_lenet.py")
    for name in NAMES
}


def classifier(name: str = "mnist") -> Classifier:
    """Return the classifier of a data set.

    Args:
        name: Data set it was trained on, `"mnist"` or `"fashion_mnist"`.

    Raises:
        ValueError: Unknown name.
    """
    if name not in NAMES:
        raise ValueError(f"No LeNet named {name!r}; choose one of {', '.join(NAMES)}.")
    return _CLASSIFIERS[name]


def load(name: str = "mnist") -> keras.Model:
    """Load the trained classifier; repeated calls return the same frozen model.

    Args:
        name: Data set it was trained on, `"mnist"` or `"fashion_mnist"`.

    Returns:
        A model from `(batch, 28, 28, 1)` float32 in [-1, 1] to `(batch, 10)` float32 logits.

    Raises:
        ValueError: Unknown name, or a weights file that is damaged or of another network.
    """
    return classifier(name).model


def features(images: np.ndarray, name: str = "mnist") -> np.ndarray:
    """Return the activations before the last layer, the feature vectors of the scores.

    Args:
        images: `(n, 28, 28, 1)` or `(n, 28, 28)`; float in [-1, 1] or uint8 in [0, 255].
        name: Which trained network, `"mnist"` or `"fashion_mnist"`.

    Returns:
        `(n, 84)` float32, not negative.

    Raises:
        ValueError: Wrong shape, dtype or range, NaN, no image, or an unknown name.
    """
    return classifier(name).features(images)


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
    """Return `features(images, name)` and `probabilities(images, name)` from one forward pass."""
    return classifier(name).look(images)


def accuracy(images: np.ndarray, labels: np.ndarray, name: str = "mnist") -> float:
    """Return the label accuracy: the fraction of images classified as their label.

    Args:
        images: As in `features`.
        labels: `(n,)` or `(n, 1)` integers in 0 … 9, the class each image should show.
        name: Which trained network, `"mnist"` or `"fashion_mnist"`.

    Returns:
        A fraction in [0, 1].

    Raises:
        ValueError: As in `features`, or labels of another shape, dtype or range.
    """
    return classifier(name).accuracy(images, labels)


def test_accuracy(name: str = "mnist") -> float:  # noqa: PT028 - not a test, see below
    """Return the shipped (float16) weights' accuracy on the data set's 10,000 test images.

    Args:
        name: Which trained network, `"mnist"` or `"fashion_mnist"`.

    Returns:
        A fraction in [0, 1], measured once when the network was trained.

    Raises:
        ValueError: Unknown name, or a weights file that is missing or damaged.
    """
    return float(facts(name)["test_accuracy"])


test_accuracy.__test__ = False  # pytest takes an imported name that starts with test_ for a test


def facts(name: str = "mnist") -> dict[str, Any]:
    """Return the facts about the training of a classifier from its weights file.

    Args:
        name: Which trained network, `"mnist"` or `"fashion_mnist"`.

    Returns:
        Test accuracy, parameter count, the hyperparameters, the seed, seconds and library versions.

    Raises:
        ValueError: Unknown name, or a weights file that is missing or damaged.
    """
    return classifier(name).facts
