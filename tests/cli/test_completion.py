"""Shell completion: the scripts, and what they are answered."""

import pytest
from click.shell_completion import ShellComplete

from grutext.cli import main


@pytest.mark.parametrize("shell", ["bash", "zsh", "fish"])
def test_the_script_of_each_shell_calls_grutext(run, shell, monkeypatch) -> None:
    script = run("completion", shell).stdout
    assert f"_GRUTEXT_COMPLETE={shell}_complete" in script
    monkeypatch.setenv("SHELL", f"/usr/bin/{shell}")
    assert run("completion").stdout == script


@pytest.mark.parametrize("name", ["/bin/tcsh", ""])
def test_an_unknown_shell_must_be_named(run, name, monkeypatch) -> None:
    monkeypatch.setenv("SHELL", name)
    assert "Name a shell: bash, zsh, fish." in run("completion", check=2).stderr


def completions(arguments: list[str], incomplete: str) -> set[tuple[str, str]]:
    """What a shell is told to offer, as (value, type)."""
    asked = ShellComplete(main, {}, "grutext", "_GRUTEXT_COMPLETE")
    return {(item.value, item.type) for item in asked.get_completions(arguments, incomplete)}


def test_commands_and_choices_are_completed() -> None:
    assert completions([], "tr") == {("train", "plain")}
    assert completions(["train", "--preset"], "f") == {("fast", "plain")}
    assert ("--label-column", "plain") in completions(["evaluate"], "--label")


def test_data_models_and_outputs_are_completed_as_paths() -> None:
    assert completions(["train"], "dat") == {("dat", "file")}
    assert completions(["train", "--dev"], "dat") == {("dat", "file")}
    assert completions(["show", "-m"], "mod") == {("mod", "dir")}
    assert completions(["predict", "a.csv", "-o"], "out") == {("out", "file")}
    assert completions(["classify"], "let") == {("let", "file")}
    assert completions(["train", "--config"], "x") == {("x", "file")}
