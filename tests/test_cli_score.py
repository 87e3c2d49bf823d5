"""`gan-utils score`: its numbers, saved statistics, memory, and errors."""

import json
import tracemalloc

import numpy as np
import pytest
from PIL import Image
from stand_in_graph import stand_in

from gan_utils import cli, metrics
from gan_utils.metrics import extract, features, inception, sources

ALL = ["fid", "kid", "prdc", "is"]


def write(folder, batch, start=0):
    folder.mkdir(exist_ok=True)
    for index, picture in enumerate(batch, start):
        Image.fromarray(picture.squeeze()).save(folder / f"{index:04}.png")
    return str(folder)


@pytest.fixture(scope="module")
def sides(digits):
    found = digits.images
    rng = np.random.default_rng(0)
    noisy = found[200:400] + rng.normal(0, 50, (200, 28, 28, 1))
    return found[:200], noisy.clip(0, 255).astype(np.uint8)


@pytest.fixture(scope="module")
def folders(sides, tmp_path_factory):
    home = tmp_path_factory.mktemp("pictures")
    return [write(home / name, part) for name, part in zip(("real", "fake"), sides, strict=True)]


@pytest.fixture
def score(capsys):
    """Run the command and return its JSON."""

    def run(*arguments, status=0):
        assert cli.main(["score", *map(str, arguments), "--json"]) == status
        captured = capsys.readouterr()
        assert bool(captured.out) is (status == 0)
        return json.loads(captured.out) if captured.out else captured.err

    return run


def test_numbers_are_those_of_the_library(score, folders):
    found = score(*folders, "--metric", *ALL, "--seed", 4)
    assert found["extractor"].startswith("LeNet (mnist"), "28x28 pictures: chosen without asking"
    sides = [sources.open_source(name, sources.Wish(seed=4, gray=True)) for name in folders]
    seen = [features.lenet()(np.concatenate(list(side.batches(50)))) for side in sides]
    expected = metrics.measure(*seen, ALL, seed=4)
    assert found["scores"].keys() == expected.keys()
    for name, value in expected.items():
        assert found["scores"][name] == json.loads(json.dumps(value.to_dict())), name


def test_settings_reach_the_metrics(score, folders):
    found = score(
        *folders, "--metric", "kid", "is", "pr", "--subsets", 7, "--subset-size", 30,
        "--splits", 3, "--k", 2, "--samples", 90, "--extractor", "lenet-fashion",
    )  # fmt: skip
    assert "fashion_mnist" in found["extractor"]
    scores = found["scores"]
    assert scores["kid"]["settings"] == {"subsets": 7, "subset_size": 30}
    assert scores["is"]["settings"] == {"splits": 3}
    assert scores["recall"]["settings"] == {"k": 2}
    assert scores["kid"]["real_count"] == scores["kid"]["fake_count"] == 90


def test_text_says_what_a_number_means_nothing_without(capsys, folders):
    assert cli.main(["score", *folders, "--metric", "fid", "is"]) == 0
    text = capsys.readouterr().out
    for part in ("LeNet (mnist, 99.", "resizing   none", "200 images", "splits 10", "100 + 100"):
        assert part in text
    assert "FID" in text
    assert "Inception Score" in text


def test_saved_statistics_give_the_same_fid_and_floor(score, folders, tmp_path):
    file = tmp_path / "real.npz"
    alone = score(folders[0], "--save-stats", file)
    assert alone["scores"] == {}
    assert alone["saved_statistics"] == str(file)
    with np.load(file, allow_pickle=False) as stored:
        assert stored["mean"].shape == (84,)
    direct = score(*folders, "--metric", "fid")["scores"]["fid"]
    saved = score(file, folders[1])["scores"]["fid"]
    assert saved["value"] == pytest.approx(direct["value"], rel=1e-8)
    assert saved["floor"] == pytest.approx(direct["floor"], rel=1e-8)
    assert saved["floor_counts"] == [100, 100]
    again = tmp_path / "again.npz"
    both = score(*folders, "--metric", "fid", "kid", "--save-stats", again)
    assert metrics.Moments.load(again).count == both["real"]["count"] == 200
    two = score(file, again)["scores"]["fid"]
    assert two["value"] == pytest.approx(0, abs=1e-6)
    assert "is" in score(file, folders[1], "--metric", "fid", "is")["scores"]


