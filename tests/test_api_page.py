"""docs/reference/python-api.md has every public name."""

from pathlib import Path

import pytest

import grutext
from grutext import errors

PAGE = (Path(__file__).parents[1] / "docs/reference/python-api.md").read_text(encoding="utf-8")


@pytest.mark.parametrize("name", [name for name in grutext.__all__ if name != "__version__"])
def test_every_public_name_is_in_the_page(name):
    assert f"\n::: grutext.{name}\n" in PAGE


def test_every_error_is_in_the_page():
    assert f"\n::: {errors.__name__}\n" in PAGE
    assert all(kind.__doc__ for kind in errors.GrutextError.__subclasses__())
