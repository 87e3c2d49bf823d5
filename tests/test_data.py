"""Tests of gan_utils.data: cache, downloads, embedded samples, batches."""

import gzip
import hashlib
import io
import os
import shutil
import subprocess
import sys
import tarfile
import time
import urllib.error
import warnings
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from gan_utils import data, download, images
from gan_utils.data import datasets, embedded

COUNTS = {"train": 30, "test": 20}
NAMES = ("mnist", "fashion_mnist", "cifar10")


def make_arrays(shape, split):
    generator = np.random.default_rng((len(split), *shape))
    pictures = generator.integers(0, 256, (COUNTS[split], *shape), dtype=np.uint8)
    return pictures, (np.arange(COUNTS[split]) % 10).astype(np.uint8)


def write_mnist(folder, **changes):
    arrays = {}
    for split in data.SPLITS:
        pictures, labels = make_arrays((28, 28, 1), split)
        arrays |= {f"x_{split}": pictures[..., 0], f"y_{split}": labels}
    np.savez_compressed(folder / "mnist.npz", **(arrays | changes))


def idx(array):
    sizes = b"".join(size.to_bytes(4, "big") for size in array.shape)
    return gzip.compress(bytes([0, 0, 8, array.ndim]) + sizes + array.tobytes())


def write_fashion_mnist(folder):
    (folder / "fashion-mnist").mkdir()
    for split, prefix in (("train", "train"), ("test", "t10k")):
        pictures, labels = make_arrays((28, 28, 1), split)
        target = folder / "fashion-mnist"
        (target / f"{prefix}-images-idx3-ubyte.gz").write_bytes(idx(pictures[..., 0]))
        (target / f"{prefix}-labels-idx1-ubyte.gz").write_bytes(idx(labels))


def write_cifar10(folder):
    members = {}
    for split in data.SPLITS:
        pictures, labels = make_arrays((32, 32, 3), split)
        planes = pictures.transpose(0, 3, 1, 2).reshape(len(pictures), -1)
        rows = np.concatenate([labels[:, None], planes], axis=1)
        parts = np.split(rows, 5) if split == "train" else [rows]
        names = (
            [f"data_batch_{i}.bin" for i in range(1, 6)] if split == "train" else ["test_batch.bin"]
        )
        members |= dict(zip(names, parts, strict=True))
    with tarfile.open(folder / "cifar-10-binary.tar.gz", "w:gz") as archive:
        for name, rows in sorted(members.items(), reverse=True):
            header = tarfile.TarInfo(f"cifar-10-batches-bin/{name}")
            header.size = rows.size
            archive.addfile(header, io.BytesIO(rows.tobytes()))


WRITERS = {"mnist": write_mnist, "fashion_mnist": write_fashion_mnist, "cifar10": write_cifar10}


@pytest.fixture(autouse=True)
def folder(tmp_path, monkeypatch):
    """An empty Keras home, small official data, and no network."""
    monkeypatch.setenv("KERAS_HOME", str(tmp_path))
    monkeypatch.delenv("GAN_DATA", raising=False)
    for memory in ("_failed_downloads", "_announced", "_downloaded"):
        monkeypatch.setattr(data, memory, type(getattr(data, memory))())
    for name, source in datasets.SOURCES.items():
        digests = {
            split: datasets.digest(*make_arrays(source.shape, split)) for split in data.SPLITS
        }
        small = replace(source, counts=COUNTS, digests=source.digests and digests)
        monkeypatch.setitem(datasets.SOURCES, name, small)
    monkeypatch.setattr(download, "_continue", no_network)
    (tmp_path / "datasets").mkdir()
    return tmp_path / "datasets"


def no_network(*args, **kwargs):
    raise urllib.error.URLError("no route to host")


def put_in_cache(name, folder, monkeypatch):
    WRITERS[name](folder)
    source = datasets.SOURCES[name]
    if source.digests is None:
        content = (folder / source.files[0].name).read_bytes()
        file = replace(source.files[0], sha256=hashlib.sha256(content).hexdigest())
        monkeypatch.setitem(datasets.SOURCES, name, replace(source, files=(file,)))


def contents(folder):
    return {path: path.read_bytes() for path in sorted(folder.rglob("*")) if path.is_file()}


