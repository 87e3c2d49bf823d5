"""Lesson 15: each injected fault changes only what it claims, and the index links to it."""

import re

import keras
import numpy as np
import pytest
import tensorflow as tf
from lesson import NOTEBOOKS, load_lesson

from gan_utils import GAN, evaluation, images, records

SIGNS = {"low", "high", "moved", "statistics", "gap", "jump", "variety"}
PAGE = (NOTEBOOKS / "15_diagnosis.py").read_text(encoding="utf-8")


@pytest.fixture(scope="module")
def lesson():
    return load_lesson("15_diagnosis")


@pytest.fixture(scope="module")
def pictures():
    """Bytes with a dark and a bright half, so that both ends of the range are there."""
    noise = np.random.default_rng(0).integers(0, 256, (64, 28, 28, 1))
    noise[:, :14] //= 64
    noise[:, :2], noise[:, -2:] = 0, 255
    return noise.astype("uint8")


@pytest.fixture(scope="module")
def healthy(lesson, pictures):
    return lesson.run_case(pictures, steps=8)


def make(lesson, game, rate=1e-3):
    keras.utils.set_random_seed(0)
    networks = lesson.build_generator(), lesson.build_discriminator()
    gan = game(*networks, lesson.LATENT_DIM, ema_decay=None, seed=0)
    gan.compile(keras.optimizers.Adam(rate), keras.optimizers.Adam(rate))
    return gan


# ---- the index -------------------------------------------------------------------------------


def test_the_index_leads_to_every_case_and_nowhere_else():
    anchors = re.findall(r'<a id="([^"]+)"></a>\n#\n# ## ', PAGE)
    assert len(anchors) == len(set(anchors)) == PAGE.count("<a id=")
    assert set(re.findall(r'href="#([^"]+)"', PAGE)) == set(anchors)
    names = re.findall(r'examine\("(\w+)"', PAGE)
    assert [anchor.replace("-", "_") for anchor in anchors] == names


def test_every_case_has_its_number_and_its_fix(lesson):
    cases = re.split(r'# <a id="[^"]+"></a>\n', PAGE)[1:]
    cases[-1] = cases[-1].split("# ## All cases")[0]
    assert len(cases) == len(lesson.EXPECTED) == 9
    for case in cases[1:]:
        assert re.search(r"The\s(?:# )?number", case)
        assert re.search(r"The fix|the fix", case)
        assert "show_case(" in case
        assert "compare(" in case


# ---- the signs -------------------------------------------------------------------------------


def test_mean_distance_by_hand(lesson):
    points = np.zeros((3, 28, 28, 1), "float32")
    points[1, 0, 0], points[2, 0, 1] = 3, 4
    assert lesson.mean_distance(points) == pytest.approx((3 + 4 + 5) / 3)
    assert lesson.mean_distance(np.ones((4, 28, 28, 1))) == 0


def test_signs_of_a_run_by_hand(lesson, pictures):
    gan = make(lesson, GAN)
    before = gan.discriminator.get_weights()
    kernel = gan.discriminator.weights[0]
    kernel.assign_add(tf.ones(kernel.shape) * 0.25)
    history = {
        "d_loss": [9.0, 0, 1, 1, 1, 1, 3, 1],
        "g_loss": [0.0, 9, 1, 1, 1, 1, 1, 1],
        "d_real": [0.0] * 6 + [0.5, 0.7],
        "d_fake": [1.0] * 6 + [0.1, 0.2],
    }
    real = images.to_float(pictures)
    signs = lesson.vital_signs(gan, before, history, real, real)
    assert signs == pytest.approx(
        {
            "low": -1,
            "high": 1,
            "moved": 0.25,
            "statistics": 0,
            "gap": 0.45,
            "jump": 0.8,
            "variety": 1,
        }
    )


