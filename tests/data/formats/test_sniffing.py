"""Which dialect a file of delimited cells is read in, and which rows are doubted."""

import pytest

from grutext.data import Dialect, ReadOptions, open_writer, read_dataset, read_rows
from grutext.errors import DataError

TEXTS = [
    "my parcel has not come, where is it",
    "the bill is wrong",
    "I cannot log in; please help",
    "a fee | again",
    "the van was late",
    "no login, no help",
]
LABELS = ["parcels", "money", "login", "money", "parcels", "login"]


def build(delimiter: str, end: str = "\n", quote: str = '"', before: str = "") -> str:
    """Return a table of the texts and labels in which cells with a delimiter are quoted."""
    rows = [f"text{delimiter}kind"]
    for text, label in zip(TEXTS, LABELS, strict=True):
        rows.append(
            f"{quote}{text}{quote}{delimiter}{label}" if delimiter in text else f"{text}{delimiter}{label}"
        )
    return before + end.join([*rows, ""])


def read(name: str, **options):
    return read_dataset(
        name, ReadOptions(text_column="text", label_column="kind", dialect=Dialect(**options))
    )


def pairs(dataset):
    return [(example.text, example.labels[0]) for example in dataset.examples]


ALL = list(zip(TEXTS, LABELS, strict=True))


@pytest.mark.parametrize("suffix", ["csv", "tsv"])
@pytest.mark.parametrize("end", ["\n", "\r\n", "\r"])
@pytest.mark.parametrize(
    ("delimiter", "name"), [(",", "commas"), (";", "semicolons"), ("\t", "tabs"), ("|", "vertical bars")]
)
def test_the_delimiter_is_found_and_told_if_it_is_not_the_usual_one(write, suffix, end, delimiter, name):
    dataset = read(write(f"a.{suffix}", build(delimiter, end)))
    assert pairs(dataset) == ALL
    assert dataset.dialect is not None
    assert dataset.dialect.delimiter == delimiter
    usual = "," if suffix == "csv" else "\t"
    told = f"a.{suffix}: cells are separated by {name} (found; --delimiter names another)"
    assert dataset.notes == ([] if delimiter == usual else [told])


@pytest.mark.long
def test_the_delimiter_is_found_in_rows_far_down_a_file(write):
    rows = "".join(f"{number};a text, with a comma;{'xy'[number % 2]}\n" for number in range(5000))
    dataset = read_dataset(write("a.csv", "Nr;Text;Kategorie\n" + rows))
    assert len(dataset.examples) == 5000
    assert dataset.examples[-1].text == "a text, with a comma"


@pytest.mark.parametrize("first", ["sep=;\r\n", "SEP=;\n", '"sep=;"\n', "\ufeffsep=;\r\n"])
def test_the_line_of_excel_that_names_the_delimiter_is_no_row(write, first):
    dataset = read(write("a.csv", build(";", before=first)))
    assert pairs(dataset) == ALL
    assert dataset.examples[0].row == 3
    assert dataset.notes == ["a.csv: cells are separated by semicolons, as its first line says (sep=)"]


def test_the_line_of_excel_may_name_any_character(write):
    assert pairs(read(write("a.csv", build("~", before="sep=~\n")))) == ALL


def test_a_delimiter_that_is_named_is_not_looked_for(write):
    assert pairs(read(write("a.csv", build("^")), delimiter="^")) == ALL
    with read_rows(
        write("b.csv", "text;a,b\none;x,y\n"), ReadOptions(text_column="b", dialect=Dialect(delimiter=","))
    ) as reader:
        assert reader.columns == ("text;a", "b")


def test_a_text_may_be_full_of_other_delimiters(write):
    rows = "".join(f'"a; b; c {number} | d","{"xy"[number % 2]}"\n' for number in range(20))
    dataset = read_dataset(write("a.csv", "text,label\n" + rows))
    assert dataset.examples[3].text == "a; b; c 3 | d"
    assert not any("separated" in note for note in dataset.notes)


def test_two_delimiters_that_fit_are_an_error_that_names_both(write, problem):
    name = write("a.csv", "nr;text, short;kind\n1;good, really;x\n2;bad, really;y\n")
    assert problem(name) == (
        "a.csv: it is not clear what separates its cells: commas (2 columns) and semicolons (3 columns) fit; "
        "name it: --delimiter"
    )
    assert len(read_dataset(name, ReadOptions(dialect=Dialect(delimiter=";"))).examples) == 2


def test_blanks_after_delimiters_are_left_out_and_told(write):
    content = 'text, kind\nthe bill is wrong, money\n"late, again", parcels\nno, "parcels"\n'
    dataset = read(write("a.csv", content))
    assert pairs(dataset) == [("the bill is wrong", "money"), ("late, again", "parcels"), ("no", "parcels")]
    assert dataset.notes == ["a.csv: blanks after delimiters are left out"]
    content = 'kind, text\nmoney, the bill is wrong\nparcels, "late, again"\nparcels, no\n'
    assert pairs(read(write("b.csv", content)))[1] == ("late, again", "parcels")


