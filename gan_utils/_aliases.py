"""Old names that go on working, with a warning: modules that moved, names that changed.

`install` teaches Python's import to find a module under its old name. A package's or a module's
`__getattr__` is a `getter`, or calls `renamed`, for names that changed inside it.
"""

import functools
import importlib
import importlib.abc
import importlib.machinery
import operator
import sys
import warnings
from collections.abc import Callable, Sequence
from types import ModuleType

# Old module, relative to this package -> new one.
MODULES = {
    "always_on": "layers",
    "arrays": "io",
    "batches": "data.batches",
    "cache": "download",
    "commands": "cli",
    "comparison": "evaluation",
    "curves": "plots",
    "devices": "distribution",
    "distributed": "fit",
    "elsewhere": "process",
    "embedded": "data.embedded",
    "files": "io",
    "latents": "interpolation",
    "resumable": "fit",
    "sampler": "ema",
    "sources": "data.datasets",
    "tables": "io",
    "trained": "weights",
    "updates": "gan",
    "weights_format": "model_file",
    "workers": "distribution",
    "commands.drawing": "weights",
    "commands.generate": "cli.generate",
    "commands.looking": "metrics.extract",
    "commands.pictures": "metrics.sources",
    "commands.quiet": "process",
    "commands.report": "cli.score",
    "commands.saving": "cli.options",
    "commands.score": "cli.score",
    "commands.translate": "cli.translate",
    "commands.translating": "cli.translate",
    "metrics.checks": "metrics.validation",
    "metrics.extractors": "metrics.features",
    "metrics.inception_graph": "metrics.inception",
    "metrics.kernel": "metrics.kid",
    "metrics.measuring": "metrics.evaluate",
    "metrics.moments": "metrics.statistics",
    "metrics.reports": "metrics.evaluate",
    "metrics.scores": "metrics.precision_recall",
    "pairs.archives": "archives",
    "pairs.base": "pairs.sources",
    "pairs.batches": "pairs.sources",
    "pairs.cities": "pairs.city",
    "pairs.city_houses": "pairs.city.houses",
    "pairs.city_paint": "pairs.city.paint",
    "pairs.city_plan": "pairs.city.plan",
    "pairs.city_roofs": "pairs.city.roofs",
    "pairs.city_streets": "pairs.city.streets",
    "pairs.city_texture": "pairs.city.texture",
    "pairs.downloads": "download",
    "pairs.pictures": "pairs.folder",
}
# Module -> old name in it -> where the object is now, as `module:name` relative to this package.
NAMES = {
    "": {
        "run_elsewhere": "process:run_in_fresh_process",
        "FallingRates": "callbacks:LinearDecay",
        "StopOnNaN": "callbacks:TerminateOnNaN",
    },
    "callbacks": {
        "FallingRates": "callbacks:LinearDecay",
        "StopOnNaN": "callbacks:TerminateOnNaN",
    },
    "process": {"run_elsewhere": "process:run_in_fresh_process"},
    "evaluation": {
        "as_text": "evaluation:encode_image",
        "evenly": "images:evenly",
        "picture_of": "evaluation:decode_image",
    },
    "interpolation": {
        "between": "interpolation:slerp",
        "walk": "interpolation:interpolate",
    },
    "data.datasets": {"Source": "data.datasets:DatasetSpec"},
    "ema": {"Sampler": "ema:MovingAverage"},
    "weights": {
        "arrange": "weights:Inputs.arrange",
        "check": "weights:check_name",
        "Takes": "weights:Inputs",
        "understand": "weights:inputs_of",
    },
    "metrics.precision_recall": {"inception_score": "metrics.inception_score:inception_score"},
    "images": {"list_images": "image_folders:list_images"},
    "pairs": {"BrokenPictureError": "images:BrokenImageError"},
}
_PACKAGE = __package__


def install() -> None:
    """Let the old module names be imported."""
    if not any(isinstance(finder, _Finder) for finder in sys.meta_path):
        # First, since an old package name leads to a folder where Python would find new files.
        sys.meta_path.insert(0, _Finder())


def getter(module: str) -> Callable[[str], object]:
    """Return the `__getattr__` of a module in which names have changed."""
    return functools.partial(renamed, module, stacklevel=3)


def renamed(module: str, name: str, *, stacklevel: int = 4) -> object:
    """Return what a module once had under a name.

    Args:
        module: Full name of the module.
        name: The attribute that it does not have.
        stacklevel: Of the warning: how many calls above is the line that uses the name.

    Raises:
        AttributeError: It never had that name.

    Warns:
        DeprecationWarning: The name has changed; the message says how.
    """
    home = module.removeprefix(_PACKAGE).removeprefix(".")
    moved = f"{home}.{name}".removeprefix(".")
    if moved in MODULES:
        _warn(f"{_PACKAGE}.{moved}", f"{_PACKAGE}.{MODULES[moved]}", stacklevel)
        return importlib.import_module(f"{_PACKAGE}.{MODULES[moved]}")
    if name not in NAMES.get(home, {}):
        raise AttributeError(f"module {module!r} has no attribute {name!r}")
    place, _, new = NAMES[home][name].partition(":")
    target = f"{_PACKAGE}.{place}".removesuffix(".")
    _warn(f"{module}.{name}", f"{target}.{new}", stacklevel)
    return operator.attrgetter(new)(importlib.import_module(target))


def attribute(old: str, new: str) -> property:
    """Return a property with which a class keeps an old name of an attribute."""

    def read(self: object) -> object:
        _warn(f"{type(self).__name__}.{old}", new, stacklevel=3)
        return getattr(self, new)

    return property(read, doc=f"Old name of `{new}`.")


def arguments(**renames: str) -> Callable[[Callable], Callable]:
    """Return a decorator with which a function takes old names of its keyword arguments."""

    def decorate(function: Callable) -> Callable:
        @functools.wraps(function)
        def call(*positional: object, **named: object) -> object:
            for old in renames.keys() & named.keys():
                _warn(f"{function.__qualname__}({old}=)", f"{renames[old]}=", stacklevel=3)
                named[renames[old]] = named.pop(old)
            return function(*positional, **named)

        return call

    return decorate


def _warn(old: str, new: str, stacklevel: int) -> None:
    warnings.warn(f"{old} is now {new}", DeprecationWarning, stacklevel=stacklevel)


class _Finder(importlib.abc.MetaPathFinder, importlib.abc.Loader):
    """Finds a module under its old name."""

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
