"""Tests of the maps data set: resumed downloads, checksum, mirrors, archives; no network."""

import contextlib
import hashlib
import http.server
import io
import json
import os
import ssl
import tarfile
import threading
import zipfile
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

import gan_utils.io
from gan_utils import archives, download, pairs
from gan_utils.download import DownloadError
from gan_utils.pairs import maps_set

CONTENT = np.random.default_rng(0).bytes(3_000_000)
SHA256 = hashlib.sha256(CONTENT).hexdigest()


class Shelf(http.server.BaseHTTPRequestHandler):
    """A server that can resume, and can be told to misbehave."""

    def do_GET(self):
        server = self.server
        server.asked.append((self.path, self.headers.get("Range"), self.headers.get("If-Range")))
        content = server.files.get(self.path)
        if content is None:
            self.send_error(404)
            return
        start = 0
        asked = self.headers.get("Range")
        if asked and server.resumes and self.headers.get("If-Range") == server.mark:
            start = int(asked.removeprefix("bytes=").removesuffix("-"))
        if start >= len(content):
            self.send_error(416)
            return
        self.send_response(206 if start else 200)
        if start:
            self.send_header("Content-Range", f"bytes {start}-{len(content) - 1}/{len(content)}")
        if server.mark:
            self.send_header("ETag", server.mark)
        self.send_header("Content-Length", str(len(content) - start))
        self.end_headers()
        end = start + server.cuts.pop(0) if server.cuts else len(content)
        self.wfile.write(content[start:end])

    def log_message(self, *args):
        pass


@pytest.fixture
def server():
    with http.server.ThreadingHTTPServer(("127.0.0.1", 0), Shelf) as one:
        one.files, one.asked, one.cuts = {"/file": CONTENT}, [], []
        one.resumes, one.mark = True, '"version 1"'
        one.url = f"http://127.0.0.1:{one.server_port}"
        threading.Thread(target=one.serve_forever, daemon=True).start()
        yield one
        one.shutdown()


def names(folder):
    return sorted(path.name for path in folder.iterdir())


def test_a_download_is_whole_and_alone(server, tmp_path):
    found = download.fetch(
        f"{server.url}/file", tmp_path / "new" / "a.bin", length=len(CONTENT), sha256=SHA256
    )
    assert found == SHA256
    assert (tmp_path / "new" / "a.bin").read_bytes() == CONTENT
    assert names(tmp_path / "new") == ["a.bin"]


def test_a_broken_connection_is_taken_up_where_it_broke(server, tmp_path):
    server.cuts = [1_100_000, 700_000]
    download.fetch(f"{server.url}/file", tmp_path / "a.bin", sha256=SHA256)
    ranges = [asked[1] for asked in server.asked]
    assert ranges == [None, "bytes=1100000-", "bytes=1800000-"]


def test_a_later_call_goes_on_where_an_earlier_one_ended(server, tmp_path):
    server.cuts = [1_000_000, 0, 0, 0]
    with pytest.raises(DownloadError, match="1,000,000 bytes are kept"):
        download.fetch(f"{server.url}/file", tmp_path / "a.bin", sha256=SHA256)
    assert "a.bin" not in names(tmp_path)
    server.asked.clear()
    download.fetch(f"{server.url}/file", tmp_path / "a.bin", sha256=SHA256)
    assert [asked[1] for asked in server.asked] == ["bytes=1000000-"]
    assert names(tmp_path) == ["a.bin"]


def test_a_whole_file_without_its_name_is_not_asked_for_again(server, tmp_path):
    (tmp_path / ".a.bin.partial").write_bytes(CONTENT)
    notes = {"url": f"{server.url}/file", "mark": server.mark}
    (tmp_path / ".a.bin.partial.json").write_text(json.dumps(notes))
    download.fetch(f"{server.url}/file", tmp_path / "a.bin", sha256=SHA256)
    assert names(tmp_path) == ["a.bin"]


@pytest.mark.parametrize("change", ["new version", "no resume", "no mark", "other address"])
def test_what_cannot_be_continued_is_begun_again(change, server, tmp_path):
    notes = {"url": f"{server.url}/file", "mark": server.mark}
    if change == "new version":
        notes["mark"] = '"version 0"'
    elif change == "no resume":
        server.resumes = False
    elif change == "no mark":
        notes["mark"] = None
    else:
        notes["url"] = "http://example.org/file"
    (tmp_path / ".a.bin.partial").write_bytes(b"x" * 1000)
    (tmp_path / ".a.bin.partial.json").write_text(json.dumps(notes))
    download.fetch(f"{server.url}/file", tmp_path / "a.bin", sha256=SHA256)
    assert (tmp_path / "a.bin").read_bytes() == CONTENT


