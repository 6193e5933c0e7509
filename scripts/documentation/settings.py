"""The settings of a section as a table, in the words of the docstrings of `grutext.config`."""

from __future__ import annotations

import inspect
import json
import re
from dataclasses import fields

from grutext.config import Config

_ATTRIBUTE = re.compile(r"^    (\w+): (.*(?:\n {8,}.*)*)", re.MULTILINE)


def render_settings(section: str) -> str:
    """Return the keys, defaults and meanings of a section as Markdown.

    Raises:
        AttributeError: There is no such section.
        KeyError: A setting is not in the docstring of its section.
    """
    config = getattr(Config(), section)
    meanings = {
        name: " ".join(text.split()) for name, text in _ATTRIBUTE.findall(inspect.getdoc(config) or "")
    }
    rows = [
        f"| `{section}.{one.name}` | {_show(getattr(config, one.name))} | {meanings[one.name]} |"
        for one in fields(config)
    ]
    return "\n".join(["| key | default | meaning |", "|---|---|---|", *rows])


def _show(value: object) -> str:
    """Return a default as `--set` takes it."""
    return value if isinstance(value, str) else json.dumps(value)
