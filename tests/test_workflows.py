"""The workflow files: their syntax and their scripts; the files of a release.

Permissions, pinned versions and injection are checked by `zizmor` and `actionlint`, see
.pre-commit-config.yaml.
"""

import json
import os
import re
import shutil
import stat
import subprocess
import sys
import threading
from http.server import SimpleHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import pytest
import yaml
from test_project import NAME, OWNER, PYPROJECT, ROOT, WORKFLOWS

import gan_utils
from gan_utils import download as downloads
from gan_utils import weights
from tools import release_files


def workflow(name):
    path = ROOT / ".github" / "workflows" / f"{name}.yml"
    return yaml.safe_load(path.read_text(encoding="utf-8"))


def steps():
    """Every step of every workflow, with the names of its workflow and its job."""
    for path in WORKFLOWS:
        for job, facts in workflow(path.stem)["jobs"].items():
            yield from ((path.stem, job, step) for step in facts["steps"])


def script_of(name, job):
    """The one script of a job."""
    (script,) = [step["run"] for step in workflow(name)["jobs"][job]["steps"] if "run" in step]
    return script


def triggers(name):
    return workflow(name)[True]  # YAML reads the key `on` as true


# ---- form ------------------------------------------------------------------------------------


def test_workflows_follow_the_schema():
    """Hold files against GitHub's schema of workflows, in the copy that check-jsonschema brings."""
    command = [sys.executable, "-m", "check_jsonschema", "--builtin-schema"]
    command += ["vendor.github-workflows", *map(str, WORKFLOWS)]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout + done.stderr


def test_jobs_end():
    jobs = [job for path in WORKFLOWS for job in workflow(path.stem)["jobs"].values()]
    assert all(job["timeout-minutes"] <= 120 for job in jobs)


def test_jobs_that_write_run_nothing_of_the_repository():
    writing = {
        (path.stem, name)
        for path in WORKFLOWS
        for name, job in workflow(path.stem)["jobs"].items()
        if "permissions" in job
    }
    assert ("release", "release") in writing
    for name, job, step in steps():
        if (name, job) in writing:
            assert not step.get("uses", "").startswith("actions/checkout@")
            assert "make " not in step.get("run", "")
            assert "python" not in step.get("run", "")


def test_words_of_make_exist():
    words = set(re.findall(r"^([a-z-]+):", (ROOT / "Makefile").read_text(encoding="utf-8"), re.M))
    called = {
        word
        for _, _, step in steps()
        for word in re.findall(r"^make ([a-z-]+)", step.get("run", ""), re.M)
    }
    assert {"book", "colab", "links", "audit", "wheel"} <= called <= words


# ---- weekly ----------------------------------------------------------------------------------


def test_weekly_check_uses_no_cache_and_the_latest_versions():
    assert triggers("weekly")["schedule"]
    assert "schedule" not in triggers("check")
    text = (ROOT / ".github" / "workflows" / "weekly.yml").read_text(encoding="utf-8")
    assert not re.search(r"^\s+downloads\b", text, re.M)
    (step,) = [step for step in workflow("weekly")["jobs"]["latest"]["steps"] if "run" in step]
    assert step["run"] == "bash .ci/run"
    assert step["env"] == {"LOCK": "no"}


def test_report_waits_for_every_job():
    jobs = workflow("weekly")["jobs"]
    assert set(jobs["report"]["needs"]) == jobs.keys() - {"report"}
    results = next(step["env"]["RESULTS"] for step in jobs["report"]["steps"])
    assert all(f"needs.{job}.result" in results for job in jobs["report"]["needs"])
    condition = jobs["report"]["if"]
    assert all(word in condition for word in ("always()", "'failure'", "'cancelled'"))


def run_with_stub(script, folder, answer, **environment):
    """Run a script with a `gh` that notes its words in a file and answers by the case given."""
    stub = folder / "gh"
    stub.write_text(
        f'#!/bin/sh\nprintf "%s|" "$@" >> "{folder}/said"\necho >> "{folder}/said"\n{answer}'
    )
    stub.chmod(stub.stat().st_mode | stat.S_IXUSR)
    path = f"{folder}{os.pathsep}{os.environ['PATH']}"
    subprocess.run(
        ["bash", "-e", "-c", script],
        cwd=folder,
        env=os.environ | {"PATH": path} | environment,
        check=True,
        capture_output=True,
    )
    return [line.split("|") for line in (folder / "said").read_text().splitlines()]


@pytest.mark.parametrize(("open_issue", "verb"), [("", "create"), ("17", "comment")])
def test_report_opens_one_issue_and_then_adds_to_it(tmp_path, open_issue, verb):
    answer = f'test "$1 $2" != "issue list" || echo {open_issue}\n'
    facts = {"RUN": "https://run", "RESULTS": "links: failure"}
    said = run_with_stub(script_of("weekly", "report"), tmp_path, answer, **facts)
    verbs = [words[1] for words in said if words[0] == "issue"]
    assert verbs == ["list", verb]
    assert ("17" in said[-1]) == bool(open_issue)
    assert any("links: failure" in word and "https://run" in word for word in said[-1])


# ---- publish ---------------------------------------------------------------------------------


def test_site_is_checked_before_it_is_uploaded():
    runs = [
        step.get("run") or step["uses"] for step in workflow("publish")["jobs"]["build"]["steps"]
    ]
    checked, uploaded = runs[-2], runs[-1]
    assert checked.startswith(".venv/bin/python -m tools.book check _build/quick/html ")
    assert uploaded.startswith("actions/upload-pages-artifact@")


class Quiet(SimpleHTTPRequestHandler):
    """Serves a folder, silently."""

    def log_message(self, *arguments):
        """Say nothing."""


