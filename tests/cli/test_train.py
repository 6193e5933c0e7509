"""`grutext train`: what it checks, reads, writes and prints. The training itself is a fake here."""

import dataclasses
import errno
import json
import os
import signal
from pathlib import Path
from types import SimpleNamespace

import pytest

pytest.importorskip("sklearn")

from grutext.cli.train import calibration_line, interruptible
from grutext.model.bundle import Bundle
from grutext.progress import EpochRecord
from grutext.training.fit import TrainingRun
from grutext.training.plan import TrainingPlan

MAILS = "message,topic\n" + "".join(
    f"{text} {n},{label}\n"
    for n in range(10)
    for text, label in (("invoice", "billing"), ("parcel", "delivery"), ("password", "login"))
)
RECORD = EpochRecord(
    epoch=1, loss=1.5, dev_loss=1.25, dev_score=0.5, tokens_per_second=1000.0, seconds=2.0, best=True
)


@pytest.fixture
def mails(tmp_path):
    (tmp_path / "mails.csv").write_text(MAILS, encoding="utf-8")
    return "mails.csv"


CALIBRATION = {
    "before": {"ece": 0.0714, "log_loss": 0.4021},
    "after": {"ece": 0.0181, "log_loss": 0.3706},
}


HARDLY = ": more texts or epochs may change that; --no-gru trains without it, in seconds"


class FakeTraining:
    """Stands in for `grutext.training.fit.fit_bundle`; remembers what it was given."""

    def __init__(self, bundle: Bundle) -> None:
        self.bundle = bundle
        self.calls: list[tuple[TrainingPlan, TrainingRun]] = []
        self.before = lambda checkpoint: None
        self.left_out: list[str] = []

    def __call__(self, plan: TrainingPlan, run: TrainingRun) -> Bundle:
        from grutext.evaluation import evaluate

        self.calls.append((plan, run))
        self.before(run.checkpoint)
        run.listener.begin(1, 100)
        run.listener.epoch(RECORD)
        run.listener.end()
        rows = [[0.8, 0.1, 0.1]] * len(plan.dev)
        report = evaluate([example.labels for example in plan.dev], rows, self.bundle.labels).to_dict()
        return dataclasses.replace(
            self.bundle,
            config=plan.config,
            history=[RECORD.to_dict()] if plan.config.gru.enabled else [],
            metrics={"dev": report, "calibration": CALIBRATION},
            data=plan.data | ({"left_out": self.left_out} if self.left_out else {}),
        )


@pytest.fixture
def training(make_bundle, monkeypatch) -> FakeTraining:
    """The fake in its place, on a machine that has TensorFlow and has compiled the kernels."""
    fake = FakeTraining(make_bundle(multilabel=False))
    # The fake's weights have no GRU, so that neither check nor plot may look for one.
    monkeypatch.setattr("grutext.training.fit.fit_bundle", fake)
    monkeypatch.setattr("grutext.model.bundle.check_weights", lambda *_: None)
    monkeypatch.setattr("grutext.training.plot.plot_history", lambda history, path: path.write_bytes(b"plot"))
    monkeypatch.setattr("grutext.requirements.find_spec", lambda name: True)
    monkeypatch.setattr("grutext.training.kernels.seconds_to_compile", lambda *_: 0.0)
    monkeypatch.setattr("grutext.cli.train.time", SimpleNamespace(monotonic=lambda: 100.0))
    monkeypatch.setattr("grutext.training.train.time", SimpleNamespace(monotonic=lambda: 165.4))
    return fake


def keep_state(checkpoint: Path) -> None:
    """Leaves behind what an interrupted training leaves."""
    checkpoint.mkdir(exist_ok=True)
    (checkpoint / "000001-0.safetensors").write_bytes(b"state")


def entries(folder: Path) -> list[str]:
    return sorted(path.name for path in folder.iterdir())


def test_the_calibration_line_says_why_the_ece_may_rise() -> None:
    before, after = {"ece": 0.075, "log_loss": 0.4}, {"ece": 0.081, "log_loss": 0.39}
    rose = "ECE 0.075 → 0.081, log loss 0.400 → 0.390 (it is fitted to the log loss, not to the ECE)"
    assert calibration_line({"before": before, "after": after}) == rose
    fell = "ECE 0.081 → 0.075, log loss 0.390 → 0.400"
    assert calibration_line({"before": after, "after": before}) == fell


