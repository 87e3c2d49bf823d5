"""Lesson 18: networks, projection, augmentation, which weights move, and the record."""

import keras
import numpy as np
import pytest
import tensorflow as tf
from lesson import load_lesson
from stand_in_graph import stand_in

from gan_utils import model_file, records, weights, who_moved
from gan_utils.layers import SpectralNormalization

TINY = {"width": 4, "batch_size": 4, "d_rate": 1e-3, "g_rate": 1e-3, "ema_decay": 0.9}
RNG = np.random.default_rng(0)


@pytest.fixture(scope="module")
def lesson():
    return load_lesson("18_color_photographs")


@pytest.fixture(params=["float32", "mixed_bfloat16", "mixed_float16"])
def policy(request):
    keras.config.set_dtype_policy(request.param)
    yield request.param
    keras.config.set_dtype_policy("float32")


@pytest.fixture
def photographs():
    return tf.constant(RNG.uniform(-1, 1, (6, 32, 32, 3)), tf.float32)


@pytest.fixture
def batch(photographs):
    return photographs, tf.constant([0, 1, 2, 0, 1, 2], tf.int64)


# ---- the networks ------------------------------------------------------------------------------


@pytest.mark.parametrize("num_classes", [2, 10])
def test_the_networks_fit_each_other(lesson, num_classes):
    generator = lesson.build_generator(4, num_classes)
    discriminator = lesson.build_discriminator(4, num_classes)
    labels = tf.constant([[0], [num_classes - 1]])
    drawn = generator([tf.zeros((2, lesson.LATENT_DIM)), labels])
    assert drawn.shape == (2, 32, 32, 3)
    assert discriminator([drawn, labels]).shape == (2, 1)


def test_each_class_scales_and_shifts_the_normalized_features(lesson):
    features, labels = keras.Input((2, 2, 3)), keras.Input((1,), dtype="int32")
    network = keras.Model(
        [features, labels], lesson.conditional_norm(features, labels, num_classes=2)
    )
    scale, shift = (layer for layer in network.layers if isinstance(layer, keras.layers.Embedding))
    values = RNG.normal(size=(8, 2, 2, 3)).astype("float32")
    asked = np.tile([[0], [1]], (4, 1))
    plain = network([values, asked], training=True).numpy()
    np.testing.assert_allclose(plain.mean(axis=(0, 1, 2)), 0, atol=1e-5)
    np.testing.assert_allclose(plain.std(axis=(0, 1, 2)), 1, atol=1e-2)
    scale.set_weights([np.array([[1, 1, 1], [2, 3, 4]])])
    shift.set_weights([np.array([[0, 0, 0], [5, 6, 7]])])
    found = network([values, asked], training=True).numpy()
    np.testing.assert_allclose(found[::2], plain[::2], atol=1e-5)
    np.testing.assert_allclose(found[1::2], plain[1::2] * [2, 3, 4] + [5, 6, 7], atol=1e-4)


def test_the_logit_is_a_projection_of_the_features(lesson, photographs):
    network = lesson.build_discriminator(4)
    pooled = next(layer for layer in network.layers if isinstance(layer, keras.layers.Rescaling))
    features = keras.Model(network.inputs, pooled.output)
    wrapped = [layer for layer in network.layers if isinstance(layer, SpectralNormalization)]
    realness, rows = (
        next(wrap for wrap in wrapped if getattr(wrap.layer, "units", 0) == units)
        for units in (1, 10)
    )
    kernels = [wrap.normalized_weights()[1].numpy() for wrap in (realness, rows)]
    labels = tf.constant([[0], [3], [9], [3], [1], [7]])
    vectors = features([photographs, labels]).numpy()
    expected = vectors @ kernels[0] + realness.layer.bias.numpy()
    chosen = kernels[1].T[labels.numpy()[:, 0]]
    expected += (vectors * chosen).sum(axis=1, keepdims=True)
    np.testing.assert_allclose(network([photographs, labels]), expected, atol=1e-5)


def test_logits_have_32_bits_under_every_policy(lesson, policy):
    assert lesson.build_discriminator(4).output.dtype == "float32"


