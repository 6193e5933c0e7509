"""`scripts/bench speed`: its statistics, its file of results, its tables, and the peers that it builds."""

import json
import time
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from benchmarks.accuracy import PAGE
from benchmarks.results import read_results
from benchmarks.speed import timing
from benchmarks.speed.__main__ import RESULTS
from benchmarks.speed.job import Bench
from benchmarks.speed.models import cut_text, from_ids, only_recurrence, without_linear
from benchmarks.speed.onnx_gru import build_graph, feeds
from benchmarks.speed.rows import keep_row, replace_row
from benchmarks.speed.tables import BEGIN, END, TABLES, render_tables
from benchmarks.tables import replace_tables

from grutext.config import Config
from grutext.inference import Classifier
from grutext.inference.gru_part import GRUPart
from grutext.model.bundle import Bundle
from grutext.model.spec import Calibration, weight_spec

WORDS = ("good", "bad", "film", "the", "dull", "long")
TEXTS = ["the good film", "", "bad", "a dull, unseen film", "the the the long bad film indeed"]


def row(part, name, commit="abc", **values):
    return {"part": part, "name": name, "values": values, "versions": {"numpy": "2.0"}, "commit": commit}


def cells(tables, start):
    """Return the cells of the one line that starts so."""
    (line,) = [line for line in tables.splitlines() if line.startswith(f"| {start} |")]
    return [cell.strip() for cell in line.strip("|").split("|")]


def tables_of(rows):
    """Return the tables alone, without their captions."""
    return [part for part in render_tables(rows).split("\n\n") if part.startswith("|")]


@pytest.fixture(scope="module")
def bundle():
    """Return a small default model with random weights, biases among them."""
    config = Config().override(
        {"gru.units": 5, "gru.embedding_size": 4, "text.subword_buckets": 50, "linear.char_max": 0}
    )
    rng = np.random.default_rng(3)
    spec = weight_spec(config, len(WORDS) + 1, 3, False, 7)
    weights = {
        name: np.arange(7, dtype=np.uint32) if name == "linear/keys" else rng.normal(size=shape).astype(dtype)
        for name, (shape, dtype) in spec.items()
    }
    return Bundle(config, ("x", "y", "z"), False, WORDS, weights, Calibration())


def test_median_rate_and_quantile_equal_those_computed_by_hand():
    seconds = {"a": [0.3, 0.1, 0.2], "b": [4.0, 1.0, 2.0, 3.0]}
    assert timing.medians(seconds, 1e3) == pytest.approx({"a": 200.0, "b": 2500.0})
    assert timing.rates(seconds, 50) == pytest.approx({"a": 250.0, "b": 20.0})
    values = [float(n) for n in range(200, 0, -1)]  # 1 to 200
    assert timing.quantile(values, 0.99) == 198.0  # 198 of 200 do not exceed it
    assert timing.quantile(values, 0.5) == 100.0
    assert timing.quantile([7.0], 0.99) == 7.0


@pytest.mark.long
def test_calls_alternate_and_the_warm_up_is_not_timed(monkeypatch):
    monkeypatch.setattr(timing, "_PAUSE_SECONDS", 0.0)
    made = []

    def call(name):
        made.append(name)
        if made.count(name) == 1:  # the first one is slow
            time.sleep(0.2)

    calls = {name: lambda name=name: call(name) for name in "ab"}
    seconds = timing.interleave(calls, 3)
    assert made == list("ab" * 4)
    assert {name: len(times) for name, times in seconds.items()} == {"a": 3, "b": 3}
    assert max(seconds["a"] + seconds["b"]) < 0.1
    made.clear()
    assert len(timing.interleave(calls, 2, block=3)["a"]) == 6
    assert made == list("ab" + "aaaabbbb" * 2)  # in each turn one that is not timed goes before the block


@pytest.mark.long
def test_times_quick_calls_often_and_slow_calls_once():
    assert 2 <= len(timing.time_often(lambda: time.sleep(0.02), 0.05)) <= 3
    assert len(timing.time_often(lambda: time.sleep(0.1), 0.05)) == 1


