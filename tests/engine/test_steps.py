"""One step in detail: what is fixed for it, and what stalls it.

A known result never becomes a doubt.
"""

from __future__ import annotations

import asyncio

import pytest

from opord.drive.errors import InputInvalid, NotStalled, RunEnded, RunTerminated, StartConflict
from opord.loading import program_of
from tests.engine.desk import NEVER, Here, Sim, after, fails
from tests.support.kit import Kit

BROKEN = ConnectionError("reset")

COUNTING = """
contract Counting(n: int) key n version 1
failure Problem { No, Busy transient }
pure weigh(n: int) -> int
effect load(n: int) -> int
action charge(n: int, at: datetime) -> int fails Problem { key, retry 5 times }
initial state Working -> Done | Failed {
  let began = now
  let x = perform load(weigh(n))
  match commit charge(x, now) {
    ok got -> goto Done(100 // got + weigh(got), began, now)
    No | Busy -> goto Failed
  }
}
final state Done(x: int, began: datetime, ended: datetime) success
final state Failed failure
"""


class TestNow:
    def test_is_fixed_for_the_step_however_long_it_takes(self) -> None:
        sim = Sim(COUNTING, weigh=[1], load=[after(600, 5)], charge=[after(60, 10)]).rest(call_limit_s=10_000)
        assert sim.state == "Done"
        data = sim.ending[1]
        assert data["began"] == data["ended"] == "2026-02-25T06:13:20Z"
        assert sim.record("intent")["now"] == "2026-02-25T06:13:20.000000Z"

    def test_now_is_recorded_with_the_intent_for_a_takeover(self) -> None:
        sim = Sim(COUNTING, weigh=[1], load=[5], charge=[BROKEN, 10])
        sim.tell(lambda here: here.until(lambda: "doubt" in sim.kinds), drawn=0.999)
        sim.advance("5h")
        sim.tell(lambda here: here.rests())
        first, second = sim.made("charge")
        assert first.args == second.args
        assert sim.ending[1]["ended"] == sim.ending[1]["began"]


class TestTheAnswersBeforeACommit:
    def test_answers_are_recorded_with_the_intent_and_used_after_a_takeover(self) -> None:
        """C24: a read, or a newly deployed pure, would answer differently now."""
        sim = Sim(COUNTING, weigh=[1, 1], load=[5, 6], charge=[BROKEN, 10])
        sim.tell(lambda here: here.until(lambda: "doubt" in sim.kinds), drawn=0.999)
        answers = [(one["call"], one["ok"]) for one in sim.record("intent")["answers"]]
        assert answers == [("weigh", 1), ("load", 5)]
        sim.tell(lambda here: here.rests())
        assert (sim.calls("load"), [made.args[0] for made in sim.made("charge")]) == (1, [5, 5])


class TestDivisionByZeroAndOverflow:
    def test_stall_the_run_with_the_place_in_the_contract(self) -> None:
        text = COUNTING.replace("let x = perform load(weigh(n))", "let x = perform load(1 // n)")
        sim = Sim(text, input={"n": 0}, load=[5]).rest()
        stalled = sim.record("stalled")
        assert (sim.status, sim.calls("load")) == ("stalled", 0)
        assert stalled["place"].endswith(".opord:9")
        assert "zero" in stalled["error"]
        text = COUNTING.replace("let x = perform load(weigh(n))", "let x = perform load(n * 2)")
        sim = Sim(text, input={"n": 2**62}, load=[5]).rest()
        assert (sim.status, sim.calls("load")) == ("stalled", 0)

    def test_after_a_commit_its_outcome_is_recorded_first_and_resume_goes_on_from_there(self) -> None:
        async def story(here: Here) -> None:
            await here.rests()
            await here.resume()
            await here.rests()

        sim = Sim(COUNTING, weigh=[1], load=[5], charge=[0]).tell(story)
        assert (sim.status, sim.calls("charge"), sim.calls("load")) == ("stalled", 1, 1)
        assert [one["kind"] for one in sim.records()] == [
            "started",
            "intent",
            "outcome",
            "stalled",
            "retried",
            "stalled",
        ]
        assert sim.record("outcome")["outcome"] == {"ok": 0}


class TestAPureThatRaises:
    def test_stalls_the_run_and_resume_goes_on(self) -> None:
        async def story(here: Here) -> None:
            await here.rests()
            assert (here.sim.status, here.sim.calls("weigh")) == ("stalled", 1)
            await here.resume()
            await here.rests()

        sim = Sim(COUNTING, weigh=[KeyError("kg"), 1], load=[5], charge=[10]).tell(story)
        assert sim.state == "Done"

    @pytest.mark.parametrize("odd", [KeyError("kg"), StopIteration(), "not a number"])
    def test_after_a_commit_it_does_not_turn_the_result_into_a_doubt(self, odd: object) -> None:
        async def story(here: Here) -> None:
            await here.rests()
            assert here.sim.status == "stalled"
            assert here.sim.kinds == ["started", "intent", "outcome", "stalled"]
            await here.resume()
            await here.rests()

        sim = Sim(COUNTING, weigh=[1, odd, 3], load=[5], charge=[10]).tell(story)
        assert (sim.calls("charge"), sim.calls("load"), sim.ending[1]["x"]) == (1, 1, 13)


