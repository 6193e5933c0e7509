"""`/v1/stream`: a text in pieces, an answer after each."""

import asyncio
import time
from dataclasses import replace

import numpy as np
import pytest
from starlette.testclient import WebSocketDenialResponse
from starlette.websockets import WebSocketDisconnect

from grutext import Classifier
from grutext.errors import BundleError
from grutext.serving import Limits
from grutext.serving.sessions import _Finishing, _Piece, _Pushing

TOKEN = "0123456789abcdef"
PIECES = ["The parcel ", "never c", "ame, wh", "ere is it? ", "thanks"]


@pytest.fixture
def forward(build_bundle, tmp_path):
    """The folder of a model that reads forward only."""
    build_bundle({"gru.bidirectional": False}).save(tmp_path / "forward")
    return tmp_path / "forward"


@pytest.fixture
def open_stream(open_client, forward):
    """Return a client of a server whose default model can stream."""
    return lambda **options: open_client(folders={"forward": forward}, **options)


def talk(session, **message):
    session.send_json(message)
    return session.receive_json()


def refusal(client, path="/v1/stream", **arguments):
    """The status and the error of a session that is not begun."""
    with pytest.raises(WebSocketDenialResponse) as refused, client.websocket_connect(path, **arguments):
        pass
    return refused.value.status_code, refused.value.json()["error"]


def test_answers_are_those_of_a_session_of_the_model(open_stream, forward) -> None:
    ours = Classifier.load(forward)
    expected = ours.session()
    with open_stream().websocket_connect("/v1/stream?top_k=2") as session:
        for piece in PIECES:
            answer, wanted = talk(session, push=piece), expected.push(piece)
            assert list(answer) == ["model", "label", "confidence", "top", "is_decided"]
            assert answer["label"] == wanted.label
            assert answer["is_decided"] is wanted.is_decided
            likeliest = np.sort(wanted.probabilities)[::-1][:2]
            assert np.allclose([entry["probability"] for entry in answer["top"]], likeliest, atol=1e-6)
            assert answer["confidence"] == answer["top"][0]["probability"]
        last = talk(session, finish=True)
        with pytest.raises(WebSocketDisconnect) as ended:
            session.receive_json()
        assert ended.value.code == 1000
    whole = ours.answer(["".join(PIECES)])[0]
    assert (last["label"], round(last["confidence"], 5)) == (whole.label, round(whole.confidence, 5))
    assert last["model"]["name"] == "forward"


def test_a_session_can_be_resumed_elsewhere(open_stream) -> None:
    client = open_stream()
    with client.websocket_connect("/v1/stream") as session:
        talk(session, push="The parcel nev")
        state = talk(session, state=True)["state"]
        expected = talk(session, push="er came. ")
    with client.websocket_connect("/v1/stream") as session:
        talk(session, resume=state)
        assert talk(session, push="er came. ") == expected
    with client.websocket_connect("/v1/stream") as session:
        assert "not the state of a session" in talk(session, resume="AAAA")["error"]
    with client.websocket_connect("/v1/stream") as session:
        assert "not base64" in talk(session, resume="?")["error"]


@pytest.mark.parametrize(
    ("message", "error"),
    [
        ("nonsense", "Invalid JSON"),
        ("{}", "a message has one of push, finish, state and resume"),
        ('{"push": "a", "finish": true}', "a message has one of"),
        ('{"push": 1}', "push: must be a string"),
        ('{"pusch": "a"}', "pusch: there is no such field"),
        ('{"push": "' + "x" * 101 + '"}', "the text has more than 100 characters"),
    ],
)
def test_a_bad_message_gets_one_line_and_ends_the_session(open_stream, message, error) -> None:
    with open_stream(limits=Limits(characters=100)).websocket_connect("/v1/stream") as session:
        session.send_text(message)
        assert session.receive_json()["error"].startswith(error)
        with pytest.raises(WebSocketDisconnect) as ended:
            session.receive_json()
        assert ended.value.code in {1008, 1009}


def test_too_many_sessions_are_refused_until_one_ends(open_stream) -> None:
    client = open_stream(limits=Limits(sessions=2))
    with client.websocket_connect("/v1/stream") as first:
        with client.websocket_connect("/v1/stream") as second:
            assert refusal(client) == (429, "2 sessions are open; try again later")
            assert "grutext_sessions 2.0" in client.get("/metrics").text.splitlines()
            talk(second, push="still answered ")
        talk(first, push="still answered ")
        until = time.monotonic() + 5
        while client.app.state.service.sessions > 1 and time.monotonic() < until:
            time.sleep(0.01)
        with client.websocket_connect("/v1/stream") as third:
            assert talk(third, push="again ")["label"]


