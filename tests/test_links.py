"""The check of external links: which ones it finds, and how it judges their responses."""

import subprocess
import sys
import threading
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import pytest
from test_project import ROOT

CONFIG = """
title: A book
author: Nobody
only_build_toc_files: true
execute: {execute_notebooks: "off"}
sphinx:
  config:
    extensions: [myst_nb, jupyter_book, sphinx_external_toc]
"""
TOC = "format: jb-book\nroot: book/index\n"


class Answers(BaseHTTPRequestHandler):
    """Answers with the status that the address names; `/200` is fine, `/404` is gone."""

    def do_HEAD(self):
        self.send_response(int(self.path[1:4]))
        self.send_header("Content-Length", "0")
        self.end_headers()

    do_GET = do_HEAD  # noqa: N815

    def log_message(self, *arguments):
        """Say nothing."""


@pytest.fixture(scope="module")
def address():
    with ThreadingHTTPServer(("127.0.0.1", 0), Answers) as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        yield f"http://127.0.0.1:{server.server_port}/"
        server.shutdown()


def check(folder, index, readme):
    (folder / "book").mkdir()
    (folder / "_config.yml").write_text(CONFIG)
    (folder / "_toc.yml").write_text(TOC)
    (folder / "book" / "index.md").write_text(f"# Start\n\n{index}\n")
    (folder / "README.md").write_text(f"# Read me\n\n{readme}\n")
    command = [sys.executable, "-m", "tools.links", "--root", str(folder)]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False)
    return done.returncode, done.stdout + done.stderr


def test_gone_is_an_error_and_refused_is_not(tmp_path, address):
    index = f"[a]({address}200) [b]({address}403) [d]({address}401)"
    status, said = check(tmp_path, index, f"[c]({address}404)")
    assert status == 1
    assert "1 fine, 2 unknown, 1 gone" in said
    assert f"gone: {address}404 (README.md:" in said
    assert f"unknown: {address}403 (book/index.md:" in said


def test_answers_are_enough(tmp_path, address):
    status, said = check(tmp_path, f"[a]({address}200)", f"[b]({address}200?again)")
    assert (status, "2 fine, 0 unknown, 0 gone" in said) == (0, True), said


def test_no_answer_at_all_is_an_error(tmp_path):
    status, said = check(tmp_path, "No address.", "[a](http://localhost:8000/x)")
    assert (status, "0 fine, 0 unknown, 0 gone" in said) == (1, True), said