def test_replaces_a_row_of_the_same_part_and_name_in_place(tmp_path):
    rows = [row("start", "a", seconds=1.0), row("layer", "a", seconds=2.0), row("start", "b", seconds=3.0)]
    new = row("start", "a", "def", mb=5.0)
    assert replace_row(rows, new) == [new, *rows[1:]]
    assert replace_row(rows, row("layer", "b")) == [*rows, row("layer", "b")]
    path = tmp_path / "new" / "speed.jsonl"
    for one in (*rows, new):
        keep_row(path, one)
    assert [json.loads(line) for line in path.read_text().splitlines()] == [new, *rows[1:]]
    assert list(path.parent.iterdir()) == [path]


def test_tables_show_both_sides_of_each_factor():
    tables = render_tables([row("training", "mail", texts=5000, rows=30001, ours=1234.4, keras=500.0)])
    assert cells(tables, "mail") == ["mail", "5,000", "30,001", "500", "1,234", "2.47"]
    layer = row("layer", "small", keras_forward=3.0, ours_forward=2.0, keras_gradients=9.0, ours_gradients=6.0,
                ours_gflops=90.0, product_gflops=120.0)  # fmt: skip
    assert cells(render_tables([layer]), "small")[1:] == [
        "3.0", "2.0", "1.50", "9.0", "6.0", "1.50", "90", "120", "75%",
    ]  # fmt: skip


def test_a_missing_measurement_is_a_dash():
    of_strings, of_ids = tables_of(
        [row("prediction", "mail", ours=300.0, gru=600.0, gru_ids=700.0, keras=100.0)]
    )
    assert cells(of_strings, "mail") == [
        "mail", "300", "–", "600", "100", "–", "–", "–", "–", "3.00", "–", "–", "6.00", "–", "–",
    ]  # fmt: skip
    assert cells(of_ids, "mail") == ["mail", "700", *"––––––––"]


def test_rows_are_in_the_table_of_their_values():
    rows = [
        row("growth", "1,000", ours_step=3.0, ours_smallest=2.0),
        row("growth", "10", seconds=0.5, mb=9.0),
    ]
    steps, answers = tables_of(rows)
    assert cells(steps, "1,000") == ["1,000", "3.0", "1.50", "–", "–"]
    assert "| 10 |" not in steps
    assert cells(answers, "10") == ["10", "0.500", "–", "9"]


def test_commits_and_versions_are_named_once():
    tables = render_tables([row("start", "a", seconds=1.0), row("layer", "b", "def", keras_forward=1.0)])
    assert tables.endswith("\n\nMeasured: grutext at abc, grutext at def, numpy 2.0.")
    assert render_tables([]) == ""


def test_every_table_has_a_part_and_different_first_values():
    firsts = [(table.part, table.columns[0].keys[0]) for table in TABLES]
    assert len(set(firsts)) == len(firsts)


def test_the_page_has_the_tables_of_the_results():
    page = PAGE.read_text(encoding="utf-8")
    assert replace_tables(page, render_tables(read_results(RESULTS)), BEGIN, END) == page


def test_a_bench_can_be_sent_to_a_process():
    bench = Bench(Path("/data"), ("imdb", "trec6"), Path("models"), 3)
    assert Bench.from_json(bench.to_json()) == bench


def test_the_model_without_its_linear_part_predicts_as_its_gru(bundle):
    whole, alone = Classifier(bundle), Classifier(without_linear(bundle))
    np.testing.assert_allclose(alone.raw_scores(TEXTS).gru, whole.raw_scores(TEXTS).gru, atol=1e-6)
    assert alone.raw_scores(TEXTS).linear is None
    assert whole.raw_scores(TEXTS).linear is not None


def test_only_words_and_the_recurrence_remain(bundle):
    bare = only_recurrence(bundle)
    assert sorted({name.partition("/")[0] for name in bare.weights}) == ["embedding", "gru", "head"]
    assert not np.allclose(Classifier(bare).encode(TEXTS), Classifier(bundle).encode(TEXTS))
    np.testing.assert_array_equal(  # and unknown words are all the same
        Classifier(bare).encode(["the unseen film"]), Classifier(bare).encode(["the strange film"])
    )


