"""Pairs in two folders: which files match, layouts of folders, and files without a partner."""

import time
import warnings

import numpy as np
import pytest
from PIL import Image

from gan_utils import images, pairs
from gan_utils.pairs import matching

RNG = np.random.default_rng(0)
COLORS = {"a": (200, 40, 60), "b": (20, 90, 220), "c": (90, 200, 30)}


def picture(path, color=(9, 90, 200), size=(16, 16), mode="RGB", **options):
    path.parent.mkdir(parents=True, exist_ok=True)
    Image.new("RGB", size, color).convert(mode).save(path, **options)
    return path


@pytest.fixture
def two(tmp_path):
    """Return the folders of three pairs whose sources have the colors of their names."""
    for name, color in COLORS.items():
        picture(tmp_path / "photos" / f"{name}.png", color)
        picture(tmp_path / "maps" / f"{name}.png", color[::-1])
    return tmp_path / "photos", tmp_path / "maps"


def test_two_folders_are_matched_by_name(two):
    found = pairs.load_pairs(*two, 8)
    assert found.names == ("a.png", "b.png", "c.png")
    assert found.size == (8, 8)
    for (source, target), color in zip(found, COLORS.values(), strict=True):
        assert source.shape == target.shape == (8, 8, 3)
        assert (source == color).all()
        assert (target == color[::-1]).all()
    assert "3 pairs in" in str(found)
    assert str(found).endswith("photos")
    for turned in (found.swapped(), pairs.load_pairs(*two, size=8, source="right")):
        assert (turned[0][0] == COLORS["a"][::-1]).all()
        assert str(turned).endswith("maps")
    assert (found.swapped().swapped()[1:][0][0] == COLORS["b"]).all()
    ((first, second),) = found.batches(3).dataset().take(1)
    assert first.shape == second.shape == (3, 8, 8, 3)


def test_names_match_in_any_case_kind_and_spelling(tmp_path):
    names = ("A.PNG", "a.jpg"), ("Ü.bmp", "u\u0308.webp"), ("two.parts.tif", "two.Parts.GIF")
    for index, (one, other) in enumerate(names):
        kind = {".PNG": "PNG", ".bmp": "BMP", ".tif": "TIFF"}["." + one.split(".")[-1]]
        picture(tmp_path / "x" / one, (index * 40,) * 3, format=kind)
        picture(tmp_path / "y" / other, (index * 40,) * 3)
    found = pairs.load_pairs(tmp_path / "x", tmp_path / "y", 8)
    assert len(found) == 3
    for source, target in found:
        assert abs(source.astype(int) - target).max() <= 3


def test_files_without_a_partner_are_named_and_the_rest_counted(two):
    picture(two[0] / "lonely.png")
    for index in range(30):
        picture(two[1] / f"more{index:02}.png")
    for broken in ("raise", "skip"):
        with pytest.raises(ValueError, match=r"1 file only in .*photos: lonely\.png") as caught:
            pairs.load_pairs(*two, broken=broken)
        message = str(caught.value)
        assert "30 files only in" in message
        assert "more00.png, more01.png" in message
        assert "more09.png and 20 more" in message
        assert "more10.png" not in message
        assert "3 files have a partner" in message


def test_two_files_of_one_name_are_named(two):
    picture(two[1] / "A.jpg")
    with pytest.raises(ValueError, match=r"2 files of one name in .*maps: A\.jpg, a\.png"):
        pairs.load_pairs(*two)


def test_no_name_in_common(tmp_path):
    picture(tmp_path / "x" / "1.png")
    picture(tmp_path / "y" / "2.png")
    with pytest.raises(ValueError, match=r"only in .*x: 1\.png; .*only in .*y: 2\.png. 0 files"):
        pairs.load_pairs(tmp_path / "x", tmp_path / "y")


def test_the_endings_of_paired_sets_of_cyclegan(tmp_path):
    for name in ("1", "2"):
        picture(tmp_path / "trainA" / f"{name}_A.jpg")
        picture(tmp_path / "trainB" / f"{name}_B.jpg")
    assert pairs.load_pairs(tmp_path, 8).names == ("1_A.jpg", "2_A.jpg")
    picture(tmp_path / "trainA" / "3_A.jpg")
    with pytest.raises(ValueError, match=r"1 file only in .*trainA: 3_A\.jpg"):
        pairs.load_pairs(tmp_path)


def test_such_endings_are_part_of_a_name_where_names_match(tmp_path):
    for name in ("vitamin_A.png", "vitamin_B.png"):
        picture(tmp_path / "x" / name)
        picture(tmp_path / "y" / name)
    assert len(pairs.load_pairs(tmp_path / "x", tmp_path / "y", 8)) == 2


