"""Streams of changes: of one run, or of all."""

from __future__ import annotations

from collections.abc import AsyncIterator
from typing import Any, Final

from opord.backends.base import Move, Progress
from opord.errors import RunPruned, RunUnknown
from opord.kernel.rows import RunRow
from opord.server.answers import Answer
from opord.server.desk import Desk, run_of
from opord.server.problems import Problem
from opord.server.requests import Request
from opord.server.routing import Route
from opord.server.streams import Stream, event
from opord.values.types import Instant

_LAST: Final = b"last-event-id"


async def of_run(desk: Desk, request: Request) -> Answer | Stream:
    """Tell each change of a run. The first event says where it is, unless the client knows that."""
    request.query(())
    run, known = run_of(request), request.header(_LAST)
    row, _ = await desk.row(request)

    async def events() -> AsyncIterator[bytes]:
        at, seen = row, known
        while True:
            if _tag(at) != seen:
                seen = _tag(at)
                yield event("changed", _told(at), seen)
            here = (at.seq, at.arrivals)

            def moved(one: Progress | None, here: tuple[int, int] = here) -> bool:
                return one is None or (one.seq, one.arrivals) != here

            await desk.watch.moved(run, moved, patient=True)
            if desk.watch.closed:
                return
            try:
                at, _ = await desk.row(request)
            except (RunPruned, RunUnknown) as gone:
                yield event("gone", {"run": run, "code": gone.code})
                return

    return desk.stream(events)


async def of_all(desk: Desk, request: Request) -> Answer | Stream:
    """Tell each record of all runs, or those of a contract, from now on or from the last event."""
    request.query(("contract",))
    contract, last = request.once("contract"), request.header(_LAST)
    since = _instant(last) if last is not None else None

    def wanted(moves: list[Move]) -> list[Move]:
        return [one for one in moves if fits(one.run.partition("/")[0])]

    def fits(name: str) -> bool:
        return contract in (None, name) and request.principal.sees(name)

    async def events() -> AsyncIterator[bytes]:
        newest = since or 0
        async with desk.watch.feed() as feed:
            told: set[tuple[str, int]] = set()
            if since is not None:
                before, gap = await desk.watch.moves(since)
                if gap:
                    yield event("gap", {}, str(newest))
                for move in wanted(before):
                    told.add((move.run, move.seq))
                    newest = max(newest, move.at)
                    yield event("changed", _move(move), str(newest))
            while not desk.watch.closed:
                await feed.more.wait()
                feed.more.clear()
                if feed.error is not None:
                    raise feed.error
                if feed.gap:
                    feed.gap = False
                    yield event("gap", {}, str(newest) if newest else None)
                moves = [*feed.moves]
                feed.moves.clear()
                for move in wanted(moves):
                    newest = max(newest, move.at)
                    if (move.run, move.seq) not in told:
                        yield event("changed", _move(move), str(newest))
                    told.discard((move.run, move.seq))

    return desk.stream(events)


def _tag(row: RunRow) -> str:
    return f"{row.seq}.{row.arrivals}"


def _told(row: RunRow) -> dict[str, Any]:
    head = row.head
    return {
        "run": row.run, "seq": row.seq, "state": head.state, "status": head.status, "outcome": head.outcome,
    }  # fmt: skip


def _move(move: Move) -> dict[str, Any]:
    return {"run": move.run, "seq": move.seq, "kind": move.kind}


def _instant(last: str) -> Instant:
    if not (last.isdecimal() and last.isascii() and len(last) < 19):
        raise Problem("header_invalid", f"expected for last-event-id the id of an event, got: {last!r}")
    return Instant(int(last))


ROUTES = (
    Route("GET", "/runs/changes", of_all, "look"),
    Route("GET", "/runs/{contract}/{key}/changes", of_run, "look"),
)
