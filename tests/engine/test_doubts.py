"""An action is in doubt if its intent is on record and the outcome of an attempt is not.

These tests show what each rule does then. A doubt ends when every attempt in doubt is answered: by
a result, a failure that settles, its own late failure, its policy, or a person. A transient failure
of another attempt never ends it, nor does a final failure of another attempt that does not settle.
"""

from __future__ import annotations

import asyncio
import json
import logging
import re
from hashlib import sha256
from typing import Any

import pytest

from opord.drive.errors import InputInvalid, NotInDoubt
from opord.kernel.instants import in_words, parse
from opord.kernel.legality import verify
from opord.kernel.views import history_view
from opord.story.lines import tell
from opord.values.canonical import dumps
from tests.engine.contracts import BROKEN, BUSY, CHARGED, FINAL, RECEIPT, SETTLED, charging
from tests.engine.desk import NEVER, Here, Sim, after, fails


class TestRepeat:
    """Call again with the same key, as often as `retry` says, or else while the key is valid.

    Then ask.
    """

    def test_is_the_default_with_a_key(self) -> None:
        sim = Sim(charging("key"), charge=[BROKEN, RECEIPT]).rest()
        assert (sim.calls("charge"), sim.ending) == (2, CHARGED)
        assert sim.keys("charge") == ["Charging/1/1"] * 2

    def test_has_the_contracts_own_key_each_time(self) -> None:
        sim = Sim(charging('key "charge {n}", in doubt repeat'), charge=[BROKEN, BROKEN, RECEIPT]).rest()
        assert (sim.keys("charge"), sim.ending) == (["charge 1"] * 3, CHARGED)

    def test_with_retry_as_often_as_it_says_then_ask(self) -> None:
        sim = Sim(charging("key, retry 3 times"), charge=[BROKEN]).rest()
        assert (sim.calls("charge"), sim.status, sim.view["waiting_for"]) == (
            4,
            "in_doubt",
            [{"person": "operator", "verb": "resolve", "seen": len(sim.kinds)}],
        )

    def test_a_timeout_is_repeated_too(self) -> None:
        sim = Sim(charging("key, retry 3 times, timeout 10s"), charge=[NEVER, NEVER, RECEIPT]).rest()
        assert (sim.calls("charge"), sim.ending) == (3, CHARGED)

    def test_transient_failures_and_doubts_count_together(self) -> None:
        sim = Sim(charging("key, retry 3 times"), charge=[BUSY, BROKEN, BUSY, BROKEN, RECEIPT]).rest()
        assert (sim.calls("charge"), sim.status) == (4, "in_doubt")

    def test_a_doubt_is_not_ended_by_a_later_transient_failure(self) -> None:
        sim = Sim(charging("key, retry 2 times"), charge=[BROKEN, BUSY]).rest()
        assert (sim.calls("charge"), sim.state, sim.status) == (3, "Charging", "in_doubt")

    def test_a_later_failure_that_settles_ends_it(self) -> None:
        sim = Sim(charging("key, retry 2 times"), charge=[BROKEN, SETTLED]).rest()
        assert (sim.calls("charge"), sim.ending) == (2, ("Failed", {"why": "never"}))

    def test_a_later_final_failure_that_does_not_settle_asks_a_person(self) -> None:
        """The other side may have refused it before it looked at its keys."""
        sim = Sim(charging("key, retry 5 times"), charge=[BROKEN, FINAL]).rest()
        assert (sim.calls("charge"), sim.state, sim.status) == (2, "Charging", "in_doubt")
        assert sim.records("attempt")[-1]["outcome"] == {"failed": {"type": "Problem.Final", "why": "no"}}
        assert re.fullmatch(
            r"nobody knows whether charge happened: ConnectionError: reset \(tests/engine/desk.py:\d+\); "
            r"another attempt ended in Problem.Final, which does not settle it; a person has to say",
            sim.view["reason"],
        )

    @pytest.mark.parametrize(
        ("happened", "ending", "calls"),
        [(True, CHARGED, 2), (False, ("Failed", {"why": "no"}), 3)],
        ids=["it happened", "it did not"],
    )
    def test_the_answer_of_the_person_then_decides(self, happened: bool, ending: object, calls: int) -> None:
        async def story(here: Here) -> None:
            await here.rests()
            await here.resolve(happened, RECEIPT if happened else None)
            await here.rests()

        sim = Sim(charging("key, retry 5 times"), charge=[BROKEN, FINAL]).tell(story)
        assert (sim.calls("charge"), sim.ending) == (calls, ending)
        assert len(set(sim.keys("charge"))) == 1

    def test_a_transient_failure_before_the_doubt_and_one_after_it(self) -> None:
        sim = Sim(charging("key, retry 5 times"), charge=[BUSY, BROKEN, BUSY, BUSY, RECEIPT]).rest()
        assert (sim.calls("charge"), sim.ending) == (5, CHARGED)

    def test_without_retry_it_repeats_within_the_keys_window_then_asks(self) -> None:
        sim = Sim(charging("key for 10m"), charge=[BROKEN]).rest(drawn=0.999)
        assert sim.status == "in_doubt"
        assert sim.calls("charge") == 15  # 1 + 2 + 4 + 8 + 16 + 32, then 60 s each, within 600 s
        assert sim.made("charge")[-1].at < 600
        assert sim.view["reason"].startswith("nobody knows whether charge happened")

    def test_without_retry_a_transient_failure_without_a_doubt_goes_to_the_step(self) -> None:
        sim = Sim(charging("key for 10m"), charge=[BUSY]).rest()
        assert (sim.calls("charge"), sim.ending) == (1, ("Failed", {"why": "busy"}))

    def test_without_retry_a_transient_failure_with_a_doubt_open_is_repeated(self) -> None:
        sim = Sim(charging("key for 10m"), charge=[BROKEN, BUSY, BUSY, RECEIPT]).rest()
        assert (sim.calls("charge"), sim.ending) == (4, CHARGED)

    def test_after_the_keys_window_no_call_is_made(self) -> None:
        """No worker ran for a day; the other side has forgotten the key."""
        sim = Sim(charging("key for 24h, retry 9 times"), charge=[BROKEN, RECEIPT])
        sim.tell(lambda here: here.until(lambda: "doubt" in sim.kinds), drawn=0.999)
        sim.advance("25h")
        sim.tell(lambda here: here.rests())
        assert (sim.calls("charge"), sim.status) == (1, "in_doubt")
        assert sim.view["waiting_for"] == [{"person": "operator", "verb": "resolve", "seen": len(sim.kinds)}]

    def test_within_the_window_it_is_called_even_after_a_long_downtime(self) -> None:
        sim = Sim(charging("key for 24h, retry 9 times"), charge=[BROKEN, RECEIPT])
        sim.tell(lambda here: here.until(lambda: "doubt" in sim.kinds), drawn=0.999)
        sim.advance("23h")
        sim.tell(lambda here: here.rests())
        assert (sim.calls("charge"), sim.ending) == (2, CHARGED)


