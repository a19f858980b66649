"""A run that cannot be read or carried does not stop other runs.

It does not keep a worker from becoming idle either.
"""

from __future__ import annotations

import asyncio
import logging
from pathlib import Path

import apsw
import pytest

import opord
from opord.drive.errors import CannotClaim, RunUnreadable
from opord.engine.worker import CLAIMS_FAILED_MOST
from opord.stores.base import RowDamaged
from tests.support.contracts import compiled, workflow_of
from tests.support.kit import Kit
from tests.support.store import FOR_EVER, Fault, FaultyStore
from tests.support.stores import overwrite_body, overwrite_messages

DESK = """
contract Desk(id: str) key id
effect look(id: str) -> str
initial state Open(tries: int = 0) -> Done {
  let seen = perform look(id)
  goto Done(seen)
}
final state Done(seen: str) success
"""


class Looks:
    def __init__(self) -> None:
        self.asked: list[str] = []

    async def look(self, id: str) -> str:
        self.asked.append(id)
        if id.startswith("bad"):
            raise ConnectionError("nobody there")
        return f"seen {id}"


def a_kit() -> Kit:
    return Kit(DESK, lambda module: Looks())


async def started(kit: Kit, *ids: str) -> None:
    async with kit.engine(serve=False) as engine:
        for one in ids:
            await engine.start(kit.workflow, id=one)


def spoil(kit: Kit, run: str, body: str) -> None:
    overwrite_body(kit.store, run, body)


@pytest.mark.parametrize(
    "body",
    [
        "",
        "no json",
        "[]",
        "{}",
        '{"data":5,"entered":1}',
        '{"data":{},"entered":"x"}',
        '{"data":{"x":1},"entered":1}',
    ],
)
def test_a_worker_becomes_idle_and_names_the_run_that_it_cannot_read(body: str) -> None:
    kit = a_kit()

    async def main() -> dict[str, str]:
        await started(kit, "a", "broken", "c")
        spoil(kit, "Desk/broken", body)
        async with kit.engine() as engine:
            await engine.until_idle()
            assert engine.worker is not None
            with pytest.raises(RunUnreadable, match="opord runs verify Desk/broken"):
                await engine.run_status("Desk/broken")
            head = kit.row("Desk/broken").head
            # It has no holder, is due later, and says why it was put off.
            assert (head.worker, head.status) == (None, "running")
            assert "cannot read it" in head.reason
            assert head.wake_at > kit.clock.now_us
            return dict(engine.worker.unreadable)

    assert list(kit.run(main())) == ["Desk/broken"]
    assert kit.handlers.asked == ["a", "c"]
    assert len(kit.store.journal("Desk/broken")) == 1


@pytest.mark.parametrize("body", ['{"data":5,"entered":1}', '{"data":{"x":1},"entered":1}', "no json"])
def test_a_run_with_unreadable_data_can_be_terminated(body: str) -> None:
    kit = a_kit()

    async def main() -> None:
        await started(kit, "broken")
        spoil(kit, "Desk/broken", body)
        async with kit.engine(serve=False) as engine:
            await engine.client.terminate("Desk/broken", actor="root")

    kit.run(main())
    head = kit.row("Desk/broken").head
    assert (head.status, head.outcome) == ("ended", "terminated")
    assert [record.kind for record in kit.store.journal("Desk/broken")] == ["started", "terminated"]


def test_a_run_that_can_be_read_again_goes_on_by_itself() -> None:
    kit = a_kit()

    async def main() -> None:
        await started(kit, "broken")
        whole = kit.row("Desk/broken").head.body
        spoil(kit, "Desk/broken", "no json")
        async with kit.engine() as engine:
            await engine.until_idle()
            spoil(kit, "Desk/broken", whole)
            await kit.until(lambda: kit.row("Desk/broken").head.status == "ended", seconds=60)
            assert engine.worker is not None
            assert engine.worker.unreadable == {}

    kit.run(main())
    kit.check()


def test_an_unreadable_run_is_claimed_rarely() -> None:
    kit = a_kit()

    async def main() -> int:
        await started(kit, "broken")
        spoil(kit, "Desk/broken", "no json")
        async with kit.engine():
            await asyncio.sleep(600)
        return int(kit.row("Desk/broken").epoch)

    assert kit.run(main()) <= 61


