"""Tests of gan_utils.profile."""

import pytest

from gan_utils import profile


@pytest.fixture
def in_profile(monkeypatch):
    """Set GAN_PROFILE, which is read whenever a number is asked for."""

    def choose(value):
        if value is None:
            monkeypatch.delenv("GAN_PROFILE", raising=False)
        else:
            monkeypatch.setenv("GAN_PROFILE", value)
        return profile

    return choose


def test_each_profile_chooses_its_own_number(in_profile):
    for value, expected in {"smoke": (1, 2, 3), "quick": (4, 5, 6), "full": (7, 8, 9)}.items():
        module = in_profile(value)
        assert module.name == value
        assert module.epochs(7, quick=4, smoke=1) == expected[0]
        assert module.steps(8, quick=5, smoke=2) == expected[1]
        assert module.samples(9, quick=6, smoke=3) == expected[2]


@pytest.mark.parametrize("value", [None, "", "quick"])
def test_quick_is_the_default(in_profile, value):
    module = in_profile(value)
    assert (module.name, module.epochs(50), module.steps(5000), module.samples(60000)) == (
        "quick",
        1,
        100,
        1000,
    )


def test_unknown_profile_names_the_value_and_the_choices(in_profile):
    with pytest.raises(ValueError, match=r"'fast'.*smoke, quick, full"):
        in_profile("fast").steps(1)


@pytest.mark.parametrize("bad", [0, -1, 2.5, "3", True, None])
@pytest.mark.parametrize("function", [profile.epochs, profile.steps, profile.samples])
def test_numbers_must_be_positive_integers_in_every_profile(function, bad):
    with pytest.raises(ValueError, match=f"{function.__name__}.*'full'.*at least 1"):
        function(bad)
    with pytest.raises(ValueError, match="'quick'"):
        function(1, quick=bad)
    with pytest.raises(ValueError, match="'smoke'"):
        function(1, smoke=bad)


@pytest.mark.parametrize(("limit", "expected"), [("12", 12), ("99", 50), ("", 50)])
def test_a_limit_shortens_full_and_nothing_else(in_profile, monkeypatch, limit, expected):
    monkeypatch.setenv("GAN_EPOCHS", limit)
    assert in_profile("full").epochs(50) == expected
    assert in_profile("full").steps(5000) == 5000
    assert in_profile("quick").epochs(50, quick=20) == 20


@pytest.mark.parametrize("limit", ["0", "-3", "ten", "2.5"])
def test_a_limit_that_is_no_number_is_refused(in_profile, monkeypatch, limit):
    monkeypatch.setenv("GAN_EPOCHS", limit)
    with pytest.raises(ValueError, match=f"GAN_EPOCHS is '{limit}'"):
        in_profile("full").epochs(50)


def test_samples_are_never_more_than_there_are(in_profile):
    module = in_profile("quick")
    assert module.samples(10_000, quick=5_000, available=120) == 120
    assert module.samples(10_000, quick=50, available=120) == 50
    with pytest.raises(ValueError, match="'available' is 0"):
        module.samples(10_000, available=0)


def test_the_environment_shifts_every_seed(in_profile, monkeypatch):
    assert in_profile("quick").seed(4) == 4
    monkeypatch.setenv("GAN_SEED_SHIFT", "100")
    assert in_profile("quick").seed(4) == 104
    with pytest.raises(ValueError, match="'4' is not an integer"):
        profile.seed("4")
    monkeypatch.setenv("GAN_SEED_SHIFT", "-1")
    with pytest.raises(ValueError, match="GAN_SEED_SHIFT is '-1'"):
        in_profile("quick").seed(4)


def test_settings_are_those_of_the_profile_or_of_the_tutorial(in_profile, monkeypatch):
    monkeypatch.delenv("GAN_RECIPE", raising=False)
    recipes = {"full": "long", "short": "brief", "tutorial": "classic"}
    for name, expected in {"smoke": "brief", "quick": "brief", "full": "long"}.items():
        module = in_profile(name)
        assert (module.settings(**recipes), module.run_name()) == (expected, name)
    monkeypatch.setenv("GAN_RECIPE", "tutorial")
    assert (profile.settings(**recipes), profile.run_name()) == ("classic", "full-tutorial")
    with pytest.raises(ValueError, match="this lesson has no such recipe"):
        profile.settings(full=1, short=2)
    monkeypatch.setenv("GAN_RECIPE", "cake")
    with pytest.raises(ValueError, match=r"GAN_RECIPE is 'cake'; choose one of ours, tutorial"):
        profile.settings(**recipes)
