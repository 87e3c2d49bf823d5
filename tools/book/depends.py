"""What a lesson's outputs depend on: the package's modules that it imports, records and weights.

They are found by reading the code, without running it. Where the code does not show which module it
uses, all candidates are included: a lesson that runs once too often costs a minute, but one that
does not run would show the outputs of older code.
"""

from __future__ import annotations

import ast
import hashlib
import json
import re
from collections.abc import Iterator
from functools import cache, cached_property
from itertools import pairwise
from pathlib import Path
from typing import Any

PACKAGE = "gan_utils"
NOTEBOOK_COMMAND = re.compile(r"^( *)[%!].*$", re.MULTILINE)
DOCUMENTED = (ast.Module, ast.ClassDef, ast.FunctionDef, ast.AsyncFunctionDef)


class Modules:
    """The modules of the package, by dotted name, with what each of them imports."""

    def __init__(self, root: Path) -> None:
        self.paths: dict[str, Path] = {}
        for path in sorted((root / PACKAGE).rglob("*.py")):
            name = ".".join(path.relative_to(root).with_suffix("").parts)
            self.paths[name.removesuffix(".__init__")] = path

    @cache  # noqa: B019 (one object a run)
    def tree(self, module: str) -> ast.Module:
        """Return a module's code without docstrings and comments."""
        return stripped(self.paths[module].read_text(encoding="utf-8"))

    @cache  # noqa: B019
    def digest(self, module: str) -> str:
        """Return a hash of a module's code."""
        return digest(ast.dump(self.tree(module)).encode())

    @cache  # noqa: B019
    def texts(self, module: str) -> set[str]:
        """Return the strings of a module."""
        return set(texts(self.tree(module)))

    def is_package(self, module: str) -> bool:
        """Return whether a module is a package."""
        return module in self.paths and self.paths[module].name == "__init__.py"

    def below(self, package: str) -> set[str]:
        """Return every module of a package."""
        return {name for name in self.paths if f"{name}.".startswith(f"{package}.")}

    def reached(self, code: str) -> set[str]:
        """Return the modules that code imports, directly or through others."""
        try:
            waiting = self.imports(stripped(code), "")
        except SyntaxError:
            return set(self.paths)
        found: set[str] = set()
        while waiting:
            module = waiting.pop()
            parent = module.rpartition(".")[0]
            waiting |= {parent} - found if parent else set()
            found.add(module)
            waiting |= self.imported(module) - found
        return found

    @cache  # noqa: B019
    def imported(self, module: str) -> set[str]:
        """Return the modules that a module imports itself."""
        return self.imports(self.tree(module), module)

    def imports(self, tree: ast.AST, module: str) -> set[str]:
        """Return the modules that a piece of code in `module` imports or names."""
        found: set[str] = set()
        bound: dict[str, str] = {}  # names of the code -> modules
        parts: set[int] = set()  # of f-strings, which are read as wholes
        for node in ast.walk(tree):
            if isinstance(node, ast.Import | ast.ImportFrom):
                for name, target, modules in self.imported_names(node, module):
                    bound[name] = target
                    found |= modules
            elif isinstance(node, ast.JoinedStr):
                parts |= {id(part) for part in node.values}
                found |= self.in_text("".join(map(text_of, node.values)))
            elif isinstance(node, ast.Constant) and id(node) not in parts:
                found |= self.in_text(text_of(node))
            elif isinstance(node, ast.List | ast.Tuple) and runs_package(node):
                # The command line imports the module of its command when it knows which one.
                found |= self.named(f"{PACKAGE}.__main__") | self.below(f"{PACKAGE}.cli")
        return found | self.used(tree, bound)

    def imported_names(
        self, node: ast.Import | ast.ImportFrom, module: str
    ) -> Iterator[tuple[str, str, set[str]]]:
        """Yield each name that a statement binds, what it stands for, and the modules it needs."""
        base = self.base(node, module) if isinstance(node, ast.ImportFrom) else ""
        for alias in node.names:
            target = f"{base}.{alias.name}".removeprefix(".")
            if target.split(".")[0] != PACKAGE:
                continue
            if base:
                needed = self.named(base) | self.resolve(base, alias.name)
                yield alias.asname or alias.name, target, needed
            else:
                whole = alias.asname is None  # `import a.b` binds `a`
                yield alias.asname or PACKAGE, PACKAGE if whole else target, self.named(target)

    def used(self, tree: ast.AST, bound: dict[str, str]) -> set[str]:
        """Return the modules that code reaches through attributes of those it has imported."""
        found: set[str] = set()
        for node in ast.walk(tree):
            names = list(chain(node))
            current = bound.get(names[0], "") if names else ""
            for name in names[1:]:
                if not self.is_package(current):
                    break
                found |= self.resolve(current, name)
                current = f"{current}.{name}"
        return found

    def resolve(self, package: str, name: str) -> set[str]:
        """Return the modules that an attribute of a package may bring."""
        if f"{package}.{name}" in self.paths:
            return {f"{package}.{name}"}
        if not self.is_package(package) or name in self.own_names(package):
            return set()
        if name in (lazy := self.lazy_names(package)):
            return self.named(f"{package}.{lazy[name]}")
        dunder = name.startswith("__") and name not in {"__name__", "__path__"}
        return set() if dunder else self.below(package)

    def own_names(self, package: str) -> set[str]:
        """Return what a package defines or imports by itself."""
        tree = self.tree(package)
        imported = {
            alias.asname or alias.name
            for node in tree.body
            if isinstance(node, ast.Import | ast.ImportFrom)
            for alias in node.names
        }
        assigned = {
            node.id
            for node in ast.walk(tree)
            if isinstance(node, ast.Name) and isinstance(node.ctx, ast.Store)
        }
        return imported | assigned | {node.name for node in tree.body if hasattr(node, "name")}

    def lazy_names(self, package: str) -> dict[str, str]:
        """Return the names that a package imports when first asked, with their modules."""
        found = {}
        for node in ast.walk(self.tree(package)):
            if isinstance(node, ast.Dict):
                pairs = zip(node.keys, node.values, strict=True)
                found |= {key.value: value.value for key, value in pairs if both_texts(key, value)}
        return found

    def named(self, name: str) -> set[str]:
        """Return the module of a name; for an unknown one, such as an old one, everything."""
        return {name} if name in self.paths else set(self.paths)

    def in_text(self, text: str) -> set[str]:
        """Return the modules that a script in a string imports, or that a string is the name of."""
        if text.startswith(f"{PACKAGE}.") and text in self.paths:
            return {text}
        if f"import {PACKAGE}" not in text and f"from {PACKAGE}" not in text:
            return set()
        try:
            return self.imports(stripped(text), "")
        except SyntaxError:
            return set(self.paths)

    def base(self, node: ast.ImportFrom, module: str) -> str:
        """Return the full name of what `from ... import` names."""
        if not node.level:
            return node.module or ""
        parts = module.split(".")
        kept = len(parts) - node.level + self.is_package(module)
        return ".".join([*parts[:kept], *filter(None, [node.module])])


