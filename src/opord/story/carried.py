"""Say which records only the worker that carries a run writes."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Literal, TypeAlias, assert_never

from opord.kernel.records import OutcomeBy, RecordKind, known_by

Shown: TypeAlias = RecordKind | Literal["stored"]
"""The subject of a line: the kind of a record, or a message that still waits."""


def is_carried(kind: Shown, record: Mapping[str, Any]) -> bool:
    """Say whether only the worker that holds the run writes this record.

    Most other records can be written by any sender.
    """
    match kind:
        case "intent" | "attempt" | "limited" | "doubt":
            return True
        case "outcome":
            by = known_by(record.get("by"))
            return by is not None and _is_by_worker(by)
        case (
            "started"
            | "transition"
            | "event"
            | "ignored"
            | "unhandled"
            | "dropped"
            | "stored"
            | "resolved"
            | "evidence"
            | "stalled"
            | "retried"
            | "restored"
            | "terminated"
            | "alarm"
            | "acknowledged"
        ):
            return False
        case _:
            assert_never(kind)


def _is_by_worker(by: OutcomeBy) -> bool:
    match by:
        case "call" | "check" | "skip" | "report" | "transaction":
            return True
        case "evidence" | "person" | "record":
            return False
        case _:
            assert_never(by)
