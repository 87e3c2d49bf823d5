"""From images to features: names, resizing, and the loading of the published Inception graph."""

import hashlib
import http.server
import io
import tarfile
import threading

import keras
import numpy as np
import pytest
from PIL import Image
from stand_in_graph import stand_in

from gan_utils import lenet, metrics
from gan_utils.metrics import features as extractors
from gan_utils.metrics import inception

RNG = np.random.default_rng(0)
COLOR = RNG.integers(0, 256, (5, 40, 32, 3), dtype=np.uint8)


def test_lenet_extractor():
    images = RNG.integers(0, 256, (6, 28, 28, 1), dtype=np.uint8)
    features = extractors.lenet("fashion_mnist")(images)
    np.testing.assert_array_equal(features.vectors, lenet.features(images, "fashion_mnist"))
    np.testing.assert_array_equal(
        features.probabilities, lenet.probabilities(images, "fashion_mnist")
    )
    assert "fashion_mnist" in features.extractor
    assert f"{lenet.test_accuracy('fashion_mnist'):.2%}" in features.extractor
    line = str(metrics.measure(features, features, ["kid"])["kid"])
    assert features.extractor in line
    with pytest.raises(ValueError, match="cifar10"):
        extractors.lenet("cifar10")
    with pytest.raises(ValueError, match="40, 32, 3"):
        extractors.lenet("mnist")(COLOR)


def toy(batch_size=3):
    def look(images):
        flat = images.reshape(len(images), -1)[:, :4] / 255
        return flat, np.tile(np.eye(2)[:1], (len(images), 1))

    return metrics.Extractor("toy", "none", look, batch_size)


def test_any_function_can_be_an_extractor():
    features = toy()(COLOR)
    assert features.vectors.shape == (5, 4)
    assert features.probabilities.shape == (5, 2)
    assert (features.extractor, features.resizing) == ("toy", "none")
    blind = metrics.Extractor("blind", "none", lambda images: (images[:, 0, :4, 0] / 255, None))
    assert blind(COLOR).probabilities is None


def test_streamed_moments_equal_those_of_all_features():
    moments = toy().moments([COLOR[:1], COLOR[1:]])
    whole = toy()(COLOR).moments()
    assert (moments.count, moments.extractor, moments.resizing) == (5, "toy", "none")
    np.testing.assert_allclose(moments.mean, whole.mean, rtol=1e-12)
    np.testing.assert_allclose(moments.covariance, whole.covariance, rtol=1e-10)


def test_bad_pictures_are_refused():
    with pytest.raises(ValueError, match="shape"):
        toy()(COLOR[0])


def test_clean_resizing_is_pillows_in_float():
    resized = extractors.resize_clean(COLOR)
    assert resized.shape == (5, 299, 299, 3)
    assert resized.dtype == np.float32
    plane = Image.fromarray(COLOR[2, ..., 1].astype("float32"))
    expected = np.asarray(plane.resize((299, 299), Image.Resampling.BICUBIC)).clip(0, 255)
    np.testing.assert_array_equal(resized[2, ..., 1], expected)
    assert np.abs(resized - np.rint(resized)).max() > 0.1
    as_float = COLOR / np.float32(127.5) - np.float32(1)
    np.testing.assert_array_equal(extractors.resize_clean(as_float), resized)


def test_clean_resizing_averages_what_it_shrinks():
    """A fine checkerboard turns gray; without antialiasing it would stay black and white."""
    board = (np.indices((1196, 1196)).sum(0) % 2 * 255).astype(np.uint8)
    resized = extractors.resize_clean(board[np.newaxis, ..., np.newaxis])
    assert resized.shape == (1, 299, 299, 3)
    assert np.abs(resized - 127.5).max() < 10


def test_inception_without_a_network_is_explained(monkeypatch):
    def fail(**_):
        raise Exception("URL fetch failure")  # as Keras raises it

    monkeypatch.setattr(keras.applications, "InceptionV3", fail)
    with pytest.raises(OSError, match=r"cannot be downloaded.*--extractor-file"):
        extractors.keras_inception()


def test_keras_inception():
    extractor = extractors.keras_inception(weights=None)
    features = extractor(COLOR[:2])
    assert features.vectors.shape == (2, 2048)
    np.testing.assert_allclose(features.probabilities.sum(axis=1), 1, rtol=1e-4)
    assert features.probabilities.shape == (2, 1000)
    assert "not comparable" in features.extractor
    assert features.resizing == extractors.CLEAN


@pytest.fixture(scope="module")
def graph_bytes():
    return stand_in()


@pytest.fixture
def graph_file(graph_bytes, tmp_path):
    path = tmp_path / inception.GRAPH
    path.write_bytes(graph_bytes[0])
    return path


def test_graph_features_and_probabilities(graph_file, graph_bytes):
    """Check the numbers against the same network written in NumPy."""
    _, kernel, weights = graph_bytes
    features = extractors.inception_2015(graph_file)(COLOR)
    scaled = (extractors.resize_clean(COLOR).astype("float64") - 128) / 128
    blocks = scaled[:, :296, :296].reshape(5, 8, 37, 8, 37, 3).mean(axis=(2, 4))
    expected = np.maximum(blocks @ kernel[0, 0], 0).mean(axis=(1, 2))
    np.testing.assert_allclose(features.vectors, expected, atol=1e-4)
    exponentials = np.exp(expected @ weights)
    np.testing.assert_allclose(
        features.probabilities, exponentials / exponentials.sum(1, keepdims=True), rtol=1e-3
    )


