"""Tests of gan_utils.io."""

import errno
import os
import zipfile

import numpy as np
import pytest

from gan_utils.io import read_arrays, whole_file


def test_the_file_takes_its_name_only_when_it_is_whole(tmp_path):
    path = tmp_path / "new" / "numbers.txt"
    with whole_file(path) as temporary:
        temporary.write_text("one")
        assert not path.exists()
    assert path.read_text() == "one"
    assert [entry.name for entry in path.parent.iterdir()] == ["numbers.txt"]


def test_an_error_leaves_the_older_file_and_no_rest(tmp_path):
    path = tmp_path / "numbers.txt"
    path.write_text("old")

    def fail_half_way():
        with whole_file(path) as temporary:
            temporary.write_text("ne")
            raise RuntimeError("half way")

    with pytest.raises(RuntimeError, match="half way"):
        fail_half_way()
    assert path.read_text() == "old"
    assert os.listdir(tmp_path) == ["numbers.txt"]


def test_what_a_killed_process_left_is_written_over(tmp_path):
    path = tmp_path / "numbers.txt"
    (tmp_path / ".numbers.txt.partial").write_text("a rest that is longer than the new text")
    with whole_file(path) as temporary:
        temporary.write_text("new")
    assert path.read_text() == "new"
    assert os.listdir(tmp_path) == ["numbers.txt"]


@pytest.mark.parametrize(("number", "expected"), [(errno.EIO, OSError), (errno.EINVAL, ValueError)])
def test_a_drive_that_is_lost_is_not_taken_for_a_damaged_file(
    tmp_path, monkeypatch, number, expected
):
    path = tmp_path / "arrays.npz"
    np.savez(path, a=np.zeros(3))

    def failing(*arguments):
        raise OSError(number, os.strerror(number))

    monkeypatch.setattr(zipfile.ZipFile, "open", failing)
    with pytest.raises(expected, match=os.strerror(number)) as caught:
        read_arrays(path)
    assert type(caught.value) is expected
