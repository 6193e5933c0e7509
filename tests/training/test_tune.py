"""The search of settings, with Optuna itself."""

import signal
import subprocess
import sys
import time

import optuna
import pytest
from support.tiny_training import TINY, TRAIN, Recorder

from grutext.config import Config, flatten
from grutext.errors import DataError, GrutextError, TrainingError
from grutext.model.bundle import Bundle
from grutext.progress import EpochRecord
from grutext.training.splits import TrainingData
from grutext.training.tune import Search, _open_study, _suggest, _TrialListener, tune

DATA = ([f"{example.text} {n}" for n, example in enumerate(TRAIN)], [example.labels[0] for example in TRAIN])
LINEAR = {"gru.enabled": False, "text.subword_buckets": 50}


def trials_of(search):
    from optuna.storages import JournalStorage
    from optuna.storages.journal import JournalFileBackend

    storage = JournalStorage(JournalFileBackend(str(search.journal)))
    return optuna.load_study(study_name="grutext", storage=storage).trials


@pytest.mark.long
def test_the_best_trial_is_the_model_in_the_folder(tmp_path):
    search, listener = Search(tmp_path / "best", trials=4), Recorder()
    outcome = tune(DATA, search, settings=LINEAR, listener=listener)
    trials = trials_of(search)
    assert [trial.state.name for trial in trials] == ["COMPLETE"] * 4
    assert trials[0].params == {}  # the settings as they are given
    assert len({trial.params["linear.regularization"] for trial in trials[1:]}) == 3
    best = min(trials, key=lambda trial: trial.value)
    bundle = Bundle.load(tmp_path / "best")
    assert bundle.data["tuning"] == {"trial": best.number, "value": best.value}
    assert bundle.metrics["dev"]["log_loss"] == best.value == outcome.value
    assert outcome.settings == best.params
    for name, value in best.params.items():
        assert flatten(bundle.config.to_dict())[name] == pytest.approx(value)
    assert outcome.trials == 4
    assert outcome.plot == search.plot
    assert search.plot.read_bytes()[:4] == b"\x89PNG"
    assert sum(note.startswith("trial ") for note in listener.notes) == 4


@pytest.mark.long
def test_a_search_is_continued_and_repeats_nothing(tmp_path):
    tune(DATA, Search(tmp_path / "best", trials=2), settings=LINEAR)
    outcome = tune(DATA, Search(tmp_path / "best", trials=3), settings=LINEAR)
    assert outcome.trials == len(trials_of(Search(tmp_path / "best"))) == 3
    assert tune(DATA, Search(tmp_path / "best", trials=3), settings=LINEAR).trials == 3
    with pytest.raises(GrutextError, match="is of a search with other settings; name another folder"):
        tune(DATA, Search(tmp_path / "best"), settings=LINEAR | {"training.seed": 9})
    with pytest.raises(GrutextError, match="is of a search with other data"):
        tune(TrainingData(DATA, dev_fraction=0.2), Search(tmp_path / "best"), settings=LINEAR)


def test_processes_that_begin_at_the_same_time_try_different_settings(tmp_path, monkeypatch):
    identity = {"settings": {"training.seed": 0}}
    both = [_open_study(Search(tmp_path / "best"), identity) for _ in range(2)]
    monkeypatch.setattr("grutext.training.tune._identify", lambda *_: identity)
    monkeypatch.setattr("grutext.training.tune._open_study", lambda *_: both.pop())
    for trials in (2, 3):
        tune(DATA, Search(tmp_path / "best", trials=trials), settings=LINEAR)
    first, second = (trial.params for trial in trials_of(Search(tmp_path / "best"))[1:])
    assert first.keys() == second.keys()
    assert first["linear.regularization"] != second["linear.regularization"]


def test_data_of_other_contents_do_not_continue_a_search(tmp_path):
    texts, labels = DATA
    tune((iter(texts), iter(labels)), Search(tmp_path / "best", trials=2), settings=LINEAR)
    with pytest.raises(
        GrutextError, match="is of a search whose data had other contents; name another folder"
    ):
        tune((texts[:-1], labels[:-1]), Search(tmp_path / "best", trials=3), settings=LINEAR)


def test_a_folder_that_is_no_result_of_a_search_stays(tmp_path):
    (tmp_path / "model").mkdir()
    with pytest.raises(GrutextError, match="already exists, but not as the result of a search"):
        tune(DATA, Search(tmp_path / "model"), settings=LINEAR)


def test_settings_that_are_given_are_not_searched():
    trial = optuna.create_study().ask()
    config = Config().override({"gru.units": 24, "linear.regularization": 3.0})
    tried = _suggest(trial, config, keeps_width=True)
    assert {"gru.units", "linear.regularization", "gru.embedding_size"}.isdisjoint(tried)
    assert {"training.pooled_dropout", "gru.convolution", "linear.char_max"} <= tried.keys()
    config.override(tried)  # all of them are settings within their range
    assert all(
        name.startswith("linear.")
        for name in _suggest(optuna.create_study().ask(), Config().override(LINEAR), False)
    )


