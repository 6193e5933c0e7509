"""`check_data` on small files with one fault each, and on clean data."""

import csv
import json

import pytest

from grutext.data import ReadOptions
from grutext.data_quality.check import check_data
from grutext.data_quality.label_findings import find_typos
from grutext.errors import DataError


@pytest.fixture
def clean():
    """Return forty different texts with two labels."""
    return [(f"text number {'x' * (n % 7)} {n} of many", ("good", "bad")[n % 2]) for n in range(40)]


@pytest.fixture
def check(tmp_path):
    """Return a function that writes rows to a file and checks it; `against` are rows of another file."""

    def write(name, rows):
        with (tmp_path / name).open("w", newline="", encoding="utf-8") as file:
            csv.writer(file).writerows([("text", "label"), *rows])
        return str(tmp_path / name)

    def run(rows, against=None, **options):
        other = None if against is None else write("other.csv", against)
        return check_data(write("data.csv", rows), against=other, **options)

    return run


def only(found, kind):
    """Return the finding of a kind; there must be no other finding."""
    assert [finding.kind for finding in found.findings] == [kind]
    return found.findings[0]


def lines(finding):
    return [line for _, line in finding.places]


def test_nothing_is_wrong_with_clean_data(check, clean):
    found = check(clean, against=[(text.replace("many", "more"), label) for text, label in clean])
    assert found.findings == ()
    assert found.statistics.texts == 40
    assert found.to_dict()["labels"] == {"good": 20, "bad": 20}
    assert [shift.measure for shift in found.shifts] == ["characters", "labels"]


@pytest.mark.parametrize(
    ("kind", "text"),
    [
        ("replacement_character", "the caf\ufffd there"),
        ("mojibake", "in SÃ£o Paulo"),
        ("control_character", "don\x92t do it"),
    ],
)
def test_odd_characters_are_found_with_their_lines(check, clean, kind, text):
    finding = only(check([*clean[:3], (text, "good"), *clean[3:], (f"{text} again", "bad")]), kind)
    assert finding.count == 2
    assert lines(finding) == [5, 43]


def test_nul_characters_of_json_are_found(tmp_path):
    rows = [{"text": f"the text {n}" + "\0" * (n == 3), "label": "ab"[n % 2]} for n in range(12)]
    (tmp_path / "data.jsonl").write_text("\n".join(map(json.dumps, rows)), encoding="utf-8")
    assert lines(only(check_data(tmp_path / "data.jsonl"), "nul_character")) == [4]


def test_empty_texts_and_missing_labels_are_found_and_do_not_stop_the_check(check, clean):
    found = check([("", "good"), *clean, ("no label", ""), ("  ", "bad"), ("nor here", "NaN")])
    assert [(f.kind, f.count, lines(f)) for f in found.findings] == [
        ("empty_text", 2, [2, 44]),
        ("missing_label", 2, [43, 45]),
    ]
    assert found.statistics.texts == 40


def test_copies_are_found_by_what_the_model_would_read(check, clean):
    finding = only(check([*clean, ("  Text NUMBER  0 of many", "good"), clean[3], clean[3]]), "copy")
    assert finding.count == 3
    assert lines(finding) == [42, 43, 44]  # all but the first one of each
    assert '"text number xxx 3 of many", occurs 3 times' in finding.message


def test_a_text_with_two_labels_is_found_with_both(check, clean):
    text, label = clean[4]
    finding = only(check([*clean, (text.upper(), "bad")]), "contradicting_label")
    assert label == "good"
    assert (finding.count, lines(finding)) == (1, [6, 42])
    assert '"good" and "bad"' in finding.message


def test_shared_texts_are_those_of_the_data_in_the_others(check, clean):
    finding = only(
        check(clean, against=[(f"{text}!", label) for text, label in clean[2:]] + clean[:2]), "shared_text"
    )
    assert (finding.count, lines(finding)) == (2, [2, 3])


def test_labels_that_the_others_do_not_have_are_found(check, clean):
    others = [(f"{text}!", label) for text, label in clean]
    finding = only(
        check([*clean, *((f"new {n}", "ugly") for n in range(6))], against=others), "unknown_label"
    )
    assert finding.count == 1
    assert "ugly (6)" in finding.message


@pytest.mark.parametrize(
    ("kind", "rows", "expected"),
    [
        ("empty_text", [(" ", "good")] * 7, range(42, 49)),
        ("missing_label", [(f"without {n}", "") for n in range(7)], range(42, 49)),
        ("copy", [("the same", "good")] * 8, range(43, 50)),
        ("contradicting_label", [("the same", "good"), ("the same", "bad")] * 4, range(42, 50)),
        ("mojibake", [(f"in SÃ£o Paulo {n}", "good") for n in range(7)], range(42, 49)),
        ("no_letters", [(f"{n}", "good") for n in range(7)], range(42, 49)),
        ("long_text", [("a long text " * 1_000, "good")], [42]),
    ],
)
def test_all_places_are_told(check, clean, kind, rows, expected):
    finding = only(check([*clean, *rows]), kind)
    assert lines(finding) == list(expected)
    assert [place["line"] for place in finding.to_dict()["places"]] == list(expected)


def test_all_places_of_shared_texts_and_rare_scripts_are_told(check, clean):
    many = [(f"{text} and {n}", label) for n in range(10) for text, label in clean]
    russian = [(f"текст номер {n}", "good") for n in range(7)]
    others = [(text.replace("many", "more"), label) for text, label in many]
    found = check([*russian, *many], against=[*russian, *others])
    places = {finding.kind: lines(finding) for finding in found.findings}
    assert places == {"rare_script": list(range(2, 9)), "shared_text": list(range(2, 9))}


