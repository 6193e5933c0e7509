"""`grutext classify --stream`: answers while the text is still coming."""

import gzip
import json
import os
import signal
import subprocess
import sys
import time
from dataclasses import replace

import pytest

from grutext.errors import DataError
from grutext.model.bundle import Bundle


@pytest.fixture
def early_model(model):
    """The model, with a stop rule."""
    bundle = Bundle.load(model)
    replace(bundle, early=[{"gap": 0.02, "threshold": 0.9, "words_read": 0.5}]).save(model, overwrite=True)
    return model


def answers(text):
    return [json.loads(line) for line in text.splitlines()]


def test_each_line_is_a_text(run, model):
    found = answers(
        run("classify", "--stream", "--lines", stdin="my invoice\r\n\nmy password 天".encode()).stdout
    )
    ends = [(one["source"], one["label"]) for one in found if one["is_decided"]]
    assert ends == [("-:1", "billing"), ("-:2", "billing"), ("-:3", "login")]
    assert found[0]["confidence"] == 0.909443


def test_the_whole_stream_is_a_text_whose_last_answer_is_that_of_classify(run, model, tmp_path):
    text = "an invoice, an invoice,\n and a password"
    (tmp_path / "a.txt").write_text(text, encoding="utf-8")
    *_, last = answers(run("classify", "--stream", "a.txt").stdout)
    _, label, confidence = run("classify", "a.txt").stdout.split("\t")
    assert last == {
        "source": "a.txt",
        "label": label,
        "is_decided": True,
        "has_ended": True,
        "confidence": pytest.approx(float(confidence), abs=1e-5),
    }


def test_a_program_sees_whether_an_answer_was_decided_early_or_the_text_is_over(run, early_model, tmp_path):
    """Pieces are read whole, so a text that is decided early has 64 KiB or more here."""
    text = "an invoice came " * 5000
    (tmp_path / "a.txt").write_text(text, encoding="utf-8")
    found = answers(run("classify", "--stream", "--early", 0.02, "a.txt").stdout)
    assert [(one["is_decided"], one["has_ended"]) for one in found] == [(True, False), (True, True)]
    found = answers(run("classify", "--stream", "--lines", stdin="my invoice\n" + text).stdout)
    assert [(one["source"], one["is_decided"], one["has_ended"]) for one in found] == [
        ("-:1", True, True),
        ("-:2", False, False),
        ("-:2", True, True),
    ]


def start(model, *options):
    command = [sys.executable, "-m", "grutext", "classify", "--stream", "-m", str(model), *options]
    pipes = {"stdin": subprocess.PIPE, "stdout": subprocess.PIPE, "stderr": subprocess.PIPE}
    return subprocess.Popen(command, bufsize=0, **pipes)


def test_a_blank_stream_is_an_error_as_a_blank_file_is(run, model):
    result = run("classify", "--stream", "-", stdin=b" \n", check=1)
    assert result.stdout == ""
    assert "is blank" in result.stderr


@pytest.mark.long
def test_an_answer_is_printed_before_the_text_is_over_and_when_it_is_decided(early_model):
    process = start(early_model, "--early", "0.02")
    process.stdin.write(b"hello ")
    seen = [json.loads(process.stdout.readline())]
    for piece in (b"to you\nan invo", b"ice came "):
        process.stdin.write(piece)
    seen.append(json.loads(process.stdout.readline()))
    assert [one["is_decided"] for one in seen] == [False, True]
    assert seen[1]["label"] == "billing"
    rest, errors = process.communicate(timeout=60)
    assert (process.returncode, errors) == (0, b"")
    assert answers(rest.decode())[-1]["is_decided"]


@pytest.mark.long
@pytest.mark.skipif(os.name == "nt", reason="Windows has no SIGINT for another process")
def test_an_interrupt_ends_it_without_a_traceback(model):
    process = start(model, "--lines")
    process.stdin.write(b"an invoice\n")
    assert json.loads(process.stdout.readline())["label"] == "billing"
    process.send_signal(signal.SIGINT)
    _, errors = process.communicate(timeout=60)
    assert process.returncode == 130
    assert b"Traceback" not in errors


@pytest.mark.long
def test_no_more_is_read_than_is_answered(model):
    process = start(model, "--lines")
    os.set_blocking(process.stdin.fileno(), False)
    sent = stalled = 0
    while stalled < 20 and sent < 40_000_000:  # nobody reads the answers
        written = process.stdin.write(b"an invoice\n" * 1000)  # None where the pipe is full
        sent, stalled = sent + (written or 0), 0 if written else stalled + 1
        time.sleep(0 if written else 0.1)
    assert stalled == 20
    assert sent < 1_000_000
    process.kill()
    process.communicate()


