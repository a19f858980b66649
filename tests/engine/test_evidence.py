"""Late evidence changes no state, but it is kept, and it ends an open doubt."""

from __future__ import annotations

import asyncio
import threading
import time
from typing import Any

import pytest

import opord
from opord.backends.front import Engine
from opord.kernel.inbox import Evidence
from tests.engine.contracts import BUSY, CHARGED, FINAL, OTHER, RECEIPT, charging
from tests.engine.desk import Here, Sim, after, fails
from tests.support.contracts import compiled, workflow_of


class TestAZombie:
    """A worker stays in a call so long that another worker has taken the run over."""

    @staticmethod
    async def take_over(here: Here) -> None:
        """Take the run over as another worker does after the first was stopped for three leases."""
        await here.until(lambda: here.sim.calls("charge") == 1)
        here.sim.kit.store.release(
            here.engine.worker.name, [(here.sim.id, here.sim.kit.row(here.sim.id).epoch)]
        )  # type: ignore[union-attr]
        async with here.sim.kit.engine():
            await here.until(lambda: "doubt" in here.sim.kinds)
            await here.wait(60)
        await here.rests()

    def told(self, policy: str, *answers: Any, **scripts: Any) -> Sim:
        sim = Sim(charging(policy, report="report" in policy), charge=list(answers), **scripts)
        return sim.tell(self.take_over)

    def test_the_zombies_result_ends_the_doubt(self) -> None:
        """C14."""
        sim = self.told("in doubt ask", after(30, RECEIPT))
        assert (sim.calls("charge"), sim.ending) == (1, CHARGED)
        assert sim.record("outcome")["by"] == "evidence"
        assert sim.record("evidence")["learned_by"] == "w1"

    def test_the_zombies_final_failure_ends_the_doubt(self) -> None:
        sim = self.told("in doubt ask", after(30, FINAL))
        assert (sim.calls("charge"), sim.ending) == (1, ("Failed", {"why": "no"}))

    def test_the_zombies_transient_failure_ends_the_doubt_and_the_action_is_called_again(self) -> None:
        sim = self.told("in doubt ask, retry 3 times", after(30, BUSY), RECEIPT)
        assert (sim.calls("charge"), sim.ending) == (2, CHARGED)
        assert sim.record("evidence")["answered"] == [1]

    def test_a_successor_never_calls_an_action_without_a_key(self) -> None:
        """C13."""
        sim = self.told("in doubt ask, retry 3 times", after(30, ConnectionError("reset")))
        assert (sim.calls("charge"), sim.status) == (1, "in_doubt")

    def test_a_result_while_the_successor_repeats_is_the_outcome_and_the_repeat_is_kept(self) -> None:
        sim = self.told("key", after(20, RECEIPT), after(30, RECEIPT))
        assert (sim.calls("charge"), sim.ending, len(sim.records("outcome"))) == (2, CHARGED, 1)
        assert sim.keys("charge") == ["Charging/1/1"] * 2

    @pytest.mark.parametrize(
        ("repeat", "ending", "by"),
        [(FINAL, ("Failed", {"why": "no"}), "evidence"), (RECEIPT, CHARGED, "call")],
        ids=["fails", "succeeds"],
    )
    def test_a_late_final_failure_waits_for_a_repeat_that_is_under_way(
        self, repeat: Any, ending: Any, by: str
    ) -> None:
        """The attempts that it answered wait until the repeat has ended.

        Only then is every attempt answered.
        """
        sim = self.told("key", after(20, FINAL), after(30, repeat))
        assert sim.ending == ending
        assert sim.record("evidence")["outcome"] == {"failed": {"type": "Problem.Final", "why": "no"}}
        assert sim.record("outcome")["by"] == by

    def test_after_the_doubt_has_ended_it_is_kept_and_moves_nothing(self) -> None:
        sim = self.told("key", after(30, RECEIPT), RECEIPT)
        assert (sim.ending, len(sim.records("outcome"))) == (CHARGED, 1)
        assert sim.record("evidence")["outcome"] == {"ok": RECEIPT}
        sim = self.told("in doubt report", after(30, RECEIPT))
        assert (sim.state, sim.record("evidence")["outcome"]) == ("Unclear", {"ok": RECEIPT})

    def test_after_a_check_said_that_it_did_not_happen_a_result_still_counts(self) -> None:
        sim = self.told("in doubt check find(n, call.key)", after(10, RECEIPT), after(40, OTHER), find=[None])
        assert (sim.calls("charge"), sim.ending) == (2, CHARGED)


SEALED = """
contract Vaulted(n: int) key n version 1
record Receipt { id: str, token: secret str }
failure Problem { Final(hint: secret str) }
action charge(n: int) -> RESULT fails Problem { key }
effect wait(n: int)
initial state Charging -> Waiting | Refused {
  let receipt = commit charge(n) else problem -> goto Refused
  goto Waiting(receipt)
}
state Waiting(receipt: RESULT) -> Done { perform wait(n)
  goto Done }
final state Done success
final state Refused failure
"""