def test_a_session_keeps_its_model_when_the_models_are_loaded_again(
    open_stream, forward, build_bundle
) -> None:
    client = open_stream(allow_reload=True)
    with client.websocket_connect("/v1/stream") as session:
        before = talk(session, push="The parcel ")
        state = talk(session, state=True)["state"]
        build_bundle({"gru.bidirectional": False}, seed=9).save(forward, overwrite=True)
        (loaded,) = client.post("/v1/reload").json()["models"]
        assert loaded["hash"] != before["model"]["hash"]
        assert talk(session, push="never came ")["model"] == before["model"]
        assert talk(session, finish=True)["model"] == before["model"]
    with client.websocket_connect("/v1/stream") as session:
        assert talk(session, push="The parcel ")["model"]["hash"] == loaded["hash"]
    with client.websocket_connect("/v1/stream") as session:
        assert "is of another model" in talk(session, resume=state)["error"]


def test_a_request_that_is_no_websocket_is_told_so(client) -> None:
    refused = client.get("/v1/stream")
    assert (refused.status_code, refused.headers["upgrade"]) == (426, "websocket")
    assert "a proxy in between must pass on" in refused.json()["error"]


def test_a_session_is_not_lost_where_requests_are_refused(open_stream) -> None:
    client = open_stream(limits=Limits(waiting=0))
    assert client.post("/v1/classify", json={"texts": ["a"]}).status_code == 429
    with client.websocket_connect("/v1/stream") as session:
        assert talk(session, push="The parcel ")["label"]
        assert talk(session, finish=True)["is_decided"]


def test_a_silent_session_ends(open_stream) -> None:
    with open_stream(limits=Limits(idle_seconds=0.05)).websocket_connect("/v1/stream") as session:
        assert session.receive_json()["error"] == "nothing came for 0.05 s"


def test_a_session_says_why_it_cannot_begin(open_client, open_stream, model) -> None:
    status, error = refusal(open_client(folders={"both ways": model}))
    assert (status, "--preset streaming" in error) == (422, True)
    client = open_stream()
    assert refusal(client, "/v1/stream?model=x")[0] == 404
    for query, error in (
        ("top_k=0", "top_k: must be"),
        ("top_k=a", "top_k: must be"),
        ("modl=x", "a session has the parameters model, top_k and gap, but not modl"),
    ):
        status, said = refusal(client, f"/v1/stream?{query}")
        assert (status, said[: len(error)]) == (422, error)
    assert refusal(open_stream(loaded=False))[0] == 503


def test_a_piece_is_not_read_twice_where_pushing_fails(open_stream, monkeypatch) -> None:
    client, pushed = open_stream(), []
    service = client.app.state.service
    model = service.models.find(None)

    def fail(self, sessions, pieces):
        pushed.append(list(pieces))
        raise BundleError("overflow")

    monkeypatch.setattr(Classifier, "push_many", fail)
    work = _Pushing(model)
    pieces = [_Piece(model.classifier.session(), text) for text in ("a ", "b ")]

    async def push_all():
        return await asyncio.gather(*(service.run(work, [piece]) for piece in pieces), return_exceptions=True)

    outcomes = client.portal.call(push_all)
    assert pushed == [["a ", "b "]]
    assert {str(outcome) for (outcome,) in outcomes} == {"overflow"}
    with client.websocket_connect("/v1/stream") as session:
        assert talk(session, push="a ")["error"] == "overflow"


def test_a_session_that_cannot_end_does_not_hinder_others(open_stream) -> None:
    classifier = open_stream().app.state.service.models.find(None)
    ended, other = classifier.classifier.session(), classifier.classifier.session()
    ended.finish()
    refused, answered = _Finishing(classifier)([_Piece(ended, ""), _Piece(other, "")])
    assert "has ended" in str(refused)
    assert answered.is_decided


@pytest.fixture
def early(build_bundle, tmp_path):
    """The folder of a model with a stop rule, which is sure of an answer after a few words."""
    bundle = build_bundle({"gru.bidirectional": False})
    offered = [
        {"gap": 0.01, "threshold": None, "words_read": 1.0},
        {"gap": 0.015, "words_read": 1.0},
        {"gap": 0.02, "threshold": 0.45, "words_read": 0.5},
    ]
    replace(bundle, early=offered).save(tmp_path / "early")
    return tmp_path / "early"


