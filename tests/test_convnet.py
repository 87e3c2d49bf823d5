"""The classifier for images in color: its network, its weights, and the scores that use it."""

import json
from pathlib import Path

import keras
import numpy as np
import pytest

from gan_utils import convnet, evaluation

ROOT = Path(__file__).resolve().parents[1]


@pytest.fixture
def photographs():
    return np.random.default_rng(0).integers(0, 256, (7, 32, 32, 3), dtype=np.uint8)


def test_shapes_and_ranges(photographs):
    vectors, chances = convnet.CIFAR10.look(photographs)
    assert vectors.shape == (7, convnet.WIDTHS[-1])
    assert vectors.min() >= 0
    assert vectors.std() > 0
    np.testing.assert_allclose(chances.sum(axis=1), 1, rtol=1e-12)
    np.testing.assert_allclose(
        convnet.CIFAR10.features(photographs / np.float32(127.5) - 1), vectors, atol=1e-4
    )


def test_images_of_another_shape_are_refused(photographs):
    with pytest.raises(ValueError, match=r"\(7, 32, 32\); expected \(n, 32, 32, 3\)"):
        convnet.CIFAR10.features(photographs[..., 0])


def test_an_image_and_its_mirror_image_have_the_mean_of_their_features(photographs):
    vectors = convnet.CIFAR10.features(photographs)
    mirrored = photographs[:, :, ::-1]
    np.testing.assert_allclose(convnet.CIFAR10.features(mirrored), vectors, atol=1e-4)
    single = convnet.build_convnet(mirror=False)
    single.set_weights(convnet.CIFAR10.model.get_weights())
    one_way = keras.Model(single.inputs, single.get_layer("features").output)
    parts = [one_way(images / np.float32(127.5) - 1) for images in (photographs, mirrored)]
    assert np.abs(parts[0] - parts[1]).max() > 1e-2
    np.testing.assert_allclose((parts[0] + parts[1]) / 2, vectors, atol=1e-4)


def test_whitening_filters_whiten():
    noise = np.random.default_rng(1).normal(size=(400, 8, 8, 1))
    images = np.clip(0.2 * noise + [0.1, -0.1, 0.0], -1, 1).astype("float32")
    images += np.random.default_rng(2).normal(size=images.shape).astype("float32") * 0.1
    filters = convnet.whitening_filters(images)
    assert filters.shape == (2, 2, 3, 24)
    np.testing.assert_array_equal(filters[..., :12], -filters[..., 12:])
    windows = np.lib.stride_tricks.sliding_window_view(images, (2, 2), axis=(1, 2))
    found = np.einsum("nhwcij,ijck->nhwk", windows, filters[..., :12]).reshape(-1, 12)
    covariance = np.cov(found, rowvar=False)
    np.testing.assert_allclose(covariance - np.diag(np.diag(covariance)), 0, atol=1e-2)
    assert (np.diag(covariance) > 0.8).all()


def test_the_shipped_weights_are_small_and_those_of_the_record():
    assert len(convnet.CIFAR10.file.read_bytes()) <= 3_000_000
    recorded = json.loads((ROOT / "book" / "results" / "convnet.json").read_text("utf-8"))
    found = recorded["runs"]["full"]["metrics"]["cifar10"]
    assert found["test_accuracy"] == convnet.CIFAR10.facts["test_accuracy"] >= 0.89
    assert found["parameters"] == convnet.build_convnet().count_params()


def test_every_name_has_its_classifier():
    names = ("mnist", "fashion_mnist", "cifar10")
    assert [evaluation.classifier_of(name).name for name in names] == [*names]
    with pytest.raises(ValueError, match="'cifar100'; choose one of mnist, fashion_mnist, cifar10"):
        evaluation.classifier_of("cifar100")


@pytest.mark.filterwarnings("ignore:7 samples")
def test_the_protocol_scores_color(photographs):
    labels = evaluation.classifier_of("cifar10").look(photographs)[1].argmax(axis=1)
    found = evaluation.scores(photographs, labels, real_images=photographs, classifier="cifar10")
    assert found["distance"] == pytest.approx(0, abs=1e-3)
    assert found["agreement"] == 1
    assert found["extractor"] == "ConvNet (cifar10)"


def test_a_sheet_in_color_keeps_its_colors():
    ramp = np.linspace(0, 255, 64).astype(np.uint8)
    sheet = np.stack(np.broadcast_arrays(ramp[:, None], ramp[None], ramp[:, None] // 2), axis=-1)
    found = evaluation.decode_image(evaluation.encode_image(sheet)).astype(int)
    assert np.abs(found - sheet).mean() < 8
    fine = np.arange(256, dtype=np.uint8)  # so many colors that a palette would leave steps
    sheet = np.stack(np.broadcast_arrays(fine[:, None], fine[None], fine[:, None] // 2), axis=-1)
    text = evaluation.encode_image(sheet)
    assert np.abs(evaluation.decode_image(text).astype(int) - sheet).mean() < 2
    assert len(text) < sheet.size / 4
