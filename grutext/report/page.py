"""A page from a template: one file that needs nothing else."""

from __future__ import annotations

import base64
import hashlib
import math
import re
from functools import cache, partial
from pathlib import Path
from typing import Any

import jinja2
from markupsafe import Markup

import grutext
from grutext.data.writing.output import Output
from grutext.messages import shorten

# Characters that HTML does not allow, and lone surrogates, which no file in UTF-8 may have.
_FORBIDDEN = re.compile("[\x00-\x08\x0b\x0c\x0e-\x1f\x7f-\x9f\ud800-\udfff]")
_TEMPLATES = Path(__file__).parent / "templates"


def render_page(template: str, **values: Any) -> str:
    """Return a page as HTML.

    Args:
        template: A file among the templates of this package, which extends `base.html`.
        values: What it shows; strings are escaped.
    """
    return _environment().get_template(template).render(values)


def write_page(page: str, path: Path) -> None:
    """Write a page to a file, which appears only when it is complete.

    Raises:
        DataError: The file cannot be written.
    """
    content = _FORBIDDEN.sub("\N{REPLACEMENT CHARACTER}", page).encode()
    output = Output(str(path))
    try:
        output.write(content)
        output.commit()
    finally:
        output.discard()


@cache
def _environment() -> jinja2.Environment:
    environment = jinja2.Environment(
        loader=jinja2.FileSystemLoader(_TEMPLATES),
        autoescape=True,
        undefined=jinja2.StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    script = (_TEMPLATES / "page.js").read_text(encoding="utf-8")
    environment.globals |= {
        "version": grutext.__version__,
        # The browser runs this script and no other, whatever a text may smuggle in.
        "script_digest": base64.b64encode(hashlib.sha256(script.encode()).digest()).decode(),
        "script": Markup(script),  # noqa: S704 (our own file)
    }
    environment.filters |= {
        "percent": percent,
        "decimal": decimal,
        "thousands": thousands,
        "shorten": partial(shorten, width=160),
        "exp": math.exp,
        "zip": zip,
    }
    return environment


def percent(share: float | None, digits: int = 1) -> str:
    """Return a share as percentage; a dash for None.

    >>> percent(0.84)
    '84.0 %'
    """
    return "—" if share is None else f"{100 * share:.{digits}f} %"


def decimal(value: float | None, digits: int = 3) -> str:
    """Return a number with a fixed number of decimals; a dash for None."""
    return "—" if value is None else f"{value:.{digits}f}"


def thousands(value: int) -> str:
    """Return a whole number with separators between the thousands."""
    return f"{value:,}"
