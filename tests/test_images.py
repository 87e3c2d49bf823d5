"""Tests of gan_utils.images."""

import keras
import numpy as np
import pytest

from gan_utils import images

ALL_VALUES = np.arange(256, dtype=np.uint8)


def batch(count=3, height=4, width=5, channels=1, seed=0):
    return np.random.default_rng(seed).integers(
        0, 256, (count, height, width, channels), dtype=np.uint8
    )


def test_to_float_hits_both_ends_and_comes_back_exactly():
    floats = images.to_float(ALL_VALUES)
    assert floats.dtype == np.float32
    assert (floats[0], floats[-1]) == (-1, 1)
    np.testing.assert_allclose(floats, ALL_VALUES / 127.5 - 1, atol=2e-7)
    np.testing.assert_array_equal(images.to_uint8(floats), ALL_VALUES)


def test_to_uint8_clips_and_rounds():
    # -1 + 0.4 / 127.5 rounds down to 0, -1 + 0.6 / 127.5 rounds up to 1.
    values = np.array([-7, -1 + 0.4 / 127.5, -1 + 0.6 / 127.5, 0.999, 3], dtype=np.float64)
    converted = images.to_uint8(values)
    assert converted.dtype == np.uint8
    assert converted.tolist() == [0, 0, 1, 255, 255]


def test_conversions_refuse_the_wrong_kind():
    with pytest.raises(ValueError, match="uint8"):
        images.to_float(np.zeros(3, np.float32))
    with pytest.raises(ValueError, match="floating-point"):
        images.to_uint8(ALL_VALUES)
    with pytest.raises(ValueError, match="NaN"):
        images.to_uint8(np.array([0, np.nan]))


def test_sixteen_bits_come_back_exactly():
    values = np.arange(65_536, dtype=np.uint16)
    floats = images.to_float(values)
    assert floats.dtype == np.float32
    assert (floats[0], floats[-1]) == (-1, 1)
    np.testing.assert_array_equal(images.to_uint8(floats, dtype=np.uint16), values)


def test_check_images_accepts_both_ranges_without_a_copy():
    for good in (batch(), batch(channels=3), images.to_float(batch())):
        assert images.check_images(good) is good


@pytest.mark.parametrize("half", ["float16", "bfloat16"])
def test_images_in_16_bits_are_taken_as_float32(half):
    ones = np.ones((2, 4, 4, 1), keras.ops.zeros((), half).numpy().dtype)
    found = images.check_images(ones)
    assert found.dtype == np.float32
    assert (found == 1).all()


@pytest.mark.parametrize(
    ("bad", "words"),
    [
        (np.zeros((28, 28), np.uint8), r"\(28, 28\).*four axes"),
        (np.zeros((2, 28, 28), np.uint8), r"images\[\.\.\., None\]"),
        (np.zeros((2, 28, 28, 4), np.uint8), "4 channels"),
        (np.zeros((0, 28, 28, 1), np.uint8), "no image in it"),
        (np.zeros((2, 4, 4, 1), np.float64), "float64.*float32"),
        (np.zeros((2, 4, 4, 1), np.int32), "int32"),
        (np.full((2, 4, 4, 1), np.nan, np.float32), "NaN"),
        (np.full((2, 4, 4, 1), np.inf, np.float32), "infinity"),
        (np.full((2, 4, 4, 1), 255, np.float32), "255, outside.*to_float"),
        (np.full((2, 4, 4, 1), -1.01, np.float32), "outside"),
    ],
)
def test_check_images_says_what_is_wrong(bad, words):
    with pytest.raises(ValueError, match=f"^real_images.*{words}"):
        images.check_images(bad, "real_images")


def test_grid_places_every_picture():
    pictures = batch(5, channels=3)
    sheet = images.grid(pictures, columns=2, pad=1)
    assert sheet.shape == (3 * 4 + 2, 2 * 5 + 1, 3)
    assert sheet.dtype == np.uint8
    for index, picture in enumerate(pictures):
        top, left = index // 2 * 5, index % 2 * 6
        np.testing.assert_array_equal(sheet[top : top + 4, left : left + 5], picture)
    assert (sheet[4] == 255).all()
    assert (sheet[:, 5] == 255).all()
    assert (sheet[10:, 6:] == 255).all()


