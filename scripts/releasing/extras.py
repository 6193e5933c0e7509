"""Try each extra that users install: import its package, and run a command that needs it."""

from __future__ import annotations

import contextlib
import re
import shutil
import subprocess
import sys
import time
import urllib.request
import zipfile
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from releasing.answers import GOLDEN
from releasing.environments import SHOWN, Environment, run
from releasing.errors import ReleaseError

_PATIENCE = 300  # seconds until a server answers
_ENDING = 30  # seconds for one answer, and for the end of a server
_PAUSE = 0.5  # seconds between two questions
# What they need is installed by scripts/setup.
DEVELOPERS = ("docs", "release", "dev", "bench", "fuzz", "all")


@dataclass(frozen=True)
class Smoke:
    """How an extra is tried.

    Attributes:
        module: A package that it brings.
        commands: Command lines of grutext, in the folder that `prepare` makes.
        beside: An extra that is installed with it, since its use needs both.
        act: What else to do first: a function of the environment and the folder, which may return what it tried.
        program: What the commands need on PATH; without it they are left out.
    """

    module: str
    commands: tuple[str, ...] = ()
    beside: str | None = None
    act: Callable[[Environment, Path], str | None] | None = None
    program: str | None = None


def prepare(folder: Path) -> Path:
    """Make the files that the commands read: labelled rows, a sheet, and a golden model; return the folder."""
    folder.mkdir()
    rows = [("sail tide harbour", "sea"), ("tram street corner", "town"), ("fern moss leaf", "wood")]
    table = "".join(f"{text} {number},{label}\n" for number in range(20) for text, label in rows)
    (folder / "rows.csv").write_text(f"text,label\n{table}", "utf-8")
    _write_sheet(folder / "rows.xlsx", [("text", "label"), *rows])
    shutil.copytree(GOLDEN[-1], folder / "golden")
    return folder


def try_extra(extra: str, folder: Path, wheel: Path, files: Path) -> str:
    """Install the wheel with an extra and try it; return a line on what was run.

    Args:
        extra: The name of the extra.
        folder: Where the environment is made.
        wheel: The wheel.
        files: The folder that `prepare` made.

    Raises:
        ReleaseError: Something fails.
    """
    smoke = SMOKES[extra]
    asked = extra if smoke.beside is None else f"{smoke.beside},{extra}"
    with Environment(Path(sys.executable), folder) as environment:
        packages = environment.install(f"{wheel}[{asked}]")
        work = folder / "work"
        shutil.copytree(files, work)
        run(environment.python, "-c", f"import {smoke.module}", cwd=work)
        acted = None if smoke.act is None else smoke.act(environment, work)
        commands, left_out = smoke.commands, []
        if smoke.program is not None and shutil.which(smoke.program) is None:
            commands, left_out = (), [f"no command, since {smoke.program} is missing"]
        for command in commands:
            environment.grutext(*command.split(), cwd=work)
    tried = [acted] if acted else []
    tried += [f"grutext {command.split()[0]}" for command in commands] + left_out
    return ", ".join([f"{packages} packages; import {smoke.module}", *tried])


def _serve(environment: Environment, work: Path) -> str:
    """Start the server, ask it once, and stop it; return what was tried."""
    command = [str(environment.python.parent / "grutext"), "serve", "-m", "golden", "--port", "0"]
    notes = work / "serve.txt"  # a file, since a pipe that nobody reads would block the server
    with notes.open("w", encoding="utf-8") as stderr:
        server = subprocess.Popen(command, cwd=work, stderr=stderr)
    try:
        _await_model(server, notes)
    finally:
        _stop(server)
    return "grutext serve"


def _await_model(server: subprocess.Popen[bytes], notes: Path) -> None:
    """Wait until a server lists its model.

    Args:
        server: The server.
        notes: The file of its stderr, where it says its address.

    Raises:
        ReleaseError: It ends, lists no model, or takes too long.
    """
    end = time.monotonic() + _PATIENCE
    while time.monotonic() < end:
        said = notes.read_text("utf-8", errors="replace")
        if server.poll() is not None:
            raise ReleaseError(f"grutext serve exits with {server.returncode}: {said.strip()[-SHOWN:]}")
        address = re.search(r"(http://\S+)\s", said)
        listed = _ask(f"{address[1]}/v1/models") if address else None
        if listed is not None:
            if b"golden" not in listed:
                raise ReleaseError("grutext serve does not list its model")
            return
        time.sleep(_PAUSE)
    raise ReleaseError(f"grutext serve does not answer within {_PATIENCE} s")


