"""Act upon many runs at once: make a set, look at it, confirm it, stop it."""

from __future__ import annotations

from typing import Any, Final
from uuid import uuid4

import msgspec

from opord.backends.acts import VERBS
from opord.backends.asked import DATA, FILTERS, Asked
from opord.backends.base import InputInvalid
from opord.backends.listing import check_names
from opord.backends.roles import UnknownRole
from opord.kernel.bounds import LONGEST_KEY
from opord.kernel.instants import text
from opord.server.access import admit
from opord.server.addresses import root_of
from opord.server.answers import Answer, as_json
from opord.server.api.acting import resolution
from opord.server.api.listing import asked_of
from opord.server.api.sending import reason_of
from opord.server.bulk import LONGEST_NAME, Confirmer, Wish, confirm, foretold, rows_named, rows_that_fit
from opord.server.desk import Desk
from opord.server.principals import ADMIN
from opord.server.problems import Problem
from opord.server.requests import Request
from opord.server.routing import Route
from opord.server.state.bulk import BulkSet, BulkSets, Member
from opord.server.trail import address_of
from opord.values.guard import INT_MAX

_USUAL: Final = 100
_WHAT: Final = "the set"


async def make_bulk(desk: Desk, request: Request) -> Answer:
    """Freeze runs as a set, and say what would be done with each. Nothing is done yet."""
    request.query(())
    members = await request.members(("verb", "runs", "filter", "args", "reason"))
    wish = _wish(members)
    principal, most = request.principal, desk.limits.bulk_runs
    admit(principal, "administer" if wish.verb == "terminate" else "operate", f"{wish.verb} runs")
    if await BulkSets(desk.state).made(principal.name) >= desk.limits.bulk_sets:
        raise Problem(
            "too_many_sets",
            f"{desk.limits.bulk_sets} sets of {principal.name} are kept, each for 30 days; use one of them",
        )
    runs = await foretold(desk, principal, wish, await _runs(desk, members, most), most)
    if not runs and "filter" in members:
        await _check_names(desk, members)
    now = await BulkSets(desk.state).now()
    args = msgspec.json.encode(dict(wish.args)).decode()
    one = BulkSet(uuid4().hex, principal.name, wish.verb, args, wish.reason, now, None, None, None, now)
    await BulkSets(desk.state).add(one, runs)
    page = runs[:_USUAL]
    shown = _shown(one, "previewed", _counted(runs)) | _page(page, more=len(runs) > len(page))
    place = f"{root_of(request.scope)}/api/v1/runs/bulk/{one.id}"
    return as_json(shown, 201, ((b"location", place.encode()),))


async def show_bulk(desk: Desk, request: Request) -> Answer:
    """Show a set: what would be done with each run, or what became of it."""
    request.query(("after", "limit"))
    after = request.whole("after", default=0, least=0, most=INT_MAX)
    limit = request.whole("limit", default=_USUAL, least=1, most=desk.limits.page_runs)
    return as_json(await _told(desk, await _set(desk, request), after, limit))


async def confirm_bulk(desk: Desk, request: Request) -> Answer:
    """Act upon the runs of a set as they were shown; go on, if a server died over it."""
    request.query(("wait",))
    wait_s = request.wait_s()
    await request.members(())
    one = await _set(desk, request)
    admit(request.principal, "administer" if one.verb == "terminate" else "operate", f"{one.verb} runs")
    if one.stopped_at is not None:
        raise Problem(
            "bulk_stopped", f"the set {one.id} was stopped; make another one of the runs that are left"
        )
    request.answer_within(wait_s + desk.limits.answer_s)
    template = await desk.audit.act(
        request.principal.name,
        request.principal.token or "",
        address_of(request.scope),
        f"{one.verb} bulk {one.id}",
        "",
    )
    by = Confirmer(request.principal, request.still, template._replace(reason=one.reason))
    await confirm(desk, by, one, wait_s=wait_s)
    shown = await _told(desk, await _set(desk, request), 0, _USUAL)
    return as_json(shown, 202 if shown["stage"] == "acting" else 200)


async def stop_bulk(desk: Desk, request: Request) -> Answer:
    """Act upon no more runs of a set."""
    request.query(())
    await request.members(())
    one = await _set(desk, request)
    await BulkSets(desk.state).stop(one.id)
    return as_json(await _told(desk, await _set(desk, request), 0, _USUAL))


# --- what is asked for ----------------------------------------------------------------------------


def _wish(members: dict[str, Any]) -> Wish:
    verb, args, reason = members.get("verb"), members.get("args", {}), reason_of(members)
    if verb not in VERBS:
        raise InputInvalid(_WHAT, "verb", f"expected one of {', '.join(VERBS)}")
    if reason is None or not reason.strip():
        raise InputInvalid(_WHAT, "reason", "expected why it is done; the journal of each run keeps it")
    if not isinstance(args, dict):
        raise InputInvalid(_WHAT, "args", "expected an object")
    known = ("happened", "another", "result") if verb == "resolve" else ()
    for name in args:
        if name not in known:
            raise InputInvalid(_WHAT, f"args.{name}", f"{verb} takes {', '.join(known) or 'no arguments'}")
    if verb == "resolve":
        resolution(args)
    return Wish(verb, args, reason)


