"""Scores of images from any source: arrays, data sets, folders, generators, saved statistics.

`score` is for Python; `gan-utils score` calls `compare`, which also returns the features.
"""

from collections.abc import Sequence
from dataclasses import dataclass, fields
from typing import Any

import numpy as np

from gan_utils.metrics import extract, sources
from gan_utils.metrics.evaluate import Score, measure, require_known
from gan_utils.metrics.extract import Seen
from gan_utils.metrics.features import Extractor, Features
from gan_utils.metrics.statistics import Moments, require_named
from gan_utils.metrics.validation import require_same_origin

ALL = ("fid", "kid", "prdc", "is")


@dataclass(frozen=True)
class Options:
    """How images are drawn, resized and turned into features.

    Attributes:
        extractor: A key of `extract.CHOICES`, `"auto"`, or an `Extractor`.
        extractor_file: Weights of that network, if they are not to be downloaded.
        resizing: `"clean"` or `"legacy"`, of the Inception graph; None for `"clean"`, or for that
            of the statistics.
        resize: Whether to resize images to the 28x28 pixels of LeNet (antialiased).
        samples: Largest number of images on each side, drawn at random; None for all, or for 10,000
            of a generator.
        codes: For a generator's file: length of a one-hot code at the end of its latent vector.
        seed: Seed of all random draws.
        batch_size: Images per forward pass; default: the extractor's.
        progress: Whether to show a progress bar; None: on a terminal.
    """

    extractor: str | Extractor = "auto"
    extractor_file: str | None = None
    resizing: str | None = None
    resize: bool = False
    samples: int | None = None
    codes: int = 0
    seed: int = 0
    batch_size: int | None = None
    progress: bool | None = False


def score(
    real: Any, generated: Any, metrics: Sequence[str] | None = None, **options: Any
) -> dict[str, Score]:
    """Compare generated images with real ones.

    Args:
        real: Real images: an array `(n, height, width, 1 or 3)`, uint8 in [0, 255] or float32 in
            [-1, 1]; an `ImageSet`; a `tf.data.Dataset` of images or `(images, labels)`, in
            batches or not; a folder; a data set of the book, such as `"mnist:test"`; `Features`;
            or statistics: a `Moments`, an .npz file of ours, pytorch-fid's or clean-fid's, or a
            tuple `(mu, sigma)`.
        generated: The same, or a generator: a Keras model, a .keras file or a name.
        metrics: Keys of `METRICS`; by default all that the extractor allows, but the FID alone if
            one side is statistics.
        **options: Fields of `Options`; and the settings `splits`, `k`, `subsets`, `subset_size` of
            `measure`. Statistics of other tools need `extractor` and `resizing`, which those
            files do not hold: `"inception-2015"` with `"legacy"` for pytorch-fid, with `"clean"`
            for clean-fid.

    Returns:
        Scores by name: `fid`, `kid`, `precision`, `recall`, `density`, `coverage`, `is`.

    Raises:
        ValueError: Images, statistics or settings that cannot be used.
        OSError: Files that cannot be read or downloaded.
    """
    names = {field.name for field in fields(Options)}
    chosen = Options(**{name: value for name, value in options.items() if name in names})
    settings = {name: value for name, value in options.items() if name not in names}
    return compare((real, generated), metrics, chosen, settings)[1]


