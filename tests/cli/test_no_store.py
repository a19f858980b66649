"""Only a start, a worker and `db migrate` create a store.

Other commands report that there is none.
"""

from __future__ import annotations

import sqlite3
from collections.abc import Iterator
from importlib import import_module
from pathlib import Path

import click
import pytest

from opord.cli import db, program, runs
from opord.stores import open_store
from opord.stores.base import StoreMissing
from opord.stores.sqlite import opening
from tests.cli.kit import Shop, order
from tests.cli.store_commands import LOOKS, MAKES_ONE, NEEDS_ONE

URL = "sqlite:///typo.db"

MORE = [
    ("runs", "verify", "Desk/o1"),
    ("runs", "resume", "--status", "stalled"),
    ("runs", "terminate", "--contract", "Desk", "--dry-run"),
    ("prune", "--ended-before", "9d", "--dry-run"),
    ("prune", "--ended-before", "9d", "--no-archive", "--compact"),
]


def commands() -> Iterator[tuple[tuple[str, ...], click.Command]]:
    """Find every command, those of groups too."""
    groups = {(): program.COMMANDS, ("runs",): runs.COMMANDS, ("db",): db.COMMANDS}
    for before, listed in groups.items():
        for name, (module, _) in listed.items():
            yield (*before, name), import_module(module).command


def test_every_command_that_takes_a_store_is_listed_here() -> None:
    asked = {
        path for path, command in commands() if any("--store" in option.opts for option in command.params)
    }
    plays = {("demo",)}  # on a store of its own, or on a server, where it makes schemas of its own
    assert asked == NEEDS_ONE.keys() | MAKES_ONE | LOOKS | plays


@pytest.mark.parametrize("words", [[*path, *rest] for path, rest in NEEDS_ONE.items()] + [*map(list, MORE)])
def test_other_commands_create_no_store(shop: Shop, words: list[str]) -> None:
    before = sorted(shop.folder.iterdir())
    said = shop.opord(*words, "--store", URL)
    assert said.status == 3
    assert said.out == ""
    assert said.err.splitlines() == [
        f"error[store_missing]: there is no store at {URL} ({shop.folder}/typo.db): there is no such file; "
        "name the store with --store or OPORD_STORE. A start, a worker or `opord db migrate` makes a new one"
    ]
    assert sorted(shop.folder.iterdir()) == before


@pytest.mark.parametrize("words", [[*path, *rest] for path, rest in NEEDS_ONE.items()])
def test_an_empty_file_is_not_a_store_and_stays_empty(shop: Shop, words: list[str]) -> None:
    (shop.folder / "typo.db").touch()
    before = sorted(shop.folder.iterdir())
    said = shop.opord(*words, "--store", URL)
    assert (said.status, said.out) == (3, "")
    assert f"({shop.folder}/typo.db): the file is empty; " in said.err
    assert sorted(shop.folder.iterdir()) == before
    assert (shop.folder / "typo.db").read_bytes() == b""


@pytest.mark.parametrize("words", [[*path, *rest] for path, rest in NEEDS_ONE.items()])
@pytest.mark.parametrize(
    ("what", "said_of_it"),
    [
        ("text", "is not an SQLite database"),
        ("other", "is another program's database"),
        ("newer", "was made by a newer opord"),
        ("folder", "is a folder; name a file in it"),
    ],
)
def test_a_foreign_file_is_left_unchanged(shop: Shop, words: list[str], what: str, said_of_it: str) -> None:
    path = shop.folder / "typo.db"
    match what:
        case "text":
            path.write_text("dear diary, " * 100)
        case "other":
            with sqlite3.connect(path) as other:
                other.execute("CREATE TABLE mine (x)")
        case "newer":
            with sqlite3.connect(path) as newer:
                newer.execute(f"PRAGMA application_id = {opening.APPLICATION_ID}")
                newer.execute("PRAGMA user_version = 99")
        case _:
            path.mkdir()
    before = path.read_bytes() if path.is_file() else None
    said = shop.opord(*words, "--store", URL)
    assert (said.status, said.out) == (3, "")
    assert said_of_it in said.err
    assert (path.read_bytes() if path.is_file() else None) == before


def test_an_unreadable_store_is_reported_as_such(shop: Shop, monkeypatch: pytest.MonkeyPatch) -> None:
    shop.start("o1")
    monkeypatch.setattr("os.access", lambda *_: False)
    for words in ([*path, *rest] for path, rest in NEEDS_ONE.items()):
        said = shop.opord(*words)
        assert (said.status, said.out) == (3, "")
        assert "may not be read and written by this user; change its permissions" in said.err


def test_a_missing_folder_has_no_store(shop: Shop) -> None:
    said = shop.opord("runs", "list", "--store", "sqlite:///nowhere/typo.db")
    assert (said.status, "there is no such file" in said.err) == (3, True)
    said = shop.opord(
        "runs", "start", "desk.opord", "--input", order("o1"), "--store", "sqlite:///nowhere/x.db"
    )
    assert (said.status, "there is no folder" in said.err) == (3, True)


