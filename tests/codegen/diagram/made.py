"""Contracts of any size for the tests of diagrams.

Each is a process in stages, as large processes are. A few words make it up, without randomness.
"""

from __future__ import annotations

from collections.abc import Iterator

_STAGES = (
    "Intake", "Identity", "Credit", "Terms", "Signing", "Setup", "Delivery", "Billing", "Renewal", "Archive",
)  # fmt: skip
_STEPS = ("Opened", "Fetching", "Waiting", "Matching", "Reviewing", "Booking", "Confirmed", "Closing")
_ENDS = ("Completed", "Rejected", "Expired", "Withdrawn")


def made_contract(states: int) -> str:
    """Write a contract with `states` states: stages of eight and four ends.

    Each stage is a phase with shared handlers.
    """
    return "\n".join(_lines(states - len(_ENDS))) + "\n"


def _lines(count: int) -> Iterator[str]:
    yield f"## Takes a customer through {count} steps, stage by stage."
    yield "contract Onboarding(id: str, cents: int, due: datetime) key id"
    yield "failure DeskError { Refused(reason: str), Closed, Busy transient }"
    yield "role clerk, manager"
    yield "event answered(text: str) by clerk"
    yield "event approve(note: str) by manager"
    yield "event decline(reason: str) by manager | clerk"
    yield "pure risk(id: str, cents: int) -> float"
    yield "effect look_up(id: str) -> int? fails DeskError { retry 3 times, timeout 5s }"
    yield "effect seek(id: str) -> str?"
    yield "action book(id: str) -> str fails DeskError { key, repeatable, retry 3 times, timeout 9s, in doubt check seek(id) }"
    yield "action tell(text: str) { in doubt skip, repeatable }"
    for start in range(0, count, len(_STEPS)):
        yield from _stage(start, min(len(_STEPS), count - start), count)
    yield "final state Completed success"
    yield "final state Rejected(reason: str) failure"
    yield "final state Expired failure"
    yield "final state Withdrawn(reason: str) cancelled"


def _stage(start: int, size: int, count: int) -> Iterator[str]:
    number = start // len(_STEPS)
    yield f"phase {_STAGES[number % len(_STAGES)]}{_round(number)} {{"
    yield "  on cancel(reason) -> goto Withdrawn(reason)"
    yield "  after 90d -> goto Expired"
    for index in range(start, start + size):
        goals, body = _step(index, start, count)
        listed = " | ".join(dict.fromkeys([*goals, "Withdrawn", "Expired"]))
        initial = "initial " if index == 0 else ""
        yield f"  {initial}state {_name(index)} -> {listed} {{"
        yield from (f"    {line}" for line in body)
        yield "  }"
    yield "}"


def _step(index: int, start: int, count: int) -> tuple[list[str], list[str]]:
    """Return the targets and the body of a state, by its place in the stage.

    A target after the last state is the end `Completed`.
    """
    after = _name(index + 1) if index + 1 < count else "Completed"
    later = _name(index + 2) if index + 2 < count else "Completed"
    first = _name(start)
    match index % len(_STEPS):
        case 1:
            body = [
                "let found = perform look_up(id) else {",
                '  Refused(reason) | Closed -> goto Rejected("no answer")',
                f"  Busy | TimedOut -> goto {after}",
                "}",
                f"match found {{ some n -> if n > 3 {{ goto {later} }} else {{ goto {after} }}, none -> goto {after} }}",
            ]
            body[1] = '  Refused | Closed -> goto Rejected("no answer")'
            return ["Rejected", after, later], body
        case 2:
            body = [f"on answered(text) -> goto {after}", "at due -> goto Expired"]
            return [after, "Expired"], body
        case 4:
            body = [
                f"on approve(note) if cents < 100_000 -> goto {after}",
                "on decline(reason) -> goto Rejected(reason)",
                f"on answered(text) -> goto {first}",
                "after 14d -> goto Expired",
            ]
            return [after, "Rejected", first, "Expired"], body
        case 5:
            body = [
                "match commit book(id) {",
                f"  ok -> goto {after}",
                "  Refused(reason) -> goto Rejected(reason)",
                '  Closed | Busy -> goto Rejected("closed")',
                "}",
            ]
            return [after, "Rejected"], body
        case 6:
            return [after], ['commit tell("done {id}")', f"goto {after}"]
        case 3:
            return [after, later], [f"if risk(id, cents) > 0.8 {{ goto {after} }}", f"goto {later}"]
        case _:
            return [after], [f"goto {after}"]


def _name(index: int) -> str:
    number = index // len(_STEPS)
    return f"{_STAGES[number % len(_STAGES)]}{_STEPS[index % len(_STEPS)]}{_round(number)}"


def _round(number: int) -> str:
    return str(number // len(_STAGES) + 1) if number >= len(_STAGES) else ""
