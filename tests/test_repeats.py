"""Measurements repeated with several seeds."""

from gan_utils import repeats


def experiment(seed):
    return {"first": {"error": seed, "share": 0.5}, "second": {"length": 10 * seed}}


def test_a_number_for_each_seed():
    found = repeats.over_seeds(experiment, [1, 3])
    assert found == {
        "first": {"error": [1.0, 3.0], "share": [0.5, 0.5]},
        "second": {"length": [10.0, 30.0]},
    }


def test_table_shows_means_and_spreads_below_the_names_of_their_columns():
    lines = repeats.table("here", repeats.over_seeds(experiment, [1, 3])).splitlines()
    assert [line.split() for line in lines] == [
        ["here", "error", "share"],
        ["first", "2", "±", "1", "0.5", "±", "0"],
        ["here", "length"],
        ["second", "20", "±", "10"],
    ]
    assert len(lines[0]) == len(lines[1])  # numbers end below the names of their columns
    assert repeats.table("here", {}) == ""


def test_a_single_seed_has_no_spread():
    lines = repeats.table("here", repeats.over_seeds(experiment, [3])).splitlines()
    assert lines[1].split() == ["first", "3", "0.5"]
