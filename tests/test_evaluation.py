"""gan_utils.evaluation: the scores of a model, one row of the comparison."""

import dataclasses
import json
import os
import subprocess
import sys
import types

import keras
import numpy as np
import pytest

from gan_utils import evaluation, images, lenet, metrics


@pytest.fixture(scope="module")
def gan():
    network = keras.Sequential([keras.Input((3,)), keras.layers.Dense(2)])
    optimizer = keras.optimizers.Adam()
    optimizer.iterations.assign(7)
    return types.SimpleNamespace(
        generator=network,
        discriminator=network,
        d_optimizer=optimizer,
        g_optimizer=optimizer,
        seconds=1.5,
    )


def test_a_row_holds_the_scores_of_the_library(digits, gan):
    pictures, labels = images.to_float(digits.images[:300]), digits.labels[:300]
    real = digits.images[300:1000]
    found = evaluation.row(gan, pictures, labels, real_images=real, batch_size=8)
    vectors = lenet.features(images.evenly(real, 300))
    fakes = lenet.features(pictures)
    assert found["distance"] == pytest.approx(metrics.fid(vectors, fakes))
    both = metrics.precision_recall(vectors, fakes)
    assert (found["precision"], found["recall"]) == (both.precision, both.recall)
    assert found["kernel_distance"] == pytest.approx(
        metrics.kid(vectors, fakes, subset_size=150).mean
    )
    assert found["agreement"] == lenet.accuracy(pictures, labels)
    assert (found["samples"], found["real_samples"]) == (300, 300)
    assert (found["seconds"], found["steps"], found["batch_size"]) == (1.5, 7, 8)
    assert found["images_seen"] == 7 * 8
    assert found["parameters"] == [8, 8]
    assert json.loads(json.dumps(found)) == found


def test_nobody_asked_for_a_class(digits, gan):
    pictures = images.to_float(digits.images[:100])
    found = evaluation.row(gan, pictures, real_images=digits.images, batch_size=8)
    assert found["agreement"] is None
    assert found["distance"] < 60, "they are the real ones"
    shifted = np.roll(pictures, 9, axis=2)
    worse = evaluation.row(gan, shifted, real_images=digits.images, batch_size=8)
    assert worse["distance"] > 2 * found["distance"]


def test_labels_that_do_not_match_are_refused(digits, gan):
    drawn = np.zeros((10, 28, 28, 1), "float32")
    with pytest.raises(ValueError, match="label"):
        evaluation.row(gan, drawn, np.arange(20) % 10, real_images=digits.images, batch_size=8)


def test_the_sheet_has_a_class_in_each_column(digits, gan):
    labels = np.repeat(np.arange(10), 30)
    pictures = np.broadcast_to(
        (labels / 10).astype("float32")[:, None, None, None], (300, 28, 28, 1)
    )
    pictures = pictures + np.random.default_rng(0).normal(0, 1e-3, pictures.shape).astype("float32")
    found = evaluation.row(gan, pictures, labels, real_images=digits.images, batch_size=8)
    sheet = evaluation.decode_image(found["sheet"])
    assert sheet.shape == (2 * 30 - 2, 10 * 30 - 2, 3)
    assert len(found["sheet"]) < 20_000
    for line in (14, 44):
        values = sheet[line, 14::30, 0].astype(int)
        np.testing.assert_allclose(values, (np.arange(10) / 10 + 1) * 127.5, atol=9)


def test_a_picture_survives_as_text():
    sheet = np.zeros((20, 30, 1), np.uint8)
    sheet[5:9, 3:] = 255
    back = evaluation.decode_image(evaluation.encode_image(sheet))
    np.testing.assert_array_equal(back, np.repeat(sheet, 3, axis=2))
    color = np.zeros((4, 6, 3), np.uint8)
    color[:, 3:] = (200, 30, 5)
    np.testing.assert_array_equal(evaluation.decode_image(evaluation.encode_image(color)), color)


def test_pictures_without_channels_are_an_error():
    with pytest.raises(ValueError, match="fake_images have shape"):
        evaluation.scores(np.zeros((3, 28, 28)), real_images=np.zeros((3, 28, 28)))


def test_fewer_real_pictures_than_drawn_ones_are_compared_too(digits):
    """The embedded sample has 2,000 test images; a row counts 5,000 drawings."""
    pictures = images.to_float(digits.images[:120])
    found = evaluation.scores(pictures, real_images=digits.images[200:240])
    assert (found["samples"], found["real_samples"]) == (120, 40)
    assert np.isfinite(found["kernel_distance"])


@pytest.mark.parametrize(("record", "count"), [("kept", 5_000), ("", 100)])
def test_only_a_run_that_is_kept_draws_all_pictures_of_its_row(tmp_path, record, count):
    folder = str(tmp_path / record) if record else ""
    found = subprocess.run(
        [sys.executable, "-c", "from gan_utils import evaluation; print(evaluation.DRAWS)"],
        env={**os.environ, "GAN_PROFILE": "quick", "GAN_RECORD": folder},
        capture_output=True,
        text=True,
        check=True,
    )
    assert int(found.stdout) == count


def test_all_scores_compare_as_many_images_drawn_evenly(digits, monkeypatch):
    monkeypatch.setenv("GAN_PROFILE", "full")
    assert evaluation.count(digits) == len(digits) < evaluation.FULL_COUNT
    few = digits.sample(200)
    others = dataclasses.replace(digits, images=np.roll(digits.images, 3, axis=0))
    floor = evaluation.noise_floor(others, few)
    sample = images.evenly(others.images, 200)
    assert floor == pytest.approx(metrics.fid(*map(lenet.features, (few.images, sample))))
    inverted = evaluation.scores(-images.to_float(few.images), real_images=few.images)
    assert 0 < floor < inverted["distance"] / 10