def test_the_generator_can_be_packed(lesson, tmp_path):
    generator = lesson.build_generator(4)
    small = model_file.unpack(model_file.pack(generator, tmp_path / "g.npz"))
    inputs = [RNG.normal(size=(2, lesson.LATENT_DIM)).astype("float32"), np.array([[1], [8]])]
    np.testing.assert_allclose(small(inputs), generator(inputs), atol=0.05)


# ---- the augmentation --------------------------------------------------------------------------


def test_colors_change_by_hand(lesson, photographs):
    neutral = [tf.fill((6,), 0.5)] * 3
    np.testing.assert_allclose(lesson.change_colors(photographs, neutral), photographs, atol=1e-5)
    half, zero = tf.fill((6,), 0.5), tf.zeros(6)
    gray = lesson.change_colors(photographs, [half, zero, half]).numpy()
    assert np.ptp(gray, axis=3).max() < 1e-5
    brighter = lesson.change_colors(photographs, [tf.ones(6), half, half])
    np.testing.assert_allclose(brighter, photographs + 0.5, atol=1e-5)
    flat = lesson.change_colors(photographs, [half, half, zero]).numpy()
    deviation = photographs.numpy().std(axis=(1, 2, 3))
    np.testing.assert_allclose(flat.std(axis=(1, 2, 3)), 0.5 * deviation, rtol=1e-4)


@pytest.mark.parametrize(("chance", "move"), [(0.0, -4), (0.5, 0), (0.999, 4)])
def test_a_shift_moves_by_at_most_an_eighth(lesson, photographs, chance, move):
    found = lesson.shift(photographs, [tf.fill((6,), chance), tf.fill((6,), 0.5)]).numpy()
    rows = np.arange(32) + move
    inside = (rows >= 0) & (rows < 32)
    np.testing.assert_array_equal(found[:, inside], photographs.numpy()[:, rows[inside]])
    assert not found[:, ~inside].any()
    across = lesson.shift(photographs, [tf.fill((6,), 0.5), tf.fill((6,), chance)]).numpy()
    np.testing.assert_array_equal(across[:, :, inside], photographs.numpy()[:, :, rows[inside]])


def test_the_square_hides_about_a_quarter(lesson):
    ones = tf.ones((2, 32, 32, 3))
    found = lesson.cut_out(ones, [tf.fill((2,), 0.5), tf.constant([0.5, 0.0])]).numpy()
    hidden = (found == 0).all(axis=3)
    assert hidden[0].sum() == 15 * 15
    assert hidden[1].sum() == 15 * 8, "a square over the edge hides less"
    assert set(np.unique(found)) == {0.0, 1.0}


def test_gradients_pass_through_the_augmentation(lesson, photographs):
    with tf.GradientTape() as tape:
        tape.watch(photographs)
        total = tf.reduce_sum(lesson.augment(photographs, tf.constant([1, 2])) ** 2)
    gradients = tape.gradient(total, photographs).numpy()
    assert np.isfinite(gradients).all()
    assert (np.abs(gradients).sum(axis=(1, 2, 3)) > 0).all()


def test_the_same_seed_gives_the_same_augmentation(lesson, photographs):
    first, again, other = (
        lesson.augment(photographs, tf.constant(seed)).numpy() for seed in ([1, 2], [1, 2], [1, 3])
    )
    np.testing.assert_array_equal(first, again)
    assert np.abs(first - other).max() > 0.1


# ---- the step ----------------------------------------------------------------------------------


@pytest.mark.parametrize("augments", [False, True])
def test_each_update_moves_its_own_player_alone(lesson, policy, batch, augments):
    gan = lesson.make_gan(TINY, 3, augments)
    for _ in range(8):  # the first scales of the loss may be too large for float16
        logs = gan.train_step(batch)
    assert all(np.isfinite(float(value)) for value in logs.values())
    changes = dict(who_moved(gan, batch).rows)
    d_changes, g_changes = changes["discriminator"], changes["generator"]
    assert d_changes["discriminator"] > 0
    assert d_changes["generator"] == 0
    assert g_changes["generator"] > 0
    assert {value for part, value in g_changes.items() if "discriminator" in part} == {0.0}


