"""A study for lesson 13: what a score depends on besides the images.

    GAN_PROFILE=full GAN_RECORD=book/results python benchmarks/study_scores.py

All images are real digits, undamaged, so that every difference is the effect of a choice: the
resizing filter, the feature extractor, the largest balls of the precision, and the sample size.
"""

import time
import warnings

import numpy as np
import tensorflow as tf
from lesson import load_lesson

from gan_utils import data, images, lenet, metrics, profile, records

LESSON = load_lesson("13_metrics")
SEED = profile.seed(13)
COUNT = profile.samples(full=10_000, quick=1_500, smoke=200)
REPEATS = profile.samples(full=4, quick=4, smoke=2)
FILTERS = {
    "bicubic": "bicubic, antialiased",
    "bilinear": "bilinear, antialiased",
    "box": "box, antialiased",
    "picked": "bilinear, picked",
    "nearest": "nearest",
}
BLURS = (0.0, 1.0, 2.0)
BALLS = (1.0, 0.99, 0.9)


def shrink(batch: np.ndarray, name: str, size: int = 28) -> np.ndarray:
    """Return uint8 images in a smaller size, resized with one of `FILTERS`.

    "picked" interpolates between a few pixels and drops the rest: no antialiasing, as in the
    resizing step of many networks.
    """
    method, _, how = FILTERS[name].partition(", ")
    if how == "picked":
        resized = tf.image.resize(batch, (size, size), method=method, antialias=False)
        return np.rint(resized.numpy()).astype("uint8")
    return images.resize(batch, size, method=method)


def scan(batch: np.ndarray, size: int = 112) -> np.ndarray:
    """Enlarge images and make each pixel black or white, as in a scan."""
    large = images.resize(images.to_uint8(batch), size, method="bicubic")
    return np.where(large > 110, 255, 0).astype("uint8")


def precision_within(real: np.ndarray, fake: np.ndarray, share: float, k: int = 3) -> float:
    """Return precision with only the smallest balls: a `share` of all balls of the reals."""
    real, fake = real.astype(float), fake.astype(float)

    def lengths(a: np.ndarray, b: np.ndarray) -> np.ndarray:
        squared = (a**2).sum(axis=1)[:, None] + (b**2).sum(axis=1) - 2 * a @ b.T
        return np.sqrt(np.maximum(squared, 0))

    sizes = np.sort(lengths(real, real), axis=1)[:, k]
    small = sizes <= np.quantile(sizes, share)
    return float((lengths(fake, real[small]) <= sizes[small]).any(axis=1).mean())


def extrapolated(first: np.ndarray, second: np.ndarray, sizes: list[int]) -> dict[str, float]:
    """Return the FID at the largest size, and that of a straight line over 1/N at 1/N = 0.

    Source: Chong and Forsyth, Effectively Unbiased FID and Inception Score, 2020.
    """
    means = []
    for size in sizes:
        rngs = [np.random.default_rng([SEED, size, repeat]) for repeat in range(REPEATS)]
        pairs = [
            [part[rng.choice(len(part), size, replace=False)] for part in (first, second)]
            for rng in rngs
        ]
        means.append(np.mean([metrics.fid(*pair) for pair in pairs]))
    _, at_zero = np.polyfit(1 / np.array(sizes), means, 1)
    return {"measured": float(means[0]), "extrapolated": float(at_zero)}


def views(real: np.ndarray, pool: np.ndarray, labels: np.ndarray) -> dict[str, dict[str, float]]:
    """Return the FID of the same damaged images on the features of two classifiers."""
    found = {}
    for name in ("mnist", "fashion_mnist"):
        seen = lenet.features(real, name)
        found[name] = {"undamaged": metrics.fid(seen, lenet.features(pool[: len(real)], name))}
        for damage in ("noise", "blur", "classes left"):
            level = LESSON.LEVELS[damage][2]
            rng = np.random.default_rng(SEED)
            fakes = LESSON.DAMAGE[damage](pool, labels, level, len(real), rng)
            found[name][damage] = metrics.fid(seen, lenet.features(fakes, name))
    return found


def main() -> None:
    """Measure everything and record it."""
    warnings.simplefilter("ignore", metrics.SampleSizeWarning)
    start = time.perf_counter()
    digits = data.load_images("mnist")
    order = np.random.default_rng(SEED).permutation(len(digits))
    count = min(COUNT, len(digits) // 4)
    pool, labels = images.to_float(digits.images[order]), digits.labels[order]
    real, pool, labels = pool[:count], pool[count:], labels[count:]
    real_features, pool_features = lenet.features(real), lenet.features(pool)
    slightly = LESSON.blur(pool, labels, 0.5, count, None)
    reference = lenet.features(shrink(scan(real), "bicubic"))
    scans = scan(pool[:count])
    some = min(count, 2_000)  # the balls take memory of the square
    sizes = [int(count / part) for part in (1, 1.5, 2, 2.5, 3)]
    found = {
        "samples": count,
        "extractor": "LeNet on MNIST, 84 features",
        "resizing": {
            name: metrics.fid(reference, lenet.features(shrink(scans, name))) for name in FILTERS
        },
        "views": views(real, pool, labels),
        "balls": {
            f"blur {level:g}": {
                f"{share:.0%}": precision_within(
                    real_features[:some],
                    lenet.features(LESSON.blur(pool, labels, level, some, None)),
                    share,
                )
                for share in BALLS
            }
            for level in BLURS
        },
        "infinite": {
            "undamaged": extrapolated(real_features, pool_features, sizes),
            "blurred": extrapolated(real_features, lenet.features(slightly), sizes),
        },
    }
    print(found)
    seconds = time.perf_counter() - start
    records.record("study_scores", found, seconds=seconds, data=digits, seed=SEED)


if __name__ == "__main__":
    main()
