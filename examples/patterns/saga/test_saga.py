"""A trip is booked as a whole, or given back as a whole, in reverse."""

from __future__ import annotations

from typing import Any

import pytest

from examples.patterns.saga.handlers import Handlers
from examples.patterns.saga.trip_booking import BookingError, TripBooking
from examples.patterns.service import Answer, NotSent, Recorded
from opord.testing import Fakes, Run, World, crash_everywhere

TRIP = {"id": "t1", "traveller": "tom", "to": "Oslo", "leaves": "2026-05-01", "nights": 3}


def faked(world: World) -> Fakes:
    fakes = world.fakes(TripBooking)
    for name in ("flight", "room", "car"):
        fakes[f"book_{name}"].returns(f"{name}-1")
        fakes[f"cancel_{name}"].returns()
    fakes.find_car.looks_up(fakes.book_car)
    return fakes


def started(world: World) -> Run:
    return world.start(TripBooking, trip=TRIP)


def effects(fakes: Fakes) -> list[str]:
    return [
        made.name for made in fakes.ledger if made.happened and not made.again and made.name != "find_car"
    ]


BOOKED = ["book_flight", "book_room", "book_car"]
UNDONE = ["cancel_car", "cancel_room", "cancel_flight"]


@crash_everywhere
def test_all_three_are_booked(opord_world: World) -> None:
    fakes = faked(opord_world)
    run = started(opord_world)
    run.assert_waits_for("confirm", "cancel")
    run.send.confirm(as_="tom", role="traveller")
    run.assert_ended().assert_state("Booked", flight="flight-1", room="room-1", car="car-1")
    assert effects(fakes) == BOOKED


@crash_everywhere
def test_what_is_not_confirmed_is_given_back_in_reverse(opord_world: World) -> None:
    fakes = faked(opord_world)
    run = started(opord_world).advance("25h")
    run.assert_state("NotBooked", reason="not confirmed within a day")
    assert effects(fakes) == [*BOOKED, *UNDONE]


def test_the_traveller_changes_plans(opord_world: World) -> None:
    fakes = faked(opord_world)
    run = started(opord_world)
    run.send.cancel(reason="ill", as_="tom")
    run.assert_state("NotBooked", reason="ill").assert_ended("failure")
    assert effects(fakes) == [*BOOKED, *UNDONE]


@pytest.mark.parametrize("failure", [BookingError.SoldOut, BookingError.Unavailable])
@pytest.mark.parametrize("step", [0, 1, 2])
def test_a_step_that_fails_undoes_those_before_it_and_no_other(
    opord_world: World, step: int, failure: Any
) -> None:
    fakes = faked(opord_world)
    fakes[BOOKED[step]].fails(failure)
    run = started(opord_world)
    word = BOOKED[step].removeprefix("book_")
    run.assert_state("NotBooked", reason=f"{word}: {failure.__name__}")
    assert effects(fakes) == [*BOOKED[:step], *UNDONE[3 - step :]]
    assert len(fakes[BOOKED[step]].calls) == (5 if failure is BookingError.Unavailable else 1)


@pytest.mark.parametrize("happened", [True, False])
@pytest.mark.parametrize("action", BOOKED)
def test_a_lost_answer_books_nothing_twice(opord_world: World, action: str, happened: bool) -> None:
    fakes = faked(opord_world)
    again = fakes[action]
    again.unknown(*(["x"] if happened else []), happened=happened).then.returns("x")
    run = started(opord_world)
    run.assert_state("Offered", **{action.removeprefix("book_"): "x"})
    assert again.happened == 1


def test_a_booking_that_cannot_be_given_back_waits_for_a_person(opord_world: World) -> None:
    """The key of a cancellation does not run out, but the attempts do."""
    fakes = faked(opord_world)
    fakes.cancel_room.raises(ConnectionError("down"))
    run = started(opord_world).advance("25h")
    run.assert_in_doubt("cancel_room")
    assert len(fakes.cancel_room.calls) == 21
    run.resolve(happened=True, as_="desk", reason="cancelled by telephone").assert_state("NotBooked")
    assert fakes.cancel_flight.happened == 1


@pytest.mark.parametrize(
    ("answer", "outcome"),
    [
        (Answer(201, {"booking": "b1"}), "ok"),
        (Answer(409), "BookingError.SoldOut"),
        (Answer(503), "BookingError.Unavailable"),
        (NotSent(), "BookingError.Unavailable"),
        (Answer(500), "Strange"),
    ],
)
def test_what_a_company_says_is_what_the_contract_hears(
    opord_world: World, answer: Any, outcome: str
) -> None:
    companies = [
        Recorded(
            {"/bookings": answer, "/bookings?reference=t1": Answer(404), "/bookings/b1/cancel": Answer(200)}
        )
        for _ in range(3)
    ]
    fakes = opord_world.fakes(TripBooking, real=Handlers(*companies))
    run = started(opord_world)
    assert fakes.book_flight.calls[0].outcome == outcome
    assert companies[0].posts[0][2] == "t1"
    if outcome == "ok":
        run.advance("2d").assert_ended("failure")
        assert companies[2].posts[-1] == ("/bookings/b1/cancel", {}, "b1")
        assert companies[2].posts[0][2] is None


def test_a_car_is_found_or_not(opord_world: World) -> None:
    cars = Recorded({"/bookings": Answer(502), "/bookings?reference=t1": Answer(200, {"booking": "c9"})})
    fakes = opord_world.fakes(TripBooking, real=Handlers(cars, cars, cars))
    fakes.book_flight.returns("f")
    fakes.book_room.returns("r")
    started(opord_world).assert_state("Offered", car="c9")
    assert fakes.find_car.args == [{"trip_id": "t1"}]
