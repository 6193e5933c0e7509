"""The examples of the guide and the tables of the reference are those of the server."""

import json
import re
import shlex
from pathlib import Path

from documentation.http_api import read_document, render_errors, render_request, render_requests

from grutext.serving.metrics import Metrics

DOCS = Path(__file__).parents[2] / "docs"
API = (DOCS / "reference/http-api.md").read_text(encoding="utf-8")


def shown_requests():
    """Every `curl` command of the guide, as method, path and body."""
    page = (DOCS / "guide/serving.md").read_text(encoding="utf-8")
    for block in re.findall(r"```bash\n(.*?)```", page, flags=re.DOTALL):
        for line in block.replace("\\\n", " ").splitlines():
            program, url, *rest = shlex.split(line)
            assert program == "curl"
            assert url.startswith("http://127.0.0.1:8000/")
            assert rest[:2] in ([], ["-H", "Content-Type: application/json"])
            yield url.removeprefix("http://127.0.0.1:8000"), json.loads(rest[3]) if rest else None


def test_the_examples_of_the_guide_work(client) -> None:
    requests = list(shown_requests())
    assert len(requests) >= 4
    for path, body in requests:
        answered = client.get(path) if body is None else client.post(path, json=body)
        assert answered.status_code == 200, answered.json()


def test_every_request_with_an_answer_in_json_stands_in_the_reference() -> None:
    requests = re.findall(r"^::: request (\w+ \S+)$", API, flags=re.MULTILINE)
    assert requests == ["POST /v1/classify", "POST /v1/encode", "GET /v1/models"]
    paths = {path for path in read_document()["paths"] if path.startswith("/v1/")}
    assert paths - {path for _, path in map(str.split, requests)} == {
        "/v1/reload"
    }  # which answers as `/v1/models` does
    assert "\n::: requests\n" in API
    assert "\n::: errors\n" in API


def test_the_tables_of_a_request_have_its_fields_and_those_of_its_answer(client) -> None:
    table = render_request("POST", "/v1/classify")
    body = {
        "texts": ["where is it?"],
        "explain": True,
        "gates": True,
        "familiarity": True,
        "abstain_below": 0.1,
    }
    answered = client.post("/v1/classify", json=body).json()
    for field in (*body, "model.hash", "results[].top[].label", "results[].explanation.words[].start"):
        assert f"| `{field}` |" in table, field
    assert all(f"| `results[].{field}` |" in table for field in answered["results"][0])
    statuses = re.findall(r"^\| (\d+) \| [A-Z]", render_errors(), flags=re.MULTILINE)
    assert statuses == sorted(statuses)
    assert {"401", "409", "413", "429", "503"} <= set(statuses)
    assert "| `POST /v1/reload` |" in render_requests()


def test_every_metric_stands_in_the_reference() -> None:
    names = re.findall(r"^# TYPE (\S+)", Metrics().render().decode(), flags=re.MULTILINE)
    names = {name for name in names if not name.endswith("_created")}
    assert names == set(re.findall(r"^\| `(grutext_\w+)", API, flags=re.MULTILINE))
