"""How the interactive parts are made, and what a book without them looks like."""

import base64
import os
import shutil
import subprocess
import sys
from io import BytesIO
from pathlib import Path

import nbformat
import numpy as np
import pytest
from lesson import load_lesson
from nbformat.v4 import new_code_cell, new_markdown_cell, new_notebook, new_output
from PIL import Image

from gan_utils import export, images, weights
from tools.book import (
    bundle,
    execute,
    export_denoiser,
    export_generator,
    export_inversion,
    export_translator,
    widgets,
)

ROOT = Path(__file__).resolve().parents[2]
BUILD = """
import sys
from pathlib import Path
from tools.book import execute, render, stage, widgets
project = execute.Project(Path(sys.argv[1]), Path(sys.argv[2]), "quick")
parts = widgets.prepare(project)
assert parts.files == {}
render.render(project, stage.stage(project, parts), parts)
"""
TOC = "format: jb-book\nroot: book/profiles-and-data\nchapters:\n- file: notebooks/01_gan\n"


@pytest.fixture
def project(tmp_path):
    """A book of one lesson that has a place for the game, and was executed."""
    (tmp_path / "_toc.yml").write_text(TOC)
    shutil.copy(ROOT / "_config.yml", tmp_path)
    (tmp_path / "notebooks").mkdir()
    for folder in ("_ext", "_static", "interactive"):
        shutil.copytree(ROOT / "book" / folder, tmp_path / "book" / folder)
    (tmp_path / "book" / "references.bib").write_text("")
    (tmp_path / "book" / "profiles-and-data.md").write_text("# Profiles and data\n")
    text = "# Title\n\nWords.\n\n<!-- interactive: ring -->\n\nMore words."
    kernel = {"name": "python3", "display_name": "Python 3", "language": "python"}
    cells = [new_markdown_cell(text), new_code_cell("show()")]
    notebook = new_notebook(cells=cells, metadata={"kernelspec": kernel})
    nbformat.write(notebook, tmp_path / "notebooks" / "01_gan.ipynb")
    project = execute.Project(tmp_path, tmp_path / "_build" / "quick", "quick")
    cells[1].execution_count = 1
    cells[1].outputs = [new_output("display_data", data={"image/gif": animation()})]
    path = tmp_path / "01_gan.ipynb"
    nbformat.write(notebook, path)
    execute.keep(project, path, execute.shared_inputs(project))
    return project


def animation():
    pictures = [Image.new("RGB", (20, 20), color) for color in ("red", "blue")]
    stream = BytesIO()
    pictures[0].save(stream, "GIF", save_all=True, append_images=pictures[1:])
    return base64.b64encode(stream.getvalue()).decode()


