"""Injected faults: finished work is kept, and the error message says what to do."""

import ast
import contextlib
import errno
import hashlib
import http.server
import os
import signal
import subprocess
import sys
import threading
import time
from pathlib import Path

import imageio.v3 as imageio
import keras
import numpy as np
import pytest
import tensorflow as tf
from killed_run import build_gan

import gan_utils
from gan_utils import (
    Checkpoint,
    SampleGrid,
    StepHistory,
    TerminateOnNaN,
    animation,
    checkpoints,
    download,
    io,
    records,
)
from gan_utils.cli import options as saving
from gan_utils.metrics import Moments

PACKAGE = Path(gan_utils.__file__).parent
PICTURES = np.random.default_rng(3).integers(0, 256, (50, 4, 4, 1), dtype=np.uint8)
LATENTS = np.random.default_rng(4).standard_normal((4, 6)).astype(np.float32)
FRAME = np.random.default_rng(5).integers(0, 256, (400, 400, 3), dtype=np.uint8)


def new_gan():
    gan = build_gan()
    gan.run_eagerly = True  # a few small steps are done before a graph of them would be made
    return gan


def fit(*callbacks, epochs, gan=None, data=PICTURES, batch_size=8):
    gan = gan or new_gan()
    gan.fit(data, batch_size=batch_size, epochs=epochs, callbacks=list(callbacks), verbose=0)
    return gan


def weights(gan):
    return np.concatenate([np.ravel(w) for w in gan.get_weights()])


def names(folder):
    return sorted(path.name for path in folder.iterdir())


# ---- a disk that is full, a folder that cannot be written --------------------------------------


def write_record(path):
    records._merge(path, records.record("lenet", {"curve": list(range(3000))}))


def write_checkpoint(path):
    checkpoints.save(new_gan(), path.parent, 1)


WRITERS = {
    "a.gif": lambda path: animation.save_gif([FRAME, FRAME[::-1]], path),
    "frame.png": lambda path: animation.write_frame(FRAME, path),
    "picture.jpg": lambda path: saving.save(FRAME, path),
    "steps.csv": lambda path: io.write_rows([{"step": i} for i in range(5000)], path),
    "statistics.npz": lambda path: Moments.of(np.eye(60)).save(path),
    "lenet.json": write_record,
    "checkpoint-00001.npz": write_checkpoint,
}
OLDER = {"lenet.json": b'{"lesson": "lenet", "runs": {}}'}


@pytest.fixture(params=WRITERS)
def older(request, tmp_path):
    path = tmp_path / request.param
    path.write_bytes(OLDER.get(path.name, b"the older file"))
    return path


def test_a_full_disk_leaves_the_older_file_and_says_so(older):
    if not os.path.exists("/dev/full"):
        pytest.skip("this system has no /dev/full")
    before = older.read_bytes()
    older.with_name(f".{older.name}.partial").symlink_to("/dev/full")
    with pytest.raises(OSError, match=r"No space left on device.*(make room|free)") as caught:
        WRITERS[older.name](older)
    assert caught.value.errno == errno.ENOSPC
    assert str(older.parent) in str(caught.value)
    assert older.read_bytes() == before
    assert names(older.parent) == [older.name]


def test_a_read_only_folder_leaves_the_older_file_and_says_so(older, monkeypatch):
    before, real = older.read_bytes(), os.open

    def read_only(path, *args, **options):
        if str(path).endswith(".partial"):
            raise OSError(errno.EROFS, os.strerror(errno.EROFS), str(path))
        return real(path, *args, **options)

    monkeypatch.setattr(os, "open", read_only)
    with pytest.raises(OSError, match=r"Read-only file system.*(folder that can be|change the)"):
        WRITERS[older.name](older)
    assert older.read_bytes() == before
    assert names(older.parent) == [older.name]


# ---- Windows -----------------------------------------------------------------------------------


def open_files():
    """Return what this process has open, by real path."""
    found = set()
    for descriptor in os.listdir("/proc/self/fd"):
        with contextlib.suppress(OSError):
            found.add(os.readlink(f"/proc/self/fd/{descriptor}"))
    return found


