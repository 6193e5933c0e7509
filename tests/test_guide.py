"""Every block of code in Start, the guides and the command line reference is run, or stands in a list with the reason why not.

What is printed below a command has the shape of what the run prints: the same lines, with other numbers, labels and words.
"""

import csv
import json
import os
import re
import shlex
import shutil
import subprocess
import sys
from itertools import groupby
from pathlib import Path

import pytest
from click.testing import CliRunner

from grutext.cli import main

ROOT = Path(__file__).parents[1]
PAGES = [ROOT / f"docs/{name}.md" for name in ("start", "install", "reference/cli")]
PAGES += sorted((ROOT / "docs/guide").glob("*.md"))
SHOWN = ("json", "text")  # what is printed, or what is in a file

# Blocks that are not run here, by page and first words.
NOT_RUN = {
    "cli": {
        "$ grutext serve": "serves until it is stopped: tests/serving/test_server.py",
        "$ grutext warmup": "compiles: tests/cli/test_warmup.py",
        "$ grutext completion": "writes to the home folder: tests/cli/test_completion.py",
    },
    "cluster": {
        "$ pip install": "needs a cluster: tests/distributed/test_spark.py",
        "from pyspark.sql": "needs a cluster: tests/distributed/test_spark.py",
        "arriving =": "needs a cluster: tests/distributed/test_spark.py",
        "from grutext.data import ReadOptions": "needs a cluster: tests/distributed/test_spark_data.py",
        "from grutext.distributed import ShardSettings": "needs a cluster: tests/distributed/test_spark_data.py",
        "$ grutext train /shared": "a cluster writes the folder: tests/distributed/test_shards.py reads one",
        "$ scripts/cluster": "trains with TensorFlow: tests/cli/test_cluster.py",
        "for i in 0 1": "trains with TensorFlow: tests/cli/test_cluster.py",
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
        "location /labels/": "needs nginx",
    },
    "predict": {
        "$ grutext predict mails.jsonl -m model -o labelled.jsonl\n^C": "is interrupted: tests/cli/test_predict.py"
    },
    "start": {"$ pip install": "installs: scripts/release"},
}
# Blocks of text that no command prints, by page and first words.
NOT_PRINTED = {
    "cli": {
        "reviews-shards/": "a tree of files",
        "letter.txt  billing": "a terminal: tests/cli/test_classify.py",
    },
    "labelling": {"text,label,predicted_label": "a file"},
}
# What a training says about its abstention, where it can be of use and where it cannot.
ABSTENTION = (
    "answers 0 % of texts at ≤ 0 % errors; the rest go to a person: --abstain-below 0"
    "|--abstain-below cannot be sure of ≤ 0 % errors for half of the texts: too many errors, or too few dev texts .0."
)
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


LABELS = sorted(
    {row["label"] for row in csv.DictReader((ROOT / "datasets/helpdesk/train.csv").open(encoding="utf-8"))}
)


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
    train += train[:3]  # copies
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
    asked = ["where is my parcel", "I forgot my password"]
    write_table(folder / "mails.csv", [{"id": n, "text": text} for n, text in enumerate(asked, start=1)])
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


def shape(line):
    """A line that was printed, without what depends on the model and the data: numbers, labels, quoted texts, rows of tables."""
    line = re.sub(r'("\w+":)|"[^"]*"', lambda found: found[1] or "TEXT", line)  # keys stay
    line = re.sub(r"\[[+-]+(\w[^\]]*)\]", r"\1", line)  # words of a text that speak for or against a label
    line = re.sub(rf"\b({'|'.join(LABELS)})\b", "LABEL", line)
    line = re.sub(r"(?<![\w-])[+-]?\d[\d,.:eT+-]*", "0", line)  # numbers, dates
    line = re.sub(r" [.-](?= |$)", " 0", " ".join(line.split())).replace("p < 0", "p = 0")
    line = re.sub(r"^\S+( 0)+( …| yes| no)?$", "ROW", line)
    line = re.sub(f"^({ABSTENTION})$", "ABSTENTION", line)
    return re.sub(r"[─█░]+", "─", line)


def shapes(text):
    """The shapes of the lines that are not blank; of equal ones that follow each other, such as rows of a table, one."""
    return [one for one, _ in groupby(shape(line) for line in text.splitlines() if line.strip())]


def is_shape_of(shown, printed):
    """Whether what a page shows has the shape of what was printed; `…` stands for more of a line or, alone, for more lines."""
    pattern = ""
    for line in shapes(shown):
        pattern += r"(\n.*)?" if line == "…" else "\n" + re.escape(line).replace("…", r"[^\n]*")
    return re.fullmatch(pattern, "".join(f"\n{line}" for line in shapes(printed)), re.DOTALL) is not None


