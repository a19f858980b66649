"""An event that stalls a run, on the command line: what is said, and how it is taken out."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path

import pytest

from tests.cli.kit import Said, Shop

CONTRACT = """\
## Adds up deliveries until enough have come.
contract Tally(ref: str, n: int, when: datetime) key "{ref}-{n // 1}"
role clerk
event add(n: int) by clerk
event add2(n: int)
event weigh(n: int)
event move_to(d: duration) keep
effect scale(n: int) -> int
phase Open {
  on cancel(reason) -> goto Cancelled(reason)
  initial state G(total: int = n * 4, mean: int = 100 // n) -> G | H | Cancelled | Done {
    on add(n) -> goto G(total + n, mean)
    on add2(n) if total + n < 1000 -> goto G(total + n, mean)
    on weigh(n) {
      let w = perform scale(n)
      goto G(total + w, 100 // w)
    }
    on move_to(d) -> goto H(when + d)
    after 30d -> goto Done(total)
  }
  state H(d: datetime) -> Done | Cancelled { at d + 1d -> goto Done(1) }
}
final state Done(total: int) success
final state Cancelled(reason: str) cancelled
"""

HANDLERS = """\
class Handlers:
    async def scale(self, n):
        return n
"""

MOST = 2**63 - 1


@pytest.fixture
def tally(shop: Shop) -> Callable[..., Said]:
    (shop.folder / "tally.opord").write_text(CONTRACT)
    (shop.folder / "scales.py").write_text(HANDLERS)
    at = json.dumps({"ref": "g", "n": 1, "when": "2026-12-01T00:00:00Z"})
    assert shop.opord("runs", "start", "tally.opord", "--input", at).status == 0
    return shop.opord


def send(tally: Callable[..., Said], event: str, n: int) -> Said:
    return tally(
        "runs", "send", "Tally/g-1", event, "--input", json.dumps({"n": n}), "--as", "ann", "--role", "clerk"
    )


def stall(shop: Shop) -> str:
    """Stall the run by an event, and return the event's id."""
    assert send(shop.opord, "weigh", 0).status == 0
    shop.process("worker", "--contract", "tally.opord", "--handlers", "scales:Handlers", "--until-idle")
    waits = shop.opord("runs", "show", "Tally/g-1", "--json").json["waiting_for"]
    return str(next(one["id"] for one in waits if one.get("verb") == "drop_event"))


def test_an_event_that_could_only_stall_the_run_is_refused(tally: Callable[..., Said]) -> None:
    guard, body = send(tally, "add2", MOST), send(tally, "add", MOST)
    assert (guard.status, body.status) == (1, 1)
    assert guard.err.startswith(
        "error[event_refused]: Tally/g-1 is in G, and its condition for 'add2' cannot be computed"
    )
    assert "Overflow: the integer leaves the 64-bit range (tally.opord:13)" in guard.err
    assert body.err.startswith(
        "error[event_would_stall]: Tally/g-1 is in G, and its answer to this 'add' cannot"
    )
    assert "change the line tally.opord:12 in a new version of the contract" in body.err
    said = send(tally, "add", 1)
    assert (said.status, said.out) == (0, "Tally/g-1 took it (add); the run is in G\n")
    shown = tally("runs", "show", "Tally/g-1", "--json").json
    assert (shown["status"], shown["data"]["total"]) == ("waiting", 5)
    assert tally("runs", "verify", "Tally/g-1").status == 0


def test_a_stalled_run_says_so_and_its_event_is_dropped(shop: Shop, tally: Callable[..., Said]) -> None:
    event = stall(shop)
    refused = send(tally, "add", 1)
    assert refused.err.startswith(
        "error[event_refused]: Tally/g-1 is stalled in G and takes 'add' only when it goes on"
    )
    assert (
        f"`opord runs drop-event Tally/g-1 {event} --reason …` to take out the 'weigh' that stalled it"
        in refused.err
    )
    page = tally("runs", "show", "Tally/g-1").out
    assert f"opord runs drop-event Tally/g-1 {event} --reason …" in page
    assert "a person: drop-event, to take weigh out" in page
    foretold = tally("runs", "drop-event", "Tally/g-1", event, "--dry-run")
    assert (foretold.status, foretold.out) == (0, f"Tally/g-1: {event} would be dropped\n")
    said = tally("runs", "drop-event", "Tally/g-1", event, "--as", "bob", "--reason", "a typo")
    assert (said.status, said.out) == (0, f"Tally/g-1: {event} dropped\n")
    assert "bob dropped the event weigh  “a typo”  of record 2" in tally("runs", "history", "Tally/g-1").out
    record = next(
        one for one in tally("runs", "history", "Tally/g-1", "--json").json if one["kind"] == "dropped"
    )
    assert (record["event"], record["id"], record["of"], record["actor"]) == ("weigh", event, 2, "bob")
    shown = tally("runs", "show", "Tally/g-1", "--json").json
    assert (shown["status"], shown["needs"]) == ("waiting", [])
    assert [one["timer"] for one in shown["waiting_for"] if "timer" in one] == ["G after"]
    assert send(tally, "add", 1).status == 0
    assert tally("runs", "verify", "Tally/g-1").status == 0


def test_a_refused_drop_says_why(shop: Shop, tally: Callable[..., Said]) -> None:
    event = stall(shop)
    unknown = tally("runs", "drop-event", "Tally/g-1", "x", "--json")
    assert (
        unknown.status,
        "error[event_id_unknown]: Tally/g-1 has no event with the id 'x'" in unknown.err,
    ) == (1, True)
    assert tally("runs", "drop-event", "Tally/g-1", event, "--json").json == {
        "run": "Tally/g-1", "event_id": event, "done": "drop",
    }  # fmt: skip
    again = tally("runs", "drop-event", "Tally/g-1", event)
    assert (again.status, "was dropped before" in again.err) == (1, True)
    assert "error[run_unknown]" in tally("runs", "drop-event", "Tally/none", event).err


def test_an_archived_run_tells_of_it(shop: Shop, tally: Callable[..., Said], tmp_path: Path) -> None:
    assert tally("runs", "drop-event", "Tally/g-1", stall(shop)).status == 0
    assert tally("runs", "cancel", "Tally/g-1").status == 0
    archive = str(tmp_path / "old.jsonl")
    assert tally("prune", "--ended-before", "0d", "--archive", archive).status == 0
    assert "dropped the event weigh" in tally("runs", "history", "Tally/g-1", "--archive", archive).out
