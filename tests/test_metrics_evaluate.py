"""Score objects: each score with what is needed to interpret it."""

import json
import warnings

import numpy as np
import pytest

from gan_utils import metrics
from gan_utils.metrics.evaluate import fid_floor

RNG = np.random.default_rng(0)
CHANCES = RNG.dirichlet(np.full(10, 0.2), size=600)


def features(shift=0.0, count=600, **facts):
    facts = {"extractor": "LeNet (mnist)", "resizing": "none", "probabilities": CHANCES} | facts
    rng = np.random.default_rng(int(10 * shift))
    return metrics.Features(rng.normal(size=(count, 16)) + shift, **facts)


REAL, FAKE = features(), features(0.3)


def test_values_are_those_of_the_functions():
    scores = metrics.measure(REAL, FAKE, ["fid", "kid", "is", "prdc"], seed=3)
    assert list(scores) == ["fid", "kid", "is", "precision", "recall", "density", "coverage"]
    assert scores["fid"].value == metrics.fid(REAL.vectors, FAKE.vectors)
    kernel = metrics.kid(REAL.vectors, FAKE.vectors, seed=3)
    assert (scores["kid"].value, scores["kid"].spread) == kernel
    assert (scores["is"].value, scores["is"].spread) == metrics.inception_score(CHANCES)
    both = metrics.precision_recall(REAL.vectors, FAKE.vectors)
    assert (scores["precision"].value, scores["recall"].value) == both
    both = metrics.density_coverage(REAL.vectors, FAKE.vectors)
    assert (scores["density"].value, scores["coverage"].value) == both


def test_settings_reach_the_functions():
    scores = metrics.measure(
        REAL, FAKE, ["kid", "is", "pr"], subsets=7, subset_size=50, splits=3, k=2
    )
    assert (
        scores["kid"].value
        == metrics.kid(REAL.vectors, FAKE.vectors, subsets=7, subset_size=50).mean
    )
    assert scores["kid"].settings == {"subsets": 7, "subset_size": 50}
    assert scores["is"].value == metrics.inception_score(CHANCES, 3).mean
    assert scores["is"].settings == {"splits": 3}
    assert scores["precision"].settings == {"k": 2}
    expected = metrics.precision_recall(REAL.vectors, FAKE.vectors, 2).precision
    assert scores["precision"].value == expected


def test_everything_is_printed():
    scores = metrics.measure(REAL, features(0.3, 500, probabilities=None), ["fid", "kid", "pr"])
    line = str(scores["fid"])
    for part in ("FID", "LeNet (mnist)", "resizing: none", "600 real, 500 fake", "(300 + 300)"):
        assert part in line
    assert f"real against real {scores['fid'].floor:.4g}" in line
    assert "subsets 100; subset_size 250" in str(scores["kid"])
    assert "±" in str(scores["kid"])
    assert "k 3" in str(scores["recall"])
    line = str(metrics.measure(REAL, FAKE, ["is"])["is"])
    assert "splits 10" in line
    assert "600 fake" in line
    assert "600 real" not in line


def test_floor_is_real_against_real():
    held_out = features(0.0, 600)
    other = metrics.Features(held_out.vectors[::-1], CHANCES, "LeNet (mnist)", "none")
    score = metrics.measure(REAL, FAKE, ["fid"], held_out=other)["fid"]
    assert score.floor == metrics.fid(REAL.vectors, other.vectors)
    assert score.floor_counts == (600, 600)
    halves = metrics.measure(REAL, FAKE, ["fid"], seed=5)["fid"]
    assert 0 < halves.floor < halves.value
    assert halves.floor == metrics.measure(REAL, FAKE, ["fid"], seed=5)["fid"].floor
    inception = metrics.measure(REAL, FAKE, ["is"])["is"]
    assert (inception.floor, inception.floor_counts) == (inception.value, (600,))


def test_the_floor_alone_does_not_warn():
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        metrics.measure(features(0.0, 20, probabilities=None), FAKE, ["fid"])
    with pytest.warns(metrics.SampleSizeWarning, match="15 samples for 16 dimensions"):
        metrics.measure(features(0.0, 15, probabilities=None), FAKE, ["fid"])


