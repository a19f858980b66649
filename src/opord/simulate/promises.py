"""Checks promises against what runs did.

The checker has proved the promises, so a broken one should never be seen.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import Any, NamedTuple, assert_never

from opord.contract import Contract, Promise
from opord.kernel.rows import RecordRow
from opord.values.canonical import loads


class RunOccurrence(NamedTuple):
    """Something that occurred in a run.

    `begins`: a call is about to be made. `did` and `may`: it has, or may have, taken effect.
    """

    name: str
    begins: bool = False
    did: bool = False
    may: bool = False


def occurrences_of(records: Iterable[RecordRow]) -> list[RunOccurrence]:
    """List the occurrences of a journal.

    They are states entered, effects that answered, commits and their outcomes.
    """
    occurrences: list[RunOccurrence] = []
    for record in records:
        body = loads(record.body)
        for answer in (*(body.get("answers") or ()), *(body.get("calls") or ())):
            if "failed" not in answer:
                occurrences.append(RunOccurrence(answer["call"], did=True, may=True))
        match record.known_kind:
            case "started" | "transition":
                occurrences.append(RunOccurrence(body["to"], did=True, may=True))
            case "intent":
                occurrences.append(RunOccurrence(body["call"], begins=True))
            case "outcome":
                occurrences.append(_outcome(body))
            case (
                "event"
                | "ignored"
                | "unhandled"
                | "dropped"
                | "attempt"
                | "limited"
                | "doubt"
                | "resolved"
                | "evidence"
                | "stalled"
                | "restored"
                | "retried"
                | "terminated"
                | "alarm"
                | "acknowledged"
            ):
                pass
            case None:
                raise ValueError(f"{record.kind} is no kind of record")
            case never:
                assert_never(never)
    return occurrences


def _outcome(body: Mapping[str, Any]) -> RunOccurrence:
    failed = (body["outcome"].get("failed") or {}).get("type")
    skipped = body.get("by") == "skip"
    did = failed is None and not skipped
    return RunOccurrence(body["call"], did=did, may=did or skipped or failed == "InDoubt")


def broken_promises(contract: Contract, records: Sequence[RecordRow], *, ended: bool) -> list[Promise]:
    """List the promises that a run has broken.

    How long a run may take is left to the checker, and not looked at here.
    """
    occurrences = occurrences_of(records)
    return [promise for promise in contract.promises if _broken(promise, occurrences, ended)]


def _broken(promise: Promise, occurrences: Sequence[RunOccurrence], ended: bool) -> bool:
    subjects = set(promise.subjects)
    others = set(promise.others)
    match promise.kind:
        case "at most once":
            return _comes_after(occurrences, subjects, subjects)
        case "never after":
            return _comes_after(occurrences, subjects, others)
        case "only after":
            came = False
            for occurrence in occurrences:
                came = came or (occurrence.did and occurrence.name in others)
                if occurrence.name in subjects and occurrence.may and not came:
                    return True
            return False
        case "eventually":
            owed = False
            for occurrence in occurrences:
                owed = owed or (occurrence.may and occurrence.name in others)
                owed = owed and not (occurrence.did and occurrence.name in subjects)
            return owed and ended
        case "no wait is endless" | "every run ends":
            return False  # the checker decides how long a run may take
        case _:
            assert_never(promise.kind)


def _comes_after(occurrences: Sequence[RunOccurrence], subjects: set[str], others: set[str]) -> bool:
    """Say whether a subject begins, or occurs, after one of the others may have occurred."""
    may = False
    committed = {occurrence.name for occurrence in occurrences if occurrence.begins}
    for occurrence in occurrences:
        comes = occurrence.begins if occurrence.name in committed else occurrence.may
        if comes and may and occurrence.name in subjects:
            return True
        may = may or (occurrence.may and occurrence.name in others)
    return False
