"""Fréchet and kernel distance: closed forms, naive references, singular and badly scaled input."""

import subprocess
import sys
import warnings

import numpy as np
import pytest
from scipy import linalg

from gan_utils import metrics


def draw(seed, count, dimensions, scale=1.0):
    return np.random.default_rng(seed).normal(size=(count, dimensions)) * scale


def covariance(seed, dimensions):
    return np.cov(draw(seed, 3 * dimensions, dimensions), rowvar=False)


def with_square_root_of_matrix(features_a, features_b):
    """Write the formula down as it stands in the paper."""
    difference = features_a.mean(0) - features_b.mean(0)
    cov_a, cov_b = np.cov(features_a, rowvar=False), np.cov(features_b, rowvar=False)
    root = linalg.sqrtm(cov_a @ cov_b)
    return difference @ difference + np.trace(cov_a + cov_b - 2 * root.real)


def test_one_dimension_in_closed_form():
    distance = metrics.frechet_distance([1.0], [[4.0]], [3.0], [[9.0]])
    assert distance == pytest.approx((1 - 3) ** 2 + (2 - 3) ** 2, rel=1e-14)


def test_commuting_covariances_in_closed_form():
    variances_a, variances_b = np.arange(1.0, 21), np.arange(20.0, 0, -1)
    distance = metrics.frechet_distance(
        np.zeros(20), np.diag(variances_a), np.full(20, 0.5), np.diag(variances_b)
    )
    expected = 20 * 0.25 + np.sum((np.sqrt(variances_a) - np.sqrt(variances_b)) ** 2)
    assert distance == pytest.approx(expected, rel=1e-13)


def test_two_rotated_ellipses_in_closed_form():
    """In two dimensions tr(AB)^½ = √(tr AB + 2 √(det A det B)), without eigenvalues."""
    first, second = np.array([[2.0, 0.9], [0.9, 0.5]]), np.array([[1.0, -0.7], [-0.7, 3.0]])
    root = np.sqrt(np.trace(first @ second) + 2 * np.sqrt(np.linalg.det(first @ second)))
    distance = metrics.frechet_distance(np.zeros(2), first, np.zeros(2), second)
    assert distance == pytest.approx(np.trace(first + second) - 2 * root, rel=1e-13)


def test_covariances_that_do_not_commute_agree_with_scipy():
    cov_a, cov_b = covariance(1, 40), covariance(2, 40) * 2
    assert np.abs(cov_a @ cov_b - cov_b @ cov_a).max() > 0.1
    expected = np.trace(cov_a + cov_b - 2 * linalg.sqrtm(cov_a @ cov_b).real)
    distance = metrics.frechet_distance(np.zeros(40), cov_a, np.zeros(40), cov_b)
    assert distance == pytest.approx(expected, rel=1e-9)


@pytest.mark.parametrize(("count", "dimensions"), [(500, 30), (400, 300)])
def test_fid_agrees_with_scipy_on_both_routes(count, dimensions):
    mixing = draw(3, dimensions, dimensions)
    features_a, features_b = draw(4, count, dimensions), draw(5, count, dimensions) @ mixing
    expected = with_square_root_of_matrix(features_a, features_b)
    assert metrics.fid(features_a, features_b) == pytest.approx(expected, rel=1e-9)


def test_fid_of_features_equals_distance_of_their_moments():
    features_a, features_b = draw(6, 300, 20), draw(7, 400, 20, 1.5) + 0.3
    first, second = metrics.Moments.of(features_a), metrics.Moments.of(features_b)
    distance = metrics.frechet_distance(
        first.mean, first.covariance, second.mean, second.covariance
    )
    assert metrics.fid(features_a, features_b) == pytest.approx(distance, rel=1e-10)


@pytest.mark.parametrize(("count", "dimensions"), [(200, 10), (400, 300)])
def test_identical_sets_have_no_distance(count, dimensions):
    features = draw(8, count, dimensions)
    assert metrics.fid(features, features.copy()) <= 1e-9 * dimensions
    assert metrics.fid(features, features[::-1]) <= 1e-9 * dimensions


