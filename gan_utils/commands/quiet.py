"""TensorFlow without the lines that it writes about itself when it is imported."""

import importlib
import os
import sys


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
