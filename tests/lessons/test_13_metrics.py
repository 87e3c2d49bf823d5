"""Lesson 13: its formulas, its damage, and how every score answers it on real digits."""

import numpy as np
import pytest
from lesson import load_lesson

from gan_utils import images, lenet, metrics, records

pytestmark = pytest.mark.filterwarnings("ignore::gan_utils.metrics.SampleSizeWarning")
COUNT = 240


@pytest.fixture(scope="module")
def lesson():
    return load_lesson("13_metrics")


@pytest.fixture(scope="module")
def digits(digits):
    """Real features, and a pool of other real digits: the ones that are always at hand."""
    pictures = images.to_float(digits.images)
    return lenet.features(pictures[:COUNT]), pictures[COUNT:], digits.labels[COUNT:]


@pytest.fixture(scope="module")
def curves(lesson, digits):
    """Every score of every damage, as in the lesson."""
    real, pool, labels = digits
    return {
        damage: [
            lesson.all_scores(
                real, lesson.DAMAGE[damage](pool, labels, level, COUNT, np.random.default_rng(1))
            )
            for level in levels
        ]
        for damage, levels in lesson.LEVELS.items()
    }


def test_entropy_by_hand(lesson):
    rows = np.array([[1.0, 0, 0, 0], [0.25, 0.25, 0.25, 0.25], [0.5, 0.5, 0, 0]])
    np.testing.assert_allclose(lesson.entropy(rows), np.log([1, 4, 2]), atol=1e-15)


@pytest.mark.parametrize("sharpness", [0.02, 0.5, 5.0])
def test_the_score_from_entropies_is_the_packages(lesson, sharpness):
    rows = np.random.default_rng(0).dirichlet(np.full(10, sharpness), size=300)
    expected = metrics.inception_score(rows, splits=1).mean
    assert lesson.score_from_entropies(rows) == pytest.approx(expected, rel=1e-9)


def test_the_kernel_distance_is_the_packages(lesson):
    rng = np.random.default_rng(0)
    first, second = rng.normal(size=(40, 6)), rng.normal(size=(40, 6)) + 0.3
    expected = metrics.kid(first, second, subsets=1, subset_size=40).mean
    assert lesson.kernel_distance(first, second) == pytest.approx(expected, rel=1e-10)


def test_rotated_covariances_keep_their_variances(lesson):
    turned = lesson.rotated(0.7, (2.0, 0.7))
    np.testing.assert_allclose(np.linalg.eigvalsh(turned), [0.49, 4.0])
    upright = lesson.rotated(np.pi / 2, (2.0, 0.7))
    np.testing.assert_allclose(upright, np.diag([0.49, 4.0]), atol=1e-12)


def test_sums_in_32_bits_lose_digits(lesson):
    features = np.random.default_rng(0).normal(size=(2000, 5)) + 1000
    exact = np.cov(features, rowvar=False, bias=True)
    error = {
        kind: np.abs(lesson.moments_in(kind, features)[1] - exact).max()
        for kind in (np.float32, np.float64)
    }
    assert error[np.float64] < 1e-6
    assert error[np.float32] > 1e-3


def test_damage_keeps_the_number_and_the_range_of_pictures(lesson, digits):
    _, pool, labels = digits
    for damage, levels in lesson.LEVELS.items():
        for level in levels:
            rng = np.random.default_rng(1)
            batch = lesson.DAMAGE[damage](pool, labels, level, COUNT, rng)
            images.check_images(batch)
            assert batch.shape == (COUNT, 28, 28, 1)
        first = lesson.DAMAGE[damage](pool, labels, levels[0], COUNT, np.random.default_rng(1))
        np.testing.assert_allclose(first, pool[:COUNT], atol=1e-6)


def test_damage_does_what_it_says(lesson, digits):
    _, pool, labels = digits
    repeated = lesson.repeat(pool, labels, 30, COUNT, None)
    assert len(np.unique(repeated, axis=0)) == COUNT // 30
    left = lesson.leave_classes(pool, labels, 2, COUNT, None)
    assert lenet.accuracy(left, np.resize(labels[labels < 2], COUNT)) > 0.5
    kept = {picture.tobytes() for picture in pool[labels < 2]}
    assert {picture.tobytes() for picture in left} <= kept
    one = lesson.one_of_each_class(pool, labels, 50)
    assert len(np.unique(one, axis=0)) == 10


@pytest.mark.parametrize("damage", ["noise", "blur", "classes left", "copies of each"])
def test_distances_grow_with_every_damage(curves, damage):
    for name in ("FID", "KID"):
        values = [scores[name] for scores in curves[damage]]
        assert values == sorted(values), name
        assert values[-1] > 3 * values[0]


