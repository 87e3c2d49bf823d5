"""`gan-utils translate`: images of all kinds through small translators, and errors."""

import functools
import itertools
import os
import tracemalloc

import keras
import numpy as np
import pytest
from keras import layers
from PIL import Image

from gan_utils import cli, weights
from gan_utils.cli import translate as translating
from gan_utils.layers import AlwaysDropout

SIZE = 16


def save(path, *blocks, channels=3):
    keras.utils.set_random_seed(0)
    keras.Sequential([layers.Input((SIZE, SIZE, channels)), *blocks]).save(path)
    return str(path)


@pytest.fixture(scope="module")
def models(tmp_path_factory):
    folder = tmp_path_factory.mktemp("models")
    return {
        "negative": save(folder / "negative.keras", layers.Rescaling(-1.0)),
        "noisy": save(folder / "noisy.keras", AlwaysDropout(0.5)),
        "gray": save(folder / "gray.keras", layers.Rescaling(-1.0), channels=1),
        "half": save(folder / "half.keras", layers.AveragePooling2D(2)),
        "judge": save(folder / "judge.keras", layers.Flatten()),
        "float16": save(folder / "float16.keras", layers.Rescaling(-1.0, dtype="float16")),
    }


@pytest.fixture
def run(gan_utils_command):
    return functools.partial(gan_utils_command, "translate")


def picture(path, size=(SIZE, SIZE), mode="RGB", **options):
    rng = np.random.default_rng(1)
    pixels = rng.integers(0, 256, (size[1], size[0], 3), dtype=np.uint8)
    Image.fromarray(pixels).convert(mode).save(path, **options)
    return path


def read(path):
    with Image.open(path) as opened:
        return np.asarray(opened)


def test_a_picture_of_the_right_size_is_translated_and_nothing_else_is_said(run, models, tmp_path):
    given = picture(tmp_path / "in.png")
    said = run(models["negative"], given, tmp_path / "out.png")
    np.testing.assert_array_equal(read(tmp_path / "out.png"), 255 - read(given))
    assert said.err == ""
    assert said.out == f"1 image translated: {tmp_path / 'out.png'}\n"


def translator(draw, size=SIZE, drawn=None):
    """Return a translator of color images that calls a function."""
    size, drawn = (size, size), (drawn or size, drawn or size)
    return translating.Translator("a function", size, 3, drawn, draw, lambda seed: None)


SIZES = [(16, 16), (40, 24), (17, 33), (5, 90), (1, 1), (64, 64), (1, 40), (700, 1)]


@pytest.mark.parametrize("size", SIZES)
@pytest.mark.parametrize("fit", translating.FITS)
def test_a_translation_has_the_size_of_its_image(run, models, tmp_path, size, fit):
    given = picture(tmp_path / "in.png", size)
    said = run(models["negative"], given, tmp_path / "out.png", "--fit", fit)
    out = read(tmp_path / "out.png")
    assert out.shape == (size[1], size[0], 3)
    if fit == "tile" or size == (SIZE, SIZE):
        np.testing.assert_array_equal(out, 255 - read(given))
    assert said.err.count("\n") == (size != (SIZE, SIZE))
    assert size == (SIZE, SIZE) or f"the image was {size[0]} x {size[1]} pixels" in said.err


NOTES = {
    "resize": "40 x 24 pixels, resized to the generator's 16 x 16 pixels and back; --fit pad keeps",
    "pad": "40 x 24 pixels, padded to the generator's 16 x 16 pixels, larger ones shrunk",
    "tile": "40 x 24 pixels, translated in tiles of the generator's 16 x 16 pixels",
}


@pytest.mark.parametrize("fit", translating.FITS)
def test_what_is_done_about_another_size_is_said_in_a_line(run, models, tmp_path, fit):
    given = picture(tmp_path / "in.jpg", (40, 24))
    said = run(models["negative"], given, tmp_path / "out.webp", "--fit", fit)
    assert said.err.startswith(f"note: the image was {NOTES[fit]}")
    (tmp_path / "several").mkdir()
    for name in ("a.png", "b.png"):
        picture(tmp_path / "several" / name, (40, 24))
    said = run(models["negative"], tmp_path / "several", tmp_path / "out", "--fit", fit)
    assert said.err.startswith(f"note: 2 images were {NOTES[fit]}")


