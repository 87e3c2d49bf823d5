"""A convolutional network for 32x32 color images: the feature extractor of scores in color.

Its weights ship with the package (float16, trained on CIFAR-10 by `tools/train_convnet.py`). Scores
on these features compare with each other, never with published Inception figures.
"""

import keras
import numpy as np
from keras import layers

from gan_utils.classifiers import NUM_CLASSES, Classifier
from gan_utils.precision import float32_policy

SIZE = 32
PATCH = 2
WIDTHS = (64, 128, 256)


def build_convnet(widths: tuple[int, ...] = WIDTHS, *, mirror: bool = True) -> keras.Model:
    """Build the untrained network: a whitening layer, three blocks of two convolutions, logits.

    Each block pools after its first convolution, so the second one is cheap.

    It is built under the policy of Keras: in float32 unless its training asks for less.

    Args:
        widths: Filters of the blocks; the last is the number of features.
        mirror: Average the features of each image and of its mirror image, so that an image and
            its mirror image have the same features. Twice the work: training does without.

    Returns:
        A model from `(batch, 32, 32, 3)` float32 in [-1, 1] to `(batch, 10)` logits; its layer
        `features` gives the numbers that the scores use, its layer `whitening` is set by
        `whitening_filters` and not trained. `mirror` changes neither number nor order of weights.

    Source:
        Jordan 2024, "94% on CIFAR-10 in 3.29 seconds on a single GPU", section 3, with fewer
        filters, ReLU in place of GELU, and a mean in place of the last maximum.
    """
    images = keras.Input((SIZE, SIZE, 3), name="images")
    trunk = _trunk(widths)
    views = [images, images[:, :, ::-1]] if mirror else [images]
    features = layers.Average(name="features")([_through(trunk, view) for view in views])
    logits = layers.Dense(NUM_CLASSES, dtype="float32", name="logits")(features)
    return keras.Model(images, logits, name="convnet")


def _trunk(widths: tuple[int, ...]) -> list[layers.Layer]:
    count = 2 * 3 * PATCH**2
    trunk = [
        layers.Conv2D(count, PATCH, use_bias=False, trainable=False, name="whitening"),
        layers.ReLU(name="whitened"),
    ]
    for block, width in enumerate(widths, start=1):
        for part in (1, 2):
            name = f"{block}_{part}"
            options = {"padding": "same", "use_bias": False}
            trunk.append(layers.Conv2D(width, 3, name=f"convolution_{name}", **options))
            if part == 1:
                trunk.append(layers.MaxPooling2D(2, name=f"pooling_{block}"))
            trunk.append(layers.BatchNormalization(momentum=0.9, name=f"normalization_{name}"))
            trunk.append(layers.ReLU(name=f"activation_{name}"))
    return [*trunk, layers.GlobalAveragePooling2D(name="mean")]


def _through(trunk: list[layers.Layer], hidden: keras.KerasTensor) -> keras.KerasTensor:
    for layer in trunk:
        hidden = layer(hidden)
    return hidden


def whitening_filters(images: np.ndarray) -> np.ndarray:
    """Return filters that make the colors of neighboring pixels uncorrelated, with variance one.

    Args:
        images: `(n, height, width, 3)` float32 in [-1, 1].

    Returns:
        `(2, 2, 3, 24)` float32: the twelve principal directions of patches, each divided by its
        standard deviation, and the same with the opposite sign.
    """
    windows = np.lib.stride_tricks.sliding_window_view(images, (PATCH, PATCH), axis=(1, 2))
    patches = windows.transpose(0, 1, 2, 4, 5, 3).reshape(-1, 3 * PATCH**2)
    values, vectors = np.linalg.eigh(np.cov(patches, rowvar=False))
    filters = (vectors / np.sqrt(values + 1e-3)).reshape(PATCH, PATCH, 3, -1)
    return np.concatenate([filters, -filters], axis=-1).astype(np.float32)


CIFAR10 = Classifier(
    *("ConvNet", "cifar10", float32_policy()(build_convnet), (SIZE, SIZE, 3)),
    tool="tools/train_convnet.py",
)
