"""A folder of images: classes, warnings, the cached copy, and functions that take it."""

import errno
import json
import os
import re
import warnings

import keras
import numpy as np
import pytest
from PIL import Image

import gan_utils
from gan_utils import images, metrics
from gan_utils.data import batches
from gan_utils.data import folder as data_folder

RNG = np.random.default_rng(0)


@pytest.fixture(autouse=True)
def home(tmp_path, monkeypatch):
    """Keep copies apart from those of other tests."""
    monkeypatch.setenv("KERAS_HOME", str(tmp_path / "keras"))
    return tmp_path / "keras" / "datasets" / "gan-workbook" / "folders"


@pytest.fixture
def place(tmp_path):
    return tmp_path / "photos"


def save(path, size=(9, 12), mode="RGB", **options):
    """Save an image of random pixels; return them as RGB."""
    path.parent.mkdir(parents=True, exist_ok=True)
    pixels = RNG.integers(0, 256, (*size, 3), dtype=np.uint8)
    image = Image.fromarray(pixels).convert(mode)
    image.save(path, **options)
    return np.asarray(image.convert("RGB"))


def files_of(folder):
    return sorted(path for path in folder.rglob("*") if path.is_file())


# ---- images and classes ------------------------------------------------------------------------


def test_images_without_classes(place):
    wide, tall = save(place / "b.png", (8, 12)), save(place / "a.png", (13, 8))
    found = gan_utils.load_folder(place, size=8)
    np.testing.assert_array_equal(found.images, [tall[2:10], wide[:, 2:10]])
    assert (found.images.dtype, found.labels, found.class_names) == (np.uint8, None, ())
    assert str(found) == "photos (all): 2 images, 8 x 8 x 3, from a folder"


def test_subfolders_are_classes_in_the_order_of_their_names(place):
    for name in ("dog/1.png", "cat/2.png", "dog/3.jpg", "a cow/1.png"):
        save(place / name)
    found = gan_utils.load_folder(place, size=8)
    assert found.class_names == ("a cow", "cat", "dog")
    assert found.labels.tolist() == [0, 1, 2, 2]
    np.testing.assert_array_equal(
        found.of_class(1).images[0], gan_utils.load_folder(place / "cat", 8).images[0]
    )


def test_the_middle_is_kept_upright_and_resized_once(place):
    wide = np.zeros((20, 60, 3), np.uint8)
    wide[:, 20:40] = 200
    place.mkdir()
    Image.fromarray(wide).save(place / "a.png")
    top = np.zeros((40, 40, 3), np.uint8)
    top[:20] = 255
    exif = Image.Exif()
    exif[0x0112] = 3  # the camera was held upside down
    Image.fromarray(top).save(place / "b.png", exif=exif)
    middle, turned = gan_utils.load_folder(place, size=10).images
    assert (middle == 200).all()
    assert turned[0].mean() < 10
    assert turned[-1].mean() > 240


@pytest.mark.parametrize(
    ("shape", "size", "rows", "columns"),
    [
        ((9, 12), (3, 6), slice(1, 7), slice(0, 12)),
        ((12, 9), (6, 3), slice(0, 12), slice(1, 7)),
        ((1, 40), (8, 8), slice(0, 1), slice(19, 20)),
        ((40, 1), (1, 30), slice(19, 20), slice(0, 1)),
    ],
)
@pytest.mark.filterwarnings("ignore:.*smaller than")
def test_rectangles_are_the_middle_of_their_shape(shape, size, rows, columns, place):
    pixels = save(place / "a.png", shape)
    found = gan_utils.load_folder(place, size).images
    np.testing.assert_array_equal(found, images.resize(pixels[None, rows, columns], size))


def test_gray_images_have_one_channel(place):
    pixels = save(place / "a.png", (8, 8), "L")
    found = gan_utils.load_folder(place, 8, channels=1)
    np.testing.assert_array_equal(found.images[0], pixels[..., :1])


def test_sets_are_named_and_chosen(place):
    for name in ("train/cat/1.png", "train/dog/1.png", "Test/cat/1.png", "Test/dog/1.png"):
        save(place / name)
    with pytest.raises(ValueError, match=r"write load_folder\('.*photos', subset='Test'\) or"):
        gan_utils.load_folder(place, 8)
    found = gan_utils.load_folder(place, 8, subset="train")
    assert (found.name, found.split, found.class_names) == ("photos", "train", ("cat", "dog"))
    with pytest.raises(ValueError, match=r"no subset 'val'; it has Test, train"):
        gan_utils.load_folder(place, 8, subset="val")


