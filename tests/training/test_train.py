"""`grutext.train`: the function behind the command, with files, texts in memory, and a folder to resume in."""

import contextlib
import enum
import hashlib
import time

import numpy as np
import pytest
from support.tiny_training import TINY, TRAIN, Recorder

import grutext
from grutext.errors import ConfigError, DataError, GrutextError, TrainingError
from grutext.model.bundle import Bundle, weights_digest
from grutext.training.gru.interruption import Interrupted

TEXTS = [example.text for example in TRAIN]
LABELS = [example.labels[0] for example in TRAIN]
LINEAR = {"gru.enabled": False, "text.subword_buckets": 50}


@pytest.fixture
def file(tmp_path):
    rows = [f"{text},{label}\n" for text, label in zip(TEXTS, LABELS, strict=True)]
    path = tmp_path / "made.csv"
    path.write_text("text,label\n" + "".join(rows), encoding="utf-8")
    return path


def sha256(folder):
    return hashlib.sha256((folder / "weights.safetensors").read_bytes()).hexdigest()


@pytest.mark.tf
def test_the_function_and_the_command_give_the_same_bytes(file, tmp_path, monkeypatch):
    from click.testing import CliRunner

    from grutext.cli import main

    monkeypatch.chdir(tmp_path)
    settings = TINY | {"training.seed": 4}
    options = [word for name, value in settings.items() for word in ("--set", f"{name}={value}")]
    done = CliRunner().invoke(main, ["train", "made.csv", "-m", "by-command", "--quiet", *options])
    assert done.exit_code == 0, done.output
    outcome = grutext.train("made.csv", "by-function", settings=settings)
    in_memory = grutext.train((TEXTS, LABELS), settings=settings)
    assert sha256(tmp_path / "by-function") == sha256(tmp_path / "by-command")
    assert weights_digest(in_memory.bundle) == sha256(tmp_path / "by-command")
    assert outcome.folder.name == "by-function"
    assert outcome.plot.exists()
    assert outcome.left_out == []
    assert outcome.classifier.predict(["salt tide and fish"]) == ["sea"]
    assert outcome.bundle.metrics["dev"]["n"] == in_memory.bundle.metrics["dev"]["n"] == 90
    assert outcome.bundle.metrics["dev"]["folds"] == 5
    assert repr(outcome).startswith("TrainingOutcome(folder=")


def test_texts_in_memory_may_be_arrays_and_have_dev_and_test_texts():
    data = grutext.TrainingData(
        (np.array(TEXTS), np.array(LABELS)),
        dev=(TEXTS[:9], LABELS[:9]),
        test=(iter(TEXTS[9:15]), LABELS[9:15]),
    )
    outcome = grutext.train(data, settings=LINEAR)
    assert outcome.bundle.data["train"] == len(TEXTS)
    assert outcome.bundle.data["source"] == "texts in memory"
    assert outcome.bundle.metrics["dev"]["n"] == 9
    assert outcome.bundle.metrics["test"]["n"] == 6
    assert outcome.folder is outcome.plot is None


@pytest.mark.long
def test_strings_of_another_type_count_by_their_value():
    kind = enum.Enum("Kind", {name: name for name in set(LABELS)}, type=str)
    outcome = grutext.train((TEXTS, [kind(label) for label in LABELS]), settings=LINEAR)
    assert outcome.classifier.labels == tuple(sorted(set(LABELS)))


@pytest.mark.long
def test_a_label_that_is_a_list_means_that_a_text_may_have_several():
    labels = [[label] if n % 2 else [label, "any"] for n, label in enumerate(LABELS)]
    outcome = grutext.train((TEXTS, labels), settings=LINEAR)
    assert outcome.bundle.multilabel
    assert outcome.classifier.labels == ("any", "sea", "town", "wood")


