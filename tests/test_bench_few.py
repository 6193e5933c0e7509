"""`scripts/bench few`: its cuts, its peers, what it measures again, and the tables that it makes of results."""

import gzip
import json
import sys
from collections import Counter

import numpy as np
import pytest

pytest.importorskip("sklearn")

from benchmarks.accuracy import PAGE
from benchmarks.few import logistic
from benchmarks.few.__main__ import RESULTS, main, parse_numbers, plan_jobs
from benchmarks.few.cuts import Cut, can_cut, choose_rows, read_unlabelled, write_cut
from benchmarks.few.job import SYSTEMS, FewJob, check_abstention
from benchmarks.few.logistic import LogisticRegression
from benchmarks.few.peers import run_logistic
from benchmarks.few.tables import BEGIN, END, is_below, render_tables
from benchmarks.few.vectors import MeanVectors
from benchmarks.results import append_result, read_results
from benchmarks.runs import pending, run_jobs
from benchmarks.sets import BenchSet
from click import UsageError
from click.testing import CliRunner
from sklearn import linear_model

from grutext import Classifier

LABELS = [str(n % 7) for n in range(500)]
INTENTS = ["rare"] * 2 + [str(n % 59) for n in range(700)]


def write_set(folder, rows):
    folder.mkdir(parents=True)
    for part in ("train", "test"):
        with gzip.open(folder / f"{part}.jsonl.gz", "wt", encoding="utf-8") as file:
            file.writelines(json.dumps(row) + "\n" for row in rows)
    return BenchSet(folder)


ROWS = [{"text": f"{word} ü{n}", "label": word} for word in ("alpha", "beta", "gamma") for n in range(20)]


def test_a_cut_depends_on_set_size_and_number_alone():
    first = choose_rows(LABELS, Cut("mail", 100, 1))
    assert first.tolist() == choose_rows(LABELS, Cut("mail", 100, 1)).tolist()
    assert sorted(first[:4]) != first[:4].tolist()  # not in the order of the file
    others = [Cut("mail", 100, 2), Cut("letters", 100, 1), Cut("mail", 101, 1)]
    assert (
        len({tuple(sorted(choose_rows(LABELS, cut)[:100])) for cut in others} | {tuple(sorted(first))}) == 4
    )