def test_a_class_may_be_called_as_a_set_is(place):
    for name in ("bus/1.png", "train/1.png"):
        save(place / name)
    assert gan_utils.load_folder(place, 8).class_names == ("bus", "train")


# ---- what is wrong with a folder ---------------------------------------------------------------


def test_classes_without_images_are_named(place):
    save(place / "cat" / "1.png")
    for name in ("dog", "empty", ".hidden"):
        (place / name).mkdir()
    (place / "dog" / "notes.txt").write_text("none yet")
    with pytest.raises(ValueError, match=r"classes without an image .*: dog, empty\. Put"):
        gan_utils.load_folder(place, 8)


def test_a_class_of_broken_images_alone_is_named(place):
    save(place / "cat" / "1.png")
    (place / "dog").mkdir()
    (place / "dog" / "1.png").write_bytes(b"no image")
    with pytest.raises(ValueError, match=r"classes without an image that can be read: dog"):
        gan_utils.load_folder(place, 8, broken="skip")


def test_images_next_to_classes_are_an_error(place):
    save(place / "1.png")
    save(place / "cat" / "2.png")
    message = r"1 image next to subfolders with images: 1\.png\. Subfolders are classes \(cat\)"
    with pytest.raises(ValueError, match=message):
        gan_utils.load_folder(place, 8)


def test_a_link_to_nothing_is_named(place):
    save(place / "cat" / "1.png")
    (place / "dog").symlink_to(place / "gone")
    with pytest.raises(ValueError, match=r"dog is a link to .*gone, which does not exist"):
        gan_utils.load_folder(place, 8)
    (place / "dog").unlink()
    (place / "cat" / "2.png").symlink_to(place / "gone.png")
    with pytest.raises(ValueError, match=r"2\.png is a link to .*gone\.png, which does not exist"):
        gan_utils.load_folder(place, 8)
    with pytest.warns(UserWarning, match=r"1 image broken, left out: cat.2\.png is a link to"):
        assert len(gan_utils.load_folder(place, 8, broken="skip")) == 1


def test_a_broken_image_is_named_and_can_be_left_out(place, home):
    for name in ("a.png", "c.png"):
        save(place / name)
    (place / "b.png").write_bytes((place / "a.png").read_bytes()[:60])
    message = r"b\.png is damaged .*, or leave such images out with load_folder\(..., broken=.skip"
    with pytest.raises(images.BrokenImageError, match=message):
        gan_utils.load_folder(place, 8)
    assert files_of(home) == []
    for _ in range(2):  # decoded, and from the copy
        with pytest.warns(UserWarning, match=r"photos: 1 image broken, left out: b\.png is damag"):
            assert len(gan_utils.load_folder(place, 8, broken="skip")) == 2


def test_a_folder_of_broken_images_is_an_error(place, home):
    place.mkdir()
    (place / "b.png").write_bytes(b"")
    with pytest.raises(ValueError, match=r"photos holds no image .* b\.png is empty"):
        gan_utils.load_folder(place, 8, broken="skip")
    assert files_of(home) == []


@pytest.mark.parametrize(
    ("channels", "words"),
    [
        (3, r"1 image gray, the others in color; all become RGB: a\.png"),
        (1, r"2 images in color, the others gray; all become gray: b\.png, c\.gif"),
    ],
)
def test_all_that_is_odd_is_said_each_time(channels, words, place):
    save(place / "a.png", mode="L")
    save(place / "b.png", (4, 4))
    save(place / "c.gif", mode="P", save_all=True, append_images=[Image.new("P", (12, 9))])
    (place / "d.heic").write_bytes(b"something")
    lines = (
        words,
        r"1 file left out: \.heic 1\. \.heic is not read: convert them",
        r"1 image smaller than 8 x 8 pixels, enlarged: b\.png",
        r"c\.gif: has 2 frames",
    )
    for _ in range(2):  # decoded, and from the copy
        with warnings.catch_warnings(record=True) as said:
            warnings.simplefilter("always")
            gan_utils.load_folder(place, 8, channels=channels)
        texts = [str(one.message) for one in said]
        assert all(any(re.search(line, text) for text in texts) for line in lines)
        assert len(texts) == len(lines)
        assert {one.filename for one in said} == {__file__}


def test_images_deeper_than_their_class_are_said(place):
    save(place / "dog" / "old" / "1.png")
    with pytest.warns(UserWarning, match=r"1 image in subfolders of a class, .*: dog.old.1\.png"):
        assert gan_utils.load_folder(place, 8).class_names == ("dog",)


