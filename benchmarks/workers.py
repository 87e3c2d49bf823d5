"""Timing of steps in processes of their own, which take turns.

Two libraries or precisions in one process would share its memory and its threads. As the processes
take turns, other load on the machine slows all of them alike.
"""

import json
import os
import statistics
import subprocess
import sys
import time
from collections.abc import Callable, Mapping, Sequence

from gan_utils import records

TURN_SECONDS = 1.5
WARM_UP = 4


def serve(step: Callable[[], None]) -> None:
    """Time some steps for each line of standard input, and print the time of one as JSON.

    Args:
        step: Takes one step and waits for its end.
    """
    for _ in range(WARM_UP):  # the first ones trace and compile
        start = time.perf_counter()
        step()
    count = max(1, round(TURN_SECONDS / (time.perf_counter() - start)))
    print(json.dumps({"ready": count}), flush=True)
    for _ in sys.stdin:
        start, used = time.perf_counter(), time.process_time()
        for _ in range(count):
            step()
        wall, processor = time.perf_counter() - start, time.process_time() - used
        found = {"ms": 1000 * wall / count, "processor_ms": 1000 * processor / count}
        print(json.dumps(found), flush=True)


def clock() -> str:
    """Return which time of a step to compare: on one core processor time, else elapsed time."""
    return "processor_ms" if records.hardware()["cores"] == 1 else "ms"


class Worker:
    """A script that runs `serve` in a process of its own."""

    def __init__(self, script: str, arguments: Sequence[str], **environment: str) -> None:
        """Start the process; it is ready after its first turn."""
        self.process = subprocess.Popen(
            [sys.executable, script, *arguments],
            env={**os.environ, "TF_CPP_MIN_LOG_LEVEL": "3", **environment},
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
        )
        self.answer()

    def answer(self) -> dict[str, float]:
        """Wait for the next answer; raise RuntimeError if the process has ended."""
        for line in self.process.stdout:
            if line.startswith("{"):
                return json.loads(line)
        raise RuntimeError(f"{self.process.args} ended with {self.process.wait()}")

    def turn(self) -> dict[str, float]:
        """Let the process time some steps; return the milliseconds of one."""
        self.process.stdin.write("\n")
        self.process.stdin.flush()
        return self.answer()

    def stop(self) -> None:
        """End the process."""
        self.process.stdin.close()
        self.process.wait()


def in_turns(start: Mapping[str, Callable[[], Worker]], rounds: int) -> dict[str, dict]:
    """Let workers take turns; return the median milliseconds of each one's step.

    Args:
        start: Name -> function that starts the worker.
        rounds: Turns of each worker.

    Returns:
        By name, the elapsed time `ms` and the processor time `processor_ms`.
    """
    workers: dict[str, Worker] = {}
    try:
        for name, begin in start.items():
            workers[name] = begin()
        turns = [{name: worker.turn() for name, worker in workers.items()} for _ in range(rounds)]
    finally:
        for worker in workers.values():
            worker.stop()
    return {
        name: {
            clock: statistics.median(turn[name][clock] for turn in turns)
            for clock in ("ms", "processor_ms")
        }
        for name in workers
    }
