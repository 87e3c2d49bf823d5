"""From images to features or moments, with a feature extractor that is chosen by name."""

from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
from tqdm import tqdm

from gan_utils.metrics import features, sources
from gan_utils.metrics.evaluate import fid_floor
from gan_utils.metrics.features import Extractor, Features
from gan_utils.metrics.statistics import Moments
from gan_utils.process import import_tensorflow

KEPT = 4096  # images whose features are kept: 32 MB, and the exact distance for small sets
LENET_SIZE = 28
_LARGEST_BATCH = 500  # so that the bar moves
RESIZED = "gray, antialiased bicubic to 28x28 where the size differs"
STATISTICS_SUFFIX = ".npz"


@dataclass(frozen=True)
class Choice:
    """An extractor that can be chosen by name.

    Attributes:
        build: Takes a weights file (or None) and the resizing; returns the extractor.
        begins: Start of the extractor's full name, by which saved statistics are recognized.
        size: Height and width in pixels of its input; None if it resizes images itself.
        takes_file: Whether its weights can come from a file.
    """

    build: Callable[[str | None, str], Extractor]
    begins: str
    size: int | None = None
    takes_file: bool = False


CHOICES = {
    "lenet-mnist": Choice(lambda *_: features.lenet("mnist"), "LeNet (mnist,", LENET_SIZE),
    "lenet-fashion": Choice(
        lambda *_: features.lenet("fashion_mnist"), "LeNet (fashion_mnist,", LENET_SIZE
    ),
    "inception-keras": Choice(
        lambda file, _: features.keras_inception(file or "imagenet"),
        "InceptionV3 (Keras",
        None,
        True,
    ),
    "inception-2015": Choice(
        lambda file, resizing: features.inception_2015(file, resizing=resizing),
        "Inception 2015-12-05",
        None,
        True,
    ),
}
_OF_DATA_SETS = {"mnist": "lenet-mnist", "digits": "lenet-mnist", "fashion_mnist": "lenet-fashion"}
_COMPARABLE = "inception-2015"


@dataclass(frozen=True)
class Seen:
    """One side of a comparison.

    Attributes:
        title: Name of the source.
        what: Features; or moments, of many images or loaded from a file.
        halves: Moments of two random halves, where the images were streamed.
    """

    title: str
    what: Features | Moments
    halves: tuple[Moments, Moments] | None = None

    def moments(self, seed: int) -> Moments:
        """Return moments to save, with the noise floor between two halves that `seed` draws."""
        moments = self.what.moments() if isinstance(self.what, Features) else self.what
        if moments.floor is None:
            floor = fid_floor(self.what, halves=self.halves, seed=seed)
            moments.floor = floor.get("floor")
            moments.floor_counts = floor.get("floor_counts", ())
        return moments


def is_statistics(what: object) -> bool:
    """Return whether something is the name of a statistics file: it ends in .npz, not a folder."""
    if not isinstance(what, str | Path):
        return False
    path = Path(what)
    return path.suffix.lower() == STATISTICS_SUFFIX and not path.is_dir()


def load_statistics(name: str, extractor: str, resizing: str) -> Moments:
    """Load statistics that --save-stats or another tool wrote.

    Args:
        name: The file.
        extractor: Network of another tool's file; empty if it was not named.
        resizing: Resizing of another tool's file; likewise.

    Returns:
        Moments, with a count of 0 where the file does not hold it.

    Raises:
        ValueError: There is no such file, or it holds something else.
        OSError: It cannot be read.
    """
    if not Path(name).exists():
        raise ValueError(f"There is no file {name}; make it with --save-stats {name}.")
    return Moments.load(name, extractor=extractor, resizing=resizing)


def names_of(extractor: str | Extractor, resizing: str | None) -> dict[str, str]:
    """Return the names that statistics of an extractor and a resizing have.

    Args:
        extractor: A key of `CHOICES`, `"auto"`, or the network itself.
        resizing: `"clean"`, `"legacy"` or None.

    Returns:
        `extractor` (for a key the start of its full name) and `resizing`; both are empty if the
        extractor is "auto" or the resizing None.
    """
    if isinstance(extractor, Extractor):
        return {"extractor": extractor.name, "resizing": extractor.resizing}
    if extractor not in CHOICES or resizing is None:
        return {"extractor": "", "resizing": ""}
    legacy = resizing == "legacy" and extractor == _COMPARABLE
    sized = "none" if CHOICES[extractor].size else features.CLEAN
    return {
        "extractor": CHOICES[extractor].begins,
        "resizing": features.LEGACY if legacy else sized,
    }


def adopt_name(saved: Moments, name: str) -> None:
    """Give the statistics of another tool the full name of the extractor that was named for them.

    Args:
        saved: Moments from `load_statistics`, changed in place where their count is unknown.
        name: Of the extractor on the other side.
    """
    if saved.count == 0 and name.startswith(saved.extractor):
        saved.extractor = name


