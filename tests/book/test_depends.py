"""Which modules, records and weights a lesson depends on."""

from pathlib import Path

import pytest

from tools.book import depends, execute

ROOT = Path(__file__).resolve().parents[2]
FILES = {
    "__init__.py": (
        "import importlib\n_MODULES = ('eager', 'pairs')\n_NAMES = {'GAN': 'gan'}\n"
        "def __getattr__(name):\n"
        "    return importlib.import_module(f'{__name__}.{_NAMES.get(name, name)}')\n"
    ),
    "__main__.py": "from gan_utils import command\n",
    "command.py": "",
    "gan.py": "from gan_utils.steps import step\n",
    "steps.py": "def step():\n    from . import late\n",
    "late.py": "if TYPE_CHECKING:\n    from gan_utils import typed\n",
    "typed.py": "",
    "named.py": "import importlib\nimportlib.import_module('gan_utils.late')\n",
    "pairs/__init__.py": "from .city import draw\nfrom gan_utils.pairs import folder\n",
    "pairs/city.py": "def draw():\n    '''Draw.'''\n",
    "pairs/folder.py": "from ..named import x\n",
}
PAIRS = {"pairs", "pairs.city", "pairs.folder", "named", "late"}


@pytest.fixture
def root(tmp_path):
    """A package of a few modules that imports in every way that gan_utils does."""
    for name, text in FILES.items():
        path = tmp_path / "gan_utils" / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text)
    return tmp_path


@pytest.mark.parametrize(
    ("code", "wanted"),
    [
        ("import numpy", None),
        ("import gan_utils\nprint(gan_utils.__version__)", set()),
        ("from gan_utils import GAN", {"gan", "steps", "late"}),
        ("import gan_utils as g\ng.GAN", {"gan", "steps", "late"}),
        ("import gan_utils\ngan_utils.pairs.draw()", PAIRS),
        ("%pip list\nfrom gan_utils.pairs import city as c", PAIRS),
        ("run('import gan_utils.late')", {"late"}),
        ("run(f'from gan_utils import GAN\\nuse({1})')", {"gan", "steps", "late"}),
        ("run([python, '-m', 'gan_utils', 'score'])", {"__main__", "command"}),
    ],
)
def test_modules_of_a_lesson(root, code, wanted):
    expected = set() if wanted is None else {"gan_utils", *(f"gan_utils.{name}" for name in wanted)}
    assert depends.Modules(root).reached(code) == expected


@pytest.mark.parametrize(
    "code", ["import gan_utils\ngan_utils.unknown", "from gan_utils.old import x", "if:"]
)
def test_what_cannot_be_told_depends_on_everything(root, code):
    assert len(depends.Modules(root).reached(code)) == len(FILES)


def test_words_change_no_digest(root):
    path = root / "gan_utils" / "pairs" / "city.py"
    before = depends.Modules(root).digest("gan_utils.pairs.city")
    path.write_text("'''New words.'''\n\n# why\ndef draw():\n    '''Other words.'''\n")
    assert depends.Modules(root).digest("gan_utils.pairs.city") == before
    path.write_text("def draw():\n    return 1\n")
    assert depends.Modules(root).digest("gan_utils.pairs.city") != before


def lessons_that_read(part, name):
    inputs, found = depends.Inputs(ROOT), set()
    for lesson in execute.lesson_names(ROOT):
        cells = execute.code_cells(execute.read_lesson(ROOT, lesson))
        if name in inputs.of("\n".join(cell.source for cell in cells))[part]:
            found.add(lesson)
    return found


def test_few_lessons_depend_on_the_city():
    (city,) = [name for name in depends.Modules(ROOT).paths if name.endswith("roofs")]
    found = lessons_that_read("modules", city)
    assert found == {"11_pix2pix", "13_metrics", "19_cyclegan"}


def test_record_of_lesson_04_is_read_by_those_that_name_it():
    assert lessons_that_read("records", "04_cgan") == {"04_cgan", "05_cdcgan", "14_comparison"}


def test_every_lesson_depends_on_less_than_the_whole_package():
    modules = depends.Modules(ROOT)
    for lesson in execute.lesson_names(ROOT):
        cells = execute.code_cells(execute.read_lesson(ROOT, lesson))
        reached = modules.reached("\n".join(cell.source for cell in cells))
        assert "gan_utils.profile" in reached
        assert len(reached) < len(modules.paths), lesson
