"""`metrics.score`: the same numbers from arrays, datasets, folders, models and statistics."""

import keras
import numpy as np
import pytest
import tensorflow as tf
from keras import layers
from PIL import Image

from gan_utils import images, metrics
from gan_utils.metrics import Extractor, Moments

SIDE = 28


def look(batch):
    """A tiny network: means of the image's sixteen squares, and no classes."""
    batch = batch if batch.dtype == np.uint8 else images.to_uint8(batch)
    parts = batch.reshape(len(batch), 4, SIDE // 4, 4, SIDE // 4, -1)
    return parts.mean((2, 4, 5)).reshape(len(batch), 16), None


NETWORK = Extractor("squares", "none", look)


@pytest.fixture(scope="module")
def sides():
    rng = np.random.default_rng(0)
    squares = rng.integers(0, 200, (2, 60, 4, 1, 4, 1, 1))
    base = squares + rng.integers(0, 50, (2, 60, 4, 7, 4, 7, 1))
    return base.reshape(2, 60, SIDE, SIDE, 1).astype(np.uint8)


@pytest.fixture(scope="module")
def wanted(sides):
    return metrics.measure(*(NETWORK(side) for side in sides), ["fid", "kid", "prdc"])


def as_folder(array, path):
    path.mkdir()
    for index, image in enumerate(array):
        Image.fromarray(image[..., 0]).save(path / f"{index:03}.png")
    return path


def as_dataset(array, path):
    return tf.data.Dataset.from_tensor_slices((array, np.zeros(len(array)))).batch(7)


FORMS = {
    "uint8": lambda array, path: array,
    "float": lambda array, path: images.to_float(array),
    "tensor": lambda array, path: tf.constant(array),
    "labeled dataset": as_dataset,
    "single images": lambda array, path: tf.data.Dataset.from_tensor_slices(array),
    "folder": as_folder,
    "name of a folder": lambda array, path: str(as_folder(array, path)),
    "features": lambda array, path: NETWORK(array),
}


@pytest.mark.parametrize("form", FORMS)
def test_every_form_gives_the_same_numbers(sides, wanted, tmp_path, form):
    pair = [FORMS[form](side, tmp_path / str(index)) for index, side in enumerate(sides)]
    found = metrics.score(*pair, extractor=NETWORK)
    assert found.keys() == {"fid", "precision", "recall", "density", "coverage", "kid"}
    for name, score in found.items():
        if name != "kid":  # whose subsets depend on the order
            assert score.value == pytest.approx(wanted[name].value, rel=1e-6), name
        assert (score.real_count, score.fake_count) == (60, 60)


def test_density_and_coverage_come_from_the_features_of_precision_and_recall(sides):
    found = metrics.score(*sides, ["prdc"], extractor=NETWORK, k=4)
    vectors = [NETWORK(side).vectors for side in sides]
    assert found["density"].value == metrics.density_coverage(*vectors, 4).density
    assert found["coverage"].value == metrics.density_coverage(*vectors, 4).coverage
    assert found["precision"].value == metrics.precision_recall(*vectors, 4).precision
    assert found["recall"].value == metrics.precision_recall(*vectors, 4).recall


def test_statistics_of_ours_and_of_other_tools(sides, wanted, tmp_path):
    ours = NETWORK(sides[0]).moments()
    ours.save(tmp_path / "ours.npz")
    np.savez(tmp_path / "pt.npz", mu=ours.mean, sigma=ours.covariance)
    for real in (ours, tmp_path / "ours.npz", str(tmp_path / "pt.npz")):
        (found,) = metrics.score(real, sides[1], extractor=NETWORK).values()
        assert found.value == pytest.approx(wanted["fid"].value, rel=1e-9)
    (found,) = metrics.score((ours.mean, ours.covariance), sides[1], extractor=NETWORK).values()
    assert found.value == pytest.approx(wanted["fid"].value, rel=1e-9)
    for theirs in (tmp_path / "pt.npz", (ours.mean, ours.covariance)):
        with pytest.raises(ValueError, match="Name both"):
            metrics.score(theirs, sides[1])
    with pytest.raises(ValueError, match="statistics give only the FID"):
        metrics.score(ours, sides[1], ["kid"], extractor=NETWORK)
    other = Moments.of(np.zeros((3, 16)), extractor="another")
    with pytest.raises(ValueError, match="Different extractor"):
        metrics.score(other, sides[1], extractor=NETWORK)


def test_a_model_is_drawn_from(sides):
    latents = layers.Input((8,))
    pixels = layers.Dense(SIDE * SIDE, "tanh")(latents)
    model = keras.Model(latents, layers.Reshape((SIDE, SIDE, 1))(pixels))
    found = metrics.score(sides[0], model, ["fid"], extractor=NETWORK, samples=40)
    assert (found["fid"].real_count, found["fid"].fake_count) == (40, 40)


def test_the_extractor_is_chosen_by_the_images(sides):
    found = metrics.score(*sides, ["fid"])
    assert found["fid"].extractor.startswith("LeNet (mnist")
    color = np.repeat(sides, 3, axis=-1)
    same = metrics.score(*color, ["fid"], extractor="lenet-mnist")
    assert same["fid"].value == pytest.approx(found["fid"].value, rel=1e-5)


@pytest.mark.parametrize(
    ("make", "options", "message"),
    [
        (lambda a: a * 1.0, {}, "float64"),
        (lambda a: a.astype("float32"), {}, r"outside \[-1, 1\]"),
        (lambda a: a[:1], {}, "at least 2"),
        (lambda a: a[:, :20], {"extractor": "lenet-mnist"}, "28 x 20 pixels"),
        (lambda a: a, {"extractor": "vgg"}, "no extractor 'vgg'"),
        (lambda a: tf.data.Dataset.from_tensor_slices(a).repeat(), {}, "without end"),
        (lambda a: a, {"neighbors": 3}, "neighbors"),
    ],
)
def test_what_cannot_be_scored_is_said(sides, make, options, message):
    with pytest.raises(ValueError, match=message):
        metrics.score(sides[0], make(sides[1]), **{"extractor": NETWORK} | options)


def test_an_endless_dataset_gives_as_many_as_asked(sides, wanted):
    endless = tf.data.Dataset.from_tensor_slices(sides[1]).repeat()
    found = metrics.score(sides[0], endless, ["fid"], extractor=NETWORK, samples=60)
    assert found["fid"].value == pytest.approx(wanted["fid"].value, rel=1e-6)


@pytest.mark.parametrize(("scores", "options"), [(["fidd"], {}), (None, {"sample": 5})])
def test_wrong_options_are_found_before_any_work(sides, scores, options):
    def fail(images):
        raise AssertionError("looked at images")

    network = Extractor("none", "none", fail)
    with pytest.raises(ValueError, match="Cannot measure"):
        metrics.score(*sides, scores, extractor=network, **options)


def test_a_dataset_of_dictionaries_is_explained(sides):
    named = tf.data.Dataset.from_tensor_slices({"image": sides[0]})
    with pytest.raises(ValueError, match=r"dict elements.*map"):
        metrics.score(named, sides[1])
