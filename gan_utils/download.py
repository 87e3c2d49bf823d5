"""Downloads into the folder where Keras keeps data sets: resumed, verified, with checksums."""

import errno
import json
import os
import ssl
import urllib.error
import urllib.request
from contextlib import suppress
from dataclasses import dataclass
from http.client import HTTPException
from pathlib import Path
from typing import Any

from gan_utils.io import file_sha256, locked, parse_json, rename

_TIMEOUT_SECONDS = 20
_CHUNK = 1 << 20
# A connection that breaks is taken up again as long as each try brings something.
_TRIES_WITHOUT_PROGRESS = 3


class DownloadError(OSError):
    """A file is not in the cache and could not be downloaded; the message gives the reason."""


class DiskError(DownloadError):
    """A file could not be written on this machine; another address will not help."""


@dataclass(frozen=True)
class File:
    """One official file.

    Attributes:
        name: Path below the cache folder.
        url: http or https address.
        sha256: Its SHA-256, 64 hexadecimal digits.
    """

    name: str
    url: str
    sha256: str

    @property
    def path(self) -> Path:
        """Where the file is, or belongs, now (``KERAS_HOME`` is read at every call)."""
        return cache_folder() / self.name

    def is_missing(self) -> bool:
        """Return True when nothing has the file's name; a dangling link counts as something."""
        return not os.path.lexists(self.path)


def cache_folder() -> Path:
    """Return the folder where Keras keeps data sets: ``$KERAS_HOME/datasets``."""
    home = os.environ.get("KERAS_HOME") or os.path.join("~", ".keras")
    return Path(home).expanduser() / "datasets"


def download(file: File) -> None:
    """Download one file into the cache; only a verified file gets its final name.

    Args:
        file: The file; nothing has its name yet.

    Raises:
        DownloadError: No connection, a checksum that does not match, or no place to write.
    """
    fetch(file.url, file.path, sha256=file.sha256)


def fetch(url: str, path: Path, *, length: int | None = None, sha256: str | None = None) -> str:
    """Download one file; a download that was interrupted is resumed by the next call.

    The bytes go to ``.<name>.partial`` next to `path`; the file gets its name when its length and,
    if given, its checksum are right; otherwise the bytes are deleted. They are also deleted where a
    resumed download could mix two versions, because the server sends no ETag or Last-Modified. Of
    two processes that want the same file, the second waits (not on Windows: nothing is locked).

    Args:
        url: http or https address.
        path: Where the file belongs.
        length: Its published length in bytes, if known.
        sha256: Its published SHA-256, if known.

    Returns:
        SHA-256 of the file, 64 hexadecimal digits.

    Raises:
        DownloadError: No connection, another length or checksum.
        DiskError: No room on the disk, or a folder that cannot be written.
    """
    partial = path.with_name(f".{path.name}.partial")
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        with locked(partial):
            if sha256 and path.is_file() and file_sha256(path) == sha256:
                _forget(partial)
                return sha256  # another process has brought it while this one waited
            try:
                _gather(url, partial, length)
                found = file_sha256(partial)
                problem = _difference(partial.stat().st_size, length, found, sha256)
                if problem:
                    partial.unlink()
                    raise DownloadError(f"what {url} sent {problem}")
                rename(partial, path)
            finally:
                if not (_size(partial) and _notes(partial).get("mark")):
                    _forget(partial)
    except DownloadError:
        raise
    except OSError as error:
        raise DiskError(disk_sentence(path.parent, error)) from error
    return found


def disk_sentence(folder: Path, error: OSError) -> str:
    """Return an error message about a folder that cannot be written, with advice if it is full."""
    advice = ""
    if error.errno in (errno.ENOSPC, getattr(errno, "EDQUOT", None)):
        advice = "; make room or set KERAS_HOME to a folder on a larger disk"
    return f"{folder} cannot be written ({error.strerror or error}){advice}"


