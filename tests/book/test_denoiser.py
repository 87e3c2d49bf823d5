"""Lesson 20's diffusion in the page: schedule, sampler, and widget."""

import numpy as np
import pytest
from axe_playwright_python.base import AXE_SCRIPT
from lesson import load_lesson
from test_browser import AXE, OVERFLOW

from gan_utils import weights
from tools.book import export_denoiser, widgets

pytestmark = pytest.mark.browser

PAGE = f"notebooks/{export_denoiser.LESSON}.html"
PATIENCE = 120_000  # ms; a drawing takes seconds, but something else may keep the machine busy
BOX = ".interactive[data-module*='denoiser.js']"
SCHEDULE = """async ([address, box]) => {
    const { schedule } = await import(address);
    return schedule(JSON.parse(document.querySelector(box).dataset.facts));
}"""
# The page's sampler from given noise: the step, the noisy image and the guess of each call.
DRAW = """async ([address, box, start, calls]) => {
    const { denoise, openNetwork } = await import(address);
    const facts = JSON.parse(document.querySelector(box).dataset.facts);
    const [network, looks] = [await openNetwork(facts.model), []];
    for await (const { t, noisy, clean } of denoise(network, facts, start, calls))
        looks.push({ t, noisy: [...noisy], clean: [...clean] });
    return looks;
}"""
LISTEN = """() => {
    window.drawn = [];
    document.addEventListener("denoised", ({ detail }) => window.drawn.push(detail));
}"""


@pytest.fixture
def script(address):
    return f"{address}{widgets.FOLDER}/denoiser.js"


@pytest.fixture(scope="module")
def lesson():
    return load_lesson(export_denoiser.LESSON)


def test_page_has_the_schedule_of_the_lesson(page, script, lesson):
    found = page.evaluate(SCHEDULE, [script, BOX])
    np.testing.assert_allclose(found["signal"], lesson.SIGNAL, atol=1e-6)
    np.testing.assert_allclose(found["noise"], lesson.NOISE, atol=1e-6)


@pytest.mark.parametrize("calls", export_denoiser.CHOICES)
def test_page_samples_as_the_lesson_does(page, script, lesson, calls):
    network = weights.load_generator(export_denoiser.GENERATOR)
    noise = np.random.default_rng(0).normal(size=(1, 28, 28, 1)).astype("float32")
    looks = page.evaluate(DRAW, [script, BOX, noise.ravel().tolist(), calls])
    path = np.linspace(lesson.NUM_STEPS, 0, calls + 1).round()
    assert [look["t"] for look in looks] == path.tolist()
    np.testing.assert_allclose(looks[0]["noisy"], noise.ravel(), atol=1e-6)
    wanted = lesson.make_sampler(network)(noise, calls).ravel()
    assert np.ptp(wanted) > 0.5, "an empty image would agree with anything"
    # The page's weights have half precision: a few pixels of an edge may differ.
    assert np.abs(np.array(looks[-1]["clean"]) - wanted).mean() < 0.02


def test_reader_changes_calls_and_noise_and_looks_back(page):
    loaded = []
    page.on("request", lambda request: loaded.append(request.url))
    page.evaluate(LISTEN)
    box = page.locator(BOX)
    assert box.locator("img").get_attribute("alt")
    assert not any(url.endswith((".js", ".onnx")) and widgets.FOLDER in url for url in loaded)
    box.locator("button").press("Enter")
    page.wait_for_function("window.drawn.length > 0")
    status, calls = box.locator("[role=status]"), box.locator("select")
    assert f"with {export_denoiser.CALLS} calls" in status.inner_text()
    assert page.evaluate("document.activeElement.tagName") == "SELECT"
    calls.select_option("1")
    page.wait_for_function("window.drawn.length > 1")
    assert "with one call" in status.inner_text()
    box.get_by_role("button", name="New noise").press("Enter")
    page.wait_for_function("window.drawn.length > 2")
    first, one, other = page.evaluate("window.drawn")
    assert first["noise"] == one["noise"] != other["noise"]
    assert first["image"] != one["image"]
    calls.select_option("5")
    page.wait_for_function("window.drawn.length > 3")
    slider = box.locator("input[type=range]")
    assert slider.get_attribute("aria-valuetext") == "step t = 0"
    slider.press("Home")
    assert slider.get_attribute("aria-valuetext") == "step t = 1000"
    labels = [canvas.get_attribute("aria-label") for canvas in box.locator("canvas").all()]
    assert labels[:2] == ["Noisy image at step 1000", "Guess of the clean image at step 1000"]
    assert page.evaluate(OVERFLOW) <= 0
    page.evaluate(AXE_SCRIPT)
    assert page.evaluate(AXE, True) == []