@pytest.mark.parametrize("names", [("A", "B"), ("a", "b"), ("trainA", "trainB")])
def test_subfolders_a_and_b_are_two_folders(names, tmp_path):
    for name, color in zip(names, ((1, 2, 3), (4, 5, 6)), strict=True):
        picture(tmp_path / "set" / name / "1.png", color)
    (tmp_path / "set" / "readme.txt").write_text("about it")
    found = pairs.load_pairs(tmp_path / "set", 8)
    assert (found[0][0] == (1, 2, 3)).all()
    assert (found[0][1] == (4, 5, 6)).all()
    other = pairs.load_pairs(tmp_path / "set", 8, source="right")
    assert (other[0][0] == (4, 5, 6)).all()


LAYOUTS = {
    "parts of side-by-side images": (["train/1.png", "val/1.png"], [("train",), ("val",)]),
    "CycleGAN": (
        [f"{part}{side}/1.png" for part in ("train", "test") for side in "AB"],
        [("testA", "testB"), ("trainA", "trainB")],
    ),
    "pix2pix": (
        [f"{side}/{part}/1.png" for part in ("train", "test") for side in "AB"],
        [("A/test", "B/test"), ("A/train", "B/train")],
    ),
    "parts of two folders": (
        [f"{part}/{side}/1.png" for part in ("train", "val") for side in "AB"],
        [("train",), ("val",)],
    ),
    "also side by side": (["A/1.png", "B/1.png", "AB/1.png"], [("A", "B"), ("AB",)]),
    "other names": (
        ["labels/1.png", "photos/1.png", "docs/readme.txt"],
        [("labels", "photos"), ("photos", "labels")],
    ),
    "one folder deeper": (["facades/train/1.png"], [("facades",)]),
}


@pytest.mark.parametrize("layout", LAYOUTS)
def test_the_parent_says_what_to_write(layout, tmp_path):
    files, choices = LAYOUTS[layout]
    for name in files:
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        if name.endswith("png"):
            picture(tmp_path / name)
    with pytest.raises(ValueError, match=r"no images of its own\. Its subfolders are") as caught:
        pairs.load_pairs(tmp_path)
    written = [
        f"load_pairs({', '.join(repr(str(tmp_path / one)) for one in choice)})"
        for choice in choices
    ]
    assert str(caught.value).endswith(f"write {' or '.join(written)}.")


def test_what_is_written_so_works(tmp_path):
    for side in "AB":
        picture(tmp_path / "train" / side / "1.png")
    assert len(pairs.load_pairs(tmp_path / "train", 8)) == 1


def test_images_of_subfolders_are_not_left_out_in_silence(two, tmp_path):
    picture(tmp_path / "1.png", size=(32, 16))
    with pytest.warns(UserWarning, match=r"subfolders are not: maps, photos\.") as seen:
        assert pairs.load_pairs(tmp_path, 8).names == ("1.png",)
    assert seen[0].filename == __file__
    picture(two[1] / "more" / "d.png")
    with pytest.warns(UserWarning, match=r"maps has images.*subfolders are not: more\.") as seen:
        assert len(pairs.load_pairs(*two)) == 3
    assert seen[0].filename == __file__


def test_wrong_folders_are_named(two, tmp_path):
    with pytest.raises(ValueError, match=r"nowhere does not exist\. Give the folder"):
        pairs.load_pairs(two[0], tmp_path / "nowhere")
    (tmp_path / "link").symlink_to(tmp_path / "nowhere")
    with pytest.raises(ValueError, match=r"link is a link to .*nowhere, which does not exist"):
        pairs.load_pairs(two[0], tmp_path / "link")
    with pytest.raises(ValueError, match="photos is given twice"):
        pairs.load_pairs(two[0], two[0] / ".." / "photos")
    with pytest.raises(ValueError, match=r"a\.png is not a folder"):
        pairs.load_pairs(two[0], two[1] / "a.png")
    (tmp_path / "empty").mkdir()
    with pytest.raises(ValueError, match="empty has no images in it"):
        pairs.load_pairs(two[0], tmp_path / "empty")
    with pytest.raises(ValueError, match="empty has no images in it"):
        pairs.load_pairs(tmp_path / "empty", two[1])
    with pytest.raises(ValueError, match="targets is 12; give the folder"):
        pairs.load_pairs(two[0], 12, 12)


def test_a_dead_link_is_named_or_left_out_with_its_pair(two, tmp_path):
    (two[1] / "b.png").unlink()
    (two[1] / "b.png").symlink_to(tmp_path / "gone.png")
    with pytest.raises(pairs.BrokenImageError, match=r"maps.b\.png is a link to .*gone\.png"):
        pairs.load_pairs(*two)
    with pytest.warns(UserWarning, match=r"1 image broken, left out: maps.b\.png is a link"):
        found = pairs.load_pairs(*two, 8, broken="skip")
    assert found.names == ("a.png", "c.png")
    assert list(found.skipped) == ["maps/b.png"]


