"""Trained generators for other programs: ONNX, SavedModel and .keras files, checked against Keras.

The interactive parts of the book's pages run networks that `to_onnx` converted.
"""

import importlib
import os
import shutil
import tempfile
import warnings
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from gan_utils.io import whole_file

if TYPE_CHECKING:
    import keras
    import onnx

ONNX, KERAS = ".onnx", ".keras"
_SAMPLES = 3  # inputs that are compared: more than one, so that a fixed batch size shows
TOLERANCE = 1e-3  # of a range of 2: an eighth of a gray level


def export(network: "keras.Model", path: str | os.PathLike, *, seed: int = 0) -> float:
    """Write a trained generator, read it again, and compare its outputs with those of Keras.

    Args:
        network: Functional or sequential, float32.
        path: Ends in .onnx or .keras; a name without an ending is the folder of a SavedModel.
        seed: Seed of the random inputs of the comparison.

    Returns:
        The largest absolute difference of an output, over a few random inputs.

    Raises:
        ValueError: `path` has another ending or is a folder that is not a SavedModel, the network
            cannot be converted, or its outputs differ from those of Keras by more than `TOLERANCE`;
            nothing is written then.
        ModuleNotFoundError: ONNX is asked for and the extra `export` is not installed.
        OSError: The file cannot be written; an older file stays as it is.
    """
    path = Path(path)
    if path.suffix not in (ONNX, KERAS, ""):
        raise ValueError(
            f"{path} ends in {path.suffix}; give a name in {ONNX}, {KERAS} or a folder."
        )
    inputs = example_inputs(network, seed)
    wanted = np.asarray(_call(network, inputs))
    if path.suffix == "":
        return _export_folder(network, path, inputs, wanted)
    with tempfile.TemporaryDirectory() as folder:
        written = Path(folder, f"network{path.suffix}")
        if path.suffix == ONNX:
            model = to_onnx(network)
            found = run_onnx(model, inputs)
            written.write_bytes(model.SerializeToString())
        else:
            network.save(written)
            loaded = importlib.import_module("keras").saving.load_model(written, compile=False)
            found = np.asarray(_call(loaded, inputs))
        difference = _compare(found, wanted, path)
        with whole_file(path) as temporary:
            shutil.copyfile(written, temporary)
    return difference


def to_onnx(network: "keras.Model") -> "onnx.ModelProto":
    """Convert a network to ONNX.

    Args:
        network: A Keras model that computes in float32.

    Returns:
        The same network for any batch size; its inputs have the order and, where Keras knows them,
        the names of the model's inputs.

    Raises:
        ValueError: The converter cannot express the network.
        ModuleNotFoundError: The extra `export` is not installed.
    """
    try:
        onnx = importlib.import_module("onnx")
        importlib.import_module("tf2onnx")
    except ImportError as error:
        raise ModuleNotFoundError(
            f"ONNX files need the package {error.name}: pip install 'gan-utils[export]'."
        ) from error
    _call(network, example_inputs(network, 0, count=1))  # Keras exports what has been called
    with tempfile.TemporaryDirectory() as folder, warnings.catch_warnings():
        warnings.simplefilter("ignore", FutureWarning)  # the converter asks for old NumPy names
        whole = os.path.join(folder, "whole.onnx")
        try:
            network.export(whole, format="onnx", verbose=False)
        except Exception as error:  # the converter raises nearly anything
            reason = str(error).split("\n", 1)[0]
            raise ValueError(f"The network cannot be written as ONNX ({reason}).") from error
        return onnx.load(whole)


def without_dropout(network: "keras.Model") -> "keras.Model":
    """Return the network without its dropout, so that it is deterministic.

    Args:
        network: Functional or sequential; its dropout may be `Dropout` or `AlwaysDropout`.

    Returns:
        A network with the same weights; the same object if there is no dropout.
    """
    keras = importlib.import_module("keras")
    dropout = keras.layers.Dropout
    if not any(isinstance(layer, dropout) for layer in network.layers):
        return network

    def copy(layer: "keras.Layer") -> "keras.Layer":
        if isinstance(layer, dropout):
            return keras.layers.Identity(name=layer.name)
        return type(layer).from_config(layer.get_config())

    still = keras.models.clone_model(network, clone_function=copy)
    for layer in network.layers:
        if layer.weights and not isinstance(layer, dropout):
            still.get_layer(layer.name).set_weights(layer.get_weights())
    return still


