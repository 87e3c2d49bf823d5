"""Fuzz tests: images, archives and arrays that are damaged, foreign or malicious."""

import io
import tarfile
import warnings
import zipfile
from dataclasses import replace

import numpy as np
import pytest
from fuzzing import (
    folder_of_fuzzing,  # noqa: F401  (a fixture)
    harmless,
    inputs,
    mutated,
    png,
    sentence,
)
from hypothesis import example, given
from hypothesis import strategies as st
from PIL import Image
from test_data import COUNTS, WRITERS, make_arrays

from gan_utils import archives, images, load_folder, pairs
from gan_utils import io as files
from gan_utils.data import datasets
from gan_utils.metrics import Moments
from gan_utils.metrics import sources as named

Image.init()  # all readers are imported now, not while the tests watch what is opened


def saved(kind, mode="RGB", size=(12, 8), **options):
    pixels = np.random.default_rng(0).integers(0, 256, (size[1], size[0], 3), dtype=np.uint8)
    stream = io.BytesIO()
    Image.fromarray(pixels).convert(mode).save(stream, kind, **options)
    return stream.getvalue()


def turned():
    exif = Image.Exif()
    exif[0x0112] = 6
    return saved("JPEG", exif=exif)


def deep():
    stream = io.BytesIO()
    Image.fromarray(np.arange(96, dtype=np.uint16).reshape(8, 12) * 600).save(stream, "PNG")
    return stream.getvalue()


FILES = [
    *(saved("PNG", mode) for mode in ("RGB", "L", "1", "P", "RGBA", "LA")),
    *(saved("JPEG", mode) for mode in ("RGB", "L", "CMYK")),
    *(saved(kind) for kind in ("WEBP", "BMP", "GIF", "PPM")),
    *(saved("TIFF", compression=name) for name in (None, "tiff_lzw", "packbits", "jpeg")),
    saved("PNG", "P", transparency=3),
    saved("JPEG", progressive=True),
    turned(),
    deep(),
    png(4, 4, lines=bytes(4 * 13)),
    b"%!PS-Adobe-3.0 EPSF-3.0\n%%BoundingBox: 0 0 20 10\n%%EndComments\nshowpage\n",
    b"",
]


@given(content=mutated(FILES))
@example(content=png(100_000, 100_000))
@example(content=png(2**31 - 1, 2**31 - 1, depth=16, color=6))
@example(content=png(0, 0))
@example(content=png(1, 2**31 - 1, color=0))
@inputs()
def test_pictures(folder, content):
    path = folder / "photos" / "a.png"
    path.parent.mkdir(exist_ok=True)
    path.write_bytes(content)
    gray = named.Wish(gray=True, size=8, resize=True)
    readers = (
        (lambda: pairs.load_pairs(path.parent, 8)[0][0], (8, 8, 3)),
        (lambda: pairs.load_pairs(path.parent, 8, broken="skip")[0][1], (8, 8, 3)),
        (lambda: named.read_for_scoring(path, gray), (8, 8, 1)),
        (lambda: images.read_image(path)[:1, :1], (1, 1, 3)),
        (lambda: load_folder(path.parent, 8, channels=1).images[0], (8, 8, 1)),
    )
    for index, (read, shape) in enumerate(readers):
        with harmless(folder, f"reader {index}"), warnings.catch_warnings():
            warnings.simplefilter("ignore")
            try:
                picture = read()
            except ValueError as error:
                # Where no picture is left, the folder is named, and the file in a warning.
                sentence(error, "photos" if index == 1 else "a.png")
                continue
        assert (picture.shape, picture.dtype) == (shape, np.uint8)


# ---- archives ----------------------------------------------------------------------------------


def tar_of(members, mode="w:gz"):
    stream = io.BytesIO()
    with tarfile.open(fileobj=stream, mode=mode) as archive:
        for name, content, kind in members:
            header = tarfile.TarInfo(name)
            header.type, header.linkname = kind, "/etc/passwd"
            header.size = len(content) if kind == tarfile.REGTYPE else 0
            archive.addfile(header, io.BytesIO(content))
    return stream.getvalue()


def zip_of(members):
    stream = io.BytesIO()
    with warnings.catch_warnings(), zipfile.ZipFile(stream, "w", zipfile.ZIP_DEFLATED) as archive:
        warnings.simplefilter("ignore")  # about a name that is in it twice
        for name, content, kind in members:
            header = zipfile.ZipInfo(name)
            header.external_attr = (0o120777 if kind == tarfile.SYMTYPE else 0o100644) << 16
            archive.writestr(header, content)
    return stream.getvalue()