def test_blanks_after_some_delimiters_are_part_of_the_cells(write):
    dataset = read(write("a.csv", "kind,text\nmoney, the bill\nparcels,late\n"))
    assert pairs(dataset) == [(" the bill", "money"), ("late", "parcels")]


STRAY = {
    "label last": lambda d: [f"text{d}kind"] + [f"{text}{d}{label}" for text, label in ALL_SIMPLE],
    "label first": lambda d: [f"kind{d}text"] + [f"{label}{d}{text}" for text, label in ALL_SIMPLE],
    "numbered": lambda d: [f"id{d}text{d}kind"] + [f"{n}{d}{t}{d}{k}" for n, (t, k) in enumerate(ALL_SIMPLE)],
}
ALL_SIMPLE = [(f"message {number} of a customer", LABELS[number % 6]) for number in range(60)]


def spoil(lines: list[str], first: int, last: int) -> list[str]:
    """Put a quote before the text of one line, and one behind the text of another."""
    opened = lines[first].replace("message", '"message')
    closed = lines[last].replace("customer", 'customer"')
    return [*lines[:first], opened, *lines[first + 1 : last], closed, *lines[last + 1 :]]


@pytest.mark.parametrize("last", [12, 13, 40, 60])
@pytest.mark.parametrize("shape", STRAY)
def test_stray_quotes_in_tsv_join_no_rows(write, shape, last):
    dataset = read(write("a.tsv", "\n".join(spoil(STRAY[shape]("\t"), 11, last)) + "\n"))
    assert len(dataset.examples) == 60
    assert dataset.examples[10].text == '"message 10 of a customer'
    assert dataset.notes == ["a.tsv: quotes are characters like any others (--quotes reads cells in quotes)"]
    assert dataset.dialect == Dialect("\t", quotes=False, header=True, skip_blanks=False)


@pytest.mark.parametrize("last", [12, 13, 40, 60])
@pytest.mark.parametrize("delimiter", [",", ";", "|"])
@pytest.mark.parametrize("shape", STRAY)
def test_stray_quotes_in_csv_are_refused_with_their_lines(write, shape, delimiter, last):
    name = write("a.csv", "\n".join(spoil(STRAY[shape](delimiter), 11, last)) + "\n")
    with pytest.raises(DataError) as caught:
        read(name)
    assert str(caught.value) == (
        f"a.csv, line 12: the row that starts here runs on to line {last + 1} in a quoted cell, and {last - 10} of these "
        "lines look like rows of their own; close the quote, or --no-quotes reads quotes as characters like any others, "
        "or --quotes reads the row as it is"
    )
    assert len(read(name, quotes=False).examples) == 60
    assert len(read(name, quotes=True).examples) == 60 - (last - 11)


@pytest.mark.long
def test_a_stray_quote_far_behind_the_first_block_is_refused(write, problem):
    lines = ["text,label", *(f"some words of number {n},{'xy'[n % 2]}" for n in range(60_000))]
    lines[50_000] = f'"{lines[50_000]}'
    lines[50_007] = lines[50_007].replace(",", '",')
    assert problem(write("a.csv", "\n".join(lines))).startswith(
        "a.csv, line 50001: the row that starts here runs on"
    )


def test_a_stray_quote_that_is_never_closed_names_the_remedy(write, problem):
    assert problem(write("a.csv", 'text,kind\n5" pipe,x\n"5 pipe,y\nmore,x\n')) == (
        "a.csv, line 3: a quoted cell of the row that starts here never ends (the row runs on to line 4); close its "
        'quote, or write "" for " in it, or read quotes as characters like any others: --no-quotes'
    )


@pytest.mark.parametrize(
    "text",
    [
        "Dear team,\nplease help",
        "Dear Sir,\n\nmy bill, as it came, is wrong,\nyours",
        "my file:\na,money\nb,parcels\n",
        "one\n\n\n\ntwo",
        "1,2\n3,4",
        "Hello, you\nbye, me",
    ],
)
@pytest.mark.parametrize("copies", [1, 8])
def test_texts_with_line_breaks_and_delimiters_are_not_doubted(write, text, copies):
    rows = "".join(f'"{text}",{label}\n' for label in LABELS[:copies])
    dataset = read(write("a.csv", build(",") + rows))
    assert pairs(dataset) == [*ALL, *((text, label) for label in LABELS[:copies])]


def test_tsv_that_is_quoted_throughout_is_read_as_such(write):
    content = 'text\tkind\n"tab\there"\tmoney\nplain\tmoney\n"he said ""no"""\tlogin\n"two\nlines"\tlogin\n'
    dataset = read(write("a.tsv", content))
    assert [text for text, _ in pairs(dataset)] == ["tab\there", "plain", 'he said "no"', "two\nlines"]
    assert dataset.dialect is not None
    assert dataset.dialect.quotes


