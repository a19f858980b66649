"""Shells complete commands, contracts and runs; `python -m opord` is the program."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest
from click.shell_completion import ShellComplete

from opord.cli import settings
from opord.cli.program import opord
from tests.cli.kit import Shop, order

PROGRAM = [sys.executable, "-m", "opord"]


def offered(line: str) -> list[tuple[str, str]]:
    """Return what a shell is offered at the end of a line: each value with its type."""
    *words, incomplete = line.split(" ")
    settings._from_files.cache_clear()
    completion = ShellComplete(opord, {}, "opord", "_OPORD_COMPLETE")
    return [(item.value, item.type) for item in completion.get_completions(words, incomplete)]


def test_commands_and_options_are_offered(shop: Shop) -> None:
    assert offered("ch") == [("check", "plain")]
    assert offered("runs st") == [("start", "plain")]
    assert ("--strict", "plain") in offered("check --st")
    assert [value for value, _ in offered("explain --format m")] == ["markdown"]


@pytest.mark.parametrize(
    "line",
    [
        "check ",
        "fmt ",
        "explain ",
        "gen ",
        "diagram ",
        "simulate ",
        "worker --contract ",
        "dev --contract ",
        "runs start ",
    ],
)
def test_contracts_and_folders_are_offered_and_no_other_file(shop: Shop, line: str) -> None:
    (shop.folder / "contracts").mkdir()
    (shop.folder / "contracts" / "refund.opord").touch()
    (shop.folder / "notes.md").touch()
    assert offered(line) == [("desk.opord", "plain"), ("", "dir")]
    assert offered(f"{line}z") == [("z", "dir")]
    inside = os.path.join("contracts", "")
    assert offered(f"{line}{inside}re") == [(f"{inside}refund.opord", "plain"), (f"{inside}re", "dir")]
    assert offered(f"{line}nowhere/") == [("nowhere/", "dir")]


def test_names_of_runs_are_offered_where_there_is_a_store(shop: Shop) -> None:
    assert offered("runs show ") == []
    assert not (shop.folder / "opord.db").exists()
    for name in ("a1", "a2", "b1"):
        assert shop.opord("runs", "start", "desk.opord", "--input", order(name)).status == 0
    assert sorted(offered("runs show Desk/a")) == [("Desk/a1", "plain"), ("Desk/a2", "plain")]
    for command in ("history", "verify", "send", "cancel", "resolve"):
        assert [value for value, _ in offered(f"runs {command} Desk/b")] == ["Desk/b1"]


@pytest.mark.parametrize("shell", ["bash", "zsh", "fish"])
def test_each_shell_gets_its_script(tmp_path: Path, shell: str) -> None:
    # The script for bash is printed only by a machine that has a bash.
    ran = subprocess.run(
        PROGRAM, env=os.environ | {"_OPORD_COMPLETE": f"{shell}_source"}, cwd=tmp_path, capture_output=True, text=True
    )  # fmt: skip
    assert (ran.returncode, ran.stderr) == (0, "")
    assert f"_OPORD_COMPLETE={shell}_complete" in ran.stdout


def test_the_program_answers_a_shell(shop: Shop) -> None:
    ran = subprocess.run(
        PROGRAM, cwd=shop.folder, capture_output=True, text=True,
        env=os.environ | {"_OPORD_COMPLETE": "bash_complete", "COMP_WORDS": "opord check d", "COMP_CWORD": "2"},
    )  # fmt: skip
    assert (ran.returncode, ran.stdout.splitlines()) == (0, ["plain,desk.opord", "dir,d"])


def test_the_module_is_the_program(tmp_path: Path) -> None:
    ran = subprocess.run([*PROGRAM, "check", "--help"], cwd=tmp_path, capture_output=True, text=True)
    assert (ran.returncode, ran.stdout.splitlines()[0]) == (0, "Usage: opord check [OPTIONS] FILE|FOLDER…")
    assert subprocess.run([*PROGRAM, "--version"], cwd=tmp_path, capture_output=True).returncode == 0


def test_names_of_stored_contracts_are_offered_to_filters(shop: Shop) -> None:
    assert offered("runs list --contract ") == []
    assert shop.opord("runs", "start", "desk.opord", "--input", order("a1")).status == 0
    assert offered("runs list --contract D") == [("Desk", "plain")]
    assert [value for value, _ in offered("runs list --state Re")] == ["Received", "Rejected", "Review"]
    assert [value for value, _ in offered("runs cancel --waits-for-role ")] == ["manager"]
