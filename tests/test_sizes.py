"""Files stay small and have names that say what is in them."""

import ast
import statistics
from pathlib import Path

import pytest

import grutext

PACKAGE = Path(grutext.__file__).parent
FILES = sorted(PACKAGE.rglob("*.py"))
MOST_LINES, MEDIAN_LINES = 250, 100
NAMES_THAT_SAY_NOTHING = {
    "utils",
    "util",
    "helpers",
    "helper",
    "common",
    "misc",
    "base",
    "core",
    "tools",
    "lib",
}


def check_length(path: Path) -> None:
    """Asserts that a file is not too long."""
    lines = len(path.read_text(encoding="utf-8").splitlines())
    assert lines <= MOST_LINES, f"{path.name} has {lines} lines; what could be a file of its own?"


def check_name(path: Path) -> None:
    """Asserts that neither a file nor a folder of the package has a name that says nothing."""
    assert not {path.stem, path.parent.name} & NAMES_THAT_SAY_NOTHING, path


def name_of(path: Path) -> str:
    return str(path.relative_to(PACKAGE))


def test_the_files_are_found():
    assert {"config.py", "text/ngrams.py", "runtime/gru.py"} <= {
        path.relative_to(PACKAGE).as_posix() for path in FILES
    }


@pytest.mark.parametrize("path", FILES, ids=name_of)
def test_a_file_is_short_and_has_a_name(path):
    check_length(path)
    check_name(path)


def test_half_of_the_files_are_very_short():
    lengths = [len(path.read_text(encoding="utf-8").splitlines()) for path in FILES]
    assert statistics.median(lengths) <= MEDIAN_LINES


@pytest.mark.parametrize("path", FILES, ids=name_of)
def test_a_package_is_at_most_one_folder_deep(path):
    assert len(path.relative_to(PACKAGE).parts) <= 2


@pytest.mark.long
@pytest.mark.parametrize("path", FILES, ids=name_of)
def test_no_pickle_and_no_print(path):
    tree = ast.parse(path.read_text(encoding="utf-8"))
    for node in ast.walk(tree):
        imported = []
        if isinstance(node, ast.Import):
            imported = [alias.name for alias in node.names]
        elif isinstance(node, ast.ImportFrom):
            imported = [node.module or ""]
        for name in imported:
            assert name.partition(".")[0] not in {"pickle", "joblib", "dill", "marshal", "shelve"}, (
                node.lineno
            )
        if isinstance(node, ast.Call) and isinstance(node.func, ast.Name):
            assert node.func.id not in {"eval", "exec", "print"}, node.lineno


def test_what_is_too_long_or_says_nothing_is_noticed(tmp_path):
    path = tmp_path / "utils.py"
    path.write_text("pass\n" * (MOST_LINES + 1), encoding="utf-8")
    for check in (check_length, check_name):
        with pytest.raises(AssertionError):
            check(path)
    fine = tmp_path / "gates.py"
    fine.write_text("pass\n" * MOST_LINES, encoding="utf-8")
    check_length(fine)
    check_name(fine)