@pytest.fixture
def windows(monkeypatch):
    """Refuse what Windows refuses when a file is written, renamed or removed."""
    if not os.path.isdir("/proc/self/fd"):
        pytest.skip("this system does not list open files")
    import fcntl

    sync, rename, remove, open_descriptor = os.fsync, os.replace, os.unlink, os.open

    def fsync(descriptor):
        if fcntl.fcntl(descriptor, fcntl.F_GETFL) & os.O_ACCMODE == os.O_RDONLY:
            raise OSError(errno.EBADF, "Bad file descriptor")
        return sync(descriptor)

    def closed(path):
        if os.path.realpath(path) in open_files():
            raise PermissionError(errno.EACCES, "used by another process", str(path))
        assert not set(os.path.basename(path)) & set('<>:"|?*'), path

    def replace(source, target, **options):
        closed(source)
        closed(target)
        return rename(source, target, **options)

    def unlink(path, **options):
        closed(path)
        return remove(path, **options)

    def no_folder(path, *args, **options):
        if os.path.isdir(path):
            raise PermissionError(errno.EACCES, "Permission denied", str(path))
        return open_descriptor(path, *args, **options)

    monkeypatch.setattr(io, "fcntl", None)
    monkeypatch.setattr(os, "fsync", fsync)
    monkeypatch.setattr(os, "replace", replace)
    monkeypatch.setattr(os, "rename", replace)
    monkeypatch.setattr(os, "unlink", unlink)
    monkeypatch.setattr(os, "open", no_folder)


@pytest.mark.usefixtures("windows")
def test_every_file_can_be_written_on_windows(older):
    before = older.read_bytes()
    WRITERS[older.name](older)
    assert older.read_bytes() != before
    assert names(older.parent) == [older.name]


@pytest.mark.usefixtures("windows")
def test_a_run_goes_on_on_windows(tmp_path):
    fit(Checkpoint(tmp_path, keep=1), epochs=2, data=floats())
    gan = fit(Checkpoint(tmp_path, keep=1), epochs=3, data=floats())
    assert gan.first_epoch == 2
    assert names(tmp_path) == ["checkpoint-00003.npz"]


@pytest.mark.usefixtures("windows")
def test_a_scanner_that_looks_at_a_file_for_a_moment_is_waited_for(tmp_path, monkeypatch):
    path = tmp_path / "a.txt"
    path.write_text("old")
    looking = [path.open() for _ in range(2)]
    monkeypatch.setattr(time, "sleep", lambda seconds: looking.pop().close())
    with io.whole_file(path) as temporary:
        temporary.write_text("new")
    assert path.read_text() == "new"


def test_a_disk_that_fills_during_a_download_is_named(tmp_path, monkeypatch, server):
    resource = pytest.importorskip("resource", reason="only Unix limits the size of a file")
    server.cut = None
    monkeypatch.setenv("KERAS_HOME", str(tmp_path))
    limits = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (2_000_000, limits[1]))
    try:
        with pytest.raises(download.DownloadError, match=r"cannot be written \(File too large\)"):
            download.download(server.file)
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, limits)
    assert names(tmp_path / "datasets") == []


# ---- a network that breaks off -----------------------------------------------------------------


class Shelf(http.server.BaseHTTPRequestHandler):
    content = np.random.default_rng(0).bytes(3_000_000)

    def do_GET(self):
        self.send_response(200)
        self.send_header("Content-Length", str(len(self.content)))
        self.end_headers()
        self.wfile.write(self.content[: self.server.cut])

    def log_message(self, *args):
        pass


@pytest.fixture
def server():
    with http.server.ThreadingHTTPServer(("127.0.0.1", 0), Shelf) as one:
        sha256 = hashlib.sha256(Shelf.content).hexdigest()
        one.file = download.File("a.npz", f"http://127.0.0.1:{one.server_port}/a.npz", sha256)
        threading.Thread(target=one.serve_forever, daemon=True).start()
        yield one
        one.shutdown()


