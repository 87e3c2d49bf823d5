"""Tests of gan_utils.records."""

import json
import re
from dataclasses import replace

import keras
import numpy as np
import pytest
import tensorflow as tf

from gan_utils import data, io, profile, records


@pytest.fixture(autouse=True)
def folder(tmp_path, monkeypatch):
    """A folder for records, and a checkout that is elsewhere."""
    monkeypatch.setenv("GAN_RECORD", str(tmp_path / "kept"))
    monkeypatch.setattr(records, "_CHECKOUT", tmp_path / "checkout")
    monkeypatch.setattr(records, "_PACKAGE", tmp_path / "package")
    return tmp_path / "kept"


def test_record_has_all_facts():
    run = records.record(
        "02_dcgan",
        {"fid": np.float32(1.5)},
        seconds=3.25,
        data="mnist",
        seed=7,
        samples=np.int64(9),
    )
    assert run["metrics"] == {"fid": 1.5}
    assert (run["lesson"], run["profile"]) == ("02_dcgan", profile.name)
    assert (run["seconds"], run["data"], run["seed"], run["samples"]) == (3.25, "mnist", 7, 9)
    assert re.fullmatch(r"\d{4}-\d{2}-\d{2}", run["date"])
    assert set(run["versions"]) >= {"python", "tensorflow", "keras", "numpy"}
    assert run["versions"]["numpy"] == np.__version__
    assert run["hardware"]["cpu"]
    assert run["hardware"]["cores"] >= 1
    assert run["hardware"]["memory_gb"] > 0.1
    assert isinstance(run["hardware"]["gpus"], list)
    assert "commit" not in run
    assert json.loads(json.dumps(run)) == run


@pytest.mark.parametrize(
    ("flags", "units"),
    [
        ("fpu sse avx512_bf16 amx_tile amx_bf16", ["amx_bf16", "avx512_bf16"]),
        ("fpu avx512_bf16", ["avx512_bf16"]),
        ("fpu avx512f avx512_bf16x", []),
    ],
)
def test_units_for_bfloat16_are_read_where_linux_lists_them(flags, units, tmp_path, monkeypatch):
    info = tmp_path / "cpuinfo"
    processor = f"processor\t: 0\nmodel name\t: A Processor: fast\nflags\t\t: {flags}\n\n"
    info.write_text(2 * processor, encoding="utf-8")
    monkeypatch.setattr(records, "_CPU_INFO", info)
    hardware = records.hardware()
    assert (hardware["bfloat16"], hardware["cpu"]) == (units, "A Processor: fast")
    monkeypatch.delenv("GAN_PRECISION", raising=False)
    hint = records.bfloat16_hint()
    assert f"This processor has {units[0]}: " in hint if units else hint == ""
    monkeypatch.setenv("GAN_PRECISION", "float32")
    assert records.bfloat16_hint() == ""
    monkeypatch.setattr(records, "_CPU_INFO", tmp_path / "of another system")
    assert records.bfloat16_units() == []
    assert records.hardware()["cpu"]


def test_an_image_set_is_described(digits):
    run = records.record("lenet", {}, data=digits.take(5))
    assert run["data"] == {"name": "mnist", "split": "train", "source": "embedded", "count": 5}


def test_commit_is_named_in_a_checkout(monkeypatch):
    monkeypatch.undo()
    monkeypatch.delenv("GAN_RECORD", raising=False)
    if not (records._CHECKOUT / ".git").exists():
        pytest.skip("the package is not in a git checkout")
    assert re.fullmatch(r"[0-9a-f]{7,40}(-dirty)?", records.record("lenet", {})["commit"])


def test_runs_of_other_profiles_stay(folder, monkeypatch):
    for name, value in (("quick", 1), ("full", 2), ("quick", 3)):
        monkeypatch.setenv("GAN_PROFILE", name)
        records.record("02_dcgan", {"fid": value})
    assert [path.name for path in folder.iterdir()] == ["02_dcgan.json"]
    content = json.loads((folder / "02_dcgan.json").read_text())
    assert content["lesson"] == "02_dcgan"
    assert {name: run["metrics"]["fid"] for name, run in content["runs"].items()} == {
        "quick": 3,
        "full": 2,
    }


def test_nothing_is_written_unless_asked(folder, monkeypatch):
    monkeypatch.delenv("GAN_RECORD")
    assert records.record("lenet", {"accuracy": 0.9})["metrics"] == {"accuracy": 0.9}
    assert not folder.exists()


