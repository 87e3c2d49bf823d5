"""Run records: the metrics of a lesson's run, with its settings, versions, hardware and date.

``GAN_RECORD=folder`` makes `record` save the run in ``folder/<lesson>.json``; `recorded` reads the
book's own runs, so that a page made by a short run can show the full one next to it.
``GAN_RUNS=folder`` (a mounted drive, say) is where runs write checkpoints and images.
"""

import importlib.metadata
import json
import math
import os
import platform
import re
import subprocess
import sys
from datetime import datetime, timezone
from pathlib import Path
from typing import Any

import numpy as np

from gan_utils import profile as profiles
from gan_utils.data import ImageSet, image_limit
from gan_utils.io import parse_json, whole_file

_PACKAGE = Path(__file__).resolve().parent
_CHECKOUT = _PACKAGE.parent
_LIBRARIES = ("tensorflow", "keras", "numpy", "gan-utils")
_CPU_INFO = Path("/proc/cpuinfo")  # on Linux
_BFLOAT16_UNITS = ("amx_bf16", "avx512_bf16")
_LESSON_NAME = re.compile(r"([0-9]{2}_)?[a-z][a-z0-9_]*")


def record(
    lesson: str,
    metrics: dict[str, Any],
    *,
    seconds: float | None = None,
    data: ImageSet | str | None = None,
    seed: int | None = None,
    **facts: Any,
) -> dict[str, Any]:
    """Describe this run, and save the description when ``GAN_RECORD`` names a folder.

    Args:
        lesson: Name of the lesson, such as "02_dcgan", or of another run, such as "lenet".
        metrics: Name -> number (or list, dictionary or array of numbers), all finite.
        seconds: How long the training took.
        data: The data that it was trained on.
        seed: Seed of the run.
        **facts: Anything else that JSON can hold, such as sample size or extractor.

    Returns:
        The facts, with lesson, profile, recipe, precision, versions, hardware, date (UTC), commit
        when in a checkout, and metrics. In the folder, it replaces the run of the same lesson,
        profile and recipe; of several processes only the chief writes.

    Raises:
        ValueError: An invalid lesson name, a fact named like one that is filled in, a value that
            JSON cannot hold (such as NaN or infinity), or a file in the folder that is not a record
            (it is left as it is).
        OSError: The record cannot be written.
    """
    _check_lesson(lesson)
    run = _circumstances(lesson)
    for name in facts:
        if name in run or name == "commit":
            raise ValueError(f"record: {name!r} is filled in already; give the fact another name.")
    if data is not None and not isinstance(data, str):
        data = {"name": data.name, "split": data.split, "source": data.source, "count": len(data)}
    run |= {"seconds": seconds, "data": data, "seed": seed, **facts, "metrics": metrics}
    run = _plain(run, lesson)
    folder = record_folder()
    if folder:
        from gan_utils.distribution import is_chief  # imports TensorFlow

        if is_chief():
            _merge(folder / f"{lesson}.json", run)
    return run


def record_folder() -> Path | None:
    """Return the folder that ``GAN_RECORD`` names, where `record` keeps runs, or None."""
    folder = os.environ.get("GAN_RECORD", "").strip()
    return Path(folder).expanduser() if folder else None


def recorded(lesson: str, profile: str = "full") -> dict[str, Any] | None:
    """Return the recorded run of a lesson, from the checkout or from the installed package.

    Args:
        lesson: Name of the lesson, such as "02_dcgan".
        profile: Profile of the run, such as "full", or "full-tutorial" for the run with the recipe
            of the tutorial.

    Returns:
        What `record` returned in that run, or None when there is no such run.

    Raises:
        ValueError: An invalid lesson name, an unknown profile, or a file that is not a record.
    """
    _check_lesson(lesson)
    if profile.removesuffix("-tutorial") not in profiles.NAMES:
        raise ValueError(
            f"profile {profile!r} is unknown; choose from {', '.join(profiles.NAMES)}."
        )
    for folder in (_CHECKOUT / "book" / "results", _PACKAGE / "recorded"):
        path = folder / f"{lesson}.json"
        if path.exists():
            return _read(path)["runs"].get(profile)
    return None


def measured(lesson: str, *keys: str) -> Any:
    """Return a value from the recorded full run for the profile ``quick``, else None.

    ``quick`` does not repeat side experiments; ``smoke`` and ``full`` run them.

    Args:
        lesson: Name of the lesson, such as "04_cgan".
        *keys: Path to the value in the record's metrics, outermost key first.

    Returns:
        The recorded value; None if the experiment is to be run here, because of the profile or
        because no recorded run has the value.
    """
    if profiles.name != "quick":
        return None
    found = (recorded(lesson, "full") or {}).get("metrics")
    for key in keys:
        if not isinstance(found, dict) or key not in found:
            return None
        found = found[key]
    return found


