"""Atomic writes, folders locked by one run, hashes, and safe readers.

`numpy.load` allocates what a file's header promises before it reads; `read_arrays` first compares
the header with the size of the file. Nothing here imports TensorFlow.
"""

import contextlib
import csv
import errno
import hashlib
import json
import math
import os
import time
import zipfile
from collections.abc import Iterator
from pathlib import Path
from typing import IO, Any

import numpy as np

try:
    import fcntl
except ImportError:  # Windows: nothing is locked there
    fcntl = None

_CHUNK = 1 << 20
# Virus scanners and indexers hold a new file for some tenths of a second.
_RENAMES, _RENAME_SECONDS = 10, 0.1
_ROOM = "make room, then do it again; an older file is as it was"
_PLACE = "choose a folder that can be written"
_ADVICE = {
    **dict.fromkeys((errno.ENOSPC, errno.EFBIG, getattr(errno, "EDQUOT", errno.ENOSPC)), _ROOM),
    **dict.fromkeys((errno.EROFS, errno.EACCES, errno.EPERM), _PLACE),
}
# A drive that fails or is gone; a damaged archive can raise other system errors, such as EINVAL.
_LOST = (errno.EIO, errno.ENODEV, errno.ENXIO, getattr(errno, "ESTALE", errno.EIO))


@contextlib.contextmanager
def whole_file(path: str | os.PathLike) -> Iterator[Path]:
    """Yield a temporary path, and rename the file to `path` once the block has succeeded.

    Args:
        path: The final name; its folder is made when missing, a file of that name is replaced.

    Yields:
        The path to write to, in the same folder; another process that writes the same file waits
        (not on Windows: nothing is locked).

    Raises:
        OSError: The folder cannot be written or the disk is full (the message names the file and
            says what to do); an older file stays as it is.
    """
    path = Path(path)
    # Always the same name, so that what a killed process left is written over by the next one.
    temporary = path.with_name(f".{path.name}.partial")
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        with locked(temporary):
            try:
                yield temporary
                # After a power cut no name must lead to an empty file. Windows syncs only a file
                # that is open for writing.
                with open(temporary, "r+b") as file:
                    os.fsync(file.fileno())
                rename(temporary, path)
            except BaseException:
                temporary.unlink(missing_ok=True)
                raise
    except OSError as error:
        named = error.filename
        ours = named is None or temporary.is_relative_to(str(named))
        if ours and error.errno in _ADVICE:
            reason = f"{os.strerror(error.errno)}; {_ADVICE[error.errno]}"
            raise OSError(error.errno, reason, str(path)) from error
        raise


@contextlib.contextmanager
def alone_in(folder: Path) -> Iterator[None]:
    """Lock a folder for one run until the block, or the process, ends.

    Args:
        folder: Made when missing. Where the system has no locks (Windows), nothing is locked.

    Raises:
        OSError: Another run holds it.
    """
    descriptor = None
    # A folder that cannot be made or opened is explained where something is written there.
    with contextlib.suppress(OSError):
        folder.mkdir(parents=True, exist_ok=True)
        descriptor = os.open(folder, os.O_RDONLY) if fcntl else None
    try:
        if descriptor is not None and not _lock(descriptor, wait=False):
            raise OSError(
                f"{folder} is in use: another run keeps its checkpoints there. Wait until it has "
                "ended, or give this run another folder."
            )
        yield
    finally:
        if descriptor is not None:
            os.close(descriptor)


def file_sha256(path: Path) -> str:
    """Return the SHA-256 of a file as 64 hexadecimal digits."""
    total = hashlib.sha256()
    with path.open("rb") as stream:
        while chunk := stream.read(_CHUNK):
            total.update(chunk)
    return total.hexdigest()


def rename(temporary: Path, path: Path) -> None:
    """Give a file its final name; on Windows, wait for a program that is looking at the old one."""
    for _ in range(0 if fcntl else _RENAMES):
        with contextlib.suppress(PermissionError):
            os.replace(temporary, path)
            return
        time.sleep(_RENAME_SECONDS)
    os.replace(temporary, path)


@contextlib.contextmanager
def locked(temporary: Path) -> Iterator[None]:
    """Create the file, and lock it against other processes until the block ends."""
    descriptor = None
    while fcntl and descriptor is None:
        descriptor = os.open(temporary, os.O_RDWR | os.O_CREAT, 0o666)
        _lock(descriptor, wait=True)
        try:
            mine = os.path.samestat(os.fstat(descriptor), os.stat(temporary))
        except FileNotFoundError:
            mine = False
        if not mine:  # it got its final name, or was removed, while this process waited
            os.close(descriptor)
            descriptor = None
    try:
        yield
    finally:
        if descriptor is not None:
            os.close(descriptor)


def _lock(descriptor: int, *, wait: bool) -> bool:
    """Lock an open file or folder; return False if another process holds it."""
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX | (0 if wait else fcntl.LOCK_NB))
    except BlockingIOError:
        return False
    except OSError:  # some network drives lock nothing
        return True
    return True


def parse_json(text: str) -> Any:
    """Return the value of a JSON text.

    Raises:
        ValueError: The text is not JSON, or its lists and objects are nested too deeply.
    """
    try:
        return json.loads(text)
    except RecursionError as error:
        raise ValueError(f"lists or objects are nested too deeply: {error}") from error


_KINDS = "biufUS"  # no objects: reading those would run pickled code
_HEADERS = {
    (1, 0): np.lib.format.read_array_header_1_0,
    (2, 0): np.lib.format.read_array_header_2_0,
}


def read_arrays(path: str | os.PathLike, most_bytes: int | None = None) -> dict[str, np.ndarray]:
    """Read all arrays of an .npz file.

    Args:
        path: The file.
        most_bytes: Limit on the size of all arrays together.

    Returns:
        The arrays by name.

    Raises:
        ValueError: The file is damaged or not an .npz file, holds pickled objects, or takes more
            than `most_bytes`; the message is the reason alone, without the file's name.
        OSError: The file cannot be opened (no such file, a folder, no permission), or its drive is
            lost while it is read.
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
            if getattr(error, "errno", None) in _LOST:
                raise
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
            raise ValueError("an array is truncated")
    if stream.read(1):  # reading on also compares the checksum
        raise ValueError("there are bytes after the end of an array")
    order = "F" if fortran_order else "C"
    return np.ndarray(shape, dtype, buffer=values, order=order)


def write_rows(rows: list[dict[str, float]], path: Path) -> None:
    """Write a table as a CSV file.

    Args:
        rows: At least one, all with the same names: name -> number.
        path: The file.

    Raises:
        OSError: It cannot be written; an older file stays as it is.
    """
    with (
        whole_file(path) as temporary,
        open(temporary, "w", newline="", encoding="utf-8") as file,
    ):
        writer = csv.DictWriter(file, fieldnames=list(rows[0]))
        writer.writeheader()
        writer.writerows(rows)


def read_rows(path: Path) -> list[dict[str, float]]:
    """Read what `write_rows` wrote.

    Args:
        path: The file.

    Returns:
        The rows; `step` is a whole number.

    Raises:
        ValueError: The file is damaged or holds something else; it is left as it is.
        OSError: It cannot be read.
    """
    try:
        with open(path, newline="", encoding="utf-8") as file:
            rows = [{k: float(v) for k, v in row.items()} for row in csv.DictReader(file)]
        return [row | {"step": int(row["step"])} for row in rows]
    except (ValueError, KeyError, TypeError, OverflowError, csv.Error) as error:
        raise ValueError(
            f"{path} is not a table of steps ({error}); delete it to go on without these steps."
        ) from error