def test_a_trial_that_falls_behind_is_stopped():
    study = optuna.create_study(pruner=optuna.pruners.MedianPruner(n_startup_trials=1, n_warmup_steps=0))

    def report(trial, loss):
        listener = _TrialListener(trial, None, None)
        listener.epoch(EpochRecord(1, loss, loss, 0.5, 1.0, 1.0, True))
        return loss

    study.optimize(lambda trial: report(trial, 1.0 + trial.number), n_trials=2)
    assert [trial.state.name for trial in study.trials] == ["COMPLETE", "PRUNED"]
    late = _TrialListener(study.ask(), time.monotonic() - 1, None)
    with pytest.raises(optuna.TrialPruned):
        late.step(1, 10, 1.0)


def test_the_width_of_a_base_is_not_searched_and_a_stopped_trial_is_noted(tmp_path, monkeypatch):
    tried = []

    def train(sources, *, settings, vectors, listener):
        tried.append(settings.gru.embedding_size)
        raise optuna.TrialPruned

    monkeypatch.setattr("grutext.training.tune.train", train)
    listener = Recorder()
    with pytest.raises(GrutextError, match="no trial was finished"):
        tune(TrainingData(DATA, base="base"), Search(tmp_path / "best", trials=6), listener=listener)
    assert set(tried) == {Config().gru.embedding_size}
    assert [note.split(",")[0] for note in listener.notes] == [
        f"trial {n}: stopped early" for n in range(1, 7)
    ]


def test_a_trial_that_fails_counts_and_is_noted(tmp_path, monkeypatch):
    def train(sources, *, settings, vectors, listener):
        raise TrainingError("the loss is not finite")

    monkeypatch.setattr("grutext.training.tune.train", train)
    listener = Recorder()
    with pytest.raises(GrutextError, match="no trial was finished"):
        tune(DATA, Search(tmp_path / "best", trials=2), listener=listener)
    assert listener.notes == ["trial 1: the loss is not finite", "trial 2: the loss is not finite"]


def test_bad_data_is_an_error_without_a_traceback_and_rows_are_not_in_the_journal(tmp_path, capfd):
    rows = [{"text": "a secret", "label": ""}]
    search = Search(tmp_path / "best")
    with pytest.raises(DataError, match=r"the label column .* is empty"):
        tune(rows, search, settings=LINEAR)
    with pytest.raises(DataError, match="no such file"):  # other data, since nothing was found yet
        tune(str(tmp_path / "absent.csv"), search, settings=LINEAR)
    assert capfd.readouterr() == ("", "")
    assert "the table" in search.journal.read_text()
    assert "secret" not in search.journal.read_text()
    tune(DATA, Search(search.folder, trials=1), settings=LINEAR)
    assert trials_of(search)[-1].params == {}
    assert trials_of(search)[-1].number == 2


@pytest.mark.tf
def test_epochs_of_a_training_are_reported(tmp_path):
    search = Search(tmp_path / "best", trials=1)
    tune(
        DATA,
        search,
        settings=TINY | {"training.epochs": 2, "linear.enabled": False, "training.engine": "numba"},
    )
    (trial,) = trials_of(search)
    assert trial.state.name == "COMPLETE"
    assert trial.intermediate_values.keys() == {1, 2}


@pytest.mark.long
def test_a_killed_search_goes_on_in_two_processes(tmp_path):
    path = tmp_path / "data.csv"
    rows = [f"{text},{label}\n" for text, label in zip(*DATA, strict=True)]
    path.write_text("text,label\n" + "".join(rows), encoding="utf-8")
    command = [
        sys.executable,
        "-m",
        "grutext",
        "tune",
        str(path),
        "-m",
        str(tmp_path / "best"),
        "--no-gru",
        "--quiet",
    ]
    search = Search(tmp_path / "best")
    with subprocess.Popen([*command, "--trials", "1000"], stderr=subprocess.PIPE) as first:
        ends = time.monotonic() + 120
        while not (tmp_path / "best").exists() and time.monotonic() < ends:
            time.sleep(0.05)
        first.send_signal(signal.SIGKILL)
    done = sum(trial.state.is_finished() for trial in trials_of(search))
    wanted = str(done + 3)
    both = [subprocess.Popen([*command, "--trials", wanted], stderr=subprocess.PIPE) for _ in range(2)]
    assert [process.wait(timeout=120) for process in both] == [0, 0]
    finished = [trial for trial in trials_of(search) if trial.state.is_finished()]
    assert done + 3 <= len(finished) <= done + 4  # the other process may be in its last trial
    best = min(trial.value for trial in finished)
    assert Bundle.load(tmp_path / "best").data["tuning"]["value"] <= best
    assert len({tuple(trial.params.values()) for trial in finished[1:]}) == len(finished) - 1
