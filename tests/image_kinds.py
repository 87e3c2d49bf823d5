"""Kinds of image files: their contents, the pixels to be read, and a table of both.

`python tests/image_kinds.py` writes the table into the book. `test_image_reader.py` makes each file
and reads it with each function and command, so that a row of the table is a test.
"""

import re
import struct
import zlib
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from PIL import Image

PAGE = Path(__file__).resolve().parents[1] / "book" / "own-images.md"
_BEGIN, _END = "<!-- formats: written by tests/image_kinds.py -->\n", "<!-- end of formats -->\n"
ENTRIES = (
    *("read_image", "load_pairs", "load_pairs, two folders", "load_folder"),
    *("gan-utils pairs check", "gan-utils score", "gan-utils translate"),
)
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


def lossy(path, suffix, mode="RGB", **options):
    """Save `FACE` with losses; return what is left of it, which the decoder alone decides."""
    image = Image.fromarray(FACE).convert(mode)
    image.save(path.with_suffix(suffix), **options)
    with Image.open(path.with_suffix(suffix)) as opened:
        return np.asarray(opened.convert("RGB"))


def exact(path, suffix, mode="RGB", **options):
    """Save `FACE` without losses."""
    image = Image.fromarray(FACE).convert(mode)
    image.save(path.with_suffix(suffix), **options)
    return np.asarray(image.convert("RGB"))


def film(path, suffix, **options):
    """Save two frames or pages, of which the first counts."""
    frames = [Image.fromarray(FACE), Image.new("RGB", (2 * SIZE, SIZE), "red")]
    frames[0].save(path.with_suffix(suffix), save_all=True, append_images=frames[1:], **options)
    return FACE


def turned_photo(path):
    """Save a JPEG as a phone does that was held upright."""
    exif = Image.Exif()
    exif[0x0112] = 6
    stored = Image.fromarray(np.rot90(FACE))
    stored.save(path.with_suffix(".jpg"), exif=exif.tobytes())
    with Image.open(path.with_suffix(".jpg")) as opened:
        return np.rot90(np.asarray(opened), -1)


def deep_with_alpha(path):
    """Save 16-bit color and transparency."""
    values = np.dstack([FACE, np.full(FACE.shape[:2], 255, np.uint8)])
    values[4:9, 30:50, 3] = 0
    png(path, values.astype("u2") * 257, 6)
    return np.where(values[..., 3:] == 0, 255, FACE).astype(np.uint8)


def signed(path):
    tiff(path, ramp("<i2", 127), 1)
    return "has signed pixels of 16 bits"


def wide_floats(path):
    Image.fromarray(ramp("f4", 255)).save(path.with_suffix(".tif"))
    return "has floating-point pixels from 0 to 255"


def doubles(path):
    tiff(path, FACE.astype("<f8"), 2)
    return "is a TIFF of a kind that is not read"


def heic(path):
    path.with_suffix(".jpg").write_bytes(b"\0\0\0\x18ftypheic" + bytes(100))
    return "is a file of the kind HEIC"


def cut_off(path):
    exact(path, ".png")
    path.write_bytes(path.read_bytes()[:-600])
    return "is damaged"


def nothing(path):
    path.write_bytes(b"")
    return "is empty"


@dataclass(frozen=True)
class Kind:
    """A row of the table.

    Attributes:
        write: Write such a file; return the pixels to be read, or what an error says about it.
        read: What is read, in words.
    """

    write: Callable
    read: str


