"""Packing the generators of a recorded run: what is written, and which errors are raised."""

import dataclasses
import hashlib
import json

import keras
import numpy as np
import pytest
from keras import layers

from gan_utils import model_file
from tools.book import pack, score

LESSON = "09_lsgan"


@pytest.fixture
def root(tmp_path, monkeypatch):
    """A repository in which lesson 09 has just been trained in full."""
    monkeypatch.setattr(score, "score", lambda *_: {"distance": 51.0})
    monkeypatch.delenv("GAN_RUNS", raising=False)
    record(tmp_path)
    (tmp_path / "_toc.yml").write_text(
        f"format: jb-book\nroot: a\nchapters:\n- file: notebooks/{LESSON}\n"
        "- file: notebooks/13_metrics\n"
    )
    keras.utils.set_random_seed(0)
    blocks = [layers.Input((6,)), layers.Dense(16, "tanh"), layers.Reshape((4, 4, 1))]
    path = pack.run_folder(tmp_path, LESSON) / "generator.keras"
    path.parent.mkdir(parents=True)
    keras.Sequential(blocks).save(path)
    return tmp_path


def record(root, source="cache", profile="full"):
    run = {
        "lesson": LESSON,
        "commit": "abc",
        "date": "2026-01-01",
        "seed": 9,
        "seconds": 12.6,
        "versions": {"keras": "3"},
        "data": {"name": "mnist", "source": source, "count": 60_000},
        "metrics": {
            "epochs": 2,
            "steps_per_epoch": 3,
            "distance_after": 50.0,
            "samples": 100,
            "extractor": "LeNet",
        },
    }
    path = root / "book" / "results" / f"{LESSON}.json"
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(json.dumps({"lesson": LESSON, "runs": {profile: run}}))


def run(root, lesson=LESSON):
    return pack.main([lesson, "--root", str(root)])


def test_a_run_is_packed_with_what_its_record_says(root, capsys):
    assert run(root) == 0
    assert "packed lsgan" in capsys.readouterr().out
    path = root / "weights" / "lsgan.npz"
    manifest = json.loads((root / "weights" / "manifest.json").read_text())["generators"]
    entry = manifest["lsgan"]
    assert entry["sha256"] == hashlib.sha256(path.read_bytes()).hexdigest()
    assert entry["bytes"] == path.stat().st_size
    assert entry["steps"] == 6
    assert entry["seconds"] == 13
    assert entry["metrics"]["distance"] == 50
    assert entry["data"] == "60,000 images of mnist"
    assert entry["inputs"] == {"latents": [6]}
    assert entry["output"] == [4, 4, 1]
    assert entry["largest_difference_in_gray_levels"] <= 1.8
    assert "| `lsgan` | [09]" in (root / "book" / "trained-generators.md").read_text()
    latents = np.random.default_rng(5).normal(size=(20, 6))
    exact = keras.saving.load_model(pack.run_folder(root, LESSON) / "generator.keras")(latents)
    assert np.abs(model_file.unpack(path)(latents) - exact).max() < 2 * 2 / 255


def test_the_inputs_of_a_denoiser_are_a_picture_and_a_noise_step():
    inputs = layers.Input((4, 4, 1)), layers.Input((1,), dtype="int32")
    scale = layers.Reshape((1, 1, 1))(layers.Embedding(9, 1)(inputs[1]))
    network = keras.Model(inputs, layers.Multiply()([inputs[0], scale]))
    found = pack.describe_network("denoiser", network, {})
    assert found["inputs"] == {"images": [4, 4, 1], "noise_steps": [1]}
    assert found.keys() == {"inputs", "output"}


def test_the_manifest_keeps_the_others_and_the_order(root):
    others = {"wgan_gp": {"inputs": {"latents": [6]}, "steps": 1, "scores": {}, "metrics": {}}}
    (root / "weights").mkdir()
    others["wgan_gp"]["bytes"] = 1
    (root / "weights" / "manifest.json").write_text(json.dumps({"generators": others}))
    assert run(root) == 0
    manifest = json.loads((root / "weights" / "manifest.json").read_text())["generators"]
    assert list(manifest) == ["lsgan", "wgan_gp"]


def refused(root, capsys):
    before = sorted(path for path in root.rglob("*") if path.is_file())
    assert run(root) == 1
    assert sorted(path for path in root.rglob("*") if path.is_file()) == before
    return capsys.readouterr().err


def test_a_generator_that_is_not_the_recorded_one_is_refused(root, capsys, monkeypatch):
    monkeypatch.setattr(score, "score", lambda *_: {"distance": 80.0})
    assert "distance is 80.000, but the recorded run had 50.000" in refused(root, capsys)


def test_a_run_on_embedded_images_is_refused(root, capsys):
    record(root, source="embedded")
    assert "embedded images" in refused(root, capsys)


def test_without_a_full_run_the_message_says_how_to_get_one(root, capsys):
    record(root, profile="quick")
    assert f"make train LESSON={LESSON}" in refused(root, capsys)
    record(root)
    (pack.run_folder(root, LESSON) / "generator.keras").unlink()
    assert "the run did not write" in refused(root, capsys)


def test_pictures_that_change_too_much_are_refused(root, capsys, monkeypatch):
    strict = dataclasses.replace(pack.ORIGINS["lsgan"], levels=0.0)
    monkeypatch.setitem(pack.ORIGINS, "lsgan", strict)
    assert "gray levels" in refused(root, capsys)


def test_a_lesson_that_does_not_exist_is_an_error(root, capsys):
    with pytest.raises(SystemExit):
        run(root, "09")
    assert "there is no lesson '09'" in capsys.readouterr().err


def test_a_lesson_without_a_generator_has_nothing_to_pack(root, capsys):
    assert run(root, "13_metrics") == 0
    assert "it ships no generator" in capsys.readouterr().out
