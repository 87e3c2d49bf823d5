"""The file format of a trained generator: its layers as JSON, its weights in float16, no pickle.

Only layers in `KNOWN` are built, so a file cannot run code. Settings that differ between versions
of Keras and do not change the images (initializers, newer options at their defaults) are left out.
"""

import importlib
import json
import os
import zipfile
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from gan_utils.io import read_arrays, whole_file

if TYPE_CHECKING:
    import keras

_ALWAYS_ON = {"AlwaysDropout", "AlwaysBatchNormalization"}
KNOWN = {
    "keras": {"Sequential"},
    "keras.src.models.functional": {"Functional"},
    "keras.layers": {
        *("InputLayer", "Dense", "Embedding", "Conv2D", "Conv2DTranspose", "UpSampling2D"),
        *("BatchNormalization", "GroupNormalization", "LayerNormalization", "Dropout"),
        *("Activation", "LeakyReLU", "ReLU", "Rescaling", "Reshape", "Flatten"),
        *("Add", "Concatenate", "Multiply", "Cropping2D", "ZeroPadding2D"),
    },
    "gan_utils.layers": _ALWAYS_ON,
    "gan_utils.always_on": _ALWAYS_ON,  # what the module was called when the files were written
    None: {"__keras_tensor__"},  # how a functional model writes down what is connected to what
}
_CONFIG = "config"
_NEWER = {"renorm", "renorm_clipping", "renorm_momentum"}  # than Keras 3.10; off in this book
_MOST_BYTES = 1 << 30
_DEEPEST = 50  # lists and dictionaries in each other; a functional model has a dozen
_LARGEST = 1_000_000  # of a layer's sizes: what a file asks for must not fill the memory
_MANTISSA = 10  # stored bits of a float16's mantissa