def test_padding_keeps_small_images_exactly_and_the_proportions_of_large_ones(
    run, models, tmp_path
):
    given = picture(tmp_path / "in.png", (13, 7))
    run(models["negative"], given, tmp_path / "out.png", "--fit", "pad")
    np.testing.assert_array_equal(read(tmp_path / "out.png"), 255 - read(given))
    seen = []
    watched = translator(lambda tile: seen.append(tile) or tile)
    disk = np.hypot(*(np.indices((64, 128)) - np.array([[[31.5]], [[63.5]]]))) < 28
    image = np.repeat(np.uint8(255 * disk)[..., None], 3, axis=-1)
    for fit, height in (("pad", 7), ("resize", 14)):
        translating.translate_image(watched, image, fit=fit)
        inside = seen.pop()[0, : 8 if fit == "pad" else SIZE, :, 0] > 0
        assert inside.any(axis=1).sum() == pytest.approx(height, abs=1)
        assert inside.any(axis=0).sum() == pytest.approx(7, abs=1)


def test_tiles_that_differ_fade_into_each_other():
    values = itertools.cycle([0.0, 1.0])
    image = np.zeros((200, 300, 3), np.uint8)
    network = translator(lambda tile: np.full_like(tile, next(values)), 64)
    drawn = translating.translate_image(network, image, fit="tile").astype(int)
    assert drawn.max() - drawn.min() > 100
    for axis in (0, 1):
        assert np.abs(np.diff(drawn, axis=axis)).max() <= 16, "a seam has 128"


def test_a_network_that_enlarges_does_so_in_tiles_too():
    network = translator(lambda tile: tile.repeat(2, 1).repeat(2, 2), SIZE, 2 * SIZE)
    image = np.random.default_rng(0).integers(0, 256, (23, 41, 3), dtype=np.uint8)
    twice = image.repeat(2, 0).repeat(2, 1)
    np.testing.assert_array_equal(translating.translate_image(network, image, fit="tile"), twice)
    assert translating.translate_image(network, image).shape == twice.shape
    with pytest.raises(ValueError, match="fit is 'crop'; choose one of resize, pad, tile"):
        translating.translate_image(network, image, fit="crop")


@pytest.mark.parametrize("fit", translating.FITS)
def test_memory_is_bounded_for_a_large_image(fit):
    image = np.random.default_rng(0).integers(0, 256, (3000, 4000, 3), dtype=np.uint8)
    tracemalloc.start()
    drawn = translating.translate_image(translator(lambda tile: tile, 256), image, fit=fit)
    _, peak = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert drawn.shape == image.shape
    assert peak < 6 * image.nbytes, "floats of the image and of its weights take 12 times as much"
    if fit == "tile":
        np.testing.assert_array_equal(drawn, image)


DEEP = np.arange(24 * 40, dtype=np.uint16).reshape(24, 40) * 68 + 13


@pytest.mark.parametrize("fit", translating.FITS)
def test_sixteen_bits_stay_sixteen_bits_where_the_file_can_hold_them(run, models, tmp_path, fit):
    Image.fromarray(DEEP).save(tmp_path / "in.tif")
    run(models["gray"], tmp_path / "in.tif", tmp_path / "out.png", "--fit", fit)
    out = read(tmp_path / "out.png")
    assert out.dtype == np.uint16
    assert out.shape == DEEP.shape
    assert np.unique(out).size > 256
    if fit == "tile":
        np.testing.assert_array_equal(out, 65535 - DEEP)
    assert np.abs(out.astype(int) - (65535 - DEEP.astype(int)))[2:-2, 2:-2].mean() < 1000
    run(models["gray"], tmp_path / "in.tif", tmp_path / "out.webp", "--fit", fit)
    assert read(tmp_path / "out.webp").dtype == np.uint8
    run(models["negative"], tmp_path / "in.tif", tmp_path / "rgb.png", "--fit", fit)
    assert read(tmp_path / "rgb.png").shape == (*DEEP.shape, 3)
    picture(tmp_path / "gray.png", (40, 24), "L")
    run(models["gray"], tmp_path / "gray.png", tmp_path / "out.png", "--fit", fit)
    assert read(tmp_path / "out.png").dtype == np.uint8
    assert read(tmp_path / "out.png").shape == (24, 40)


