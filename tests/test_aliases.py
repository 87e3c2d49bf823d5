"""Old names still work, with a warning that names the new one."""

import importlib
import subprocess
import sys
import warnings

import pytest

import gan_utils
from gan_utils import GAN, _aliases

MODULES = sorted(_aliases.MODULES)
NAMES = [(module, name) for module, names in _aliases.NAMES.items() for name in names]


@pytest.mark.parametrize("old", MODULES)
def test_a_module_that_moved_is_found_under_its_old_name(old):
    sys.modules.pop(f"gan_utils.{old}", None)
    with pytest.warns(DeprecationWarning, match=f"gan_utils.{old} is now gan_utils"):
        module = importlib.import_module(f"gan_utils.{old}")
    assert module is importlib.import_module(f"gan_utils.{_aliases.MODULES[old]}")
    assert module.__name__ == f"gan_utils.{_aliases.MODULES[old]}"


@pytest.mark.parametrize(("module", "name"), NAMES)
def test_a_name_that_changed_is_found(module, name):
    home = importlib.import_module(f"gan_utils.{module}".removesuffix("."))
    with pytest.warns(DeprecationWarning, match=rf"{name} is now gan_utils\.") as seen:
        assert callable(getattr(home, name))
    assert seen[0].filename == __file__


def test_the_warning_points_at_the_line_that_uses_the_old_name():
    script = (
        "import warnings\nwarnings.simplefilter('error')\n"
        "try:\n    from gan_utils.latents import walk\n"
        "except DeprecationWarning as error:\n    print(error)\n"
    )
    done = subprocess.run(
        [sys.executable, "-c", script], capture_output=True, text=True, check=True
    )
    assert done.stdout == "gan_utils.latents is now gan_utils.interpolation\n"
    for use in ("gan_utils.run_elsewhere", "gan_utils.comparison"):
        sys.modules.pop("gan_utils.comparison", None)
        vars(gan_utils).pop("comparison", None)
        with warnings.catch_warnings(record=True) as seen:
            warnings.simplefilter("always")
            eval(use)
        assert seen[0].filename in (__file__, "<string>"), use


def test_what_never_existed_is_no_attribute():
    for home in (gan_utils, gan_utils.pairs, gan_utils.callbacks):
        with pytest.raises(AttributeError, match="has no attribute 'nonsense'"):
            home.nonsense  # noqa: B018
    with pytest.raises(ModuleNotFoundError):
        importlib.import_module("gan_utils.nonsense")


def test_old_arguments_and_attributes_of_a_gan():
    from killed_run import build_gan

    parts = build_gan()
    with pytest.warns(DeprecationWarning, match=r"average=.* is now ema_decay="):
        gan = GAN(parts.generator, parts.discriminator, 6, average=None)
    assert gan.ema_decay is None
    with pytest.warns(DeprecationWarning, match=r"GAN\.average is now ema_decay"):
        assert gan.average is None
    with pytest.warns(DeprecationWarning, match=r"GAN\.sampler is now ema_generator"):
        assert parts.sampler is parts.ema_generator
