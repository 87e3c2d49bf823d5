"""Images from folders of any kind, from data sets, and from generators."""

import types

import keras
import numpy as np
import pytest
from PIL import Image

from gan_utils import image_folders, images, weights
from gan_utils.metrics import sources
from gan_utils.metrics.sources import Wish

RNG = np.random.default_rng(0)
GRAY = RNG.integers(0, 256, (28, 28), dtype=np.uint8)
COLOR = RNG.integers(0, 256, (12, 20, 3), dtype=np.uint8)


def save(path, pixels, mode=None):
    path.parent.mkdir(parents=True, exist_ok=True)
    picture = Image.fromarray(pixels)
    (picture.convert(mode) if mode else picture).save(path)
    return path


def fill(folder, count, size=(28, 28)):
    for index in range(count):
        save(folder / f"{index:03}.png", np.full(size, index, np.uint8))
    return str(folder)


def all_of(source, batch_size=4):
    return np.concatenate(list(source.batches(batch_size)))


def test_a_folder_is_listed_with_its_subfolders_and_in_order(tmp_path):
    for name in ("b.PNG", "a.jpg", "cats/c.webp", ".hidden/d.png", ".e.png"):
        save(tmp_path / name, GRAY)
    (tmp_path / "notes.txt").write_text("no picture")
    (tmp_path / "folder.png").mkdir()
    found = [path.relative_to(tmp_path).as_posix() for path in image_folders.list_images(tmp_path)]
    assert found == ["a.jpg", "b.PNG", "cats/c.webp"]


def test_a_folder_without_pictures_is_refused(tmp_path):
    (tmp_path / "notes.txt").write_text("no picture")
    with pytest.raises(ValueError, match=r"no images in it.*png"):
        sources.open_source(str(tmp_path), Wish())


@pytest.mark.parametrize("mode", ["1", "L", "LA", "P", "RGB", "RGBA", "CMYK"])
@pytest.mark.parametrize("gray", [True, False])
def test_modes_become_gray_or_color(tmp_path, mode, gray):
    path = save(tmp_path / "picture.tif", COLOR, mode)
    pixels = sources.read_for_scoring(path, Wish(gray=gray))
    with Image.open(path) as opened:
        expected = np.asarray(opened.convert("L" if gray else "RGB"))
    assert pixels.shape == (12, 20, 1 if gray else 3)
    assert pixels.dtype == np.uint8
    np.testing.assert_array_equal(pixels.squeeze(), expected)


def test_gray_stored_as_color_comes_back_exactly(tmp_path):
    path = save(tmp_path / "picture.png", np.repeat(GRAY[..., None], 3, axis=-1))
    np.testing.assert_array_equal(sources.read_for_scoring(path, Wish(gray=True))[..., 0], GRAY)


@pytest.mark.parametrize("dtype", [np.uint16, np.int32])
def test_sixteen_bits_are_scaled_not_cut(tmp_path, dtype):
    path = save(tmp_path / "picture.tif", GRAY.astype(dtype) * dtype(257))
    np.testing.assert_array_equal(sources.read_for_scoring(path, Wish(gray=True))[..., 0], GRAY)


@pytest.mark.parametrize(
    ("pixels", "message"),
    [
        (GRAY.astype(np.float32), "floating-point"),
        (GRAY.astype(np.int32) * 70_000, "32 bits"),
    ],
)
def test_numbers_without_a_range_are_refused(tmp_path, pixels, message):
    path = save(tmp_path / "odd.tif", pixels)
    with pytest.raises(ValueError, match=rf"odd\.tif.*{message}"):
        sources.read_for_scoring(path, Wish())


@pytest.mark.parametrize("damage", ["empty", "text", "truncated", "broken"])
def test_damaged_files_are_named(tmp_path, damage):
    path = save(tmp_path / "007.png", COLOR)
    content = path.read_bytes()
    broken = bytearray(content)
    broken[40:60] = bytes(20)
    path.write_bytes(
        {"empty": b"", "text": b"no picture", "truncated": content[:90], "broken": broken}[damage]
    )
    save(tmp_path / "008.png", COLOR)
    source = sources.open_source(str(tmp_path), Wish())
    with pytest.raises(ValueError, match=r"007\.png is (empty|not an image|damaged).*remove it"):
        all_of(source)


def test_mixed_sizes_come_in_batches_of_one_size(tmp_path):
    sizes = [(8, 8), (8, 8), (6, 9), (9, 6), (8, 8)]
    for index, size in enumerate(sizes * 3):
        save(tmp_path / f"{index}.png", np.full((*size, 3), index, np.uint8))
    batches = list(sources.open_source(str(tmp_path), Wish()).batches(2))
    assert {batch.shape[1:] for batch in batches} == {(8, 8, 3), (6, 9, 3), (9, 6, 3)}
    assert max(map(len, batches)) == 2
    assert sorted(batch[i, 0, 0, 0] for batch in batches for i in range(len(batch))) == [*range(15)]


def test_another_size_is_refused_or_resized_as_asked(tmp_path):
    path = save(tmp_path / "large.png", RNG.integers(0, 256, (40, 60), dtype=np.uint8))
    with pytest.raises(ValueError, match=r"large\.png has 60 x 40 pixels.*28 x 28.*--resize"):
        sources.read_for_scoring(path, Wish(gray=True, size=28))
    pixels = sources.read_for_scoring(path, Wish(gray=True, size=28, resize=True))
    with Image.open(path) as opened:
        batch = np.asarray(opened)[None, ..., None]
    np.testing.assert_array_equal(pixels, images.resize(batch, 28)[0])


