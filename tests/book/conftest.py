"""The site, built once in smoke from the same run that tests the lessons, and a browser."""

import contextlib
import functools
import http.server
import json
import os
import shutil
import subprocess
import sys
import threading
from pathlib import Path

import fonts
import pytest

from tools.book import bundle, widgets

try:
    import fcntl
except ImportError:  # Windows, where tests run one after another
    fcntl = None

ROOT = Path(__file__).resolve().parents[2]
SUB_PATH = "/some/where/"  # the site has to work below a host's root too
# Fewer images than the lessons' counts in smoke: one that the data do not limit stops its lesson.
SETTINGS = {"GAN_PROFILE": "smoke", "GAN_IMAGES": "150"}
BROWSERS = ("chromium", "chromium-browser", "google-chrome", "google-chrome-stable")


@pytest.fixture(scope="session")
def site(tmp_path_factory):
    """Folder of the site made from the lessons' smoke runs: executed once, shown and tested.

    Tests that run side by side share it: the first one builds, the others wait for its end.
    """
    shared = tmp_path_factory.getbasetemp()
    if "PYTEST_XDIST_WORKER" in os.environ:
        shared = shared.parent
    out, end = ROOT / "_build" / "smoke", shared / "site.json"
    with turn_by_turn(shared / "site.lock"):
        if not end.exists():
            end.write_text(json.dumps(build_site(out)))
    status, said = json.loads(end.read_text())
    assert status == 0, said
    return out / "html"


def build_site(out):
    """Build the site in a process of its own; return its exit status and what it printed."""
    command = [sys.executable, "-m", "tools.book", "build", "--out", str(out)]
    done = subprocess.run(
        command, cwd=ROOT, env=os.environ | SETTINGS, capture_output=True, text=True, check=False
    )
    return done.returncode, f"{done.stdout}\n{done.stderr}"


@pytest.fixture(scope="session")
def scripts(site):
    """Folder of the widgets' files in the site; nothing to test where there is no Node."""
    if shutil.which("node") is None or shutil.which("npm") is None:
        pytest.skip("no Node.js or npm here, so the book was built without interactive parts")
    if not (bundle.workshop(ROOT) / bundle.FETCHED).is_file():
        pytest.skip("npm reached no registry, so the book was built without interactive parts")
    return site / widgets.FOLDER


@pytest.fixture
def as_the_site(monkeypatch):
    """Set for what the test starts what was set when the site was built."""
    for name, value in SETTINGS.items():
        monkeypatch.setenv(name, value)


@contextlib.contextmanager
def turn_by_turn(path):
    """Let one process at a time into the block; a killed one leaves nothing locked."""
    with open(path, "w") as file:
        if fcntl:
            fcntl.flock(file, fcntl.LOCK_EX)
        yield


class Handler(http.server.SimpleHTTPRequestHandler):
    """Serves the site below `SUB_PATH` and nothing elsewhere, silently."""

    def translate_path(self, path):
        if not path.startswith(SUB_PATH):
            return os.devnull + "/missing"
        return super().translate_path("/" + path.removeprefix(SUB_PATH))

    def log_message(self, *arguments):
        """Say nothing."""


class Server(http.server.ThreadingHTTPServer):
    """Says nothing when the browser closes a connection early."""

    def handle_error(self, *arguments):
        """Say nothing."""


@pytest.fixture(scope="session")
def address(site):
    """Address of a plain static server that shows the site."""
    handler = functools.partial(Handler, directory=str(site))
    with Server(("127.0.0.1", 0), handler) as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        yield f"http://127.0.0.1:{server.server_port}{SUB_PATH}"
        server.shutdown()


def missing(reason):
    """Skip the test, or let it fail in CI, where everything has to be there."""
    if os.environ.get("CI"):
        pytest.fail(reason)
    pytest.skip(reason)


@pytest.fixture(scope="session")
def browser():
    """A Chromium of the machine; without one the tests are skipped, except in CI."""
    path = next(filter(None, map(shutil.which, BROWSERS)), None)
    if path is None:
        missing(f"no browser here (looked for {', '.join(BROWSERS)})")
    from playwright.sync_api import sync_playwright

    quiet = ["--disable-background-networking", "--disable-component-update", "--no-first-run"]
    with sync_playwright() as playwright:
        chromium = playwright.chromium.launch(
            executable_path=path, args=["--no-sandbox", "--disable-gpu", *quiet]
        )
        yield chromium
        chromium.close()


@pytest.fixture
def page(request, browser, address, scripts):
    """The page `PAGE` of the test's module on a phone, dark, with everything that went wrong."""
    from test_browser import Visit

    with Visit(browser, address, 360, "dark") as visit:
        visit.page.set_default_timeout(request.module.PATIENCE)
        yield visit.open(request.module.PAGE)
        assert visit.problems == []


@pytest.fixture(scope="session")
def font_styles(browser):
    """Styles that force the narrow and the wide fonts on a page; None where they are missing."""
    page = browser.new_page()
    styles = {kind: fonts.style(page, kind) for kind in fonts.FONTS}
    page.close()
    return styles


@pytest.fixture(params=fonts.FONTS)
def font(request, font_styles):
    """Style that forces the narrow or the wide fonts on a page."""
    if font_styles[request.param] is None:
        missing(f"none of these {request.param} fonts is here: {fonts.FONTS[request.param]}")
    return font_styles[request.param]
