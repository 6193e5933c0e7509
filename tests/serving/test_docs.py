"""The examples of the guide and the tables of the reference are those of the server."""

import json
import re
import shlex
from pathlib import Path

from grutext.serving import ServerOptions, Service, build_app
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


def test_every_path_status_and_field_stands_in_the_reference(client) -> None:
    options = ServerOptions(token="0123456789abcdef", allow_reload=True)
    document = build_app(Service(client.app.state.service.models, options)).openapi()
    for path, operations in document["paths"].items():
        for method, operation in operations.items():
            assert f"`{method.upper()} {path}`" in API, path
            statuses = [status for status in operation["responses"] if status >= "400"]
            assert all(f"| {status} |" in API for status in statuses), path
    fields = document["paths"]["/v1/classify"]["post"]["requestBody"]["content"]["application/json"]["schema"]
    assert all(f"| `{name}` |" in API for name in fields["properties"])
    (listed,) = client.get("/v1/models").json()["models"]
    assert f"{{{', '.join(listed)}}}" in API


def test_every_metric_stands_in_the_reference() -> None:
    names = re.findall(r"^# TYPE (\S+)", Metrics().render().decode(), flags=re.MULTILINE)
    names = {name for name in names if not name.endswith("_created")}
    assert names == set(re.findall(r"^\| `(grutext_\w+)", API, flags=re.MULTILINE))
