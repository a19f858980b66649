"""Errors as the API answers them: problem details (RFC 9457), one kind for each code.

The table says the status of each code. A code that a backend can raise and that is not in it turns
a test red.
"""

from __future__ import annotations

import logging
from collections.abc import Mapping, Sequence
from typing import Any, Final, NamedTuple
from uuid import uuid4

from opord.backends.codes import code_of
from opord.loading.errors import ContractRefused, LoadingError
from opord.server.answers import Answer, encoded
from opord.server.limits import RETRY_S
from opord.values.vault import KeysInvalid, SecretUnreadable

log: logging.Logger = logging.getLogger("opord.server")


class Kind(NamedTuple):
    """A kind of problem: its status, its title, and which facts of the error it tells."""

    status: int
    title: str
    facts: tuple[str, ...] = ()


KINDS: Final[Mapping[str, Kind]] = {
    # The request itself.
    "path_invalid": Kind(400, "The address cannot be read."),
    "query_invalid": Kind(400, "The query cannot be read."),
    "header_invalid": Kind(400, "A header cannot be read."),
    "body_invalid": Kind(400, "The body is not JSON that can be kept exactly.", ("path",)),
    "name_unknown": Kind(400, "A name in the query is not known."),
    "bulk_unknown": Kind(404, "There is no such set of runs."),
    "route_unknown": Kind(404, "There is nothing at this address."),
    "contract_unknown": Kind(404, "There is no such contract.", ("contracts",)),
    "method_not_allowed": Kind(405, "This address does not take this method.", ("methods",)),
    "body_slow": Kind(408, "The body came too slowly."),
    "body_too_large": Kind(413, "The body is too large.", ("limit",)),
    "bulk_too_large": Kind(422, "The set has too many runs.", ("limit",)),
    "bulk_stopped": Kind(409, "The set was stopped."),
    "too_many_sets": Kind(429, "Too many sets of runs are kept."),
    "content_type": Kind(415, "The body is not said to be JSON."),
    "server_busy": Kind(503, "The server answers too many requests now."),
    "too_many_streams": Kind(503, "The server has too many streams open now."),
    "internal": Kind(500, "The server met an error of its own.", ("id",)),
    "key_reused": Kind(422, "The idempotency key was used for another request."),
    "request_under_way": Kind(409, "A request with this idempotency key is under way."),
    "outcome_unknown": Kind(409, "Nobody knows whether this was done.", ("run", "seq")),
    "rate_limited": Kind(429, "The principal makes too many requests."),
    "too_many_keys": Kind(429, "Too many requests with a key are kept."),
    # Who asks.
    "not_local": Kind(403, "This server answers its own machine only."),
    "cross_origin": Kind(403, "The request comes from another web site."),
    "signature_invalid": Kind(401, "The signature of the delivery does not fit."),
    "unauthenticated": Kind(401, "The request does not say who asks."),
    "role_required": Kind(403, "The sender has none of the roles that may do this.", ("roles", "given")),
    "sender_excluded": Kind(
        403, "The contract excludes this sender by name.", ("run", "event", "actor", "path")
    ),
    "host_unknown": Kind(421, "This server does not answer to this name."),
    "link_unknown": Kind(404, "There is no such link."),
    "link_spent": Kind(410, "The link has been used."),
    "link_expired": Kind(410, "The link has expired."),
    "link_outdated": Kind(409, "The run has moved on since the link was made.", ("run", "state")),
    "grant_refused": Kind(403, "Nobody may give more than they have.", ("lacks",)),
    "token_unknown": Kind(404, "There is no such token."),
    "whole_store": Kind(403, "The sender may ask for some contracts only."),
    # The input of a start, an event or an answer.
    "input_invalid": Kind(422, "The input does not fit the contract.", ("problems",)),
    "scheduling_invalid": Kind(422, "The priority or the label of a start is none."),
    "start_refused": Kind(422, "The contract does not start with this input.", ("contract", "why")),
    "start_conflict": Kind(409, "The key was used with another input.", ("run", "fields")),
    "event_unknown": Kind(404, "The contract has no such event.", ("contract", "event", "events")),
    "runs_ambiguous": Kind(409, "Several runs fit the delivery.", ("runs",)),
    "event_refused": Kind(409, "The state does not handle this event.", ("run", "event", "state", "handled")),
    "event_would_stall": Kind(
        409, "The step of this event cannot be computed.", ("run", "event", "state", "problem", "place")
    ),
    "event_conflict": Kind(409, "The event's key was used with other content.", ("run", "event", "key")),
    "queue_full": Kind(429, "Too many events wait in the run.", ("run", "event", "state")),
    "history_full": Kind(409, "The run has too many records.", ("run", "event", "records", "limit")),
    # The run.
    "run_unknown": Kind(404, "There is no such run.", ("run", "near")),
    "run_pruned": Kind(410, "The run has ended and was pruned.", ("run", "state", "outcome", "archive")),
    "run_ended": Kind(409, "The run has ended.", ("run", "state", "outcome")),
    "run_terminated": Kind(409, "The run was terminated.", ("run", "state")),
    "run_moved": Kind(412, "The run has moved since it was seen.", ("run", "seen", "seq")),
    "run_busy": Kind(409, "The run is being carried on.", ("run", "event")),
    "run_unreadable": Kind(500, "What is stored of the run cannot be read.", ("run",)),
    "not_stalled": Kind(409, "The run is not stalled.", ("run",)),
    "not_in_doubt": Kind(409, "No action of the run is in doubt.", ("run",)),
    "collision_open": Kind(409, "A collision of the run has to be resolved first.", ("run", "call", "key")),
    "wrong_resolution": Kind(409, "This is no answer to what the run asks.", ("run",)),
    "no_alarm": Kind(409, "The run has no alarm that can be closed.", ("run",)),
    "event_id_unknown": Kind(404, "The run has no such event.", ("run", "event_id")),
    "event_gone": Kind(409, "The event can no longer be dropped.", ("run", "event_id", "kind", "seq")),
    "commit_open": Kind(409, "The step of the event has begun to commit.", ("run", "event", "call")),
    # The contract and the keys.
    "contract_conflict": Kind(500, "Another contract is stored under this name and version."),
    "contract_refused": Kind(500, "The contract has errors."),
    "contract_replaced": Kind(500, "The contract was replaced in the store."),
    "contract_unreadable": Kind(500, "This version of Opord cannot read the stored contract."),
    "module_stale": Kind(500, "A generated module does not fit this version."),
    "handlers_invalid": Kind(500, "The handlers do not fit the contract."),
    "secrets_unprotected": Kind(500, "The server has no key to encrypt secrets with."),
    "secrets_extra_missing": Kind(500, "The server lacks the packages that encrypt secrets."),
    "secret_unreadable": Kind(500, "A stored secret cannot be decrypted."),
    "keys_invalid": Kind(500, "The server's keys cannot be used."),
    # The runtime and the store.
    "unsupported": Kind(501, "This runtime cannot do it."),
    "endpoint_unknown": Kind(404, "The store has no such endpoint of webhooks."),
    "limit_unknown": Kind(404, "The store has no such limit."),
    "copy_from_the_future": Kind(409, "The copy is said to be newer than the store's clock."),
    "engine": Kind(500, "The engine cannot do it."),
    "refused": Kind(409, "It is refused."),
    "engine_closed": Kind(503, "The server is starting or stopping."),
    "cannot_claim": Kind(500, "The worker cannot claim runs."),
    "archive_refused": Kind(500, "The archive cannot be used."),
    "archive_damaged": Kind(500, "The archive is damaged."),
    "store": Kind(503, "The store cannot be used."),
    "store_missing": Kind(503, "There is no store."),
    "store_refused": Kind(503, "The store cannot be opened."),
    "store_two_names": Kind(503, "The store's file has two names."),
    "store_damaged": Kind(500, "The store is damaged."),
    "store_full": Kind(503, "The store is full."),
    "store_locked": Kind(503, "The store is locked."),
    "store_readonly": Kind(503, "The store cannot be written."),
    "store_io": Kind(503, "The store's disk fails."),
    "store_gone": Kind(503, "The store is gone."),
    "store_unreachable": Kind(503, "The store cannot be reached."),
    "store_other_server": Kind(503, "The store is on another server."),
    "store_unavailable": Kind(503, "The store does not answer."),
    "diagram_needs_graphviz": Kind(501, "The server lacks the packages that draw."),
    "diagram_too_large": Kind(501, "The diagram is too large to be drawn."),
    "diagram_failed": Kind(500, "The diagram cannot be drawn."),
    "system_unsupported": Kind(500, "This system cannot keep runs."),
}
"""Every code that an answer can have."""


