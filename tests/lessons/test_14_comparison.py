"""Lesson 14: tables and gallery of the recorded runs, and training on your own images."""

import matplotlib.pyplot as plt
import numpy as np
import pytest
import tensorflow as tf
from lesson import load_lesson
from PIL import Image

import gan_utils
from gan_utils import data, evaluation, images, records


@pytest.fixture(scope="module")
def lesson():
    return load_lesson("14_comparison")


def row(**changes):
    sheet = np.random.default_rng(0).integers(0, 256, (58, 298, 1), dtype=np.uint8)
    usual = {
        "samples": 5000,
        "real_samples": 5000,
        "extractor": "LeNet (mnist)",
        "distance": 50.0,
        "kernel_distance": 12.5,
        "precision": 0.8,
        "recall": 0.4,
        "agreement": None,
        "seconds": 60.0,
        "steps": 2000,
        "batch_size": 8,
        "parameters": [2_330_944, 212_865],
        "sheet": evaluation.encode_image(sheet),
    }
    return usual | changes


@pytest.fixture
def recorded(monkeypatch):
    """Runs of three lessons, one of them with two models, one on other data; an old record."""
    hardware = {"cpu": "a processor", "cores": 2, "gpus": []}
    fashion = row(extractor="LeNet (fashion_mnist)", agreement=0.876, distance=1.0)
    runs = {
        "02_dcgan": {"DCGAN": row()},
        "06_acgan": {"AC-GAN": fashion},
        "07_sgan": {"SGAN": row(distance=90.0)},
        "10_wgan": {"WGAN, clipped": row(distance=120.0), "WGAN-GP": row(distance=40.0)},
    }

    def find(name, profile):
        if name == "09_lsgan":
            return {"hardware": hardware, "metrics": {"distance_after": 66.9}}
        kept = runs.get(name) if profile == "quick" else None
        return kept and {"hardware": hardware, "comparison": kept}

    monkeypatch.setattr(records, "recorded", find)


@pytest.fixture
def nothing_recorded(monkeypatch):
    monkeypatch.setattr(records, "recorded", lambda *_: None)


def test_equal_budgets_are_drawn_in_the_order_of_equal_seconds(lesson):
    reached = {"slow": (50.0, 90.0), "fast": (80.0, 30.0)}
    runs = [
        {"model": name, "images": {"distance": images}, "seconds": {"distance": seconds}}
        for name, (images, seconds) in reached.items()
    ]
    means = {name: {"mean_seconds": seconds} for name, (_, seconds) in reached.items()}
    budget = {"images": 20_000, "seconds": 120.0}
    study = {"metrics": {"runs": runs, "summary": means, "budget": budget}}
    _, axis = plt.subplots()
    assert lesson.draw_budgets(study, axis) == ["fast", "slow"]
    images, seconds = axis.collections
    assert images.get_label() == "after 20,000 images"
    assert images.get_offsets().tolist() == [[50.0, 1.0], [80.0, 0.0]]
    assert seconds.get_label() == "after 120 seconds"
    assert seconds.get_offsets().tolist() == [[90.0, 1.0], [30.0, 0.0]]
    plt.close("all")


@pytest.mark.usefixtures("nothing_recorded")
def test_what_is_not_recorded_is_said_and_no_error(lesson, digits, capsys):
    rows = lesson.rows_of("quick")
    assert [entry["lesson"] for entry in rows] == list(lesson.LESSONS)
    lesson.show_scores(rows, {"mnist": None})
    lesson.show_costs(rows)
    lesson.show_gallery(rows, "quick", digits)
    plt.close("all")
    shown = capsys.readouterr().out
    assert shown.count(lesson.NOT_RECORDED) == 3 * len(lesson.LESSONS)
    assert lesson.measured(rows) == []


@pytest.mark.usefixtures("recorded")
def test_the_tables_show_every_model_and_mark_what_does_not_compare(lesson, capsys):
    rows = lesson.rows_of("quick")
    lesson.show_scores(rows, {"mnist": row(distance=2.5), "fashion_mnist": None})
    lines = {line[:19].strip(): line[19:].split() for line in capsys.readouterr().out.splitlines()}
    assert lines["DCGAN"] == ["50.0", "12.50", "0.80", "0.40", "-"]
    assert lines["AC-GAN*"][-1] == "87.6%"
    assert "SGAN+" in lines
    assert lines["real, mnist"][0] == "2.5"
    assert "real, fashion" not in lines
    assert " ".join(lines["09_lsgan"]) == lesson.NOT_SCORED, "it has none of the common scores"
    assert " ".join(lines["01_gan"]) == lesson.NOT_RECORDED
    lesson.show_costs(rows)
    shown = capsys.readouterr().out
    costs = {line[:19].strip(): line[19:].split() for line in shown.splitlines()}
    assert costs["WGAN-GP"] == ["60", "2,000", "8", "30", "2,331", "213"]
    assert "a processor, 2 cores" in shown


