"""Rules of the project: notebooks match scripts, one address, short functions, a fast import."""

import ast
import graphlib
import io
import json
import os
import re
import subprocess
import sys
import time
import tokenize
from itertools import pairwise
from pathlib import Path

import jupytext
import pytest
import yaml

try:
    import tomllib
except ModuleNotFoundError:  # Python 3.10
    import tomli as tomllib

ROOT = Path(__file__).resolve().parents[1]
CONFIG = yaml.safe_load((ROOT / "_config.yml").read_text(encoding="utf-8"))
PYPROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))
REPOSITORY = CONFIG["repository"]["url"]
OWNER, NAME = REPOSITORY.removeprefix("https://github.com/").split("/")
SCRIPTS = sorted((ROOT / "notebooks").glob("*.py"))
NOTEBOOKS = sorted((ROOT / "notebooks").glob("*.ipynb"))
TEMPLATE = ROOT / "notebooks" / "templates" / "00_topic.py"  # what a new lesson starts from
LESSONS = [*SCRIPTS, TEMPLATE]
MODULES = sorted((ROOT / "gan_utils").rglob("*.py"))
BUILD_SCRIPTS = [path for name in ("book", "tools") for path in sorted((ROOT / name).rglob("*.py"))]
WORKFLOWS = sorted((ROOT / ".github" / "workflows").glob("*.yml"))
# No colon-fence, no {role} or {directive}: Colab shows them as they are written.
MYST = re.compile(r"^\s*(:::|```\{)|\{[a-z:-]+\}`|^\([\w-]+\)=", re.MULTILINE)
STEP = re.compile(r"\bGradientTape\b|\bapply(_gradients)?\(")


def name_of(path):
    return path.relative_to(ROOT).as_posix()


def tracked_files():
    command = ["git", "-C", str(ROOT), "ls-files"]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    if done.returncode:
        pytest.skip("not a git checkout, so nothing says which files belong to it")
    return set(done.stdout.splitlines())


def cells(path):
    return [
        (cell.cell_type, cell.source, cell.metadata.get("tags", []))
        for cell in jupytext.read(path).cells
    ]


def toc_pages():
    text = (ROOT / "_toc.yml").read_text(encoding="utf-8")
    return re.findall(r"(?:root|file): (\S+)", text)


# ---- lessons ---------------------------------------------------------------------------------


def test_there_are_lessons():
    assert "notebooks/02_dcgan" in toc_pages()
    assert len(SCRIPTS) >= 1


def test_every_lesson_is_a_pair():
    assert [path.stem for path in SCRIPTS] == [path.stem for path in NOTEBOOKS]


@pytest.mark.parametrize("path", LESSONS, ids=name_of)
def test_pair_says_the_same(path):
    assert cells(path) == cells(path.with_suffix(".ipynb")), "run `make sync`"


@pytest.mark.parametrize("path", [*NOTEBOOKS, TEMPLATE.with_suffix(".ipynb")], ids=name_of)
def test_notebook_carries_no_run(path):
    notebook = json.loads(path.read_text(encoding="utf-8"))
    codes = [cell for cell in notebook["cells"] if cell["cell_type"] == "code"]
    assert all(cell["outputs"] == [] and cell["execution_count"] is None for cell in codes)
    assert all(cell["id"] for cell in notebook["cells"])
    assert notebook["metadata"]["kernelspec"]["name"] == "python3"
    assert "jupytext_version" not in path.read_text(encoding="utf-8")


@pytest.mark.parametrize("path", LESSONS, ids=name_of)
def test_script_header_names_no_jupytext_version(path):
    assert "jupytext_version" not in path.read_text(encoding="utf-8")


@pytest.mark.parametrize("path", LESSONS, ids=name_of)
def test_cells_are_short(path):
    long = [
        source
        for kind, source, _ in cells(path)
        if kind == "code" and len(source.splitlines()) > (40 if STEP.search(source) else 25)
    ]
    assert long == []


@pytest.mark.parametrize("path", LESSONS, ids=name_of)
def test_markdown_reads_well_on_colab(path):
    noisy = [
        source for kind, source, _ in cells(path) if kind == "markdown" and MYST.search(source)
    ]
    assert noisy == []


@pytest.mark.parametrize("path", LESSONS, ids=name_of)
def test_prose_stands_before_every_code_cell(path):
    kinds = [(kind, "remove-cell" in tags) for kind, _, tags in cells(path)]
    bare = [
        number
        for number, ((before, _), (kind, removed)) in enumerate(pairwise(kinds), start=1)
        if kind == "code" and before == "code" and not removed
    ]
    assert bare == [], "these cells follow another code cell directly"


