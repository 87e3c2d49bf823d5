"""Lesson 20: noise schedule, prediction target, sampler, network, training loop, and record."""

from itertools import pairwise

import keras
import numpy as np
import pytest
import tensorflow as tf
from lesson import load_lesson

from gan_utils import callbacks, model_file, records

RNG = np.random.default_rng(0)


@pytest.fixture(scope="module")
def lesson():
    return load_lesson("20_gans_and_diffusion")


@pytest.fixture
def clean(lesson):
    return RNG.uniform(-1, 1, (2, 28, 28, 1)).astype("float32")


def true_v(lesson, noisy, clean, t):
    """Return what a network would answer that knows the clean image."""
    signal, scale = lesson.SIGNAL[t], lesson.NOISE[t]
    return signal * (noisy - signal * clean) / scale - scale * clean


# ---- the schedule ------------------------------------------------------------------------------


def test_the_schedule_falls_from_the_image_to_noise(lesson):
    shares = lesson.ALPHA_BAR
    assert shares.shape == (lesson.NUM_STEPS + 1,)
    assert shares[0] == 1
    assert (np.diff(shares) < 0).all()
    assert 0 < shares[-1] < 1e-6
    np.testing.assert_allclose(lesson.SIGNAL**2 + lesson.NOISE**2, 1, rtol=1e-6)


def test_the_schedule_is_equation_17(lesson):
    progress = np.array([250, 500, 750]) / 1000
    cosines = np.cos((np.append(progress, 0) + 0.008) / 1.008 * np.pi / 2) ** 2
    np.testing.assert_allclose(lesson.ALPHA_BAR[[250, 500, 750]], cosines[:3] / cosines[3])


@pytest.mark.parametrize("t", [10, 400, 900])
def test_many_small_steps_have_the_mean_and_variance_of_one_large(lesson, t):
    value, count = 0.7, 200_000
    walk = np.full(count, value)
    for before, after in zip(lesson.ALPHA_BAR[:t], lesson.ALPHA_BAR[1 : t + 1], strict=True):
        kept = after / before
        walk = np.sqrt(kept) * walk + np.sqrt(1 - kept) * RNG.standard_normal(count)
    error = 5 / np.sqrt(count)  # five standard errors of a mean
    assert walk.mean() == pytest.approx(lesson.SIGNAL[t] * value, abs=error)
    assert walk.var() == pytest.approx(lesson.NOISE[t] ** 2, rel=2 * error, abs=1e-6)


def test_noise_is_added_by_the_level_of_each_image(lesson, clean):
    noise = RNG.standard_normal(clean.shape).astype("float32")
    steps = np.array([3, 700], "int32")
    noisy, v = (part.numpy() for part in lesson.add_noise(clean, noise, steps))
    for index, t in enumerate(steps):
        signal, scale = lesson.SIGNAL[t], lesson.NOISE[t]
        np.testing.assert_allclose(
            noisy[index], signal * clean[index] + scale * noise[index], atol=1e-6
        )
        np.testing.assert_allclose(
            v[index], true_v(lesson, noisy[index], clean[index], t), atol=1e-4
        )
    np.testing.assert_allclose(lesson.clean_guess(noisy, v, steps), clean, atol=1e-5)


# ---- the sampler -------------------------------------------------------------------------------


@pytest.mark.parametrize(("steps", "eta"), [(1000, 1.0), (1000, 0.0), (50, 0.0), (10, 0.5)])
def test_the_sampler_finds_the_image_whose_noise_it_is_told(lesson, clean, steps, eta):
    noisy = tf.constant(RNG.standard_normal(clean.shape), tf.float32)
    path = np.linspace(lesson.NUM_STEPS, 0, steps + 1).round().astype("int32")
    for t, s in pairwise(path):
        fresh = RNG.standard_normal(clean.shape).astype("float32")
        v = true_v(lesson, noisy, clean, t)
        noisy = lesson.step_back(noisy, v, (t, s), eta, fresh)
    np.testing.assert_allclose(noisy, clean, atol=1e-4)


def test_with_eta_1_a_step_is_that_of_ddpm(lesson, clean):
    """Its mean and spread are the posterior of Ho et al., equations 6 and 7."""
    t = 500
    noisy = RNG.standard_normal(clean.shape).astype("float32")
    v = true_v(lesson, noisy, clean, t)
    now, before = lesson.ALPHA_BAR[t], lesson.ALPHA_BAR[t - 1]
    beta = 1 - now / before
    mean = np.sqrt(before) * beta * clean + np.sqrt(1 - beta) * (1 - before) * noisy
    mean /= 1 - now
    quiet = lesson.step_back(noisy, v, (t, t - 1), 1.0, 0.0)
    np.testing.assert_allclose(quiet, mean, atol=1e-4)
    loud = lesson.step_back(noisy, v, (t, t - 1), 1.0, 1.0)
    spread = np.sqrt((1 - before) / (1 - now) * beta)
    np.testing.assert_allclose(loud - quiet, np.full_like(mean, spread), atol=1e-4)


