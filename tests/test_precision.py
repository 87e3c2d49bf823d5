"""Mixed precision: what stays in float32, loss scaling, and skipped updates."""

import subprocess
import sys
from dataclasses import replace

import keras
import numpy as np
import pytest
import tensorflow as tf
from keras import layers

from gan_utils import GAN, Checkpoint, lenet, losses, metrics, precision, records, weights
from gan_utils.layers import AlwaysBatchNormalization

POLICIES = ("mixed_bfloat16", "mixed_float16")
LATENT_DIM = 8


@pytest.fixture(autouse=True)
def global_policy():
    yield keras.config.set_dtype_policy
    keras.config.set_dtype_policy("float32")


@pytest.fixture
def real_images():
    return np.random.default_rng(0).uniform(-1, 1, (32, 4, 4, 1)).astype("float32")


def build_gan(optimizer=lambda: keras.optimizers.SGD(0.1), slope=1.0, **options):
    keras.utils.set_random_seed(7)
    generator = keras.Sequential(
        [
            layers.Input((LATENT_DIM,)),
            layers.Dense(32),
            layers.BatchNormalization(),
            layers.LeakyReLU(),
            layers.Dense(16, activation="tanh"),
            layers.Reshape((4, 4, 1)),
        ]
    )
    discriminator = keras.Sequential(
        [layers.Input((4, 4, 1)), layers.Flatten(), layers.Rescaling(slope), layers.Dense(1)]
    )
    gan = GAN(generator, discriminator, LATENT_DIM, **options)
    gan.compile(optimizer(), optimizer())
    return gan


def moves(network, gan, batch, steps=1):
    before = [w.numpy() for w in network.trainable_variables]
    for _ in range(steps):
        gan.train_step(tf.constant(batch))
    return [w.numpy() - b for w, b in zip(network.trainable_variables, before, strict=True)]


def apart(first, second):
    """Return the largest difference in relation to the largest value, the worst of all arrays."""
    return max(
        np.abs(a - b).max() / max(np.abs(b).max(), 1e-30)
        for a, b in zip(first, second, strict=True)
    )


def test_unused_units_for_bfloat16_are_named_once(global_policy, monkeypatch, tmp_path, caplog):
    info = tmp_path / "cpuinfo"
    info.write_text("flags : fpu avx512_bf16\n", encoding="utf-8")
    monkeypatch.setattr(records, "_CPU_INFO", info)
    precision.hint_at_bfloat16.cache_clear()
    for _ in range(2):
        build_gan()
    (line,) = (entry.getMessage() for entry in caplog.records if entry.name == "gan_utils")
    assert "avx512_bf16" in line
    assert "GAN_PRECISION=mixed_bfloat16" in line
    assert "\n" not in line


@pytest.mark.parametrize("case", ["chosen", "in use", "no units"])
def test_nothing_is_said_where_bfloat16_is_no_news(
    case, global_policy, monkeypatch, tmp_path, caplog
):
    info = tmp_path / "cpuinfo"
    info.write_text("flags : fpu" + " amx_bf16\n" * (case != "no units"), encoding="utf-8")
    monkeypatch.setattr(records, "_CPU_INFO", info)
    if case == "chosen":
        monkeypatch.setenv("GAN_PRECISION", "float32")
    if case == "in use":
        global_policy("mixed_bfloat16")
    precision.hint_at_bfloat16.cache_clear()
    build_gan()
    precision.hint_at_bfloat16.cache_clear()
    assert not [entry for entry in caplog.records if entry.name == "gan_utils"]


@pytest.mark.parametrize("policy", POLICIES)
def test_all_that_leaves_the_networks_is_float32(policy, global_policy, real_images):
    global_policy(policy)
    gan = build_gan()
    assert gan.generator.layers[0].compute_dtype in precision.HALF
    logs = gan.train_step(tf.constant(real_images))
    assert {value.dtype for value in logs.values()} == {tf.float32}
    assert all(v.dtype == "float32" for v in gan.trainable_variables)
    assert not precision.half_layers(gan.ema_generator)
    gan.fit(real_images, batch_size=8, epochs=2, verbose=0)
    assert gan.generate(3).dtype == np.float32
    latents = tf.ones((2, LATENT_DIM)) * 1.001
    np.testing.assert_array_equal(gan(latents), gan.ema_generator(latents, training=False))
    statistics = gan.generator.layers[1]
    assert statistics.moving_mean.dtype == "float32"


def test_without_an_average_samples_are_float32_too(global_policy, real_images):
    global_policy("mixed_float16")
    gan = build_gan(ema_decay=None)
    gan.fit(real_images, batch_size=8, verbose=0)
    assert gan.generate(3).dtype == np.float32