CANARY = "canary-token-9187"


@pytest.mark.parametrize(
    ("result", "answer", "late"),
    [
        ("secret str", CANARY, CANARY),
        ("Receipt", {"id": "r1", "token": CANARY}, {"id": "r1", "token": CANARY}),
        ("Receipt", {"id": "r1", "token": "t"}, fails("Problem.Final", hint=opord.Secret(CANARY))),
    ],
    ids=["secret", "record with a secret", "failure with a secret"],
)
def test_a_secret_in_late_evidence_is_sealed_in_the_inbox(result: str, answer: Any, late: Any) -> None:
    """The successor has the outcome on record and holds the run.

    So late evidence must wait in the inbox.
    """
    text = SEALED.replace("RESULT", result)
    sim = Sim(text, charge=[after(30, late), answer], wait=[after(60)])
    seen: list[str] = []

    async def story(here: Here) -> None:
        store = here.sim.kit.store
        await here.until(lambda: here.sim.calls("charge") == 1)
        store.release(here.engine.worker.name, [(here.sim.id, here.sim.kit.row(here.sim.id).epoch)])  # type: ignore[union-attr]
        async with here.sim.kit.engine():
            await here.until(lambda: store.inbox(here.sim.id) != [])
            seen.extend(row.body for row in store.inbox(here.sim.id))
            await here.reaches("Done")

    sim.tell(story)
    (waited,) = seen
    assert CANARY not in waited
    assert '"$sealed"' in waited
    assert sim.record("evidence")["learned_by"] == "w1"
    assert CANARY not in str(sim.records())


TWICE = """
contract Twice(n: int) key n version 1
action charge(n: int) -> str { repeatable, in doubt ask }
initial state First -> Second { commit charge(n)
  goto Second }
state Second -> Done { commit charge(n)
  goto Done }
final state Done success
"""


class TestEvidenceOfAnAttemptThatIsNotTheOneInDoubt:
    async def late(self, here: Here, attempt: int, kind: str, value: Any) -> None:
        await here.client.late(here.sim.id, Evidence(2, "charge", attempt, kind, value, "w0"))
        await here.wait(1)

    @pytest.mark.parametrize(
        ("policy", "settles"), [("in doubt ask, retry 5 times", False), ("key, retry 1 times", True)]
    )
    def test_a_failure_that_settles_does_so_only_under_the_same_key(self, policy: str, settles: bool) -> None:
        never = {"type": "Problem.Settled", "why": "never"}

        async def story(here: Here) -> None:
            await here.rests()
            assert here.sim.status == "in_doubt"
            await self.late(here, 1, "failed", never)
            assert (here.sim.state == "Failed") == settles

        sim = Sim(charging(policy), charge=[BUSY, ConnectionError("reset")]).tell(story)
        assert sim.record("evidence").get("answered") == ([2] if settles else None)

    def test_a_final_failure_of_an_attempt_that_is_not_in_doubt_ends_nothing(self) -> None:
        async def story(here: Here) -> None:
            await here.rests()
            await self.late(here, 1, "failed", {"type": "Problem.Final", "why": "no"})
            assert here.sim.status == "in_doubt"

        Sim(charging("key, retry 1 times"), charge=[BUSY, ConnectionError("reset")]).tell(story)

    def test_a_late_failure_of_one_attempt_leaves_the_doubt_about_another(self) -> None:
        no, reset = {"type": "Problem.Final", "why": "no"}, ConnectionError("reset")

        async def story(here: Here) -> None:
            await here.rests()
            await self.late(here, 1, "failed", no)
            assert here.sim.status == "in_doubt"
            await self.late(here, 2, "failed", {"type": "Problem.Busy"})
            await here.reaches("Failed")

        sim = Sim(charging("key, retry 1 times"), charge=[reset]).tell(story)
        assert [each["answered"] for each in sim.records("evidence")] == [[1], [2]]
        assert (sim.calls("charge"), sim.record("outcome")["outcome"]) == (2, {"failed": no})

    def test_a_transient_failure_answers_its_own_attempt(self) -> None:
        """It did not take effect: with attempts left the action is called again.

        No person is asked.
        """

        async def story(here: Here) -> None:
            await here.rests()
            await self.late(here, 1, "failed", {"type": "Problem.Busy"})
            await here.reaches("Charged")

        sim = Sim(charging("in doubt ask, retry 1 times"), charge=[ConnectionError("reset"), RECEIPT]).tell(
            story
        )
        assert (sim.calls("charge"), sim.record("evidence")["answered"]) == (2, [1])

    def test_when_no_attempt_is_left_it_is_the_outcome(self) -> None:
        async def story(here: Here) -> None:
            await here.rests()
            await self.late(here, 1, "failed", {"type": "Problem.Busy"})
            await here.reaches("Failed")

        sim = Sim(charging("in doubt ask"), charge=[ConnectionError("reset")]).tell(story)
        assert (sim.calls("charge"), sim.record("outcome")["outcome"]) == (
            1,
            {"failed": {"type": "Problem.Busy"}},
        )

    def test_evidence_of_another_commit_ends_nothing(self) -> None:
        """The first commit took effect and has its outcome; the second is in doubt."""

        async def story(here: Here) -> None:
            await here.rests()
            assert (here.sim.state, here.sim.status) == ("Second", "in_doubt")
            first = here.sim.records("intent")[0]["seq"]
            await here.client.late(here.sim.id, Evidence(first, "charge", 1, "ok", "r1", "w0"))
            await here.wait(1)
            assert here.sim.status == "in_doubt"

        sim = Sim(TWICE, charge=["r1", ConnectionError("reset")]).tell(story)
        assert sim.record("evidence")["outcome"] == {"ok": "r1"}

    def test_two_late_answers_at_once_are_both_kept(self) -> None:
        """Each was decided on the run before the other one moved it."""

        async def story(here: Here) -> None:
            await here.rests()
            lost = Evidence(2, "charge", 1, "failed", {"type": "Problem.Busy"}, "w8")
            found = Evidence(2, "charge", 2, "ok", RECEIPT, "w9")
            await asyncio.gather(*(here.client.late(here.sim.id, each) for each in (lost, found)))
            await here.reaches("Charged")

        sim = Sim(charging("in doubt ask, retry 1 times"), charge=[BUSY, ConnectionError("reset")]).tell(
            story
        )
        assert [each["learned_by"] for each in sim.records("evidence")] == ["w8", "w9"]