def origin(run: dict[str, Any]) -> str:
    """Return one line on where a record comes from: profile, data, seed, processor and date."""
    data = run.get("data")
    if isinstance(data, dict):
        data = f"{data['count']:,} images of {data['name']}"
    hardware = run["hardware"]
    parts = [
        f"recorded {run['profile']} run"
        + (", as in the tutorial" if run.get("recipe") == "tutorial" else ""),
        *([data] if data else []),
        *([f"seed {run['seed']}"] if run.get("seed") is not None else []),
        *([run["precision"]] if run.get("precision", "float32") != "float32" else []),
        f"{hardware['cores']} core(s) of {hardware['cpu']}",
        run["date"],
    ]
    return ", ".join(parts)


def run_folder(lesson: str, data: ImageSet | None = None) -> Path:
    """Return the folder of a run's checkpoints and images, in ``$GAN_RUNS`` (default ``runs``).

    Args:
        lesson: Name of the lesson, such as "02_dcgan".
        data: The data that it is trained on.

    Returns:
        The folder, made if need be. Each profile, recipe and precision has its own, and so has a
        run on the embedded sample, on a stand-in, or on the part that ``GAN_IMAGES`` allows: no run
        resumes one with other settings or data.

    Raises:
        ValueError: An invalid lesson name.
    """
    _check_lesson(lesson)
    kind = "" if data is None else _data_kind(data)
    home = Path(os.environ.get("GAN_RUNS", "").strip() or "runs").expanduser()
    folder = home / folder_name(lesson, profiles.run_name() + kind, _precision())
    folder.mkdir(parents=True, exist_ok=True)
    return folder


def folder_name(lesson: str, run: str, precision: str = "float32") -> str:
    """Return the name of a run's folder: the lesson, the run, and its precision if not float32."""
    return f"{lesson}-{run}" + ("" if precision == "float32" else f"-{precision}")


def _data_kind(data: ImageSet) -> str:
    limit = image_limit()
    kind = "-sample" if data.is_sample else "-stand-in" if data.is_stand_in else ""
    return kind if limit is None else f"{kind}-{limit}-images"


def versions() -> dict[str, str]:
    """Return the versions of Python, TensorFlow, Keras, NumPy and gan-utils, importing none."""
    found = {"python": platform.python_version()}
    for library in _LIBRARIES:
        try:
            found[library.replace("-", "_")] = importlib.metadata.version(library)
        except importlib.metadata.PackageNotFoundError:
            continue
    return found


def environment() -> str:
    """Return two lines: the versions of TensorFlow, Keras and gan_utils, then the list of GPUs."""
    import keras
    import tensorflow as tf

    from gan_utils import __version__

    gpus = [gpu.name for gpu in tf.config.list_physical_devices("GPU")]
    libraries = f"TensorFlow {tf.__version__}, Keras {keras.__version__}, gan_utils {__version__}"
    return f"{libraries}\nGPU: {gpus or 'none'}"


def hardware() -> dict[str, Any]:
    """Return facts about the machine: CPU, its bfloat16 units, usable cores, memory (GB), GPUs."""
    usable = getattr(os, "sched_getaffinity", None)
    facts: dict[str, Any] = {
        "cpu": _cpu_model(),
        "bfloat16": bfloat16_units(),
        "cores": len(usable(0)) if usable else os.cpu_count(),
        "gpus": _gpu_names(),
    }
    if "SC_PHYS_PAGES" in getattr(os, "sysconf_names", {}):
        pages, size = os.sysconf("SC_PHYS_PAGES"), os.sysconf("SC_PAGE_SIZE")
        facts["memory_gb"] = round(pages * size / 1e9, 1)
    return facts


def bfloat16_units() -> list[str]:
    """Return the processor's units for bfloat16 products, as Linux lists them; elsewhere none."""
    flags = _cpu_fact("flags").split()
    return [unit for unit in _BFLOAT16_UNITS if unit in flags]


def bfloat16_hint() -> str:
    """Return a line that recommends bfloat16 where the processor has units for it.

    It is empty where there are none, or where ``GAN_PRECISION`` is set.
    """
    units = bfloat16_units()
    if not units or os.environ.get("GAN_PRECISION", "").strip():
        return ""
    return (
        f"This processor has {units[0]}: convolutional networks train faster under "
        'keras.config.set_dtype_policy("mixed_bfloat16"), in the lessons of the book '
        "GAN_PRECISION=mixed_bfloat16 (GAN_PRECISION=float32 hides this line)."
    )


def _cpu_model() -> str:
    return _cpu_fact("model name") or platform.processor() or platform.machine()


def _cpu_fact(name: str) -> str:
    """Return a fact about the first processor in Linux' list; empty where there is none."""
    lines = _CPU_INFO.read_text(encoding="utf-8").splitlines() if _CPU_INFO.exists() else []
    found = [line.split(":", 1)[1].strip() for line in lines if line.split(":")[0].strip() == name]
    return found[0] if found else ""


