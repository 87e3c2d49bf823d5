"""Model files of Keras 2: every command names their version and a remedy that works."""

import json
import shutil
import zipfile

import h5py
import keras
import numpy as np
import pytest
from keras import layers

from gan_utils import cli, weights

COMMANDS = {
    "generate": lambda file, folder: ["generate", file, folder / "o.png"],
    "translate": lambda file, folder: ["translate", file, folder / "in.png", folder / "o.png"],
    "score": lambda file, folder: ["score", folder / "real", file],
}


def network():
    return keras.Sequential(
        [layers.Input((3,)), layers.Dense(16, "tanh", name="dense"), layers.Reshape((4, 4, 1))]
    )


@pytest.fixture
def folder(tmp_path):
    """A folder with files as Keras 2 wrote them, and one image."""
    with zipfile.ZipFile(tmp_path / "k2.keras", "w") as archive:
        archive.writestr("metadata.json", json.dumps({"keras_version": "2.15.0"}))
        config = {"module": "keras.src.engine.functional", "class_name": "Functional", "config": {}}
        archive.writestr("config.json", json.dumps(config))
        archive.writestr("model.weights.h5", b"")
    for name, version in (("k2.h5", "2.15.0"), ("k3.h5", None)):
        network().save(tmp_path / name)
        if version:
            with h5py.File(tmp_path / name, "r+") as file:
                file.attrs["keras_version"] = version
    for name in ("K2.H5", "renamed.keras"):
        shutil.copyfile(tmp_path / "k2.h5", tmp_path / name)
    network().save_weights(tmp_path / "only.weights.h5")
    (tmp_path / "broken.hdf5").write_bytes(b"no HDF5")
    keras.utils.save_img(tmp_path / "in.png", np.zeros((4, 4, 3)))
    (tmp_path / "real").mkdir()
    for name in "ab":
        keras.utils.save_img(tmp_path / "real" / f"{name}.png", np.zeros((28, 28, 3)))
    return tmp_path


def error_of(folder, command, name, capsys):
    status = cli.main([str(part) for part in COMMANDS[command](folder / name, folder)])
    captured = capsys.readouterr()
    assert status == 1, captured
    assert captured.err.count("\n") == 1
    assert str(folder / name) in captured.err
    return captured.err


@pytest.mark.parametrize("command", COMMANDS)
def test_every_command_says_what_made_the_file(folder, command, capsys):
    for name in ("k2.keras", "k2.h5", "K2.H5", "renamed.keras"):
        error = error_of(folder, command, name, capsys)
        assert "was made by Keras 2.15.0" in error
        assert "load_weights" in error
    assert "tf_keras" in error_of(folder, command, "k2.keras", capsys)


def test_other_hdf5_files_are_told_apart(folder, capsys):
    assert "load_model" in error_of(folder, "generate", "k3.h5", capsys)
    assert "weights alone" in error_of(folder, "generate", "only.weights.h5", capsys)
    assert "damaged" in error_of(folder, "generate", "broken.hdf5", capsys)


def test_the_advice_for_an_hdf5_file_works(folder):
    with h5py.File(folder / "k2.h5", "r") as file:
        wanted = file["model_weights/dense"]
        found = []
        wanted.visititems(
            lambda _, item: found.append(np.array(item)) if hasattr(item, "shape") else None
        )
    again = network()
    again.load_weights(folder / "k2.h5")
    again.save(folder / "generator.keras")
    loaded = weights.load_generator(folder / "generator.keras")
    for values in found:
        assert any(np.array_equal(values, weight) for weight in loaded.get_weights())


def test_a_saved_model_is_named(tmp_path, capsys):
    (tmp_path / "saved_model.pb").write_bytes(b"")
    with pytest.raises(ValueError, match="is a SavedModel"):
        weights.check_name(tmp_path)
