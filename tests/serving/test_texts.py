"""What `POST /v1/classify` and `/v1/encode` answer."""

import json
import threading
from concurrent.futures import ThreadPoolExecutor

import numpy as np
import pytest

from grutext import Classifier
from grutext.cli import main
from grutext.serving import Limits


@pytest.fixture
def ours(model) -> Classifier:
    return Classifier.load(model)


def test_classify_answers_as_the_model_does(client, ours, texts) -> None:
    answered = client.post("/v1/classify", json={"texts": texts})
    assert answered.status_code == 200
    results = answered.json()["results"]
    expected = ours.answer(texts)
    assert [result["label"] for result in results] == [answer.label for answer in expected]
    assert [result["confidence"] for result in results] == [answer.confidence for answer in expected]
    assert [[(t["label"], t["probability"]) for t in r["top"]] for r in results] == [
        list(answer.top) for answer in expected
    ]


def test_a_float_without_a_fraction_is_an_integer_as_in_json_schema(client) -> None:
    (result,) = client.post("/v1/classify", json={"texts": ["a"], "top_k": 2.0}).json()["results"]
    assert len(result["top"]) == 2
    assert client.post("/v1/classify", json={"texts": ["a"], "top_k": 2.5}).status_code == 422


def test_classify_has_the_keys_of_the_command(client, model, texts, tmp_path, capsys) -> None:
    (tmp_path / "a.txt").write_text(texts[0], encoding="utf-8")
    arguments = ["classify", str(tmp_path / "a.txt"), "-m", str(model), "--familiarity"]
    main([*arguments, "--familiar-above", "-9", "--json"], standalone_mode=False)
    (printed,) = json.loads(capsys.readouterr().out)
    asked = {"texts": texts[:1], "familiarity": True, "familiar_above": -9}
    (result,) = client.post("/v1/classify", json=asked).json()["results"]
    del printed["source"]
    assert result == printed
    assert list(result) == list(printed)


def test_every_answer_names_the_model_its_version_and_its_hash(client, model) -> None:
    stored = json.loads((model / "model.json").read_text(encoding="utf-8"))
    expected = {"name": "reviews", "version": stored["created"], "hash": stored["checksum"]}
    for path in ("/v1/classify", "/v1/encode"):
        assert client.post(path, json={"texts": []}).json()["model"] == expected
    (listed,) = client.get("/v1/models").json()["models"]
    assert expected.items() <= listed.items()
    assert listed["labels"] == ["ask", "buy", "cry"]


