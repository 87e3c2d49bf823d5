"""Checkpoints: one file with all that a run needs to resume (weights, optimizers, seeds, epoch)."""

import json
import os
import re
from pathlib import Path
from typing import Any

import keras
import numpy as np

from gan_utils.io import parse_json, read_arrays, whole_file

_NAME = re.compile(r"checkpoint-(\d{5,})\.npz")
_META = "meta"
_FORMAT = 1


def path_of(folder: Path, epoch: int) -> Path:
    """Return the file of the checkpoint written after `epoch` epochs."""
    return folder / f"checkpoint-{epoch:05d}.npz"


def epochs_in(folder: Path) -> list[int]:
    """Return the epochs that have a checkpoint in a folder, in rising order."""
    if not folder.is_dir():
        return []
    return sorted(int(m[1]) for p in folder.iterdir() if (m := _NAME.fullmatch(p.name)))


def save(model: keras.Model, folder: Path, epoch: int) -> Path:
    """Write the state of a model after `epoch` epochs; the file gets its name once it is complete.

    Args:
        model: With the attributes `seed` and `seconds`, and with the optimizers `d_optimizer` and
            `g_optimizer`, or with one `optimizer`.
        folder: Made when missing.
        epoch: Epochs finished.

    Returns:
        The file: an .npz without pickled objects.

    Raises:
        OSError: The folder cannot be written (the message names it); older files stay as they are.
        FloatingPointError: A variable is not finite; nothing is written, older files stay.
    """
    path = path_of(folder, epoch)
    arrays = {k: keras.ops.convert_to_numpy(v) for k, v in _variables(model).items()}
    _require_finite(arrays, path)
    meta = {"format": _FORMAT, "epoch": epoch, "seed": model.seed, "seconds": model.seconds}
    try:
        with whole_file(path) as temporary, open(temporary, "wb") as file:
            np.savez(file, **{_META: np.array(json.dumps(meta))}, **arrays)
    except OSError as error:
        raise OSError(
            error.errno,
            f"checkpoint not written ({os.strerror(error.errno)}): free or change the folder",
            str(folder),
        ) from error
    return path


def load(model: keras.Model, path: Path) -> int:
    """Restore a model from a checkpoint; a file that does not match changes nothing.

    Args:
        model: Compiled, with the networks and optimizers of the run that wrote the file.
        path: Written by `save`.

    Returns:
        Epochs finished.

    Raises:
        ValueError: The file is truncated, damaged, or of another run; it is left as it is.
        OSError: The file cannot be opened or read.
    """
    try:
        arrays = read_arrays(path)
        meta = _facts(arrays, path)
    except OSError as error:
        raise OSError(
            error.errno,
            "checkpoint not read: make it readable, or connect its drive, and start again",
            str(path),
        ) from error
    except ValueError as error:
        raise ValueError(
            f"{path} is not a complete checkpoint ({error}). Delete it to resume from the one "
            "before it, or to start again if it is the only one"
        ) from error
    variables = _variables(model)
    difference = _difference(model, meta, variables, arrays)
    if difference:
        raise ValueError(
            f"{path} belongs to another run: {difference}. Use another folder for this run, or "
            "delete the old one"
        )
    for key, variable in variables.items():
        variable.assign(arrays[key])
    if hasattr(model, "restored"):
        model.restored()
    model.seconds = float(meta["seconds"])
    return meta["epoch"]


def _facts(arrays: dict[str, np.ndarray], path: Path) -> dict[str, Any]:
    """Take the facts about the run out of the arrays of a file."""
    if _META not in arrays:
        raise ValueError("it has no facts about its run")
    try:
        meta = {"seconds": 0} | parse_json(str(arrays.pop(_META)))
    except (ValueError, TypeError) as error:
        raise ValueError(f"the facts about its run are damaged: {error}") from error
    epoch, seconds = meta.get("epoch"), meta["seconds"]
    if isinstance(seconds, bool) or not isinstance(seconds, int | float) or not 0 <= seconds < 1e18:
        raise ValueError(f"its training time is {seconds!r} seconds")
    # A file with a later name would be taken for the newest one, and the newest one be deleted.
    if type(epoch) is not int or path.name != path_of(path.parent, epoch).name:
        raise ValueError(f"it was written after {epoch!r} epochs, but its name differs")
    return meta


def _require_finite(arrays: dict[str, np.ndarray], path: Path) -> None:
    for key, array in arrays.items():
        if array.dtype.kind == "f" and not np.isfinite(array).all():
            raise FloatingPointError(
                f"{path} is not written, because {key} has NaN or infinity in it; the checkpoint "
                "before it stays. Lower the learning rates, then start again: the run resumes from "
                "there. TerminateOnNaN shows at which step it happens."
            )


def _variables(model: keras.Model) -> dict[str, keras.Variable]:
    """Key every variable by owner and position, since layer names differ between processes."""
    players = ("d_optimizer", "g_optimizer") if hasattr(model, "d_optimizer") else ("optimizer",)
    groups = {"model": model.variables}
    groups |= {name: getattr(model, name).variables for name in players}
    return {
        f"{group}-{index:04d}": variable
        for group, variables in groups.items()
        for index, variable in enumerate(variables)
    }


def _difference(model: keras.Model, meta: dict, variables: dict, arrays: dict) -> str:
    """Return how a checkpoint differs from the model, for a message; empty if it matches."""
    if meta.get("format") != _FORMAT:
        return f"it has format {meta.get('format')!r}, this version reads {_FORMAT}"
    if meta.get("seed") != model.seed:
        return f"it has seed {meta.get('seed')!r}, this run {model.seed}"
    if set(arrays) != set(variables):
        name = min(set(arrays) ^ set(variables))
        return f"it has {len(arrays)} variables, this run {len(variables)}; first difference {name}"
    for key, variable in variables.items():
        found, expected = arrays[key], tuple(variable.shape)
        if found.shape != expected or not np.can_cast(found.dtype, variable.dtype, "same_kind"):
            kinds = f"{found.dtype} {found.shape} in it, {variable.dtype} {expected} in this run"
            return f"{key} has type and shape {kinds}"
    return ""