def test_both_optimizers_scale_the_loss_in_float16_only(global_policy):
    kinds = {}
    for policy in ("float32", *POLICIES):
        global_policy(policy)
        gan = build_gan(lambda: "adam")
        kinds[policy] = {type(gan.d_optimizer).__name__, type(gan.g_optimizer).__name__}
    assert kinds == {
        "float32": {"Adam"},
        "mixed_bfloat16": {"Adam"},
        "mixed_float16": {"LossScaleOptimizer"},
    }
    gan.compile("adam", "rmsprop", auto_scale_loss=False)
    assert type(gan.g_optimizer).__name__ == "RMSprop"


def test_small_gradients_do_not_vanish_in_float16(global_policy, real_images):
    def generator_moves(**options):
        gan = build_gan(slope=1e-6)
        rate = 1e4  # else the weights, float32, would be too coarse for such small moves
        gan.compile(keras.optimizers.SGD(rate), keras.optimizers.SGD(rate), **options)
        return [move for move in moves(gan.generator, gan, real_images) if move.ndim == 2]

    expected = generator_moves()
    global_policy("mixed_float16")
    unscaled, scaled = generator_moves(auto_scale_loss=False), generator_moves()
    assert all(np.mean(move == 0) > 0.9 for move in unscaled)
    assert not any(
        np.any((move == 0) & (there != 0)) for move, there in zip(scaled, expected, strict=True)
    )
    assert apart(scaled, expected) < 0.05


def test_an_optimizer_that_scales_the_loss_moves_as_far_as_without(real_images):
    def wrapped():
        return keras.optimizers.LossScaleOptimizer(keras.optimizers.SGD(0.1))

    def static():
        return keras.optimizers.SGD(0.1, loss_scale_factor=1024.0)

    def moved(*optimizer):
        gan = build_gan(*optimizer)
        return [
            move
            for network in (gan.generator, gan.discriminator)
            for move in moves(network, gan, real_images, steps=2)
            if move.ndim == 2
        ]

    expected = moved()
    for optimizer in (wrapped, static):
        assert apart(moved(optimizer), expected) < 1e-3


def test_a_skipped_update_moves_nothing_is_counted_and_has_latents_of_its_own(
    global_policy, real_images, monkeypatch
):
    global_policy("mixed_float16")
    gan = build_gan()
    batch = tf.constant(real_images)
    gan.train_step(batch)
    seeds = []
    draw = gan.generator_inputs
    monkeypatch.setattr(
        gan, "generator_inputs", lambda b, seed, count=None: seeds.append(seed) or draw(b, seed)
    )
    before = [w.numpy() for w in [*gan.generator.trainable_weights, *gan.ema_generator.weights]]
    loss = gan.generator_loss
    monkeypatch.setattr(gan, "generator_loss", lambda logits: loss(logits) * np.inf)
    logs = gan.train_step(batch)
    after = [w.numpy() for w in [*gan.generator.trainable_weights, *gan.ema_generator.weights]]
    kernels = len(gan.generator.trainable_weights)
    assert all(np.array_equal(a, b) for a, b in zip(before[:kernels], after, strict=False))
    assert all(np.array_equal(a, b) for a, b in zip(before[kernels:], after[kernels:], strict=True))
    assert (float(logs["d_skipped"]), float(logs["g_skipped"])) == (0, 1)
    assert float(gan.g_optimizer.dynamic_scale) == 2.0**14
    monkeypatch.setattr(gan, "generator_loss", loss)
    assert float(gan.train_step(batch)["g_skipped"]) == 1
    assert int(gan.g_optimizer.iterations) == 2
    assert not np.array_equal(seeds[0], seeds[1])


def test_a_resumed_run_in_float16_ends_in_the_same_bits(global_policy, real_images, tmp_path):
    def run(folder, *ends):
        for end in ends:
            # The first scale is too large for float16, so that some updates are skipped.
            gan = build_gan(
                lambda: keras.optimizers.LossScaleOptimizer(
                    keras.optimizers.Adam(1e-3), initial_scale=2.0**20, dynamic_growth_steps=3
                )
            )
            gan.fit(
                real_images, batch_size=8, epochs=end, verbose=0, callbacks=[Checkpoint(folder)]
            )
        return gan

    global_policy("mixed_float16")
    whole, resumed = run(tmp_path / "a", 4), run(tmp_path / "b", 2, 4)
    assert int(whole.g_skipped) > 0
    for one, other in (
        (whole.variables, resumed.variables),
        (whole.d_optimizer.variables, resumed.d_optimizer.variables),
        (whole.g_optimizer.variables, resumed.g_optimizer.variables),
    ):
        assert all(np.array_equal(a, b) for a, b in zip(one, other, strict=True))


@pytest.mark.parametrize("policy", POLICIES)
def test_saved_generators_load_and_draw_in_float32(policy, global_policy, tmp_path):
    global_policy(policy)
    gan = build_gan()
    latents = tf.ones((2, LATENT_DIM))
    for name in ("generator", "ema_generator"):
        getattr(gan, name).save(tmp_path / f"{name}.keras")
        loaded = weights.load_generator(tmp_path / f"{name}.keras")
        assert not precision.half_layers(loaded)
        images = loaded(latents, training=False)
        assert images.dtype == tf.float32
        np.testing.assert_allclose(images, gan.ema_generator(latents), atol=1e-6)