@pytest.mark.usefixtures("recorded")
def test_other_data_is_in_the_gallery_but_in_no_ranking(lesson, digits, capsys):
    tables = {name: lesson.rows_of(name) for name in ("quick", "full")}
    titles = ["DCGAN", "SGAN", "WGAN, clipped", "WGAN-GP"]
    assert [entry["title"] for entry in lesson.measured(tables["quick"])] == titles
    lesson.show_gallery(tables["quick"], "quick", digits)
    shown = [axis.get_title() for axis in plt.gcf().axes]
    assert shown[0].startswith("real digits")
    assert shown[1:] == [f"{title}: 60 s" for title in ("DCGAN", "AC-GAN", *titles[1:])]
    plt.close("all")
    assert capsys.readouterr().out.count("01_gan") == 1


def test_the_noise_floor_of_few_images_is_the_recorded_one(lesson, monkeypatch):
    labels = np.zeros(50, np.int64)
    few = data.ImageSet(
        np.zeros((50, 28, 28, 1), np.uint8), labels, ("0",), "cache", "mnist", "test"
    )
    monkeypatch.setattr(gan_utils, "load_images", lambda *_: few)
    floors = {"mnist": row(distance=1.5)}
    monkeypatch.setattr(records, "recorded", lambda *_: {"metrics": {"floors": floors}})
    assert lesson.floor_of("mnist") == floors["mnist"]
    assert lesson.floor_of("fashion_mnist") is None
    monkeypatch.setattr(records, "recorded", lambda *_: None)
    assert lesson.floor_of("mnist") is None


def test_recorded_short_runs_last_about_a_minute(lesson):
    runs = [records.recorded(name, "quick") for name in lesson.LESSONS]
    assert all(runs)
    assert all(run["seconds"] * run["hardware"]["cores"] / 2 < 75 for run in runs)


def test_recorded_dense_steps_are_cheap_and_draw_small_images_well():
    # "Small images, no labels: GAN, dense; cheap steps, so many of them"; so says the map of models
    steps = records.recorded("bench_lessons", "full")["metrics"]["lessons"]
    assert all(steps["01"]["fit_ms"] < steps[other]["fit_ms"] / 3 for other in ("02", "09"))
    titles = {
        "01_gan": "GAN, dense",
        "02_dcgan": "DCGAN",
        "09_lsgan": "LSGAN",
        "10_wgan": "WGAN-GP",
    }
    reached = {
        lesson: records.recorded(lesson, "full")["comparison"][title]["distance"]
        for lesson, title in titles.items()
    }
    assert min(reached, key=reached.get) == "01_gan"


def test_recorded_r3gan_has_the_lowest_distance_of_the_full_table(lesson):
    # "The same, hours: R3GAN"
    rows = lesson.measured(lesson.rows_of("full"))
    assert min(rows, key=lambda entry: entry["row"]["distance"])["lesson"].startswith("16")
    assert min(entry["row"]["distance"] for entry in rows) < 5


def test_recorded_equal_budgets_lead_where_the_lesson_says(lesson):
    # "Minutes: GAN, dense"; "with labels: CDCGAN, lowest distance in both equal budgets"
    found = records.recorded("study_budgets", "full")["metrics"]["summary"]
    for budget in ("mean_images", "mean_seconds"):
        assert min(found, key=lambda name: found[name][budget]) == "CDCGAN"
    labeled = ("CGAN", "CDCGAN", "AC-GAN")
    free = {name: row["mean_seconds"] for name, row in found.items() if name not in labeled}
    assert min(free, key=free.get) == "GAN, dense"


def test_recorded_models_with_labels_follow_them():
    # "To say what is drawn, with labels: CDCGAN; that, and a classifier: AC-GAN"
    for lesson, title in (("04_cgan", "CGAN, concatenate"), ("05_cdcgan", "CDCGAN")):
        assert records.recorded(lesson, "full")["comparison"][title]["agreement"] > 0.95
    assert records.recorded("06_acgan", "full")["comparison"]["AC-GAN"]["agreement"] > 0.85


def test_in_a_recorded_run_of_few_steps_the_plain_weights_were_better():
    # "Measure both": the tutorial's recipe for DCGAN, ten passes with large batches.
    found = records.recorded("dcgan_tutorial", "full")["metrics"]
    assert found["distance_plain"] < found["distance_after"]


def test_augmentation_made_the_recorded_gap_smaller(lesson):
    # "In the recorded runs augmentation made it smaller."
    runs = [records.recorded("14_comparison", name) for name in ("quick", "full")]
    for run in filter(None, runs):
        assert run["metrics"]["gaps"]["augmented"] < run["metrics"]["gaps"]["plain"]
    assert any(runs)


