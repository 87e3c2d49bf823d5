"""Shared parts of the fuzz tests: number and generation of inputs, and what none of them may do.

`GAN_FUZZ=10000` tries as many inputs for each property, drawn at random and guided by the lines of
code that they reach; without it a few are tried, the same ones every time.
"""

import atexit
import contextlib
import os
import shutil
import struct
import sys
import tempfile
import zlib
from pathlib import Path

import pytest
from hypothesis import HealthCheck, currently_in_test_context, settings, target
from hypothesis import strategies as st

_SCRATCH = os.path.realpath(tempfile.mkdtemp(prefix="fuzz-"))  # where libraries may put things
atexit.register(shutil.rmtree, _SCRATCH, ignore_errors=True)
COUNT = int(os.environ.get("GAN_FUZZ", "0"))
FEW = 25
_EXTREMES = (0, 1, 2**7, 2**15, 2**16 - 1, 2**31 - 1, 2**31, 2**32 - 1, 2**63, 2**64 - 1, 10**12)
_FOLLOWED = ("gan_utils", "PIL", "tarfile.py", "zipfile.py", "gzip.py", "format.py", "_header")
_PROGRAMS = {
    *("os.system", "os.exec", "os.fork", "os.forkpty", "os.posix_spawn", "os.spawn"),
    *("subprocess.Popen", "pickle.find_class", "socket.connect", "ctypes.dlopen"),
}
_CHANGES = {
    *("os.mkdir", "os.remove", "os.rename", "os.rmdir", "os.link", "os.symlink", "os.truncate"),
    *("os.chmod", "shutil.rmtree"),
}


@pytest.fixture(scope="module", name="folder")
def folder_of_fuzzing(tmp_path_factory):
    """A folder of a module's own, with a Keras home in it; a module imports this to have it."""
    folder = tmp_path_factory.mktemp("fuzz")
    with pytest.MonkeyPatch.context() as patched:
        patched.setenv("KERAS_HOME", str(folder / "keras"))
        yield folder


def inputs(share=1.0):
    """Set how many inputs a property gets: `share` of the usual number."""
    return settings(
        max_examples=max(5, int((COUNT or FEW) * share)),
        derandomize=not COUNT,
        deadline=None,
        database=None,
        suppress_health_check=list(HealthCheck),
    )


# ---- inputs ------------------------------------------------------------------------------------


@st.composite
def mutated(draw, seeds):
    """Draw a file like one of `seeds`, with a few changes of the kinds that readers stumble on."""
    content = bytearray(draw(st.sampled_from(seeds)))
    for _ in range(draw(st.integers(0, 4))):
        place = draw(st.integers(0, max(0, len(content) - 1)))
        length = draw(st.sampled_from((1, 2, 4, 8, 40, 300)))
        match draw(st.sampled_from(("flip", "byte", "number", "cut", "drop", "repeat", "insert"))):
            case "flip" if content:
                content[place] ^= 1 << draw(st.integers(0, 7))
            case "byte" if content:
                content[place] = draw(st.integers(0, 255))
            case "number":
                size = draw(st.sampled_from((2, 4, 8)))
                order = draw(st.sampled_from(("little", "big")))
                number = draw(st.sampled_from(_EXTREMES)) % 256**size
                content[place : place + size] = number.to_bytes(size, order)
            case "cut":
                del content[place:]
            case "drop":
                del content[place : place + length]
            case "repeat":
                content[place:place] = content[place : place + length]
            case "insert":
                content[place:place] = draw(st.binary(max_size=8))
    return bytes(content)


def png(width, height, *, depth=8, color=2, lines=b""):
    """Make a PNG whose header may claim anything; its checksums are right."""

    def chunk(kind, content):
        body = kind + content
        return struct.pack(">I", len(content)) + body + struct.pack(">I", zlib.crc32(body))

    header = struct.pack(">IIBBBBB", width, height, depth, color, 0, 0, 0)
    parts = chunk(b"IHDR", header), chunk(b"IDAT", zlib.compress(lines)), chunk(b"IEND", b"")
    return b"\x89PNG\r\n\x1a\n" + b"".join(parts)


