"""An option given twice is refused by its name, for every option of every command; those of lists are lists."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
import typer.main

from nnfit.cli.main import app

Run = Callable[..., Any]

COMMANDS: dict[str, Any] = typer.main.get_command(app).commands  # type: ignore[attr-defined]
LISTS = {("train", "--set"), ("check", "--set"), ("predict", "--keep"), ("init", "--target")}


def value(option: Any) -> list[str]:
    """A value that an option takes, if it takes one; whether it is a good one is not asked before."""
    return [] if option.is_flag else ["1"]


def options() -> list[tuple[str, Any]]:
    """Every option of every command, and those before it."""
    found = [(name, each) for name, command in COMMANDS.items() for each in command.params]
    return [(name, each) for name, each in found if each.param_type_name == "option"]


@pytest.mark.parametrize(("command", "option"), options(), ids=lambda part: getattr(part, "name", part))
def test_an_option_given_twice_is_refused_by_its_name(run: Run, command: str, option: Any) -> None:
    arguments = [word for each in COMMANDS[command].params if each.param_type_name == "argument" for word in ["none"]]
    for first, second in ((option.opts[0], option.opts[-1]), (option.opts[-1], option.opts[0])):
        ended = run(command, *arguments, first, *value(option), second, *value(option))
        names = " / ".join(option.opts)
        if option.multiple:
            assert (command, option.opts[0]) in LISTS
            assert "times" not in ended.err
        else:
            assert (ended.code, ended.out) == (2, "")
            assert ended.err.startswith("Usage: nnfit ")
            assert ended.err.endswith(f"Error: Option {names} is given 2 times; give it once.\n")


@pytest.mark.parametrize("words", [("--debug", "--debug", "schema"), ("schema", "--debug", "--debug")])
def test_so_are_those_of_all_commands(run: Run, words: tuple[str, ...]) -> None:
    ended = run(*words)
    assert ended.code == 2
    assert ended.err.endswith("Error: Option --debug is given 2 times; give it once.\n")
    assert run("schema", "--debug").code == run("--debug", "schema").code == 0


def test_help_and_version_are_options_like_the_others(run: Run) -> None:
    assert run("train", "--help", "-h").code == run("--version", "--version").code == 2
