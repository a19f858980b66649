"""Real processes, files and signals: whatever dies, no charge is doubled and no run is stuck."""

from __future__ import annotations

import asyncio
import json
import signal
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

import opord
from tests.kill.siege import Siege
from tests.kill.storm import POINTS, Storm

SEED = 20_260_225


@pytest.fixture
def calm(tmp_path: Path) -> Iterator[Siege]:
    """A siege whose provider never misbehaves but takes its time."""
    made = Siege(tmp_path, seed=SEED, trouble=0.0, timeout="60s", slow_s=0.5)
    yield made
    made.close()


def flow(siege: Siege, name: str) -> Any:
    """Return the class of a contract."""
    return next(cls for _, cls in siege.flows if cls.__name__ == name)


def records(engine: opord.Engine, run: str) -> list[dict[str, Any]]:
    return [json.loads(record.body) for record in engine.store.journal(run)]


@pytest.mark.parametrize("jumps", [False, True], ids=["clock left alone", "clock set"])
def test_workers_killed_at_every_point_under_every_rule_charge_nobody_twice_and_leave_nothing_stuck(
    tmp_path: Path, jumps: bool
) -> None:
    storm = Storm(tmp_path, seed=SEED, jumps=jumps)
    try:
        counts = asyncio.run(storm.tell(kills=24))
    finally:
        storm.close()
    print(f"seed {SEED}: {dict(counts)}")
    # Make sure it was a storm: deaths at points, runs that ended well, doubts that came to an end.
    assert counts["killed"] >= 24
    assert sum(counts[f"at {point}"] for point in POINTS) >= 2
    assert counts["Done"] > 10
    assert counts["doubts"] > 2
    assert counts["takeovers"] > 10


class Stopped:
    """Two workers. The first was stopped for three leases while the provider worked on its call."""

    def __init__(self, siege: Siege, name: str) -> None:
        self.siege = siege
        self.cls = flow(siege, name)
        self.run = f"{name}/z"

    async def tell(self) -> list[dict[str, Any]]:
        siege = self.siege
        async with siege.client() as engine:
            zombie = siege.worker()
            await siege.is_up(zombie)
            await engine.start(self.cls, id="z", cents=1)
            await siege.until(lambda: "intent" in self.kinds(engine), "the intent is on record")
            zombie.send_signal(signal.SIGSTOP)
            other = siege.worker()
            await siege.is_up(other)
            await siege.until(lambda: "doubt" in self.kinds(engine), "the other worker took the run over")
            await asyncio.sleep(2 * siege.lease_s)
            zombie.send_signal(signal.SIGCONT)
            # In this order: before the evidence the run rests as well.
            await siege.until(
                lambda: "evidence" in self.kinds(engine) and siege.rests(siege.rows(engine)[0]), "it rests"
            )
            siege.judge(engine, 1)
            return records(engine, self.run)

    def kinds(self, engine: opord.Engine) -> list[str]:
        return [record.kind for record in engine.store.journal(self.run)]


def test_evidence_of_a_worker_stopped_for_three_leases_ends_the_doubt_and_changes_nothing_else(
    calm: Siege,
) -> None:
    said = asyncio.run(Stopped(calm, "Asked").tell())
    evidence = next(one for one in said if one["kind"] == "evidence")
    outcome = next(one for one in said if one["kind"] == "outcome")
    doubt = next(one for one in said if one["kind"] == "doubt")
    assert outcome["by"] == "evidence"
    assert outcome["outcome"] == evidence["outcome"]
    assert evidence["learned_by"] != doubt["worker"]
    assert said[-1]["to"] == "Done"


def test_evidence_after_the_doubt_has_ended_is_kept_and_moves_nothing(calm: Siege) -> None:
    said = asyncio.run(Stopped(calm, "Repeat").tell())
    assert [one["by"] for one in said if one["kind"] == "outcome" and one["call"] == "charge"] == ["call"]
    assert "Done" in [one.get("to") for one in said]


def test_SIGTERM_lets_calls_under_way_end_and_records_their_outcomes(calm: Siege) -> None:
    async def story() -> None:
        async with calm.client() as engine:
            worker = calm.worker()
            await calm.is_up(worker)
            runs = [await engine.start(flow(calm, "Asked"), id=f"d{n}", cents=1) for n in range(10)]
            await calm.until(
                lambda: sum("intent" in [r["kind"] for r in records(engine, run.id)] for run in runs) >= 3,
                "calls are under way",
            )
            worker.send_signal(signal.SIGTERM)
            assert await asyncio.to_thread(worker.wait, 20) == 0
            for run in runs:
                row = engine.store.load(run.id)
                assert row is not None
                kinds = [record["kind"] for record in records(engine, run.id)]
                assert row.head.worker is None
                assert "doubt" not in kinds
                assert kinds.count("intent") == kinds.count("outcome")
            assert engine.store.workers() == []
            # Nothing was lost: another worker goes on at once, without waiting for a lease.
            await calm.is_up(calm.worker())
            await calm.until(lambda: all(calm.rests(row) for row in calm.rows(engine)), "all end")
            assert {row.head.state for row in calm.rows(engine)} == {"Done"}
            calm.judge(engine, len(runs))

    asyncio.run(story())
