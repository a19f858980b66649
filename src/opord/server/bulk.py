"""Act upon many runs: freeze them as a set, say what would be done with each, then do just that.

A run of a set is acted upon at the record at which it stood when the set was made, and at no other.
So it is acted upon once at most, however often the set is confirmed and whatever dies, and a run
that has moved since is left as it is.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping, Sequence
from contextlib import suppress
from typing import Any, Final, NamedTuple, assert_never, cast
from uuid import uuid4

import msgspec

from opord.backends.acts import Verb, why_not
from opord.backends.base import RunFilter
from opord.backends.codes import is_away
from opord.errors import RunMoved, RunPruned, RunUnknown
from opord.kernel.bounds import LONGEST_KEY
from opord.kernel.data_filter import DataIs
from opord.kernel.rows import RunRow
from opord.server.access import CANCEL
from opord.server.behind import body_of, record_behind
from opord.server.desk import Desk
from opord.server.principals import Principal
from opord.server.problems import KINDS, Problem, problem_of
from opord.server.state.audit import Act
from opord.server.state.bulk import BulkSet, BulkSets, Member, Told
from opord.values.types import RunId

log: logging.Logger = logging.getLogger("opord.server")

TOGETHER: Final = 50
"""How many runs are acted upon at once; then what became of them is kept."""

LONGEST_NAME: Final = 2 * LONGEST_KEY
"""How long the name of a run is at most that a set is asked for."""

_PAGE: Final = 500


class Wish(NamedTuple):
    """What is to be done with the runs of a set, and why."""

    verb: Verb
    args: Mapping[str, Any]
    reason: str


# --- making a set ---------------------------------------------------------------------------------


async def rows_named(desk: Desk, names: Sequence[str]) -> AsyncIterator[tuple[str, RunRow | Exception]]:
    """Yield runs by their names, or why there is none."""
    for name in names:
        try:
            yield name, await desk.backend.row(RunId(name))
        except (RunUnknown, RunPruned) as missing:
            yield name, missing


async def rows_that_fit(
    desk: Desk, where: RunFilter, data: Sequence[DataIs], most: int
) -> AsyncIterator[tuple[str, RunRow | Exception]]:
    """Yield the runs that fit a filter, newest start first; one more than `most` at most."""
    after: str | None = None
    count = 0
    while True:
        page = await desk.backend.runs(where, data=data, limit=_PAGE, after=after)
        for row in page.rows:
            yield row.run, row
            count += 1
            if count > most:
                return
        after = page.after
        if after is None:
            return


async def foretold(
    desk: Desk,
    principal: Principal,
    wish: Wish,
    runs: AsyncIterator[tuple[str, RunRow | Exception]],
    most: int,
) -> list[Member]:
    """Say of each run whether a wish would be granted, and if not, why.

    Raises:
        Problem: there are more runs than `most`.
    """
    members: list[Member] = []
    async for name, row in runs:
        if len(members) >= most:
            raise Problem(
                "bulk_too_large",
                f"these are more than {most:,} runs, the most that a set may have; add filters, and make several sets",
                limit=most,
            )
        members.append(await _foretold(desk, principal, wish, len(members) + 1, name, row))
    return members


async def _foretold(
    desk: Desk, principal: Principal, wish: Wish, n: int, name: str, row: RunRow | Exception
) -> Member:
    if isinstance(row, Exception):
        problem = problem_of(row)
        return Member(n, RunId(name), 0, "", 0, None, problem.code, str(problem))
    why: tuple[str, str] | None = why_not(wish.verb, row)
    if why is None and wish.verb == "cancel":
        why = await _why_no_cancel(desk, principal, row)
    code, text = why or ("", "")
    return Member(n, row.run, row.seq, row.head.state, int(why is None), None, code, text)


async def _why_no_cancel(desk: Desk, principal: Principal, row: RunRow) -> tuple[str, str] | None:
    program = await desk.shown.program_if_readable(row)
    if program is not None and CANCEL not in program.events:
        return "event_unknown", f"no state of {program.name} handles cancel"
    try:
        await desk.role_to_cancel(row, principal)
    except Problem as refused:
        return refused.code, str(refused)
    return None


# --- acting ---------------------------------------------------------------------------------------


class Confirmer(NamedTuple):
    """Who confirms a set. `still` says whether they may still act.

    `act` is what the trail says of each run, without the run and what became of it.
    """

    principal: Principal
    still: Callable[[], Awaitable[bool]]
    act: Act


async def confirm(desk: Desk, by: Confirmer, one: BulkSet, *, wait_s: float) -> None:
    """Begin to act upon a set, or go on; return when all is done, or after the time."""
    owner, name = uuid4().hex, f"bulk-{one.id}"
    if not desk.jobs.stops and await BulkSets(desk.state).begin(one.id, owner):
        desk.jobs.begin(name, _act(desk, by, one, owner))
    await desk.jobs.wait(name, wait_s)


async def _act(desk: Desk, by: Confirmer, one: BulkSet, owner: str) -> None:
    sets = BulkSets(desk.state)
    try:
        while not desk.jobs.stops:
            members = await sets.left(one.id, TOGETHER)
            if not members:
                await sets.end(one.id, owner)
                return
            if not await by.still():
                log.warning("the set %s was stopped: %s may no longer act", one.id, by.principal.name)
                await sets.stop(one.id)
                return
            acts = [await _entry(desk, by.act, member) for member in members]
            await desk.audit.begin(*acts)
            tasks = (_done(desk, by.principal, one, member) for member in members)
            outcomes = await asyncio.gather(*tasks, return_exceptions=True)
            told = [outcome for outcome in outcomes if isinstance(outcome, Told)]
            ends = [
                _ended(act, outcome)
                for act, outcome in zip(acts, outcomes, strict=True)
                if isinstance(outcome, Told)
            ]
            goes_on = await sets.tell(one.id, owner, told, ends)
            for outcome in outcomes:
                if isinstance(outcome, BaseException):
                    raise outcome
            if not goes_on:
                return
    except Exception as error:
        log.warning("the set %s was left before its end; confirm it again to go on: %s", one.id, error)
    with suppress(Exception):  # else the lease ends by itself
        await sets.let_go(one.id, owner)


async def _entry(desk: Desk, act: Act, member: Member) -> Act:
    entry = await desk.audit.act(act.actor, act.token, act.address, act.act, member.run)
    return entry._replace(reason=act.reason)


def _ended(act: Act, told: Told) -> Act:
    return act._replace(status=KINDS[told.code].status if told.code else 200, code=told.code)


async def _done(desk: Desk, principal: Principal, one: BulkSet, member: Member) -> Told:
    """Act upon a run of a set, at the record at which it stood, and say what became of it."""
    try:
        await _do(desk, principal, one, member)
    except RunMoved as moved:
        if await _was_done(desk, principal, one, member):
            return Told(member.n, "done")
        return Told(member.n, "moved", moved.code, str(moved))
    except Exception as error:
        if is_away(error):
            raise
        problem = problem_of(error)
        return Told(member.n, "refused", problem.code, str(problem))
    return Told(member.n, "done")


async def _do(desk: Desk, principal: Principal, one: BulkSet, member: Member) -> None:
    backend, run, actor = desk.backend, member.run, principal.name
    args: dict[str, Any] = msgspec.json.decode(one.args)
    match cast(Verb, one.verb):
        case "resume":
            await backend.resume(run, actor=actor, reason=one.reason, if_seq=member.seq)
        case "resolve":
            await backend.resolve(
                run, happened=args.get("happened"), another=args.get("another", False), result=args.get("result"),
                actor=actor, reason=one.reason, if_seq=member.seq,
            )  # fmt: skip
        case "acknowledge":
            await backend.acknowledge(run, actor=actor, reason=one.reason, if_seq=member.seq)
        case "cancel":
            role = await desk.role_to_cancel(await backend.row(run), principal)
            await backend.cancel(
                run, actor=actor, role=role, reason=one.reason, if_seq=member.seq, delivery=f"bulk {one.id}"
            )
        case "terminate":
            await backend.terminate(run, actor=actor, reason=one.reason, if_seq=member.seq)
        case other:
            assert_never(other)


async def _was_done(desk: Desk, principal: Principal, one: BulkSet, member: Member) -> bool:
    """Say whether a run has moved because a server has acted upon it for this set, and died."""
    entry = await desk.audit.act("", "", "", f"{one.verb} bulk {one.id}", member.run)
    actors = {principal.name, *await desk.audit.actors(entry.act, entry.run)}
    record = await record_behind(desk, member.run, member.seq, one.verb, actors)
    return record is not None and body_of(record).get("reason") == one.reason