def rounded(values: np.ndarray, dropped_bits: int = 0) -> np.ndarray:
    """Round to float16 and then to fewer bits, so that the file compresses better.

    Args:
        values: Any shape, float32.
        dropped_bits: How many of the mantissa's ten bits to set to zero, 0 to 9, by rounding to the
            nearest value.

    Returns:
        The same shape, float16.

    Raises:
        ValueError: `dropped_bits` is out of range, or a value is not finite in float16, before or
            after the rounding.
    """
    if not 0 <= dropped_bits < _MANTISSA:
        raise ValueError(f"dropped_bits is {dropped_bits}; choose 0 to {_MANTISSA - 1}.")
    with np.errstate(over="ignore"):
        half = np.asarray(values, np.float16)
    if not np.isfinite(half).all():
        raise ValueError("a weight is not finite, or too large for float16 (65,504).")
    if dropped_bits == 0:
        return half
    bits = half.view(np.uint16).astype(np.uint32)
    step = 1 << dropped_bits
    bits = (bits + step // 2 - 1 + (bits >> dropped_bits & 1)) // step * step
    half = bits.astype(np.uint16).view(np.float16).reshape(half.shape)
    if not np.isfinite(half).all():  # rounded up, past the largest float16
        raise ValueError(f"a weight is too large for float16 with {dropped_bits} bits dropped.")
    return half


def pack(network: "keras.Model", path: str | os.PathLike, *, dropped_bits: int = 0) -> Path:
    """Write a generator to a file.

    Args:
        network: Sequential or functional, of known layers, with float32 weights.
        path: Ends in .npz.
        dropped_bits: See `rounded`; vectors, such as biases, take little room and keep all bits.

    Returns:
        The path.

    Raises:
        ValueError: A layer that is not in `KNOWN`, or weights that are not float32 or not finite in
            float16.
        OSError: The file cannot be written.
    """
    saving = importlib.import_module("keras").saving
    config = _plain(saving.serialize_keras_object(network))
    _require_known(config, "the network")
    arrays = {_CONFIG: np.frombuffer(json.dumps(config).encode(), np.uint8)}
    for index, weight in enumerate(network.weights):
        values = weight.numpy()
        if values.dtype != np.float32:
            raise ValueError(f"{weight.path} is {values.dtype}; only float32 weights are packed.")
        half = rounded(values, dropped_bits if values.ndim > 1 else 0)
        # All low bytes, then all high bytes: similar bytes together compress a fifth better.
        pairs = half.astype("<f2").reshape(-1, 1).view(np.uint8)
        arrays[f"{index:03d}"] = np.moveaxis(pairs.reshape(*half.shape, 2), -1, 0)
    path = Path(path)
    with whole_file(path) as temporary, zipfile.ZipFile(temporary, "w") as archive:
        for name, values in arrays.items():
            # A fixed date: the same weights give the same bytes, and so the same SHA-256.
            member = zipfile.ZipInfo(f"{name}.npy", (1980, 1, 1, 0, 0, 0))
            member.compress_type = zipfile.ZIP_DEFLATED
            with archive.open(member, "w") as file:
                np.lib.format.write_array(file, np.ascontiguousarray(values), allow_pickle=False)
    return path


def unpack(path: str | os.PathLike) -> "keras.Model":
    """Build the generator that `pack` wrote.

    Args:
        path: The file.

    Returns:
        A Keras model with float32 weights, not compiled.

    Raises:
        ValueError: The file is missing or damaged, or asks for a layer that is not in `KNOWN`.
    """
    try:
        arrays = read_arrays(path, _MOST_BYTES)
        config = json.loads(arrays.pop(_CONFIG).tobytes())
    except Exception as error:  # a damaged archive can raise nearly anything
        raise ValueError(
            f"{path} is not a packed generator ({error}); get the file again."
        ) from error
    _require_known(config, str(path))
    importlib.import_module("gan_utils.layers")  # the layers that a translator is made of
    saving = importlib.import_module("keras").saving
    try:
        network = saving.deserialize_keras_object(config, safe_mode=True)
        network.set_weights([_floats(arrays[name]) for name in sorted(arrays)])
    except Exception as error:  # so can a description that does not fit together
        reason = str(error).split("\n", 1)[0]
        raise ValueError(f"{path} does not describe a network ({reason}).") from error
    return network


def _floats(planes: np.ndarray) -> np.ndarray:
    pairs = np.ascontiguousarray(np.moveaxis(planes, 0, -1))
    return pairs.view("<f2")[..., 0].astype(np.float32)


def _plain(config: Any) -> Any:
    """Leave out what does not change the images or is unknown to older versions of Keras."""
    if isinstance(config, list | tuple):
        return [_plain(item) for item in config]
    if not isinstance(config, dict):
        return config
    if config.get("class_name") == "DTypePolicy":
        return config["config"]["name"]
    return {
        key: "zeros" if key.endswith("_initializer") else _plain(value)
        for key, value in config.items()
        if key not in {"build_config", "compile_config", *_NEWER}
        and (value is not None or key in {"module", "registered_name"})
    }


def _require_known(config: Any, where: str, depth: int = 0) -> None:
    """Raise ValueError if a description names other layers than `KNOWN`, or sizes beyond limits."""
    if depth > _DEEPEST or (isinstance(config, int) and abs(config) > _LARGEST):
        what = f"a size of {config:,}" if isinstance(config, int) else "lists nested too deeply"
        raise ValueError(f"{where} asks for {what}, which no generator of the book has.")
    if isinstance(config, list):
        for item in config:
            _require_known(item, where, depth + 1)
    if not isinstance(config, dict):
        return
    if "class_name" in config:
        module, name = config.get("module"), config["class_name"]
        registered = config.get("registered_name")
        own = registered in (None, name, f"gan_utils>{name}")
        known = isinstance(module, str | None) and name in list(KNOWN.get(module, ()))
        if not own or not known:
            raise ValueError(f"{where} asks for {module}.{name}, which is not a known layer.")
    for key, value in config.items():
        if key != "seed":
            _require_known(value, where, depth + 1)
