"""Promises checked against journals: for each kind one run that keeps it and one that breaks it."""

from __future__ import annotations

import pytest

from opord.contract import Contract, Promise
from opord.kernel.rows import RecordRow
from opord.simulate.promises import broken_promises
from opord.values.canonical import dumps

STARTED = ("started", {"to": "A"})
INTENT = ("intent", {"call": "charge"})
OK = ("outcome", {"call": "charge", "outcome": {"ok": None}, "by": "call"})
SKIP = ("outcome", {"call": "charge", "outcome": {"ok": None}, "by": "skip"})
DECLINED = ("outcome", {"call": "charge", "outcome": {"failed": {"type": "E.Declined"}}})
IN_DOUBT = ("outcome", {"call": "charge", "outcome": {"failed": {"type": "InDoubt"}}, "by": "report"})
TO_B = ("transition", {"from": "A", "to": "B", "cause": "body"})
FOUND = ("transition", {"from": "A", "to": "B", "cause": "body", "calls": [{"call": "find", "ok": 1}]})

ONCE = Promise("at most once", ("charge",))
ONLY = Promise("only after", ("B",), ("charge",))
ONLY_FOUND = Promise("only after", ("B",), ("find",))
NEVER = Promise("never after", ("B",), ("charge",))
LATER = Promise("eventually", ("B",), ("charge",))
TABLE = [
    (ONCE,       [STARTED, INTENT, OK],                    "kept"),
    (ONCE,       [STARTED, INTENT, DECLINED, INTENT, OK],  "kept"),
    (ONCE,       [STARTED, INTENT, OK, INTENT],            "broken"),
    (ONCE,       [STARTED, INTENT, IN_DOUBT, INTENT],      "broken"),
    (ONLY,       [STARTED, INTENT, OK, TO_B],              "kept"),
    (ONLY,       [STARTED, INTENT, DECLINED, TO_B],        "broken"),
    (ONLY,       [STARTED, INTENT, SKIP, TO_B],            "broken"),
    (ONLY_FOUND, [STARTED, FOUND],                         "kept"),
    (ONLY_FOUND, [STARTED, TO_B],                          "broken"),
    (NEVER,      [STARTED, INTENT, DECLINED, TO_B],        "kept"),
    (NEVER,      [STARTED, INTENT, IN_DOUBT, TO_B],        "broken"),
    (LATER,      [STARTED, INTENT, OK, TO_B],              "kept"),
    (LATER,      [STARTED, INTENT, OK],                    "broken"),
    (LATER,      [STARTED, INTENT, DECLINED],              "kept"),
    (LATER,      [STARTED, INTENT, IN_DOUBT],              "broken"),
]  # fmt: skip


@pytest.mark.parametrize(("promise", "records", "verdict"), TABLE)
def test_a_promise_is_kept_or_broken(
    promise: Promise, records: list[tuple[str, dict[str, object]]], verdict: str
) -> None:
    contract = Contract("C", 1, (), None, promises=(promise,))
    rows = [RecordRow(n, 0, kind, dumps(body), "") for n, (kind, body) in enumerate(records, 1)]
    assert bool(broken_promises(contract, rows, ended=True)) == (verdict == "broken")


def test_a_promise_about_the_future_is_open_while_a_run_goes_on() -> None:
    contract = Contract("C", 1, (), None, promises=(LATER,))
    rows = [RecordRow(n, 0, kind, dumps(body), "") for n, (kind, body) in enumerate([STARTED, INTENT, OK], 1)]
    assert broken_promises(contract, rows, ended=False) == []
