"""The callbacks: what they keep and write, and which errors they raise."""

import imageio.v3 as imageio
import keras
import numpy as np
import pytest
import tensorflow as tf
from killed_run import build_gan

from gan_utils import LinearDecay, SampleGrid, StepHistory, TensorBoardImages, TerminateOnNaN
from gan_utils.callbacks import Checkpoint, ScoreByEpoch

PICTURES = np.random.default_rng(3).integers(0, 256, (50, 4, 4, 1), dtype=np.uint8)
LATENTS = keras.random.normal((4, 6), seed=1)


def fit(*callbacks, epochs=3):
    gan = build_gan()
    gan.fit(PICTURES, batch_size=8, epochs=epochs, callbacks=list(callbacks), verbose=0)
    return gan


def test_the_grid_is_drawn_before_training_and_after_each_epoch(tmp_path):
    grid = SampleGrid(LATENTS, columns=2, folder=tmp_path / "grids")
    gan = fit(grid)
    assert len(grid.frames) == 4
    assert all(frame.shape == grid.frames[0].shape for frame in grid.frames)
    assert not np.array_equal(grid.frames[0], grid.frames[-1])
    files = sorted(p.name for p in (tmp_path / "grids").iterdir())
    assert files == [f"epoch-000{i}.png" for i in range(4)]
    np.testing.assert_array_equal(
        imageio.imread(tmp_path / "grids" / files[-1]), grid.frames[-1][..., 0]
    )
    again = SampleGrid(LATENTS, columns=2)
    again.set_model(gan)
    again.on_epoch_end(3)
    np.testing.assert_array_equal(again.frames[0], grid.frames[-1])


def test_the_gif_moves(tmp_path):
    grid = SampleGrid(LATENTS, columns=2)
    fit(grid, epochs=5)
    frames = imageio.imread(grid.save_gif(tmp_path / "run.gif"), index=None)
    assert 1 < len(frames) <= 6
    assert not np.array_equal(frames[0], frames[-1])


def test_step_history_has_a_row_for_each_step(tmp_path):
    every, thinned = StepHistory(tmp_path / "steps.csv"), StepHistory(every=5)
    fit(every, thinned)
    assert every.history["step"] == list(range(1, 19))
    assert thinned.history["step"] == [5, 10, 15]
    assert thinned.history["d_loss"][0] == every.history["d_loss"][4]
    assert (tmp_path / "steps.csv").read_text().count("\n") == 19
    assert StepHistory().history == {}


def test_tensorboard_gets_scalars_and_the_grid(tmp_path):
    fit(TensorBoardImages(tmp_path, LATENTS, columns=2))
    tags = {}
    (file,) = tmp_path.glob("events*")
    for record in tf.data.TFRecordDataset(str(file)):
        event = tf.compat.v1.Event.FromString(record.numpy())
        for value in event.summary.value:
            tags.setdefault(value.tag, []).append(event.step)
    assert tags["samples"] == [1, 2, 3]
    assert tags["d_loss"] == [1, 2, 3]


@pytest.mark.parametrize("bad", [np.nan, np.inf])
def test_a_number_that_is_not_finite_ends_the_run_with_advice(bad):
    stop = TerminateOnNaN()
    stop.on_train_batch_end(0, {"d_loss": 1.0})
    with pytest.raises(FloatingPointError, match=r"g_loss became .* at step 3 .*learning rate"):
        stop.on_train_batch_end(2, {"d_loss": 1.0, "g_loss": bad})


def test_scores_by_epoch_go_on_after_a_resume(tmp_path):
    def measure(gan, epoch):
        return 10 * epoch + int(gan.g_optimizer.iterations) / 1000

    first = ScoreByEpoch(measure, tmp_path / "scores.txt")
    gan = fit(first)
    assert first.rows == [[1, 0.006], [2, 10.012], [3, 20.018]]
    assert first.values == [0.006, 10.012, 20.018]
    second = ScoreByEpoch(measure, tmp_path / "scores.txt")
    gan.first_epoch = 2
    second.set_model(gan)
    second.on_train_begin()
    assert second.rows == first.rows[:2]
    kept_nowhere = ScoreByEpoch(measure)
    fit(kept_nowhere, epochs=1)
    assert kept_nowhere.values == [0.006]


def test_rates_fall_at_the_end_and_alike_after_a_resume():
    gan = build_gan()
    seen = []
    watch = keras.callbacks.LambdaCallback(
        on_epoch_end=lambda epoch, logs: seen.append(float(gan.g_optimizer.learning_rate))
    )
    falling = LinearDecay((0, 2e-3, 1e-3), (0.5, 2e-3, 1e-3))
    options = {"batch_size": 8, "epochs": 4, "callbacks": [falling, watch], "verbose": 0}
    gan.fit(PICTURES, **options)
    np.testing.assert_allclose(seen, [1e-3, 1e-3, 1e-3, 0.5e-3], rtol=1e-5)
    assert float(gan.d_optimizer.learning_rate) == pytest.approx(1e-3)
    gan.fit(PICTURES, initial_epoch=3, **options)
    assert seen[-1] == pytest.approx(0.5e-3)
    falling = LinearDecay((0, 2e-3, 1e-3), (0.5, 1e-4, 2e-4))
    gan.fit(PICTURES, **options | {"callbacks": [falling, watch]})
    np.testing.assert_allclose(seen[-4:], [1e-3, 1e-3, 2e-4, 1e-4], rtol=1e-5)
    assert float(gan.d_optimizer.learning_rate) == pytest.approx(0.5e-4)


@pytest.mark.parametrize("starts", [(), (0.5,), (0, 1.0), (0, 0.6, 0.4), (0, 0)])
def test_stages_of_rates_must_start_one_after_the_other(starts):
    with pytest.raises(ValueError, match="rising shares"):
        LinearDecay(*((start, 1e-3, 1e-3) for start in starts))


def test_steps_are_counted_however_many_run_at_once():
    steps, gan = StepHistory(), build_gan()
    gan.compile("adam", "sgd", steps_per_execution=2)
    gan.fit(PICTURES, batch_size=8, callbacks=[steps], verbose=0)
    assert steps.history["step"] == [2, 4, 6]
    with pytest.raises(ValueError, match="every must be at least 1"):
        StepHistory(every=0)


def test_a_file_of_steps_is_not_overwritten_where_they_cannot_be_counted(tmp_path):
    data = tf.data.Dataset.from_tensor_slices(PICTURES).filter(lambda _: True).batch(8, True)

    def run(epochs):
        watchers = [StepHistory(tmp_path / "a.csv"), Checkpoint(tmp_path / "c")]
        build_gan().fit(data, epochs=epochs, callbacks=watchers, verbose=0)

    run(1)
    before = (tmp_path / "a.csv").read_bytes()
    with pytest.raises(ValueError, match=r"a\.csv cannot be continued.*steps_per_epoch"):
        run(2)
    assert (tmp_path / "a.csv").read_bytes() == before


def test_a_gif_of_no_frame_says_so(tmp_path):
    with pytest.raises(ValueError, match="no frame"):
        SampleGrid(LATENTS).save_gif(tmp_path / "a.gif")


def test_a_damaged_file_of_scores_is_named(tmp_path):
    (tmp_path / "scores.txt").write_text("1 x")
    watcher = ScoreByEpoch(lambda gan, epoch: 0.0, tmp_path / "scores.txt")
    fit(Checkpoint(tmp_path / "c"), epochs=1)
    with pytest.raises(ValueError, match=r"scores\.txt is not a table of scores"):
        fit(watcher, Checkpoint(tmp_path / "c"), epochs=2)
