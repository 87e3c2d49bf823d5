"""A fresh Python process, and libraries without the lines they write about themselves."""

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
_LAYERS = "import gan_utils.layers"
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
outputs = call(inputs)
np.savez({outputs!r}, *(np.asarray(output) for output in keras.tree.flatten(outputs)))
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
    """Run a script in a new process of this Python, which knows nothing of the caller's names.

    Args:
        script: Python source; its working folder and environment are the caller's.

    Returns:
        What it printed, without the white space around it.

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
    """Load a saved model in a new process, which has none of the caller's code, and call it.

    Keras knows the layers of `gan_utils.layers` there.

    Args:
        model_file: A `.keras` file.
        *inputs: Arrays, one for each input of the model.
        seed: Of the dropout that stays on (`gan_utils.layers.reseed`), which a file does not keep.

    Returns:
        What the model returns in inference mode: an array, or a list of arrays where it has
        several outputs.

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
    """Return what a call of a saved model adds to the memory of a new process, at its peak.

    Args:
        model_file: A `.keras` file.
        *inputs: Arrays, one for each input of the model. A call on the first item of each comes
            before, so that what the first call sets up is not counted.

    Returns:
        Megabytes of main memory, at least 0; None where the system does not tell (Linux does).

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
    """Hold back what anybody writes to the error stream; show all of it if the block fails.

    TensorFlow's C++ part, for one, writes to the file descriptor, past `sys.stderr`.
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
    """Import TensorFlow and find its devices without the lines that it writes meanwhile.

    Some come whatever `TF_CPP_MIN_LOG_LEVEL` says.
    """
    os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")
    with held_back_errors():
        importlib.import_module("keras")
        importlib.import_module("tensorflow").config.list_physical_devices("GPU")


__getattr__ = _aliases.getter(__name__)
