"""Pairs of images: from any folder, from the maps data set, or of a procedural city."""

from gan_utils import _aliases
from gan_utils.images import BrokenImageError
from gan_utils.pairs.city import (
    CITY_CLASSES,
    CITY_PALETTE,
    City,
    city,
    city_classes,
    city_stream,
    map_accuracy,
    write_city,
)
from gan_utils.pairs.folder import Pairs, load_pairs
from gan_utils.pairs.maps_set import find_maps, maps
from gan_utils.pairs.prepared import load_prepared, prepare
from gan_utils.pairs.report import PairReport, check_pairs
from gan_utils.pairs.sources import PairBatches, PairSet, PairSource

__all__ = [
    "CITY_CLASSES",
    "CITY_PALETTE",
    "BrokenImageError",
    "City",
    "PairBatches",
    "PairReport",
    "PairSet",
    "PairSource",
    "Pairs",
    "check_pairs",
    "city",
    "city_classes",
    "city_stream",
    "find_maps",
    "load_pairs",
    "load_prepared",
    "map_accuracy",
    "maps",
    "prepare",
    "write_city",
]


__getattr__ = _aliases.getter(__name__)
