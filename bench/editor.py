"""How long an editor waits on a contract of 2,000 lines: for findings after a key, for completion and for hover.

The features are timed by themselves, and the way of a key through a real server: from the change that is sent
until the findings of that version have come back.
"""

from __future__ import annotations

import argparse
import json
import statistics
import subprocess
import sys
import threading
import time
from collections.abc import Callable
from typing import Any

from opord.language.syntax.source import Source
from opord.lsp.analysis import Analysis
from opord.lsp.features.colours import coloured
from opord.lsp.features.completion import complete
from opord.lsp.features.hover import hover
from opord.lsp.features.problems import problems
from opord.lsp.features.rename import rename

HEADER = """\
contract Large(order: Order) key order.id
record Order { id: str, total: int, lines: list[str] }
failure Refusal { No(reason: str), Busy transient }
event go(note: str)
pure risk(order: Order) -> float
effect look(id: str) -> str? fails Refusal { timeout 2s }
action pay(order: Order, n: int) -> str fails Refusal { key "{order.id}/{n}", retry 3 times, timeout 2s }
"""
PAIR = """
## What happens in turn {i}.
{initial}state Act{i} -> Wait{i} | Failed {{
  let size = order.total + {i}
  if size > 10 and risk(order) > 0.5 {{ goto Failed("too much: {{size}}") }}
  match commit pay(order, {i}) {{
    ok slip -> goto Wait{i}(slip, size)
    No(reason) -> goto Failed(reason)
    Busy -> goto Failed("busy")
  }}
}}
state Wait{i}(slip: str, size: int) -> {after} | Failed {{
  on go(note) if note != "" -> goto {after}
  after 48h -> goto Failed("late: {{slip}}")
}}
"""
ENDS = "\nfinal state Done success\nfinal state Failed(why: str) failure\nensure Done only after pay\nensure every run ends\n"


def contract(lines: int) -> str:
    """Write a contract of about so many lines."""
    pairs = max(1, (lines - HEADER.count("\n") - 3) // PAIR.count("\n"))
    parts = [HEADER]
    for i in range(pairs):
        after = f"Act{i + 1}" if i + 1 < pairs else "Done"
        parts.append(PAIR.format(i=i, initial="" if i else "initial ", after=after))
    return "".join(parts) + ENDS


def timed(work: Callable[[], Any], rounds: int) -> list[float]:
    """Return how many milliseconds each round took."""
    took = []
    for _ in range(rounds):
        started = time.perf_counter()
        work()
        took.append((time.perf_counter() - started) * 1000)
    return took


def row(what: str, took: list[float]) -> str:
    worst = sorted(took)[max(0, round(len(took) * 0.95) - 1)]
    return f"{what:<44}{statistics.median(took):>10.1f}{worst:>10.1f}{max(took):>10.1f}"


class Wire:
    """A server at the other end of two pipes."""

    def __init__(self) -> None:
        command = [sys.executable, "-c", "from opord.cli import main; main()", "lsp"]
        self._process = subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE)
        self.published: dict[int, float] = {}
        self.answers: dict[int, float] = {}
        self._news = threading.Condition()
        threading.Thread(target=self._listen, daemon=True).start()

    def send(self, message: dict[str, Any]) -> None:
        body = json.dumps({"jsonrpc": "2.0", **message}).encode()
        assert self._process.stdin is not None
        self._process.stdin.write(b"Content-Length: %d\r\n\r\n%s" % (len(body), body))
        self._process.stdin.flush()

    def wait(self, kept: dict[int, float], number: int) -> float:
        with self._news:
            if not self._news.wait_for(lambda: number in kept, timeout=60):
                raise TimeoutError(f"the server has not answered {number}")
        return kept[number]

    def _listen(self) -> None:
        out = self._process.stdout
        assert out is not None
        while header := out.readline():
            size = int(header.split(b":")[1])
            while out.readline().strip():
                pass
            message = json.loads(out.read(size))
            with self._news:
                if message.get("method") == "textDocument/publishDiagnostics":
                    self.published[message["params"].get("version") or 0] = time.perf_counter()
                elif "id" in message:
                    self.answers[message["id"]] = time.perf_counter()
                self._news.notify_all()

    def end(self) -> None:
        self.send({"id": 10**6, "method": "shutdown"})
        self.send({"method": "exit"})
        self._process.wait(20)


def through_the_server(text: str, rounds: int) -> dict[str, list[float]]:
    """Type letters into a body, and wait for findings, completion and hover after each."""
    wire = Wire()
    uri = "file:///bench/large.opord"
    wire.send(
        {"id": 0, "method": "initialize", "params": {"processId": None, "rootUri": None, "capabilities": {}}}
    )
    wire.wait(wire.answers, 0)
    wire.send({"method": "initialized", "params": {}})
    document = {"uri": uri, "languageId": "opord", "version": 1, "text": text}
    wire.send({"method": "textDocument/didOpen", "params": {"textDocument": document}})
    wire.wait(wire.published, 1)
    rows = text.split("\n")
    line = next(i for i in range(len(rows) // 2, len(rows)) if rows[i].startswith("  let size"))
    found: dict[str, list[float]] = {"findings": [], "completion": [], "hover": []}
    for number in range(rounds):
        version = number + 2
        place = {"line": line, "character": len(rows[line]) + number}
        change = {"range": {"start": place, "end": place}, "text": "1"}
        params = {"textDocument": {"uri": uri, "version": version}, "contentChanges": [change]}
        started = time.perf_counter()
        wire.send({"method": "textDocument/didChange", "params": params})
        found["findings"].append((wire.wait(wire.published, version) - started) * 1000)
        for kind, character in (("completion", 13), ("hover", 15)):
            number_ = version * 10 + character
            started = time.perf_counter()
            asked = {"textDocument": {"uri": uri}, "position": {"line": line, "character": character}}
            wire.send({"id": number_, "method": f"textDocument/{kind}", "params": asked})
            found[kind].append((wire.wait(wire.answers, number_) - started) * 1000)
    wire.end()
    return found


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--lines", type=int, default=2000)
    parser.add_argument("--rounds", type=int, default=12)
    options = parser.parse_args()
    text = contract(options.lines)
    analysis = Analysis(Source("large.opord", text))
    assert not analysis.result.errors, analysis.result.errors[0]
    middle = text.index("order.total", len(text) // 2)
    print(f"{text.count(chr(10))} lines, milliseconds{'median':>22}{'95 %':>10}{'worst':>10}")
    rounds = options.rounds
    print(row("read and check", timed(lambda: problems(Analysis(Source("large.opord", text))), rounds)))
    print(row("completion of a field", timed(lambda: complete(analysis, middle + 8), rounds)))
    print(row("hover", timed(lambda: hover(analysis, middle + 8), rounds)))
    print(row("colours", timed(lambda: coloured(analysis), rounds)))
    print(row("rename of a record's field", timed(lambda: rename(analysis, middle + 8, "amount"), 3)))
    for what, took in through_the_server(text, rounds).items():
        print(row(f"through the server: {what}", took))


if __name__ == "__main__":
    main()
