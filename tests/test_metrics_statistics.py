"""Streaming moments: correct, mergeable, of constant memory, and stored without pickle."""

import pickle
import tracemalloc

import numpy as np
import pytest

from gan_utils.metrics import Moments


@pytest.fixture
def features():
    rng = np.random.default_rng(0)
    return rng.normal(size=(5000, 12)) @ rng.normal(size=(12, 12)) + 100


def assert_equal(moments, features, rel=1e-11):
    assert moments.count == len(features)
    np.testing.assert_allclose(moments.mean, features.mean(0), rtol=rel)
    np.testing.assert_allclose(
        moments.covariance, np.cov(features, rowvar=False), rtol=rel, atol=rel
    )


def test_one_array(features):
    assert_equal(Moments.of(features), features)


@pytest.mark.parametrize("batch", [1, 7, 1000])
def test_batches(features, batch):
    moments = Moments()
    for start in range(0, len(features), batch):
        moments.update(features[start : start + batch])
    assert_equal(moments, features, 1e-9)


def test_order_does_not_matter(features):
    shuffled = features[np.random.default_rng(1).permutation(len(features))]
    assert_equal(Moments.of(shuffled), features)


def test_merge_is_as_good_as_one_stream(features):
    merged = Moments.of(features[:300]).merge(Moments.of(features[300:])).merge(Moments())
    assert_equal(merged, features)
    assert_equal(Moments().merge(Moments.of(features)), features)


def test_merge_leaves_the_other_as_it_was(features):
    other = Moments.of(features[:100])
    first = Moments().merge(other)
    first.update(features[100:])
    assert_equal(other, features[:100])


def test_float32_input_gives_float64_moments(features):
    moments = Moments.of(features.astype("float32"))
    assert moments.covariance.dtype == np.float64
    assert_equal(moments, features.astype("float32").astype("float64"))


def test_memory_stays_flat_over_200000_vectors():
    batch = np.random.default_rng(2).normal(size=(500, 64)).astype("float32")
    moments = Moments()
    peaks = []
    tracemalloc.start()
    for count in (2000, 200_000):
        tracemalloc.reset_peak()
        while moments.count < count:
            moments.update(batch)
        peaks.append(tracemalloc.get_traced_memory()[1])
    tracemalloc.stop()
    assert moments.count == 200_000
    assert peaks[1] < 1.05 * peaks[0]
    assert peaks[1] < 3e6


def test_save_and_load(features, tmp_path):
    path = tmp_path / "real statistics.npz"
    moments = Moments.of(features[:3000], extractor="LeNet (mnist)", resizing="none")
    moments.save(path)
    loaded = Moments.load(path)
    assert (loaded.extractor, loaded.resizing) == ("LeNet (mnist)", "none")
    assert_equal(loaded, features[:3000])
    loaded.update(features[3000:])
    assert_equal(loaded, features)
    assert [file.name for file in tmp_path.iterdir()] == [path.name]


def test_the_floor_is_kept_until_more_is_seen(features, tmp_path):
    path = tmp_path / "statistics.npz"
    moments = Moments.of(features)
    moments.floor, moments.floor_counts = 1.25, (2500, 2500)
    moments.save(path)
    loaded = Moments.load(path)
    assert (loaded.floor, loaded.floor_counts) == (1.25, (2500, 2500))
    loaded.update(features[:1])
    assert (loaded.floor, loaded.floor_counts) == (None, ())


def test_a_later_format_is_refused(features, tmp_path):
    path = tmp_path / "statistics.npz"
    Moments.of(features).save(path)
    np.savez(path, **dict(np.load(path)) | {"format": np.array(2)})
    with pytest.raises(ValueError, match="update gan_utils"):
        Moments.load(path)


def test_a_failed_save_keeps_the_older_file(features, tmp_path):
    path = tmp_path / "statistics.npz"
    Moments.of(features).save(path)
    before = path.read_bytes()
    with pytest.raises(ValueError, match="at least two"):
        Moments.of(features[:1]).save(path)
    assert path.read_bytes() == before


class _Harmful:
    def __reduce__(self):
        return (pytest.fail, ("a pickle was executed",))


@pytest.mark.parametrize("content", ["text", "foreign", "truncated", "pickle", "shapes", "nan"])
def test_damaged_files_are_named(features, tmp_path, content):
    path = tmp_path / "statistics.npz"
    Moments.of(features).save(path)
    good = dict(np.load(path))
    if content == "text":
        path.write_text("no archive")
    elif content == "foreign":
        np.savez(path, mu=np.zeros(3), sigma=np.eye(3))
    elif content == "truncated":
        path.write_bytes(path.read_bytes()[:500])
    elif content == "pickle":
        path.write_bytes(pickle.dumps(_Harmful()))
    elif content == "shapes":
        np.savez(path, **good | {"covariance": np.eye(3)})
    else:
        np.savez(path, **good | {"mean": np.full(12, np.nan)})
    with pytest.raises(ValueError, match=r"statistics\.npz"):
        Moments.load(path)


def test_moments_of_another_tool(features, tmp_path):
    ours = Moments.of(features, extractor="network", resizing="none")
    np.savez(tmp_path / "pt.npz", mu=ours.mean, sigma=ours.covariance)
    for names in ({}, {"extractor": "network"}, {"resizing": "none"}):
        with pytest.raises(ValueError, match=r"pt\.npz holds `mu` and `sigma`.*Name both"):
            Moments.load(tmp_path / "pt.npz", **names)
    theirs = Moments.load(tmp_path / "pt.npz", extractor="network", resizing="none")
    assert (theirs.count, theirs.extractor, theirs.resizing) == (0, "network", "none")
    np.testing.assert_array_equal(theirs.mean, ours.mean)
    np.testing.assert_array_equal(theirs.covariance, ours.covariance)
    for change in (
        lambda: theirs.update(features),
        lambda: theirs.merge(ours),
        lambda: ours.merge(theirs),
        lambda: theirs.save(tmp_path / "o.npz"),
    ):
        with pytest.raises(ValueError, match="do not say of how many"):
            change()
    names = {"extractor": "network", "resizing": "none"}
    counted = Moments.given(ours.mean, ours.covariance, count=5000, **names)
    assert_equal(counted.merge(ours), np.concatenate([features, features]), 1e-9)
    with pytest.raises(ValueError, match="-5 samples"):
        Moments.given(ours.mean, ours.covariance, count=-5, **names)
    np.savez(tmp_path / "pt.npz", mu=ours.mean, sigma=np.eye(3))
    with pytest.raises(ValueError, match=r"pt\.npz .*belong together"):
        Moments.load(tmp_path / "pt.npz", extractor="network", resizing="none")


def test_missing_file_is_an_os_error(tmp_path):
    with pytest.raises(OSError, match="absent"):
        Moments.load(tmp_path / "absent.npz")


def test_nonsense_is_refused(features):
    with pytest.raises(ValueError, match="12 dimensions, the new ones of 5"):
        Moments.of(features).update(features[:, :5])
    with pytest.raises(ValueError, match="row 0"):
        Moments().update(np.full((2, 3), np.nan))
    with pytest.raises(ValueError, match="seen no vector"):
        _ = Moments().mean
    with pytest.raises(ValueError, match="two samples, not 1"):
        _ = Moments.of(features[:1]).covariance
    with pytest.raises(ValueError, match=r"LeNet.*Inception"):
        Moments(extractor="LeNet").merge(Moments(extractor="Inception"))
