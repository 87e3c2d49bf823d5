"""Every entry of the package reads an image file by the same rule, whatever the file's kind."""

import json
import os
import struct
import warnings
import zlib

import keras
import numpy as np
import pytest
from PIL import Image

from gan_utils import cli, images, pairs
from gan_utils.metrics import sources
from gan_utils.metrics.sources import Wish

SIZE = 28
RNG = np.random.default_rng(0)
FACE = RNG.integers(0, 256, (SIZE, 2 * SIZE, 3), dtype=np.uint8)  # a pair, side by side
ROTATIONS = {  # EXIF orientation -> how a camera stores what is shown upright
    2: Image.Transpose.FLIP_LEFT_RIGHT,
    3: Image.Transpose.ROTATE_180,
    6: Image.Transpose.ROTATE_90,
    8: Image.Transpose.ROTATE_270,
}


def turned(path, orientation=6):
    """Save `FACE` as a camera does that was held upright."""
    exif = Image.Exif()
    exif[0x0112] = orientation
    Image.fromarray(FACE).transpose(ROTATIONS[orientation]).save(path, exif=exif.tobytes())
    return FACE


def half_clear(path):
    """Save an image with transparent parts whose hidden color is not white."""
    pixels = np.zeros((SIZE, 2 * SIZE, 4), np.uint8)
    pixels[..., 0] = 90
    pixels[8:20, 8:40] = (255, 200, 0, 255)
    Image.fromarray(pixels).save(path)
    flat = np.full(FACE.shape, 255, np.uint8)
    flat[8:20, 8:40] = (255, 200, 0)
    return flat


def gray_of_alpha(path):
    """Save a gray image with transparency."""
    pixels = np.zeros((SIZE, 2 * SIZE, 2), np.uint8)
    pixels[4:9, 30:50] = (77, 255)
    Image.fromarray(pixels, "LA").save(path)
    flat = np.full(FACE.shape, 255, np.uint8)
    flat[4:9, 30:50] = 77
    return flat


def ramp(dtype, top):
    """Return a gray ramp from 0 to `top`."""
    return np.tile(np.linspace(0, top, 2 * SIZE), (SIZE, 1)).astype(dtype)


def as_gray(values):
    return np.repeat(np.rint(values).astype(np.uint8)[..., None], 3, axis=-1)


def sixteen_bits(path):
    """Save 16 bits a pixel, of which the whole range is used."""
    Image.fromarray(ramp("u2", 65535)).save(path)
    return as_gray(ramp("u2", 65535) / 257)


def sixteen_bits_in_pgm(path):
    """Save a PGM whose header says 65,535."""
    path = path.with_suffix(".pgm")
    content = ramp(">u2", 65535).tobytes()
    path.write_bytes(b"P5\n%d %d\n65535\n" % (2 * SIZE, SIZE) + content)
    return as_gray(ramp("u2", 65535) / 257)


def floats(path):
    """Save floating-point numbers in [0, 1], as scientific programs do."""
    Image.fromarray(ramp("f4", 1)).save(path.with_suffix(".tif"))
    return as_gray(ramp("f4", 1) * 255)


