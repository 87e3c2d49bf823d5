"""How good are generated pictures? Scores on feature vectors, as pure NumPy float64.

The functions return plain numbers. `measure` returns the same numbers as `Score` objects, which
say what a number means nothing without: extractor, resizing, sample counts, settings, and what
the metric gives for real against real.
"""

from gan_utils.metrics.extractors import Extractor
from gan_utils.metrics.frechet import SampleSizeWarning, fid, frechet_distance
from gan_utils.metrics.kernel import Spread, kid
from gan_utils.metrics.measuring import METRICS, measure
from gan_utils.metrics.moments import Moments
from gan_utils.metrics.reports import Features, Score
from gan_utils.metrics.scores import (
    DensityCoverage,
    PrecisionRecall,
    density_coverage,
    inception_score,
    precision_recall,
)

__all__ = [
    "METRICS",
    "DensityCoverage",
    "Extractor",
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
