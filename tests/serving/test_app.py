"""Health, metrics, tokens, loading again, and errors outside the routes."""

import io
import json
import os
import shutil
import signal
import threading

import pytest

from grutext.errors import ConfigError
from grutext.serving import Limits, Models, ServerOptions, Service, name_folders, read_token, serve
from grutext.serving.access import allowed_hosts
from grutext.serving.errors import UnavailableError

TOKEN = "0123456789abcdef"


def test_the_server_is_live_at_once_and_ready_when_the_models_are_loaded(open_client, model) -> None:
    client = open_client(loaded=False)
    assert client.get("/health/live").json() == {"status": "live"}
    for answered in (client.get("/health/ready"), client.post("/v1/classify", json={"texts": ["a"]})):
        assert answered.status_code == 503
        assert answered.headers["retry-after"] == "1"
        assert answered.json() == {"error": "the models are being loaded; try again in a second"}
    client.app.state.service.models.load()
    assert client.get("/health/ready").json() == {"status": "ready"}


def test_while_kernels_are_compiled_the_answer_and_a_note_say_so(model, monkeypatch) -> None:
    answers, notes = [], []

    def compile_slowly(*modules, note):
        note(f"compiling {' '.join(modules)}")
        with pytest.raises(UnavailableError) as refused:
            models.find(None)
        answers.append(str(refused.value))
        return False

    models = Models({"reviews": model}, note=notes.append)
    monkeypatch.setattr("grutext.serving.models.prepare_kernels", compile_slowly)
    models.load()
    assert notes == ["compiling inference ngrams tokens"]
    assert answers == [
        "the models are being loaded: compiling inference ngrams tokens; try again in a second"
    ]


def test_metrics_count_requests_texts_and_batches(client) -> None:
    client.post("/v1/classify", json={"texts": ["a", "b", "c"]})
    client.post("/v1/classify", json={"texts": 1})
    client.get("/no/such/path")
    lines = client.get("/metrics").text.splitlines()
    assert 'grutext_texts_total{model="reviews"} 3.0' in lines
    assert 'grutext_requests_total{path="/v1/classify",status="200"} 1.0' in lines
    assert 'grutext_requests_total{path="/v1/classify",status="422"} 1.0' in lines
    assert 'grutext_requests_total{path="other",status="404"} 1.0' in lines
    assert "grutext_batch_texts_sum 3.0" in lines


NO_PATH = "there is nothing at this path; /docs lists the requests, and / is a page to try the models"
NO_METHOD = "this path does not take PUT; /docs lists the requests"


def test_errors_outside_the_routes_are_json_too(client) -> None:
    missing, wrong = client.get("/nothing"), client.put("/v1/classify")
    assert (missing.status_code, missing.json()) == (404, {"error": NO_PATH})
    assert (wrong.status_code, wrong.json()) == (405, {"error": NO_METHOD})
    assert wrong.headers["allow"] == "POST"


def test_a_failure_of_the_server_says_nothing_about_its_inside(client, monkeypatch) -> None:
    service = client.app.state.service
    monkeypatch.setattr(service.models, "find", lambda name: 1 / 0)
    answered = client.post("/v1/classify", json={"texts": ["a"]})
    assert (answered.status_code, answered.json()) == (500, {"error": "the server failed; its log says more"})


def test_a_token_protects_everything_but_health_and_pages(open_client) -> None:
    client = open_client(token=TOKEN, allow_reload=True)
    protected = [("POST", "/v1/classify"), ("POST", "/v1/encode"), ("GET", "/v1/models"), ("GET", "/metrics")]
    for method, path in [*protected, ("POST", "/v1/reload")]:
        for headers in ({}, {"authorization": "Bearer wrong"}, {"authorization": f"Basic {TOKEN}"}):
            answered = client.request(method, path, headers=headers)
            assert answered.status_code == 401, path
            assert answered.headers["www-authenticate"] == "Bearer"
    for path in ("/", "/docs", "/openapi.json", "/health/live", "/health/ready"):
        assert client.get(path).status_code == 200, path
    allowed = client.post("/v1/classify", json={"texts": ["a"]}, headers={"authorization": f"Bearer {TOKEN}"})
    assert allowed.status_code == 200


def test_a_server_for_this_machine_answers_to_its_own_names_only(client) -> None:
    service = client.app.state.service
    service.hosts = allowed_hosts(ServerOptions(hosts=["Proxy.example"]), "::1", "::1")
    for name in ("localhost", "LOCALHOST:8000", "127.0.0.1:8000", "[::1]:8000", "[::1]", "proxy.example:80"):
        assert client.get("/v1/models", headers={"host": name}).status_code == 200, name
    for name in ("evil.example", "evil.example:8000", "localhost.evil.example", "8000"):
        refused = client.get("/v1/models", headers={"host": name})
        assert refused.status_code == 403, name
        assert "--allow-host" in refused.json()["error"]
    document = client.get("/openapi.json", headers={"host": "localhost"}).json()
    assert "403" in document["paths"]["/v1/models"]["get"]["responses"]
    assert allowed_hosts(ServerOptions(token=TOKEN), "127.0.0.1", "127.0.0.1") is None
    assert allowed_hosts(ServerOptions(), "0.0.0.0", "0.0.0.0") is None