class Problem(Exception):
    """A request that is answered with a problem: its code, what was seen, and facts."""

    code: str
    facts: Mapping[str, Any]
    headers: tuple[tuple[bytes, bytes], ...]

    def __init__(
        self, code: str, message: str, *, headers: Sequence[tuple[bytes, bytes]] = (), **facts: Any
    ) -> None:
        super().__init__(message)
        self.code, self.headers, self.facts = code, tuple(headers), facts


def problem_of(error: Exception) -> Problem:
    """Return the problem that an error is answered with. An unexpected one is logged."""
    if isinstance(error, Problem):
        return error
    known = code_of(error)
    if known is not None:
        return Problem(known.code, known.message, **_facts(known.code, error))
    if isinstance(error, LoadingError):
        code = "contract_refused" if isinstance(error, ContractRefused) else "module_stale"
        return Problem(code, str(error))
    if isinstance(error, KeysInvalid | SecretUnreadable):
        code = "keys_invalid" if isinstance(error, KeysInvalid) else "secret_unreadable"
        return Problem(code, str(error))
    number = uuid4().hex[:12]
    log.error("a request met an error of Opord itself; its answer has the id %s", number, exc_info=error)
    return Problem(
        "internal",
        f"the server met an error of its own; its log has the id {number}. What was asked for may have been done",
        id=number,
    )