def test_the_remedy_for_labels_that_the_others_lack_fits_a_test_set_and_training_data(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    for name, labels in (("train.csv", "abc"), ("test.csv", "ab")):
        rows = [f"{name} text {n},{labels[n % len(labels)]}\n" for n in range(18)]
        (tmp_path / name).write_text("text,label\n" + "".join(rows), encoding="utf-8")
    remedy = only(check_data("train.csv", against="test.csv"), "unknown_label").remedy
    assert "if test.csv is a test set, no score covers these labels: add texts of them to it" in remedy
    assert "if a model is trained on it, it never answers with them" in remedy


def test_small_classes_and_similar_names_are_found(check, clean):
    rows = clean + [(f"more {n} of these", "Good") for n in range(5)] + [("another one", "rare")]
    found = check(rows)
    assert [(finding.kind, finding.count) for finding in found.findings] == [
        ("similar_label", 1),
        ("small_class", 1),
    ]
    assert '"Good" (5) and "good" (20)' in found.findings[0].message
    assert "rare (1)" in found.findings[1].message


def test_spellings_that_training_takes_for_one_are_found(check):
    rows = [(f"a text {n} of it", ("1", "0", "1.0")[n % 3]) for n in range(30)]
    assert '"1.0" (10) and "1"' in only(check(rows), "label_spelling").message


def test_invisible_characters_of_labels_are_shown(check, clean):
    rows = [*clean, *((f"more {n} of these", "go\u200bod") for n in range(3))]
    assert '"go\\u200bod" (3)' in only(check(rows), "label_spelling").message


def test_typing_errors_are_rare_and_differ_in_a_letter():
    counts = {
        "refund": 200,
        "refudn": 3,
        "refunds": 150,
        "delivery": 90,
        "delivry": 2,
        "wheat": 99,
        "heat": 3,
    }
    assert find_typos(counts) == [("delivry", "delivery"), ("refudn", "refund")]
    assert find_typos({"topic 1": 200, "topic 2": 3, "ab": 100, "ac": 1}) == []


def test_a_text_that_is_much_longer_than_the_others_is_found(check, clean):
    finding = only(check([*clean[:9], ("many words " * 900, "good"), *clean[9:]]), "long_text")
    assert lines(finding) == [11]


def test_a_few_texts_in_another_script_are_found(check):
    rows = [(f"the text {n} of the data", ("good", "bad")[n % 2]) for n in range(100)]
    finding = only(check([*rows, ("Где моя посылка", "good")]), "rare_script")
    assert (finding.count, lines(finding)) == (1, [102])
    assert "Cyrillic 1" in finding.message


def test_other_lengths_and_other_labels_are_shifts(check, clean):
    others = [
        (f"{text} {'and so on ' * (n % 5)}", "good" if n % 5 else "bad")
        for n, (text, _) in enumerate(clean * 2)
    ]
    others = [(f"{text} {n}", label) for n, (text, label) in enumerate(others)]
    found = check(clean, against=others)
    assert {finding.kind for finding in found.findings} == {"shift"}
    assert [finding.message.split()[0] for finding in found.findings] == ["characters", "labels"]
    characters = found.shifts[0]
    assert characters.own < characters.other
    assert characters.p_value < 0.01 < 0.1 < characters.statistic


def test_texts_without_labels_are_checked_too(tmp_path):
    (tmp_path / "new.txt").write_text("one line\n\nanother line\none line\n", encoding="utf-8")
    found = check_data(tmp_path / "new.txt", labelled=False)
    assert [(finding.kind, lines(finding)) for finding in found.findings] == [
        ("empty_text", [2]),
        ("copy", [4]),
    ]
    assert found.to_dict()["labels"] is None


def test_a_text_of_several_labels_counts_for_each(tmp_path):
    rows = [{"text": f"the text {n}", "labels": ["a", "b"] if n % 2 else []} for n in range(12)]
    (tmp_path / "data.jsonl").write_text("\n".join(map(json.dumps, rows)), encoding="utf-8")
    found = check_data(tmp_path / "data.jsonl")
    assert found.findings == ()
    assert found.to_dict()["labels"] == {"a": 6, "b": 6}


def test_several_files_are_named_in_the_places(tmp_path):
    for name, label in (("one.csv", "a"), ("two.csv", "b")):
        rows = "".join(f"{name} text {n},{label}\n" for n in range(6))
        (tmp_path / name).write_text(f"text,label\n{rows}the same,{label}\n", encoding="utf-8")
    names = [str(tmp_path / name) for name in ("one.csv", "two.csv")]
    assert only(check_data(names), "contradicting_label").places == ((names[0], 8), (names[1], 8))


def test_a_table_in_memory_is_checked():
    rows = [{"text": f"the text {n}", "label": "ab"[n % 2]} for n in range(12)]
    copies = [{"text": "the text 3", "label": "b"}] * 2
    assert only(check_data([*rows, *copies]), "copy").places == (("the table", 13), ("the table", 14))
    unlabelled = check_data([{"text": row["text"]} for row in rows], labelled=False)
    assert unlabelled.findings == ()
    assert unlabelled.statistics.texts == 12


def test_the_reading_options_are_those_of_training(tmp_path):
    (tmp_path / "data.csv").write_text(
        "a;b\n" + "".join(f"text {n};{n % 2}\n" for n in range(12)), encoding="utf-8"
    )
    options = ReadOptions(text_column="a", label_column="b")
    assert check_data(tmp_path / "data.csv", reading=options).to_dict()["labels"] == {"0": 6, "1": 6}
    with pytest.raises(DataError, match="no column"):
        check_data(tmp_path / "data.csv", reading=ReadOptions(text_column="c"))
