"""The same features give the same scores as torch-fidelity and pytorch-fid."""

import importlib.util
import json
from pathlib import Path

import numpy as np
import pytest

from gan_utils import metrics

REFERENCE = Path(__file__).parent / "reference" / "metrics_peers.py"
TOLERANCE = 1e-6


def load_reference():
    specification = importlib.util.spec_from_file_location("metrics_peers", REFERENCE)
    module = importlib.util.module_from_spec(specification)
    specification.loader.exec_module(module)
    return module


reference = load_reference()


def stored_values():
    stored = json.loads(reference.PATH.read_text("utf-8"))
    assert stored["seed"] == reference.SEED
    assert set(stored["versions"]) == set(reference.PACKAGES)
    return stored["values"]


@pytest.fixture(params=["stored", "live"])
def peers(request):
    if request.param == "stored":
        return stored_values()
    absent = [n for n in ("torch", "torch_fidelity", "pytorch_fid") if not find(n)]
    if absent:
        pytest.skip(f"not installed: {', '.join(absent)}")
    return reference.peer_values()


def find(name):
    return importlib.util.find_spec(name) is not None


@pytest.mark.parametrize("case", list(reference.CASES))
def test_distances_and_neighbors(peers, case):
    real, fake = reference.features(case)
    expected = peers[case]
    assert real.sum(dtype="float64") + fake.sum(dtype="float64") == pytest.approx(
        expected["sum"], rel=1e-9
    ), "NumPy draws other features than when the reference was computed"
    distance = metrics.fid(real, fake)
    assert distance == pytest.approx(expected["pytorch_fid"], rel=TOLERANCE)
    assert distance == pytest.approx(expected["torch_fidelity_fid"], rel=TOLERANCE)
    kernel = metrics.kid(
        real,
        fake,
        subsets=reference.SUBSETS,
        subset_size=reference.SUBSET_SIZE,
        seed=np.random.RandomState(reference.PEER_SEED),
    )
    assert kernel.mean == pytest.approx(expected["kid_mean"], rel=TOLERANCE)
    assert kernel.std == pytest.approx(expected["kid_std"], rel=TOLERANCE)
    both = metrics.precision_recall(real, fake, reference.NEIGHBORS)
    assert both.precision == pytest.approx(expected["precision"], rel=TOLERANCE)
    assert both.recall == pytest.approx(expected["recall"], rel=TOLERANCE)


def test_inception_score(peers):
    logits = reference.logits().astype("float64")
    expected = peers["inception_score"]
    assert logits.sum() == pytest.approx(expected["sum"], rel=1e-9)
    probabilities = np.exp(logits) / np.exp(logits).sum(axis=1, keepdims=True)
    score = metrics.inception_score(
        probabilities, reference.SPLITS, seed=np.random.RandomState(reference.PEER_SEED)
    )
    assert score.mean == pytest.approx(expected["mean"], rel=TOLERANCE)
    assert score.std == pytest.approx(expected["std"], rel=TOLERANCE)