def first_of_film(path):
    """Save two frames, of which the first counts."""
    frames = [Image.fromarray(FACE[..., 0] // 64 * 64), Image.new("L", (2 * SIZE, SIZE), 9)]
    frames[0].save(path.with_suffix(".gif"), save_all=True, append_images=frames[1:])
    return as_gray(FACE[..., 0] // 64 * 64)


def tiff(path, values, photometric):
    """Write a TIFF that Pillow does not write: one strip, byte order and sign as in `values`."""
    order = ">" if values.dtype.str[0] == ">" else "<"
    height, width, *rest = values.shape
    channels, content = (rest or [1])[0], values.tobytes()
    bits = struct.pack(f"{order}{channels}H", *[8 * values.dtype.itemsize] * channels)
    entries = [
        *((256, 4, 1, width), (257, 4, 1, height), (258, 3, channels, 8 + len(content))),
        *((259, 3, 1, 1), (262, 3, 1, photometric), (273, 4, 1, 8), (277, 3, 1, channels)),
        *((278, 4, 1, height), (279, 4, 1, len(content))),
        *([(339, 3, 1, 2)] if values.dtype.kind == "i" else []),
    ]
    directory = struct.pack(f"{order}H", len(entries))
    if channels == 1:  # one number fits in the entry itself
        entries[2] = (258, 3, 1, 8 * values.dtype.itemsize)
    for tag, kind, count, value in entries:
        packed = struct.pack(f"{order}HH", value, 0) if kind == 3 and count == 1 else None
        directory += struct.pack(f"{order}HHI", tag, kind, count)
        directory += packed or struct.pack(f"{order}I", value)
    start = {">": b"MM\0*", "<": b"II*\0"}[order]
    start += struct.pack(f"{order}I", 8 + len(content) + len(bits))
    path.with_suffix(".tif").write_bytes(start + content + bits + directory + bytes(4))


def png(path, values, color, clear=b""):
    """Write a PNG of 16 bits a value, which Pillow does not write in color."""

    def chunk(name, content):
        checksum = struct.pack(">I", zlib.crc32(name + content))
        return struct.pack(">I", len(content)) + name + content + checksum

    height, width = values.shape[:2]
    rows = b"".join(b"\0" + row.astype(">u2").tobytes() for row in values)
    path.write_bytes(
        b"\x89PNG\r\n\x1a\n"
        + chunk(b"IHDR", struct.pack(">IIBBBBB", width, height, 16, color, 0, 0, 0))
        + (chunk(b"tRNS", clear) if clear else b"")
        + chunk(b"IDAT", zlib.compress(rows))
        + chunk(b"IEND", b"")
    )


def big_endian(path):
    """Save 16-bit gray as a Macintosh did."""
    tiff(path, ramp(">u2", 65535), 1)
    return as_gray(ramp("u2", 65535) / 257)


def white_is_zero(path):
    """Save 16-bit gray as a fax or an X-ray does."""
    tiff(path, ramp("<u2", 65535), 0)
    return as_gray((65535 - ramp("u2", 65535).astype(float)) / 257)


def color_of_sixteen_bits(path, order):
    tiff(path, FACE.astype(f"{order}u2") * np.array(257, f"{order}u2"), 2)
    return FACE


def deep_png(path):
    png(path, FACE.astype("u2") * 257, 2)
    return FACE


def deep_gray_with_a_clear_value(path):
    """Save 16-bit gray, of which one value is transparent."""
    values = FACE[..., 0].astype("u2") * 257
    png(path, values, 0, values[0, :1].astype(">u2").tobytes())
    gray = np.where(values == values[0, 0], 255, FACE[..., 0])
    return as_gray(gray)


def palette(path, suffix, **clear):
    """Save colors of a palette, of which the first one is transparent."""
    colors = Image.fromarray(FACE).quantize(8)
    colors.save(path.with_suffix(suffix), **clear)
    flat = np.asarray(colors.convert("RGB")).copy()
    flat[np.asarray(colors) == 0] = 255
    return flat


def inks(path):
    """Save four inks, as printers want them."""
    Image.fromarray(FACE).convert("CMYK").save(path.with_suffix(".tif"))
    return FACE


def gray_palette_with_alpha(path):
    colors = Image.fromarray(FACE).convert("PA")
    colors.save(path.with_suffix(".tif"))
    return np.asarray(colors.convert("RGB"))


def turned_tiff(path):
    return turned(path.with_suffix(".tif"))


def turned_deep(path):
    """Save 16-bit gray as a camera does that was held upright."""
    exif = Image.Exif()
    exif[0x0112] = 8
    stored = np.ascontiguousarray(np.rot90(ramp("u2", 65535), -1))
    Image.fromarray(stored).save(path.with_suffix(".tif"), exif=exif.tobytes())
    return as_gray(ramp("u2", 65535) / 257)


KINDS = {
    "turned": turned,
    "turned upside down": lambda path: turned(path, 3),
    "mirrored": lambda path: turned(path, 2),
    "turned left": lambda path: turned(path, 8),
    "transparent": half_clear,
    "gray, transparent": gray_of_alpha,
    "16 bits": sixteen_bits,
    "16 bits in a PGM": sixteen_bits_in_pgm,
    "floating point": floats,
    "animation": first_of_film,
    "16 bits, big-endian": big_endian,
    "16 bits, white is zero": white_is_zero,
    "16-bit color": lambda path: color_of_sixteen_bits(path, "<"),
    "16-bit color, big-endian": lambda path: color_of_sixteen_bits(path, ">"),
    "16-bit color in a PNG": deep_png,
    "16 bits, one value clear": deep_gray_with_a_clear_value,
    "palette, transparent": lambda path: palette(path, ".png", transparency=0),
    "palette, alpha": lambda path: palette(path, ".png", transparency=b"\0" + b"\xff" * 7),
    "palette in a GIF": lambda path: palette(path, ".gif", transparency=0),
    "palette and alpha": gray_palette_with_alpha,
    "CMYK": inks,
    "turned TIFF": turned_tiff,
    "turned 16 bits": turned_deep,
}


@pytest.fixture(scope="module")
def identity(tmp_path_factory):
    """Return the file of a translator that gives back what it gets."""
    path = tmp_path_factory.mktemp("networks") / "identity.keras"
    shown = keras.Input((SIZE, 2 * SIZE, 3))
    keras.Model(shown, keras.layers.Rescaling(1.0)(shown)).save(path)
    return path


def seen_by_pairs(folder):
    (pair,) = pairs.load_pairs(folder, SIZE)
    return np.concatenate(pair, axis=1)


def seen_by_translate(folder, generator):
    target = folder.parent / f"{folder.name}-translated"
    assert cli.main(["translate", str(generator), str(folder), str(target)]) == 0
    (file,) = target.iterdir()
    with Image.open(file) as opened:
        return np.asarray(opened)


def seen_by_score(folder, other):
    """Return the distance of two folders as the command finds it."""
    for number, file in enumerate((*folder.iterdir(), *other.iterdir())):  # a score needs two each
        (file.parent / f"again-{number}{file.suffix}").write_bytes(file.read_bytes())
    report = folder.parent / "report.json"
    arguments = ["score", str(folder), str(other), "--metric", "fid", "--output", str(report)]
    assert cli.main([*arguments, "--extractor", "lenet-mnist", "--resize"]) == 0
    return json.loads(report.read_text())["scores"]["fid"]["value"]


@pytest.mark.parametrize("kind", KINDS)
def test_all_entries_read_the_same(kind, tmp_path, identity, capsys):
    (tmp_path / "as it came").mkdir()
    (tmp_path / "plain").mkdir()
    expected = KINDS[kind](tmp_path / "as it came" / "a.png")
    Image.fromarray(expected).save(tmp_path / "plain" / "a.png")
    (file,) = (tmp_path / "as it came").iterdir()
    np.testing.assert_array_equal(images.read_image(file), expected)
    assert images.image_size(file) == expected.shape[:2]
    gray = Image.fromarray(expected).convert("L")
    np.testing.assert_array_equal(images.read_image(file, channels=1)[..., 0], np.asarray(gray))
    np.testing.assert_array_equal(seen_by_pairs(file.parent), expected)
    np.testing.assert_array_equal(seen_by_translate(file.parent, identity), expected)
    assert seen_by_score(file.parent, tmp_path / "plain") == pytest.approx(0, abs=1e-6)
    capsys.readouterr()


@pytest.mark.parametrize("bits", [10, 12, 14])
def test_fewer_bits_than_the_file_has_room_for_are_named(bits, tmp_path):
    Image.fromarray(ramp("u2", 2**bits - 1)).save(tmp_path / "scan.png")
    with pytest.warns(UserWarning, match=rf"scan\.png.*{2**bits - 1:,}.*0 to 65,535"):
        image = images.read_image(tmp_path / "scan.png")
    assert image.max() == round((2**bits - 1) / 257)


def test_fewer_bits_in_color_are_named_too(tmp_path):
    png(tmp_path / "scan.png", FACE.astype("u2") * 16, 2)
    with pytest.warns(UserWarning, match=r"scan\.png.*4,095.*0 to 65,535"):
        assert images.read_image(tmp_path / "scan.png").max() == 15


@pytest.mark.parametrize(("content", "value"), [(b"15\n" + b"\x0f", 255), (b"4095\n\x08\0", 128)])
def test_the_header_of_a_pgm_says_what_is_white(content, value, tmp_path):
    (tmp_path / "a.pgm").write_bytes(b"P5\n1 1\n" + content)
    assert images.read_image(tmp_path / "a.pgm").tolist() == [[[value] * 3]]


@pytest.mark.parametrize("kind", ["gif", "png", "webp", "tif"])
def test_of_an_animation_the_first_frame_counts_and_that_is_said(kind, tmp_path):
    frames = [Image.new("RGB", (4, 4), color) for color in ("red", "blue", "lime")]
    frames[0].save(tmp_path / f"a.{kind}", save_all=True, append_images=frames[1:])
    with pytest.warns(images.ImageWarning, match=rf"a\.{kind}: has 3 frames.*the first is read"):
        red, green, blue = images.read_image(tmp_path / f"a.{kind}")[0, 0]
    assert red > 250
    assert max(green, blue) < 5


def test_many_files_of_a_kind_give_one_warning(tmp_path):
    for name in ("a", "b", "c"):
        first_of_film(tmp_path / f"{name}.gif")
    with warnings.catch_warnings(record=True) as found:
        warnings.simplefilter("always")
        with images.grouped_warnings():
            for path in images.list_images(tmp_path):
                images.read_image(path)
            warnings.warn("something else", stacklevel=1)
    said = [str(one.message) for one in found]
    assert len(said) == 2
    assert said[0] == "something else"
    assert "a.gif" in said[1]
    assert said[1].endswith("the first is read (and 2 more files like it)")


def test_streams_of_pairs_say_each_kind_of_trouble_once(tmp_path):
    for name in ("a", "b", "c"):
        first_of_film(tmp_path / f"{name}.gif")
        Image.fromarray(ramp("u2", 4095)).save(tmp_path / f"{name}.png")
    with warnings.catch_warnings(record=True) as found:
        warnings.simplefilter("always")
        drawn = pairs.load_pairs(tmp_path, SIZE)
        for part in (drawn, drawn.swapped(), drawn[:4]):
            assert len(list(part.batches(2).dataset().take(6))) == 6
    film, dark = sorted((str(one.message) for one in found), key=lambda line: ".png" in line)
    assert film.endswith("2 frames or pages, of which the first is read (and 2 more files like it)")
    assert "above 4,095" in dark
    assert dark.endswith("(others like it are not named)")
    for read in (drawn.arrays, lambda: pairs.prepare(drawn, tmp_path / "a.npz")):
        with warnings.catch_warnings(record=True) as found:
            warnings.simplefilter("always")
            read()
        assert len(found) == 2
        assert all(str(one.message).endswith("(and 2 more files like it)") for one in found)


def test_translate_says_what_it_did_not_read(tmp_path, identity, capsys):
    (tmp_path / "in").mkdir()
    first_of_film(tmp_path / "in" / "a.gif")
    (tmp_path / "in" / "b.heic").write_bytes(b"something")
    assert cli.main(["translate", str(identity), str(tmp_path / "in"), str(tmp_path / "out")]) == 0
    said = capsys.readouterr().err
    assert "1 file left out: .heic 1. .heic is not read: convert them" in said
    assert "a.gif: has 2 frames" in said
    assert "warn(" not in said


def test_a_tiff_that_pillow_does_not_know_is_called_one(tmp_path):
    tiff(tmp_path / "a.tif", FACE.astype("<f8"), 2)
    with pytest.raises(
        images.BrokenImageError, match=r"a\.tif is a TIFF of a kind .* 8 or 16 bits"
    ):
        images.read_image(tmp_path / "a.tif")


@pytest.mark.parametrize("dtype", ["<i2", ">i2", "<i1"])
@pytest.mark.parametrize("read", [images.read_image, images.image_size])
def test_signed_numbers_are_refused(dtype, read, tmp_path):
    tiff(tmp_path / "scan.tif", ramp(dtype, 127), 1)
    with pytest.raises(
        images.BrokenImageError, match=r"scan\.tif has signed pixels.*unsigned ones: 0 is black"
    ):
        read(tmp_path / "scan.tif")


def test_the_whole_range_warns_of_nothing(tmp_path):
    sixteen_bits(tmp_path / "scan.png")
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        images.read_image(tmp_path / "scan.png")


@pytest.mark.parametrize(("low", "high"), [(0, 255), (-1, 1), (0, np.nan)])
def test_floats_without_a_known_range_are_an_error(low, high, tmp_path):
    Image.fromarray(np.float32([[low, high]])).save(tmp_path / "a.tif")
    with pytest.raises(images.BrokenImageError, match=r"a\.tif.*floating-point.*\[0, 1\]"):
        images.read_image(tmp_path / "a.tif")


READERS = {
    "read": images.read_image,
    "size": images.image_size,
    "pairs": lambda path: pairs.load_pairs(path.parent, SIZE),
    "score": lambda path: next(sources.open_source(str(path.parent), Wish()).batches(2)),
}


@pytest.mark.parametrize("reader", READERS)
def test_an_image_beyond_the_limit_names_the_limit_and_how_to_raise_it(reader, tmp_path):
    for name in ("huge.png", "huge_too.png"):
        Image.new("1", (14000, 14000)).save(tmp_path / name)
    with pytest.raises(ValueError, match=r"huge.*\.png has 196,000,000.*178,956,970") as caught:
        READERS[reader](tmp_path / "huge.png")
    message = str(caught.value)
    assert "MAX_IMAGE_PIXELS = 196000000" in message
    assert "GAN_MAX_PIXELS=196000000" in message
    assert "damaged" not in message
    assert "Make it again" not in message


def test_the_limit_can_be_raised(tmp_path, monkeypatch):
    monkeypatch.setattr(Image, "MAX_IMAGE_PIXELS", 100)
    save(tmp_path / "a.png")
    with pytest.raises(images.BrokenImageError, match="GAN_MAX_PIXELS"):
        images.read_image(tmp_path / "a.png")
    monkeypatch.setenv("GAN_MAX_PIXELS", str(SIZE * 2 * SIZE))
    assert images.read_image(tmp_path / "a.png").shape == FACE.shape
    monkeypatch.setenv("GAN_MAX_PIXELS", "many")
    with pytest.raises(ValueError, match="GAN_MAX_PIXELS is 'many'"):
        images.read_image(tmp_path / "a.png")


HEIC = b"\0\0\0\x18ftypheic" + bytes(100)


@pytest.mark.parametrize(
    ("name", "content", "kind"),
    [
        ("a.heic", HEIC, "HEIC"),
        ("camera.jpg", HEIC, "HEIC"),
        ("a.HEIF", b"something", "HEIF"),
        ("scan.psd", b"8BPS", "PSD"),
    ],
)
@pytest.mark.parametrize("reader", [images.read_image, images.image_size])
def test_a_kind_that_is_not_read_is_named(name, content, kind, reader, tmp_path):
    (tmp_path / name).write_bytes(content)
    with pytest.raises(images.BrokenImageError, match=f"{name} is .* {kind}, .*not read. Convert"):
        reader(tmp_path / name)


# ---- folders -----------------------------------------------------------------------------------


def save(path, kind=None):
    path.parent.mkdir(parents=True, exist_ok=True)
    Image.fromarray(FACE).save(path, kind)
    return path


def test_every_kind_that_pillow_reads_is_listed(tmp_path):
    names = ["a.bmp", "b.gif", "c.jfif", "d.jpe", "e.tif", "f.TIFF", "g.ppm", "h.webp", "i.jpeg"]
    for name in names:
        save(tmp_path / name, {"jfif": "JPEG", "jpe": "JPEG"}.get(name[2:]))
    assert [path.name for path in images.list_images(tmp_path)] == names
    assert len(pairs.load_pairs(tmp_path, SIZE)) == len(names)


def test_kinds_that_are_not_read_are_counted(tmp_path):
    save(tmp_path / "a.png")
    for name in ("b.heic", "c.HEIC", "d.svg", "e.txt"):
        (tmp_path / name).write_bytes(b"something")
    (tmp_path / "README").write_bytes(b"something")
    message = r"5 files left out: \.heic 2, \.svg 1, \.txt 1, without an ending 1"
    with pytest.warns(UserWarning, match=rf"{message}\. \.heic, \.svg are not read: convert them"):
        assert len(images.list_images(tmp_path)) == 1
    with pytest.warns(UserWarning, match=message):
        pairs.load_pairs(tmp_path, SIZE)


def test_linked_folders_are_followed_once(tmp_path):
    save(tmp_path / "elsewhere" / "b.png")
    save(tmp_path / "set" / "a.png")
    (tmp_path / "set" / "linked").symlink_to(tmp_path / "elsewhere")
    (tmp_path / "elsewhere" / "back").symlink_to(tmp_path / "set")
    found = images.list_images(tmp_path / "set")
    assert [path.relative_to(tmp_path / "set").as_posix() for path in found] == [
        "a.png",
        "linked/b.png",
    ]


def test_a_link_to_nothing_is_an_error(tmp_path):
    save(tmp_path / "a.png")
    (tmp_path / "b.png").symlink_to(tmp_path / "gone.png")
    with pytest.raises(ValueError, match=r"b\.png is a link to .*gone\.png, which does not exist"):
        images.list_images(tmp_path)
    with pytest.raises(ValueError, match=r"b\.png is a link to .*gone\.png, which does not exist"):
        pairs.load_pairs(tmp_path, SIZE)


def test_a_pillow_without_avif_leaves_such_files_out(tmp_path, monkeypatch):
    save(tmp_path / "a.png")
    (tmp_path / "b.avif").write_bytes(b"something")
    monkeypatch.delitem(Image.OPEN, "AVIF", raising=False)
    with pytest.warns(UserWarning, match=r"\.avif 1\. \.avif is not read: convert"):
        assert [path.name for path in images.list_images(tmp_path)] == ["a.png"]


@pytest.mark.skipif(not hasattr(os, "geteuid") or os.geteuid() == 0, reason="root reads all")
def test_a_file_that_may_not_be_read_says_so(tmp_path):
    save(tmp_path / "a.png").chmod(0)
    with pytest.raises(PermissionError):
        images.read_image(tmp_path / "a.png")