def test_a_connection_that_breaks_off_leaves_nothing(tmp_path, monkeypatch, server):
    monkeypatch.setenv("KERAS_HOME", str(tmp_path))
    server.cut = 1_100_000
    with pytest.raises(download.DownloadError, match=r"cannot be reached|right checksum"):
        download.download(server.file)
    assert names(tmp_path / "datasets") == []
    server.cut = None
    download.download(server.file)
    assert (tmp_path / "datasets" / "a.npz").read_bytes() == Shelf.content


# ---- a process that is killed while it writes --------------------------------------------------

WRITE_AGAIN_AND_AGAIN = """
import sys
from pathlib import Path
from gan_utils.io import whole_file

path, times = Path(sys.argv[1]), int(sys.argv[2])
print("ready", flush=True)
for number in range(times):
    with whole_file(path) as temporary, open(temporary, "wb") as file:
        for _ in range(200):
            file.write(bytes([number % 256]) * 5000)
"""


def start_writer(path, times):
    return subprocess.Popen(
        [sys.executable, "-c", WRITE_AGAIN_AND_AGAIN, str(path), str(times)],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        cwd=PACKAGE.parent,
    )


def assert_whole(path):
    content = path.read_bytes()
    assert len(content) == 1_000_000
    assert content == content[:1] * 1_000_000


def test_a_file_is_whole_whenever_its_writer_is_killed(tmp_path):
    path = tmp_path / "a.bin"
    path.write_bytes(b"\0" * 1_000_000)
    rng = np.random.default_rng(0)
    for _ in range(8):
        with start_writer(path, 10**6) as writer:
            writer.stdout.readline()
            time.sleep(rng.uniform(0, 0.03))
            writer.kill()
        assert writer.returncode == -signal.SIGKILL
        assert_whole(path)
        assert set(names(tmp_path)) <= {"a.bin", ".a.bin.partial"}
    with io.whole_file(path) as temporary:
        temporary.write_text("the next one")
    assert names(tmp_path) == ["a.bin"]


# ---- two at the same time ----------------------------------------------------------------------


def test_two_processes_that_write_one_file_take_turns(tmp_path):
    path = tmp_path / "a.bin"
    writers = [start_writer(path, 25) for _ in range(3)]
    while any(writer.poll() is None for writer in writers):
        if path.exists():
            assert_whole(path)
    for writer in writers:
        assert writer.wait() == 0, writer.stderr.read()
        writer.stdout.close()
        writer.stderr.close()
    assert_whole(path)
    assert names(tmp_path) == ["a.bin"]


HOLD = """
import sys
from pathlib import Path
from gan_utils.io import alone_in

with alone_in(Path(sys.argv[1])):
    print("ready", flush=True)
    sys.stdin.read()
"""


def test_a_second_run_in_a_folder_is_refused_until_the_first_has_ended(tmp_path):
    pytest.importorskip("fcntl", reason="this system does not lock folders")
    holder = subprocess.Popen(
        [sys.executable, "-c", HOLD, str(tmp_path)],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        cwd=PACKAGE.parent,
    )
    with holder:
        holder.stdout.readline()
        gan = new_gan()
        before = weights(gan)
        with pytest.raises(OSError, match=r"is in use: another run .*another folder"):
            fit(Checkpoint(tmp_path), epochs=1, gan=gan)
        np.testing.assert_array_equal(weights(gan), before)
        assert names(tmp_path) == []
        holder.kill()  # what a killed run held is free at once
    fit(Checkpoint(tmp_path), epochs=1, gan=gan)
    assert names(tmp_path) == ["checkpoint-00001.npz"]


class Fault(keras.callbacks.Callback):
    """Raises an error in a step, counted over all epochs."""

    def __init__(self, step, error):
        super().__init__()
        self.left, self.error = step, error

    def on_train_batch_begin(self, batch, logs=None):
        self.left -= 1
        if self.left == 0:
            raise self.error


def test_a_run_that_was_interrupted_goes_on_in_the_same_process(tmp_path):
    gan = new_gan()
    with pytest.raises(KeyboardInterrupt):
        fit(Checkpoint(tmp_path), Fault(9, KeyboardInterrupt()), epochs=3, gan=gan)
    assert checkpoints.epochs_in(tmp_path) == [1]
    fit(Checkpoint(tmp_path), epochs=3, gan=gan)
    assert gan.first_epoch == 1
    np.testing.assert_array_equal(weights(gan), weights(fit(epochs=3)))


