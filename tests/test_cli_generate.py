"""`gan-utils generate`: grids, interpolations, animations from small generators, and errors."""

import functools
from pathlib import Path

import keras
import numpy as np
import pytest
from keras import layers
from PIL import Image

from gan_utils import cli, weights
from gan_utils.cli import generate
from gan_utils.interpolation import slerp

SIDE = 4
PAD = 2  # of `images.grid`


@pytest.fixture(scope="module")
def models(tmp_path_factory):
    """Generators of gray squares: of noise, of one of three classes, of a code; and of points."""
    folder = tmp_path_factory.mktemp("generators")
    latents, class_labels = layers.Input((2,)), layers.Input((1,), dtype="int32")
    square = layers.Reshape((SIDE, SIDE, 1))
    spread = np.zeros((2, SIDE * SIDE), np.float32)
    spread[0] = 1.0  # the first number of the noise is the gray
    gray = layers.Dense(SIDE * SIDE, "tanh", use_bias=False)
    plain = keras.Model(latents, square(gray(latents)))
    gray.set_weights([spread])
    plain.save(folder / "plain.keras")
    table = layers.Embedding(3, SIDE * SIDE)
    asked = keras.Model(
        [latents, class_labels],
        layers.Add()([square(layers.Flatten()(table(class_labels))), 0.1 * square(gray(latents))]),
    )
    table.set_weights([np.repeat([[-0.8], [0.0], [0.8]], SIDE * SIDE, axis=1)])
    asked.save(folder / "asked.keras")
    codes = layers.Input((14,))
    by_code = layers.Dense(SIDE * SIDE, use_bias=False)
    coded = keras.Model(codes, square(by_code(codes)))
    kernel = np.zeros((14, SIDE * SIDE))
    kernel[4:] = np.linspace(-1, 1, 10)[:, None]
    by_code.set_weights([kernel])
    coded.save(folder / "coded.keras")
    for dtype in ("float16", "bfloat16", "float64", "mixed_float16"):
        narrow = layers.Reshape((SIDE, SIDE, 1), dtype=dtype)
        keras.Model(latents, narrow(gray(latents))).save(folder / f"{dtype}.keras")
    keras.Model(latents, layers.Dense(2)(latents)).save(folder / "points.keras")
    keras.Sequential([layers.Input((8, 8, 3)), layers.Flatten()]).save(folder / "judge.keras")
    return {path.stem: str(path) for path in folder.iterdir()}


@pytest.fixture
def run(gan_utils_command):
    return functools.partial(gan_utils_command, "generate")