def test_tiles_need_sizes_that_meet(run, models, tmp_path):
    given = picture(tmp_path / "in.png", (40, 24))
    for fit in ("resize", "pad"):
        run(models["half"], given, tmp_path / "out.png", "--fit", fit)
        assert read(tmp_path / "out.png").shape == (12, 20, 3), "half the size, as it halves"
    (tmp_path / "several").mkdir()
    picture(tmp_path / "several" / "a.png")
    for source, target in (("in.png", "tiled.png"), ("several", "tiled")):
        error = run(models["half"], tmp_path / source, tmp_path / target, "--tile", status=1).err
        assert error.count("\n") == 1
        assert "half.keras turns 16 x 16 pixels into 8 x 8" in error
        assert "choose another --fit" in error
        assert not (tmp_path / target).exists()


def test_a_network_that_makes_no_images_is_refused(run, models, tmp_path):
    error = run(models["judge"], picture(tmp_path / "in.png"), tmp_path / "o.png", status=1).err
    assert "judge.keras turns an image into an array of shape (1, 768)" in error


def test_half_precision_is_translated_like_single(run, models, tmp_path):
    given = picture(tmp_path / "in.png")
    run(models["float16"], given, tmp_path / "out.png")
    np.testing.assert_array_equal(read(tmp_path / "out.png"), 255 - read(given))


def test_heic_is_named(run, models, tmp_path):
    (tmp_path / "photo.heic").write_bytes(b"\0\0\0\x18ftypheic" + bytes(99))
    error = run(models["gray"], tmp_path / "photo.heic", tmp_path / "o.png", status=1).err
    assert "photo.heic is a file of the kind HEIC, which is not read. Convert it" in error


def test_tiles_cover_every_pixel_and_end_with_the_picture():
    for length in range(1, 100):
        starts = translating._starts(length, 16)
        covered = np.zeros(max(length, 16), bool)
        for start in starts:
            covered[start : start + 16] = True
        assert covered.all()
        assert starts[-1] + 16 == max(length, 16)


def test_kinds_of_files(run, models, tmp_path):
    rotated = Image.new("RGB", (8, 16), "white")
    rotated.paste("black", (0, 0, 8, 8))
    exif = Image.Exif()
    exif[0x0112] = 3  # upside down
    rotated.resize((SIZE, SIZE)).save(tmp_path / "turned.jpg", exif=exif, quality=95)
    run(models["negative"], tmp_path / "turned.jpg", tmp_path / "out.png")
    out = read(tmp_path / "out.png")
    assert out[:7].mean() < 20, "white at the top once it is turned, so black when negated"
    assert out[9:].mean() > 235
    transparent = Image.new("RGBA", (SIZE, SIZE), (0, 0, 0, 0))
    transparent.save(tmp_path / "clear.png")
    run(models["negative"], tmp_path / "clear.png", tmp_path / "out.png")
    assert read(tmp_path / "out.png").max() == 0, "transparent parts are white"
    deep = np.full((SIZE, SIZE), 65_535, np.uint16)
    Image.fromarray(deep).save(tmp_path / "deep.png")
    run(models["gray"], tmp_path / "deep.png", tmp_path / "out.png")
    assert read(tmp_path / "out.png").shape == (SIZE, SIZE)
    assert read(tmp_path / "out.png").max() == 0
    name = tmp_path / "Übersicht 北京.png"
    run(models["gray"], picture(name, mode="P"), tmp_path / "out.png")