def test_a_model_and_its_loss_curve_are_written_and_a_summary_is_printed(
    run, training, mails, tmp_path
) -> None:
    result = run("train", mails, "-m", "reviews", "--no-gru")
    assert result.stdout == (
        "dev  accuracy 0.3333  macro-F1 0.1667  weighted-F1 0.1667  log loss 1.6094  ECE 0.4667  (30 texts)\n"
        "calibration on dev: ECE 0.071 → 0.018, log loss 0.402 → 0.371\n"
        "trained in 1:05 min\n"
        "model: reviews\n"
        "try: grutext classify FILE -m reviews\n"
    )
    assert entries(tmp_path) == ["mails.csv", "reviews"]
    assert Bundle.load(tmp_path / "reviews").labels == ("billing", "delivery", "login")


@pytest.mark.parametrize(
    ("weight", "line"),
    [
        (0.425, "the GRU counts 42 %, the linear part 58 %"),
        (1.0, "the GRU counts 100 %, the linear part 0 %"),
        (0.05, "the GRU counts 5 %, the linear part 95 %"),
        (0.0, f"the GRU counts 0 %, the linear part 100 %{HARDLY}"),
        (0.04, f"the GRU counts 4 %, the linear part 96 %{HARDLY}"),
    ],
)
def test_how_much_each_part_counts_is_printed_and_shown(run, training, mails, weight, line) -> None:
    calibration = dataclasses.replace(training.bundle.calibration, fusion=weight)
    training.bundle = dataclasses.replace(training.bundle, calibration=calibration)
    assert line in run("train", mails, "-m", "reviews").stdout.splitlines()
    shown = run("show", "-m", "reviews").stdout.splitlines()
    assert [row.split(maxsplit=1)[1] for row in shown if row.startswith("parts ")] == [line]
    assert json.loads(run("show", "-m", "reviews", "--json").stdout)["gru_weight"] == weight


def test_guessed_columns_and_epochs_are_printed_on_stderr(run, training, mails) -> None:
    lines = run("train", mails).stderr.splitlines()
    assert lines[0].startswith('mails.csv: texts are in column "message", labels in "topic" (guessed')
    assert lines[1:4] == [
        '  line 2: "invoice 0" → billing',
        '  line 3: "parcel 0" → delivery',
        '  line 4: "password 0" → login',
    ]
    assert lines[4] == "mails.csv: 3 labels: billing 10, delivery 10, login 10"
    assert lines[5] == (
        "few texts: 5-fold cross-validation on 30 of 30 texts replaces a dev set, and the model learns from all"
    )
    assert lines[6].startswith("30 texts of 2 words (median), 3 labels: ")
    assert lines[7].startswith("engine: ")
    assert lines[8].startswith("epoch 1/1  loss 1.5000  dev loss 1.2500")
    quiet = run("train", mails, "--quiet", "-m", "other")
    assert quiet.stderr == ""
    assert "try: " not in quiet.stdout


def test_json_is_all_that_is_printed(run, training, mails, tmp_path) -> None:
    (tmp_path / "test.csv").write_text(MAILS, encoding="utf-8")
    result = run("train", mails, "--test", "test.csv", "--json", "--no-gru")
    values = json.loads(result.stdout)
    assert list(values) == [
        "model",
        "epochs",
        "seconds",
        "dev",
        "test",
        "calibration",
        "gru_weight",
        "abstention",
        "unfamiliar",
        "left_out",
    ]
    assert (values["model"], values["epochs"], values["seconds"]) == ("model", 0, 65.4)
    assert (values["dev"]["n"], values["test"]["n"]) == (30, 30)
    assert values["test"]["accuracy"] == 1.0
    metrics = Bundle.load(tmp_path / "model").metrics
    assert metrics == {name: values[name] for name in ("dev", "test", "calibration")}
    assert values["calibration"] == CALIBRATION


