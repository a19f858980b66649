"""What the doctor says of the way to a PostgreSQL server, and of the clocks at both ends."""

from __future__ import annotations

import json
import subprocess
import sys
import time
from dataclasses import replace
from pathlib import Path
from uuid import uuid4

import pytest

from opord.backends import opening
from opord.cli.doctor.stored import check_store
from opord.cli.program import run
from opord.stores import inspect_store, open_store
from opord.stores.postgres import reach
from opord.testing.store_rows import ORDERS, a_start
from tests.support.postgres import AnyServer

IDLE = """contract Idle(id: str) key id
event go
initial state Waiting -> Done {
  on go -> goto Done
  after 1h -> goto Done
}
final state Done success
"""


@pytest.mark.parametrize(
    ("host", "address", "tls", "mode", "verdict", "said"),
    [
        ("/run/postgresql", "", False, "prefer", "fine", "a socket of this machine"),
        ("localhost", "127.0.0.1", False, "prefer", "fine", "within this machine"),
        ("localhost", "::1", False, "prefer", "fine", "within this machine"),
        ("db", "10.0.0.7", False, "prefer", "warning", "without TLS"),
        ("db", "fe80::1%eth0", False, "prefer", "warning", "without TLS"),
        ("db", "", False, "prefer", "warning", "without TLS"),
        ("db", "10.0.0.7", True, "require", "note", "sslmode=require does not check the name"),
        ("db", "10.0.0.7", True, "verify-full", "fine", "the server's name is checked"),
    ],
)
def test_a_network_without_tls_is_warned_of(
    host: str, address: str, tls: bool, mode: str, verdict: str, said: str
) -> None:
    seen = reach.way(host, address, tls=tls, mode=mode)
    assert seen.verdict == verdict
    assert said in seen.text
    assert bool(seen.move) == (verdict != "fine")


@pytest.mark.parametrize(
    ("ahead_s", "verdict", "said"),
    [(0.001, "fine", "0.001 s ahead of"), (-2.5, "warning", "2.500 s behind"), (3600, "warning", "ahead of")],
)
def test_clocks_that_differ_are_told(ahead_s: float, verdict: str, said: str) -> None:
    seen = reach.difference(ahead_s)
    assert (seen.verdict, said in seen.text) == (verdict, True)


def test_the_doctor_knows_the_server(postgres: AnyServer, capsys: pytest.CaptureFixture[str]) -> None:
    url = postgres.url(schema=f"s_{uuid4().hex[:12]}")
    with_run(url)
    assert run(["doctor", "--store", url, "--json"]) in (0, 1)
    areas = {each["area"]: each for each in json.loads(capsys.readouterr().out)["seen"]}
    assert areas["network"]["facts"]["tls"] is False
    assert {"server", "commits", "sessions", "record", "rights", "vacuum", "clock"} <= areas.keys()
    assert run(["doctor", "--store", url]) in (0, 1)
    assert "this machine's clock is " in capsys.readouterr().out


def test_the_last_record_is_compared_with_the_servers_clock(
    postgres: AnyServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A wrong clock of this machine does not make records of the future."""
    url = postgres.url(schema=f"s_{uuid4().hex[:12]}")
    with_run(url)
    facts = inspect_store(url)
    ahead = time.time_ns() // 1000 + 3_600_000_000
    for now, state in ((ahead, "fine"), (ahead - 7_200_000_000, "wrong")):
        seen = replace(facts, last_at=ahead, now=now)
        monkeypatch.setattr(opening, "inspect", lambda *_, seen=seen, **__: seen)
        assert [one.state for one in check_store(url) if one.area == "clock"][-1] == state


def with_run(url: str) -> None:
    store = open_store(url)
    store.put_contract(ORDERS)
    store.apply([a_start()])
    store.close()


def test_a_worker_never_logs_the_password_of_its_store(
    postgres: AnyServer, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "idle.opord").write_text(IDLE)
    (tmp_path / "idle_handlers.py").write_text("class Handlers: pass\n")
    monkeypatch.chdir(tmp_path)
    url = postgres.url(schema=f"s_{uuid4().hex[:12]}").replace("//postgres@", "//postgres:hunter2@")
    command = ["worker", "--contract", "idle.opord", "--handlers", "idle_handlers:Handlers", "--until-idle"]
    for more in ((), ("-v",), ("--log-format", "json")):
        ran = subprocess.run(
            [sys.executable, "-m", "opord", *command, *more, "--store", url],
            capture_output=True, text=True, timeout=60, check=False,
        )  # fmt: skip
        assert ran.returncode == 0, ran.stderr
        assert "working on postgresql://postgres@" in ran.stderr
        assert "hunter2" not in ran.stdout + ran.stderr


def test_the_doctor_and_the_check_of_a_deploy_tell_of_another_server(
    postgres: AnyServer, capsys: pytest.CaptureFixture[str]
) -> None:
    schema = f"s_{uuid4().hex[:12]}"
    url = postgres.url(schema=schema)
    open_store(url).close()
    (record,) = (remark for remark in inspect_store(url).remarks if remark.area == "record")
    assert record.verdict == "fine"
    assert run(["db", "check", "--store", url]) == 0
    postgres.execute(f"UPDATE {schema}.identity SET timeline = timeline + 76")
    capsys.readouterr()
    assert run(["db", "check", "--store", url]) == 1
    said = capsys.readouterr().out
    assert "a standby was promoted, or a backup restored" in said
    assert run(["doctor", "--store", url]) == 1
    assert "opord db restored" in capsys.readouterr().out
    assert run(["runs", "list", "--store", url]) == 3
    assert capsys.readouterr().err.startswith("error[store_other_server]: store postgresql://")
    assert run(["db", "restored", "--store", url, "--as", "ann"]) == 0
    assert run(["db", "check", "--store", url]) == 0
    postgres.execute(f"UPDATE {schema}.identity SET system = ''")
    (record,) = (remark for remark in inspect_store(url).remarks if remark.area == "record")
    assert (record.verdict, record.text[:22]) == ("note", "no server is on record")
