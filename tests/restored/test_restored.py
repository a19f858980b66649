"""A store that was restored from a copy: lost work is not on record, and is not done again."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

import opord
from opord.engine.restoring import CopyFromTheFuture, mark_restored
from opord.kernel.restored import UNTOLD_US
from opord.stores import open_store
from opord.testing import Fakes, Run, World
from tests.restored.kit import ACTIONS, PARCEL, Overtaken, copies_of_a_story, go_on, scripted, start, times

MOMENTS = range(len(copies_of_a_story((lambda world: (scripted(world), world)[1])(World()))))


@pytest.mark.parametrize("moment", MOMENTS)
def test_nothing_happens_twice_whenever_the_copy_was_made(opord_world: World, moment: int) -> None:
    fakes = scripted(opord_world)
    copies = copies_of_a_story(opord_world)
    assert times(fakes) == dict.fromkeys(ACTIONS, 1)
    opord_world.restore(copies[moment])
    go_on(opord_world).assert_ended("success")
    assert times(fakes) == dict.fromkeys(ACTIONS, 1)


@pytest.mark.parametrize("moment", MOMENTS)
def test_a_second_loss_after_the_restore_changes_nothing(opord_world: World, moment: int) -> None:
    fakes = scripted(opord_world)
    copies = copies_of_a_story(opord_world)
    opord_world.restore(copies[moment])
    go_on(opord_world)
    opord_world.restore(copies[moment])
    opord_world.restart()
    go_on(opord_world).assert_ended("success")
    assert times(fakes) == dict.fromkeys(ACTIONS, 1)


def test_without_the_mark_actions_happen_twice(opord_world: World) -> None:
    fakes = scripted(opord_world)
    run = start(opord_world)
    copy = opord_world.backup()
    run.send.go(note="", as_="ann", role="clerk")
    opord_world._end_engine()
    opord_world.store = copy
    go_on(opord_world).assert_ended("success")
    assert times(fakes)["book"] == times(fakes)["tell"] == 2


def restored_in_waiting(world: World) -> tuple[Fakes, Run]:
    fakes = scripted(world)
    run = start(world)
    world.restore(world.backup())
    return fakes, world.run(run.id)


def test_an_action_without_a_key_is_in_doubt_before_its_call_with_the_reason(
    opord_world: World,
) -> None:
    fakes, run = restored_in_waiting(opord_world)
    run.send.go(note="", as_="ann", role="clerk")
    run.assert_in_doubt("book")
    assert fakes.book.calls == []
    assert "book may have been called since 2026-" in run.story
    assert "⟲ the store was restored from a copy" in run.story


def test_a_denial_of_an_action_that_can_fail_ends_only_its_own_doubt(opord_world: World) -> None:
    fakes, run = restored_in_waiting(opord_world)
    run.send.go(note="", as_="ann", role="clerk")
    run.resolve(happened=False).assert_ended("success")
    assert times(fakes) == {"book": 1, "label": 1, "charge": 1, "tell": 0, "file": 0}
    assert len(fakes.find_label.calls) == 1


def test_a_check_is_asked_before_the_call(opord_world: World) -> None:
    fakes, run = restored_in_waiting(opord_world)
    run.send.go(note="", as_="ann", role="clerk")
    run.resolve(happened=True, result="place 7").assert_ended("success")
    # The check found nothing. But a label may have been refused before, and what followed is not
    # done again.
    assert len(fakes.find_label.calls) == 1
    assert times(fakes) == {"book": 0, "label": 1, "charge": 1, "tell": 0, "file": 0}


def test_a_forgotten_key_gives_a_doubt_and_a_valid_one_is_used_again(opord_world: World) -> None:
    fakes, run = restored_in_waiting(opord_world)
    fakes.find_label.returns("label 7")
    run.advance("23h")
    run.send.go(note="", as_="ann", role="clerk")
    run.resolve(happened=True, result="place 7").assert_ended("success")
    assert fakes.charge.keys == ["p1"]

    late = opord_world.start(PARCEL.Parcel, id="p2", weight=3)
    opord_world.restore(opord_world.backup())
    late = opord_world.run(late.id).advance("25h")
    late.send.go(note="", as_="ann", role="clerk")
    late.resolve(happened=True, result="place 7").assert_in_doubt("charge")
    assert fakes.charge.keys == ["p1"]


def test_an_unanswerable_doubt_is_repeated_only_after_thirty_days(opord_world: World) -> None:
    fakes, run = restored_in_waiting(opord_world)
    fakes.find_label.returns("label 7")
    assert UNTOLD_US == 30 * 86_400 * 1_000_000
    run.advance("31d")
    run.send.go(note="", as_="ann", role="clerk")
    run.resolve(happened=True, result="place 7").assert_in_doubt("charge")
    run.resolve(happened=True, result="receipt 7").assert_ended("success")
    assert times(fakes) == {"book": 0, "label": 0, "charge": 0, "tell": 1, "file": 1}


def open_doubt(world: World) -> tuple[Fakes, Run]:
    fakes = scripted(world)
    fakes.book.unknown()
    run = start(world)
    run.send.go(note="", as_="ann", role="clerk")
    run.assert_in_doubt("book")
    return fakes, run


def test_a_doubt_that_is_open_in_the_copy_gets_its_whole_time_again(opord_world: World) -> None:
    _, run = open_doubt(opord_world)
    copy = opord_world.backup()
    run.advance("1h")
    opord_world.restore(copy)
    run = opord_world.run(run.id).advance("1h59m")
    run.assert_in_doubt("book")
    run.advance("2m").assert_ended("success")


def test_between_two_attempts_the_next_one_is_in_doubt(opord_world: World) -> None:
    fakes = scripted(opord_world)
    fakes.label.fails(PARCEL.Refusal.Busy).then.returns("label 7")
    run = start(opord_world)
    with opord_world.time_stands_still():
        run.send.go(note="", as_="ann", role="clerk")
        copy = opord_world.backup()
    run.assert_ended("success")
    opord_world.restore(copy)
    run = opord_world.run(run.id)
    run.assert_ended("success")
    assert "attempt 2 is in doubt: the store was restored" in run.story
    assert times(fakes)["label"] == 1


# --- the store and the command --------------------------------------------------------------------


def test_a_marked_run_is_not_marked_again_until_it_moves(opord_world: World) -> None:
    _, run = restored_in_waiting(opord_world)
    again = list(mark_restored(opord_world.store, actor="ann"))
    assert [one.how for one in again] == ["marked before"]
    assert [one["kind"] for one in run.history].count("restored") == 1
    run.send.go(note="", as_="ann", role="clerk")
    assert [one.how for one in mark_restored(opord_world.store, actor="ann")] == ["marked"]


def test_a_copy_that_is_newer_than_the_clock_is_refused(opord_world: World) -> None:
    start_of = opord_world.store.now()
    with pytest.raises(CopyFromTheFuture, match=r"it is only 2026-.* now"):
        list(mark_restored(opord_world.store, actor="ann", copied_at=start_of + 1))


def test_a_run_that_a_worker_holds_is_taken_from_it(opord_world: World) -> None:
    scripted(opord_world)
    run = start(opord_world)
    row = opord_world.store.load(run.id)
    assert row is not None
    list(mark_restored(opord_world.store, actor="ann"))
    after = opord_world.store.load(run.id)
    assert after is not None
    assert after.epoch == row.epoch + 1


def test_a_mark_that_loses_a_race_is_made_on_the_new_state(opord_world: World) -> None:
    scripted(opord_world)
    run = start(opord_world)
    store: Any = Overtaken(opord_world.store, lambda: run.send.go(note="", as_="ann", role="clerk"))
    told = list(mark_restored(store, actor="ann"))
    assert told == []  # it had ended meanwhile
    run.assert_ended("success")


def desk(tmp_path: Path) -> tuple[str, Callable[..., None]]:
    """A store in a file with a waiting run, and a way to carry it on with a ledger of effects."""
    import asyncio

    place = tmp_path / "runs.db"

    class Handlers:
        def __init__(self, done: list[str]) -> None:
            self.done = done

        async def find_label(self, id: str) -> str | None:
            return "label" if "label" in self.done else None

        async def book(self, id: str, *, call: opord.Call) -> str:
            return self._did("book")

        async def label(self, id: str, *, call: opord.Call) -> str:
            return self._did("label")

        async def charge(self, id: str, weight: int, *, call: opord.Call) -> str:
            return "charge" if "charge" in self.done else self._did("charge")

        async def tell(self, text: str, *, call: opord.Call) -> None:
            self._did("tell")

        async def file(self, id: str, *, call: opord.Call) -> str:
            return self._did("file")

        def _did(self, what: str) -> str:
            self.done.append(what)
            return what

    def carry(done: list[str], *, begin: bool = False, go: bool = False) -> None:
        async def life() -> None:
            async with opord.Engine(f"sqlite:///{place}", [PARCEL.Parcel(Handlers(done))]) as engine:
                if begin:
                    await engine.start(PARCEL.Parcel, id="p1", weight=3)
                if go:
                    await engine.client.send("Parcel/p1", "go", {"note": ""}, actor="ann", role="clerk")
                assert engine.worker is not None
                await engine.worker.until_idle()

        asyncio.run(life())

    return str(place), carry


def test_a_file_is_copied_restored_and_marked_by_the_command(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    from opord.cli.program import run as opord_command

    place, carry = desk(tmp_path)
    url = f"sqlite:///{place}"
    done: list[str] = []
    carry(done, begin=True)
    copy = Path(place).read_bytes()
    carry(done, go=True)
    assert sorted(done) == sorted(ACTIONS)
    for left in tmp_path.glob("runs.db*"):
        left.unlink()
    Path(place).write_bytes(copy)

    assert opord_command(["db", "restored", "--store", url, "--as", "ann", "--reason", "disk", "--json"]) == 0
    told = json.loads(capsys.readouterr().out)
    assert (told["marked"], told["marked_before"], told["unreadable"]) == (1, 0, 0)
    assert told["runs"][0]["first_in_doubt"] == ["book", "label", "tell", "file"]
    assert told["runs"][0]["with_time"] == ["charge"]
    assert opord_command(["db", "restored", "--store", url, "--as", "ann"]) == 0
    assert "0 live runs are marked now; 1 was marked before" in capsys.readouterr().out

    carry(done, go=True)
    assert sorted(done) == sorted(ACTIONS)
    store = open_store(url)
    try:
        row = store.load("Parcel/p1")
        assert row is not None
        assert (row.head.status, row.head.state) == ("in_doubt", "Booking")
    finally:
        store.close()
    capsys.readouterr()
    opord_command(["runs", "verify", "--store", url])
    assert "0 with problems, 1 needs a person" in capsys.readouterr().out
    assert opord_command(["runs", "history", "Parcel/p1", "--store", url]) == 0
    assert "ann said so" in capsys.readouterr().out


@pytest.mark.parametrize("given", ["yesterday", "2026-13-01T00:00:00Z", "90d", ""])
def test_an_invalid_instant_is_refused(tmp_path: Path, given: str) -> None:
    from opord.cli.program import run as opord_command

    assert (
        opord_command(["db", "restored", "--store", f"sqlite:///{tmp_path}/x.db", "--copied-at", given]) == 2
    )


def test_a_store_without_live_runs_says_so(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    from opord.cli.program import run as opord_command

    url = f"sqlite:///{tmp_path}/x.db"
    open_store(url).close()
    assert opord_command(["db", "restored", "--store", url]) == 0
    assert "no live runs" in capsys.readouterr().out
