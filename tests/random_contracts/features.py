"""What a random contract is made of, so that a test can hold the writer to variety."""

from __future__ import annotations

import re
from collections.abc import Callable

from opord.contract import Contract, EventHandler, State, Timer
from opord.language import check_text
from opord.statements import call_sites

_WORDS = {
    "effect with failures": r"^effect find.* fails ",
    "failure that asks to wait": r"Full\(pause: duration\) transient wait \}",
    "failure that asks to wait for a limited time": r"transient wait at most 2m",
    "effect with a timeout": r"^effect .*timeout",
    "effect with retry": r"^effect .*retry",
    "action with failures": r"^action .* fails ",
    "action of two failures": r"^action .* fails \w+ \|",
    "action with retry": r"^action .*retry",
    "action with a timeout": r"^action .*timeout",
    "action with a result": r"^action .*\) -> ",
    "action without policy": r"^action [^{]*$",
    "key alone": r"^action .*[{ ]key[ ,}]+(?!name|\")",
    "key over the input": r"key name[ ,]",
    "key over a parameter": r'key "\{place\}"',
    "key for a time": r'key "\{place\}" for 1d',
    "repeatable": r"^action .*repeatable",
    "in transaction": r"^action .* in transaction",
    "in transaction with failures": r"^action .* fails .* in transaction",
    "in transaction with a key": r"^action .* in transaction \{.*key ",
    "in transaction with a timeout": r"^action .* in transaction \{.*timeout ",
    "in transaction with retry": r"^action .* in transaction \{.*retry ",
    "undoes": r"^action .*undoes",
    "stands because": r"^action .* stands because",
    "shared because": r'key "\{place\}".* shared because',
    "in doubt repeat": r"in doubt repeat",
    "in doubt check": r"in doubt check",
    "in doubt ask": r"in doubt ask[ ,}]+(?!within)",
    "in doubt ask within": r"in doubt ask within",
    "in doubt skip": r"in doubt skip",
    "in doubt report": r"in doubt report",
    "kept event": r"^event .* keep$",
    "event by a role": r"^event .* by clerk",
    "excluded sender": r"^event .* except name",
    "require": r"^require .* else ",
    "keyed contract": r"^contract .* key name$",
    "unkeyed contract": r"^contract .*\)$",
    "guard": r"on \w+\(yes, also\) if yes",
    "ignored event": r" ignore$",
    "cancel": r"on cancel\(",
    "timer at": r"^ +at now",
    "match on a commit": r"match commit ",
    "match on a perform": r"match perform ",
    "match on an enum": r"^ +(red|green)",
    "match on an optional": r"some found ->",
    "else arm": r"^ +else ->",
    "else of a call": r"\) else -> ",
    "let with else": r"let \w+ = \w+ \w+\(.*\) else \{",
    "arm that goes on": r"-> \{ let y",
    "InDoubt arm": r"^ +InDoubt ->",
    "TimedOut arm": r"TimedOut( \|.*)? ->",
    "bound field of a failure": r"Refused\(reason\) ->",
    "negated condition": r"if not ",
    "event parameter asked": r"if (not )?also ",
    "result asked": r"if (not )?x\d+ ",
    "call that may be left out": r"if coin\(\d+\) \{\n +(perform|commit) (.*\n +)*?\}\n +(?!\})",
    "two performs in a row": r"perform .*\n +(let \w+ = )?perform ",
    "perform before a commit": r"perform .*\n(.*\n)?.*commit ",
    "final success": r"^final .* success",
    "final failure": r"^final .* failure",
    "final cancelled": r"^final .* cancelled",
    "at most once": r"^ensure .* at most once",
    "only after": r"^ensure .* only after",
    "never after": r"^ensure never",
    "eventually": r"^ensure after",
    "no wait is endless": r"^ensure no wait is endless$",
    "every run ends": r"^ensure every run ends$",
    "every run ends within": r"^ensure every run ends within",
    "or": r"^ensure .* or ",
}

_SHAPES = (
    "acting state",
    "waiting state",
    "acting state of a phase",
    "waiting state of a phase",
    "two phases",
    "phase with a timer",
    "own handler that performs",
    "own handler that commits",
    "own timer that performs",
    "own timer that commits",
    "shared handler that performs",
    "shared handler that commits",
    "shared timer that performs",
    "shared timer that commits",
    "own handler replaces a shared one",
    "timer of its own",
    "wait without a timer",
    "empty state of a phase",
    "two handlers of one event",
    "field that counts",
    "self-loop",
    "cycle of several states",
    "one state",
    "five states",
)

FEATURES: tuple[str, ...] = (*_WORDS, *_SHAPES)
"""Everything that `features` can find."""


def features(text: str) -> set[str]:
    """Name what a contract is made of, by its words and by its shape."""
    found = {name for name, pattern in _WORDS.items() if re.search(pattern, text, re.MULTILINE)}
    return found | _shapes(check_text(text).model)


def _shapes(contract: Contract) -> set[str]:
    found: set[str] = set()

    def note(name: str, seen: object) -> None:
        if name not in _SHAPES:
            raise AssertionError(f"{name} is not listed")
        if seen:
            found.add(name)

    states = [state for state in contract.states if state.kind != "final"]
    for state in states:
        phase = contract.phase_of(state)
        events = [handler.event for handler in state.handlers]
        shared = [] if phase is None else [handler.event for handler in phase.handlers]
        note(f"{state.kind} state", True)
        note(f"{state.kind} state of a phase", phase)
        note("field that counts", state.fields)
        note("self-loop", state.name in state.targets)
        note("timer of its own", state.timers)
        timers = (*state.timers, *(phase.timers if phase is not None else ()))
        note("wait without a timer", state.kind == "waiting" and not timers)
        note("empty state of a phase", state.kind == "waiting" and not (state.handlers or state.timers))
        note("two handlers of one event", len(set(events)) < len(events))
        note("own handler replaces a shared one", set(events) & set(shared))
        _note_calls(note, "own", state.handlers, state.timers)
    for phase in contract.phases:
        note("phase with a timer", phase.timers)
        _note_calls(note, "shared", phase.handlers, phase.timers)
    note("two phases", len(contract.phases) > 1)
    note("one state", len(states) == 1)
    note("five states", len(states) == 5)
    note("cycle of several states", any(_comes_back(state, contract) for state in states))
    return found


def _note_calls(
    note: Callable[[str, object], None],
    whose: str,
    handlers: tuple[EventHandler, ...],
    timers: tuple[Timer, ...],
) -> None:
    actions = {False: "performs", True: "commits"}
    for what, parts in (("handler", handlers), ("timer", timers)):
        for part in parts:
            for site, _ in call_sites(part.body):
                note(f"{whose} {what} that {actions[site.name.startswith('do_')]}", True)


def _comes_back(start: State, contract: Contract) -> bool:
    """Say whether a way through another state leads back."""
    waiting = [name for name in start.targets if name != start.name]
    seen = set(waiting)
    while waiting:
        for target in contract.state(waiting.pop()).targets:
            if target == start.name:
                return True
            if target not in seen:
                seen.add(target)
                waiting.append(target)
    return False