def test_statistics_bring_their_extractor(score, folders, tmp_path):
    file = tmp_path / "real.npz"
    score(folders[0], "--save-stats", file, "--extractor", "lenet-fashion")
    assert "fashion_mnist" in score(file, folders[1])["extractor"]
    message = score(file, folders[1], "--extractor", "lenet-mnist", status=1)
    assert "Different extractor" in message


@pytest.mark.parametrize("metric", ["kid", "prdc"])
def test_statistics_alone_do_not_give_other_scores(score, folders, tmp_path, metric):
    file = tmp_path / "real.npz"
    score(folders[0], "--save-stats", file)
    message = score(file, folders[1], "--metric", "fid", metric, status=1)
    assert "real.npz" in message
    assert f"not {metric}" in message
    assert "not is" in score(folders[1], file, "--metric", "is", status=1)


def test_streamed_pictures_give_the_same_fid_and_a_floor(score, folders, monkeypatch, tmp_path):
    kept = score(*folders, "--metric", "fid")["scores"]["fid"]
    monkeypatch.setattr(extract, "KEPT", 50)
    streamed = score(*folders, "--metric", "fid", "--batch-size", 33)["scores"]["fid"]
    assert streamed["value"] == pytest.approx(kept["value"], rel=1e-6)
    assert streamed["floor_counts"] == [100, 100]
    assert 0 < streamed["floor"] < streamed["value"] / 2
    file = tmp_path / "streamed.npz"
    score(folders[0], "--save-stats", file)
    assert metrics.Moments.load(file).floor == pytest.approx(streamed["floor"], rel=1e-9)


