"""Trained generators: found by file or name, and scored by `gan-utils score`."""

import json
import subprocess
import sys

import numpy as np
import pytest
from PIL import Image

from gan_utils import cli, data, model_file, weights
from gan_utils.metrics import sources
from gan_utils.metrics.sources import Wish


@pytest.fixture
def no_names(monkeypatch):
    monkeypatch.setattr(weights, "_MANIFESTS", ())


@pytest.fixture
def some_names(monkeypatch):
    monkeypatch.setattr(weights, "names", lambda: ("dcgan", "cgan"))
    monkeypatch.setattr(weights, "find", "the file of {}".format)
    monkeypatch.setattr(model_file, "unpack", "the generator in {}".format)


@pytest.fixture(scope="module")
def files(tmp_path_factory):
    """Generators of 28x28 pictures, plain and with one of four classes, saved as lessons do."""
    import keras
    from keras import layers

    keras.utils.set_random_seed(0)
    folder = tmp_path_factory.mktemp("generators")
    latents = layers.Input((6,))
    class_labels = layers.Input((1,), dtype="int32")
    class_means = layers.Reshape((784,))(layers.Embedding(4, 784)(class_labels))
    drawn = layers.Dense(784, activation="tanh")(latents)
    picture = layers.Reshape((28, 28, 1))
    keras.Model(latents, picture(drawn)).save(folder / "plain.keras")
    asked = keras.Model([latents, class_labels], picture(layers.Add()([drawn, class_means])))
    asked.save(folder / "asked.keras")
    keras.Model(latents, layers.Dense(2)(latents)).save(folder / "points.keras")
    keras.Sequential([layers.Input((28, 28, 1)), layers.Flatten()]).save(folder / "judge.keras")
    return folder


@pytest.mark.usefixtures("no_names")
def test_a_file_is_loaded(files):
    generator = weights.load_generator(files / "plain.keras")
    assert generator(np.zeros((3, 6), np.float32)).shape == (3, 28, 28, 1)
    assert weights.load_generator(str(files / "asked.keras")).inputs[1].shape == (None, 1)


@pytest.mark.usefixtures("some_names")
def test_a_name_is_asked_for_where_the_weights_are(files):
    assert weights.load_generator("dcgan") == "the generator in the file of dcgan"
    with pytest.raises(ValueError, match=r"'biggan'.*none of dcgan, cgan"):
        weights.load_generator("biggan")
    assert weights.check_name(files / "plain.keras")
    assert not weights.check_name("cgan")


@pytest.mark.usefixtures("no_names")
def test_without_weights_the_message_says_so(tmp_path):
    with pytest.raises(ValueError, match=r"no file 'dcgan'.*brings no trained"):
        weights.load_generator("dcgan")
    with pytest.raises(ValueError, match=r"no file .*absent\.keras; a lesson"):
        weights.load_generator(tmp_path / "absent.keras")


@pytest.mark.usefixtures("no_names")
def test_a_damaged_file_is_named(tmp_path):
    path = tmp_path / "broken.keras"
    path.write_bytes(b"no archive")
    with pytest.raises(ValueError, match=r"broken\.keras cannot be loaded as a Keras model"):
        weights.load_generator(path)


@pytest.mark.usefixtures("no_names")
def test_a_file_that_brings_code_is_refused(tmp_path):
    import keras

    path = tmp_path / "code.keras"
    keras.Sequential([keras.Input((2,)), keras.layers.Lambda(lambda x: x)]).save(path)
    with pytest.raises(ValueError, match="cannot be loaded"):
        weights.load_generator(path)


@pytest.mark.usefixtures("no_names")
def test_a_saved_generator_is_scored(files, capsys):
    arguments = ["score", str(files / "plain.keras"), str(files / "asked.keras"), "--json"]
    options = ["--samples", "60", "--metric", "fid", "pr", "--extractor", "lenet-mnist"]
    assert cli.main([*arguments, *options]) == 0
    found = json.loads(capsys.readouterr().out)
    assert found["fake"] == {"source": f"generator {files / 'asked.keras'}", "count": 60}
    assert found["scores"]["fid"]["value"] > 0
    assert 0 <= found["scores"]["precision"]["value"] <= 1
    assert cli.main([*arguments, *options]) == 0
    assert json.loads(capsys.readouterr().out)["scores"] == found["scores"]


@pytest.mark.usefixtures("no_names")
def test_only_the_classes_that_a_generator_knows_are_asked_for(files, monkeypatch):
    asked = []
    generator = weights.load_generator(files / "asked.keras")

    class Watched:
        inputs, layers = generator.inputs, generator.layers

        def __call__(self, inputs, training):
            asked.extend(inputs[1][:, 0])
            return generator(inputs, training=training)

    monkeypatch.setattr(weights, "load_generator", lambda _: Watched())
    source = sources.open_source(str(files / "asked.keras"), Wish(samples=40))
    assert sum(len(batch) for batch in source.batches(16)) == 40
    assert set(asked) == {0, 1, 2, 3}


@pytest.mark.usefixtures("no_names")
@pytest.mark.parametrize(
    ("name", "message"),
    [
        ("judge.keras", "translates images and cannot draw"),
        ("points.keras", "shape"),
        ("absent.keras", "no file"),
    ],
)
def test_what_cannot_be_scored_is_explained(files, capsys, monkeypatch, name, message):
    monkeypatch.setenv("GAN_DATA", "embedded")
    monkeypatch.setattr(data, "_announced", {"mnist"})
    arguments = ["score", "mnist", str(files / name), "--samples", "50", "--metric", "fid"]
    assert cli.main(arguments) == 1
    error = capsys.readouterr().err
    assert message in error
    assert error.startswith("gan-utils score: ")
    assert error.count("\n") == 1


def test_a_denoiser_is_for_its_lesson(monkeypatch, capsys, tmp_path):
    entry = {"inputs": {"images": [28, 28, 1], "noise_steps": [1]}}
    monkeypatch.setattr(weights, "_manifest", lambda: {"denoiser": entry})
    with pytest.raises(ValueError, match="step by step: lesson 20"):
        weights.inputs_of("denoiser", None)
    monkeypatch.setattr(weights, "names", lambda: ("denoiser",))
    Image.new("L", (28, 28)).save(tmp_path / "in.png")
    arguments = ["translate", "denoiser", str(tmp_path / "in.png"), str(tmp_path / "out.png")]
    assert cli.main(arguments) == 1
    assert "step by step: lesson 20" in capsys.readouterr().err


def test_looking_for_a_name_needs_no_tensorflow():
    script = (
        "import sys\n"
        "from gan_utils import weights\n"
        "try:\n    weights.load_generator('no such generator')\n"
        "except ValueError:\n    print('tensorflow' in sys.modules)\n"
    )
    command = [sys.executable, "-c", script]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert done.stdout.strip() == "False"