def _stop(server: subprocess.Popen[bytes]) -> None:
    """Ask a server to end, and kill it if it does not.

    Raises:
        ReleaseError: It had to be killed.
    """
    server.terminate()
    try:
        server.wait(_ENDING)
    except subprocess.TimeoutExpired:
        server.kill()
        server.wait()
        raise ReleaseError(f"grutext serve goes on for {_ENDING} s after SIGTERM") from None


def _ask(address: str) -> bytes | None:
    """Return the answer of a server; None if there is none, as long as its models are being loaded."""
    with contextlib.suppress(OSError), urllib.request.urlopen(address, timeout=_ENDING) as answer:
        return bytes(answer.read())
    return None


def _compress(environment: Environment, work: Path) -> None:
    """Write rows.csv.zst."""
    code = "import zstandard; open('rows.csv.zst', 'wb').write(zstandard.compress(open('rows.csv', 'rb').read()))"
    run(environment.python, "-c", code, cwd=work)


def _make_embedding(environment: Environment, work: Path) -> None:
    """Write a folder with a static embedding, as model2vec makes it."""
    code = """
import numpy, tokenizers, safetensors.numpy as files
words = ["[UNK]", "sail", "tide", "tram", "street", "fern", "moss"]
tokenizer = tokenizers.Tokenizer(tokenizers.models.WordLevel({word: n for n, word in enumerate(words)}, "[UNK]"))
tokenizer.pre_tokenizer = tokenizers.pre_tokenizers.Whitespace()
tokenizer.save("static/tokenizer.json")
matrix = numpy.random.default_rng(1).normal(size=(len(words), 8)).astype("float32")
files.save_file({"embeddings": matrix}, "static/model.safetensors")
"""
    (work / "static").mkdir()
    run(environment.python, "-c", code, cwd=work)


def _write_sheet(file: Path, rows: list[tuple[str, str]]) -> None:
    """Write rows as an .xlsx file, of the few parts that it needs."""
    sheets = "http://schemas.openxmlformats.org/spreadsheetml/2006/main"
    kinds = "http://schemas.openxmlformats.org/officeDocument/2006/relationships"
    links = "http://schemas.openxmlformats.org/package/2006/relationships"
    lines = ["".join(f'<c t="inlineStr"><is><t>{cell}</t></is></c>' for cell in row) for row in rows]
    cells = "".join(f"<row>{line}</row>" for line in lines)
    with zipfile.ZipFile(file, "w") as archive:
        for name, target, kind in (
            ("_rels/.rels", "xl/workbook.xml", "officeDocument"),
            ("xl/_rels/workbook.xml.rels", "worksheets/sheet1.xml", "worksheet"),
        ):
            link = f'<Relationship Id="a" Type="{kinds}/{kind}" Target="{target}"/>'
            archive.writestr(name, f'<Relationships xmlns="{links}">{link}</Relationships>')
        archive.writestr(
            "xl/workbook.xml",
            f'<workbook xmlns="{sheets}" xmlns:r="{kinds}"><sheets><sheet name="A" sheetId="1" r:id="a"/></sheets></workbook>',
        )
        archive.writestr(
            "xl/worksheets/sheet1.xml",
            f'<worksheet xmlns="{sheets}"><sheetData>{cells}</sheetData></worksheet>',
        )


_TRAIN = "train rows.csv -m model --preset fast --epochs 1 --overwrite"
SMOKES = {
    "train": Smoke("numba, sklearn", (_TRAIN, "evaluate rows.csv -m model")),
    "tensorflow": Smoke(
        "grutext.encoder",
        (f"{_TRAIN} --engine tensorflow", "export --to savedmodel saved -m golden"),
        beside="train",
    ),
    "fast": Smoke("numba", ("warmup", "predict rows.csv -m golden -o predicted.csv")),
    "excel": Smoke("python_calamine", ("predict rows.xlsx -m golden -o predicted.csv",)),
    "zstd": Smoke("zstandard", ("predict rows.csv.zst -m golden -o predicted.csv",), act=_compress),
    "vectors": Smoke(
        "tokenizers", (f"{_TRAIN} --no-gru --vectors static",), beside="train", act=_make_embedding
    ),
    "onnx": Smoke("onnx", ("export --to onnx golden.onnx -m golden",)),
    "tune": Smoke("optuna", ("tune rows.csv -m tuned --trials 1 --no-gru",)),
    "report": Smoke("jinja2", ("evaluate rows.csv -m golden --report report.html",)),
    "tensorboard": Smoke("tensorboard", (f"{_TRAIN} --tensorboard events",), beside="train"),
    "serve": Smoke("uvicorn", act=_serve),
    "spark": Smoke(
        "pyspark.sql",
        ("predict rows.csv --text-column text -m golden -o labelled.csv --on spark --master local[1]",),
        program="java",
    ),
}
