"""The folder where Keras keeps data sets, and verified downloads into it."""

import os
import tempfile
from dataclasses import dataclass
from pathlib import Path

_TIMEOUT_SECONDS = 10


class DownloadError(OSError):
    """A file is not in the cache and could not be downloaded; the text says why."""


@dataclass(frozen=True)
class File:
    """One official file: its place under the cache, its address and its SHA-256."""

    name: str
    url: str
    sha256: str

    @property
    def path(self) -> Path:
        """Where the file is, or belongs, now (``KERAS_HOME`` is read at every call)."""
        return cache_folder() / self.name

    def is_missing(self) -> bool:
        """True when nothing has the file's name; a dangling link counts as something."""
        return not os.path.lexists(self.path)


def cache_folder() -> Path:
    """The folder where Keras keeps data sets: ``$KERAS_HOME/datasets``."""
    home = os.environ.get("KERAS_HOME") or os.path.join("~", ".keras")
    return Path(home).expanduser() / "datasets"


def download(file: File) -> None:
    """Downloads one file into the cache; only a verified file gets its final name.

    Args:
        file: the file; nothing has its name yet.

    Raises:
        DownloadError: no connection, a checksum that does not match, or no place to write.
    """
    import pooch

    final = file.path
    try:
        final.parent.mkdir(parents=True, exist_ok=True)
        with tempfile.TemporaryDirectory(dir=final.parent, prefix=".download-") as folder:
            verified = pooch.retrieve(
                file.url,
                known_hash=f"sha256:{file.sha256}",
                fname=final.name,
                path=folder,
                downloader=pooch.HTTPDownloader(timeout=_TIMEOUT_SECONDS),
            )
            os.chmod(verified, 0o644)  # temporary files are private, a cache may be shared
            os.replace(verified, final)
    except OSError as error:
        # Errors of the disk carry a number, those of the connection do not.
        if error.errno is not None:
            raise DownloadError(f"{final.parent} cannot be written ({error.strerror})") from error
        raise DownloadError(f"{file.url} cannot be reached ({type(error).__name__})") from error
    except ValueError as error:
        raise DownloadError(f"what {file.url} sent does not have the right checksum") from error
