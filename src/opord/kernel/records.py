"""What a journal record may say: every member that one kind or another has, with its meaning.

A record is written as canonical JSON. Members are declared in the order of their names, so that nothing
has to be sorted when it is written (a test holds the order), and one that does not apply is left out.
"""

from __future__ import annotations

from typing import Any

import msgspec


class RecordBody(msgspec.Struct, omit_defaults=True, kw_only=True, gc=False):
    """A record, as written.

    Every record has `at` (RFC 3339), `contract` (digest), `epoch`, `kind`, `prev` (the hash of the record
    before it, empty in the first), `run`, `seq` and `worker` (who wrote it). The others by kind:

    - started: `name`, `version`, `input`, `to`, `data`, `timers`
    - event, ignored, unhandled: `event`, `args`, `actor`, `role`, `key`, `id`, `arrived` (if it had been stored)
    - intent: `call`, `key`, `args`, `now` (that of the step), `answers` (of the calls before it in the step)
    - attempt: `call`, `key`, `attempt`, and at the end of one that failed for now `outcome` and `next`
    - doubt: `call`, `key`, `attempt`, `reason`, `by` ("restore": it was not called, but may have been before a restore)
    - resolved: `call`, `verdict`, `by`, `actor`, `role`, `reason`, `outcome`
    - outcome: `call`, `key`, `attempt`, `outcome`, `by`
    - transition: `from`, `to`, `cause`, `data`, `timers`, `calls` (those after the intent), `result` (of a final state)
    - evidence: `call`, `intent` (its `seq`), `attempt`, `outcome`, `learned_by`
    - stalled: `error`, `traceback`, `place`, `call`
    - restored: `since` (the last instant that the restored copy knows of the run), `until` (see `restored.py`), `actor`, `role`, `reason`
    - retried, terminated: `actor`, `role`, `reason`, `open` (a commit of unknown outcome)
    """

    actor: str | None = None
    answers: list[dict[str, Any]] | None = None
    args: Any = None
    arrived: str | None = None
    at: str
    attempt: int | None = None
    by: str | None = None
    call: str | None = None
    calls: list[dict[str, Any]] | None = None
    cause: str | None = None
    contract: str
    data: Any = None
    epoch: int
    error: str | None = None
    event: str | None = None
    from_: str | None = msgspec.field(default=None, name="from")
    id: str | None = None
    input: Any = None
    intent: int | None = None
    key: str | None = None
    kind: str
    learned_by: str | None = None
    name: str | None = None
    next: str | None = None
    now: str | None = None
    open: dict[str, Any] | None = None
    outcome: dict[str, Any] | None = None
    place: str | None = None
    prev: str
    reason: str | None = None
    result: str | None = None
    role: str | None = None
    run: str
    seq: int
    since: str | None = None
    timers: dict[str, str] | None = None
    to: str | None = None
    traceback: str | None = None
    until: str | None = None
    verdict: str | None = None
    version: int | None = None
    worker: str


encode_record = msgspec.json.Encoder(order="deterministic").encode
"""Write a record as canonical JSON: its members stand in order already, dicts in it are sorted."""
