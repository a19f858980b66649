"""Retries and timeouts of effects and actions by the contract, and what is retried without it."""

from __future__ import annotations

import pytest

from tests.engine.desk import NEVER, Sim, after, fails

BUSY, FINAL = fails("Problem.Busy"), fails("Problem.Final", why="no")


def reading(policy: str, *, timeout: bool = False) -> str:
    """Return a contract that calls one effect with the given policy."""
    timed_out = 'TimedOut -> goto Failed("timed out")' if timeout else ""
    return f"""
contract Reading(n: int) key n version 1
failure Problem {{ Final(why: str), Busy transient }}
effect load(n: int) -> str fails Problem {{ {policy} }}
initial state Loading -> Done | Failed {{
  match perform load(n) {{
    ok text -> goto Done(text)
    Final(why) -> goto Failed(why)
    Busy -> goto Failed("busy")
    {timed_out}
  }}
}}
final state Done(text: str) success
final state Failed(why: str) failure
"""


def charging(policy: str, *, doubt: bool = False) -> str:
    """Return a contract that commits one action with the given policy."""
    unclear = "InDoubt -> goto Unclear" if doubt else ""
    target, final = (" | Unclear", "final state Unclear failure") if doubt else ("", "")
    return f"""
contract Charging(n: int) key n version 1
record Receipt {{ id: str }}
failure Problem {{ Final(why: str), Busy transient }}
action charge(n: int) -> Receipt fails Problem {{ {policy} }}
initial state Charging -> Charged | Failed{target} {{
  match commit charge(n) {{
    ok receipt -> goto Charged(receipt)
    Final(why) -> goto Failed(why)
    Busy -> goto Failed("busy")
    {unclear}
  }}
}}
final state Charged(receipt: Receipt) success
final state Failed(why: str) failure
{final}
"""


RECEIPT = {"id": "r1"}


class TestRetryNTimes:
    def test_an_effect_is_tried_at_most_n_times_after_the_first(self) -> None:
        sim = Sim(reading("retry 3 times"), load=[BUSY]).rest()
        assert (sim.calls("load"), sim.ending) == (4, ("Failed", {"why": "busy"}))

    def test_an_action_is_tried_at_most_n_times_after_the_first(self) -> None:
        sim = Sim(charging("retry 3 times"), charge=[BUSY]).rest()
        assert (sim.calls("charge"), sim.ending) == (4, ("Failed", {"why": "busy"}))

    def test_without_retry_there_is_one_attempt(self) -> None:
        for contract, call in ((reading(""), "load"), (charging(""), "charge")):
            sim = Sim(contract, load=[BUSY], charge=[BUSY]).rest()
            assert (sim.calls(call), sim.ending) == (1, ("Failed", {"why": "busy"}))

    def test_a_success_ends_the_attempts(self) -> None:
        sim = Sim(reading("retry 3 times"), load=[BUSY, BUSY, "text"]).rest()
        assert (sim.calls("load"), sim.ending) == (3, ("Done", {"text": "text"}))
        sim = Sim(charging("retry 3 times"), charge=[BUSY, BUSY, RECEIPT]).rest()
        assert (sim.calls("charge"), sim.ending) == (3, ("Charged", {"receipt": RECEIPT}))

    def test_a_final_failure_is_never_tried_again(self) -> None:
        sim = Sim(reading("retry 3 times"), load=[BUSY, FINAL, "text"]).rest()
        assert (sim.calls("load"), sim.ending) == (2, ("Failed", {"why": "no"}))
        sim = Sim(charging("retry 3 times"), charge=[BUSY, FINAL, RECEIPT]).rest()
        assert (sim.calls("charge"), sim.ending) == (2, ("Failed", {"why": "no"}))

    def test_each_attempt_of_an_action_is_on_record_and_has_the_same_key(self) -> None:
        sim = Sim(charging("retry 3 times"), charge=[BUSY, BUSY, RECEIPT]).rest()
        failed = {"failed": {"type": "Problem.Busy"}}
        said = [(one["kind"], one.get("attempt"), one.get("outcome")) for one in sim.records()]
        assert said == [
            ("started", None, None),
            ("intent", None, None),
            ("attempt", 1, failed),
            ("attempt", 2, None),
            ("attempt", 2, failed),
            ("attempt", 3, None),
            ("outcome", 3, {"ok": RECEIPT}),
            ("transition", None, None),
        ]
        assert set(sim.keys("charge")) == {"Charging/1/1"}
        assert [made.call.attempt for made in sim.made("charge") if made.call] == [1, 2, 3]


