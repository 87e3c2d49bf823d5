"""The repeated short experiments of lessons 01, 04 and 05, and what their record shows."""

import numpy as np
import pytest
import study_demonstrations as study

from gan_utils import records


def test_every_experiment_of_the_three_lessons_is_recorded(monkeypatch):
    monkeypatch.setattr(study, "SEEDS", [0, 1])
    recorded = []
    monkeypatch.setattr(
        study.records,
        "record",
        lambda name, found, **facts: recorded.append((name, found, facts)),
    )
    study.main()
    ((name, found, facts),) = recorded
    assert name == "study_demonstrations"
    assert facts["seconds"] > 0
    assert [row["seed"] for row in found["01_gan"]] == [0, 1]
    assert [(row["seed"], row["experiment"]) for row in found["04_cgan"]] == [
        (seed, name) for seed in (0, 1) for name in ("right labels", "swapped labels")
    ]
    kinds = {
        "in step": ["projection", "channel", "multiply"] * 2,
        "out of step": ["projection"] * 2,
    }
    assert {
        name: [row["kind"] for row in rows] for name, rows in found["05_cdcgan"].items()
    } == kinds
    first, second = (row["g_loss"] for row in found["04_cgan"][::2])
    assert first != second, "the seed must change the run"


@pytest.fixture(scope="module")
def recorded():
    """The metrics of the recorded study."""
    return records.recorded("study_demonstrations", "full")["metrics"]


def test_lesson_01s_weak_discriminator_leaves_modes_empty_with_every_seed(recorded):
    rows = recorded["01_gan"]
    assert len({row["seed"] for row in rows}) == 3
    assert max(row["modes"] for row in rows) <= 2  # "Nearly all modes are empty"


def test_lesson_04s_swapped_labels_stay_at_chance_with_every_seed(recorded):
    right, swapped = (
        [row for row in recorded["04_cgan"] if row["experiment"] == name]
        for name in ("right labels", "swapped labels")
    )
    assert len(right) == len(swapped) == 3
    assert max(row["accuracy"] for row in swapped) < 0.15
    assert min(row["accuracy"] for row in right) > 0.4
    # "The losses differ too"
    for a, b in zip(right, swapped, strict=True):
        assert b["d_loss"] < a["d_loss"] / 1.5
        assert b["g_loss"] > a["g_loss"] * 1.5


def test_lesson_05s_trials_say_what_the_lesson_says(recorded):
    trials = recorded["05_cdcgan"]
    ends = {
        kind: np.array([row["accuracies"][-1] for row in trials["in step"] if row["kind"] == kind])
        for kind in ("projection", "channel", "multiply")
    }
    assert all(len(values) == 3 for values in ends.values())
    # "the projection is ahead of the label channel in the end, with each seed"
    assert np.all(ends["projection"] > ends["channel"] + 0.05)
    assert np.all(ends["multiply"] < 0.2)  # "multiplication has hardly begun"
    # "it is at chance level in each recorded trial"
    assert len(trials["out of step"]) == 3
    assert max(row["accuracies"][-1] for row in trials["out of step"]) < 0.15