@pytest.mark.parametrize(
    ("texts", "labels", "error", "message"),
    [
        ("abc", ["x"], TypeError, "not one str; put a single text into a list"),
        (["a", None], ["x", "y"], TypeError, r"texts\[1\] is None; drop such texts"),
        (["a", b"b"], ["x", "y"], TypeError, r"texts\[1\] is bytes; decode it"),
        ({"a", "b"}, ["x", "y"], TypeError, "texts is a set, which has no order"),
        (np.array([["a"], ["b"]]), ["x", "y"], TypeError, "texts is a table"),
        (["a", "b"], {"x", "y"}, TypeError, "labels is a set; pass a list"),
        (["a", "b"], ["x", 3], TypeError, r"labels\[1\] is int 3; a label is a str, a list of str"),
        (["a", "b"], ["x", ["y", 3]], TypeError, r"labels\[1\] is list \['y', 3\]; a label is"),
        (["a", "b"], ["x"], DataError, "there are 2 texts but 1 label"),
        (["a", "b"], ["x", ""], DataError, r"labels\[1\] is empty"),
        (["a", "b"], ["x", "x"], DataError, 'all 2 texts have the label "x"'),
    ],
)
def test_bad_texts_and_labels_name_position_and_remedy(texts, labels, error, message):
    with pytest.raises(error, match=message):
        grutext.train((texts, labels))


def test_a_dev_text_with_several_labels_is_refused_where_each_has_one():
    data = grutext.TrainingData((TEXTS, LABELS), dev=(TEXTS[:2], ["sea", ["sea", "wood"]]))
    with pytest.raises(
        DataError, match=r"labels\[1\] has 2 labels \(sea, wood\), but here each text has one"
    ):
        grutext.train(data, settings=LINEAR)


def test_dev_and_dev_fraction_exclude_each_other():
    with pytest.raises(ConfigError, match="cannot be combined"):
        grutext.TrainingData("sample", dev="dev.csv", dev_fraction=0.1)


def test_an_unknown_setting_is_an_error_before_anything_is_read(tmp_path):
    with pytest.raises(ConfigError, match=r'did you mean "gru\.units"'):
        grutext.train("gone.csv", tmp_path / "model", settings={"gru.unit": 3})
    assert list(tmp_path.iterdir()) == []


def test_a_model_is_replaced_only_if_asked(file, tmp_path):
    folder = tmp_path / "model"
    grutext.train(file, folder, settings=LINEAR)
    before = (folder / "model.json").read_bytes()
    with pytest.raises(GrutextError, match="already exists"):
        grutext.train(file, folder, settings=LINEAR)
    assert (folder / "model.json").read_bytes() == before
    grutext.train(
        file, grutext.TrainingTarget(folder, overwrite=True), settings=LINEAR | {"training.seed": 2}
    )
    assert Bundle.load(folder).config.training.seed == 2


class StopInEpoch(Recorder):
    def __init__(self, epoch):
        super().__init__()
        self.stop_in, self.phase = epoch, ""

    def begin(self, epochs, tokens_per_epoch, name="epoch"):
        self.phase = name

    def step(self, epoch, tokens, loss):
        if (self.phase, epoch) == ("epoch", self.stop_in):
            raise KeyboardInterrupt


@pytest.mark.tf
def test_a_program_that_always_resumes_comes_to_its_end_and_trains_once(file, tmp_path):
    """Started before anything was saved, after an interrupt, and after the end."""
    whole = grutext.train(file, tmp_path / "whole", settings=TINY)
    target = grutext.TrainingTarget(tmp_path / "model", resume=True)
    heard = StopInEpoch(3)
    with pytest.raises(Interrupted, match="with --resume continues it"):
        grutext.train(file, target, settings=TINY, listener=heard)
    assert f"{target.folder}: no interrupted training to resume; it starts from the beginning" in heard.notes
    assert "unfinished" in Bundle.load(target.folder).data
    resumed = Recorder()
    outcome = grutext.train(file, target, settings=TINY, listener=resumed)
    assert [record.epoch for record in resumed.records] == [3, 4]
    assert not outcome.was_finished
    assert sha256(target.folder) == weights_digest(whole.bundle)
    before = (target.folder / "model.json").read_bytes()
    last = Recorder()
    outcome = grutext.train(file, target, settings=TINY, listener=last)
    assert outcome.was_finished
    assert last.records == []
    assert outcome.bundle.metrics == Bundle.load(target.folder).metrics
    assert (target.folder / "model.json").read_bytes() == before
    assert not target.checkpoint.exists()


