"""Every page in a real browser: widths from a phone to a desktop, light and dark, keyboard, touch.

Each page is opened once, and all checks run on it there.
"""

import pytest
from axe_playwright_python.base import AXE_SCRIPT
from fonts import forced
from playwright.sync_api import TimeoutError
from test_site import PAGES

from tools.book.images import SMALLEST_SCALE

pytestmark = pytest.mark.browser

WIDTHS = (360, 768, 1280)
PHONES = (320, 360, 390)
SCHEMES = ("light", "dark")
CHECKED = [*PAGES, "search", "genindex"]
# Of a lesson's page, without its animations. The theme's styles are 0.4 MB of it, or 0.06 MB from a
# server that compresses, as GitHub Pages does.
MOST_BYTES = 1_800_000
LESSON = "notebooks/02_dcgan.html"
OVERFLOW = "() => document.documentElement.scrollWidth - window.innerWidth"
# A picture that waits until it is scrolled to is asked for; what cannot be drawn is returned.
BROKEN_IMAGES = """async () => {
    const images = [...document.images];
    images.forEach(image => { image.loading = "eager"; });
    const drawn = image => image.decode().then(() => null, () => image.src);
    return (await Promise.all(images.map(drawn))).filter(Boolean);
}"""
STILL_GIFS = """async () => {
    const moves = async address => {
        const data = await (await fetch(address)).arrayBuffer();
        const decoder = new ImageDecoder({ data, type: "image/gif" });
        await decoder.tracks.ready;
        return decoder.tracks.selectedTrack.animated;
    };
    const still = [];
    for (const image of document.images) {
        if (image.src.endsWith(".gif") && !await moves(image.src)) still.push(image.src);
    }
    return still;
}"""
# How much smaller than drawn each figure is shown, for those that are shown too small.
SMALL_FIGURES = """least => [...document.querySelectorAll(".cell_output img")]
    .filter(image => !image.src.endsWith(".gif"))
    .map(image => [image.src, image.getBoundingClientRect().width / image.naturalWidth])
    .filter(([, scale]) => scale < least)"""
# What scrolls sideways or down, and cannot be scrolled with the keyboard.
OUT_OF_REACH = """() => [...document.querySelectorAll("article *")].filter(box => {
    const { overflowX, overflowY } = getComputedStyle(box);
    const moves = value => ["auto", "scroll"].includes(value);
    const wide = moves(overflowX) && box.scrollWidth > box.clientWidth + 1;
    const high = moves(overflowY) && box.scrollHeight > box.clientHeight + 1;
    const reached = box.tabIndex >= 0 || box.querySelector("a[href], button, [tabindex='0']");
    return (wide || high) && !reached;
}).map(box => box.outerHTML.slice(0, 120))"""
# A lesson has thousands of words of code in a dozen colors: of each color, one is looked at.
THIN_OUT = """() => {
    document.querySelectorAll("details").forEach(part => { part.open = true; });
    document.head.append(Object.assign(document.createElement("style"),
        { textContent: "* { transition: none !important; animation: none !important; }" }));
    const seen = new Set();
    for (const word of document.querySelectorAll(".highlight pre span")) {
        if (seen.has(word.className)) word.remove();
        seen.add(word.className);
    }
}"""
# Serious and critical findings, with the first elements that have them.
AXE = """async full => {
    const options = { resultTypes: ["violations"], preload: false };
    if (!full) options.runOnly = { type: "rule", values: ["color-contrast", "link-in-text-block"] };
    const { violations } = await axe.run(document, options);
    return violations.filter(({ impact }) => ["serious", "critical"].includes(impact))
        .map(({ id, nodes }) => [id, nodes.length, nodes.slice(0, 3).map(node =>
            `${node.target.join(" ")}: ${node.failureSummary}`)]);
}"""
FOCUS = """() => {
    const element = document.activeElement;
    const style = getComputedStyle(element);
    const ring = style.outlineStyle !== "none" && parseFloat(style.outlineWidth) > 0;
    return [element.outerHTML.slice(0, 120), ring || style.boxShadow !== "none"];
}"""