def test_partners_of_different_shapes_are_named_and_sizes_may_differ(two):
    picture(two[1] / "a.png", size=(64, 64))
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        assert pairs.load_pairs(*two, 8)[0][1].shape == (8, 8, 3)
    picture(two[1] / "a.png", size=(64, 32))
    with pytest.warns(UserWarning, match=r"1 image of another shape than its partner: a\.png"):
        pairs.load_pairs(*two)


def test_single_images_of_a_screen_are_no_halves(tmp_path):
    picture(tmp_path / "1.png", size=(640, 360))
    with pytest.warns(UserWarning, match=r"such as 320 x 360, are squeezed.*load_pairs\(sources"):
        pairs.load_pairs(tmp_path)
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        pairs.load_pairs(tmp_path, (360, 320))


def turned(path, pixels):
    exif = Image.Exif()
    exif[0x0112] = 6  # how a camera stores what is shown upright
    stored = Image.fromarray(pixels).transpose(Image.Transpose.ROTATE_90)
    stored.save(path.with_suffix(".tif"), exif=exif.tobytes())


def transparent_palette(path, pixels):
    colors = Image.fromarray(pixels).quantize(8)
    colors.save(path.with_suffix(".png"), transparency=0)
    pixels[:] = np.asarray(colors.convert("RGB"))
    pixels[np.asarray(colors) == 0] = 255


def big_endian(path, pixels):
    pixels[:] = pixels[..., :1]
    deep = Image.frombytes("I;16B", pixels.shape[1::-1], (pixels[..., 0] * 257.0).astype(">u2"))
    deep.save(path.with_suffix(".tif"))


def inks(path, pixels):
    Image.fromarray(pixels).convert("CMYK").save(path.with_suffix(".tif"))


def film(path, pixels):
    frames = [Image.fromarray(pixels), Image.new("RGB", pixels.shape[1::-1])]
    frames[0].save(
        path.with_suffix(".webp"), save_all=True, append_images=frames[1:], lossless=True
    )


@pytest.mark.parametrize("save", [turned, transparent_palette, big_endian, inks, film])
@pytest.mark.filterwarnings("ignore::gan_utils.images.ImageWarning")
def test_partners_of_any_kind_give_the_same_pixels(save, tmp_path):
    pixels = RNG.integers(0, 256, (24, 16, 3), dtype=np.uint8)
    (tmp_path / "x").mkdir()
    (tmp_path / "y").mkdir()
    save(tmp_path / "x" / "one", pixels)  # changes the pixels where the kind cannot hold them
    Image.fromarray(pixels).save(tmp_path / "y" / "ONE.png")
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        warnings.simplefilter("ignore", images.ImageWarning)
        ((source, target),) = pairs.load_pairs(tmp_path / "x", tmp_path / "y", (24, 16))
    np.testing.assert_array_equal(source, target)
    np.testing.assert_array_equal(target, pixels)


def test_thousands_of_files_are_found_quickly(tmp_path):
    content = picture(tmp_path / "x" / "0.png").read_bytes()
    for index in range(5_000):
        (tmp_path / "x" / f"{index}.png").write_bytes(content)
        (tmp_path / "y").mkdir(exist_ok=True)
        (tmp_path / "y" / f"{index}.PNG").write_bytes(content)
    (tmp_path / "y" / "77.PNG").write_bytes(content[:-30])
    start = time.process_time()
    assert len(matching.match(tmp_path / "x", tmp_path / "y").pairs) == 5_000
    assert time.process_time() - start < 2  # names alone: 0.15 s
    start = time.process_time()
    with pytest.raises(pairs.BrokenImageError, match=r"y.77\.PNG is damaged"):
        pairs.load_pairs(tmp_path / "x", tmp_path / "y")
    assert time.process_time() - start < 10  # both ends of 10,000 files: 1 s


def test_a_split_that_a_text_file_names(two, tmp_path):
    found = pairs.load_pairs(*two, 8)
    (tmp_path / "train.txt").write_text("c\n\nphotos/A.PNG\n", encoding="utf-8")
    assert found.only(tmp_path / "train.txt").names == ("c.png", "a.png")
    (tmp_path / "mark.txt").write_text("c\nphotos/A.PNG\n", encoding="utf-8-sig")
    assert found.only(tmp_path / "mark.txt").names == ("c.png", "a.png")
    (tmp_path / "wide.txt").write_text("c\n", encoding="utf-16")
    with pytest.raises(ValueError, match=r"wide\.txt is not a text in UTF-8"):
        found.only(tmp_path / "wide.txt")
    assert found.only(["b"]).names == ("b.png",)
    with pytest.raises(ValueError, match=r"photos and .*maps: no pair is named d, e\.png"):
        found.only(["a", "d", "e.png"])
    with pytest.raises(ValueError, match="no name is given"):
        found.only([])
    (two[0] / "b.png").write_bytes(b"")
    with pytest.warns(UserWarning, match="left out"):
        rest = pairs.load_pairs(*two, 8, broken="skip")
    assert rest.only(["a", "b.png"]).names == ("a.png",)