def plain_values():
    """Draw what JSON can hold, with extreme numbers and the names that readers look for."""
    words = st.sampled_from(
        ("class_name", "config", "module", "file", "../up", "", "os", "système")
    )
    leaves = (
        st.none()
        | st.booleans()
        | st.sampled_from((-1, 0, 1, 10**12, -(10**30), 0.5, 1e300))
        | words
        | st.text(max_size=8)
    )
    return st.recursive(
        leaves,
        lambda inner: st.lists(inner, max_size=3) | st.dictionaries(words, inner, max_size=3),
        max_leaves=6,
    )


def places(value, path=()):
    """List where each part of a JSON value is."""
    if not isinstance(value, dict | list):
        return [path]
    items = value.items() if isinstance(value, dict) else enumerate(value)
    return [path] + [place for key, inner in items for place in places(inner, (*path, key))]


def replaced(value, path, new):
    """Return a JSON value with one of its parts replaced."""
    if not path:
        return new
    changed = dict(value) if isinstance(value, dict) else list(value)
    changed[path[0]] = replaced(value[path[0]], path[1:], new)
    return changed


# ---- what none of them may do ------------------------------------------------------------------


class _Watch:
    """Notes what Python does; hooks cannot be removed, so it is told when to look."""

    def __init__(self):
        self.folder, self.seen = None, []
        sys.addaudithook(self._note)

    def _note(self, event, arguments):
        if self.folder is None:
            return
        if event in _PROGRAMS:
            self.seen.append((event, arguments))
        elif event in _CHANGES or (event == "open" and _writes(arguments)):
            self._check(event, arguments)

    def _check(self, event, arguments):
        for name in arguments[: 2 if event in ("os.rename", "os.link", "os.symlink") else 1]:
            if isinstance(name, int) or str(name) == os.devnull:
                continue
            path = Path(os.path.realpath(os.path.join(_base(event, arguments), os.fsdecode(name))))
            if path.is_relative_to(_SCRATCH) or "__pycache__" in path.parts:
                continue
            if not path.is_relative_to(self.folder):
                self.seen.append((event, str(path)))


def _base(event, arguments):
    """Return the folder that a name is looked up in: `shutil.rmtree` passes it as a number."""
    if event in ("os.remove", "os.rmdir", "os.mkdir") and arguments[-1] >= 0:
        number = f"/proc/self/fd/{arguments[-1]}"
        return os.readlink(number) if os.path.exists(number) else str(_watch.folder)
    return "."


def _writes(arguments):
    _, mode, flags = arguments
    if isinstance(mode, str):
        return any(letter in mode for letter in "wax+")
    return bool((flags or 0) & (os.O_WRONLY | os.O_RDWR | os.O_CREAT | os.O_TRUNC))


_watch = _Watch()


@contextlib.contextmanager
def harmless(folder, what=""):
    """Fail when the block runs a program, unpickles, connects, or changes a file elsewhere."""
    usual = tempfile.gettempdir()
    tempfile.tempdir = _SCRATCH
    _watch.seen, _watch.folder = [], Path(os.path.realpath(folder))
    try:
        with _guided(what):
            yield
    finally:
        _watch.folder = None
        tempfile.tempdir = usual
    assert _watch.seen == []


@contextlib.contextmanager
def _guided(what):
    """Tell Hypothesis how many lines of the readers an input reached; more is better."""
    if not COUNT or not currently_in_test_context():
        yield
        return
    reached = set()

    def follow(frame, event, _):
        if not any(part in frame.f_code.co_filename for part in _FOLLOWED):
            return None
        reached.add((frame.f_code, frame.f_lineno))
        return follow

    before = sys.gettrace()
    sys.settrace(follow)
    try:
        yield
    finally:
        sys.settrace(before)
    target(float(len(reached)), label=what)


def sentence(error, *names):
    """Check that an error speaks to a reader: it names the file and says more than a kind."""
    text = str(error)
    assert all(name in text for name in names), text
    assert len(text.split()) >= 4, text
    return text
