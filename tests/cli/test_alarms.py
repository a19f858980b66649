"""An alarm as an operator sees it: in every list, and until it is acknowledged."""

from __future__ import annotations

import asyncio

import opord
from opord.kernel.inbox import Evidence
from tests.cli.kit import Shop


def alarm(shop: Shop, *names: str) -> None:
    """Terminate runs with their charge in doubt, and have the charge's result come after that."""
    shop.start(*names)
    shop.work()
    for name in names:
        history = shop.opord("runs", "history", f"Desk/{name}", "--json").json
        (intent,) = [one["seq"] for one in history if one["kind"] == "intent"]
        assert shop.opord("runs", "terminate", f"Desk/{name}", "--as", "root").status == 0
        asyncio.run(late(shop, f"Desk/{name}", intent))


async def late(shop: Shop, run: str, intent: int) -> None:
    async with opord.Engine(f"sqlite:///{shop.folder}/opord.db", create=False) as engine:
        await engine.client.late(run, Evidence(intent, "charge", 1, "ok", {"charge": "c-9"}, "w7"))


def test_an_alarm_is_seen_everywhere_and_closed_by_a_person(shop: Shop) -> None:
    alarm(shop, "lost-1")
    run = "Desk/lost-1"
    listed = shop.opord("runs", "list", "--needs", "alarm")
    assert [line.split()[3] for line in listed.out.splitlines()[1:]] == ["alarm"]
    shown = shop.opord("runs", "show", run).out
    assert "needs      alarm: later evidence contradicts a decision (since " in shown
    assert "charge took effect (attempt 1, says worker w7), and the run had been terminated before" in shown
    assert "look at the other side; reverse by hand what should not have happened" in shown
    view = shop.view("lost-1")
    (wait,) = view["waiting_for"]
    assert (wait["person"], wait["verb"]) == ("operator", "acknowledge")
    assert f"opord runs acknowledge {run} --seen {wait['seen']} --reason …" in shown
    told = shop.opord("runs", "history", run).out
    assert "⚠ alarm: yes after the end  attempt 1 of charge  key" in told
    doctor = shop.opord("doctor")
    assert "1 run has an alarm: later evidence contradicts a decision" in doctor.out
    assert "opord runs list --needs alarm" in doctor.out
    verified = shop.opord("runs", "verify", run)
    assert (verified.status, verified.out.split("; it ")[1].strip()) == (1, "needs a person (alarm)")
    worked = shop.work()
    assert f"{run} needs a person: later evidence contradicts a decision" in worked.err
    pruned = shop.opord("prune", "--ended-before", "0s", "--no-archive")
    assert pruned.out.startswith("0 runs pruned")
    assert "1 run stays, because an alarm is open; `opord runs list --needs alarm` lists them" in pruned.out

    early = shop.opord("runs", "acknowledge", run, "--seen", "2", "--as", "ann")
    assert (early.status, "an alarm came after record 2" in early.err) == (1, True)
    closed = shop.opord("runs", "acknowledge", run, "--as", "ann", "--reason", "refunded")
    assert (closed.status, closed.out) == (0, f"{run}: acknowledged\n")
    again = shop.opord("runs", "acknowledge", run, "--as", "ann")
    assert (again.status, again.err.startswith("error[no_alarm]: ")) == (1, True)
    assert "ann acknowledged the alarm of record " in shop.opord("runs", "history", run).out
    assert shop.opord("runs", "verify", run).status == 0
    assert shop.opord("prune", "--ended-before", "0s", "--no-archive").out.startswith("1 run pruned")


def test_alarms_of_several_runs_are_acknowledged_by_a_filter(shop: Shop) -> None:
    alarm(shop, "lost-1", "lost-2")
    shop.start("o1")
    trial = shop.opord("runs", "acknowledge", "--contract", "Desk", "--dry-run", "--json")
    assert {one["run"] for one in trial.json} == {"Desk/lost-1", "Desk/lost-2"}
    closed = shop.opord("runs", "acknowledge", "--needs", "alarm", "--json", "--reason", "looked")
    assert (closed.status, {one["done"] for one in closed.json}) == (0, {"acknowledge"})
    assert shop.opord("runs", "list", "--needs", "alarm", "--json").json == []
    assert shop.opord("runs", "acknowledge", "--needs", "alarm", "--seen", "4").status == 2
