"""Unpacks .tar.gz and .zip archives, whole or not at all, and never outside of their folder."""

import errno
import os
import shutil
import stat
import tarfile
import tempfile
import zipfile
from collections.abc import Callable, Iterator
from pathlib import Path, PurePosixPath, PureWindowsPath
from typing import IO

_MOST_BYTES = 4 << 30
_NAME_ERRORS = {
    *(errno.ENAMETOOLONG, errno.EINVAL, errno.EILSEQ),
    *(errno.EEXIST, errno.ENOTDIR, errno.EISDIR),  # a file where another member needs a folder
}

Member = tuple[str, int, Callable[[], IO[bytes]]]


def unpack(
    archive: Path, folder: Path, check: Callable[[Path], None] = lambda unpacked: None
) -> None:
    """Unpack an archive into a new folder.

    The files are written to a hidden folder beside it, which gets the name `folder` when every
    member is there and `check` has found nothing wrong.

    Args:
        archive: A .tar.gz, .tar or .zip file.
        folder: The new folder; must not exist.
        check: Called with the folder of the unpacked files; raises when they are not right.

    Raises:
        ValueError: The archive is damaged or cut off, a member is no plain file or would leave the
            folder, or the archive unpacks to more than 4 GiB.
        OSError: The folder cannot be written or the disk is full.
    """
    folder.parent.mkdir(parents=True, exist_ok=True)
    temporary = Path(tempfile.mkdtemp(dir=folder.parent, prefix=f".{folder.name}-"))
    try:
        total = 0
        for name, size, open_member in _guarded(archive):
            total += size
            if total > _MOST_BYTES:
                raise ValueError(f"{archive} unpacks to more than {_MOST_BYTES:,} bytes: refused.")
            if size < 0:
                raise _refused(archive, name, "is less than empty")
            _copy(archive, open_member, _make_place(archive, temporary, name))
        check(temporary)
        temporary.chmod(0o755)  # temporary folders are private, a cache may be shared
        os.rename(temporary, folder)
    finally:
        shutil.rmtree(temporary, ignore_errors=True)


def _make_place(archive: Path, temporary: Path, name: str) -> Path:
    """Return the new, empty file of a member."""
    target = temporary / _safe_name(archive, name)
    try:
        target.parent.mkdir(parents=True, exist_ok=True)
        target.open("wb").close()
    except (ValueError, OSError) as error:
        if isinstance(error, OSError) and error.errno not in _NAME_ERRORS:
            raise
        raise _refused(archive, name, "has a name that no file here can have") from error
    return target


def _copy(archive: Path, open_member: Callable[[], IO[bytes]], target: Path) -> None:
    with target.open("wb") as output:
        try:
            stream = open_member()
        except Exception as error:  # a damaged archive can raise nearly anything
            raise _damaged(archive, error) from error
        with stream:
            while chunk := _read(archive, stream):
                output.write(chunk)  # an error of the disk is none of the archive


def _read(archive: Path, stream: IO[bytes]) -> bytes:
    try:
        return stream.read(1 << 20)
    except Exception as error:  # a damaged archive can raise nearly anything
        raise _damaged(archive, error) from error


def _guarded(archive: Path) -> Iterator[Member]:
    """Return the plain files of an archive; whatever cannot be read becomes a sentence."""
    members = _zip_members(archive) if zipfile.is_zipfile(archive) else _tar_members(archive)
    while True:
        try:
            member = next(members)
        except StopIteration:
            return
        except ValueError:
            raise
        except Exception as error:  # a damaged archive can raise nearly anything
            raise _damaged(archive, error) from error
        yield member


def _damaged(archive: Path, error: Exception) -> ValueError:
    return ValueError(
        f"{archive} is damaged or cut off ({type(error).__name__}: {error}); "
        "delete it and download it again."
    )


def _tar_members(archive: Path) -> Iterator[Member]:
    with tarfile.open(archive, "r:*") as content:
        for member in content:
            if member.isdir():
                continue
            if not member.isreg():
                raise _refused(archive, member.name, "is no plain file")
            yield member.name, member.size, lambda member=member: content.extractfile(member)
        while content.fileobj.read(1 << 20):  # the checksum of a .gz stands behind the archive
            pass


def _zip_members(archive: Path) -> Iterator[Member]:
    with zipfile.ZipFile(archive) as content:
        for member in content.infolist():
            if member.is_dir():
                continue
            kind = stat.S_IFMT(member.external_attr >> 16)
            if kind not in (0, stat.S_IFREG):
                raise _refused(archive, member.filename, "is no plain file")
            yield member.filename, member.file_size, lambda member=member: content.open(member)


def _safe_name(archive: Path, name: str) -> Path:
    """Return the member's name if it stays inside the folder on every system."""
    parts = PurePosixPath(name.replace("\\", "/")).parts
    absolute = PurePosixPath(name).is_absolute() or PureWindowsPath(name).anchor
    if absolute or ".." in parts or not parts:
        raise _refused(archive, name, "would leave the folder")
    return Path(*parts)


def _refused(archive: Path, name: str, why: str) -> ValueError:
    return ValueError(f"{archive} is refused: its member {name!r} {why}. Nothing was unpacked.")
