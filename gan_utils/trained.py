"""A trained generator by name or from a file: what the commands take where they say NAME."""

import importlib
import os
from pathlib import Path
from typing import TYPE_CHECKING

from gan_utils import weights

if TYPE_CHECKING:
    import keras

SUFFIX = ".keras"


def check(name_or_path: str | os.PathLike) -> bool:
    """Find out, without importing TensorFlow, whether there is such a generator.

    Args:
        name_or_path: A file that ends in .keras, or one of `weights.names()`.

    Returns:
        Whether it is a file.

    Raises:
        ValueError: Neither; the message lists what is known.
    """
    path = Path(name_or_path)
    if path.is_file() and path.suffix == SUFFIX:
        return True
    if str(name_or_path) in weights.names():
        return False
    if path.exists():
        raise ValueError(f"{path} is no {SUFFIX} file; give the file of a saved generator.")
    if path.suffix == SUFFIX:
        raise ValueError(f"There is no file {path}; a lesson saves its generator as one.")
    known = ", ".join(weights.names())
    raise ValueError(
        f"There is no file {str(name_or_path)!r}, and it is none of {known}."
        if known
        else f"There is no file {str(name_or_path)!r}, and this version of gan_utils brings no "
        f"trained generators: give a {SUFFIX} file, such as a lesson saves."
    )


def load_generator(name_or_path: str | os.PathLike) -> "keras.Model":
    """Load a trained generator.

    Args:
        name_or_path: A file that ends in .keras, such as a lesson saves, or one of
            `weights.names()`.

    Returns:
        A Keras model of `latents` `(n, latent_dim)`, of `[latents, class_labels]` with labels
        `(n, 1)` int, or of pictures `(n, h, w, c)`, to pictures float32 in [-1, 1].

    Raises:
        ValueError: No such file or name, or a file that Keras cannot load, for example because it
            would run code of its own.
        gan_utils.cache.DownloadError: The generator of a name is not here and cannot be downloaded.
    """
    if not check(name_or_path):
        return weights.load_generator(str(name_or_path))
    importlib.import_module("gan_utils.always_on")  # the layers that a translator is made of
    saving = importlib.import_module("keras").saving
    try:
        return saving.load_model(Path(name_or_path), compile=False)
    except Exception as error:  # a damaged archive can raise nearly anything
        reason = str(error).split("\n", 1)[0]
        raise ValueError(
            f"{name_or_path} cannot be loaded as a Keras model ({reason}); save it again."
        ) from error