class Visit:
    """A page in the browser, with everything that went wrong while it loaded."""

    def __init__(self, browser, address, width, scheme="light", **options):
        self.address, self.problems, self.requests = address, [], []
        size = {"width": width, "height": 800}
        self.context = browser.new_context(viewport=size, color_scheme=scheme, **options)
        self.context.route(lambda url: not url.startswith(address), self.leave)
        self.page = self.context.new_page()
        self.page.on("pageerror", lambda error: self.problems.append(f"script: {error}"))
        self.page.on("console", self.hear)
        self.page.on("response", self.receive)
        self.page.on("requestfinished", self.finish)

    def leave(self, route):
        self.problems.append(f"left the site: {route.request.url}")
        route.abort()

    def hear(self, message):
        if message.type == "error":
            self.problems.append(f"console: {message.text}")

    def receive(self, response):
        if response.status >= 400:
            self.problems.append(f"{response.status}: {response.url}")

    def finish(self, request):
        self.requests.append(request)

    def open(self, name):
        self.page.goto(f"{self.address}{name}")
        self.page.wait_for_load_state("networkidle")
        return self.page

    def weights(self):
        """Return the bytes of each file that the page has loaded."""
        return {item.url: item.sizes()["responseBodySize"] for item in self.requests}

    def __enter__(self):
        return self

    def __exit__(self, *error):
        self.context.close()


# No hyphen in a page's id: tests that run side by side are grouped by it.
@pytest.fixture(scope="module", params=CHECKED, ids=lambda name: name.replace("-", "_"))
def visit(request, browser, address):
    """Each page of the site, opened once for all the tests that look at every page."""
    with Visit(browser, address, WIDTHS[0]) as visit:
        visit.open(f"{request.param}.html")
        visit.name = request.param
        yield visit


def show(visit, scheme, width):
    """Show the page in another color scheme and width."""
    visit.page.emulate_media(color_scheme=scheme)
    visit.page.set_viewport_size({"width": width, "height": 800})
    visit.page.wait_for_function(f"document.documentElement.dataset.theme === '{scheme}'")


# ---- every page ------------------------------------------------------------------------------


def test_every_picture_is_drawn_and_every_gif_moves(visit):
    assert visit.page.evaluate(BROKEN_IMAGES) == []
    if any(item.url.endswith(".gif") for item in visit.requests):
        assert visit.page.evaluate(STILL_GIFS) == []


def test_page_is_light(visit):
    if not visit.name.startswith("notebooks/"):
        pytest.skip("the limit is that of the lessons")
    weights = {url: size for url, size in visit.weights().items() if not url.endswith(".gif")}
    assert sum(weights.values()) <= MOST_BYTES, sorted(weights.items(), key=lambda item: item[1])
    assert not [url for url in weights if url.endswith((".onnx", ".wasm"))]


def test_text_of_figures_can_be_read_on_a_phone(visit):
    show(visit, "light", WIDTHS[0])
    # Up to 20 pixels more than the screen are taken off the figure: it does not scroll for them.
    assert visit.page.evaluate(SMALL_FIGURES, SMALLEST_SCALE - 0.03) == []


def test_page_fits_every_width_whatever_the_font(visit, font):
    with forced(visit.page, font):
        for width in (*PHONES, *WIDTHS[1:]):
            show(visit, "light", width)
            assert visit.page.evaluate(OVERFLOW) <= 0, f"scrolls sideways at {width} pixels"
            check_reach(visit, width)


@pytest.mark.parametrize("scheme", SCHEMES)
def test_page_fits_every_width_in_every_color(visit, scheme):
    for width in WIDTHS:
        show(visit, scheme, width)
        assert visit.page.evaluate(OVERFLOW) <= 0, f"scrolls sideways at {width} pixels"
        check_reach(visit, width)


def check_reach(visit, width):
    """Fail where something scrolls that the keyboard cannot scroll."""
    try:  # the theme makes stops for the Tab key a moment after the width has changed
        visit.page.wait_for_function(f"({OUT_OF_REACH})().length === 0", timeout=3000)
    except TimeoutError:
        pytest.fail(f"at {width} pixels: {visit.page.evaluate(OUT_OF_REACH)}")


def test_page_is_accessible(visit):
    visit.page.evaluate(THIN_OUT)
    visit.page.evaluate(AXE_SCRIPT)
    show(visit, "light", WIDTHS[-1])
    found = visit.page.evaluate(AXE, True)
    show(visit, "dark", WIDTHS[-1])  # other colors; all else is the same
    assert found + visit.page.evaluate(AXE, False) == []


def test_nothing_went_wrong(visit):
    assert visit.problems == []


# ---- other ways to open it -------------------------------------------------------------------


