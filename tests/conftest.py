"""Settings of every test: the short profile, no network, no window, quiet TensorFlow."""

import os
import socket

import pytest

# Before any test imports gan_utils, which reads its profile once.
os.environ["GAN_PROFILE"] = "smoke"
os.environ["MPLBACKEND"] = "Agg"
os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "2")
for name in ("GAN_DATA", "GAN_IMAGES", "GAN_RECORD"):
    os.environ.pop(name, None)

LOCAL = {"localhost", "127.0.0.1", "::1"}


@pytest.fixture(autouse=True)
def no_network(monkeypatch):
    """Let nothing but this machine be reached, so that no test needs the internet."""
    connect = socket.socket.connect

    def guarded(self, address):
        if self.family in (socket.AF_INET, socket.AF_INET6) and address[0] not in LOCAL:
            raise OSError(f"a test tried to reach {address[0]}")
        return connect(self, address)

    monkeypatch.setattr(socket.socket, "connect", guarded)
