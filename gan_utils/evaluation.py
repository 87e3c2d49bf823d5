"""One row of the table that sets trained models side by side: same pictures, same scores.

Every 28x28 lesson puts such rows into its record, so that all of them are measured in one way: as
many pictures for each, the same real ones, the same classifier's features.
"""

import base64
import io
from typing import Any

import numpy as np

from gan_utils import _aliases, images, metrics, profile, records

COLUMNS = 10
_ROWS = 2
_GRAYS = 16  # enough for a gallery, and a third of the bytes


def __getattr__(name: str) -> object:
    """Return `COUNT`, equal for all so that rows compare, or `DRAWS`, few where no record asks."""
    if name not in ("COUNT", "DRAWS"):
        return _aliases.renamed(__name__, name)
    if name == "DRAWS" and not records.record_folder():
        return 100
    return profile.samples(full=5_000, quick=5_000, smoke=100)


def row(
    gan: Any,
    pictures: np.ndarray,
    class_labels: np.ndarray | None = None,
    *,
    real_images: np.ndarray,
    batch_size: int,
    judge: str = "mnist",
) -> dict[str, Any]:
    """Measure what a trained model draws.

    Args:
        gan: A `gan_utils.GAN`, or anything with `generator`, `discriminator`, `g_optimizer` and
            `seconds`.
        pictures: `(n, 28, 28, 1)` float32 in [-1, 1], at best n = `DRAWS`, as the model's users
            would draw them.
        class_labels: `(n,)` int, what was asked for, where one can ask.
        real_images: `(m, 28, 28, 1)` uint8 in [0, 255]; n of them are compared, spread evenly.
        batch_size: Real pictures in one update of the discriminator.
        judge: Data set of the LeNet that looks, `"mnist"` or `"fashion_mnist"`.

    Returns:
        Plain values for `records.record`: the `scores`, the cost, and a `sheet` of pictures, ten
        in a row (with labels: a class in each column), for `picture_of`.

    Raises:
        ValueError: Pictures or labels that do not fit.
    """
    sheet = images.grid(_chosen(pictures, class_labels), columns=COLUMNS)
    return {
        **scores(pictures, class_labels, real_images=real_images, judge=judge),
        "seconds": float(gan.seconds),
        "steps": int(np.asarray(gan.g_optimizer.iterations)),
        "batch_size": batch_size,
        "parameters": [gan.generator.count_params(), gan.discriminator.count_params()],
        "sheet": as_text(sheet),
    }


def scores(
    pictures: np.ndarray,
    class_labels: np.ndarray | None = None,
    *,
    real_images: np.ndarray,
    judge: str = "mnist",
) -> dict[str, Any]:
    """Compare pictures with real ones; the arguments are those of `row`.

    Returns:
        `distance` (Fréchet), `kernel_distance`, `precision`, `recall`, `agreement` (the share in
        which the judge sees the class asked for; None without labels), `samples`, `real_samples`
        and `extractor`.

    Raises:
        ValueError: Pictures or labels that do not fit.
    """
    from gan_utils import lenet

    pictures = images.check_images(pictures, "pictures")
    real_images = images.evenly(real_images, len(pictures))
    vectors, fakes = lenet.features(real_images, judge), lenet.features(pictures, judge)
    kernel = metrics.kid(vectors, fakes)
    agreement = None if class_labels is None else lenet.accuracy(pictures, class_labels, judge)
    return {
        "samples": len(pictures),
        "real_samples": len(real_images),
        "extractor": f"LeNet ({judge})",
        "distance": metrics.fid(vectors, fakes),
        "kernel_distance": kernel.mean,
        **metrics.precision_recall(vectors, fakes)._asdict(),
        "agreement": agreement,
    }


def as_text(sheet: np.ndarray) -> str:
    """Return a picture as a few kilobytes of text that JSON can hold.

    Args:
        sheet: `(height, width, 1 or 3)` uint8 in [0, 255].

    Returns:
        A PNG of at most 16 colors in base64.
    """
    from PIL import Image

    stream = io.BytesIO()
    Image.fromarray(sheet.squeeze(-1) if sheet.shape[-1] == 1 else sheet).quantize(_GRAYS).save(
        stream, "png", optimize=True
    )
    return base64.b64encode(stream.getvalue()).decode()


def picture_of(text: str) -> np.ndarray:
    """Return the `(height, width, 3)` uint8 picture that `as_text` made a text of."""
    from PIL import Image

    with Image.open(io.BytesIO(base64.b64decode(text))) as picture:
        return np.asarray(picture.convert("RGB"))


def _chosen(pictures: np.ndarray, class_labels: np.ndarray | None) -> np.ndarray:
    """Return the first pictures; with labels the first of each class, class by class in a row."""
    if class_labels is None:
        return pictures[: _ROWS * COLUMNS]
    places = [np.flatnonzero(class_labels == label)[:_ROWS] for label in range(COLUMNS)]
    return pictures[
        [column[line] for line in range(_ROWS) for column in places if line < len(column)]
    ]