def test_a_token_is_read_without_its_line_break_and_must_not_be_short(tmp_path) -> None:
    (tmp_path / "token").write_text(f"{TOKEN}\n", encoding="utf-8")
    assert read_token(tmp_path / "token") == TOKEN
    for bad in ("short", "has spaces in between", ""):
        (tmp_path / "token").write_text(bad, encoding="utf-8")
        with pytest.raises(ConfigError, match="openssl rand"):
            read_token(tmp_path / "token")


def test_loading_again_replaces_the_models_or_leaves_them_as_they_were(
    open_client, model, build_bundle
) -> None:
    client = open_client(allow_reload=True)
    before = client.get("/v1/models").json()
    build_bundle(seed=9).save(model, overwrite=True)
    assert client.get("/v1/models").json() == before
    after = client.post("/v1/reload").json()
    assert after["models"][0]["hash"] == json.loads((model / "model.json").read_text())["checksum"]
    assert after != before
    shutil.rmtree(model)
    failed = client.post("/v1/reload")
    assert failed.status_code == 409
    assert "does not exist" in failed.json()["error"]
    assert (
        client.post("/v1/classify", json={"texts": ["a"]}).json()["model"]["hash"]
        == after["models"][0]["hash"]
    )


def test_loading_again_is_off_by_default(client) -> None:
    refused = client.post("/v1/reload")
    assert (refused.status_code, "--allow-reload" in refused.json()["error"]) == (404, True)


def test_a_page_of_another_server_cannot_load_the_models_again(open_client) -> None:
    client = open_client(allow_reload=True)
    assert client.post("/v1/reload", headers={"origin": "http://elsewhere.example"}).status_code == 403
    assert client.post("/v1/reload", headers={"origin": f"http://{client.base_url.host}"}).status_code == 200


def test_large_requests_are_refused_while_too_much_is_held(client) -> None:
    intake = client.app.state.service.intake
    assert intake.most == 32 * Limits().body
    large = {"texts": ["a" * 70_000]}
    intake.held = intake.most - 10_000
    refused = client.post("/v1/classify", json=large)
    assert (refused.status_code, refused.headers["connection"]) == (429, "close")
    assert refused.json()["error"].startswith("the server has too much to read and to send")
    assert client.post("/v1/classify", json={"texts": ["a" * 50_000]}).status_code == 200
    assert intake.held == intake.most - 10_000
    intake.held = 0
    assert client.post("/v1/classify", json=large).status_code == 200
    assert intake.held == 0


def test_large_answers_are_sent_in_pieces_and_refused_while_too_much_is_held(client) -> None:
    intake, texts = client.app.state.service.intake, {"texts": ["a"] * 1000}
    answered = client.post("/v1/classify", json=texts)
    assert len(answered.content) > 100_000
    assert len(answered.json()["results"]) == 1000
    intake.held = intake.most
    refused = client.post("/v1/classify", json=texts)
    assert (refused.status_code, refused.headers["retry-after"]) == (429, "1")
    assert refused.json()["error"].startswith("the server has too much to read and to send")
    assert client.get("/v1/models").status_code == 200
    assert intake.held == intake.most
    assert 'grutext_requests_total{path="/v1/classify",status="429"} 1.0' in client.get("/metrics").text


def test_a_server_whose_models_cannot_be_loaded_ends_whatever_the_reason(model, monkeypatch) -> None:
    def fail(self):
        raise MemoryError("no memory")

    monkeypatch.setattr(Models, "load", fail)
    service = Service(Models({"reviews": model}), ServerOptions())
    hangs = threading.Timer(30, os.kill, (os.getpid(), signal.SIGINT))
    hangs.start()
    try:
        with pytest.raises(MemoryError, match="no memory"):
            serve(service, "127.0.0.1", 0, note=lambda _: None)
    finally:
        hangs.cancel()


def test_requests_are_answered_when_nobody_reads_the_log(open_client, monkeypatch) -> None:
    class Broken(io.StringIO):
        def write(self, _text: str) -> int:
            raise BrokenPipeError

    client = open_client(log="texts")
    monkeypatch.setattr("sys.stderr", Broken())
    assert client.post("/v1/classify", json={"texts": ["a"]}).status_code == 200


def test_an_answer_that_takes_too_long_is_an_error(open_client, monkeypatch) -> None:
    client = open_client(limits=Limits(seconds=0.05))
    classifier = client.app.state.service.models.find(None).classifier
    answer = type(classifier).answer

    def slow(self, *arguments, **options):
        import time

        time.sleep(0.2)
        return answer(self, *arguments, **options)

    monkeypatch.setattr(type(classifier), "answer", slow)
    answered = client.post("/v1/classify", json={"texts": ["a"]})
    assert answered.status_code == 503
    assert answered.json()["error"].startswith("there was no answer within 0.05 s")


def test_models_are_named_like_their_folders_unless_they_get_a_name(tmp_path, monkeypatch) -> None:
    monkeypatch.chdir(tmp_path)
    (tmp_path / "a=b").mkdir()
    folders = name_folders(["models/reviews", "old=models/2025", "a=b"])
    assert {name: str(folder) for name, folder in folders.items()} == {
        "reviews": "models/reviews",
        "old": "models/2025",
        "a=b": "a=b",
    }
    for given in (["x/m", "y/m"], ["=x"]):
        with pytest.raises(ConfigError, match="NAME=DIR"):
            name_folders(given)
