"""Fresh processes that start with TensorFlow imported, which takes longer than their work."""

import multiprocessing
import os


def start(main, *arguments, log, **environment):
    """Start a function in a process of its own; return the process.

    The process is a copy of one that has imported TensorFlow and done nothing with it, so it knows
    nothing of what this process did.

    Args:
        main: a function at the top of a module.
        *arguments: what it gets.
        log: file for all that it prints; a full pipe would stop it.
        **environment: variables that are set before it begins.
    """
    context = multiprocessing.get_context("forkserver")
    context.set_forkserver_preload(["tensorflow", "keras"])
    process = context.Process(target=_run, args=(main, arguments, log, environment))
    process.start()
    return process


def _run(main, arguments, log, environment):
    os.environ.update(environment)
    with open(log, "w", encoding="utf-8") as file:
        for stream in (1, 2):
            os.dup2(file.fileno(), stream)
    main(*arguments)
