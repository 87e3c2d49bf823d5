"""Every lesson's own update works in mixed precision, with losses in float32."""

import keras
import numpy as np
import pytest
import tensorflow as tf
from lesson import load_lesson

RNG = np.random.default_rng(0)


@pytest.fixture(params=["mixed_bfloat16", "mixed_float16"])
def policy(request):
    keras.config.set_dtype_policy(request.param)
    yield request.param
    keras.config.set_dtype_policy("float32")


def pictures(count, size=28, channels=1):
    return RNG.uniform(-1, 1, (count, size, size, channels)).astype("float32")


def labels(count):
    return np.arange(count, dtype="int32") % 10


def plain(lesson, kind=None):
    from gan_utils import GAN

    gan = (kind or GAN)(lesson.build_generator(), lesson.build_discriminator(), lesson.LATENT_DIM)
    gan.compile(keras.optimizers.Adam(1e-3), keras.optimizers.Adam(1e-3))
    return gan


def acgan(lesson, settings=None):
    networks = lesson.build_generator(), lesson.build_discriminator()
    return lesson.make_gan(networks, settings or lesson.SHORT)


def sgan(matching):
    def make(lesson):
        few = RNG.integers(0, 256, (20, 28, 28, 1)).astype("uint8"), labels(20)
        return lesson.make_sgan(few, settings={"matching": matching})

    return make


def pix2pix(lesson):
    model = lesson.Pix2Pix(lesson.build_generator(), lesson.build_discriminator())
    model.compile(keras.optimizers.Adam(1e-3), keras.optimizers.Adam(1e-3))
    return model


def translator(kind):
    return lambda lesson: lesson.make_translator(lesson.WAYS[kind], 8)


def batch_14(lesson):
    return pictures(4, *lesson.build_discriminator().input_shape[2:])


CASES = {
    "01": ("01_gan", plain, lambda lesson: pictures(4)),
    "02": ("02_dcgan", plain, lambda lesson: pictures(4)),
    "04": ("04_cgan", lambda lesson: lesson.make_gan(), lambda lesson: (pictures(4), labels(4))),
    "05": ("05_cdcgan", lambda lesson: lesson.make_gan(), lambda lesson: (pictures(4), labels(4))),
    "06": ("06_acgan", acgan, lambda lesson: (pictures(4), labels(4))),
    "06 classic": (
        "06_acgan",
        lambda lesson: acgan(lesson, lesson.TUTORIAL),
        lambda lesson: (pictures(4), labels(4)),
    ),
    "07": ("07_sgan", sgan(True), lambda lesson: pictures(4)),
    "07 without matching": ("07_sgan", sgan(False), lambda lesson: pictures(4)),
    "08": ("08_infogan", lambda lesson: lesson.make_gan(), lambda lesson: pictures(4)),
    "08 classic": (
        "08_infogan",
        lambda lesson: lesson.make_gan(lesson.TUTORIAL),
        lambda lesson: pictures(4),
    ),
    "09": (
        "09_lsgan",
        lambda lesson: lesson.make_gan(lesson.LeastSquaresGAN),
        lambda lesson: pictures(4),
    ),
    "10 clipped": ("10_wgan", lambda lesson: lesson.make_clipped(), lambda lesson: pictures(20)),
    "10": ("10_wgan", lambda lesson: lesson.make_penalized(), lambda lesson: pictures(20)),
    "11": (
        "11_pix2pix",
        pix2pix,
        lambda lesson: (pictures(1, lesson.SIZE, 3), pictures(1, lesson.SIZE, 3)),
    ),
    **{
        f"12 {kind}": (
            "12_pix2pix_classes",
            translator(kind),
            lambda lesson: (pictures(2), labels(2)),
        )
        for kind in ("plain", "way 1", "way 2", "way 3")
    },
    "14": ("14_comparison", lambda lesson: plain(lesson, lesson.AugmentedGAN), batch_14),
    "15": ("15_diagnosis", plain, lambda lesson: pictures(4)),
    "16": ("16_modern_objectives", lambda lesson: lesson.make_gan(), lambda lesson: pictures(4)),
    "18": (
        "18_color_photographs",
        lambda lesson: lesson.make_gan(lesson.SHORT),
        lambda lesson: (pictures(4, lesson.SIZE, 3), labels(4)),
    ),
    "15 forgotten": (
        "15_diagnosis",
        lambda lesson: plain(lesson, lesson.ForgottenTraining),
        lambda lesson: pictures(4),
    ),
}


