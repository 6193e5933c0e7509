"""docs/reference/cli.md and the help texts keep up with the commands."""

import json
import re
import shlex
from pathlib import Path

import click
import pytest

from grutext.cli import main
from grutext.cli.train import train_command
from grutext.config import CLASS_WEIGHTS, OPTIMIZED
from grutext.data import format_names
from grutext.settings import PRESETS

PAGE = (Path(__file__).parents[2] / "docs" / "reference" / "cli.md").read_text(encoding="utf-8")
COMMANDS = list(main.commands.values())
OPTIONS = [
    (command.name, option)
    for command in COMMANDS
    for option in command.params
    if isinstance(option, click.Option)
]


def section(command: click.Command) -> str:
    """The part of the page about a command."""
    parts = re.split(r"^## ", PAGE, flags=re.MULTILINE)
    return next((part for part in parts if part.startswith(f"grutext {command.name}\n")), "")


@pytest.mark.parametrize("command", COMMANDS, ids=lambda command: command.name)
def test_every_command_has_a_section_with_an_example_and_its_options(command) -> None:
    assert f"$ grutext {command.name}" in section(command)
    assert f"\n::: options {command.name}\n" in section(command)


def test_every_option_has_help() -> None:
    wrong = [
        (name, option.name) for name, option in OPTIONS if not re.fullmatch(r"[A-Z].*\.", option.help or "")
    ]
    assert wrong == []


@pytest.mark.parametrize("command", [main, *COMMANDS], ids=lambda command: command.name)
def test_every_help_has_a_sentence_and_ends_with_an_example(command, run) -> None:
    text = run(*([] if command is main else [command.name]), "--help").stdout
    assert re.match(r"[A-Z].*\.$", command.help or "", flags=re.MULTILINE)
    title, *examples = text.rstrip().split("\n\n")[-1].splitlines()
    assert title.strip() == "Example:"
    name = "train" if command is main else command.name
    assert examples
    assert any(f"grutext {name}" in example for example in examples)


def test_details_are_about_options_that_exist() -> None:
    for command in COMMANDS:
        known = {name for option in command.params for name in option.opts}
        named = re.findall(r"^- (`-.*?)(?::| [a-z])", section(command), flags=re.MULTILINE)
        assert {name for some in named for name in re.findall(r"--?[a-z][a-z-]*", some)} <= known, (
            command.name
        )


def test_exit_codes_stand_in_the_page() -> None:
    for code in ("0", "1", "2", "130"):
        assert re.search(rf"^\| {code} \|", PAGE, flags=re.MULTILINE), code


def test_the_choices_of_options_are_those_that_exist() -> None:
    offered = {
        option.opts[-1]: tuple(option.type.choices)
        for option in train_command.params
        if isinstance(option.type, click.Choice)
    }
    assert offered["--format"] == format_names()
    assert offered["--preset"] == tuple(PRESETS)
    assert offered["--class-weight"] == CLASS_WEIGHTS
    assert offered["--optimize"] == OPTIMIZED
    for form in format_names():
        assert f"`{form}`" in PAGE


@pytest.mark.parametrize(
    "key", ["n", "accuracy", "macro_f1", "log_loss", "per_label", "confusion", "unknown"]
)
def test_the_keys_of_a_report_stand_in_the_page(key) -> None:
    assert f"`{key}`" in PAGE


DOCS = Path(__file__).parents[2] / "docs"


def shown_commands():
    """Every `grutext` command in the consoles of README and docs."""
    for page in [DOCS.parent / "README.md", *sorted(DOCS.rglob("*.md"))]:
        for line in re.findall(r"^\$ (.+)$", page.read_text(encoding="utf-8"), flags=re.MULTILINE):
            for part in re.split(r"\||>>", line):
                if part.strip().startswith("grutext "):
                    yield pytest.param(part.strip(), id=f"{page.stem}: {part.strip()}")


@pytest.mark.parametrize("line", list(shown_commands()))
def test_every_command_line_in_docs_is_one_that_grutext_takes(line) -> None:
    _, name, *arguments = shlex.split(line)
    main.commands[name].make_context(name, arguments)


@pytest.mark.parametrize("name", PRESETS)
def test_every_preset_stands_in_the_page_of_settings(name) -> None:
    assert f"\n| `{name}` |" in (DOCS / "reference/settings.md").read_text(encoding="utf-8")


@pytest.mark.parametrize("name", ["show", "verify", "classify"])
def test_the_keys_of_a_json_document_stand_in_the_page_in_their_order(name, run) -> None:
    golden = DOCS.parent / "tests/golden/format-3"
    document = json.loads(run(name, "-m", str(golden), "--json", stdin="a text").stdout)
    keys = list(document[0] if isinstance(document, list) else document)
    assert f"{{{', '.join(keys)}" in section(main.commands[name])
