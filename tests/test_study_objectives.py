"""The study of lesson 16: it resumes from its record, and its gradient norms are correct."""

import keras
import numpy as np
import pytest
import study_objectives as study
import tensorflow as tf
from finished_runs import finished_runs

from gan_utils import evaluation, records


@pytest.fixture
def small(monkeypatch, tmp_path):
    """A budget of two updates, a record and a folder of checkpoints of its own."""
    monkeypatch.setenv("GAN_RECORD", str(tmp_path / "record"))
    monkeypatch.setenv("GAN_RUNS", str(tmp_path / "runs"))
    monkeypatch.setattr(study, "SEEDS", [0])
    monkeypatch.setattr(study, "EPOCHS", 1)
    monkeypatch.setattr(study, "STEPS_PER_EPOCH", 2)
    monkeypatch.setattr(study.LESSON, "OBJECTIVES", {"relativistic": study.LESSON.R3GAN})
    return tmp_path


def test_a_second_start_trains_only_what_is_missing(small, monkeypatch):
    asked = []

    def train(name, objective, seed):
        asked.append(name)
        if len(asked) == 2:
            raise KeyboardInterrupt  # cut off in the second run
        return {"data": name, "objective": objective, "seed": seed, "seconds": 1.0}

    monkeypatch.setattr(study, "train", train)
    with pytest.raises(KeyboardInterrupt):
        study.main()
    assert [row["data"] for row in finished_runs(study.NAME, study.BUDGET)] == ["MNIST"]
    study.main()
    assert asked == ["MNIST", "Stacked MNIST", "Stacked MNIST"]
    assert [row["data"] for row in finished_runs(study.NAME, study.BUDGET)] == [
        "MNIST",
        "Stacked MNIST",
    ]
    monkeypatch.setattr(study, "BUDGET", {"updates": 1})
    assert finished_runs(study.NAME, study.BUDGET) == [], "runs with another budget do not count"


@pytest.mark.parametrize("name", study.CHANNELS)
def test_a_run_is_recorded_with_its_scores_and_gradients(small, monkeypatch, name):
    monkeypatch.setattr(study.evaluation, "count", lambda _: 100)
    monkeypatch.setattr(study.LESSON, "STACKED_SAMPLES", 50)
    row = study.train(name, "relativistic", 0)
    assert {kind: len(values) for kind, values in row["slopes"].items()} == {
        **{"real": 1, "fake": 1, "generator": 1}
    }
    kept = {"distance", "recall"} if name == "MNIST" else {"modes", "divergence"}
    assert kept < row.keys()
    records.record("study_objectives", {"runs": [row]})  # all that JSON can hold


def test_gradients_of_a_plane():
    plane = keras.Sequential(
        [keras.Input((28, 28, 1)), keras.layers.Flatten(), keras.layers.Dense(1)]
    )
    norm = float(tf.norm(plane.layers[-1].kernel))
    images = np.random.default_rng(0).uniform(-1, 1, (6, 28, 28, 1)).astype("float32")
    assert study.mean_slope(plane, images) == pytest.approx(norm, rel=1e-5)
    lesson = study.LESSON
    gan = lesson.ModernGAN(lesson.build_generator(4), plane, lesson.LATENT_DIM)
    gan.objective = lesson.OBJECTIVES["hinge + spectral norm"]
    # Minus the mean of the logits: the pull at each fake is the slope itself.
    assert study.generator_pull(gan, images, -images) == pytest.approx(norm, rel=1e-5)


# ---- claims of the lesson over the recorded study ------------------------------------------------


@pytest.fixture(scope="module")
def recorded():
    """Return the recorded runs by (data set, objective, seed); there may be some of them only."""
    run = records.recorded("study_objectives", "full")
    if run is None:
        pytest.skip("no run of the study is recorded yet")
    return {(r["data"], r["objective"], r["seed"]): r for r in run["metrics"]["runs"]}


def test_recorded_runs_are_of_the_study(recorded):
    assert {name for name, _, _ in recorded} <= set(study.CHANNELS)
    assert {name for _, name, _ in recorded} <= set(study.LESSON.OBJECTIVES)
    for row in recorded.values():
        assert row["samples"] == (25_600 if "modes" in row else 10_000)
        assert all(len(values) == 8 for values in row["slopes"].values())


@pytest.mark.parametrize(
    ("penalized", "free", "kind"),
    [
        ("cross-entropy + R1", "cross-entropy", "real"),
        ("cross-entropy + R1", "cross-entropy", "fake"),
        ("relativistic + R1 + R2", "relativistic", "real"),
        ("relativistic + R1 + R2", "relativistic", "fake"),
    ],
)
def test_a_penalty_limits_the_slope_where_it_acts(recorded, penalized, free, kind):
    # "R1 limits it, at fakes as well."
    pairs = [
        (recorded[data, penalized, seed], recorded[data, free, seed])
        for data, name, seed in recorded
        if name == free and (data, penalized, seed) in recorded
    ]
    assert len(pairs) == len(study.CHANNELS) * 3
    for with_it, without in pairs:
        assert with_it["slopes"][kind][-1] < without["slopes"][kind][-1] / 3


def test_the_relativistic_loss_alone_collapses_and_a_penalty_cures_it(recorded):
    alone = [row for (_, name, _), row in recorded.items() if name == "relativistic"]
    assert len(alone) >= 3
    for row in alone:
        assert row["modes"] < 100 if "modes" in row else row["recall"] == 0
        sheet = evaluation.decode_image(row["sheet"]).astype(int)
        drawn = np.array(
            [sheet[y : y + 28, x : x + 28] for y in (0, 30) for x in range(0, 300, 30)]
        )
        assert np.abs(drawn - drawn[0]).mean() < 10, "one image"
    cured = [row for (_, name, _), row in recorded.items() if name == "relativistic + R1 + R2"]
    assert len(cured) >= 3
    for row in cured:
        assert row["modes"] > 950 if "modes" in row else row["distance"] < 40


def test_r1_helps_cross_entropy_with_each_seed(recorded):
    pairs = [
        (recorded["MNIST", "cross-entropy + R1", seed], row)
        for (data, name, seed), row in recorded.items()
        if (data, name) == ("MNIST", "cross-entropy")
    ]
    assert len(pairs) >= 2
    assert all(penalized["distance"] < free["distance"] / 1.5 for penalized, free in pairs)


def test_cross_entropy_with_r1_is_best_on_both_sets_with_each_seed(recorded):
    for data, score in (("MNIST", "distance"), ("Stacked MNIST", "divergence")):
        for seed in range(3):
            rows = {
                name: row[score]
                for (of, name, which), row in recorded.items()
                if (of, which) == (data, seed)
            }
            assert len(rows) == len(study.LESSON.OBJECTIVES)
            assert min(rows, key=rows.get) == "cross-entropy + R1"