def test_distance_is_symmetric():
    features_a, features_b = draw(9, 200, 12), draw(10, 150, 12, 3.0)
    there, back = metrics.fid(features_a, features_b), metrics.fid(features_b, features_a)
    assert there == pytest.approx(back, rel=1e-12)


@pytest.mark.filterwarnings("ignore::gan_utils.metrics.SampleSizeWarning")
@pytest.mark.parametrize(("count", "dimensions"), [(3, 7), (40, 600)])
def test_scaled_copy_with_fewer_samples_than_dimensions(count, dimensions):
    """Between X and cX + t the distance is (c - 1)² tr S + |mean shift|², at any rank."""
    features = draw(11, count, dimensions)
    shift = draw(12, 1, dimensions)[0]
    spread = np.trace(np.cov(features, rowvar=False))
    moved = (3 - 1) * features.mean(0) + shift
    assert metrics.fid(features, 3 * features + shift) == pytest.approx(
        4 * spread + moved @ moved, rel=1e-12
    )


@pytest.mark.filterwarnings("ignore::gan_utils.metrics.SampleSizeWarning")
def test_orthogonal_subspaces_with_fewer_samples_than_dimensions():
    """Where the two sets vary in different directions, the root of the product is zero."""
    features_a, features_b = np.zeros((30, 400)), np.zeros((20, 400))
    features_a[:, :100], features_b[:, 200:300] = draw(13, 30, 100), draw(14, 20, 100)
    difference = features_a.mean(0) - features_b.mean(0)
    variances = features_a.var(0, ddof=1).sum() + features_b.var(0, ddof=1).sum()
    expected = difference @ difference + variances
    assert metrics.fid(features_a, features_b) == pytest.approx(expected, rel=1e-13)


@pytest.mark.filterwarnings("ignore::gan_utils.metrics.SampleSizeWarning")
def test_few_against_many_samples():
    features_a, features_b = draw(15, 25, 300), draw(16, 900, 300)
    cov_a, cov_b = np.cov(features_a, rowvar=False), np.cov(features_b, rowvar=False)
    difference = features_a.mean(0) - features_b.mean(0)
    centered = (features_a - features_a.mean(0)) / np.sqrt(24)
    root = np.sqrt(np.linalg.eigvalsh(centered @ cov_b @ centered.T)[1:]).sum()
    expected = difference @ difference + np.trace(cov_a + cov_b) - 2 * root
    assert metrics.fid(features_a, features_b) == pytest.approx(expected, rel=1e-11)


def test_singular_covariances():
    """Dead and copied features, as a trained network has them, change nothing but the sums."""
    features_a, features_b = draw(17, 400, 8), draw(18, 400, 8, 2.0)
    plain = metrics.fid(features_a, features_b)
    dead = np.zeros((400, 300))
    wide_a, wide_b = (np.concatenate([f, dead[:, 8:]], 1) for f in (features_a, features_b))
    assert metrics.fid(wide_a, wide_b) == pytest.approx(plain, rel=1e-9)
    twice_a, twice_b = (np.concatenate([f, f], 1) for f in (features_a, features_b))
    assert metrics.fid(twice_a, twice_b) == pytest.approx(2 * plain, rel=1e-12)
    first, second = metrics.Moments.of(twice_a), metrics.Moments.of(twice_b)
    distance = metrics.frechet_distance(
        first.mean, first.covariance, second.mean, second.covariance
    )
    assert distance == pytest.approx(2 * plain, rel=1e-6)