class TestBackoff:
    """Exponential with full jitter: a pause is random between zero and a bound that doubles."""

    BOUNDS = (1, 2, 4, 8, 16, 32, 60, 60)

    @pytest.mark.parametrize(("contract", "call"), [(reading, "load"), (charging, "charge")])
    def test_the_bound_is_1s_to_1m_unless_said(self, contract: object, call: str) -> None:
        assert callable(contract)
        sim = Sim(contract("retry 8 times"), load=[BUSY], charge=[BUSY]).rest(drawn=0.999)
        assert sim.pauses(call) == pytest.approx(self.BOUNDS, abs=0.2)

    @pytest.mark.parametrize(("contract", "call"), [(reading, "load"), (charging, "charge")])
    def test_the_bound_is_as_said(self, contract: object, call: str) -> None:
        assert callable(contract)
        sim = Sim(contract("retry 4 times backoff 3s to 10s"), load=[BUSY], charge=[BUSY]).rest(drawn=0.999)
        assert sim.pauses(call) == pytest.approx([3, 6, 10, 10], abs=0.2)

    @pytest.mark.parametrize(("contract", "call"), [(reading, "load"), (charging, "charge")])
    def test_a_pause_may_be_anything_below_the_bound(self, contract: object, call: str) -> None:
        assert callable(contract)
        for drawn in (0.0, 0.25, 0.5):
            sim = Sim(contract("retry 4 times"), load=[BUSY], charge=[BUSY]).rest(drawn=drawn)
            assert sim.pauses(call) == pytest.approx([drawn * b for b in self.BOUNDS[:4]], abs=0.2)


class TestTimeoutOfAnEffect:
    def test_the_attempt_is_given_up_after_that_time_and_tried_again(self) -> None:
        sim = Sim(reading("timeout 2s, retry 2 times", timeout=True), load=[NEVER, "text"])
        sim.rest(drawn=0.0)
        assert (sim.calls("load"), sim.ending) == (2, ("Done", {"text": "text"}))
        assert sim.pauses("load") == pytest.approx([2], abs=0.1)

    def test_the_last_attempt_fails_with_TimedOut(self) -> None:
        sim = Sim(reading("timeout 2s, retry 2 times", timeout=True), load=[NEVER]).rest()
        assert (sim.calls("load"), sim.ending) == (3, ("Failed", {"why": "timed out"}))

    def test_an_effects_answer_in_time_is_not_a_timeout(self) -> None:
        sim = Sim(reading("timeout 2s", timeout=True), load=[after(1.9, "text")]).rest()
        assert (sim.calls("load"), sim.ending) == (1, ("Done", {"text": "text"}))

    def test_the_timeout_is_per_attempt_not_for_all_of_them(self) -> None:
        sim = Sim(
            reading("timeout 2s, retry 2 times", timeout=True), load=[after(1.9, BUSY), after(1.9, "text")]
        )
        assert sim.rest().ending == ("Done", {"text": "text"})

    def test_timeouts_and_transient_failures_count_alike(self) -> None:
        sim = Sim(
            reading("timeout 2s, retry 2 times", timeout=True), load=[NEVER, BUSY, NEVER, "text"]
        ).rest()
        assert (sim.calls("load"), sim.ending) == (3, ("Failed", {"why": "timed out"}))

    def test_a_handler_that_turns_its_cancellation_into_an_error_has_timed_out(self) -> None:
        async def clumsy(n: int) -> str:
            import asyncio

            try:
                await asyncio.sleep(10**9)
            except asyncio.CancelledError:
                raise RuntimeError("connection closed") from None
            return ""

        sim = Sim(reading("timeout 2s, retry 1 times", timeout=True), load=[clumsy]).rest()
        assert (sim.calls("load"), sim.ending) == (2, ("Failed", {"why": "timed out"}))

    def test_a_TimeoutError_raised_by_the_handler_is_not_a_timeout_of_the_contract(self) -> None:
        sim = Sim(reading("timeout 2s", timeout=True), load=[TimeoutError("the socket said so")]).rest()
        assert (sim.calls("load"), sim.status) == (4, "stalled")


