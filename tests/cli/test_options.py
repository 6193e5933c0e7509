"""Options that all commands share: how often each may be given, and their groups in the help."""

import re

import click
import pytest

from grutext.cli import main
from grutext.cli.options import GROUPS
from grutext.training.calibration.early import GAPS

ONCE = [
    (name, max(option.opts, key=len), option)
    for name, command in main.commands.items()
    for option in command.params
    if isinstance(option, click.Option) and not option.multiple and not option.is_eager
]


def value_of(option: click.Option) -> list[str]:
    """Return a value that the option takes, as arguments."""
    if option.is_flag:
        return []
    if isinstance(option.type, click.Choice):
        return [next(iter(option.type.choices))]
    return ["1"] if isinstance(option.type, click.IntRange | click.types.IntParamType) else ["0.5"]


@pytest.mark.parametrize(("command", "name", "option"), ONCE, ids=[f"{case[0]} {case[1]}" for case in ONCE])
def test_an_option_that_is_given_twice_is_a_usage_error(run, command, name, option) -> None:
    given = [name, *value_of(option)]
    stderr = run(command, *given, *given, check=2).stderr
    assert stderr.endswith(f"Error: {name} is given 2 times, but may be given once.\n")


def test_short_and_long_names_of_an_option_are_the_same_option(run) -> None:
    stderr = run("show", "-m", "one", "--model", "two", "--model=three", check=2).stderr
    assert stderr.endswith("Error: --model is given 3 times, but may be given once.\n")


def test_options_that_may_be_repeated_are(error) -> None:
    message = error("train", "gone.csv", "--set", "training.seed=2", "--set", "training.epochs=3")
    assert message == "gone.csv: there is no such file or folder"


def test_every_command_checks_its_options(run) -> None:
    assert {command for command, *_ in ONCE} == {
        name for name, command in main.commands.items() if any(isinstance(p, click.Option) for p in command.params)
    }  # fmt: skip


@pytest.mark.parametrize("name", main.commands)
def test_the_help_lists_each_option_once_under_a_group_that_has_members(run, name) -> None:
    usage, *sections = re.split(r"^(?=\S.*:$)", run(name, "--help").stdout, flags=re.MULTILINE)
    assert usage.startswith(f"Usage: grutext {name}")
    titles = [section.split(":")[0] for section in sections]
    assert titles == [title for title in ("Options", *GROUPS) if title in titles]
    listed = re.findall(r"^  (?:-\w, )*(--[a-z-]+)", "".join(sections), flags=re.MULTILINE)
    named = [
        max(option.opts, key=len) for option in main.commands[name].params if isinstance(option, click.Option)
    ]
    assert sorted(listed) == sorted([*named, "--help"])


def test_the_groups_of_a_long_help_are_those_of_their_options(run) -> None:
    text = run("train", "--help").stdout
    for title, option in (("Options", "--preset"), ("Input", "--text-column"), ("CSV and TSV", "--delimiter"),
                          ("Settings", "--set"), ("Output", "--json"), ("Running", "--resume")):  # fmt: skip
        section = re.search(rf"^{title}:\n(.+?)\n\n", text, flags=re.MULTILINE | re.DOTALL)
        assert f"  {option} " in section[1]
    assert "Input:" not in run("verify", "--help").stdout


def test_an_option_that_a_command_requires_stands_first(run) -> None:
    text = run("compare", "--help").stdout
    assert re.search(r"^Options:\n  --on DATA ", text, flags=re.MULTILINE)
    assert "Cluster:" not in text
    assert re.search(r"^Cluster:\n  --on ", run("predict", "--help").stdout, flags=re.MULTILINE)


@pytest.mark.parametrize(("command", "start"), [("predict", "Stop"), ("classify", "With --stream, stop")])
def test_the_help_of_early_lists_the_gaps_that_there_are(command, start) -> None:
    (option,) = (option for option in main.commands[command].params if "--early" in option.opts)
    assert option.help.startswith(start)
    assert tuple(float(number) for number in re.findall(r"0\.\d+", option.help)) == GAPS


def test_every_grouped_option_exists() -> None:
    names = {max(option.opts, key=len) for command in main.commands.values() for option in command.params}
    grouped = [name for names in GROUPS.values() for name in names]
    assert len(set(grouped)) == len(grouped)
    assert set(grouped) <= names
