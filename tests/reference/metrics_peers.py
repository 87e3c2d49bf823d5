"""Scores that other packages compute from the same features.

    python tests/reference/metrics_peers.py

Rewrites `metrics_peers.json`; needs `torch`, `torch-fidelity`, `pytorch-fid` and SciPy below 1.18.
Only their pure functions are called, so torchvision, which both import, may be missing.
"""

import json
import sys
from contextlib import contextmanager
from functools import cache
from importlib import metadata
from pathlib import Path
from unittest import mock

import numpy as np

PATH = Path(__file__).with_suffix(".json")
SEED = 20171204
CASES = {"narrow": (500, 400, 24), "wide": (900, 800, 320)}
SUBSETS = 20
SUBSET_SIZE = 100
SPLITS = 10
NEIGHBORS = 3
PEER_SEED = 2020
PACKAGES = ("torch", "torch-fidelity", "pytorch-fid", "scipy", "numpy")


def features(case):
    """Return correlated, rectified features as float32, like those of a network."""
    rng = np.random.default_rng([SEED, len(case)])
    real_count, fake_count, dimensions = CASES[case]
    mixing = rng.normal(size=(dimensions, dimensions)) / np.sqrt(dimensions)
    real = np.maximum(rng.normal(size=(real_count, dimensions)) @ mixing + 0.3, 0)
    fake = np.maximum(rng.normal(size=(fake_count, dimensions)) @ mixing * 1.2 + 0.1, 0)
    return real.astype("float32"), fake.astype("float32")


def logits():
    """Return logits of ten classes, in float32, for a number of rows that no split divides."""
    return np.random.default_rng(SEED).normal(size=(1003, 10), scale=2.5).astype("float32")


@contextmanager
def without_broken_torchvision():
    """Put a stand-in where torchvision is missing or belongs to another build of torch."""
    try:
        import torchvision  # noqa: F401
    except (ImportError, RuntimeError):
        for name in [name for name in sys.modules if name.split(".")[0] == "torchvision"]:
            del sys.modules[name]
        parts = ("", ".datasets", ".models", ".models.inception", ".transforms")
        names = [f"torchvision{part}" for part in (*parts, ".transforms.functional")]
        sys.modules.update(dict.fromkeys(names, mock.MagicMock()))
        yield
        for name in names:
            del sys.modules[name]
    else:
        yield


@cache
def peer_values():
    """Compute everything with the peers; raises ImportError where they are absent."""
    with without_broken_torchvision():
        from pytorch_fid.fid_score import calculate_frechet_distance
        from torch_fidelity.metric_fid import fid_features_to_statistics, fid_statistics_to_metric
        from torch_fidelity.metric_isc import isc_features_to_metric
        from torch_fidelity.metric_kid import kid_features_to_metric
        from torch_fidelity.metric_prc import prc_features_to_metric
    import torch

    values = {}
    for case in CASES:
        real, fake = (torch.from_numpy(part.astype("float64")) for part in features(case))
        statistics = [fid_features_to_statistics(part) for part in (real, fake)]
        gaussians = [part[key] for part in statistics for key in ("mu", "sigma")]
        kernel = kid_features_to_metric(
            real,
            fake,
            kid_subsets=SUBSETS,
            kid_subset_size=SUBSET_SIZE,
            rng_seed=PEER_SEED,
            verbose=False,
        )
        neighbors = prc_features_to_metric(fake, real, prc_neighborhood=NEIGHBORS, verbose=False)
        values[case] = {
            "sum": float(real.sum() + fake.sum()),
            "pytorch_fid": float(calculate_frechet_distance(*gaussians)),
            "torch_fidelity_fid": fid_statistics_to_metric(*statistics, verbose=False)[
                "frechet_inception_distance"
            ],
            "kid_mean": kernel["kernel_inception_distance_mean"],
            "kid_std": kernel["kernel_inception_distance_std"],
            "precision": neighbors["precision"],
            "recall": neighbors["recall"],
        }
    score = isc_features_to_metric(torch.from_numpy(logits()), SPLITS, True, PEER_SEED)
    values["inception_score"] = {
        "sum": float(logits().astype("float64").sum()),
        "mean": score["inception_score_mean"],
        "std": score["inception_score_std"],
    }
    return values


if __name__ == "__main__":
    versions = {name: metadata.version(name) for name in PACKAGES}
    stored = {"seed": SEED, "versions": versions, "values": peer_values()}
    PATH.write_text(json.dumps(stored, indent=2) + "\n", "utf-8")
