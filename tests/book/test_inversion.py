"""Lesson 17's inversion in the page: drawings like MNIST's images, search, and widget."""

import numpy as np
import pytest
from axe_playwright_python.base import AXE_SCRIPT
from lesson import load_lesson
from PIL import Image, ImageDraw
from test_browser import AXE, OVERFLOW

from gan_utils import images, weights
from tools.book import export_inversion, widgets

pytestmark = pytest.mark.browser

PAGE = f"notebooks/{export_inversion.LESSON}.html"
PATIENCE = 120_000  # ms; a search takes seconds, but something else may keep the machine busy
BOX = ".interactive[data-module*='inverter.js']"
FORM = """async ([address, page, width]) => {
    const { likeMnist } = await import(address);
    const image = likeMnist(Uint8Array.from(page), width);
    return image && [...image];
}"""
# The search as the page does it, from given latents or from its own; returns the last step.
SEARCH = """async ([address, box, goal, starts]) => {
    const { openNetwork, search } = await import(address);
    const facts = JSON.parse(document.querySelector(box).dataset.facts);
    const network = { ...(await openNetwork(facts.model)), latentDim: facts.latent_dim };
    let last;
    for await (last of search(network, Float32Array.from(goal), facts,
        starts && Float32Array.from(starts)));
    return { ...last, image: [...last.image], share: last.error / facts.variance };
}"""
LISTEN = """() => {
    window.found = [];
    document.addEventListener("found", ({ detail }) =>
        window.found.push({ ...detail, image: [...detail.image], target: [...detail.target] }));
}"""


def drawn_page(*lines, width=26, size=(280, 280), paper=255, ink=0):
    """A page with lines on it, (height, width, 1) uint8."""
    page = Image.new("L", size, paper)
    for line in lines:
        ImageDraw.Draw(page).line(line, fill=ink, width=width)
    return np.asarray(page)[..., None]


FOUR = drawn_page((150, 40, 70, 160, 210, 160), (170, 100, 160, 240))
PAGES = {
    "four": FOUR,
    "one": drawn_page((141, 30, 139, 251)),
    "minus, in a corner": drawn_page((5, 9, 90, 12), width=11),
    "pale, on gray": drawn_page((60, 50, 200, 230), paper=200, ink=120),
    "noisy": np.random.default_rng(0).integers(0, 256, (40, 30, 1), "uint8"),
    "smaller than 20 pixels": drawn_page((2, 3, 9, 12), width=2, size=(14, 15)),
}


@pytest.fixture
def script(address):
    return f"{address}{widgets.FOLDER}/inverter.js"


@pytest.fixture(scope="module")
def lesson():
    return load_lesson(export_inversion.LESSON)


@pytest.fixture(scope="module")
def generator():
    return weights.load_generator(export_inversion.GENERATOR)


def test_page_brings_drawings_into_the_form_of_mnist_as_python_does(page, script):
    for name, drawing in PAGES.items():
        found = page.evaluate(FORM, [script, drawing.ravel().tolist(), drawing.shape[1]])
        wanted = images.to_uint8(images.like_mnist(drawing)).ravel().astype(int)
        gray = images.to_uint8(np.array(found, "float32"))
        assert np.abs(gray - wanted).max() <= 1, name
        assert np.ptp(wanted) > 100, "an empty image would agree with anything"
    assert page.evaluate(FORM, [script, [255] * 100, 10]) is None


