"""Do a request with an `Idempotency-Key` once, however often it is sent.

The header is that of the IETF draft `httpapi-idempotency-key-header`. A key belongs to one
principal. The first answer is kept and given again, unless it is 429 or 5xx.

If the server dies while it does a request, the next one with the key takes it over. What may have
been done is not done again: a start or an event carries the key into the run's store, as the id of
its delivery, and the store takes a delivery once. Any other verb is done at a record of the run
that is on file before, and no other; so what stands behind that record says whether it was done.
"""

from __future__ import annotations

import asyncio
import hashlib
import logging
import re
from contextlib import suppress
from typing import Final, assert_never

import msgspec

from opord.errors import RunMoved
from opord.server.answers import Answer
from opord.server.behind import LEAVES, record_behind
from opord.server.desk import Desk, Tag, fits, run_of
from opord.server.limits import RETRY_S
from opord.server.problems import KINDS, Problem, answer_of, problem_of
from opord.server.requests import ClientGone, Request
from opord.server.routing import Route
from opord.server.state import State
from opord.server.state.idempotency import LEASE_US, Asked, Claimed, Done, Idempotency

log: logging.Logger = logging.getLogger("opord.server")

HEADER: Final = b"idempotency-key"
REPLAYED: Final = (b"idempotency-replayed", b"true")

LONGEST: Final = 255
"""How long a key is at most."""

TRIES: Final = 5
"""How often a verb is tried on a run that moves meanwhile."""

_QUOTED: Final = re.compile(r'"((?:[ !#-\[\]-~]|\\["\\])+)"')
_BARE: Final = re.compile(r"[!#-~][!-~]*")


def key_of(request: Request, route: Route) -> str | None:
    """Return the key of a request; None if it has none, or changes nothing that the sender sees.

    Raises:
        Problem: it is no key, or this address takes none.
    """
    said = request.header(HEADER)
    if said is None or route.method != "POST" or route.access == "signed":
        return None
    if "contract" in request.route and not request.principal.sees(request.route["contract"]):
        return None  # another one of this name may have kept an answer
    if not route.once:
        raise Problem("header_invalid", "this address takes no idempotency-key; leave the header out")
    said = said.strip()
    quoted = _QUOTED.fullmatch(said)
    key = re.sub(r"\\(.)", r"\1", quoted[1]) if quoted else said
    if not (quoted or _BARE.fullmatch(said)) or len(key) > LONGEST:
        raise Problem(
            "header_invalid",
            f'expected for idempotency-key a text of up to {LONGEST} ASCII characters, as in "8e03978e", got: {said[:300]}',
        )
    return key


class Once:
    """Does requests with a key once."""

    def __init__(self, state: State) -> None:
        self._kept = Idempotency(state)
        self._ends: set[asyncio.Task[None]] = set()

    async def answer(self, desk: Desk, request: Request, route: Route, key: str) -> Answer:
        """Answer a request with a key: as the first one was, or by doing it.

        Raises:
            Problem: it is under way, or the key was used for another request, or nobody knows
                whether it was done; or its answer is one that is not kept.
        """
        asked, limits = await _asked(request, key), desk.limits
        found = await self._kept.claim(asked, kept_us=int(limits.keys_kept_s * 1e6), most=limits.keys)
        match found:
            case Claimed():
                return await self._do(desk, request, route, _Claim(self._kept, asked, found, route))
            case Done(answer):
                return answer._replace(headers=[*answer.headers, REPLAYED])
            case "under way":
                raise _under_way()
            case "another":
                raise Problem(
                    "key_reused",
                    "this idempotency-key was used for a request with another address or body, or by somebody of this name "
                    "who sees other contracts; give each request a key of its own",
                )
            case "no room":
                raise Problem(
                    "too_many_keys",
                    f"{limits.keys:,} requests with an idempotency-key are kept for {request.principal.name}, each for "
                    f"{limits.keys_kept_s / 3600:g} h; send this one without a key, or later",
                )
            case _:
                assert_never(found)

    async def _do(self, desk: Desk, request: Request, route: Route, claim: _Claim) -> Answer:
        request.claim = claim
        renewing = asyncio.create_task(claim.renew())
        try:
            answer = await _tried(desk, request, route, claim)
        except (ClientGone, asyncio.CancelledError):
            self._give_up_later(claim)
            raise
        except Exception as error:
            problem = problem_of(error)
            status = KINDS[problem.code].status
            if status == _TOO_MANY or status >= _SERVER or problem.code in _NOT_KEPT:
                with suppress(Exception):  # else its lease ends by itself
                    await claim.give_up(undone=status == _TOO_MANY)
                raise problem from error
            answer = answer_of(problem)
        finally:
            renewing.cancel()
        try:
            await claim.finish(answer)
        except Exception as error:
            # It is done. Who sends it again takes it over, and learns what became of it.
            log.warning("the answer to a request with a key was not kept: %s", error)
            self._give_up_later(claim)
        return answer

    def _give_up_later(self, claim: _Claim) -> None:
        """Give a claim up beside the answer: who asked is gone, or the store is away."""

        async def give_up() -> None:
            with suppress(Exception):  # else its lease ends by itself
                await claim.give_up(undone=False)

        task = asyncio.create_task(give_up())
        self._ends.add(task)
        task.add_done_callback(self._ends.discard)


