"""`grutext classify`, to the letter."""

import gzip
import json
from dataclasses import replace

import pytest


@pytest.fixture
def letters(tmp_path):
    (tmp_path / "a.txt").write_text("Where is my parcel?\nI am waiting.", encoding="utf-8")
    (tmp_path / "b.txt").write_text("My password!", encoding="utf-8")
    return "a.txt", "b.txt"


def test_each_file_is_a_line_of_source_label_confidence(run, model, letters) -> None:
    assert run("classify", *letters).stdout == "a.txt\tdelivery\t0.909443\nb.txt\tlogin\t0.909443\n"


def test_stdin_is_read_where_no_file_is_named_and_for_a_hyphen(run, model, letters) -> None:
    assert run("classify", stdin="an invoice").stdout == "-\tbilling\t0.909443\n"
    both = run("classify", "b.txt", "-", stdin="an invoice").stdout
    assert both == "b.txt\tlogin\t0.909443\n-\tbilling\t0.909443\n"


def test_lines_are_texts_of_their_own_also_empty_ones(run, model) -> None:
    text = "invoice\r\n\npassword \u2028 password\n"
    assert run("classify", "--lines", stdin=text.encode()).stdout == (
        "-:1\tbilling\t0.909443\n-:2\tbilling\t0.333333\n-:3\tlogin\t0.909443\n"
    )


def test_top_k_adds_the_likeliest_labels_as_json(run, model) -> None:
    row = run("classify", "--top-k", 2, stdin="parcel").stdout
    assert row == (
        '-\tdelivery\t0.909443\t[{"label": "delivery", "probability": 0.909443}, '
        '{"label": "billing", "probability": 0.045279}]\n'
    )


def test_json_has_the_keys_that_others_rely_on(run, model, letters) -> None:
    answers = json.loads(run("classify", "--json", *letters).stdout)
    assert answers[1] == {
        "source": "b.txt",
        "label": "login",
        "confidence": 0.909443,
        "top": [
            {"label": "login", "probability": 0.909443},
            {"label": "billing", "probability": 0.045279},
            {"label": "delivery", "probability": 0.045279},
        ],
    }
    assert len(json.loads(run("classify", "--json", "--top-k", 1, *letters).stdout)[0]["top"]) == 1


def test_the_confidence_is_that_of_the_decided_label(run, make_bundle, tmp_path) -> None:
    bundle = make_bundle(multilabel=False)
    thresholds = replace(bundle.calibration, thresholds=(1.0, 1.0, 0.01))
    replace(bundle, calibration=thresholds).save(tmp_path / "model")
    assert run("classify", stdin="parcel").stdout == "-\tlogin\t0.045279\n"
    top = json.loads(run("classify", "--json", stdin="parcel").stdout)[0]["top"]
    assert top[0] == {"label": "delivery", "probability": 0.909443}


def test_several_labels_are_a_json_list(run, multilabel_model) -> None:
    arguments = ("classify", "-m", multilabel_model, "--lines")
    assert run(*arguments, stdin="invoice and parcel\nhello").stdout == (
        # two words share the length of the text's vector: 3 / sqrt(2) - 1 in log-odds
        '-:1\t["billing", "delivery"]\t0.754234\n-:2\t[]\t0.268941\n'
    )
    answers = json.loads(run(*arguments, "--json", stdin="invoice\nhello").stdout)
    assert [answer["label"] for answer in answers] == [["billing"], []]


def test_a_gzip_file_a_byte_order_mark_and_another_encoding_are_read(run, model, tmp_path) -> None:
    (tmp_path / "p.txt.gz").write_bytes(gzip.compress(b"parcel"))
    (tmp_path / "bom.txt").write_bytes(b"\xef\xbb\xbfinvoice")
    (tmp_path / "old.txt").write_bytes("invoice für mich".encode("latin-1"))
    assert run("classify", "p.txt.gz", "bom.txt").stdout == (
        "p.txt.gz\tdelivery\t0.909443\nbom.txt\tbilling\t0.909443\n"
    )
    found = run("classify", "old.txt")
    assert found.stdout == "old.txt\tbilling\t0.909443\n"
    assert found.stderr == "old.txt: its encoding is not UTF-8 but cp1252 (found; --encoding names another)\n"
    assert run("classify", "--lines", "old.txt").stderr == found.stderr
    assert run("classify", "old.txt", "--encoding", "latin-1").stderr == ""
    assert run("classify", "old.txt", "--encoding", "latin-1").stdout == "old.txt\tbilling\t0.909443\n"


def test_a_person_at_a_terminal_sees_bars(run, model, letters, monkeypatch) -> None:
    monkeypatch.setattr("grutext.cli.classify._is_terminal", lambda stream: stream == "stdout")
    assert run("classify", "a.txt").stdout == "a.txt  delivery  0.9094  ██████████████████░░\n"
    assert run("classify", "a.txt", "--top-k", 2).stdout == (
        "a.txt  delivery  0.9094  ██████████████████░░\n"
        "       delivery  0.9094  ██████████████████░░\n"
        "       billing   0.0453  █░░░░░░░░░░░░░░░░░░░\n"
    )