@pytest.mark.parametrize("split", data.SPLITS)
@pytest.mark.parametrize("name", NAMES)
def test_cache_is_read_exactly(name, split, folder, monkeypatch):
    put_in_cache(name, folder, monkeypatch)
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        loaded = data.load_images(name, split)
    pictures, labels = make_arrays(datasets.SOURCES[name].shape, split)
    np.testing.assert_array_equal(loaded.images, pictures)
    np.testing.assert_array_equal(loaded.labels, labels)
    assert (loaded.images.dtype, loaded.labels.dtype) == (np.uint8, np.int64)
    assert (loaded.source, loaded.name, loaded.split) == ("cache", name, split)
    assert len(loaded.class_names) == 10
    assert data.data_kind(name) == "real"
    assert "sample" not in str(loaded)


def test_order_and_packing_of_the_cache_do_not_matter(folder):
    pictures, labels = make_arrays((28, 28, 1), "train")
    write_mnist(folder, x_train=pictures[::-1, ..., 0], y_train=labels[::-1])
    np.testing.assert_array_equal(data.load_images("mnist").images, pictures[::-1])


def swapped_labels():
    return make_arrays((28, 28, 1), "train")[1][::-1]


def one_pixel_off():
    pictures = make_arrays((28, 28, 1), "train")[0][..., 0]
    pictures[3, 4, 5] ^= 1
    return pictures


@pytest.mark.parametrize(
    ("changes", "words"),
    [
        ({"y_train": swapped_labels()}, "not the official ones"),
        ({"x_train": one_pixel_off()}, "not the official ones"),
        ({"x_train": one_pixel_off()[:, :27]}, r"\(30, 27, 28, 1\) .* instead of uint8 \(30, 28"),
        ({"x_train": one_pixel_off()[:20]}, r"\(20, 28, 28, 1\)"),
        ({"x_train": one_pixel_off().astype(np.float32)}, "float32"),
        ({"y_train": swapped_labels().astype(np.int64)}, "int64"),
        ({"y_train": np.array([None] * 30)}, "allow_pickle"),
        ({"x_train": np.uint8(3)}, "instead of"),
    ],
)
def test_wrong_arrays_are_an_error_and_left_alone(folder, changes, words):
    write_mnist(folder, **changes)
    before = contents(folder)
    with pytest.raises(ValueError, match=rf"(?s)mnist\.npz.*{words}.*move it away or delete it"):
        data.load_images("mnist")
    assert contents(folder) == before