@pytest.mark.parametrize("path", LESSONS, ids=name_of)
def test_lesson_sets_itself_up(path):
    sources = [source for kind, source, _ in cells(path) if kind == "code"]
    assert "google.colab" in sources[0]
    assert REPOSITORY in sources[0]
    assert "\nkeras.config.set_dtype_policy(profile.precision)" in sources[1]
    assert "myst_nb" not in "\n".join(sources)
    badge = f"https://colab.research.google.com/github/{OWNER}/{NAME}/blob/main/"
    badges = [
        tags
        for kind, source, tags in cells(path)
        if kind == "markdown" and f"{badge}notebooks/{path.stem}.ipynb" in source
    ]
    assert badges == [["remove-cell"]], "one Colab badge, in a cell of its own"


@pytest.mark.parametrize("path", LESSONS, ids=name_of)
def test_lessons_are_independent(path):
    tree = ast.parse(path.read_text(encoding="utf-8"))
    imported = {
        name.split(".")[0]
        for node in ast.walk(tree)
        if isinstance(node, (ast.Import, ast.ImportFrom))
        for name in (
            [alias.name for alias in node.names]
            if isinstance(node, ast.Import)
            else [node.module or ""]
        )
    }
    assert not imported & ({script.stem for script in SCRIPTS} | {"notebooks", "book", "tests"})


# ---- the book --------------------------------------------------------------------------------


@pytest.mark.parametrize("page", toc_pages())
def test_page_of_the_contents_is_in_git(page):
    files = {f"{page}{suffix}" for suffix in (".md", ".ipynb")} & tracked_files()
    assert len(files) == 1


def test_every_lesson_is_in_the_contents():
    pages = [page for page in toc_pages() if page.startswith("notebooks/")]
    assert sorted(pages) == [f"notebooks/{path.stem}" for path in NOTEBOOKS]
    # Lessons in order; the two that one looks things up in stand with the studies.
    lookups = ["notebooks/03_keras_notes", "notebooks/15_diagnosis"]
    assert pages == [page for page in sorted(pages) if page not in lookups] + lookups


# ---- one address -----------------------------------------------------------------------------


def test_repository_address_is_the_same_everywhere():
    host = re.compile(rf"github\.com/([\w.-]+)/{re.escape(NAME)}\b|([\w-]+)\.github\.io/([\w.-]+)")
    found = 0
    for name in tracked_files():
        path = ROOT / name
        if path.suffix in {".png", ".npz", ".gif", ".keras", ".woff"} or not path.is_file():
            continue
        for match in host.finditer(path.read_text(encoding="utf-8")):
            found += 1
            assert match[1] in (None, OWNER), f"{name}: {match[0]}"
            assert match[2] is None or (match[2], match[3]) == (OWNER, NAME), f"{name}: {match[0]}"
    assert found >= 5


def test_pyproject_names_the_repository_and_the_site():
    urls = PYPROJECT["project"]["urls"]
    assert urls["Repository"] == REPOSITORY
    assert urls["Homepage"].rstrip("/") == CONFIG["html"]["baseurl"].rstrip("/")
    assert CONFIG["html"]["baseurl"] == f"https://{OWNER}.github.io/{NAME}/"


def test_no_file_names_a_machine():
    private = re.compile(r"/(?:home|Users|root|work)/\w|/tmp/\w")
    own = Path(__file__).relative_to(ROOT).as_posix()
    for name in tracked_files() - {own}:
        path = ROOT / name
        if path.suffix in {".md", ".py", ".ipynb", ".yml", ".toml", ".json", ""}:
            assert not private.search(path.read_text(encoding="utf-8")), name


# ---- what the project depends on ---------------------------------------------------------------


def test_environment_is_in_step_with_pyproject():
    environment = yaml.safe_load((ROOT / "environment.yml").read_text(encoding="utf-8"))
    plain = [item for item in environment["dependencies"] if isinstance(item, str)]
    (pip,) = [item["pip"] for item in environment["dependencies"] if isinstance(item, dict)]
    assert environment.keys() == {"name", "channels", "dependencies"}
    assert environment["channels"] == ["conda-forge"]
    assert {"pip", "jupyterlab"} <= set(plain), "the launch button opens JupyterLab"
    match = re.fullmatch(r"-e \.\[([\w,]+)\]", pip[0])
    assert len(pip) == 1, "everything else belongs into pyproject.toml"
    assert set(match[1].split(",")) <= set(PYPROJECT["project"]["optional-dependencies"])


def test_package_has_lower_bounds_only():
    bounds = [re.sub(r"^[\w.\[\]-]+", "", item) for item in PYPROJECT["project"]["dependencies"]]
    assert all(re.fullmatch(r">=[\d.]+", bound) for bound in bounds)


# ---- the code --------------------------------------------------------------------------------


def functions(path):
    tree = ast.parse(path.read_text(encoding="utf-8"))
    kinds = (ast.FunctionDef, ast.AsyncFunctionDef)
    return [node for node in ast.walk(tree) if isinstance(node, kinds)]


def lines_of_code(function):
    """Return the length of a function, not counting its docstring."""
    first = function.body[0]
    documented = ast.get_docstring(function) is not None
    docstring = first.end_lineno - first.lineno + 1 if documented else 0
    return function.end_lineno - function.lineno + 1 - docstring