def test_without_a_test_part_json_says_null(run, training, mails) -> None:
    assert json.loads(run("train", mails, "--json").stdout)["test"] is None


def test_the_training_is_given_what_the_options_say(run, training, mails, tmp_path) -> None:
    options = ["--seed", 5, "--time-budget", "2m", "--set", "gru.units=7", "--dev-fraction", 0.1]
    run("train", mails, "-m", "out/reviews", *options)
    plan, given = training.calls[0]
    assert (plan.corpus.count, len(plan.dev)) == (27, 3)
    assert plan.config.training.time_budget == 120.0
    assert (plan.config.training.seed, plan.config.gru.units) == (5, 7)
    assert given.checkpoint == Path("out/reviews.checkpoint")
    assert given.resume is False
    assert plan.multilabel is False
    assert plan.refits_linear is True
    assert given.budget.end == 220.0, "it counts from the start of the command"
    found = {"text_column": "message", "label_column": "topic"}
    assert plan.data["reading"]["told"] == {}
    assert found.items() <= plan.data["reading"]["found"].items()
    assert plan.data["source"] == "mails.csv"
    assert entries(tmp_path / "out") == ["reviews", "reviews-loss.png"]


def test_texts_without_labels_are_read_from_several_files(run, training, mails, tmp_path) -> None:
    (tmp_path / "more.txt").write_text("refund please\n\nINVOICE 0\n", encoding="utf-8")
    (tmp_path / "mail.jsonl").write_text('{"id": 1, "message": "where is it"}\n', encoding="utf-8")
    result = run("train", mails, "--unlabelled", "more.txt", "--unlabelled", "mail.jsonl")
    plan = training.calls[0][0]
    assert list(plan.unlabelled.texts) == ["refund please", "where is it"]
    (line,) = [line for line in result.stderr.splitlines() if "without labels" in line]
    assert line.startswith("more.txt, mail.jsonl: 2 texts without labels; left out: 1 empty, 1 in the ")
    assert plan.data["unlabelled"] == "more.txt, mail.jsonl"
    assert plan.data["unlabelled_texts"] == 2


def test_what_the_time_budget_left_out_is_printed(run, training, mails) -> None:
    training.left_out = ["the GRU part was trained for 2 of 9 epochs", "pretraining read 3 of 27 texts"]
    lines = run("train", mails).stdout.splitlines()
    assert (
        "left out for the time budget: the GRU part was trained for 2 of 9 epochs; pretraining read 3 of 27 texts"
        in lines
    )
    values = json.loads(run("train", mails, "-m", "other", "--json").stdout)
    assert values["left_out"] == training.left_out


def test_labels_of_the_dev_and_test_parts_that_training_does_not_know_are_named(
    run, training, mails, tmp_path
) -> None:
    (tmp_path / "dev.csv").write_text("message,topic\nx,login\ny,spam\n", encoding="utf-8")
    lines = run("train", mails, "--dev", "dev.csv", "--test", "dev.csv", "--no-gru").stderr.splitlines()
    for part in ("dev", "test"):
        assert f'{part} set: labels that the model does not know, counted as errors: "spam" (1)' in lines


def test_named_parts_are_read_with_the_columns_of_the_training_part(run, training, mails, tmp_path) -> None:
    (tmp_path / "dev.csv").write_text(
        "text,topic,message\nx,login,password\nx,billing,invoice\n", encoding="utf-8"
    )
    run("train", mails, "--dev", "dev.csv")
    assert training.calls[0][0].corpus.count == 30
    assert [example.text for example in training.calls[0][0].dev] == ["password", "invoice"]
    run("train", mails, "--dev-fraction", 0.5, "-m", "other")
    assert len(training.calls[1][0].dev) == 15


def test_without_data_the_sample_and_its_parts_are_used(run, training) -> None:
    result = run("train", "--no-gru")
    plan, _ = training.calls[0]
    assert (plan.corpus.count, len(plan.dev)) == (900, 100)
    assert plan.data["source"] == "sample"
    assert "(200 texts)" in result.stdout
    assert "guessed" not in result.stderr
    run("train", "sample", "--dev-fraction", 0.2, "-m", "other", "--no-gru")
    plan, _ = training.calls[1]
    assert (plan.corpus.count, len(plan.dev)) == (720, 180)