class TestKeys:
    """A `commit` whose `key expr` already took effect in this run makes no call."""

    TEXT = """
contract Twice(n: int, second: int) key n version 1
failure Problem { No, Busy transient }
action charge(cents: int) -> str fails Problem { key "k {n}" }
initial state A -> B | Failed {
  let id = commit charge(n) else problem -> goto Failed
  goto B(id)
}
state B(id: str) -> Done | Failed {
  let again = commit charge(second) else problem -> goto Failed
  goto Done(id, again)
}
final state Done(id: str, again: str) success
final state Failed failure
"""

    def test_the_same_arguments_get_the_result_on_record(self) -> None:
        sim = Sim(self.TEXT, input={"n": 1, "second": 1}, charge=["c1", "c2"]).rest()
        assert (sim.calls("charge"), sim.ending) == (1, ("Done", {"id": "c1", "again": "c1"}))
        assert [one["by"] for one in sim.records("outcome")] == ["call", "record"]

    def test_other_arguments_stall_the_run(self) -> None:
        sim = Sim(self.TEXT, input={"n": 1, "second": 2}, charge=["c1", "c2"]).rest()
        assert (sim.calls("charge"), sim.state, sim.status) == (1, "B", "stalled")
        assert (
            "took effect in this run before under the key 'k 1', with other arguments" in sim.view["reason"]
        )

    def test_a_failed_action_does_not_use_its_key(self) -> None:
        text = self.TEXT.replace(
            "else problem -> goto Failed\n  goto B", 'else problem -> goto B("none")\n  goto B'
        )
        text = text.replace("state A -> B | Failed", "state A -> B")
        sim = Sim(text, input={"n": 1, "second": 1}, charge=[fails("Problem.No"), "c2"]).rest()
        assert (sim.calls("charge"), sim.ending) == (2, ("Done", {"id": "none", "again": "c2"}))

    def test_the_default_key_differs_for_each_entered_state(self) -> None:
        text = self.TEXT.replace('{ key "k {n}" }', "{ repeatable }")
        sim = Sim(text, input={"n": 1, "second": 1}, charge=["c1", "c2"]).rest()
        assert (sim.keys("charge"), sim.state) == (["Twice/1/1", "Twice/1/2"], "Done")

    def test_repeatable_may_be_committed_again_and_again(self) -> None:
        text = """
contract Remind(n: int) key n version 1
action remind(n: int) { repeatable }
initial state Ask(times: int = 0) -> Wait | Done { if times >= 3 { goto Done }
  commit remind(n)
  goto Wait(times + 1) }
state Wait(times: int) -> Ask { after 1h -> goto Ask(times) }
final state Done success
"""

        async def story(here: Here) -> None:
            await here.rests()
            for _ in range(3):
                await here.leap("1h")
                await here.rests()

        sim = Sim(text).tell(story)
        assert (sim.keys("remind"), sim.state) == (["Remind/1/1", "Remind/1/3", "Remind/1/5"], "Done")


class TestStart:
    def test_the_same_key_and_input_give_the_same_run(self) -> None:
        """C2: the start was committed and its answer was lost."""

        async def story(here: Here) -> None:
            assert [await here.start() for _ in range(3)] == ["Counting/1"] * 3
            await here.rests()
            assert await here.start() == "Counting/1"

        sim = Sim(COUNTING, weigh=[1], load=[5], charge=[10]).tell(story)
        assert (sim.calls("charge"), sim.kinds.count("started")) == (1, 1)

    def test_the_same_key_with_another_input_is_a_conflict(self) -> None:
        text = COUNTING.replace("(n: int) key n", "(n: int, more: int = 0) key n")

        async def story(here: Here) -> None:
            assert await here.start(n=1, more=0) == await here.start(n=1)
            with pytest.raises(StartConflict, match="another input"):
                await here.start(n=1, more=2)
            await here.rests()

        Sim(text, input={"n": 1, "more": 0}, weigh=[1], load=[5], charge=[10]).tell(story)

    def test_an_input_that_does_not_fit_starts_nothing(self) -> None:
        async def story(here: Here) -> None:
            for wrong in ({"n": "1"}, {"n": 1.5}, {"n": 2**63}, {"n": True}, {"n": 1, "m": 2}):
                with pytest.raises(InputInvalid):
                    await here.engine.start_run(here.sim.program, wrong)

        Sim(COUNTING, weigh=[1], load=[5], charge=[10]).tell(story)

    def test_two_processes_at_once_start_one_run(self) -> None:
        import asyncio

        async def story(here: Here) -> None:
            async with here.sim.kit.engine() as other:
                runs = await asyncio.gather(
                    *(engine.start_run(here.sim.program, {"n": 7}) for engine in (here.engine, other) * 5)
                )
                assert set(runs) == {"Counting/7"}
                here.sim.id = "Counting/7"
                await here.rests()

        sim = Sim(COUNTING, weigh=[1], load=[5], charge=[10]).tell(story)
        assert sim.kinds == ["started", "intent", "outcome", "transition"]


