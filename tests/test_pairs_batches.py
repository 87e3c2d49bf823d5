"""Tests of batches of pairs: alignment, order, resume, constant memory, training with GAN.fit."""

import subprocess
import sys

import keras
import numpy as np
import pytest
import tensorflow as tf
from keras import layers
from PIL import Image

from gan_utils import GAN, Checkpoint, pairs
from gan_utils.images import to_float


def make_set(count=6, height=16, width=12, channels=3):
    rng = np.random.default_rng(0)
    source = rng.integers(0, 256, (count, height, width, channels), dtype=np.uint8)
    return pairs.PairSet(source, 255 - source)


def drawn(batches, count, first_epoch=0):
    return [
        tuple(part.numpy() for part in batch) for batch in batches.dataset(first_epoch).take(count)
    ]


def assert_same(one, other):
    assert len(one) == len(other)
    for batch, again in zip(one, other, strict=True):
        for part, part_again in zip(batch, again, strict=True):
            np.testing.assert_array_equal(part, part_again)


def test_plain_batches_hold_every_pair_once_as_floats():
    found = make_set()
    batches = found.batches(2)
    assert batches.steps_per_epoch == 3
    assert len(batches) == 6
    source, target = (np.concatenate(part) for part in zip(*drawn(batches, 3), strict=True))
    assert source.dtype == target.dtype == np.float32
    wanted = to_float(found.source)
    order = [int(np.argmin(np.abs(wanted - one).sum(axis=(1, 2, 3)))) for one in source]
    assert sorted(order) == list(range(6))
    np.testing.assert_array_equal(source, wanted[order])
    np.testing.assert_array_equal(target, to_float(found.target)[order])


def test_batches_have_a_fixed_shape_and_channels_may_differ():
    found = make_set()
    batches = pairs.PairBatches(pairs.PairSet(found.source, found.target[..., :1]), batch_size=4)
    source, target = batches.dataset().element_spec
    assert source.shape == (4, 16, 12, 3)
    assert target.shape == (4, 16, 12, 1)
    assert source.dtype == target.dtype == tf.float32
    assert batches.dataset().cardinality() == tf.data.INFINITE_CARDINALITY


@pytest.mark.parametrize("options", [{"jitter": (20, 18)}, {"mirror": True}, {"jitter": True}])
def test_both_halves_are_cropped_and_mirrored_alike(options):
    batches = make_set().batches(3, mirror=options.pop("mirror", True), **options)
    for source, target in drawn(batches, 20):
        np.testing.assert_allclose(source, -target, atol=2.1 / 127.5)  # a target is the negative


def test_equal_halves_stay_equal_from_disk(tmp_path):
    rng = np.random.default_rng(1)
    for index in range(4):
        half = rng.integers(0, 256, (40, 40, 3), dtype=np.uint8)
        Image.fromarray(np.concatenate([half, half], axis=1)).save(tmp_path / f"{index}.png")
    found = pairs.load_pairs(tmp_path, 32)
    for source, target in drawn(found.batches(2, jitter=36, mirror=True), 10):
        np.testing.assert_array_equal(source, target)


def test_jitter_enlarges_then_crops_every_place_and_mirrors_half():
    ramp = np.tile(np.arange(0, 240, 10, dtype=np.uint8)[None, :, None], (24, 1, 3))
    one = pairs.PairSet(ramp[None], ramp[None])
    batches = one.batches(1, jitter=27, mirror=True)
    seen = [batch[0][0, 0, :, 0] for batch in drawn(batches, 60)]
    mirrored = [line[0] > line[-1] for line in seen]
    assert 15 < sum(mirrored) < 45
    starts = {round(float(min(line[0], line[-1])), 2) for line in seen}
    assert len(starts) == 4  # 27 - 24 + 1 places, whether mirrored or not
    plain = {
        round(float(line[0]), 4) for line in (b[0][0, 0, :, 0] for b in drawn(one.batches(1), 3))
    }
    assert plain == {-1.0}


def test_jitter_of_a_rectangle_is_its_shorter_side():
    batches = make_set(height=16, width=32).batches(1, jitter=18)
    assert batches._read_size == (18, 36)
    assert make_set(height=32, width=16).batches(1, jitter=(40, 40))._read_size == (40, 40)
    assert next(iter(batches.dataset()))[0].shape == (1, 16, 32, 3)


def test_order_crops_and_mirroring_are_those_of_seed_and_epoch():
    found = make_set(7)
    options = {"jitter": 20, "mirror": True}
    through = drawn(found.batches(2, seed=4, **options), 12)
    assert_same(through, drawn(found.batches(2, seed=4, **options), 12))
    assert_same(through[6:], drawn(found.batches(2, seed=4, **options), 6, first_epoch=2))
    other = drawn(found.batches(2, seed=5, **options), 12)
    assert any((one[0] != two[0]).any() for one, two in zip(through, other, strict=True))
    first, second = (np.concatenate([b[0] for b in part]) for part in (through[:3], through[3:6]))
    assert (first != second).any()