# ---- memory ------------------------------------------------------------------------------------


def test_a_batch_that_does_not_fit_names_the_knob_and_keeps_the_checkpoint(tmp_path):
    error = tf.errors.ResourceExhaustedError(None, None, "OOM when allocating tensor\nHint: ...")
    with pytest.raises(
        MemoryError, match=r"make batch_size smaller \(it is 8 now\).*OOM when"
    ) as e:
        fit(Checkpoint(tmp_path), Fault(9, error), epochs=3)
    assert "\n" not in str(e.value)
    assert checkpoints.epochs_in(tmp_path) == [1]
    gan = fit(Checkpoint(tmp_path), epochs=2, batch_size=4)
    assert gan.first_epoch == 1


def test_real_memory_that_is_not_there_is_named_too():
    gan = new_gan()
    size = tf.constant(2**45)
    gan.generator_loss = lambda fake_logits: tf.reduce_mean(tf.zeros([size])) + fake_logits[0, 0]
    with pytest.raises(MemoryError, match=r"batch_size smaller \(it is 8 now\)"):
        fit(epochs=1, gan=gan)


def test_a_disk_that_tensorboard_fills_is_not_called_memory():
    error = tf.errors.ResourceExhaustedError(None, None, "events.out: No space left on device")
    with pytest.raises(tf.errors.ResourceExhaustedError, match="No space left"):
        fit(Fault(1, error), epochs=1)


# ---- NaN ---------------------------------------------------------------------------------------


def floats(broken=None):
    pictures = PICTURES[:48].astype(np.float32) / 127.5 - 1
    if broken is not None:
        pictures[broken] = np.nan
    return tf.data.Dataset.from_tensor_slices(pictures).batch(8, drop_remainder=True)


def test_nan_in_a_batch_stops_the_run_and_is_in_no_checkpoint(tmp_path):
    fit(Checkpoint(tmp_path), epochs=1, data=floats())
    good = checkpoints.path_of(tmp_path, 1).read_bytes()
    with pytest.raises(FloatingPointError, match=r"became nan at step 3 of the epoch"):
        fit(Checkpoint(tmp_path), TerminateOnNaN(), epochs=2, data=floats(broken=20))
    with pytest.raises(FloatingPointError, match=r"00002\.npz is not written, .* has NaN .*before"):
        fit(Checkpoint(tmp_path), epochs=2, data=floats(broken=20))
    assert names(tmp_path) == ["checkpoint-00001.npz"]
    assert checkpoints.path_of(tmp_path, 1).read_bytes() == good
    gan = fit(Checkpoint(tmp_path), epochs=2, data=floats())
    assert gan.first_epoch == 1
    assert np.isfinite(weights(gan)).all()


# ---- what a run has written before -------------------------------------------------------------


def test_damaged_frames_and_steps_do_not_stop_a_resume_without_a_word(tmp_path):
    def callbacks():
        grid = SampleGrid(LATENTS, folder=tmp_path / "grids")
        return grid, StepHistory(tmp_path / "steps.csv"), Checkpoint(tmp_path / "checkpoints")

    fit(*callbacks(), epochs=2)
    broken = tmp_path / "grids" / "epoch-0001.png"
    broken.write_bytes(broken.read_bytes()[:60])
    steps = (tmp_path / "steps.csv").read_text()
    (tmp_path / "steps.csv").write_text(steps[:-9] + "\0no number")
    damaged = (tmp_path / "steps.csv").read_bytes()
    grid, *others = callbacks()
    with (
        pytest.warns(UserWarning, match=r"epoch-0001\.png is left out of the animation"),
        pytest.raises(ValueError, match=r"steps\.csv is not a table of steps .*delete it to go on"),
    ):
        fit(grid, *others, epochs=3)
    assert (tmp_path / "steps.csv").read_bytes() == damaged
    (tmp_path / "steps.csv").write_text(steps)
    with pytest.warns(UserWarning, match="left out"):
        fit(*(again := callbacks()), epochs=3)
    assert len(again[0].frames) == 3
    assert len(again[1].rows) == 18
    np.testing.assert_array_equal(
        imageio.imread(tmp_path / "grids" / "epoch-0003.png"), again[0].frames[-1][..., 0]
    )