PARTS = st.sampled_from(("a", "b", "..", ".", "", "C:", "~", "maps", "é", "x" * 300, "con", "a b"))
NAMES = (
    st.lists(PARTS, min_size=1, max_size=4).flatmap(
        lambda parts: st.sampled_from(("/", "\\", "//")).map(lambda sign: sign.join(parts))
    )
    | st.text(st.characters(exclude_categories=("Cs",)), min_size=1, max_size=8)
).filter(lambda name: name)
KINDS = st.sampled_from(
    (tarfile.REGTYPE,) * 6 + (tarfile.SYMTYPE, tarfile.LNKTYPE, tarfile.CHRTYPE)
)
MEMBERS = st.lists(st.tuples(NAMES, st.binary(max_size=40), KINDS), max_size=4)
GOOD = [
    ("maps/train/1.jpg", b"1" * 700, tarfile.REGTYPE),
    ("maps/val/1.jpg", b"2" * 70, tarfile.REGTYPE),
]
ARCHIVES = [
    *(tar_of(GOOD, mode) for mode in ("w:gz", "w", "w:bz2", "w:xz")),
    zip_of(GOOD),
    b"",
]


def unpack(folder, content):
    """Unpack an archive; return what is there, or None when it was refused."""
    folder.mkdir(exist_ok=True)
    path = folder / "archive"
    path.write_bytes(content)
    with harmless(folder):
        try:
            archives.unpack(path, folder / "out")
        except ValueError as error:
            sentence(error, str(path))
            assert [entry.name for entry in folder.iterdir()] == ["archive"]
            return None
    found = sorted((folder / "out").rglob("*"))
    assert not any(entry.is_symlink() for entry in found)
    files = {
        str(entry.relative_to(folder / "out")): entry.read_bytes()
        for entry in found
        if entry.is_file()
    }
    for entry in reversed(found):
        entry.rmdir() if entry.is_dir() else entry.unlink()
    (folder / "out").rmdir()
    return files


PLAIN_TAR = tar_of(GOOD, "w")  # the one kind without a checksum of what its members hold


@given(content=mutated([content for content in ARCHIVES if content != PLAIN_TAR]))
@inputs()
def test_damaged_archives(folder, content):
    found = unpack(folder / "damaged", content)
    assert set((found or {}).values()) <= {b"1" * 700, b"2" * 70}


@given(content=mutated([PLAIN_TAR]))
@inputs()
def test_damaged_archives_without_a_checksum(folder, content):
    unpack(folder / "damaged", content)  # which checks all that can be told


@given(members=MEMBERS, pack=st.sampled_from((tar_of, zip_of)))
@example(members=[("a", b"1", tarfile.REGTYPE), ("a/b", b"2", tarfile.REGTYPE)], pack=tar_of)
@example(members=[("a/b", b"1", tarfile.REGTYPE), ("a", b"2", tarfile.REGTYPE)], pack=zip_of)
@example(members=[("x" * 300, b"1", tarfile.REGTYPE)], pack=tar_of)
@example(members=[("a\0b", b"1", tarfile.REGTYPE)], pack=zip_of)
@inputs()
def test_archives_with_strange_members(folder, members, pack):
    try:
        content = pack(members)
    except (ValueError, UnicodeError):  # there is no such archive
        return
    found = unpack(folder / "strange", content)
    if found is not None:
        assert set(found.values()) <= {content for _, content, _ in members}


def test_an_archive_that_claims_a_size_below_zero_is_refused(folder):
    content = bytearray(tar_of(GOOD, "w"))
    content[124:136] = b"\xff" * 12  # the size, in base 256: -1
    checksum = sum(content[:148]) + 8 * 32 + sum(content[156:512])
    content[148:156] = f"{checksum:06o}\0 ".encode()
    assert unpack(folder / "below", bytes(content)) is None


# ---- the cache of data sets --------------------------------------------------------------------


@pytest.fixture(scope="module")
def cached(folder):
    """Small official data in a cache: each source, the file that is damaged, and its bytes."""
    (folder / "datasets").mkdir()
    found = []
    for name in ("mnist", "fashion_mnist"):
        WRITERS[name](folder / "datasets")
        shape = datasets.SOURCES[name].shape
        digests = {split: datasets.digest(*make_arrays(shape, split)) for split in COUNTS}
        source = replace(datasets.SOURCES[name], counts=COUNTS, digests=digests)
        path = folder / "datasets" / source.files[0].name
        found.append((source, path, path.read_bytes()))
    return found


@given(data=st.data())
@inputs()
def test_damaged_caches(folder, cached, data):
    source, path, content = data.draw(st.sampled_from(cached))
    path.write_bytes(data.draw(mutated([content, b""])))
    with pytest.MonkeyPatch.context() as patched, harmless(folder):
        patched.setenv("KERAS_HOME", str(folder))
        try:
            pictures, labels = datasets.read_verified(source, "train")
        except ValueError as error:
            sentence(error, path.name, "move it away or delete it")
            return
    official = make_arrays(source.shape, "train")
    np.testing.assert_array_equal(pictures, official[0])
    np.testing.assert_array_equal(labels, official[1])


# ---- statistics and prepared pairs -------------------------------------------------------------


def statistics():
    moments = Moments.of(np.random.default_rng(0).normal(size=(20, 3)), extractor="one")
    moments.floor, moments.floor_counts = 0.5, (10, 10)
    return moments


