"""Length of a lesson's main path, what its header promises, its graded exercises."""

import re

import jupytext
import pytest
from lesson import NOTEBOOKS

HEADER = re.compile(r"\*\*What you will do with about (\d+) lines of code\.\*\*")
TEMPLATE = NOTEBOOKS / "templates" / "00_topic.py"
ALL = [TEMPLATE, *sorted(NOTEBOOKS.glob("[0-9]*.py"))]
REFERENCES = ("03_keras_notes", "15_diagnosis")  # for looking up: no main path to read through
LESSONS = [path for path in ALL if path.stem not in REFERENCES]


@pytest.mark.parametrize("path", LESSONS, ids=lambda path: path.stem)
def test_lesson_has_the_lines_of_code_that_its_header_names(path):
    text = path.read_text(encoding="utf-8")
    named = int(HEADER.search(text.replace("\n# ", " "))[1])
    codes = [cell.source for cell in jupytext.read(path).cells if cell.cell_type == "code"]
    lines = [line for code in codes for line in code.splitlines() if line.strip()]
    assert named == pytest.approx(len(lines), rel=0.06)
    header = text.split("## Setup")[0].replace("\n# ", " ")
    for promise in (r"\d+ minutes to read", r"CPU cores", r"\d+ MB", r"\*\*What you need\.\*\*"):
        assert re.search(promise, header), promise


@pytest.mark.parametrize("path", LESSONS, ids=lambda path: path.stem)
def test_main_path_is_short(path):
    text = path.read_text(encoding="utf-8")
    assert len(text.split()) <= 3_500
    assert len(text.splitlines()) <= 700


@pytest.mark.parametrize("path", ALL, ids=lambda path: path.stem)
def test_exercises_are_graded_and_open_with_a_prediction(path):
    text = path.read_text(encoding="utf-8").replace("\n# ", " ").replace("\n#", "\n")
    part = text.split("## Exercises", 1)[1].split("## Summary", 1)[0]
    exercises = re.split(r"\*\*\d\.? (?=★)", part)[1:]
    assert len(exercises) >= 4
    assert all("predict first" in exercise.lower() for exercise in exercises)
    grades = [len(re.match("★+", exercise)[0]) for exercise in exercises]
    assert grades == sorted(grades)
    assert (grades[0], grades[-1]) == (1, 3)
    folded = [e for e in exercises if "<details>" in e or "hide-cell" in e]
    assert len(folded) == len(exercises)
    derived = [e for e in exercises if "pencil and paper" in e]
    assert len(derived) == 1
    conceptual = [e for e in exercises if e not in derived and "hide-cell" not in e]
    assert len(conceptual) >= 2
