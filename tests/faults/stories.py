"""The stories: what comes from outside, the provider's answers, and the ledger at each end."""

from __future__ import annotations

from collections import Counter
from collections.abc import Awaitable, Callable, Mapping
from typing import TYPE_CHECKING, Any, NamedTuple

if TYPE_CHECKING:
    from tests.faults.bench import Bench

ORDER = "src/opord/examples/orders/order.opord"
TRIP = "examples/patterns/saga/trip_booking.opord"
BOOKING = "tests/faults/booking.opord"
EXPENSE = "examples/patterns/approval/expense_approval.opord"

Balance = Callable[[str, Counter[str], list[str]], bool]


class Story(NamedTuple):
    """One run of a contract without faults, and what has to be true with any fault."""

    name: str
    contract: str
    run: str
    input: Mapping[str, Any]
    answers: Mapping[str, Any]
    tell: Callable[[Bench], Awaitable[None]]
    ends: str
    balance: Balance
    fails: frozenset[str] = frozenset()


# --- the ledger at an end ----------------------------------------------------------------------


def order_balance(end: str, did: Counter[str], _: list[str]) -> bool:
    """No order is charged twice, and none ends charged without a delivery or a refund."""
    wanted = {"Delivered": (1, 0), "Refunded": (1, 1)}.get(end, (0, 0))
    return (did["charge_card"], did["refund_card"]) == wanted and did["post_slack"] <= 1


def trip_balance(end: str, did: Counter[str], order: list[str]) -> bool:
    """All of a trip is booked, or all bookings are cancelled in reverse order."""
    parts = ("flight", "room", "car")
    if end == "Booked":
        return all((did[f"book_{part}"], did[f"cancel_{part}"]) == (1, 0) for part in parts)
    undone = [one for one in order if one.startswith("cancel_")]
    booked = [one for one in order if one.startswith("book_")]
    return undone == [one.replace("book_", "cancel_") for one in reversed(booked)]


def expense_balance(end: str, did: Counter[str], _: list[str]) -> bool:
    """An expense is paid once if it ends as paid, and otherwise not at all."""
    return did["pay"] == (1 if end == "Paid" else 0)


def booking_balance(end: str, did: Counter[str], _: list[str]) -> bool:
    """Seats are reserved once, and given back once unless they are booked."""
    wanted = {"Booked": (1, 0), "Released": (1, 1)}.get(end, (0, 0))
    return (did["reserve"], did["give_back"]) == wanted


# --- the order ---------------------------------------------------------------------------------


async def delivered(bench: Bench) -> None:
    await bench.start()
    await bench.until("Shipping")
    await bench.send("delivered", {"tracking": "T-1"}, "wes", "warehouse")


async def refunded(bench: Bench) -> None:
    await bench.start()
    await bench.until("Shipping")
    await bench.jump(days=30)


async def reviewed(bench: Bench) -> None:
    await bench.start()
    await bench.until("Review")
    await bench.send("delivered", {"tracking": "T-1"}, "wes", "warehouse")
    await bench.send("approve", {"note": "a good customer"}, "mia", "manager")


async def expired(bench: Bench) -> None:
    await bench.start()
    await bench.until("Review")
    await bench.jump(days=2)


async def approved_late(bench: Bench) -> None:
    await bench.start()
    await bench.until("Review")
    await bench.jump(days=2 - 1 / 1440)
    await bench.send("approve", {"note": "just in time"}, "mia", "manager")
    await bench.until("Shipping")
    await bench.send("delivered", {"tracking": "T-1"}, "wes", "warehouse")


# --- the trip ----------------------------------------------------------------------------------


async def booked(bench: Bench) -> None:
    await bench.start()
    await bench.until("Offered")
    await bench.send("confirm", {}, "tia", "traveller")


async def not_booked(bench: Bench) -> None:
    await bench.start()
    await bench.until("Offered")
    await bench.jump(days=1)


# --- the expense -------------------------------------------------------------------------------


