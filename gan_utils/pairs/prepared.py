"""Pairs in one compressed .npz file, as uint8."""

import os
import zipfile
from collections.abc import Callable
from pathlib import Path

import numpy as np

from gan_utils import images
from gan_utils.io import read_arrays, whole_file
from gan_utils.pairs.sources import PairSet, PairSource

# The names that ``np.savez_compressed(path, sources, targets)`` gives.
_NAMES = ("arr_0", "arr_1")


def prepare(
    pairs: PairSource,
    path: str | os.PathLike,
    *,
    print_fn: Callable[[str], object] | None = print,
) -> Path:
    """Write all pairs into one .npz: ``arr_0`` the sources, ``arr_1`` the targets, both uint8.

    One pair at a time is in memory; each is read twice, since a zip file holds one array after
    the other. ``np.load`` reads the file like any other .npz.

    Args:
        pairs: The pairs to write, at their `size`.
        path: The file, ending in .npz; an older one is replaced when the new one is complete.
        print_fn: Function that prints the report of the pairs, as in `keras.Model.summary`: sizes,
            modes and kinds of their files, and unusual ones. None: no report.

    Returns:
        The path.

    Raises:
        ValueError: Another ending, or an image that cannot be read.
        OSError: The folder cannot be written or the disk is full; no incomplete file is left.
    """
    path = Path(path)
    if path.suffix != ".npz":
        raise ValueError(f"{path} must end in .npz.")
    if print_fn is not None:
        print_fn(str(pairs.report()))
    with (
        images.grouped_warnings(),
        whole_file(path) as temporary,
        zipfile.ZipFile(temporary, "w", zipfile.ZIP_DEFLATED, allowZip64=True) as archive,
    ):
        for half, name in enumerate(_NAMES):
            shape = (len(pairs), *pairs.pair(0)[half].shape)
            header = {"descr": "|u1", "fortran_order": False, "shape": shape}
            with archive.open(f"{name}.npy", "w", force_zip64=True) as stream:
                np.lib.format.write_array_header_1_0(stream, header)
                for pair in pairs:
                    stream.write(np.ascontiguousarray(pair[half]).tobytes())
    return path


def load_prepared(path: str | os.PathLike) -> PairSet:
    """Read a file that `prepare` wrote into memory, as uint8.

    Args:
        path: The .npz file.

    Returns:
        The pairs.

    Raises:
        ValueError: The file cannot be read, is damaged or holds something else.
    """
    try:
        arrays = read_arrays(path)
        source, target = (arrays[name] for name in _NAMES)
        return PairSet(source, target)
    except (ValueError, KeyError, OSError) as error:
        reason = getattr(error, "strerror", None) or f"{type(error).__name__}: {error}"
        raise ValueError(
            f"{path} is not a file of prepared pairs ({reason}); write it with prepare(...)."
        ) from error
