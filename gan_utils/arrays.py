"""Arrays from .npz files that may be damaged, cut off, or made to do harm.

`numpy.load` believes what a header says and makes room for it before it reads; this does not.
"""

import math
import os
import zipfile
from typing import IO

import numpy as np

_CHUNK = 1 << 20
_KINDS = "biufUS"  # no objects: reading those would run pickled code
_HEADERS = {
    (1, 0): np.lib.format.read_array_header_1_0,
    (2, 0): np.lib.format.read_array_header_2_0,
}


def read_arrays(path: str | os.PathLike, most_bytes: int | None = None) -> dict[str, np.ndarray]:
    """Read all arrays of an .npz file.

    Args:
        path: the file.
        most_bytes: what all arrays together may take.

    Returns:
        The arrays by name.

    Raises:
        ValueError: damaged, no such file format, pickled objects, or more than `most_bytes`; the
            message is the reason alone.
        OSError: the file cannot be opened (no such file, a folder, no permission).
    """
    with open(path, "rb") as file:
        try:
            with zipfile.ZipFile(file) as archive:
                members = archive.infolist()
                total = sum(member.file_size for member in members)
                if most_bytes is not None and total > most_bytes:
                    raise ValueError(f"it unpacks to {total:,} bytes, more than {most_bytes:,}")
                arrays = {}
                for member in members:
                    with archive.open(member) as stream:
                        array = _read_array(stream, member.file_size)
                    arrays[member.filename.removesuffix(".npy")] = array
                return arrays
        except Exception as error:  # a damaged archive can raise nearly anything
            raise ValueError(str(error) or type(error).__name__) from error


def _read_array(stream: IO[bytes], size: int) -> np.ndarray:
    version = np.lib.format.read_magic(stream)
    if version not in _HEADERS:
        raise ValueError(f"version {version} of the .npy format is unknown")
    shape, fortran_order, dtype = _HEADERS[version](stream)
    if dtype.kind not in _KINDS:
        raise ValueError(f"an array of type {dtype} is not read: it could hold pickled objects")
    count = math.prod(shape)
    if min(shape, default=0) < 0 or count * dtype.itemsize > size:
        raise ValueError(f"a header promises {shape} of type {dtype}, the file has {size:,} bytes")
    values = np.empty(count * dtype.itemsize, np.uint8)
    for start in range(0, len(values), _CHUNK):
        part = stream.read(min(_CHUNK, len(values) - start))
        values[start : start + len(part)] = np.frombuffer(part, np.uint8)
        if len(part) < min(_CHUNK, len(values) - start):
            raise ValueError("an array is cut off")
    if stream.read(1):  # reading on also compares the checksum
        raise ValueError("there is more behind an array")
    order = "F" if fortran_order else "C"
    return np.ndarray(shape, dtype, buffer=values, order=order)
