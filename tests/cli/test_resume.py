"""`grutext predict -o FILE --resume`: what an interruption leaves, and what is refused. Killed processes: test_killed.py."""

import json
import sys
from dataclasses import replace

import pytest

from grutext import Classifier, kernels
from grutext.cli import predict
from grutext.data.writing import resumable as partial

WORDS = ("parcel", "invoice", "password", "hello")
BATCH, ROWS = 64, 312  # five batches
FILES = (".out.csv.partial", ".out.csv.progress")


@pytest.fixture(autouse=True)
def _small_batches_each_with_an_entry(monkeypatch) -> None:
    monkeypatch.setattr(predict, "BATCH", BATCH)
    monkeypatch.setattr(partial, "SECONDS", 0)


@pytest.fixture
def many(tmp_path):
    """A file of several batches; all but the first hundred rows have other ids if asked for."""

    def write(name: str = "many.csv", start: int = 0) -> str:
        lines = [f"{n if n < 100 else n + start},{WORDS[n % 4]} =x\n" for n in range(ROWS)]
        (tmp_path / name).write_text("id,message\n" + "".join(lines), encoding="utf-8")
        return name

    return write


@pytest.fixture
def interrupt(run, monkeypatch):
    """Run `predict` and stops it by Ctrl-C before a batch, the fourth if nothing else is said."""

    def run_and_stop(*arguments: object, batch: int = 4, stdin: str | None = None):
        calls = []

        def stop_or_answer(model, texts, **options):
            calls.append(texts)
            if len(calls) == batch:
                raise KeyboardInterrupt
            return answer(model, texts, **options)

        answer = Classifier.answer
        with monkeypatch.context() as patched:
            patched.setattr(Classifier, "answer", stop_or_answer)
            return run("predict", *arguments, check=130, stdin=stdin)

    return run_and_stop


def list_outputs(folder):
    return sorted(path.name for path in folder.iterdir() if "out" in path.name)


@pytest.mark.parametrize("output", ["out.csv", "out.jsonl", "out.tsv.gz", "out.jsonl.gz"])
def test_a_resumed_run_writes_the_bytes_of_an_uninterrupted_one(
    run, interrupt, model, many, tmp_path, output
) -> None:
    run("predict", many(), "-o", output, "--proba")
    expected = (tmp_path / output).read_bytes()
    (tmp_path / output).write_text("old")

    notes = interrupt("many.csv", "-o", output, "--proba").stderr.splitlines()
    assert notes[-2:] == [
        f"{output}: 192 rows are saved; repeat the command with --resume to continue after them",
        "grutext: interrupted",
    ]
    assert (tmp_path / output).read_text() == "old"
    assert list_outputs(tmp_path) == [f".{output}.partial", f".{output}.progress", output]
    interrupt("many.csv", "-o", output, "--proba", "--resume", batch=2)
    done = run("predict", "many.csv", "-o", output, "--proba", "--resume")
    assert done.stderr.splitlines()[-2:] == [f"{output}: continues after 256 rows", f"{output}: 312 rows"]
    assert (tmp_path / output).read_bytes() == expected
    assert list_outputs(tmp_path) == [output]


def test_a_run_over_several_files_is_resumed(run, interrupt, model, many, tmp_path) -> None:
    names = (many("a.csv"), many("b.csv"))
    run("predict", *names, "-o", "out.csv")
    expected = (tmp_path / "out.csv").read_bytes()
    interrupt(*names, "-o", "out.csv", batch=7)
    fewer = run("predict", "a.csv", "-o", "out.csv", "--resume", check=1)
    assert "the rows of the input are not those that the interrupted run read" in fewer.stderr
    done = run("predict", "?.csv", "-o", "out.csv", "--resume")
    assert "out.csv: continues after 384 rows" in done.stderr
    assert (tmp_path / "out.csv").read_bytes() == expected


