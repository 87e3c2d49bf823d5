"""Lessons with the recipe of the tutorial, or of the papers, that they follow."""

import pytest
from lesson import load_lesson

# Epochs of the tutorial, and its updates in one of them.
RECIPES = {
    "02_dcgan": (50, 234),
    "04_cgan": (200, 937),
    "05_cdcgan": (50, 234),
    "06_acgan": (100, 937),
    "08_infogan": (100, 937),
    "10_wgan": (20, 187),  # the papers name no number of epochs: the passes are ours
}


@pytest.mark.parametrize("name", RECIPES)
def test_the_recipe_of_the_tutorial_can_be_asked_for(name, monkeypatch):
    monkeypatch.setenv("GAN_RECIPE", "tutorial")
    lesson = load_lesson(name)
    assert lesson.SETTINGS is (lesson.PAPER if name == "10_wgan" else lesson.TUTORIAL)
    monkeypatch.setenv("GAN_PROFILE", "full")
    lesson = load_lesson(name)
    assert RECIPES[name] == (lesson.EPOCHS, lesson.STEPS_PER_EPOCH)