class TestTheCallLimit:
    """Without `timeout`, the worker's own limit (5 minutes by default) ends a call that hangs."""

    def test_an_effect_past_it_counts_as_unexpected(self) -> None:
        sim = Sim(reading("retry 2 times"), load=[NEVER]).rest(call_limit_s=30, drawn=0.0)
        assert (sim.calls("load"), sim.status) == (4, "stalled")
        assert sim.pauses("load") == pytest.approx([31, 31, 31], abs=0.2)
        assert sim.view["reason"].startswith("load did not answer within the worker's limit of 30 s (")

    def test_an_action_past_it_is_in_doubt(self) -> None:
        sim = Sim(charging("retry 2 times"), charge=[NEVER]).rest(call_limit_s=30)
        assert (sim.calls("charge"), sim.status) == (1, "in_doubt")

    def test_it_is_5_minutes_unless_set(self) -> None:
        sim = Sim(charging(""), charge=[NEVER]).rest()
        assert sim.record("doubt")["reason"].startswith("no answer within 300 s (")

    def test_the_handler_gets_the_deadline_of_its_attempt(self) -> None:
        sim = Sim(charging("timeout 10s"), charge=[RECEIPT]).rest()
        call = sim.made("charge")[0].call
        assert call is not None
        assert (call.run_id, call.attempt) == ("Charging/1", 1)
        assert call.deadline.timestamp() == pytest.approx(sim.run.started_at / 1e6 + 10, abs=0.1)