def test_an_existing_model_is_left_alone_before_anything_is_read(error, training, model) -> None:
    before = {path.name: path.read_bytes() for path in model.iterdir()}
    assert error("train", "missing.csv") == (
        "model already exists; --overwrite replaces it, --resume continues its interrupted training"
    )
    assert {path.name: path.read_bytes() for path in model.iterdir()} == before
    assert training.calls == []


def test_overwrite_replaces_a_model_and_nothing_else(run, error, training, mails, model, tmp_path) -> None:
    before = (model / "model.json").read_bytes()
    run("train", mails, "--overwrite")
    assert (model / "model.json").read_bytes() != before
    (tmp_path / "letters").mkdir()
    (tmp_path / "letters" / "dear.txt").write_text("…", encoding="utf-8")
    assert "letters exists and is not a model" in error("train", mails, "-m", "letters", "--overwrite")
    assert "mails.csv exists and is not a model" in error("train", mails, "-m", "mails.csv", "--overwrite")
    assert entries(tmp_path / "letters") == ["dear.txt"]


def test_resume_starts_from_the_beginning_where_nothing_was_saved(run, training, mails, tmp_path) -> None:
    (tmp_path / "model.checkpoint").mkdir()  # as a process leaves it that is killed in its first minute
    notes = run("train", mails, "--resume").stderr.splitlines()
    assert "model: no interrupted training to resume; it starts from the beginning" in notes
    assert entries(tmp_path) == ["mails.csv", "model", "model-loss.png"]


def test_resume_trains_nothing_where_the_same_training_is_finished(run, training, mails, tmp_path) -> None:
    first = run("train", mails)
    before = (tmp_path / "model" / "model.json").read_bytes()
    again = run("train", mails, "--resume")
    assert len(training.calls) == 1
    assert "model: this training is finished; nothing is left to resume" in again.stderr.splitlines()
    lines = [line for line in again.stdout.splitlines() if not line.startswith(("trained", "model:"))]
    assert lines == [line for line in first.stdout.splitlines() if not line.startswith(("trained", "model:"))]
    assert "trained before, 1 epoch" in again.stdout.splitlines()
    assert (tmp_path / "model" / "model.json").read_bytes() == before
    run("train", mails, "--resume", "--overwrite")
    assert len(training.calls) == 2


@pytest.mark.parametrize(
    ("change", "differs"),
    [
        (["--seed", "9"], "training.seed was 1 and is 9"),
        (["--set", "gru.units=7"], "gru.units was 64 and is 7"),
    ],
)
def test_resume_leaves_a_finished_model_of_another_training_alone(
    run, training, mails, tmp_path, change, differs
) -> None:
    run("train", mails)
    before = (tmp_path / "model" / "model.json").read_bytes()
    line = run("train", mails, "--resume", *change, check=1).stderr.splitlines()[-1]
    assert line == (
        f"grutext: error: model is the finished model of a training that differs: {differs}; --overwrite replaces it"
    )
    assert (tmp_path / "model" / "model.json").read_bytes() == before
    assert entries(tmp_path) == ["mails.csv", "model", "model-loss.png"]


def test_resume_replaces_an_unfinished_model_whose_state_is_gone(
    run, training, mails, tmp_path, make_bundle
) -> None:
    unfinished = dataclasses.replace(make_bundle(multilabel=True), data={"unfinished": "it was interrupted"})
    unfinished.save(tmp_path / "model")
    run("train", mails, "--resume")
    assert "unfinished" not in Bundle.load(tmp_path / "model").data


def test_resume_continues_from_the_checkpoint_and_removes_it_at_the_end(
    run, training, mails, tmp_path
) -> None:
    keep_state(tmp_path / "model.checkpoint")
    training.before = lambda checkpoint: (checkpoint / "000001-0.safetensors").read_bytes()
    run("train", mails, "--resume")
    assert training.calls[0][1].resume is True
    assert entries(tmp_path) == ["mails.csv", "model", "model-loss.png"]


