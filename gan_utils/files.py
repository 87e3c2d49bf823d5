"""Files that are written whole or not at all, and the hash that tells them apart."""

import contextlib
import hashlib
import os
from collections.abc import Iterator
from pathlib import Path

_CHUNK = 1 << 20


@contextlib.contextmanager
def whole_file(path: str | os.PathLike) -> Iterator[Path]:
    """A place to write that takes the name `path` once the block has ended well.

    Args:
        path: the final name; its folder is made when missing, a file of that name is replaced.

    Yields:
        The path to write to, in the same folder.

    Raises:
        OSError: the folder cannot be written or the disk is full; an older file stays as it is.
    """
    path = Path(path)
    path.parent.mkdir(parents=True, exist_ok=True)
    # Always the same name, so that what a killed process left is written over by the next one.
    temporary = path.with_name(f".{path.name}.partial")
    try:
        yield temporary
        with open(temporary, "rb") as file:
            os.fsync(file.fileno())  # after a power cut, the name must not stand for an empty file
        os.replace(temporary, path)
    finally:
        temporary.unlink(missing_ok=True)


def file_sha256(path: Path) -> str:
    """SHA-256 of a file as 64 hexadecimal digits."""
    total = hashlib.sha256()
    with path.open("rb") as stream:
        while chunk := stream.read(_CHUNK):
            total.update(chunk)
    return total.hexdigest()
