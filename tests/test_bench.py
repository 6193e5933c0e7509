"""`scripts/bench accuracy`: what it measures again, and the tables that it makes of results."""

import gzip
import json
import sys
from itertools import pairwise

import numpy as np
import pytest

pytest.importorskip("sklearn")

from benchmarks.accuracy import PAGE, RESULTS, choose_sets, plan_jobs
from benchmarks.ours import score_parts
from benchmarks.peers import run_svm
from benchmarks.results import AccuracyJob, append_result, is_result_of, read_results
from benchmarks.runs import pending, run_jobs
from benchmarks.sets import BenchSet, find_sets, mostly_han
from benchmarks.tables import BEGIN, END, render_tables, replace_tables
from click import UsageError

from grutext import Classifier

NUMBERS = {"multilabel": False, "n_test": 400, "threads": 1, "seconds": 90.0, "cpu_seconds": 60.4, "mb": 7.25}


def peer(name, system, accuracy, **more):
    metrics = {"accuracy": accuracy, "macro_f1": accuracy / 2, "micro_f1": accuracy, "version": system}
    return NUMBERS | metrics | {"set": name, "system": system, "seed": 1, "preset": None} | more


def ours(name, accuracy, seed=1, linear=0.7, gru=0.6, preset=None, **more):
    parts = {"fusion": 0.4}
    for part, value in (("linear", linear), ("gru", gru)):
        parts[part] = {"accuracy": value, "micro_f1": value / 2}
    own = {"seed": seed, "preset": preset, "parts": parts, "ece": 0.02, "log_loss": 0.5, "commit": "abc"}
    return peer(name, "grutext", accuracy) | own | more


def cells(tables, start):
    """Return the cells of the one line that starts so."""
    (line,) = [line for line in tables.splitlines() if line.startswith(f"| {start} |")]
    return [cell.strip() for cell in line.strip("|").split("|")]


def tables_of(results):
    """Return the three tables of the default settings: accuracy, means, costs."""
    return render_tables(results).split("\n\n")[:3]


def test_accuracies_are_means_over_seeds_with_their_standard_errors():
    results = [
        peer("mail", "svm", 0.78),
        peer("mail", "fasttext", 0.75),
        *(ours("mail", accuracy, seed) for seed, accuracy in ((1, 0.79), (2, 0.80), (3, 0.81))),
    ]
    accuracy, means, cost = tables_of(results)
    # s.e. of 80 % on 400 texts: sqrt(.8 * .2 / 400) = 2 points; of the mean: 1 / sqrt(3).
    assert cells(accuracy, "mail") == [
        "mail", "400", "2.00", "78.00", "75.00", "70.00", "60.00", "80.00 ± 0.58", "+2.00", "3",
    ]  # fmt: skip
    assert cells(means, "grutext over SVM") == ["grutext over SVM", "+2.00", "1"]
    assert cells(means, "grutext over its linear part")[1] == "+10.00"
    assert cells(means, "GRU alone over SVM")[1] == "-18.00"
    assert cells(means, "grutext over fastText")[1] == "+5.00"
    assert cells(cost, "mail") == [
        "mail", "39.00", "40.00", "0.020", "0.500", "0.40", "60", "60", "60", "90", "1", "7.2",
    ]  # fmt: skip


def test_means_leave_out_sets_with_several_labels_and_sets_that_lack_a_number():
    results = [
        peer("a", "svm", 0.5),
        ours("a", 0.53),
        peer("b", "svm", 0.5),
        ours("b", 0.52),
        peer("b", "fasttext", 0.9, failure="met NaN at each setting"),
        peer("c", "svm", 0.9),
        ours("d", 0.9),
        peer("e", "svm", 0.1, multilabel=True, micro_f1=0.6),
        ours("e", 0.1, multilabel=True, micro_f1=0.65),
    ]
    accuracy, means, _ = tables_of(results)
    assert cells(means, "grutext over SVM")[1:] == ["+2.50", "2"]
    assert cells(means, "grutext over fastText")[1:] == ["–", "0"]
    assert cells(accuracy, "b")[4] == "failed"
    assert cells(accuracy, "c")[2:] == ["1.50", "90.00", "–", "–", "–", "–", "–", "–"]
    assert cells(accuracy, "d")[3] == "–"
    # Micro-F1 in place of the accuracy, and none for the parts: the thresholds belong to the mixture.
    assert cells(accuracy, "e †")[2:] == ["–", "60.00", "–", "–", "–", "65.00", "+5.00", "1"]


