"""The frozen Inception graph of 2015-12-05: found or downloaded, verified, and run.

We know of no published checksum of the archive. So the SHA-256 of the graph is written next to it
at its first use and compared at every later one, callers may pass one that they know, and the names
and shapes of the tensors that the scores read are checked.
"""

import os
import tarfile
from collections.abc import Callable
from pathlib import Path

import numpy as np

from gan_utils.download import DownloadError, cache_folder, fetch
from gan_utils.io import file_sha256, whole_file

URL = (
    "https://storage.googleapis.com/download.tensorflow.org/models/image/imagenet/"
    "inception-2015-12-05.tgz"
)
GRAPH = "classify_image_graph_def.pb"
INPUT, POOL, LOGITS = "ExpandDims:0", "pool_3:0", "softmax/logits/MatMul"
NUM_FEATURES, NUM_CLASSES = 2048, 1008
_HELP = "give the path of a good copy, or delete it to download it again"


def locate(path: str | os.PathLike | None = None, url: str = URL) -> Path:
    """Return the graph file, downloaded once where no path is given.

    Args:
        path: An existing graph file.
        url: Address of the archive that holds it.

    Returns:
        Its path; a downloaded one is `models/inception-2015-12-05/` under `KERAS_HOME`.

    Raises:
        OSError: No such file, no connection, no place to write, or an archive without the graph.
    """
    if path is not None:
        file = Path(path).expanduser()
        if not file.is_file():
            raise FileNotFoundError(f"{file} does not exist; it should be {GRAPH}.")
        return file
    file = cache_folder().parent / "models" / "inception-2015-12-05" / GRAPH
    if not file.exists():
        _download(url, file)
    return file


def verify(file: Path, sha256: str | None = None) -> str:
    """Compare the file with its checksum.

    Args:
        file: The graph.
        sha256: The expected SHA-256; by default that in `<file>.sha256`, which is written if it
            does not exist.

    Returns:
        The SHA-256 in hexadecimal digits.

    Raises:
        ValueError: The file has another SHA-256.
    """
    digest = file_sha256(file)
    note = file.with_name(file.name + ".sha256")
    if sha256 is None and note.exists():
        sha256 = note.read_text("ascii", errors="replace").strip()
    if sha256 is not None and digest != sha256.lower():
        raise ValueError(f"{file} has the SHA-256 {digest}, not {sha256}; {_HELP}.")
    if not note.exists() and os.access(note.parent, os.W_OK):
        with whole_file(note) as temporary:
            temporary.write_text(digest + "\n", "ascii")
    return digest


def load(file: Path) -> Callable[[np.ndarray], tuple[np.ndarray, np.ndarray]]:
    """Build the network.

    Args:
        file: The graph.

    Returns:
        A function from `(n, height, width, 3)` float32 in [0, 255] to `(n, 2048)` float32 features
        and `(n, 1008)` float64 probabilities; the graph itself resizes (without antialiasing) what
        is not 299x299. The probabilities leave out the bias, as the Inception Score always did.

    Raises:
        ValueError: The file is not a frozen graph, or not that of Inception.
    """
    import tensorflow as tf
    from google.protobuf.message import DecodeError

    definition = tf.compat.v1.GraphDef()
    try:
        definition.ParseFromString(file.read_bytes())
    except DecodeError as error:
        raise ValueError(f"{file} is not a frozen graph; {_HELP}.") from error

    def run(images: tf.Tensor) -> tuple[tf.Tensor, tf.Tensor]:
        # A reshape after pool_3 has a fixed batch size of 1, so class logits are computed here.
        pool, product = tf.graph_util.import_graph_def(
            definition, input_map={INPUT: images}, return_elements=[POOL, LOGITS], name=""
        )
        _check_shapes(pool, product.inputs[1])
        vectors = tf.reshape(pool, (-1, NUM_FEATURES))
        return vectors, tf.nn.softmax(tf.matmul(vectors, product.inputs[1]))

    specification = tf.TensorSpec((None, None, None, 3), tf.float32)
    try:
        wrapped = tf.compat.v1.wrap_function(run, [specification])
    except (ValueError, KeyError) as error:
        raise ValueError(f"{file} is not the Inception graph ({error}); {_HELP}.") from error

    def forward(images: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        vectors, chances = (part.numpy() for part in wrapped(tf.constant(images, tf.float32)))
        chances = chances.astype(np.float64)
        return vectors, chances / chances.sum(axis=1, keepdims=True)

    return forward


def _check_shapes(pool: object, weights: object) -> None:
    shapes = pool.shape, weights.shape
    wanted = (None, 1, 1, NUM_FEATURES), (NUM_FEATURES, NUM_CLASSES)
    if not all(
        found.is_compatible_with(shape) for found, shape in zip(shapes, wanted, strict=True)
    ):
        raise ValueError(f"pool_3 and the class weights have shapes {shapes}, not {wanted}")


def _download(url: str, file: Path) -> None:
    """Download the archive, extract the graph, and give the file its name once it is complete."""
    archive = file.with_name("inception-2015-12-05.tgz")
    try:
        fetch(url, archive)
    except DownloadError as error:
        raise DownloadError(
            f"{url} cannot be downloaded ({error}); give the path of {GRAPH}."
        ) from error
    try:
        with tarfile.open(archive) as members:
            content = members.extractfile(GRAPH).read()
    except Exception as error:  # a damaged archive can raise nearly anything
        raise DownloadError(f"What {url} sent holds no {GRAPH} ({error}).") from error
    finally:
        archive.unlink(missing_ok=True)
    with whole_file(file) as temporary:
        temporary.write_bytes(content)