@pytest.mark.parametrize("poisoned", [1, 50])
def test_runs_that_always_fail_are_tried_a_few_times_and_others_go_on(poisoned: int) -> None:
    kit = a_kit()

    async def main() -> None:
        names = [f"bad{number}" for number in range(poisoned)] + [f"good{number}" for number in range(100)]
        await started(kit, *names)
        async with kit.engine(concurrency=16) as engine:
            await asyncio.sleep(60)
            await engine.until_idle()

    kit.run(main())
    asked = kit.handlers.asked
    for number in range(poisoned):
        # Four attempts, then it is stalled, and no worker claims it again.
        assert asked.count(f"bad{number}") == 4
        row = kit.row(f"Desk/bad{number}")
        assert (row.head.status, row.head.wake_at, row.epoch) == ("stalled", None, 4)
        assert "nobody there" in row.head.reason
    assert all(kit.row(f"Desk/good{number}").head.status == "ended" for number in range(100))
    assert [asked.count(f"good{number}") for number in range(100)] == [1] * 100


def test_runs_that_always_fail_do_not_take_the_places_of_others() -> None:
    """The other runs need as many turns with the bad ones as without.

    They end before the first bad one is retried.
    """

    def order(poisoned: int) -> list[str]:
        kit = a_kit()

        async def main() -> None:
            await started(kit, *[f"bad{n}" for n in range(poisoned)], *[f"good{n}" for n in range(50)])
            async with kit.engine(concurrency=1000) as engine:
                await engine.until_idle()

        kit.run(main())
        return list(kit.handlers.asked)

    alone, among = order(0), order(50)
    assert [one for one in among if one.startswith("good")] == alone
    assert max(among.index(one) for one in alone) < 100


def test_a_worker_that_cannot_claim_at_all_ends_with_the_reason() -> None:
    kit = a_kit()
    damaged = RowDamaged("a row is not what was written")
    store = FaultyStore(kit.store, Fault(damaged, "claim", times=FOR_EVER))

    async def main() -> None:
        await started(kit, "a")
        async with kit.engine(store=store) as engine:
            with pytest.raises(CannotClaim, match=f"{CLAIMS_FAILED_MOST} times in a row"):
                await engine.until_idle()

    kit.run(main())


def test_a_row_with_invalid_text_does_not_stop_other_claims(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    flow = workflow_of(compiled(DESK))
    where = tmp_path / "runs.db"
    url = f"sqlite:///{where}"
    handlers = Looks()

    async def start() -> None:
        async with opord.Engine(url, [flow]) as engine:
            for one in ("a", "b", "c"):
                await engine.start(flow, id=one)

    async def work() -> None:
        async with opord.Engine(url, [flow(handlers)]) as engine:
            await asyncio.wait_for(engine.until_idle(), 20)

    asyncio.run(start())
    connection = apsw.Connection(str(where))
    connection.execute("UPDATE heads SET body = CAST(x'7bff7d' AS TEXT) WHERE run = 2")
    connection.close()
    with caplog.at_level(logging.ERROR, logger="opord.store"):
        asyncio.run(work())
    assert sorted(handlers.asked) == ["a", "c"]
    assert [record.getMessage()[:12] for record in caplog.records] == ["run number 2"]


def test_an_unreadable_message_stalls_only_its_own_run() -> None:
    kit = Kit(
        """
contract Bell(id: str) key id
event ring(loud: int) keep
effect look(id: str) -> str
initial state Quiet -> Rung {
  let seen = perform look(id)
  goto Rung
}
state Rung -> Over {
  on ring(loud) -> goto Over
  after 1h -> goto Over
}
final state Over success
""",
        lambda module: Looks(),
    )

    async def main() -> None:
        async with kit.engine(serve=False) as engine:
            for one in ("a", "b"):
                run = await engine.start(kit.workflow, id=one)
                await run.send.ring(loud=1)
        overwrite_messages(kit.store, "Bell/a", "no json")
        async with kit.engine() as engine:
            await engine.until_idle()

    kit.run(main())
    assert [kit.row(f"Bell/{one}").head.status for one in ("a", "b")] == ["stalled", "ended"]


def test_a_worker_that_stops_gives_unreadable_runs_to_the_next_one_at_once() -> None:
    kit = a_kit()

    async def main() -> None:
        await started(kit, "broken")
        whole = kit.row("Desk/broken").head.body
        spoil(kit, "Desk/broken", "no json")
        async with kit.engine() as engine:
            await engine.until_idle()
        assert kit.row("Desk/broken").head.wake_at <= kit.clock.now_us
        spoil(kit, "Desk/broken", whole)
        async with kit.engine() as engine:
            await engine.until_idle()

    kit.run(main())
    assert kit.row("Desk/broken").head.status == "ended"
