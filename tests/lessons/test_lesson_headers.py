"""Length of a lesson, the facts in its header, its graded exercises."""

import re

import jupytext
import pytest
from lesson import NOTEBOOKS

from gan_utils import records

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


def header_of(path):
    return path.read_text(encoding="utf-8").split("## Setup")[0].replace("\n# ", " ")


@pytest.mark.parametrize("path", ALL, ids=lambda path: path.stem)
def test_reading_time_is_that_of_the_prose(path):
    cells = [cell.source for cell in jupytext.read(path).cells if cell.cell_type == "markdown"]
    # No formulas, tags or addresses: as book/_ext/lesson_cost.py counts, for the page's first line.
    prose = re.sub(
        r"\$\$.*?\$\$|\$[^$]*\$|<[^>]*>|\]\([^)]*\)", "", "\n".join(cells), flags=re.DOTALL
    )
    named = int(re.search(r"(\d+) minutes to read", header_of(path))[1])
    assert named == pytest.approx(len(prose.split()) / 200, abs=1)


# What a header calls the training of the short run -> seconds on two cores.
DURATIONS = {
    "half a minute": (15, 45),
    "less than a minute": (0, 60),
    "about a minute": (40, 80),
    "a minute": (40, 80),
}


@pytest.mark.parametrize("path", ALL, ids=lambda path: path.stem)
def test_training_takes_as_long_as_the_header_says(path):
    run = records.recorded(path.stem, "quick")
    said = re.search(f"({'|'.join(DURATIONS)}) of training", header_of(path))
    if run is None or said is None:
        pytest.skip("no short run is recorded, or the lesson trains nothing")
    least, most = DURATIONS[said[1]]
    assert least <= run["seconds"] * run["hardware"]["cores"] / 2 <= most


@pytest.mark.parametrize("path", ALL, ids=lambda path: path.stem)
def test_figures_fit_a_phone(path):
    """A wider figure would have to be scrolled, or its texts would be too small to read."""
    text = path.read_text(encoding="utf-8")
    assert all(float(width) <= 7 for width in re.findall(r"figsize=\((\d+(?:\.\d+)?),", text))


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
