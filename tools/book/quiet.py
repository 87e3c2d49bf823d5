"""Starts TensorFlow without what it says of itself."""

from __future__ import annotations

import os
import sys
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager


@contextmanager
def held_back_errors() -> Iterator[None]:
    """Hold back what anybody writes to the error stream; show all of it if the block fails."""
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


def start_tensorflow() -> None:
    """Import TensorFlow and Keras and let them look for devices.

    Before its log is set up, TensorFlow lists on the error stream what it was built with and which
    devices there are none of, under the heading WARNING; no setting of its own holds that back.
    """
    os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "2")  # the same for the lines that come later
    with held_back_errors():
        import keras  # noqa: F401
        import tensorflow as tf

        tf.config.list_logical_devices()