@pytest.mark.parametrize(
    ("wanted", "words"),
    [
        ({"sha256": "0" * 64}, "has the SHA-256 .* instead of 0000"),
        ({"length": 5}, "offers 3,000,000 bytes instead of 5"),
    ],
)
def test_another_checksum_or_length_is_refused(wanted, words, server, tmp_path):
    with pytest.raises(DownloadError, match=words):
        download.fetch(f"{server.url}/file", tmp_path / "a.bin", **wanted)
    assert names(tmp_path) == []


def test_no_file_and_no_server_are_sentences(server, tmp_path):
    with pytest.raises(DownloadError, match="/nothing answers 404"):
        download.fetch(f"{server.url}/nothing", tmp_path / "a.bin")
    server.shutdown()
    server.server_close()
    with pytest.raises(DownloadError, match=r"cannot be reached .*refused"):
        download.fetch(f"{server.url}/file", tmp_path / "a.bin")


@pytest.mark.parametrize(
    "error", [ssl.SSLError(1, "bad record"), OSError(113, "No route to host")], ids=["TLS", "route"]
)
def test_a_broken_network_is_no_broken_disk(tmp_path, monkeypatch, error):
    class Answer(contextlib.nullcontext):
        status, headers = 200, {"ETag": '"x"'}

        def read(self, count):
            raise error

    monkeypatch.setattr(download.urllib.request, "urlopen", lambda *_, **__: Answer())
    with pytest.raises(DownloadError, match="cannot be reached") as caught:
        download.fetch("https://nowhere/file", tmp_path / "a.bin")
    assert not isinstance(caught.value, download.DiskError)


def test_a_download_waits_for_a_program_that_holds_its_file(server, tmp_path, monkeypatch):
    replace, held = os.replace, [1, 1]

    def busy(*paths):
        if held:
            held.pop()
            raise PermissionError(13, "in use")
        replace(*paths)

    monkeypatch.setattr(gan_utils.io, "fcntl", None)  # as on Windows
    monkeypatch.setattr(gan_utils.io, "_RENAME_SECONDS", 0)
    monkeypatch.setattr(os, "replace", busy)
    download.fetch(f"{server.url}/file", tmp_path / "a.bin", sha256=SHA256)
    assert (tmp_path / "a.bin").read_bytes() == CONTENT


def test_a_full_disk_is_a_sentence(server, tmp_path):
    (tmp_path / ".a.bin.partial").symlink_to("/dev/full")
    with pytest.raises(download.DiskError, match=r"No space left.*make room or set KERAS_HOME"):
        download.fetch(f"{server.url}/file", tmp_path / "a.bin")
    assert "a.bin" not in names(tmp_path)


def tar_of(members):
    stream = io.BytesIO()
    with tarfile.open(fileobj=stream, mode="w:gz") as archive:
        for name, content in members.items():
            header = content if isinstance(content, tarfile.TarInfo) else tarfile.TarInfo(name)
            if isinstance(content, bytes):
                header.size = len(content)
            archive.addfile(header, io.BytesIO(content) if isinstance(content, bytes) else None)
    return stream.getvalue()


def zip_of(members):
    stream = io.BytesIO()
    with zipfile.ZipFile(stream, "w") as archive:
        for name, content in members.items():
            archive.writestr(name, content)
    return stream.getvalue()


def link(kind, target):
    header = tarfile.TarInfo("link")
    header.type, header.linkname = kind, target
    return header


def hidden_link():
    header = zipfile.ZipInfo("link")
    header.external_attr = 0o120777 << 16
    return {header: "/etc/passwd"}


ESCAPES = {
    "up.tar.gz": tar_of({"good": b"1", "../evil": b"2"}),
    "inner.tar.gz": tar_of({"good": b"1", "a/../../evil": b"2"}),
    "root.tar.gz": tar_of({"good": b"1", "/evil": b"2"}),
    "symlink.tar.gz": tar_of({"good": b"1", "link": link(tarfile.SYMTYPE, "/etc")}),
    "hardlink.tar.gz": tar_of({"good": b"1", "link": link(tarfile.LNKTYPE, "/etc/passwd")}),
    "device.tar.gz": tar_of({"good": b"1", "link": link(tarfile.CHRTYPE, "")}),
    "up.zip": zip_of({"good": b"1", "../evil": b"2"}),
    "root.zip": zip_of({"good": b"1", "/evil": b"2"}),
    "windows.zip": zip_of({"good": b"1", "C:\\evil": b"2"}),
    "backslash.zip": zip_of({"good": b"1", "a\\..\\..\\evil": b"2"}),
    "symlink.zip": zip_of(hidden_link()),
}


