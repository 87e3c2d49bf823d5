"""Inception Score, precision/recall and density/coverage, against references written as loops."""

import sys
import tracemalloc

import numpy as np
import pytest

from gan_utils import metrics


def draw(seed, count, dimensions=4, scale=1.0):
    return np.random.default_rng(seed).normal(size=(count, dimensions)) * scale


def chances(seed, count, sharpness=0.2):
    return np.random.default_rng(seed).dirichlet(np.full(10, sharpness), size=count)


def radius(point, others, k):
    """Return the distance to the k-th neighbor; the nearest is the point itself."""
    return sorted(np.linalg.norm(point - other) for other in others)[k]


def naive_fraction_inside(rows, others, k):
    radii = [radius(other, others, k) for other in others]
    hits = [
        any(np.linalg.norm(row - other) <= r for other, r in zip(others, radii, strict=True))
        for row in rows
    ]
    return np.mean(hits)


def naive_density_coverage(real, fake, k):
    radii = [radius(point, real, k) for point in real]
    inside = np.array(
        [[np.linalg.norm(x - y) < r for x, r in zip(real, radii, strict=True)] for y in fake]
    )
    return inside.sum() / (k * len(fake)), inside.any(axis=0).mean()


def test_inception_score_of_extremes():
    certain = np.tile(np.eye(10), (20, 1))
    assert metrics.inception_score(certain, 1) == pytest.approx((10, 0))
    assert metrics.inception_score(np.full((50, 10), 0.1)) == pytest.approx((1, 0))
    collapsed = np.tile(np.eye(10)[3], (50, 1))
    assert metrics.inception_score(collapsed) == pytest.approx((1, 0))


def test_inception_score_by_hand():
    """Two rows (a, 1-a), (1-a, a): the score is 2 a^a (1-a)^(1-a)."""
    score = metrics.inception_score(np.array([[0.9, 0.1], [0.1, 0.9]]), 1)
    assert score.mean == pytest.approx(2 * 0.9**0.9 * 0.1**0.1, rel=1e-14)


