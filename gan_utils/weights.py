"""Trained generators by name or file: finding, loading and calling them.

A manifest, which comes with the package, lists for each name the file, its SHA-256, its inputs and
the recorded run that made it. A file is looked for in the checkout, then in the installed package,
which includes `cgan`, then in the user's cache, then in the project's release; a file whose SHA-256
is not that of the manifest is never opened.
"""

import importlib
import json
import os
import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

import gan_utils
from gan_utils import _aliases, download, foreign_files
from gan_utils.io import file_sha256, parse_json

if TYPE_CHECKING:
    import keras

SUFFIX = ".keras"
HDF5_SUFFIXES = (".h5", ".hdf5")
NUM_CLASSES = 10  # of a class-conditional generator without an embedding to read them from
REPOSITORY = "https://github.com/gan-workbook/gan-workbook"
_PACKAGE = Path(__file__).resolve().parent
_FOLDER = _PACKAGE.parent / "weights"  # of a checkout
_INSTALLED = _PACKAGE / "assets" / "weights"  # in the wheel
_MANIFESTS = (_FOLDER / "manifest.json", _PACKAGE / "weights.json")  # the second: in the wheel
_CACHE_FOLDER = "gan-workbook"
# Required facts of an entry; a file name with a folder in it could lead outside the cache.
_FACTS = {
    "file": r"[A-Za-z0-9_][A-Za-z0-9_.-]*\.npz",
    "sha256": r"[0-9a-f]{64}",
    "lesson": r"\w+",
    "date": r"\d{4}-\d\d-\d\d",
    "data": r".*",
    "steps": r"\d+",
}


def names() -> tuple[str, ...]:
    """Return the names of the trained generators that this version knows, in the book's order."""
    return tuple(_manifest())


def facts(name: str) -> dict[str, Any]:
    """Return what is recorded about a trained generator.

    Args:
        name: One of `names()`.

    Returns:
        `file`, `bytes`, `sha256`; the run that made it: `lesson`, `commit`, `date`, `data`, `seed`,
        `epochs`, `steps`, `seconds`, `metrics`, `versions`; `scores` of the file itself; its
        `inputs` and `output` (shapes without the batch), and `classes` of a conditional generator.

    Raises:
        ValueError: An unknown name; the message lists those there are.
    """
    found = _manifest().get(name)
    if found is None:
        known = ", ".join(names()) or "none in this version"
        raise ValueError(f"There is no trained generator {name!r}; there are: {known}.")
    return json.loads(json.dumps(found))  # a copy: the manifest is read once


def describe(name: str) -> str:
    """Return one line on where a trained generator comes from, for the text next to its images.

    Args:
        name: One of `names()`.

    Returns:
        The lesson, date, data and number of steps of the recorded full run.

    Raises:
        ValueError: An unknown name.
    """
    found = facts(name)
    return (
        f"trained generator {name!r}: recorded full run of lesson {found['lesson']}, "
        f"{found['date']}, {found['data']}, {found['steps']:,} steps"
    )


def find(name: str) -> Path:
    """Return the file of a trained generator, downloaded if it is missing.

    Args:
        name: One of `names()`.

    Returns:
        A file with the manifest's SHA-256: in the checkout's `weights`, else in the package, else
        in the folder where Keras keeps downloads.

    Raises:
        ValueError: An unknown name, or a file in the checkout or package with another SHA-256.
        gan_utils.download.DownloadError: The file is not on this machine, and the release cannot be
            reached or sends a file with another SHA-256, which is deleted.
    """
    found = facts(name)
    for path in (_FOLDER / found["file"], _INSTALLED / found["file"]):
        if not path.is_file():
            continue
        if file_sha256(path) != found["sha256"]:
            raise ValueError(
                f"{path} is not the file that manifest.json next to it describes: its SHA-256 "
                "differs. Take both from the same commit."
            )
        return path
    url = f"{REPOSITORY}/releases/download/v{gan_utils.__version__}/{found['file']}"
    file = download.File(f"{_CACHE_FOLDER}/{found['file']}", url, found["sha256"])
    if file.path.is_file():
        if file_sha256(file.path) == found["sha256"]:
            return file.path
        file.path.unlink()  # of another version, or damaged
    try:
        download.download(file)
    except download.DownloadError as error:
        raise download.DownloadError(
            f"The trained generator {name!r} is not on this machine, and {error}. Put "
            f"{found['file']} of the project's release into {file.path.parent}."
        ) from error
    return file.path


