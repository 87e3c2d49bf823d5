"""Trained generators: the packed file, where it is searched, images of the shipped ones."""

import functools
import json
import subprocess
import sys
from pathlib import Path

import keras
import numpy as np
import pytest
from keras import layers

from gan_utils import (
    data,
    evaluation,
    images,
    lenet,
    metrics,
    model_file,
    pairs,
    records,
    weights,
)
from gan_utils import download as downloads
from gan_utils.io import file_sha256
from gan_utils.layers import AlwaysBatchNormalization, AlwaysDropout, reseed

ROOT = Path(__file__).resolve().parents[1]
NAMES = (
    *("gan", "dcgan", "cgan", "cdcgan", "acgan", "infogan", "lsgan", "wgan_gp", "r3gan"),
    *("photographs", "satellite_to_map", "map_to_satellite"),
    *("unpaired_to_map", "unpaired_to_satellite", "sketch_to_item", "denoiser"),
)
SHIPPED = weights.names()
TRANSLATORS = [name for name in SHIPPED if "images" in weights.facts(name)["inputs"]]
TRANSLATORS = [name for name in TRANSLATORS if "noise_steps" not in weights.facts(name)["inputs"]]


def conditional():
    keras.utils.set_random_seed(1)
    latents = layers.Input((6,), name="latents")
    class_labels = layers.Input((1,), dtype="int32", name="class_labels")
    rows = layers.Flatten()(layers.Embedding(4, 5)(class_labels))
    features = layers.Dense(32)(layers.Concatenate()([latents, rows]))
    features = layers.LeakyReLU(negative_slope=0.2)(layers.BatchNormalization()(features))
    pixels = layers.Dense(16, activation="tanh")(features)
    model = keras.Model([latents, class_labels], layers.Reshape((4, 4, 1))(pixels))
    rng = np.random.default_rng(1)
    model.set_weights([w + rng.uniform(0, 0.5, w.shape) for w in model.get_weights()])
    return model


def translator():
    keras.utils.set_random_seed(2)
    return keras.Sequential(
        [
            layers.Input((8, 8, 3)),
            layers.Conv2D(8, 4, strides=2, padding="same"),
            AlwaysBatchNormalization(),
            layers.ReLU(),
            AlwaysDropout(0.5),
            layers.Conv2DTranspose(3, 4, strides=2, padding="same", activation="tanh"),
        ]
    )


@pytest.fixture
def shelf(tmp_path, monkeypatch):
    """A checkout with one generator named tiny, and a cache of its own."""
    folder = tmp_path / "weights"
    folder.mkdir()
    path = model_file.pack(conditional(), folder / "tiny.npz")
    found = {"file": path.name, "sha256": file_sha256(path), "lesson": "99_tiny", "steps": 7}
    manifest = {"generators": {"tiny": found | {"date": "2026-01-01", "data": "2 pictures"}}}
    (folder / "manifest.json").write_text(json.dumps(manifest))
    monkeypatch.setattr(weights, "_FOLDER", folder)
    monkeypatch.setattr(weights, "_MANIFESTS", (folder / "manifest.json",))
    monkeypatch.setenv("KERAS_HOME", str(tmp_path / "keras"))
    return path


def forbid(monkeypatch):
    def never(file):
        raise AssertionError(f"downloads {file.url}")

    monkeypatch.setattr(downloads, "download", never)


# ---- the file --------------------------------------------------------------------------------


def test_float16_weights_give_nearly_the_same_pictures(tmp_path):
    model = conditional()
    inputs = [np.random.default_rng(0).normal(size=(50, 6)), np.arange(50)[:, None] % 4]
    exact = model(inputs, training=False)
    small = model_file.unpack(model_file.pack(model, tmp_path / "a.npz"))
    assert [tuple(part.shape) for part in small.inputs] == [(None, 6), (None, 1)]
    difference = np.abs(small(inputs, training=False) - exact).max()
    assert 0 < difference < 2 / 255
    again = model_file.pack(model, tmp_path / "b.npz")
    assert again.read_bytes() == (tmp_path / "a.npz").read_bytes(), "a hash needs equal bytes"


