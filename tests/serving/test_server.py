"""The real server with real clients: what slow, broken and hostile ones do, and how it stops."""

import json
import select
import signal
import threading
import time
from contextlib import ExitStack, suppress
from dataclasses import replace

import pytest
from click.testing import CliRunner
from support.keyword_model import build_keyword_model
from support.server import start_server

from grutext.cli import main

pytest.importorskip("uvicorn")
httpx = pytest.importorskip("httpx")
pytest.importorskip("websockets")

from websockets.exceptions import ConnectionClosed, InvalidStatus  # noqa: E402 (after the check that it is there)
from websockets.sync.client import connect  # noqa: E402

pytestmark = pytest.mark.long

BODY = json.dumps({"texts": ["where is my parcel"]}).encode()


def save_model(folder, created="2024-05-01T12:00:00+00:00"):
    rule = [{"gap": 0.02, "threshold": 0.9, "words_read": 0.5}]
    model = replace(build_keyword_model(multilabel=False), created=created, early=rule)
    model.save(folder, overwrite=True)
    return folder


def head(length, path="/v1/classify"):
    lines = [
        f"POST {path} HTTP/1.1",
        "Host: localhost",
        "Content-Type: application/json",
        f"Content-Length: {length}",
    ]
    return "\r\n".join([*lines, "\r\n"]).encode()


@pytest.fixture(scope="module")
def server(tmp_path_factory, request):
    """A server that loses its patience after a second."""
    folder = save_model(tmp_path_factory.mktemp("models") / "mails")
    with start_server(
        "-m", folder, "--timeout", "1", "--max-body", "20000", "--max-sessions", "20"
    ) as running:
        yield running


def classify(server, client=httpx):
    return client.post(
        f"{server.url}/v1/classify", content=BODY, headers={"content-type": "application/json"}
    )


def test_it_answers_like_the_model_in_this_process(server) -> None:
    answered = classify(server)
    assert answered.status_code == 200
    assert answered.json()["results"][0]["label"] == "delivery"