@pytest.mark.parametrize("size", [16, 32, 64])
def test_work_grows_as_derived(lesson, size):
    # "So d equal blocks become d + 1, and the work grows by 4 (d + 1) / d": without the layers at
    # both ends, whose channels do not double.
    def inner(size):
        network = lesson.build_discriminator(size)
        convolutions = [layer for layer in network.layers if hasattr(layer, "strides")]
        places = [np.prod(layer.output.shape[1:3]) for layer in convolutions[1:]]
        kernels = [np.prod(layer.kernel.shape) for layer in convolutions[1:]]
        return [int(a * b) for a, b in zip(places, kernels, strict=True)]

    small, large = inner(size), inner(2 * size)
    assert len(large) == len(small) + 1
    assert len(set(small)) == len(set(large)) == 1
    assert large[0] == 4 * small[0]


def test_networks_of_other_sizes(lesson):
    for size in (8, 16, 64):
        generator, discriminator = lesson.build_generator(size), lesson.build_discriminator(size)
        assert generator.output_shape == (None, size, size, 3)
        assert discriminator.output_shape == (None, 1)
    small = lesson.build_generator(8, channels=1, width=2)
    assert lesson.multiplications(small) == 64 * 32 + 4 * 4 * (4 * 4 * 2)
    discriminator = lesson.build_discriminator(8, channels=1, width=2)
    assert lesson.multiplications(discriminator) == 4 * 4 * (4 * 4 * 2) + 4 * 4 * 2


def test_augmented_images_are_shifted_and_mirrored(lesson):
    batch = tf.random.stateless_uniform((40, 8, 8, 3), (1, 2), -1, 1)
    same = lesson.augment(batch, tf.constant([3, 4]), pad=0).numpy()
    mirrored = [np.array_equal(a, b[:, ::-1]) for a, b in zip(same, batch.numpy(), strict=True)]
    kept = [np.array_equal(a, b) for a, b in zip(same, batch.numpy(), strict=True)]
    assert np.logical_xor(mirrored, kept).all()
    assert 8 < sum(mirrored) < 32
    shifted = lesson.augment(batch, tf.constant([3, 4]), pad=2).numpy()
    assert shifted.shape == (40, 8, 8, 3)
    assert np.abs(shifted).max() <= 1
    np.testing.assert_array_equal(shifted, lesson.augment(batch, tf.constant([3, 4]), pad=2))
    centers = {
        tuple(np.argwhere((p == one[4, 4]).all(axis=-1))[0])
        for p, one in zip(shifted, batch.numpy(), strict=True)
    }
    assert {y for y, _ in centers} == {2, 3, 4, 5, 6}


def test_the_generator_learns_through_the_augmentation(lesson):
    batch = tf.random.stateless_uniform((4, 8, 8, 1), (1, 2), -1, 1)
    with tf.GradientTape() as tape:
        tape.watch(batch)
        total = tf.reduce_sum(lesson.augment(batch, tf.constant([0, 7]), pad=0))
    np.testing.assert_array_equal(tape.gradient(total, batch), np.ones((4, 8, 8, 1)))


def test_both_sides_are_augmented_and_only_for_the_discriminator(lesson):
    import keras

    networks = lesson.build_generator(8, 1, 2), lesson.build_discriminator(8, 1, 2)
    gan = lesson.AugmentedGAN(*networks, lesson.LATENT_DIM, ema_decay=0.9, seed=1)
    gan.compile(keras.optimizers.Adam(), keras.optimizers.Adam())
    batch = tf.random.stateless_uniform((6, 8, 8, 1), (1, 2), -1, 1)
    for seen in (gan.real_inputs(batch), gan.fake_inputs(batch, None)):
        assert seen.shape == batch.shape
        assert np.abs(seen - batch).max() > 0.1
    assert np.abs(gan.real_inputs(batch) - gan.fake_inputs(batch, None)).max() > 0.1
    before = [weights.numpy() for weights in gan.trainable_weights]
    logs = gan.train_step(batch)
    assert all(np.isfinite(value) for value in logs.values())
    after = [weights.numpy() for weights in gan.trainable_weights]
    assert any(np.abs(a - b).max() > 0 for a, b in zip(before, after, strict=True))


def test_the_example_folder_has_the_troubles_of_real_ones(lesson, tmp_path):
    lesson.make_example(tmp_path, 24)
    modes = [Image.open(path).mode for path in images.list_images(tmp_path)]
    assert (modes.count("L"), modes.count("RGBA"), len(modes)) == (1, 1, 24)
    own_set = gan_utils.load_folder(tmp_path, 16, broken="skip")
    assert own_set.images.shape == (24, 16, 16, 3)


def test_the_nearest_image_by_hand(lesson):
    others = np.stack([np.full((2, 2, 1), value, np.float32) for value in (-1, 0, 1)])
    places, distances = lesson.nearest(np.full((1, 2, 2, 1), 0.8, np.float32), others)
    assert places.tolist() == [2]
    assert distances == pytest.approx([0.1])
