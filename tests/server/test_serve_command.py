"""`opord serve` as a command: what it refuses, what it says, and how it ends."""

from __future__ import annotations

import json
import re
import signal
import subprocess
import sys
import time
import urllib.error
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from tests.server import signing
from tests.server.kit import REFUND

PROGRAM = [sys.executable, "-c", "from opord.cli import main; main()", "serve"]


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(tmp_path)
    monkeypatch.delenv("OPORD_STORE", raising=False)
    (tmp_path / "refund.opord").write_text(REFUND)
    return tmp_path


def serve(*arguments: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run([*PROGRAM, *arguments], capture_output=True, text=True, timeout=60, check=False)


@contextmanager
def serving(*arguments: str) -> Iterator[tuple[subprocess.Popen[str], str]]:
    """Run the command, and yield it with its address."""
    with subprocess.Popen([*PROGRAM, "--port", "0", *arguments], stderr=subprocess.PIPE, text=True) as server:
        assert server.stderr is not None
        try:
            said = server.stderr.readline()
            place = re.search(r" at (http://\S+/api/v1) for (.+)$", said)
            assert place is not None, said
            yield server, place[1]
        finally:
            server.kill()


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_it_serves_runs_and_ends_in_good_order(folder: Path, number: signal.Signals) -> None:
    with serving("--contract", "refund.opord") as (server, address):
        request = urllib.request.Request(
            f"{address}/contracts/Refund/runs",
            b'{"order": "o1", "cents": 5}',
            {"content-type": "application/json"},
        )
        with urllib.request.urlopen(request, timeout=20) as answer:
            assert json.load(answer) == {"run": "Refund/o1", "created": True}
        server.send_signal(number)
        assert server.wait(20) == 0
        assert server.stderr is not None
        said = server.stderr.read()
        assert f"{number.name}: waiting for requests under way to end" in said
        assert "stopped" in said
    assert (folder / "opord.db").is_file()


def test_without_a_contract_runs_are_only_shown(folder: Path) -> None:
    with serving() as (_, address), urllib.request.urlopen(f"{address}/runs", timeout=20) as answer:
        assert json.load(answer) == {"runs": [], "after": None}


@pytest.mark.parametrize("host", ["0.0.0.0", "::", "192.168.1.7", "example.com"])
def test_it_serves_nobody_else_without_a_token(folder: Path, host: str) -> None:
    ran = serve("--contract", "refund.opord", "--host", host, "--allow-host", "api.example")
    assert ran.returncode == 2
    assert (
        f"error[no_token]: there is no good token, so nobody could sign in at {host}; make the store"
        in ran.stderr
    )
    assert not (folder / "opord.db").exists()


@pytest.mark.parametrize("proxies", ["foo", "10.0.0.7, proxy.example", "10.0.0.7/8"])
def test_a_proxy_is_named_by_its_address(folder: Path, proxies: str) -> None:
    ran = serve("--forwarded-allow-ips", proxies)
    assert ran.returncode == 2
    assert f"expected addresses such as 10.0.0.7 or 10.0.0.0/8, got: {proxies.split()[-1]}" in ran.stderr


def opord(*arguments: str) -> str:
    return subprocess.run(
        [*PROGRAM[:-1], *arguments], capture_output=True, text=True, timeout=60, check=True
    ).stdout.strip()


@pytest.mark.parametrize("host", ["0.0.0.0", "::"])
def test_every_address_is_listened_at_for_names_that_were_said(folder: Path, host: str) -> None:
    opord("db", "migrate")
    ran = serve("--contract", "refund.opord", "--host", host)
    assert (ran.returncode, "say by which name clients reach it: --allow-host" in ran.stderr) == (2, True)
    expired = serve("--host", host, "--allow-host", "api.example")
    assert "error[no_token]" in expired.stderr


def asked(address: str, **headers: str) -> int:
    request = urllib.request.Request(f"{address}/runs", headers=headers)
    try:
        with urllib.request.urlopen(request, timeout=20) as answer:
            return int(answer.status)
    except urllib.error.HTTPError as refused:
        return refused.code


def test_others_are_served_with_a_token_and_by_the_names_that_were_said(folder: Path) -> None:
    opord("db", "migrate")
    signed = {"authorization": f"Bearer {opord('tokens', 'create', 'ann')}"}
    how = ("--host", "0.0.0.0", "--allow-host", "api.example")
    with serving("--contract", "refund.opord", *how) as (_, address):
        here = address.replace("0.0.0.0", "127.0.0.1")
        assert asked(here) == 401
        assert asked(here, **signed) == 200
        assert asked(here, host="api.example", **signed) == 200
        assert asked(here, host="API.example:8000", **signed) == 200
        for host in ("evil.example", "api.example.evil", "", "api.example@evil", "2130706433"):
            assert asked(here, host=host, **signed) in (400, 421), host


def test_once_there_is_a_token_this_machine_needs_one_too(folder: Path) -> None:
    with serving("--contract", "refund.opord") as (_, address):
        assert asked(address) == 200
        token = opord("tokens", "create", "ann")
        until = time.monotonic() + 20
        while asked(address) != 401:
            assert time.monotonic() < until
            time.sleep(0.05)
        assert asked(address, authorization=f"Bearer {token}") == 200


def test_the_address_of_a_client_is_said_by_a_trusted_proxy_alone(folder: Path) -> None:
    opord("db", "migrate")
    token = opord("tokens", "create", "root", "--role", "opord:admin")
    for proxies, known in (((), "127.0.0.1"), (("--forwarded-allow-ips", "127.0.0.1"), "203.0.113.9")):
        with serving("--contract", "refund.opord", *proxies) as (_, address):
            request = urllib.request.Request(
                f"{address}/tokens", b'{"name": "new"}',
                {"authorization": f"Bearer {token}", "content-type": "application/json",
                 "x-forwarded-for": "198.51.100.1, 203.0.113.9"},
            )  # fmt: skip
            with urllib.request.urlopen(request, timeout=20) as answer:
                assert answer.status == 201
        newest = json.loads(opord("audit", "--json", "--limit", "1"))[0]
        assert newest["address"] == known


def test_a_port_that_is_taken_is_told(folder: Path) -> None:
    with serving("--contract", "refund.opord") as (_, address):
        port = address.split(":")[2].partition("/")[0]
        ran = serve("--contract", "refund.opord", "--port", port)
    assert ran.returncode == 2
    assert (
        f"error[address]: cannot listen on 127.0.0.1:{port}: Address already in use; choose another"
        in ran.stderr
    )


def test_wrong_uses_are_told(folder: Path) -> None:
    twice = serve("--contract", "refund.opord", "--contract", "refund.opord")
    assert (twice.returncode, "Refund version 1 is named twice" in twice.stderr) == (2, True)
    missing = serve("--contract", "refnd.opord")
    assert (missing.returncode, "did you mean `refund.opord`?" in missing.stderr) == (2, True)
    memory = serve("--contract", "refund.opord", "--store", "sqlite://:memory:")
    assert (memory.returncode, "lost when this command ends" in memory.stderr) == (2, True)
    away = serve("--contract", "refund.opord", "--store", "postgresql://nobody@127.0.0.1:1/x", "--wait", "0")
    assert away.returncode == 3


def test_without_its_extra_it_says_what_to_install() -> None:
    code = "import sys; sys.modules['uvicorn'] = None; from opord.cli import main; main()"
    ran = subprocess.run(
        [sys.executable, "-c", code, "serve"], capture_output=True, text=True, timeout=60, check=False
    )
    assert ran.returncode == 2
    assert 'pip install "opord[server]"' in ran.stderr


def test_the_application_needs_no_other_package() -> None:
    code = (
        "import sys; sys.modules.update(dict.fromkeys(['uvicorn', 'httptools', 'starlette', 'jinja2']));"
        "from opord.server import HttpApi; print(HttpApi.__name__)"
    )
    ran = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, timeout=60, check=True)
    assert ran.stdout == "HttpApi\n"


