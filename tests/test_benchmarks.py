"""What the benchmarks count and compare."""

import itertools
import time
from pathlib import Path

import bench_precision_quality
import bench_quality
import keras
import numpy as np
import pytest
import tensorflow as tf
import workers
from arithmetic import matrix_rate, operations_of, time_shares
from bench_lessons import where_time_goes
from bench_precision import SCALE, zero_gradients
from cases import CASES, case_of
from keras import layers
from runners import waiting_share

from gan_utils import GAN, records

BATCH = 4
SMALL = ("01", "04", "07", "08", "10 clipped")


def compiled(generator, discriminator, latent_dim):
    gan = GAN(generator, discriminator, latent_dim, ema_decay=None)
    gan.compile(d_optimizer=keras.optimizers.Adam(), g_optimizer=keras.optimizers.Adam())
    return gan


def test_products_of_a_dense_step_are_those_on_paper():
    generator = keras.Sequential([layers.Input((3,)), layers.Dense(5)])
    discriminator = keras.Sequential([layers.Input((5,)), layers.Dense(1)])
    found = operations_of(compiled(generator, discriminator, 3), tf.zeros((BATCH, 5)))
    g_forward, d_forward = 2 * BATCH * 3 * 5, 2 * BATCH * 5 * 1
    # D: twice forward, twice its weights' gradient. G: forward, D forward and back, its gradient.
    assert found == 2 * d_forward + 2 * d_forward + g_forward + 2 * d_forward + g_forward


def test_convolutions_are_counted_in_both_directions():
    generator = keras.Sequential(
        [layers.Input((4, 4, 2)), layers.Conv2DTranspose(3, 2, strides=2, padding="same")]
    )
    discriminator = keras.Sequential(
        [layers.Input((8, 8, 3)), layers.Conv2D(5, 4, strides=2, padding="same")]
    )

    class FromPictures(GAN):
        def generator_inputs(self, batch, seed, count=None):
            return tf.zeros((count or BATCH, 4, 4, 2))

    gan = FromPictures(generator, discriminator, 1, ema_decay=None)
    gan.compile(d_optimizer=keras.optimizers.Adam(), g_optimizer=keras.optimizers.Adam())
    found = operations_of(gan, tf.zeros((BATCH, 8, 8, 3)))
    g_forward = 2 * BATCH * 4 * 4 * 2 * 2 * 2 * 3
    d_forward = 2 * BATCH * 4 * 4 * 5 * 4 * 4 * 3
    assert found == 2 * d_forward + 2 * d_forward + g_forward + 2 * d_forward + g_forward


def test_a_step_without_products_is_refused():
    class Still(keras.Model):
        def train_step(self, batch):
            return batch + 1

    with pytest.raises(RuntimeError, match="no matrix product"):
        operations_of(Still(), tf.zeros((1,)))


def test_the_machine_does_some_products():
    assert matrix_rate() > 1e8


def test_a_profile_names_the_operations_and_their_shares():
    weights = tf.Variable(tf.ones((512, 512)))

    @tf.function
    def step(batch):
        return [tf.reduce_sum(tf.nn.relu(batch @ weights))]

    batch = tf.ones((512, 512))
    step(batch)
    shares = time_shares(step, batch)
    assert sum(shares.values()) == pytest.approx(1)
    assert list(shares.values()) == sorted(shares.values(), reverse=True)
    found = where_time_goes(shares)
    assert found["product_share"] > 0.3
    assert not any("MatMul" in other["name"] for other in found["others"])
    assert "Sum" in [other["name"] for other in found["others"]]


def test_products_of_dcgan_are_those_on_paper():
    case = case_of("02")
    g_dense, g_first = 100 * 7 * 7 * 256, 7 * 7 * 256 * 128 * 25
    g_rest = 7 * 7 * 128 * 64 * 25 + 14 * 14 * 64 * 25
    d_first, d_rest = 14 * 14 * 64 * 25, 7 * 7 * 128 * 64 * 25 + 7 * 7 * 128
    # G: forward, its weights' and its inputs' gradients, except those of the noise. D on real and
    # fake: the same. G's step through D: forward, and its inputs' gradients.
    of_g = 3 * (g_dense + g_first + g_rest) - g_dense
    of_d = 2 * (3 * (d_first + d_rest) - d_first)
    through_d = 2 * (d_first + d_rest)
    found = operations_of(case.make_gan(), tf.zeros((BATCH, 28, 28, 1)))
    assert found == 2 * BATCH * (of_g + of_d + through_d)


def test_waiting_for_a_slow_source_is_seen():
    def slow():
        while True:
            time.sleep(0.02)
            yield tf.zeros((1,))

    assert waiting_share(lambda batch: batch[0], slow(), 5) > 0.5
    assert waiting_share(lambda batch: batch[0], itertools.repeat(tf.zeros((1,))), 5) < 0.5