@pytest.mark.tf
def test_an_interrupt_in_memory_brings_the_best_model_so_far():
    with pytest.raises(Interrupted) as stopped:
        grutext.train((TEXTS, LABELS), settings=TINY, listener=StopInEpoch(3))
    assert len(stopped.value.bundle.history) == 2
    assert stopped.value.args == ("interrupted",)


@pytest.mark.long
def test_more_texts_than_memory_should_hold_need_no_folder_of_a_model(file):
    settings = LINEAR | {"training.in_memory_megabytes": 1e-6}
    outcome = grutext.train(file, settings=settings)
    assert outcome.bundle.data["train"] + outcome.bundle.data["dev"] == len(TEXTS)
    assert "refit" not in outcome.bundle.data


@pytest.fixture
def cached_kernels():
    """Kernels that need not be compiled within the time budget of a test."""
    from grutext import kernels

    kernels.why_unavailable(*kernels.TRAINING)


@pytest.mark.tf
@pytest.mark.usefixtures("cached_kernels")
def test_a_time_budget_says_what_it_left_out():
    settings = TINY | {"training.pretraining_epochs": 3, "training.epochs": 5}
    started = time.monotonic() - 1000.0  # all of the budget is over
    outcome = grutext.train(
        (TEXTS * 4, LABELS * 4), settings=settings | {"training.time_budget": 1.0}, started=started
    )
    rows = outcome.bundle.data["train"]
    folds, linear, pretraining, training, refit = outcome.left_out
    assert folds == "a dev set was set aside instead of cross-validation on all texts"
    assert rows == 4 * len(TEXTS) - outcome.bundle.metrics["dev"]["n"]
    assert linear.startswith("the linear part was fitted to ")
    assert linear.endswith(f" of {rows} texts")
    assert pretraining == f"pretraining read 72 of {3 * rows:,} texts (3 epochs)"
    assert training == "the GRU part was trained for 1 of 5 epochs, the last one not on all texts"
    assert refit == "the linear part was not fitted again to training and dev texts"
    assert outcome.bundle.data["left_out"] == outcome.left_out
    without = grutext.train((TEXTS, LABELS), settings=settings)
    assert without.left_out == []
    assert "left_out" not in without.bundle.data


@pytest.mark.tf
@pytest.mark.usefixtures("cached_kernels")
def test_what_pretraining_left_out_is_still_said_by_a_resumed_training(file, tmp_path):
    settings = TINY | {"training.pretraining_epochs": 100_000, "training.time_budget": 3.0}
    target = grutext.TrainingTarget(tmp_path / "model", resume=True)
    with pytest.raises(Interrupted):
        grutext.train(file, target, settings=settings, listener=StopAtTraining())
    outcome = grutext.train(file, target, settings=settings)
    assert any(sentence.startswith("pretraining read ") for sentence in outcome.left_out)


@pytest.mark.tf
@pytest.mark.usefixtures("cached_kernels")
def test_what_a_resumed_training_makes_up_for_is_not_said_to_be_left_out(file, tmp_path):
    settings = TINY | {"training.pretraining_epochs": 100, "training.time_budget": 600.0}
    target = grutext.TrainingTarget(tmp_path / "model", resume=True)
    late = time.monotonic() - 1000.0
    with pytest.raises(Interrupted):
        grutext.train(file, target, settings=settings, listener=StopAtTraining(), started=late)
    pretraining, folds = grutext.train(file, target, settings=settings).left_out
    assert pretraining.startswith("pretraining read ")
    assert folds == "cross-validation trained the GRU part for fewer epochs"