class TestCheck:
    """Ask an effect.

    `some` or `true` means it happened; `none` or `false` means it did not, so call it.
    """

    POLICY = "in doubt check find(n, call.key) after 30s, timeout 10s"

    def test_some_is_the_result(self) -> None:
        sim = Sim(charging(self.POLICY), charge=[NEVER], find=[RECEIPT]).rest()
        assert (sim.calls("charge"), sim.calls("find"), sim.ending) == (1, 1, CHARGED)
        assert sim.record("outcome")["by"] == "check"

    def test_none_calls_it(self) -> None:
        sim = Sim(charging(self.POLICY), charge=[NEVER, RECEIPT], find=[None]).rest()
        assert (sim.calls("charge"), sim.calls("find"), sim.ending) == (2, 1, CHARGED)
        assert (sim.record("resolved")["verdict"], sim.record("resolved")["by"]) == (
            "did_not_happen",
            "check",
        )

    def test_it_is_asked_with_the_key_of_the_commit(self) -> None:
        sim = Sim(charging(self.POLICY), charge=[NEVER], find=[RECEIPT]).rest()
        assert [made.args for made in sim.made("find")] == [(1, "Charging/1/1")]
        sim = Sim(charging('key "k {n}", ' + self.POLICY), charge=[NEVER], find=[RECEIPT]).rest()
        assert [made.args for made in sim.made("find")] == [(1, "k 1")]

    @pytest.mark.parametrize(("found", "calls"), [(True, 1), (False, 2)])
    def test_the_check_of_an_action_without_a_result_says_true_or_false(
        self, found: bool, calls: int
    ) -> None:
        text = charging(self.POLICY, finds="bool", result="")
        sim = Sim(text, charge=[NEVER, None], find=[found]).rest()
        assert (sim.calls("charge"), sim.calls("find"), sim.state) == (calls, 1, "Charged")

    def test_not_earlier_than_D_after_the_timeout(self) -> None:
        sim = Sim(charging(self.POLICY), charge=[NEVER], find=[RECEIPT]).rest()
        assert sim.made("find")[0].at == pytest.approx(10 + 30, abs=0.2)

    def test_without_after_at_once(self) -> None:
        sim = Sim(charging("in doubt check find(n, call.key), timeout 10s"), charge=[NEVER], find=[RECEIPT])
        assert sim.rest().made("find")[0].at == pytest.approx(10, abs=0.2)

    @pytest.mark.parametrize(
        "answer", [fails("Trouble.Slow"), fails("Trouble.Odd"), ValueError("broken"), NEVER, {"wrong": 1}]
    )
    def test_while_the_effect_fails_it_is_asked_again(self, answer: object) -> None:
        sim = Sim(charging(self.POLICY), charge=[NEVER], find=[*[answer] * 6, RECEIPT]).rest()
        assert (sim.calls("charge"), sim.calls("find"), sim.ending) == (1, 7, CHARGED)

    def test_meanwhile_the_run_says_why(self) -> None:
        sim = Sim(charging(self.POLICY), charge=[NEVER], find=[ValueError("broken")])
        sim.tell(lambda here: here.until(lambda: sim.calls("find") == 3))
        assert sim.status == "in_doubt"
        assert sim.view["reason"].startswith(
            "find, which says whether charge happened, does not answer (attempt 3): ValueError: broken (tests/engine/desk.py:"
        )
        (wait,) = [one for one in sim.view["waiting_for"] if one.get("attempt") == "find"]
        assert sim.view["reason"].endswith(f"; it is asked again at {in_words(parse(wait['at']))}")

    def test_each_time_that_it_fails_is_on_record_and_in_the_log(
        self, caplog: pytest.LogCaptureFixture
    ) -> None:
        with caplog.at_level(logging.INFO, logger="opord.worker"):
            answers = [fails("Trouble.Slow"), ValueError("broken"), NEVER, RECEIPT]
            sim = Sim(charging(self.POLICY), charge=[NEVER], find=answers).rest()
        tried = sim.records("attempt")
        assert [(one["call"], one["attempt"], one["intent"], "key" in one) for one in tried] == [
            ("find", number, 2, False) for number in (1, 2, 3)
        ]
        assert tried[0]["outcome"] == {"failed": {"type": "Trouble.Slow"}}
        assert tried[1]["error"].startswith("ValueError: broken (tests/engine/desk.py:")
        assert tried[1]["trouble"]["type"] == "ValueError"
        assert all(one["since"] <= one["at"] <= one["next"] for one in tried)
        asked = [made.at for made in sim.made("find")]
        began = [(parse(one["since"]) - parse(tried[0]["since"])) / 1e6 for one in tried]
        assert [at - asked[0] for at in asked[:3]] == pytest.approx(began, abs=0.01)
        lines = [one.getMessage() for one in caplog.records if "does not answer (attempt" in one.getMessage()]
        assert len(lines) == 3
        assert lines[0].startswith(
            "Charging/1: find, which says whether charge happened, does not answer (attempt 1): Slow; it is asked again at "
        )
        story = [
            "".join(part.text for part in line.parts)
            for line in tell(sim.program, history_view(sim.program, sim.kit.store.journal(sim.id)))
        ]
        (line,) = [one for one in story if one.startswith("check find  attempt 1 → Trouble.Slow")]
        assert ", next in " in line

    @pytest.mark.parametrize(
        ("change", "problem"),
        [
            ({"intent": 7}, "it is about intent 7, and 2 is the open one"),
            ({"call": "charge"}, "nothing is in doubt that charge could tell"),
            ({"attempt": 5}, "attempt 5 of find follows attempt 1"),
            ({"since": "2020-01-01T00:00:00.000000Z"}, "find is asked before it may be"),
            (
                {"next": "2999-01-01T00:00:00.000000Z"},
                "find is asked again at an instant that its backoff does not allow",
            ),
        ],
    )
    def test_a_record_of_it_that_cannot_be_is_a_problem(self, change: dict[str, Any], problem: str) -> None:
        sim = Sim(charging(self.POLICY), charge=[NEVER], find=[ValueError("broken")])
        sim.tell(lambda here: here.until(lambda: sim.calls("find") == 3 and sim.run.worker is None))
        records, before = [], ""
        for row in sim.kit.store.journal(sim.id):
            body = json.loads(row.body) | {"prev": before}
            if row.kind == "attempt" and body["attempt"] == 2:
                body |= change
            text = dumps(body)
            before = sha256(text.encode()).hexdigest()
            records.append(row.replace(body=text, hash=before))
        found = verify(sim.program, sim.kit.row(sim.id), records, now=sim.kit.clock.now_us)
        assert problem in [one.why for one in found]

    def test_each_doubt_gets_a_check_of_its_own(self) -> None:
        sim = Sim(charging(self.POLICY), charge=[NEVER, NEVER, NEVER], find=[None, None, RECEIPT]).rest()
        assert (sim.calls("charge"), sim.calls("find"), sim.ending) == (3, 3, CHARGED)

    def test_a_person_decides_when_attempts_run_out(self) -> None:
        sim = Sim(charging(self.POLICY + ", retry 2 times"), charge=[NEVER], find=[None]).rest()
        assert (sim.calls("charge"), sim.calls("find"), sim.status) == (3, 3, "in_doubt")

    def test_after_none_a_transient_failure_counts_as_usual(self) -> None:
        sim = Sim(charging(self.POLICY + ", retry 1 times"), charge=[NEVER, BUSY], find=[None]).rest()
        assert (sim.calls("charge"), sim.ending) == (2, ("Failed", {"why": "busy"}))