def test_texts_are_left_to_a_person_where_that_is_asked_for(client, ours, texts) -> None:
    middle = sorted(answer.confidence for answer in ours.answer(texts))[len(texts) // 2]
    answers = ours.answer(texts, abstain_below=middle)
    assert {answer.abstained for answer in answers} == {True, False}
    results = client.post("/v1/classify", json={"texts": texts, "abstain_below": middle}).json()["results"]
    assert [result["abstained"] for result in results] == [answer.abstained for answer in answers]
    assert [result["label"] for result in results] == [answer.label for answer in answers]


def test_encode_returns_the_vectors_of_the_encoder(client, ours, texts) -> None:
    vectors = client.post("/v1/encode", json={"texts": texts}).json()["vectors"]
    assert np.array_equal(np.array(vectors, np.float32), ours.encode(texts))


def test_an_explanation_and_the_gates_are_those_of_the_model(client, ours, texts) -> None:
    asked = {"texts": texts, "explain": True, "gates": True}
    results = client.post("/v1/classify", json=asked).json()["results"]
    for text, result in zip(texts, results, strict=True):
        assert result["explanation"] == ours.explain(text).to_dict()
        assert result["gates"] == ours.gates(text).to_dict()
        assert result["explanation"]["label"] == result["label"]


def test_an_explanation_that_takes_long_holds_no_answer_up(client, ours, monkeypatch) -> None:
    began, go = threading.Event(), threading.Event()

    def explain(self, text):
        began.set()
        assert go.wait(20)
        return ours.explain(text)

    explained = ours.explain("thanks").to_dict()
    monkeypatch.setattr(Classifier, "explain", explain)
    with ThreadPoolExecutor(2) as pool:
        slow = pool.submit(client.post, "/v1/classify", json={"texts": ["thanks"], "explain": True})
        assert began.wait(20)
        monkeypatch.undo()
        quick = pool.submit(client.post, "/v1/classify", json={"texts": ["thanks"]})
        try:
            assert quick.result(timeout=10).status_code == 200
        finally:
            go.set()
        assert slow.result(timeout=20).json()["results"][0]["explanation"] == explained


def test_a_text_with_several_labels_gets_a_list(open_client, build_bundle, tmp_path) -> None:
    build_bundle(multilabel=True).save(tmp_path / "several")
    client = open_client(folders={"several": tmp_path / "several"})
    (result,) = client.post("/v1/classify", json={"texts": ["thanks"]}).json()["results"]
    assert isinstance(result["label"], list)
    refused = client.post("/v1/classify", json={"texts": ["thanks"], "abstain_below": 0.5})
    assert refused.status_code == 422
    assert "gives several" in refused.json()["error"]


def test_models_are_chosen_by_name_and_the_first_is_the_default(
    open_client, model, build_bundle, tmp_path
) -> None:
    build_bundle(labels=("x", "y"), seed=8).save(tmp_path / "other")
    client = open_client(folders={"first": model, "second": tmp_path / "other"})
    asked = {"texts": ["thanks"]}
    assert client.post("/v1/classify", json=asked).json()["model"]["name"] == "first"
    answered = client.post("/v1/classify", json=asked | {"model": "second"}).json()
    assert answered["model"]["name"] == "second"
    assert answered["results"][0]["label"] in {"x", "y"}
    unknown = client.post("/v1/classify", json=asked | {"model": "secnd"})
    assert unknown.status_code == 404
    assert unknown.json() == {
        "error": 'there is no model "secnd", did you mean "second"? the models are first, second'
    }


@pytest.mark.parametrize(
    ("body", "status", "error"),
    [
        (b'{"texts": "one"}', 422, "texts: must be an array"),
        (b'{"texts": [1]}', 422, "texts.0: must be a string"),
        (b'{"texts": ["a"], "top_k": "2"}', 422, "top_k: must be an integer"),
        (b'{"texts": ["a"], "top_k": 0}', 422, "top_k: must be at least 1"),
        (b'{"texts": ["a"], "topk": 1}', 422, "topk: there is no such field"),
        (b'{"texts": ["a"], "abstain_below": NaN}', 422, "abstain_below"),
        (b'{"texts": ["a"], "familiar_above": Infinity}', 422, "familiar_above: must be a finite number"),
        (b'{"texts": ["\\ud800"]}', 422, "Invalid JSON"),
        (b'{"texts": ["a"', 422, "Invalid JSON"),
        (b"\xff\xfe\x00", 422, "Invalid JSON"),
        (b"[" * 100_000, 422, "Invalid JSON"),
        (b"", 422, "Invalid JSON"),
        (b'{"texts": ["a", "b", "c"]}', 413, "the request has 3 texts, more than 2; send several requests"),
        (b'{"texts": ["abcdefghijklm"]}', 413, "the texts have 13 characters, more than 12"),
        (b'{"texts": [' + b" " * 200_000 + b"]}", 413, "the body has more than 200,000 bytes"),
    ],
)  # fmt: skip
def test_a_bad_body_gets_one_line(open_client, body, status, error) -> None:
    client = open_client(limits=Limits(body=200_000, texts=2, characters=12))
    answered = client.post("/v1/classify", content=body, headers={"content-type": "application/json"})
    assert answered.status_code == status
    assert list(answered.json()) == ["error"]
    assert answered.json()["error"].startswith(error), answered.json()
    assert "\n" not in answered.json()["error"]


def test_a_body_with_very_many_mistakes_gets_one_short_line(open_client) -> None:
    client = open_client(limits=Limits(body=200_000))
    fields = ", ".join(f'"a{n}": 1' for n in range(5_000))
    for body, error in (
        ('{"texts": [' + "1, " * 50_000 + "1]}", "texts.0: must be a string"),
        ('{"texts": [], ' + fields + "}", "the body has 5,000 errors; see /docs for its fields"),
    ):
        answered = client.post("/v1/classify", content=body, headers={"content-type": "application/json"})
        assert (answered.status_code, answered.json()) == (422, {"error": error})


def test_a_body_without_a_length_is_limited_as_well(open_client) -> None:
    client = open_client(limits=Limits(body=1000))
    headers = {"content-type": "application/json"}
    answered = client.post("/v1/classify", content=iter([b" " * 600] * 2), headers=headers)
    assert answered.status_code == 413
    assert answered.headers["connection"] == "close"


def test_a_body_that_is_not_json_by_its_type_is_refused(client) -> None:
    answered = client.post("/v1/classify", content=b'{"texts": []}', headers={"content-type": "text/plain"})
    assert answered.status_code == 415
    assert "Content-Type: application/json" in answered.json()["error"]


def test_what_the_model_cannot_do_is_an_error_of_the_request(open_client, build_bundle, tmp_path) -> None:
    build_bundle({"gru.enabled": False}).save(tmp_path / "linear")
    client = open_client(folders={"linear": tmp_path / "linear"})
    answered = client.post("/v1/encode", json={"texts": ["a"]})
    assert (answered.status_code, "no encoder" in answered.json()["error"]) == (422, True)
    answered = client.post("/v1/classify", json={"texts": ["a"], "familiarity": True})
    assert (answered.status_code, "no familiarity" in answered.json()["error"]) == (422, True)


def test_texts_are_logged_only_if_that_is_asked_for(open_client, capsys) -> None:
    for log, lines in (("nothing", 0), ("requests", 1), ("texts", 2)):
        open_client(log=log).post("/v1/classify", json={"texts": ["my secret"]})
        written = capsys.readouterr().err
        assert len(written.splitlines()) == lines
        assert ("my secret" in written) == (log == "texts")
