"""`opord lsp` as a command: where it listens, and its error without its extra."""

from __future__ import annotations

import json
import os
import re
import signal
import socket
import subprocess
import sys
from pathlib import Path

import pytest

PROGRAM = [sys.executable, "-c", "from opord.cli import main; main()", "lsp"]


def message(**fields: object) -> bytes:
    body = json.dumps({"jsonrpc": "2.0", **fields}).encode()
    return b"Content-Length: %d\r\n\r\n%s" % (len(body), body)


HELLO = message(id=1, method="initialize", params={"processId": None, "rootUri": None, "capabilities": {}})
BYE = message(id=2, method="shutdown") + message(method="exit")


def answers(connection: socket.socket, sent: bytes) -> bytes:
    """Send messages and read until the server closes the connection."""
    connection.sendall(sent)
    received = b""
    while part := connection.recv(65536):
        received += part
    return received


def test_the_server_serves_one_editor_after_another_on_a_local_port() -> None:
    with subprocess.Popen([*PROGRAM, "--tcp", "127.0.0.1:0"], stderr=subprocess.PIPE, text=True) as server:
        assert server.stderr is not None
        place = re.fullmatch(r"opord lsp listens on 127\.0\.0\.1:(\d+)\n", server.stderr.readline())
        assert place is not None
        for _ in range(2):
            with socket.create_connection(("127.0.0.1", int(place[1])), timeout=30) as connection:
                assert b'"completionProvider"' in answers(connection, HELLO + BYE)
        server.send_signal(signal.SIGINT)
        assert server.wait(30) == 0


def test_an_input_without_an_editor_is_told_who_speaks_here() -> None:
    ran = subprocess.run([*PROGRAM], stdin=subprocess.DEVNULL, capture_output=True, text=True, timeout=60)
    assert (ran.returncode, ran.stdout) == (1, "")
    assert ran.stderr == (
        "opord lsp speaks to an editor, which starts it itself: see docs/editor.md; "
        "the input has ended, and no editor has spoken\n"
    )


def test_a_terminal_is_told_who_speaks_here() -> None:
    ours, terminal = os.openpty()
    with subprocess.Popen(
        [*PROGRAM], stdin=terminal, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
    ) as server:
        assert server.stderr is not None
        assert "speaks to an editor" in server.stderr.readline()
        os.close(terminal)
        os.close(ours)  # hangs up
        server.wait(30)


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (["--tcp", "0.0.0.0:7000"], "expected 127.0.0.1, ::1 or localhost, because the server has no sign-in; got: 0.0.0.0"),
        (["--tcp", "127.0.0.1:http"], "expected a port up to 65535, got: http"),
        (["--tcp", "127.0.0.1:70000"], "expected a port up to 65535, got: 70000"),
        (["--tcp", "127.0.0.1:7000", "--stdio"], "expected --stdio or --tcp, got both"),
    ],
)  # fmt: skip
def test_invalid_addresses_are_refused(arguments: list[str], said: str) -> None:
    ran = subprocess.run([*PROGRAM, *arguments], capture_output=True, text=True, timeout=60, check=False)
    assert ran.returncode == 2
    assert said in " ".join(ran.stderr.split())


def test_without_its_extra_lsp_says_what_to_install() -> None:
    code = "import sys; sys.modules['pygls'] = None\nfrom opord.cli import main\nmain()"
    ran = subprocess.run(
        [sys.executable, "-c", code, "lsp"], capture_output=True, text=True, timeout=60, check=False
    )
    assert ran.returncode == 2
    assert 'pip install "opord[lsp]"' in ran.stderr
    assert "Traceback" not in ran.stderr


def test_the_log_goes_to_a_file(tmp_path: Path) -> None:
    log = tmp_path / "lsp.log"
    ran = subprocess.run(
        [*PROGRAM, "--log-file", str(log)], input=HELLO + b"Content-Length: 9\r\n\r\n{ no json" + BYE,
        capture_output=True, timeout=60, check=False,
    )  # fmt: skip
    assert ran.returncode == 0
    assert "ERROR" in log.read_text(encoding="utf-8")