def test_book_builds_without_node(project):
    environment = {**os.environ, "PATH": "", "PYTHONPATH": str(ROOT)}
    # Sphinx builds in a process of its own: a second build in one process lacks the parsers.
    command = [sys.executable, "-c", BUILD, str(project.root), str(project.out)]
    done = subprocess.run(command, env=environment, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    assert "no interactive parts: Node.js was not found" in done.stdout
    page = (project.out / "html" / "notebooks" / "01_gan.html").read_text(encoding="utf-8")
    assert "is not part of this copy of the book" in page
    assert "More words" in page
    assert 'class="interactive"' not in page
    assert not (project.out / "html" / widgets.FOLDER).exists()


def test_failing_npm_is_said(project, monkeypatch, capsys):
    monkeypatch.setattr(shutil, "which", lambda name: "false")
    widgets.prepare(project)
    assert "no interactive parts: false failed" in capsys.readouterr().out


def test_game_takes_its_picture_from_the_lesson(project, monkeypatch):
    made = project.root / "_build" / "interactive"
    made.mkdir(parents=True)
    for files in widgets.RUNTIMES.values():
        for name in files:
            (made / name).write_text(name)
    monkeypatch.setattr(bundle, "bundle", lambda root: made)
    parts = widgets.prepare(project)
    with Image.open(parts.files["ring.png"]) as picture:
        red, _, blue = picture.convert("RGB").getpixel((5, 5))
    assert blue > red, "not the last picture of the animation"
    text = parts.place("Words.\n\n<!-- interactive: ring -->\n")
    assert "```{raw} html" in text
    assert "game.js?v=" in text
    assert "interactive: ring" not in text


def test_unknown_widget_is_an_error(project):
    path = project.root / "notebooks" / "01_gan.ipynb"
    path.write_text(path.read_text().replace("interactive: ring", "interactive: rings"))
    with pytest.raises(execute.LessonError, match="No interactive part 'rings'"):
        widgets.prepare(project)


def test_generator_to_come_shows_nothing(project, capsys):
    parts = widgets.Widgets()
    widgets.add_generator(project, parts, "never_trained")
    assert "no trained generator of that name yet" in capsys.readouterr().out
    assert parts.place("a\n<!-- interactive: never_trained -->\nb") == "a\n\nb"


def test_halved_network_computes_the_same():
    onnx = pytest.importorskip("onnx")
    from onnx import reference

    network, kernel = product(onnx)
    whole = network.ByteSize()
    export_generator.store_halves(network)
    assert network.ByteSize() < whole - kernel.nbytes / 2 + 200
    onnx.checker.check_model(network)
    row = np.random.default_rng(1).normal(size=(1, 40)).astype("float32")
    (found,) = reference.ReferenceEvaluator(network).run(None, {"row": row})
    assert found.dtype == np.float32
    np.testing.assert_allclose(found, row @ kernel, atol=1e-3 * np.abs(row).sum())


def test_network_that_is_too_large_is_refused(tmp_path, monkeypatch):
    pytest.importorskip("tf2onnx")
    monkeypatch.setattr(export_generator, "LARGEST_FILE", 1_000)
    with pytest.raises(ValueError, match="over 1000"):
        export_translator.export(small_translator(), 32, *[tmp_path / name for name in "abc"])
    assert not list(tmp_path.iterdir())


def test_translator_is_exported_without_its_dropout(tmp_path):
    pytest.importorskip("tf2onnx")
    import onnx
    from onnx import reference

    from gan_utils import pairs

    export_translator.export(
        small_translator(), 32, *(tmp_path / name for name in ("a.onnx", "b.png", "c.png"))
    )
    network = reference.ReferenceEvaluator(onnx.load(tmp_path / "a.onnx"))
    with Image.open(tmp_path / "c.png") as picture:
        begin = np.asarray(picture)
    assert set(map(tuple, begin.reshape(-1, 3))) <= set(map(tuple, pairs.CITY_PALETTE))
    values = begin[None].astype("float32") / 127.5 - 1
    first, second = (network.run(None, {network.input_names[0]: values})[0] for _ in range(2))
    np.testing.assert_array_equal(first, second)
    wanted = export_translator.translate(export.without_dropout(small_translator()), begin[None])
    np.testing.assert_allclose(first, wanted, atol=0.01)
    assert np.ptp(wanted) > 0.1


# ---- lesson 17's search for a latent vector ----------------------------------------------------


def test_searching_network_has_the_gradient_of_keras():
    pytest.importorskip("tf2onnx")
    network = small_generator()
    exported = export_inversion.to_onnx(network)
    for count in (1, 3):
        check_gradient(network, exported, count, 1e-4)


def test_gradient_of_the_file_for_the_page_is_that_of_keras(tmp_path):
    pytest.importorskip("tf2onnx")
    import onnx

    network = weights.load_generator(export_inversion.GENERATOR)
    files = [tmp_path / name for name in ("a.onnx", "b.png", "c.png")]
    export_inversion.export(network, *files)
    # Half precision, and each weight once, although the gradient needs the matrices transposed.
    assert files[0].stat().st_size < 2.1 * network.count_params()
    check_gradient(network, onnx.load(files[0]), 2, 5e-3)
    with Image.open(files[2]) as sheet:
        digits = np.asarray(sheet)
    assert digits.shape == (28, 280)
    assert (digits[:, ::28] == 255).all(), "no light paper"


def check_gradient(network, exported, count, tolerance):
    """Compare images, errors and gradients with those of a gradient tape."""
    import tensorflow as tf
    from onnx import reference

    rng = np.random.default_rng(count)
    latents = tf.Variable(rng.normal(size=(count, network.input_shape[1])).astype("float32"))
    goals = rng.uniform(-1, 1, (count, *network.output_shape[1:])).astype("float32")
    with tf.GradientTape() as tape:
        drawn = network(latents, training=False)
        prior = export_inversion.SEARCH["prior"] * tf.reduce_sum(latents**2)
        loss = tf.reduce_sum((drawn - goals) ** 2) + prior
    wanted = tape.gradient(loss, latents).numpy()
    found = reference.ReferenceEvaluator(exported).run(
        ["images", "errors", "gradient"], {"latents": latents.numpy(), "goals": goals}
    )
    np.testing.assert_allclose(found[0], drawn, atol=tolerance)
    errors = np.mean((drawn.numpy() - goals) ** 2, axis=(1, 2, 3))
    np.testing.assert_allclose(found[1], errors, rtol=tolerance)
    assert np.linalg.norm(found[2] - wanted) < tolerance * np.linalg.norm(wanted)


def small_generator():
    """A network with the layers of lesson 01's generator, its statistics not those of a start."""
    import keras
    from keras import layers

    keras.utils.set_random_seed(0)
    network = keras.Sequential(
        [
            layers.Input((10,)),
            layers.Dense(40),
            layers.LeakyReLU(negative_slope=0.2),
            layers.BatchNormalization(momentum=0.5),
            layers.Dense(28 * 28, activation="tanh"),
            layers.Reshape((28, 28, 1)),
        ]
    )
    network(3 * np.random.default_rng(0).normal(size=(50, 10)).astype("float32"), training=True)
    return network


def test_search_is_that_of_the_lesson(monkeypatch):
    monkeypatch.setenv("GAN_PROFILE", "full")
    lesson = load_lesson(export_inversion.LESSON)
    assert export_inversion.SEARCH == {
        "starts": lesson.STARTS,
        "steps": lesson.INVERSION_STEPS,
        "rate": lesson.INVERSION_RATE,
        "prior": lesson.PRIOR,
    }
    facts = export_inversion.facts({"inputs": {"latents": [100]}})
    digits = images.to_float(export_inversion.test_digits()[0])
    error = np.mean((digits - 0.5) ** 2) / facts["variance"]
    assert error == pytest.approx(lesson.missed(digits, 0.5).mean(), rel=1e-4)
    assert [name for name, _ in facts["yardsticks"]] == list(export_inversion.YARDSTICKS)


def small_translator():
    """A translator of few layers with the two that lesson 11's has."""
    import keras
    from keras import layers

    from gan_utils.layers import AlwaysBatchNormalization, AlwaysDropout

    keras.utils.set_random_seed(0)
    source = layers.Input((32, 32, 3))
    inner = layers.Conv2D(8, 4, strides=2, padding="same")(source)
    inner = AlwaysDropout(0.5)(AlwaysBatchNormalization()(inner))
    inner = layers.Concatenate()([inner, layers.ReLU()(inner)])
    last = layers.Conv2DTranspose(3, 4, strides=2, padding="same", activation="tanh")
    return keras.Model(source, last(inner), name="generator")


def product(onnx):
    """A network that multiplies a row by a matrix of 40 by 100 numbers."""
    kernel = np.random.default_rng(0).normal(size=(40, 100)).astype("float32")
    float32 = onnx.TensorProto.FLOAT
    graph = onnx.helper.make_graph(
        [onnx.helper.make_node("MatMul", ["row", "kernel"], ["out"])],
        "product",
        [onnx.helper.make_tensor_value_info("row", float32, [1, 40])],
        [onnx.helper.make_tensor_value_info("out", float32, [1, 100])],
        [onnx.numpy_helper.from_array(kernel, "kernel")],
    )
    return onnx.helper.make_model(graph), kernel


def errors_of(code):
    environment = {key: value for key, value in os.environ.items() if "TF_CPP" not in key}
    run = subprocess.run(
        [sys.executable, "-c", code],
        check=False,
        cwd=ROOT,
        env=environment,
        capture_output=True,
        text=True,
    )
    return run.stderr


def test_tensorflow_starts_without_words_of_its_own():
    after = "import sys; sys.stderr.write('said afterwards')"
    said = errors_of(f"from gan_utils import process; process.import_tensorflow(); {after}")
    assert said == "said afterwards"


def test_what_a_failing_start_says_is_shown():
    start = "import os\nfrom gan_utils import process\n"
    said = errors_of(f"{start}with process.held_back_errors():\n os.write(2, b'why')\n 1 / 0")
    assert said.startswith("why")
    assert "ZeroDivisionError" in said


# ---- lesson 20's denoiser -----------------------------------------------------------------------


def test_denoiser_for_the_page_is_that_of_keras(tmp_path):
    pytest.importorskip("tf2onnx")
    import onnx
    from onnx import reference

    network = weights.load_generator(export_denoiser.GENERATOR)
    files = tmp_path / "a.onnx", tmp_path / "b.png"
    export_denoiser.write(network, *files)
    assert files[0].stat().st_size < 2.1 * network.count_params()
    noisy = np.random.default_rng(0).normal(size=(2, 28, 28, 1)).astype("float32")
    steps = np.array([[1000], [350]], "int32")
    found = reference.ReferenceEvaluator(onnx.load(files[0])).run(
        None, {"noisy": noisy, "t": steps}
    )
    wanted = np.asarray(network([noisy, steps], training=False))
    assert np.abs(found[0] - wanted).max() < 0.02 * np.abs(wanted).max()
    with Image.open(files[1]) as sheet:
        assert np.ptp(np.asarray(sheet)) > 200


def test_sampler_of_the_cover_is_that_of_the_lesson():
    lesson = load_lesson(export_denoiser.LESSON)
    signal, noise = export_denoiser.factors()
    np.testing.assert_allclose(signal, lesson.SIGNAL, atol=1e-6)
    np.testing.assert_allclose(noise, lesson.NOISE, atol=1e-6)
    network = weights.load_generator(export_denoiser.GENERATOR)
    start = np.random.default_rng(0).normal(size=(2, 28, 28, 1)).astype("float32")
    *_, drawn = export_denoiser.denoise(network, start, 5)
    np.testing.assert_allclose(drawn, lesson.make_sampler(network)(start, 5), atol=1e-3)
