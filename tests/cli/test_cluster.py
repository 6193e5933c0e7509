"""`grutext train` under TF_CONFIG: several processes train one model."""

import json
import multiprocessing
import os
import signal
import sys
import time
from hashlib import sha256
from pathlib import Path

import numpy as np
import pytest
from click.testing import CliRunner
from support.cluster import start, tf_config, train_from_command_line
from support.shards import write_folder

from grutext.cli import main
from grutext.engines import rendezvous
from grutext.inference import Classifier
from grutext.model.bundle import Bundle

pytestmark = pytest.mark.long

SETTINGS = ["--set", "gru.units=8", "--set", "gru.embedding_size=8", "--set", "text.subword_buckets=300",
            "--set", "training.batch_size=16", "--set", "training.pretraining_epochs=1"]  # fmt: skip
VECTORS = b"lunch 1 0\ncash 0 1\n"
BOUND = 60.0  # seconds, of which a lost worker is noticed after ten on an idle machine


@pytest.fixture
def shards(tmp_path: Path) -> Path:
    """Return a folder of three shards of different sizes, and a dev part."""
    draw = np.random.default_rng(3)
    words = {"spam": ["win", "cash", "prize", "now"], "ham": ["see", "you", "at", "lunch"]}
    rows = []
    for n in range(200):
        label = ("ham", "spam")[n % 2]
        own = draw.choice(words[label], 3).tolist()
        rows.append((" ".join([*own, *draw.choice(["the", "a", "of", "mail", f"x{n}"], 4)]), label))
    write_folder(tmp_path / "mails", [rows[:90], rows[90:130], rows[130:160]], rows[160:])
    return tmp_path / "mails"


@pytest.fixture
def many_shards(tmp_path: Path) -> Path:
    """Return a folder of two shards that take some seconds to train on."""
    draw = np.random.default_rng(4)
    words = [f"word{n}" for n in range(400)]
    rows = [(" ".join(draw.choice(words, 12)), ("ham", "spam")[n % 2]) for n in range(700)]
    write_folder(tmp_path / "mails", [rows[:300], rows[300:640]], rows[640:])
    return tmp_path / "mails"


def log(folder: Path, rank: int) -> str:
    return (folder / f"log-{rank}").read_text(encoding="utf-8")


@pytest.mark.tf
def test_two_workers_train_a_model_that_the_chief_writes(shards, tmp_path):
    arguments = ["train", str(shards), "-m", "model", "--epochs", "3", *SETTINGS]
    workers = start(2, train_from_command_line, tmp_path, arguments)
    for worker in workers:
        worker.join(240)
    assert [worker.exitcode for worker in workers] == [0, 0], log(tmp_path, 0) + log(tmp_path, 1)
    assert "160 texts in 3 shards, of which the chief of 2 workers reads 120; 40 dev texts" in log(
        tmp_path, 0
    )
    assert not log(tmp_path, 1)
    bundle = Bundle.load(tmp_path / "model")
    assert bundle.data["train"] == 160
    assert bundle.data["label_counts"] == {"ham": 80, "spam": 80}
    assert bundle.config.training.engine == "tensorflow"
    assert "lunch" in bundle.vocabulary
    assert bundle.metrics["dev"]["accuracy"] > 0.9
    assert Classifier(bundle).predict(["win cash now", "see you at lunch"]) == ["spam", "ham"]
    assert not list(tmp_path.glob("*.checkpoint"))


@pytest.mark.tf
@pytest.mark.slow
def test_several_labels_and_a_worker_that_has_nothing_to_pretrain_on(tmp_path):
    draw = np.random.default_rng(5)
    words = {"sport": ["goal", "team", "match"], "money": ["bank", "price", "share"]}
    rows = []
    for _ in range(160):
        labels = [label for label in words if draw.random() < 0.5]
        text = [word for label in labels for word in draw.choice(words[label], 2)]
        rows.append((" ".join([*text, *draw.choice(["the", "a", "of", "and"], 3)]), labels))
    write_folder(tmp_path / "news", [rows[:110], [("", ["sport"]), ("!", [])] * 4], rows[110:])
    workers = start(2, train_from_command_line, tmp_path, ["train", "news", "-m", "model", *SETTINGS])
    for worker in workers:
        worker.join(240)
    assert [worker.exitcode for worker in workers] == [0, 0], log(tmp_path, 0) + log(tmp_path, 1)
    bundle = Bundle.load(tmp_path / "model")
    assert bundle.multilabel
    assert bundle.data["train"] == 118
    model = Classifier(bundle)
    assert model.predict(["the goal of the team", "a bank and a match", "the and of"]) == [
        ("sport",),
        ("money", "sport"),
        (),
    ]