def test_a_store_in_memory_ends_with_its_process(shop: Shop) -> None:
    said = shop.opord("runs", "list", "--store", "sqlite://:memory:")
    assert said.status == 3
    assert "a store in memory is lost when its process ends" in said.err


def test_a_start_creates_a_store_and_a_refused_start_does_not(shop: Shop) -> None:
    said = shop.opord("runs", "start", "desk.opord", "--input", '{"order": {}}', "--store", URL)
    assert (said.status, said.err.split("]")[0]) == (1, "error[input_invalid")
    assert not (shop.folder / "typo.db").exists()
    assert shop.opord("runs", "start", "desk.opord", "--input", order("o1"), "--store", URL).status == 0
    assert shop.opord("runs", "list", "--store", URL).status == 0


REFUSED_WHOLE = {
    "no line that fits": ('{"order": {}}\nnonsense\n\n{}\n', 1, "3 refused"),
    "a key that names no run": (order(""), 1, "1 refused"),
    "blank lines": ("\n\n", 0, "the file has no lines; nothing was started"),
    "nothing": ("", 0, "the file has no lines; nothing was started"),
}


@pytest.mark.parametrize(("lines", "status", "words"), REFUSED_WHOLE.values(), ids=REFUSED_WHOLE)
def test_a_file_without_a_valid_line_creates_no_store(
    shop: Shop, lines: str, status: int, words: str
) -> None:
    (shop.folder / "some.jsonl").write_text(lines)
    said = shop.opord("runs", "start", "desk.opord", "--input", "@some.jsonl", "--store", URL)
    assert (said.status, said.out) == (status, f"{words}\n")
    assert not (shop.folder / "typo.db").exists()


def test_a_missing_file_or_an_invalid_key_creates_no_store(shop: Shop) -> None:
    gone = shop.opord("runs", "start", "desk.opord", "--input", "@gone.jsonl", "--store", URL)
    assert (gone.status, gone.err) == (2, "error[file]: gone.jsonl: No such file or directory\n")
    unnamed = shop.opord("runs", "start", "desk.opord", "--input", order(""), "--store", URL)
    assert (unnamed.status, "1 to 500 characters; it is empty" in unnamed.err) == (1, True)
    assert not (shop.folder / "typo.db").exists()


def test_lines_before_the_first_valid_one_are_reported_in_order(shop: Shop) -> None:
    (shop.folder / "some.jsonl").write_text(f"nonsense\n\n{order('o1')}\n{{}}\n{order('o2')}\n")
    said = shop.opord("runs", "start", "desk.opord", "--input", "@some.jsonl", "--store", URL, "--json")
    assert said.status == 1
    assert [(one["line"], one.get("run"), one.get("error")) for one in said.json] == [
        (1, None, "input_invalid"),
        (3, "Desk/o1", None),
        (4, None, "input_invalid"),
        (5, "Desk/o2", None),
    ]


def test_a_migration_creates_a_store(shop: Shop) -> None:
    said = shop.opord("db", "migrate", "--store", URL)
    assert said.status == 0, said.err
    assert shop.opord("runs", "list", "--store", URL).out == "no runs\n"


def test_a_worker_creates_a_store(shop: Shop) -> None:
    said = shop.process(
        "worker", "--contract", "desk.opord", "--handlers", "handlers:Handlers", "--until-idle", "--store", URL
    )  # fmt: skip
    assert said.status == 0, said.err
    assert shop.opord("runs", "verify", "--store", URL).out.startswith("0 runs")


def test_an_empty_file_becomes_a_store_for_commands_that_create_one(tmp_path: Path) -> None:
    (tmp_path / "a.db").touch()
    with pytest.raises(StoreMissing):
        open_store(f"sqlite:///{tmp_path}/a.db", create=False)
    open_store(f"sqlite:///{tmp_path}/a.db").close()
    open_store(f"sqlite:///{tmp_path}/a.db", create=False).close()


@pytest.mark.parametrize("url", ["sqlite:///:memory:", "sqlite://:memory:"])
@pytest.mark.parametrize("path", sorted(MAKES_ONE), ids=" ".join)
def test_a_store_that_is_gone_with_the_command_is_refused(
    shop: Shop, path: tuple[str, ...], url: str
) -> None:
    rest = {
        ("runs", "start"): ["desk.opord", "--input", order("o1")],
        ("worker",): ["--contract", "desk.opord", "--handlers", "handlers:Handlers", "--until-idle"],
        ("dev",): ["--contract", "desk.opord", "--handlers", "handlers:Handlers"],
    }
    said = shop.process(*path, *rest.get(path, []), "--store", url)
    assert (said.status, said.out) == (2, "")
    assert said.err.splitlines()[-1] == (
        "error[store_refused]: a store in memory is lost when this command ends; "
        f"name a file, as in sqlite:///opord.db, got: '{url}'"
    )
