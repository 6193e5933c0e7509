from pathlib import Path

import pytest

from grutext.data import Example, ReadOptions, read_dataset

FORM = "a folder of class folders has one folder for each label, with a file for each text in it"


def test_texts_come_in_the_order_of_classes_and_names(write):
    write("films/pos/2.txt", "\ufefffine\r\nfilm\n")
    write("films/pos/10.txt", "good")
    for name in ("z", "a", "m"):
        write(f"films/pos/deep/{name}/1.txt", name)
    write("films/neg/b.TXT", "bad")
    write("films/.git/x/1.txt", "hidden")
    write("films/pos/.hidden.txt", "hidden")
    dataset = read_dataset("films")
    assert dataset.examples == [
        Example("bad", ("neg",), "films/neg/b.TXT", 1),
        Example("good", ("pos",), "films/pos/10.txt", 1),
        Example("fine\r\nfilm\n", ("pos",), "films/pos/2.txt", 1),
        *(Example(name, ("pos",), f"films/pos/deep/{name}/1.txt", 1) for name in "amz"),
    ]
    assert (dataset.multilabel, dataset.text_column, dataset.notes) == (False, None, [])


@pytest.mark.parametrize(
    "names", [("10001", "10002"), ("a.html", "b.eml"), ("x.1", "y.TXT"), ("no dots", "übung")]
)
def test_files_of_text_may_have_any_name(write, names):
    for label in ("neg", "pos"):
        for name in names:
            write(f"films/{label}/{name}", f"{label} {name}")
    dataset = read_dataset("films")
    assert [(e.text, e.labels[0]) for e in dataset.examples] == [
        (f"{label} {name}", label) for label in ("neg", "pos") for name in names
    ]
    assert dataset.notes == []


def test_skipped_files_are_counted(write):
    write("films/pos/1.txt", "good")
    write("films/pos/Thumbs.db", b"\xd0\xcf\0\0")
    write("films/README", "about")
    Path("films/none").mkdir()
    assert read_dataset("films").notes == [
        "films: 1 file left out (beside the class folders)",
        "films: 1 file left out (not text)",
        "films: class folders without files of text: none",
    ]


@pytest.mark.parametrize("name", ["unsup", "Unlabeled", "unlabelled", "unsupervised"])
def test_folders_of_texts_without_labels_are_left_out_and_told(write, name):
    for folder in ("neg", "pos", name):
        write(f"films/{folder}/1", "a film")
        write(f"films/{folder}/2", "a film")
    dataset = read_dataset("films")
    assert {e.labels[0] for e in dataset.examples} == {"neg", "pos"}
    assert dataset.notes == [
        f'films: the folder "{name}" left out (2 files; its name stands for texts without labels)'
    ]


def test_a_file_in_utf_16_is_text_if_the_encoding_is_named(write):
    write("films/pos/1", "good".encode("utf-16"))
    write("films/neg/1", "bad".encode("utf-16"))
    dataset = read_dataset("films", ReadOptions(encoding="utf-16"))
    assert [e.text for e in dataset.examples] == ["bad", "good"]


def test_a_folder_that_holds_no_classes_is_refused(write, problem):
    Path("empty").mkdir()
    Path("hollow/pos").mkdir(parents=True)
    write("flat/reviews.csv", "text,label\n")
    write("parts/train/pos/1.txt", "x")
    write("parts/test/pos/1.txt", "x")
    assert problem("empty") == f"empty: has no class folders; it is empty; {FORM}"
    assert problem("hollow") == f"hollow: none of its 1 class folder has files of text; {FORM}"
    assert (
        problem("flat")
        == f"flat: has no class folders; it holds reviews.csv; name the file itself, or: {FORM}"
    )
    assert problem("parts") == (
        "parts: its folders test, train look like splits, not classes; name one split, such as parts/test"
    )


def test_undecodable_bytes_are_named_with_file_and_line(write, problem):
    write("films/neg/1.txt", b"ok\nb\x81d")
    assert problem("films").startswith("films/neg/1.txt, line 2: byte 0x81 is not UTF-8; ")
    assert read_dataset("films", ReadOptions(encoding="cp437")).examples[0].text == "ok\nbüd"


def test_the_encoding_of_each_file_is_found(write):
    write("films/neg/1.txt", "schön schlecht".encode("cp1252"))
    write("films/neg/2.txt", "déjà vu".encode())
    write("films/pos/1", "gut, größer".encode("utf-16"))
    write("films/pos/2", "good enough".encode("utf-16-le"))
    write("films/pos/3", b"\0\1\2\3")
    dataset = read_dataset("films")
    assert [e.text for e in dataset.examples] == ["schön schlecht", "déjà vu", "gut, größer", "good enough"]
    assert dataset.notes == [
        "films: 1 file left out (not text)",
        (
            "films: its encoding is not UTF-8 but 1 file in cp1252, 1 file in utf-16, 1 file in utf-16-le "
            "(found; --encoding names another)"
        ),
    ]


def test_an_empty_file_is_an_empty_text_that_is_kept_or_dropped(write):
    write("films/neg/1.txt", "")
    write("films/pos/1.txt", "good")
    kept, dropped = read_dataset("films"), read_dataset("films", ReadOptions(skip_empty=True))
    assert [example.text for example in kept.examples] == ["", "good"]
    assert kept.notes == ["films: 1 text is empty (kept; --skip-empty drops such rows)"]
    assert [example.text for example in dropped.examples] == ["good"]
    assert dropped.notes == ["films: 1 row dropped: text empty"]