@pytest.mark.parametrize("name", [PAGES[0], "notebooks/01_gan"])
def test_saved_page_opens_from_the_disk(browser, site, name):
    with Visit(browser, f"{site.as_uri()}/", 1280, "dark") as visit:
        page = visit.open(f"{name}.html")
        assert page.locator("html").get_attribute("data-theme") == "dark"
        assert page.locator("article h1").first.is_visible()
        assert page.evaluate(BROKEN_IMAGES) == []
        assert page.evaluate("document.fonts.ready.then(() => document.fonts.size)") > 0
        assert visit.problems == []


def test_whole_book_is_one_page(browser, address):
    with Visit(browser, address, 360) as visit:
        page = visit.open(f"{PAGES[0]}.html")
        page.locator("footer a", has_text="The whole book").click()
        page.wait_for_url("**/whole-book.html")
        assert page.locator("section.page").count() == len(PAGES)
        page.locator("nav a").nth(2).click()
        assert page.evaluate("location.hash.slice(1) === document.querySelector(':target').id")
        assert page.evaluate(OVERFLOW) <= 0
        assert visit.problems == []


def test_root_redirects(browser, address):
    with Visit(browser, address, 1280) as visit:
        visit.open("")
        visit.page.wait_for_url(f"**/{PAGES[0]}.html")
        assert visit.problems == []


# ---- touch -----------------------------------------------------------------------------------


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


def test_solution_opens_by_touch(browser, address):
    with Visit(browser, address, 360, has_touch=True, is_mobile=True) as visit:
        cell = visit.open(LESSON).locator("details.hide").first
        assert not cell.locator("pre").first.is_visible()
        cell.locator("summary").tap()
        cell.locator("pre").first.wait_for(state="visible")


# ---- the keyboard ----------------------------------------------------------------------------


def test_keyboard_skips_to_the_text_and_shows_where_it_is(browser, address):
    with Visit(browser, address, 1280) as visit:
        page = visit.open(LESSON)
        page.keyboard.press("Tab")
        skip = page.get_by_role("link", name="Skip to main content")
        assert skip.evaluate("link => link === document.activeElement")
        assert skip.bounding_box()["y"] >= 0
        unseen = []
        for _ in range(30):
            page.keyboard.press("Tab")
            element, seen = page.evaluate(FOCUS)
            unseen += [] if seen else [element]
        assert unseen == []
        skip.focus()
        page.keyboard.press("Enter")
        page.keyboard.press("Tab")
        assert page.evaluate("Boolean(document.activeElement.closest('main'))")
        assert page.evaluate("!document.activeElement.closest('.bd-sidebar-primary')")


def test_phone_menu_opens_with_the_keyboard(browser, address):
    with Visit(browser, address, 360) as visit:
        page = visit.open(f"{PAGES[0]}.html")
        entry = page.locator(".bd-sidebar-primary a", has_text="Profiles and data")
        toggle = page.locator(".primary-toggle").first
        toggle.focus()
        page.keyboard.press("Enter")
        entry.wait_for(state="visible")
        page.keyboard.press("Escape")
        entry.wait_for(state="hidden")
        toggle.focus()
        page.keyboard.press("Enter")
        entry.wait_for(state="visible")
        for _ in range(60):
            page.keyboard.press("Tab")
            if entry.evaluate("link => link === document.activeElement"):
                break
        page.keyboard.press("Enter")
        page.wait_for_url("**/profiles-and-data.html")
        assert visit.problems == []


def test_search_with_the_keyboard_finds_the_lesson(browser, address):
    with Visit(browser, address, 1280) as visit:
        page = visit.open(f"{PAGES[0]}.html")
        page.keyboard.press("Control+k")
        page.locator("dialog[open] input[name=q]").wait_for()
        page.keyboard.type("DCGAN")
        page.keyboard.press("Enter")
        page.wait_for_url("**/search.html?q=DCGAN*")
        page.locator("#search-results a[href*='notebooks/02_dcgan']").first.wait_for()
        assert visit.problems == []


def test_solution_opens_with_the_keyboard(browser, address):
    with Visit(browser, address, 1280) as visit:
        page = visit.open(LESSON)
        cell = page.locator("details.hide").first
        cell.locator("summary").focus()
        page.keyboard.press("Enter")
        cell.locator("pre").first.wait_for(state="visible")


def test_wide_tables_scroll_with_the_keyboard(browser, address):
    with Visit(browser, address, 360) as visit:
        page = visit.open("book/objectives.html")
        table = page.locator("article table[tabindex='0']").first
        table.focus()
        for _ in range(5):
            page.keyboard.press("ArrowRight")
        page.wait_for_function("document.activeElement.scrollLeft > 0")
