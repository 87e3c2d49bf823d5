"""A download that goes on where it was cut off, and counts only when it is whole."""

import errno
import json
import os
import urllib.error
import urllib.request
from contextlib import suppress
from http.client import HTTPException
from pathlib import Path
from typing import Any

from gan_utils.cache import DownloadError
from gan_utils.files import file_sha256, parse_json

_TIMEOUT_SECONDS = 20
_CHUNK = 1 << 20
# A connection that breaks is taken up again as long as each try brings something.
_TRIES_WITHOUT_PROGRESS = 3


class DiskError(DownloadError):
    """A file could not be written here; another address will not help."""


def fetch(url: str, path: Path, *, length: int | None = None, sha256: str | None = None) -> str:
    """Downloads one file; what a cut-off download has brought is kept and continued.

    The bytes are gathered in ``.<name>.partial`` beside `path`; the file gets its name when its
    length and, if given, its checksum are right. What fails them is deleted.

    Args:
        url: http or https address.
        path: where the file belongs.
        length: its published length in bytes, if known.
        sha256: its published SHA-256, if known.

    Returns:
        SHA-256 of the file, 64 hexadecimal digits.

    Raises:
        DownloadError: no connection, another length or checksum.
        DiskError: no room on the disk, or a folder that cannot be written.
    """
    partial = path.with_name(f".{path.name}.partial")
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        _gather(url, partial, length)
        found = file_sha256(partial)
        problem = _difference(partial.stat().st_size, length, found, sha256)
        if problem:
            _forget(partial)
            raise DownloadError(f"what {url} sent {problem}")
        os.replace(partial, path)
        _forget(partial)
    except DownloadError:
        raise
    except OSError as error:
        raise DiskError(disk_sentence(path.parent, error)) from error
    return found


def disk_sentence(folder: Path, error: OSError) -> str:
    """Says what went wrong on the disk, and what to do about a full one."""
    advice = ""
    if error.errno in (errno.ENOSPC, getattr(errno, "EDQUOT", None)):
        advice = "; make room or set KERAS_HOME to a folder on a larger disk"
    return f"{folder} cannot be written ({error.strerror or error}){advice}"


def _gather(url: str, partial: Path, length: int | None) -> None:
    """Downloads into `partial`, from where it ends, until the server has nothing more."""
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
    """Asks once for the missing bytes; returns whether the file is complete now."""
    have, known = _size(partial), _notes(partial)
    headers = {"User-Agent": "gan-utils", "Accept-Encoding": "identity"}
    # Without a mark that says whether the file is still the same one, the start cannot be trusted.
    if have and known.get("url") == url and known.get("mark"):
        headers |= {"Range": f"bytes={have}-", "If-Range": known["mark"]}
    try:
        answer = urllib.request.urlopen(
            urllib.request.Request(url, headers=headers), timeout=_TIMEOUT_SECONDS
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
            while chunk := answer.read(_CHUNK):
                stream.write(chunk)
    return announced is None or _size(partial) >= announced


def _start(answer: Any) -> int | None:
    """First byte of the part that the server sends, from 'bytes 100-199/200'."""
    words = answer.headers.get("Content-Range", "").removeprefix("bytes ").split("-")
    return int(words[0]) if words[0].isdigit() else None


def _total(answer: Any, have: int) -> int | None:
    coming = answer.headers.get("Content-Length", "")
    return have + int(coming) if coming.isdigit() else None


def _difference(size: int, length: int | None, found: str, sha256: str | None) -> str | None:
    if length is not None and size != length:
        return f"has {size:,} bytes instead of {length:,}"
    if sha256 is not None and found != sha256:
        return f"has the SHA-256 {found} instead of {sha256}"
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