def _gpu_names() -> list[str]:
    tensorflow = sys.modules.get("tensorflow")
    if tensorflow is None:  # a run without TensorFlow has used no GPU
        return []
    devices = tensorflow.config.list_physical_devices("GPU")
    details = [tensorflow.config.experimental.get_device_details(device) for device in devices]
    return [detail.get("device_name", "unknown GPU") for detail in details]


def _commit() -> str | None:
    """Return the commit of the checkout, "-dirty" when files differ from it; None outside."""
    if not (_CHECKOUT / ".git").exists():
        return None
    command = ["git", "-C", str(_CHECKOUT), "describe", "--always", "--dirty", "--exclude=*"]
    try:
        result = subprocess.run(command, capture_output=True, text=True, timeout=10, check=True)
    except (OSError, subprocess.SubprocessError):
        return None
    return result.stdout.strip()


def _precision() -> str:
    """Return Keras' global dtype policy, or without Keras the precision of the profile."""
    keras = sys.modules.get("keras")
    return keras.config.dtype_policy().name if keras else profiles.precision


def summary(run: dict[str, Any] | None, row: str) -> str:
    """Return the cost and the scores of a recorded run, in a few lines for a page.

    Args:
        run: What `recorded` returned.
        row: Name of a row of its comparison, made by `evaluation.row`.

    Returns:
        Three lines: where the record comes from, the training, and the scores; one line if there is
        no such run, two if it has no such row.
    """
    found = ((run or {}).get("comparison") or {}).get(row)
    if run is None:
        return "no recorded full run yet"
    if found is None:
        return f"{origin(run)}\n  recorded without these scores"
    cost = [f"{found['steps']:,} updates"]
    if "images_seen" in found:
        passes = found["images_seen"] / run["data"]["count"]
        cost.append(f"{found['images_seen']:,} real images seen, {passes:.1f} passes over the data")
    cost.append(f"{found['seconds'] / 60:.0f} minutes")
    floor = run["metrics"].get("real_vs_real")
    scores = [f"Fréchet distance {found['distance']:.1f}"]
    scores[0] += "" if floor is None else f" (noise floor {floor:.2f})"
    scores += [f"precision {found['precision']:.2f}", f"recall {found['recall']:.2f}"]
    if found.get("agreement") is not None:
        scores.append(f"label accuracy {found['agreement']:.1%}")
    return f"{origin(run)}\n  {', '.join(cost)}\n  {', '.join(scores)}"


def _circumstances(lesson: str) -> dict[str, Any]:
    facts = {
        "lesson": lesson,
        "profile": profiles.name,
        "recipe": profiles.recipe,
        "precision": _precision(),
        "versions": versions(),
        "hardware": hardware(),
        "date": datetime.now(timezone.utc).date().isoformat(),
    }
    commit = _commit()
    return facts if commit is None else {**facts, "commit": commit}


def _check_lesson(lesson: str) -> None:
    if not _LESSON_NAME.fullmatch(lesson):
        raise ValueError(
            f"lesson {lesson!r} is not a lesson's name; write it like '02_dcgan' or 'lenet'."
        )


def _plain(value: Any, where: str) -> Any:
    """Return the same value in what JSON can hold; `where` names it in the message."""
    if isinstance(value, dict):
        return {str(key): _plain(item, f"{where}: {key}") for key, item in value.items()}
    if isinstance(value, (list, tuple)):
        return [_plain(item, where) for item in value]
    if hasattr(value, "numpy"):
        value = value.numpy()
    if isinstance(value, (np.generic, np.ndarray)):
        return _plain(value.tolist(), where)
    if isinstance(value, float) and not math.isfinite(value):
        raise ValueError(f"{where} is {value}; only finite numbers can be recorded.")
    if value is None or isinstance(value, (str, bool, int, float)):
        return value
    raise ValueError(f"{where} is a {type(value).__name__}, which a record cannot hold.")


def _read(path: Path) -> dict[str, Any]:
    try:
        content = parse_json(path.read_text(encoding="utf-8"))
    except ValueError as error:
        raise ValueError(f"{path} is not a run record ({error}); move it away.") from error
    runs = content.get("runs") if isinstance(content, dict) else None
    if not isinstance(runs, dict):
        raise ValueError(f"{path} is not a run record: it has no 'runs'; move it away.")
    return content


def _merge(path: Path, run: dict[str, Any]) -> None:
    with whole_file(path) as temporary:
        # Read while the file is locked, so that the run of another process is not lost.
        content = _read(path) if path.exists() else {"lesson": run["lesson"], "runs": {}}
        content["runs"][profiles.run_name()] = run
        text = json.dumps(content, indent=2, ensure_ascii=False, allow_nan=False)
        temporary.write_text(text + "\n", encoding="utf-8")
