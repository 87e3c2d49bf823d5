"""Tests of gan_utils.plots, with its curves and animations."""

import math

import matplotlib as mpl
import numpy as np
import pytest
from PIL import Image, ImageSequence

from gan_utils import images, plots

mpl.use("Agg")
plt = pytest.importorskip("matplotlib.pyplot")


@pytest.fixture(autouse=True)
def close_figures():
    yield
    plt.close("all")


def batch(count, height=6, width=8, channels=1):
    return np.random.default_rng(0).integers(
        0, 256, (count, height, width, channels), dtype=np.uint8
    )


def drawn(figure):
    return [(np.asarray(artist.get_array()), artist) for artist in figure.axes[0].images]


@pytest.mark.parametrize("channels", [1, 3])
def test_pictures_are_drawn_in_their_order_and_range(channels):
    pictures = batch(5, channels=channels)
    pictures[0, 0, 0], pictures[0, 0, 1] = 0, 255
    for given in (pictures, images.to_float(pictures)):
        artists = drawn(plots.show_images(given, columns=3))
        assert len(artists) == 5
        for picture, (array, artist) in zip(pictures, artists, strict=True):
            expected = picture[..., 0] if channels == 1 else picture
            np.testing.assert_allclose(array, expected / 255, atol=1e-6)
            assert artist.get_clim() == (0, 1)
        assert (artists[0][0].min(), artists[0][0].max()) == (0, 1)
        corners = [artist.get_extent() for _, artist in artists]
        assert corners[0][0] < corners[1][0] < corners[2][0]
        assert corners[3][0] == corners[0][0]
        assert corners[3][2] > corners[0][2] == corners[2][2]
        left, right, bottom, top = corners[0]
        assert (bottom - top) / (right - left) == pytest.approx(6 / 8)


def test_texts_stand_where_they_belong():
    figure = plots.show_images(
        batch(4), columns=2, titles=["a", "b", "c", "d"], row_labels=["up", "down"], title="all"
    )
    axes = figure.axes[0]
    assert axes.get_title() == "all"
    assert [text.get_text() for text in axes.texts] == ["a", "b", "c", "d"]
    assert [label.get_text() for label in axes.get_yticklabels()] == ["up", "down"]
    for text, (_, artist) in zip(axes.texts, drawn(figure), strict=True):
        left, right, _, top = artist.get_extent()
        assert left < text.get_position()[0] < right
        assert 0 < top - text.get_position()[1] < 0.1


@pytest.mark.parametrize(("count", "columns"), [(1, None), (8, 8), (16, None), (64, 8), (30, 30)])
def test_figures_fit_the_page_and_keep_square_pixels(count, columns):
    figure = plots.show_images(batch(count, 8, 8), columns)
    figure.canvas.draw()
    assert figure.get_figwidth() <= 7
    box = figure.axes[0].get_window_extent()
    spans = figure.axes[0].viewLim
    assert box.width / abs(spans.width) == pytest.approx(box.height / abs(spans.height), rel=0.01)


def test_scale_is_the_width_of_a_picture_in_inches():
    small, large = (plots.show_images(batch(1), scale=scale).get_figwidth() for scale in (2, 6))
    assert small == pytest.approx(2 * 1.06)
    assert large == pytest.approx(6 * 1.06)


@pytest.mark.parametrize(
    ("wrong", "words"),
    [
        ({"columns": 0}, "columns=0"),
        ({"scale": 0}, "scale=0"),
        ({"titles": ["a"]}, "titles must be a list of 4"),
        ({"titles": "abcd"}, "titles must be a list"),
        ({"row_labels": ["a", "b", "c"]}, "row_labels must be a list of 2"),
    ],
)
def test_show_images_refuses_what_does_not_fit(wrong, words):
    with pytest.raises(ValueError, match=words):
        plots.show_images(batch(4), **({"columns": 2} | wrong))
    with pytest.raises(ValueError, match="to_float"):
        plots.show_images(batch(4).astype(np.float32))


def history(count=200):
    generator = np.random.default_rng(0)
    names = ("d_loss", "g_loss", "d_real", "d_fake", "d_fake_after")
    return {"step": list(range(10, 10 * count + 1, 10))} | {
        name: generator.uniform(0.2, 0.8, count).tolist() for name in names
    }


