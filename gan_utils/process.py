"""A fresh Python process, and imports without the log lines of TensorFlow."""

import importlib
import os
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import numpy as np

from gan_utils import _aliases

# Apart from the template, whose braces are not Python: tools/book reads imports in strings.
_LAYERS = "import gan_utils.layers, gan_utils.precision"
_LOAD = """
import keras, numpy as np
with np.load({inputs!r}) as archive:
    inputs = [archive[f"arr_{{i}}"] for i in range(len(archive.files))]
model = keras.saving.load_model({model!r}, compile=False)
call = lambda parts: model(parts if len(parts) > 1 else parts[0], training=False)
"""
_CALL = """
if {seed!r} is not None:
    gan_utils.layers.reseed(model, {seed!r})
# No NumPy file holds bfloat16.
outputs = gan_utils.precision.to_float32(keras.tree.flatten(call(inputs)))
np.savez({outputs!r}, *(np.asarray(output) for output in outputs))
"""

_MEMORY = """
def peak():
    with open("/proc/self/status") as lines:
        return next(int(line.split()[1]) for line in lines if line.startswith("VmHWM"))
call([part[:1] for part in inputs])
with open("/proc/self/clear_refs", "w") as file:
    file.write("5")  # from here on, the peak counts anew
before = peak()
call(inputs)
print(peak() - before)
"""


def run_in_fresh_process(script: str) -> str:
    """Run a script in a new process of this Python, without any of the caller's variables.

    Args:
        script: Python source; its working folder and environment are the caller's.

    Returns:
        What it printed, without leading and trailing white space.

    Raises:
        RuntimeError: The script failed; the message is what it wrote to standard error.
    """
    answer = subprocess.run(
        [sys.executable, "-c", script], check=False, capture_output=True, text=True
    )
    if answer.returncode:
        raise RuntimeError(answer.stderr)
    return answer.stdout.strip()


def call_in_fresh_process(model_file: str | Path, *inputs: Any, seed: int | None = None) -> Any:
    """Load a saved model in a new process, without any of the caller's code, and call it.

    `gan_utils.layers` is imported there, so that Keras can load its layers.

    Args:
        model_file: A `.keras` file.
        *inputs: Arrays, one for each input of the model.
        seed: For `gan_utils.layers.reseed`: sets the noise of `AlwaysDropout`, whose state a file
            does not keep.

    Returns:
        What the model returns in inference mode, 16-bit floats as float32: an array, or a list of
        arrays where it has several outputs.

    Raises:
        RuntimeError: The process failed; the message is what it wrote to standard error.
    """
    with tempfile.TemporaryDirectory() as folder:
        path = str(Path(folder, "outputs.npz"))
        _run_with_model(model_file, inputs, _CALL.format(outputs=path, seed=seed))
        with np.load(path) as archive:
            outputs = [archive[f"arr_{i}"] for i in range(len(archive.files))]
    return outputs if len(outputs) > 1 else outputs[0]


def memory_of_a_call(model_file: str | Path, *inputs: Any) -> float | None:
    """Return how much memory a call of a saved model takes in a new process, at its peak.

    Args:
        model_file: A `.keras` file.
        *inputs: Arrays, one for each input of the model. The model is called on the first item of
            each before, so that the set-up of the first call is not counted.

    Returns:
        Main memory in units of 1,000 KiB (about 1 MB), at least 0; None where the system is not
        Linux.

    Raises:
        RuntimeError: The process failed; the message is what it wrote to standard error.
    """
    if sys.platform != "linux":
        return None
    return int(_run_with_model(model_file, inputs, _MEMORY).split()[-1]) / 1000


def _run_with_model(model_file: str | Path, inputs: tuple[Any, ...], script: str) -> str:
    """Run a script that finds `model`, `inputs` and `call`, which calls the one on the other."""
    with tempfile.TemporaryDirectory() as folder:
        path = str(Path(folder, "inputs.npz"))
        np.savez(path, *(np.asarray(part) for part in inputs))
        load = _LOAD.format(model=str(Path(model_file).resolve()), inputs=path)
        return run_in_fresh_process(_LAYERS + load + script)


@contextmanager
def held_back_errors() -> Iterator[None]:
    """Hold back everything written to the error stream; show it only if the block fails.

    This includes what TensorFlow's C++ code writes to the file descriptor, past `sys.stderr`.
    """
    sys.stderr.flush()
    stream = os.dup(2)
    with tempfile.TemporaryFile() as kept:
        os.dup2(kept.fileno(), 2)
        try:
            yield
        except BaseException:
            kept.seek(0)
            with open(stream, "wb", closefd=False) as shown:
                shown.write(kept.read())
            raise
        finally:
            sys.stderr.flush()
            os.dup2(stream, 2)
            os.close(stream)


def import_tensorflow() -> None:
    """Import TensorFlow and list its devices without the log lines that this writes.

    `TF_CPP_MIN_LOG_LEVEL` alone does not suppress all of them.
    """
    os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")
    with held_back_errors():
        importlib.import_module("keras")
        importlib.import_module("tensorflow").config.list_physical_devices("GPU")


__getattr__ = _aliases.getter(__name__)