@pytest.mark.parametrize("name", ESCAPES)
def test_members_that_would_escape_are_refused(name, tmp_path):
    (tmp_path / name).write_bytes(ESCAPES[name])
    with pytest.raises(ValueError, match=rf"{name} is refused: its member .*Nothing was unpacked"):
        archives.unpack(tmp_path / name, tmp_path / "deep" / "out")
    assert names(tmp_path) == sorted([name, "deep"])
    assert names(tmp_path / "deep") == []


@pytest.mark.parametrize("pack", [tar_of, zip_of])
@pytest.mark.parametrize("damage", ["cut", "flipped", "empty", "text"])
def test_damaged_archives_are_sentences_and_leave_nothing(pack, damage, tmp_path):
    content = bytearray(pack({f"{i}.bin": CONTENT[i * 90_000 :][:90_000] for i in range(9)}))
    if damage == "flipped":
        content[len(content) // 2] ^= 255
    path = tmp_path / "archive"
    made = {"cut": bytes(content[: len(content) // 2]), "empty": b"", "text": b"Please log in"}
    path.write_bytes(made.get(damage, bytes(content)))
    with pytest.raises(ValueError, match="archive is damaged or cut off"):
        archives.unpack(path, tmp_path / "out")
    assert names(tmp_path) == ["archive"]


def test_a_disk_that_fills_while_unpacking_leaves_nothing(tmp_path, monkeypatch):
    (tmp_path / "a.zip").write_bytes(zip_of({"good": b"1" * 1000}))
    inside = tmp_path / ".out-1"
    inside.mkdir()
    (inside / "good").symlink_to("/dev/full")
    monkeypatch.setattr("tempfile.mkdtemp", lambda **options: str(inside))
    with pytest.raises(OSError, match="No space left"):
        archives.unpack(tmp_path / "a.zip", tmp_path / "out")
    assert names(tmp_path) == ["a.zip"]


def test_bombs_are_refused(tmp_path, monkeypatch):
    monkeypatch.setattr(archives, "_MOST_BYTES", 1000)
    (tmp_path / "a.zip").write_bytes(zip_of({"a": b"1" * 600, "b": b"1" * 600}))
    with pytest.raises(ValueError, match="more than 1,000 bytes"):
        archives.unpack(tmp_path / "a.zip", tmp_path / "out")
    assert names(tmp_path) == ["a.zip"]


def picture(width=24, height=12):
    stream = io.BytesIO()
    Image.new("RGB", (width, height), (200, 30, 30)).save(stream, "jpeg")
    return stream.getvalue()


def members(prefix="maps/", train=4, val=3, **changes):
    found = {f"{prefix}train/{i}.jpg": picture() for i in range(1, train + 1)}
    found |= {f"{prefix}val/{i}.jpg": picture() for i in range(1, val + 1)}
    return found | {prefix + name.replace("__", "/") + ".jpg": it for name, it in changes.items()}


@pytest.fixture
def shelf(server, tmp_path, monkeypatch):
    """A small maps set on three mirrors, and an empty cache."""
    monkeypatch.setenv("KERAS_HOME", str(tmp_path))
    monkeypatch.setattr(maps_set, "MAPS_COUNTS", {"train": 4, "val": 3})
    monkeypatch.setattr(maps_set, "MAPS_PICTURE", (12, 24))
    server.files = {"/2/maps.tar.gz": tar_of(members()), "/3/maps.zip": zip_of(members())}
    length = len(server.files["/2/maps.tar.gz"])
    mirrors = (
        maps_set.Mirror(f"{server.url}/1/maps.tar.gz", "maps.tar.gz", length),
        maps_set.Mirror(f"{server.url}/2/maps.tar.gz", "maps.tar.gz", length),
        maps_set.Mirror(f"{server.url}/3/maps.zip", "maps.zip"),
    )
    monkeypatch.setattr(maps_set, "MIRRORS", mirrors)
    return server


def cache(tmp_path):
    return tmp_path / "datasets"


def test_maps_come_from_the_first_mirror_that_has_them(shelf, tmp_path):
    assert pairs.find_maps() is None
    train = pairs.maps(size=12)
    assert len(train) == 4
    assert train[0][0].shape == (12, 12, 3)
    assert names(cache(tmp_path)) == ["maps"]
    facts = json.loads((cache(tmp_path) / "maps" / "maps.json").read_text())
    assert facts["sha256"] == hashlib.sha256(shelf.files["/2/maps.tar.gz"]).hexdigest()
    assert facts["url"].endswith("/2/maps.tar.gz")
    shelf.asked.clear()
    assert len(pairs.maps("val", source="right")) == 3
    assert shelf.asked == []
    assert pairs.find_maps() == cache(tmp_path) / "maps"


def test_the_zip_mirror_is_taken_when_the_others_are_dead(shelf, tmp_path):
    del shelf.files["/2/maps.tar.gz"]
    assert len(pairs.maps()) == 4
    assert names(cache(tmp_path)) == ["maps"]


@pytest.mark.parametrize(
    ("changed", "words"),
    [
        (members(train=3), "train holds 3 images instead of 4"),
        (members(train__2=picture(26)), r"2\.jpg has 26 x 12 pixels instead of 24 x 12"),
        (members(train__2=picture()[:-20]), r"2\.jpg is damaged"),
        ({"maps/readme.txt": b"moved"}, "no folders train and val"),
    ],
)
def test_another_set_is_refused_and_leaves_nothing(changed, words, shelf, tmp_path):
    shelf.files = {"/3/maps.zip": zip_of(changed)}
    with pytest.raises(DownloadError, match=rf"(?s)answers 404.*is not the set: .*{words}.*city"):
        pairs.maps()
    assert names(cache(tmp_path)) == []


def test_a_checksum_that_differs_is_refused(shelf, tmp_path):
    with pytest.raises(DownloadError, match=r"has the SHA-256 .* instead of 1111"):
        pairs.maps(sha256="1" * 64)
    assert names(cache(tmp_path)) == []
    right = hashlib.sha256(shelf.files["/2/maps.tar.gz"]).hexdigest()
    assert len(pairs.maps(sha256=right)) == 4


def test_a_truncated_archive_is_refused_and_fetched_again(shelf, tmp_path):
    cache(tmp_path).mkdir()
    (cache(tmp_path) / "maps.tar.gz").write_bytes(shelf.files["/2/maps.tar.gz"][:-300])
    assert len(pairs.maps()) == 4
    assert names(cache(tmp_path)) == ["maps"]


def test_an_archive_that_is_here_is_not_downloaded(shelf, tmp_path):
    cache(tmp_path).mkdir()
    (cache(tmp_path) / "maps.tar.gz").write_bytes(tar_of(members(prefix="")))
    assert len(pairs.maps()) == 4
    assert shelf.asked == []


def test_a_full_disk_keeps_the_archive_and_asks_no_other_mirror(shelf, tmp_path, monkeypatch):
    def fill(archive, folder, check):
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(maps_set, "unpack", fill)
    with pytest.raises(download.DiskError, match=r"No space left.*make room"):
        pairs.maps()
    assert names(cache(tmp_path)) == ["maps.tar.gz"]
    assert not any("/3/" in asked[0] for asked in shelf.asked)


def test_maps_in_a_folder(shelf, tmp_path):
    for name, content in members().items():
        path = tmp_path / "mine" / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(content)
    for folder in (tmp_path / "mine", tmp_path / "mine" / "maps"):
        assert len(pairs.maps("val", folder=folder)) == 3
    (tmp_path / "mine" / "maps" / "val" / "1.jpg").unlink()
    with pytest.raises(ValueError, match="holds 2 images instead of 3"):
        pairs.maps("val", folder=tmp_path / "mine")
    with pytest.raises(ValueError, match="no folders train and val"):
        pairs.maps(folder=tmp_path)
    with pytest.raises(ValueError, match="'test' is unknown"):
        pairs.maps("test")
    assert shelf.asked == []


def test_something_else_in_the_place_of_the_set_is_left_alone(shelf, tmp_path):
    (cache(tmp_path) / "maps").mkdir(parents=True)
    (cache(tmp_path) / "maps" / "mine.txt").write_text("keep me")
    with pytest.raises(ValueError, match="is in the way"):
        pairs.maps()
    assert names(cache(tmp_path) / "maps") == ["mine.txt"]
    assert shelf.asked == []


def test_the_real_set_is_described_as_published():
    assert maps_set.MAPS_COUNTS == {"train": 1096, "val": 1098}
    assert maps_set.MAPS_PICTURE == (600, 1200)
    assert len({Path(mirror.url).parent for mirror in maps_set.MIRRORS}) == len(maps_set.MIRRORS)
