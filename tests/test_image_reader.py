"""All functions and commands read an image file by the same rules, whatever its kind."""

import contextlib
import io
import json
import os
import shutil
import warnings

import image_kinds
import keras
import numpy as np
import pytest
from image_kinds import FACE, KINDS, SIZE, first_of_film, png, ramp, sixteen_bits, tiff
from PIL import Image

import gan_utils
from gan_utils import cli, image_folders, images, pairs
from gan_utils.metrics import sources
from gan_utils.metrics.sources import Wish


@pytest.fixture(scope="module")
def identity(tmp_path_factory):
    """Return the file of a translator that gives back what it gets."""
    path = tmp_path_factory.mktemp("networks") / "identity.keras"
    shown = keras.Input((SIZE, 2 * SIZE, 3))
    keras.Model(shown, keras.layers.Rescaling(1.0)(shown)).save(path)
    return path


def run(*words):
    """Run a command; return what it says. Its complaint becomes an error."""
    errors, said = io.StringIO(), io.StringIO()
    with contextlib.redirect_stderr(errors), contextlib.redirect_stdout(said):
        status = cli.main(list(map(str, words)))
    if status:
        raise ValueError(errors.getvalue() or said.getvalue())
    return said.getvalue()


def check_reading(file, expected, _):
    np.testing.assert_array_equal(images.read_image(file), expected)
    assert images.image_size(file) == expected.shape[:2]
    gray = np.asarray(Image.fromarray(expected).convert("L"))
    np.testing.assert_array_equal(images.read_image(file, channels=1)[..., 0], gray)


def check_pairs(file, expected, _):
    (pair,) = pairs.load_pairs(file.parent, SIZE)
    np.testing.assert_array_equal(np.concatenate(pair, axis=1), expected)


def check_two_folders(file, expected, _):
    found = pairs.load_pairs(file.parent, file.parent.parent / "same", (SIZE, 2 * SIZE))
    np.testing.assert_array_equal(found[0], [expected, expected])


def check_report(file, expected, _):
    report = run("pairs", "check", file.parent)
    height, width = expected.shape[:2]
    assert f"{width} x {height}" in report


def check_folder(file, expected, _):
    found = gan_utils.load_folder(file.parent, (SIZE, 2 * SIZE))
    np.testing.assert_array_equal(found.images, expected[None])


def check_translation(file, expected, generator):
    target = file.parent.parent / "translated"
    run("translate", generator, file.parent, target)
    (written,) = target.iterdir()
    with Image.open(written) as opened:
        np.testing.assert_array_equal(opened, expected)


def check_score(file, expected, _):
    """Check that the distance from the same image in a plain file is zero."""
    plain, report = file.parent.parent / "plain", file.parent.parent / "report.json"
    plain.mkdir()
    if expected is not None:
        Image.fromarray(expected).save(plain / "a.png")
        Image.fromarray(expected).save(plain / "b.png")
    file.with_name(f"again{file.suffix}").write_bytes(file.read_bytes())  # a score needs two
    options = ("--metric", "fid", "--extractor", "lenet-mnist", "--resize", "--output", report)
    run("score", file.parent, plain if expected is not None else file.parent, *options)
    distance = json.loads(report.read_text())["scores"]["fid"]["value"]
    assert distance == pytest.approx(0, abs=1e-6)


CHECKS = {
    "read_image": check_reading,
    "load_pairs": check_pairs,
    "load_pairs, two folders": check_two_folders,
    "load_folder": check_folder,
    "gan-utils pairs check": check_report,
    "gan-utils score": check_score,
    "gan-utils translate": check_translation,
}


@pytest.mark.parametrize("entry", CHECKS)
@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.filterwarnings("ignore:.*of which the first is read")
def test_all_entries_read_the_same(kind, entry, tmp_path, identity, monkeypatch):
    monkeypatch.setenv("KERAS_HOME", str(tmp_path / "keras"))
    place = tmp_path / "as it came"
    place.mkdir()
    expected = KINDS[kind].write(place / "a.png")
    (file,) = place.iterdir()
    shutil.copytree(place, tmp_path / "same")
    if not isinstance(expected, str):
        CHECKS[entry](file, expected, identity)
        return
    with pytest.raises(ValueError, match=rf"(a|again)\{file.suffix} {expected}") as caught:
        CHECKS[entry](file, None, identity)
    if entry != "gan-utils pairs check":  # a report, whose last line it is
        assert len(str(caught.value).strip().splitlines()) == 1


