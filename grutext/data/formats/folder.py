"""A folder of class folders: `reviews/positive/0001.txt`."""

from __future__ import annotations

import os
from collections.abc import Generator, Iterator
from pathlib import Path

from grutext.data.formats.lines import read_whole
from grutext.data.formats.registry import Format
from grutext.data.formats.sources import Source, explain_os_error
from grutext.data.records import Record, Table
from grutext.errors import DataError
from grutext.messages import count, list_names

SUFFIX = ".txt"
_FORM = f"a folder of class folders has one folder for each label, with {SUFFIX} files in it"
_SPLITS = {"train", "test", "dev", "valid", "validation", "val", "eval"}


def open_folder(source: Source, encoding: str) -> Table:
    """Open a folder of class folders.

    Each `.txt` file below a class folder, at any depth, is one text, and the class folder's name is its label. Classes
    and files are read in the order of their names. Other files are skipped, and a note says how many; hidden files are
    ignored.

    Raises:
        DataError: There are no class folders, or no texts in them.
    """
    root = str(source.path)
    classes, others = _list_classes(root)
    texts: list[tuple[str, str]] = []
    for label in classes:
        for path in _walk(str(Path(root, label))):
            if path.lower().endswith(SUFFIX):
                texts.append((label, path))
            else:
                others += 1
    empty = f"none of its {count(len(classes), 'class folder')} has {SUFFIX} files; {_FORM}"
    table = Table(root, _read_texts(texts, encoding), ["text", "label"], fixed=True, empty=empty)
    if others:
        table.notes.append(f"{root}: {count(others, 'file')} left out (the name does not end in {SUFFIX})")
    with_texts = {label for label, _ in texts}
    without = [label for label in classes if label not in with_texts]
    if without:
        table.notes.append(f"{root}: class folders without {SUFFIX} files: {list_names(without)}")
    return table


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


def _read_texts(texts: list[tuple[str, str]], encoding: str) -> Generator[Record, None, None]:
    for label, path in texts:
        text = read_whole(Source(path, path, "txt"), encoding)
        yield Record(1, {"text": text, "label": label}, path, len(text))


FORMATS = (Format("folder", open_folder, kind="folder", usage="a folder of class folders"),)
