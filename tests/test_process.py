"""gan_utils.process: a script in a fresh process."""

import pytest

from gan_utils import run_in_fresh_process


def test_prints_come_back_and_names_do_not_leak():
    assert run_in_fresh_process("print('noise' in dir())\n") == "False"


def test_a_failure_says_what_went_wrong():
    with pytest.raises(RuntimeError, match="no such generator"):
        run_in_fresh_process("raise ValueError('no such generator')")