def test_a_set_without_variation():
    """A generator that always draws the same picture: no covariance, a finite answer."""
    features = draw(19, 200, 30)
    constant = np.tile(draw(20, 1, 30), (200, 1))
    difference = features.mean(0) - constant[0]
    expected = difference @ difference + np.trace(np.cov(features, rowvar=False))
    assert metrics.fid(features, constant) == pytest.approx(expected, rel=1e-12)
    assert metrics.fid(constant, constant) == pytest.approx(0, abs=1e-25)
    zeros = np.zeros((30, 30))
    distance = metrics.frechet_distance(features.mean(0), np.cov(features.T), constant[0], zeros)
    assert distance == pytest.approx(expected, rel=1e-12)


@pytest.mark.parametrize("power", [-60, -6, 6, 60])
def test_scale_of_the_features_only_scales_the_distance(power):
    features_a, features_b = draw(21, 400, 300), draw(22, 400, 300, 2.0)
    plain, scale = metrics.fid(features_a, features_b), 10.0**power
    scaled = metrics.fid(features_a * scale, features_b * scale)
    assert scaled / scale**2 == pytest.approx(plain, rel=1e-9)


@pytest.mark.parametrize("dimensions", [24, 300])
def test_features_of_very_different_scales(dimensions):
    scales = np.logspace(-6, 6, dimensions)
    features = draw(23, 400, dimensions) * scales
    expected = np.trace(np.cov(features, rowvar=False))
    far = metrics.fid(features, 2 * features - features.mean(0))
    assert far == pytest.approx(expected, rel=1e-6)


def test_a_large_offset_costs_no_digits():
    features_a, features_b = draw(24, 300, 10), draw(25, 300, 10, 2.0)
    plain = metrics.fid(features_a, features_b)
    assert metrics.fid(features_a + 1e6, features_b + 1e6) == pytest.approx(plain, rel=1e-8)


def test_float32_features_are_computed_in_float64():
    features_a = (draw(26, 400, 300) + 50).astype("float32")
    features_b = (draw(27, 400, 300) + 50).astype("float32")
    expected = metrics.fid(features_a.astype("float64"), features_b.astype("float64"))
    assert metrics.fid(features_a, features_b) == pytest.approx(expected, rel=1e-12)


def test_order_of_the_samples_does_not_matter():
    features_a, features_b = draw(28, 500, 10), draw(29, 500, 10) + 0.2
    order = np.random.default_rng(30).permutation(500)
    assert metrics.fid(features_a[order], features_b) == pytest.approx(
        metrics.fid(features_a, features_b), rel=1e-10
    )


def test_both_distances_grow_with_noise():
    real, other = draw(31, 1000, 16), draw(32, 1000, 16)
    noise = draw(33, 1000, 16)
    noisy = [other + amount * noise for amount in (0, 0.5, 1, 2)]
    for distance in (metrics.fid, lambda a, b: metrics.kid(a, b, subsets=10).mean):
        values = [distance(real, fake) for fake in noisy]
        assert values == sorted(values)
        assert values[-1] > 10 * max(values[0], 1e-3)


def test_fid_is_biased_for_small_samples_and_the_kernel_distance_is_not():
    """Two halves of one distribution: the true distance is zero at every size."""
    sizes, repeats = (50, 200, 800), 12
    means = []
    kernel = []
    for size in sizes:
        pairs = [
            (draw([34, size, r], size, 20), draw([35, size, r], size, 20)) for r in range(repeats)
        ]
        means.append(np.mean([metrics.fid(*pair) for pair in pairs]))
        whole = [metrics.kid(*pair, subsets=1, subset_size=size).mean for pair in pairs]
        kernel.append((np.mean(whole), np.std(whole) / np.sqrt(repeats)))
    assert means[0] > 2 * means[1] > 4 * means[2] > 0
    for mean, error in kernel:
        assert abs(mean) < 4 * error


def naive_kid(part_a, part_b):
    def kernel(x, y):
        return (x @ y / len(x) + 1) ** 3

    size = len(part_a)
    within = 0.0
    for part in (part_a, part_b):
        others = [kernel(part[i], part[j]) for i in range(size) for j in range(size) if i != j]
        within += np.mean(others)
    return within - 2 * np.mean([kernel(x, y) for x in part_a for y in part_b])


