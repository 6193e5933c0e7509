"""What the packages promise by name is there, in order, and explained."""

import ast
import importlib
from pathlib import Path

import pytest

import grutext

PACKAGE = Path(grutext.__file__).parent
FILES = sorted(PACKAGE.rglob("*.py"))
WITH_TENSORFLOW = (
    "grutext.engines.keras",
    "grutext.export.savedmodel",
    "grutext.training",
    "grutext.encoder",
)


def module_of(path: Path) -> str:
    parts = path.relative_to(PACKAGE.parent).with_suffix("").parts
    return ".".join(parts[:-1] if parts[-1] == "__init__" else parts)


def exported(path: Path) -> list[str] | None:
    """Return `__all__` as it is written in a file, None where there is none."""
    for node in ast.parse(path.read_text(encoding="utf-8")).body:
        if isinstance(node, ast.Assign) and [getattr(target, "id", "") for target in node.targets] == [
            "__all__"
        ]:
            return ast.literal_eval(node.value)
    return None


WITH_ALL = [
    pytest.param(
        path,
        id=module_of(path),
        marks=[pytest.mark.tf] if module_of(path).startswith(WITH_TENSORFLOW) else [],
    )
    for path in FILES
    if exported(path) is not None
]


def order(name: str) -> tuple[int, str]:
    """Constants, then classes, then functions, each by the alphabet, as ruff sorts them."""
    return (0 if name.isupper() else 1 if name[0].isupper() else 2), name


def check_sorted(names: list[str]) -> None:
    """Assert that names stand in order, each once."""
    assert names == sorted(set(names), key=order)


@pytest.mark.parametrize("path", WITH_ALL)
def test_exported_names_are_sorted_and_exist(path):
    names = exported(path)
    check_sorted(names)
    module = importlib.import_module(module_of(path))
    assert module.__all__ == names
    for name in names:
        assert getattr(module, name) is not None, name


@pytest.mark.parametrize("path", WITH_ALL)
def test_a_package_exports_all_that_it_imports(path):
    imported = [
        alias.asname or alias.name
        for node in ast.parse(path.read_text(encoding="utf-8")).body
        if isinstance(node, ast.ImportFrom) and (node.module or "").startswith("grutext")
        for alias in node.names
    ]
    if path.name == "__init__.py":
        assert set(imported) <= set(exported(path))


def test_notices_a_wrong_order():
    check_sorted(["A_B", "Ab", "Zed", "f", "g"])
    for names in (["g", "f"], ["f", "Ab"], ["f", "f"], ["Ab", "A_B"]):
        with pytest.raises(AssertionError):
            check_sorted(names)


def test_the_package_exports_its_public_names():
    assert {"Classifier", "__version__"} <= set(grutext.__all__)
    assert grutext.Classifier is importlib.import_module("grutext.inference").Classifier
    with pytest.raises(AttributeError, match="module 'grutext' has no attribute 'Clasifier'"):
        grutext.Clasifier  # noqa: B018 (looking it up is the test)


def undocumented(source: str) -> list[str]:
    """Return the public classes and functions of a module that have no docstring, and the module itself."""
    tree = ast.parse(source)
    found = [] if ast.get_docstring(tree) else ["the module"]
    kinds = (ast.ClassDef, ast.FunctionDef, ast.AsyncFunctionDef)
    public = [node for node in tree.body if isinstance(node, kinds) and not node.name.startswith("_")]
    return found + [node.name for node in public if not ast.get_docstring(node)]


def test_every_public_class_and_function_has_a_docstring():
    found = {module_of(path): undocumented(path.read_text(encoding="utf-8")) for path in FILES}
    assert {module: names for module, names in found.items() if names} == {}


def test_notices_a_missing_docstring():
    source = '"""Doc."""\nclass A:\n    pass\ndef f():\n    """Doc."""\ndef g(): ...\ndef _h(): ...\n'
    assert undocumented(source) == ["A", "g"]
    assert undocumented("x = 1") == ["the module"]
