"""Which of the processes of a run on several machines this one is."""

import os

from gan_utils.files import parse_json


def is_chief() -> bool:
    """Whether this process writes the files of a run.

    Returns:
        True for a run in one process, and for one of the processes that `TF_CONFIG` lists: the
        chief, or worker 0 when there is no chief.

    Raises:
        ValueError: `TF_CONFIG` is set and does not say which process this is.
    """
    text = os.environ.get("TF_CONFIG", "").strip()
    if not text:
        return True
    try:
        config = parse_json(text)
        cluster, task = config.get("cluster", {}), config.get("task", {})
        kind, index = task.get("type"), int(task.get("index", 0))
    except (ValueError, AttributeError, TypeError) as error:
        raise ValueError(
            f"TF_CONFIG is {text!r}; give JSON such as "
            '{"cluster": {"worker": ["host:port", ...]}, "task": {"type": "worker", "index": 0}}, '
            "or unset it"
        ) from error
    if "chief" in cluster or "worker" not in cluster:
        return kind in (None, "chief", "master")
    return kind == "worker" and index == 0