@pytest.mark.parametrize("damage", ["noise", "blur", "classes left", "copies of each"])
def test_diversity_falls_with_every_damage(curves, damage):
    for name in ("recall", "coverage"):
        values = [scores[name] for scores in curves[damage]]
        assert values == sorted(values, reverse=True), name
        assert values[-1] < 0.5 * values[0]


def test_precision_minds_noise_but_not_what_is_missing_or_repeated(curves):
    noisy = [scores["density"] for scores in curves["noise"]]
    assert noisy[-1] < 0.7 * noisy[0]
    for damage in ("classes left", "copies of each"):
        first, *others = (scores["precision"] for scores in curves[damage])
        assert min(others) > first - 0.12


def test_the_inception_score_falls_with_noise_and_missing_classes(curves):
    for damage in ("noise", "classes left"):
        values = [scores["Inception Score"] for scores in curves[damage]]
        assert values == sorted(values, reverse=True)
        assert values[-1] < 0.5 * values[0]


def test_the_inception_score_is_blind_inside_a_class(lesson, digits):
    real, pool, labels = digits
    honest = lesson.all_scores(real, pool[:COUNT])
    collapsed = lesson.all_scores(real, lesson.one_of_each_class(pool, labels, COUNT))
    assert collapsed["Inception Score"] > 0.85 * honest["Inception Score"]
    assert collapsed["FID"] > 3 * honest["FID"]
    assert collapsed["coverage"] < 0.3 * honest["coverage"]


def test_copies_of_the_real_pictures_are_perfect_to_every_score(lesson, digits):
    real, pool, _ = digits
    everything = np.concatenate([real, lenet.features(pool)])
    copied = metrics.measure(
        metrics.Features(everything), metrics.Features(everything), ["fid", "prdc"]
    )
    assert copied["fid"].value == pytest.approx(0, abs=1e-6)
    assert copied["precision"].value == copied["recall"].value == copied["coverage"].value == 1


def test_small_samples_raise_the_fid_of_equal_distributions_but_not_the_kid(digits):
    real, pool, _ = digits
    everything = np.concatenate([real, lenet.features(pool)])
    means, errors = [], []
    for size in (50, 150, 450):
        found = []
        for seed in range(8):
            order = np.random.default_rng([size, seed]).permutation(len(everything))
            first, second = np.split(everything[order[: 2 * size]], 2)
            whole = metrics.kid(first, second, subsets=1, subset_size=size).mean
            found.append((metrics.fid(first, second), whole))
        distance, kernel = np.transpose(found)
        means.append(distance.mean())
        errors.append(abs(kernel.mean()) / (kernel.std(ddof=1) / np.sqrt(len(kernel))))
    assert means[0] > 1.5 * means[1] > 2 * means[2] > 0
    assert max(errors) < 4


def test_fewer_large_balls_take_precision_from_blur(lesson, digits):
    real, pool, labels = digits
    blurred = lenet.features(lesson.blur(pool, labels, 2.0, COUNT, None))
    package = metrics.precision_recall(real, blurred).precision
    assert lesson.precision_within(real, blurred, 1.0) == pytest.approx(package)
    sharp = lenet.features(pool[:COUNT])
    lost = [
        1 - lesson.precision_within(real, fake, 0.9) / lesson.precision_within(real, fake, 1.0)
        for fake in (sharp, blurred)
    ]
    assert lost[1] > lost[0]


def test_filters_that_pick_pixels_cost_the_most(lesson, digits):
    _, pool, _ = digits
    scans = lesson.scan(pool[: 2 * COUNT])
    assert scans.shape == (2 * COUNT, 112, 112, 1)
    assert set(np.unique(scans)) == {0, 255}
    cost = {}
    reference = lenet.features(lesson.shrink(scans[:COUNT], "bicubic, antialiased"))
    for name in lesson.FILTERS:
        small = lesson.shrink(scans[COUNT:], name)
        assert small.shape == (COUNT, 28, 28, 1)
        assert small.dtype == np.uint8
        cost[name] = metrics.fid(reference, lenet.features(small))
    assert min(cost, key=cost.get) in ("bicubic, antialiased", "box, antialiased")
    assert cost["nearest"] > cost["bicubic, antialiased"]


def test_picking_aliases_what_averaging_turns_gray(lesson):
    stripes = np.tile(np.array([0, 255, 255, 0], np.uint8), (64, 16))[None, ..., None]
    averaged = images.resize(stripes, 16, method="bicubic")[:, :, 2:-2].astype(float)
    assert np.abs(averaged - 127.5).max() < 40
    assert lesson.shrink_by_picking(stripes, 16).min() == 255, "the black ones are gone"


def test_the_line_over_one_by_n_ends_below_every_point(lesson, digits):
    real, pool, _ = digits
    sizes = np.array([240, 160, 120])
    means, slope, at_zero = lesson.extrapolated(real, lenet.features(pool), sizes)
    assert slope > 0
    assert at_zero < means.min()
    assert list(means) == sorted(means)