@pytest.mark.parametrize("name", NAMES)
@pytest.mark.parametrize("damage", ["truncated", "garbage", "empty", "flipped"])
def test_damaged_files_are_an_error_and_left_alone(name, damage, folder, monkeypatch):
    put_in_cache(name, folder, monkeypatch)
    path = folder / datasets.SOURCES[name].files[0].name
    content = bytearray(path.read_bytes())
    content[len(content) // 2] ^= 255
    path.write_bytes(
        {
            "truncated": path.read_bytes()[: len(content) // 2],
            "garbage": b"<html>Please log in</html>",
            "empty": b"",
            "flipped": bytes(content),
        }[damage]
    )
    before = contents(folder)
    with pytest.raises(ValueError, match=f"{path.name}.*(damaged|official)"):
        data.load_images(name)
    assert contents(folder) == before


def test_cifar_records_of_a_wrong_length_are_an_error(folder, monkeypatch):
    monkeypatch.setattr(sys.modules[__name__], "make_arrays", short_records(make_arrays))
    put_in_cache("cifar10", folder, monkeypatch)
    with pytest.raises(ValueError, match=r"cifar-10-binary\.tar\.gz is damaged"):
        data.load_images("cifar10", "test")


def short_records(make):
    return lambda shape, split: (make(shape, split)[0][:, :31], make(shape, split)[1])


def test_an_unreadable_file_is_a_sentence(folder):
    (folder / "mnist.npz").mkdir()
    with pytest.raises(ValueError, match=r"mnist\.npz cannot be read \(Is a directory\)"):
        data.load_images("mnist")


def test_a_forbidden_file_is_a_sentence(folder, monkeypatch):
    def refuse(*args, **kwargs):
        raise PermissionError(13, "Permission denied")

    write_mnist(folder)
    monkeypatch.setattr(np, "load", refuse)
    with pytest.raises(ValueError, match=r"mnist\.npz cannot be read \(Permission denied\)"):
        data.load_images("mnist")


def test_a_dangling_link_is_not_replaced(folder):
    (folder / "mnist.npz").symlink_to(folder / "nowhere")
    with pytest.raises(ValueError, match=r"mnist\.npz cannot be read \(No such file"):
        data.load_images("mnist")
    assert (folder / "mnist.npz").is_symlink()


@pytest.mark.parametrize(
    ("name", "words"),
    [
        ("mnist", "a sample of 10,000 MNIST images that comes with the book; with an internet"),
        ("fashion_mnist", "a sample of 10,000 Fashion-MNIST images that comes with the book"),
        ("cifar10", "handwritten digits in color"),
    ],
)
def test_without_network_the_fallback_says_so_once(name, words, folder):
    with pytest.warns(UserWarning, match=f"no route to host.*{words}.*GAN_DATA=required") as seen:
        train = data.load_images(name)
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        test = data.load_images(name, "test")
    assert len(seen) == 1
    assert "\n" not in str(seen[0].message)
    assert seen[0].filename == __file__
    assert train.source == test.source == "embedded"
    assert words in str(train)
    assert "\n" not in str(train)
    assert train.images.shape[1:] == datasets.SOURCES[name].shape
    assert (len(train), len(test)) == (10_000, 2_000)
    assert data.data_kind(name) == "embedded"
    assert contents(folder) == {}


@pytest.mark.usefixtures("folder")
@pytest.mark.filterwarnings("ignore::UserWarning")
def test_only_photographs_have_a_stand_in():
    for name in NAMES:
        found = data.load_images(name, "test")
        assert found.is_sample == (name != "cifar10")
        assert found.is_stand_in == (name == "cifar10")
        assert ("STAND-IN" in str(found)) == (name == "cifar10")
        if found.is_sample:
            assert found.class_names == datasets.SOURCES[name].class_names
            assert "a sample of 2,000" in str(found.take(5))


def test_required_turns_the_fallback_into_an_error(monkeypatch):
    monkeypatch.setenv("GAN_DATA", "required")
    with pytest.raises(download.DownloadError, match=r"GAN_DATA=required, but MNIST.*cannot be"):
        data.load_images("mnist")
    assert data.data_kind("mnist") == "real"


def test_embedded_takes_the_sample_although_the_data_is_there(folder, monkeypatch):
    write_mnist(folder)
    monkeypatch.setenv("GAN_DATA", "embedded")
    with pytest.warns(UserWarning, match="GAN_DATA=embedded asks for it"):
        assert data.load_images("mnist").is_sample
    assert data.data_kind("mnist") == "embedded"


def test_the_old_name_of_the_embedded_digits_warns_and_gives_the_sample():
    with pytest.warns(FutureWarning, match=r'"digits".*ask for "mnist"') as seen:
        found = data.load_images("digits", "test")
    assert seen[0].filename == __file__
    assert (found.name, found.source, len(found)) == ("mnist", "embedded", 2_000)
    np.testing.assert_array_equal(found.images, embedded.load("mnist", "test")[0])
    assert data.data_kind("digits") == "embedded"


# ---- the embedded samples --------------------------------------------------------------------


def test_the_sample_has_images_of_every_class_in_mixed_order():
    for name in embedded.NAMES:
        for split, count in embedded.COUNTS.items():
            pictures, labels = embedded.load(name, split)
            assert pictures.shape == (count, 28, 28, 1)
            assert (pictures.dtype, labels.dtype) == (np.uint8, np.int64)
            assert np.bincount(labels).min() > 0.08 * count
            assert np.bincount(labels[:100], minlength=10).min() > 0
            assert len(np.unique(pictures.reshape(count, -1), axis=0)) > 0.99 * count


@pytest.mark.parametrize(
    "damage", ["truncated", "another pixel", "another label", "no image", "checksums"]
)
def test_a_damaged_sample_is_an_error(damage, tmp_path, monkeypatch):
    from PIL import Image

    shutil.copytree(embedded.ASSETS / "mnist", tmp_path / "mnist")
    monkeypatch.setattr(embedded, "ASSETS", tmp_path)
    assert len(embedded.load("mnist", "test")[0]) == 2_000
    path = tmp_path / "mnist" / "test.png"
    if damage == "truncated":
        path.write_bytes(path.read_bytes()[:9_000])
    elif damage == "no image":
        path.write_bytes(b"<html>")
    elif damage == "checksums":
        path.with_name("checksums.json").write_text("{")
    elif damage == "another pixel":
        sheet = np.array(Image.open(path))
        sheet[14, 14] ^= 1
        Image.fromarray(sheet).save(path)
    else:
        with np.load(path.with_name("labels.npz")) as arrays:
            labels = dict(arrays)
        labels["test"][7] = (labels["test"][7] + 1) % 10
        np.savez(path.with_name("labels.npz"), **labels)
    with pytest.raises(ValueError, match=r"sample in .*mnist is damaged; install gan_utils again"):
        embedded.load("mnist", "test")


def test_the_stand_in_is_the_sample_in_color():
    pictures, labels = embedded.colored("test")
    digits, expected = embedded.load("mnist", "test")
    assert (pictures.shape, pictures.dtype) == ((2_000, 32, 32, 3), np.uint8)
    np.testing.assert_array_equal(labels, expected)
    corner = pictures[:, :1, :1].astype(int)
    inside = np.abs(pictures[:, 2:-2, 2:-2].astype(int) - corner).max(axis=-1)
    np.testing.assert_array_equal(inside[digits[..., 0] == 0], 0)
    assert (inside[digits[..., 0] == 255] >= 63).all()
    np.testing.assert_array_equal(embedded.colored("test")[0], pictures)


@pytest.mark.parametrize("function", [data.load_images, data.data_kind])
def test_unknown_names_and_settings_are_errors(function, monkeypatch):
    with pytest.raises(ValueError, match=r"'MNIST' is unknown.*mnist, fashion_mnist"):
        function("MNIST")
    monkeypatch.setenv("GAN_DATA", "real")
    with pytest.raises(ValueError, match=r"GAN_DATA is 'real'.*required, embedded"):
        function("mnist")


def test_unknown_split_is_an_error():
    with pytest.raises(ValueError, match="split 'validation'"):
        data.load_images("mnist", "validation")


@pytest.fixture
def server(tmp_path, monkeypatch):
    """Downloads come from a folder on disk, through the package's own checks."""
    monkeypatch.undo()
    shelf = tmp_path / "shelf"
    shelf.mkdir()

    def gather(url, partial, length):
        partial.write_bytes((shelf / Path(url).name).read_bytes())

    monkeypatch.setenv("KERAS_HOME", str(tmp_path / "home"))
    monkeypatch.setattr(download, "_gather", gather)
    return shelf


def file_on(shelf, content=b"the official bytes"):
    (shelf / "mnist.npz").write_bytes(content)
    return download.File(
        "sub/mnist.npz",
        "https://example.org/mnist.npz",
        hashlib.sha256(b"the official bytes").hexdigest(),
    )


def test_download_arrives_under_its_name_and_leaves_nothing_else(server):
    file = file_on(server)
    assert file.is_missing()
    download.download(file)
    assert contents(download.cache_folder()) == {file.path: b"the official bytes"}
    assert sorted(path.name for path in file.path.parent.iterdir()) == ["mnist.npz"]
    assert file.path.stat().st_mode & 0o777 == 0o644


@pytest.mark.parametrize("content", [b"the official byt", b"<html>Please log in</html>", b""])
def test_partial_or_foreign_download_never_gets_the_name(server, content):
    file = file_on(server, content)
    with pytest.raises(download.DownloadError, match="does not have the right checksum"):
        download.download(file)
    assert list(file.path.parent.iterdir()) == []


def test_read_only_cache_is_a_sentence(server, monkeypatch):
    def refuse(*args, **kwargs):
        raise PermissionError(13, "Permission denied", "datasets")

    monkeypatch.setattr("pathlib.Path.mkdir", refuse)
    with pytest.raises(download.DownloadError, match=r"cannot be written \(Permission denied\)"):
        download.download(file_on(server))


def test_a_file_in_place_of_the_cache_folder_is_a_sentence(server):
    file = file_on(server)
    download.cache_folder().parent.write_bytes(b"")
    with pytest.raises(download.DownloadError, match="cannot be written"):
        download.download(file)


def test_download_is_loaded_and_named_as_such(folder, monkeypatch):
    monkeypatch.setattr(download, "download", lambda file: write_mnist(folder))
    loaded = data.load_images("mnist")
    assert loaded.source == "download"
    assert "downloaded" in str(loaded)


def test_a_dead_network_is_asked_once(monkeypatch):
    asked = []

    def fail(file):
        asked.append(file)
        raise download.DownloadError("no network")

    monkeypatch.setattr(download, "download", fail)
    with pytest.warns(UserWarning, match="no network"):
        data.load_images("mnist")
    data.load_images("mnist", "test")
    assert len(asked) == 1


def test_image_set_takes_and_selects(digits):
    few = digits.take(7)
    assert len(few) == 7
    np.testing.assert_array_equal(few.images, digits.images[:7])
    assert (few.name, few.split, few.source) == ("mnist", "train", "embedded")
    assert len(digits.take(10**9)) == 2_000
    threes = digits.of_class(3)
    assert set(threes.labels) == {3}
    assert len(threes) == (digits.labels == 3).sum()
    with pytest.raises(ValueError, match="at least 1"):
        digits.take(0)
    with pytest.raises(ValueError, match="no image has the label 10"):
        digits.of_class(10)


def test_a_sample_is_evenly_drawn_with_its_labels():
    pictures, labels = numbered(1000)
    whole = data.ImageSet(pictures, labels, tuple(map(str, range(1000))), "cache", "mine", "train")
    part = whole.sample(4)
    assert part.labels.tolist() == [0, 333, 666, 999]
    np.testing.assert_array_equal(part.images, pictures[part.labels])
    assert (part.name, part.split, part.source) == ("mine", "train", "cache")
    assert len(whole.sample(10**9)) == 1000
    with pytest.raises(ValueError, match="count is 0; ask for at least 1 image"):
        whole.sample(0)


def test_gan_images_limits_every_data_set(folder, monkeypatch):
    write_mnist(folder)
    whole = data.load_images("mnist")
    monkeypatch.setenv("GAN_IMAGES", "25")
    part = data.load_images("mnist")
    np.testing.assert_array_equal(part.images, whole.sample(25).images)
    np.testing.assert_array_equal(part.labels, whole.sample(25).labels)
    assert len(data.load_images("mnist", "test")) == 10
    assert (data.image_limit(), data.image_limit("test")) == (25, 10)
    monkeypatch.setenv("GAN_IMAGES", "999")
    assert len(data.load_images("mnist")) == len(whole)
    monkeypatch.setenv("GAN_IMAGES", "")
    assert data.image_limit() is None


@pytest.mark.parametrize("value", ["19", "-30", "many", "1e3", "30.5"])
def test_a_wrong_limit_is_an_error(value, monkeypatch):
    monkeypatch.setenv("GAN_IMAGES", value)
    with pytest.raises(ValueError, match=f"GAN_IMAGES is '{value}'.*at least 20"):
        data.load_images("mnist")


@pytest.mark.parametrize(
    ("changes", "words"),
    [
        ({"labels": np.zeros(3, np.int64)}, r"labels have shape \(3,\).*\(4,\)"),
        ({"labels": np.full(4, 2)}, "label 2 has no name"),
        ({"labels": np.full(4, -1)}, "go down to -1"),
        ({"images": np.zeros((4, 8, 8, 1), np.float32)}, "uint8"),
        ({"images": np.zeros((0, 8, 8, 1), np.uint8)}, "no image in it"),
        ({"source": "web"}, "'web'"),
    ],
)
def test_image_set_must_fit_together(changes, words):
    good = {
        "images": np.zeros((4, 8, 8, 1), np.uint8),
        "labels": np.array([0, 1, 0, 1]),
        "class_names": ("a", "b"),
        "source": "cache",
        "name": "mine",
        "split": "train",
    }
    assert len(data.ImageSet(**good)) == 4
    with pytest.raises(ValueError, match=words):
        data.ImageSet(**(good | changes))


def numbered(count, dtype=np.uint8):
    """Pictures that carry their own position in their first two pixels, and their labels."""
    pictures = np.zeros((count, 2, 2, 1), dtype)
    pictures[:, 0, 0, 0], pictures[:, 0, 1, 0] = np.divmod(np.arange(count), 256)
    return pictures, np.arange(count)


def positions(batch):
    pixels = images.to_uint8(batch.numpy()).astype(int)
    return pixels[:, 0, 0, 0] * 256 + pixels[:, 0, 1, 0]


def draw(batches, count, first_epoch=0):
    return [(positions(x), y.numpy()) for x, y in batches.dataset(first_epoch).take(count)]


def test_an_epoch_has_every_picture_once_with_its_label():
    batches = data.Batches(*numbered(1000), batch_size=10, seed=3)
    assert batches.steps_per_epoch == 100
    epochs = []
    drawn = draw(batches, 200)
    for start in (0, 100):
        seen = np.concatenate([place for place, _ in drawn[start : start + 100]])
        labels = np.concatenate([label for _, label in drawn[start : start + 100]])
        np.testing.assert_array_equal(np.sort(seen), np.arange(1000))
        np.testing.assert_array_equal(seen, labels)
        epochs.append(seen)
    assert (epochs[0] == epochs[1]).mean() < 0.02


def test_starting_at_an_epoch_equals_running_to_it():
    batches = data.Batches(*numbered(105), batch_size=10, seed=1)
    assert batches.steps_per_epoch == 10
    through, resumed = draw(batches, 50), draw(batches, 20, first_epoch=3)
    for (a, _), (b, _) in zip(through[30:], resumed, strict=True):
        np.testing.assert_array_equal(a, b)


def test_the_order_depends_on_the_seed_and_leaves_out_another_remainder():
    first, again, other = (
        np.concatenate(
            [x for x, _ in draw(data.Batches(*numbered(105), batch_size=10, seed=s), 20)]
        )
        for s in (1, 1, 2)
    )
    np.testing.assert_array_equal(first, again)
    assert (first != other).mean() > 0.9
    left_out = [set(range(105)) - set(epoch) for epoch in (first[:100], first[100:])]
    assert [len(rest) for rest in left_out] == [5, 5]
    assert left_out[0] != left_out[1]


def test_orders_of_epochs_are_uncorrelated():
    # 4 / sqrt(n) is the bound for independent orders; a weak shuffle gives 0.8.
    batches = data.Batches(*numbered(20_000), batch_size=10_000)
    drawn = [x for x, _ in draw(batches, 20)]
    orders = np.stack([np.concatenate(drawn[i : i + 2]) for i in range(0, 20, 2)])
    between = np.corrcoef(orders)[np.triu_indices(10, 1)]
    within = [
        np.corrcoef(order[:-lag], order[lag:])[0, 1] for order in orders for lag in (1, 8, 64)
    ]
    assert max(np.abs(between).max(), np.abs(within).max()) < 4 / np.sqrt(20_000)


def test_batches_convert_exactly_and_have_a_fixed_shape():
    values = np.arange(256, dtype=np.uint8).reshape(16, 4, 4, 1)
    for pictures in (values, images.to_float(values)):
        dataset = data.Batches(pictures, batch_size=16).dataset()
        assert dataset.element_spec.shape == (16, 4, 4, 1)
        assert int(dataset.cardinality()) == -1
        batch = next(iter(dataset)).numpy()
        assert batch.dtype == np.float32
        order = np.argsort(batch[:, 0, 0, 0])
        np.testing.assert_array_equal(batch[order], images.to_float(values))


def test_batches_know_what_they_hold():
    batches = data.Batches(*numbered(50), batch_size=50)
    assert (len(batches), batches.steps_per_epoch, batches.batch_size) == (50, 1, 50)
    assert (batches.has_labels, batches.image_shape) == (True, (2, 2, 1))
    _, labels = batches.dataset().element_spec
    assert (labels.shape, labels.dtype.name) == ((50,), "int32")


@pytest.mark.parametrize(
    ("changes", "words"),
    [
        ({"batch_size": 0}, "batch_size is 0"),
        ({"batch_size": 2.0}, "batch_size is 2.0"),
        ({"batch_size": 11}, "only 10 images"),
        ({"seed": -1}, "seed is -1"),
        ({"labels": np.zeros(9, int)}, r"\(9,\).*10 images"),
        ({"labels": np.zeros(10)}, "float64"),
        ({"labels": np.full(10, -2)}, "-2"),
        ({"images": np.full((10, 2, 2, 1), np.nan, np.float32)}, "NaN"),
        ({"images": np.full((10, 2, 2, 1), 200, np.float32)}, "to_float"),
        ({"images": np.zeros((0, 2, 2, 1), np.uint8)}, "no image in it"),
    ],
)
def test_batches_refuse_bad_input(changes, words):
    pictures, labels = numbered(10)
    good = {"images": pictures, "labels": labels, "batch_size": 2, "seed": 0}
    with pytest.raises(ValueError, match=words):
        data.Batches(**(good | changes))


def test_batches_refuse_a_negative_epoch():
    with pytest.raises(ValueError, match="first_epoch is -1"):
        data.Batches(*numbered(10), batch_size=2).dataset(-1)


def test_digest_is_of_pairs_and_not_of_order():
    pictures, labels = make_arrays((4, 4, 1), "train")
    order = np.random.default_rng(0).permutation(len(labels))
    expected = datasets.digest(pictures, labels)
    assert datasets.digest(pictures[order], labels[order]) == expected
    assert datasets.digest(pictures[order], labels) != expected
    assert (
        datasets.digest(np.concatenate([pictures, pictures[:1]]), np.append(labels, labels[:1]))
        != expected
    )


def test_import_loads_no_heavy_library():
    code = (
        "import sys, gan_utils.data, gan_utils.images, gan_utils.profile\n"
        "heavy = {'tensorflow', 'keras', 'matplotlib', 'certifi', 'PIL'}\n"
        "sys.exit(str(heavy & set(sys.modules)) if heavy & set(sys.modules) else 0)"
    )
    subprocess.run([sys.executable, "-c", code], check=True)


REAL_HOME = os.environ.get("KERAS_HOME", "")


@pytest.mark.parametrize(
    ("name", "split", "sums"),
    [
        ("mnist", "train", (1567298545, 267236)),
        ("mnist", "test", (264923200, 44434)),
        ("fashion_mnist", "train", (3431114169, 270000)),
        ("fashion_mnist", "test", (573469082, 45000)),
    ],
)
def test_the_real_files(name, split, sums, monkeypatch):
    monkeypatch.undo()
    monkeypatch.delenv("GAN_DATA", raising=False)
    if not REAL_HOME or datasets.SOURCES[name].missing_files():
        pytest.skip(f"KERAS_HOME does not point to the files of {name}")
    start = time.process_time()
    loaded = data.load_images(name, split)
    assert time.process_time() - start < 5
    assert (loaded.images.sum(dtype=int), loaded.labels.sum()) == sums
    assert loaded.source == "cache"


@pytest.mark.parametrize("split", data.SPLITS)
@pytest.mark.parametrize("name", embedded.NAMES)
def test_the_sample_is_drawn_from_the_real_files_bit_for_bit(name, split, monkeypatch):
    monkeypatch.undo()
    if not REAL_HOME or datasets.SOURCES[name].missing_files():
        pytest.skip(f"KERAS_HOME does not point to the files of {name}")
    monkeypatch.syspath_prepend(Path(__file__).parents[1] / "tools")
    import embed_samples

    pictures, labels = datasets.read_verified(datasets.SOURCES[name], split)
    in_order = embed_samples.IN_FILE_ORDER[name]
    places = embed_samples.draw(pictures, labels, embedded.COUNTS[split], in_order=in_order)
    sample, sample_labels = embedded.load(name, split)
    np.testing.assert_array_equal(sample, pictures[places])
    np.testing.assert_array_equal(sample_labels, labels[places])
    shares = np.bincount(sample_labels) / len(sample), np.bincount(labels) / len(labels)
    np.testing.assert_allclose(*shares, atol=2 / len(sample))
    # MNIST's test images come from two groups of writers, the first half from one.
    assert (places < len(pictures) // 2).mean() == pytest.approx(0.5, abs=0.02)


def test_the_draw_depends_on_the_images_alone_where_their_order_means_nothing(monkeypatch):
    monkeypatch.syspath_prepend(Path(__file__).parents[1] / "tools")
    import embed_samples

    pictures, labels = make_arrays((28, 28, 1), "train")
    order = np.random.default_rng(0).permutation(len(pictures))
    places = embed_samples.draw(pictures, labels, 10, in_order=False)
    again = embed_samples.draw(pictures[order], labels[order], 10, in_order=False)
    np.testing.assert_array_equal(pictures[order][again], pictures[places])
    np.testing.assert_array_equal(np.bincount(labels[places]), np.ones(10))