def test_a_step_of_ddim_is_a_rotation(lesson):
    noisy, v = 0.1 * RNG.standard_normal((2, 4, 28, 28, 1)).astype("float32")
    turn = np.arccos(lesson.SIGNAL[600]) - np.arccos(lesson.SIGNAL[500])
    expected = np.cos(turn) * noisy - np.sin(turn) * v
    np.testing.assert_allclose(lesson.step_back(noisy, v, (600, 500)), expected, atol=1e-5)


class Shrink(keras.layers.Layer):
    def call(self, inputs, training=False):
        return 0.3 * inputs[0]


def test_with_eta_0_the_noise_decides_and_otherwise_the_seed_too(lesson):
    denoise = lesson.make_sampler(Shrink())
    begin = tf.random.stateless_normal((3, 28, 28, 1), (1, 2))
    all_steps = lesson.NUM_STEPS
    first, second = (denoise(begin, all_steps, 0.0, (seed, 0)) for seed in (1, 2))
    np.testing.assert_array_equal(first, second)
    first, again, second = (denoise(begin, 20, 1.0, (seed, 0)) for seed in (1, 1, 2))
    np.testing.assert_array_equal(first, again)
    assert np.abs(first - second).max() > 0.01


def test_images_differ_within_and_between_batches(lesson, monkeypatch):
    monkeypatch.setitem(lesson.draw.__globals__, "DRAWN_AT_ONCE", 3)
    drawn = lesson.draw(lesson.make_sampler(Shrink()), 7, 2, seed=4)
    assert drawn.shape == (7, 28, 28, 1)
    assert np.abs(drawn).max() <= 1
    assert len(np.unique(drawn.reshape(7, -1), axis=0)) == 7


# ---- the network and its training ----------------------------------------------------------------


def test_the_network_is_as_large_as_the_text_says(lesson):
    denoiser = lesson.build_denoiser()
    assert denoiser.count_params() == 1_991_937
    gan = records.recorded("01_gan", "full")["comparison"]["GAN, dense"]["parameters"]
    assert denoiser.count_params() == pytest.approx(sum(gan), rel=0.05)
    assert [layer.name for layer in denoiser.layers if not layer.trainable] == ["time"]


def test_the_network_sees_the_step(lesson):
    denoiser = lesson.build_denoiser()
    for weight in denoiser.trainable_weights:  # the last layers of the blocks start at zero
        weight.assign_add(0.01 * keras.random.normal(weight.shape, seed=1))
    noisy = RNG.standard_normal((1, 28, 28, 1)).astype("float32")
    early, late = (lesson.predict(denoiser, noisy, t).numpy() for t in (10, 900))
    assert np.abs(early - late).max() > 1e-3


def test_rows_of_the_table_of_times_differ(lesson):
    table = lesson.time_table()
    assert table.shape == (lesson.NUM_STEPS + 1, lesson.TIME_FEATURES)
    assert np.abs(np.diff(table, axis=0)).max(axis=1).min() > 0.1


@pytest.mark.parametrize("precision", ["float32", "mixed_bfloat16", "mixed_float16"])
def test_the_loss_of_one_batch_falls(lesson, precision):
    keras.config.set_dtype_policy(precision)
    try:
        model = lesson.make_diffusion(seed=1)
        batch = tf.constant(np.full((8, 28, 28, 1), -0.5), tf.float32)
        step = tf.function(model.train_step)
        losses = [float(step(batch)["loss"]) for _ in range(120)]
    finally:
        keras.config.set_dtype_policy("float32")
    assert np.mean(losses[-20:]) < 0.5 * np.mean(losses[:10])
    assert all(weight.dtype == "float32" for weight in model.ema_denoiser.trainable_weights)


def test_the_average_follows_and_the_table_of_times_stays(lesson):
    model = lesson.make_diffusion(seed=1)
    before = model.ema_denoiser.get_weights()
    model.train_step(tf.zeros((4, 28, 28, 1)))
    after = model.ema_denoiser.get_weights()
    moved = [not np.array_equal(a, b) for a, b in zip(before, after, strict=True)]
    names = [weight.path for weight in model.ema_denoiser.weights]
    assert not any(m for m, name in zip(moved, names, strict=True) if "time" in name)
    assert any(moved)
    np.testing.assert_allclose(
        model.denoiser.get_layer("time").get_weights()[0], lesson.time_table(), atol=1e-6
    )