def squares(path):
    """Return the gray of each square of a grid, row by row."""
    with Image.open(path) as opened:
        pixels = np.asarray(opened.convert("L"), int)
    step = SIDE + PAD
    rows, columns = ((length + PAD) // step for length in pixels.shape)
    assert pixels.shape == (rows * step - PAD, columns * step - PAD)
    return pixels[::step, ::step][:rows, :columns]


def test_a_grid_is_drawn_and_its_seed_decides_it(run, models, tmp_path):
    said = run(models["plain"], tmp_path / "a.png")
    assert said.out == f"100 images drawn by {models['plain']}: {tmp_path / 'a.png'}\n"
    assert said.err == ""
    first = squares(tmp_path / "a.png")
    assert first.shape == (10, 10)
    assert len(np.unique(first)) > 50
    run(models["plain"], tmp_path / "b.png", "--count", 30, "--columns", 6)
    assert squares(tmp_path / "b.png").shape == (5, 6)
    run(models["plain"], tmp_path / "c.png", "--seed", 1)
    run(models["plain"], tmp_path / "d.png")
    assert (squares(tmp_path / "c.png") != first).mean() > 0.8
    np.testing.assert_array_equal(squares(tmp_path / "d.png"), first)


@pytest.mark.parametrize("dtype", ["float16", "bfloat16", "float64", "mixed_float16"])
def test_other_precisions_draw_the_same(run, models, tmp_path, dtype):
    run(models["plain"], tmp_path / "single.png")
    run(models[dtype], tmp_path / "other.png")
    single, other = squares(tmp_path / "single.png"), squares(tmp_path / "other.png")
    np.testing.assert_allclose(other, single, atol=1)
    drawn = next(weights.drawer("x", weights.load_generator(models[dtype]), 4, 0)(4))
    assert drawn.dtype == np.float32


def test_labels_are_drawn_in_turn(run, models, tmp_path):
    out = tmp_path / "out.png"
    levels = np.array([26, 128, 230])
    run(models["asked"], out, "--label", "2,0,1,2")
    np.testing.assert_allclose(squares(out), levels[[[2, 0, 1, 2]]], atol=14)
    run(models["asked"], out, "--label", 2, "--count", 7)
    np.testing.assert_allclose(squares(out), np.full((1, 7), 230), atol=14)
    run(models["asked"], out, "--count", 6, "--columns", 3)
    np.testing.assert_allclose(squares(out), levels[[[0, 1, 2]] * 2], atol=14)
    run(models["asked"], out, "--interpolate", "--label", "0,2", "--columns", 5)
    np.testing.assert_allclose(squares(out), levels[[[0] * 5, [2] * 5]], atol=14)


def test_codes_are_asked_for_like_labels(run, models, tmp_path):
    run(models["coded"], tmp_path / "out.png", "--codes", 10, "--label", "9,0")
    assert squares(tmp_path / "out.png").tolist() == [[255, 0]]


def test_a_walk_is_even_and_keeps_the_length_of_the_noise(run, models, tmp_path):
    out = tmp_path / "out.png"
    run(models["plain"], out, "--interpolate", "--count", 60, "--columns", 20)
    rows = squares(out)
    assert rows.shape == (3, 20)
    assert np.abs(np.diff(rows, axis=1)).max() < 30, "neighbors on a walk look alike"
    assert len(np.unique(rows[:, 0])) == 3, "each row is a walk of its own"
    first, second = generate._ends(5_000, 4, 4, seed=0)
    middle = slerp(first, second, np.full((4, 1), np.pi / 4))
    assert (first == first[0]).all()
    np.testing.assert_allclose(middle.std(axis=1), 1, atol=0.05)


def test_an_animation_comes_back_to_its_start(run, models, tmp_path):
    said = run(models["plain"], tmp_path / "a.gif", "--frames", 8, "--count", 9)
    assert "9 images" in said.out
    assert "8 frames" in said.out
    with Image.open(tmp_path / "a.gif") as opened:
        assert opened.n_frames == 8
        assert opened.info["loop"] == 0
        frames = []
        for index in range(8):
            opened.seek(index)
            frames.append(np.asarray(opened.convert("L"), float))
    steps = [np.abs(frames[i] - frames[(i + 1) % 8]).mean() for i in range(8)]
    assert min(steps) > 1
    assert steps[-1] < 3 * np.median(steps), "the last frame leads on to the first"


CASES = {
    "no such name": (lambda m, t: ["atlas", t / "o.png"], "There is no file 'atlas'"),
    "no such class": (
        lambda m, t: [m["asked"], t / "o.png", "--label", "1,3"], "no class 3; its 3 classes"
    ),
    "no classes": (lambda m, t: [m["plain"], t / "o.png", "--label", 0], "takes no class"),
    "no pictures": (lambda m, t: [m["points"], t / "o.png"], "images"),
    "a translator": (lambda m, t: [m["judge"], t / "o.png"], "gan-utils translate"),
    "no kind": (lambda m, t: [m["plain"], t / "o.txt"], "let it end in one of .png"),
    "a folder": (lambda m, t: [m["plain"], t], "is a folder"),
    "no place": (lambda m, t: [m["plain"], t / "no" / "o.png"], "is not a folder that"),
}  # fmt: skip


@pytest.mark.parametrize("case", CASES)
def test_bad_input_is_explained_and_leaves_nothing(run, models, tmp_path, case):
    make, message = CASES[case]
    error = run(*make(models, tmp_path), status=1).err
    assert message in error
    assert error.startswith("gan-utils generate: ")
    assert error.count("\n") == 1
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize(
    "option",
    [("--label", "-1"), ("--label", "1,,2"), ("--label", "x"), ("--count", "0"), ("--seed", "-1")],
)
def test_wrong_arguments_are_refused(option, capsys):
    with pytest.raises(SystemExit, match="2"):
        cli.main(["generate", "a", "b.png", *option])
    assert option[0] in capsys.readouterr().err


def test_help_lists_the_trained_generators(capsys):
    with pytest.raises(SystemExit, match="0"):
        cli.main(["generate", "--help"])
    said = capsys.readouterr().out
    assert all(name in said for name in weights.names())


def test_the_start_page_shows_what_the_trained_generator_draws(run, tmp_path):
    static = Path(__file__).resolve().parents[1] / "book" / "_static"
    # With static / "digits.png" as its file, this line renews the image.
    run("cdcgan", tmp_path / "digits.png", "--count", "50")
    drawn, shown = (
        np.asarray(Image.open(folder / "digits.png")).astype(int) for folder in (tmp_path, static)
    )
    # Another processor may round a gray level differently.
    assert np.abs(drawn - shown).mean() < 1
