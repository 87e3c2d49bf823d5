"""Feature extractors: the networks, and how images are resized to their input size.

Scores are comparable only for one extractor and one resizing, so each score carries both names.
"""

import os
from collections.abc import Callable, Iterable
from dataclasses import dataclass, replace

import numpy as np

from gan_utils import images as pictures
from gan_utils.download import DownloadError
from gan_utils.metrics.statistics import Moments
from gan_utils.metrics.validation import check_features

INCEPTION_SIZE = 299
CLEAN = f"antialiased bicubic to {INCEPTION_SIZE}x{INCEPTION_SIZE} (clean-fid)"
LEGACY = f"bilinear without antialiasing to {INCEPTION_SIZE}x{INCEPTION_SIZE} (TTUR)"
_RESIZINGS = {"clean": CLEAN, "legacy": LEGACY}
_BATCH_SIZE = 32

Look = Callable[[np.ndarray], tuple[np.ndarray, np.ndarray | None]]


@dataclass(frozen=True)
class Features:
    """The feature vectors of a set of images.

    Attributes:
        vectors: `(n, d)` real numbers, n at least 2.
        probabilities: `(n, classes)`, rows sum to one; only the Inception Score needs them.
        extractor: Name of the network.
        resizing: How images were resized to the input size of that network.
    """

    vectors: np.ndarray
    probabilities: np.ndarray | None = None
    extractor: str = "features as given"
    resizing: str = "none"

    def __post_init__(self) -> None:
        """Check the arrays; raise ValueError if a score could not use them."""
        check_features(self.vectors, "vectors")
        if self.probabilities is not None and len(self.probabilities) != len(self.vectors):
            raise ValueError(
                f"{len(self.probabilities)} rows of probabilities for {len(self.vectors)} vectors."
            )

    @property
    def count(self) -> int:
        """Number of images."""
        return len(self.vectors)

    def rows(self, indices: np.ndarray | slice) -> "Features":
        """Return the features of some of the images."""
        chances = None if self.probabilities is None else self.probabilities[indices]
        return replace(self, vectors=self.vectors[indices], probabilities=chances)

    def moments(self) -> Moments:
        """Return count, mean and covariance of the vectors, all that the FID needs."""
        return Moments.of(self.vectors, extractor=self.extractor, resizing=self.resizing)


@dataclass(frozen=True)
class Extractor:
    """A network that turns images into feature vectors, with the names that scores print.

    Attributes:
        name: Name of the network.
        resizing: How images are resized to its input size.
        look: Takes a batch of images (uint8 or float in [-1, 1]); returns `(n, d)` vectors and
            `(n, classes)` probabilities, or None in place of the latter.
        batch_size: Images per call of `look`.
    """

    name: str
    resizing: str
    look: Look
    batch_size: int = _BATCH_SIZE

    def __call__(self, images: np.ndarray) -> Features:
        """Return the features of a batch of images.

        Args:
            images: `(n, height, width, channels)`, uint8 in [0, 255] or float in [-1, 1], n >= 2.

        Returns:
            Vectors and, if the network has classes, probabilities.

        Raises:
            ValueError: Images of a wrong shape, dtype or range, or fewer than two.
        """
        images = pictures.check_images(images)
        steps = range(0, len(images), self.batch_size)
        parts = [self.look(images[start : start + self.batch_size]) for start in steps]
        vectors, chances = zip(*parts, strict=True)
        probabilities = None if chances[0] is None else np.concatenate(chances)
        return Features(np.concatenate(vectors), probabilities, self.name, self.resizing)

    def moments(self, batches: Iterable[np.ndarray]) -> Moments:
        """Return the moments of a stream of batches, of which one at a time is in memory.

        Args:
            batches: Images as in `__call__`; batches may differ in length.

        Returns:
            Count, mean and covariance of the vectors.
        """
        moments = Moments(extractor=self.name, resizing=self.resizing)
        for batch in batches:
            for start in range(0, len(batch), self.batch_size):
                moments.update(self.look(batch[start : start + self.batch_size])[0])
        return moments


def lenet(name: str = "mnist") -> Extractor:
    """Return the LeNet that ships with the package, for 28x28 grayscale images.

    Args:
        name: Data set it was trained on, `"mnist"` or `"fashion_mnist"`.

    Returns:
        An extractor with 84 features and ten classes.

    Raises:
        ValueError: Unknown name.
    """
    from gan_utils import lenet as network

    title = f"LeNet ({name}, {network.test_accuracy(name):.2%} right on its test images)"
    return Extractor(title, "none", lambda images: network.look(images, name), 5000)


