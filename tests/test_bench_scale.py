"""`scripts/bench scale`: the cost model, its clock and its tables."""

import os
import time

import pytest
from benchmarks.results import read_results
from benchmarks.scale.__main__ import RESULTS, pinned, run_on
from benchmarks.scale.job import StageClock
from benchmarks.scale.model import STAGES, Corpus, PredictionCost, TrainingCost, serial_share
from benchmarks.scale.tables import BEGIN, END, KINDS, PAGE, fit_prediction, fit_training, render_tables
from benchmarks.tables import replace_tables


def predicted(texts, cpu):
    return {
        "texts": texts,
        "cpu": cpu,
        "read": 100 * texts,
        "written": 150 * texts,
        "mb": 200.0,
        "seconds": cpu,
    }


def trained(texts, each):
    """Return a training whose every stage takes `each` seconds, with a checkpoint of 1 MB."""
    stages = dict.fromkeys(STAGES, each)
    size = {"texts": texts, "characters": 100.0, "tokens": 20.0, "disk": 1e6 + 300.0 * texts, "mb": 500.0}
    return stages | size | {"cpu": each * len(STAGES)}


def row(part, name, values):
    return {"part": part, "name": name, "values": values, "versions": {"numpy": "2.0"}, "commit": "abc"}


def test_prediction_costs_a_start_and_the_same_for_each_text():
    cost = PredictionCost.fit(predicted(1_000, 3.0), predicted(3_000, 5.0))
    assert (cost.start, cost.text) == pytest.approx((2.0, 0.001))
    assert cost.core_seconds(10_000) == pytest.approx(12.0)
    assert (cost.read, cost.written) == (100.0, 150.0)


def test_a_training_reads_what_its_limits_allow():
    few, many = Corpus(10_000, 100.0, 20.0, 1, 1).amounts(), Corpus(10**9, 100.0, 20.0, 1, 1).amounts()
    assert few == {
        "read": 1e4,
        "words": 1e6,
        "choice": 1e6,
        "linear": 5e4,
        "pretraining": 2e5,
        "epochs": 2e5,
        "rest": 500.0,
    }
    assert many["words"] == 64e6
    assert many["choice"] == 8e6
    assert many["linear"] == 1e9
    assert many["rest"] == 10_000


def test_the_epochs_are_those_that_a_training_chooses():
    assert Corpus(10**6, 100.0, 20.0).chosen_epochs == (4, 0)
    assert Corpus(10**9, 100.0, 20.0).chosen_epochs == (1, 0)
    assert Corpus(10**9, 100.0, 20.0, 3, 2).chosen_epochs == (3, 2)


def test_each_stage_of_a_training_costs_a_start_and_grows_by_its_amount():
    cost = TrainingCost.fit(trained(1_000, 1.0), trained(11_000, 3.0))
    assert cost.start["read"] == pytest.approx(0.8)
    assert cost.each["read"] == pytest.approx(2e-4)
    assert cost.disk == pytest.approx(300.0)
    assert cost.core_seconds(Corpus(11_000, 100.0, 20.0, 1, 1)) == pytest.approx(3.0 * len(STAGES))
    stages = cost.stages(Corpus(1_000_000, 100.0, 20.0, 2, 0))
    assert stages["epochs"] == pytest.approx(0.8 + 2e-4 * 2e6)
    assert stages["linear"] == pytest.approx(0.8 + 2e-4 * 4e5), "two passes instead of five"
    assert stages["choice"] == pytest.approx(0.8 + 2e-4 * 8e4), "of 8 million characters, the limit"
    assert stages["pretraining"] == 0.0


@pytest.mark.parametrize(("two", "share"), [(5.0, 0.0), (10.0, 1.0), (7.5, 0.5), (11.0, 1.0), (4.0, 0.0)])
def test_the_serial_share_is_that_of_amdahl(two, share):
    assert serial_share(10.0, two) == pytest.approx(share)


def test_the_clock_counts_processor_time_without_that_of_inner_stages():
    def work(seconds):
        end = time.process_time() + seconds
        while time.process_time() < end:
            pass

    clock = StageClock()
    with clock.during("outer"):
        work(0.02)
        time.sleep(0.1)
        with clock.during("inner"):
            work(0.05)
    assert clock.seconds["outer"] == pytest.approx(0.02, abs=0.01)
    assert clock.seconds["inner"] == pytest.approx(0.05, abs=0.01)


@pytest.mark.skipif(not hasattr(os, "sched_setaffinity"), reason="this system cannot pin processes to cores")
def test_a_pinned_process_has_the_cores_and_this_one_keeps_its_own():
    before = os.sched_getaffinity(0)
    with pinned([0]):
        assert os.sched_getaffinity(0) == {min(before)}
    assert os.sched_getaffinity(0) == before
    assert run_on([0], ["sleep", "0.1"])["cpu"] < 0.1 <= run_on([0], ["sleep", "0.1"])["seconds"]


def test_the_largest_size_checks_what_smaller_ones_predict():
    rows = [
        row("predict", f"short, {n:,}", predicted(n, cpu)) for n, cpu in ((10, 1.0), (30, 3.0), (90, 18.0))
    ]
    rows += [row("train", f"short, {n:,}", trained(n, 1.0 + n / 100)) for n in (100, 1_000, 10_000)]
    rows.append(row("cores", "predict, short", {"one": 10.0, "two": 7.5}))
    tables = render_tables(rows).splitlines()
    assert "| 90 | 9.0 | 18.0 | -50% | 200 |" in tables
    assert "| 10,000 | 707.0 | 707.0 | +0% | 500 |" in tables
    assert "| predict, short | 10.0 | 7.5 | 1.33 | 50% | 2.0 |" in tables
    assert render_tables([]) == ""


def test_the_page_has_the_tables_of_the_results():
    page = PAGE.read_text(encoding="utf-8")
    assert replace_tables(page, render_tables(read_results(RESULTS)), BEGIN, END) == page


def test_the_model_predicts_the_largest_measurements():
    """A fifth is what the same measurement varies between two runs."""
    rows = read_results(RESULTS)
    for kind in KINDS:
        for part, fit in (("predict", fit_prediction), ("train", fit_training)):
            measured = sorted(
                (one["values"] for one in rows if one["part"] == part and one["name"].startswith(kind)),
                key=lambda values: values["texts"],
            )
            cost, largest = fit(measured), measured[-1]
            corpus = largest["texts"] if part == "predict" else Corpus.measured(largest)
            assert cost.core_seconds(corpus) == pytest.approx(largest["cpu"], rel=0.2), (part, kind)
