"""Tests of gan_utils.pairs: images of every kind, folders, arrays and prepared files."""

import io
import os
import struct
import subprocess
import sys
import tracemalloc
import warnings
import zipfile
import zlib

import numpy as np
import pytest
from PIL import Image

from gan_utils import images, pairs

LEFT, RIGHT = (200, 40, 60), (20, 90, 220)


def sheet(width=24, height=12, left=LEFT, right=RIGHT):
    pixels = np.zeros((height, width, 3), np.uint8)
    pixels[:, : width // 2], pixels[:, width // 2 :] = left, right
    return Image.fromarray(pixels)


def gray(color):
    return np.asarray(Image.new("RGB", (1, 1), color).convert("L"))[0, 0]


def deep_rgb_png(path):
    """A PNG of 16 bits and three channels, which Pillow reads but does not write."""
    rows = np.zeros((12, 24, 3), ">u2")
    rows[:, :12], rows[:, 12:] = np.array(LEFT) * 257, np.array(RIGHT) * 257

    def chunk(kind, content):
        body = kind + content
        return struct.pack(">I", len(content)) + body + struct.pack(">I", zlib.crc32(body))

    lines = b"".join(b"\0" + row.tobytes() for row in rows)
    header = struct.pack(">IIBBBBB", 24, 12, 16, 2, 0, 0, 0)
    path.write_bytes(
        b"\x89PNG\r\n\x1a\n"
        + chunk(b"IHDR", header)
        + chunk(b"IDAT", zlib.compress(lines))
        + chunk(b"IEND", b"")
    )


def save_deep_gray(path):
    half = np.asarray(sheet().convert("L")).astype(np.uint16) * 257
    Image.fromarray(half).save(path)


def save_transparent(path):
    picture = sheet().convert("RGBA")
    picture.paste((0, 0, 0, 0), (12, 0, 24, 12))
    picture.save(path)


def save_palette_with_hole(path):
    picture = sheet().quantize(4)
    picture.save(path, transparency=picture.getpixel((20, 5)))


WHITE = (255, 255, 255)
GRAYS = (gray(LEFT),) * 3, (gray(RIGHT),) * 3
KINDS = {
    "rgb.png": (lambda path: sheet().save(path), (LEFT, RIGHT), 0),
    "rgb.jpg": (lambda path: sheet().save(path, quality=95, subsampling=0), (LEFT, RIGHT), 12),
    "lossless.webp": (lambda path: sheet().save(path, lossless=True), (LEFT, RIGHT), 0),
    "UPPER.JPEG": (lambda path: sheet().save(path, quality=95), (LEFT, RIGHT), 12),
    "gray.png": (lambda path: sheet().convert("L").save(path), GRAYS, 0),
    "gray.jpg": (lambda path: sheet().convert("L").save(path), GRAYS, 6),
    "gray_alpha.png": (lambda path: sheet().convert("LA").save(path), GRAYS, 0),
    "bits.png": (
        lambda path: sheet(left=0, right=255).convert("1").save(path),
        ((0,) * 3, WHITE),
        0,
    ),
    "palette.png": (lambda path: sheet().quantize(4).save(path), (LEFT, RIGHT), 0),
    "hole.png": (save_palette_with_hole, (LEFT, WHITE), 0),
    "transparent.png": (save_transparent, (LEFT, WHITE), 0),
    "transparent.webp": (save_transparent, (LEFT, WHITE), 16),
    "cmyk.jpg": (lambda path: sheet().convert("CMYK").save(path, quality=95), (LEFT, RIGHT), 14),
    "deep_gray.png": (save_deep_gray, GRAYS, 0),
    "deep_rgb.png": (deep_rgb_png, (LEFT, RIGHT), 0),
}


@pytest.mark.parametrize("name", KINDS)
def test_every_kind_of_picture_is_read(name, tmp_path):
    save, colors, tolerance = KINDS[name]
    save(tmp_path / name)
    found = pairs.load_pairs(tmp_path, (12, 12))
    assert len(found) == 1
    for half, color in zip(found[0], colors, strict=True):
        assert half.shape == (12, 12, 3)
        assert half.dtype == np.uint8
        difference = np.abs(half[2:-2, 2:-2].astype(int) - color)
        assert difference.max() <= tolerance


@pytest.mark.parametrize("orientation", range(1, 9))
@pytest.mark.parametrize("suffix", ["jpg", "png"])
def test_exif_rotation_is_applied(orientation, suffix, tmp_path):
    upright = sheet(48, 24)
    stored = {  # how a camera stores what it shows upright
        1: upright,
        2: upright.transpose(Image.Transpose.FLIP_LEFT_RIGHT),
        3: upright.transpose(Image.Transpose.ROTATE_180),
        4: upright.transpose(Image.Transpose.FLIP_TOP_BOTTOM),
        5: upright.transpose(Image.Transpose.TRANSPOSE),
        6: upright.transpose(Image.Transpose.ROTATE_90),
        7: upright.transpose(Image.Transpose.TRANSVERSE),
        8: upright.transpose(Image.Transpose.ROTATE_270),
    }[orientation]
    exif = Image.Exif()
    exif[0x0112] = orientation
    stored.save(tmp_path / f"photo.{suffix}", exif=exif)
    assert images.image_size(tmp_path / f"photo.{suffix}") == (24, 48)
    left, right = pairs.load_pairs(tmp_path, (24, 24))[0]
    np.testing.assert_allclose(left.mean(axis=(0, 1)), LEFT, atol=6)
    np.testing.assert_allclose(right.mean(axis=(0, 1)), RIGHT, atol=6)


NAMES = ["Straße.png", "café.png", "写真.png", "صورة.png", "Фото.png", "🏙.png", "a b'c.png"]


def test_names_in_any_alphabet_and_their_order(tmp_path):
    for name in NAMES:
        sheet().save(tmp_path / name)
    (tmp_path / "notes.txt").write_text("not a picture")
    (tmp_path / ".hidden.png").write_text("not a picture")
    (tmp_path / "more.png").mkdir()
    found = pairs.load_pairs(tmp_path, 12)
    assert sorted(found.names) == sorted(NAMES)
    assert list(found.names) == sorted(NAMES)
    assert "7 pairs" in str(found)
    assert found[6][0].shape == (12, 12, 3)


def test_a_name_that_is_no_text_can_be_read_and_named(tmp_path):
    path = os.path.join(os.fsencode(tmp_path), b"caf\xe9.png")
    try:
        with open(path, "wb") as stream:
            sheet().save(stream, "png")
    except OSError as error:
        pytest.skip(f"this file system takes only valid text: {error}")
    assert pairs.load_pairs(tmp_path, 12)[0][0].shape == (12, 12, 3)
    with open(path, "wb"):
        pass
    with pytest.raises(ValueError, match=r"caf�\.png is empty") as caught:
        pairs.load_pairs(tmp_path)
    str(caught.value).encode()


def test_size_resizes_both_halves_and_source_chooses_the_side(tmp_path):
    sheet(1200, 600).save(tmp_path / "a.png")
    found = pairs.load_pairs(tmp_path, (40, 56))
    source, target = found[0]
    assert source.shape == target.shape == (40, 56, 3)
    assert (source == LEFT).all()
    assert (target == RIGHT).all()
    other = pairs.load_pairs(tmp_path, (40, 56), source="right")
    assert (other[0][0] == RIGHT).all()
    assert (found.swapped()[0][0] == RIGHT).all()
    assert (found.swapped().swapped()[0][0] == LEFT).all()


def test_shrinking_is_antialiased(tmp_path):
    board = np.indices((256, 512)).sum(axis=0) % 2 * 255
    Image.fromarray(board.astype(np.uint8)).save(tmp_path / "board.png")
    source, _ = pairs.load_pairs(tmp_path, 32)[0]
    assert abs(source.astype(int) - 128).max() <= 2


def test_odd_width_leaves_out_the_middle_column_and_says_so(tmp_path):
    pixels = np.asarray(sheet(25, 12)).copy()
    pixels[:, 12] = 255
    pixels[:, 13:] = RIGHT
    Image.fromarray(pixels).save(tmp_path / "odd.png")
    sheet().save(tmp_path / "even.png")
    with pytest.warns(UserWarning, match=r"1 image of odd width.*odd\.png") as seen:
        found = pairs.load_pairs(tmp_path, 12)
    assert seen[0].filename == __file__
    assert (found[1][0] == LEFT).all()
    assert (found[1][1] == RIGHT).all()


def test_single_photographs_are_suspected(tmp_path):
    sheet(40, 40).save(tmp_path / "single.png")
    with pytest.warns(UserWarning, match=r"single\.png|side-by-side"):
        pairs.load_pairs(tmp_path)
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        pairs.load_pairs(tmp_path, (40, 20))


def jpeg(quality=90):
    noise = np.random.default_rng(0).integers(0, 256, (32, 64, 3), dtype=np.uint8)
    stream = io.BytesIO()
    Image.fromarray(noise).save(stream, "jpeg", quality=quality)
    return stream.getvalue()


def encoded(kind):
    stream = io.BytesIO()
    noise = np.random.default_rng(0).integers(0, 256, (32, 64, 3), dtype=np.uint8)
    Image.fromarray(noise).save(stream, kind)
    return stream.getvalue()


BROKEN = {
    "nothing.jpg": (lambda: b"", r"is empty \(0 bytes\)"),
    "text.jpg": (lambda: b"This is no picture.", "is not an image"),
    "cut.jpg": (lambda: jpeg()[:-200], "is damaged"),
    "cut.png": (lambda: encoded("png")[:-200], "is damaged"),
    "cut.webp": (lambda: encoded("webp")[:-200], "is not an image|is damaged"),
    "begun.png": (lambda: encoded("png")[:20], "is not an image|is damaged"),
    "tiny.png": (lambda: one_pixel(1), "is 1 pixel wide: too narrow"),
}


def one_pixel(side):
    stream = io.BytesIO()
    Image.new("RGB", (side, side)).save(stream, "png")
    return stream.getvalue()


@pytest.mark.parametrize("name", BROKEN)
def test_a_broken_picture_among_others_is_named_and_skipped_only_when_asked(name, tmp_path):
    make, words = BROKEN[name]
    for index in range(20):
        sheet().save(tmp_path / f"{index}.png")
    (tmp_path / name).write_bytes(make())
    with pytest.raises(pairs.BrokenImageError, match=rf"{name} .*({words}).*skip"):
        pairs.load_pairs(tmp_path, 12)
    with pytest.warns(UserWarning, match=rf"1 image broken, left out: {name} "):
        found = pairs.load_pairs(tmp_path, 12, broken="skip")
    assert len(found) == 20
    assert list(found.skipped) == [name]
    assert "1 broken left out" in str(found)


def test_one_broken_picture_among_a_thousand(tmp_path):
    content = encoded("png")
    for index in range(999):
        (tmp_path / f"{index:04d}.png").write_bytes(content)
    (tmp_path / "0500x.png").write_bytes(content[:-30])
    with pytest.raises(pairs.BrokenImageError, match=r"0500x\.png is damaged"):
        pairs.load_pairs(tmp_path)
    with pytest.warns(UserWarning, match=r"0500x\.png"):
        assert len(pairs.load_pairs(tmp_path, 32, broken="skip")) == 999


def test_damage_inside_a_file_is_found_when_asked_and_named_when_read(tmp_path):
    content = bytearray(encoded("png"))
    content[len(content) // 2] ^= 255
    (tmp_path / "flipped.png").write_bytes(content)
    sheet(64, 32).save(tmp_path / "good.png")
    with pytest.raises(pairs.BrokenImageError, match=r"flipped\.png is damaged"):
        pairs.load_pairs(tmp_path, 32)[0]
    with pytest.warns(UserWarning, match=r"flipped\.png"):
        assert pairs.load_pairs(tmp_path, 32, broken="skip").names == ("good.png",)


def test_what_follows_the_end_of_a_jpeg_is_no_damage(tmp_path):
    (tmp_path / "motion.jpg").write_bytes(jpeg() + b"a film of the same moment")
    assert len(pairs.load_pairs(tmp_path, 32)) == 1


def test_unreadable_files_are_named(tmp_path, monkeypatch):
    sheet().save(tmp_path / "a.png")
    (tmp_path / "b.png").symlink_to(tmp_path / "nowhere.png")
    with pytest.raises(pairs.BrokenImageError, match=r"b\.png is a link to .*nowhere\.png"):
        pairs.load_pairs(tmp_path)
    (tmp_path / "b.png").unlink()
    found = pairs.load_pairs(tmp_path)

    def refuse(*args, **kwargs):
        raise PermissionError(13, "Permission denied")

    monkeypatch.setattr("pathlib.Path.open", refuse)
    for use in (lambda: found[0], lambda: pairs.load_pairs(tmp_path)):
        with pytest.raises(pairs.BrokenImageError, match=r"a\.png cannot be read \(Permission"):
            use()


def test_all_broken_is_an_error(tmp_path):
    (tmp_path / "a.jpg").write_bytes(b"")
    with (
        pytest.warns(UserWarning, match="left out"),
        pytest.raises(ValueError, match="no whole image: all 1"),
    ):
        pairs.load_pairs(tmp_path, broken="skip")


def test_wrong_folders_and_arguments_are_sentences(tmp_path):
    with pytest.raises(ValueError, match="nowhere does not exist"):
        pairs.load_pairs(tmp_path / "nowhere")
    with pytest.raises(ValueError, match="has no images in it"):
        pairs.load_pairs(tmp_path)
    (tmp_path / "train").mkdir()
    with pytest.raises(ValueError, match="Its subfolders are train"):
        pairs.load_pairs(tmp_path)
    sheet().save(tmp_path / "a.png")
    with pytest.raises(ValueError, match="is not a folder"):
        pairs.load_pairs(tmp_path / "a.png")
    for options, words in (
        ({"source": "top"}, "'top'"),
        ({"broken": "ignore"}, "'ignore'"),
        ({"size": 0}, "size is 0"),
        ({"size": (256,)}, r"size is \(256,\)"),
        ({"size": (2.5, 4)}, "size is"),
        ({"size": True}, "size is True"),
    ):
        with pytest.raises(ValueError, match=words):
            pairs.load_pairs(tmp_path, **options)


def test_sets_can_be_cut_and_read_in_turn(tmp_path):
    for index in range(5):
        sheet(left=(index * 10,) * 3).save(tmp_path / f"{index}.png")
    found = pairs.load_pairs(tmp_path, 12)
    assert [int(source[0, 0, 0]) for source, _ in found] == [0, 10, 20, 30, 40]
    assert found[1:3].names == ("1.png", "2.png")
    assert int(found[-1][0][0, 0, 0]) == 40
    arrays = found[3:].arrays()
    assert arrays.source.shape == arrays.target.shape == (2, 12, 12, 3)
    assert (arrays.source[0] == 30).all()
    assert len(arrays[1:]) == 1
    assert (arrays.swapped().target == arrays.source).all()
    for one in (found, arrays):
        with pytest.raises(IndexError, match=r"pair (5|2) of"):
            one[len(one)]
        with pytest.raises(ValueError, match="leaves none"):
            one[9:]


def test_pair_sets_must_fit_together():
    good = np.zeros((2, 8, 8, 3), np.uint8)
    assert pairs.PairSet(good, good[..., :1]).size == (8, 8)
    with pytest.raises(ValueError, match="pairs need the same number"):
        pairs.PairSet(good, good[:1])
    with pytest.raises(ValueError, match="target images must be uint8"):
        pairs.PairSet(good, good.astype(np.float32))


def test_prepare_writes_what_numpy_reads_and_memory_stays_flat(tmp_path):
    folder = pairs.write_city(tmp_path / "city", 40, 64)
    found = pairs.load_pairs(folder, 64)
    tracemalloc.start()
    path = pairs.prepare(found, tmp_path / "city.npz")
    _, peak = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert peak < 40 * 64 * 64 * 3  # less than one of both arrays
    with np.load(path) as arrays:
        assert sorted(arrays.files) == ["arr_0", "arr_1"]
        assert arrays["arr_0"].dtype == arrays["arr_1"].dtype == np.uint8
    again, city = pairs.load_prepared(path), pairs.city(40, 64)
    np.testing.assert_array_equal(again.source, city.source)
    np.testing.assert_array_equal(again.target, city.target)
    assert sorted(file.name for file in tmp_path.iterdir()) == ["city", "city.npz"]


def test_prepare_leaves_no_half_file(tmp_path):
    sheet().save(tmp_path / "a.png")
    found = pairs.load_pairs(tmp_path, 12)
    with pytest.raises(ValueError, match=r"must end in \.npz"):
        pairs.prepare(found, tmp_path / "a.dat")
    (tmp_path / ".b.npz.partial").symlink_to("/dev/full")
    with pytest.raises(OSError, match="No space left"):
        pairs.prepare(found, tmp_path / "b.npz")
    (tmp_path / "a.png").write_bytes(b"")
    with pytest.raises(pairs.BrokenImageError, match=r"a\.png is empty"):
        pairs.prepare(found, tmp_path / "b.npz")
    assert [file.name for file in tmp_path.iterdir()] == ["a.png"]


def test_files_that_are_not_prepared_pairs_are_sentences(tmp_path):
    (tmp_path / "text.npz").write_text("no arrays")
    np.savez(tmp_path / "other.npz", images=np.zeros(3))
    with zipfile.ZipFile(tmp_path / "empty.npz", "w"):
        pass
    np.savez(tmp_path / "floats.npz", np.zeros((2, 8, 8, 3)), np.zeros((2, 8, 8, 3)))
    for name in ("text.npz", "other.npz", "empty.npz", "floats.npz", "nowhere.npz"):
        with pytest.raises(ValueError, match=f"{name} is not a file of prepared pairs"):
            pairs.load_prepared(tmp_path / name)


def test_pairs_are_found_and_read_without_tensorflow(tmp_path):
    code = (
        "import sys; from gan_utils import pairs;"
        f"pairs.load_pairs(pairs.write_city({str(tmp_path)!r}, 1, 32), 32)[0];"
        "print(sorted({'tensorflow', 'keras', 'certifi'} & set(sys.modules)))"
    )
    result = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, check=True
    )
    assert result.stdout.strip() == "[]"