class TestAsk:
    """Park the run for a person. This is the default without a key."""

    def test_is_the_default_without_a_key(self) -> None:
        sim = Sim(charging(""), charge=[BROKEN]).rest()
        assert (sim.calls("charge"), sim.status, sim.state) == (1, "in_doubt", "Charging")
        assert sim.view["waiting_for"] == [{"person": "operator", "verb": "resolve", "seen": len(sim.kinds)}]

    def test_it_waits_for_as_long_as_it_takes(self) -> None:
        sim = Sim(charging("in doubt ask"), charge=[BROKEN]).rest()
        for _ in range(3):
            sim.advance("365d")
            sim.tell(lambda here: here.wait(1))
        assert (sim.calls("charge"), sim.status) == (1, "in_doubt")

    def test_a_person_says_that_it_happened_with_this_result(self) -> None:
        async def story(here: Here) -> None:
            await here.rests()
            await here.resolve(True, RECEIPT)
            await here.rests()

        sim = Sim(charging("in doubt ask"), charge=[BROKEN]).tell(story)
        assert (sim.calls("charge"), sim.ending) == (1, CHARGED)
        verdict = sim.record("resolved")
        assert (verdict["verdict"], verdict["by"], verdict["actor"]) == ("happened", "person", "ops")

    def test_a_result_of_the_wrong_type_is_refused_and_changes_nothing(self) -> None:
        async def story(here: Here) -> None:
            await here.rests()
            for wrong in (None, 7, {}, {"id": 3}):
                with pytest.raises(InputInvalid, match="charge"):
                    await here.resolve(True, wrong)

        sim = Sim(charging("in doubt ask"), charge=[BROKEN]).tell(story)
        assert (sim.status, sim.records("resolved")) == ("in_doubt", [])

    def test_a_denial_calls_again_with_the_same_key(self) -> None:
        async def story(here: Here) -> None:
            await here.rests()
            await here.resolve(False)
            await here.rests()

        sim = Sim(charging("in doubt ask"), charge=[BROKEN, RECEIPT]).tell(story)
        assert (sim.keys("charge"), sim.ending) == (["Charging/1/1"] * 2, CHARGED)

    def test_after_a_denial_the_attempt_is_a_first_one_with_all_retries(self) -> None:
        async def story(here: Here) -> None:
            await here.rests()
            await here.resolve(False)
            await here.rests()

        sim = Sim(charging("in doubt ask, retry 2 times"), charge=[BUSY, BUSY, BROKEN, BUSY, BUSY, RECEIPT])
        sim.tell(story)
        assert (sim.calls("charge"), sim.ending) == (6, CHARGED)

    def test_a_denial_starts_the_keys_window_again(self) -> None:
        async def story(here: Here) -> None:
            await here.rests()
            await here.leap("25h")
            await here.resolve(False)
            await here.rests()

        sim = Sim(charging("key for 24h, retry 1 times"), charge=[BROKEN, BROKEN, BROKEN, RECEIPT]).tell(
            story
        )
        assert (sim.calls("charge"), sim.ending) == (4, CHARGED)

    def test_a_doubt_of_the_fresh_attempt_is_asked_about_again(self) -> None:
        async def story(here: Here) -> None:
            for happened in (False, False, True):
                await here.rests()
                await here.resolve(happened, RECEIPT if happened else None)
            await here.rests()

        sim = Sim(charging("in doubt ask"), charge=[BROKEN]).tell(story)
        assert (sim.calls("charge"), sim.ending) == (3, CHARGED)

    def test_a_person_may_answer_under_any_policy(self) -> None:
        async def story(here: Here) -> None:
            await here.until(lambda: here.sim.calls("find") > 2 and here.sim.run.worker is None)
            await here.resolve(True, RECEIPT)
            await here.rests()

        text = charging("in doubt check find(n, call.key)")
        sim = Sim(text, charge=[BROKEN], find=[ValueError("broken")]).tell(story)
        assert (sim.calls("charge"), sim.ending) == (1, CHARGED)

    def test_a_run_that_is_not_in_doubt_is_not_resolved(self) -> None:
        async def story(here: Here) -> None:
            await here.until(lambda: here.sim.calls("charge") == 1)
            with pytest.raises(NotInDoubt):
                await here.resolve(True, RECEIPT)
            await here.rests()
            with pytest.raises(NotInDoubt):
                await here.resolve(False)

        sim = Sim(charging("in doubt ask"), charge=[after(5, RECEIPT)]).tell(story)
        assert sim.ending == CHARGED

    def test_a_run_between_two_attempts_without_a_doubt_is_not_resolved(self) -> None:
        async def story(here: Here) -> None:
            await here.until(lambda: "attempt" in here.sim.kinds)
            for happened in (True, False):
                with pytest.raises(NotInDoubt, match="no action of it is in doubt"):
                    await here.resolve(happened)
            await here.rests()

        policy = "key, retry 2 times backoff 1h to 1h"
        assert Sim(charging(policy), charge=[BUSY, RECEIPT]).tell(story).ending == CHARGED

    def test_a_doubt_cannot_be_resolved_while_an_attempt_is_under_way(self) -> None:
        async def story(here: Here) -> None:
            await here.until(lambda: here.sim.calls("charge") == 2)
            with pytest.raises(NotInDoubt, match="under way"):
                await here.resolve(False)
            await here.rests()

        sim = Sim(charging("key"), charge=[BROKEN, after(5, RECEIPT)]).tell(story)
        assert (sim.calls("charge"), sim.ending) == (2, CHARGED)

    def test_a_resolution_that_races_with_another_change_is_not_lost(self) -> None:
        """Both decide on the same run, and one of them must decide again."""

        async def story(here: Here) -> None:
            await here.rests()
            await asyncio.gather(here.resolve(False), here.terminate())
            await here.rests()

        sim = Sim(charging("in doubt ask"), charge=[BROKEN, after(60, RECEIPT)]).tell(story)
        assert (sim.run.outcome, sim.record("resolved")["verdict"]) == ("terminated", "did_not_happen")


