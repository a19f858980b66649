"""The calls of a random contract: pures that choose, effects and actions of every kind and policy."""

from __future__ import annotations

from dataclasses import dataclass
from random import Random
from typing import Literal

FAILURES = {
    "WorkError": ("Refused", "Locked", "Busy"),
    "DeskError": ("Closed", "Full"),
}
TRANSIENT = {"Busy", "Full"}

PACED = ("Full(pause: duration) transient wait at most 2m", "Full(pause: duration) transient wait")
"""How `Full` is written where the other side asks to wait."""

DECLARED = """\
enum Colour { red, green, blue }
failure WorkError { Refused(reason: str) settles, Locked, Busy transient }
failure DeskError { Closed, Full transient }
role clerk
pure coin(place: int) -> bool
pure colour(place: int) -> Colour
"""


@dataclass(frozen=True)
class Called:
    """An effect or action: what a step has to know to call it and to handle all that it can end in.

    `failures` are the variants that have to be handled, the built-in one included. `argument` is the type
    of its one parameter.
    """

    name: str
    kind: Literal["perform", "commit"]
    result: str
    failures: tuple[str, ...]
    argument: str
    text: str


def random_calls(rng: Random) -> list[Called]:
    """Declare one to three effects and up to three actions, with the effects that doubts are checked by."""
    found = [_effect(rng, f"find_{letter}") for letter in "abc"[: rng.randint(1, 3)]]
    for letter in "abc"[: rng.choice([0, 1, 1, 2, 2, 3])]:
        others = [each.name for each in found if each.kind == "commit"]
        if rng.random() < 0.2:
            found.append(_action_in_transaction(rng, f"do_{letter}", others))
        else:
            found += _action(rng, f"do_{letter}", others)
    return found


def _fails(rng: Random) -> tuple[list[str], list[str]]:
    """Choose failures; give their names, and those of their variants."""
    names = rng.choice([[], [], ["WorkError"], ["DeskError"], ["WorkError", "DeskError"]])
    return names, [variant for name in names for variant in FAILURES[name]]


def _effect(rng: Random, name: str) -> Called:
    result = rng.choice(["", "", "bool", "int?", "Colour", "int"])
    names, variants = _fails(rng)
    policy = []
    if rng.random() < 0.4:
        policy.append("timeout 2s")
        variants.append("TimedOut")
    if (set(variants) & TRANSIENT or policy) and rng.random() < 0.5:
        policy.append(f"retry {rng.randint(1, 3)} times")
    return Called(
        name,
        "perform",
        result,
        tuple(variants),
        "int",
        _declaration("effect", name, result, names, "", policy),
    )


def _action(rng: Random, name: str, others: list[str]) -> list[Called]:
    """Declare an action, after the effect that its doubts are checked by if it has one."""
    result = rng.choice(["", "", "str"])
    names, variants = _fails(rng)
    key = rng.choice(["", "", "key", "key name", 'key "{place}"', 'key "{place}" for 1d'])
    doubt = _doubt(rng, name, result, bool(key))
    if key[:5] == 'key "' and rng.random() < 0.3:
        key += ' shared because "all runs are at one place"'
    policy = [key] if key else []
    if rng.random() < 0.4:
        policy.append("timeout 2s")
    if (
        set(variants) & TRANSIENT or len(policy) > bool(key) or doubt == "in doubt repeat"
    ) and rng.random() < 0.5:
        policy.append("retry 2 times backoff 1s to 1m")
    if rng.random() < 0.25:
        policy.append("repeatable")
    if doubt:
        policy.append(doubt)
    if rng.random() < 0.1:
        policy, doubt = [], ""
    if doubt in ("in doubt report", "in doubt ask within 1d"):
        variants.append("InDoubt")
    text = _declaration("action", name, result, names, _clauses(rng, others), policy)
    made = [Called(name, "commit", result, tuple(variants), "int", text)]
    if doubt.startswith("in doubt check"):
        look = "bool" if not result else rng.choice(["str?"])
        asked = f"look_{name}"
        made.insert(0, Called(asked, "perform", look, (), "str", f"effect {asked}(key: str) -> {look}"))
    return made


def _action_in_transaction(rng: Random, name: str, others: list[str]) -> Called:
    """Declare an action that is never in doubt and never times out, so it has no policy for either."""
    result = rng.choice(["", "", "str"])
    names, variants = _fails(rng)
    key = rng.choice(["", "", "key name", 'key "{place}"'])
    policy = [key] if key else []
    if rng.random() < 0.4:
        policy.append(rng.choice(["timeout 2s", "timeout 500ms"]))
    if set(variants) & TRANSIENT and rng.random() < 0.5:
        policy.append("retry 2 times backoff 1s to 1m")
    if rng.random() < 0.25:
        policy.append("repeatable")
    clauses = f"{_clauses(rng, others)} in transaction"
    text = _declaration("action", name, result, names, clauses, policy)
    return Called(name, "commit", result, tuple(variants), "int", text)


def _clauses(rng: Random, others: list[str]) -> str:
    """Choose whether an action undoes another one, or says why nothing has to undo it."""
    if others and rng.random() < 0.2:
        return f" undoes {rng.choice(others)}"
    return ' stands because "nobody minds"' if rng.random() < 0.2 else ""


def _doubt(rng: Random, name: str, result: str, keyed: bool) -> str:
    ways = ["", "in doubt ask", "in doubt ask within 1d", "in doubt report"]
    ways.append(f"in doubt check look_{name}(call.key) after 1m")
    if keyed:
        ways.append("in doubt repeat")
    if not result:
        ways += ["in doubt skip", "in doubt skip"]
    return rng.choice(ways)


def _declaration(kind: str, name: str, result: str, fails: list[str], clauses: str, policy: list[str]) -> str:
    text = f"{kind} {name}(place: int)"
    if result:
        text += f" -> {result}"
    if fails:
        text += f" fails {' | '.join(fails)}"
    text += clauses
    return f"{text} {{ {', '.join(policy)} }}" if policy else text