def test_a_fresh_start_discards_an_old_checkpoint_once_the_data_are_read(
    run, training, mails, tmp_path
) -> None:
    checkpoint = tmp_path / "model.checkpoint"
    keep_state(checkpoint)
    run("train", "missing.csv", check=1)
    assert checkpoint.exists()
    training.before = lambda folder: (
        any(folder.glob("*.safetensors")) and pytest.fail("the old state is there")
    )
    result = run("train", mails)
    assert "model.checkpoint, left by an interrupted training, is discarded" in result.stderr


def test_an_interruption_says_how_to_resume(run, training, mails, tmp_path) -> None:
    def interrupt(checkpoint: Path) -> None:
        raise KeyboardInterrupt

    def keep_and_interrupt(checkpoint: Path) -> None:
        keep_state(checkpoint)
        raise KeyboardInterrupt

    training.before = interrupt
    result = run("train", mails, check=130)
    assert result.stderr.splitlines()[-1] == "grutext: interrupted; nothing of the training is saved"
    training.before = keep_and_interrupt
    result = run("train", mails, "-m", "other", check=130)
    assert result.stderr.splitlines()[-1] == (
        "grutext: interrupted; the training so far is saved in other.checkpoint, the same command with --resume "
        "continues it"
    )
    assert entries(tmp_path) == ["mails.csv", "other.checkpoint"]


def test_what_stops_a_training_early_leaves_the_model_that_there_is(
    run, training, mails, tmp_path, make_bundle
) -> None:
    from grutext.training.gru.interruption import DivergenceError, Interrupted

    unfinished = dataclasses.replace(make_bundle(multilabel=False), data={"unfinished": "so"})

    def stop(error) -> None:
        def before(checkpoint: Path) -> None:
            keep_state(checkpoint)
            raise error

        training.before = before

    stop(Interrupted(unfinished))
    line = run("train", mails, check=130).stderr.splitlines()[-1]
    assert line == (
        "grutext: interrupted; model has the best weights so far; the training so far is saved in "
        "model.checkpoint, the same command with --resume continues it"
    )
    assert Bundle.load(tmp_path / "model").data == {"unfinished": "so"}
    stop(DivergenceError("the loss became nan in epoch 3; advice", unfinished))
    line = run("train", mails, "--resume", check=1).stderr.splitlines()[-1]
    assert line == (
        "grutext: error: the loss became nan in epoch 3; advice; model has the best weights so far"
    )
    assert entries(tmp_path) == ["mails.csv", "model"], "the state would lead to the same end"


def test_a_full_disk_while_saving_is_one_line_and_the_old_model_stays(
    error, training, mails, model, tmp_path, monkeypatch
) -> None:
    def fail(path, content) -> None:
        raise OSError(errno.ENOSPC, "No space left on device", str(path))

    training.before = keep_state
    before = {path.name: path.read_bytes() for path in model.iterdir()}
    monkeypatch.setattr("grutext.model.bundle.write_durably", fail)
    assert error("train", mails, "--overwrite", "--quiet") == (
        "model: cannot save, No space left on device; the training so far is saved in model.checkpoint, the same "
        "command with --resume continues it"
    )
    assert {path.name: path.read_bytes() for path in model.iterdir()} == before
    assert entries(tmp_path) == ["mails.csv", "model", "model.checkpoint"]


def test_a_plot_that_cannot_be_written_is_a_note(run, training, mails, monkeypatch) -> None:
    def fail(history, path) -> None:
        raise OSError(errno.ENOSPC, "No space left on device")

    monkeypatch.setattr("grutext.training.plot.plot_history", fail)
    result = run("train", mails)
    assert result.stderr.splitlines()[-1] == "no plot of the loss: model-loss.png: No space left on device"
    monkeypatch.setattr("grutext.requirements.find_spec", lambda name: None if name == "matplotlib" else True)
    assert "needs matplotlib" in run("train", mails, "-m", "other").stderr


def test_without_scikit_learn_the_command_says_what_to_install(error, mails, monkeypatch) -> None:
    monkeypatch.setattr("grutext.requirements.find_spec", lambda name: name != "sklearn" or None)
    line = "grutext train needs scikit-learn; install it with: pip install 'grutext[train]'"
    assert error("train", "missing.csv") == line


