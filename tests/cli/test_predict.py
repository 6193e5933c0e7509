"""`grutext predict`, to the letter."""

import gzip
import json

import pytest

MAILS = 'id,text,label\n007,"Parcel, please",NA\n008,,\n009,password,null\n'


@pytest.fixture
def mails(tmp_path):
    (tmp_path / "mails.csv").write_text(MAILS, encoding="utf-8")
    return "mails.csv"


def test_rows_and_columns_are_kept_and_two_are_added(run, model, tmp_path) -> None:
    (tmp_path / "mails.csv").write_text(
        'id,message\n007,"Parcel, please"\nNA,\n009,password\n', encoding="utf-8"
    )
    assert run("predict", "mails.csv").stdout == (
        "id,message,label,confidence\n"
        '007,"Parcel, please",delivery,0.909443\n'
        "NA,,billing,0.333333\n"
        "009,password,login,0.909443\n"
    )


def test_existing_columns_named_label_are_kept(run, model, mails) -> None:
    assert run("predict", mails).stdout == (
        "id,text,label,predicted_label,confidence\n"
        '007,"Parcel, please",NA,delivery,0.909443\n'
        "008,,,billing,0.333333\n"
        "009,password,null,login,0.909443\n"
    )


def test_proba_adds_a_column_for_each_label_and_top_k_a_list(run, model) -> None:
    text = "text\nparcel\n"
    assert run("predict", "-", "--format", "csv", "--proba", stdin=text).stdout == (
        "text,label,confidence,p_billing,p_delivery,p_login\nparcel,delivery,0.909443,0.045279,0.909443,0.045279\n"
    )
    assert run("predict", "-", "--format", "csv", "--top-k", 1, stdin=text).stdout == (
        'text,label,confidence,top\nparcel,delivery,0.909443,"[{""label"": ""delivery"", ""probability"": 0.909443}]"\n'
    )


def test_json_lines_keep_their_values(run, model) -> None:
    row = '{"n": 1.10, "text": "parcel", "tags": [null, true]}'
    out = run("predict", "-", "--format", "jsonl", "--top-k", 1, stdin=row + "\n").stdout
    assert out == row[:-1] + (
        ', "label": "delivery", "confidence": 0.909443, "top": [{"label": "delivery", "probability": 0.909443}]}\n'
    )


def test_lines_of_text_become_tsv(run, model, tmp_path) -> None:
    (tmp_path / "mails.txt").write_text("my parcel\n\nmy password\n", encoding="utf-8")
    assert run("predict", "mails.txt").stdout == (
        "text\tlabel\tconfidence\nmy parcel\tdelivery\t0.909443\n\tbilling\t0.333333\nmy password\tlogin\t0.909443\n"
    )


def test_several_labels_are_a_json_list(run, multilabel_model) -> None:
    arguments = ("predict", "-", "-m", "several", "--format")
    assert run(*arguments, "csv", stdin="text\ninvoice parcel\nhello\n").stdout == (
        'text,label,confidence\ninvoice parcel,"[""billing"", ""delivery""]",0.754234\nhello,[],0.268941\n'
    )
    out = run(*arguments, "jsonl", stdin='{"text": "invoice"}').stdout
    assert json.loads(out) == {"text": "invoice", "label": ["billing"], "confidence": 0.880797}


def test_the_output_has_the_format_of_its_name_and_is_counted_on_stderr(run, model, mails, tmp_path) -> None:
    result = run("predict", mails, "-o", "out.jsonl.gz")
    assert result.stdout == ""
    assert result.stderr.splitlines()[-1] == "out.jsonl.gz: 3 rows"
    lines = gzip.decompress((tmp_path / "out.jsonl.gz").read_bytes()).decode().splitlines()
    assert json.loads(lines[0])["predicted_label"] == "delivery"
    assert run("predict", mails, "-o", "out.tsv", "--quiet").stderr == ""
    assert (tmp_path / "out.tsv").read_text(encoding="utf-8").startswith("id\ttext\tlabel\tpredicted_label")


@pytest.mark.long
def test_more_rows_than_a_batch_keep_their_order(run, model, tmp_path) -> None:
    words = ("parcel", "invoice", "password")
    (tmp_path / "many.txt").write_text(
        "".join(f"{words[n % 3]} {n}\n" for n in range(2500)), encoding="utf-8"
    )
    rows = [line.split("\t") for line in run("predict", "many.txt").stdout.splitlines()[1:]]
    assert [row[0] for row in rows] == [f"{words[n % 3]} {n}" for n in range(2500)]
    assert [row[1] for row in rows[-3:]] == ["billing", "login", "delivery"]


def test_a_guessed_column_is_noted_on_stderr(run, model, tmp_path) -> None:
    (tmp_path / "mails.csv").write_text("id,body\n1,parcel\n", encoding="utf-8")
    result = run("predict", "mails.csv")
    assert 'texts are in column "body" (guessed' in result.stderr.splitlines()[0]
    assert result.stdout == "id,body,label,confidence\n1,parcel,delivery,0.909443\n"
    assert run("predict", "mails.csv", "--quiet").stderr == ""
    assert (
        run("predict", "mails.csv", "--text-column", "id").stdout.splitlines()[1]
        == "1,parcel,billing,0.333333"
    )


