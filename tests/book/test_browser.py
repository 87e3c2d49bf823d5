"""Every page in a real browser: widths from a phone to a desktop, light and dark."""

import hashlib
from pathlib import Path

import pytest
from test_site import LESSONS, PAGES

pytestmark = pytest.mark.browser

WIDTHS = (360, 768, 1280)
SCHEMES = ("light", "dark")
CHECKED = [*PAGES, "search", "genindex"]
BROKEN_IMAGES = """() => [...document.images]
    .filter(image => !image.complete || image.naturalWidth === 0).map(image => image.src)"""
OVERFLOW = "() => document.documentElement.scrollWidth - window.innerWidth"
NOTEBOOKS = Path(__file__).resolve().parents[2] / "notebooks"
# A displayed formula in the source, whatever became of it on the page.
WITH_FORMULAS = [
    name for name in LESSONS if "$$" in (NOTEBOOKS / f"{name}.py").read_text(encoding="utf-8")
]


class Visit:
    """A page in the browser, with everything that went wrong while it loaded."""

    def __init__(self, browser, address, width, scheme="light", **options):
        self.address, self.problems = address, []
        size = {"width": width, "height": 800}
        self.context = browser.new_context(viewport=size, color_scheme=scheme, **options)
        self.context.route(lambda url: not url.startswith(address), self.leave)
        self.page = self.context.new_page()
        self.page.on("pageerror", lambda error: self.problems.append(f"script: {error}"))
        self.page.on("console", self.hear)
        self.page.on("response", self.receive)

    def leave(self, route):
        self.problems.append(f"left the site: {route.request.url}")
        route.abort()

    def hear(self, message):
        if message.type == "error":
            self.problems.append(f"console: {message.text}")

    def receive(self, response):
        if response.status >= 400:
            self.problems.append(f"{response.status}: {response.url}")

    def open(self, name):
        self.page.goto(f"{self.address}{name}")
        self.page.wait_for_load_state("networkidle")
        return self.page

    def __enter__(self):
        return self

    def __exit__(self, *error):
        self.context.close()


@pytest.mark.parametrize("scheme", SCHEMES)
@pytest.mark.parametrize("name", CHECKED)
def test_page_is_clean(browser, address, name, scheme):
    with Visit(browser, address, WIDTHS[0], scheme) as visit:
        page = visit.open(f"{name}.html")
        assert page.locator("html").get_attribute("data-theme") == scheme
        for width in WIDTHS:
            page.set_viewport_size({"width": width, "height": 800})
            assert page.evaluate(OVERFLOW) <= 0, f"scrolls sideways at {width} pixels"
        assert page.evaluate(BROKEN_IMAGES) == []
        assert page.title().strip()
        assert visit.problems == []


@pytest.mark.parametrize("name", [f"notebooks/{name}" for name in WITH_FORMULAS])
def test_formulas_are_set(browser, address, name):
    with Visit(browser, address, 1280) as visit:
        page = visit.open(f"{name}.html")
        wanted = page.locator("article .math").count()
        page.wait_for_selector("mjx-container", state="attached")
        assert wanted > 0
        assert page.locator("article .math mjx-container").count() >= wanted
        assert page.locator("mjx-merror").count() == 0
        assert visit.problems == []


def test_gif_moves(browser, address):
    with Visit(browser, address, 1280) as visit:
        image = visit.open("notebooks/02_dcgan.html").locator("img[src$='.gif']").first
        image.scroll_into_view_if_needed()
        seen = set()
        for _ in range(40):
            seen.add(hashlib.sha256(image.screenshot()).hexdigest())
            if len(seen) > 1:
                break
            visit.page.wait_for_timeout(100)
        assert len(seen) > 1


def test_phone_menu_opens_by_touch(browser, address):
    with Visit(browser, address, 360, has_touch=True, is_mobile=True) as visit:
        page = visit.open(f"{PAGES[0]}.html")
        entry = page.locator(".bd-sidebar-primary a", has_text="Profiles and data")
        assert not entry.is_visible()
        page.locator(".primary-toggle").first.tap()
        entry.wait_for(state="visible")
        entry.tap()
        page.wait_for_url("**/profiles-and-data.html")
        assert visit.problems == []


def test_search_finds_the_lesson(browser, address):
    with Visit(browser, address, 1280) as visit:
        page = visit.open("search.html?q=DCGAN")
        found = page.locator("#search-results a[href*='notebooks/02_dcgan']")
        found.first.wait_for(state="visible")
        assert visit.problems == []


def test_search_opens_by_touch(browser, address):
    with Visit(browser, address, 360, has_touch=True, is_mobile=True) as visit:
        page = visit.open(f"{PAGES[0]}.html")
        page.locator(".search-button:visible").first.tap()
        field = page.locator("input[name=q]:visible").first
        field.fill("DCGAN")
        field.press("Enter")
        page.wait_for_url("**/search.html?q=DCGAN*")
        page.locator("#search-results a[href*='notebooks/02_dcgan']").first.wait_for()
        assert visit.problems == []


def test_solution_opens(browser, address):
    with Visit(browser, address, 360, has_touch=True, is_mobile=True) as visit:
        page = visit.open("notebooks/02_dcgan.html")
        cell = page.locator("details.hide").first
        assert not cell.locator("pre").first.is_visible()
        cell.locator("summary").tap()
        cell.locator("pre").first.wait_for(state="visible")


def test_root_redirects(browser, address):
    with Visit(browser, address, 1280) as visit:
        visit.open("")
        visit.page.wait_for_url(f"**/{PAGES[0]}.html")
        assert visit.problems == []
