"""Unpack .tar.gz and .zip archives: completely or not at all, and never outside their folder."""

import contextlib
import errno
import os
import shutil
import stat
import tarfile
import tempfile
import zipfile
from collections.abc import Callable, Iterator
from pathlib import Path, PurePosixPath, PureWindowsPath

_MOST_BYTES = 4 << 30
_NAME_ERRORS = {
    *(errno.ENAMETOOLONG, errno.EINVAL, errno.EILSEQ),
    *(errno.EEXIST, errno.ENOTDIR, errno.EISDIR),  # a file where another member needs a folder
}


class _RefusedError(ValueError):
    """An archive that holds what no archive of images should hold."""


def unpack(
    archive: Path, folder: Path, check: Callable[[Path], None] = lambda unpacked: None
) -> None:
    """Unpack an archive into a new folder.

    The files are written to a hidden folder next to it, which gets the name `folder` when every
    member is there and `check` has found nothing wrong.

    Args:
        archive: A .tar.gz, .tar or .zip file.
        folder: The new folder; must not exist.
        check: Called with the folder of the unpacked files; raises an error if they are wrong,
            which then leaves this function too.

    Raises:
        ValueError: The archive is damaged or truncated, a member is not a regular file or would
            leave the folder, or the archive unpacks to more than 4 GiB.
        OSError: The folder cannot be written, the disk is full, or this Python is too old to
            extract a .tar safely (before 3.10.12 or 3.11.4).
    """
    folder.parent.mkdir(parents=True, exist_ok=True)
    temporary = Path(tempfile.mkdtemp(dir=folder.parent, prefix=f".{folder.name}-"))
    try:
        with _explained(archive):
            (_unzip if zipfile.is_zipfile(archive) else _untar)(archive, temporary)
        check(temporary)
        temporary.chmod(0o755)  # temporary folders are private, a cache may be shared
        os.rename(temporary, folder)
    finally:
        shutil.rmtree(temporary, ignore_errors=True)


@contextlib.contextmanager
def _explained(archive: Path) -> Iterator[None]:
    """Turn the errors of a damaged archive into ValueError; those of a full disk stay OSError."""
    try:
        yield
    except _RefusedError:
        raise
    except Exception as error:
        number = getattr(error, "errno", None)
        if isinstance(error, OSError) and number in _NAME_ERRORS:
            raise _refused(archive, error.filename, "has a name that no file can have") from error
        if isinstance(error, OSError) and number is not None:
            raise
        raise ValueError(
            f"{archive} is damaged or cut off ({type(error).__name__}: {error}); "
            "delete it and download it again."
        ) from error


def _untar(archive: Path, folder: Path) -> None:
    if not hasattr(tarfile, "data_filter"):
        raise OSError(errno.ENOSYS, "update Python to extract archives safely", str(archive))
    total = 0

    def guard(member: tarfile.TarInfo, path: str) -> tarfile.TarInfo:
        nonlocal total
        total += member.size
        _require_plain(archive, member.name, member.isdir(), member.isreg())
        _require_size(archive, total if member.size >= 0 else _MOST_BYTES + 1)
        return tarfile.data_filter(member, path)

    with tarfile.open(archive, "r:*") as content:
        content.extractall(folder, filter=guard)
        while content.fileobj.read(1 << 20):  # the checksum of a .gz is at its very end
            pass


def _unzip(archive: Path, folder: Path) -> None:
    with zipfile.ZipFile(archive) as content:
        for member in content.infolist():
            kind = stat.S_IFMT(member.external_attr >> 16)
            plain = kind in (0, stat.S_IFREG)
            _require_plain(archive, member.filename, member.is_dir(), plain)
        _require_size(archive, sum(member.file_size for member in content.infolist()))
        content.extractall(folder)  # reads no more of a member than its announced size


def _require_size(archive: Path, total: int) -> None:
    if total > _MOST_BYTES:
        raise _RefusedError(f"{archive} unpacks to more than {_MOST_BYTES:,} bytes: refused.")


def _require_plain(archive: Path, name: str, is_folder: bool, is_file: bool) -> None:
    """Raise an error for members that the standard library would silently rename or skip."""
    if not (is_folder or is_file):
        raise _refused(archive, name, "is not a regular file")
    parts = PurePosixPath(name.replace("\\", "/")).parts
    absolute = PurePosixPath(name).is_absolute() or PureWindowsPath(name).anchor
    if absolute or ".." in parts or not (parts or is_folder):
        raise _refused(archive, name, "would leave the folder")


def _refused(archive: Path, name: str, why: str) -> _RefusedError:
    return _RefusedError(f"{archive} is refused: its member {name!r} {why}. Nothing was unpacked.")