def test_noise_and_statistics_of_a_translator_stay_on(tmp_path):
    model = translator()
    loaded = model_file.unpack(model_file.pack(model, tmp_path / "a.npz"))
    pictures = np.random.default_rng(0).uniform(-1, 1, (1, 8, 8, 3)).astype(np.float32)
    drawn = []
    for network, seed in ((model, 3), (loaded, 3), (loaded, 4)):
        reseed(network, seed)
        drawn.append(np.asarray(network(pictures, training=False)))
    assert np.abs(drawn[0] - drawn[1]).max() < 2 / 255
    assert np.abs(drawn[1] - drawn[2]).max() > 0.1


def test_fewer_bits_round_to_the_nearest():
    values = np.array([1.0, -1.0, 1 + 3 / 1024, 1 + 5 / 1024, 2.0 - 1 / 1024, 0.0], np.float32)
    np.testing.assert_array_equal(
        model_file.rounded(values, 3), [1.0, -1.0, 1.0, 1 + 8 / 1024, 2.0, 0.0]
    )
    with pytest.raises(ValueError, match="too large for float16"):
        model_file.rounded(np.array([1e6]))
    with pytest.raises(ValueError, match="too large for float16 with 1 bits"):
        model_file.rounded(np.float32([65504]), 1)
    with pytest.raises(ValueError, match="choose 0 to 9"):
        model_file.rounded(values, 10)


def rewrite(path, change):
    """Change the description in a packed file."""
    with np.load(path) as archive:
        arrays = {name: archive[name] for name in archive.files}
    config = json.loads(arrays["config"].tobytes())
    change(config)
    arrays["config"] = np.frombuffer(json.dumps(config).encode(), np.uint8)
    np.savez(path, **arrays)


def lambda_layer(config):
    layer = layers.Lambda(lambda x: x + 1)
    config["config"]["layers"][1] = keras.saving.serialize_keras_object(layer)


def a_function(config):
    call = {"module": "os", "class_name": "function", "config": "system", "registered_name": "os"}
    config["config"]["layers"][1]["config"]["activation"] = call


def a_class(config):
    config["config"]["layers"][1] |= {"module": "subprocess", "class_name": "Popen"}


@pytest.mark.parametrize("change", [lambda_layer, a_function, a_class])
def test_a_file_that_brings_code_is_refused(tmp_path, change):
    path = model_file.pack(translator(), tmp_path / "a.npz")
    rewrite(path, change)
    with pytest.raises(ValueError, match="is not a known layer"):
        model_file.unpack(path)


def test_an_unknown_layer_is_not_packed(tmp_path):
    model = keras.Sequential([layers.Input((2,)), layers.Lambda(lambda x: x)])
    with pytest.raises(ValueError, match="Lambda, which is not a known layer"):
        model_file.pack(model, tmp_path / "a.npz")
    assert list(tmp_path.iterdir()) == []


def test_damaged_files_are_named(tmp_path):
    path = tmp_path / "a.npz"
    path.write_bytes(b"PK no archive")
    with pytest.raises(ValueError, match=r"a\.npz is not a packed generator"):
        model_file.unpack(path)
    np.savez(path, config=np.array([{"a": 1}], dtype=object))
    with pytest.raises(ValueError, match=r"a\.npz is not a packed generator"):
        model_file.unpack(path)
    model_file.pack(translator(), path)
    rewrite(path, lambda config: config["config"]["layers"].pop())
    with pytest.raises(ValueError, match="does not describe a network"):
        model_file.unpack(path)


# ---- where it is looked for ------------------------------------------------------------------


def test_the_checkout_comes_first(shelf, monkeypatch):
    forbid(monkeypatch)
    assert weights.names() == ("tiny",)
    assert weights.find("tiny") == shelf
    assert weights.load_generator("tiny").output_shape == (None, 4, 4, 1)
    assert weights.describe("tiny").startswith("trained generator 'tiny': recorded full run of")
    weights.facts("tiny")["lesson"] = "changed"
    assert weights.facts("tiny")["lesson"] == "99_tiny"


def test_a_changed_file_in_the_checkout_is_refused_and_left(shelf):
    content = shelf.read_bytes()
    shelf.write_bytes(content[:-1] + b"x")
    with pytest.raises(ValueError, match="SHA-256"):
        weights.load_generator("tiny")
    assert shelf.read_bytes() == content[:-1] + b"x"