_TOO_MANY: Final = 429
_SERVER: Final = 500
_NOT_KEPT: Final = ("outcome_unknown", "request_under_way")


async def _asked(request: Request, key: str) -> Asked:
    """Return a request as it is compared: by its address and body, and by what its principal sees.

    Two principals of one name may see different contracts, so an answer to one is not the other's.
    """
    name, scope, contracts = request.principal.name, request.scope, request.principal.contracts
    path = scope.get("raw_path") or scope["path"].encode()
    parts = (
        key.encode(),
        scope["method"].encode(),
        path,
        scope.get("query_string", b""),
        await request.body(),
        *(() if contracts is None else (msgspec.json.encode(sorted(set(contracts))),)),
    )
    return Asked(_digest(name.encode(), key.encode()), name, _digest(name.encode(), *parts))


def _digest(*parts: bytes) -> str:
    digest = hashlib.sha256()
    for part in parts:
        digest.update(b"%d:" % len(part) + part)
    return digest.hexdigest()


async def _tried(desk: Desk, request: Request, route: Route, claim: _Claim) -> Answer:
    """Do a request. A verb is done again if the run has moved since the claim was marked."""
    for _ in range(TRIES):
        try:
            answer = await route.handler(desk, request)
            if isinstance(answer, Answer):
                return answer
            raise TypeError(f"{route.path} answers with a stream, which cannot be kept")
        except RunMoved:
            if request.header(b"if-match") is not None:
                await claim.check_undone(desk, request)  # else what moved it may be this very act
                raise
    raise Problem(
        "run_busy", f"{run_of(request)} has moved {TRIES} times while this was tried; send it again later"
    )


class _Claim:
    """The claim of a request, while it is done."""

    def __init__(self, kept: Idempotency, asked: Asked, claimed: Claimed, route: Route) -> None:
        self._kept, self._asked, self._owner = kept, asked, claimed.owner
        self._mark = claimed.mark
        self._again = claimed.again
        self._before = int(claimed.mark) if claimed.again and claimed.mark.isdecimal() else None
        self._verb = route.path.rpartition("/")[2]

    @property
    def delivery(self) -> str:
        """The id under which a start or an event is delivered: a word that the claim began with."""
        return self._mark

    async def if_seq(self, desk: Desk, request: Request, tag: Tag | None) -> int | None:
        """Return the record that a run must stand at.

        Raises:
            Problem: a request before this one may have been done.
            RunMoved: the run is not as `tag` says.
        """
        if self._verb not in LEAVES:
            # The store knows whether the delivery was taken, and says so before it compares.
            return tag.seq if self._again and tag is not None else await fits(desk, request, tag)
        row, _ = await desk.row(request)
        # The row is read first: what a request before this one still writes is found here, or else
        # it moves the run away from that row.
        await self.check_undone(desk, request)
        if tag is not None and (row.seq, row.arrivals) != tag:
            raise RunMoved(row.run, tag.seq, row.seq)
        self._mark = str(row.seq)
        if not await self._kept.mark(self._asked, self._owner, self._mark):
            raise _under_way()  # this process stood still, and another has taken it over
        return row.seq

    async def check_undone(self, desk: Desk, request: Request) -> None:
        """Look for what the verb would have left behind the record at which it was tried before.

        Raises:
            Problem: it is there, so the request before this one was probably done.
        """
        if (seq := self._before) is None:
            return
        run, name = run_of(request), request.principal.name
        record = await record_behind(desk, run, seq, self._verb, (name,))
        if record is not None:
            raise Problem(
                "outcome_unknown",
                f"the server stopped while it did this. Record {record.seq} of {run} is the same act by {name}, so it was "
                f"probably done; look at /history?after={seq}, and if it was not, send the request with a new "
                "idempotency-key",
                run=run,
                seq=record.seq,
            )

    async def renew(self) -> None:
        """Renew the lease, until this is cancelled."""
        while True:
            await asyncio.sleep(LEASE_US / 3e6)
            with suppress(Exception):  # the store is away; it is renewed when it is back
                await self._kept.renew(self._asked, self._owner)

    async def finish(self, answer: Answer) -> None:
        """Keep the answer."""
        await self._kept.finish(self._asked, self._owner, answer)

    async def give_up(self, *, undone: bool) -> None:
        """End the claim without an answer."""
        await self._kept.give_up(self._asked, self._owner, undone=undone)


def _under_way() -> Problem:
    return Problem(
        "request_under_way",
        "a request with this idempotency-key is under way; send it again later for its answer",
        headers=((b"retry-after", b"%d" % RETRY_S),),
    )
