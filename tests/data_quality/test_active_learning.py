"""Which texts to label next: uncertain ones that differ, each once, and none that is known."""

import csv
import io
import json

import numpy as np
import pytest
from click.testing import CliRunner

from grutext import Classifier
from grutext.cli import main
from grutext.data_quality import active_learning
from grutext.data_quality.active_learning import CANDIDATES, margins, suggest
from grutext.errors import ConfigError
from grutext.text import Vectorizer, Vocabulary, count_ngrams, text_key

WORDS = [
    "parcel",
    "invoice",
    "password",
    "late",
    "price",
    "thanks",
    "answer",
    "question",
    "loops",
    "paid",
    "quick",
    "page",
]
LINEAR = {"gru.enabled": False}


def draw_pool(count, seed=3):
    draw = np.random.default_rng(seed)
    return [" ".join(draw.choice(WORDS, draw.integers(1, 7))) for _ in range(count)]


@pytest.fixture
def linear(build_bundle):
    return Classifier(build_bundle(LINEAR))


@pytest.mark.parametrize("thresholds", [(), (0.2, 0.5, 0.3)])
def test_the_margin_is_that_of_the_two_likeliest_labels(linear, thresholds, rng):
    linear.thresholds = np.array(thresholds, np.float32)
    probabilities = rng.dirichlet([1, 1, 1], 20).astype(np.float32)
    for row, margin in zip(probabilities, margins(linear, probabilities), strict=True):
        scores = [p / t for p, t in zip(row, thresholds or (1, 1, 1), strict=True)]
        first, second = sorted(scores, reverse=True)[:2]
        assert margin == pytest.approx((first - second) / sum(scores), abs=1e-6)


def test_the_margin_for_several_labels_is_the_distance_to_the_nearest_threshold(build_bundle, rng):
    model = Classifier(build_bundle(LINEAR, multilabel=True))
    probabilities = rng.random((20, 3)).astype(np.float32)
    for row, margin in zip(probabilities, margins(model, probabilities), strict=True):
        wanted = min(abs(float(p) - float(t)) for p, t in zip(row, model.thresholds, strict=True))
        assert margin == pytest.approx(wanted, abs=1e-6)


@pytest.mark.parametrize(
    ("settings", "multilabel"),
    [(LINEAR, False), (LINEAR, True), ({}, False), ({"linear.enabled": False}, False)],
)
def test_suggestions_are_uncertain_texts_each_once(build_bundle, settings, multilabel):
    model = Classifier(build_bundle(settings, multilabel=multilabel))
    pool = draw_pool(300)
    pool += ["", "  \n", *(text.upper() for text in pool[:50]), *pool[50:90]]
    labelled = ["Late  INVOICE", *pool[100:120]]
    found = suggest(model, iter(pool), 8, labelled=labelled)
    known = {text_key(text) for text in labelled}
    fresh = {text_key(text): text for text in reversed(pool) if text.strip() and text_key(text) not in known}
    assert found.texts == len(pool)
    assert found.empty == 2
    assert found.labelled == sum(text_key(text) in known for text in pool)
    assert found.copies == len(pool) - found.empty - found.labelled - len(fresh)
    certain = np.sort(margins(model, model.predict_proba(list(fresh.values()))))
    chosen = found.suggestions
    assert len({text_key(one.text) for one in chosen}) == len(chosen) == 8
    assert all(text_key(one.text) in fresh for one in chosen)
    assert all(pool[one.position] == one.text for one in chosen)
    assert max(one.margin for one in chosen) <= certain[8 * CANDIDATES - 1] + 1e-6
    assert [one.label for one in chosen] == model.predict([one.text for one in chosen])


def test_blocks_change_nothing(linear, monkeypatch):
    pool = draw_pool(200)
    whole = suggest(linear, pool, 5)
    monkeypatch.setattr(active_learning, "_BLOCK", 7)
    pieces = suggest(linear, pool, 5)
    assert [one.position for one in pieces.suggestions] == [one.position for one in whole.suggestions]
    assert pieces.texts == whole.texts == 200
    assert pieces.copies == whole.copies == 200 - len({text_key(text) for text in pool}) > 0