def test_epochs_shorter_than_a_pass_resume_too():
    found = make_set(7)
    batches = found.batches(2, jitter=20, mirror=True, steps_per_epoch=2)
    through = drawn(batches, 10)
    for epoch in range(4):
        assert_same(through[2 * epoch :], drawn(batches, 10 - 2 * epoch, first_epoch=epoch))


def test_labels_stay_with_their_pairs():
    found = make_set()
    labels = np.arange(6)
    for source, _, label in drawn(found.batches(2, labels=labels), 6):
        assert label.dtype == np.int32
        np.testing.assert_array_equal(source, to_float(found.source)[label])


def test_arguments_are_checked():
    found = make_set()
    for options, words in (
        ({"batch_size": 7}, "only 6 pairs"),
        ({"batch_size": 0}, "batch_size is 0"),
        ({"seed": -1}, "seed is -1"),
        ({"jitter": 8}, "smaller than the pairs' size"),
        ({"jitter": "big"}, "jitter is 'big'"),
        ({"labels": [1, 2]}, "6 images need shape"),
        ({"steps_per_epoch": 0}, "steps_per_epoch is 0"),
    ):
        with pytest.raises(ValueError, match=words):
            found.batches(**options)
    with pytest.raises(ValueError, match="first_epoch is -1"):
        found.batches().dataset(-1)


def test_a_file_that_breaks_while_training_is_named(tmp_path):
    pairs.write_city(tmp_path, 3, 32)
    batches = pairs.load_pairs(tmp_path, 32).batches(3)
    (tmp_path / "000001.png").write_bytes(b"")
    with pytest.raises(tf.errors.InvalidArgumentError, match=r"000001\.png is empty \(0 bytes\)"):
        drawn(batches, 1)


class Translator(GAN):
    """The smallest Pix2Pix: a source in, a target out, both before the discriminator."""

    def generator_inputs(self, batch, seed, count=None):
        return tf.zeros((count, 16, 16, 3)) if batch is None else batch[0]

    def real_inputs(self, batch):
        return tf.concat(batch, axis=-1)

    def fake_inputs(self, fake_images, inputs):
        return tf.concat([inputs, fake_images], axis=-1)


def build_translator():
    keras.utils.set_random_seed(1)
    generator = keras.Sequential(
        [layers.Input((16, 16, 3)), layers.Conv2D(3, 3, padding="same", activation="tanh")]
    )
    discriminator = keras.Sequential([layers.Input((16, 16, 6)), layers.Conv2D(1, 4, 4)])
    translator = Translator(generator, discriminator, 1, ema_decay=None)
    translator.compile(d_optimizer=keras.optimizers.Adam(), g_optimizer=keras.optimizers.Adam())
    return translator


def test_gan_fit_trains_on_pairs_and_a_resumed_run_ends_the_same(tmp_path):
    batches = pairs.city(5, 16).batches(2, jitter=True, mirror=True)
    through = build_translator()
    history = through.fit(batches, epochs=3, verbose=0)
    assert history.params["steps"] == batches.steps_per_epoch == 2
    start = build_translator()
    start.fit(batches, epochs=1, verbose=0, callbacks=[Checkpoint(tmp_path)])
    resumed = build_translator()
    resumed.fit(batches, epochs=3, verbose=0, callbacks=[Checkpoint(tmp_path)])
    for one, other in zip(through.get_weights(), resumed.get_weights(), strict=True):
        np.testing.assert_array_equal(one, other)
    for one, other in zip(through.get_weights(), build_translator().get_weights(), strict=True):
        assert (one != other).any()


FLAT = """
import sys
from pathlib import Path
from gan_utils import pairs
def resident():
    return int(Path("/proc/self/statm").read_text().split()[1]) * 4096
batches = pairs.load_pairs(sys.argv[1], 128).batches(4, jitter=True, mirror=True)
stream = iter(batches.dataset())
for _ in range(20):
    next(stream)
start = resident()
for _ in range(130):
    next(stream)
print(resident() - start)
"""


ENDS = """
import sys
from gan_utils import pairs
batches = pairs.load_pairs(sys.argv[1], 128).batches(4, jitter=True, mirror=True)
stream = iter(batches.dataset())
for _ in range(40):
    next(stream)
"""


def test_a_program_ends_though_a_stream_is_open(tmp_path):
    """Reads under way once waited for Python, which waited for them."""
    pairs.write_city(tmp_path, 20, 128)
    for _ in range(2):
        subprocess.run([sys.executable, "-c", ENDS, str(tmp_path)], timeout=120, check=True)


def test_memory_stays_flat(tmp_path):
    """600 pairs are 59 MB as uint8 and 236 MB as floats; reading them all must hold none of it."""
    first = pairs.write_city(tmp_path, 20, 128) / "000000.png"
    for index in range(20, 600):
        (tmp_path / f"{index:06d}.png").write_bytes(first.read_bytes())
    result = subprocess.run(
        [sys.executable, "-c", FLAT, str(tmp_path)],
        capture_output=True,
        text=True,
        timeout=120,
        check=True,
    )
    assert int(result.stdout) < 20e6
