"""Error messages for model files that older versions of Keras wrote."""

import json
import os
import zipfile
from pathlib import Path

_HDF5 = b"\x89HDF\r\n\x1a\n"  # how such a file begins
_REBUILD = (
    "Build the same network in Keras 3, call network.load_weights({weights!r}), and save it with "
    "network.save('generator.keras')"
)


def describe_hdf5(path: str | os.PathLike) -> str:
    """Return what an HDF5 file is, and what to do with it.

    Args:
        path: An existing file that ends in .h5 or .hdf5.

    Returns:
        The rest of a sentence that begins with the file's name.
    """
    import h5py

    try:
        with h5py.File(path, "r") as file:
            whole = "model_config" in file.attrs
            version = str(file.attrs.get("keras_version", ""))
    except OSError:
        return "is damaged, or no HDF5 file; save the generator as a .keras file."
    rebuild = _REBUILD.format(weights=os.fspath(path))
    if version.startswith("3."):
        load = "keras.models.load_model(file).save('generator.keras')" if whole else rebuild
        return f"is an HDF5 file of Keras {version}; a .keras file is needed: {load}."
    if version:
        return f"was made by Keras {version}, and Keras 3 needs a .keras file. {rebuild}."
    return f"is an HDF5 file with weights alone, and a .keras file is needed. {rebuild}."


def describe_keras_2(path: Path) -> str | None:
    """Return what to do with a .keras file that Keras 2 made, or that is really an HDF5 file.

    Args:
        path: An existing file.

    Returns:
        The rest of a sentence that begins with the file's name; None for any other file.
    """
    with path.open("rb") as file:
        if file.read(len(_HDF5)) == _HDF5:
            return describe_hdf5(path)
    try:
        with zipfile.ZipFile(path) as archive:
            version = json.loads(archive.read("metadata.json"))["keras_version"]
    except Exception:  # a damaged archive can raise nearly anything
        return None
    if not str(version).startswith(("1.", "2.")):
        return None
    return (
        f"was made by Keras {version}, whose layers Keras 3 does not load. Where that version is "
        "installed (pip install tf-keras), write the weights alone: "
        "tf_keras.models.load_model(file).save_weights('old.h5'). "
        f"{_REBUILD.format(weights='old.h5')}."
    )