def test_page_searches_as_the_lesson_does(page, script, lesson, generator, monkeypatch):
    monkeypatch.setitem(
        lesson.invert.__globals__, "INVERSION_STEPS", export_inversion.SEARCH["steps"]
    )
    rng = np.random.default_rng(3)
    own = weights.draw(generator, lesson.noise(1, rng))
    goals = np.concatenate([own, images.like_mnist(FOUR)])
    takes = weights.inputs_of("gan", generator)
    starts = lesson.start_near(generator, takes, goals, np.zeros(2, int), rng)
    drawn, errors = lesson.invert(generator, goals, rng, starts=starts)
    for goal, start, wanted, error in zip(goals, starts, drawn, errors, strict=True):
        sent = [goal.ravel().tolist(), start.ravel().tolist()]
        found = page.evaluate(SEARCH, [script, BOX, *sent])
        assert found["step"] == export_inversion.SEARCH["steps"]
        # The page's weights have half precision, so a search does not end at the same point.
        assert found["error"] == pytest.approx(error.min(), rel=0.2, abs=0.01)
        image = np.array(found["image"]).reshape(goal.shape)
        assert np.mean((image - goal) ** 2) == pytest.approx(found["error"], rel=1e-3)
        assert np.mean((image - wanted) ** 2) < np.mean((image - goal.mean()) ** 2) / 5


def test_page_finds_what_the_generator_drew_and_no_shuffled_digit(page, script, lesson, generator):
    own = weights.draw(generator, lesson.noise(1, np.random.default_rng(4)))
    four = images.like_mnist(FOUR)
    shuffled = np.random.default_rng(0).permutation(four.ravel())
    goals = {"own": own, "four": four, "shuffled": shuffled}
    shares = {
        name: page.evaluate(SEARCH, [script, BOX, goal.ravel().tolist(), None])["share"]
        for name, goal in goals.items()
    }
    assert shares["own"] < 0.1
    assert shares["own"] < shares["four"] < shares["shuffled"] / 2


def test_reader_draws_searches_turns_and_resets(page):
    loaded = []
    page.on("request", lambda request: loaded.append(request.url))
    page.evaluate(LISTEN)
    box = page.locator(BOX)
    assert box.locator("img").get_attribute("alt")
    assert not any(url.endswith((".js", ".onnx")) and widgets.FOLDER in url for url in loaded)
    box.locator("button").press("Enter")
    paper, status = box.locator(".paper"), box.locator("[role=status]")
    paper.wait_for()

    def press(name):
        box.get_by_role("button", name=name).press("Enter")

    assert page.evaluate("document.activeElement.className") == "paper"
    press("Search")
    assert "draw a digit first" in status.inner_text()
    paper.click(button="right", position={"x": 50, "y": 50})
    press("Search")
    assert "draw a digit first" in status.inner_text(), "the right button paints"
    for key in [*["Shift+ArrowUp"] * 3, "ArrowRight", "Space"]:
        paper.press(key)
    draw_with_the_mouse(page, paper)
    press("Search")
    page.wait_for_function("window.found.length > 0")
    recorded = export_inversion.facts(weights.facts(export_inversion.GENERATOR))["yardsticks"]
    said = status.inner_text()
    for name, share in recorded:
        assert f"{name} {100 * share:.{int(share < 0.1)}f} %" in said
    paper.press("Space")
    assert "Error" not in status.inner_text(), "that of the drawing before"
    press("Example digit")
    page.wait_for_function("window.found.length > 1")
    press("Turn")
    page.wait_for_function("window.found.length > 2")
    drawing, example, turned = page.evaluate("window.found")
    assert f"Error: {100 * turned['share']:.0f} %" in status.inner_text()
    turned_by_numpy = np.rot90(np.reshape(example["target"], (28, 28)))
    np.testing.assert_allclose(np.reshape(turned["target"], (28, 28)), turned_by_numpy, atol=0.3)
    assert not np.array_equal(drawing["target"], example["target"])
    assert page.evaluate(OVERFLOW) <= 0
    page.evaluate(AXE_SCRIPT)
    assert page.evaluate(AXE, True) == []
    press("Search")
    press("Reset")
    assert status.inner_text() == "The page is empty."
    press("Search")
    assert "draw a digit first" in status.inner_text()


def draw_with_the_mouse(page, paper):
    paper.scroll_into_view_if_needed()
    box = paper.bounding_box()
    page.mouse.move(box["x"] + 60, box["y"] + 60)
    page.mouse.down()
    page.mouse.move(box["x"] + 200, box["y"] + 60, steps=4)
    page.mouse.move(box["x"] + 120, box["y"] + 240, steps=4)
    page.mouse.up()
