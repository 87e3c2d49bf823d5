"""How good are generated images? Scores on feature vectors, as pure NumPy float64.

The functions return plain numbers. `measure` returns the same numbers as `Score` objects, which add
what is needed to interpret them: extractor, resizing, sample counts, settings, and the noise floor
(the same metric for real images against other real images).
"""

from gan_utils.metrics.evaluate import METRICS, Score, measure
from gan_utils.metrics.features import Extractor, Features
from gan_utils.metrics.frechet import SampleSizeWarning, fid, frechet_distance
from gan_utils.metrics.inception_score import inception_score
from gan_utils.metrics.kid import Spread, kid
from gan_utils.metrics.modes import ModeCoverage, mode_coverage
from gan_utils.metrics.precision_recall import (
    DensityCoverage,
    PrecisionRecall,
    density_coverage,
    precision_recall,
)
from gan_utils.metrics.score import score
from gan_utils.metrics.statistics import Moments

__all__ = [
    "METRICS",
    "DensityCoverage",
    "Extractor",
    "Features",
    "ModeCoverage",
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
    "mode_coverage",
    "precision_recall",
    "score",
]