@pytest.mark.parametrize("choice", [True, False])
def test_a_resumed_run_computes_with_kernels_if_the_interrupted_one_did(
    run, interrupt, model, many, monkeypatch, choice
) -> None:
    if why := kernels.why_unavailable(*kernels.PREDICTION):
        pytest.skip(why)
    monkeypatch.setattr(kernels, "WORTH_LOADING", 0 if choice else 10**9)
    interrupt(many(), "-o", "out.csv")
    monkeypatch.setattr(kernels, "WORTH_LOADING", 10**9 if choice else 0)
    used = []
    answer = Classifier.answer
    monkeypatch.setattr(
        Classifier,
        "answer",
        lambda model, texts, **options: (
            used.append(model._switch.compiled) or answer(model, texts, **options)
        ),
    )
    run("predict", "many.csv", "-o", "out.csv", "--resume")
    assert used == [choice] * 2


def test_only_the_rows_that_are_left_are_predicted(run, interrupt, model, many, monkeypatch) -> None:
    interrupt(many(), "-o", "out.csv")
    seen = []
    answer = Classifier.answer
    monkeypatch.setattr(
        Classifier,
        "answer",
        lambda model, texts, **options: seen.append(texts) or answer(model, texts, **options),
    )
    run("predict", "many.csv", "-o", "out.csv", "--resume")
    assert [len(texts) for texts in seen] == [BATCH, ROWS - 4 * BATCH]


def test_stdin_is_resumed_if_it_is_piped_in_again(run, interrupt, model, tmp_path) -> None:
    text = "".join(f"{WORDS[n % 4]} {n}\n" for n in range(ROWS))
    run("predict", "-", "-o", "whole.tsv", stdin=text)
    interrupt("-", "-o", "out.tsv", stdin=text)
    assert "continues after" in run("predict", "-", "-o", "out.tsv", "--resume", stdin=text).stderr
    assert (tmp_path / "out.tsv").read_bytes() == (tmp_path / "whole.tsv").read_bytes()


@pytest.mark.parametrize(
    ("arguments", "named"),
    [
        (["--proba"], "--proba"),
        (["--top-k", "2", "--familiarity"], "--top-k and --familiarity"),
        (["--safe-csv"], "--safe-csv"),
        (["--text-column", "id"], "--text-column"),
        (["-m", "several"], "the model"),
    ],
)
def test_other_options_and_another_model_are_refused(
    run, error, interrupt, make_bundle, multilabel_model, many, tmp_path, arguments, named
) -> None:
    bundle = make_bundle(multilabel=False)
    calibration = replace(bundle.calibration, familiarity=(0.0, 1.0, 1.0))
    replace(bundle, calibration=calibration).save(tmp_path / "model")
    interrupt(many(), "-o", "out.csv", "--quiet")
    before = [(tmp_path / name).read_bytes() for name in FILES]
    line = error("predict", "many.csv", "-o", "out.csv", "--resume", "--quiet", *arguments)
    assert line == (
        f"out.csv: the interrupted run had another value of {named}; repeat its command, or start over without --resume"
    )
    assert [(tmp_path / name).read_bytes() for name in FILES] == before


@pytest.mark.parametrize("change", ["other", "fewer", "more columns"])
def test_other_rows_are_refused(run, error, interrupt, model, many, tmp_path, change) -> None:
    interrupt(many(), "-o", "out.csv", "--quiet")
    path = tmp_path / "many.csv"
    lines = path.read_text().splitlines(keepends=True)
    if change == "other":
        many("many.csv", start=1)
    elif change == "fewer":
        path.write_text("".join(lines[: 1 + 2 * BATCH]))
    else:
        path.write_text("".join(line.replace("\n", ",x\n") for line in lines))
    line = error("predict", "many.csv", "-o", "out.csv", "--resume", "--quiet")
    assert line.startswith("out.csv: the rows of the input are not those that the interrupted run read; ")
    many()
    assert "continues after 192 rows" in run("predict", "many.csv", "-o", "out.csv", "--resume").stderr