def check_shown(command, shown, done):
    """Check what a page shows below a command: its stdout, or with the notes."""
    if not any(is_shape_of(shown, printed) for printed in (done.stdout, done.output)):
        pytest.fail(f"$ {command}\nshown:\n{shown}\nprinted:\n{done.output}")


def run_command(arguments, stdin=None):
    """Run a command of grutext in this process, and return what it printed."""
    done = CliRunner().invoke(main, arguments, input=stdin, prog_name="grutext")
    if done.exception is not None and not isinstance(done.exception, SystemExit):
        raise done.exception
    assert done.exit_code == 0, (arguments, done.stderr)
    return done


def shorten(arguments, whole=False):
    """Return a command line that takes seconds: without the GRU, where it is not what the line is about.

    Args:
        arguments: The command line.
        whole: Whether what it prints about the GRU counts.
    """
    name, *rest = arguments
    whole = whole or "--from" in rest or "--tensorboard" in rest
    if name in ("train", "tune", "crossval") and not whole and "--no-gru" not in rest:
        rest.append("--no-gru")
    if name == "train":
        rest += [] if "--overwrite" in rest else ["--overwrite"]
    if name == "pretrain" or (name == "train" and whole):
        rest += ["--preset", "fast", "--epochs", "2"]
    return [
        name,
        *("2" if before == "--trials" else word for before, word in zip([name, *rest], rest, strict=False)),
    ]


def run_line(line, shown):
    """Run a line of a console: a command of grutext, what it reads from a pipe, and what makes its files.

    Args:
        line: The line.
        shown: What the page shows that it prints; empty if it shows nothing.
    """
    if line.startswith(ENDLESS):
        return
    first, *commands = line.split(" | ")
    program, *arguments = shlex.split(first.replace("tail -f", "cat"))
    done, stdin = None, None
    if program == "grutext":
        done = run_command(shorten(arguments, whole=bool(shown)))
    elif program == "echo" and ">" in arguments:
        write_lines(Path(arguments[-1]), arguments[:1])
    elif program == "cat" and shown and not commands:
        write_lines(Path(arguments[0]), [shown.strip()])
    elif program in ("cat", "echo"):
        stdin = Path(arguments[0]).read_text("utf-8") if program == "cat" else f"{arguments[0]}\n"
    else:
        pytest.fail(f"the test cannot run {line}")
    for command in commands:
        if command != "cat":
            done = run_command(shlex.split(command)[1:], stdin)
    if shown.strip() and done is not None:
        check_shown(line, shown, done)


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


NOTED = (
    "train sample -m noted --overwrite",  # all epochs, so that it stops early
    "train orders.csv --test test.csv --unlabelled mails.jsonl --unlabelled messages.txt -m noted --overwrite --no-gru",
    "train train.csv --vectors glove.6B.100d.txt -m noted --overwrite --no-gru",
)


@pytest.mark.long
def test_commands_print_what_pages_show_in_blocks_of_their_own(tmp_path, monkeypatch):
    for package in ("sklearn", "numba", "matplotlib"):  # the extra `train`
        pytest.importorskip(package)
    monkeypatch.chdir(tmp_path)
    write_files(tmp_path)
    train, others = sample("train", 160), sample("train", 900)
    contradictions = [row | {"label": train[0]["label"]} for row in train[1:3]]
    write_table(tmp_path / "orders.csv", [*train, *train[:40], *contradictions])
    write_table(tmp_path / "test.csv", [*sample("test", 40), *train[:2]])
    mails = [*others, *sample("test", 40)]
    write_lines(tmp_path / "mails.jsonl", [json.dumps({"text": row["text"]}) for row in mails])
    printed = {line for command in NOTED for line in shapes(run_command(command.split()).output)}
    shown = {
        (page.name, line)
        for page in PAGES
        for _, text in blocks(page, "text")
        if not any(text.startswith(words) for words in NOT_PRINTED.get(page.stem, ()))
        for line in shapes(text)
    }
    assert len(shown) > 10
    assert {(page, line) for page, line in shown if line not in (*printed, "…")} == set()


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
    "cli": ("onnx", "optuna"),
    "data-quality": ("pandas",),
    "ecosystem": ("pandas",),
    "evaluate": ("jinja2",),
    "export": ("onnx", "onnxruntime"),
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
            for line, shown in re.findall(r"^ *\$ (.*)\n((?: *(?!\s*\$ ).*\n)*)", text, re.MULTILINE):
                run_line(line, shown)


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
