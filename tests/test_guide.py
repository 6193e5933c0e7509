"""Every block of code in Start and the guides is run, or stands in a list with the reason why not."""

import csv
import json
import os
import re
import shlex
import shutil
import subprocess
import sys
from pathlib import Path

import pytest
from click.testing import CliRunner

from grutext.cli import main

ROOT = Path(__file__).parents[1]
PAGES = [ROOT / "docs/start.md", ROOT / "docs/install.md", *sorted((ROOT / "docs/guide").glob("*.md"))]
SHOWN = ("json", "text")  # what is printed, or what is in a file

# Blocks that are not run here, by page and first words.
NOT_RUN = {
    "cluster": {
        "$ pip install": "needs a cluster: tests/distributed/test_spark.py",
        "from grutext.distributed.spark": "needs a cluster: tests/distributed/test_spark.py",
        "arriving =": "needs a cluster: tests/distributed/test_spark.py",
        "from grutext.data import ReadOptions": "needs a cluster: tests/distributed/test_spark_data.py",
        "from grutext.distributed import ShardSettings": "needs a cluster: tests/distributed/test_spark_data.py",
        "$ grutext train /shared": "a cluster writes the folder: tests/distributed/test_shards.py reads one",
        "$ scripts/cluster": "trains with TensorFlow: tests/cli/test_cluster.py",
        "apiVersion": "needs Kubernetes",
        "#!/usr/bin/env bash": "needs Slurm",
        "import ray": "needs Ray: tests/distributed/test_recipes.py",
        "import dask": "needs Dask: tests/distributed/test_recipes.py",
    },
    "coming-from": {"import json\nimport spacy": "needs spaCy"},
    "containers": {"FROM python": "needs Docker"},
    "export": {
        "import { readFile }": "needs Node: tests/export/test_javascript.py",
        "import json\nimport numpy": "tests/export/test_files.py runs it",
        "$ mkdir serving": "needs TensorFlow: tests/export/test_savedmodel.py",
        "$ curl": "needs TensorFlow Serving",
    },
    "keras": {"import": "needs TensorFlow: below", "from sklearn": "takes a minute: below"},
    "serving": {
        "$ pip install": "installs, and serves until it is stopped: tests/serving/test_server.py",
        "curl": "needs a server: tests/serving/test_docs.py sends these requests",
        "$ websockets": "needs a server: tests/serving/test_sessions.py",
    },
    "start": {"$ pip install": "installs: scripts/release"},
}
ENDLESS = "tensorboard "  # commands that run until they are stopped


def blocks(page, *languages):
    """The blocks of code of a page as language and text; of some languages only, if they are named."""
    found = re.findall(r"^ *```(\w+)\n(.*?)^ *```", page.read_text("utf-8"), re.DOTALL | re.MULTILINE)
    return [(language, text) for language, text in found if not languages or language in languages]


def why_not_run(page, text):
    """The reason why a block is not run; None if it is."""
    return next((why for words, why in NOT_RUN.get(page.stem, {}).items() if text.startswith(words)), None)


def test_every_block_is_run_or_has_a_reason():
    for page in PAGES:
        for language, text in blocks(page):
            runs = language in ("console", "python", *SHOWN)
            assert runs or why_not_run(page, text), f"{page.name}: {text.splitlines()[0]}"


def test_every_reason_is_about_a_block():
    texts = {page.stem: [text for _, text in blocks(page)] for page in PAGES}
    for page, reasons in NOT_RUN.items():
        for words in reasons:
            assert any(text.startswith(words) for text in texts[page]), (page, words)


def sample(part, count):
    with (ROOT / f"datasets/helpdesk/{part}.csv").open(encoding="utf-8", newline="") as file:
        return list(csv.DictReader(file))[:count]


def write_table(path, rows):
    with path.open("w", encoding="utf-8", newline="") as file:
        writer = csv.DictWriter(file, rows[0])
        writer.writeheader()
        writer.writerows(rows)


def write_lines(path, lines):
    path.write_text("".join(f"{line}\n" for line in lines), encoding="utf-8")


