"""A fresh Python process: what a saved file is worth shows where nothing of the session is left."""

import subprocess
import sys


def run_elsewhere(script: str) -> str:
    """Run a script in a new process of this Python, which knows nothing of the caller's names.

    Args:
        script: Python source; its working folder and environment are the caller's.

    Returns:
        What it printed, without the white space around it.

    Raises:
        RuntimeError: The script failed; the message is what it wrote to standard error.
    """
    answer = subprocess.run(
        [sys.executable, "-c", script], check=False, capture_output=True, text=True
    )
    if answer.returncode:
        raise RuntimeError(answer.stderr)
    return answer.stdout.strip()