@pytest.mark.parametrize(
    ("options", "words"),
    [
        ({"size": 0}, "size is 0"),
        ({"size": (8, 8, 3)}, "size is "),
        ({"channels": 4}, "channels is 4; choose 1"),
        ({"broken": "ignore"}, "broken is 'ignore'"),
        ({"path": "gone"}, "gone does not exist"),
        ({"path": "a.zip"}, r"a\.zip is not a folder; unpack it first"),
        ({"path": "empty"}, "empty has no images in it"),
    ],
)
def test_wrong_arguments_are_errors(options, words, place, tmp_path, monkeypatch):
    save(place / "1.png")
    (tmp_path / "a.zip").write_bytes(b"PK")
    (tmp_path / "empty").mkdir()
    monkeypatch.chdir(tmp_path)
    with pytest.raises(ValueError, match=words):
        gan_utils.load_folder(**({"path": place, "size": 8} | options))


# ---- the copy ----------------------------------------------------------------------------------


def test_images_are_decoded_once(place, home, monkeypatch):
    save(place / "cat" / "a.png")
    save(place / "dog" / "b.png")
    first = gan_utils.load_folder(place, 8)
    kept = files_of(home)
    assert [path.suffix for path in kept] == [".bytes", ".json"]
    monkeypatch.setattr(images, "read_with_mode", None)
    again = gan_utils.load_folder(str(place), (8, 8))
    np.testing.assert_array_equal(again.images, first.images)
    assert again.labels.tolist() == [0, 1]
    assert files_of(home) == kept


def test_a_change_makes_a_new_copy_in_place_of_the_old(place, home):
    save(place / "a.png", (8, 8))
    gan_utils.load_folder(place, 8)
    stamp = (place / "a.png").stat().st_mtime_ns
    changed = save(place / "a.png", (8, 8))
    os.utime(place / "a.png", ns=(stamp, stamp + 1))
    np.testing.assert_array_equal(gan_utils.load_folder(place, 8).images[0], changed)
    other = save(place / "b.png", (8, 8))
    np.testing.assert_array_equal(gan_utils.load_folder(place, 8).images[1], other)
    assert len(files_of(home)) == 2
    assert gan_utils.load_folder(place, 4).images.shape == (2, 4, 4, 3)
    assert gan_utils.load_folder(place, 8, channels=1).images.shape == (2, 8, 8, 1)
    assert len(files_of(home)) == 6


@pytest.mark.parametrize(
    "damage", ["cut", "longer", "no facts", "other facts", "other kind", "no text", "gone"]
)
def test_a_damaged_copy_is_made_anew(damage, place, home):
    pixels = save(place / "a.png", (8, 8))
    gan_utils.load_folder(place, 8)
    content, facts = files_of(home)
    match damage:
        case "cut":
            content.write_bytes(content.read_bytes()[:-1])
        case "longer":
            content.write_bytes(content.read_bytes() + b"0")
        case "no facts":
            facts.write_text("[]")
        case "other facts":
            facts.write_text(json.dumps(json.loads(facts.read_text()) | {"skipped": 3}))
        case "other kind":
            facts.write_text(json.dumps(json.loads(facts.read_text()) | {"said": {"a": 1}}))
        case "no text":
            facts.write_bytes(b"\xff")
        case "gone":
            content.unlink()
    np.testing.assert_array_equal(gan_utils.load_folder(place, 8).images[0], pixels)
    assert files_of(home) == [content, facts]


def test_without_a_place_to_write_the_images_are_in_memory(place, monkeypatch):
    pixels = save(place / "a.png", (8, 8))

    def forbidden(path):
        raise OSError(errno.EROFS, "Read-only file system", str(path))

    monkeypatch.setattr(data_folder, "whole_file", forbidden)
    with pytest.warns(UserWarning, match=r"folders.* cannot be written: .* Set KERAS_HOME"):
        found = gan_utils.load_folder(place, 8)
    np.testing.assert_array_equal(found.images[0], pixels)


def test_a_full_disk_is_an_error(place, monkeypatch):
    save(place / "a.png")

    def full(path):
        raise OSError(errno.ENOSPC, "No space left", str(path))

    monkeypatch.setattr(data_folder, "whole_file", full)
    with pytest.raises(OSError, match="No space left"):
        gan_utils.load_folder(place, 8)


# ---- what takes it -----------------------------------------------------------------------------


@pytest.fixture
def labeled(place):
    for name in ("cat", "dog"):
        for number in range(10):
            save(place / name / f"{number}.png", (8, 8))
    return gan_utils.load_folder(place, 8)