def test_a_loss_of_a_variant_gets_float32_and_may_stay_in_16_bits(global_policy, real_images):
    global_policy("mixed_float16")
    seen = []

    class Variant(GAN):
        def generator_objective(self, batch, inputs, fake_images):
            logits = self.discriminator(fake_images)
            seen.append((fake_images.dtype, logits.dtype, tf.concat([batch, fake_images], 0).dtype))
            loss = tf.cast(tf.reduce_mean(-logits), tf.float16)
            return loss, {"g_loss": loss}

    plain = build_gan()
    gan = Variant(plain.generator, plain.discriminator, LATENT_DIM)
    gan.compile("sgd", "sgd")
    gan.train_step(tf.constant(real_images))
    assert seen == [(tf.float32,) * 3]
    assert int(gan.g_optimizer.iterations) == 1


@pytest.mark.parametrize("policy", POLICIES)
def test_the_penalty_is_computed_in_float32(policy, global_policy, real_images):
    def penalty():
        keras.utils.set_random_seed(1)
        # A slope of 1e-7 is zero in float16.
        critic = keras.Sequential(
            [layers.Input((4, 4, 1)), layers.Flatten(), layers.Rescaling(1e-7), layers.Dense(1)]
        )
        with tf.GradientTape() as tape:
            value = losses.gradient_penalty(
                critic, tf.constant(real_images), tf.zeros_like(real_images), tf.constant([1, 2])
            )
        gradient = tape.gradient(value, critic.trainable_variables[0])
        return np.append(gradient.numpy().ravel(), value), critic

    expected, _ = penalty()
    global_policy(policy)
    found, critic = penalty()
    np.testing.assert_array_equal(found, expected)
    assert critic.layers[-1].compute_dtype in precision.HALF  # put back afterwards


def test_losses_of_16_bit_logits_are_float32():
    logits = tf.constant([0.1, -2.3], tf.bfloat16)
    for name in ("cross_entropy", "least_squares", "wasserstein"):
        pair = getattr(losses, f"{name}_discriminator_loss")(logits, logits)
        one = getattr(losses, f"{name}_generator_loss")(logits)
        assert pair.dtype == one.dtype == tf.float32


@pytest.mark.parametrize("policy", POLICIES)
def test_helper_networks_are_float32_whatever_the_policy(policy, global_policy, digits):
    expected = lenet.features(digits.images[:50])
    global_policy(policy)
    fresh = replace(lenet.classifier("mnist"))  # reads its weights and builds anew
    features = fresh.features(digits.images[:50])
    np.testing.assert_array_equal(features, expected)
    assert metrics.fid(features, features) == pytest.approx(0, abs=1e-3)
    assert keras.config.dtype_policy().name == policy


def test_features_in_bfloat16_are_compared_as_float32():
    features = np.random.default_rng(0).standard_normal((40, 4)).astype("float32")
    half = tf.cast(features, tf.bfloat16).numpy()
    assert metrics.fid(half, half) == pytest.approx(0, abs=1e-5)


def test_statistics_of_the_batch_are_taken_in_float32(global_policy):
    inputs = tf.constant(np.random.default_rng(0).normal(50, 1, (1, 16, 16, 2)), tf.bfloat16)
    expected = AlwaysBatchNormalization()(tf.cast(inputs, tf.float32))
    global_policy("mixed_bfloat16")
    outputs = AlwaysBatchNormalization()(inputs)
    assert outputs.dtype == tf.bfloat16
    np.testing.assert_allclose(tf.cast(outputs, tf.float32), expected, atol=0.02)


def test_weights_in_16_bits_are_refused(global_policy):
    global_policy("bfloat16")
    with pytest.raises(ValueError, match="mixed_bfloat16"):
        build_gan()


def test_one_variable_sets_the_precision_and_records_keep_it(monkeypatch):
    code = (
        "import keras; from gan_utils import GAN, profile, records; "
        "before = keras.config.dtype_policy().name; "
        "keras.config.set_dtype_policy(profile.precision); "
        "print(before, keras.config.dtype_policy().name, records.record('x', {})['precision'])"
    )

    def run(value):
        monkeypatch.setenv("GAN_PRECISION", value)
        return subprocess.run(
            [sys.executable, "-c", code], capture_output=True, text=True, check=False
        )

    assert run("mixed_bfloat16").stdout.split() == ["float32", *["mixed_bfloat16"] * 2]
    assert "GAN_PRECISION is 'half'; choose one of float32" in run("half").stderr


def test_the_origin_of_a_record_names_a_precision_that_is_not_the_default(global_policy):
    assert "float32" not in records.origin(records.record("x", {}))
    global_policy("mixed_bfloat16")
    assert "mixed_bfloat16" in records.origin(records.record("x", {}))


def test_weights_in_64_bits_are_refused(global_policy):
    global_policy("float64")
    with pytest.raises(ValueError, match="is float64; build"):
        build_gan()