class StopAtTraining(Recorder):
    """Interrupts the first step after pretraining."""

    phase = ""

    def begin(self, epochs, tokens_per_epoch, name="epoch"):
        self.phase = name

    def step(self, epoch, tokens, loss):
        if self.phase == "epoch":
            raise KeyboardInterrupt


@pytest.fixture
def slow_compiler(monkeypatch):
    """Inside, kernels are not cached yet, and compiling them takes longer than any time budget of these tests."""
    from grutext.training import kernels

    @contextlib.contextmanager
    def slow():
        with monkeypatch.context() as patch:
            patch.setattr(kernels, "seconds_to_compile", lambda *modules: 1000.0)
            patch.setattr(kernels, "compile_kernels", lambda *modules, deadline, report: deadline is None)
            patch.setattr(kernels, "is_installed", lambda package: False)
            yield

    return slow


def numba_only():
    from grutext import kernels

    if why := kernels.why_unavailable(*kernels.TRAINING):
        pytest.skip(why)


@pytest.mark.long
def test_a_resumed_training_keeps_its_gru_part_where_kernels_must_be_compiled_again(
    file, tmp_path, slow_compiler
):
    """Such as in another container: a state that was paid for is not given up to compile sooner."""
    numba_only()
    settings = TINY | {"training.time_budget": 60.0}
    target = grutext.TrainingTarget(tmp_path / "model", resume=True)
    with pytest.raises(Interrupted):
        grutext.train(file, target, settings=settings, listener=StopInEpoch(3))
    heard = Recorder()
    with slow_compiler():
        outcome = grutext.train(file, target, settings=settings, listener=heard)
    assert [record.epoch for record in heard.records] == [3, 4]
    assert outcome.bundle.engine == "numba"
    assert outcome.left_out == []


@pytest.mark.long
def test_a_model_whose_gru_part_was_left_out_is_finished_also_with_kernels(file, tmp_path, slow_compiler):
    settings = TINY | {"training.time_budget": 60.0}
    target = grutext.TrainingTarget(tmp_path / "model", resume=True)
    with slow_compiler():
        assert not grutext.train(file, target, settings=settings).bundle.config.gru.enabled
    heard = Recorder()
    outcome = grutext.train(file, target, settings=settings, listener=heard)
    assert outcome.was_finished
    assert not any(note.startswith(("compiling", "engine")) for note in heard.notes)


@pytest.mark.long
@pytest.mark.tf
def test_a_training_is_resumed_by_the_engine_that_began_it(file, tmp_path):
    target = grutext.TrainingTarget(tmp_path / "model", resume=True)
    settings = TINY | {"training.engine": "tensorflow"}
    with pytest.raises(Interrupted):
        grutext.train(file, target, settings=settings, listener=StopInEpoch(3))
    with pytest.raises(TrainingError, match=r"training\.engine was tensorflow and is numba"):
        grutext.train(file, target, settings=settings | {"training.engine": "numba"})
    heard = Recorder()
    assert grutext.train(file, target, settings=TINY, listener=heard).bundle.engine == "tensorflow"
    assert "engine: tensorflow (the training began with it)" in heard.notes
    assert grutext.train(file, target, settings=TINY).was_finished


@pytest.mark.long
def test_a_state_is_not_discarded_by_a_training_without_a_gru_part(file, tmp_path):
    numba_only()
    target = grutext.TrainingTarget(tmp_path / "model", resume=True)
    with pytest.raises(Interrupted):
        grutext.train(file, target, settings=TINY, listener=StopInEpoch(3))
    with pytest.raises(TrainingError, match=r"gru\.enabled was True and is False"):
        grutext.train(file, target, settings=TINY | {"gru.enabled": False})
    assert target.has_state