def test_marks_a_part_that_the_model_lacks():
    lacking = ours("a", 0.9)
    del lacking["parts"]["gru"]
    assert cells(tables_of([lacking])[0], "a")[5:8] == ["70.00", "–", "90.00"]


def test_each_preset_has_tables_of_its_own():
    results = [peer("a", "svm", 0.5), ours("a", 0.6), peer("b", "svm", 0.5), ours("a", 0.7, preset="fast")]
    default, fast = render_tables(results).split("### With `--preset fast`\n\n")
    assert cells(default.split("\n\n")[0], "a")[7] == "60.00"
    assert cells(fast.split("\n\n")[0], "a")[3:8] == ["50.00", "–", "70.00", "60.00", "70.00"]
    assert "| b |" not in fast


def test_notes_name_the_versions_and_the_auroc_of_texts_out_of_scope():
    areas = [{"max_probability": 0.9, "familiarity": 0.95}, {"max_probability": 0.92, "familiarity": 0.97}]
    tables = render_tables([ours("a", 0.5, seed, oos_auroc=area) for seed, area in enumerate(areas)])
    assert "those of a: 0.960 by familiarity, 0.910 by max probability." in tables
    assert "Measured: grutext at abc." in tables


def test_replaces_only_what_is_between_the_markers():
    page = f"# Benchmarks\n{BEGIN}\n| old |\n{END}\nrest\n"
    assert replace_tables(page, "| new |") == f"# Benchmarks\n{BEGIN}\n| new |\n{END}\nrest\n"
    with pytest.raises(ValueError, match="lacks"):
        replace_tables("# Benchmarks\n", "| new |")


def test_the_page_has_a_place_for_the_tables_of_the_saved_results():
    assert "| data |" in replace_tables(
        PAGE.read_text(encoding="utf-8"), render_tables(read_results(RESULTS))
    )


def test_ignores_and_removes_a_partial_last_line(tmp_path):
    path = tmp_path / "folder" / "results.jsonl"
    first, second = peer("a", "svm", 0.5), peer("ä", "svm", 0.25)
    append_result(path, first)
    append_result(path, second)
    jobs = [AccuracyJob("a", "svm", 1), AccuracyJob("ä", "svm", 1)]
    whole = path.read_bytes()
    assert read_results(path) == [first, second]
    for end in (1, 20, len(whole.splitlines()[1])):
        path.write_bytes(whole[:-end])
        assert read_results(path) == [first]
        assert pending(jobs, path) == jobs[1:]
        append_result(path, second)
        assert path.read_bytes() == whole


def print_numbers(job):
    """Return the argv of a process that prints numbers as a job does, or fails where its set is called `bad`."""
    code = f"import json, sys; print(json.dumps({NUMBERS | {'accuracy': 1 / 3}!r}))"
    return [sys.executable, "-c", code + "; sys.exit('no luck')" * (job.set == "bad")]


@pytest.mark.long
def test_runs_a_job_once_and_a_failed_one_again(tmp_path):
    path, notes = tmp_path / "results.jsonl", []
    jobs = [
        AccuracyJob("a", "svm", 1),
        AccuracyJob("bad", "svm", 1),
        AccuracyJob("a", "grutext", 2, "fast"),
        AccuracyJob("a", "grutext", 2),
    ]
    append_result(path, peer("a", "grutext", 0.5, seed=2))
    assert pending(jobs, path) == jobs[:3]
    assert run_jobs(pending(jobs, path), 2, path, print_numbers, notes.append) == 1
    assert len(notes) == 3
    assert sum("no luck" in note for note in notes) == 1
    kept = read_results(path)[1:]
    assert [[is_result_of(job, one) for one in kept].count(True) for job in jobs] == [1, 0, 1, 0]
    assert {one["accuracy"] for one in kept} == {0.333333}
    assert pending(jobs, path) == [jobs[1]]


@pytest.mark.long
def test_an_interruption_ends_running_jobs_without_results(tmp_path):
    path, late = tmp_path / "results.jsonl", tmp_path / "late"

    def stop(_):
        raise KeyboardInterrupt

    def wait(job):
        if job.set == "a":
            return print_numbers(job)
        return [sys.executable, "-c", f"import time; time.sleep(60); open({str(late)!r}, 'w')"]

    with pytest.raises(KeyboardInterrupt):
        run_jobs([AccuracyJob("a", "svm", 1), AccuracyJob("b", "svm", 1)], 2, path, wait, stop)
    assert [one["set"] for one in read_results(path)] == ["a"]
    assert not late.exists()


