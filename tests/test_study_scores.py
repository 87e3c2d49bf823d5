"""The study of the scores: its image operations, and its page's claims against its record."""

import numpy as np
import pytest
import study_scores as study

from gan_utils import images, lenet, metrics, records

COUNT = 200


@pytest.fixture(scope="module")
def pool(digits):
    """Real digits as floats: those that are always at hand."""
    return images.to_float(digits.images[: 3 * COUNT])


def test_picking_aliases_what_averaging_turns_gray():
    stripes = np.tile(np.array([0, 255, 255, 0], np.uint8), (64, 16))[None, ..., None]
    averaged = images.resize(stripes, 16, method="bicubic")[:, :, 2:-2].astype(float)
    assert np.abs(averaged - 127.5).max() < 40
    assert study.shrink(stripes, "picked", 16).min() == 255, "the black ones are gone"


def test_scans_are_black_and_white_and_come_back_in_every_way(pool):
    scans = study.scan(pool[:5])
    assert scans.shape == (5, 112, 112, 1)
    assert set(np.unique(scans)) == {0, 255}
    for name in study.FILTERS:
        small = study.shrink(scans, name)
        assert (small.shape, small.dtype) == ((5, 28, 28, 1), np.uint8)


def test_precision_with_all_balls_is_the_packages(pool):
    real, blurred = lenet.features(pool[:COUNT]), lenet.features(pool[COUNT : 2 * COUNT] ** 3)
    package = metrics.precision_recall(real, blurred).precision
    assert study.precision_within(real, blurred, 1.0) == pytest.approx(package)
    assert study.precision_within(real, blurred, 0.5) <= package


def test_line_over_one_by_n_ends_below_the_measured_value(pool):
    first, second = lenet.features(pool[:COUNT]), lenet.features(pool[COUNT : 2 * COUNT])
    found = study.extrapolated(first, second, [200, 130, 100])
    assert found["extrapolated"] < found["measured"]


# ---- claims of the page -------------------------------------------------------------------------


@pytest.fixture(scope="module")
def recorded():
    return records.recorded("study_scores", "full")["metrics"]


def test_filters_that_pick_cost_the_most(recorded):
    cost = recorded["resizing"]
    averaging = [cost[name] for name in ("bicubic", "bilinear", "box")]
    assert min(cost["picked"], cost["nearest"]) > 2 * max(averaging)
    assert min(cost, key=cost.get) == "bicubic"


def test_two_extractors_disagree_about_noise_and_missing_classes(recorded):
    digits, clothes = (recorded["views"][name] for name in ("mnist", "fashion_mnist"))
    assert (digits["noise"] < digits["classes left"]) != (
        clothes["noise"] < clothes["classes left"]
    )


def test_large_balls_forgive_blur(recorded):
    # "Without the largest tenth, sharp digits lose little and blurred ones more than half."
    kept = {name: row["90%"] / row["100%"] for name, row in recorded["balls"].items()}
    assert kept["blur 0"] > 0.9
    assert max(kept["blur 1"], kept["blur 2"]) < 0.5


def test_line_for_undamaged_images_meets_the_axis_near_zero(recorded):
    found = recorded["infinite"]["undamaged"]
    assert abs(found["extrapolated"]) < found["measured"] / 2