class TestAnUndeclaredException:
    def test_of_an_effect_is_tried_3_more_times_and_stalls_the_run(self) -> None:
        sim = Sim(reading("retry 9 times"), load=[ValueError("no such column")]).rest()
        assert (sim.calls("load"), sim.state, sim.status) == (4, "Loading", "stalled")

    def test_the_pauses_are_those_of_1s_to_1m(self) -> None:
        sim = Sim(reading(""), load=[ValueError("no such column")]).rest(drawn=0.999)
        assert sim.pauses("load") == pytest.approx([1, 2, 4], abs=0.2)

    def test_the_whole_traceback_is_on_record_with_the_call(self) -> None:
        sim = Sim(reading(""), load=[ValueError("no such column")]).rest()
        stalled = sim.record("stalled")
        assert stalled["error"].startswith("ValueError: no such column (tests/engine/desk.py:")
        assert stalled["call"] == "load"
        assert stalled["traceback"].startswith("Traceback (most recent call last)")
        assert "desk.py" in stalled["traceback"]
        assert sim.view["reason"] == stalled["error"]
        assert {"person": "operator", "verb": "resume"} in sim.view["waiting_for"]

    def test_resume_goes_on_after_the_handler_is_mended(self) -> None:
        sim = Sim(reading(""), load=[*[ValueError("no such column")] * 4, "text"])

        async def story(here: object) -> None:
            from tests.engine.desk import Here

            assert isinstance(here, Here)
            await here.rests()
            assert sim.status == "stalled"
            await here.resume()
            await here.rests()

        sim.tell(story)
        assert (sim.calls("load"), sim.ending) == (5, ("Done", {"text": "text"}))
        assert sim.record("retried")["actor"] == "ops"

    def test_surprises_do_not_count_against_retry_nor_retries_against_surprises(self) -> None:
        oops = ValueError("no such column")
        sim = Sim(reading("retry 1 times"), load=[oops, BUSY, oops, oops, "text"]).rest()
        assert (sim.calls("load"), sim.ending) == (5, ("Done", {"text": "text"}))

    def test_of_an_action_is_in_doubt(self) -> None:
        sim = Sim(
            charging("retry 3 times"), charge=[ConnectionResetError("in the middle of the answer")]
        ).rest()
        assert (sim.calls("charge"), sim.status) == (1, "in_doubt")
        reason = sim.record("doubt")["reason"]
        assert reason.startswith("ConnectionResetError: in the middle of the answer (tests/engine/desk.py:")

    def test_a_failure_that_the_call_does_not_declare_is_undeclared(self) -> None:
        text = charging("").replace("failure Problem", "failure Other { Odd }\nfailure Problem")
        text += "effect look() fails Other\n"
        sim = Sim(text, charge=[fails("Other.Odd")]).rest()
        assert sim.status == "in_doubt"

    @pytest.mark.parametrize(
        "odd", [SystemExit(3), MemoryError("all of it"), RuntimeError("a" * 100_000 + "\ud800\0")]
    )
    def test_the_worker_survives_any_error_and_the_run_shows_it(self, odd: BaseException) -> None:
        sim = Sim(reading(""), load=[odd]).rest()
        assert (sim.calls("load"), sim.status) == (4, "stalled")
        assert sim.record("stalled")["error"].startswith(type(odd).__name__)


class TestAResultOfTheWrongType:
    @pytest.mark.parametrize("wrong", [7, None, {"text": "x"}, "\ud800"])
    def test_of_an_effect_is_unexpected(self, wrong: object) -> None:
        sim = Sim(reading(""), load=[wrong]).rest()
        assert (sim.calls("load"), sim.status) == (4, "stalled")

    @pytest.mark.parametrize("wrong", [7, None, {}, {"id": 3}, {"id": "r", "more": 1}])
    def test_of_an_action_is_in_doubt(self, wrong: object) -> None:
        sim = Sim(charging("retry 3 times"), charge=[wrong]).rest()
        assert (sim.calls("charge"), sim.status) == (1, "in_doubt")

    def test_of_a_pure_stalls_the_run(self) -> None:
        text = reading("").replace(
            "initial state Loading", "pure weigh(n: int) -> int\ninitial state Loading"
        )
        text = text.replace("match perform load(n)", "match perform load(weigh(n))")
        sim = Sim(text, load=["text"], weigh=["heavy"]).rest()
        assert (sim.calls("weigh"), sim.calls("load"), sim.status) == (1, 0, "stalled")
        assert sim.record("stalled")["call"] == "weigh"


class TestATimeoutOfAnAction:
    def test_is_in_doubt_and_not_tried_again_by_retry_alone(self) -> None:
        sim = Sim(charging("timeout 10s, retry 3 times"), charge=[NEVER]).rest()
        assert (sim.calls("charge"), sim.status, sim.state) == (1, "in_doubt", "Charging")
        doubt = sim.record("doubt")
        assert doubt["reason"].startswith("no answer within 10 s (tests/engine/desk.py:")
        assert doubt["trouble"]["type"] == "TimedOut"
        assert doubt["trouble"]["frames"][-1]["function"] == "sleep"

    def test_an_answer_in_time_is_not_a_timeout(self) -> None:
        sim = Sim(charging("timeout 10s"), charge=[after(9.9, RECEIPT)]).rest()
        assert sim.ending == ("Charged", {"receipt": RECEIPT})
