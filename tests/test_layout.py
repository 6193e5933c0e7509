"""Test modules share code by fixtures and by `tests/support`, never by importing each other."""

import ast
from pathlib import Path

import pytest

FOLDER = Path(__file__).parent
MODULES = sorted(FOLDER.rglob("test_*.py"))


def imports_of_tests(source: str) -> list[str]:
    """Return the test modules and conftest files that a module imports, as it names them."""
    names = []
    for node in ast.walk(ast.parse(source)):
        if isinstance(node, ast.Import):
            names += [alias.name for alias in node.names]
        elif isinstance(node, ast.ImportFrom):
            names += [f"{'.' * node.level}{node.module or ''}.{alias.name}" for alias in node.names]
    return [
        name
        for name in names
        if name.startswith((".", "tests."))
        or any(part == "conftest" or part.startswith("test_") for part in name.split("."))
    ]


def test_no_test_module_imports_another():
    found = {
        str(path.relative_to(FOLDER)): imports_of_tests(path.read_text(encoding="utf-8")) for path in MODULES
    }
    assert {path: names for path, names in found.items() if names} == {}


@pytest.mark.parametrize(
    "line",
    [
        "import test_fit",
        "import tests.training.test_fit as other",
        "from test_fit import TINY",
        "from training.test_fit import TINY",
        "from tests.support import tiny_training",
        "from .conftest import build",
        "def f():\n    from conftest import build",
    ],
)
def test_notices_an_import_of_a_test_module(line):
    assert len(imports_of_tests(line)) == 1


def test_allows_imports_of_the_package_and_of_shared_code():
    source = "import grutext\nfrom support.tiny_training import fit\nfrom fuzzing import targets\n"
    assert imports_of_tests(source) == []