def test_legacy_resizing_is_the_graphs_own(graph_file):
    import tensorflow as tf

    extractor = extractors.inception_2015(graph_file, resizing="legacy")
    assert extractor.resizing == extractors.LEGACY
    legacy = extractor(COLOR).vectors
    resized = tf.compat.v1.image.resize_bilinear(COLOR.astype("float32"), (299, 299)).numpy()
    direct, _ = inception.load(graph_file)(resized)
    np.testing.assert_allclose(legacy, direct, atol=1e-4)
    assert np.abs(legacy - extractors.inception_2015(graph_file)(COLOR).vectors).max() > 1e-3


def test_scores_name_the_graph_and_never_mix_resizings(graph_file, graph_bytes):
    digest = hashlib.sha256(graph_bytes[0]).hexdigest()
    clean = extractors.inception_2015(graph_file, sha256=digest.upper())(COLOR)
    assert digest[:8] in clean.extractor
    legacy = extractors.inception_2015(graph_file, resizing="legacy")(COLOR)
    with pytest.raises(ValueError, match="resizing"):
        metrics.measure(clean, legacy, ["fid"])


def test_gray_pictures_get_three_channels(graph_file):
    gray = COLOR[..., :1]
    extractor = extractors.inception_2015(graph_file)
    np.testing.assert_array_equal(
        extractor(gray).vectors, extractor(np.repeat(gray, 3, axis=-1)).vectors
    )


def test_checksum_is_kept_and_checked(graph_file, graph_bytes):
    digest = inception.verify(graph_file)
    assert digest == hashlib.sha256(graph_bytes[0]).hexdigest()
    assert (graph_file.parent / f"{graph_file.name}.sha256").read_text().strip() == digest
    with pytest.raises(ValueError, match=f"{digest}, not 00"):
        inception.verify(graph_file, "00")
    graph_file.write_bytes(graph_bytes[0] + b"\0")
    with pytest.raises(ValueError, match=r"classify_image_graph_def\.pb"):
        inception.verify(graph_file)


def test_foreign_graphs_are_refused(tmp_path, graph_file):
    graph_file.write_bytes(b"no graph at all")
    with pytest.raises(ValueError, match="not a frozen graph"):
        inception.load(graph_file)
    graph_file.write_bytes(b"")
    with pytest.raises(ValueError, match="not the Inception graph"):
        inception.load(graph_file)
    graph_file.write_bytes(stand_in(num_features=16)[0])
    with pytest.raises(ValueError, match=r"16.*2048"):
        inception.load(graph_file)
    with pytest.raises(FileNotFoundError, match="absent"):
        extractors.inception_2015(tmp_path / "absent.pb")
    with pytest.raises(ValueError, match="clean, legacy"):
        extractors.inception_2015(graph_file, resizing="nearest")


@pytest.fixture
def cache(tmp_path, monkeypatch):
    monkeypatch.setenv("KERAS_HOME", str(tmp_path))
    for name in ("HTTP_PROXY", "http_proxy"):
        monkeypatch.delenv(name, raising=False)
    return tmp_path


@pytest.fixture
def serve():
    """Answer every request on this machine with the given bytes."""
    servers = []

    def start(content, status=200):
        class Handler(http.server.BaseHTTPRequestHandler):
            def do_GET(self):
                self.send_response(status)
                self.send_header("Content-Length", str(len(content)))
                self.end_headers()
                self.wfile.write(content)

            def log_message(self, *arguments):
                pass

        server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        threading.Thread(target=server.serve_forever, daemon=True).start()
        servers.append(server)
        return f"http://127.0.0.1:{server.server_address[1]}/inception-2015-12-05.tgz"

    yield start
    for server in servers:
        server.shutdown()
        server.server_close()


def archive(name, content):
    buffer = io.BytesIO()
    with tarfile.open(fileobj=buffer, mode="w:gz") as members:
        member = tarfile.TarInfo(name)
        member.size = len(content)
        members.addfile(member, io.BytesIO(content))
    return buffer.getvalue()


def test_download_once(serve, cache):
    url = serve(archive(inception.GRAPH, b"the graph"))
    file = inception.locate(url=url)
    assert file.read_bytes() == b"the graph"
    assert file.is_relative_to(cache)
    assert [other.name for other in file.parent.iterdir()] == [file.name]
    assert inception.locate(url="http://127.0.0.1:1/nowhere") == file


@pytest.mark.parametrize(
    ("content", "status", "message"),
    [
        (archive("another.pb", b"other"), 200, "holds no classify_image"),
        (archive(inception.GRAPH, bytes(9999))[:60], 200, "holds no classify_image"),
        (b"<html>", 200, "holds no classify_image"),
        (b"gone", 404, "cannot be downloaded"),
    ],
    # Not the bytes: an archive holds the time, and each worker would collect a test of its own.
    ids=["another graph", "cut off", "a page", "gone"],
)
def test_a_bad_download_leaves_nothing(serve, cache, content, status, message):
    with pytest.raises(OSError, match=message):
        inception.locate(url=serve(content, status))
    assert not [file for file in cache.rglob("*") if file.is_file()]
