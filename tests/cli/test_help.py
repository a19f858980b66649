"""Every command has help that a newcomer understands, and the lists of commands agree with it."""

from __future__ import annotations

from importlib import import_module

import click
import pytest

from opord.cli import program, runs

COMMANDS = {
    **{(name,): known for name, known in program.COMMANDS.items()},
    **{("runs", name): known for name, known in runs.COMMANDS.items()},
}


@pytest.mark.parametrize("path", COMMANDS, ids=" ".join)
def test_the_list_has_the_first_line_of_each_command(path: tuple[str, ...]) -> None:
    module, line = COMMANDS[path]
    command = import_module(module).command
    assert isinstance(command, click.Command)
    assert (command.help or "").split("\n\n")[0].replace("\n", " ").strip() == line


@pytest.mark.parametrize("path", COMMANDS, ids=" ".join)
def test_help_explains_the_command_and_every_option(
    path: tuple[str, ...], capsys: pytest.CaptureFixture[str]
) -> None:
    assert program.run([*path, "--help"]) == 0
    printed = capsys.readouterr().out
    assert printed.startswith(f"Usage: opord {' '.join(path)}")
    command = import_module(COMMANDS[path][0]).command
    told = " ".join((command.help or "").split())
    assert len(told) > 100, "one line is a title, and no help"
    assert told.count(". ") + told.endswith(".") >= 2 or "Examples:" in told
    for option in (one for one in command.params if isinstance(one, click.Option)):
        assert option.help, f"{option.opts[0]} says nothing"
        assert option.help.endswith((".", "…")), f"{option.opts[0]}: {option.help}"


def test_an_unknown_command_is_wrong_usage_and_a_similar_one_is_suggested(
    capsys: pytest.CaptureFixture[str],
) -> None:
    assert program.run(["chek"]) == 2
    assert "error[usage]: no such command `chek`; did you mean `check`?" in capsys.readouterr().err


@pytest.mark.parametrize(
    ("given", "meant"), [("start", "runs start"), ("show", "runs show"), ("migrate", "db migrate")]
)
def test_a_command_without_its_group_is_suggested_with_it(
    capsys: pytest.CaptureFixture[str], given: str, meant: str
) -> None:
    assert program.run([given, "order.opord"]) == 2
    assert f"no such command `{given}`; did you mean `{meant}`?" in capsys.readouterr().err


def test_no_command_shows_the_help(capsys: pytest.CaptureFixture[str]) -> None:
    assert program.run([]) == 2
    said = capsys.readouterr()
    assert said.err.startswith("Usage: opord [OPTIONS] COMMAND")
    assert "Say what is wrong with contracts." in said.err
    assert "error[" not in said.err, "to ask for nothing is no mistake to be told of"


@pytest.mark.parametrize(
    "arguments", [["check"], ["check", "--wrong"], ["runs", "send", "x"], ["gen", "a.opord"]]
)
def test_wrong_usage_is_status_2_and_shows_the_usage(
    arguments: list[str], capsys: pytest.CaptureFixture[str]
) -> None:
    assert program.run(arguments) == 2
    said = capsys.readouterr().err
    assert "Usage: opord" in said
    assert "error[usage]: " in said