def test_a_person_without_a_file_is_told_what_to_do(run, model, monkeypatch) -> None:
    monkeypatch.setattr("grutext.cli.classify._is_terminal", lambda stream: True)
    assert "Name a FILE, or pipe a text into the command." in run("classify", check=2).stderr


def test_a_name_with_line_breaks_cannot_look_like_more_rows(run, model, tmp_path) -> None:
    (tmp_path / "x\ty\n\x1b[31m.txt").write_text("parcel", encoding="utf-8")
    assert run("classify", "x\ty\n\x1b[31m.txt").stdout == "x\\ty\\n\\x1b[31m.txt\tdelivery\t0.909443\n"


@pytest.mark.parametrize(
    ("name", "content", "start"),
    [
        ("no.txt", None, "no.txt: there is no such file"),
        (
            "a.txt.gz",
            gzip.compress(b"parcel " * 99, mtime=0)[:-9],
            "a.txt.gz, line 1: the .gz file is cut off",
        ),
        ("b.txt.gz", b"parcel", "b.txt.gz: is not compressed with gzip"),
        (
            "c.txt",
            b"one\ntwo \xff\n",
            "c.txt, line 2: byte 0xff is not",
        ),
    ],
)
def test_a_file_that_cannot_be_read_is_named(error, model, tmp_path, name, content, start) -> None:
    if content is not None:
        (tmp_path / name).write_bytes(content)
    assert error("classify", name).startswith(start)


def test_a_folder_and_an_unknown_encoding_and_no_line_are_errors(error, model, letters, tmp_path) -> None:
    (tmp_path / "mails").mkdir()
    assert error("classify", "mails").startswith("mails: is a folder")
    assert error("classify", "a.txt", "--encoding", "klingon").startswith(
        'a.txt: there is no encoding "klingon"'
    )
    assert error("classify", "--lines", stdin="") == "-: there is no line to classify"


def test_a_file_called_sample_is_a_file_like_any_other(run, model, tmp_path) -> None:
    (tmp_path / "sample").write_text("parcel", encoding="utf-8")
    assert run("classify", "sample").stdout == "sample\tdelivery\t0.909443\n"


@pytest.mark.parametrize("text", ["", " \n"])
def test_an_empty_text_gets_an_answer_all_the_same(run, model, tmp_path, text) -> None:
    (tmp_path / "empty.txt").write_text(text, encoding="utf-8")
    assert run("classify", "empty.txt").stdout == "empty.txt\tbilling\t0.333333\n"


@pytest.mark.parametrize("arguments", [[], ["-"], ["a.txt", "-"]])
@pytest.mark.parametrize("text", ["", " \n\t"])
def test_a_blank_stdin_is_an_error(error, model, letters, arguments, text) -> None:
    assert error("classify", *arguments, stdin=text) == (
        "standard input: holds no text; pipe one in: echo 'where is my parcel' | grutext classify -"
    )


@pytest.mark.parametrize(
    "name", ["new.csv", "NEW.TSV", "new.jsonl", "new.parquet", "new.csv.gz", "new mails.csv"]
)
def test_a_table_is_refused_unless_its_lines_are_texts(run, error, model, tmp_path, name) -> None:
    table = b"id,message\n1,parcel\n"
    (tmp_path / name).write_bytes(gzip.compress(table) if name.endswith(".gz") else table)
    quoted = f"'{name}'" if " " in name else name
    assert error("classify", name) == (
        f"{name}: looks like a table; did you mean: grutext predict {quoted}? (--lines treats each line as a text)"
    )
    assert run("classify", "--lines", name).stdout.splitlines()[1] == f"{name}:2\tdelivery\t0.909443"
    assert run("classify", "-", stdin=table).stdout == "-\tdelivery\t0.909443\n"


@pytest.mark.parametrize("name", ["letter, with commas.txt", "csv", "a.csv.txt", "letter"])
def test_a_letter_with_commas_is_a_text(run, model, tmp_path, name) -> None:
    (tmp_path / name).write_text("Dear all,\nparcel, parcel, parcel\n", encoding="utf-8")
    assert run("classify", name).stdout == f"{name}\tdelivery\t0.909443\n"


@pytest.mark.parametrize(
    ("name", "command"),
    [
        ("where is my card", "echo 'where is my card' | grutext classify -"),
        ("refund", "echo refund | grutext classify -"),
        ("Late. I'm waiting", "echo 'Late. I'\"'\"'m waiting' | grutext classify -"),
        ("card " * 200, f"echo '{('card ' * 12)[:-1]}…' | grutext classify -"),
    ],
)  # fmt: skip
def test_a_text_in_place_of_a_file_name_is_pointed_to_stdin(error, model, name, command) -> None:
    line = error("classify", name)
    assert line.endswith(f"; a text goes through stdin: {command}")
    assert "there is no such file" in line or "the name is too long" in line


