"""How good are generated pictures? Scores on feature vectors, as pure NumPy float64.

The functions return plain numbers. `measure` returns the same numbers as `Score` objects, which
say what a number means nothing without: extractor, resizing, sample counts, settings, and what
the metric gives for real against real.
"""

from gan_utils.distances import SampleSizeWarning, Spread, fid, frechet_distance, kid
from gan_utils.measuring import METRICS, measure
from gan_utils.moments import Moments
from gan_utils.reports import Features, Score
from gan_utils.scores import (
    DensityCoverage,
    PrecisionRecall,
    density_coverage,
    inception_score,
    precision_recall,
)

__all__ = [
    "METRICS",
    "DensityCoverage",
    "Features",
    "Moments",
    "PrecisionRecall",
    "SampleSizeWarning",
    "Score",
    "Spread",
    "density_coverage",
    "fid",
    "frechet_distance",
    "inception_score",
    "kid",
    "measure",
    "precision_recall",
]
