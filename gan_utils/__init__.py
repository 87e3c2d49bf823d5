"""Helpers of the GAN Workbook: data, the alternating update, callbacks, metrics and plots."""

import importlib
import os

from gan_utils import _aliases

if os.environ.get("KERAS_BACKEND", "").strip() not in ("", "tensorflow"):
    raise ImportError(
        f"gan_utils needs TensorFlow under Keras, but KERAS_BACKEND is "
        f"{os.environ['KERAS_BACKEND']!r}: unset it, or set it to tensorflow, and start again"
    )

_MODULES = (
    "callbacks",
    "data",
    "evaluation",
    "export",
    "gan",
    "images",
    "interpolation",
    "layers",
    "lenet",
    "losses",
    "metrics",
    "pairs",
    "plots",
    "profile",
    "records",
    "steps",
    "weights",
)
_NAMES = {
    "GAN": "gan",
    "Batches": "data",
    "ImageSet": "data",
    "load_images": "data",
    "run_in_fresh_process": "process",
    "call_in_fresh_process": "process",
    "who_moved": "steps",
    "Checkpoint": "callbacks",
    "LinearDecay": "callbacks",
    "SampleGrid": "callbacks",
    "StepHistory": "callbacks",
    "TensorBoardImages": "callbacks",
    "TerminateOnNaN": "callbacks",
}

_aliases.install()

__version__ = "0.1.0"
__all__ = [*_MODULES, *_NAMES]  # noqa: PLE0604


def __getattr__(name: str) -> object:
    """Import a module or a public name when it is first used, so that importing stays fast."""
    if name in _MODULES:
        return importlib.import_module(f"{__name__}.{name}")
    if name in _NAMES:
        return getattr(importlib.import_module(f"{__name__}.{_NAMES[name]}"), name)
    return _aliases.renamed(__name__, name)


def __dir__() -> list[str]:
    """List the public names, imported yet or not."""
    return sorted([*__all__, "__version__"])