@pytest.fixture
def sub_path(tmp_path):
    """A server's address below its root, and the folder that it shows there."""
    folder = tmp_path / "sub" / "path"
    folder.mkdir(parents=True)

    def handler(*arguments):
        return Quiet(*arguments, directory=str(tmp_path))

    with ThreadingHTTPServer(("127.0.0.1", 0), handler) as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        yield f"http://127.0.0.1:{server.server_port}/sub/path/", folder
        server.shutdown()


@pytest.mark.parametrize(
    ("pages", "published", "status"),
    [("a book/b", ["a", "book/b"], 0), ("a book/b", ["a"], 22), ("", ["a"], 1)],
)
def test_published_pages_are_asked_for(sub_path, pages, published, status):
    if shutil.which("curl") is None:
        pytest.skip("no curl here")
    address, folder = sub_path
    for page in published:
        path = folder / f"{page}.html"
        path.parent.mkdir(exist_ok=True)
        path.write_text("words")
    script = script_of("publish", "publish").replace("--retry 8", "--retry 0")
    done = subprocess.run(
        ["bash", "-e", "-c", script],
        env=os.environ | {"SITE": address, "PAGES": pages, "no_proxy": "127.0.0.1"},
        check=False,
        capture_output=True,
    )
    assert done.returncode == status


# ---- release ---------------------------------------------------------------------------------


@pytest.fixture
def checkout(tmp_path):
    """What a release is made from: this project's weights and version, and a wheel by its name."""
    shutil.copytree(ROOT / "weights", tmp_path / "weights")
    shutil.copy(ROOT / "pyproject.toml", tmp_path)
    (tmp_path / "dist").mkdir()
    (tmp_path / "dist" / f"gan_utils-{gan_utils.__version__}-py3-none-any.whl").write_bytes(
        b"wheel"
    )
    return tmp_path


def test_version_is_one():
    assert gan_utils.__version__ == PYPROJECT["project"]["version"]


def test_release_holds_what_the_package_downloads(checkout, tmp_path, monkeypatch):
    """Each address that an installed package asks is an asset of the release of its version."""
    tag = f"v{gan_utils.__version__}"
    folder = tmp_path / "release"
    assert release_files.main([tag, str(folder), "--root", str(checkout)]) == 0
    released = {path.name for path in folder.iterdir()}
    monkeypatch.setattr(weights, "_FOLDER", tmp_path / "nowhere")
    monkeypatch.setenv("KERAS_HOME", str(tmp_path / "keras"))
    asked = []

    def download(file):
        asked.append(file.url)
        raise downloads.DownloadError("not here")

    monkeypatch.setattr(downloads, "download", download)
    for name in weights.names():
        with pytest.raises(downloads.DownloadError):
            weights.find(name)
    place = f"https://github.com/{OWNER}/{NAME}/releases/download/{tag}/"
    names = {url.removeprefix(place) for url in asked}
    assert len(names) == len(weights.names()) >= 1
    wheel = f"gan_utils-{gan_utils.__version__}-py3-none-any.whl"
    assert released == names | {"manifest.json", wheel}
    assert all(re.fullmatch(r"[\w.-]+", name) for name in released), "GitHub would rename others"


def change(checkout, kind):
    manifest = checkout / "weights" / "manifest.json"
    facts = json.loads(manifest.read_text())
    first = next(iter(facts["generators"].values()))
    if kind == "missing":
        (checkout / "weights" / first["file"]).unlink()
    elif kind == "unknown":
        (checkout / "weights" / "other.npz").write_bytes(b"1")
    elif kind == "differs":
        (checkout / "weights" / first["file"]).write_bytes(b"1")
    elif kind == "no wheel":
        shutil.rmtree(checkout / "dist")


@pytest.mark.parametrize("kind", ["missing", "unknown", "differs", "no wheel", "tag"])
def test_release_refuses_other_files(checkout, tmp_path, capsys, kind):
    change(checkout, kind)
    tag = "v0.0.9" if kind == "tag" else f"v{gan_utils.__version__}"
    folder = tmp_path / "release"
    assert release_files.main([tag, str(folder), "--root", str(checkout)]) == 1
    assert not folder.exists()
    assert len(capsys.readouterr().err.splitlines()) == 1


@pytest.mark.parametrize(("there", "verb"), [("false", "create"), ("true", "upload")])
def test_release_is_made_with_its_files_or_filled(tmp_path, there, verb):
    (tmp_path / "release").mkdir()
    for name in ("a.npz", "manifest.json"):
        (tmp_path / "release" / name).write_text("1")
    answer = f'test "$2" != view || {there}\n'
    facts = {"GITHUB_REF_NAME": "v1.0", "GH_REPO": f"{OWNER}/{NAME}", "SITE": "https://site"}
    said = run_with_stub(script_of("release", "release"), tmp_path, answer, **facts)
    assert [words[1] for words in said] == ["view", verb]
    assert {"v1.0", "release/a.npz", "release/manifest.json"} <= set(said[-1])
    assert ("--verify-tag" in said[-1]) == (verb == "create")


def test_build_of_a_release_gives_its_files_to_the_job_that_may_write():
    build = workflow("release")["jobs"]["build"]["steps"]
    runs = [step["run"] for step in build if "run" in step]
    assert runs == ["make wheel", 'python -m tools.release_files "$GITHUB_REF_NAME" release']
    (upload,) = [step for step in build if "upload-artifact" in step.get("uses", "")]
    (download,) = [
        step for step in workflow("release")["jobs"]["release"]["steps"] if "uses" in step
    ]
    assert upload["with"] == download["with"] | {"if-no-files-found": "error"}
    assert triggers("release") == {"push": {"tags": ["v*"]}}
    assert Path(upload["with"]["path"]).name == "release"