def test_a_checkpoint_under_another_name_is_refused(tmp_path):
    """It would pass for the newest one, and the newest one be deleted in its place."""
    gan = fit(Checkpoint(tmp_path), epochs=1)
    checkpoints.path_of(tmp_path, 1).rename(checkpoints.path_of(tmp_path, 9))
    with pytest.raises(ValueError, match=r"after 1 epochs, but its name differs"):
        Checkpoint(tmp_path).resume(gan)


def test_after_99999_epochs_a_run_does_not_begin_again(tmp_path):
    gan = new_gan()
    for epoch in (99_998, 99_999, 100_000):
        checkpoints.save(gan, tmp_path, epoch)
    assert checkpoints.epochs_in(tmp_path) == [99_998, 99_999, 100_000]
    assert Checkpoint(tmp_path).resume(gan) == 100_000


# ---- a clock that jumps ------------------------------------------------------------------------


def test_neither_order_nor_duration_depends_on_the_time_of_day(tmp_path, monkeypatch):
    day = iter(range(10**9, 0, -86_400))
    with monkeypatch.context() as patched:
        patched.setattr(time, "time", lambda: float(next(day)))
        first = fit(Checkpoint(tmp_path), epochs=2)
        for epoch in checkpoints.epochs_in(tmp_path):
            os.utime(checkpoints.path_of(tmp_path, epoch), (10**9 / epoch, 10**9 / epoch))
        second = fit(Checkpoint(tmp_path), epochs=3)
    assert second.first_epoch == 2
    assert 0 < first.seconds < second.seconds < 600


def test_no_duration_is_taken_from_the_time_of_day():
    for path in PACKAGE.rglob("*.py"):
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            if isinstance(node, ast.Attribute) and isinstance(node.value, ast.Name):
                assert (node.value.id, node.attr) not in {("time", "time"), ("time", "time_ns")}


# ---- what pictures and names must not do -------------------------------------------------------


def test_no_picture_starts_a_program(tmp_path, monkeypatch):
    """Pillow knows PostScript by its first bytes, and would hand it to Ghostscript."""
    from gan_utils import images, pairs
    from gan_utils.metrics import sources

    trace = tmp_path / "started"
    ghostscript = tmp_path / "bin" / "gs"
    ghostscript.parent.mkdir()
    ghostscript.write_text(f"#!/bin/sh\ntouch {trace}\n")
    ghostscript.chmod(0o755)
    monkeypatch.setenv("PATH", f"{ghostscript.parent}{os.pathsep}{os.environ['PATH']}")
    path = tmp_path / "photos" / "a.png"
    path.parent.mkdir()
    path.write_bytes(
        b"%!PS-Adobe-3.0 EPSF-3.0\n%%BoundingBox: 0 0 20 10\n%%EndComments\nshowpage\n"
    )
    readers = (
        lambda: pairs.load_pairs(path.parent, 8)[0],
        lambda: sources.read_for_scoring(path, sources.Wish()),
        lambda: images.read_image(path),
    )
    for read in readers:
        with pytest.raises(ValueError, match=r"a\.png is not an image"):
            read()
    assert not trace.exists()


def test_a_name_that_is_no_text_does_not_undo_the_work(capsys, monkeypatch):
    from gan_utils import cli
    from gan_utils.cli import score

    name = os.fsdecode(b"caf\xe9.png")
    monkeypatch.setattr(score, "run", lambda options: sys.stdout.write(f"{name}\n") and 0)
    with contextlib.ExitStack() as stack:
        stack.callback(sys.stdout.reconfigure, errors=sys.stdout.errors)
        assert cli.main(["score", "a", "b"]) == 0
    assert capsys.readouterr().out == "caf\\udce9.png\n"
