"""The maps data set of the Pix2Pix paper: aerial images and maps of the same places.

No checksum of the archive has been published, but its length and its contents are known. So the
length, the checksums inside the compressed file, the number of images and the size of each are
verified; the SHA-256 of the accepted archive is kept in ``maps.json`` next to the images.

Source: Isola et al., Image-to-Image Translation with Conditional Adversarial Networks, 2017.
"""

import json
import os
from dataclasses import dataclass
from pathlib import Path

from gan_utils.archives import unpack
from gan_utils.download import DiskError, DownloadError, cache_folder, disk_sentence, fetch
from gan_utils.image_folders import list_images
from gan_utils.images import Size, image_size
from gan_utils.io import file_sha256
from gan_utils.pairs.folder import Pairs, load_pairs

MAPS_COUNTS = {"train": 1096, "val": 1098}
MAPS_PICTURE = (600, 1200)


@dataclass(frozen=True)
class Mirror:
    """An address of the set, the archive's name on disk, and its length where it is known."""

    url: str
    name: str
    length: int | None = None


_LENGTH = 250_242_400
MIRRORS = (
    Mirror(
        "https://efrosgans.eecs.berkeley.edu/pix2pix/datasets/maps.tar.gz", "maps.tar.gz", _LENGTH
    ),
    Mirror(
        "http://efrosgans.eecs.berkeley.edu/pix2pix/datasets/maps.tar.gz", "maps.tar.gz", _LENGTH
    ),
    Mirror(
        "https://people.eecs.berkeley.edu/~tinghuiz/projects/pix2pix/datasets/maps.tar.gz",
        "maps.tar.gz",
        _LENGTH,
    ),
    # A repacked archive of unknown length; its contents are verified in the same way.
    Mirror("https://github.com/akanametov/pix2pix/releases/download/1.0/maps.zip", "maps.zip"),
)


def maps(
    split: str = "train",
    size: Size | int = (256, 256),
    *,
    folder: str | os.PathLike | None = None,
    source: str = "left",
    sha256: str | None = None,
) -> Pairs:
    """Load the maps data set: from a folder, from the Keras cache, or by download (239 MiB).

    Args:
        split: "train" (1,096 pairs) or "val" (1,098 pairs).
        size: Height and width of each half in pixels.
        folder: Where the set has been unpacked: a folder with ``train`` and ``val``, or its parent,
            if it is called ``maps``. None: the Keras cache, to which it is downloaded.
        source: "left" for satellite to map, "right" for map to satellite.
        sha256: The archive's SHA-256 if you know it; a download with another one is not accepted.

    Returns:
        The pairs; images are read when they are used.

    Raises:
        ValueError: Unknown split, the folder does not hold the whole set, or the cache has another
            folder ``maps``.
        DownloadError: No mirror has sent the whole set; the message gives the reason for each. An
            interrupted download is resumed by the next call.
        DiskError: A DownloadError that another mirror would not fix, such as a full disk.
    """
    if split not in MAPS_COUNTS:
        raise ValueError(f"split {split!r} is unknown; choose one of {', '.join(MAPS_COUNTS)}.")
    found = find_maps(folder)
    if found is None:
        if folder is not None:
            raise ValueError(
                f"{folder} does not hold the maps set: there are no folders train and val in it."
            )
        found = _download(cache_folder(), sha256)
    pairs = load_pairs(found / split, size=size, source=source)
    if len(pairs) != MAPS_COUNTS[split]:
        raise ValueError(
            f"{found / split} holds {len(pairs):,} images instead of {MAPS_COUNTS[split]:,}; "
            "delete the folder to download the set again, or use load_pairs for another set."
        )
    return pairs


def find_maps(folder: str | os.PathLike | None = None) -> Path | None:
    """Return the folder of the maps data set, without downloading it.

    Args:
        folder: Where to look; None: the Keras cache.

    Returns:
        The folder with ``train`` and ``val``, or None when there is none.
    """
    home = cache_folder() if folder is None else Path(folder)
    for place in (home / "maps", home) if folder is not None else (home / "maps",):
        if all((place / split).is_dir() for split in MAPS_COUNTS):
            return place
    return None


def _download(home: Path, sha256: str | None) -> Path:
    folder, reasons = home / "maps", []
    if os.path.lexists(folder):
        raise ValueError(f"{folder} is in the way: it has no folders train and val. Move it away.")
    for mirror in MIRRORS:
        archive = home / mirror.name
        try:
            _install(mirror, archive, _obtain(mirror, archive, sha256), folder)
            return folder
        except DiskError:
            raise
        except DownloadError as error:
            reasons.append(str(error))
        except ValueError as error:
            archive.unlink(missing_ok=True)  # the next call must not find it again
            reasons.append(f"what {mirror.url} sent is not the set: {error}")
        except OSError as error:
            raise DiskError(disk_sentence(home, error)) from error
    raise DownloadError(
        "The maps set cannot be downloaded: "
        + "; ".join(reasons)
        + ". Unpack it yourself and give its "
        "folder, maps(folder=...), or use the procedural city, pairs.city(...)."
    )


def _obtain(mirror: Mirror, archive: Path, sha256: str | None) -> str:
    """Return the SHA-256 of the archive, downloaded if it is not here yet."""
    if archive.exists():  # an earlier call had no room to unpack it
        found = file_sha256(archive)
        if sha256 in (None, found):
            return found
        archive.unlink()
    return fetch(mirror.url, archive, length=mirror.length, sha256=sha256)


def _install(mirror: Mirror, archive: Path, sha256: str, folder: Path) -> None:
    """Unpack and verify the set, give its folder the final name, and delete the archive."""

    def check(unpacked: Path) -> None:
        inner = find_maps(unpacked)
        if inner is None:
            raise ValueError("it has no folders train and val")
        for split, count in MAPS_COUNTS.items():
            _check_split(inner / split, count)
        facts = {"url": mirror.url, "sha256": sha256, "bytes": archive.stat().st_size}
        (inner / "maps.json").write_text(json.dumps(facts, indent=2) + "\n", encoding="utf-8")
        if inner != unpacked:  # the archive has one folder around everything
            for path in list(inner.iterdir()):
                os.replace(path, unpacked / path.name)
            inner.rmdir()

    unpack(archive, folder, check)
    archive.unlink()


def _check_split(folder: Path, count: int) -> None:
    names = list_images(folder, subfolders=False)
    if len(names) != count:
        raise ValueError(f"{folder.name} holds {len(names):,} images instead of {count:,}")
    for path in names:
        found = image_size(path)
        if found != MAPS_PICTURE:
            raise ValueError(
                f"{path.name} has {found[1]} x {found[0]} pixels instead of "
                f"{MAPS_PICTURE[1]} x {MAPS_PICTURE[0]}"
            )
