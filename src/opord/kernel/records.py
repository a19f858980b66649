"""The form of a journal record: every member of every kind, with its meaning.

A record is written as canonical JSON. Members are declared in the order of their names, so that
nothing must be sorted when a record is written; a test checks the order. A member that does not
apply is left out.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import Any, Final, Literal, TypeAlias, get_args

import msgspec

from opord.values.types import Digest, RunId

RecordKind: TypeAlias = Literal[
    "started",
    "event",
    "ignored",
    "unhandled",
    "dropped",
    "intent",
    "attempt",
    "limited",
    "doubt",
    "resolved",
    "outcome",
    "transition",
    "evidence",
    "stalled",
    "restored",
    "retried",
    "terminated",
    "alarm",
    "acknowledged",
]

CauseKind: TypeAlias = Literal["event", "timer"]
"""The causes of a step that does not begin by itself."""

CauseWord: TypeAlias = Literal["body", "commit", "event", "timer"]
"""The first word of a transition's cause."""

EndingKind: TypeAlias = Literal["ok", "failed"]
"""How a call ended: with a result, or with a declared failure."""

EvidenceKind: TypeAlias = EndingKind | Literal["not_called"]
"""What late evidence says of an attempt: how it ended, or that its call never began."""

OutcomeBy: TypeAlias = Literal[
    "call", "check", "evidence", "person", "skip", "report", "record", "transaction"
]
"""How the outcome of a commit became known.

- "record": its key had taken effect in the run before.
- "transaction": the action is carried out in the transaction that also writes its outcome.
"""

Verdict: TypeAlias = Literal["happened", "did_not_happen", "another"]
"""What a person or a check says of an action. "another": a commit whose key took effect before with
other arguments is another one, and is made under the run's own key.
"""

CollisionAnswer: TypeAlias = Literal["happened", "another"]
"""The verdicts on a collision."""

Teller: TypeAlias = Literal["check", "person"]
"""Who can say whether an action in doubt happened."""

FAILED = r" (?:failed \(\w+\)|stayed in doubt)"
"""How the commit of a cause failed, at the end of a stored cause; see `values.call_words`."""

_FAILED = re.compile(rf"{FAILED}$")
_CAUSE_WORDS: dict[str, CauseWord] = {word: word for word in get_args(CauseWord)}
_KINDS: dict[str, RecordKind] = {kind: kind for kind in get_args(RecordKind)}
_OUTCOMES_BY: dict[str, OutcomeBy] = {by: by for by in get_args(OutcomeBy)}
_VERDICTS: dict[str, Verdict] = {verdict: verdict for verdict in get_args(Verdict)}
_TELLERS: dict[str, Teller] = {by: by for by in get_args(Teller)}

UNKNOWN_KIND = "this version of Opord does not know this kind of record; a newer version wrote it"
"""The text for a record whose kind is not a `RecordKind`."""


def known_kind(word: object) -> RecordKind | None:
    """Return the kind of a record as stored; None if this version does not know it."""
    return _KINDS.get(word) if isinstance(word, str) else None


def bare_cause(words: str) -> str:
    """Return a stored cause without how its commit failed, which older versions did not write."""
    return _FAILED.sub("", words)


def known_cause(words: str) -> CauseWord | None:
    """Return the first word of a stored cause; None if this version does not know it."""
    return _CAUSE_WORDS.get(words.partition(",")[0].partition(" ")[0])


def known_by(word: object) -> OutcomeBy | None:
    """Return how an outcome became known, as stored; None if this version does not know it."""
    return _OUTCOMES_BY.get(word) if isinstance(word, str) else None


def known_verdict(word: object) -> Verdict | None:
    """Return a verdict as stored; None if this version does not know it."""
    return _VERDICTS.get(word) if isinstance(word, str) else None


def known_teller(word: object) -> Teller | None:
    """Return who ended a doubt, as stored; None if this version does not know it."""
    return _TELLERS.get(word) if isinstance(word, str) else None


OF_ALL: Final = frozenset({"at", "contract", "epoch", "kind", "prev", "run", "seq", "worker"})
"""The members that every record has. Those except the kind are set as the record is written."""

_OF_DRAFT: Any = msgspec.UNSET