def check_name(name_or_path: str | os.PathLike) -> bool:
    """Check, without importing TensorFlow, that a name or file of a generator exists.

    Args:
        name_or_path: A file that ends in .keras, or one of `names()`.

    Returns:
        True for a file, False for a name.

    Raises:
        ValueError: It is neither; the message says what to give.
    """
    path = Path(name_or_path)
    if path.is_file() and path.suffix == SUFFIX:
        return True
    if str(name_or_path) in names():
        return False
    if path.suffix.lower() in HDF5_SUFFIXES and path.is_file():
        raise ValueError(f"{path} {foreign_files.describe_hdf5(path)}")
    if (path / "saved_model.pb").is_file():
        raise ValueError(
            f"{path} is a SavedModel, which holds no Keras layers; give a {SUFFIX} file."
        )
    if path.exists():
        raise ValueError(f"{path} is not a {SUFFIX} file; give the file of a saved generator.")
    if path.suffix == SUFFIX:
        raise ValueError(f"There is no file {path}; a lesson saves its generator as such a file.")
    known = ", ".join(names())
    raise ValueError(
        f"There is no file {str(name_or_path)!r}, and it is none of {known}."
        if known
        else f"There is no file {str(name_or_path)!r}, and this version of gan_utils brings no "
        f"trained generators: give a {SUFFIX} file, such as a lesson saves."
    )


def load_generator(name_or_path: str | os.PathLike) -> "keras.Model":
    """Load a trained generator.

    Args:
        name_or_path: One of `names()`, or a file that ends in .keras, such as a lesson saves.

    Returns:
        A Keras model, not compiled, that returns images float32 in [-1, 1]; it computes in float32,
        also if it was trained and saved in mixed precision. Its inputs are `latents`
        `(n, latent_dim)`, standard normal; or `[latents, class_labels]` with labels `(n, 1)` int;
        for `infogan` noise and one-hot code, concatenated to `(n, 72)`; for a translator images
        `(n, h, w, c)` in [-1, 1]; for `denoiser` images and noise steps `(n, 1)` int, as in lesson
        20. Call it with `training=False`.

    Raises:
        ValueError: There is no such name or file, its SHA-256 is not that of the manifest, or Keras
            cannot load it, for example because it holds Python code.
        gan_utils.download.DownloadError: The file is not on this machine and cannot be downloaded.
    """
    is_file = check_name(name_or_path)
    precision = importlib.import_module("gan_utils.precision")  # only now: it imports TensorFlow
    if not is_file:
        from gan_utils import model_file

        return precision.compute_in_float32(model_file.unpack(find(str(name_or_path))))
    importlib.import_module("gan_utils.layers")  # the layers that a translator is made of
    saving = importlib.import_module("keras").saving
    try:
        network = saving.load_model(Path(name_or_path), compile=False)
    except Exception as error:  # a damaged archive can raise nearly anything
        if advice := foreign_files.describe_keras_2(Path(name_or_path)):
            raise ValueError(f"{name_or_path} {advice}") from error
        reason = str(error).split("\n", 1)[0]
        raise ValueError(
            f"{name_or_path} cannot be loaded as a Keras model ({reason}); save it again."
        ) from error
    return precision.compute_in_float32(network)


def try_generator(name: str) -> tuple["keras.Model | None", str]:
    """Load a trained generator if it is available, for lessons that can go on without it.

    Args:
        name: One of `names()`.

    Returns:
        The generator and its `describe` line; or None and the reason why there is none.
    """
    if name not in names():
        return None, f"no trained generator {name!r} comes with this version of the package"
    try:
        return load_generator(name), describe(name)
    except (ValueError, OSError) as error:
        return None, f"without the trained generator: {error}"


def require_one_call(name: str) -> None:
    """Raise ValueError if a trained network needs many calls for one image, as a denoiser does.

    Args:
        name: One of `names()`; for any other string nothing is raised.
    """
    if "noise_steps" in _manifest().get(name, {}).get("inputs", {}):
        raise ValueError(f"{name} removes noise, step by step: lesson 20 draws with it.")


@dataclass(frozen=True)
class Inputs:
    """The inputs of a generator that draws images from noise.

    Attributes:
        latent_dim: Length of a latent vector, a one-hot code included.
        num_classes: Number of classes to choose from; 0 for an unconditional generator.
        one_hot: Whether the class is a one-hot code at the end of the latent vector (True), or a
            separate input (False).
    """

    latent_dim: int
    num_classes: int
    one_hot: bool

    def arrange(self, latents: np.ndarray, class_labels: np.ndarray | None) -> Any:
        """Arrange noise and classes as the generator's inputs.

        Args:
            latents: `(n, latent_dim)` float32.
            class_labels: `(n,)` int below `num_classes`; ignored by an unconditional generator.

        Returns:
            Latents `(n, latent_dim)`, in which a one-hot code replaces the last `num_classes`
            numbers; or a list of latents and labels `(n, 1)` int32.
        """
        if self.one_hot:
            codes = np.eye(self.num_classes, dtype=np.float32)[class_labels]
            return np.concatenate([latents[:, : -self.num_classes], codes], axis=1)
        if self.num_classes:
            return [latents, np.asarray(class_labels, np.int32)[:, None]]
        return latents