def code_lines(path):
    """Return the numbers of the lines that hold code, not only comments, docstrings or nothing."""
    text = path.read_text(encoding="utf-8")
    skipped = {tokenize.COMMENT, tokenize.NL, tokenize.NEWLINE, tokenize.INDENT, tokenize.DEDENT}
    tokens = tokenize.generate_tokens(io.StringIO(text).readline)
    lines = {
        line
        for token in tokens
        if token.type not in skipped | {tokenize.ENDMARKER}
        for line in range(token.start[0], token.end[0] + 1)
    }
    kinds = (ast.Module, ast.ClassDef, ast.FunctionDef, ast.AsyncFunctionDef)
    for node in ast.walk(ast.parse(text)):
        if isinstance(node, kinds) and ast.get_docstring(node) is not None:
            lines -= set(range(node.body[0].lineno, node.body[0].end_lineno + 1))
    return lines


@pytest.mark.parametrize("path", [*MODULES, *BUILD_SCRIPTS], ids=name_of)
def test_modules_and_functions_are_short(path):
    assert len(code_lines(path)) <= 400
    long = [node.name for node in functions(path) if lines_of_code(node) > 40]
    assert long == []


@pytest.mark.parametrize("path", MODULES, ids=name_of)
def test_package_raises_and_never_prints(path):
    tree = ast.parse(path.read_text(encoding="utf-8"))
    calls = [node.func for node in ast.walk(tree) if isinstance(node, ast.Call)]
    assert not any(isinstance(call, ast.Name) and call.id == "print" for call in calls)
    assert not any(isinstance(node, ast.Assert) for node in ast.walk(tree))


def test_one_private_method_of_keras_is_used():
    """It is overridden, so that a Keras without it works as well."""
    import keras

    kinds = keras.Model, keras.optimizers.Optimizer, keras.callbacks.Callback
    private = re.compile(r"_(?!_)\w+|__\w+[^_]")
    theirs = {name for kind in kinds for name in dir(kind) if private.fullmatch(name)}
    found = set()
    for path in MODULES:
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            if isinstance(node, ast.ImportFrom):
                assert not re.match(r"(keras\.src|tensorflow\.python)\b", node.module or "")
            fields = {getattr(node, field, None) for field in ("attr", "name", "value")}
            found |= {(path.stem, name) for name in fields if isinstance(name, str)}
    assert {(module, name) for module, name in found if name in theirs} == {
        ("gan", "_maybe_symbolic_build")
    }


def imported_modules(path, known):
    """Return the modules of the folder that a file imports anywhere, for types as well."""
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if isinstance(node, ast.Import | ast.ImportFrom):
            home = getattr(node, "module", None) or ""
            for name in (home, *(f"{home}.{alias.name}".strip(".") for alias in node.names)):
                if name in known and name != "gan_utils":
                    yield name


@pytest.mark.parametrize("folder", ["gan_utils", "tools/book", "benchmarks"])
def test_no_module_imports_itself_through_others(folder):
    home = ROOT if folder == "gan_utils" else ROOT / folder  # the others name each other shortly
    names = {
        ".".join(path.relative_to(home).with_suffix("").parts).removesuffix(".__init__"): path
        for path in (ROOT / folder).rglob("*.py")
    }
    graph = {name: {*imported_modules(path, names)} for name, path in names.items()}
    # `from package import module` needs the module, not what else is in the package.
    graph = {
        name: {one for one in used if not any(other.startswith(f"{one}.") for other in used)}
        for name, used in graph.items()
    }
    assert sum(map(len, graph.values())) >= len(graph)
    list(graphlib.TopologicalSorter(graph).static_order())  # raises CycleError


def test_import_is_quick_and_leaves_tensorflow_alone():
    code = (
        "import sys, time; start = time.process_time(); import gan_utils; "
        "print(time.process_time() - start); "
        "assert not {'tensorflow', 'keras', 'matplotlib'} & set(sys.modules)"
    )
    times = []
    for _ in range(3):
        done = subprocess.run(
            [sys.executable, "-c", code], capture_output=True, text=True, check=True
        )
        times.append(float(done.stdout))
        time.sleep(0.1)
    assert min(times) < 0.3


def test_importing_reads_no_setting():
    names = [".".join(path.relative_to(ROOT).with_suffix("").parts) for path in MODULES]
    code = f"import importlib\nfor name in {names}:\n    importlib.import_module(name)"
    settings = ("PROFILE", "EPOCHS", "SEED_SHIFT", "PRECISION", "RECIPE", "IMAGES", "DATA")
    nonsense = {f"GAN_{name}": "nonsense" for name in (*settings, "MAX_PIXELS")}
    code = code.replace("'gan_utils.__main__', ", "")
    subprocess.run([sys.executable, "-c", code], check=True, env=os.environ | nonsense)