@pytest.mark.parametrize("streamed", [False, True])
def test_batches_are_the_same_from_memory_and_from_the_file(streamed, labeled, monkeypatch):
    in_memory = gan_utils.Batches(np.array(labeled.images), labeled.labels, batch_size=4, seed=3)
    monkeypatch.setattr(batches, "_IN_MEMORY", 0 if streamed else 1 << 30)
    found = gan_utils.Batches(labeled, batch_size=4, seed=3)
    assert found.has_labels
    assert found.image_shape == (8, 8, 3)
    for one, other in zip(found.dataset(1).take(7), in_memory.dataset(1), strict=False):
        assert one[0].shape == (4, 8, 8, 3)
        for part, same in zip(one, other, strict=True):
            np.testing.assert_array_equal(part, same)


def test_a_stream_that_nobody_closed_lets_python_end(labeled, tmp_path):
    script = f"""
import gan_utils
from gan_utils.data import batches
from gan_utils.data import folder as data_folder
batches._IN_MEMORY = 0
found = gan_utils.load_folder({str(tmp_path / "photos")!r}, 8)
stream = iter(gan_utils.Batches(found, batch_size=2).dataset())
print(next(stream)[0].shape)
"""
    assert "(2, 8, 8, 3)" in gan_utils.run_in_fresh_process(script)


def networks():
    generator = keras.Sequential(
        [
            keras.layers.Input((4,)),
            keras.layers.Dense(192, activation="tanh"),
            keras.layers.Reshape((8, 8, 3)),
        ]
    )
    layers = [keras.layers.Input((8, 8, 3)), keras.layers.Flatten(), keras.layers.Dense(1)]
    return generator, keras.Sequential(layers)


def test_a_gan_takes_a_folder_with_labels_and_without(labeled, place):
    for found in (labeled, gan_utils.load_folder(place / "cat", 8), labeled.sample(8)):
        gan = gan_utils.GAN(*networks(), 4)
        gan.compile("adam", "adam")
        gan.fit(found, batch_size=4, epochs=1, verbose=0)
        assert int(gan.g_optimizer.iterations) == len(found) // 4


def test_parts_keep_images_and_labels_together(labeled, place):
    assert labeled.take(3).labels.tolist() == [0, 0, 0]
    assert labeled.sample(2).labels.tolist() == [0, 1]
    plain = gan_utils.load_folder(place / "cat", 8)
    assert len(plain.take(3)) == len(plain.sample(3)) == 3
    with pytest.raises(ValueError, match="no image has the label 1"):
        plain.of_class(1)


def test_scores_take_a_folder_that_was_loaded(labeled, place):
    folder, options = str(place), {"extractor": "lenet-mnist", "resize": True, "seed": 1}
    loaded = metrics.score(labeled, labeled.sample(10), ["kid"], subset_size=10, **options)
    by_name = metrics.score(folder, labeled.sample(10), ["kid"], subset_size=10, **options)
    assert loaded["kid"].value == by_name["kid"].value


# ---- the photographs of a lesson ----------------------------------------------------------------


def test_a_folder_takes_the_place_of_the_photographs(place, monkeypatch):
    for subset, count in (("train", 3), ("test", 2)):
        for name in ("cat", "dog"):
            for i in range(count):
                save(place / subset / name / f"{i}.png", (40, 40))
    monkeypatch.setenv("GAN_PHOTOGRAPHS", str(place))
    train, test = (gan_utils.load_images("cifar10", split) for split in ("train", "test"))
    assert (len(train), len(test)) == (6, 4)
    assert train.images.shape[1:] == (32, 32, 3)
    assert train.class_names == ("cat", "dog")
    assert (train.source, train.split, test.split) == ("folder", "train", "test")
    assert not train.is_stand_in
    monkeypatch.setenv("GAN_IMAGES", "20")
    assert len(gan_utils.load_images("cifar10")) == 6


def test_photographs_that_are_not_split_have_a_fifth_held_out(place, monkeypatch):
    for name in ("cat", "dog"):
        for i in range(10):
            save(place / name / f"{i}.png", (32, 32))
    monkeypatch.setenv("GAN_PHOTOGRAPHS", str(place))
    train, test = (gan_utils.load_images("cifar10", split) for split in ("train", "test"))
    assert (train.split, test.split) == ("train", "test")
    assert np.bincount(train.labels).tolist() == [8, 8]
    assert np.bincount(test.labels).tolist() == [2, 2]
    monkeypatch.setenv("GAN_DATA", "embedded")
    with pytest.warns(UserWarning, match="GAN_DATA=embedded"):
        assert gan_utils.load_images("cifar10").is_stand_in


def test_photographs_need_classes(place, monkeypatch):
    save(place / "a.png", (32, 32))
    monkeypatch.setenv("GAN_PHOTOGRAPHS", str(place))
    with pytest.raises(ValueError, match=r"GAN_PHOTOGRAPHS.*without classes"):
        gan_utils.load_images("cifar10")