def test_a_compressed_file_is_unpacked(run, model, tmp_path):
    whole = gzip.compress(b"an invoice\n")
    (tmp_path / "a.txt.gz").write_bytes(whole)
    (tmp_path / "cut.txt.gz").write_bytes(whole[:-9])
    assert answers(run("classify", "--stream", "--lines", "a.txt.gz").stdout)[-1]["label"] == "billing"
    result = run("classify", "--stream", "cut.txt.gz", check=1)
    assert "the .gz file is cut off here" in result.stderr


@pytest.mark.parametrize("start", [b"", b"\xef\xbb\xbf"])
def test_lines_are_those_of_classify_without_stream(run, model, start):
    content = start + b"invoice\rparcel\r\n\npassword\n" + b"invoice\nparcel\n" * 300 + b"parcel"
    expected = [line.split("\t") for line in run("classify", "--lines", stdin=content).stdout.splitlines()]
    found = answers(run("classify", "--stream", "--lines", stdin=content).stdout)
    ends = [[one["source"], one["label"], f"{one['confidence']:.6f}"] for one in found if one["is_decided"]]
    assert ends == expected
    assert len(ends) == 605


def test_bytes_that_are_no_utf8_are_read_as_replacement_characters_with_a_note(run, model):
    result = run("classify", "--stream", "--lines", stdin=b"invoice\n\xe9 invoice\nparcel \xe9\n\xe2\x82")
    labels = [one["label"] for one in answers(result.stdout) if one["is_decided"]]
    assert labels == ["billing", "billing", "delivery", "billing"]
    assert result.stderr == "standard input: bytes that are not UTF-8 are read as U+FFFD\n"


def test_utf16_is_refused_with_the_command_that_converts_it(run, model):
    result = run("classify", "--stream", stdin="an invoice".encode("utf-16"), check=1)
    assert result.stdout == ""
    assert "iconv -f utf-16 -t utf-8" in result.stderr


def test_a_table_is_no_text(run, model, tmp_path):
    (tmp_path / "a.csv").write_text("text\nan invoice\n", encoding="utf-8")
    assert "looks like a table" in run("classify", "--stream", "a.csv", check=1).stderr
    assert run("classify", "--stream", "--lines", "a.csv").stdout


def test_a_closed_stdin_is_an_error_of_one_line(model, monkeypatch):
    from grutext.cli.stream import classify_stream

    monkeypatch.setattr("sys.stdin", None)
    with pytest.raises(DataError, match="is closed"):
        classify_stream(model, "-", None, lines=False)


@pytest.mark.parametrize(
    ("options", "said"),
    [
        (("--stream", "--top-k", 2), "has no option but"),
        (("--stream", "--threads", 1), "has no option but"),
        (("--early", 0.02), "--early is for --stream"),
        (("--early", 0), "--early is for --stream"),
        (("--stream", "--early", 0.02), "--preset streaming"),
        (("--stream", "nothing.txt"), "nothing.txt"),
    ],
)
def test_what_it_cannot_do_is_refused_in_one_line(run, model, options, said):
    result = run(
        "classify", *options, stdin="text", check=2 if "for --stream" in said or "option" in said else 1
    )
    assert said in " ".join(result.stderr.split())


def test_predict_reads_each_text_until_its_answer_is_decided(run, early_model, tmp_path):
    (tmp_path / "t.txt").write_text("an invoice came " + "password " * 9 + "\npassword\n", encoding="utf-8")
    whole = run("predict", "t.txt").stdout.splitlines()[1:]
    early = run("predict", "t.txt", "--early", 0.02).stdout.splitlines()[1:]
    assert [row.split("\t")[1] for row in whole] == ["login", "login"]
    assert [row.split("\t")[1] for row in early] == ["billing", "login"]
    assert [int(row.split("\t")[3]) for row in early] == [2, 1]


def test_predict_says_before_it_writes_that_it_cannot_answer_early(run, early_model, tmp_path):
    (tmp_path / "t.txt").write_text("an invoice came\n", encoding="utf-8")
    for options, code, said in (
        (("--early", 0.5), 1, "it offers 0.02"),
        (("--early", 0.02, "--familiarity"), 2, "The familiarity is that of whole texts"),
    ):
        result = run("predict", "t.txt", "-o", "out.tsv", *options, check=code)
        assert said in " ".join(result.stderr.split())
    assert not (tmp_path / "out.tsv").exists()
