"""Lesson 13: its formulas, its image degradations, and each score's response on real digits."""

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
    floats = images.to_float(digits.images)
    return lenet.features(floats[:COUNT]), floats[COUNT:], digits.labels[COUNT:]


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


def test_damage_keeps_the_number_and_the_range_of_images(lesson, digits):
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
    kept = {image.tobytes() for image in pool[labels < 2]}
    assert {image.tobytes() for image in left} <= kept
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


def test_copies_of_the_real_images_are_perfect_to_every_score(lesson, digits):
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
    # "In the recorded run both distances grow with every step of every damage."
    for damage in lesson.LEVELS:
        for score in ("FID", "KID"):
            values = recorded_curves(damage, score)
            assert values == sorted(values), (damage, score)
            assert values[-1] > 10 * values[0]


def test_recorded_precision_and_recall_tell_bad_from_missing(recorded_curves):
    # "Where classes are left out, precision stays, and recall and coverage fall."
    for score in ("precision", "density"):
        assert np.ptp(recorded_curves("classes left", score)) < 0.05
    for score in ("recall", "coverage"):
        values = recorded_curves("classes left", score)
        assert values == sorted(values, reverse=True)
    # "Strong noise and blur lower all of them; mild ones look like missing images, since precision
    # stays or rises."
    for damage in ("noise", "blur"):
        precision, recall = (recorded_curves(damage, score) for score in ("precision", "recall"))
        assert precision[-1] < precision[0] - 0.1
        assert max(recall[-1], recorded_curves(damage, "coverage")[-1]) < 0.05
        assert precision[1] > precision[0] - 0.01
        assert recall[1] < recall[0] - 0.1
    # "recall drops to almost nothing; coverage ... falls more gently", where there are 10 copies
    assert recorded_curves("copies of each", "recall")[2] < 0.01
    assert recorded_curves("copies of each", "coverage")[2] > 0.2


def test_the_recorded_inception_score_is_blind_to_repetition(recorded, recorded_curves):
    # "falls with noise, blur and missing classes, and hardly notices repetition"
    for damage in ("noise", "blur", "classes left"):
        values = recorded_curves(damage, "Inception Score")
        assert values == sorted(values, reverse=True)
    repeated = recorded_curves("copies of each", "Inception Score")
    assert min(repeated) > 0.95 * repeated[0]
    # "These ten images get as much as real ones", and a distance hundreds of times as large.
    one, real = (recorded["cases"][name] for name in ("one image a class", "undamaged"))
    assert one["Inception Score"] > 0.99 * real["Inception Score"]
    assert one["FID"] > 100 * real["FID"]


def test_recorded_copies_are_as_good_as_honest_samples(recorded):
    # "No score minds copies."
    copied, honest = (recorded["cases"][name] for name in ("real ones, copied", "undamaged"))
    for score in ("Inception Score", "precision", "recall", "density", "coverage"):
        assert copied[score] >= honest[score], score
    assert copied["FID"] <= honest["FID"]


def test_the_recorded_fid_is_biased_and_the_kid_is_not(recorded):
    # "The more so the fewer images"; KID "scatters around zero".
    sizes, distances = recorded["bias"]
    assert sizes == sorted(sizes)
    assert distances == sorted(distances, reverse=True)
    assert distances[-1] > 0
    for mean, spread in recorded["bias_of_kid"][1]:
        assert abs(mean) < 2 * spread
    # "In the recorded run A wins, with worse images": many blurred against few undamaged ones.
    assert recorded["curves"]["blur 0.5"]["FID"] < distances[sizes.index(100)]