WEBHOOK = """
[webhooks.bank]
path = "/hooks/bank"
scheme = "github"
secrets = ["env:BANK_SECRET"]
start = "Refund"
args = { order = "body.order", cents = "body.cents" }
"""


def test_it_takes_deliveries_of_webhooks(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (folder / "opord.toml").write_text(WEBHOOK)
    monkeypatch.setenv("BANK_SECRET", signing.GITHUB)
    with serving("--contract", "refund.opord") as (server, _):
        assert server.stderr is not None
        said = server.stderr.readline()
        place = re.search(r"webhook bank: (http://\S+/hooks/bank) starts Refund$", said)
        assert place is not None, said
        body = b'{"order": "o1", "cents": 5}'
        for did in ("started", "repeated"):
            headers = signing.github(body, "d1") | {"via": "1.1 proxy", "host": "hooks.example"}
            request = urllib.request.Request(place[1], body, headers)
            with urllib.request.urlopen(request, timeout=20) as answer:
                assert json.load(answer) == {"delivery": "d1", "did": did, "run": "Refund/o1"}


def test_it_does_not_start_with_a_route_that_cannot_be_served(folder: Path) -> None:
    (folder / "opord.toml").write_text(WEBHOOK.replace("order = ", "ordr = "))
    refused = serve("--contract", "refund.opord")
    assert refused.returncode == 2
    for part in (
        "[webhooks.bank]",
        "BANK_SECRET is not set",
        "Refund has no parameter `ordr`; did you mean `order`?",
    ):
        assert part in refused.stderr
