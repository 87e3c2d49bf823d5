"""Settings of every test: the short profile, no network, no window, and parallel tests."""

import os
import re
import socket

import pytest

# Also for the processes that tests start.
os.environ["GAN_PROFILE"] = "smoke"
os.environ["MPLBACKEND"] = "Agg"
os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "2")
SETTINGS = ("DATA", "RECORD", "RUNS", "IMAGES", "PHOTOGRAPHS", "MAX_PIXELS", "SEED_SHIFT")
for name in (*SETTINGS, "PRECISION", "RECIPE", "EPOCHS"):
    os.environ.pop(f"GAN_{name}", None)
if "PYTEST_XDIST_WORKER" in os.environ:  # workers share the cores: one thread of TensorFlow each
    os.environ.setdefault("TF_NUM_INTRAOP_THREADS", "1")

LOCAL = {"localhost", "127.0.0.1", "::1"}


def pytest_collection_modifyitems(items):
    """Put the tests that wait longest for what they need in front, those in a browser at the end.

    The site takes longest: one worker begins with it, the others test the package meanwhile. When
    it is there, whoever is free opens the next page of it.
    """
    turns = {"site": 0, "package": 1, "browser": 2}
    items.sort(key=lambda item: (turns[kind_of(item.nodeid)], "site" not in item.fixturenames))


@pytest.hookimpl(optionalhook=True)  # only pytest-xdist calls it
def pytest_xdist_make_scheduler(config, log):
    """Give each worker the tests of a whole group, since they share what is costly to make.

    `--dist=loadgroup` would do that for marked tests, but pytest-xdist 3.8 loses its marks with
    pytest 9.
    """
    from xdist.scheduler import LoadScopeScheduling

    class GroupScheduling(LoadScopeScheduling):
        def _split_scope(self, nodeid):
            return group_of(nodeid)

    config.option.loadscopereorder = False  # the order above, not the largest group first
    return GroupScheduling(config, log)


def kind_of(nodeid):
    """Return whether a test is of the "package", of the "site", or of the site in a "browser"."""
    if not nodeid.startswith("tests/book/"):
        return "package"
    files = ("test_browser", "test_interactive", "test_inversion")
    in_browser = nodeid.startswith(tuple(f"tests/book/{name}.py" for name in files))
    return "browser" if in_browser else "site"


def group_of(nodeid):
    """Return the group of a test: the site, a file, or a page that is opened once."""
    if kind_of(nodeid) == "site":
        return "site"
    page = re.search(r"\b(book|notebooks)/\w+|\bsearch\b|\bgenindex\b", nodeid.partition("[")[2])
    return page[0] if page else nodeid.partition("::")[0]


@pytest.fixture(scope="session")
def digits():
    """Two thousand labeled digits, evenly drawn from the sample that the package brings."""
    from gan_utils.data import ImageSet, embedded

    found = embedded.load("mnist", "train")
    return ImageSet(*found, tuple("0123456789"), "embedded", "mnist", "train").sample(2_000)


@pytest.fixture(autouse=True)
def no_network():
    """Let nothing but this machine be reached, so that no test needs the internet."""
    connect = socket.socket.connect

    def guarded(self, address):
        if self.family in (socket.AF_INET, socket.AF_INET6) and address[0] not in LOCAL:
            raise OSError(f"a test tried to reach {address[0]}")
        return connect(self, address)

    # Not with the fixture `monkeypatch`: a test that calls its `undo` would remove the guard.
    with pytest.MonkeyPatch.context() as patched:
        patched.setattr(socket.socket, "connect", guarded)
        yield


@pytest.fixture
def gan_utils_command(capsys):
    """Runs the command in this process, holds its status against the one expected."""
    from gan_utils import cli

    def run(*arguments, status=0):
        found = cli.main([*map(str, arguments)])
        captured = capsys.readouterr()
        assert found == status, captured.err
        return captured

    return run
