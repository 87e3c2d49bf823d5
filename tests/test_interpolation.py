"""gan_utils.interpolation: slerp between latent vectors."""

import numpy as np

from gan_utils import interpolation


def test_a_walk_goes_from_end_to_end_and_stays_as_long_as_noise_is():
    first, second = np.random.default_rng(0).normal(size=(2, 4_000))
    stops = interpolation.interpolate(first, second, 5)
    assert stops.dtype == np.float32
    np.testing.assert_allclose(stops[[0, -1]], [first, second], atol=1e-6)
    np.testing.assert_allclose(np.linalg.norm(stops, axis=1), np.sqrt(4_000), rtol=0.05)
