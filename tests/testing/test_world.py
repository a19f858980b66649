"""A world: virtual time, runs that go on as far as they can, crashes, the final verification."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from itertools import pairwise
from pathlib import Path
from typing import Any

import pytest

import opord
from opord import load
from opord.drive.errors import RoleRequired, StartConflict
from opord.testing import Fakes, Run, ScriptError, StillMoving, World
from opord.testing.clock import VirtualClock
from opord.values.types import RunId
from tests.testing.conftest import PAYOUT, RECEIPT, scripted

BankError = PAYOUT.BankError


def started(world: World) -> Run:
    return world.start(PAYOUT.Payout, id="p1", cents=500)


def approved(world: World) -> Run:
    run = started(world)
    run.send.approve(note="ok", as_="ann", role="clerk")
    return run


def test_a_run_goes_on_until_it_waits_and_by_an_event_to_its_end(opord_world: World, fakes: Fakes) -> None:
    run = started(opord_world)
    run.assert_state("Waiting", rate=1.5).assert_waits_for("approve", "note")
    assert run.send.approve(note="ok", as_="ann", role="clerk").sent.status == "taken"
    run.assert_ended("success").assert_states("New", "Waiting", "Paying", "Telling", "Paid")
    assert run.fields == PAYOUT.Payout.Paid(receipt=PAYOUT.Receipt(**RECEIPT))
    assert run.data == {"receipt": {"ref": "r1", "at": "2026-01-01T00:00:00Z"}}


def test_a_field_is_asserted_as_plain_data_typed_or_mixed(opord_world: World, fakes: Fakes) -> None:
    run = started(opord_world)
    run.send.approve(note="ok", as_="ann", role="clerk")
    new_year = datetime(2026, 1, 1, tzinfo=UTC)
    for same in (RECEIPT, PAYOUT.Receipt(**RECEIPT), {"ref": "r1", "at": new_year}):
        run.assert_state("Paid", receipt=same)
    for other in ({"ref": "r1", "at": new_year + timedelta(seconds=1)}, {"ref": "r1"}, None):
        with pytest.raises(AssertionError, match="receipt of Paid is "):
            run.assert_state("Paid", receipt=other)


@pytest.mark.parametrize("span", ["48h", timedelta(hours=48)])
def test_a_wait_is_over_when_time_has_passed_and_not_before(
    opord_world: World, fakes: Fakes, span: str | timedelta
) -> None:
    begun = opord_world.now
    run = started(opord_world)
    run.advance("47h59m").assert_state("Waiting")
    assert opord_world.now == begun + timedelta(hours=47, minutes=59)
    run.advance(span).assert_ended("failure").assert_state("Refused", reason="nobody approved it")
    assert run.history[-1]["at"] == (begun + timedelta(hours=48)).strftime("%Y-%m-%dT%H:%M:%S.%fZ")
    opord_world.advance_to(begun + timedelta(days=5))
    assert opord_world.now == begun + timedelta(days=5)


def test_years_pass_in_no_time_and_time_does_not_go_back(opord_world: World, fakes: Fakes) -> None:
    begun = opord_world.now
    started(opord_world).advance("36500d").assert_ended("failure")
    with pytest.raises(ScriptError, match="time does not go back"):
        opord_world.advance_to(begun)
    with pytest.raises(ScriptError, match='a length of time such as "48h"'):
        opord_world.advance("two days")


def test_time_passes_by_itself_for_retries_time_outs_and_checks(opord_world: World, fakes: Fakes) -> None:
    fakes.transfer.fails(BankError.Busy).times(2).then.times_out(happened=True, **RECEIPT)
    begun = opord_world.now
    run = approved(opord_world)
    run.assert_ended("success")
    assert [made.outcome for made in fakes.transfer.calls] == ["BankError.Busy", "BankError.Busy", "silence"]
    assert fakes.transfer.happened == 1
    assert opord_world.now - begun > timedelta(seconds=40)  # the timeout and the delay of the check


def test_what_waits_for_a_person_waits_until_its_time_is_over(opord_world: World, fakes: Fakes) -> None:
    fakes.notify.unknown()
    run = approved(opord_world)
    run.assert_in_doubt("notify").advance("1h59m").assert_in_doubt("notify")
    run.advance("1m").assert_state("Untold").assert_ended()


def test_a_person_resolves_a_doubt(opord_world: World, fakes: Fakes) -> None:
    fakes.notify.unknown()
    run = approved(opord_world)
    run.resolve(happened=True, as_="ops", reason="it is in the log").assert_state("Paid")
    assert "ops says: it happened  “it is in the log”" in run.story


def test_a_stall_goes_on_after_resume(opord_world: World, fakes: Fakes) -> None:
    fakes.rate.raises(LookupError("no table"))
    run = started(opord_world)
    run.assert_stalled("no table")
    assert len(fakes.rate.calls) == 4
    fakes.rate.returns(2.0)
    run.resume().assert_state("Waiting", rate=2.0)
    run.terminate(reason="enough").assert_ended("terminated")


def test_retry_is_another_name_of_resume(opord_world: World, fakes: Fakes) -> None:
    fakes.rate.raises(LookupError("no table"))
    run = started(opord_world)
    run.assert_stalled("no table")
    fakes.rate.returns(2.0)
    run.retry().assert_state("Waiting", rate=2.0)
    assert "resumed the run" in run.story


def test_while_time_stands_still_one_can_act_between_attempts(opord_world: World, fakes: Fakes) -> None:
    fakes.transfer.fails(BankError.Busy).then.returns(**RECEIPT)
    run = started(opord_world)
    with opord_world.time_stands_still():
        run.send.approve(note="ok", as_="ann", role="clerk")
        run.assert_state("Paying")
        assert len(fakes.transfer.calls) == 1
        run.advance("1m")
        assert len(fakes.transfer.calls) == 2
    run.assert_ended()


def test_a_call_under_way_can_be_inspected(opord_world: World, fakes: Fakes) -> None:
    fakes.transfer.returns(**RECEIPT, after="8s")
    run = started(opord_world)
    with opord_world.time_stands_still():
        run.send.approve(note="ok", as_="ann", role="clerk")
        run.advance("7s").assert_state("Paying")
        run.advance("2s").assert_ended()


def test_a_refusal_is_raised_with_the_story(opord_world: World, fakes: Fakes) -> None:
    run = started(opord_world)
    with pytest.raises(RoleRequired) as refused:
        run.send.approve(note="ok")
    assert "● Waiting  rate 1.5" in refused.value.__notes__[0]
    with pytest.raises(opord.Refused):
        run.send.aprove(note="ok")
    with pytest.raises(opord.Refused):
        run.send.approve(nota="ok", role="clerk")


def test_a_parameter_called_role_goes_to_the_event(opord_world: World, fakes: Fakes) -> None:
    run = started(opord_world)
    assert run.as_("bob", role="guest").send.note(role="father").sent.status == "ignored"
    (record,) = [one for one in run.history if one["kind"] == "ignored"]
    assert (record["args"], record["actor"], record["role"]) == ({"role": "father"}, "bob", "guest")
    assert run.send("note", {"role": "mother"}, as_="eve").sent.status == "ignored"


def test_a_start_is_the_same_run_or_a_conflict(opord_world: World, fakes: Fakes) -> None:
    run = started(opord_world)
    assert started(opord_world).id == run.id == "Payout/p1"
    with pytest.raises(StartConflict):
        opord_world.start(PAYOUT.Payout, {"id": "p1"}, cents=1)
    assert [one.id for one in opord_world.runs] == ["Payout/p1"]
    assert opord_world.run("Payout/p1").state == "Waiting"
    with pytest.raises(ScriptError, match="there are Payout/p1"):
        opord_world.run("Payout/p2")


def test_a_start_that_does_not_fit_is_refused(opord_world: World, tmp_path: Path) -> None:
    file = tmp_path / "seat.opord"
    file.write_text(
        'contract Seat(row: int) key str(row)\nrequire row > 0 else "there is no row {row}"\nevent leave\n'
        "initial state Taken -> Free { on leave -> goto Free\n  after 1d -> goto Free }\nfinal state Free success\n"
    )
    seat = opord.load(file).Seat
    opord_world.fakes(seat)
    with pytest.raises(opord.StartRefused, match="there is no row 0"):
        opord_world.start(seat, row=0)
    assert opord_world.runs == []
    opord_world.start(seat, row=1).assert_state("Taken")


def test_a_restart_loses_nothing(opord_world: World, fakes: Fakes) -> None:
    run = started(opord_world)
    opord_world.restart()
    run.assert_state("Waiting").send.approve(note="ok", as_="ann", role="clerk")
    run.assert_ended()


@pytest.mark.parametrize("point", ["before intent", "intent written", "call answered", "before outcome"])
def test_a_crash_at_a_named_point_is_survived(opord_world: World, fakes: Fakes, point: Any) -> None:
    run = started(opord_world)
    opord_world.crash_at(point)
    run.send.approve(note="ok", as_="ann", role="clerk")
    run.assert_ended()
    assert (opord_world.crashes, fakes.transfer.happened, fakes.notify.happened) == (1, 1, 1)
    assert "worker-2 goes on with it" in run.story or point == "before intent"


@pytest.mark.parametrize("point", ["before start", "start written", "before event", "event written"])
def test_an_unacknowledged_request_is_sent_again_once(opord_world: World, fakes: Fakes, point: Any) -> None:
    opord_world.crash_at(point)
    run = approved(opord_world)
    run.assert_ended()
    assert opord_world.crashes == 1
    assert [one["event"] for one in run.history if one["kind"] == "event"] == ["approve"]


def test_a_run_that_tries_for_ever_is_an_error(fakes: Fakes) -> None:
    world = World(patience="10m")
    told = scripted(world)
    told.transfer.unknown()
    told.find_transfer.raises(ConnectionError("down"))
    run = started(world)
    with pytest.raises(StillMoving, match="Payout/p1 did not come to rest within 0:10:00") as error:
        run.send.approve(note="ok", as_="ann", role="clerk")
    assert "is in doubt" in error.value.__notes__[0]
    world.close()


def test_failed_assertions_tell_the_story(opord_world: World, fakes: Fakes) -> None:
    run = started(opord_world)
    wrong: dict[str, Any] = {
        "it is in Waiting, not in Paid": lambda: run.assert_state("Paid"),
        "rate of Waiting is 1.5, not 2": lambda: run.assert_state("Waiting", rate=2),
        "it is waiting in Waiting, not ended with success": lambda: run.assert_ended(),
        "it went New → Waiting, not New": lambda: run.assert_states("New"),
        "it is waiting in Waiting for approve, note, not for cancel": lambda: run.assert_waits_for("cancel"),
        "not in doubt about transfer": lambda: run.assert_in_doubt("transfer"),
        "not stalled with 'x'": lambda: run.assert_stalled("x"),
    }
    for message, assertion in wrong.items():
        with pytest.raises(AssertionError) as failed:
            assertion()
        assert message in str(failed.value)
        assert "rate → ok 1.5" in str(failed.value)


def test_misspelt_states_and_fields_are_reported(opord_world: World, fakes: Fakes) -> None:
    run = started(opord_world)
    with pytest.raises(ScriptError, match="did you mean Waiting"):
        run.assert_state("Wating")
    with pytest.raises(ScriptError, match="Waiting has no field rat; it has rate"):
        run.assert_state("Waiting", rat=1.5)
    with pytest.raises(ScriptError, match="Payout has no action rate"):
        run.assert_in_doubt("rate")


def test_plain_handlers_that_return_coroutines_time_out(opord_world: World) -> None:
    """A plain function that returns a coroutine is given up like any other."""
    import asyncio

    fakes = scripted(opord_world)

    class Slow:
        calls = 0

        def rate(self, cents: int) -> Any:
            self.calls += 1
            return asyncio.sleep(5, 1.5)

        def __getattr__(self, name: str) -> Any:
            return fakes[name]

    slow = Slow()
    run = opord_world.start(PAYOUT.Payout, handlers=slow, id="p1", cents=500)
    run.assert_state("Refused", reason="TimedOut")
    assert slow.calls == 3


def test_a_new_deployment_carries_all_runs_from_then_on(opord_world: World, fakes: Fakes) -> None:
    first = started(opord_world)
    other = scripted(opord_world)
    opord_world.start(PAYOUT.Payout, handlers=other, id="p2", cents=1)
    first.send.approve(note="ok", as_="ann", role="clerk")
    assert (fakes.transfer.happened, other.transfer.args) == (0, [{"id": "p1", "cents": 500}])


def test_a_run_without_handlers_is_an_error(opord_world: World) -> None:
    with pytest.raises(ScriptError, match=r"fakes = world.fakes\(Payout\)"):
        started(opord_world)
    with pytest.raises(ScriptError, match="expected a contract's class, got: 3"):
        opord_world.start(3)  # type: ignore[arg-type]


def test_a_module_a_file_and_joined_handlers_work_as_a_contract(opord_world: World, fakes: Fakes) -> None:
    opord_world.start(PAYOUT, id="p1", cents=1).assert_state("Waiting")
    path = "tests/testing/payout.opord"
    opord_world.start(path, id="p2", cents=1).assert_state("Waiting")
    with pytest.raises(opord.EngineError, match="has no handler for the pure `fee`"):
        opord_world.start(PAYOUT.Payout(object()), id="p3", cents=1)


def test_at_the_end_every_journal_is_verified(monkeypatch: pytest.MonkeyPatch) -> None:
    world = World()
    scripted(world)
    approved(world)
    kept = world.store.kept(RunId("Payout/p1"))
    assert kept is not None
    left = tuple(record for record in kept.records if record.kind != "event")
    damaged = kept.replace(records=left)
    monkeypatch.setattr(world.store, "kept", lambda _: damaged)
    with pytest.raises(AssertionError, match="its journal is not legal"):
        world.close()


def test_the_same_seed_gives_the_same_world() -> None:
    stories = []
    for seed in (1, 1, 2):
        world = World(seed=seed)
        scripted(world).transfer.fails(BankError.Busy).then.returns(**RECEIPT)
        stories.append(approved(world).story)
        world.close()
    assert stories[0] == stories[1] != stories[2]


def test_time_that_passes_for_one_run_passes_for_all(opord_world: World, tmp_path: Path) -> None:
    """A timer that falls due while another run's call is under way fires at its time."""
    path = tmp_path / "two.opord"
    path.write_text("""
contract Two(n: int) key str(n)
effect look(n: int) -> int
initial state Looking -> Resting {
  let found = perform look(n)
  goto Resting(found)
}
state Resting(found: int) -> Done { after 1m -> goto Done }
final state Done success
""")
    fakes = opord_world.fakes(path)
    begun = opord_world.now
    with opord_world.time_stands_still():
        fakes.look.returns(1, after="1s")
        first = opord_world.start(path, n=1)
        fakes.look.returns(2, after="4m")
        second = opord_world.start(path, n=2)
    assert first.history[-1]["at"] == (begun + timedelta(seconds=61)).strftime("%Y-%m-%dT%H:%M:%S.%fZ")
    second.assert_state("Resting", found=2)
    assert opord_world.now == begun + timedelta(minutes=4)