@pytest.mark.parametrize(
    ("arguments", "feature"),
    [
        (["--engine", "tensorflow"], "--engine tensorflow"),
        (["--set", "gru.pooling=attention"], 'training the pooling "attention"'),
        (["--set", "gru.pooling=last", "--engine", "auto"], 'training the pooling "last"'),
        (["--set", "gru.reset_after=false"], "training gru.reset_after = false"),
    ],
)
def test_what_only_tensorflow_trains_names_its_extra_before_any_data_are_read(
    error, mails, monkeypatch, arguments, feature
) -> None:
    monkeypatch.setattr("grutext.requirements.find_spec", lambda name: name != "tensorflow" or None)
    line = f"{feature} needs tensorflow; install it with: pip install 'grutext[tensorflow]'"
    assert error("train", "missing.csv", *arguments) == line
    assert "missing.csv" in error("train", "missing.csv", *arguments, "--no-gru")


@pytest.mark.parametrize(
    ("content", "line"),
    [
        (None, "data.csv: there is no such file or folder"),
        (b"", "data.csv: is empty"),
        (b"text,label\n", "data.csv: has a line of column names, but no rows below it"),
        (
            b"text,label\na,x\nb,x\n",
            'data.csv: all 2 texts have the label "x"; training needs at least two classes',
        ),
        (b"text,label\na,x\nb,y\nc,z\n", "data.csv: each of the 3 labels has a single text"),
        (
            b"text,label\na,x\nb,\n",
            'data.csv, line 3: the label column "label" is empty; --skip-empty drops such rows',
        ),
        (b"text,label\na,x,z\n", "data.csv, line 2: the row has 3 cells, but the first line names 2 columns"),
        (b'text,label\n"a,x\n', "data.csv, line 2: a quoted cell of the row that starts here never ends"),
        (b"text,label\na,x\n\xff,y\n", "data.csv, line 3: byte 0xff is not"),
    ],
)
def test_bad_data_are_one_line_and_nothing_is_written(error, training, tmp_path, content, line) -> None:
    if content is not None:
        (tmp_path / "data.csv").write_bytes(content)
    before = entries(tmp_path)
    assert error("train", "data.csv", "--quiet").startswith(line)
    assert entries(tmp_path) == before
    assert training.calls == []


def test_a_wrong_column_and_a_folder_without_classes_and_bad_dev_data(
    error, training, mails, tmp_path
) -> None:
    assert 'id you mean "topic"? The columns are: message, topic' in error(
        "train", mails, "--label-column", "topics"
    )
    (tmp_path / "empty").mkdir()
    assert error("train", "empty").startswith("empty: ")
    assert error("train", mails, "--dev", "gone.csv", "--quiet").startswith("gone.csv: there is no such file")
    assert error("train", mails, "--test", "gone.csv", "--quiet").startswith(
        "gone.csv: there is no such file"
    )
    assert training.calls == []


def test_a_wrong_setting_is_an_error_before_the_data_are_read(error, training) -> None:
    assert error("train", "missing.csv", "--set", "gru.unit=3").startswith('there is no setting "gru.unit"')


def test_a_folder_that_cannot_be_written_is_an_error_before_the_training(error, training, mails) -> None:
    assert error("train", mails, "-m", "mails.csv/model").startswith("mails.csv/model: ")
    assert training.calls == []


@pytest.mark.skipif(not hasattr(signal, "SIGTERM"), reason="there is no such signal")
def test_sigterm_is_treated_like_ctrl_c():
    before = signal.getsignal(signal.SIGTERM)
    with pytest.raises(KeyboardInterrupt), interruptible():
        os.kill(os.getpid(), signal.SIGTERM)
    assert signal.getsignal(signal.SIGTERM) is before