def test_an_answer_is_decided_early_where_the_stop_rule_of_the_model_says_so(open_client, early) -> None:
    client, ours = open_client(folders={"early": early}), Classifier.load(early)
    words = [
        "the",
        "parcel",
        "never",
        "came,",
        "where",
        "is",
        "it?",
        "thanks",
        "for",
        "the",
        "quick",
        "answer",
    ]
    for query, gap in (("", None), ("?gap=0.02", 0.02), ("?gap=2e-2&model=early", 0.02)):
        expected, decided = ours.session(gap), []
        with client.websocket_connect(f"/v1/stream{query}") as session:
            for word in words:
                decided.append(talk(session, push=f"{word} ")["is_decided"])
                assert decided[-1] is expected.push(f"{word} ").is_decided
            assert talk(session, finish=True)["is_decided"]
        assert set(decided) == ({False} if gap is None else {False, True})


def test_a_resumed_session_keeps_its_gap(open_client, early) -> None:
    client = open_client(folders={"early": early})
    with client.websocket_connect("/v1/stream?gap=0.02") as session:
        talk(session, push="the ")
        state = talk(session, state=True)["state"]
        words = ["parcel ", "never ", "came, ", "where ", "is "]
        expected = [talk(session, push=word) for word in words]
    assert {answer["is_decided"] for answer in expected} == {False, True}
    with client.websocket_connect("/v1/stream") as session:
        talk(session, resume=state)
        assert [talk(session, push=word) for word in words] == expected
    with client.websocket_connect("/v1/stream?gap=0.02") as session:
        assert "leave out the parameter gap" in talk(session, resume=state)["error"]


def test_a_gap_that_a_model_does_not_offer_is_refused_and_those_that_it_offers_are_listed(
    open_client, early, forward, model
) -> None:
    client = open_client(folders={"early": early, "forward": forward, "both": model})
    for query, error in (
        ("gap=0.01", "the model offers no early answers with a gap of 0.01; it offers 0.02"),
        ("gap=nan", "the model offers no early answers with a gap of nan; it offers 0.02"),
        ("gap=a", "gap: must be a number"),
        ("gap=", "gap: must be a number"),
        ("gap=0.02&model=forward", "the model offers no early answers with a gap of 0.02; train one with --preset"),
        ("gap=0.02&model=both", "this model also reads each text from its end"),
    ):  # fmt: skip
        status, said = refusal(client, f"/v1/stream?{query}")
        assert (status, said[: len(error)]) == (422, error)
    listed = client.get("/v1/models").json()["models"]
    assert [entry["early"] for entry in listed] == [[{"gap": 0.02, "words_read": 0.5}], [], []]


def test_pages_of_other_servers_cannot_begin_a_session(open_stream) -> None:
    client = open_stream()
    for origin in ("http://evil.example", "null", "http://["):
        assert refusal(client, headers={"origin": origin})[0] == 403
    with client.websocket_connect("/v1/stream", headers={"origin": "http://testserver"}) as session:
        assert talk(session, push="a ")["label"]


def test_names_that_are_not_the_servers_cannot_begin_a_session(open_stream) -> None:
    client = open_stream()
    client.app.state.service.hosts = frozenset({"localhost"})
    assert (
        refusal(client, headers={"host": "evil.example:8000", "origin": "http://evil.example:8000"})[0] == 403
    )
    with client.websocket_connect("/v1/stream", headers={"host": "localhost:8000"}) as session:
        assert talk(session, push="a ")["label"]


def test_a_session_needs_the_token_in_its_header_or_among_its_protocols(open_stream) -> None:
    client = open_stream(token=TOKEN)
    assert refusal(client)[0] == 401
    assert refusal(client, headers={"authorization": "Bearer wrong"})[0] == 401
    assert refusal(client, subprotocols=["grutext", "grutext.token.wrong"])[0] == 401
    for arguments in (
        {"headers": {"authorization": f"Bearer {TOKEN}"}},
        {"subprotocols": ["grutext", f"grutext.token.{TOKEN}"]},
    ):
        with client.websocket_connect("/v1/stream", **arguments) as session:
            assert session.accepted_subprotocol in (None, "grutext")
            assert talk(session, push="a ")["label"]


def test_models_that_can_stream_are_listed(open_client, forward, model) -> None:
    listed = open_client(folders={"a": forward, "b": model}).get("/v1/models").json()["models"]
    assert [entry["streams"] for entry in listed] == [True, False]