class TestAskWithin:
    POLICY = "in doubt ask within 2h"

    def test_without_an_answer_the_doubt_is_reported(self) -> None:
        async def story(here: Here) -> None:
            await here.rests()
            assert here.sim.view["waiting_for"][1]["timer"] == "charge ask within 2h"
            await here.leap("119m")
            assert here.sim.status == "in_doubt"
            await here.leap("2m")
            await here.rests()

        sim = Sim(charging(self.POLICY, report=True), charge=[BROKEN]).tell(story)
        assert (sim.calls("charge"), sim.state) == (1, "Unclear")
        assert sim.record("outcome")["by"] == "report"

    def test_with_an_answer_in_time_the_doubt_is_not_reported(self) -> None:
        async def story(here: Here) -> None:
            await here.rests()
            await here.leap("119m")
            await here.resolve(True, RECEIPT)
            await here.rests()
            await here.leap("2h")

        sim = Sim(charging(self.POLICY, report=True), charge=[BROKEN]).tell(story)
        assert sim.ending == CHARGED

    def test_the_doubt_is_reported_even_if_no_worker_was_up(self) -> None:
        sim = Sim(charging(self.POLICY, report=True), charge=[BROKEN]).rest()
        sim.advance("3h")
        sim.tell(lambda here: here.reaches("Unclear"))