def test_samples_are_drawn_by_seed(tmp_path):
    folder = fill(tmp_path, 40)

    def drawn(samples, seed):
        source = sources.open_source(folder, Wish(samples, seed, gray=True))
        found = all_of(source)[:, 0, 0, 0].tolist()
        assert len(found) == source.count
        return found

    assert drawn(10, 1) == drawn(10, 1)
    assert drawn(10, 1) != drawn(10, 2)
    assert len(set(drawn(10, 1))) == 10
    assert drawn(10, 1) != sorted(drawn(10, 1)), "sorted classes would spoil the splits"
    assert sorted(drawn(None, 1)) == sorted(drawn(99, 2)) == [*range(40)]


def test_one_picture_is_not_enough(tmp_path):
    with pytest.raises(ValueError, match="gives 1 image"):
        sources.open_source(fill(tmp_path / "one", 1), Wish())
    with pytest.raises(ValueError, match="gives 1 image"):
        sources.open_source(fill(tmp_path / "many", 5), Wish(samples=1))


def test_data_sets_say_when_they_are_the_sample(monkeypatch):
    monkeypatch.setenv("GAN_DATA", "embedded")
    source = sources.open_source("mnist:test", Wish(samples=30))
    assert "a sample of 2,000 MNIST images" in source.title
    assert "test" in source.title
    found = all_of(source)
    assert found.shape == (30, 28, 28, 1)
    assert found.dtype == np.uint8
    with pytest.raises(ValueError, match="training"):
        sources.open_source("mnist:training", Wish())


def test_a_folder_goes_before_a_data_set_of_the_same_name(tmp_path, monkeypatch):
    fill(tmp_path / "mnist", 3)
    monkeypatch.chdir(tmp_path)
    assert sources.open_source("mnist", Wish(gray=True)).count == 3


def test_unknown_names_are_explained(tmp_path, monkeypatch):
    monkeypatch.setattr(weights, "names", tuple)
    with pytest.raises(ValueError, match=r"no folder 'dcgan'.*no file 'dcgan'.*brings no trained"):
        sources.open_source("dcgan", Wish())
    path = save(tmp_path / "one.png", GRAY)
    with pytest.raises(ValueError, match=r"one\.png is a file; give a folder"):
        sources.open_source(str(path), Wish())


class Drawer:
    """Behaves like a Keras generator: paints what it is given."""

    def __init__(self, *shapes):
        self.inputs = [types.SimpleNamespace(shape=(None, *shape)) for shape in shapes]

    def __call__(self, inputs, training):
        assert training is False
        flat = np.concatenate(inputs, axis=1) if isinstance(inputs, list) else inputs
        return np.repeat(flat[:, None, :, None], 3, axis=-1).astype(np.float32)


@pytest.fixture
def trained_generators(monkeypatch):
    generators = {
        "dcgan": Drawer((100,)),
        "cgan": Drawer((100,), (1,)),
        "infogan": Drawer((72,)),
        "satellite_to_map": Drawer((64, 64, 3)),
    }
    monkeypatch.setattr(weights, "names", lambda: tuple(generators))
    monkeypatch.setattr(weights, "load_generator", generators.__getitem__)


@pytest.mark.usefixtures("trained_generators")
def test_generators_draw_the_same_whatever_the_batch_size():
    wish = Wish(samples=50, seed=3)
    drawn = all_of(sources.open_source("dcgan", wish), 50)[:, 0, :, 0]
    assert drawn.shape == (50, 100)
    assert abs(drawn.mean()) < 0.05
    assert drawn.std() == pytest.approx(1, abs=0.05)
    np.testing.assert_array_equal(drawn, all_of(sources.open_source("dcgan", wish), 7)[:, 0, :, 0])
    other = all_of(sources.open_source("dcgan", Wish(samples=50, seed=4)), 50)[:, 0, :, 0]
    assert not np.allclose(drawn, other)
    assert sources.open_source("dcgan", Wish()).count == sources.DEFAULT_DRAWN


@pytest.mark.usefixtures("trained_generators")
def test_generators_with_classes_get_all_of_them():
    conditional = all_of(sources.open_source("cgan", Wish(samples=200)), 64)[:, 0, :, 0]
    assert set(conditional[:, 100]) == set(range(10))
    codes = all_of(sources.open_source("infogan", Wish(samples=200)), 64)[:, 0, -10:, 0]
    assert set(codes.argmax(axis=1)) == set(range(10))
    np.testing.assert_array_equal(np.sort(codes, axis=1)[:, -2:], np.tile([0, 1], (200, 1)))


@pytest.mark.usefixtures("trained_generators")
def test_generators_that_cannot_draw_are_refused():
    with pytest.raises(ValueError, match="satellite_to_map translates images"):
        sources.open_source("satellite_to_map", Wish())
    with pytest.raises(ValueError, match=r"mnist.*'biggan'.*none of dcgan.*infogan"):
        sources.open_source("biggan", Wish())


def test_images_of_a_generator_are_fitted_like_all_others():
    latents = keras.layers.Input((8,))
    pixels = keras.layers.Dense(32 * 32 * 3, "tanh")(latents)
    large = keras.Model(latents, keras.layers.Reshape((32, 32, 3))(pixels))
    wish = Wish(samples=4, gray=True, size=28, resize=True)
    assert all_of(sources.open_source(large, wish)).shape == (4, 28, 28, 1)
    with pytest.raises(ValueError, match=r"32 x 32 pixels.*--resize"):
        all_of(sources.open_source(large, Wish(samples=4, gray=True, size=28)))