@pytest.mark.parametrize("name", ["gone.txt", "letters/gone.txt"])
def test_a_missing_file_is_not_taken_for_a_text(error, model, name) -> None:
    assert error("classify", name) == f"{name}: there is no such file or folder"


def test_a_model_that_is_missing_or_damaged_is_named(error, model, letters) -> None:
    assert "the model folder nowhere does not exist" in error("classify", "a.txt", "-m", "nowhere")
    (model / "weights.safetensors").write_bytes(b"half")
    assert "model/weights.safetensors is damaged" in error("classify", "a.txt")


@pytest.mark.long
@pytest.mark.parametrize("lines", [[], ["--lines"]])
def test_a_document_is_no_longer_than_the_limit(run, model, tmp_path, lines) -> None:
    (tmp_path / "long.txt").write_bytes((b"a" * 2**20 + b"\n") * 16 if not lines else b"a" * (2**24 + 1))
    result = run("classify", *lines, "long.txt", check=1)
    place = "long.txt, line 1" if lines else "long.txt"
    assert result.stdout == ""
    assert result.stderr == f"grutext: error: {place}: is longer than 16,777,216 characters; split it\n"


def test_explain_shows_the_logit_the_marked_text_and_the_strongest_words(run, model) -> None:
    # The margins 3, 0, 0 less their mean; the same without the word, and so all its doing.
    assert run("classify", "--explain", stdin="my\n\x1b[ parcel!").stdout == (
        "-\tdelivery\t0.909443\n"
        "  delivery: logit +2.000 = bias +0.000, words +2.000 (GRU 0%, linear 100%)\n\n"
        "  my\n  \\x1b[ [++++parcel]!\n\n"
        "  [+word] speaks for the label, [-word] against it; more signs, more weight\n\n"
        "  word    contribution  left out\n"
        "  parcel        +2.000    -2.000\n"
        "  my            +0.000    +0.000\n"
        "  \\x1b          +0.000    +0.000\n"
        "  [             +0.000    +0.000\n"
        "  !             +0.000    +0.000\n\n"
    )


def test_explain_says_that_a_text_is_empty_and_cuts_what_is_too_long_to_read(run, model) -> None:
    empty = run("classify", "--lines", "--explain", stdin="\n").stdout
    assert empty.endswith("  the text is empty: the bias alone decides\n\n")
    long = run("classify", "--explain", stdin="parcel " * 1000).stdout
    assert "… (3,004 more characters; --json has all words)" in long


def test_explain_as_json_has_the_keys_that_others_rely_on(run, model) -> None:
    (answer,) = json.loads(run("classify", "--explain", "--json", stdin="a parcel").stdout)
    assert list(answer) == ["source", "label", "confidence", "top", "explanation", "left_out"]
    assert answer["explanation"] == {
        "label": "delivery",
        "logit": pytest.approx(2.0),
        "bias": pytest.approx(0.0),
        "words": [
            {"text": "a", "start": 0, "end": 1, "contribution": 0.0},
            {"text": "parcel", "start": 2, "end": 8, "contribution": pytest.approx(2.0)},
        ],
    }
    assert answer["left_out"][0] == {"text": "parcel", "start": 2, "end": 8, "change": pytest.approx(-2.0)}


def test_on_a_terminal_explain_shades_words(run, model, monkeypatch) -> None:
    monkeypatch.setattr("grutext.cli.classify._is_terminal", lambda _: True)
    assert (
        "\x1b[48;5;25mparcel\x1b[0m" in run("classify", "--explain", "-", stdin="a parcel", color=True).stdout
    )
    monkeypatch.setenv("NO_COLOR", "1")
    assert "[++++parcel]" in run("classify", "--explain", "-", stdin="a parcel").stdout


def test_another_label_than_the_answers_is_explained(run, error, model, tmp_path) -> None:
    (answer,) = json.loads(run("classify", "--explain-label", "login", "--json", stdin="a parcel").stdout)
    assert answer["label"] == "delivery"
    assert answer["explanation"]["label"] == "login"
    assert answer["explanation"]["logit"] == pytest.approx(-1.0)
    (tmp_path / "a.txt").write_text("parcel", encoding="utf-8")
    assert error("classify", "a.txt", "--explain-label", "lo\ngin") == (
        'the model has no label "lo gin", did you mean "login"? Its labels are: billing, delivery, login'
    )


def test_columns_are_aligned_where_characters_are_wide(run, model, tmp_path, monkeypatch) -> None:
    rows = run("classify", "--explain", stdin="我 parcel").stdout.splitlines()
    assert rows[-3:-1] == ["  parcel        +2.000    -2.000", "  我            +0.000    +0.000"]
    monkeypatch.setattr("grutext.cli.classify._is_terminal", lambda stream: stream == "stdout")
    for name in ("包裹.txt", "b.txt"):
        (tmp_path / name).write_text("parcel", encoding="utf-8")
    wide, narrow = run("classify", "包裹.txt", "b.txt").stdout.splitlines()
    assert wide.startswith("包裹.txt  delivery  0.9094")
    assert narrow.startswith("b.txt     delivery  0.9094")
