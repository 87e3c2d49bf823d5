"""gan_utils.elsewhere: a script in a fresh process."""

import pytest

from gan_utils import run_elsewhere


def test_prints_come_back_and_names_do_not_leak():
    assert run_elsewhere("print('noise' in dir())\n") == "False"


def test_a_failure_says_what_went_wrong():
    with pytest.raises(RuntimeError, match="no such generator"):
        run_elsewhere("raise ValueError('no such generator')")