def test_a_cut_of_many_labels_takes_equally_many_rows_of_each():
    for rows in (60, 119, 300):
        chosen = choose_rows(INTENTS, Cut("intents", rows, 1))
        assert len(set(chosen.tolist())) == rows
        counts = Counter(INTENTS[row] for row in chosen)
        assert counts.pop("rare") == min(2, rows // 60)
        assert set(counts.values()) <= {rows // 60, rows // 60 + 1}
    assert not can_cut(INTENTS, 59)
    with pytest.raises(ValueError, match="intents: 702 training rows with 60 labels, no cut of 59"):
        choose_rows(INTENTS, Cut("intents", 59, 1))
    assert can_cut(LABELS, 499)
    assert not can_cut(LABELS, 500)


def test_labelled_and_unlabelled_texts_are_the_training_texts(tmp_path):
    whole = write_set(tmp_path / "mail", ROWS)
    cut = write_cut(whole, Cut("mail", 25, 3), tmp_path / "cut")
    labelled, asked = (
        {(one.text, one.labels[0]) for one in cut.read(part).examples} for part in ("train", "test")
    )
    rows = {(row["text"], row["label"]) for row in ROWS}
    assert len(labelled) == 25
    assert asked == rows
    assert labelled <= rows
    assert sorted(read_unlabelled(cut)) == sorted(text for text, _ in rows - labelled)
    assert cut.path("dev") is None


class Letters:
    """One dimension for each of three letters; a text's tokens are its letters."""

    size = 3

    def split(self, texts):
        return [list(text) for text in texts]

    def vector(self, token):
        return np.eye(3)["abc".index(token)]


@pytest.mark.parametrize("weighted", [True, False])
def test_text_vectors_are_centred_means_of_length_1(weighted):
    means = MeanVectors(Letters(), ["aa", "ab"], weighted).transform(["b", "aab", "c", ""])
    weights = (
        {"a": 1e-3 / (1e-3 + 3 / 4), "b": 1e-3 / (1e-3 + 1 / 4), "c": 1}
        if weighted
        else dict.fromkeys("abc", 1)
    )
    both = weights["a"] + weights["b"]
    origin = np.array([1 + weights["a"] / both, weights["b"] / both, 0]) / 2
    aab = np.array([2 * weights["a"], weights["b"], 0]) / (2 * weights["a"] + weights["b"])
    for row, mean in zip(means, ([0, 1, 0], aab, [0, 0, 1], [0, 0, 0]), strict=True):
        np.testing.assert_allclose(row, (mean - origin) / np.linalg.norm(mean - origin), atol=1e-6)


@pytest.mark.long
@pytest.mark.parametrize("classes", [2, 3])
def test_logistic_regression_by_rows_is_that_by_features(classes, monkeypatch):
    monkeypatch.setattr(logistic, "_STRENGTHS", (0.1, 0.5))
    rng = np.random.default_rng(classes)
    features, targets = rng.normal(size=(30, 50)), np.arange(30) % classes
    features[:, 0] += targets
    ours = LogisticRegression().fit(features, targets, seed=1)
    plain = linear_model.LogisticRegression(C=ours.strength, max_iter=10_000, tol=1e-8).fit(features, targets)
    new = rng.normal(size=(9, 50))
    np.testing.assert_allclose(ours.predict_proba(new), plain.predict_proba(new), atol=2e-3)


@pytest.mark.long
def test_the_peer_learns_an_easy_set(tmp_path):
    cut = write_cut(write_set(tmp_path / "easy", ROWS), Cut("easy", 30, 1), tmp_path / "cut")
    result = run_logistic(cut, "logreg", 1, tmp_path, tmp_path / "cache")
    assert result["accuracy"] > 0.95
    assert result["n_test"] == 60
    assert result["mb"] > 0


def test_checks_the_promise_on_the_test_set(tmp_path, build_bundle):
    bundle = build_bundle(labels=("alpha", "beta", "gamma"))
    cut = write_set(tmp_path / "easy", ROWS)
    bundle.abstention[:] = [{"errors": 0.01, "threshold": 0.9}, {"errors": 0.05, "threshold": None}]
    assert check_abstention(Classifier(bundle), cut) is None
    bundle.abstention[1]["threshold"] = 0.45
    model = Classifier(bundle)
    found = check_abstention(model, cut)
    probabilities = model.predict_proba([row["text"] for row in ROWS])
    answered = [p for p in zip(probabilities, ROWS, strict=True) if max(p[0]) >= 0.45]
    wrong = [row for p, row in answered if model.labels[int(np.argmax(p))] != row["label"]]
    assert 0 < len(answered) < len(ROWS)
    assert found == {
        "threshold": 0.45,
        "coverage": len(answered) / 60,
        "errors": pytest.approx(len(wrong) / len(answered)),
    }


def test_plans_each_cut_of_all_sets_before_the_next(tmp_path):
    sets = [write_set(tmp_path / name, ROWS) for name in ("mail", "letters")]
    jobs = plan_jobs(sets, ["grutext", "svm"], (30, 60), (1, 2))
    assert jobs == [
        FewJob(name, system, 30, cut)
        for cut in (1, 2)
        for name in ("mail", "letters")
        for system in ("svm", "grutext")
    ]  # with 60 rows no text would be left without a label


def result(job, accuracy, **more):
    numbers = {
        "n_test": 400,
        "accuracy": accuracy,
        "ece": 0.02,
        "seconds": 9.0,
        "cpu_seconds": 8.0,
        "mb": 7.25,
    }
    own = {"parts": {"linear": {"accuracy": accuracy - 0.1}}} if job.system.startswith("grutext") else {}
    return (
        {"set": job.set, "system": job.system, "rows": job.rows, "cut": job.cut, "version": job.system}
        | numbers
        | own
        | more
    )


@pytest.mark.long
def test_a_killed_run_continues_where_it_was(tmp_path):
    path, notes = tmp_path / "few.jsonl", []
    jobs = [FewJob("mail", system, 100, cut) for system in SYSTEMS[:2] for cut in (1, 2)]
    append_result(path, result(jobs[0], 0.5))
    whole = path.read_bytes()
    append_result(path, result(jobs[1], 0.5))
    path.write_bytes(path.read_bytes()[:-9])  # killed while it wrote
    assert pending(jobs, path) == jobs[1:]

    def command(job):
        return [sys.executable, "-c", f"print('{json.dumps(result(job, 0.25))}')"]

    assert run_jobs(pending(jobs, path), 2, path, command, notes.append) == 0
    assert len(notes) == 3
    assert path.read_bytes().startswith(whole)
    assert [one["accuracy"] for one in read_results(path)] == [0.5, 0.25, 0.25, 0.25]
    assert pending(jobs, path) == []


def cells(tables, start):
    """Return the cells of the lines that start so."""
    return [
        [cell.strip() for cell in line.strip("|").split("|")]
        for line in tables.splitlines()
        if line.startswith(f"| {start} |")
    ]


def test_accuracies_are_means_over_cuts_with_their_standard_errors():
    results = [
        *(
            result(FewJob("mail", "svm", 300, cut), accuracy)
            for cut, accuracy in ((1, 0.7), (2, 0.8), (3, 0.9))
        ),
        *(
            result(FewJob("mail", "grutext", 300, cut), accuracy, commit="abc")
            for cut, accuracy in ((1, 0.6), (2, 0.7), (3, 0.9))
        ),
        result(FewJob("note", "svm", 300, 1), 0.5),  # grutext is missing: not in the mean
        result(FewJob("mail", "svm", 1000, 1), 0.9),
        result(FewJob("mail", "fasttext", 1000, 1), 0.1, failure="met NaN at each setting"),
    ]
    tables = render_tables(results)
    first, second = cells(tables, "mail")
    # s.e. of 70, 80, 90: 10 / sqrt(3); of 60, 70, 90: 15.3 / sqrt(3).
    assert first[1:7] == ["80.0 ± 5.8", "–", "–", "63.3 ± 8.8", "73.3 ± 8.8", "–"]
    assert second[1:4] == ["90.0", "–", "–"]
    assert [row[1:6] for row in cells(tables, "**mean of 1**")] == [
        ["80.0", "–", "–", "63.3", "73.3"],
        ["90.0", "–", "–", "–", "–"],
    ]
    # Cut by cut: -10, -10, 0: mean -6.7, s.e. 3.3.
    assert cells(tables, "grutext over SVM") == [["grutext over SVM", "300", "-6.7", "1", "mail"]]
    assert cells(tables, "grutext over linear part") == [
        ["grutext over linear part", "300", "+10.0", "1", "none"]
    ]
    assert tables.endswith("Measured: fasttext, grutext at abc, svm.")


def test_a_set_is_below_by_more_than_the_standard_error_of_its_differences():
    assert is_below([-2, -1])
    assert not is_below([-2, 0])
    assert not is_below([-2])
    assert not is_below([2, 1])


def test_counts_the_trainings_that_kept_their_promise():
    promise = {"threshold": 0.9, "coverage": 0.5, "errors": 0.05}
    results = [
        result(FewJob("mail", "grutext", 100, 1), 0.7, abstention=promise),
        result(
            FewJob("mail", "grutext", 100, 2), 0.7, abstention=promise | {"errors": 0.06, "coverage": 0.7}
        ),
        result(
            FewJob("mail", "grutext", 100, 3), 0.7, abstention=promise | {"errors": None, "coverage": 0.0}
        ),
        result(FewJob("mail", "grutext", 100, 4), 0.7, abstention=None, ece=0.06),
        result(FewJob("mail", "svm", 100, 1), 0.7, ece=None),
    ]
    svm, ours = cells(render_tables(results), "100")
    assert svm == ["100", "SVM", "–", "–", "–", "8", "9", "7.2"]
    assert ours == ["100", "grutext", "0.030", "2 of 3", "0.40", "8", "9", "7.2"]


def test_the_page_has_the_tables_of_the_saved_results():
    page = PAGE.read_text(encoding="utf-8")
    assert page.partition(BEGIN)[2].partition(END)[0].strip() == render_tables(read_results(RESULTS))


@pytest.mark.parametrize("numbers", ["", "3,x", "0,1", "1.5"])
def test_refuses_what_is_no_list_of_numbers(numbers):
    assert parse_numbers("--rows", "100,30") == (100, 30)
    with pytest.raises(UsageError, match="--rows takes numbers from 1"):
        parse_numbers("--rows", numbers)


def test_refuses_unknown_systems_and_sets_with_several_labels(tmp_path):
    write_set(tmp_path / "topics", [{"text": row["text"], "labels": [row["label"]]} for row in ROWS])
    for arguments, reason in (
        (["--systems", "svm,knn"], "--systems: there is no knn; choose from svm, logreg,"),
        (["topics", "--data", str(tmp_path)], "topics: texts have several labels"),
    ):
        done = CliRunner().invoke(main, arguments)
        assert done.exit_code == 2
        assert f"Error: {reason}" in done.stderr
