"""Tables of the reference that are made from the code: a line of a page such as `::: options train` stands for one."""

from __future__ import annotations

import re
from collections.abc import Callable

from documentation.http_api import render_errors, render_request, render_requests
from documentation.options import render_options
from documentation.settings import render_settings

_RENDER: dict[str, Callable[..., str]] = {
    "errors": render_errors,
    "options": render_options,
    "request": render_request,
    "requests": render_requests,
    "settings": render_settings,
}
_LINE = re.compile(r"^::: ([a-z]+)((?: \S+)*)$", re.MULTILINE)


def insert_tables(markdown: str) -> str:
    """Return a page with its tables.

    Raises:
        KeyError: A line asks for a table that there is not.
    """
    return _LINE.sub(lambda match: _RENDER[match[1]](*match[2].split()), markdown)