def test_few_texts_are_all_suggested_and_none_is_fine(linear):
    assert {one.text for one in suggest(linear, ["late", "parcel", "LATE"], 9).suggestions} == {
        "late",
        "parcel",
    }
    assert suggest(linear, [], 9).suggestions == ()
    assert suggest(linear, ["", " "], 9).suggestions == ()
    with pytest.raises(ConfigError, match="count is 0; it must be 1 or more"):
        suggest(linear, ["late"], 0)
    with pytest.raises(TypeError, match=r"texts\[1\] is an int"):
        suggest(linear, ["late", 3])


def test_texts_are_drawn_by_uncertainty_and_distance():
    points = np.array([[0, 0], [3, 0], [0, 1], [0, 0]], np.float32)
    weights = np.array([0.9, 0.2, 0.5, 0.9])
    first, second = np.zeros(4), np.zeros((4, 4))
    for seed in range(3000):
        one, two = active_learning._draw(points, weights, 2, seed)
        first[one] += 1
        second[one, two] += 1
    np.testing.assert_allclose(first / 3000, weights / weights.sum(), atol=0.03)
    # After the first point, the second lies 9 away with weight 0.2, the third 1 away with 0.5, the copy 0 away.
    np.testing.assert_allclose(second[0] / second[0].sum(), np.array([0, 1.8, 0.5, 0]) / 2.3, atol=0.04)


def test_equal_texts_are_drawn_only_when_nothing_else_is_left():
    points = np.array([[1, 0], [1, 0], [1, 0], [0, 1], [0.6, 0.8]], np.float32)
    drawn = [active_learning._draw(points, np.full(5, 0.5), 5, seed) for seed in range(20)]
    assert all(sorted(own) == [0, 1, 2, 3, 4] for own in drawn)
    assert all({3, 4} < set(own[:3]) for own in drawn)
    assert sorted(active_learning._draw(points, np.zeros(5), 5, 1)) == [0, 1, 2, 3, 4]


def test_hashed_ngrams_keep_angles(linear):
    texts = draw_pool(40)
    config = linear.bundle.config
    counts = count_ngrams(Vectorizer(config.text, Vocabulary([])).vectorize(texts), config.linear)
    columns = np.unique(counts.keys, return_inverse=True)[1]
    exact = np.zeros((40, columns.max() + 1))
    exact[counts.texts, columns] = counts.counts
    exact /= np.linalg.norm(exact, axis=1, keepdims=True)
    hashed = active_learning._embed(linear, texts)
    assert hashed.shape == (40, 512)
    np.testing.assert_allclose(hashed @ hashed.T, exact @ exact.T, atol=0.25)
    assert np.corrcoef((hashed @ hashed.T).ravel(), (exact @ exact.T).ravel())[0, 1] > 0.97


def test_with_a_gru_the_space_is_that_of_the_encoder(build_bundle):
    model = Classifier(build_bundle())
    texts = draw_pool(5)
    vectors = model.encode(texts)
    lengths = np.sqrt((vectors**2).sum(axis=1, keepdims=True))
    np.testing.assert_allclose(active_learning._embed(model, texts), vectors / lengths, rtol=1e-5)


@pytest.fixture
def folder(build_bundle, tmp_path, monkeypatch):
    """The working folder with a model whose labels are in the column `kind`, and a pool of 60 rows."""
    bundle = build_bundle(LINEAR)
    bundle.data.update(text_column="text", label_column="kind")
    bundle.save(tmp_path / "model")
    with (tmp_path / "pool.csv").open("w", encoding="utf-8", newline="") as file:
        csv.writer(file).writerows([("id", "text"), *enumerate(["", *draw_pool(59)])])
    monkeypatch.chdir(tmp_path)
    return tmp_path


def run(*command):
    done = CliRunner().invoke(main, ["suggest", *command])
    assert done.exit_code == 0, done.output
    return done


