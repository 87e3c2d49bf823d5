"""The study of Pix2Pix: what it averages, and the claims of its page against its record."""

import itertools

import pytest
import study_pix2pix as study

from gan_utils import records


def test_summary_by_hand():
    runs = [{"l1": 0.5, "off": 1.0}, {"l1": 0.25, "off": 3.0}]
    found = study.summary(runs)
    assert found["l1"] == {"mean": 0.375, "least": 0.25, "largest": 0.5}
    assert found["off"] == {"mean": 2.0, "least": 1.0, "largest": 3.0}


def test_weights_are_those_of_the_lesson_between_its_ends():
    assert float(study.LESSON.L1_WEIGHT) in {w.get("l1_weight") for w in study.WEIGHTS.values()}
    assert study.WEIGHTS["0"] == {"l1_weight": 0.0}
    assert study.WEIGHTS["L1 alone"] == {"gan_weight": 0.0}


# ---- claims of the page -------------------------------------------------------------------------


@pytest.fixture(scope="module")
def recorded():
    return records.recorded("study_pix2pix", "full")["metrics"]


def test_recorded_weights_trade_l1_for_sharpness(recorded):
    """Sharpness and L1 fall with the weight, down to L1 alone, which 1,000 nearly is."""
    assert recorded["seeds"] >= 3
    rows = [recorded["weights"][name] for name in study.WEIGHTS]
    for one, larger in itertools.pairwise(rows):
        assert larger["sharpness"]["largest"] < one["sharpness"]["least"]
        assert larger["l1"]["mean"] < one["l1"]["mean"]
    assert rows[0]["sharpness"]["least"] > 1
    assert rows[3]["l1"]["mean"] == pytest.approx(rows[4]["l1"]["mean"], rel=0.01)
    assert rows[1]["off"]["largest"] < rows[2]["off"]["least"], "10 is nearer to 1 than 100"
    assert rows[1]["l1"]["mean"] < 1.1 * rows[2]["l1"]["mean"], "for a little more L1"


def test_recorded_skip_connections_and_more_updates_help(recorded):
    plain, without, longer = (recorded["networks"][name]["l1"] for name in study.NETWORKS)
    assert without["least"] > 1.4 * plain["largest"]
    assert longer["largest"] < 0.95 * plain["least"]


def test_recorded_jitter_helps_on_other_pairs_only(recorded):
    seen, unseen = (
        [recorded["few_pairs"][f"{way}, {part} pairs"]["l1"] for way in study.BATCHES]
        for part in ("training", "other")
    )
    assert seen[0]["largest"] < seen[1]["least"]
    assert unseen[0]["least"] > unseen[1]["largest"]