def compare(
    sides: Sequence[Any],
    metrics: Sequence[str] | None,
    options: Options,
    settings: dict[str, int],
) -> tuple[list[Seen], dict[str, Score]]:
    """Compute the features of one or two sets of images, and score the second against the first.

    Args:
        sides: Real and, if there are any, generated images, as in `score`.
        metrics: See `score`.
        options: How to compute the features.
        settings: Settings of the scores, as in `measure`.

    Returns:
        The features or moments of each side, and the scores; none for a single side.

    Raises:
        ValueError: See `score`.
        OSError: See `score`.
    """
    ready = [_ready(side, options) for side in sides]
    saved = [part for part in ready if isinstance(part, Moments)]
    chosen = list(metrics or (["fid"] if saved else ALL))
    require_known(chosen, settings)  # before the images are looked at
    _require_features(chosen, sides, ready)
    extractor, opened = None, {}
    if None in ready:
        extractor, opened = _prepare(sides, ready, options)
    names = [extractor.name] if extractor else [part.extractor for part in ready if part.count]
    for part in saved:
        extract.adopt_name(part, names[0] if names else part.extractor)
    if extractor is not None:
        origin = Moments(extractor=extractor.name, resizing=extractor.resizing)
        for part in ready:
            require_same_origin(origin if part is None else part, origin)
    stream = set(chosen) == {"fid"} or len(sides) == 1
    seen = [
        extract.look(
            opened[index],
            extractor,
            stream=stream,
            probabilities="is" in chosen,
            batch_size=options.batch_size,
            progress=options.progress,
        )
        if part is None
        else Seen(_title(side), part)
        for index, (side, part) in enumerate(zip(sides, ready, strict=True))
    ]
    return seen, _scores(seen, chosen, metrics is None, options.seed, settings)


def _scores(
    seen: list[Seen], chosen: list[str], all_there_are: bool, seed: int, settings: dict[str, int]
) -> dict[str, Score]:
    if len(seen) == 1:
        return {}
    real, fake = seen
    if all_there_are and getattr(fake.what, "probabilities", None) is None:
        chosen = [name for name in chosen if name != "is"]  # the network has no classes
    return measure(real.what, fake.what, chosen, halves=real.halves, seed=seed, **settings)


def _ready(side: Any, options: Options) -> Features | Moments | None:
    """Return a side that is features or statistics already; None if it needs an extractor."""
    if isinstance(side, Features | Moments):
        return side
    names = extract.names_of(options.extractor, options.resizing)
    if isinstance(side, tuple) and [np.ndim(part) for part in side] == [1, 2]:
        return Moments.given(*side, **require_named(**names, what="the tuple"))
    if not extract.is_statistics(side):
        return None
    return extract.load_statistics(str(side), **names)


def _title(side: Any) -> str:
    return str(side) if extract.is_statistics(side) else type(side).__name__.lower()


def _require_features(metrics: list[str], sides: Sequence[Any], ready: list) -> None:
    """Raise ValueError, before any work, for metrics that statistics are not enough for."""
    files = ", ".join(
        _title(side) for side, part in zip(sides, ready, strict=True) if isinstance(part, Moments)
    )
    enough = {"fid"} if isinstance(ready[-1], Moments) else {"fid", "is"}
    if files and (missing := set(metrics) - enough):
        others = ", ".join(sorted(missing))
        raise ValueError(
            f"{files}: saved statistics give only the FID, not {others}; give the folder of "
            "images for that."
        )


def _prepare(
    sides: Sequence[Any], ready: list, options: Options
) -> tuple[Extractor, dict[int, sources.Source]]:
    """Return the extractor, and the sources of images by side, opened for it."""
    statistics = next((part for part in ready if part is not None), None)
    key, resizing, resize = options.extractor, options.resizing, options.resize
    if key == "auto":
        key, saved_resizing = extract.choose(sides[0], statistics)
        resizing = resizing or saved_resizing
        resize = resize or (statistics is not None and statistics.resizing == extract.RESIZED)
    if isinstance(key, str) and key not in extract.CHOICES:
        known = ", ".join(["auto", *extract.CHOICES])
        raise ValueError(f"There is no extractor {key!r}; choose one of {known}, or an Extractor.")
    size = extract.CHOICES[key].size if isinstance(key, str) else None
    wish = sources.Wish(
        options.samples, options.seed, size is not None, size, resize, options.codes
    )
    # Opened before the network is loaded and before the first is looked at: a wrong name shows now.
    opened = {
        index: sources.open_source(side, wish)
        for index, (side, part) in enumerate(zip(sides, ready, strict=True))
        if part is None
    }
    if isinstance(key, Extractor):
        return key, opened
    extractor = extract.build(
        key, resize=resize, resizing=resizing or "clean", file=options.extractor_file
    )
    return extractor, opened