def test_the_table_of_formats_is_current():
    assert list(CHECKS) == list(image_kinds.ENTRIES)
    page = image_kinds.PAGE.read_text(encoding="utf-8")
    assert image_kinds.written(page) == page, "run: python tests/image_kinds.py"


@pytest.mark.parametrize(
    "save",
    ["sixteen_bits", "sixteen_bits_in_pgm", "big_endian", "white_is_zero", "turned_deep", "floats"],
)
def test_gray_keeps_its_bits_where_it_is_asked_to(save, tmp_path):
    getattr(image_kinds, save)(tmp_path / "a.png")
    (file,) = tmp_path.iterdir()
    image = images.read_image(file, channels=1, keep_bits=True)
    expected = 65535 - ramp("u2", 65535) if save == "white_is_zero" else ramp("f8", 65535)
    assert image.dtype == np.uint16
    assert np.abs(image[..., 0] - expected).max() <= 1
    assert images.read_image(file, keep_bits=True).dtype == np.uint8


def test_what_has_eight_bits_stays_so_where_bits_are_kept(tmp_path):
    sixteen_bits_of_color, transparent = tmp_path / "color.png", tmp_path / "clear.png"
    image_kinds.deep_png(sixteen_bits_of_color)
    image_kinds.half_clear(transparent)
    for file in (sixteen_bits_of_color, transparent):
        kept = images.read_image(file, channels=1, keep_bits=True)
        np.testing.assert_array_equal(kept, images.read_image(file, channels=1))
        assert kept.dtype == np.uint8


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
            for path in image_folders.list_images(tmp_path):
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
    assert [path.name for path in image_folders.list_images(tmp_path)] == names
    assert len(pairs.load_pairs(tmp_path, SIZE)) == len(names)


def test_kinds_that_are_not_read_are_counted(tmp_path):
    save(tmp_path / "a.png")
    for name in ("b.heic", "c.HEIC", "d.svg", "e.txt"):
        (tmp_path / name).write_bytes(b"something")
    (tmp_path / "README").write_bytes(b"something")
    message = r"5 files left out: \.heic 2, \.svg 1, \.txt 1, without an ending 1"
    with pytest.warns(UserWarning, match=rf"{message}\. \.heic, \.svg are not read: convert them"):
        assert len(image_folders.list_images(tmp_path)) == 1
    with pytest.warns(UserWarning, match=message):
        pairs.load_pairs(tmp_path, SIZE)


def test_linked_folders_are_followed_once(tmp_path):
    save(tmp_path / "elsewhere" / "b.png")
    save(tmp_path / "set" / "a.png")
    (tmp_path / "set" / "linked").symlink_to(tmp_path / "elsewhere")
    (tmp_path / "elsewhere" / "back").symlink_to(tmp_path / "set")
    found = image_folders.list_images(tmp_path / "set")
    assert [path.relative_to(tmp_path / "set").as_posix() for path in found] == [
        "a.png",
        "linked/b.png",
    ]


def test_a_link_to_nothing_is_an_error(tmp_path):
    save(tmp_path / "a.png")
    (tmp_path / "b.png").symlink_to(tmp_path / "gone.png")
    with pytest.raises(ValueError, match=r"b\.png is a link to .*gone\.png, which does not exist"):
        image_folders.list_images(tmp_path)
    with pytest.raises(ValueError, match=r"b\.png is a link to .*gone\.png, which does not exist"):
        pairs.load_pairs(tmp_path, SIZE)


def test_a_pillow_without_avif_leaves_such_files_out(tmp_path, monkeypatch):
    save(tmp_path / "a.png")
    (tmp_path / "b.avif").write_bytes(b"something")
    monkeypatch.delitem(Image.OPEN, "AVIF", raising=False)
    with pytest.warns(UserWarning, match=r"\.avif 1\. \.avif is not read: convert"):
        assert [path.name for path in image_folders.list_images(tmp_path)] == ["a.png"]


@pytest.mark.skipif(not hasattr(os, "geteuid") or os.geteuid() == 0, reason="root reads all")
def test_a_file_that_may_not_be_read_says_so(tmp_path):
    save(tmp_path / "a.png").chmod(0)
    with pytest.raises(PermissionError):
        images.read_image(tmp_path / "a.png")