def test_a_loss_that_is_not_a_number_is_the_largest_jump(lesson, pictures):
    history = dict.fromkeys(("d_loss", "g_loss", "d_real", "d_fake"), [0.5] * 4)
    history["g_loss"] = [0.5, 0.5, np.nan, np.nan]
    gan = make(lesson, GAN)
    real = images.to_float(pictures)
    signs = lesson.vital_signs(gan, gan.discriminator.get_weights(), history, real, real)
    assert signs["jump"] == lesson.LARGEST
    assert max(lesson.thin(history["g_loss"])) == lesson.LARGEST


def test_each_alarm_rings_for_its_own_sign(lesson):
    well = {"low": -1, "high": 1, "moved": 0.1, "statistics": 1, "gap": 0.1, "jump": 1} | {
        "variety": 1
    }
    assert lesson.diagnose(well) == []
    changes = {
        "range": {"low": 0},
        "frozen": {"moved": 0},
        "training": {"statistics": 0},
        "swapped": {"gap": -0.9},
        "rate": {"jump": 1000},
        "wins": {"gap": 0.99},
        "collapse": {"variety": 0.2},
    }
    for alarm, change in changes.items():
        assert lesson.diagnose(well | change) == [alarm]
    assert lesson.diagnose(well | {"high": 255}) == ["range"]
    assert set(lesson.EXPECTED.values()) == {None, *changes}


# ---- the sabotages ---------------------------------------------------------------------------


def test_a_healthy_run_moves_both_players(lesson, healthy):
    assert set(healthy["signs"]) == SIGNS
    assert healthy["signs"]["moved"] > 0
    assert healthy["signs"]["statistics"] > 0
    assert (healthy["signs"]["low"], healthy["signs"]["high"]) == (-1, 1)
    assert {len(curve) for curve in healthy["curves"].values()} == {8}


def test_all_cases_start_alike(lesson, pictures, healthy):
    changed = lesson.run_case(pictures, steps=2, g_rate=lesson.RATE / 100)
    assert changed["curves"]["d_loss"][0] == healthy["curves"]["d_loss"][0]
    again = lesson.run_case(pictures, steps=2)
    assert again["curves"] == {name: curve[:2] for name, curve in healthy["curves"].items()}


def test_the_frozen_discriminator_does_not_move_and_the_generator_does(lesson, pictures):
    with pytest.warns(UserWarning, match="does not have any trainable weights"):
        found = lesson.run_case(pictures, game=lesson.FrozenDiscriminator, steps=2)
    assert found["signs"]["moved"] == 0
    assert found["signs"]["statistics"] > 0
    assert lesson.diagnose(found["signs"])[0] == "frozen"


def test_swapped_labels_exchange_the_two_terms(lesson):
    real, fake = tf.constant([[3.0]]), tf.constant([[-2.0]])
    swapped, right = make(lesson, lesson.SwappedLabels), make(lesson, GAN)
    assert float(swapped.discriminator_loss(real, fake)) == pytest.approx(
        np.log1p(np.exp(3)) + np.log1p(np.exp(2)), rel=1e-5
    )
    assert swapped.discriminator_loss(fake, real) == right.discriminator_loss(real, fake)
    assert swapped.generator_loss(fake) == right.generator_loss(fake)


@pytest.mark.parametrize(("game", "high"), [("PixelsFrom0To1", 1), ("PixelsFrom0To255", 255)])
def test_wrong_ranges_change_what_the_discriminator_sees(lesson, pictures, game, high):
    gan = make(lesson, getattr(lesson, game))
    seen = np.asarray(gan.real_inputs(images.to_float(pictures)))
    np.testing.assert_allclose(seen, pictures * (high / 255), rtol=1e-4, atol=1e-4)
    fakes = tf.ones((2, 28, 28, 1))
    assert gan.fake_inputs(fakes, None) is fakes