def test_a_number_that_became_a_text_is_another_row(error, interrupt, model, tmp_path) -> None:
    row = '{"n": 1.0, "message": "parcel"}\n'
    (tmp_path / "a.jsonl").write_text(row * ROWS)
    interrupt("a.jsonl", "-o", "out.jsonl", "--quiet")
    (tmp_path / "a.jsonl").write_text(row.replace("1.0", '"1.0"') * ROWS)
    assert "the rows of the input are not those" in error(
        "predict", "a.jsonl", "-o", "out.jsonl", "--resume", "--quiet"
    )


def test_rows_after_those_that_are_done_may_be_corrected_or_added(
    run, interrupt, model, many, tmp_path
) -> None:
    path = tmp_path / many()
    whole = path.read_text() + "9999,parcel\n"
    path.write_text(path.read_text() + "torn\n")
    assert "many.csv, line 314: " in run("predict", "many.csv", "-o", "out.csv", check=1).stderr
    path.write_text(whole)
    assert "continues after 256 rows" in run("predict", "many.csv", "-o", "out.csv", "--resume").stderr
    run("predict", "many.csv", "-o", "anew.csv")
    assert (tmp_path / "out.csv").read_bytes() == (tmp_path / "anew.csv").read_bytes()


def test_without_resume_it_starts_anew_and_says_so(run, interrupt, model, many, tmp_path) -> None:
    interrupt(many(), "-o", "out.csv")
    note = "out.csv: 192 rows of an interrupted run are discarded (--resume continues)\n"
    assert note in run("predict", "many.csv", "-o", "out.csv", "--proba").stderr
    assert (tmp_path / "out.csv").read_text().splitlines()[0].endswith("p_login")
    assert list_outputs(tmp_path) == ["out.csv"]


def test_resume_without_a_saved_run_starts_anew_and_says_so(run, model, many, tmp_path) -> None:
    note = "out.csv: there is nothing to resume, so it starts with the first row\n"
    assert note in run("predict", many(), "-o", "out.csv", "--resume").stderr
    (tmp_path / ".out.csv.partial").write_bytes(b"of whom?")
    assert note in run("predict", "many.csv", "-o", "out.csv", "--resume").stderr
    assert list_outputs(tmp_path) == ["out.csv"]


@pytest.mark.long
@pytest.mark.parametrize("tail", [b'{"rows": 256, "dig', b"\0" * 99, b'{"rows": 256}\n', b"7\n", None])
def test_an_entry_cut_off_by_a_crash_does_not_count(run, interrupt, model, many, tmp_path, tail) -> None:
    run("predict", many(), "-o", "whole.csv")
    interrupt("many.csv", "-o", "out.csv")
    if tail is None:  # an entry that lacks its line end, to which the next one would be joined
        tail = (tmp_path / FILES[1]).read_bytes().splitlines()[-1]
    for name, torn in zip(FILES, (b"half a ro", tail), strict=True):
        with (tmp_path / name).open("ab") as file:
            file.write(torn)
    interrupt("many.csv", "-o", "out.csv", "--resume", batch=2)
    assert "continues after 256 rows" in run("predict", "many.csv", "-o", "out.csv", "--resume").stderr
    assert (tmp_path / "out.csv").read_bytes() == (tmp_path / "whole.csv").read_bytes()


def test_lost_rows_are_an_error(error, interrupt, model, many, tmp_path) -> None:
    interrupt(many(), "-o", "out.csv")
    size = json.loads((tmp_path / FILES[1]).read_text().splitlines()[-1])["bytes"]
    with (tmp_path / FILES[0]).open("r+b") as file:
        file.truncate(size - 1)
    line = error("predict", "many.csv", "-o", "out.csv", "--resume", "--quiet")
    assert line == "out.csv: .out.csv.partial beside it is cut off; start over without --resume"


def test_resume_needs_a_file(run, error, model, many) -> None:
    for arguments in ([], ["-o", "-"]):
        assert "--resume needs -o FILE" in run("predict", many(), "--resume", *arguments, check=2).stderr
    if sys.platform != "win32":
        line = error("predict", "many.csv", "--resume", "-o", "/dev/null")
        assert line == "/dev/null: is not a file, so nothing of it was saved; leave out --resume"