class TestReport:
    def test_the_contract_decides(self) -> None:
        for answer in (BROKEN, NEVER):
            sim = Sim(
                charging("in doubt report, timeout 10s, retry 3 times", report=True), charge=[answer]
            ).rest()
            assert (sim.calls("charge"), sim.state) == (1, "Unclear")

    def test_a_recorded_outcome_is_not_reported(self) -> None:
        sim = Sim(charging("in doubt report", report=True), charge=[RECEIPT]).rest()
        assert sim.ending == CHARGED


class TestSkip:
    def test_goes_on_as_if_it_had_happened(self) -> None:
        for answer in (BROKEN, NEVER):
            sim = Sim(
                charging("in doubt skip, timeout 10s, retry 3 times", result=""), charge=[answer]
            ).rest()
            assert (sim.calls("charge"), sim.state) == (1, "Charged")
            assert sim.record("outcome")["by"] == "skip"

    def test_a_declared_failure_is_not_skipped(self) -> None:
        sim = Sim(charging("in doubt skip", result=""), charge=[FINAL]).rest()
        assert sim.ending == ("Failed", {"why": "no"})
        sim = Sim(charging("in doubt skip, retry 1 times", result=""), charge=[BUSY, None]).rest()
        assert (sim.calls("charge"), sim.state) == (2, "Charged")


