"""Fuzz tests: damaged checkpoints, trained generators, manifests and command lines."""

import io
import json
import os
import sys
import zipfile

import keras
import numpy as np
import pytest
from fuzzing import harmless, inputs, mutated, places, plain_values, replaced, sentence
from hypothesis import assume, example, given
from hypothesis import strategies as st
from keras import layers
from killed_run import build_gan
from PIL import Image

from gan_utils import checkpoints, cli, download, model_file, weights
from gan_utils.layers import AlwaysDropout
from gan_utils.metrics import inception


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    return tmp_path_factory.mktemp("fuzz")


@st.composite
def changed(draw, value):
    """Draw a JSON value like `value`, with one part replaced, left out, or added."""
    path = draw(st.sampled_from(places(value)))
    part = value
    for key in path:
        part = part[key]
    if isinstance(part, dict) and part and draw(st.booleans()):
        kept = dict(part)
        name = draw(st.sampled_from(sorted(part)))
        if draw(st.booleans()):
            del kept[name]
        else:
            kept[draw(st.sampled_from(("module", "class_name", "extra")))] = draw(plain_values())
        return replaced(value, path, kept)
    return replaced(value, path, draw(plain_values()))


# ---- checkpoints -------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def gan():
    return build_gan()


@pytest.fixture(scope="module")
def checkpoint(folder, gan):
    return checkpoints.save(gan, folder / "checkpoints", 3).read_bytes()


def state(gan):
    return [np.array(variable) for variable in [*gan.variables, *gan.g_optimizer.variables]]


def check_checkpoint(folder, gan, content):
    path = checkpoints.path_of(folder / "checkpoints", 3)
    path.write_bytes(content)
    before, seconds = state(gan), gan.seconds
    with harmless(folder):
        try:
            assert checkpoints.load(gan, path) == 3
        except ValueError as error:
            text = sentence(error, path.name)
        else:
            return
    assert "elete" in text
    assert gan.seconds == seconds
    for one, other in zip(state(gan), before, strict=True):
        np.testing.assert_array_equal(one, other)
    assert path.read_bytes() == content


@given(data=st.data())
@inputs()
def test_damaged_checkpoints(folder, gan, checkpoint, data):
    check_checkpoint(folder, gan, data.draw(mutated([checkpoint, b""])))


def with_facts(folder, content, facts):
    """Write other facts about the run into a checkpoint."""
    path = folder / "other.npz"
    path.write_bytes(content)
    with np.load(path) as archive:
        stored = dict(archive)
    np.savez(path, **stored | {"meta": np.array(facts)})
    return path.read_bytes()


FACTS = {"format": 1, "epoch": 3, "seed": 5, "seconds": 1.5}


@given(facts=changed(FACTS).map(json.dumps) | st.text(max_size=20))
@example(facts=json.dumps(FACTS | {"seconds": "long"}))
@example(facts=json.dumps(FACTS | {"epoch": True}))
@example(facts='{"format": 1, "epoch": 3, "seed": 5, "seconds": NaN}')
@example(facts="[" * 100_000)
@inputs()
def test_checkpoints_with_strange_facts(folder, gan, checkpoint, facts):
    assume("\0" not in facts)  # NumPy ends a text there
    check_checkpoint(folder, gan, with_facts(folder, checkpoint, facts))


# ---- trained generators ------------------------------------------------------------------------


def small():
    keras.utils.set_random_seed(1)
    latents, labels = layers.Input((3,)), layers.Input((1,), dtype="int32")
    rows = layers.Flatten()(layers.Embedding(4, 3)(labels))
    pixels = layers.Dense(4)(layers.LeakyReLU()(layers.Concatenate()([latents, rows])))
    return keras.Model([latents, labels], layers.Reshape((2, 2, 1))(pixels))


@pytest.fixture(scope="module")
def packed(folder):
    return model_file.pack(small(), folder / "packed.npz").read_bytes()


def check_generator(folder, content):
    path = folder / "generator.npz"
    path.write_bytes(content)
    with harmless(folder):
        try:
            network = model_file.unpack(path)
        except ValueError as error:
            sentence(error, "generator.npz")
            return
    assert all(np.asarray(weight).dtype == np.float32 for weight in network.weights)


@given(data=st.data())
@inputs()
def test_damaged_generators(folder, packed, data):
    check_generator(folder, data.draw(mutated([packed, b""])))


def with_config(folder, content, config):
    path = folder / "described.npz"
    path.write_bytes(content)
    with np.load(path) as archive:
        stored = dict(archive)
    text = config if isinstance(config, str) else json.dumps(config)
    np.savez(path, **stored | {"config": np.frombuffer(text.encode(), np.uint8)})
    return path.read_bytes()