@pytest.mark.parametrize(
    ("arguments", "suggestion"),
    [
        (["--lr", "0.1"], "Did you mean --set training.learning_rate=VALUE?"),
        (["--units=3"], "Did you mean --set gru.units=VALUE?"),
        (["--bs", "3"], "Did you mean --set training.batch_size=VALUE?"),
        (
            ["--dropout", "0.1"],
            "--set training.word_dropout=VALUE or --set training.embedding_dropout=VALUE or --set training.pooled_dropout",
        ),
        (["--epoch", "3"], "--epochs"),
    ],
)
def test_an_unknown_option_suggests_what_it_resembles(run, arguments, suggestion) -> None:
    assert suggestion in " ".join(run("train", *arguments, check=2).stderr.split())


@pytest.mark.parametrize("command", ["crossval", "tune", "audit", "curve", "pretrain"])
def test_all_commands_with_settings_suggest_them(run, command) -> None:
    stderr = run(command, "a.csv", "--lr", "3", check=2).stderr
    assert stderr.endswith("Did you mean --set training.learning_rate=VALUE?\n")


def test_a_training_without_both_parts_is_refused_in_the_words_of_the_options(run, mails) -> None:
    stderr = run("train", mails, "--no-gru", "--no-linear", check=2).stderr
    assert stderr.endswith("Error: --no-gru and --no-linear would leave no model; leave one of them out.\n")


def test_an_unknown_option_that_resembles_nothing_suggests_nothing(run) -> None:
    assert "Did you mean" not in run("train", "--xyzzy", check=2).stderr


@pytest.mark.parametrize(
    ("arguments", "line"),
    [
        (
            ["--dev", "a.csv", "--dev-fraction", "0.1"],
            "--dev and --dev-fraction cannot be combined; leave one of them out.",
        ),
        (["--dev-fraction", "1"], "Invalid value for '--dev-fraction'"),
        (["-", "--unlabelled", "-"], "Only one of DATA, --dev, --test and --unlabelled can be stdin."),
        (["--epochs", "0"], "Invalid value for '--epochs'"),
        (["--time-budget", "soon"], "is no time"),
        (["--preset", "best"], "Invalid value for '--preset'"),
    ],
)
def test_a_wrong_command_line_is_exit_code_2(run, training, arguments, line) -> None:
    assert line in run("train", *arguments, check=2).stderr


def test_word_vectors_reach_the_training_and_leave_the_width_as_it_is(run, training, mails, tmp_path) -> None:
    (tmp_path / "words.vec").write_text("1 7\nparcel 1 2 3 4 5 6 7\n", encoding="utf-8")
    run("train", mails, "--vectors", "words.vec", "--preset", "fast")
    plan, given = training.calls[0]
    assert given.vectors == Path("words.vec")
    assert (plan.config.gru.embedding_size, plan.config.training.table_rate) == (48, 1.0)
    run("train", mails, "-m", "other")
    plan, given = training.calls[1]
    assert given.vectors is None
    assert plan.config.training.table_rate == 5.0


def test_bad_word_vectors_are_an_error_before_the_data_are_read(error, training, tmp_path) -> None:
    assert error("train", "gone.csv", "--vectors", "gone.txt").startswith("gone.txt: cannot be read")
    (tmp_path / "words.txt").write_text("Dear reader,\n", encoding="utf-8")
    assert error("train", "gone.csv", "--vectors", "words.txt").startswith("words.txt, line 1: no vector")
    assert training.calls == []


def test_the_folder_we_are_in_has_a_name_too(run, training, mails, tmp_path, monkeypatch) -> None:
    (tmp_path / "here").mkdir()
    monkeypatch.chdir(tmp_path / "here")
    run("train", "../mails.csv", "-m", ".", "--overwrite")
    assert entries(tmp_path) == ["here", "here-loss.png", "mails.csv"]
    assert entries(tmp_path / "here") == ["README.md", "model.json", "weights.safetensors"]


def test_a_model_that_appears_during_the_training_is_left_alone(
    error, training, mails, tmp_path, make_bundle
) -> None:
    def train_elsewhere(checkpoint: Path) -> None:
        keep_state(checkpoint)
        make_bundle(multilabel=True).save(tmp_path / "model")

    training.before = train_elsewhere
    assert "model already exists" in error("train", mails, "--quiet")
    assert Bundle.load(tmp_path / "model").multilabel
    assert (tmp_path / "model.checkpoint").exists()
