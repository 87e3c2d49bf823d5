"""The evaluation protocol: one way to score a model that generates small images.

Every lesson, record and trained generator is scored by it: as many generated images as real ones
(10,000 in a recorded run), the real ones evenly spaced over the test set, the features of one
reference classifier, and a noise floor with the same number of images.
"""

import base64
import io
from typing import TYPE_CHECKING, Any

import numpy as np

from gan_utils import _aliases, images, metrics, profile, records
from gan_utils.data import ImageSet

if TYPE_CHECKING:
    from gan_utils.classifiers import Classifier

FULL_COUNT = 10_000
COLUMNS = 10
_ROWS = 2
_SAMPLES = {"full": FULL_COUNT, "quick": 5_000, "smoke": 100}
_COLORS = {1: 16, 3: 128}  # by channels: enough for a gallery, and a third of the bytes
_MANY_COLORS = 4_096  # from here on, few colors would leave visible steps


def __getattr__(name: str) -> object:
    """Return `COUNT`, the images a score compares, or `DRAWS`, those a lesson generates for it.

    `DRAWS` is `COUNT` in a recorded run, else 100: the page then shows the recorded scores.
    """
    if name not in ("COUNT", "DRAWS"):
        return _aliases.renamed(__name__, name)
    if name == "DRAWS" and not records.record_folder():
        return 100
    return profile.samples(**_SAMPLES)


def count(test_set: ImageSet) -> int:
    """Return how many real, and as many generated, images the current profile's scores compare.

    Args:
        test_set: The real images that generated ones are compared with.

    Returns:
        10,000 in `full`, 5,000 in `quick`, 100 in `smoke`, and never more than there are.
    """
    return profile.samples(**_SAMPLES, available=len(test_set))


def noise_floor(train_set: ImageSet, test_set: ImageSet, *, classifier: str = "mnist") -> float:
    """Return the noise floor: the Fréchet distance between training and test images.

    A perfect generator would score about as much.

    Args:
        train_set: Images `(n, height, width, channels)` uint8, of which `count(test_set)` are
            taken, evenly spaced.
        test_set: Images, of which as many are taken in the same way.
        classifier: Data set of the reference classifier whose features are compared.

    Returns:
        The distance, at least 0.
    """
    samples = (data.sample(count(test_set)).images for data in (test_set, train_set))
    return metrics.fid(*map(classifier_of(classifier).features, samples))


@_aliases.arguments(pictures="fake_images", judge="classifier")
def row(
    gan: Any,
    fake_images: np.ndarray,
    class_labels: np.ndarray | None = None,
    *,
    real_images: np.ndarray,
    batch_size: int,
    classifier: str = "mnist",
) -> dict[str, Any]:
    """Score a trained model: one row of the comparison in lesson 14.

    Args:
        gan: A `gan_utils.GAN`, or anything with `generator`, `discriminator`, their optimizers
            and `seconds`.
        fake_images: `(n, height, width, channels)` float32 in [-1, 1], generated as the model's
            users would; n should be `DRAWS`.
        class_labels: `(n,)` int, the labels that the images were generated from; None for an
            unconditional model.
        real_images: `(m, height, width, channels)` uint8 in [0, 255], of which min(n, m) are
            compared, evenly spaced.
        batch_size: Real images in one update of the discriminator.
        classifier: Data set of the reference classifier: `"mnist"` or `"fashion_mnist"` (28x28,
            gray), or `"cifar10"` (32x32, color).

    Returns:
        Plain values for `records.record`: the entries of `scores`, the cost (`seconds`, `steps` of
        the generator, real `images_seen` by the discriminator, ...), and a `sheet` of images, ten
        in a row (with labels: a class in each column, if there are two images of each), for
        `decode_image`.

    Raises:
        ValueError: Images of a wrong shape, dtype or range, labels that do not match them, or an
            unknown classifier.
    """
    # First, since it checks images and labels.
    found = scores(fake_images, class_labels, real_images=real_images, classifier=classifier)
    sheet = images.grid(_chosen(fake_images, class_labels), columns=COLUMNS)
    halves = getattr(gan, "d_steps_a_batch", 1)
    return {
        **found,
        "seconds": float(gan.seconds),
        "steps": int(np.asarray(gan.g_optimizer.iterations)),
        "batch_size": batch_size,
        "images_seen": int(np.asarray(gan.d_optimizer.iterations)) // halves * batch_size,
        "parameters": [gan.generator.count_params(), gan.discriminator.count_params()],
        "sheet": encode_image(sheet),
    }