def test_saved_moments_give_the_fid(tmp_path):
    REAL.moments().save(tmp_path / "real.npz")
    real = metrics.Moments.load(tmp_path / "real.npz")
    score = metrics.measure(real, FAKE, ["fid"])["fid"]
    assert score.value == pytest.approx(metrics.fid(REAL.vectors, FAKE.vectors), rel=1e-10)
    assert score.floor is None
    assert score.real_count == 600
    with pytest.raises(ValueError, match="only the FID"):
        metrics.measure(real, FAKE, ["kid"])
    few = features(0.0, 10, probabilities=None).moments()
    with pytest.warns(metrics.SampleSizeWarning, match="10 samples for 16 dimensions"):
        metrics.measure(few, FAKE, ["fid"])


def test_moments_take_their_floor_from_their_halves_or_their_file(tmp_path):
    halves = REAL.rows(slice(0, 300)).moments(), REAL.rows(slice(300, 600)).moments()
    real = REAL.moments()
    score = metrics.measure(real, FAKE, ["fid"], halves=halves)["fid"]
    expected = metrics.fid(REAL.vectors[:300], REAL.vectors[300:])
    assert score.floor == pytest.approx(expected, rel=1e-9)
    assert score.floor_counts == (300, 300)
    assert fid_floor(real, halves=halves) == {"floor": score.floor, "floor_counts": (300, 300)}
    assert fid_floor(real) == {}
    real.floor, real.floor_counts = score.floor, score.floor_counts
    real.save(tmp_path / "real.npz")
    loaded = metrics.Moments.load(tmp_path / "real.npz")
    stored = metrics.measure(loaded, FAKE, ["fid"])["fid"]
    assert (stored.floor, stored.floor_counts) == (score.floor, (300, 300))
    halved = metrics.measure(REAL, FAKE, ["fid"], seed=5)["fid"]
    assert fid_floor(REAL, seed=5)["floor"] == halved.floor


def test_scores_become_json():
    scores = metrics.measure(REAL, FAKE, ["fid", "kid"])
    stored = json.loads(json.dumps({name: score.to_dict() for name, score in scores.items()}))
    assert stored["kid"]["settings"]["subsets"] == 100
    assert stored["fid"]["value"] == scores["fid"].value
    assert stored["fid"]["floor_counts"] == [300, 300]


def test_scores_do_not_change():
    score = metrics.measure(REAL, FAKE, ["fid"])["fid"]
    with pytest.raises(AttributeError):
        score.value = 0.0


@pytest.mark.parametrize(
    ("other", "message"),
    [({"extractor": "InceptionV3 (Keras)"}, "extractor"), ({"resizing": "bilinear"}, "resizing")],
)
def test_different_extractors_are_not_compared(other, message):
    with pytest.raises(ValueError, match=message):
        metrics.measure(REAL, features(0.3, **other))
    with pytest.raises(ValueError, match=message):
        metrics.measure(REAL, FAKE, held_out=features(0.1, **other))


def test_nonsense_is_refused():
    with pytest.raises(ValueError, match=r"fidd.*fid, kid, is"):
        metrics.measure(REAL, FAKE, ["fidd"])
    with pytest.raises(ValueError, match="no metric"):
        metrics.measure(REAL, FAKE, [])
    with pytest.raises(ValueError, match="neighbours"):
        metrics.measure(REAL, FAKE, ["pr"], neighbours=3)
    with pytest.raises(ValueError, match="class probabilities"):
        metrics.measure(REAL, features(0.3, probabilities=None), ["is"])
    with pytest.raises(ValueError, match="600 rows of probabilities for 10"):
        features(0.0, 10)
    with pytest.raises(ValueError, match="row 0"):
        metrics.Features(np.full((5, 2), np.nan))


def test_a_subset_of_no_images_is_refused():
    with pytest.raises(ValueError, match="subset"):
        metrics.measure(REAL, FAKE, ["kid"], subset_size=0)