def run_onnx(model: "onnx.ModelProto", inputs: list[np.ndarray]) -> np.ndarray:
    """Run an ONNX network with onnxruntime, or where that is missing with ONNX's own evaluator.

    Args:
        model: The network.
        inputs: One array for each of its inputs, in their order.

    Returns:
        Its first output.
    """
    names = [part.name for part in model.graph.input]
    feed = dict(zip(names, inputs, strict=True))
    try:
        runtime = importlib.import_module("onnxruntime")
        session = runtime.InferenceSession(
            model.SerializeToString(), providers=["CPUExecutionProvider"]
        )
    except ImportError:
        session = importlib.import_module("onnx.reference").ReferenceEvaluator(model)
    return session.run(None, feed)[0]


def example_inputs(network: "keras.Model", seed: int, count: int = _SAMPLES) -> list[np.ndarray]:
    """Return random inputs of the shapes that a network takes.

    Args:
        network: A built Keras model; image sizes that it leaves open become 32.
        seed: Seed of the noise.
        count: Batch size.

    Returns:
        For each input an array `(count, ...)`: standard normal float32, or zeros where the network
        takes integers, which are labels.

    Raises:
        ValueError: The network has no inputs, because it has not been built.
    """
    parts = getattr(network, "inputs", None)
    if not parts:
        raise ValueError("The network has no inputs yet: call it once, or give it an Input layer.")
    rng = np.random.default_rng(seed)
    found = []
    for part in parts:
        shape = (count, *(side or 32 for side in part.shape[1:]))
        kind = str(part.dtype)
        whole = "int" in kind
        found.append(np.zeros(shape, kind) if whole else rng.normal(size=shape).astype("float32"))
    return found


def _call(network: Any, inputs: list[np.ndarray]) -> Any:
    return network(inputs if len(inputs) > 1 else inputs[0], training=False)


def _export_folder(
    network: "keras.Model", path: Path, inputs: list[np.ndarray], wanted: np.ndarray
) -> float:
    """Write a SavedModel under another name first, so that an older one stays if this fails."""
    if path.exists() and not (path / "saved_model.pb").is_file():
        raise ValueError(f"{path} exists and is not a SavedModel; give another name.")
    temporary, older = (path.with_name(f".{path.name}.{end}") for end in ("partial", "older"))
    shutil.rmtree(temporary, ignore_errors=True)
    try:
        network.export(temporary, format="tf_saved_model", verbose=False)
        loaded = importlib.import_module("tensorflow").saved_model.load(str(temporary))
        found = loaded.serve(inputs if len(inputs) > 1 else inputs[0])
        difference = _compare(np.asarray(found), wanted, path)
        _replace(path, temporary, older)
    finally:
        shutil.rmtree(temporary, ignore_errors=True)
    return difference


def _replace(path: Path, temporary: Path, older: Path) -> None:
    """Give a folder its final name; what has the name stays if that fails.

    The old folder is renamed before it is deleted: deleting can stop half-way, at an open file.
    """
    shutil.rmtree(older, ignore_errors=True)
    kept = path.exists()
    if kept:
        path.rename(older)
    try:
        temporary.rename(path)
    except OSError:
        if kept:
            older.rename(path)
        raise
    shutil.rmtree(older, ignore_errors=True)


def _compare(found: np.ndarray, wanted: np.ndarray, path: Path) -> float:
    if found.shape != wanted.shape:
        raise ValueError(f"{path}: the result has shape {found.shape}, in Keras {wanted.shape}.")
    difference = float(np.abs(found.astype(np.float64) - wanted).max())
    if not difference <= TOLERANCE:
        raise ValueError(
            f"{path}: its outputs differ from those of Keras by up to {difference:.2g}, so nothing "
            "was written. Is there noise in the network, such as dropout that is always on?"
        )
    return difference