@_aliases.arguments(pictures="fake_images", judge="classifier")
def scores(
    fake_images: np.ndarray,
    class_labels: np.ndarray | None = None,
    *,
    real_images: np.ndarray,
    classifier: str = "mnist",
) -> dict[str, Any]:
    """Compare images with real ones; the arguments are those of `row`.

    Returns:
        `distance` (Fréchet), `kernel_distance`, `precision`, `recall`, `agreement` (the label
        accuracy; None without labels), `samples`, `real_samples` and `extractor`.

    Raises:
        ValueError: As in `row`.
    """
    network = classifier_of(classifier)
    fake_images = images.check_images(fake_images, "fake_images")
    real_images = images.evenly(real_images, len(fake_images))
    vectors, fakes = map(network.features, (real_images, fake_images))
    kernel = metrics.kid(vectors, fakes)
    agreement = None
    if class_labels is not None:
        agreement = network.accuracy(fake_images, class_labels)
    return {
        "samples": len(fake_images),
        "real_samples": len(real_images),
        "extractor": f"{network.kind} ({classifier})",
        "distance": metrics.fid(vectors, fakes),
        "kernel_distance": kernel.mean,
        **metrics.precision_recall(vectors, fakes)._asdict(),
        "agreement": agreement,
    }


def classifier_of(name: str) -> "Classifier":
    """Return the reference classifier that was trained on a data set.

    Args:
        name: "mnist", "fashion_mnist" or "cifar10".

    Raises:
        ValueError: Another name.
    """
    from gan_utils import convnet, lenet  # only now: they import TensorFlow

    known = {found.name: found for found in (*map(lenet.classifier, lenet.NAMES), convnet.CIFAR10)}
    if name not in known:
        raise ValueError(f"There is no classifier for {name!r}; choose one of {', '.join(known)}.")
    return known[name]


def encode_image(sheet: np.ndarray) -> str:
    """Encode an image as a few kilobytes of text that JSON can hold.

    Args:
        sheet: `(height, width, 1 or 3)` uint8 in [0, 255].

    Returns:
        In base64: a PNG of at most 16 gray values or 128 colors; for photographs, which need more
        colors, a JPEG.
    """
    from PIL import Image

    stream = io.BytesIO()
    image = Image.fromarray(sheet.squeeze(-1) if sheet.shape[-1] == 1 else sheet)
    if sheet.shape[-1] == 3 and image.getcolors(_MANY_COLORS) is None:
        image.save(stream, "jpeg", quality=90, subsampling=0)
    else:
        image.quantize(_COLORS[sheet.shape[-1]]).save(stream, "png", optimize=True)
    return base64.b64encode(stream.getvalue()).decode()


def decode_image(text: str) -> np.ndarray:
    """Return the image `(height, width, 3)` uint8 in [0, 255] that `encode_image` encoded."""
    from PIL import Image

    with Image.open(io.BytesIO(base64.b64decode(text))) as image:
        return np.asarray(image.convert("RGB"))


def _chosen(fake_images: np.ndarray, class_labels: np.ndarray | None) -> np.ndarray:
    """Return the first images; with labels the first of each class, class by class in a row."""
    if class_labels is None:
        return fake_images[: _ROWS * COLUMNS]
    places = [np.flatnonzero(class_labels == label)[:_ROWS] for label in range(COLUMNS)]
    return fake_images[
        [column[line] for line in range(_ROWS) for column in places if line < len(column)]
    ]
