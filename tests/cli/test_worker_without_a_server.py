"""A worker that is started while its PostgreSQL server is away waits for it, if that can help."""

from __future__ import annotations

import re
import signal
import subprocess
import uuid
from urllib.parse import urlsplit

import pytest

from tests.cli.kit import Shop
from tests.support.postgres import AnyServer, Server, free_port
from tests.support.proxy import Proxy

WORKER = ("worker", "--contract", "desk.opord", "--handlers", "handlers:Handlers")


def lines_until(process: subprocess.Popen[str], text: str) -> list[str]:
    assert process.stderr is not None
    lines: list[str] = []
    while not lines or text not in lines[-1]:
        lines.append(process.stderr.readline())
        assert lines[-1], "".join(lines)
    return lines


def test_it_waits_until_the_server_is_there_and_says_so(shop: Shop, postgres: AnyServer) -> None:
    server, port = urlsplit(postgres.url()), free_port()
    away = server._replace(netloc=server.netloc.replace(f":{server.port}", f":{port}"))
    schema = f"s_{uuid.uuid4().hex[:12]}"
    url = away._replace(query="&".join(filter(None, [away.query, f"schema={schema}"]))).geturl()
    process = shop.begin(*WORKER, "--store", url)
    first = lines_until(process, "the worker waits for the store")
    assert "check the host and the port in the URL" in first[-1]
    with Proxy(server.port or 5432, at=port):
        then = lines_until(process, "working on ")
        assert [line for line in then if re.search("the store answers, after [0-9]+ s", line)]
        process.send_signal(signal.SIGTERM)
        _, err = process.communicate(timeout=60)
    assert process.returncode == 0, err


def test_it_ends_when_it_is_told_to_stop_meanwhile(shop: Shop) -> None:
    process = shop.begin(*WORKER, "--store", f"postgresql://ann@127.0.0.1:{free_port()}/shop")
    lines_until(process, "the worker waits for the store")
    process.send_signal(signal.SIGTERM)
    _, err = process.communicate(timeout=60)
    assert process.returncode == 0, err
    assert "stopped before the store was open; the worker took no run" in err


@pytest.mark.parametrize("options", [("--wait", "0"), ("--until-idle",)])
def test_it_does_not_wait_where_it_should_not(shop: Shop, options: tuple[str, ...]) -> None:
    said = shop.opord(*WORKER, "--store", f"postgresql://ann@127.0.0.1:{free_port()}/shop", *options)
    assert (said.status, "error[store_unreachable]" in said.err) == (3, True), said.err


def test_it_does_not_wait_for_what_only_a_person_can_mend(shop: Shop, postgres: AnyServer) -> None:
    if not isinstance(postgres, Server):
        return  # only the tests' own server lets every role in
    said = shop.opord(*WORKER, "--store", f"postgresql://postgres@127.0.0.1:{postgres.port}/no_such_shop")
    assert (said.status, "make it with `createdb no_such_shop`" in said.err) == (3, True), said.err
