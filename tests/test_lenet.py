"""The classifier in the package: its outputs, its errors, and its accuracy."""

import json
import zipfile
from dataclasses import replace
from importlib import resources
from pathlib import Path

import numpy as np
import pytest

from gan_utils import data, lenet
from gan_utils.classifiers import BATCH_SIZE, Classifier
from gan_utils.data import embedded

ROOT = Path(__file__).resolve().parents[1]


@pytest.fixture
def images():
    return np.random.default_rng(0).integers(0, 256, (7, 28, 28, 1), dtype=np.uint8)


@pytest.mark.parametrize("name", lenet.NAMES)
def test_shapes_and_ranges(images, name):
    vectors = lenet.features(images, name)
    assert vectors.shape == (7, 84)
    assert vectors.dtype == np.float32
    assert vectors.min() >= 0
    assert vectors.std() > 0
    chances = lenet.probabilities(images, name)
    assert chances.shape == (7, 10)
    np.testing.assert_allclose(chances.sum(axis=1), 1, rtol=1e-12)


def test_uint8_float_and_missing_channel_agree(images):
    expected = lenet.features(images)
    as_float = images.astype("float32") / 127.5 - 1
    np.testing.assert_allclose(lenet.features(as_float), expected, atol=1e-5)
    np.testing.assert_allclose(lenet.features(images[..., 0]), expected, atol=1e-5)


def test_result_does_not_depend_on_the_batch(images):
    many = np.concatenate([images] * 40)
    assert len(many) > BATCH_SIZE
    vectors = lenet.features(many)
    np.testing.assert_allclose(vectors[-7:], lenet.features(images), atol=1e-5)


def test_features_lead_to_the_logits(images):
    model = lenet.load("mnist")
    kernel, bias = (np.asarray(weights) for weights in model.get_layer("logits").get_weights())
    logits = lenet.features(images) @ kernel + bias
    np.testing.assert_allclose(model(images / np.float32(127.5) - 1), logits, atol=1e-3)


def test_the_model_is_shared_and_frozen():
    assert lenet.load("mnist") is lenet.load("mnist")
    assert lenet.load("mnist").trainable_weights == []


def test_the_two_networks_differ(images):
    assert (
        np.abs(lenet.features(images, "mnist") - lenet.features(images, "fashion_mnist")).max() > 1
    )


@pytest.mark.parametrize(
    ("bad", "message"),
    [
        (np.zeros((2, 32, 32, 1), np.uint8), r"\(2, 32, 32, 1\)"),
        (np.zeros((0, 28, 28, 1), np.uint8), "n > 0"),
        (np.zeros((2, 28, 28, 3), np.uint8), r"\(2, 28, 28, 3\)"),
        (np.zeros((2, 28, 28, 1), np.int32), "int32"),
        (np.full((2, 28, 28, 1), 255.0), r"\[-1, 1\]"),
        (np.full((2, 28, 28, 1), np.nan), "NaN"),
    ],
)
def test_bad_images_are_refused(bad, message):
    with pytest.raises(ValueError, match=message):
        lenet.features(bad)


def test_unknown_name_is_refused(images):
    with pytest.raises(ValueError, match=r"cifar10.*mnist, fashion_mnist"):
        lenet.features(images, "cifar10")


@pytest.mark.parametrize(
    "labels", [np.zeros(3, int), np.zeros((7, 10), int), np.full(7, 10), np.zeros(7, float)]
)
def test_bad_labels_are_refused(images, labels):
    with pytest.raises(ValueError, match="labels"):
        lenet.accuracy(images, labels)


def test_accuracy_counts_matches(images):
    predicted = lenet.probabilities(images).argmax(axis=1)
    assert lenet.accuracy(images, predicted) == 1.0
    predicted[0] = (predicted[0] + 1) % 10
    assert lenet.accuracy(images, predicted[:, np.newaxis]) == pytest.approx(6 / 7)


@pytest.mark.parametrize(("name", "least"), [("mnist", 0.992), ("fashion_mnist", 0.915)])
def test_promised_accuracy(name, least):
    assert lenet.test_accuracy(name) >= least
    if data.data_kind(name) != "real":
        pytest.skip(f"{name} itself is not at hand")
    images = data.load_images(name, "test")
    assert lenet.accuracy(images.images, images.labels, name) == pytest.approx(
        lenet.test_accuracy(name), abs=5e-4
    )


@pytest.mark.parametrize(("name", "least"), [("mnist", 0.99), ("fashion_mnist", 0.9)])
def test_reads_the_embedded_samples(name, least):
    assert lenet.accuracy(*embedded.load(name, "test"), name) > least


@pytest.mark.parametrize("name", lenet.NAMES)
def test_files_are_small_and_recorded(name):
    file = resources.files("gan_utils") / "assets" / f"lenet_{name}.npz"
    assert len(file.read_bytes()) <= 500_000
    recorded = json.loads((ROOT / "book" / "results" / "lenet.json").read_text("utf-8"))
    metrics = recorded["runs"]["full"]["metrics"][name]
    assert metrics["test_accuracy"] == lenet.test_accuracy(name)


@pytest.mark.parametrize("damage", ["missing", "truncated", "foreign", "no facts"])
def test_damaged_weights_are_named(tmp_path, monkeypatch, damage):
    good = (resources.files("gan_utils") / "assets" / "lenet_mnist.npz").read_bytes()
    path = tmp_path / "lenet_mnist.npz"
    if damage == "truncated":
        path.write_bytes(good[:1000])
    elif damage == "foreign":
        np.savez(path, weights=np.zeros(3))
    elif damage == "no facts":
        path.write_bytes(good)
        with zipfile.ZipFile(path) as source:
            parts = {name: source.read(name) for name in source.namelist() if "facts" not in name}
        with zipfile.ZipFile(path, "w") as target:
            for name, content in parts.items():
                target.writestr(name, content)
    monkeypatch.setattr(Classifier, "file", path)
    fresh = replace(lenet.classifier("mnist"))  # has read nothing yet
    with pytest.raises(ValueError, match=r"lenet_mnist\.npz"):
        getattr(fresh, "facts" if damage == "no facts" else "model")
