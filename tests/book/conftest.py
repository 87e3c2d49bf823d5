"""The site, built once in smoke from the same run that tests the lessons, and a browser."""

import functools
import http.server
import os
import shutil
import subprocess
import sys
import threading
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
SUB_PATH = "/some/where/"  # the site has to work below a host's root too
BROWSERS = ("chromium", "chromium-browser", "google-chrome", "google-chrome-stable")


@pytest.fixture(scope="session")
def site():
    """Folder of the site made from the lessons' smoke runs: executed once, shown and tested."""
    out = ROOT / "_build" / "smoke"
    command = [sys.executable, "-m", "tools.book", "build", "--out", str(out)]
    environment = os.environ | {"GAN_PROFILE": "smoke"}
    done = subprocess.run(
        command, cwd=ROOT, env=environment, capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, f"{done.stdout}\n{done.stderr}"
    return out / "html"


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


@pytest.fixture(scope="session")
def browser():
    """A Chromium of the machine; without one the tests are skipped, except in CI."""
    path = next(filter(None, map(shutil.which, BROWSERS)), None)
    if path is None:
        reason = f"no browser here (looked for {', '.join(BROWSERS)})"
        if os.environ.get("CI"):
            pytest.fail(reason)
        pytest.skip(reason)
    from playwright.sync_api import sync_playwright

    quiet = ["--disable-background-networking", "--disable-component-update", "--no-first-run"]
    with sync_playwright() as playwright:
        chromium = playwright.chromium.launch(
            executable_path=path, args=["--no-sandbox", "--disable-gpu", *quiet]
        )
        yield chromium
        chromium.close()