def test_what_is_missing_is_downloaded_once(shelf, monkeypatch):
    content, asked = shelf.read_bytes(), []
    shelf.unlink()

    def download(file):
        asked.append(file.url)
        file.path.parent.mkdir(parents=True, exist_ok=True)
        file.path.write_bytes(content)

    monkeypatch.setattr(downloads, "download", download)
    first = weights.find("tiny")
    assert first == weights.find("tiny")
    assert len(asked) == 1
    assert asked[0].startswith(f"{weights.REPOSITORY}/releases/download/v")
    assert asked[0].endswith("/tiny.npz")
    first.write_bytes(b"of another version")
    assert weights.find("tiny").read_bytes() == content
    assert len(asked) == 2


def test_a_download_with_a_wrong_hash_leaves_nothing(shelf, monkeypatch, tmp_path):
    monkeypatch.setattr(downloads, "_gather", lambda url, path, _: path.write_bytes(b"else"))
    shelf.unlink()
    with pytest.raises(OSError, match="does not have the right checksum"):
        weights.load_generator("tiny")
    assert [path for path in (tmp_path / "keras").rglob("*") if path.is_file()] == []


def test_without_a_network_the_sentence_says_what_to_do(shelf):
    shelf.unlink()
    with pytest.raises(
        OSError, match=r"'tiny' is not on this machine.*cannot be reached.*Put tiny"
    ):
        weights.load_generator("tiny")


def test_unknown_names_are_refused(shelf, monkeypatch):
    with pytest.raises(ValueError, match=r"no trained generator 'biggan'; there are: tiny"):
        weights.find("biggan")
    with pytest.raises(ValueError, match=r"no file 'biggan', and it is none of tiny"):
        weights.load_generator("biggan")
    monkeypatch.setattr(weights, "_MANIFESTS", ())
    assert weights.names() == ()
    with pytest.raises(ValueError, match="none in this version"):
        weights.find("tiny")
    shelf.with_name("manifest.json").write_text("[]")
    monkeypatch.setattr(weights, "_MANIFESTS", (shelf.with_name("manifest.json"),))
    with pytest.raises(ValueError, match="is not a manifest"):
        weights.names()


def test_names_need_no_tensorflow():
    code = (
        "import sys, gan_utils; gan_utils.weights.names()\n"
        "assert not {'tensorflow', 'keras'} & set(sys.modules)"
    )
    subprocess.run([sys.executable, "-c", code], check=True)


def test_the_wheel_brings_the_manifest():
    assert f'"weights/manifest.json" = "gan_utils/{weights._MANIFESTS[1].name}"' in (
        ROOT / "pyproject.toml"
    ).read_text(encoding="utf-8")


# ---- the shipped ones ------------------------------------------------------------------------


def test_the_shipped_files_are_those_of_the_manifest_and_small():
    from tools.book import origins

    files = {path.name for path in (ROOT / "weights").glob("*.npz")}
    assert files == {weights.facts(name)["file"] for name in SHIPPED}
    assert set(SHIPPED) == set(NAMES)
    for name in SHIPPED:
        found = weights.facts(name)
        assert weights.find(name).stat().st_size == found["bytes"]
        assert found["largest_difference_in_gray_levels"] <= origins.ORIGINS[name].levels
        assert {"commit", "seed", "versions", "metrics", "seconds", "epochs"} <= set(found)
    assert sum(weights.facts(name)["bytes"] for name in SHIPPED) <= 60e6


def test_seconds_are_those_of_the_generators_own_training():
    # Lesson 11 trains several networks, and its present record does not time them apart.
    own, whole = weights.facts("satellite_to_map"), weights.facts("map_to_satellite")
    total = records.recorded("11_pix2pix", "full")["seconds"]
    assert own["seconds"] < 0.9 * total
    assert whole["seconds"] is None or whole["seconds"] < 0.9 * total
    for name, lesson, row in (
        ("gan", "01_gan", "GAN, dense"),
        ("lsgan", "09_lsgan", "LSGAN"),
        ("wgan_gp", "10_wgan", "WGAN-GP"),
    ):
        seconds = records.recorded(lesson, "full")["comparison"][row]["seconds"]
        assert weights.facts(name)["seconds"] == pytest.approx(seconds, abs=1), name


def test_the_table_in_the_book_is_that_of_the_manifest():
    from tools.book import origins

    table = origins.table({name: weights.facts(name) for name in SHIPPED})
    assert (ROOT / "book" / "trained-generators.md").read_text(encoding="utf-8") == table
    assert tuple(origins.ORIGINS) == NAMES