@pytest.mark.parametrize(
    ("name", "content", "line"),
    [
        ("gone.csv", None, "gone.csv: there is no such file or folder"),
        ("a.csv", b"", "a.csv: is empty"),
        ("a.csv", b"id,number\n1,2\n", "a.csv: "),
        ("a.csv", b"text\nparcel\n\xff\n", "a.csv, line 3: byte 0xff is not"),
        (
            "a.csv",
            b"id,text\n1,a\n2\n",
            "a.csv, line 3: the row has 1 cell, but the first line names 2 columns",
        ),
        ("a.csv", b'text\n"parcel\n', "a.csv, line 2: a quoted cell"),
        ("a.jsonl", b'{"text": "a"}\n[1]\n', "a.jsonl, line 2: is a list, not an object"),
        ("a.csv.gz", gzip.compress(b"text\nparcel\n" * 9, mtime=0)[:-4], "a.csv.gz"),
    ],
)
def test_bad_input_is_one_line_and_the_output_stays_as_it_was(
    error, model, tmp_path, name, content, line
) -> None:
    if content is not None:
        (tmp_path / name).write_bytes(content)
    (tmp_path / "out.csv").write_text("old", encoding="utf-8")
    before = sorted(path.name for path in tmp_path.iterdir())
    assert error("predict", name, "-o", "out.csv").startswith(line)
    assert (tmp_path / "out.csv").read_text(encoding="utf-8") == "old"
    assert sorted(path.name for path in tmp_path.iterdir()) == before


def test_a_missing_text_column_lists_the_columns_and_suggests_the_nearest(error, model, mails) -> None:
    line = error("predict", mails, "--text-column", "texd")
    assert 'there is no column "texd"' in line
    assert 'id you mean "text"?' in line
    assert "The columns are: id, text, label" in line


def test_an_error_after_the_first_batch_writes_no_file(error, model, tmp_path) -> None:
    (tmp_path / "a.csv").write_bytes(b"message\n" + b"parcel\n" * 3000 + b"\xff\n")
    assert error("predict", "a.csv", "-o", "out.csv").startswith("a.csv, line 3002: ")
    assert not (tmp_path / "out.csv").exists()


def test_empty_texts_are_labelled_and_counted(run, model, tmp_path) -> None:
    (tmp_path / "gaps.csv").write_text("id,text\n1,\n2,parcel\n3,  \n", encoding="utf-8")
    result = run("predict", "gaps.csv")
    assert result.stdout.count("\n") == 4
    assert "gaps.csv: 2 texts are empty (labelled nevertheless)\n" in result.stderr
    assert "empty" not in run("predict", "gaps.csv", "--quiet").stderr


@pytest.mark.parametrize("link", [None, "symlink_to", "hardlink_to"])
@pytest.mark.parametrize("options", [[], ["--resume"]])
def test_the_input_is_never_replaced_under_any_name(error, model, mails, tmp_path, link, options) -> None:
    name = mails
    if link:
        name = "other.csv"
        getattr(tmp_path / name, link)(tmp_path / mails)
    for output in (name, f"./{name}", tmp_path / name):
        line = error("predict", mails, "-o", output, *options)
        assert line == f"{output}: is the input, which is not replaced; name another file to write"
    assert (tmp_path / mails).read_text(encoding="utf-8") == MAILS


def test_an_output_that_is_there_already_is_replaced_by_that_of_another_input(
    run, model, mails, tmp_path
) -> None:
    (tmp_path / "out.csv").write_text(MAILS, encoding="utf-8")
    run("predict", mails, "-o", "out.csv")
    assert "predicted_label" in (tmp_path / "out.csv").read_text(encoding="utf-8")


def test_texts_of_several_columns_are_joined(run, model, tmp_path) -> None:
    (tmp_path / "posts.csv").write_text("title,body\nhello,my parcel\nan invoice,\n", encoding="utf-8")
    output = run("predict", "posts.csv", "--text-column", "title", "--text-column", "body").stdout
    assert [line.split(",")[2] for line in output.splitlines()] == ["label", "delivery", "billing"]


def test_several_files_become_one_output(run, error, model, tmp_path) -> None:
    (tmp_path / "a.csv").write_text("id,text\n1,parcel\n", encoding="utf-8")
    (tmp_path / "b.csv").write_text("text;id\n;2\npassword £;3\n", encoding="cp1252")
    whole = "id,text,label,confidence\n1,parcel,delivery,0.909443\n2,,billing,0.333333\n3,password £,login,0.909443\n"
    for names in (("a.csv", "b.csv"), ("?.csv",)):
        result = run("predict", *names, "-o", "out.txt.csv")
        assert (tmp_path / "out.txt.csv").read_text(encoding="utf-8") == whole
        assert (
            "b.csv: its encoding is not UTF-8 but cp1252 (found; --encoding names another)\n" in result.stderr
        )
        assert result.stderr.endswith(
            f"{' '.join(names)}: 1 text is empty (labelled nevertheless)\nout.txt.csv: 3 rows\n"
        )
    assert run("predict", "?.csv").stdout == whole
    assert error("predict", "a.csv", "b.csv", "-o", "b.csv") == (
        "b.csv: is the input, which is not replaced; name another file to write"
    )
    assert error("predict", "c*.csv") == "c*.csv: no file matches this pattern"
    run("predict", check=2)