def as_plain(problem: Problem) -> dict[str, Any]:
    """Return a problem as the data of its answer."""
    kind = KINDS[problem.code]
    return {
        "type": f"/problems/{problem.code}",
        "title": kind.title,
        "status": kind.status,
        "detail": str(problem),
        "code": problem.code,
        **problem.facts,
    }


def headers_of(problem: Problem) -> list[tuple[bytes, bytes]]:
    """Return the headers of a problem's answer."""
    status = KINDS[problem.code].status
    headers = [(b"content-type", b"application/problem+json"), *problem.headers]
    if status == 401 and all(name != b"www-authenticate" for name, _ in headers):
        headers.append((b"www-authenticate", b'Bearer realm="opord"'))
    if status in (429, 503) and all(name != b"retry-after" for name, _ in headers):
        headers.append((b"retry-after", str(RETRY_S).encode()))
    return headers


def answer_of(problem: Problem) -> Answer:
    """Return the answer to a request that is refused."""
    return Answer(KINDS[problem.code].status, encoded(as_plain(problem)), headers_of(problem))


def _facts(code: str, error: Exception) -> dict[str, Any]:
    """Return the facts that a kind of problem tells, from the attributes of the error."""
    names = KINDS[code].facts
    return {name: _plain(getattr(error, name)) for name in names if hasattr(error, name)}


def _plain(fact: Any) -> Any:
    if isinstance(fact, tuple) and hasattr(fact, "_asdict"):
        return {name: _plain(one) for name, one in fact._asdict().items()}
    return [_plain(one) for one in fact] if isinstance(fact, tuple | list) else fact