def test_history_has_two_panels_in_words():
    figure = plots.plot_history(history(), smooth=1)
    losses, verdicts = figure.axes
    names = [[text.get_text() for text in axes.get_legend().get_texts()] for axes in figure.axes]
    assert names == [
        ["loss of the discriminator", "loss of the generator"],
        ["D(x): real images", "D(G(z)): fake images"],
    ]
    assert verdicts.get_ylim() == pytest.approx((-0.02, 1.02))
    assert verdicts.get_xlabel() == "step"
    line = losses.lines[0]
    np.testing.assert_array_equal(line.get_xdata(), history()["step"])
    np.testing.assert_allclose(line.get_ydata(), history()["d_loss"])


def test_lines_differ_in_color_and_in_style():
    curves = {str(index): [0, index] for index in range(6)}
    lines = plots.plot_history(curves, {"all": list(curves)}).axes[0].lines
    assert len({line.get_color() for line in lines}) == 6
    assert len({str(line._unscaled_dash_pattern) for line in lines}) == 6


def test_smoothing_keeps_the_values_and_averages_the_last_ones():
    curves = history(200)
    figure = plots.plot_history(curves, smooth=20)
    raw, mean = figure.axes[0].lines[:2]
    np.testing.assert_allclose(raw.get_ydata(), curves["d_loss"])
    assert raw.get_linewidth() < 1 < mean.get_linewidth()
    assert raw.get_color() == mean.get_color()
    assert (mean.get_xdata()[0], mean.get_xdata()[-1]) == (200, 2000)
    assert mean.get_ydata()[0] == pytest.approx(np.mean(curves["d_loss"][:20]))
    assert mean.get_ydata()[-1] == pytest.approx(np.mean(curves["d_loss"][-20:]))
    assert "mean of the last 20 points" in figure.axes[1].get_xlabel()


def test_short_and_epoch_histories():
    figure = plots.plot_history({"d_loss": [1.0], "g_loss": [2.0]})
    assert len(figure.axes) == 1
    assert figure.axes[0].lines[0].get_marker() == "o"
    assert figure.axes[0].get_xlabel() == "epoch"
    assert plots.plot_history(history(99)).axes[1].get_xlabel() == "step"
    assert "last 4 points" in plots.plot_history(history(200)).axes[1].get_xlabel()


def test_own_groups_and_labels():
    figure = plots.plot_history(
        {"critic_loss": [1, 2], "norm": [3, 4]},
        {"Critic": ["critic_loss"], "Gradient": ["norm"]},
        labels={"norm": "norm of the gradient"},
    )
    assert [axes.get_title(loc="left") for axes in figure.axes] == ["Critic", "Gradient"]
    texts = [axes.get_legend().get_texts()[0].get_text() for axes in figure.axes]
    assert texts == ["critic loss", "norm of the gradient"]


@pytest.mark.parametrize(
    ("curves", "options", "words"),
    [
        ({"loss": [1]}, {}, r"none of .* in the history, which has \['loss'\].*groups="),
        ({"d_loss": [1]}, {"groups": {"a": ["g_loss"]}}, r"\['g_loss'\] is not among"),
        ({"d_loss": [1, 2], "g_loss": [1]}, {}, "same number of points"),
        ({"d_loss": [1, 2], "step": [1]}, {}, "same number of points"),
        ({"d_loss": []}, {}, "same number of points"),
        ({"d_loss": [1]}, {"smooth": 0}, "smooth is 0"),
        ({"d_loss": [1]}, {"groups": {}}, "not among"),
        ({"d_loss": [1]}, {"groups": {"a": ["d_loss"] * 7}}, "at most 6"),
    ],
)
def test_plot_history_refuses_what_does_not_fit(curves, options, words):
    with pytest.raises(ValueError, match=words):
        plots.plot_history(curves, **options)


def test_kept_frames_thin_out():
    kept = plots.keep_frames(51)
    assert kept == [0, 1, 2, 4, 6, 8, 11, 15, 19, 23, 28, 34, 40, 46]
    assert kept == [
        i for i in range(51) if i == 0 or round(2 * math.sqrt(i)) > round(2 * math.sqrt(i - 1))
    ]
    assert plots.keep_frames(0) == []
    with pytest.raises(ValueError, match="negative"):
        plots.keep_frames(-1)


