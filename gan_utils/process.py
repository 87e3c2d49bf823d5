"""A fresh Python process, and TensorFlow imported without the lines it writes about itself."""

import importlib
import os
import subprocess
import sys

from gan_utils import _aliases


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


def import_tensorflow() -> None:
    """Import TensorFlow and find its devices with stderr closed; exceptions still arrive.

    Its C++ part writes some lines whatever `TF_CPP_MIN_LOG_LEVEL` says, to the file descriptor.
    """
    os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")
    sys.stderr.flush()
    kept = os.dup(2)
    nowhere = os.open(os.devnull, os.O_WRONLY)
    try:
        os.dup2(nowhere, 2)
        importlib.import_module("keras")
        importlib.import_module("tensorflow").config.list_physical_devices("GPU")
    finally:
        os.dup2(kept, 2)
        os.close(kept)
        os.close(nowhere)


__getattr__ = _aliases.getter(__name__)
