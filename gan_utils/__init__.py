"""Library of the GAN Workbook: data, the alternating update, callbacks, metrics and plots."""

import importlib
import json
import os
from pathlib import Path

from gan_utils import _aliases

_MODULES = (
    "augment",
    "callbacks",
    "data",
    "ema",
    "evaluation",
    "export",
    "gan",
    "image_folders",
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
    "load_folder": "data",
    "load_images": "data",
    "run_in_fresh_process": "process",
    "call_in_fresh_process": "process",
    "who_moved": "steps",
    "environment": "records",
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
    _require_tensorflow()
    if name in _MODULES:
        return importlib.import_module(f"{__name__}.{name}")
    if name in _NAMES:
        return getattr(importlib.import_module(f"{__name__}.{_NAMES[name]}"), name)
    return _aliases.renamed(__name__, name)


def _require_tensorflow() -> None:
    # Read here, since Keras itself cannot be imported without its backend.
    backend, place = os.environ.get("KERAS_BACKEND", "").strip(), "KERAS_BACKEND"
    if not backend:
        file = Path(os.environ.get("KERAS_HOME") or "~/.keras").expanduser() / "keras.json"
        place = f"the backend in {file}"
        try:
            backend = json.loads(file.read_text(encoding="utf-8")).get("backend", "")
        except (OSError, ValueError, AttributeError):
            return  # Keras ignores such a file too
    if backend not in ("", "tensorflow"):
        raise ImportError(
            f"gan_utils needs TensorFlow under Keras, but {place} is {backend!r}: set "
            "KERAS_BACKEND to tensorflow and start again"
        )


def __dir__() -> list[str]:
    """List the public names, imported yet or not."""
    return sorted([*__all__, "__version__"])
