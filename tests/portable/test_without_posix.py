"""Contracts are checked, drawn, generated and more on systems that are not POSIX."""

from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path

import pytest

import opord.examples.orders
from tests.portable import not_posix

EXAMPLES = Path(opord.examples.orders.__file__).parent
CONTRACT = (EXAMPLES / "order.opord").read_text(encoding="utf-8")
PROGRAM = [sys.executable, not_posix.__file__]

ORDER = '{"order":{"id":"o1","customer":"c1","total_cents":500,"lines":[{"sku":"tea","quantity":1}],"card_token":"tok"}}'
REFUSED = (
    "error[system_unsupported]: Opord keeps runs on POSIX systems only, such as Linux and macOS; on this system "
    "it can check, format, explain, draw and generate contracts\n"
)


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    (tmp_path / "order.opord").write_text(CONTRACT, encoding="utf-8", newline="\n")
    (tmp_path / "handlers.py").write_text("def risk(order, customer): return 0.0\n", encoding="utf-8")
    return tmp_path


def run(folder: Path, *arguments: str, given: bytes = b"") -> subprocess.CompletedProcess[bytes]:
    return subprocess.run([*PROGRAM, *arguments], cwd=folder, input=given, capture_output=True, timeout=120)


@pytest.mark.parametrize(
    ("arguments", "told"),
    [
        (["check", "order.opord"], "no findings"),
        (["check", "--strict", "--format", "sarif", "."], '"results":[]'),
        (["check", "--fix", "order.opord"], "no findings"),
        (["fmt", "order.opord"], ""),
        (["fmt", "-"], "contract OrderFulfilment"),
        (["explain", "order.opord"], "OrderFulfilment"),
        (["explain", "order.opord", "--format", "html", "-o", "sheet.html"], ""),
        (["explain", "exhaustive"], "exhaustive"),
        (["gen", "order.opord", "-o", "src"], "written"),
        (["diagram", "order.opord", "--format", "mermaid"], "state_Shipping"),
        (["diagram", "order.opord", "-o", "order.svg"], "order.svg"),
        (["new", "book_orders"], "book_orders/book_orders.opord"),
        (["keys", "new"], "="),
        (["simulate", "order.opord", "--runs", "5"], "5 runs"),
        (["--help"], "Workflows as checked contracts"),
    ],
    ids=lambda value: " ".join(value) if isinstance(value, list) else "",
)
def test_what_needs_no_store_works(folder: Path, arguments: Sequence[str], told: str) -> None:
    ran = run(folder, *arguments, given=CONTRACT.encode())
    assert (ran.returncode, ran.stderr.decode()) == (0, "")
    assert told in ran.stdout.decode("utf-8")


def test_an_editor_is_served(folder: Path) -> None:
    ran = run(folder, "lsp", given=b"".join(map(message, session((folder / "order.opord").as_uri()))))
    assert (ran.returncode, ran.stderr) == (0, b"")
    assert b'"hoverProvider"' in ran.stdout
    assert b"unknown name" in ran.stdout or b"OP1" in ran.stdout


def session(uri: str) -> list[dict[str, object]]:
    """Return what an editor sends that opens a contract with a mistake, and goes."""
    document = {
        "uri": uri,
        "languageId": "opord",
        "version": 1,
        "text": CONTRACT.replace("key order.id", "key ordr.id"),
    }
    return [
        {"id": 1, "method": "initialize", "params": {"processId": None, "rootUri": None, "capabilities": {}}},
        {"method": "initialized", "params": {}},
        {"method": "textDocument/didOpen", "params": {"textDocument": document}},
        {"id": 2, "method": "textDocument/hover", "params": {"textDocument": {"uri": uri}, "position": {"line": 1, "character": 12}}},
        {"id": 3, "method": "shutdown"},
        {"method": "exit"},
    ]  # fmt: skip


def message(content: dict[str, object]) -> bytes:
    body = json.dumps({"jsonrpc": "2.0", **content}).encode()
    return b"Content-Length: %d\r\n\r\n%s" % (len(body), body)


@pytest.mark.parametrize(
    "arguments",
    [
        ["worker", "--contract", "order.opord", "--handlers", "handlers"],
        ["runs", "list"],
        ["runs", "start", "order.opord", "--input", ORDER],
        ["runs", "show", "a"],
        ["runs", "cancel", "a"],
        ["prune", "--ended-before", "30d", "--archive", "old.jsonl"],
        ["db", "migrate"],
        ["demo"],
    ],
    ids=" ".join,
)
def test_what_keeps_runs_says_in_one_sentence_that_it_cannot(folder: Path, arguments: Sequence[str]) -> None:
    ran = run(folder, *arguments)
    told = [line for line in ran.stderr.decode().splitlines(keepends=True) if line.startswith("error")]
    assert (ran.returncode, told) == (3, [REFUSED])
    assert not (folder / "opord.db").exists()


def test_the_doctor_says_so_too(folder: Path) -> None:
    ran = run(folder, "doctor")
    assert ran.returncode == 3
    assert "Opord keeps runs on POSIX systems only" in " ".join(ran.stdout.decode().split())
    assert "Traceback" not in ran.stderr.decode()