def test_grid_is_square_by_default_and_takes_floats():
    pictures = batch(16)
    sheet = images.grid(pictures)
    assert sheet.shape == (4 * 4 + 6, 4 * 5 + 6, 1)
    np.testing.assert_array_equal(images.grid(images.to_float(pictures)), sheet)
    assert images.grid(pictures[:2], columns=10, pad=0).shape == (4, 10, 1)


@pytest.mark.parametrize("wrong", [{"columns": 0}, {"pad": -1}, {"background": 256}])
def test_grid_refuses_impossible_numbers(wrong):
    with pytest.raises(ValueError, match="grid"):
        images.grid(batch(), **wrong)


def test_resize_is_antialiased():
    # One-pixel stripes average to gray; picking every second pixel would give black or white.
    stripes = np.zeros((1, 16, 16, 1), np.uint8)
    stripes[:, :, ::2] = 255
    half = images.resize(stripes, 8)
    assert half.shape == (1, 8, 8, 1)
    assert half.dtype == np.uint8
    assert np.abs(half[0, :, 2:-2].astype(int) - 127).max() < 20
    assert set(np.unique(images.resize(stripes, 8, method="nearest"))) < {0, 255}


def test_resize_takes_height_before_width_and_color():
    assert images.resize(batch(2, channels=3), (7, 9)).shape == (2, 7, 9, 3)
    assert images.resize(batch(), np.int64(4)).shape[1:3] == (4, 4)
    flat = np.full((1, 8, 8, 1), 77, np.uint8)
    assert (images.resize(flat, 28) == 77).all()


def test_resize_keeps_sixteen_bits_of_gray():
    ramp = np.linspace(0, 65_535, 64).astype(np.uint16)[None, None, :, None]
    edge = np.repeat(np.uint16([[0, 65_535]]), 8, axis=1)[None, ..., None]
    wide = images.resize(ramp, (2, 128))
    assert wide.shape == (1, 2, 128, 1)
    assert wide.dtype == np.uint16
    assert np.unique(wide).size > 100
    assert (np.diff(images.resize(edge, (1, 64)).astype(int), axis=2) >= -1500).all(), "no overflow"
    with pytest.raises(ValueError, match="resize expects uint8"):
        images.resize(np.zeros((1, 4, 4, 3), np.uint16), 2)


def test_resize_refuses_bad_input():
    with pytest.raises(ValueError, match="to_uint8"):
        images.resize(images.to_float(batch()), 8)
    for size in ((0, 8), 0, 4.5, (4.5, 4), (4, 4, 1)):
        with pytest.raises(ValueError, match=r"give \(height, width\) in pixels"):
            images.resize(batch(), size)
    with pytest.raises(ValueError, match=r"'cubic'.*bicubic"):
        images.resize(batch(), 8, method="cubic")


def test_entries_are_evenly_spaced():
    assert images.evenly(np.arange(10), 4).tolist() == [0, 3, 6, 9]
    assert images.evenly(np.arange(3), 9).tolist() == [0, 1, 2]
    assert images.evenly(np.arange(5), 1).tolist() == [0]
    assert images.evenly(batch(), 2).shape == (2, *batch().shape[1:])
    with pytest.raises(ValueError, match="at least 1"):
        images.evenly(np.arange(3), 0)


# ---- a digit of one's own ----------------------------------------------------------------------


def test_a_page_becomes_a_digit_like_those_of_mnist():
    page = np.full((200, 300, 1), 230, np.uint8)  # gray paper, a stroke in a corner
    page[20:120, 30:50] = 30
    digit = images.like_mnist(page)
    assert digit.shape == (1, 28, 28, 1)
    assert digit.dtype == np.float32
    rows, columns = np.nonzero(digit[0, ..., 0] > 0)
    assert (rows.min(), rows.max()) == (4, 23)
    assert (columns.min(), columns.max()) == (12, 15)
    assert digit[0, 0, 0, 0] == -1


@pytest.mark.parametrize(
    "page",
    [
        np.full((20, 20, 1), 255, np.uint8),
        np.zeros((20, 20), np.uint8),
        np.eye(20, dtype=np.float32)[..., None],
    ],
    ids=["empty", "no channel", "floats"],
)
def test_a_page_without_a_digit_is_refused(page):
    with pytest.raises(ValueError, match="expected one digit"):
        images.like_mnist(page)