@pytest.mark.parametrize("cell", ['5" pipe', '"a" and "b"', 'so "nice"', '"'])
def test_one_quote_that_encloses_no_cell_makes_all_quotes_of_tsv_text(write, cell):
    content = f'text\tkind\n{cell}\tmoney\n"a whole cell"\tlogin\n'
    assert [text for text, _ in pairs(read(write("a.tsv", content)))] == [cell, '"a whole cell"']


def test_lines_far_more_than_rows_are_told(write):
    rows = "".join(f'"one {label}\ntwo\nthree",{label}\n' for label in LABELS)
    assert read(write("a.csv", "text,kind\n" + rows)).notes == [
        "a.csv: 19 lines hold 7 rows, since quoted cells have line breaks (--no-quotes reads each line as a row)"
    ]


@pytest.mark.parametrize(
    "header", ["\ufefftext,kind", " text,kind ", ",text,kind", "text,kind,", "\ufeff,text,kind"]
)
def test_column_names_are_recognised_however_they_are_repeated(write, problem, header):
    names = header.replace("\ufeff", "").strip()
    row = names.replace("text", "one text").replace("kind", "x")
    name = write("a.csv", f"{names}\n{row}\n{header}\n{row}\n")
    assert problem(name).startswith("a.csv, line 3: the row repeats the names of the columns")


def test_a_row_that_repeats_the_column_names_is_refused(write, problem):
    assert problem(write("a.csv", build(",") + build(","))) == (
        "a.csv, line 8: the row repeats the names of the columns, as where files were joined; remove it"
    )
    with read_rows(write("one.csv", "text\nfirst\ntext\n")) as reader:
        assert [row.text for row in reader] == ["first", "text"]


def test_an_escaped_quote_is_read_with_escape(write, problem):
    name = write("a.csv", 'text,kind\n"he said \\"no\\", twice",money\nplain,login\n')
    assert problem(name).endswith("or, since \\ seems to stand before quotes that are text: --escape '\\'")
    assert pairs(read(name, escape="\\"))[0] == ('he said "no", twice', "money")


def test_a_file_without_a_header_gets_its_names_from_an_option(write):
    name = write("a.csv", "the bill is wrong,money\nlate again,parcels\n")
    dataset = read(name, header=False, columns=("text", "kind"))
    assert pairs(dataset) == [("the bill is wrong", "money"), ("late again", "parcels")]
    assert dataset.examples[0].row == 1
    with read_rows(name, ReadOptions(dialect=Dialect(header=False))) as reader:
        assert (reader.columns, reader.text_column) == (("column_1", "column_2"), "column_1")
    with pytest.raises(
        DataError, match=r"^a\.csv, line 1: --columns names 3 columns, but the row has 2 cells$"
    ):
        read(name, header=False, columns=("a", "b", "c"))


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({"delimiter": ";;"}, "--delimiter takes one character, other than a quote or a line break"),
        ({"delimiter": '"'}, "--delimiter takes one character, other than a quote or a line break"),
        ({"escape": ""}, "--escape takes one character, other than a quote or a line break"),
        ({"delimiter": ";", "escape": ";"}, "--escape must differ from --delimiter, and cannot be a blank"),
        (
            {"columns": ("a",)},
            "--columns names the columns of a file without a line of names; it needs --no-header",
        ),
    ],
)
def test_an_impossible_dialect_is_refused(arguments, message):
    with pytest.raises(DataError) as caught:
        Dialect(**arguments)
    assert str(caught.value) == message


def test_a_dialect_is_for_delimited_cells_only(write, problem):
    options = ReadOptions(dialect=Dialect(delimiter=";"))
    assert problem(write("a.jsonl", '{"text": "a"}\n'), options) == (
        "a.jsonl: is read as jsonl; --delimiter, --quotes, --no-quotes, --escape, --header, --no-header and --columns are "
        "for CSV and TSV"
    )


@pytest.mark.parametrize("target", ["out.csv", "out"])
def test_rows_are_written_with_the_delimiter_that_they_were_read_with(write, target):
    with read_rows(write("a.csv", "id;text\n1;so, so\n2;a; b\n".replace("a; b", '"a; b"'))) as reader:
        with open_writer(target, None, reader) as writer:
            for row in reader:
                writer.write(row.fields, {"label": "x"})
        with open_writer("out.tsv", None, reader) as writer:
            writer.write({"id": "1", "text": "a"})
    with open(target) as file:  # noqa: PTH123
        assert file.read() == 'id;text;label\n1;so, so;x\n2;"a; b";x\n'
    with open("out.tsv") as file:  # noqa: PTH123
        assert file.read() == "id\ttext\n1\ta\n"
