"""Every block of code in Start and the guides is run, or stands in a list with the reason why not."""

import csv
import json
import os
import re
import shlex
import shutil
from pathlib import Path

import pytest
from click.testing import CliRunner

from grutext.cli import main

DOCS = Path(__file__).parents[1] / "docs"
SAMPLE = DOCS.parent / "datasets/helpdesk"
PAGES = [DOCS / "start.md", *sorted((DOCS / "guide").glob("*.md"))]
SHOWN = ("json", "text")  # what is printed, or what is in a file

# The first lines of blocks that this module does not run, by page.
NOT_RUN = {
    "coming-from": {"import json": "needs spaCy"},
    "containers": {"FROM python:3.12-slim": "needs Docker", "FROM python:3.12-slim AS build": "needs Docker"},
    "export": {
        'import { readFile } from "node:fs/promises";': "needs Node: tests/export/test_javascript.py",
        "$ curl -d": "needs TensorFlow Serving",
        "$ mkdir serving": "needs TensorFlow: tests/export/test_savedmodel.py",
    },
    "keras": {
        "import keras": "needs TensorFlow: test_readme.py",
        "from keras": "needs TensorFlow: test_readme.py",
        "import ": "needs TensorFlow: test_readme.py",
    },
    "serving": {
        "$ pip install": "installs packages, and serves until it is stopped: tests/serving/test_server.py",
        "curl ": "needs a running server: tests/serving/test_docs.py sends these requests",
        "$ websockets": "needs a running server: tests/serving/test_sessions.py",
    },
    "start": {"$ pip install": "installs packages: scripts/release does it"},
    "train": {"$ tensorboard": "runs until it is stopped"},
}


def blocks(page):
    """The blocks of code of a page as language and text."""
    return re.findall(r"^ *```(\w+)\n(.*?)^ *```", page.read_text(encoding="utf-8"), re.DOTALL | re.MULTILINE)