@pytest.fixture
def batches():
    from gan_utils import Batches

    pictures = RNG.integers(0, 256, (16, 28, 28, 1)).astype("uint8")
    return Batches(pictures, batch_size=4, steps_per_epoch=2, seed=0)


def test_the_budget_ends_a_run_and_a_checkpoint_keeps_what_was_spent(lesson, batches, tmp_path):
    first = lesson.make_diffusion(seed=1)
    watching = [lesson.Clock(1e-3, 1e-3), callbacks.Checkpoint(tmp_path)]
    first.fit(batches, epochs=10, callbacks=watching, verbose=0)
    assert int(first.optimizer.iterations) == 2
    assert float(first.spent) >= 1e-3
    second = lesson.make_diffusion(seed=1)
    assert callbacks.Checkpoint(tmp_path).resume(second) == 1
    assert float(second.spent) == float(first.spent)
    for a, b in zip(first.weights, second.weights, strict=True):
        np.testing.assert_array_equal(a, b)
    for a, b in zip(first.optimizer.variables, second.optimizer.variables, strict=True):
        np.testing.assert_array_equal(a, b)


def test_the_rate_rises_stays_and_falls(lesson, monkeypatch):
    now = [0.0]
    clock = lesson.Clock(100.0, 1e-2)
    monkeypatch.setattr(lesson.time, "process_time", lambda: now[0])
    clock.set_model(lesson.make_diffusion(seed=1))
    clock.on_train_begin()
    rates = []
    for now[0] in (1.0, 10.0, 65.0, 100.0, 200.0):
        clock.on_train_batch_begin(0)
        rates.append(float(clock.model.optimizer.learning_rate))
    np.testing.assert_allclose(rates, [5e-3, 1e-2, 5e-3, 0, 0], atol=1e-8)


# ---- what ships, and the record ----------------------------------------------------------------


def test_the_network_can_be_packed(lesson, tmp_path):
    denoiser = lesson.build_denoiser()
    for weight in denoiser.trainable_weights:
        weight.assign(0.05 * keras.random.normal(weight.shape, seed=1))
    path = model_file.pack(denoiser, tmp_path / "denoiser.npz", dropped_bits=3)
    small = model_file.unpack(path)
    noisy = RNG.standard_normal((2, 28, 28, 1)).astype("float32")
    here, there = (lesson.predict(network, noisy, 300) for network in (denoiser, small))
    assert np.abs(here - there).max() < 0.05 * np.abs(here).max()


@pytest.fixture(scope="module")
def recorded():
    found = records.recorded("20_gans_and_diffusion", "full")
    if found is None:
        pytest.skip("no full run of this lesson is recorded yet")
    return found["metrics"] | {"precision": found["precision"]}


def test_recorded_runs_had_the_time_of_the_gan(recorded):
    run = records.recorded("01_gan", "full")
    gan = run["comparison"]["GAN, dense"]["seconds"]
    assert recorded["budget"] == pytest.approx(gan, rel=0.1)
    assert (run["precision"], recorded["precision"]) == ("float32", "mixed_bfloat16")
    assert recorded["seconds_of_seeds"] == pytest.approx([recorded["budget"]] * 3, rel=0.1)


def test_recorded_table_says_what_the_text_says(recorded):
    rows = {
        name: {
            key: np.mean([row[key] for row in found])
            for key in ("seconds", "samples", "distance", "distance_of_all")
        }
        for name, found in recorded["cases"].items()
    }
    assert [*rows] == ["GAN, one call", "DDPM, 1,000 steps", "DDIM, 50 steps", "DDIM, 10 steps"]
    seconds = [row["seconds"] for row in rows.values()]
    assert seconds[0] < seconds[3] < seconds[2] < seconds[1]
    gan, ancestral, fifty, ten = rows.values()
    assert gan["samples"] == ancestral["samples"]
    assert ancestral["distance"] < gan["distance"]
    assert gan["distance_of_all"] < fifty["distance_of_all"] < ten["distance_of_all"]
    assert all(recorded["real_vs_real"] < row["distance"] for row in rows.values())
    # "lesson 16's modern GAN, trained three times as long, beats both"
    modern = records.recorded("16_modern_objectives", "full")["comparison"]["R3GAN objective"]
    assert modern["seconds"] / recorded["budget"] == pytest.approx(3, abs=0.4)
    bias = gan["distance"] - gan["distance_of_all"]  # of 1,000 images against 10,000
    assert modern["distance"] + bias < min(ancestral["distance"], fifty["distance"]) / 2
