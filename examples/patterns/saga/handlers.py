"""Handlers for trips: an airline and a hotel that honour keys, and a car company that does not."""

from __future__ import annotations

import opord
from examples.patterns.saga.trip_booking import BookingError, Trip, TripBooking
from examples.patterns.service import NotSent, Service, body_of


class Handlers(TripBooking.Handlers):
    """Speaks to the three companies."""

    def __init__(self, airline: Service, hotel: Service, cars: Service) -> None:
        self._airline = airline
        self._hotel = hotel
        self._cars = cars

    async def book_flight(self, trip: Trip, *, call: opord.Call) -> str:
        """Book a seat."""
        return await _book(self._airline, trip, call.key)

    async def book_room(self, trip: Trip, *, call: opord.Call) -> str:
        """Book a room."""
        return await _book(self._hotel, trip, call.key)

    async def book_car(self, trip: Trip, *, call: opord.Call) -> str:
        """Book a car; the company does not look at keys."""
        return await _book(self._cars, trip, None)

    async def find_car(self, trip_id: str) -> str | None:
        """Look for the booking of a trip."""
        answer = await self._cars.get(f"/bookings?reference={trip_id}")
        return None if answer.status == 404 else str(body_of(answer)["booking"])

    async def cancel_flight(self, booking: str, *, call: opord.Call) -> None:
        """Give the seat back."""
        body_of(await self._airline.post(f"/bookings/{booking}/cancel", {}, key=call.key))

    async def cancel_room(self, booking: str, *, call: opord.Call) -> None:
        """Give the room back."""
        body_of(await self._hotel.post(f"/bookings/{booking}/cancel", {}, key=call.key))

    async def cancel_car(self, booking: str, *, call: opord.Call) -> None:
        """Give the car back."""
        body_of(await self._cars.post(f"/bookings/{booking}/cancel", {}, key=call.key))


async def _book(company: Service, trip: Trip, key: str | None) -> str:
    wanted = {
        "reference": trip.id,
        "to": trip.to,
        "from_day": trip.leaves.isoformat(),
        "nights": trip.nights,
    }
    try:
        answer = await company.post("/bookings", wanted, key=key)
    except NotSent:
        raise BookingError.Unavailable from None
    if answer.status == 409:
        raise BookingError.SoldOut
    if answer.status == 503:
        raise BookingError.Unavailable
    return str(body_of(answer)["booking"])
