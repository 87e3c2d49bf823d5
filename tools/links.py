"""Check that every address answers that pages, lessons, README and CHANGELOG link to.

    make links

Sphinx's builder `linkcheck` sends the requests. No lesson is executed. An address that is gone
fails the run; one that refuses programs (401, 403, 429) or times out is only reported, since it may
work in a reader's browser.
"""

import argparse
import json
import sys
from pathlib import Path

import yaml

from tools.book import execute, stage

ROOT = Path(__file__).resolve().parents[1]
BESIDE = ("README", "CHANGELOG")  # pages of the repository, not of the book
REFUSED = ("unauthorized", "403 Client Error", "429 Client Error")  # in Sphinx' words
SETTINGS = {
    "latex_individualpages": False,
    "linkcheck_ignore": [r"http://localhost[:/]"],
    "linkcheck_anchors_ignore_for_url": [r"https://github\.com/"],  # made by a script, in a browser
    "linkcheck_timeout": 30,
    "linkcheck_retries": 2,
    "linkcheck_report_timeouts_as_broken": False,
    "linkcheck_allow_unauthorized": False,
}


def stage_sources(root: Path, folder: Path) -> None:
    """Lay out the book's sources, the lessons without outputs, README and CHANGELOG."""
    files = stage.book_files(root)
    for name in execute.lesson_names(root):
        path = f"notebooks/{name}.ipynb"
        files[path] = (root / path).read_bytes()
    beside = [name for name in BESIDE if (root / f"{name}.md").is_file()]
    for name in beside:
        files[f"{name}.md"] = (root / f"{name}.md").read_bytes()
    toc = yaml.safe_load(files["_toc.yml"])
    last = toc["parts"][-1] if "parts" in toc else toc
    last.setdefault("chapters", []).extend({"file": name} for name in beside)
    files["_toc.yml"] = yaml.safe_dump(toc).encode()
    stage.mirror(files, folder)


def check(source: Path, out: Path) -> list[dict]:
    """Run the builder; return for each address filename, lineno, status, code, uri and info."""
    from jupyter_book.sphinx import build_sphinx

    (out / "output.json").unlink(missing_ok=True)
    build_sphinx(
        source,
        out,
        noconfig=True,
        path_config=source / "_config.yml",
        confoverrides=SETTINGS | {"external_toc_path": (source / "_toc.yml").as_posix()},
        doctreedir=out.parent / "doctrees",
        freshenv=True,
        force_all=True,
        builder="linkcheck",
        really_quiet=True,
    )
    lines = (out / "output.json").read_text(encoding="utf-8").splitlines()
    return [json.loads(line) for line in lines]


def verdict(link: dict) -> str:
    """Return `gone`, `unknown`, `fine`, or `not asked` for Sphinx's result on an address."""
    if link["status"] in {"working", "redirected"}:
        return "fine"
    if link["status"] == "timeout":
        return "unknown"
    if link["status"] == "broken":
        refused = any(words in link["info"] for words in REFUSED)
        return "unknown" if refused else "gone"
    return "not asked"


def main(arguments: list[str] | None = None) -> int:
    """Check; return the exit status."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--root", type=Path, default=ROOT, help="the repository")
    parser.add_argument("--out", type=Path, help="where to work (default: _build/links)")
    options = parser.parse_args(arguments)
    out = (options.out or options.root / "_build" / "links").resolve()
    stage_sources(options.root.resolve(), out / "source")
    links = check(out / "source", out / "linkcheck")
    found: dict[str, list[dict]] = {"fine": [], "unknown": [], "gone": [], "not asked": []}
    for link in links:
        found[verdict(link)].append(link)
    for kind in ("unknown", "gone"):
        for link in found[kind]:
            where = f"{link['filename']}:{link['lineno']}"
            print(f"{kind}: {link['uri']} ({where}): {link['info']}")
    print(", ".join(f"{len(found[kind])} {kind}" for kind in ("fine", "unknown", "gone")))
    # If no address answers, there is no network, or nothing was checked: the run fails too.
    return 1 if found["gone"] or not found["fine"] else 0


if __name__ == "__main__":
    sys.exit(main())