@pytest.mark.parametrize("channels", [1, 3])
def test_gif_holds_every_frame_enlarged(tmp_path, channels):
    frames = [np.full((10, 15, channels), value, np.uint8) for value in (0, 100, 200, 255)]
    frames[0][3, 4] = 255
    path = plots.save_gif(frames, tmp_path / "new" / "run.gif", seconds=0.3, width=40)
    assert [file.name for file in path.parent.iterdir()] == ["run.gif"]
    with Image.open(path) as animation:
        assert animation.n_frames == 4
        assert animation.info["loop"] == 0
        durations, pictures = [], []
        for frame in ImageSequence.Iterator(animation):
            durations.append(frame.info["duration"])
            pictures.append(np.asarray(frame.convert("L")))
    assert durations == [300, 300, 300, 1500]
    assert pictures[0].shape == (30, 45)
    assert [picture[0, 0] for picture in pictures] == pytest.approx([0, 100, 200, 255], abs=2)
    assert (pictures[0] > 128).sum() == 9
    assert (pictures[0][9:12, 12:15] > 128).all()


@pytest.mark.parametrize("count", [1, 3])
def test_equal_frames_make_a_still_gif(tmp_path, count):
    frames = [np.full((10, 10, 1), 100, np.uint8)] * count
    with Image.open(plots.save_gif(frames, tmp_path / "run.gif")) as animation:
        assert animation.n_frames == 1
        assert animation.size == (360, 360)


@pytest.mark.parametrize(
    ("frames", "options", "words"),
    [
        ([], {}, "no frame"),
        ([np.zeros((4, 4, 1), np.uint8), np.zeros((5, 4, 1), np.uint8)], {}, "one shape"),
        ([np.zeros((4, 4, 1), np.float32)], {}, "to_uint8"),
        ([np.zeros((4, 4), np.uint8)], {}, "four axes"),
        ([np.zeros((4, 4, 1), np.uint8)], {"seconds": 0}, "seconds=0"),
        ([np.zeros((4, 4, 1), np.uint8)], {"path": "run.png"}, "run.png must end in .gif"),
    ],
)
def test_save_gif_refuses_what_does_not_fit(tmp_path, frames, options, words):
    path = tmp_path / options.pop("path", "run.gif")
    with pytest.raises(ValueError, match=words):
        plots.save_gif(frames, path, **options)
    assert list(tmp_path.iterdir()) == []


def test_a_graph_is_drawn_or_its_layers_are_listed(tmp_path, capsys, monkeypatch):
    import keras
    from keras import layers

    inputs = keras.Input((3,))
    network = keras.Model(inputs, [layers.Dense(1, name="one")(inputs)], name="forked")
    written = tmp_path / "graph.png"
    monkeypatch.setattr(
        keras.utils, "plot_model", lambda model, to_file, **_: to_file.write_bytes(b"")
    )
    monkeypatch.setattr("IPython.display.Image", lambda filename, alt: (filename, alt))
    shown = []
    monkeypatch.setattr("IPython.display.display", shown.append)
    plots.show_graph(network, written)
    assert shown == [(written, "Graph of the forked, layer by layer")]

    def missing(*_, **__):
        raise ImportError("no pydot")

    monkeypatch.setattr(keras.utils, "plot_model", missing)
    plots.show_graph(network, written)
    assert len(shown) == 1
    assert "one" in capsys.readouterr().out


def test_a_summary_is_text_alone(capsys):
    import keras
    from keras import layers

    inputs = keras.Input((3,))
    network = keras.Model(inputs, layers.Dense(2, name="only_one")(inputs), name="small")
    plots.show_summary(network)
    shown = capsys.readouterr().out
    assert shown.startswith('Model: "small"')
    assert "only_one" in shown
    assert "Total params: 8" in shown
    assert "\x1b" not in shown, "no colors"


def test_the_axis_speaks_of_a_mean_only_where_one_is_drawn():
    short = plots.plot_history({"d_loss": [1.0, 2.0]}, smooth=10)
    long = plots.plot_history({"d_loss": list(range(20))}, smooth=10)
    assert ["thick" in each.axes[-1].get_xlabel() for each in (short, long)] == [False, True]
    plt.close("all")