@pytest.mark.parametrize("case", CASES)
def test_a_lessons_update_moves_both_players(case, policy):
    name, make, draw = CASES[case]
    lesson = load_lesson(name)
    gan = make(lesson)
    batch = keras.tree.map_structure(tf.constant, draw(lesson))
    networks = gan.generator, gan.discriminator
    before = [network.get_weights() for network in networks]
    for _ in range(4):  # the first scales of the loss may be too large for float16
        logs = gan.train_step(batch)
    for network, old in zip(networks, before, strict=True):
        now = network.get_weights()
        assert all(np.isfinite(w).all() for w in now)
        assert any(not np.array_equal(a, b) for a, b in zip(now, old, strict=True))
    assert all(np.isfinite(float(value)) for value in logs.values())
    losses = {key: value.dtype for key, value in logs.items() if key in ("d_loss", "g_loss")}
    assert set(losses.values()) == {tf.float32}


def length_of_step(case, policy):
    """Return how far one step of plain gradient descent moves generator and discriminator."""
    keras.config.set_dtype_policy(policy)
    try:
        name, make, _ = CASES[case]
        gan = make(load_lesson(name))
        optimizers = [keras.optimizers.SGD(1e-3) for _ in range(2)]
        if policy == "mixed_float16":  # at Keras' own first scale, 32,768, a step may be skipped
            scaled = keras.optimizers.LossScaleOptimizer
            optimizers = [scaled(optimizer, initial_scale=256.0) for optimizer in optimizers]
        gan.compile(*optimizers)
    finally:
        keras.config.set_dtype_policy("float32")
    batch = tf.constant(np.random.default_rng(1).uniform(-1, 1, (4, 28, 28, 1)), tf.float32)
    variables = [network.trainable_variables for network in (gan.generator, gan.discriminator)]
    before = [[v.numpy() for v in part] for part in variables]
    gan.train_step(batch)
    return [
        np.sqrt(sum(np.sum(np.square(v - old)) for v, old in zip(part, values, strict=True)))
        for part, values in zip(variables, before, strict=True)
    ]


@pytest.mark.parametrize("case", ["07", "07 without matching"])
def test_a_scaled_loss_changes_no_step(case):
    """Adam divides a forgotten scale out; plain gradient descent would go 256 times as far."""
    found = length_of_step(case, "mixed_float16")
    assert found == pytest.approx(length_of_step(case, "float32"), rel=0.2)


def test_the_step_written_by_hand_runs(policy):
    lesson = load_lesson("02_dcgan")
    networks = lesson.build_generator(), lesson.build_discriminator()
    optimizers = keras.optimizers.Adam(1e-3), keras.optimizers.Adam(1e-3)
    latents = tf.random.stateless_normal((4, lesson.LATENT_DIM), [0, 1])
    losses = lesson.train_step(networks, optimizers, tf.constant(pictures(4)), latents)
    assert all(np.isfinite(float(loss)) for loss in losses)


def test_the_classifier_of_lesson_12_learns_with_a_scaled_loss_in_float16(policy):
    lesson = load_lesson("12_pix2pix_classes")
    translator = lesson.make_translator(lesson.WAYS["way 3"], 8)
    scaled = isinstance(translator.q_optimizer, keras.optimizers.LossScaleOptimizer)
    assert scaled == (policy == "mixed_float16")
    before = translator.classifier.get_weights()
    for _ in range(4):
        translator.train_step((tf.constant(pictures(2)), tf.constant(labels(2))))
    assert int(translator.q_optimizer.iterations) > 0
    now = translator.classifier.get_weights()
    assert any(not np.array_equal(a, b) for a, b in zip(now, before, strict=True))
    kept = [*translator.q_state]
    assert all(a is b for a, b in zip(kept, translator.q_optimizer.variables, strict=True))


@pytest.mark.filterwarnings("ignore:The model does not have any trainable weights")
def test_the_classic_loop_of_lesson_15_scales_the_loss_as_the_model_does(policy):
    lesson = load_lesson("15_diagnosis")
    gan = plain(lesson, lesson.FrozenDiscriminator)
    assert gan.stacked.optimizer is gan.g_optimizer
    assert gan.discriminator.optimizer is gan.d_optimizer
    scaled = isinstance(gan.g_optimizer, keras.optimizers.LossScaleOptimizer)
    assert scaled == (policy == "mixed_float16")
    before = gan.generator.get_weights()[0]
    real_images = pictures(lesson.BATCH_SIZE)
    latents = gan.generator_inputs(real_images, gan.next_seed())
    for _ in range(4):
        gan.update(tf.constant(real_images), latents, gan.generator(latents, training=True))
    assert int(gan.g_optimizer.iterations) > 0
    assert not np.array_equal(before, gan.generator.get_weights()[0])