def test_the_losses_are_the_hinge_of_the_logits(lesson, batch):
    gan = lesson.make_gan(TINY, 3)
    fakes, labels = -batch[0], tf.constant([[2], [1], [0], [2], [1], [0]])
    real = gan.discriminator([batch[0], batch[1][:, None]]).numpy()
    fake = gan.discriminator([fakes, labels]).numpy()
    g_loss, _ = gan.generator_objective(batch, [None, labels], fakes)
    assert float(g_loss) == pytest.approx(-fake.mean(), abs=1e-6)
    calls = gan.discriminator.call
    gan.discriminator.call = lambda inputs, **_: calls(inputs, training=False)
    d_loss, logs = gan.discriminator_objective(batch, [None, labels], fakes)
    expected = np.maximum(0, 1 - real).mean() + np.maximum(0, 1 + fake).mean()
    assert float(d_loss) == pytest.approx(expected, abs=1e-5)
    assert float(logs["real_logit"]) == pytest.approx(real.mean(), abs=1e-5)


def test_what_is_asked_for_is_drawn_and_repeats(lesson):
    gan = lesson.make_gan(TINY, 3)
    labels = np.array([0, 1, 2, 2])
    first, again = (lesson.draw(gan, labels, seed=4) for _ in range(2))
    assert first.shape == (4, 32, 32, 3)
    np.testing.assert_array_equal(first, again)


# ---- the scores and the records ----------------------------------------------------------------


@pytest.mark.filterwarnings("ignore:12 samples")
def test_inception_scores_the_images_where_it_can_be_had(lesson, tmp_path, photographs, capsys):
    path = tmp_path / "graph.pb"
    path.write_bytes(stand_in()[0])
    real = RNG.integers(0, 256, (12, 32, 32, 3), dtype=np.uint8)
    same = lesson.inception_distance(real, real, path)
    assert same == pytest.approx(0, abs=1e-3)
    assert lesson.inception_distance(255 - real // 4, real, path) > same
    assert lesson.inception_distance(real, real, tmp_path / "none.pb") is None
    assert "without Inception" in capsys.readouterr().out


def test_the_studys_figure_has_a_line_for_each_run(lesson, monkeypatch):
    drawn = []
    monkeypatch.setattr(lesson.plt, "show", lambda: drawn.append(lesson.plt.gcf()))
    rows = [
        {"augments": augments, "gaps": [0.1, 0.4 * seed], "distances": [9.0, 5.0 + seed]}
        for seed in (1, 2)
        for augments in (False, True)
    ]
    lesson.draw_study(rows, {"passes": 50.0})
    for axis, key in zip(drawn[0].axes, ("gaps", "distances"), strict=True):
        assert [list(line.get_ydata()) for line in axis.lines] == [row[key] for row in rows]
        assert list(axis.lines[0].get_xdata()) == [25, 50]
    words = [text.get_text() for text in drawn[0].axes[0].get_legend().get_texts()]
    assert words == ["not augmented", "augmented"]
    lesson.plt.close("all")


@pytest.fixture
def recorded():
    found = records.recorded("18_color_photographs", "full")
    if found is None:
        pytest.skip("no full run of this lesson is recorded yet")
    return found


def test_the_recorded_run_is_what_the_text_says(recorded):
    found = recorded["metrics"]
    scored = recorded["comparison"]["projection GAN"]
    assert scored["images_seen"] / recorded["data"]["count"] >= 29.9
    assert recorded["precision"] == "mixed_bfloat16"
    assert found["real_vs_real"] < found["distance_after"] < found["distance_before"]
    assert found["leaked"] > found["real_vs_real"]
    assert len(found["classes"]) == 10
    for scores in (found, weights.facts("photographs")["scores"]):
        assert scores["agreement"] == pytest.approx(0.5, abs=0.05)  # "half of them"


def test_the_recorded_study_says_what_the_text_says():
    study = records.recorded("study_augmentation", "full")
    if study is None:
        pytest.skip("no study of this lesson is recorded yet")
    runs = study["metrics"]["runs"]
    plain, augmented = (
        [run["distance"] for run in runs if run["augments"] == kind] for kind in (False, True)
    )
    assert len(plain) == len(augmented) == 3
    # "With each seed augmentation lowers the distance and raises the recall."
    assert max(augmented) < min(plain)
    recalls = {kind: [run["recall"] for run in runs if run["augments"] == kind] for kind in (0, 1)}
    assert min(recalls[True]) > max(recalls[False])
    # "Yet neither discriminator has a gap": of logits that lie some units apart
    assert max(abs(run["gaps"][-1]) for run in runs) < 0.2