def config_of(folder, content):
    path = folder / "described.npz"
    path.write_bytes(content)
    with np.load(path) as archive:
        return json.loads(archive["config"].tobytes())


@given(data=st.data())
@inputs()
def test_generators_with_strange_descriptions(folder, packed, data):
    config = data.draw(changed(config_of(folder, packed)))
    check_generator(folder, with_config(folder, packed, config))


@pytest.mark.parametrize(
    "text",
    [
        "[" * 3000 + "]" * 3000,
        '{"class_name": ["Dense"], "module": {"a": 1}}',
        '{"class_name": "Sequential", "module": "keras", "config": {"units": 1000000000}}',
    ],
)
def test_descriptions_without_measure_are_refused(folder, packed, text):
    path = folder / "measure.npz"
    path.write_bytes(with_config(folder, packed, text))
    with pytest.raises(ValueError, match=r"measure\.npz (asks for|is not a packed)"):
        model_file.unpack(path)


@pytest.fixture(scope="module")
def saved(folder):
    small().save(folder / "small.keras")
    return (folder / "small.keras").read_bytes()


@given(data=st.data())
@inputs(0.5)
def test_damaged_keras_files(folder, saved, data):
    path = folder / "damaged.keras"
    path.write_bytes(data.draw(mutated([saved, b""])))
    with harmless(folder):
        try:
            weights.load_generator(path)
        except ValueError as error:
            sentence(error, "damaged.keras")


@given(data=st.data())
@inputs(0.5)
def test_keras_files_with_strange_descriptions(folder, saved, data):
    path = folder / "strange.keras"
    (folder / "small.keras").write_bytes(saved)
    with zipfile.ZipFile(folder / "small.keras") as archive, zipfile.ZipFile(path, "w") as other:
        for name in archive.namelist():
            content = archive.read(name)
            if name == "config.json":
                content = json.dumps(data.draw(changed(json.loads(content)))).encode()
            other.writestr(name, content)
    with harmless(folder):
        try:
            weights.load_generator(path)
        except ValueError as error:
            sentence(error, "strange.keras")


# ---- the manifest ------------------------------------------------------------------------------

ENTRY = {"file": "tiny.npz", "sha256": "0" * 64, "lesson": "99_tiny", "steps": 7}
MANIFEST = {"generators": {"tiny": ENTRY | {"date": "2026-01-01", "data": "2 pictures"}}}


@given(
    text=changed(MANIFEST).map(json.dumps).map(str.encode)
    | mutated([json.dumps(MANIFEST).encode()])
    | st.just(b"[" * 100_000)
)
@example(text=json.dumps(MANIFEST).replace("tiny.npz", "../../tiny.npz").encode())
@example(text=json.dumps(MANIFEST).replace("tiny.npz", "/etc/tiny.npz").encode())
@example(text=json.dumps(MANIFEST).replace("tiny.npz", "..\\\\tiny.npz").encode())
@inputs()
def test_manifests(folder, text):
    path = folder / "manifest.json"
    path.write_bytes(text)
    weights._read.cache_clear()
    with pytest.MonkeyPatch.context() as patched, harmless(folder):
        patched.setattr(weights, "_MANIFESTS", (path,))
        patched.setattr(weights, "_FOLDER", folder / "weights")
        patched.setenv("KERAS_HOME", str(folder / "keras"))
        patched.setattr(download, "download", lambda file: refuse(folder, file))
        try:
            for name in weights.names():
                weights.describe(name)
                weights.find(name)
        except download.DownloadError as error:
            sentence(error)
        except ValueError as error:
            sentence(error, "manifest.json")
    weights._read.cache_clear()


def refuse(folder, file):
    """Stand for a download: it would write only into the folder of the project's generators."""
    assert file.path.parent == folder / "keras" / "datasets" / "gan-workbook"
    raise download.DownloadError("the network is down")


# ---- the command line --------------------------------------------------------------------------


@pytest.fixture(scope="module")
def home(tmp_path_factory):
    """A folder with small generators and pictures, in which commands are run."""
    home = tmp_path_factory.mktemp("home")
    small().save(home / "asked.keras")
    latents = layers.Input((3,))
    keras.Model(latents, layers.Reshape((1, 1, 3))(latents)).save(home / "plain.keras")
    keras.Sequential([layers.Input((4, 4, 3)), AlwaysDropout(0.5)]).save(home / "turned.keras")
    (home / "broken.keras").write_bytes(b"PK")
    (home / "text.txt").write_text("no picture")
    rng = np.random.default_rng(0)
    for name in ("photos", "others"):
        (home / name).mkdir()
        for index in range(3):
            pixels = rng.integers(0, 256, (28, 28, 3), dtype=np.uint8)
            Image.fromarray(pixels).save(home / name / f"{index}.png")
    (home / "empty").mkdir()
    return home