def test_a_folder_keeps_its_names_and_its_order_does_not_matter(run, models, tmp_path):
    (tmp_path / "in" / "sub").mkdir(parents=True)
    for name, size in (("a.jpg", (16, 16)), ("b.png", (20, 30)), ("sub/c.webp", (16, 16))):
        picture(tmp_path / "in" / name, size)
    said = run(models["noisy"], tmp_path / "in", tmp_path / "out", "--progress")
    assert "| 3/3 [" in said.err
    assert "the image was 20 x 30 pixels, resized" in said.err
    assert said.out.startswith("3 images translated")
    assert sorted(p.name for p in (tmp_path / "out").rglob("*.png")) == ["a.png", "b.png", "c.png"]
    run(models["noisy"], tmp_path / "in" / "sub" / "c.webp", tmp_path / "alone.png")
    np.testing.assert_array_equal(
        read(tmp_path / "alone.png"), read(tmp_path / "out" / "sub" / "c.png")
    )
    assert run(models["noisy"], tmp_path / "in", tmp_path / "out").err.count("\r") == 0


def test_noise_is_on_and_the_seed_decides_it(run, models, tmp_path):
    given = picture(tmp_path / "in.png")
    drawn = []
    for seed in (0, 0, 1):
        run(models["noisy"], given, tmp_path / "out.png", "--seed", seed)
        drawn.append(read(tmp_path / "out.png"))
    np.testing.assert_array_equal(drawn[0], drawn[1])
    assert (drawn[0] != drawn[2]).mean() > 0.2
    assert (drawn[0] == 128).mean() > 0.3, "half of the pixels are dropped to the middle of [-1, 1]"


def test_a_broken_picture_in_a_folder_is_named_and_the_others_are_done(run, models, tmp_path):
    (tmp_path / "in").mkdir()
    for index in range(4):
        picture(tmp_path / "in" / f"{index}.png")
    (tmp_path / "in" / "1.png").write_bytes(b"")
    (tmp_path / "in" / "3.png").write_text("a letter, whatever its name says")
    said = run(models["negative"], tmp_path / "in", tmp_path / "out", status=1)
    assert "2 of 4 images were left out" in said.err
    assert "1.png is empty (0 bytes)" in said.err
    assert "3.png is not an image" in said.err
    assert sorted(p.name for p in (tmp_path / "out").iterdir()) == ["0.png", "2.png"]


def noise_model(tmp_path):
    keras.Sequential([layers.Input((8,)), layers.Dense(4)]).save(tmp_path / "dense.keras")
    return tmp_path / "dense.keras"


def two_inputs(tmp_path):
    one, two = layers.Input((SIZE, SIZE, 3)), layers.Input((1,))
    keras.Model([one, two], layers.Flatten()(one)).save(tmp_path / "two.keras")
    return tmp_path / "two.keras"


def asking(tmp_path):
    """A translator that paints every picture in the gray of its class."""
    one, label = layers.Input((SIZE, SIZE, 3)), layers.Input((1,), dtype="int32")
    gray = layers.Reshape((1, 1, 1))(layers.Embedding(3, 1)(label))
    model = keras.Model([one, label], layers.Add()([layers.Rescaling(0.0)(one), gray]))
    model.set_weights([np.array([[-1.0], [0.0], [1.0]])])
    model.save(tmp_path / "asking.keras")
    return tmp_path / "asking.keras"


def written(path, content=b""):
    path.write_bytes(content)
    return path