async def agreed(bench: Bench) -> None:
    await bench.start()
    await bench.until("Collecting")
    await bench.send("approve", {"note": "yes"}, "ann", "approver")
    await bench.send("approve", {"note": "yes"}, "bob", "approver")


async def escalated(bench: Bench) -> None:
    await bench.start()
    await bench.until("Collecting")
    await bench.send("approve", {"note": "yes"}, "ann", "approver")
    await bench.jump(days=3)
    await bench.until("Deciding")
    await bench.send("sign_off", {"note": "so be it"}, "dora", "director")


async def nobody_decides(bench: Bench) -> None:
    await bench.start()
    await bench.until("Collecting")
    await bench.jump(days=3)
    await bench.until("Deciding")
    await bench.jump(days=7)


# --- the seats ---------------------------------------------------------------------------------


async def confirmed(bench: Bench) -> None:
    await bench.start()
    await bench.until("Held")
    await bench.send("confirm", {"note": "we come"}, "gus", "guest")


async def forgotten(bench: Bench) -> None:
    await bench.start()
    await bench.until("Held")
    await bench.jump(days=1)


_ORDER: dict[str, Any] = {
    "contract": ORDER,
    "run": "OrderFulfilment/o1",
    "input": {
        "order": {
            "id": "o1", "customer": "c1", "total_cents": 500,
            "lines": [{"sku": "s", "quantity": 1}], "card_token": "tok",
        }
    },
    "answers": {"risk": 0.1, "find_customer": {"id": "c1", "vip": False}},
    "balance": order_balance,
}  # fmt: skip
_RISKY = _ORDER | {"answers": {"risk": 0.95, "find_customer": {"id": "c1", "vip": False}}}
_TRIP: dict[str, Any] = {
    "contract": TRIP,
    "run": "TripBooking/t1",
    "input": {"trip": {"id": "t1", "traveller": "tia", "to": "Oslo", "leaves": "2026-05-01", "nights": 2}},
    "answers": {"book_flight": "F1", "book_room": "R1", "book_car": "C1"},
    "balance": trip_balance,
}
_EXPENSE: dict[str, Any] = {
    "contract": EXPENSE,
    "run": "ExpenseApproval/e1",
    "input": {"expense": {"id": "e1", "employee": "eve", "cents": 900, "iban": "DE00", "quorum": 2}},
    "answers": {"pay": {"reference": "P1"}},
    "balance": expense_balance,
}
_BOOKING: dict[str, Any] = {
    "contract": BOOKING,
    "run": "Booking/b1",
    "input": {"id": "b1", "seats": 3},
    "answers": {"price": 900, "reserve": 7},
    "balance": booking_balance,
}

STORIES = {
    story.name: story
    for story in (
        Story(name="order delivered", tell=delivered, ends="Delivered", **_ORDER),
        Story(name="order refunded", tell=refunded, ends="Refunded", **_ORDER),
        Story(name="order reviewed", tell=reviewed, ends="Delivered", **_RISKY),
        Story(name="order expired", tell=expired, ends="Expired", **_RISKY),
        Story(name="order approved late", tell=approved_late, ends="Delivered", **_RISKY),
        Story(name="trip booked", tell=booked, ends="Booked", **_TRIP),
        Story(name="trip sold out", tell=booked, ends="NotBooked", fails=frozenset({"book_car"}), **_TRIP),
        Story(name="trip not confirmed", tell=not_booked, ends="NotBooked", **_TRIP),
        Story(name="expense agreed", tell=agreed, ends="Paid", **_EXPENSE),
        Story(name="expense escalated", tell=escalated, ends="Paid", **_EXPENSE),
        Story(name="seats booked", tell=confirmed, ends="Booked", **_BOOKING),
        Story(name="seats given back", tell=forgotten, ends="Released", **_BOOKING),
        Story(name="expense undecided", tell=nobody_decides, ends="Expired", **_EXPENSE),
    )
}
REFERENCE = ("order reviewed", "trip not confirmed", "expense escalated")
"""The stories of which pairs are made.

They are the order, a saga with compensation, and an approval with deadline and escalation.
"""
