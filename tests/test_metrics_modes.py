"""Mode counts, in cases with a known result."""

import numpy as np
import pytest

from gan_utils import metrics


def test_every_mode_equally_often_has_no_divergence():
    labels = np.tile(np.arange(1_000), 3)
    assert metrics.mode_coverage(labels, 1_000) == (1_000, pytest.approx(0.0, abs=1e-12))


def test_one_mode_has_the_largest_divergence():
    found = metrics.mode_coverage(np.full(500, 7), 1_000)
    assert (found.modes, found.divergence) == (1, pytest.approx(np.log(1_000)))


def test_half_of_the_modes_is_one_bit_away():
    labels = np.repeat([0, 2, 4, 6], 5)
    assert metrics.mode_coverage(labels, 8) == (4, pytest.approx(np.log(2)))


def test_uneven_shares_by_hand():
    # Shares 3/4 and 1/4 of two modes: 3/4 log(3/2) + 1/4 log(1/2).
    found = metrics.mode_coverage(np.array([0, 0, 0, 1]), 2)
    assert found.divergence == pytest.approx(0.75 * np.log(1.5) + 0.25 * np.log(0.5))


def test_uniform_samples_diverge_as_little_as_the_docstring_says():
    labels = np.random.default_rng(0).integers(1_000, size=25_600)
    found = metrics.mode_coverage(labels, 1_000)
    assert found.modes == 1_000
    assert found.divergence == pytest.approx(999 / 51_200, rel=0.15)


@pytest.mark.parametrize("labels", [[], [[0, 1]], [0.0, 1.0], [-1, 0], [0, 10]], ids=str)
def test_labels_that_are_no_modes_raise(labels):
    with pytest.raises(ValueError, match="labels"):
        metrics.mode_coverage(np.array(labels), 10)