@pytest.mark.tf
def test_a_worker_that_never_starts_ends_the_others_in_one_line(shards, tmp_path):
    arguments = ["train", str(shards), "-m", "model", *SETTINGS]
    workers = start(2, train_without_patience, tmp_path, arguments, listed=3)
    for rank, worker in enumerate(workers):
        worker.join(BOUND)
        assert worker.exitcode == 1
        (line,) = log(tmp_path, rank).splitlines()
        assert line.startswith("grutext: error: worker 2 (127.0.0.1:")
        assert "did not start within 3 s; start the same command on each worker" in line
    assert not (tmp_path / "model").exists()


@pytest.mark.tf
@pytest.mark.slow
def test_a_worker_that_ends_while_tensorflow_connects_does_not_keep_the_others(shards, tmp_path):
    workers = start(2, leave_after_the_start, tmp_path, ["train", str(shards), "-m", "model", *SETTINGS])
    for worker in workers:
        worker.join(BOUND)
    assert [worker.exitcode for worker in workers] == [1, 3]


def leave_after_the_start(rank: int, folder: Path, arguments: list[str]) -> None:
    from grutext.engines.keras import workers

    workers.CONNECT_SECONDS = 3.0
    if rank:
        workers._connect = lambda _: os._exit(3)
    train_from_command_line(rank, folder, arguments)


def train_without_patience(rank: int, folder: Path, arguments: list[str]) -> None:
    rendezvous.SECONDS = 3.0
    train_from_command_line(rank, folder, arguments)


@pytest.mark.tf
@pytest.mark.slow
@pytest.mark.skipif(sys.platform == "win32", reason="signals are others there")
def test_a_killed_worker_ends_the_others_in_one_line_and_resume_continues(many_shards, tmp_path):
    whole = finish(tmp_path, many_shards, "whole")
    for killed in (1, 0):
        name = f"killed-{killed}"
        (tmp_path / f"log-{1 - killed}").unlink()
        workers = start_and_wait(tmp_path, many_shards, name)
        workers[killed].kill()
        killed_at = time.monotonic()
        workers[1 - killed].join(BOUND)
        assert workers[1 - killed].exitcode == 1, time.monotonic() - killed_at
        last = log(tmp_path, 1 - killed).splitlines()[-1]
        assert last.startswith(
            f"grutext: error: another worker (worker {killed}) ended or cannot be reached; "
        )
        assert "--resume" in last
        assert "Traceback" not in log(tmp_path, 1 - killed)
        assert_same_weights(finish(tmp_path, many_shards, name, "--resume"), whole)


@pytest.mark.tf
@pytest.mark.slow
@pytest.mark.skipif(sys.platform == "win32", reason="signals are others there")
@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_an_interrupted_worker_stops_all_and_resume_continues(number, many_shards, tmp_path):
    workers = start_and_wait(tmp_path, many_shards, "model")
    assert workers[1].pid is not None
    os.kill(workers[1].pid, number)
    for worker in workers:
        worker.join(BOUND)
    assert [worker.exitcode for worker in workers] == [130, 130]
    assert log(tmp_path, 1) == "grutext: interrupted\n"
    last = log(tmp_path, 0).splitlines()[-1]
    assert last.startswith(
        "grutext: interrupted; model has the best weights so far; the training so far is saved in "
    )
    assert "unfinished" in Bundle.load(tmp_path / "model").data
    resumed = finish(tmp_path, many_shards, "model", "--resume")
    assert_same_weights(resumed, finish(tmp_path, many_shards, "whole"))


def arguments_of_long(shards: Path, name: str) -> list[str]:
    return ["train", str(shards), "-m", name, *SETTINGS, "--epochs", "4", "--set", "training.checkpoint_seconds=0",
            "--set", "training.patience=0"]  # fmt: skip


def finish(folder: Path, shards: Path, name: str, *more: str) -> Bundle:
    """Train with two workers from beginning to end."""
    workers = start(2, train_from_command_line, folder, [*arguments_of_long(shards, name), *more])
    for worker in workers:
        worker.join(240)
    assert [worker.exitcode for worker in workers] == [0, 0], log(folder, 0)[-2000:]
    return Bundle.load(folder / name)


def start_and_wait(folder: Path, shards: Path, name: str) -> list[multiprocessing.Process]:
    """Start two workers, and wait until they train and have saved states."""
    workers = start(2, train_from_command_line, folder, arguments_of_long(shards, name))
    while len(list(folder.glob(f"{name}.checkpoint/0*-*.safetensors"))) < 2:
        assert all(worker.is_alive() for worker in workers)
        time.sleep(0.05)
    time.sleep(1.0)
    return workers


def assert_same_weights(one: Bundle, other: Bundle) -> None:
    assert list(one.weights) == list(other.weights)
    for name, array in one.weights.items():
        np.testing.assert_array_equal(array, other.weights[name], err_msg=name)


