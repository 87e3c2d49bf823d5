"""Old names that go on working, with a warning: modules that moved, names that changed.

`install` teaches Python's import to find a module under its old name. A package's or a module's
`__getattr__` calls `renamed` for names that changed inside it.
"""

import importlib
import importlib.abc
import importlib.machinery
import sys
import warnings
from collections.abc import Sequence
from types import ModuleType

# Old module, relative to this package -> new one.
MODULES = {
    "pairs.pictures": "pairs.folder",
}
# Module -> old name in it -> where the object is now, as `module:name` relative to this package.
NAMES = {
    "pairs": {"BrokenPictureError": "images:BrokenImageError"},
}
_PACKAGE = __package__


def install() -> None:
    """Let the old module names be imported."""
    if not any(isinstance(finder, _Finder) for finder in sys.meta_path):
        sys.meta_path.append(_Finder())


def renamed(module: str, name: str) -> object:
    """Return what a module once had under a name.

    Args:
        module: full name of the module.
        name: the attribute that it does not have.

    Raises:
        AttributeError: it never had that name.

    Warns:
        DeprecationWarning: the name has changed; the message says how.
    """
    home = module.removeprefix(_PACKAGE).removeprefix(".")
    moved = f"{home}.{name}".removeprefix(".")
    if moved in MODULES:
        return importlib.import_module(f"{_PACKAGE}.{moved}")
    if name not in NAMES.get(home, {}):
        raise AttributeError(f"module {module!r} has no attribute {name!r}")
    place, _, new = NAMES[home][name].partition(":")
    target = f"{_PACKAGE}.{place}".removesuffix(".")
    _warn(f"{module}.{name}", f"{target}.{new}", stacklevel=4)
    return getattr(importlib.import_module(target), new)


def _warn(old: str, new: str, stacklevel: int) -> None:
    warnings.warn(f"{old} is now {new}", DeprecationWarning, stacklevel=stacklevel)


class _Finder(importlib.abc.MetaPathFinder, importlib.abc.Loader):
    """Finds a module under its old name, after Python has found no file of that name."""

    def find_spec(
        self, fullname: str, path: Sequence[str] | None = None, target: ModuleType | None = None
    ) -> importlib.machinery.ModuleSpec | None:
        """Return how to load a module that moved, None for all others."""
        old = fullname.removeprefix(f"{_PACKAGE}.")
        if old not in MODULES or old == fullname:
            return None
        _warn(fullname, f"{_PACKAGE}.{MODULES[old]}", stacklevel=3)
        return importlib.machinery.ModuleSpec(fullname, self)

    def exec_module(self, module: ModuleType) -> None:
        """Put the module of the new name in the place of the empty one that Python made."""
        new = MODULES[module.__name__.removeprefix(f"{_PACKAGE}.")]
        sys.modules[module.__name__] = importlib.import_module(f"{_PACKAGE}.{new}")