class TestTerminate:
    def test_ends_the_run_by_an_administrators_word_in_its_last_state(self) -> None:
        async def story(here: Here) -> None:
            await here.rests()
            await here.terminate()
            with pytest.raises(RunEnded):
                await here.terminate()
            with pytest.raises(NotStalled):
                await here.resume()
            with pytest.raises(RunTerminated):
                await here.engine.wait_result(here.sim.id)

        sim = Sim(COUNTING, weigh=[KeyError("kg")]).tell(story)
        assert (sim.state, sim.status, sim.view["outcome"]) == ("Working", "ended", "terminated")
        assert (sim.record("terminated")["actor"], sim.record("terminated")["reason"]) == ("root", "enough")

    def test_termination_names_the_open_commit_and_late_answers_are_kept(self) -> None:
        async def story(here: Here) -> None:
            await here.until(lambda: here.sim.calls("charge") == 1)
            await here.terminate()
            await here.wait(30)

        sim = Sim(COUNTING, weigh=[1], load=[5], charge=[after(10, 10)]).tell(story)
        assert sim.record("terminated")["open"] == {"call": "charge", "key": "Counting/1/1", "attempt": 1}
        assert sim.record("evidence")["outcome"] == {"ok": 10}
        assert (sim.status, sim.view["outcome"]) == ("ended", "terminated")

    def test_a_run_that_hangs_in_a_read(self) -> None:
        async def story(here: Here) -> None:
            await here.until(lambda: here.sim.calls("load") == 1)
            await here.terminate()
            await here.wait(30)

        assert Sim(COUNTING, weigh=[1], load=[NEVER]).tell(story).kinds == ["started", "terminated"]


class TestAFaultOfTheEngineItself:
    @pytest.mark.parametrize("where", ["step begins", "before intent", "call answered"])
    def test_stops_that_run_with_its_traceback_on_record_and_no_other(self, where: str) -> None:
        broken = [True]

        def hook(point: str, run: str) -> None:
            if point == where and broken:
                broken.clear()
                raise RuntimeError("a bug")

        async def story(here: Here) -> None:
            await here.rests()
            stalled = here.sim.record("stalled")
            assert here.sim.status == "stalled"
            assert stalled["error"].startswith("RuntimeError: a bug (tests/engine/test_steps.py:")
            assert "Traceback" in stalled["traceback"]
            await here.resume()
            await here.rests()

        sim = Sim(COUNTING, weigh=[1], load=[5], charge=[10]).tell(story, hook=hook)
        assert (sim.state, sim.calls("charge")) == ("Done", 2 if where == "call answered" else 1)

    def test_a_fault_of_the_engine_never_loses_the_answer_of_an_action(self) -> None:
        broken = [True]

        def hook(point: str, run: str) -> None:
            if point == "before outcome" and broken:
                broken.clear()
                raise RuntimeError("a bug")

        sim = Sim(COUNTING, weigh=[1], load=[5], charge=[10]).rest(hook=hook)
        assert (sim.state, sim.calls("charge"), sim.record("outcome")["by"]) == ("Done", 1, "evidence")


@pytest.mark.parametrize("at_once", [False, True])
def test_of_starts_in_one_instant_one_is_new_and_the_run_goes_on_undisturbed(at_once: bool) -> None:
    kit = Kit(
        """
contract Look(id: str) key id
effect look(id: str) -> str
initial state Open -> Done {
  let seen = perform look(id)
  goto Done
}
final state Done success
""",
        lambda module: object(),
    )

    class Looks:
        asked = 0

        async def look(self, id: str) -> str:
            self.asked += 1
            await asyncio.sleep(1)
            return id

    kit.handlers = Looks()

    async def main() -> list[bool]:
        async with kit.engine() as engine:
            program = engine.client.host.own(program_of(kit.workflow))

            async def start() -> bool:
                return (await engine.client.start(program, program.input.accept({"id": "a"}))).created

            if at_once:
                told = list(await asyncio.gather(*[start() for _ in range(3)]))
            else:
                told = [await start() for _ in range(3)]
            await engine.until_idle()
            return told

    assert kit.run(main()) == [True, False, False]
    assert (kit.handlers.asked, kit.kinds("Look/a")) == (1, ["started", "transition"])
    kit.check()