@pytest.mark.parametrize(
    "content",
    ["{", "[]", '{"lesson": "lenet"}', '{"runs": []}', pytest.param("[" * 100_000, id="deep")],
)
def test_a_foreign_file_is_left_alone(folder, content):
    folder.mkdir()
    (folder / "lenet.json").write_text(content)
    with pytest.raises(ValueError, match=r"lenet\.json is not a run record"):
        records.record("lenet", {})
    assert (folder / "lenet.json").read_text() == content
    assert len(list(folder.iterdir())) == 1


@pytest.mark.parametrize("lesson", ["", "2_dcgan", "02-dcgan", "../lenet", "02_DCGAN", "lenet\n"])
def test_lesson_names_are_checked(lesson):
    with pytest.raises(ValueError, match="not a lesson's name"):
        records.record(lesson, {})
    with pytest.raises(ValueError, match="not a lesson's name"):
        records.recorded(lesson)


@pytest.mark.parametrize(
    ("metrics", "words"),
    [
        ({"fid": float("nan")}, "lenet: metrics: fid is nan"),
        ({"curve": np.array([1, np.inf])}, "curve is inf"),
        ({"model": object()}, "model is a object"),
    ],
)
def test_only_finite_plain_values_are_recorded(folder, metrics, words):
    with pytest.raises(ValueError, match=words):
        records.record("lenet", metrics)
    assert not folder.exists()


@pytest.mark.parametrize("name", ["profile", "date", "hardware", "commit"])
def test_facts_cannot_replace_what_is_measured(name):
    with pytest.raises(ValueError, match=f"{name!r} is filled in already"):
        records.record("lenet", {}, **{name: "mine"})


@pytest.mark.parametrize("place", ["checkout/book/results", "package/recorded"])
def test_recorded_reads_what_record_wrote(place, tmp_path, monkeypatch):
    monkeypatch.setenv("GAN_RECORD", str(tmp_path / place))
    monkeypatch.setenv("GAN_PROFILE", "full")
    assert records.recorded("02_dcgan") is None
    run = records.record("02_dcgan", {"fid": 4.5, "curve": np.arange(3)}, note="é")
    assert records.recorded("02_dcgan") == run
    assert records.recorded("02_dcgan", "quick") is None
    assert records.recorded("03_other") is None


def test_the_checkout_comes_before_the_package(tmp_path, monkeypatch):
    monkeypatch.setenv("GAN_PROFILE", "full")
    for place, value in (("checkout/book/results", 1), ("package/recorded", 2)):
        monkeypatch.setenv("GAN_RECORD", str(tmp_path / place))
        records.record("lenet", {"fid": value})
    assert records.recorded("lenet")["metrics"]["fid"] == 1


def test_recorded_checks_the_profile():
    with pytest.raises(ValueError, match=r"'long' is unknown.*smoke, quick, full"):
        records.recorded("lenet", "long")


def test_a_summary_has_cost_and_scores(digits, monkeypatch):
    monkeypatch.setenv("GAN_PROFILE", "full")
    row = {"steps": 1_500, "images_seen": 4_000, "seconds": 90.0, "distance": 12.34}
    row |= {"precision": 0.8, "recall": 0.7, "agreement": 0.985}
    rows = {"GAN": row, "plain": row | {"agreement": None}}
    run = records.record("01_gan", {"real_vs_real": 0.75}, data=digits, comparison=rows)
    lines = records.summary(run, "GAN").splitlines()
    assert lines[0] == records.origin(run)
    assert "1,500 updates, 4,000 real images seen, 2.0 passes over the data, 2 minutes" in lines[1]
    assert "Fréchet distance 12.3 (noise floor 0.75), precision 0.80, recall 0.70" in lines[2]
    assert "label accuracy 98.5%" in lines[2]
    assert "label" not in records.summary(run, "plain")
    assert records.summary(None, "GAN") == "no recorded full run yet"
    without = records.summary(run, "other")
    assert without == f"{records.origin(run)}\n  recorded without these scores"