def inputs_of(name: str, generator: Any, codes: int = 0) -> Inputs:
    """Return which inputs a generator takes that draws images from noise.

    Args:
        name: One of `names()`, whose entry in the manifest says where the class goes; or a file.
        generator: Keras model of `latents` `(n, latent_dim)`, or of `[latents, class_labels]`.
        codes: For a file: length of a one-hot code at the end of the latent vector, 0 without one.

    Returns:
        The description of its inputs.

    Raises:
        ValueError: The generator takes images or other inputs than noise and labels, or its latent
            vector is not longer than `codes`.
    """
    require_one_call(name)
    shapes = [tuple(part.shape) for part in getattr(generator, "inputs", None) or []]
    if not 1 <= len(shapes) <= 2 or len(shapes[0]) not in (2, 4):
        raise ValueError(
            f"{name} takes inputs of shape {', '.join(map(str, shapes)) or 'unknown'}; images "
            "are drawn from noise (n, latent_dim), with class labels (n, 1) or without."
        )
    if len(shapes[0]) != 2:
        raise ValueError(
            f"{name} translates images and cannot draw from noise; use gan-utils translate for it."
        )
    entry = _manifest().get(name, {})
    if "class_labels" not in entry.get("inputs", {"class_labels": None}):
        codes = len(entry.get("classes", ()))
    if len(shapes) > 1:
        return Inputs(shapes[0][1], num_classes(generator), one_hot=False)
    if codes >= shapes[0][1]:
        raise ValueError(
            f"{name} takes {shapes[0][1]} latents, of which {codes} cannot be a one-hot code; give "
            "fewer codes."
        )
    return Inputs(shapes[0][1], codes, one_hot=codes > 0)


def draw(generator: Any, inputs: Any) -> np.ndarray:
    """Return a generator's images as float32, also from one that computes in half precision.

    Args:
        generator: Keras model, called with `training=False`.
        inputs: Its inputs.

    Returns:
        `(n, height, width, channels)` float32.
    """
    return np.asarray(generator(inputs, training=False)).astype(np.float32, copy=False)


def num_classes(generator: Any) -> int:
    """Return the number of classes of a generator's label embedding; 10 if it has none."""
    for layer in getattr(generator, "layers", []):
        if type(layer).__name__ == "Embedding":
            return layer.input_dim
    return NUM_CLASSES


def drawer(
    name: str, generator: Any, count: int, seed: int, codes: int = 0
) -> Callable[[int], Iterator]:
    """Return a function that draws `count` images, with random classes where there are any.

    Args:
        name: See `inputs_of`.
        generator: See `inputs_of`.
        count: Number of images.
        seed: Seed of noise and classes.
        codes: See `inputs_of`.

    Returns:
        A function from a batch size to batches `(n, height, width, channels)` float32 in [-1, 1];
        the batch size does not change what is drawn.

    Raises:
        ValueError: As in `inputs_of`.
    """
    takes = inputs_of(name, generator, codes)

    def batches(batch_size: int) -> Iterator[np.ndarray]:
        draws = [np.random.default_rng([seed, stream]) for stream in range(2)]
        for start in range(0, count, batch_size):
            part = min(batch_size, count - start)
            classes = draws[0].integers(0, takes.num_classes or NUM_CLASSES, part)
            latents = draws[1].standard_normal((part, takes.latent_dim)).astype(np.float32)
            yield draw(generator, takes.arrange(latents, classes))

    return batches


def _manifest() -> dict[str, dict[str, Any]]:
    for path in _MANIFESTS:
        if path.is_file():
            return _read(path, path.stat().st_mtime_ns)
    return {}


@lru_cache(maxsize=2)
def _read(path: Path, changed: int) -> dict[str, dict[str, Any]]:
    """Read a manifest, again only when the file has changed."""
    del changed
    try:
        found = parse_json(path.read_text(encoding="utf-8"))["generators"]
        for name, entry in found.items():
            for fact, form in _FACTS.items():
                kind = int if fact == "steps" else str
                right = re.fullmatch(form, str(entry[fact]), re.ASCII | re.DOTALL)
                if not right or not isinstance(entry[fact], kind):
                    raise ValueError(f"{name} has the {fact} {entry[fact]!r}")
    except (ValueError, KeyError, TypeError, AttributeError) as error:
        raise ValueError(f"{path} is not a manifest of trained generators ({error}).") from error
    return found


__getattr__ = _aliases.getter(__name__)