def test_the_command_writes_rows_that_are_ready_to_be_labelled(folder):
    pool = [row["text"] for row in csv.DictReader(io.StringIO((folder / "pool.csv").read_text("utf-8")))]
    (folder / "known.csv").write_text(f"text,kind\n{pool[5]},ask\n", "utf-8")
    done = run("pool.csv", "-n", "6", "--labelled", "known.csv")
    rows = list(csv.DictReader(io.StringIO(done.stdout)))
    assert [*rows[0]] == ["id", "text", "kind", "predicted_label", "margin"]
    model = Classifier.load("model")
    chosen = suggest(model, pool, 6, labelled=[pool[5]]).suggestions
    assert [(int(row["id"]), row["text"]) for row in rows] == [(one.position, one.text) for one in chosen]
    assert {row["kind"] for row in rows} == {""}
    assert [row["predicted_label"] for row in rows] == model.predict([row["text"] for row in rows])
    np.testing.assert_allclose(
        [float(row["margin"]) for row in rows], [one.margin for one in chosen], atol=1e-6
    )
    again = pool.count(pool[5])
    copies = 59 - again - len(set(pool[1:]) - {pool[5]})
    assert copies > 1
    assert f"pool.csv: 60 texts; left out: 1 empty, {again} labelled already, {copies} copies" in done.stderr


def test_the_command_leaves_out_rows_that_have_a_label(folder):
    kinds = ["ask", None, " ", "", [], ["buy"]]
    rows = [{"text": f"{text} {n}", "kind": kinds[n % 6]} for n, text in enumerate(draw_pool(30))]
    (folder / "pool.jsonl").write_text("\n".join(map(json.dumps, rows)), "utf-8")
    printed = json.loads(run("pool.jsonl", "--json").stdout)
    assert printed["left_out"] == {"empty": 0, "labelled": 10, "copies": 0}
    assert sorted(one["text"] for one in printed["suggestions"]) == sorted(
        row["text"] for n, row in enumerate(rows) if n % 6 not in (0, 5)
    )


def test_stdout_has_either_rows_or_json(folder):
    done = CliRunner().invoke(main, ["suggest", "pool.csv", "--json", "-o", "-"])
    assert done.exit_code == 2
    assert "--json and -o - would both write to stdout" in done.stderr


def test_the_command_keeps_a_column_for_labels_and_prints_json(folder):
    lines = [json.dumps({"text": text, "kind": None}) for text in draw_pool(30)]
    (folder / "pool.jsonl").write_text("\n".join(lines), "utf-8")
    done = run("pool.jsonl", "-n", "4", "-o", "next.jsonl", "--json", "--quiet")
    printed = json.loads(done.stdout)
    rows = [json.loads(line) for line in (folder / "next.jsonl").read_text("utf-8").splitlines()]
    assert [*rows[0]] == ["text", "kind", "predicted_label", "margin"]
    assert printed["texts"] == 30
    assert printed["left_out"] == {"empty": 0, "labelled": 0, "copies": 30 - len(set(draw_pool(30)))}
    assert [*printed["suggestions"][0]] == ["position", "text", "predicted_label", "margin"]
    assert [one["text"] for one in printed["suggestions"]] == [row["text"] for row in rows]
    assert done.stderr == ""


def test_the_command_does_not_replace_its_input(folder):
    done = CliRunner().invoke(main, ["suggest", "pool.csv", "-o", "pool.csv"])
    assert done.exit_code == 1
    assert "is the input, which is not replaced" in done.stderr
    done = CliRunner().invoke(main, ["suggest", "pool.csv", "-o", "nowhere/next.csv"])
    assert done.exit_code == 1
    assert "the folder does not exist" in done.stderr
    assert "60 texts" not in done.stderr  # nothing was read


def test_a_file_that_was_perhaps_labelled_is_replaced_only_with_overwrite(folder):
    (folder / "next.csv").write_text("text,kind\nwhere is it,ask\n", "utf-8")
    done = CliRunner().invoke(main, ["suggest", "pool.csv", "-o", "next.csv"])
    assert done.exit_code == 1
    assert "next.csv: already exists; replace it with --overwrite, or choose another name" in done.stderr
    assert (folder / "next.csv").read_text("utf-8") == "text,kind\nwhere is it,ask\n"
    run("pool.csv", "-o", "next.csv", "--overwrite")
    assert "where is it,ask" not in (folder / "next.csv").read_text("utf-8")


def test_the_command_suggests_nothing_that_is_labelled(folder):
    done = run("pool.csv", "--labelled", "pool.csv", "--json")
    assert json.loads(done.stdout)["suggestions"] == []
    assert json.loads(done.stdout)["left_out"] == {"empty": 1, "labelled": 59, "copies": 0}