def test_forgotten_training_leaves_the_statistics_and_the_dropout_alone(lesson, pictures):
    gan = make(lesson, lesson.ForgottenTraining)
    batch = tf.constant(images.to_float(pictures[:8]))
    before = gan.discriminator.get_weights(), gan.generator.get_weights()
    gan.train_step(batch)
    norms = [x for x in gan.generator.layers if isinstance(x, keras.layers.BatchNormalization)]
    assert all(not np.any(layer.moving_mean) for layer in norms)
    assert all(np.all(layer.moving_variance.numpy() == 1) for layer in norms)
    for network, old in zip((gan.discriminator, gan.generator), before, strict=True):
        assert any(
            not np.array_equal(a, b) for a, b in zip(network.get_weights(), old, strict=True)
        )
    # Dropout is off: the same batch gets the same verdict twice.
    np.testing.assert_array_equal(gan.discriminator(batch), gan.discriminator(batch))


# ---- what is kept ----------------------------------------------------------------------------


def test_a_sheet_survives_its_way_through_text(pictures):
    text = evaluation.encode_image(images.grid(images.to_float(pictures[:16]), columns=4))
    sheet = evaluation.decode_image(text)[..., 0]
    assert sheet.shape == (118, 118)
    expected = images.grid(pictures[:16], columns=4)[..., 0].astype(int)
    assert np.abs(sheet - expected).mean() < 16
    assert len(text) < 16_000


def test_a_curve_is_thinned_to_means_and_peaks(lesson):
    values = np.zeros(400)
    values[399] = 10
    assert len(lesson.thin(values)) == lesson.POINTS
    assert lesson.thin(values)[-1] == 1
    assert lesson.thin(values, np.max)[-1] == 10


# ---- what the recorded run reached -------------------------------------------------------------


@pytest.fixture(scope="module")
def reached():
    return records.recorded("15_diagnosis", "full")["metrics"]


def test_recorded_first_alarm_of_each_case_names_it(lesson, reached):
    assert list(reached["cases"]) == list(lesson.EXPECTED)
    for name, alarm in lesson.EXPECTED.items():
        found = lesson.diagnose(reached["cases"][name]["signs"])
        assert found[:1] == ([alarm] if alarm else []), name


def test_recorded_alarms_are_right_at_other_seeds_too(lesson, reached):
    assert list(reached["seeds"]) == list(lesson.EXPECTED)
    for name, found in reached["seeds"].items():
        assert found["right"] == len(lesson.OTHER_SEEDS) == len(found["variety"]), name


def test_recorded_curves_are_as_the_page_describes_them(reached):
    cases = reached["cases"]
    signs = {name: case["signs"] for name, case in cases.items()}
    last = {name: {k: v[-1] for k, v in case["curves"].items()} for name, case in cases.items()}
    assert 0 < signs["healthy"]["gap"] < 0.3, "by a little"
    assert last["wins"]["d_loss"] < last["healthy"]["d_loss"] / 10
    assert last["wins"]["g_loss"] > 3 * last["healthy"]["g_loss"], "several times its healthy value"
    assert 0.4 < last["collapse"]["d_fake"] < 0.6, "the curves look harmless"
    assert last["frozen"]["d_fake"] > last["frozen"]["d_real"]
    assert last["frozen"]["d_loss"] > 1.5 * cases["frozen"]["curves"]["d_loss"][0], "it rises"
    assert last["frozen"]["g_loss"] < 0.1, "almost nothing"
    assert max(last["swapped"]["d_loss"], last["swapped"]["g_loss"]) < 1e-3, "both fall to zero"
    assert (signs["range_01"]["low"], signs["range_255"]["high"]) == (0, 255)
    assert max(cases["rate"]["curves"]["g_loss"]) > 100


def test_recorded_runs_without_training_depend_on_the_seed(reached):
    signs = {name: case["signs"] for name, case in reached["cases"].items()}
    assert signs["training"]["variety"] > 0.9 * signs["healthy"]["variety"]
    assert max(reached["seeds"]["training"]["variety"]) < 0.01, "a single image"