def keras_inception(weights: str | None = "imagenet") -> Extractor:
    """Return Keras' InceptionV3; its scores are not comparable with published ones.

    Args:
        weights: `"imagenet"` (96 MB, downloaded once by Keras), a weights file, or None for
            untrained weights.

    Returns:
        An extractor with 2,048 features and 1,000 classes.

    Raises:
        ValueError: Weights of another network.
        OSError: The weights cannot be read or downloaded.
    """
    import keras
    import tensorflow as tf

    from gan_utils.precision import float32_policy

    with float32_policy():
        try:
            model = keras.applications.InceptionV3(weights=weights)
        except (ValueError, OSError):
            raise
        except Exception as error:  # what Keras raises where a download fails
            raise DownloadError(
                f"The weights of InceptionV3 cannot be downloaded ({error}); give their file: "
                "--extractor-file, in Python keras_inception(path)."
            ) from error
        both = keras.Model(model.inputs, [model.get_layer("avg_pool").output, model.output])
    forward = tf.function(lambda batch: both(batch, training=False), reduce_retracing=True)

    def look(images: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        vectors, chances = forward(tf.constant(resize_clean(images) / 127.5 - 1))
        return vectors.numpy(), chances.numpy().astype(np.float64)

    origin = os.path.basename(weights) if weights else "untrained"
    title = f"InceptionV3 (Keras, {origin}; not comparable with published figures)"
    return Extractor(title, CLEAN, look)


def inception_2015(
    path: str | os.PathLike | None = None, *, resizing: str = "clean", sha256: str | None = None
) -> Extractor:
    """Return the frozen Inception graph of 2015-12-05, with which published FIDs are computed.

    Args:
        path: The file `classify_image_graph_def.pb`; by default it is downloaded once.
        resizing: `"clean"`: antialiased bicubic in float before the graph (clean-fid);
            `"legacy"`: the graph's own bilinear step, as the first published figures.
        sha256: The expected SHA-256 of the graph file; by default that of its first use here.

    Returns:
        An extractor with 2,048 features (`pool_3`) and 1,008 classes; the first digits of the
        file's SHA-256 are part of its name.

    Raises:
        ValueError: Unknown resizing, a damaged or foreign graph, or another checksum.
        OSError: The file cannot be read or downloaded.

    Source:
        Heusel et al. 2017 (FID) and Salimans et al. 2016 (Inception Score, logits without bias)
        use this graph; Parmar et al. 2022, "On aliased resizing and surprising subtleties in GAN
        evaluation", the antialiased resizing.
    """
    from gan_utils.metrics import inception

    if resizing not in _RESIZINGS:
        raise ValueError(f"No resizing named {resizing!r}; choose one of {', '.join(_RESIZINGS)}.")
    file = inception.locate(path)
    digest = inception.verify(file, sha256)
    forward = inception.load(file)

    def look(images: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        return forward(resize_clean(images) if resizing == "clean" else _to_rgb(images))

    return Extractor(f"Inception 2015-12-05 ({digest[:8]})", _RESIZINGS[resizing], look)


def resize_clean(images: np.ndarray) -> np.ndarray:
    """Resize to Inception's size with Pillow's antialiased bicubic filter, in float.

    Args:
        images: `(n, height, width, 1 or 3)`, uint8 in [0, 255] or float in [-1, 1] (rounded to
            the 256 values of a stored image first).

    Returns:
        `(n, 299, 299, 3)` float32 in [0, 255].

    Source:
        Parmar et al. 2022, section 3: antialiased, each channel in float, clipped, not rounded.
    """
    from PIL import Image

    size = (INCEPTION_SIZE, INCEPTION_SIZE)
    resized = np.empty((len(images), *size, 3), np.float32)
    for target, picture in zip(resized, _to_rgb(images), strict=True):
        for channel in range(3):
            plane = Image.fromarray(np.ascontiguousarray(picture[..., channel]))
            target[..., channel] = plane.resize(size, Image.Resampling.BICUBIC)
    return np.clip(resized, 0, 255, out=resized)


def _to_rgb(images: np.ndarray) -> np.ndarray:
    """Return float32 in [0, 255] with three channels, as if read from an image file."""
    images = pictures.check_images(images)
    if images.dtype != np.uint8:
        images = pictures.to_uint8(images)
    return np.broadcast_to(images, (*images.shape[:-1], 3)).astype(np.float32)