@pytest.mark.tf
@pytest.mark.slow
@pytest.mark.parametrize(
    ("own", "named"),
    [
        (["--set", "training.seed=2"], "training.seed (2 instead of 1)"),
        (["--skip-empty"], "--skip-empty (True instead of False)"),
        (["--resume"], "--resume (True instead of False)"),
        (
            ["--vectors", "vectors.txt"],
            f"the word vectors ({sha256(VECTORS).hexdigest()[:39]}… instead of None)",
        ),
    ],
)
def test_workers_that_do_not_do_the_same_end_in_one_line(own, named, shards, tmp_path):
    (tmp_path / "vectors.txt").write_bytes(VECTORS)
    common = ["train", str(shards), "-m", "model", *SETTINGS]
    workers = start(2, train_as_each_likes, tmp_path, [common, [*common, *own]])
    for worker in workers:
        worker.join(240)
    for rank, worker in enumerate(workers):
        assert worker.exitcode == 1
        (line,) = log(tmp_path, rank).splitlines()
        assert line.startswith("grutext: error: worker 1 differs from the chief in ")
        assert named in line
        assert line.endswith("; start the same command on each")
    assert not (tmp_path / "model").exists()


@pytest.mark.tf
@pytest.mark.slow
def test_a_folder_that_the_chief_may_not_write_to_ends_all_in_one_line(shards, tmp_path):
    (tmp_path / "model").mkdir()
    workers = start(2, train_from_command_line, tmp_path, ["train", str(shards), "-m", "model", *SETTINGS])
    for worker in workers:
        worker.join(240)
    assert [worker.exitcode for worker in workers] == [1, 1]
    problem = "model already exists; --overwrite replaces it, --resume continues its interrupted training"
    assert log(tmp_path, 0) == f"grutext: error: {problem}\n"
    assert log(tmp_path, 1) == f"grutext: error: the chief cannot train: {problem}\n"


def train_as_each_likes(rank: int, folder: Path, arguments: list[list[str]]) -> None:
    train_from_command_line(rank, folder, arguments[rank])


@pytest.mark.parametrize(
    ("data", "options", "config", "named"),
    [
        ("mails", [], "{", "TF_CONFIG is no JSON"),
        ("mails", [], json.dumps({"task": {"type": "worker", "index": 0}}), 'TF_CONFIG needs "cluster"'),
        ("mails", [], tf_config(["a:1", "b:1"], 2), "task.index is 2"),
        ("mails", [], tf_config(["a:1", "b:1"], 0).replace('"worker", "', '"evaluator", "'), '"evaluator"'),
        ("mails", ["--engine", "numba"], None, "training.engine = numba is for one machine"),
        ("mails", ["--no-gru"], None, "gru.enabled = false is for one machine"),
        ("mails", ["--time-budget", "5m"], None, "training.time_budget is for one machine"),
        (
            "mails",
            ["--set", "training.adversarial_direction=shared"],
            None,
            "adversarial_direction = shared is for",
        ),
        ("mails", ["--unlabelled", "more.txt"], None, "texts without labels can be used on one machine"),
        ("mails", ["--dev-fraction", "0.1"], None, "a dev fraction can be used on one machine"),
        ("mails", ["--weight-column", "w"], None, "a weight column can be used on one machine"),
        ("mails", ["--min-class-size", "3"], None, "a smallest class size can be used on one machine"),
        ("mails", [], tf_config([f"a:{n}" for n in range(1, 5)], 1), "has 3 shards for 4 workers"),
        ("mails", ["--dev", "rows.csv", "--report", "rows.csv"], tf_config(["a:1", "b:1"], 1), "rows.csv: "),
        ("rows.csv", [], None, "is no folder of shards, which 2 workers need (TF_CONFIG)"),
        ("without", [], None, "has no dev part"),
    ],
)
def test_what_several_workers_cannot_do_is_said_in_one_line(
    data, options, config, named, shards, tmp_path, monkeypatch
):
    monkeypatch.chdir(tmp_path)
    Path("rows.csv").write_text("text,label\na,b\nc,d\n", encoding="utf-8")
    write_folder(tmp_path / "without", [[("a", "b"), ("c", "d")], [("e", "b")]])
    monkeypatch.setenv("TF_CONFIG", config or tf_config(["a:1", "b:1"], 0))
    outcome = CliRunner().invoke(main, ["train", data, "-m", "model", *options])
    assert outcome.exit_code == 1
    (line,) = outcome.stderr.splitlines()
    assert named in line
    assert line.startswith("grutext: error: ")
    assert not Path("model").exists()


def test_a_cluster_of_one_trains_as_without(shards, tmp_path, monkeypatch):
    monkeypatch.setenv("TF_CONFIG", tf_config(["localhost:1"], 0))
    outcome = CliRunner().invoke(main, ["train", str(shards), "-m", str(tmp_path / "model"), "--no-gru"])
    assert outcome.exit_code == 0, outcome.stderr
    assert (tmp_path / "model" / "model.json").exists()
