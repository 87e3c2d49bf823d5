"""Lessons 06 to 08: length of the main path, what the header promises, graded exercises."""

import re

import jupytext
import pytest
from lesson import NOTEBOOKS

HEADER = re.compile(r"\*\*What you will do with about (\d+) lines of code\.\*\*")
LESSONS = [NOTEBOOKS / f"{name}.py" for name in ("06_acgan", "07_sgan", "08_infogan")]


@pytest.mark.parametrize("path", LESSONS, ids=lambda path: path.stem)
def test_lesson_has_the_lines_of_code_that_its_header_names(path):
    text = path.read_text(encoding="utf-8")
    named = int(HEADER.search(text.replace("\n# ", " "))[1])
    codes = [cell.source for cell in jupytext.read(path).cells if cell.cell_type == "code"]
    lines = [line for code in codes for line in code.splitlines() if line.strip()]
    assert named == pytest.approx(len(lines), rel=0.06)


@pytest.mark.parametrize("path", LESSONS, ids=lambda path: path.stem)
def test_main_path_is_short(path):
    text = path.read_text(encoding="utf-8")
    assert len(text.split()) <= 3_500
    assert len(text.splitlines()) <= 700


@pytest.mark.parametrize("path", LESSONS, ids=lambda path: path.stem)
def test_exercises_are_graded_and_open_with_a_prediction(path):
    text = path.read_text(encoding="utf-8").replace("\n# ", " ").replace("\n#", "\n")
    part = text.split("## Exercises", 1)[1].split("## Summary", 1)[0]
    titles = re.findall(r"\*\*\d\. (★+) (.+?)\*\* (\*Predict first:\*)?", part)
    assert len(titles) >= 4
    assert all(predicted for _, _, predicted in titles)
    grades = [len(stars) for stars, _, _ in titles]
    assert grades == sorted(grades)
    assert (grades[0], grades[-1]) == (1, 3)
    assert part.count("pencil and paper") == 1