def test_a_run_as_in_the_tutorial_is_kept_next_to_ours(tmp_path, monkeypatch):
    monkeypatch.setattr(records, "_CHECKOUT", tmp_path)
    monkeypatch.setenv("GAN_RECORD", str(tmp_path / "book" / "results"))
    monkeypatch.setenv("GAN_RUNS", str(tmp_path / "runs"))
    monkeypatch.setenv("GAN_PROFILE", "full")
    records.record("02_dcgan", {"steps": 1})
    ours = records.run_folder("02_dcgan")
    monkeypatch.setenv("GAN_RECIPE", "tutorial")
    run = records.record("02_dcgan", {"steps": 2})
    assert records.run_folder("02_dcgan").name == f"{ours.name}-tutorial"
    assert records.recorded("02_dcgan")["metrics"] == {"steps": 1}
    assert records.recorded("02_dcgan", "full-tutorial") == run
    assert records.origin(run).startswith("recorded full run, as in the tutorial")


def test_runs_of_other_profiles_and_on_other_data_have_their_own_folders(
    digits, tmp_path, monkeypatch
):
    monkeypatch.setenv("GAN_RUNS", str(tmp_path / "drive"))
    monkeypatch.setenv("GAN_PROFILE", "quick")
    whole, stand_in = replace(digits, source="cache"), replace(digits, name="cifar10")
    folders = {records.run_folder("02_dcgan")}
    folders |= {records.run_folder("02_dcgan", part) for part in (whole, digits, stand_in)}
    monkeypatch.setenv("GAN_PROFILE", "full")
    folders.add(records.run_folder("02_dcgan", whole))
    assert {path.name for path in folders} == {
        "02_dcgan-quick",
        "02_dcgan-quick-sample",
        "02_dcgan-quick-stand-in",
        "02_dcgan-full",
    }
    assert all(path.is_dir() and path.parent == tmp_path / "drive" for path in folders)
    monkeypatch.setenv("GAN_IMAGES", "150")
    assert records.run_folder("02_dcgan", whole).name == "02_dcgan-full-150-images"
    assert records.run_folder("02_dcgan", digits).name == "02_dcgan-full-sample-150-images"
    assert records.run_folder("02_dcgan") in folders


def test_run_folder_is_beside_the_notebook_by_default(tmp_path, monkeypatch):
    monkeypatch.delenv("GAN_RUNS", raising=False)
    monkeypatch.chdir(tmp_path)
    assert records.run_folder("lenet").as_posix() == f"runs/lenet-{profile.name}"
    with pytest.raises(ValueError, match="not a lesson's name"):
        records.run_folder("../lenet")


def test_quick_shows_what_the_full_run_measured(monkeypatch):
    monkeypatch.setenv("GAN_PROFILE", "full")
    records.record("02_dcgan", {"side": {"a": [1, 2]}})
    assert records.measured("02_dcgan", "side") is None
    monkeypatch.setattr(records, "_CHECKOUT", records.record_folder().parent / "book-is-here")
    kept = records._CHECKOUT / "book" / "results"
    kept.parent.mkdir(parents=True)
    records.record_folder().rename(kept)
    for name, expected in (("quick", [1, 2]), ("smoke", None), ("full", None)):
        monkeypatch.setenv("GAN_PROFILE", name)
        assert records.measured("02_dcgan", "side", "a") == expected
        assert records.measured("02_dcgan", "side", "b") is None
        assert records.measured("03_keras_notes", "side") is None


def test_the_origin_of_a_record_is_one_line(monkeypatch):
    monkeypatch.setenv("GAN_PROFILE", "full")
    data_set = data.load_images("mnist", "test").take(5)
    run = records.record("02_dcgan", {}, data=data_set, seed=3)
    line = records.origin(run)
    assert line.startswith("recorded full run, 5 images of mnist, seed 3, ")
    assert line.endswith(run["date"])
    assert "\n" not in line


def test_the_environment_has_versions_and_gpus():
    first, second = records.environment().splitlines()
    assert first.startswith(f"TensorFlow {tf.__version__}, Keras {keras.__version__}, gan_utils")
    assert second.startswith("GPU: ")


@pytest.mark.skipif(io.fcntl is None, reason="nothing is locked here")
def test_a_record_is_read_while_its_file_is_locked(folder, monkeypatch):
    records.record("lenet", {"a": 1})
    real, seen = records._read, []

    def look(path):
        seen.append(any(other.name.startswith(".lenet.json") for other in folder.iterdir()))
        return real(path)

    monkeypatch.setattr(records, "_read", look)
    records.record("lenet", {"a": 2})
    assert seen == [True]
