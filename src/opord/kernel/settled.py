"""Record that an action took effect: its outcome if it has no intent, and the key it used."""

from __future__ import annotations

from typing import Any

import msgspec

from opord.contract import Action
from opord.kernel.draft import Draft
from opord.kernel.endings import recorded_outcome
from opord.kernel.instants import text
from opord.kernel.large import Split
from opord.kernel.records import RecordBody
from opord.kernel.rows import UsedKey
from opord.kernel.run import Outcome
from opord.kernel.sealing import sealed_digest, sealed_text
from opord.values.canonical import digest, dumps
from opord.values.types import Instant, Key


class Settled(msgspec.Struct, frozen=True):
    """How an action in a transaction ended; this is recorded together with the `goto`.

    `args` are its arguments in rest form, `now` is that of the step; `text` is the result as
    canonical JSON, if that was made.
    """

    call: str
    key: Key
    attempt: int
    args: Any
    now: Instant
    outcome: Outcome
    text: bytes = b""


def record_settled(draft: Draft, settled: Settled, args_split: Split) -> None:
    """Record the outcome of an action that was carried out in a transaction."""
    outcome, text_ = settled.outcome, settled.text
    draft.record(
        RecordBody(
            kind="outcome",
            call=settled.call,
            key=settled.key,
            attempt=settled.attempt,
            now=text(settled.now),
            by=outcome.by,
        ),
        {
            "args": args_split,
            "outcome": recorded_outcome(draft.run, settled.call, outcome.kind, outcome.value, text_),
        },
    )
    remember_key(draft, settled.call, settled.key, settled.args, outcome, text_)


def remember_key(draft: Draft, call: str, key: Key, args: Any, outcome: Outcome, text: bytes) -> None:
    """Note that an action took effect under a key that the contract computes."""
    run = draft.run
    action = run.program.calls[call].declaration
    if outcome.kind == "ok" and isinstance(action, Action) and has_key_expression(action):
        result = text.decode() if text else dumps(outcome.value)
        where = f"settled {call} {key}"
        used = UsedKey(
            call,
            key,
            sealed_digest(run.program, run.id, f"{where} args", digest(dumps(args))),
            sealed_text(run.program, run.id, f"{where} result", result),
        )
        draft.used_keys += (used,)
        if call not in draft.run.body.settled:
            draft.run.body.settled = [*draft.run.body.settled, call]


def has_key_expression(action: Action) -> bool:
    """Say whether the contract computes the action's key; that identifies a repeated commit."""
    return action.key is not None and action.key.expr is not None