def test_streaming_takes_the_memory_of_one_batch(monkeypatch):
    monkeypatch.setattr(extract, "KEPT", 100)
    flat = metrics.Extractor("flat", "none", lambda batch: (batch.reshape(len(batch), -1), None))

    def batches(count):
        rng = np.random.default_rng(0)
        return lambda size: (rng.random((size, 8, 8, 1)) for _ in range(count // size))

    def peak(count):
        source = sources.Source("noise", count, batches(count))
        tracemalloc.start()
        seen = extract.look(source, flat, stream=True, probabilities=False, batch_size=200)
        used = tracemalloc.get_traced_memory()[1]
        tracemalloc.stop()
        assert seen.what.count == count
        assert [half.count for half in seen.halves] == [count // 2, count - count // 2]
        return used

    assert peak(100_000) < 1.1 * peak(2_000)


@pytest.fixture(scope="module")
def graph(tmp_path_factory):
    file = tmp_path_factory.mktemp("graph") / inception.GRAPH
    file.write_bytes(stand_in()[0])
    return file


@pytest.fixture
def mixed(tmp_path):
    """Two folders with gray, color and transparent pictures of several sizes."""
    rng = np.random.default_rng(1)
    shapes = [(40, 32, 3), (40, 32), (24, 24, 4), (400, 330, 3)]
    names = []
    for name, top in {"real": 256, "fake": 200}.items():
        batch = [rng.integers(0, top, shapes[i % 4], dtype=np.uint8) for i in range(12)]
        names.append(write(tmp_path / name, batch))
    return names


def test_mixed_sizes_and_modes(score, mixed, graph):
    found = score(*mixed, "--extractor-file", graph, "--metric", "fid", "pr")
    assert found["extractor"].startswith("Inception 2015-12-05"), "not 28x28: chosen so"
    assert found["resizing"] == features.CLEAN
    assert found["scores"]["fid"]["value"] > 0
    assert "12 samples for 2,048 dimensions" in found["warnings"][0]
    one_by_one = score(
        *mixed, "--extractor-file", graph, "--metric", "fid", "pr", "--batch-size", 1
    )
    value = one_by_one["scores"]["fid"]["value"]
    assert value == pytest.approx(found["scores"]["fid"]["value"], rel=1e-3)
    legacy = score(*mixed, "--extractor-file", graph, "--metric", "fid", "--resizing", "legacy")
    assert legacy["resizing"] == features.LEGACY


def test_lenet_takes_other_sizes_only_when_asked(score, mixed):
    lenet = "--extractor", "lenet-mnist", "--metric", "fid"
    assert "the extractor wants 28 x 28" in score(*mixed, *lenet, status=1)
    assert score(*mixed, *lenet, "--resize")["resizing"] == extract.RESIZED


def test_resized_statistics_are_compared_with_resized_pictures(score, mixed, tmp_path):
    file = tmp_path / "real.npz"
    score(mixed[0], "--save-stats", file, "--extractor", "lenet-mnist", "--resize")
    assert score(file, mixed[1])["resizing"] == extract.RESIZED


def test_keras_inception_gets_its_weights_file(monkeypatch, score, folders):
    asked = []

    def small(weights):
        asked.append(weights)
        return metrics.Extractor("InceptionV3 (Keras, small)", "none", lambda batch: (
            batch.reshape(len(batch), -1)[:, :50], None))  # fmt: skip

    monkeypatch.setattr(features, "keras_inception", small)
    keras = "--extractor", "inception-keras", "--metric", "fid"
    assert "Keras, small" in score(*folders, *keras)["extractor"]
    score(*folders, *keras, "--extractor-file", "own.weights.h5")
    assert asked == ["imagenet", "own.weights.h5"]
    assert "class probabilities" in score(*folders, *keras, "is", status=1)


def test_json_goes_to_a_file_too(folders, tmp_path, capsys):
    file = tmp_path / "scores.json"
    assert cli.main(["score", *folders, "--metric", "fid", "--output", str(file)]) == 0
    stored = json.loads(file.read_text(encoding="utf-8"))
    assert f"{stored['scores']['fid']['value']:.4g}" in capsys.readouterr().out


def test_the_bar_is_on_stderr_and_only_when_wanted(folders, capsys):
    assert cli.main(["score", *folders, "--metric", "fid", "--batch-size", "50", "--progress"]) == 0
    captured = capsys.readouterr()
    assert captured.err.count("| 0/200 [") == 2, "both sides: nothing yet"
    assert all(f"{side}: 100%" in captured.err for side in folders)
    assert "200/200" not in captured.out
    assert cli.main(["score", *folders, "--metric", "fid"]) == 0
    assert capsys.readouterr().err == ""


def test_data_sets_by_name(score, folders, monkeypatch):
    monkeypatch.setenv("GAN_DATA", "embedded")
    found = score("mnist", folders[1], "--metric", "fid", "--samples", 150)
    assert found["real"]["source"].startswith("mnist (train)")
    assert found["extractor"].startswith("LeNet (mnist")


def damaged(tmp_path, folders):
    folder = tmp_path / "damaged"
    write(folder, np.zeros((5, 28, 28), np.uint8))
    (folder / "0003.png").write_bytes(b"no picture")
    return [folders[0], folder]


def foreign(tmp_path, folders):
    np.savez(tmp_path / "foreign.npz", mu=np.zeros(3), sigma=np.eye(3))
    return [tmp_path / "foreign.npz", folders[1]]


def few_pixels(batch):
    """A network that takes some pixels for features, and knows no classes."""
    return batch[:, ::60, ::60, 0].reshape(len(batch), -1), None


def test_statistics_of_other_tools_are_taken_once_their_origin_is_named(
    score, folders, tmp_path, monkeypatch
):
    monkeypatch.setattr(inception, "locate", lambda path: tmp_path)
    monkeypatch.setattr(inception, "verify", lambda file, sha256: "0" * 64)
    monkeypatch.setattr(
        inception,
        "load",
        lambda file: few_pixels,
    )
    named = ("--extractor", "inception-2015", "--resizing", "clean")
    score(folders[0], "--save-stats", tmp_path / "ours.npz", *named)
    ours = metrics.Moments.load(tmp_path / "ours.npz")
    np.savez(tmp_path / "theirs.npz", mu=ours.mean, sigma=ours.covariance)
    wanted = score(tmp_path / "ours.npz", folders[1])
    found = score(tmp_path / "theirs.npz", folders[1], *named)
    assert found["scores"]["fid"]["value"] == pytest.approx(wanted["scores"]["fid"]["value"])
    assert found["extractor"] == wanted["extractor"] == "Inception 2015-12-05 (00000000)"
    assert found["real"]["count"] is None
    same = score(tmp_path / "theirs.npz", tmp_path / "ours.npz", *named)
    assert same["scores"]["fid"]["value"] == pytest.approx(0, abs=1e-6)
    np.savez(tmp_path / "both.npz", mu=ours.mean + 1, sigma=ours.covariance)
    both = score(tmp_path / "theirs.npz", tmp_path / "both.npz", *named)
    assert both["scores"]["fid"]["value"] == pytest.approx(len(ours.mean))
    for options in ((), named[:2], named[2:]):
        error = score(tmp_path / "theirs.npz", folders[1], *options, status=1)
        assert "Name both: --extractor and --resizing" in error
    legacy = (*named[:3], "legacy")
    assert "Different resizing" in score(
        tmp_path / "theirs.npz", tmp_path / "ours.npz", *legacy, status=1
    )
    error = score(tmp_path / "theirs.npz", "--save-stats", tmp_path / "o.npz", *named, status=1)
    assert "do not say of how many images" in error


CASES = {
    "no folder": (lambda tmp, two: [two[0], tmp / "absent"], "There is no folder"),
    "no statistics": (lambda tmp, two: [tmp / "absent.npz", two[1]], "make it with --save-stats"),
    "foreign statistics": (foreign, "foreign.npz holds `mu` and `sigma`, as pytorch-fid"),
    "empty folder": (lambda tmp, two: [tmp, two[1]], "has no images in it"),
    "damaged picture": (damaged, "0003.png is not an image"),
    "too many splits": (lambda tmp, two: [*two, "--metric", "is", "--splits", 999], "999 splits"),
    "too many neighbors": (lambda tmp, two: [*two, "--metric", "pr", "--k", 200], "k=200"),
    "large subsets": (lambda tmp, two: [*two, "--metric", "kid", "--subset-size", 900], "900"),
    "no such place": (lambda tmp, two: [*two, "--save-stats", tmp / "no" / "a.npz"], "not a fold"),
    "a folder": (lambda tmp, two: [*two, "--output", tmp], "is a folder"),
    "no suffix": (lambda tmp, two: [*two, "--save-stats", tmp / "stats"], "ends in .npz"),
    "file for a LeNet": (
        lambda tmp, two: [*two, "--extractor-file", "a.pb"], "leave --extractor-file out"
    ),
    "resized twice": (
        lambda tmp, two: [*two, "--extractor", "inception-2015", "--resize"], "leave --resize out"
    ),
    "legacy LeNet": (lambda tmp, two: [*two, "--resizing", "legacy"], "--resizing legacy"),
    "no graph": (
        lambda tmp, two: [*two, "--extractor", "inception-2015", "--extractor-file", "a.pb"],
        "a.pb does not exist",
    ),
}  # fmt: skip


@pytest.mark.parametrize("case", CASES)
def test_bad_input_is_explained(score, folders, tmp_path, case):
    make, message = CASES[case]
    before = sorted(tmp_path.iterdir())
    arguments = make(tmp_path, folders)
    error = score(*arguments, status=1)
    assert message in error
    assert error.startswith("gan-utils score: ")
    made = {"damaged", "foreign.npz"}
    assert [path for path in sorted(tmp_path.iterdir()) if path.name not in made] == before