@pytest.mark.parametrize("name", TRANSLATORS)
def test_a_shipped_translator_translates(name):
    from tools.book import score

    found = weights.facts(name)
    network = weights.load_generator(name)
    assert [list(part.shape[1:]) for part in network.inputs] == list(found["inputs"].values())
    drawn = score.call(network, [part[:2] for part in score.example_inputs(network)])
    assert drawn.shape == (2, *found["output"])
    assert np.abs(drawn).max() <= 1
    assert drawn.std() > 0.1


def told_about(name):
    return weights.facts(name)["metrics"], weights.load_generator(name)


def test_sketches_become_what_they_show():
    from lesson import load_lesson

    told, network = told_about("sketch_to_item")
    if data.data_kind("fashion_mnist") != "real":
        pytest.skip("the figures are those of the real data set")
    items = data.load_images("fashion_mnist", "test").take(300)
    targets = images.to_float(items.images)
    sketches = np.asarray(load_lesson("12_pix2pix_classes").sketch(targets))
    reseed(network, 0)
    drawn = np.asarray(network([sketches, items.labels[:, None].astype(np.int32)], training=False))
    error = np.sqrt(told["agreement"] * (1 - told["agreement"]) / len(items))
    seen = lenet.accuracy(drawn, items.labels, "fashion_mnist")
    assert abs(seen - told["agreement"]) < 4 * error
    assert np.abs(drawn - targets).mean() / 2 == pytest.approx(told["l1"], rel=0.1)


def test_satellite_pictures_become_maps():
    from tools.book import origins, score

    told, network = told_about("satellite_to_map")
    found = origins.score_map(network, score.call, count=8)
    assert found["map_color"] == pytest.approx(told["map_color"], abs=0.04)


def test_maps_become_satellite_pictures_that_can_be_read_back():
    from tools.book import origins, score

    told, network = told_about("map_to_satellite")
    _, reader = told_about("satellite_to_map")
    seen = origins.places(8, network.inputs[0].shape[1])
    painted = score.call(network, [images.to_float(seen.target)])
    share = pairs.map_accuracy(score.call(reader, [painted]), seen.classes)
    assert share == pytest.approx(told["map_color_read_back"], abs=0.06)


@functools.cache
def real_features(data_set, count):
    real_images = data.load_images(data_set, "test").images
    return evaluation.classifier_of(data_set).features(images.evenly(real_images, count))


def test_a_shipped_denoiser_removes_noise():
    from lesson import load_lesson

    network = told_about("denoiser")[1]
    lesson = load_lesson("20_gans_and_diffusion")
    clean = images.to_float(data.load_images("mnist", "test").take(50).images)
    noise = np.random.default_rng(0).normal(size=clean.shape).astype(np.float32)
    steps = np.full(50, 400, np.int32)
    noisy, _ = lesson.add_noise(clean, noise, steps)
    guess = lesson.clean_guess(noisy, lesson.predict(network, noisy, steps), steps)
    without = np.clip(noisy / lesson.SIGNAL[400], -1, 1)
    assert np.square(guess - clean).mean() < 0.3 * np.square(without - clean).mean()


@pytest.mark.parametrize(
    "name", [name for name in SHIPPED if name not in [*TRANSLATORS, "denoiser"]]
)
def test_a_shipped_generator_draws_what_its_figures_say(name):
    from tools.book import origins, score

    found, count = weights.facts(name), 300
    network = weights.load_generator(name)
    assert [list(part.shape[1:]) for part in network.inputs] == list(found["inputs"].values())
    drawn, wishes = score.draw(name, network, count, seed=1)
    assert drawn.shape == (count, *found["output"])
    assert np.abs(drawn).max() <= 1
    data_set, told = origins.ORIGINS[name].classifier, found["scores"]
    classifier = evaluation.classifier_of(data_set)
    if wishes is not None:
        names = data.SOURCES[data_set].class_names
        meant = np.array([names.index(kind) for kind in found["classes"]])[wishes]
        error = np.sqrt(told["agreement"] * (1 - told["agreement"]) / count)
        seen = classifier.accuracy(drawn, meant)
        assert abs(seen - told["agreement"]) < 4 * error + 0.005
    if data.data_kind(data_set) != "real":
        pytest.skip("the distance is that to the real data set")
    distance = metrics.fid(real_features(data_set, 1_000), classifier.features(drawn))
    # So few pictures add to the distance what any sample adds, about 84 features' worth.
    assert told["distance"] * 0.85 - 5 < distance < told["distance"] * 1.15 + 25
