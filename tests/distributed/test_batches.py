"""Labels for record batches: the values of `grutext predict`, a model that is loaded once, and Ray and Dask on top."""

import json
import pickle
from concurrent.futures import ThreadPoolExecutor

import pyarrow as pa
import pytest
from click.testing import CliRunner
from pyarrow import parquet
from support.keyword_model import build_keyword_model

from grutext import Classifier
from grutext.cli import main
from grutext.distributed import BatchPredictor
from grutext.errors import BundleError, DataError
from grutext.inference import AnswerOptions

TEXTS = ["my parcel", None, "invoice and password", "", " \n", "parcel parcel", "nothing known"]


@pytest.fixture
def folder(tmp_path):
    build_keyword_model(multilabel=False).save(tmp_path / "model")
    return tmp_path / "model"


def predict_on_one_machine(table, model, folder, *arguments):
    """Return what `grutext predict` makes of a table, as rows."""
    parquet.write_table(table, folder / "in.parquet")
    command = ["predict", str(folder / "in.parquet"), "-m", str(model), "-o", str(folder / "out.jsonl")]
    result = CliRunner().invoke(main, [*command, "--quiet", *arguments])
    assert result.exit_code == 0, result.output
    return [json.loads(line) for line in (folder / "out.jsonl").read_text(encoding="utf-8").splitlines()]


@pytest.mark.parametrize(
    ("options", "arguments"),
    [
        (AnswerOptions(), ()),
        (AnswerOptions(proba=True, top_k=2), ("--proba", "--top-k", "2")),
        (AnswerOptions(abstain_below=0.5), ("--abstain-below", "0.5")),
    ],
)
def test_rows_are_those_of_predict(folder, tmp_path, options, arguments):
    table = pa.table({"id": range(len(TEXTS)), "message": TEXTS, "label": ["x"] * len(TEXTS)})
    predictor = BatchPredictor.load(folder, options=options)
    expected = predict_on_one_machine(table, folder, tmp_path, *arguments)
    for size in (1, 3, 100):
        batches = list(predictor(table.to_batches(max_chunksize=size)))
        assert [batch.schema for batch in batches] == [predictor.schema(table.schema)] * len(batches)
        assert [row for batch in batches for row in batch.to_pylist()] == expected
    assert expected[0]["predicted_label"] == "delivery"


def test_several_labels_are_a_list(tmp_path):
    build_keyword_model(multilabel=True).save(tmp_path / "several")
    table = pa.table({"message": TEXTS})
    predictor = BatchPredictor.load(tmp_path / "several", options=AnswerOptions(proba=True))
    labelled = predictor.predict_table(table)
    assert labelled.to_pylist() == predict_on_one_machine(table, tmp_path / "several", tmp_path, "--proba")
    assert labelled.column("label").to_pylist()[:3] == [["delivery"], [], ["billing", "login"]]


def test_numbers_are_those_of_predict_for_a_network_too(build_bundle, tmp_path, texts):
    build_bundle().save(tmp_path / "model")
    table = pa.table({"text": texts * 70})
    labelled = BatchPredictor.load(tmp_path / "model", "text", AnswerOptions(proba=True)).predict_table(table)
    expected = predict_on_one_machine(table, tmp_path / "model", tmp_path, "--proba")
    rows = labelled.to_pylist()
    assert [row["label"] for row in rows] == [row["label"] for row in expected]
    for name in ("confidence", "p_ask", "p_buy", "p_cry"):  # with compiled kernels here, without them there
        assert [row[name] for row in rows] == pytest.approx([row[name] for row in expected], abs=1e-5)


@pytest.mark.parametrize(
    ("column", "expected"),
    [
        (pa.array(["parcel", None], pa.large_string()), ["delivery", "billing"]),
        (pa.array([b"parcel", None]), ["delivery", "billing"]),
        (pa.array(["parcel", None]).dictionary_encode(), ["delivery", "billing"]),
        (pa.nulls(2), ["billing", "billing"]),
        (pa.array([float("nan"), None]), ["billing", "billing"]),
        (pa.array([], pa.string()), []),
        (pa.array([1, 2]), "holds a value of type int, not text"),
        (pa.array([["parcel"]]), "holds a list, not text"),
        (pa.array([b"\xff"]), "holds a value of type bytes, not text"),
    ],
)
def test_types_are_treated_as_predict_treats_them(folder, column, expected):
    table = pa.table({"message": column})
    predictor = BatchPredictor.load(folder)
    if isinstance(expected, list):
        assert predictor.predict_table(table).column("label").to_pylist() == expected
    else:
        with pytest.raises(DataError, match=f'^the text column "message" {expected}$'):
            predictor.predict_table(table)


def test_several_text_columns_are_joined(folder):
    table = pa.table({"title": ["parcel", None], "body": ["hello", "password"]})
    predictor = BatchPredictor.load(folder, ("title", "body"))
    assert predictor.predict_table(table).column("label").to_pylist() == ["delivery", "login"]


def test_a_process_loads_a_model_once(folder, monkeypatch):
    loads = []
    load = Classifier.load
    predictor = BatchPredictor.load(folder)
    monkeypatch.setattr(
        Classifier, "load", lambda *values, **named: loads.append(values) or load(*values, **named)
    )
    table = pa.table({"message": ["parcel"] * 50})
    tasks = [pickle.loads(pickle.dumps(predictor)) for _ in range(8)]
    with ThreadPoolExecutor(4) as pool:
        labelled = list(pool.map(lambda task: task.predict_table(table), tasks))
    assert labelled == [labelled[0]] * 8
    assert len(loads) == 1


def test_a_model_that_is_missing_or_another_one_is_an_error(folder, tmp_path):
    predictor = BatchPredictor.load(folder)
    table = pa.table({"message": ["parcel"]})
    with pytest.raises(BundleError, match=r"gone is no model on \S+; put it there, or let it be sent"):
        predictor.moved(str(tmp_path / "gone"), 1).predict_table(table)
    build_keyword_model(multilabel=True).save(tmp_path / "other")
    with pytest.raises(BundleError, match=r"other on \S+ is another model than where the job was started"):
        predictor.moved(str(tmp_path / "other"), 1).predict_table(table)


def test_a_missing_text_column_names_the_columns(folder):
    predictor = BatchPredictor.load(folder, "mesage")
    with pytest.raises(
        DataError, match='no column "mesage", did you mean "message"\\? The columns are: id, message'
    ):
        predictor.predict_table(pa.table({"id": [1], "message": ["parcel"]}))


def test_a_batch_of_long_texts_is_cut(folder):
    table = pa.table({"message": ["parcel " * 100_000] * 20})
    batches = list(BatchPredictor.load(folder)(table.to_batches()))
    assert sum(batch.num_rows for batch in batches) == 20
    assert max(batch.nbytes for batch in batches) < 6_000_000