WORDS = st.sampled_from(
    (
        *("generate", "translate", "score", "--help", "--version", "-h", "--", "-"),
        *("asked.keras", "plain.keras", "turned.keras", "broken.keras", "absent.keras"),
        *("photos", "others", "empty", "text.txt", "photos/0.png"),
        *("mnist", "mnist:test"),
        *(
            "out.png",
            "out.gif",
            "out.webp",
            "out",
            "out.npz",
            "new/out.png",
            "photos",
            ".",
            "/",
            "",
        ),
        *("--label", "--count", "--columns", "--seed", "--interpolate", "--frames", "--tile"),
        *("--fit", "resize", "pad", "tile"),
        *(
            "--metric",
            "fid",
            "kid",
            "is",
            "prdc",
            "--samples",
            "--json",
            "--output",
            "--save-stats",
        ),
        *(
            "--batch-size",
            "--k",
            "--splits",
            "--subsets",
            "--subset-size",
            "--resize",
            "--progress",
        ),
        *("--extractor", "lenet-mnist", "--resizing", "--extractor-file"),
        *("0", "1", "2", "7", "-1", "1.5", "1e3", "10", "٣", "1,2", "0x1"),
    )
)
TEXT = st.text(
    st.characters(exclude_categories=("Cs",), exclude_characters="\0/\\~"), max_size=6
) | st.sampled_from(("x" * 300, os.fsdecode(b"caf\xe9.png"), "NUL", "%s", "${HOME}", "*"))
SENSIBLE = st.sampled_from(
    (
        ["generate", "plain.keras", "out.png"],
        ["generate", "asked.keras", "out.gif", "--frames", "2", "--count", "3"],
        ["translate", "turned.keras", "photos/0.png", "out.png"],
        ["translate", "turned.keras", "photos", "out"],
        ["score", "photos", "others", "--metric", "fid"],
        ["score", "photos", "--save-stats", "out.npz"],
    )
)


@st.composite
def command_lines(draw):
    """Draw the arguments of a command: sensible ones with changes, or any words."""
    words = list(draw(SENSIBLE | st.lists(WORDS, max_size=6)))
    for _ in range(draw(st.integers(0, 3))):
        place = draw(st.integers(0, len(words)))
        words[place : place + draw(st.integers(0, 1))] = [draw(WORDS | TEXT)]
    return words


def is_long(words):
    """Tell whether a command would rightly work for long, or in the folder above."""
    large = any(word.isdecimal() and int(word) > 1000 for word in words)
    return large or any(".." in word for word in words)


@given(words=command_lines())
@example(words=["generate", "plain.keras", os.fsdecode(b"caf\xe9.png")])
@example(words=["generate", "plain.keras", "out.png", os.fsdecode(b"caf\xe9.png")])
@example(words=["translate", "turned.keras", "photos/0.png", "x" * 300 + ".png"])
@example(words=["score", "x" * 300, "others"])
@inputs()
def test_command_lines(home, capsys, words):
    assume(not is_long(words))
    before = contents(home)
    # As Python opens it: a name that is no text is shown with its bytes; pytest's would refuse it.
    errors = io.TextIOWrapper(io.BytesIO(), "utf-8", "backslashreplace", write_through=True)
    with pytest.MonkeyPatch.context() as patched:
        patched.setattr(sys, "stderr", errors)
        patched.chdir(home)
        patched.setenv("GAN_DATA", "embedded")
        patched.setenv("GAN_IMAGES", "200")
        patched.setenv("KERAS_HOME", str(home / "keras"))
        patched.setattr(inception, "_download", no_network)
        with harmless(home):
            try:
                status = cli.main(words)
            except SystemExit as ended:
                status = ended.code
    said, complaint = capsys.readouterr().out, errors.buffer.getvalue().decode()
    assert status in (0, 1, 2), complaint
    assert "Traceback" not in complaint
    if status == 0:
        assert said
    else:
        assert "gan-utils" in complaint
        sentence(complaint)
    restore(home, before)


def no_network(url, file):
    raise OSError(f"{url} cannot be downloaded (no network)")


def contents(folder):
    return {path: path.is_file() and path.read_bytes() for path in folder.rglob("*")}


def restore(folder, before):
    """Undo what a command wrote, which is never half a file."""
    for path, content in sorted(contents(folder).items(), reverse=True):
        if path not in before:
            assert not path.name.endswith(".partial")
            path.unlink() if path.is_file() else path.rmdir()
        elif content != before[path]:
            path.write_bytes(before[path])