class TestADeadWorker:
    """The lease of a dead worker expires.

    Another worker takes the run over and finds an intent without an outcome.
    """

    def die(self, policy: str, *, lease_s: float = 10, **scripts: object) -> Sim:
        from tests.support.kit import crash_at

        text = charging(policy, report="report" in policy, result="" if "skip" in policy else "Receipt")
        sim = Sim(text, lease_s=lease_s, **{"charge": [NEVER, RECEIPT], **scripts})  # type: ignore[arg-type]

        async def story(engine: object) -> None:
            here = Here(sim, engine)  # type: ignore[arg-type]
            await here.start()
            await here.until(lambda: False, seconds=10**8)

        async def main() -> None:
            assert await crash_at(sim.kit, "intent written", story) == "intent written"

        sim.kit.run(main())
        sim.id = "Charging/1"
        return sim

    def test_no_other_worker_touches_the_run_before_the_lease_is_over(self) -> None:
        sim = self.die("key")
        died = sim.kit.clock.monotonic()
        sim.tell(lambda here: here.until(lambda: sim.calls("charge") == 1))
        assert sim.made("charge")[0].at >= died + 9

    @pytest.mark.parametrize(
        ("policy", "calls", "state", "status"),
        [
            ("key, timeout 60s", 1, "Charged", "ended"),
            ("in doubt check find(n, call.key)", 1, "Charged", "ended"),
            ("in doubt ask", 0, "Charging", "in_doubt"),
            ("in doubt skip", 0, "Charged", "ended"),
            ("in doubt report", 0, "Unclear", "ended"),
        ],
    )
    def test_the_rule_applies_as_to_any_doubt(self, policy: str, calls: int, state: str, status: str) -> None:
        sim = self.die(policy, charge=[None if "skip" in policy else RECEIPT], find=[None])
        sim.tell(lambda here: here.rests())
        assert (sim.calls("charge"), sim.state, sim.status) == (calls, state, status)
        assert sim.record("doubt")["reason"] == "its worker died or lost its lease during the call"

    def test_a_denied_attempt_that_was_cut_off_does_not_count_for_retry(self) -> None:
        sim = self.die("in doubt check find(n, call.key), retry 1 times", charge=[BUSY, RECEIPT], find=[None])
        sim.tell(lambda here: here.rests())
        assert (sim.calls("charge"), sim.ending) == (2, CHARGED)

    def test_a_check_comes_not_earlier_than_D_after_the_lease(self) -> None:
        sim = self.die("in doubt check find(n, call.key) after 30s", find=[RECEIPT])
        died = sim.kit.clock.monotonic()
        sim.tell(lambda here: here.rests())
        assert sim.made("find")[0].at >= died + 9 + 30
        assert sim.ending == CHARGED
