"""Shared by the command line's tests: an order desk, its handlers, and calls of the program."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

DESK = """\
## Takes an order and charges its card.
contract Desk(order: Order) key order.id version 1

record Order { id: str, cents: int, card: secret str }
record Receipt { charge: str }

failure PaymentError { Declined(reason: str), Busy transient }

role manager

event approve(note: str) by manager

pure   worth(order: Order) -> int
effect find_customer(id: str) -> str
action charge(order: Order) -> Receipt fails PaymentError { retry 2 times backoff 1ms to 2ms, timeout 5s }
action tell(text: str) { in doubt skip }

phase Open {
  on cancel(reason) -> goto Cancelled(reason)

  initial state Received -> Review | Charging | Cancelled {
    let customer = perform find_customer(order.id)
    if worth(order) > 1000 { goto Review(customer) }
    goto Charging
  }

  state Review(customer: str) -> Charging | Cancelled {
    on approve(note) -> goto Charging
    after 48h -> goto Cancelled("nobody decided")
  }
}

state Charging -> Charged | Rejected {
  match commit charge(order) {
    ok receipt -> goto Charged(receipt)
    Declined(reason) -> goto Rejected(reason)
    Busy -> goto Rejected("busy")
  }
}

state Charged(receipt: Receipt) -> Done {
  commit tell("charged {receipt.charge}")
  goto Done(receipt)
}

final state Done(receipt: Receipt) success
final state Rejected(reason: str) failure
final state Cancelled(reason: str) cancelled
"""

HANDLERS = """\
# How each call ends is told by the first word of the order's id.

tries = {}


class Handlers:
    def worth(self, order):
        if order.id.startswith("unpriced"):
            return self._price(order.id)
        return order.cents

    def _price(self, id):
        raise ConnectionError("no route to the price list")

    async def find_customer(self, id):
        return "customer of " + id

    async def charge(self, order, *, call):
        tries[order.id] = tries.get(order.id, 0) + 1
        if order.id.startswith("declined"):
            raise type(self).errors.Declined(reason="no funds")
        if order.id.startswith("busy") and tries[order.id] < 3:
            raise type(self).errors.Busy()
        if order.id.startswith("lost"):
            raise ConnectionError("the answer was lost")
        return {"charge": "ch_" + order.id}

    async def tell(self, text, *, call):
        if "silent" in text:
            raise ConnectionError("nobody listens")
"""

HANDLERS_MODULE = f"""\
import opord.loading

{HANDLERS}

Handlers.errors = opord.loading.load("desk.opord").PaymentError
"""

OPORD = [sys.executable, "-c", "from opord.cli import main; main()"]


@dataclass
class Said:
    """The result of a call of the program: its exit status and its output."""

    status: int
    out: str
    err: str

    @property
    def json(self) -> Any:
        return json.loads(self.out)


class Shop:
    """A folder with a contract, handlers and a store, and the program to work on them."""

    def __init__(self, folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
        self.folder = folder
        self._capsys = capsys
        (folder / "desk.opord").write_text(DESK)
        (folder / "handlers.py").write_text(HANDLERS_MODULE)

    def opord(self, *arguments: str) -> Said:
        """Call the program in this process."""
        from opord.cli.program import run

        self._capsys.readouterr()
        status = run(arguments)
        said = self._capsys.readouterr()
        return Said(status, said.out, said.err)

    def process(self, *arguments: str, given: str | None = None, **environment: str) -> Said:
        """Call the program as a process of its own, and wait for its end."""
        ran = subprocess.run(
            [*OPORD, *arguments], cwd=self.folder, input=given, capture_output=True, text=True, timeout=60,
            env={**os.environ, **environment},
        )  # fmt: skip
        return Said(ran.returncode, ran.stdout, ran.stderr)

    def begin(self, *arguments: str) -> subprocess.Popen[str]:
        """Begin a call of the program as a process of its own."""
        return subprocess.Popen(
            [*OPORD, *arguments], cwd=self.folder, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
        )

    def start(self, *ids: str, cents: int = 100) -> None:
        """Start a run for each id."""
        (self.folder / "some.jsonl").write_text("".join(f"{order(one, cents)}\n" for one in ids))
        said = self.opord("runs", "start", "desk.opord", "--input", "@some.jsonl")
        assert said.status == 0, said.err

    def work(self, *flags: str) -> Said:
        """Let a worker carry out what is due."""
        return self.process(
            "worker", "--contract", "desk.opord", "--handlers", "handlers:Handlers", "--until-idle", *flags
        )

    def view(self, one: str) -> Any:
        """Return a run as shown."""
        return self.opord("runs", "show", f"Desk/{one}", "--json").json


def order(one: str, cents: int = 100) -> str:
    """Return the input of a run."""
    return json.dumps({"order": {"id": one, "cents": cents, "card": "4242-secret"}})


def stop(process: subprocess.Popen[str], number: int = signal.SIGTERM) -> Said:
    """Send a process a signal and wait for its end."""
    process.send_signal(number)
    out, err = process.communicate(timeout=60)
    return Said(process.returncode, out, err)


def words(lines: Sequence[str]) -> str:
    return " ".join(" ".join(lines).split())