def test_kernel_distance_equals_two_loops():
    features_a, features_b = draw(36, 12, 5), draw(37, 12, 5, 1.5)
    result = metrics.kid(features_a, features_b, subsets=1, subset_size=12)
    assert result.mean == pytest.approx(naive_kid(features_a, features_b), rel=1e-12)
    assert result.std == 0


def test_kernel_distance_draws_subsets_by_seed():
    features_a, features_b = draw(38, 90, 6), draw(39, 120, 6)
    first = metrics.kid(features_a, features_b, subsets=8, seed=1)
    assert first == metrics.kid(features_a, features_b, subsets=8, seed=1)
    assert first != metrics.kid(features_a, features_b, subsets=8, seed=2)
    assert first.std > 0


def test_kernel_sums_in_blocks(monkeypatch):
    features_a, features_b = draw(40, 50, 6), draw(41, 50, 6)
    whole = metrics.kid(features_a, features_b, subsets=2)
    monkeypatch.setattr(sys.modules["gan_utils.metrics.kid"], "_BLOCK_ROWS", 7)
    assert metrics.kid(features_a, features_b, subsets=2) == pytest.approx(whole, rel=1e-12)


GOOD = draw(42, 10, 3)


def spoiled(row, value):
    features = GOOD.copy()
    features[row, 1] = value
    return features


@pytest.mark.parametrize("distance", [metrics.fid, metrics.kid])
@pytest.mark.parametrize(
    ("bad", "message"),
    [
        (GOOD[:1], "1 sample"),
        (GOOD[:, :2], r"features_a has [23] dimensions, features_b [23]; take both"),
        (GOOD[0], r"shape \(3,\)"),
        (GOOD[:, :0], "shape"),
        (spoiled(4, np.nan), "row 4"),
        (spoiled(7, np.inf), "row 7"),
        (GOOD.astype(complex), "complex"),
        (GOOD.astype(str), "dtype"),
    ],
)
def test_nonsense_is_refused(distance, bad, message):
    with pytest.raises(ValueError, match=message):
        distance(GOOD, bad)
    with pytest.raises(ValueError, match=message):
        distance(bad, GOOD)


@pytest.mark.parametrize(
    "options", [{"subsets": 0}, {"subsets": 10**12}, {"subset_size": 11}, {"subset_size": 1}]
)
def test_impossible_subsets_are_refused(options):
    with pytest.raises(ValueError, match="subset"):
        metrics.kid(GOOD, GOOD, **options)


@pytest.mark.parametrize(
    ("mean", "cov", "message"),
    [
        (np.zeros(2), np.eye(3), r"\(3, 3\)"),
        (np.zeros(3), np.triu(np.ones((3, 3))), "symmetric"),
        (np.zeros(3), -np.eye(3), "negative"),
        (np.zeros(3), np.full((3, 3), np.nan), "NaN"),
        (np.zeros(4), np.eye(4), "dimensions"),
    ],
)
def test_nonsense_gaussians_are_refused(mean, cov, message):
    with pytest.raises(ValueError, match=message):
        metrics.frechet_distance(np.zeros(3), np.eye(3), mean, cov)


def test_overflow_is_refused():
    with pytest.raises(ValueError, match="float64"), np.errstate(all="ignore"):
        metrics.fid(GOOD * 1e200, GOOD)


def test_few_samples_warn_with_the_numbers():
    with pytest.warns(metrics.SampleSizeWarning, match="7 samples for 300 dimensions"):
        metrics.fid(draw(43, 7, 300), draw(44, 400, 300))
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        metrics.fid(draw(45, 300, 300), draw(46, 300, 300))


def test_metrics_need_neither_tensorflow_nor_scipy():
    code = (
        "import sys, gan_utils.metrics as m; m.fid([[0.0], [1.0]], [[0.0], [2.0]]);"
        "print([n for n in ('tensorflow', 'keras', 'scipy') if n in sys.modules])"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"