def write_files(folder):
    """Write the files that the pages name, made of the sample."""
    train, test = sample("train", 160), sample("test", 40)
    for name, rows in {"train": train, "reviews": train, "test": test, "held-out": test, "new": test}.items():
        write_table(folder / f"{name}.csv", rows)
    write_table(
        folder / "tickets.csv",
        [{"id": n, "body": row["text"], "queue": row["label"]} for n, row in enumerate(train)],
    )
    several = [{"text": row["text"], "labels": f"{row['label']};{len(row['text']) % 2}"} for row in train]
    write_table(folder / "articles.csv", several)
    listed = [row | {"labels": row["labels"].split(";")} for row in several]
    write_lines(folder / "articles.jsonl", map(json.dumps, listed))
    flags = [{"text": row["text"], "grain": n % 2, "trade": n % 3 % 2} for n, row in enumerate(train)]
    write_table(folder / "flags.csv", flags)
    for name in ("new", "mails"):
        write_lines(folder / f"{name}.jsonl", [json.dumps({"text": row["text"]}) for row in test])
    write_lines(folder / "letter.txt", [test[0]["text"]])
    for name in ("messages.txt", "lines.txt", "app.log"):
        write_lines(folder / name, ["where is my parcel?", "I forgot my password"])
    vectors = [f"{word} {' '.join(['0.1'] * 100)}" for word in ("parcel", "the", "refund")]
    write_lines(folder / "glove.6B.100d.txt", vectors)
    write_lines(folder / "questions.txt", [f"__label__{row['label']} {row['text']}" for row in train])
    labels = sorted({row["label"] for row in train})
    cats = [
        {"text": row["text"], "cats": {label: float(label == row["label"]) for label in labels}}
        for row in train
    ]
    write_lines(folder / "cats.jsonl", map(json.dumps, cats))
    parts = [
        {"text": row["text"], "genre": row["label"], "split": max(0, n % 10 - 7)}
        for n, row in enumerate(train)
    ]
    write_table(folder / "ludwig.csv", parts)
    for n, row in enumerate(train):
        mail = folder / "mails" / row["label"] / f"{n}.txt"
        mail.parent.mkdir(parents=True, exist_ok=True)
        mail.write_text(row["text"], encoding="utf-8")


def run_command(arguments, stdin=None):
    """Run a command of grutext in this process."""
    done = CliRunner().invoke(main, arguments, input=stdin, prog_name="grutext")
    if done.exception is not None and not isinstance(done.exception, SystemExit):
        raise done.exception
    assert done.exit_code == 0, (arguments, done.stderr)


def shorten(arguments):
    """Return a command line that takes seconds: without the GRU, where it is not what the line is about."""
    name, *rest = arguments
    if name in ("train", "tune", "crossval") and "--from" not in rest and "--tensorboard" not in rest:
        rest.append("--no-gru")
    if name == "train":
        rest += [] if "--overwrite" in rest else ["--overwrite"]
    if "--from" in rest or "--tensorboard" in rest or name == "pretrain":
        rest += ["--preset", "fast", "--epochs", "1"]
    return [
        name,
        *("2" if before == "--trials" else word for before, word in zip([name, *rest], rest, strict=False)),
    ]


def run_line(line):
    """Run a line of a console: a command of grutext, what it reads from a pipe, and what makes its files."""
    if line.startswith(ENDLESS):
        return
    first, *commands = line.split(" | ")
    program, *arguments = shlex.split(first.replace("tail -f", "cat"))
    stdin = None
    if program == "grutext":
        run_command(shorten(arguments))
    elif program == "echo" and ">" in arguments:
        write_lines(Path(arguments[-1]), arguments[:1])
    elif program in ("cat", "echo"):
        stdin = Path(arguments[0]).read_text("utf-8") if program == "cat" else f"{arguments[0]}\n"
    else:
        pytest.fail(f"the test cannot run {line}")
    for command in commands:
        if command != "cat":
            run_command(shlex.split(command)[1:], stdin)