def npz(**members):
    """Make an .npz; a member given as bytes is written as it is, whatever it claims."""
    stream = io.BytesIO()
    with zipfile.ZipFile(stream, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, value in members.items():
            content = io.BytesIO()
            if not isinstance(value, bytes):
                np.lib.format.write_array(content, np.asarray(value), allow_pickle=True)
            archive.writestr(
                f"{name}.npy", value if isinstance(value, bytes) else content.getvalue()
            )
    return stream.getvalue()


def header(text, version=b"\1\0"):
    line = text.encode().ljust(117) + b"\n"
    return b"\x93NUMPY" + version + len(line).to_bytes(2, "little") + line


@pytest.fixture(scope="module")
def good(folder):
    statistics().save(folder / "good.npz")
    with np.load(folder / "good.npz") as stored:
        return dict(stored)


SHAPES = st.sampled_from(("(10**12,)", "(1000000000000,)", "(3,)", "()", "(-1,)", "(3, 3)", "(0,)"))
TYPES = st.sampled_from(("<f8", "|O", "|u1", "<U9", "<U0", "|V8", "<c16", "<M8[s]", "|b1", "<f2"))
CLAIMS = st.builds(
    lambda shape, kind, order: (
        header(f"{{'descr': '{kind}', 'fortran_order': {order}, 'shape': {shape}, }}") + bytes(72)
    ),
    SHAPES,
    TYPES,
    st.booleans(),
)
VALUES = (
    st.sampled_from((np.nan, np.inf, -1, 2**63, 1e308, "text", True, [], [[1.0, 2.0], [3.0, 4.0]]))
    | CLAIMS
    | st.binary(max_size=20)
    | st.just(np.array([print], dtype=object))
)


@st.composite
def changed_statistics(draw):
    name = draw(st.sampled_from(("format", "count", "mean", "covariance", "extractor", "floor")))
    return {name: draw(VALUES)}


def check_statistics(folder, content):
    path = folder / "statistics.npz"
    path.write_bytes(content)
    with harmless(folder):
        try:
            found = Moments.load(path)
            found.save(path)
        except ValueError as error:
            sentence(error, "statistics.npz")
            return
    assert found.count >= 2
    assert np.isfinite(found.mean).all()


@given(change=changed_statistics())
@example(change={"mean": header("{'descr': '<f8', 'fortran_order': False, 'shape': (10**12,), }")})
@example(change={"count": np.inf})
@example(change={"floor": np.nan})
@inputs()
def test_statistics_with_strange_contents(folder, good, change):
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        check_statistics(folder, npz(**good | change))


@given(data=st.data())
@inputs()
def test_damaged_statistics(folder, good, data):
    seeds = [
        npz(**good),
        npz(mean=good["mean"]),
        b"",
        b"\x80\x04.",
        (folder / "good.npz").read_bytes(),
    ]
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        check_statistics(folder, data.draw(mutated(seeds)))


@given(
    content=mutated(
        [npz(arr_0=np.zeros((2, 4, 4, 3), np.uint8), arr_1=np.zeros((2, 4, 4, 1), np.uint8))]
    )
)
@inputs(0.5)
def test_damaged_prepared_pairs(folder, content):
    path = folder / "prepared.npz"
    path.write_bytes(content)
    with harmless(folder):
        try:
            found = pairs.load_prepared(path)
        except ValueError as error:
            sentence(error)
            return
    assert found[0][0].dtype == np.uint8


@pytest.mark.parametrize(
    ("content", "words"),
    [
        (
            npz(a=header("{'descr': '<f8', 'fortran_order': False, 'shape': (1000000000000,), }")),
            "promises",
        ),
        (npz(a=header("{'descr': '|O', 'fortran_order': False, 'shape': (1,), }")), "pickled"),
        (
            npz(a=header("{'descr': '<f8', 'fortran_order': False, 'shape': (0,), }", b"\3\0")),
            "version",
        ),
        (npz(a=np.zeros(1000)), "more than 100"),
        (
            npz(a=header("{'descr': '<f8', 'fortran_order': False, 'shape': (1,), }") + bytes(20)),
            "after the end",
        ),
    ],
)
def test_arrays_are_measured_before_there_is_room_for_them(tmp_path, content, words):
    (tmp_path / "a.npz").write_bytes(content)
    limit = 100 if "100" in words else None
    with pytest.raises(ValueError, match=words):
        files.read_arrays(tmp_path / "a.npz", limit)


def test_whole_arrays_come_back_as_numpy_wrote_them(tmp_path):
    rng = np.random.default_rng(0)
    values = {
        "rows": rng.normal(size=(3, 5)),
        "columns": np.asfortranarray(rng.normal(size=(300, 700))),
        "number": np.array(3),
        "words": np.array("some text"),
        "nothing": np.zeros((0, 4), np.float32),
        "other": rng.integers(0, 9, 7).astype(">i2"),
    }
    for write in (np.savez, np.savez_compressed):
        write(tmp_path / "a.npz", **values)
        found = files.read_arrays(tmp_path / "a.npz")
        assert set(found) == set(values)
        for name, value in values.items():
            np.testing.assert_array_equal(found[name], value)
            assert found[name].dtype == value.dtype