def test_inception_score_cuts_into_splits():
    rows = chances(0, 57)
    parts = [
        metrics.inception_score(rows[i * 57 // 4 : (i + 1) * 57 // 4], 1).mean for i in range(4)
    ]
    score = metrics.inception_score(rows, 4)
    assert score.mean == pytest.approx(np.mean(parts), rel=1e-14)
    assert score.std == pytest.approx(np.std(parts), rel=1e-12)


def test_inception_score_depends_on_the_order_only_through_splits():
    rows = chances(1, 200)
    ordered = rows[np.argsort(rows.argmax(1))]
    assert metrics.inception_score(ordered, 1).mean == pytest.approx(
        metrics.inception_score(rows, 1).mean, rel=1e-12
    )
    assert metrics.inception_score(ordered, 10).mean < 0.75 * metrics.inception_score(rows, 10).mean
    shuffled = metrics.inception_score(ordered, 10, seed=0)
    assert shuffled.mean == pytest.approx(metrics.inception_score(rows, 10).mean, rel=0.1)
    assert shuffled == metrics.inception_score(ordered, 10, seed=0)


def test_inception_score_falls_when_the_classifier_is_unsure():
    values = [metrics.inception_score(chances(2, 500, s)).mean for s in (0.02, 0.2, 2, 20)]
    assert values == sorted(values, reverse=True)


def test_inception_score_rises_with_the_sample_size():
    """p(y) estimated from few rows looks narrower than it is."""
    small, large = (
        np.mean([metrics.inception_score(chances([3, r], size), 1).mean for r in range(30)])
        for size in (10, 1000)
    )
    assert small < large - 0.3


@pytest.mark.parametrize(
    ("bad", "message"),
    [
        (np.full((20, 10), 0.2), "sums to 2"),
        (np.tile([1.5, -0.5], (20, 1)), "minimum of -0.5"),
        (draw(4, 20, 10), "logits"),
        (np.full((20, 10), np.nan), "NaN"),
        (np.full((1, 10), 0.1), "1 sample"),
        (np.full(10, 0.1), "shape"),
        (np.full((5, 10), 0.1), "10 splits"),
    ],
)
def test_nonsense_probabilities_are_refused(bad, message):
    with pytest.raises(ValueError, match=message):
        metrics.inception_score(bad)


@pytest.mark.parametrize("splits", [0, -1])
def test_impossible_splits_are_refused(splits):
    with pytest.raises(ValueError, match="splits"):
        metrics.inception_score(chances(5, 20), splits)


@pytest.mark.parametrize("k", [1, 3, 5])
@pytest.mark.parametrize("shift", [0.0, 1.5])
def test_neighbors_equal_loops(k, shift):
    real, fake = draw(6, 60), draw(7, 45, scale=0.7) + shift
    precision, recall = metrics.precision_recall(real, fake, k)
    assert precision == naive_fraction_inside(fake, real, k)
    assert recall == naive_fraction_inside(real, fake, k)
    assert metrics.density_coverage(real, fake, k) == pytest.approx(
        naive_density_coverage(real, fake, k), abs=1e-14
    )


def test_neighbors_equal_loops_on_a_lattice():
    """Integer points: many ties and duplicates, and exact distances in the reference."""
    rng = np.random.default_rng(8)
    real, fake = rng.integers(0, 4, (50, 3)), rng.integers(1, 5, (40, 3))
    precision, recall = metrics.precision_recall(real, fake, 3)
    assert (precision, recall) == (
        naive_fraction_inside(fake, real, 3),
        naive_fraction_inside(real, fake, 3),
    )
    assert metrics.density_coverage(real, fake, 3) == naive_density_coverage(real, fake, 3)


def test_blocks_do_not_change_the_result(monkeypatch):
    real, fake = draw(9, 130), draw(10, 70) + 0.5
    whole = metrics.precision_recall(real, fake), metrics.density_coverage(real, fake)
    monkeypatch.setattr(sys.modules["gan_utils.metrics.precision_recall"], "_BLOCK_NUMBERS", 300)
    monkeypatch.setattr(sys.modules["gan_utils.metrics.precision_recall"], "_BLOCK_COLUMNS", 11)
    assert (metrics.precision_recall(real, fake), metrics.density_coverage(real, fake)) == whole


def test_identical_sets():
    features = draw(11, 200)
    assert metrics.precision_recall(features, features.copy()) == (1, 1)
    assert metrics.density_coverage(features, features.copy()) == (1, 1)


def test_a_collapsed_generator_is_precise_and_recalls_nothing():
    real = draw(12, 200)
    collapsed = np.tile(real[:1], (200, 1))
    precision, recall = metrics.precision_recall(real, collapsed)
    assert precision == 1
    assert recall == 1 / 200
    assert metrics.density_coverage(real, collapsed).coverage < 0.1


def test_dropped_modes_cost_recall_and_coverage_not_precision():
    real = np.concatenate([draw(13, 200), draw(14, 200) + 20])
    fake = draw(15, 400)
    precision, recall = metrics.precision_recall(real, fake)
    assert precision > 0.8
    assert 0.4 < recall < 0.55
    density, coverage = metrics.density_coverage(real, fake)
    assert density > 0.8
    assert coverage < 0.55


def test_one_outlier_spoils_precision_but_not_density():
    real = np.concatenate([draw(16, 300), np.full((1, 4), 9.0)])
    fake = draw(17, 300) + 9
    assert metrics.precision_recall(real, fake).precision > 0.9
    assert metrics.density_coverage(real, fake).density == pytest.approx(1 / 5, abs=0.01)


def test_precision_falls_with_noise():
    real, fake, noise = draw(19, 500), draw(20, 500), draw(21, 500)
    values = [metrics.precision_recall(real, fake + a * noise).precision for a in (0, 1, 3, 9)]
    assert values == sorted(values, reverse=True)
    assert values[-1] < 0.3 * values[0]


def test_order_does_not_matter():
    real, fake = draw(22, 150), draw(23, 150) + 0.5
    assert metrics.precision_recall(real[::-1], fake[::-1]) == metrics.precision_recall(real, fake)


@pytest.mark.parametrize("score", [metrics.precision_recall, metrics.density_coverage])
def test_nonsense_is_refused(score):
    real = draw(24, 20)
    with pytest.raises(ValueError, match="k=20"):
        score(real, real, 20)
    with pytest.raises(ValueError, match="k=0"):
        score(real, real, 0)
    with pytest.raises(ValueError, match="features_fake 3"):
        score(real, real[:, :3])
    with pytest.raises(ValueError, match="features_real has NaN"):
        score(np.full((20, 4), np.nan), real)


def test_memory_does_not_grow_with_the_square_of_the_samples():
    """A table of 5,000 x 5,000 distances would take 200 MB."""
    real, fake = draw(25, 5000), draw(26, 5000)
    tracemalloc.start()
    metrics.precision_recall(real, fake)
    _, peak = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert peak < 80e6
