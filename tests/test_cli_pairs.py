"""The command `gan-utils pairs check`: its table, its exit status and its contact sheet."""

import numpy as np
import pytest
from PIL import Image

from gan_utils import cli, pairs


def picture(path, size=(16, 16), mode="RGB", color=(9, 90, 200)):
    path.parent.mkdir(parents=True, exist_ok=True)
    Image.new("RGB", size, color).convert(mode).save(path)
    return path


@pytest.fixture
def two(tmp_path):
    for index in range(20):
        picture(tmp_path / "photos" / f"{index}.png", (40, 30), color=(200, 0, 0))
        picture(tmp_path / "maps" / f"{index}.jpg", (80, 60), color=(0, 0, 200))
    return tmp_path / "photos", tmp_path / "maps"


def check(*arguments):
    return cli.main(["pairs", "check", *map(str, arguments)])


def test_good_pairs_are_a_table_and_status_0(two, capsys):
    assert check(*two, "--size", 30, 40) == 0
    told = capsys.readouterr()
    assert told.err == ""
    rows = [line.split() for line in told.out.splitlines()]
    assert told.out.startswith(f"20 pairs in {two[0]} and {two[1]}, read at 40 x 30 pixels\n")
    for row in (
        [str(two[0]), "images"],
        ["size", "40", "x", "30", "20"],
        ["size", "80", "x", "60", "20"],
        ["channels", "3", "20"],
        ["mode", "RGB", "20"],
        ["kind", "PNG", "20"],
        ["kind", "JPEG", "20"],
    ):
        assert row in rows
    assert "unlike" not in told.out
    assert "cannot" not in told.out


def test_odd_ones_are_named(two, capsys):
    picture(two[0] / "3.png", (40, 80), "L")
    picture(two[1] / "5.jpg", (80, 60), "CMYK")
    Image.fromarray(np.tile(np.arange(40, dtype="u2") * 99, (30, 1))).save(two[0] / "7.png")
    assert check(*two) == 0
    told = capsys.readouterr()
    assert f"{two[0]}: 1 image of another size than 40 x 30: 3.png." in told.out
    assert f"{two[0]}: 2 images of another mode than RGB: 3.png, 7.png." in told.out
    assert f"{two[1]}: 1 image of another mode than RGB: 5.jpg." in told.out
    assert "1 image of another shape than its partner: 3.png" in told.out
    assert "I;16" in told.out
    assert "7.png: no value of this 16-bit image is above 3,861" in told.err


def test_what_cannot_be_used_is_status_1(two, tmp_path, capsys):
    picture(two[0] / "lonely.png")
    (two[1] / "4.jpg").write_bytes(b"")
    content = bytearray((two[0] / "6.png").read_bytes())
    content[len(content) // 2] ^= 255  # both ends are whole
    (two[0] / "6.png").write_bytes(content)
    (two[1] / "8.jpg").unlink()
    (two[1] / "8.jpg").symlink_to(tmp_path / "gone.jpg")
    (two[1] / "scan.heic").write_bytes(b"something")
    assert check(*two, "--sheet", tmp_path / "sheet.png") == 1
    told = capsys.readouterr()
    _, _, wrong = told.out.partition("cannot be used:\n")
    assert f"1 file only in {two[0]}: lonely.png" in wrong
    for line in ("4.jpg is empty (0 bytes)", "6.png is damaged", "8.jpg is a link to"):
        assert line in wrong
    assert told.out.startswith("17 pairs in")
    assert ".heic is not read: convert them" in told.err
    assert (tmp_path / "sheet.png").exists()


def test_a_kind_that_is_not_read_is_status_1(tmp_path, capsys):
    picture(tmp_path / "1.png", (32, 16))
    (tmp_path / "notes.txt").write_text("about it")
    assert check(tmp_path) == 0
    assert ".txt 1" in capsys.readouterr().err
    (tmp_path / "2.HEIC").write_bytes(b"something")
    assert check(tmp_path) == 1
    told = capsys.readouterr().out
    assert "1 image of a kind that is not read (convert them, to PNG for instance): 2.HEIC." in told


def test_the_matching_is_that_of_load_pairs(two, tmp_path, capsys):
    (two[0]).rename(tmp_path / "A")
    (two[1]).rename(tmp_path / "B")
    assert check(tmp_path) == 0
    assert capsys.readouterr().out.startswith("20 pairs in")
    picture(tmp_path / "train" / "A" / "1.png")
    picture(tmp_path / "train" / "B" / "1.png")
    (tmp_path / "A").rename(tmp_path / "sources")
    assert check(tmp_path) == 1
    with pytest.raises(ValueError, match="has no images of its own") as caught:
        pairs.load_pairs(tmp_path)
    assert capsys.readouterr().err == f"gan-utils pairs: {caught.value}\n"
    assert check(tmp_path / "nowhere") == 1
    assert "nowhere does not exist" in capsys.readouterr().err


def test_side_by_side_images_and_their_sheet(tmp_path, capsys):
    pairs.write_city(tmp_path / "city", 15, 64)
    assert check(tmp_path / "city", "--sheet", tmp_path / "sheet.png") == 0
    assert "size         128 x 64                  15" in capsys.readouterr().out
    with Image.open(tmp_path / "sheet.png") as sheet:
        assert sheet.size == (3 * 256 + 2 * 8, 4 * 128 + 3 * 8)  # the first twelve
        first = np.asarray(sheet)[:128, :256]
    source, target = pairs.load_pairs(tmp_path / "city", 128)[0]
    np.testing.assert_array_equal(first, np.concatenate([source, target], axis=1))


def test_single_images_are_suspected(two, capsys):
    assert check(two[0]) == 0
    assert "such as 20 x 30, are squeezed to 256 x 256 pixels" in capsys.readouterr().out


@pytest.mark.parametrize("arguments", [[], ["look", "a"], ["check"], ["check", "a", "--size", "0"]])
def test_wrong_arguments_are_status_2(arguments):
    with pytest.raises(SystemExit, match="2"):
        cli.main(["pairs", *arguments])


def test_a_size_or_place_that_cannot_be_is_refused_before_the_work(two, tmp_path, capsys):
    assert check(*two, "--size", 1, 2, 3) == 1
    assert "size is (1, 2, 3)" in capsys.readouterr().err
    assert check(*two, "--sheet", tmp_path / "sheet.txt") == 1
    assert "sheet.txt" in capsys.readouterr().err


def test_prepare_reports_what_it_found(two, tmp_path, capsys):
    found = pairs.load_pairs(*two, 8)
    pairs.prepare(found, tmp_path / "a.npz")
    assert capsys.readouterr().out == f"{found.report()}\n"
    assert "kind         JPEG                      20" in str(found.report())
    said = []
    pairs.prepare(pairs.city(2, 64), tmp_path / "b.npz", print_fn=said.append)
    assert said == ["2 pairs of 64 x 64 pixels"]
    pairs.prepare(found, tmp_path / "c.npz", print_fn=None)
    assert capsys.readouterr().out == ""
