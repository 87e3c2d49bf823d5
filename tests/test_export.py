"""Exported generators: the same outputs in other formats, and a clear error where they differ."""

import functools
import sys
from pathlib import Path

import keras
import numpy as np
import pytest
import tensorflow as tf
from keras import layers
from PIL import Image

from gan_utils import export, weights
from gan_utils.layers import AlwaysDropout

SIDE = 8


def plain():
    keras.utils.set_random_seed(0)
    latents = layers.Input((5,), name="latents")
    pixels = layers.Dense(SIDE * SIDE, "tanh")(latents)
    return keras.Model(latents, layers.Reshape((SIDE, SIDE, 1))(pixels))


def labeled():
    keras.utils.set_random_seed(0)
    latents, label = layers.Input((5,)), layers.Input((1,), dtype="int32")
    both = layers.Concatenate()([latents, layers.Flatten()(layers.Embedding(3, 4)(label))])
    x = layers.BatchNormalization()(layers.Dense(32)(both))
    x = layers.Conv2DTranspose(2, 4, 2, "same")(layers.Reshape((4, 4, 2))(x))
    return keras.Model([latents, label], layers.Activation("tanh")(layers.LeakyReLU()(x)))


def noisy():
    return keras.Sequential(
        [layers.Input((SIDE, SIDE, 3)), AlwaysDropout(0.5), layers.Conv2D(3, 1)]
    )


@pytest.fixture
def run(gan_utils_command):
    return functools.partial(gan_utils_command, "export")


@pytest.mark.parametrize("make", [plain, labeled])
def test_onnx_computes_the_same_for_any_batch(tmp_path, make):
    onnx = pytest.importorskip("onnx")
    pytest.importorskip("tf2onnx")
    network = make()
    assert export.export(network, tmp_path / "a.onnx") < 1e-5
    inputs = export.example_inputs(network, 7, count=5)
    if len(inputs) > 1:
        inputs[1][:] = [[0], [1], [2], [1], [0]]
    found = export.run_onnx(onnx.load(tmp_path / "a.onnx"), inputs)
    wanted = network(inputs if len(inputs) > 1 else inputs[0], training=False)
    np.testing.assert_allclose(found, wanted, atol=1e-5)


def test_saved_model_and_keras_file(tmp_path):
    network = labeled()
    for name in ("a.keras", "folder"):
        assert export.export(network, tmp_path / name) < 1e-5
        assert export.export(network, tmp_path / name) < 1e-5, "an older one is replaced"
    inputs = export.example_inputs(network, 1)
    wanted = network(inputs, training=False)
    loaded = weights.load_generator(tmp_path / "a.keras")
    np.testing.assert_allclose(loaded(inputs, training=False), wanted, atol=1e-5)
    loaded = tf.saved_model.load(str(tmp_path / "folder"))
    np.testing.assert_allclose(loaded.serve(inputs), wanted, atol=1e-5)
    assert {path.name for path in tmp_path.iterdir()} == {"a.keras", "folder"}


def test_the_command_writes_and_prints_the_difference(run, tmp_path):
    pytest.importorskip("tf2onnx")
    plain().save(tmp_path / "mine.keras")
    said = run(tmp_path / "mine.keras", tmp_path / "mine.onnx")
    assert (tmp_path / "mine.onnx").stat().st_size > 4 * 5 * SIDE * SIDE
    assert "inputs: latents (None, 5) float32" in said.out
    assert "largest difference from Keras: " in said.out
    assert said.err == ""


def test_dropout_is_left_out_and_that_is_said(run, tmp_path):
    noisy().save(tmp_path / "noisy.keras")
    said = run(tmp_path / "noisy.keras", tmp_path / "still")
    assert "dropout is left out" in said.err
    with pytest.raises(ValueError, match="differ from those of Keras"):
        export.export(noisy(), tmp_path / "folder")
    assert not (tmp_path / "folder").exists()
    network = plain()
    assert export.without_dropout(network) is network


def test_missing_converter_is_one_line(run, tmp_path, monkeypatch):
    plain().save(tmp_path / "mine.keras")
    monkeypatch.setitem(sys.modules, "tf2onnx", None)
    error = run(tmp_path / "mine.keras", tmp_path / "o.onnx", status=1).err
    assert error.count("\n") == 1
    assert "pip install 'gan-utils[export]'" in error


CASES = {
    "There is no file 'atlas'": ("atlas", "o.onnx"),
    "let it end in one of .onnx, .keras": ("mine.keras", "o.tflite"),
    "is not a SavedModel": ("mine.keras", "taken"),
}


@pytest.mark.parametrize("message", CASES)
def test_what_cannot_be_written_is_said(run, tmp_path, monkeypatch, message):
    monkeypatch.chdir(tmp_path)
    plain().save("mine.keras")
    (tmp_path / "taken").mkdir()
    Image.new("L", (4, 4)).save("taken/a.png")
    assert message in run(*CASES[message], status=1).err
    assert sorted(path.name for path in tmp_path.iterdir()) == ["mine.keras", "taken"]
    assert (tmp_path / "taken" / "a.png").exists()


def test_an_older_saved_model_stays_if_the_new_one_cannot_get_its_name(tmp_path, monkeypatch):
    path, rename = tmp_path / "saved", Path.rename
    export.export(plain(), path)
    before = sorted(part.name for part in path.rglob("*"))

    def refuse(self, target):
        if self.name.endswith(".partial"):
            raise PermissionError(13, "in use", str(self))
        return rename(self, target)

    monkeypatch.setattr(Path, "rename", refuse)
    with pytest.raises(PermissionError):
        export.export(plain(), path)
    assert sorted(part.name for part in path.rglob("*")) == before
    monkeypatch.undo()
    export.export(plain(), path)
    assert [part.name for part in tmp_path.iterdir()] == ["saved"]