async def _runs(desk: Desk, members: dict[str, Any], most: int) -> Any:
    if ("runs" in members) == ("filter" in members):
        raise InputInvalid(_WHAT, "", "expected either runs, a list of names, or a filter")
    if "filter" in members:
        wanted = _filter(members)
        try:
            where = await wanted.where(desk.shown)
        except (ValueError, UnknownRole) as wrong:
            raise InputInvalid(_WHAT, "filter", str(wrong)) from None
        return rows_that_fit(desk, where, wanted.data, most)
    names = members["runs"]
    if not isinstance(names, list) or not names or not all(_is_name(one) for one in names):
        raise InputInvalid(_WHAT, "runs", "expected a list of names of runs, such as Order/17")
    if len(set(names)) < len(names):
        raise InputInvalid(_WHAT, "runs", "a run is named twice")
    return rows_named(desk, names[: most + 1])


def _is_name(one: Any) -> bool:
    return isinstance(one, str) and 0 < len(one) <= LONGEST_NAME and "\0" not in one


def _filter(members: dict[str, Any]) -> Asked:
    filters = members["filter"]
    if not isinstance(filters, dict) or not filters:
        raise InputInvalid(
            _WHAT, "filter", 'expected an object with a filter at least, as in {"status": "stalled"}'
        )
    given: dict[str, list[str]] = {}
    for name, one in filters.items():
        if name not in FILTERS and not name.startswith(DATA):
            raise InputInvalid(
                _WHAT, f"filter.{name}", f"there is no such filter; there are {', '.join(FILTERS)}, {DATA}…"
            )
        values = one if isinstance(one, list) and one else [one]
        if not all(_is_value(name, value) for value in values):
            raise InputInvalid(
                _WHAT,
                f"filter.{name}",
                f"expected {'a number' if name == 'version' else 'a text'}, or a list of such",
            )
        given[name] = [str(value) for value in values]
    try:
        return asked_of(given)
    except ValueError as wrong:
        raise InputInvalid(_WHAT, "filter", str(wrong)) from None


def _is_value(name: str, value: Any) -> bool:
    if name == "version":
        return isinstance(value, int) and not isinstance(value, bool)
    return isinstance(value, str) and "\0" not in value


async def _check_names(desk: Desk, members: dict[str, Any]) -> None:
    """Refuse a filter that found nothing if no stored contract has a name that it uses."""
    if not await desk.backend.versions():
        return
    wanted = _filter(members)
    try:
        await check_names(desk.shown, await wanted.where(desk.shown), wanted.data)
    except ValueError as wrong:
        raise InputInvalid(_WHAT, "filter", str(wrong)) from None


async def _set(desk: Desk, request: Request) -> BulkSet:
    """Return the set that the path names.

    Raises:
        Problem: there is none, or it is somebody else's, or has runs of contracts that the reader
            does not see: another one of this name has made it. An administrator sees all.
    """
    id, principal = request.route["id"], request.principal
    sets = BulkSets(desk.state)
    one = await sets.find(id) if len(id) < LONGEST_KEY and "\0" not in id else None
    is_seen = one is not None and (one.principal == principal.name or _sees_all(request))
    if is_seen and principal.contracts is not None:
        is_seen = all(map(principal.sees, await sets.contracts(id)))
    if one is None or not is_seen:
        raise Problem(
            "bulk_unknown", f"there is no set {id!r} of {principal.name}; sets are kept for 30 days"
        )
    return one


def _sees_all(request: Request) -> bool:
    return request.principal.contracts is None and request.principal.has(ADMIN)


# --- what is told ---------------------------------------------------------------------------------


async def _told(desk: Desk, one: BulkSet, after: int, limit: int) -> dict[str, Any]:
    sets = BulkSets(desk.state)
    counts, members = await sets.counts(one.id), await sets.page(one.id, after=after, limit=limit + 1)
    shown = _shown(one, one.stage(await sets.now()), counts)
    return shown | _page(members[:limit], more=len(members) > limit)


def _shown(one: BulkSet, stage: str, counts: dict[tuple[bool, str], int]) -> dict[str, Any]:
    will = sum(count for (would, _), count in counts.items() if would)
    return {
        "bulk": one.id,
        "verb": one.verb,
        "args": msgspec.json.decode(one.args),
        "reason": one.reason,
        "by": one.principal,
        "made_at": text(one.made_at),
        "confirmed_at": None if one.confirmed_at is None else text(one.confirmed_at),
        "stage": stage,
        "counts": {
            "will": will,
            "will_not": sum(count for (would, _), count in counts.items() if not would),
            **{outcome: counts.get((True, outcome), 0) for outcome in ("done", "moved", "refused")},
            "left": counts.get((True, ""), 0),
        },
    }


def _counted(members: list[Member]) -> dict[tuple[bool, str], int]:
    will = sum(member.will for member in members)
    return {(True, ""): will, (False, ""): len(members) - will}


def _page(members: list[Member], *, more: bool) -> dict[str, Any]:
    return {"runs": [_member(one) for one in members], "after": members[-1].n if more else None}


def _member(one: Member) -> dict[str, Any]:
    shown: dict[str, Any] = {
        "run": one.run, "seq": one.seq, "state": one.state, "will": bool(one.will), "outcome": one.outcome,
    }  # fmt: skip
    return shown | ({"code": one.code, "why": one.why} if one.code else {})


ROUTES = (
    Route("POST", "/runs/bulk", make_bulk, "operate", once=True),
    Route("GET", "/runs/bulk/{id}", show_bulk, "operate"),
    Route("POST", "/runs/bulk/{id}/confirm", confirm_bulk, "operate", once=True),
    Route("POST", "/runs/bulk/{id}/stop", stop_bulk, "operate", once=True),
)