def test_does_not_tokenize_the_same_texts_again(bundle, monkeypatch):
    model = from_ids(bundle)
    first = model.predict_proba(TEXTS)
    np.testing.assert_allclose(first, Classifier(bundle).predict_proba(TEXTS), atol=1e-6)
    monkeypatch.setattr("grutext.text.Vectorizer.vectorize", None)
    np.testing.assert_array_equal(model.predict_proba(TEXTS), first)
    with pytest.raises(TypeError):
        model.predict_proba(["other"])


def test_builds_a_text_of_a_given_number_of_tokens(bundle):
    model = Classifier(bundle)
    assert cut_text(model, ["The good", "film, the end"], 4) == "the good film ,"
    assert cut_text(model, ["The good"], 5) == "the good the good the"


@pytest.mark.parametrize("convolution", [0, 3])
def test_the_onnx_graph_pools_like_numpy(bundle, convolution):
    runtime = pytest.importorskip("onnxruntime")
    pytest.importorskip("onnx")
    from benchmarks.speed.onnx_gru import OnnxGru

    assert runtime.__version__
    config = replace(bundle.config, gru=replace(bundle.config.gru, convolution=convolution))
    weights = {k: v for k, v in bundle.weights.items() if convolution or not k.startswith("conv/")}
    bundle = without_linear(replace(bundle, config=config, weights=weights))
    model = Classifier(bundle)
    tokens = model._vectorizer.vectorize(TEXTS)
    vectors = GRUPart(config.gru, weights).embed(tokens)
    session = OnnxGru(bundle)
    order = np.array([3, 0, 4, 1, 2])
    (feed,) = feeds(tokens, vectors, order)
    pooled, _ = session.run(feed)
    np.testing.assert_allclose(pooled, model.encode(TEXTS)[order], atol=1e-5)
    assert not pooled[3].any()  # the empty text
    np.testing.assert_allclose(session.logits(tokens, vectors), model.raw_scores(TEXTS).gru, atol=1e-5)


def test_only_a_default_model_has_a_graph(bundle):
    pytest.importorskip("onnx")
    config = replace(bundle.config, gru=replace(bundle.config.gru, pooling="mean"))
    with pytest.raises(ValueError, match="default"):
        build_graph(replace(bundle, config=config))


@pytest.mark.tf
def test_the_tutorial_pads_to_the_longest_text_of_a_batch_and_truncates():
    pytest.importorskip("tensorflow")
    from benchmarks.speed.tutorial import BATCH, CUT, Tutorial

    texts = ["one two three", "one", "two two", *["three"] * (BATCH - 3), " ".join(["one"] * (CUT + 50))]
    tutorial = Tutorial(texts[:-1], 10, 4, 3, 2, chinese=False)
    ids = tutorial.vectorize(texts[:BATCH]).numpy()
    assert ids.shape == (BATCH, 3)
    assert (ids > 0).sum(axis=1)[:4].tolist() == [3, 1, 2, 1]
    assert (ids[1, 1:] == 0).all()
    assert tutorial.vectorize([texts[-1], "one"]).numpy().shape == (2, CUT)
    batches = tutorial.batches(texts, np.arange(len(texts)) % 2)
    assert [len(some) for some, _ in batches] == [BATCH, 1]
    before = tutorial.model.get_weights()
    tutorial.train_epoch(batches)
    assert not any(np.array_equal(a, b) for a, b in zip(before, tutorial.model.get_weights(), strict=True))
    np.testing.assert_array_equal(tutorial.predict(texts, 7), tutorial.predict(texts, BATCH))


@pytest.mark.tf
def test_chinese_is_split_into_characters():
    pytest.importorskip("tensorflow")
    from benchmarks.speed.tutorial import Tutorial

    tutorial = Tutorial(["天气很好"], 10, 4, 3, 2, chinese=True)
    assert tutorial.vectorize(["好天气", "好"]).numpy().shape == (2, 3)