def choose(what: object, saved: Moments | None) -> tuple[str, str]:
    """Choose extractor and resizing for "auto".

    Args:
        what: The real images, as `sources.open_source` takes them.
        saved: Statistics that one side comes from.

    Returns:
        A key of `CHOICES` and `"clean"` or `"legacy"`: those of the statistics; LeNet for 28x28
        images and the data sets that it was trained on; else the Inception graph of published FIDs.

    Raises:
        ValueError: Statistics of an extractor that the command does not know.
    """
    if saved is not None:
        legacy = "legacy" if saved.resizing == features.LEGACY else "clean"
        for key, choice in CHOICES.items():
            if saved.extractor.startswith(choice.begins):
                return key, legacy
        raise ValueError(
            f"The statistics come from {saved.extractor!r}, which the command cannot run; compute "
            "them again with --save-stats."
        )
    size = sources.first_size(what)
    if size is not None:
        small = size == (LENET_SIZE, LENET_SIZE)
        return ("lenet-mnist" if small else _COMPARABLE), "clean"
    return _OF_DATA_SETS.get(str(what).partition(":")[0], _COMPARABLE), "clean"


def build(key: str, *, resize: bool, resizing: str, file: str | None) -> Extractor:
    """Build the extractor.

    Args:
        key: A key of `CHOICES`.
        resize: Whether images are resized to 28x28 before; the extractor's `resizing` then says so.
        resizing: `"clean"` or `"legacy"`, of the Inception graph.
        file: Its weights; None for those of the package or a download.

    Raises:
        ValueError: A file for an extractor that takes none, or a resizing that it does not have.
        OSError: Weights that cannot be read or downloaded.
    """
    choice = CHOICES[key]
    if file is not None and not choice.takes_file:
        raise ValueError(f"{key} has no weights file; leave --extractor-file out.")
    if resize and choice.size is None:
        raise ValueError(f"{key} resizes every image by itself; leave --resize out.")
    if resizing == "legacy" and key != _COMPARABLE:
        raise ValueError(
            f"--resizing legacy is a step of {_COMPARABLE}, which {key} does not have."
        )
    import_tensorflow()
    extractor = choice.build(file, resizing)
    return replace(extractor, resizing=RESIZED) if resize else extractor


def look(
    source: sources.Source,
    extractor: Extractor,
    *,
    stream: bool,
    probabilities: bool,
    batch_size: int | None = None,
    progress: bool | None = None,
) -> Seen:
    """Run the extractor over all images of a source.

    Args:
        source: The images.
        extractor: The network.
        stream: Keep moments only, if there are more than `KEPT` images.
        probabilities: Whether to keep the class probabilities, for the Inception Score.
        batch_size: Images per forward pass; default: the extractor's, at most 500.
        progress: Whether to show a progress bar; by default on a terminal.

    Returns:
        Features, or moments, whose memory does not grow with the number of images.

    Raises:
        ValueError: The source or the extractor finds images that it cannot use.
        OSError: An image file cannot be read.
    """
    hidden = None if progress is None else not progress  # None: wherever there is no terminal
    bar = tqdm(desc=source.title, total=source.count, unit=" images", disable=hidden)
    size = batch_size or min(extractor.batch_size, _LARGEST_BATCH)
    outputs = _outputs(source, extractor, size, bar)
    try:
        if stream and source.count > KEPT:
            return _streamed(source, extractor, outputs)
        vectors, chances = zip(*outputs, strict=True)
    finally:
        bar.close()
    classes = np.concatenate(chances) if probabilities and chances[0] is not None else None
    found = Features(np.concatenate(vectors), classes, extractor.name, extractor.resizing)
    return Seen(source.title, found)


def _outputs(
    source: sources.Source, extractor: Extractor, batch_size: int, bar: tqdm
) -> Iterator[tuple[np.ndarray, np.ndarray | None]]:
    for batch in source.batches(batch_size):
        yield extractor.look(batch)
        bar.update(len(batch))


def _streamed(source: sources.Source, extractor: Extractor, outputs: Iterator) -> Seen:
    """Accumulate the two halves separately; the source's order is random already."""
    halves = [Moments(extractor=extractor.name, resizing=extractor.resizing) for _ in range(2)]
    half = source.count // 2
    for vectors, _ in outputs:
        missing = max(0, half - halves[0].count)
        for moments, part in zip(halves, (vectors[:missing], vectors[missing:]), strict=True):
            if len(part):
                moments.update(part)
    whole = Moments(extractor=extractor.name, resizing=extractor.resizing)
    whole.merge(halves[0]).merge(halves[1])
    return Seen(source.title, whole, (halves[0], halves[1]))
