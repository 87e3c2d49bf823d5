"""Files that are written whole or not at all, folders of one run, and the hash of a file."""

import contextlib
import errno
import hashlib
import json
import os
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

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


@contextlib.contextmanager
def whole_file(path: str | os.PathLike) -> Iterator[Path]:
    """A place to write that takes the name `path` once the block has ended well.

    Args:
        path: the final name; its folder is made when missing, a file of that name is replaced.

    Yields:
        The path to write to, in the same folder; another process that writes the same file waits.

    Raises:
        OSError: the folder cannot be written or the disk is full (the message names the file and
            says what to do); an older file stays as it is.
    """
    path = Path(path)
    # Always the same name, so that what a killed process left is written over by the next one.
    temporary = path.with_name(f".{path.name}.partial")
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        with _locked(temporary):
            try:
                yield temporary
                # After a power cut no name must lead to an empty file. Windows syncs only a file
                # that is open for writing.
                with open(temporary, "r+b") as file:
                    os.fsync(file.fileno())
                _rename(temporary, path)
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
    """Hold a folder for one run until the block, or the process, ends.

    Args:
        folder: made when missing. Where the system cannot lock it, nothing is held.

    Raises:
        OSError: another run holds it.
    """
    descriptor = None
    # A folder that cannot be made or opened is explained by whoever wants to write there.
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
    """SHA-256 of a file as 64 hexadecimal digits."""
    total = hashlib.sha256()
    with path.open("rb") as stream:
        while chunk := stream.read(_CHUNK):
            total.update(chunk)
    return total.hexdigest()


def _rename(temporary: Path, path: Path) -> None:
    """Give a file its final name; on Windows, wait for a program that is looking at the old one."""
    for _ in range(0 if fcntl else _RENAMES):
        with contextlib.suppress(PermissionError):
            os.replace(temporary, path)
            return
        time.sleep(_RENAME_SECONDS)
    os.replace(temporary, path)


@contextlib.contextmanager
def _locked(temporary: Path) -> Iterator[None]:
    """Make the file, and hold it against other processes until the block ends."""
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
    """Return what a JSON text says.

    Raises:
        ValueError: it is no JSON, or its lists and objects stand too deep in one another.
    """
    try:
        return json.loads(text)
    except RecursionError as error:
        raise ValueError(f"too many brackets in one another: {error}") from error