class RecordBody(msgspec.Struct, omit_defaults=True, kw_only=True, gc=False):
    """A record, as written.

    Every record has `at` (RFC 3339), `contract` (digest), `epoch`, `kind`, `prev` (the hash of the
    record before it, empty in the first), `run`, `seq` and `worker` (its writer). The others by
    kind:

    - started: `name`, `version`, `input`, `to`, `data`, `timers`, `priority` (if not 0), `label`
      and `delivery` (if it has them), `trace` (the `traceparent` that it came with, if any)
    - event, ignored, unhandled: `event`, `args`, `actor`, `role`, `key`, `id`, `delivery` (the id
      under which it was delivered, if it has one), `trace` (if it came with one), `arrived` (if it
      had been stored)
    - dropped: `event`, `id`, `key`, `delivery` (if the event has them); `actor`, `role`, `reason`
      (of the person who took the event out). Of a stored event also `args`, `arrived`, `sender`,
      `sender_role`; of one whose step had stalled, `of` (its record)
    - intent: `call`, `key`, `args`, `now` (that of the step), `answers` (of the calls before it in
      the step)
    - attempt: `call`, `key`, `attempt`. At the end of one that failed transiently, or for good
      while a doubt is open, also `outcome`, `next` and the asked wait
    - attempt of an effect, or of an action in a transaction, which failed and is tried again
      (without `key`): `call`, `attempt`, `since` (when it began), `next`, `now` (that of the step),
      `answers` (of the calls before it in the step), and `outcome` with the asked wait, or `error`,
      `trouble`, `traceback` if the contract does not declare it
    - attempt of a check, which gave no answer and is asked again (without `key`): `call` (the
      effect), `attempt`, `intent` (the number of the commit's), `since` (when it was asked),
      `next`, and `outcome` with the asked wait, or `error`, `trouble` as of an effect
    - limited: `call` (a permit of its limit is waited for), `now` (that of the step), `answers` (of
      the calls before it in the step)
    - an asked wait: `wait` (how long the call rests, because the other side asked for it), and
      `asked` (what it asked for, if the contract counts less). Left out where nothing was asked
    - doubt: `call`, `key`, `attempt`, `reason`, `trouble` (if its handler went wrong; `trouble.py`
      has the form), `misfit` (true if the handler answered what the contract does not allow),
      `next` (the earliest instant of the next try), `by`
      ("restore": it was not called, but may have been before a restore), `rule` (2: the doubt ends
      when each attempt in doubt is answered; without it, a final failure of any attempt ends all)
    - resolved: `call`, `verdict`, `by`, `actor`, `role`, `reason`, `outcome`. Of a collision also
      `key`, and no `outcome`
    - outcome: `call`, `key`, `attempt`, `outcome`, `by`. Of an action in a transaction also `args`,
      `now` (that of the step)
    - transition: `from`, `to`, `cause`, `data`, `timers`, `calls` (those after the intent),
      `result` (of a final state)
    - evidence: `call`, `intent` (its `seq`), `attempt`, `outcome` (`{"not_called": null}` if the
      call never began), `learned_by`, `answered` (the attempts of the open commit that it answers),
      the asked wait of a failure that answers one, and `id`, `arrived` if it had waited. Of an
      effect: `call`, `of` (the record of the failed attempt), `attempt`, `outcome`, `learned_by`.
      `rule` (2: if it contradicts what was decided, an alarm follows at once)
    - stalled: `error`, `trouble`, `traceback`, `place`, `call`. Of a collision
      (`key` took effect before, with other arguments) also `key`, `args`, `now`, `answers`
    - alarm: `call`, `key`, `intent`, `attempt`, `learned_by`, `reason` (an `AlarmReason`),
      `evidence` (the record that contradicts), `against` (the record that it contradicts)
    - acknowledged: `alarms` (the records of those that are closed), `actor`, `role`, `reason`
    - restored: `since` (the last instant that the restored copy knows of the run), `until` (see
      `restored.py`), `actor`, `role`, `reason`, `rule` (2: the run's own key is not relied on;
      without it, it is)
    - all with large values: `values` (the digests of the values, by their places; see `large.py`)
    - retried, terminated: `actor`, `role`, `reason`, `open` (a commit of unknown outcome)
    """

    actor: str | None = None
    against: int | None = None
    alarms: list[int] | None = None
    answered: list[int] | None = None
    answers: Any = None
    args: Any = None
    arrived: str | None = None
    asked: str | None = None
    at: str = _OF_DRAFT
    attempt: int | None = None
    by: str | None = None
    call: str | None = None
    calls: Any = None
    cause: str | None = None
    contract: Digest = _OF_DRAFT
    data: Any = None
    delivery: str | None = None
    epoch: int = _OF_DRAFT
    error: str | None = None
    event: str | None = None
    evidence: int | None = None
    from_: str | None = msgspec.field(default=None, name="from")
    id: str | None = None
    input: Any = None
    intent: int | None = None
    key: str | None = None
    kind: RecordKind
    label: str | None = None
    learned_by: str | None = None
    misfit: bool | None = None
    name: str | None = None
    next: str | None = None
    now: str | None = None
    of: int | None = None
    open: dict[str, Any] | None = None
    outcome: Any = None
    place: str | None = None
    prev: Digest = _OF_DRAFT
    priority: int | None = None
    reason: str | None = None
    result: str | None = None
    role: str | None = None
    rule: int | None = None
    run: RunId = _OF_DRAFT
    sender: str | None = None
    sender_role: str | None = None
    seq: int = _OF_DRAFT
    since: str | None = None
    timers: dict[str, str] | None = None
    to: str | None = None
    trace: str | None = None
    traceback: str | None = None
    trouble: dict[str, Any] | None = None
    until: str | None = None
    values: dict[str, str] | None = None
    verdict: Verdict | None = None
    version: int | None = None
    wait: str | None = None
    worker: str = _OF_DRAFT


encode_record: Callable[[Any], bytes] = msgspec.json.Encoder(order="deterministic").encode
"""Encode a record as canonical JSON: its members are in order already, dicts in it are sorted."""
