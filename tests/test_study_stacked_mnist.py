"""The study of Stacked MNIST: it resumes from its record, and its page's claims hold."""

import pytest
import study_objectives
import study_stacked_mnist as study
from finished_runs import finished_runs

from gan_utils import records


@pytest.fixture
def small(monkeypatch, tmp_path):
    """One objective, one seed, two updates, a record and a folder of checkpoints of its own."""
    monkeypatch.setenv("GAN_RECORD", str(tmp_path / "record"))
    monkeypatch.setenv("GAN_RUNS", str(tmp_path / "runs"))
    monkeypatch.setattr(study, "SEEDS", [0])
    monkeypatch.setattr(study, "OBJECTIVES", study.OBJECTIVES[:1])
    monkeypatch.setattr(study, "EPOCHS", 1)
    monkeypatch.setattr(study, "STEPS_PER_EPOCH", 2)
    monkeypatch.setattr(study.LESSON, "STACKED_SAMPLES", 50)


def test_a_run_is_recorded_beside_real_images_and_not_trained_twice(small, monkeypatch):
    study.main()
    found = finished_runs(study.NAME, study.BUDGET)
    assert [(row["objective"], row["seed"]) for row in found] == [(study.OBJECTIVES[0], 0)]
    assert {"modes", "divergence", "sheet", "seconds"} <= found[0].keys()
    monkeypatch.setattr(study, "train", None)  # a call would fail
    study.main()


def test_real_images_cover_nearly_all_modes(monkeypatch):
    monkeypatch.setattr(study.LESSON, "STACKED_SAMPLES", 20_000)
    real = study.real_coverage()
    assert real["modes"] > 980
    assert real["divergence"] < 0.1


def test_text_for_the_page_has_a_number_for_each_seed():
    facts = {"modes": 1000, "divergence": 0.0456, "seconds": 1800.0}
    rows = [facts | {"objective": study.OBJECTIVES[0], "seed": seed} for seed in (0, 1)]
    summary = study.summary(rows)
    texts = {"modes": "1,000 / 1,000", "divergences": "0.046 / 0.046", "minutes": "30 / 30"}
    assert summary == {study.OBJECTIVES[0]: texts}


def test_objectives_are_those_of_the_lesson():
    assert set(study.OBJECTIVES) <= set(study_objectives.LESSON.OBJECTIVES)
    assert study.LESSON.OBJECTIVES[study.OBJECTIVES[2]] is study.LESSON.R3GAN


# ---- claims of the page -------------------------------------------------------------------------


@pytest.fixture(scope="module")
def recorded():
    """Return the metrics of the recorded study."""
    run = records.recorded(study.NAME, "full")
    if run is None:
        pytest.skip("no run of the study is recorded yet")
    return run["metrics"]


def test_recorded_runs_are_of_the_study(recorded):
    assert recorded["budget"]["updates"] == 22_500
    assert all(row["samples"] == 25_600 for row in recorded["runs"])
    assert recorded["summary"] == study.summary(recorded["runs"])


def test_recorded_r1_covers_every_mode_more_evenly_than_published_gans(recorded):
    # "Cross-entropy with R1 reaches every mode with each seed", in lesson 16 as well.
    rows = [row for row in recorded["runs"] if row["objective"] == "cross-entropy + R1"]
    assert [row["seed"] for row in rows] == list(range(3))
    assert all(row["modes"] == 1_000 for row in rows)
    assert max(row["divergence"] for row in rows) < 0.06  # PacGAN2


def test_recorded_real_images_have_the_divergence_of_their_number(recorded):
    # "About (K - 1) / 2n, here 0.02; LeNet's errors add to it."
    expected = 999 / (2 * 25_600)
    assert round(expected, 2) == 0.02
    assert expected < recorded["real"]["divergence"] < 2 * expected


def test_recorded_cross_entropy_alone_covers_all_less_evenly(recorded):
    found = {(row["objective"], row["seed"]): row for row in recorded["runs"]}
    for seed in range(3):
        plain, penalized = found["cross-entropy", seed], found["cross-entropy + R1", seed]
        assert plain["modes"] == 1_000
        assert plain["divergence"] >= 2 * penalized["divergence"]