LONG = """contract Long(a: str) key a
failure E { No settles }
action act(a: str) -> int fails E stands because "nothing takes it back" {
  key a
  retry 20 times backoff 1h to 1h
  timeout 1h
}
initial state A -> Done | Lost {
  match commit act(a) {
    ok -> goto Done
    No -> goto Lost
  }
}
final state Done success
final state Lost failure
"""


def test_virtual_time_jumps_over_what_takes_long(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Twenty hours of time-outs, with pauses between, need few renewals of leases."""
    jumps: list[float] = []
    advance = VirtualClock.advance
    monkeypatch.setattr(VirtualClock, "advance", lambda clock, s: (jumps.append(s), advance(clock, s)))
    (tmp_path / "long.opord").write_text(LONG)
    contract = load(tmp_path / "long.opord").Long
    world = World()
    world.fakes(contract).act.times_out().times(20).then.returns(1)
    began = world.now
    run = world.start(contract, a="x")
    world.close()
    assert run.state == "Done"
    assert world.now - began > timedelta(hours=20)
    assert len(jumps) < 1000


def test_what_happened_to_an_event_is_known_once_one_was_sent(opord_world: World, fakes: Fakes) -> None:
    run = started(opord_world)
    with pytest.raises(ScriptError, match="no event was sent to"):
        _ = run.sent


def test_a_world_keeps_to_limits(tmp_path: Path) -> None:
    path = tmp_path / "two.opord"
    path.write_text("""
contract Two(n: int) key str(n)
effect look(n: int) -> int
initial state Looking -> Done {
  let found = perform look(n)
  goto Done(found)
}
final state Done(found: int) success
""")
    world = World(limits={"Two": {"look": {"per_minute": 1}}})
    fakes, instants = world.fakes(path), []

    def look(n: int) -> int:
        instants.append(world.now)
        return n

    fakes.look.does(look)
    for n in range(3):
        world.start(path, n=n).assert_ended("success")
    assert [later - earlier for earlier, later in pairwise(instants)] >= [timedelta(minutes=1)] * 2
    world.close()


def test_a_world_excludes_whom_the_contract_excludes(opord_world: World, tmp_path: Path) -> None:
    path = tmp_path / "claim.opord"
    path.write_text(
        "contract Claim(id: str, employee: str) key id\nevent approve() except employee\n"
        "initial state Asked -> Paid { on approve -> goto Paid }\nfinal state Paid success\n"
    )
    claim = load(path).Claim
    run = opord_world.start(claim(object()), id="c1", employee="eve")
    with pytest.raises(opord.SenderExcluded, match="employee is that name"):
        run.as_("eve").send.approve()
    run.assert_state("Asked")
    run.as_("ann").send.approve().assert_ended("success")
