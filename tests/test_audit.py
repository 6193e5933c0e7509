"""No locked package has a known vulnerability; run by `scripts/test --slow`, where the advisories can be reached."""

import json
import os
import subprocess
import sys
import threading
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import pytest

pytest.importorskip("pip_audit")
pytestmark = pytest.mark.slow

LOCK = Path(__file__).parents[1] / "constraints" / "ci.txt"


def audit(requirements: Path, *options: str) -> list[str]:
    """Return a line for each known vulnerability; skips the test where the advisory source cannot be reached."""
    command = [sys.executable, "-m", "pip_audit", "--disable-pip", "--format=json", "--progress-spinner=off"]
    done = subprocess.run(
        [*command, "--timeout=5", *options, "--requirement", str(requirements)],
        env=os.environ | {"NO_PROXY": "127.0.0.1"},
        capture_output=True,
        encoding="utf-8",
        timeout=300,
        check=False,
    )
    unreachable = "ConnectionError" in done.stderr or "ServiceError" in done.stderr
    assert done.stdout or unreachable, done.stderr
    packages = json.loads(done.stdout)["dependencies"] if done.stdout else []
    unknown = [package["name"] for package in packages if "skip_reason" in package]
    if len(unknown) == len(packages):  # a mirror without advisories answers so, and pip-audit is content
        pytest.skip("the advisory source cannot be reached")
    assert not unknown, f"not audited: {', '.join(unknown)}"
    return [
        f"{package['name']} {package['version']}: {found['id']}, fixed in {found['fix_versions']}"
        for package in packages
        for found in package["vulns"]
    ]


def test_no_locked_package_has_a_known_vulnerability():
    assert audit(LOCK, "--require-hashes") == []


class Advisories(BaseHTTPRequestHandler):
    """Answer as an advisory source that knows of one hole, in click before version 9."""

    def do_POST(self):
        asked = json.loads(self.rfile.read(int(self.headers["Content-Length"])))["package"]
        affected = {
            "package": asked,
            "ranges": [{"type": "ECOSYSTEM", "events": [{"introduced": "0"}, {"fixed": "9"}]}],
        }
        hole = {"id": "HOLE-1", "summary": "a hole", "details": "a hole", "affected": [affected]}
        body = json.dumps({"vulns": [hole]} if asked["name"] == "click" else {}).encode()
        self.send_response(200)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *arguments):
        pass


@pytest.fixture
def source():
    server = ThreadingHTTPServer(("127.0.0.1", 0), Advisories)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    yield f"http://127.0.0.1:{server.server_port}"
    server.shutdown()
    server.server_close()


@pytest.fixture
def requirements(tmp_path):
    path = tmp_path / "requirements.txt"
    path.write_text("click==8.5.1\nnumpy==2.4.6\n", encoding="utf-8")
    return path


def test_finds_a_vulnerability(source, requirements):
    found = audit(requirements, "--no-deps", "--vulnerability-service=osv", f"--osv-url={source}")
    assert found == ["click 8.5.1: HOLE-1, fixed in ['9']"]


def test_an_unreachable_source_is_a_skip_and_not_a_pass(requirements):
    with pytest.raises(pytest.skip.Exception, match="cannot be reached"):
        audit(requirements, "--no-deps", "--vulnerability-service=osv", "--osv-url=http://127.0.0.1:9")