THREADS = charging("in doubt ask, timeout 100ms")


class TestThreads:
    """Handlers that are not coroutines, in real time.

    They do not block the loop, and may answer after the timeout.
    """

    class Handlers:
        def __init__(self, charge: Any) -> None:
            self.answer = charge

        def find(self, n: int, key: str) -> None:
            return None

        def charge(self, n: int, *, call: Any) -> Any:
            return self.answer(n)

    def run(self, answer: Any, story: Any, text: str = THREADS) -> None:
        flow = workflow_of(compiled(text))

        async def main() -> None:
            async with Engine("sqlite://:memory:", [flow(self.Handlers(answer))]) as engine:
                await asyncio.wait_for(story(engine, flow), 20)

        asyncio.run(main())

    def test_an_answer_after_the_timeout_ends_the_doubt(self) -> None:
        release = threading.Event()

        def charge(n: int) -> dict[str, str]:
            release.wait(10)
            return RECEIPT

        async def story(engine: Engine, flow: Any) -> None:
            run = await engine.start(flow, n=1)
            while (await run.status())["status"] != "in_doubt":  # noqa: ASYNC110 - it waits for a stored state
                await asyncio.sleep(0.01)
            release.set()
            assert (await run.result()).receipt.id == "r1"
            assert [one["kind"] for one in await run.history()].count("evidence") == 1

        self.run(charge, story)

    def test_a_final_failure_after_the_timeout_ends_the_doubt(self) -> None:
        release = threading.Event()
        final = compiled(THREADS).Problem.Final

        def charge(n: int) -> dict[str, str]:
            release.wait(10)
            raise final(why="no")

        async def story(engine: Engine, flow: Any) -> None:
            run = await engine.start(flow, n=1)
            while (await run.status())["status"] != "in_doubt":  # noqa: ASYNC110 - it waits for a stored state
                await asyncio.sleep(0.01)
            release.set()
            while (await run.status())["status"] != "ended":  # noqa: ASYNC110 - it waits for a stored state
                await asyncio.sleep(0.01)
            assert (await run.status())["state"] == "Failed"
            assert [one["kind"] for one in await run.history()].count("evidence") == 1

        self.run(charge, story)

    def test_blocking_handlers_do_not_block_each_other_or_the_loop(self) -> None:
        together = threading.Barrier(50, timeout=15)

        def charge(n: int) -> dict[str, str]:
            together.wait()
            return {"id": str(n)}

        async def story(engine: Engine, flow: Any) -> None:
            runs = [await engine.start(flow, n=n) for n in range(50)]
            assert [(await run.result()).receipt.id for run in runs] == [str(n) for n in range(50)]

        self.run(charge, story, charging("in doubt ask"))

    def test_a_StopIteration_of_a_thread_is_an_exception_like_any_other(self) -> None:
        def charge(n: int) -> dict[str, str]:
            return next(iter([]))

        async def story(engine: Engine, flow: Any) -> None:
            run = await engine.start(flow, n=1)
            began = time.monotonic()
            while (await run.status())["status"] != "in_doubt":
                assert time.monotonic() - began < 10, await run.status()
                await asyncio.sleep(0.01)

        self.run(charge, story, charging("in doubt ask"))
