"""The subcommands of `gan-utils`, a module each.

A command's module has a docstring (its help), `add_arguments(parser)` and `run(options)`, which
returns the exit status; `ValueError` and `OSError` end the program with their sentence. It imports
TensorFlow only when it runs, and stands in `NAMES`.
"""

NAMES = ("generate", "score", "translate")