def write_set(folder, rows, parts=("train", "test")):
    folder.mkdir(parents=True)
    for part in parts:
        with gzip.open(folder / f"{part}.jsonl.gz", "wt", encoding="utf-8") as file:
            file.writelines(json.dumps(row) + "\n" for row in rows)
    return BenchSet(folder)


ONE = [{"text": f"{word} {n}", "label": word} for word in ("alpha", "beta", "gamma") for n in range(8)]
SEVERAL = [{"text": row["text"], "labels": [row["label"]] * (n % 5 > 0)} for n, row in enumerate(ONE)]


def test_the_peers_have_one_seed_and_fasttext_no_set_with_several_labels(tmp_path):
    write_set(tmp_path / "several", SEVERAL)
    write_set(tmp_path / "one", ONE)
    write_set(tmp_path / "none", ONE, parts=("train",))
    sets = choose_sets(tmp_path, ())
    assert {one.name for one in sets} == {"one", "several"}
    assert sets == find_sets(tmp_path)
    jobs = plan_jobs(choose_sets(tmp_path, ("one", "several")), ["grutext", "svm", "fasttext"], None, "fast")
    assert [(job.set, job.system, job.seed) for job in jobs] == [
        ("one", "svm", 1),
        ("one", "fasttext", 1),
        *(("one", "grutext", seed) for seed in (1, 2, 3)),
        ("several", "svm", 1),
        *(("several", "grutext", seed) for seed in (1, 2, 3)),
    ]
    assert {job.preset for job in jobs if job.system == "grutext"} == {"fast"}
    assert {job.preset for job in jobs if job.system != "grutext"} == {None}
    assert [job.seed for job in plan_jobs(sets[:1], ["grutext"], (7,), None)] == [7]
    with pytest.raises(UsageError, match="no set two; it has one, several"):
        choose_sets(tmp_path, ("two",))
    with pytest.raises(UsageError, match="--data takes"):
        choose_sets(tmp_path / "one", ())


@pytest.mark.parametrize("rows", [ONE, SEVERAL], ids=["one label", "several"])
def test_the_svm_learns_an_easy_set(tmp_path, rows):
    result = run_svm(write_set(tmp_path / "easy", rows), 1, tmp_path)
    assert result["multilabel"] == (rows is SEVERAL)
    assert result["n_test"] == 24
    assert result["micro_f1"] > 0.85
    assert result["ece"] is None
    assert result["mb"] > 0


@pytest.mark.parametrize("rows", [ONE, SEVERAL], ids=["one label", "several"])
def test_scores_each_part_by_its_decisions_alone(tmp_path, build_bundle, rows):
    labels = ("alpha", "beta", "gamma")
    model = Classifier(build_bundle(labels=labels, multilabel=rows is SEVERAL))
    parts = score_parts(model, write_set(tmp_path / "easy", rows))
    assert parts["fusion"] == 0.4
    scores = dict(zip(("gru", "linear"), model.raw_scores([row["text"] for row in rows])[:2], strict=True))
    for name, values in scores.items():
        if rows is ONE:
            right = [labels[c] == row["label"] for c, row in zip(values.argmax(axis=1), rows, strict=True)]
        else:
            calibration = model.bundle.calibration
            odds = (
                values * 0.8
                if name == "gru"
                else values * calibration.linear_scale + calibration.linear_shift
            )
            applies = 1 / (1 + np.exp(-odds)) >= model.thresholds
            right = [
                {labels[c] for c in np.flatnonzero(mark)} == set(row["labels"])
                for mark, row in zip(applies, rows, strict=True)
            ]
        assert parts[name]["accuracy"] == pytest.approx(np.mean(right))
    assert len({json.dumps(part) for part in parts.values()}) == 3


def test_recognises_chinese():
    assert mostly_han(["天气 很好", "ok"])
    assert not mostly_han(["the weather 很好"])
    assert not mostly_han([])


def test_rows_are_sorted_by_name():
    lines = tables_of([peer(name, "svm", 0.5) for name in "bca"])[0].splitlines()[2:]
    assert all(one < other for one, other in pairwise(lines))