@pytest.fixture(scope="module")
def trained(tmp_path_factory):
    """The folder of a model that answers while a text is still coming, which pages use and do not train."""
    for package in ("sklearn", "numba", "matplotlib"):  # the extra `train`
        pytest.importorskip(package)
    folder = tmp_path_factory.mktemp("trained")
    texts = sample("train", 700)
    write_table(folder / "train.csv", texts[:160])
    write_table(folder / "dev.csv", texts[160:])  # early answers need hundreds of dev texts
    sources = [str(folder / "train.csv"), "--dev", str(folder / "dev.csv"), "-m", str(folder / "model")]
    short = ["--preset", "streaming", "--epochs", "1", "--set", "training.pretraining_epochs=0", "--quiet"]
    run_command(["train", *sources, *short])
    return folder / "model"


def train_briefly(monkeypatch):
    """Let `grutext.train` train without the GRU and replace models, as `shorten` does for the command."""
    import grutext
    from grutext.training import train as module

    train = module.train

    def brief(data, model=None, *, settings=None, **rest):
        target = None if model is None else grutext.TrainingTarget(model, overwrite=True)
        return train(data, target, settings={"gru.enabled": False} | dict(settings or {}), **rest)

    monkeypatch.setattr(module, "train", brief)


NEEDED = {
    "ecosystem": ("pandas",),
    "evaluate": ("jinja2",),
    "export": ("onnx",),
    "coming-from": ("onnx",),
    "train": ("tensorboard",),
    "tuning": ("optuna",),
}
RUN = [
    page
    for page in PAGES
    if any(not why_not_run(page, text) for _, text in blocks(page, "console", "python"))
]


@pytest.mark.long
@pytest.mark.filterwarnings("default")
@pytest.mark.parametrize("page", RUN, ids=lambda page: page.stem)
def test_the_blocks_of_a_page_run_in_their_order(page, trained, tmp_path, monkeypatch):
    for package in NEEDED.get(page.stem, ()):
        pytest.importorskip(package)
    monkeypatch.chdir(tmp_path)
    write_files(tmp_path)
    for name in ("model", "helpdesk", "reviews", "old", "new", "alarms"):
        shutil.copytree(trained, tmp_path / name, copy_function=os.link)
    names = {}
    for language, text in blocks(page, "console", "python"):
        if why_not_run(page, text):
            continue
        if language == "python":
            with monkeypatch.context() as briefly:
                train_briefly(briefly)
                exec(compile(text, page.name, "exec"), names)
        else:
            for line in re.findall(r"^\$ (.*)", text, re.MULTILINE):
                run_line(line)


def run_block(code, folder):
    environment = os.environ | {"PYTHONPATH": str(ROOT), "TF_CPP_MIN_LOG_LEVEL": "3"}
    subprocess.run([sys.executable, "-c", code], cwd=folder, env=environment, check=True)


KERAS = [text for _, text in blocks(ROOT / "docs/guide/keras.md", "python")]
TUTORIAL = 3  # the block with which the tutorial begins


@pytest.mark.tf
@pytest.mark.long
def test_the_blocks_of_the_keras_guide_run(tmp_path):
    run_block("\n".join(KERAS[:TUTORIAL]), tmp_path)


@pytest.mark.tf
@pytest.mark.slow
def test_the_tutorial_of_the_keras_guide_learns_and_draws(tmp_path):
    for package in ("sklearn", "matplotlib", "tensorflow_datasets"):
        pytest.importorskip(package)
    checks = (
        "assert history['val_loss'][-1] < history['val_loss'][0] / 5; assert error < 0.4",  # the noise has 0.2
        "assert accuracy > 0.9",
        "assert min(scores.values()) > 0.9",
        "assert accuracy > 0.5",  # of eight classes
    )
    parts = [f"{block}\n{check}" for block, check in zip(KERAS[TUTORIAL:], checks, strict=True)]
    run_block("import matplotlib\nmatplotlib.use('Agg')\n" + "\n".join(parts), tmp_path)
    for plot in ("forecast.png", "waves.png"):
        assert (tmp_path / plot).stat().st_size > 10_000