def stripped(code: str) -> ast.Module:
    """Return code without docstrings, comments, imports for type checkers and notebook commands."""
    tree = ast.parse(NOTEBOOK_COMMAND.sub(r"\1pass", code))
    tree.body = [node for node in tree.body if not is_for_type_checkers(node)]
    remove_docstrings(tree)
    return tree


def is_for_type_checkers(node: ast.stmt) -> bool:
    """Return whether a statement is `if TYPE_CHECKING:`, whose imports never run."""
    return isinstance(node, ast.If) and getattr(node.test, "id", "") == "TYPE_CHECKING"


def remove_docstrings(node: ast.AST) -> None:
    """Remove the docstrings of a module, a class or a function, and of those inside."""
    if isinstance(node, DOCUMENTED) and ast.get_docstring(node, clean=False) is not None:
        node.body = node.body[1:] or [ast.Pass()]
    for part in ("body", "orelse", "finalbody", "handlers"):
        for child in getattr(node, part, []):
            remove_docstrings(child)


def chain(node: ast.AST) -> Iterator[str]:
    """Yield `a`, `b`, `c` of `a.b.c`; nothing for anything else."""
    if isinstance(node, ast.Name):
        yield node.id
    elif isinstance(node, ast.Attribute):
        names = list(chain(node.value))
        if names:
            yield from [*names, node.attr]


def text_of(node: ast.AST) -> str:
    """Return the text of a constant; of any other part of an f-string, a number in its place."""
    if isinstance(node, ast.Constant):
        return node.value if isinstance(node.value, str) else ""
    return "0"


def texts(tree: ast.AST) -> Iterator[str]:
    """Yield the strings of a piece of code."""
    for node in ast.walk(tree):
        if isinstance(node, ast.Constant) and isinstance(node.value, str):
            yield node.value


def runs_package(node: ast.List | ast.Tuple) -> bool:
    """Return whether a list is a command that runs the package: `[..., "-m", "gan_utils", ...]`."""
    words = [getattr(part, "value", None) for part in node.elts]
    return ("-m", PACKAGE) in pairwise(words)


def both_texts(*nodes: ast.AST | None) -> bool:
    """Return whether all nodes are strings."""
    return all(isinstance(node, ast.Constant) and isinstance(node.value, str) for node in nodes)


class Inputs:
    """The files that lessons may depend on, each read once."""

    def __init__(self, root: Path) -> None:
        self.root, self.modules = root, Modules(root)
        self.records = {
            path.stem: digest(path.read_bytes())
            for path in sorted((root / "book" / "results").glob("*.json"))
        }

    @cached_property
    def assets(self) -> dict[str, str]:
        """Hashes of the package's data, which every lesson may read; it changes rarely."""
        return {
            path.relative_to(self.root).as_posix(): digest(path.read_bytes())
            for path in sorted((self.root / PACKAGE).rglob("*"))
            if path.is_file() and path.suffix not in {".py", ".pyc"}
        }

    @cached_property
    def weights(self) -> dict[str, Any]:
        """The manifest's entry of each trained generator, its hash included."""
        path = self.root / "weights" / "manifest.json"
        return json.loads(path.read_text("utf-8"))["generators"] if path.is_file() else {}

    def of(self, code: str) -> dict[str, Any]:
        """Return hashes of everything in the repository that a lesson's code depends on."""
        reached = sorted(self.modules.reached(code))
        try:
            named = set(texts(stripped(code)))
        except SyntaxError:
            named = {*self.records, *self.weights}
        for module in reached:
            named |= {text for text in self.modules.texts(module) if text[:2].isdigit()}
        return {
            "modules": {module: self.modules.digest(module) for module in reached},
            "assets": self.assets,
            "records": {name: key for name, key in self.records.items() if name in named},
            "weights": {name: self.weights[name] for name in sorted(self.weights.keys() & named)},
        }


def digest(content: bytes) -> str:
    """Return the SHA-256 of some bytes."""
    return hashlib.sha256(content).hexdigest()