_PLAIN, _WHITE, _FIRST = "as it is", "transparent parts become white", "the first, with a warning"
_GRAY, _DEEP, _TURNED = "gray becomes RGB", "0 to 65,535 become 0 to 255", "turned upright"
KINDS = {
    "JPEG": Kind(lambda path: lossy(path, ".jpg"), _PLAIN),
    "JPEG, gray": Kind(lambda path: lossy(path, ".jpg", "L"), _GRAY),
    "JPEG, progressive": Kind(lambda path: lossy(path, ".jpeg", progressive=True), _PLAIN),
    "JPEG, CMYK": Kind(lambda path: lossy(path, ".jpg", "CMYK"), "as RGB"),
    "JPEG, turned by EXIF": Kind(turned_photo, _TURNED),
    "PNG": Kind(lambda path: exact(path, ".png"), _PLAIN),
    "PNG, gray": Kind(lambda path: exact(path, ".png", "L"), _GRAY),
    "PNG, 1 bit": Kind(lambda path: exact(path, ".png", "1"), "black and white"),
    "PNG, palette": Kind(lambda path: exact(path, ".png", "P"), "as RGB"),
    "PNG, palette, one color clear": Kind(
        lambda path: palette(path, ".png", transparency=0), _WHITE
    ),
    "PNG, palette with alpha": Kind(
        lambda path: palette(path, ".png", transparency=b"\0" + b"\xff" * 7), _WHITE
    ),
    "PNG, gray with alpha": Kind(gray_of_alpha, _WHITE),
    "PNG, RGBA": Kind(half_clear, _WHITE),
    "PNG, 16-bit gray": Kind(sixteen_bits, _DEEP),
    "PNG, 16-bit gray, one value clear": Kind(deep_gray_with_a_clear_value, f"{_DEEP}; {_WHITE}"),
    "PNG, 16-bit color": Kind(deep_png, _DEEP),
    "PNG, 16-bit color with alpha": Kind(deep_with_alpha, f"{_DEEP}; {_WHITE}"),
    "PNG, turned right by EXIF": Kind(turned, _TURNED),
    "PNG, turned left by EXIF": Kind(lambda path: turned(path, 8), _TURNED),
    "PNG, upside down by EXIF": Kind(lambda path: turned(path, 3), _TURNED),
    "PNG, mirrored by EXIF": Kind(lambda path: turned(path, 2), _TURNED),
    "PNG, animated": Kind(lambda path: film(path, ".png"), _FIRST),
    "WebP": Kind(lambda path: lossy(path, ".webp"), _PLAIN),
    "WebP, animated": Kind(lambda path: film(path, ".webp", lossless=True), _FIRST),
    "AVIF": Kind(lambda path: lossy(path, ".avif"), _PLAIN),
    "GIF": Kind(lambda path: exact(path, ".gif", "P"), "as RGB"),
    "GIF, one color clear": Kind(lambda path: palette(path, ".gif", transparency=0), _WHITE),
    "GIF, animated": Kind(first_of_film, _FIRST),
    "BMP": Kind(lambda path: exact(path, ".bmp"), _PLAIN),
    "BMP, 1 bit": Kind(lambda path: exact(path, ".bmp", "1"), "black and white"),
    "PPM": Kind(lambda path: exact(path, ".ppm"), _PLAIN),
    "PGM, 16 bits": Kind(sixteen_bits_in_pgm, "0 to the header's maximum become 0 to 255"),
    "TIFF": Kind(lambda path: exact(path, ".tif"), _PLAIN),
    "TIFF, LZW": Kind(lambda path: exact(path, ".tiff", compression="tiff_lzw"), _PLAIN),
    "TIFF, JPEG inside": Kind(lambda path: lossy(path, ".tif", compression="jpeg"), _PLAIN),
    "TIFF, 1 bit (fax)": Kind(
        lambda path: exact(path, ".tif", "1", compression="group4"), "black and white"
    ),
    "TIFF, CMYK": Kind(inks, "as RGB"),
    "TIFF, palette with alpha": Kind(gray_palette_with_alpha, _WHITE),
    "TIFF, 16-bit gray, big-endian": Kind(big_endian, _DEEP),
    "TIFF, 16-bit gray, white is zero": Kind(white_is_zero, f"{_DEEP}, inverted"),
    "TIFF, 16-bit gray, turned by EXIF": Kind(turned_deep, f"{_DEEP}, {_TURNED}"),
    "TIFF, 16-bit color": Kind(lambda path: color_of_sixteen_bits(path, "<"), _DEEP),
    "TIFF, 16-bit color, big-endian": Kind(lambda path: color_of_sixteen_bits(path, ">"), _DEEP),
    "TIFF, float, 0 to 1": Kind(floats, "0 to 1 become 0 to 255"),
    "TIFF, turned by EXIF": Kind(turned_tiff, _TURNED),
    "TIFF, several pages": Kind(lambda path: film(path, ".tif"), _FIRST),
    "TIFF, float, 0 to 255": Kind(wide_floats, "an error: only 0 to 1 has a known meaning"),
    "TIFF, signed numbers": Kind(signed, "an error: nothing says which number is black"),
    "TIFF, 64-bit float color": Kind(doubles, "an error: save it with 8 or 16 bits"),
    "HEIC, whatever its name": Kind(heic, "an error: convert it"),
    "any, cut off": Kind(cut_off, "an error: it is damaged"),
    "any, empty": Kind(nothing, "an error: it is empty"),
}


def table():
    """Return the table as Markdown: a row for each kind, a column for each entry."""
    heads = ["file", "what is read", *(f"`{entry}`" for entry in ENTRIES)]
    rows = [heads, ["---"] * 2 + [":---:"] * len(ENTRIES)]
    for title, kind in KINDS.items():
        cell = "error" if kind.read.startswith("an error") else "✓"
        rows.append([title, kind.read, *[cell] * len(ENTRIES)])
    return "".join(f"| {' | '.join(row)} |\n" for row in rows)


def written(page):
    """Return the text of the page with the table as it is now."""
    return re.sub(f"(?s)(?<={_BEGIN}).*(?={_END})", lambda _: f"\n{table()}\n", page)


if __name__ == "__main__":
    PAGE.write_text(written(PAGE.read_text(encoding="utf-8")), encoding="utf-8")
