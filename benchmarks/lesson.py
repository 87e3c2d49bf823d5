"""Loads the definitions of a lesson's cells, for tests and benchmarks."""

import ast
import builtins
from pathlib import Path
from types import SimpleNamespace

NOTEBOOKS = Path(__file__).resolve().parents[1] / "notebooks"


def load_lesson(name: str) -> SimpleNamespace:
    """Run the definitions of a lesson and return what they define.

    Args:
        name: File name without its ending, such as "02_dcgan".

    Returns:
        A namespace with the lesson's imports, functions, classes and constants (names in capital
        letters), without anything that trains, draws or reads data.

    Raises:
        FileNotFoundError: There is no such lesson.
    """
    path = NOTEBOOKS / f"{name}.py"
    tree = ast.parse(path.read_text(encoding="utf-8"), filename=str(path))
    names: dict = {"__name__": f"lesson_{name}"}
    for node in tree.body:
        if _defines(node, names):
            exec(compile(ast.Module([node], []), str(path), "exec"), names)
    return SimpleNamespace(**{k: v for k, v in names.items() if not k.startswith("__")})


def _defines(node: ast.stmt, names: dict) -> bool:
    """Return whether a statement is a definition, or a constant made from definitions only."""
    if isinstance(node, ast.Import | ast.ImportFrom | ast.FunctionDef | ast.ClassDef):
        return True
    if not isinstance(node, ast.Assign) or not isinstance(node.targets[0], ast.Name):
        return False
    used = [part for part in ast.walk(node.value) if isinstance(part, ast.Name)]
    bound = {part.id for part in used if isinstance(part.ctx, ast.Store)}
    known = bound | names.keys() | vars(builtins).keys()
    return node.targets[0].id.isupper() and {part.id for part in used} <= known
