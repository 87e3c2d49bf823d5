"""Trained generators by name: in the checkout, in the user's cache, or from the project's release.

What there is stands in a manifest, which comes with the package: file, SHA-256, and the recorded
run that made it. A file that differs from its SHA-256 is never opened.
"""

import json
import re
from functools import lru_cache
from pathlib import Path
from typing import TYPE_CHECKING, Any

import gan_utils
from gan_utils import cache
from gan_utils.files import file_sha256, parse_json

if TYPE_CHECKING:
    import keras

REPOSITORY = "https://github.com/gan-workbook/gan-workbook"
_PACKAGE = Path(__file__).resolve().parent
_FOLDER = _PACKAGE.parent / "weights"  # of a checkout
_MANIFESTS = (_FOLDER / "manifest.json", _PACKAGE / "weights.json")  # the second: in the wheel
_CACHE_FOLDER = "gan-workbook"
# What every entry says; a name with a folder in it would be written outside of the cache.
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
        `inputs` and `output` (shapes without the batch), and `classes` where one can ask for one.

    Raises:
        ValueError: An unknown name; the message lists those there are.
    """
    found = _manifest().get(name)
    if found is None:
        known = ", ".join(names()) or "none in this version"
        raise ValueError(f"There is no trained generator {name!r}; there are: {known}.")
    return json.loads(json.dumps(found))  # a copy: the manifest is read once


def describe(name: str) -> str:
    """Return one line about a trained generator, for the words beside its pictures.

    Args:
        name: One of `names()`.

    Returns:
        Lesson, profile, date, data and length of the run.

    Raises:
        ValueError: An unknown name.
    """
    found = facts(name)
    return (
        f"trained generator {name!r}: recorded full run of lesson {found['lesson']}, "
        f"{found['date']}, {found['data']}, {found['steps']:,} steps"
    )


def find(name: str) -> Path:
    """Return the file of a trained generator; it is downloaded where it is missing.

    Args:
        name: One of `names()`.

    Returns:
        A file with the right SHA-256: in the checkout's `weights`, else in Keras' cache.

    Raises:
        ValueError: An unknown name, or a file in the checkout that is not the manifest's.
        gan_utils.cache.DownloadError: The file is nowhere, and the release cannot be reached or
            sends something else; nothing of that is kept.
    """
    found = facts(name)
    path = _FOLDER / found["file"]
    if path.is_file():
        if file_sha256(path) != found["sha256"]:
            raise ValueError(
                f"{path} is not the file that manifest.json beside it describes: its SHA-256 "
                "differs. Take both from the same commit."
            )
        return path
    url = f"{REPOSITORY}/releases/download/v{gan_utils.__version__}/{found['file']}"
    file = cache.File(f"{_CACHE_FOLDER}/{found['file']}", url, found["sha256"])
    if file.path.is_file():
        if file_sha256(file.path) == found["sha256"]:
            return file.path
        file.path.unlink()  # of another version, or damaged
    try:
        cache.download(file)
    except cache.DownloadError as error:
        raise cache.DownloadError(
            f"The trained generator {name!r} is not on this machine, and {error}. Put "
            f"{found['file']} of the project's release into {file.path.parent}."
        ) from error
    return file.path


def load_generator(name: str) -> "keras.Model":
    """Load a trained generator.

    Args:
        name: One of `names()`.

    Returns:
        A Keras model, not compiled, to pictures float32 in [-1, 1]. Its inputs are `latents`
        `(n, latent_dim)`, standard normal; `[latents, class_labels]` with labels `(n, 1)` int;
        for `infogan` noise then one-hot code `(n, 72)`; for a translator pictures `(n, h, w, c)`
        in [-1, 1]. Call it with `training=False`.

    Raises:
        ValueError: An unknown name, or a file that is not the manifest's.
        gan_utils.cache.DownloadError: The file is not here and cannot be downloaded.
    """
    from gan_utils import weights_format

    return weights_format.unpack(find(name))


def try_generator(name: str) -> tuple["keras.Model | None", str]:
    """Load a trained generator where that is possible, as a lesson does that goes on without it.

    Args:
        name: One of `names()`.

    Returns:
        The generator and what it is; else None and the reason.
    """
    try:
        return load_generator(name), describe(name)
    except (ValueError, OSError) as error:
        return None, f"without the trained generator: {error}"


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
        raise ValueError(f"{path} is no manifest of trained generators ({error}).") from error
    return found
