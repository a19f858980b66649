"""Answers of a handler that the contract does not allow: told to a person after a few tries."""

from __future__ import annotations

from typing import Any

import pytest

from tests.engine.contracts import BROKEN, RECEIPT, charging
from tests.engine.desk import NEVER, Here, Sim, fails

KEYED = "key n for 24h, timeout 10s"
GREW = {"id": "r1", "risk_score": 0.1}

READING = """
contract Reading(n: int) key n version 1
record Receipt { id: str }
effect find(n: int) -> Receipt
initial state Reading -> Found {
  let found = perform find(n)
  goto Found(found)
}
final state Found(receipt: Receipt) success
"""


def asked(sim: Sim) -> str:
    """Return what a person is told."""
    assert (sim.status, sim.view["needs"][0]["reason"]) == ("in_doubt", "doubt")
    return str(sim.view["reason"])


class TestAnActionWithoutRetry:
    def test_is_called_three_more_times_and_a_person_is_told_where_it_went_wrong(self) -> None:
        async def story(here: Here) -> None:
            await here.rests()
            await here.leap("48h")
            await here.wait(60)

        sim = Sim(charging(KEYED), charge=[GREW]).tell(story)
        assert sim.calls("charge") == 4
        said = asked(sim)
        assert "`charge` returned a dict that does not fit Receipt: `risk_score` is not a member" in said
        assert "(tests/engine/desk.py:" in said
        assert said.endswith("; 4 answers did not fit; a person has to say")

    def test_without_a_window_too(self) -> None:
        sim = Sim(charging("key n, timeout 10s"), charge=[GREW]).rest()
        assert (sim.calls("charge"), asked(sim)[:13]) == (4, "nobody knows ")

    @pytest.mark.parametrize("lives", [2, 3, 4])
    def test_a_restart_does_not_start_the_count_again(self, lives: int) -> None:
        """Each engine sees one attempt to its end; the last one goes on."""
        sim = Sim(charging(KEYED), charge=[GREW])

        def life(number: int) -> Any:
            return lambda here: here.until(lambda: sim.kinds.count("doubt") >= number)

        sim.tell(*[life(number) for number in range(1, lives)], lambda here: here.rests())
        assert (sim.calls("charge"), asked(sim)[-44:]) == (4, "; 4 answers did not fit; a person has to say")

    @pytest.mark.parametrize(
        "wrong",
        [fails("Trouble.Odd"), "r1", None, [RECEIPT]],
        ids=["undeclared failure", "text", "nothing", "list"],
    )
    def test_an_answer_that_is_wrong_in_kind_counts(self, wrong: Any) -> None:
        assert Sim(charging(KEYED), charge=[wrong]).rest().calls("charge") == 4

    def test_a_lost_answer_does_not_count(self) -> None:
        sim = Sim(charging(KEYED), charge=[*[BROKEN] * 10, RECEIPT]).rest()
        assert (sim.state, sim.calls("charge")) == ("Charged", 11)

    def test_lost_answers_in_between_do_not_count(self) -> None:
        sim = Sim(charging(KEYED), charge=[GREW, BROKEN, GREW, NEVER, GREW, BROKEN, GREW]).rest()
        assert sim.calls("charge") == 7
        assert asked(sim).endswith("; 4 answers did not fit; a person has to say")

    def test_one_that_fits_ends_it(self) -> None:
        sim = Sim(charging(KEYED), charge=[GREW, GREW, GREW, RECEIPT]).rest()
        assert (sim.state, sim.calls("charge")) == ("Charged", 4)

    def test_a_person_who_says_no_starts_the_count_again(self) -> None:
        async def story(here: Here) -> None:
            await here.rests()
            await here.resolve(False)
            await here.until(lambda: here.sim.calls("charge") > 4)
            await here.rests()

        sim = Sim(charging(KEYED), charge=[GREW]).tell(story)
        assert (sim.calls("charge"), sim.status) == (8, "in_doubt")

    def test_a_check_that_finds_nothing_does_not_start_it_again(self) -> None:
        policy = "timeout 10s, in doubt check find(n, call.key) after 1s"
        sim = Sim(charging(policy), charge=[GREW], find=[None]).rest()
        assert sim.calls("charge") == 4
        assert "charge did not happen, and no attempt is left" in asked(sim)


def test_an_action_with_retry_is_called_as_often_as_it_says() -> None:
    sim = Sim(charging("key n, retry 6 times, timeout 10s"), charge=[GREW]).rest()
    assert (sim.calls("charge"), sim.status) == (7, "in_doubt")


class TestAnEffect:
    def test_is_tried_three_more_times_and_the_run_stalls(self) -> None:
        sim = Sim(READING, find=[GREW]).rest()
        assert (sim.status, sim.calls("find")) == ("stalled", 4)
        assert "`find` returned a dict that does not fit Receipt" in str(sim.view["reason"])
        assert "(tests/engine/desk.py:" in str(sim.view["reason"])

    def test_a_restart_does_not_start_the_count_again(self) -> None:
        sim = Sim(READING, find=[GREW])
        lives = [lambda here, n=n: here.until(lambda: sim.kinds.count("attempt") >= n) for n in (1, 2, 3)]
        sim.tell(*lives, lambda here: here.rests())
        assert (sim.status, sim.calls("find")) == ("stalled", 4)