def test_jpeg_costs_more_the_harder_it_squeezes(lesson, digits):
    _, pool, _ = digits
    errors = [
        np.abs(
            lesson.through_jpeg(pool[:20], quality) - images.to_uint8(pool[:20]).astype(int)
        ).mean()
        for quality in (95, 50, 10)
    ]
    assert 0 < errors[0] < errors[1] < errors[2]


# ---- what the recorded full run carries --------------------------------------------------------


@pytest.fixture(scope="module")
def recorded():
    return records.recorded("13_metrics", "full")["metrics"]


@pytest.fixture(scope="module")
def recorded_curves(lesson, recorded):
    """Each damage's values of a score, from no damage to the strongest."""

    def curve(damage, score):
        return [recorded["curves"][f"{damage} {level:g}"][score] for level in lesson.LEVELS[damage]]

    return curve


def test_the_recorded_distances_grow_with_every_damage(lesson, recorded_curves):
    # "Both distances grow with every step of it, in all four panels."
    for damage in lesson.LEVELS:
        for score in ("FID", "KID"):
            values = recorded_curves(damage, score)
            assert values == sorted(values), (damage, score)
            assert values[-1] > 10 * values[0]


def test_recorded_precision_and_recall_tell_bad_from_missing(recorded_curves):
    # "Precision and density stay, recall and coverage fall with every class that is gone."
    for score in ("precision", "density"):
        assert np.ptp(recorded_curves("classes left", score)) < 0.05
    for score in ("recall", "coverage"):
        values = recorded_curves("classes left", score)
        assert values == sorted(values, reverse=True)
    # "Noise and blur take recall and coverage down as well."
    for damage in ("noise", "blur"):
        assert recorded_curves(damage, "recall")[-1] < 0.05
        assert recorded_curves(damage, "coverage")[-1] < 0.05
    # "Recall drops to almost nothing ... Coverage falls more gently", where there are 10 copies.
    assert recorded_curves("copies of each", "recall")[2] < 0.01
    assert recorded_curves("copies of each", "coverage")[2] > 0.2


def test_the_recorded_inception_score_is_blind_to_repetition(recorded, recorded_curves):
    # "Falls with noise, blur and missing classes. Repetition leaves it nearly where it was."
    for damage in ("noise", "blur", "classes left"):
        values = recorded_curves(damage, "Inception Score")
        assert values == sorted(values, reverse=True)
    assert min(recorded_curves("copies of each", "Inception Score")[:4]) > 9.5
    # "These ten images get as much as real ones", and a distance hundreds of times as large.
    one, real = (recorded["cases"][name] for name in ("one picture a class", "undamaged"))
    assert one["Inception Score"] > 0.99 * real["Inception Score"]
    assert one["FID"] > 100 * real["FID"]


def test_recorded_copies_are_as_good_as_honest_samples(recorded):
    # "All scores find a thief as good as an honest generator, or better."
    copied, honest = (recorded["cases"][name] for name in ("real ones, copied", "undamaged"))
    for score in ("Inception Score", "precision", "recall", "density", "coverage"):
        assert copied[score] >= honest[score], score
    assert copied["FID"] <= honest["FID"]


def test_the_recorded_fid_is_biased_and_the_kid_is_not(recorded):
    # "The more so the fewer images"; KID "scatters, to both sides of zero".
    sizes, distances = recorded["bias"]
    assert sizes == sorted(sizes)
    assert distances == sorted(distances, reverse=True)
    assert distances[-1] > 0
    for mean, spread in recorded["bias_of_kid"][1]:
        assert abs(mean) < 2 * spread
    # "Blurred images in large numbers get a better FID than undamaged ones in small numbers."
    assert recorded["curves"]["blur 0.5"]["FID"] < distances[sizes.index(100)]
    # "The line for undamaged images meets the axis close to zero."
    assert abs(recorded["extrapolated"]["undamaged"]) < 0.1


def test_recorded_filters_and_balls(recorded):
    # "The filters that pick ... cost the most."
    cost = recorded["resizing"]
    picked = min(cost["bilinear, picked"], cost["nearest"])
    assert picked > 2 * max(value for name, value in cost.items() if "antialiased" in name)
    # "Undamaged digits lose little, and strongly blurred ones more than half of their precision."
    kept = {name: row["0.9"] / row["1.0"] for name, row in recorded["precision_within"].items()}
    assert kept["blur 0"] > 0.9
    assert max(kept["blur 1"], kept["blur 1.5"], kept["blur 2"]) < 0.5


def test_the_recorded_scores_depend_on_the_extractor(recorded):
    # "The numbers have nothing to do with each other": even the order of two damages changes.
    digits, clothes = (recorded["views"][name] for name in ("mnist", "fashion_mnist"))
    assert digits["classes left 6"] > digits["noise 0.2"]
    assert clothes["classes left 6"] < clothes["noise 0.2"]