def _gather(url: str, partial: Path, length: int | None) -> None:
    """Download into `partial`, from where it ends, until the server has nothing more."""
    fruitless = 0
    while True:
        before = _size(partial)
        try:
            if _continue(url, partial, length):
                return
            reason = "the connection ended early"
        except urllib.error.HTTPError as error:
            raise DownloadError(f"{url} answers {error.code} ({error.reason})") from error
        except (urllib.error.URLError, HTTPException, TimeoutError, ConnectionError) as error:
            reason = str(getattr(error, "reason", error)) or type(error).__name__
        fruitless = 0 if _size(partial) > before else fruitless + 1
        if fruitless >= _TRIES_WITHOUT_PROGRESS:
            kept = f"; {_size(partial):,} bytes are kept" if _size(partial) else ""
            raise DownloadError(f"{url} cannot be reached ({reason}){kept}")


def _continue(url: str, partial: Path, length: int | None) -> bool:
    """Ask once for the missing bytes; return whether the file is complete now."""
    have, known = _size(partial), _notes(partial)
    headers = {"User-Agent": "gan-utils", "Accept-Encoding": "identity"}
    # Without an ETag or date, the server may have another version by now: start anew.
    if have and known.get("url") == url and known.get("mark"):
        headers |= {"Range": f"bytes={have}-", "If-Range": known["mark"]}
    try:
        answer = urllib.request.urlopen(
            urllib.request.Request(url, headers=headers),
            timeout=_TIMEOUT_SECONDS,
            context=_certificates(),
        )
    except urllib.error.HTTPError as error:
        if error.code == 416 and "Range" in headers:  # there is nothing behind what we have
            return True
        raise
    with answer:
        resumed = answer.status == 206 and _start(answer) == have
        announced = _total(answer, have if resumed else 0)
        if length is not None and announced not in (None, length):
            raise DownloadError(f"{url} offers {announced:,} bytes instead of {length:,}")
        mark = answer.headers.get("ETag") or answer.headers.get("Last-Modified")
        if mark and mark.startswith("W/"):  # a weak mark does not promise the same bytes
            mark = answer.headers.get("Last-Modified")
        _notes_path(partial).write_text(json.dumps({"url": url, "mark": mark}), encoding="utf-8")
        with partial.open("ab" if resumed else "wb") as stream:
            while chunk := _receive(answer):
                stream.write(chunk)
    return announced is None or _size(partial) >= announced


def _receive(answer: Any) -> bytes:
    """Return the next bytes; any error here is the network's, not the disk's."""
    try:
        return answer.read(_CHUNK)
    except OSError as error:  # such as one of TLS, or "No route to host"
        raise urllib.error.URLError(error) from error


def _certificates() -> ssl.SSLContext:
    """Return those of the system and certifi's, since Python on macOS comes without any."""
    import certifi

    context = ssl.create_default_context()
    context.load_verify_locations(certifi.where())
    return context


def _start(answer: Any) -> int | None:
    """Return the first byte of the part that the server sends, from 'bytes 100-199/200'."""
    words = answer.headers.get("Content-Range", "").removeprefix("bytes ").split("-")
    return int(words[0]) if words[0].isdigit() else None


def _total(answer: Any, have: int) -> int | None:
    coming = answer.headers.get("Content-Length", "")
    return have + int(coming) if coming.isdigit() else None


def _difference(size: int, length: int | None, found: str, sha256: str | None) -> str | None:
    if length is not None and size != length:
        return f"has {size:,} bytes instead of {length:,}"
    if sha256 is not None and found != sha256:
        return f"does not have the right checksum: it has the SHA-256 {found} instead of {sha256}"
    return None


def _size(path: Path) -> int:
    return path.stat().st_size if path.exists() else 0


def _notes_path(partial: Path) -> Path:
    return partial.with_name(f"{partial.name}.json")


def _notes(partial: Path) -> dict[str, Any]:
    with suppress(OSError, ValueError):
        notes = parse_json(_notes_path(partial).read_text(encoding="utf-8"))
        return notes if isinstance(notes, dict) else {}
    return {}


def _forget(partial: Path) -> None:
    partial.unlink(missing_ok=True)
    _notes_path(partial).unlink(missing_ok=True)
