"""A folder of class folders: `reviews/positive/0001.txt`."""

from __future__ import annotations

import os
from collections.abc import Generator, Iterator
from pathlib import Path

from grutext.data.formats.encodings import UTF8, find_encoding, is_wide
from grutext.data.formats.lines import read_whole
from grutext.data.formats.registry import Format
from grutext.data.formats.sources import Source, explain_os_error
from grutext.data.records import Record, Table
from grutext.errors import DataError
from grutext.messages import count, list_names, quote

_SUFFIX = ".txt"
_FORM = "a folder of class folders has one folder for each label, with a file for each text in it"
_SPLITS = {"train", "test", "dev", "valid", "validation", "val", "eval"}
# Folders of texts without labels, as in the IMDB reviews.
_UNLABELLED = {"unsup", "unsupervised", "unlabeled", "unlabelled"}
_BLOCK = 1024  # bytes; one that is NUL among them means that a file is no text, unless it is UTF-16


def open_folder(source: Source, encoding: str | None) -> Table:
    """Open a folder of class folders.

    Each file below a class folder, at any depth and whatever its name, is one text, and the class folder's name is its label.
    Classes and files are read in the order of their names. Binary files, files beside the class folders and folders of
    texts without labels (`unsup`, `unlabeled`) are skipped, and notes say how many; hidden files are ignored.

    Raises:
        DataError: There are no class folders, or no texts in them.
    """
    root = str(source.path)
    classes, beside = _list_classes(root)
    notes = [f"{count(beside, 'file')} left out (beside the class folders)"] if beside else []
    for name in [name for name in classes if name.lower() in _UNLABELLED]:
        classes.remove(name)
        files = count(sum(1 for _ in _walk(str(Path(root, name)))), "file")
        notes.append(f"the folder {quote(name)} left out ({files}; its name stands for texts without labels)")
    texts: list[tuple[str, str]] = []
    binary = 0
    may_hold_nul = encoding is not None and is_wide(encoding)
    for label in classes:
        for path in _walk(str(Path(root, label))):
            if path.lower().endswith(_SUFFIX) or may_hold_nul or _is_text(path):
                texts.append((label, path))
            else:
                binary += 1
    if binary:
        notes.append(f"{count(binary, 'file')} left out (not text)")
    empty = f"none of its {count(len(classes), 'class folder')} has files of text; {_FORM}"
    table = Table(root, _read_texts(texts, encoding, source), ["text", "label"], fixed=True, empty=empty)
    with_texts = {label for label, _ in texts}
    without = [label for label in classes if label not in with_texts]
    if without:
        notes.append(f"class folders without files of text: {list_names(without)}")
    table.notes += [f"{root}: {note}" for note in notes]
    return table


def _is_text(path: str) -> bool:
    """Return whether a file begins like text; one that cannot be read is an error later."""
    try:
        with Path(path).open("rb") as file:
            block = file.read(_BLOCK)
    except OSError:
        return True
    return b"\0" not in block or find_encoding(block, whole=False) != UTF8


def _list_classes(root: str) -> tuple[list[str], int]:
    """Return the names of the class folders, and the number of files beside them."""
    try:
        with os.scandir(root) as entries:
            visible = sorted(
                (entry.name, entry.is_dir()) for entry in entries if not entry.name.startswith(".")
            )
    except OSError as error:
        raise DataError(explain_os_error(error), root) from None
    classes = [name for name, is_folder in visible if is_folder]
    if not classes:
        files = [name for name, _ in visible]
        found = f"it holds {list_names(files)}; name the file itself, or: " if files else "it is empty; "
        raise DataError(f"has no class folders; {found}{_FORM}", root)
    if _SPLITS.issuperset(name.lower() for name in classes):
        first = Path(root, classes[0])
        problem = f"its folders {list_names(classes)} look like splits, not classes; name one split, such as {first}"
        raise DataError(problem, root)
    return classes, len(visible) - len(classes)


def _walk(folder: str) -> Iterator[str]:
    def fail(error: OSError) -> None:
        raise DataError(explain_os_error(error), str(error.filename)) from None

    for parent, folders, files in os.walk(folder, onerror=fail):
        folders[:] = sorted(name for name in folders if not name.startswith("."))
        yield from (str(Path(parent, name)) for name in sorted(files) if not name.startswith("."))


def _read_texts(
    texts: list[tuple[str, str]], encoding: str | None, folder: Source
) -> Generator[Record, None, None]:
    for label, path in texts:
        text = read_whole(Source(path, path, "txt", encodings=folder.encodings), encoding)
        yield Record(1, {"text": text, "label": label}, path, len(text))


FORMATS = (Format("folder", open_folder, kind="folder", usage="a folder of class folders"),)
