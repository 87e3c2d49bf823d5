"""The studies of lessons 06 to 08, 11 and 12: networks, losses, and the records of their pages."""

import json
import math
import re
from pathlib import Path

import numpy as np
import pytest
import study_acgan
import study_infogan as study
import study_sgan
import tensorflow as tf
from scipy import stats

ROOT = Path(__file__).resolve().parents[1]
PAGES = [ROOT / "book" / "studies" / f"{name}.md" for name in ("acgan-sizes", "sgan-recipe")]
PAGES += [
    ROOT / "book" / "studies" / f"{name}.md"
    for name in ("infogan-code", "class-questions", "pix2pix")
]


@pytest.mark.parametrize("page", PAGES, ids=lambda path: path.stem)
def test_every_number_of_a_study_is_in_its_record(page):
    roles = re.findall(r"\{result\}`(\w+):(\w+):([^:`]+)(?::([^`]+))?`", page.read_text("utf-8"))
    assert len(roles) >= 8
    for name, profile, key, form in roles:
        path = ROOT / "book" / "results" / f"{name}.json"
        run = json.loads(path.read_text(encoding="utf-8"))["runs"][profile]
        value = {**run, **run["metrics"]}
        for part in key.split("."):
            value = value[int(part) if isinstance(value, list) else part]
        assert format(value, form)


def test_networks_of_the_paper_for_color_have_its_sizes():
    generator, discriminator = networks = study_acgan.color_networks()
    assert study_acgan.counts(networks) == [2_994_627, 1_666_859]
    assert generator.output.shape == (None, 32, 32, 3)
    assert [tuple(head.shape) for head in discriminator.outputs] == [(None, 1), (None, 10)]


def test_scaled_networks_grow_as_the_page_says():
    half, lesson, wide = (
        study_acgan.counts(study_acgan.scaled_networks(width)) for width in (0.5, 1.0, 1.5)
    )
    assert lesson == [3_757_176, 527_627]
    # "nearly with the square of the width", and the generator more slowly
    assert 1.9 < wide[1] / lesson[1] < 2.25
    assert 1.5 < wide[0] / lesson[0] < wide[1] / lesson[1]
    assert half[0] < lesson[0]
    # "the time of a step grows faster than the width"
    path = ROOT / "book" / "results" / "study_acgan.json"
    widths = json.loads(path.read_text(encoding="utf-8"))["runs"]["full"]["metrics"]["widths"]
    assert widths["half"]["relative"] < 0.5
    assert widths["wide"]["relative"] > 1.5


def test_summary_of_sgans_by_hand():
    rows = [{"test": 0.9, "distance": 10.0}, {"test": 0.8, "distance": 30.0}]
    found = study_sgan.summary({"one": rows})["one"]
    expected = {"test": 0.85, "least": 0.8, "largest": 0.9, "distance": 20.0}
    assert found == pytest.approx(expected)


def test_gaussian_loss_against_scipy():
    rng = np.random.default_rng(1)
    codes, means, log_stds = (rng.normal(size=(50, 2)) for _ in range(3))
    expected = -stats.norm.logpdf(codes, means, np.exp(log_stds)).sum(axis=1).mean()
    found = study.gaussian_loss(*(tf.constant(x, tf.float32) for x in (codes, means, log_stds)))
    assert found.numpy() == pytest.approx(expected, rel=1e-4)


def test_squared_error_is_a_likelihood_with_variance_one_half():
    codes, means = tf.constant([[0.3, -0.8]]), tf.constant([[0.1, 0.4]])
    half = tf.fill((1, 2), np.float32(0.5 * math.log(0.5)))
    squared = study.squared_loss(codes, means, half).numpy()
    assert squared == pytest.approx(0.04 + 1.44, rel=1e-5)
    expected = squared + 2 * 0.5 * math.log(math.pi)
    assert study.gaussian_loss(codes, means, half).numpy() == pytest.approx(expected, rel=1e-5)


def test_continuous_codes_have_their_distributions_and_train():
    gan = study.LESSON.make_gan(kind=study.ContinuousInfoGAN)
    assert gan.latent_dim == 74
    assert gan.recognizer.output_shape == (None, 14)
    uniform = gan.draw_codes(4_000, tf.constant([1, 2])).numpy()
    np.testing.assert_array_equal(uniform[:, :10].sum(axis=1), 1)
    assert np.abs(uniform[:, 10:]).max() <= 1
    assert uniform[:, 10:].std() == pytest.approx(1 / math.sqrt(3), abs=0.02)
    gan.distribution = "normal"
    normal = gan.draw_codes(4_000, tf.constant([1, 2])).numpy()[:, 10:]
    assert normal.std() == pytest.approx(1, abs=0.03)
    shape = (study.SETTINGS["real_images"], 28, 28, 1)
    random = np.random.default_rng(0).integers(0, 256, shape, np.uint8)
    logs = study.go_on(gan, random, epochs=1, steps=1).history.history
    assert np.isfinite([values[-1] for values in logs.values()]).all()


def test_warm_start_keeps_the_images_and_picks_codes():
    source, trial = study.LESSON.make_gan(), study.LESSON.make_gan(num_codes=5)
    pick = np.arange(0, 10, 2)
    study.warm_start(trial, source, pick)
    noise = np.random.default_rng(4).normal(size=(5, 62)).astype("float32")
    few = np.concatenate([noise, np.eye(5, dtype="float32")], axis=1)
    full = np.concatenate([noise, np.eye(10, dtype="float32")[pick]], axis=1)
    ours, theirs = trial.generator(few, training=False), source.generator(full, training=False)
    assert np.abs(ours - theirs).mean() < 0.1 * np.abs(theirs).mean() + 0.01
