"""Fuzz tests: unusual and damaged folders, cached copies and statistics."""

import contextlib
import io
import json
import os
import shutil
import warnings
from pathlib import Path

import keras
import numpy as np
import pytest
from fuzzing import (
    folder_of_fuzzing,  # noqa: F401  (a fixture)
    harmless,
    inputs,
    mutated,
    places,
    plain_values,
    replaced,
    sentence,
)
from hypothesis import example, given
from hypothesis import strategies as st
from PIL import Image
from test_fuzz import header, npz, saved

import gan_utils
from gan_utils import cli, metrics, pairs
from gan_utils.metrics import sources

Image.init()  # all readers are imported now, not while the tests watch what is opened
SIZE = 4


def film():
    stream = io.BytesIO()
    frames = [Image.new("P", (8, 8)), Image.new("P", (8, 8), 9)]
    frames[0].save(stream, "GIF", save_all=True, append_images=frames[1:])
    return stream.getvalue()


CONTENTS = {
    "color": saved("PNG"),
    "gray": saved("PNG", "L"),
    "clear": saved("PNG", "LA"),
    "tiny": saved("PNG", size=(1, 2)),
    "film": film(),
    "cut": saved("JPEG")[:-300],
    "text": b"no image",
    "empty": b"",
}
LINKS = ("gone.png", ".", "..", "../cat", "a.png", "/dev/null")
PARTS = st.sampled_from(
    (
        *("a.png", "b.PNG", "c.jpg", "d.gif", "e.heic", "notes.txt", "none", ".hidden", ".png"),
        *("1_A.png", "1_B.png", "é.png", "e\u0301.png", "x" * 200 + ".png", "a b\n.png", "%s.png"),
        *("cat", "dog", "train", "Test", "val", "A", "B", "trainA", "trainB", "cat.png"),
        os.fsdecode(b"caf\xe9.png"),
    )
)
ENTRIES = st.tuples(
    st.lists(PARTS, min_size=1, max_size=3),
    st.sampled_from((*CONTENTS, "color", "color", "folder")) | st.sampled_from(LINKS).map(Path),
)
TREES = st.lists(ENTRIES, max_size=6)


def grow(root, tree):
    """Make a folder anew; what cannot be, such as a file inside of a file, is left out."""
    shutil.rmtree(root, ignore_errors=True)
    root.mkdir()
    for parts, content in tree:
        path = root.joinpath(*parts)
        with contextlib.suppress(OSError):
            path.parent.mkdir(parents=True, exist_ok=True)
            if isinstance(content, Path):
                path.symlink_to(content)
            elif content == "folder":
                path.mkdir()
            elif not path.is_symlink():  # it would be written elsewhere
                path.write_bytes(CONTENTS[content])


def load(root, **options):
    found = gan_utils.load_folder(root, SIZE, **options)
    again = gan_utils.load_folder(root, SIZE, **options)  # from the copy
    np.testing.assert_array_equal(found.images, again.images)
    assert found.images.shape == (len(found), SIZE, SIZE, options.get("channels", 3))
    if found.class_names:
        assert set(found.labels) == set(range(len(found.class_names)))
    else:
        assert found.labels is None


def read_pairs(*folders, **options):
    for source, target in pairs.load_pairs(*folders, size=SIZE, **options):
        assert source.shape == target.shape == (SIZE, SIZE, 3)


def score(root):
    wish = sources.Wish(size=SIZE, resize=True)
    for batch in sources.open_source(str(root), wish).batches(2):
        assert batch.shape[1:] == (SIZE, SIZE, 3)


def check(root):
    """Run `gan-utils pairs check`; its complaint becomes an error."""
    errors, report = io.StringIO(), io.StringIO()
    with contextlib.redirect_stderr(errors), contextlib.redirect_stdout(report):
        status = cli.main(["pairs", "check", str(root), "--sheet", str(root.parent / "sheet.png")])
    if status and not report.getvalue():
        raise ValueError(errors.getvalue())
    sentence(report.getvalue())


READERS = {
    "folder": load,
    "skip": lambda root: load(root, broken="skip", channels=1),
    "subset": lambda root: load(root, subset="train"),
    "pairs": read_pairs,
    "two folders": lambda root: read_pairs(root / "A", root / "B", broken="skip"),
    "pairs check": check,
    "score": score,
}


