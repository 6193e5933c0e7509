"""`grutext predict`: labels for a whole file of rows, in constant memory."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import closing
from itertools import islice
from pathlib import Path
from typing import Any

import click

from grutext.cli.answer import build_answer, round_probability
from grutext.cli.options import (
    Source,
    encoding_option,
    format_option,
    model_option,
    quiet_option,
    text_column_option,
    top_k_option,
)
