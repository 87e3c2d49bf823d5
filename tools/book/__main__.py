"""Build, train, pack and print the book: `python -m tools.book build`."""

from __future__ import annotations

import argparse
import importlib
import sys

COMMANDS = {
    "build": "build",
    "check": "check",
    "train": "train",
    "pack": "pack",
    "sync": "sync",
    "single": "single_page",
}


def main(arguments: list[str] | None = None) -> int:
    """Run one command with the arguments that follow its name; return the exit status."""
    parser = argparse.ArgumentParser(prog="python -m tools.book", description=__doc__)
    parser.add_argument("command", choices=COMMANDS)
    parser.add_argument("arguments", nargs=argparse.REMAINDER)
    options = parser.parse_args(arguments)
    # Each command imports what it needs alone: TensorFlow takes seconds.
    module = importlib.import_module(f".{COMMANDS[options.command]}", __package__)
    return module.main(options.arguments)


if __name__ == "__main__":
    sys.exit(main())