@pytest.mark.parametrize("reader", READERS)
@given(tree=TREES)
@example(tree=[(["a.png"], Path("a.png"))])
@example(tree=[(["cat", "a.png"], "color"), (["cat", "dog"], Path("..")), (["dog"], "folder")])
@example(tree=[(["train"], Path("gone.png")), (["Test", "a.png"], "cut")])
@example(tree=[([os.fsdecode(b"caf\xe9.png")], "cut"), (["a b\n.png"], "tiny")])
@inputs(0.2)
def test_strange_folders(folder, reader, tree):
    root = folder / "strange"
    grow(root, tree)
    with harmless(folder, reader), warnings.catch_warnings():
        warnings.simplefilter("ignore")
        try:
            READERS[reader](root)
        except (ValueError, OSError) as error:
            sentence(error, "strange")


@pytest.fixture(scope="module")
def copy(folder):
    """A folder that was loaded: the folder, what it holds, and its copy."""
    tree = [(["cat", "a.png"], "color"), (["cat", "b.png"], "tiny"), (["dog", "c.gif"], "film")]
    grow(folder / "whole", [*tree, (["dog", "d.png"], "gray"), (["dog", "e.png"], "cut")])
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        found = gan_utils.load_folder(folder / "whole", SIZE, broken="skip")
    copies = (folder / "keras").rglob("*.json")
    (facts,) = [path for path in copies if '/whole"' in path.read_text()]
    return folder / "whole", np.array(found.images), facts, facts.read_bytes()


@given(data=st.data())
@inputs()
def test_damaged_copies(folder, copy, data):
    root, expected, facts, content = copy
    known = json.loads(content)
    path = data.draw(st.sampled_from(places(known)))
    other = json.dumps(replaced(known, path, data.draw(plain_values()))).encode()
    facts.write_bytes(data.draw(st.just(other) | mutated([content])))
    if data.draw(st.booleans()):
        facts.with_suffix(".bytes").write_bytes(data.draw(st.binary(max_size=100)))
    with harmless(folder), warnings.catch_warnings():
        warnings.simplefilter("ignore")
        found = gan_utils.load_folder(root, SIZE, broken="skip")
    np.testing.assert_array_equal(found.images, expected)
    assert found.labels.tolist() == [0, 0, 1, 1]


# ---- statistics of other tools -----------------------------------------------------------------

MEAN, SPREAD = np.zeros(3), np.eye(3)
NUMBERS = st.sampled_from(
    (np.nan, 1e308, "text", [], [0.0, 0.0], [0.0, 0.0, np.inf], -SPREAD, SPREAD[:2], SPREAD[None])
)
CLAIM = header("{'descr': '<f8', 'fortran_order': False, 'shape': (10**12,), }")


@given(
    content=mutated([npz(mu=MEAN, sigma=SPREAD), npz(mu=MEAN), b""])
    | st.builds(lambda mu, sigma: npz(mu=mu, sigma=sigma), NUMBERS | st.just(MEAN), NUMBERS)
)
@example(content=npz(mu=CLAIM, sigma=SPREAD))
@example(content=npz(mu=np.array([print]), sigma=SPREAD))
@inputs()
def test_statistics_of_other_tools(folder, content):
    path = folder / "foreign.npz"
    path.write_bytes(content)
    options = {"extractor": "inception-2015", "resizing": "legacy"}
    with harmless(folder), warnings.catch_warnings():
        warnings.simplefilter("ignore")
        try:
            found = metrics.score(path, (MEAN, SPREAD), ["fid"], **options)
        except ValueError as error:
            sentence(error)
            return
    assert np.isfinite(found["fid"].value)


# ---- export ------------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def network(folder):
    latents = keras.layers.Input((3,))
    keras.Model(latents, keras.layers.Reshape((1, 1, 3))(latents)).save(folder / "good.keras")
    return (folder / "good.keras").read_bytes()


@given(data=st.data())
@inputs(0.5)
def test_damaged_files_are_not_exported(folder, network, data):
    path, written = folder / "damaged.keras", folder / "written.keras"
    path.write_bytes(data.draw(mutated([network, b""])))
    errors = io.StringIO()
    with (
        harmless(folder),
        contextlib.redirect_stderr(errors),
        contextlib.redirect_stdout(io.StringIO()),
    ):
        status = cli.main(["export", str(path), str(written)])
    complaint = errors.getvalue()
    assert "Traceback" not in complaint
    if status:
        sentence(complaint, "damaged.keras")
        assert not written.exists()
    written.unlink(missing_ok=True)
