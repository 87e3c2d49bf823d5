"""A killed run resumes to the same end; a file that does not match raises, and stays."""

import errno
import signal

import fresh
import keras
import killed_run
import numpy as np
import pytest
from killed_run import build_gan

from gan_utils import Checkpoint, checkpoints

SECONDS = 240  # a limit for a busy machine; each process takes a few seconds
PICTURES = np.random.default_rng(3).integers(0, 256, (50, 4, 4, 1), dtype=np.uint8)


def run(folder, moment="never"):
    """Train in a process of its own; return its exit code and what it printed."""
    log = folder.with_suffix(".log")
    process = fresh.start(killed_run.main, folder, moment, log=log)
    process.join(SECONDS)
    process.kill()
    return process.exitcode, log.read_text(encoding="utf-8")


@pytest.mark.slow
def test_a_run_killed_again_and_again_ends_like_one_that_was_not(tmp_path):
    code, said = run(tmp_path / "whole")
    assert code == 0, said
    first, *rest = said.splitlines()[-1].split()
    assert first == "0"
    folder = tmp_path / "killed"
    moments = (
        "after checkpoint 1",
        "step 3.2",
        "after steps 3",
        "inside checkpoint 3",
        "after checkpoint 4",
    )
    for moment in moments:
        assert run(folder, moment)[0] == -signal.SIGKILL, moment
    code, said = run(folder)
    assert code == 0, said
    first, *resumed = said.splitlines()[-1].split()
    assert first == "4"
    assert resumed == rest
    assert not list((folder / "checkpoints").glob(".*"))


def trained(folder, epochs=2, **options):
    gan = build_gan()
    callback = Checkpoint(folder, **options)
    gan.fit(PICTURES, batch_size=8, epochs=epochs, callbacks=[callback], verbose=0)
    return gan


def weights(gan):
    return np.concatenate([np.ravel(w) for w in gan.get_weights()])


def test_every_and_keep(tmp_path):
    trained(tmp_path, epochs=7, every=3, keep=2)
    assert checkpoints.epochs_in(tmp_path) == [6, 7]
    with pytest.raises(ValueError, match="every and keep"):
        Checkpoint(tmp_path, every=0)


def test_a_finished_run_is_not_trained_again(tmp_path):
    first = trained(tmp_path)
    again = trained(tmp_path)
    np.testing.assert_array_equal(weights(again), weights(first))
    assert again.seconds == first.seconds > 0


def test_layers_may_have_other_names(tmp_path):
    before = weights(trained(tmp_path))
    build_gan()  # counts Keras' automatic names up
    resumed = build_gan()
    assert Checkpoint(tmp_path).resume(resumed) == 2
    np.testing.assert_array_equal(weights(resumed), before)


def test_more_epochs_go_on_from_the_last(tmp_path):
    trained(tmp_path / "a", epochs=2)
    resumed = trained(tmp_path / "a", epochs=4)
    np.testing.assert_array_equal(weights(resumed), weights(trained(tmp_path / "b", epochs=4)))


@pytest.mark.parametrize("damage", ["truncated", "empty", "text", "flipped"])
def test_a_damaged_file_is_named_and_left_alone(tmp_path, damage):
    trained(tmp_path)
    newest = checkpoints.path_of(tmp_path, 2)
    good = checkpoints.path_of(tmp_path, 1).read_bytes()
    content = newest.read_bytes()
    middle = len(content) // 2
    newest.write_bytes(
        {
            "truncated": content[:middle],
            "empty": b"",
            "text": b"not a checkpoint",
            "flipped": content[:middle] + bytes([content[middle] ^ 255]) + content[middle + 1 :],
        }[damage]
    )
    broken = newest.read_bytes()
    gan = build_gan()
    before = weights(gan)
    with pytest.raises(ValueError, match=r"checkpoint-00002\.npz.*Delete it"):
        gan.fit(PICTURES, batch_size=8, epochs=3, callbacks=[Checkpoint(tmp_path)], verbose=0)
    np.testing.assert_array_equal(weights(gan), before)
    assert newest.read_bytes() == broken
    assert checkpoints.path_of(tmp_path, 1).read_bytes() == good
    newest.unlink()
    assert Checkpoint(tmp_path).resume(gan) == 1


def test_a_foreign_checkpoint_changes_nothing(tmp_path):
    trained(tmp_path)
    for change in ("seed", "shape", "count"):
        gan = build_gan()
        if change == "seed":
            gan.seed = 6
        elif change == "shape":
            foreign = tmp_path / "foreign"
            foreign.mkdir()
            path = checkpoints.path_of(foreign, 2)
            with np.load(checkpoints.path_of(tmp_path, 2)) as archive:
                arrays = {k: archive[k] for k in archive.files}
            key = next(k for k in arrays if arrays[k].ndim == 2)
            np.savez(path, **(arrays | {key: arrays[key][:-1]}))
        else:
            foreign = tmp_path / "fewer"
            foreign.mkdir()
            path = checkpoints.path_of(foreign, 2)
            with np.load(checkpoints.path_of(tmp_path, 2)) as archive:
                arrays = {k: archive[k] for k in archive.files}
            arrays.pop(next(k for k in arrays if k.startswith("model")))
            np.savez(path, **arrays)
        folder = tmp_path if change == "seed" else foreign
        before = weights(gan)
        with pytest.raises(ValueError, match=r"checkpoint-00002\.npz belongs to another run"):
            Checkpoint(folder).resume(gan)
        np.testing.assert_array_equal(weights(gan), before)


def test_no_pickle_is_ever_read(tmp_path):
    trained(tmp_path)
    newest = checkpoints.path_of(tmp_path, 2)
    with np.load(newest) as archive:
        arrays = {k: archive[k] for k in archive.files}
    evil = np.empty(1, dtype=object)
    evil[0] = {"a": 1}
    np.savez(newest, **(arrays | {"model-0000": evil}))
    with pytest.raises(ValueError, match="not a complete checkpoint"):
        Checkpoint(tmp_path).resume(build_gan())


def test_a_folder_that_cannot_be_written_is_named(tmp_path):
    blocked = tmp_path / "file"
    blocked.write_text("in the way")
    with pytest.raises(OSError, match="checkpoint not written") as caught:
        trained(blocked)
    assert str(blocked) in str(caught.value)


def test_a_rerun_of_a_finished_run_generates_the_same_images(tmp_path):
    gan = trained(tmp_path)
    images = gan.generate(8)
    gan.fit(PICTURES, batch_size=8, epochs=2, callbacks=[Checkpoint(tmp_path)], verbose=0)
    np.testing.assert_array_equal(gan.generate(8), images)


def test_a_run_that_is_stopped_early_has_a_checkpoint(tmp_path):
    gan = build_gan()
    stop = keras.callbacks.LambdaCallback(
        on_epoch_end=lambda epoch, logs: setattr(gan, "stop_training", epoch == 1)
    )
    watchers = [Checkpoint(tmp_path, every=5), stop]
    gan.fit(PICTURES, batch_size=8, epochs=9, callbacks=watchers, verbose=0)
    assert checkpoints.epochs_in(tmp_path) == [2]


def test_a_checkpoint_that_cannot_be_opened_is_not_called_damaged(tmp_path, monkeypatch):
    trained(tmp_path)

    def refuse(path):
        raise PermissionError(errno.EACCES, "Permission denied", str(path))

    monkeypatch.setattr(checkpoints, "read_arrays", refuse)
    with pytest.raises(OSError, match=r"not read.*start again") as caught:
        Checkpoint(tmp_path).resume(build_gan())
    assert "Delete" not in str(caught.value)
