"""The command `gan-utils`: one subcommand for each module in `NAMES`.

A command's module has a docstring (its help), `add_arguments(parser)` and `run(options)`, which
returns the exit status; `ValueError` and `OSError` end the program with their message. It imports
TensorFlow only when it runs.

Exit status: 0 done, 1 the input cannot be used (a message on stderr says what to do), 2 wrong
arguments, 130 stopped with Ctrl-C.
"""

import argparse
import importlib
import os
import sys
from collections.abc import Sequence
from types import ModuleType

import gan_utils

NAMES = ("generate", "translate", "score", "pairs", "export")
PROGRAM = "gan-utils"
UNUSABLE = 1
STOPPED = 130


def build_parser() -> argparse.ArgumentParser:
    """Return the parser with every subcommand."""
    parser = argparse.ArgumentParser(
        prog=PROGRAM, description="Tools of the GAN Workbook for the command line."
    )
    parser.add_argument("--version", action="version", version=f"%(prog)s {gan_utils.__version__}")
    subparsers = parser.add_subparsers(title="commands", metavar="COMMAND", required=True)
    for name in NAMES:
        module = _module(name)
        summary, description = _split_docstring(module)
        subparser = subparsers.add_parser(
            name,
            help=summary,
            description=description,
            epilog=getattr(module, "EXAMPLES", None),
            formatter_class=argparse.RawDescriptionHelpFormatter,
        )
        module.add_arguments(subparser)
        subparser.set_defaults(run=module.run, command=name, parser=subparser)
    return parser


def main(arguments: Sequence[str] | None = None) -> int:
    """Run one command.

    Args:
        arguments: What follows `gan-utils`; by default those of this process.

    Returns:
        The exit status.

    Raises:
        SystemExit: Wrong arguments (status 2), `--help` or `--version` (status 0).
    """
    options = build_parser().parse_args(arguments)
    if hasattr(sys.stdout, "reconfigure"):  # printing an undecodable file name must not fail
        sys.stdout.reconfigure(errors="backslashreplace")
    try:
        status = options.run(options)
        sys.stdout.flush()
    except BrokenPipeError:  # the reader, `head` for instance, has seen enough
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return 0
    except (ValueError, OSError) as error:
        sys.stderr.write(f"{PROGRAM} {options.command}: {error}\n")
        return UNUSABLE
    except KeyboardInterrupt:
        sys.stderr.write(f"\n{PROGRAM} {options.command}: stopped\n")
        return STOPPED
    return status


def _module(name: str) -> ModuleType:
    return importlib.import_module(f"{__name__}.{name}")


def _split_docstring(module: ModuleType) -> tuple[str, str]:
    """Return the first line, in lower case at its start, and the whole text."""
    description = (module.__doc__ or "").strip()
    summary = description.split("\n", 1)[0].rstrip(".")
    return summary[:1].lower() + summary[1:], description
