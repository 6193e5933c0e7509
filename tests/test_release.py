"""`scripts/release`: every extra is tried, and what a release must not have is noticed."""

import json
import os
import re
import shutil
import subprocess
import sys
from pathlib import Path
from types import SimpleNamespace

import pytest
from releasing import answers, build, environments, extras
from releasing.errors import ReleaseError

if sys.version_info >= (3, 11):
    import tomllib
else:
    import tomli as tomllib

import grutext

ROOT = Path(__file__).parents[1]
GOLDEN = answers.GOLDEN[-1]


def test_every_extra_is_tried_or_for_developers():
    project = tomllib.loads((ROOT / "pyproject.toml").read_text("utf-8"))["project"]
    assert set(project["optional-dependencies"]) == set(extras.SMOKES) | set(extras.DEVELOPERS)
    assert not set(extras.SMOKES) & set(extras.DEVELOPERS)


def test_all_files_name_the_version_of_the_package():
    build.check_version(ROOT)
    assert build.read(ROOT / "CITATION.cff", "^version: (.+)$") == grutext.__version__


def test_pages_that_name_a_wheel_or_an_image_name_the_version_of_the_package():
    named = {
        page.relative_to(ROOT).as_posix(): set(
            re.findall(r"grutext[-:](\d[\w.]*?)(?:-py3|\s)", page.read_text("utf-8"))
        )
        for page in (ROOT / "README.md", *(ROOT / "docs").rglob("*.md"))
    }
    assert {page for page, versions in named.items() if versions} >= {
        "README.md",
        "docs/start.md",
        "docs/install.md",
    }
    assert set().union(*named.values()) == {grutext.__version__}


SERVER = f"""#!{sys.executable}
import http.server, signal, sys, time
class Handler(http.server.BaseHTTPRequestHandler):
    def do_GET(self):
        self.wfile.write(b"HTTP/1.0 200 OK\\r\\n\\r\\n" + MODELS)
server = http.server.HTTPServer(("127.0.0.1", 0), Handler)
print(f"listening on http://127.0.0.1:{{server.server_port}}", file=sys.stderr, flush=True)
"""
LISTS = 'MODELS = b"golden"\nsys.stderr.write("note " * 100_000)\nserver.serve_forever()'


@pytest.mark.long
@pytest.mark.parametrize(
    ("code", "error"),
    [
        (LISTS, None),  # more notes than a pipe holds
        (f"signal.signal(signal.SIGTERM, signal.SIG_IGN)\n{LISTS}", "goes on for 1 s after SIGTERM"),
        ('MODELS = b"[]"\nserver.serve_forever()', "does not list its model"),
        ("sys.exit('grutext: no model')", "exits with 1: .*grutext: no model"),
        ("time.sleep(60)", "does not answer within 1 s"),
    ],
    ids=["answers", "ends late", "no model", "ends", "no answer"],
)
def test_a_server_is_tried_and_never_waited_for_without_end(tmp_path, monkeypatch, code, error):
    patience = 1 if error and "answer" in error else 60
    for name, seconds in {"_PATIENCE": patience, "_ENDING": 1, "_PAUSE": 0.05}.items():
        monkeypatch.setattr(extras, name, seconds)
    (tmp_path / "grutext").write_text(SERVER + code, "utf-8")
    (tmp_path / "grutext").chmod(0o755)
    environment = SimpleNamespace(python=tmp_path / "python")
    if error is None:
        assert extras._serve(environment, tmp_path) == "grutext serve"
        return
    with pytest.raises(ReleaseError, match=f"(?s){error}"):
        extras._serve(environment, tmp_path)


@pytest.mark.parametrize("name", ["CITATION.cff", "CHANGELOG.md"])
def test_a_file_with_another_version_is_noticed(tmp_path, name):
    for file in ("CITATION.cff", "CHANGELOG.md", "grutext/__init__.py"):
        (tmp_path / file).parent.mkdir(exist_ok=True)
        shutil.copy(ROOT / file, tmp_path / file)
    changed = (tmp_path / name).read_text("utf-8").replace(grutext.__version__, "9.8.7")
    (tmp_path / name).write_text(changed, "utf-8")
    with pytest.raises(ReleaseError, match=rf"{name}.*{re.escape(grutext.__version__)}"):
        build.check_version(tmp_path)


def test_builds_with_other_bytes_are_noticed(tmp_path):
    one, other = tmp_path / "a.whl", tmp_path / "b.whl"
    one.write_bytes(b"1")
    other.write_bytes(b"2")
    assert build.check_same("again", (one, one), one, one) == "again: the same bytes"
    with pytest.raises(ReleaseError, match=r"b\.whl has other bytes"):
        build.check_same("again", (one, one), one, other)


def test_a_python_that_is_not_there_is_none(monkeypatch, tmp_path):
    monkeypatch.setenv("PYENV_ROOT", str(tmp_path))
    assert environments.find_python("3.99") is None


class Here:
    """The interpreter of the tests in place of an environment with a wheel."""

    def __init__(self, folder):
        self.folder = folder

    def grutext(self, *arguments, cwd):
        return environments.run(
            sys.executable, "-m", "grutext", *arguments, cwd=cwd, environment={"PYTHONPATH": str(ROOT)}
        )


@pytest.mark.long
def test_answers_are_compared_with_the_recorded_ones(tmp_path):
    assert answers.check_answers(Here(tmp_path), GOLDEN) == 6


@pytest.mark.long
def test_another_answer_is_noticed(tmp_path, monkeypatch):
    def run(self, *arguments, cwd):
        printed = Here.grutext(self, *arguments, cwd=cwd)
        if arguments[0] == "predict":
            file = cwd / "predicted.jsonl"
            rows = [json.loads(line) for line in file.read_text("utf-8").splitlines()]
            rows[2]["p_sea"] += 2e-5
            file.write_text("".join(json.dumps(row) + "\n" for row in rows), "utf-8")
        return printed

    wrong = Here(tmp_path)
    monkeypatch.setattr(wrong, "grutext", run.__get__(wrong))
    with pytest.raises(ReleaseError, match="format-4: 'fern moss leaf' has"):
        answers.check_answers(wrong, GOLDEN)


@pytest.mark.slow
def test_a_release_is_built_checked_and_tried(tmp_path):
    """Install the wheel of the last commit without extras on the Python of the tests, and with the smallest extra."""
    version = ".".join(map(str, sys.version_info[:2]))
    command = [
        sys.executable,
        "-m",
        "releasing",
        "--python",
        version,
        "--extras",
        "zstd",
        "--out",
        tmp_path / "dist",
    ]
    done = subprocess.run(
        command, cwd=tmp_path, env=os.environ | {"PYTHONPATH": f"{ROOT}:{ROOT / 'scripts'}"},
        capture_output=True, text=True, check=False,
    )  # fmt: skip
    assert done.returncode == 0, done.stdout + done.stderr
    assert done.stdout.count(": the same bytes\n") == 2
    assert f"Python {version} " in done.stdout
    assert "extra zstd " in done.stdout
    assert sorted(path.suffix for path in (tmp_path / "dist").iterdir()) == [".gz", ".whl"]