def truncated(tmp_path):
    whole = picture(tmp_path / "whole.png", (64, 64)).read_bytes()
    return written(tmp_path / "cut.png", whole[: len(whole) // 2])


CASES = {
    "no such name": (lambda t, g, m: ["atlas", g, t / "o.png"], "There is no file 'atlas'"),
    "no such file": (lambda t, g, m: [t / "no.keras", g, t / "o.png"], "There is no file"),
    "no model": (lambda t, g, m: [g, g, t / "o.png"], "in.png is not a .keras file"),
    "damaged model": (
        lambda t, g, m: [written(t / "bad.keras", b"PK"), g, t / "o.png"], "bad.keras cannot be"
    ),
    "noise model": (lambda t, g, m: [noise_model(t), g, t / "o.png"], "draws from noise"),
    "two inputs": (lambda t, g, m: [two_inputs(t), g, t / "o.png"], "needs one image"),
    "no label": (lambda t, g, m: [asking(t), g, t / "o.png"], "needs the class of the image"),
    "no such class": (
        lambda t, g, m: [asking(t), g, t / "o.png", "--label", 3], "--label 0 to 2"
    ),
    "not asked": (lambda t, g, m: [m, g, t / "o.png", "--label", 0], "leave --label out"),
    "no picture": (lambda t, g, m: [m, t / "no.jpg", t / "o.png"], "no.jpg"),
    "empty file": (lambda t, g, m: [m, written(t / "0.png"), t / "o.png"], "0.png is empty"),
    "cut off": (lambda t, g, m: [m, truncated(t), t / "o.png"], "cut.png is damaged"),
    "empty folder": (lambda t, g, m: [m, t / "void", t / "o"], "void has no images in it"),
    "no kind": (lambda t, g, m: [m, g, t / "o"], "o has an unknown file type"),
    "no place": (lambda t, g, m: [m, g, t / "no" / "o.png"], "is not a folder that"),
    "a folder": (lambda t, g, m: [m, g, t / "void"], "give a file to write"),
    "a file": (lambda t, g, m: [m, t, g], "give a folder"),
    "itself": (lambda t, g, m: [m, g, g], "would overwrite"),
    "into itself": (lambda t, g, m: [m, t, t], "would overwrite"),
}  # fmt: skip


@pytest.mark.parametrize("case", CASES)
def test_bad_input_is_explained_and_leaves_nothing(run, models, tmp_path, case):
    (tmp_path / "void").mkdir()
    given = picture(tmp_path / "in.png")
    make, message = CASES[case]
    arguments = make(tmp_path, given, models["negative"])
    before = {path: path.read_bytes() for path in tmp_path.rglob("*") if path.is_file()}
    error = run(*arguments, status=1).err
    assert message in error
    assert error.startswith("gan-utils translate: ")
    assert before == {path: path.read_bytes() for path in tmp_path.rglob("*") if path.is_file()}


def test_two_pictures_for_one_name_are_refused(run, models, tmp_path):
    (tmp_path / "in").mkdir()
    for name in ("a.jpg", "a.png"):
        picture(tmp_path / "in" / name)
    error = run(models["negative"], tmp_path / "in", tmp_path / "out", status=1).err
    assert "would both be written" in error
    assert not (tmp_path / "out").exists()


def test_an_unreadable_file_is_an_error_with_its_name(run, models, tmp_path):
    given = picture(tmp_path / "secret.png")
    given.chmod(0)
    if os.access(given, os.R_OK):
        pytest.skip("this user may read everything")
    assert "secret.png" in run(models["negative"], given, tmp_path / "out.png", status=1).err


def test_names_come_from_the_one_place_for_trained_generators(monkeypatch, run, models, tmp_path):
    monkeypatch.setattr(weights, "names", lambda: ("satellite_to_map",))
    negative = keras.saving.load_model(models["negative"], compile=False)
    monkeypatch.setattr(weights, "load_generator", lambda name: negative)
    given = picture(tmp_path / "in.png")
    run("satellite_to_map", given, tmp_path / "out.png")
    np.testing.assert_array_equal(read(tmp_path / "out.png"), 255 - read(given))
    assert "none of satellite_to_map" in run("map", given, tmp_path / "o.png", status=1).err


def test_a_translator_is_told_the_class(run, tmp_path):
    given = picture(tmp_path / "in.png")
    for label, gray in ((0, 0), (2, 255)):
        run(asking(tmp_path), given, tmp_path / "out.png", "--label", label)
        assert (read(tmp_path / "out.png") == gray).all()
    run(asking(tmp_path), picture(tmp_path / "wide.png", (40, 20)), tmp_path / "out.png",
        "--tile", "--label", "2")  # fmt: skip
    assert (read(tmp_path / "out.png") == 255).all()


@pytest.mark.parametrize("seed", ["-1", "x", str(2**32)])
def test_wrong_seeds_are_refused(seed, capsys):
    with pytest.raises(SystemExit, match="2"):
        cli.main(["translate", "a", "b", "c", "--seed", seed])
    assert "--seed" in capsys.readouterr().err