def made_up_batch(case):
    count = case.batch_size * case.critic_steps
    pictures = np.zeros((count, 28, 28, 1), "float32")
    return (pictures, np.arange(count, dtype="int32") % 10) if case.labeled else pictures


@pytest.mark.parametrize(
    "case", [case for case in CASES if case.lesson in SMALL], ids=lambda case: case.lesson
)
def test_all_players_of_the_classic_loop_move(case):
    networks, batch = case.networks(), made_up_batch(case)
    step = case.loop(case, networks, batch)
    before = [network.get_weights() for network in networks]
    step(batch)
    for network, old in zip(networks, before, strict=True):
        changes = [np.abs(a - b).max() for a, b in zip(network.get_weights(), old, strict=True)]
        assert max(changes) > 0
        assert np.isfinite(changes).all()


def test_weights_of_the_clipping_loop_stay_in_their_box():
    case = case_of("10 clipped")
    networks, batch = case.networks(), made_up_batch(case)
    case.loop(case, networks, batch)(batch)
    assert max(np.abs(weights).max() for weights in networks[1].get_weights()) <= 0.01 + 1e-8


@pytest.mark.parametrize("case", CASES, ids=lambda case: case.lesson)
def test_each_case_makes_a_model_without_an_average(case):
    gan = case.make_gan()
    assert gan.ema_decay is None
    assert gan.batches_per_step == case.critic_steps


@pytest.fixture
def pictures(digits):
    return digits


def test_the_clock_stands_still_while_the_generator_is_scored(pictures, monkeypatch):
    now = [0.0]
    monkeypatch.setattr(bench_quality.time, "perf_counter", lambda: now[0])
    monkeypatch.setattr(bench_quality.Stopwatch, "figure", lambda stopwatch, drawn: drawn)
    stopwatch = bench_quality.Stopwatch(pictures, labeled=True, target=0.8, limit=100.0)
    figures = iter([0.5, 0.9])

    def draw():
        now[0] += 1_000
        return next(figures)

    looked = []
    while not looked or not looked[-1]:
        now[0] += 5
        looked.append(stopwatch.has_seen_enough(draw))
    assert [point[:2] for point in stopwatch.points] == [(10.0, 2), (20.0, 4)]
    assert stopwatch.result()["arrived"]
    assert stopwatch.result()["seconds"] == 20.0


def test_a_recipe_that_does_not_arrive_ends_at_its_limit(pictures, monkeypatch):
    now = [0.0]
    monkeypatch.setattr(bench_quality.time, "perf_counter", lambda: now[0])
    monkeypatch.setattr(bench_quality.Stopwatch, "figure", lambda stopwatch, drawn: drawn)
    stopwatch = bench_quality.Stopwatch(pictures, labeled=True, target=0.8, limit=9.0)
    while not stopwatch.has_seen_enough(lambda: 0.1):
        now[0] += 3
    assert not stopwatch.result()["arrived"]
    assert stopwatch.result()["seconds"] == 9.0


def test_gradients_of_a_sure_discriminator_are_zero_in_float16_unless_the_loss_is_scaled():
    assert zero_gradients("mixed_float16") > 0.5
    for precision, scale in (("float32", 1), ("mixed_bfloat16", 1), ("mixed_float16", SCALE)):
        assert zero_gradients(precision, scale) < 1e-3
    assert keras.config.dtype_policy().name == "float32"


def test_workers_take_turns_and_say_what_a_step_took(tmp_path, monkeypatch):
    script = tmp_path / "script.py"
    folder = str(Path(workers.__file__).parent)
    script.write_text(
        f"import sys, time\nsys.path.insert(0, {folder!r})\nimport workers\n"
        "workers.TURN_SECONDS = 0.1\n"
        "print('a line of a library', flush=True)\n"
        "workers.serve(lambda: time.sleep(float(sys.argv[1])))\n",
        encoding="utf-8",
    )
    start = {
        name: lambda name=name: workers.Worker(str(script), [name]) for name in ("0.02", "0.06")
    }
    found = workers.in_turns(start, rounds=3)
    for name, row in found.items():
        assert row["ms"] >= 1000 * float(name)
        assert row["processor_ms"] < row["ms"]
    script.write_text("raise SystemExit(3)", encoding="utf-8")
    with pytest.raises(RuntimeError, match="ended with 3"):
        workers.in_turns(start, rounds=1)


def test_precisions_are_compared_with_the_spread_of_the_seeds():
    runs = {
        "float32": [{"distance": 10.0}, {"distance": 14.0}, {"distance": 12.0}],
        "mixed_bfloat16": [{"distance": 12.0}, {"distance": 13.0}, {"distance": 14.0}],
    }
    assert bench_precision_quality.summary(runs) == {"distance": {"apart": 1.0, "spread": 4.0}}