@pytest.mark.parametrize(
    ("sent", "received"),
    [
        (b"", b""),  # a connection that never says anything
        (b"POST /v1/cl", b""),
        (head(100)[:-2], b""),
        (head(len(BODY)) + BODY[:5], b"HTTP/1.1 408"),
        (head(10**9) + BODY, b"HTTP/1.1 413"),
        (head(25_000) + b" " * 20_001, b"HTTP/1.1 413"),
        (b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03 tls", b"HTTP/1.1 400"),
        (b"NONSENSE\r\n\r\n", b"HTTP/1.1 400"),
        (head(7) + b"\x00\xff{[}]\x01", b"HTTP/1.1 422"),
    ],
)
def test_a_bad_connection_ends_soon_and_others_are_answered_meanwhile(server, sent, received) -> None:
    with server.connect() as bad:
        bad.sendall(sent)
        assert classify(server).status_code == 200
        answer = bad.recv(4096)
        assert answer.startswith(received)
        assert received or answer == b""


def test_many_half_open_connections_and_slow_bodies_hold_nobody_up(server) -> None:
    connections = [server.connect() for _ in range(300)]
    try:
        for n, connection in enumerate(connections):
            connection.sendall(b"POST /v1" if n % 2 else head(len(BODY)) + BODY[:4])
        began = time.monotonic()
        with httpx.Client() as client:
            assert {classify(server, client).status_code for _ in range(20)} == {200}
        assert time.monotonic() - began < 5
        assert all(connection.recv(9) in {b"", b"HTTP/1.1 "} for connection in connections)
    finally:
        for connection in connections:
            connection.close()


@pytest.fixture(scope="module")
def patient(tmp_path_factory):
    """A server with the usual patience and a small memory."""
    folder = save_model(tmp_path_factory.mktemp("models") / "mails")
    with start_server("-m", folder, "--max-body", "200000") as running:
        yield running


@pytest.mark.parametrize(
    "begin",
    [b"GET / HTTP/1.1\r\nX: ", head(0).replace(b"Content-Length: 0", b"Transfer-Encoding: chunked") + b"1\r\n{\r\n0\r\nX: "],
    ids=["head", "trailer"],
)  # fmt: skip
def test_a_head_without_end_is_not_read_into_memory(patient, begin) -> None:
    with patient.connect() as endless:
        endless.sendall(begin)
        with pytest.raises(OSError, match=r"reset|pipe|abort"):
            endless.sendall(b"x" * (40 << 20))
    assert classify(patient).status_code == 200


def test_floods_of_large_bodies_and_messages_are_refused_and_small_ones_answered(patient) -> None:
    """At most 32 bodies of the largest size are held."""
    url = patient.url.replace("http", "ws") + "/v1/stream"
    with ExitStack() as stack:
        session = stack.enter_context(connect(url))
        session.send(json.dumps({"push": "where is my par"}))
        session.recv()
        bodies = [stack.enter_context(patient.connect()) for _ in range(50)]
        for body in bodies:
            with suppress(OSError):
                body.sendall(head(200_000) + b" " * 199_999)
        refused = [body for body in bodies if select.select([body], [], [], 0.2)[0]]
        assert 15 <= len(refused) <= 25
        assert classify(patient).status_code == 200
        session.send(json.dumps({"push": "cel " + "and so on " * 10_000}))
        with pytest.raises(ConnectionClosed, match="1013"):
            session.recv()
        with connect(url) as small:
            small.send(json.dumps({"push": "where is my parcel "}))
            assert json.loads(small.recv())["label"] == "delivery"
    large = json.dumps({"texts": ["parcel " * 20_000]}).encode()
    for _ in range(40):  # what was held is given back
        answered = httpx.post(
            f"{patient.url}/v1/classify", content=large, headers={"content-type": "application/json"}
        )
        assert answered.status_code == 200
    for _ in range(8):
        with connect(url) as session:
            for _ in range(11):
                session.send(json.dumps({"push": "parcel " * 12_000}))
                assert json.loads(session.recv())["label"] == "delivery"


def test_a_client_that_leaves_before_its_answer_disturbs_nobody(server) -> None:
    for _ in range(50):
        with server.connect() as leaving:
            leaving.sendall(head(len(BODY)) + BODY)
    assert classify(server).status_code == 200


def test_a_flood_of_sessions_is_refused_and_the_others_go_on(server) -> None:
    url = server.url.replace("http", "ws") + "/v1/stream"
    with ExitStack() as stack:
        sessions = [stack.enter_context(connect(url)) for _ in range(20)]
        for _ in range(40):
            with pytest.raises(InvalidStatus, match="429"), connect(url):
                pass
        assert classify(server).status_code == 200
        for n, session in enumerate(sessions):
            session.send(json.dumps({"push": "where is my par" if n % 2 else "my password "}))
        for n, session in enumerate(sessions):
            label = json.loads(session.recv())["label"]
            assert n % 2 or label == "login"
        for session in sessions[1::2]:
            session.send(json.dumps({"push": "cel? "}))
            assert json.loads(session.recv())["label"] == "delivery"
        sessions[0].send("x" * 30_000)  # more than a message may have
        with pytest.raises(ConnectionClosed):
            sessions[0].recv()
        sessions[1].send(json.dumps({"finish": True}))
        assert json.loads(sessions[1].recv())["label"] == "delivery"


def test_a_session_is_decided_before_its_end_with_a_gap_that_the_model_offers(server) -> None:
    url = server.url.replace("http", "ws") + "/v1/stream"
    with connect(f"{url}?gap=0.02") as session:
        decided = []
        for word in ("where ", "is ", "my ", "parcel "):
            session.send(json.dumps({"push": word}))
            decided.append(json.loads(session.recv())["is_decided"])
        assert decided == [False, False, False, True]
    with pytest.raises(InvalidStatus, match="422") as refused, connect(f"{url}?gap=0.01"):
        pass
    error = "the model offers no early answers with a gap of 0.01; it offers 0.02"
    assert json.loads(refused.value.response.body) == {"error": error}


def test_requests_that_wait_together_all_get_their_own_answers(server) -> None:
    words = {"invoice": "billing", "parcel": "delivery", "password": "login"}
    wrong = []

    def ask(word):
        with httpx.Client() as client:
            for _ in range(10):
                answered = client.post(f"{server.url}/v1/classify", json={"texts": [word, ""]})
                if answered.json()["results"][0]["label"] != words[word]:
                    wrong.append(answered.text)

    threads = [threading.Thread(target=ask, args=(word,)) for word in list(words) * 4]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert wrong == []


def test_sigterm_ends_it_after_the_requests_that_it_has(tmp_path) -> None:
    answers, errors = [], []
    with start_server("-m", save_model(tmp_path / "mails")) as server:
        started = threading.Barrier(5)

        def ask():
            with httpx.Client() as client:
                started.wait()
                while True:  # until the server says that the connection ends
                    try:
                        answered = classify(server, client)
                    except httpx.HTTPError as error:
                        errors.append(error)
                        return
                    answers.append(answered.status_code)
                    if answered.headers.get("connection") == "close":
                        return

        threads = [threading.Thread(target=ask) for _ in range(4)]
        for thread in threads:
            thread.start()
        started.wait()
        time.sleep(0.3)
        session = connect(server.url.replace("http", "ws") + "/v1/stream")
        with session, server.connect() as waiting:  # its body is not complete when the signal comes
            waiting.sendall(head(len(BODY)) + BODY[:5])
            time.sleep(0.1)
            server.process.send_signal(signal.SIGTERM)
            time.sleep(0.3)
            waiting.sendall(BODY[5:])
            assert waiting.recv(4096).startswith(b"HTTP/1.1 200")
            with pytest.raises(ConnectionClosed, match="1012"):
                session.recv()
        for thread in threads:
            thread.join()
        assert server.process.wait(20) == 0
    assert errors == []
    assert set(answers) == {200}


def test_sighup_loads_the_models_again_without_a_lost_request(tmp_path) -> None:
    folder, hashes, stop = save_model(tmp_path / "mails"), [], threading.Event()
    with start_server("-m", folder) as server:

        def ask():
            with httpx.Client() as client:
                while not stop.is_set():
                    hashes.append(classify(server, client).json()["model"]["hash"])

        thread = threading.Thread(target=ask)
        thread.start()
        while not hashes and thread.is_alive():
            time.sleep(0.01)
        save_model(folder, created="2030-01-01T00:00:00+00:00")
        server.process.send_signal(signal.SIGHUP)
        assert server.read_note().startswith("ready: mails")
        time.sleep(0.2)
        (folder / "model.json").write_text("{", encoding="utf-8")
        server.process.send_signal(signal.SIGHUP)
        assert server.read_note().startswith("the models are not loaded again: ")
        stop.set()
        thread.join()
        assert server.end(signal.SIGINT) == 130
    assert len(set(hashes)) == 2
    assert hashes == sorted(hashes, key=hashes.index)


def test_a_server_that_cannot_start_says_why_in_one_line(tmp_path, server) -> None:
    for arguments, message in (
        (
            ["-m", str(tmp_path / "nowhere"), "--port", "0"],
            f"the model folder {tmp_path}/nowhere does not exist",
        ),
        (["--port", str(server.port)], f"cannot listen at 127.0.0.1, port {server.port}: "),
    ):
        done = CliRunner().invoke(main, ["serve", "--quiet", *arguments])
        assert done.exit_code == 1
        (line,) = done.stderr.splitlines()
        assert line.startswith(f"grutext: error: {message}")
