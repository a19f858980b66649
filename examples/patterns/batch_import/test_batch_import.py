"""A file is imported batch by batch, each once, or taken back as a whole."""

from __future__ import annotations

from typing import Any

import pytest

import opord
from examples.patterns.batch_import.batch_import import BatchImport, FileError
from examples.patterns.batch_import.handlers import Handlers
from examples.patterns.service import Answer, NotSent, Recorded
from opord.testing import Fakes, Run, World, crash_everywhere

FILE = {"id": "f1", "url": "/f1.csv", "size": 5}


def batch(offset: int) -> dict[str, Any]:
    return {
        "rows": [{"id": offset}, {"id": offset + 1}],
        "bad": [f"row {offset}"],
        "next": offset + 2 if offset < 4 else None,
    }


def faked(world: World) -> Fakes:
    fakes = world.fakes(BatchImport)
    fakes.read_batch.does(lambda file, offset: batch(offset))
    fakes.write_batch.does(lambda file_id, offset, rows: len(rows))
    fakes.remove_rows.returns()
    fakes.send_report.returns()
    return fakes


def started(world: World, **members: Any) -> Run:
    return world.start(BatchImport, file=FILE, **members)


@crash_everywhere
def test_each_batch_is_written_once(opord_world: World) -> None:
    fakes = faked(opord_world)
    run = started(opord_world).advance("1m")
    if run.status == "in_doubt":
        run.assert_in_doubt("send_report").resolve(happened=True)
    run.assert_ended().assert_state("Imported", rows=6, bad=3, reported=True)
    assert [made.key for made in fakes.write_batch.effects] == ["f1/0", "f1/2", "f1/4"]


def test_it_is_paused_and_goes_on_where_it_was(opord_world: World) -> None:
    fakes = faked(opord_world)
    run = started(opord_world)
    run.assert_state("Between", offset=2).send.pause(as_="ops", role="operator")
    run.advance("6d").assert_state("Paused", offset=2, rows=2)
    run.send.resume(as_="ops", role="operator")
    run.advance("1m").assert_state("Imported", rows=6)
    assert [made["offset"] for made in fakes.read_batch.args] == [0, 2, 4]


def test_a_pause_of_a_week_takes_it_back(opord_world: World) -> None:
    fakes = faked(opord_world)
    run = started(opord_world)
    run.send.pause(as_="ops", role="operator")
    run.advance("7d").assert_state("Removed", reason="paused for a week")
    assert fakes.remove_rows.args == [{"file_id": "f1"}]


@pytest.mark.parametrize("event", ["pause", "cancel"])
def test_who_may_stop_it(opord_world: World, event: str) -> None:
    fakes = faked(opord_world)
    run = started(opord_world)
    if event == "pause":
        with pytest.raises(opord.Refused, match="only operator may send pause"):
            run.send.pause()
    else:
        run.send.cancel(reason="the wrong file")
        run.assert_state("Removed", reason="the wrong file").assert_ended("failure")
        assert fakes.remove_rows.happened == 1


def test_too_many_bad_rows_take_it_back(opord_world: World) -> None:
    fakes = faked(opord_world)
    started(opord_world, bad_rows_max=1).advance("1m").assert_state("Removed", reason="more than 1 bad rows")
    assert (fakes.write_batch.happened, fakes.remove_rows.happened) == (1, 1)


@pytest.mark.parametrize(
    ("failure", "reason"),
    [
        (FileError.NotFound, "the file is gone"),
        (FileError.Unreadable(reason="no table"), "no table"),
        (FileError.Away, "the file cannot be reached"),
    ],
)
def test_a_file_that_cannot_be_read_is_taken_back(opord_world: World, failure: Any, reason: str) -> None:
    fakes = faked(opord_world)
    fakes.read_batch.returns(batch(0)).then.fails(failure)
    started(opord_world).advance("1m").assert_state("Removed", reason=reason)
    assert len(fakes.read_batch.calls) == (7 if failure is FileError.Away else 2)


def test_a_read_that_takes_too_long(opord_world: World) -> None:
    fakes = faked(opord_world)
    fakes.read_batch.times_out()
    started(opord_world).advance("1m").assert_state("Removed", reason="the file cannot be reached")


@pytest.mark.parametrize("happened", [True, False])
def test_a_lost_answer_writes_no_batch_twice(opord_world: World, happened: bool) -> None:
    fakes = faked(opord_world)
    fakes.write_batch.unknown(*([2] if happened else []), happened=happened).then.returns(2)
    started(opord_world).advance("1m").assert_state("Imported", rows=6)
    assert fakes.write_batch.happened == 3


def test_a_report_that_may_be_lost_is_left_to_a_person_for_a_day(opord_world: World) -> None:
    fakes = faked(opord_world)
    fakes.send_report.unknown()
    run = started(opord_world).advance("1m")
    run.assert_in_doubt("send_report").advance("24h").assert_state("Imported", reported=False)
    assert len(fakes.send_report.calls) == 1


@pytest.mark.parametrize(
    ("answer", "outcome"),
    [
        (Answer(200, {"rows": [{"id": 1}, {}], "next": None}), "ok"),
        (Answer(404), "FileError.NotFound"),
        (Answer(415, {"reason": "a picture"}), "FileError.Unreadable"),
        (NotSent(), "FileError.Away"),
        (Answer(500), "Strange"),
    ],
)
def test_what_the_services_say_is_what_the_contract_hears(
    opord_world: World, answer: Any, outcome: str
) -> None:
    database = Recorded({"/batches": Answer(200, {"written": 1}), "/files/f1/remove": Answer(200)})
    mail = Recorded({"/mails": Answer(202)})
    fakes = opord_world.fakes(
        BatchImport, real=Handlers(Recorded({"/f1.csv?from=0": answer}), database, mail)
    )
    run = started(opord_world)
    assert fakes.read_batch.calls[0].outcome == outcome
    if outcome == "ok":
        run.assert_state("Imported", rows=1, bad=1)
        assert database.posts == [("/batches", {"file": "f1", "offset": 0, "rows": [{"id": 1}]}, "f1/0")]
        assert mail.posts[0][1]["bad"] == ["row 1: no id"]