# ---- claims of the page on speed -----------------------------------------------------------------


def recorded(name, profile="full"):
    return records.recorded(name, profile)["metrics"]["lessons"]


def test_infogans_model_draws_as_many_fakes_as_its_classic_loop():
    gan = case_of("08").make_gan()
    assert len(gan.generator_inputs(tf.zeros((4, 28, 28, 1)), tf.constant([1, 2]))) == 8


def test_recorded_loops_cost_what_the_page_says():
    lessons = recorded("bench_lessons")
    assert np.mean([row["fit_over_bare"] for row in lessons.values()]) < 1.03, "next to nothing"
    assert max(row["waiting_share"] for row in lessons.values()) < 0.05
    lost = {
        key: row["classic_over_fit"] for key, row in lessons.items() if "classic_over_fit" in row
    }
    # "Most where a single update is short: dense networks, and WGAN's"; SGAN's are small
    order = sorted(lost, key=lost.get)
    assert set(order[-4:]) == {"01", "04", "07", "10_clipped"}
    assert order[0] == "08", "least with InfoGAN's large step"


def test_recorded_steps_are_as_near_to_the_machines_limit_as_the_page_says():
    shares = {key: row["share_of_limit"] for key, row in recorded("bench_lessons").items()}
    low = {"01", "04", "07", "11"}
    assert max(shares[key] for key in low) < 0.4
    assert min(share for key, share in shares.items() if key not in low) > 0.5
    assert shares["08"] == max(shares.values()) > 0.85


def test_recorded_steps_next_to_pytorch():
    for row in recorded("bench_peers").values():
        for name in ("torch_float32", "torch_bfloat16"):
            assert 0.8 < row[name]["over_ours"] < 1.2, "within a fifth of each other"
        assert row["classic"]["over_ours"] > 1.2
        compiled = [found["over_ours"] for name, found in row.items() if "compiled" in name]
        assert all(ratio > 1.2 for ratio in compiled), "slower on a CPU"


def test_recorded_filter_gradients_are_best_as_they_are():
    layers = records.recorded("bench_filter_gradient", "full")["metrics"]["layers"]
    step = recorded("bench_peers")["02"]
    gain = step["float32"]["processor_ms"] / step["mixed_bfloat16"]["processor_ms"]
    saved = 0.0
    for row in layers.values():
        for kind in ("float32", "bfloat16"):
            assert row[f"patches_{kind}"] > row[f"built_in_{kind}"]
        assert row["built_in_float32"] / row["built_in_bfloat16"] < gain
        assert row["convolution_float32"] > row["built_in_float32"]
        assert row["convolution_bfloat16"] < row["built_in_bfloat16"]
        saved += row["built_in_bfloat16"] - row["convolution_bfloat16"]
    for name in ("D_2", "G_2"):  # "noticeably with stride 2"
        assert layers[name]["convolution_bfloat16"] < 0.8 * layers[name]["built_in_bfloat16"]
    assert 0 < saved < step["mixed_bfloat16"]["processor_ms"] / 20


def test_recorded_short_settings_arrive_and_the_tutorials_do_not():
    races = recorded("bench_quality", "quick")
    for name in ("02", "06", "08"):  # the page's rows
        assert races[name]["ours"]["arrived"], name
        assert not races[name]["theirs"]["arrived"], name
        assert races[name]["theirs"]["seconds"] > 2.9 * races[name]["ours"]["seconds"]
    others = [found["figure"] for found in races["02"]["others"].values()]
    assert min(others) > races["02"]["ours"]["figure"], "what did worse"


def test_recorded_long_run_is_better_after_fewer_passes_than_the_tutorials():
    ours = records.recorded("02_dcgan", "full")["metrics"]
    theirs = records.recorded("dcgan_tutorial", "full")["metrics"]
    passes, distance = ours["distances"][0]
    assert passes < theirs["epochs"]
    assert distance < theirs["distance_plain"] / 2


def test_recorded_small_batches_gain_less_from_bfloat16():
    # The page on scaling: "a batch of 16 gains least", and float16 needs its scale
    for name in ("02", "06"):
        gains = [row["float32_over_bfloat16"] for row in recorded("bench_precision")[name].values()]
        assert min(gains) == gains[0] > 1.2
    zeros = records.recorded("bench_precision", "full")["metrics"]["zero_gradients"]
    assert zeros["mixed_float16"] > 0.5
    assert max(share for name, share in zeros.items() if name != "mixed_float16") < 0.01


def test_recorded_dense_networks_gain_least_from_more_devices():
    # The page on several devices: "the worst candidates"
    batches = {key: row["paying_batch_10"] for key, row in recorded("bench_communication").items()}
    assert sorted(batches, key=batches.get)[-2:] == ["04", "01"]
