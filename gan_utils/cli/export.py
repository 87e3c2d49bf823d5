"""Write a trained generator for other programs.

NAME is a trained generator of the book or a .keras file, such as a lesson saves. OUTPUT decides the
format: a file that ends in .onnx (onnxruntime, in Python, in web pages, on phones), one that ends
in .keras, or a name without an ending: the folder of a TensorFlow SavedModel. The written network
is run on a few random inputs, and the largest difference from Keras is printed.
"""

import argparse
import sys
from pathlib import Path

from gan_utils import weights
from gan_utils.cli import options as shared
from gan_utils.process import import_tensorflow

EXAMPLES = """examples:
  gan-utils export cgan cgan.onnx
  gan-utils export generator.keras generator.onnx
  gan-utils export cgan saved_model
"""


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare what the command takes."""
    parser.add_argument("name", metavar="NAME", help="the generator: a name or a .keras file")
    parser.add_argument("output", metavar="OUTPUT", help="the file or folder to write")
    parser.add_argument(
        "--seed",
        type=shared.seed,
        default=0,
        help="seed of the inputs that are compared (default 0)",
    )


def run(options: argparse.Namespace) -> int:
    """Convert and compare the generator, and print what was written.

    Raises:
        ValueError: The generator or the output file cannot be used, or the outputs differ.
        OSError: The generator cannot be downloaded, or a file cannot be written.
    """
    from gan_utils import export

    path = Path(options.output)
    if path.suffix:
        shared.require_place(path, kinds=(export.ONNX, export.KERAS))
    weights.check_name(options.name)
    import_tensorflow()
    loaded = weights.load_generator(options.name)
    network = export.without_dropout(loaded)
    if network is not loaded:
        sys.stderr.write("note: dropout is left out, so that one input has one output.\n")
    try:
        difference = export.export(network, path, seed=options.seed)
    except ModuleNotFoundError as error:
        raise ValueError(str(error)) from error
    takes = ", ".join(f"{part.name} {tuple(part.shape)} {part.dtype}" for part in network.inputs)
    sys.stdout.write(
        f"{options.name} written: {path}\n"
        f"inputs: {takes}\n"
        f"largest difference from Keras: {difference:.1g}, over a few random inputs\n"
    )
    return 0
