"""From images to features or moments, with the extractor that was chosen."""

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

KEPT = 4096  # features of so many images take 32 MB, and give the exact distance of small sets
LENET_SIZE = 28
_LARGEST_BATCH = 500  # so that the bar moves
RESIZED = "gray, antialiased bicubic to 28x28 where the size differs"
STATISTICS_SUFFIX = ".npz"


@dataclass(frozen=True)
class Choice:
    """An extractor that can be chosen.

    Attributes:
        build: From the file and the resizing that were asked for to the extractor.
        begins: How the names of these extractors begin, to recognize saved statistics.
        size: Height and width it needs; None when it resizes by itself.
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
        title: Where it came from.
        what: Features, or moments where the images were too many to keep or came from a file.
        halves: Moments of two random halves, where the images were streamed.
    """

    title: str
    what: Features | Moments
    halves: tuple[Moments, Moments] | None = None

    def moments(self, seed: int) -> Moments:
        """Return moments that can be saved, with the floor of their images."""
        moments = self.what.moments() if isinstance(self.what, Features) else self.what
        if moments.floor is None:
            floor = fid_floor(self.what, halves=self.halves, seed=seed)
            moments.floor = floor.get("floor")
            moments.floor_counts = floor.get("floor_counts", ())
        return moments


def is_statistics(what: object) -> bool:
    """Tell saved statistics from everything else, by name and kind of file."""
    if not isinstance(what, str | Path):
        return False
    path = Path(what)
    return path.suffix.lower() == STATISTICS_SUFFIX and not path.is_dir()


def load_statistics(name: str, extractor: str, resizing: str) -> Moments:
    """Load what --save-stats or another tool wrote.

    Args:
        name: The file.
        extractor: Of another tool's file; empty if it was not named.
        resizing: Likewise.

    Raises:
        ValueError: There is no such file, or it holds something else.
        OSError: It cannot be read.
    """
    if not Path(name).exists():
        raise ValueError(f"There is no file {name}; make it with --save-stats {name}.")
    return Moments.load(name, extractor=extractor, resizing=resizing)


def names_of(extractor: str | Extractor, resizing: str | None) -> dict[str, str]:
    """Return how statistics name the extractor and the resizing that were asked for.

    Args:
        extractor: A key of `CHOICES`, `"auto"`, or the network itself.
        resizing: `"clean"`, `"legacy"` or None.

    Returns:
        `extractor` (of a key: how its full name begins) and `resizing`; both empty where one of
        the two was left open.
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
    """Choose extractor and resizing where the user left it open.

    Args:
        what: The real images, as `sources.open_source` takes them.
        saved: Statistics that one side comes from.

    Returns:
        A key of `CHOICES` and `"clean"` or `"legacy"`: those of the statistics; LeNet for 28x28
        images and the data sets it knows; else the graph behind published figures.

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
    """Build the extractor; its name for the resizing says so when images may be resized.

    Raises:
        ValueError: A file for an extractor that has none, or resizing where there is nothing to do.
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
        stream: Keep moments only, where there are more than `KEPT` images.
        probabilities: Whether the classes are needed.
        batch_size: Images at once; by default as the extractor likes.
        progress: Whether to show a bar; by default on a terminal.

    Returns:
        Features, or moments whose memory does not grow with the number of images.
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
    """Gather both halves apart: the order is random already."""
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
