"""The study of equal budgets: every model of its table trains, and its page's claims hold."""

import numpy as np
import pytest
import study_budgets as study
from finished_runs import finished_runs
from lesson import load_lesson

from gan_utils import evaluation, images, profile, records


@pytest.fixture
def small(monkeypatch, tmp_path):
    """Budgets of a few steps, one seed, few images to score, and a record of its own."""
    monkeypatch.setenv("GAN_RECORD", str(tmp_path))
    monkeypatch.setattr(study, "BUDGET", {"images": 100, "seconds": 0.01})
    monkeypatch.setattr(study, "SEEDS", [0])
    monkeypatch.setattr(evaluation, "count", lambda test_set: 50)


@pytest.mark.parametrize("entry", study.ENTRIES, ids=lambda entry: entry.lesson)
def test_each_model_is_scored_when_a_budget_is_used_up(small, entry):
    row = study.train(entry, 0)
    assert row["model"] == entry.title
    assert row["images"]["images"] >= 100
    assert row["seconds"]["seconds"] >= 0.01
    for name in study.BUDGET:
        assert np.isfinite(row[name]["distance"])
        assert (row[name]["agreement"] is not None) == entry.labeled


def test_a_run_is_recorded_and_not_trained_twice(small, monkeypatch):
    monkeypatch.setattr(study, "ENTRIES", study.ENTRIES[:1])
    study.main()
    found = finished_runs(study.NAME, study.BUDGET)
    assert [(row["model"], row["seed"]) for row in found] == [(study.ENTRIES[0].title, 0)]
    monkeypatch.setattr(study, "train", None)  # a call would fail
    study.main()


def test_seeds_are_those_of_the_lesson_shifted(monkeypatch):
    monkeypatch.setenv("GAN_SEED_SHIFT", "7")
    with study.short_run(2):
        assert (profile.seed(1), profile.name) == (3, "quick")
    assert profile.seed(1) == 8


def row_of(model, seed, distance):
    sheet = evaluation.encode_image(images.grid(np.zeros((2, 28, 28, 1), "float32"), columns=2))
    scores = {"distance": distance, "recall": 0.5, "sheet": sheet}
    return {
        "model": model,
        "seed": seed,
        "images": scores | {"images": 20_000, "seconds": 100.0},
        "seconds": scores | {"images": 30_000, "seconds": 120.0},
    }


def test_summary_has_means_and_a_number_for_each_seed():
    rows = [row_of("DCGAN", seed, distance) for seed, distance in enumerate((10.0, 20.4))]
    assert study.summary(rows) == {
        "DCGAN": {
            **{"equal_images": "10 / 20", "mean_images": 15.2, "recall_images": 0.5},
            **{"equal_seconds": "10 / 20", "mean_seconds": 15.2, "recall_seconds": 0.5},
            **{"images": 30_000, "seconds": 100.0},
        }
    }


def test_gallery_has_one_row_for_each_model_of_the_first_seed():
    rows = [row_of("DCGAN", 0, 9.0), row_of("GAN, dense", 0, 8.0), row_of("DCGAN", 1, 9.0)]
    one = evaluation.decode_image(rows[0]["seconds"]["sheet"])
    gallery = study.gallery(rows)
    assert evaluation.decode_image(gallery["sheet"]).shape[0] == 2 * one.shape[0]
    assert gallery["models"] == "GAN, dense; DCGAN"


# ---- claims of the page -------------------------------------------------------------------------


@pytest.fixture(scope="module")
def recorded():
    """Return the metrics of the recorded study."""
    run = records.recorded(study.NAME, "full")
    if run is None:
        pytest.skip("no run of the study is recorded yet")
    return run["metrics"]


def distances(recorded, budget, seed):
    rows = [row for row in recorded["runs"] if row["seed"] == seed]
    return {row["model"]: row[budget]["distance"] for row in rows}


def both_budgets(recorded):
    for seed in range(3):
        for budget in recorded["budget"]:
            yield budget, distances(recorded, budget, seed)


def test_recorded_table_is_complete(recorded):
    assert recorded["summary"] == study.summary(recorded["runs"])
    assert all(
        found.keys() == {e.title for e in study.ENTRIES} for _, found in both_budgets(recorded)
    )


def test_recorded_labels_help_most(recorded):
    # "With each seed it has the lowest distance in both budgets, a sixth of DCGAN's or less."
    for _, found in both_budgets(recorded):
        assert min(found, key=found.get) == "CDCGAN"
        assert found["CDCGAN"] <= found["DCGAN"] / 6


def test_recorded_rankings_disagree(recorded):
    for budget, found in both_budgets(recorded):
        place = sorted(found, key=found.get).index("GAN, dense")
        assert place == (len(found) - 1 if budget == "images" else 1)


def test_recorded_second_task_costs_time(recorded):
    # "InfoGAN and AC-GAN are next to CDCGAN"; "the dense GAN, CGAN and R3GAN have overtaken both".
    for budget, found in both_budgets(recorded):
        two = [found["InfoGAN"], found["AC-GAN"]]
        if budget == "images":
            assert set(sorted(found, key=found.get)[1:3]) == {"InfoGAN", "AC-GAN"}
        else:
            assert max(found[name] for name in ("GAN, dense", "CGAN", "R3GAN")) < min(two)


def test_recorded_loss_alone_decides_little(recorded):
    for _, found in both_budgets(recorded):
        assert found["LSGAN"] == pytest.approx(found["DCGAN"], rel=0.2)
    dcgan, lsgan = (load_lesson(name) for name in ("02_dcgan", "09_lsgan"))
    assert lsgan.SHORT | {"beta_1": lsgan.BETA_1} == dcgan.SHORT
