"""Writes a random contract: states that act and wait, phases, ends, and promises about all of them.

The writer does not know all that the checker asks for. What it refuses for another reason than a broken
promise is thrown away, and the next one is written.
"""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from random import Random

from opord.language import check_text
from tests.random_contracts.calls import DECLARED, PACED, Called, random_calls
from tests.random_contracts.steps import Blank, Scope, StepWriter

TRIES = 200

_EVENTS = re.compile(r"^(event \w+\([^)]*\)(?: by clerk)?)", re.MULTILINE)


@dataclass
class _Handlers:
    """What takes a run out of a wait or a phase: its lines, its open `goto`s, by event (or timer)."""

    lines: list[str] = field(default_factory=list)
    events: list[str] = field(default_factory=list)
    blanks: dict[str, list[Blank]] = field(default_factory=dict)


@dataclass
class _State:
    name: str
    counted: bool
    acts: bool
    lines: list[str] = field(default_factory=list)
    blanks: list[Blank] = field(default_factory=list)
    events: list[str] = field(default_factory=list)
    phase: _Phase | None = None


@dataclass
class _Phase:
    name: str
    states: list[_State]
    handlers: _Handlers


def random_contract(rng: Random, *, promises: int = 7) -> str:
    """Write a contract of two to seven states in which the checker finds no error but broken promises.

    `promises` is the number of its `ensure` lines. The same `rng` gives the same contract.
    """
    for _ in range(TRIES):
        text = draft(rng, promises=promises)
        if text is not None and accepted(text):
            return text
    raise AssertionError(f"none of {TRIES} drafts was accepted")


def accepted(text: str) -> bool:
    """Say whether the checker finds no error, broken promises apart."""
    return all(error.rule == "ensure" for error in check_text(text).errors)


def draft(rng: Random, *, promises: int) -> str | None:
    """Write a contract that is likely to be accepted; None if its states could not be joined."""
    return _Draft(rng).write(promises)


class _Draft:
    def __init__(self, rng: Random) -> None:
        self.rng = rng
        self.calls: list[Called] = random_calls(rng)
        self.events = [f"told_{letter}" for letter in "abc"[: rng.randint(1, 3)]]
        self.steps = StepWriter(rng, self.calls)
        self.states = [
            _State(f"S{index}", rng.random() < 0.5, rng.random() < 0.5)
            for index in range(rng.choice([1, 2, 3, 3, 4, 4, 5]))
        ]
        self.finals = [f"F{index}" for index in range(rng.choice([1, 1, 2, 2, 3]))][: 7 - len(self.states)]
        self.phases: list[_Phase] = []
        # Chance alone seldom makes a contract that ends in time, or stays where a phase's timer has fired: some
        # only go forward, some time every wait, some linger in one phase that has a timer.
        self.forward = rng.random() < 0.3
        self.timed = rng.random() < 0.5
        self.lingers = rng.random() < 0.15
        self.goes: dict[str, str] = {}

    def write(self, promises: int) -> str | None:
        self._make_phases()
        for state in self.states:
            self._fill(state)
        if not self._join():
            return None
        text = "\n".join(
            [
                *self._head(),
                "",
                *self._state_lines(),
                *(f"final state {name} {self._outcome()}" for name in self.finals),
                "",
                *self._promises(promises),
                "",
            ]
        )
        for mark, goto in self.goes.items():
            text = text.replace(mark, goto)
        # Drawn apart, so that the rest of a contract does not depend on it.
        paced = Random(f"paced {text}").choice(("Full transient", "Full transient", *PACED))
        text = text.replace("Full transient", paced)
        apart = Random(f"excluded {text}")
        return _EVENTS.sub(lambda event: event[1] + apart.choice(("", "", "", " except name")), text)

    # --- states and phases ---------------------------------------------------------------------

    def _make_phases(self) -> None:
        free = list(self.states)
        for name in ("First", "Second")[: 1 if self.lingers else self.rng.choice([0, 1, 1, 2])]:
            inside = [state for state in free if self.rng.random() < (0.9 if self.lingers else 0.6)]
            if not inside:
                continue
            free = [state for state in free if state not in inside]
            counted = all(state.counted for state in inside)
            phase = _Phase(name, inside, self._handlers(counted, self.rng.choice([1, 1, 2]), shared=True))
            for state in inside:
                state.phase = phase
            self.phases.append(phase)

    def _fill(self, state: _State) -> None:
        self.steps.blanks = []
        if state.acts:
            state.lines = self.steps.body(Scope(state.counted), self.rng.choice([0, 1, 2, 2]))
            state.blanks = self.steps.blanks
            return
        if state.phase is not None and self.rng.random() < 0.15:
            return  # it waits for the handlers of its phase alone
        handlers = self._handlers(state.counted, self.rng.choice([1, 1, 2, 3]), shared=False)
        state.lines, state.events = handlers.lines, handlers.events
        state.blanks = [blank for blanks in handlers.blanks.values() for blank in blanks]

    def _handlers(self, counted: bool, count: int, *, shared: bool) -> _Handlers:
        made = _Handlers()
        timer = 0.4 if shared else 0.55
        kinds = [*self.events, "cancel"]
        self.rng.shuffle(kinds)
        timers = 0
        if self.lingers if shared else self.timed:
            timers += 1
            self._timer(made, counted, timers, shared=shared)
        for _ in range(count):
            if (not timers or self.rng.random() < 0.1) and self.rng.random() < timer:
                timers += 1
                self._timer(made, counted, timers, shared=shared)
            elif kinds:
                self._handler(made, kinds.pop(), counted)
        return made

    def _timer(self, made: _Handlers, counted: bool, number: int, *, shared: bool) -> None:
        head = f"after {self.rng.choice(['1h', '6h', '1d', '10d'])}"
        if not shared and self.rng.random() < 0.1:
            head = "at now + 2h"
        self._part(made, f"timer {number}", head, Scope(counted))

    def _handler(self, made: _Handlers, event: str, counted: bool) -> None:
        made.events.append(event)
        if event == "cancel":
            self._part(made, event, "on cancel(reason)", Scope(counted))
            return
        scope = Scope(counted, fresh=(("also", "bool"),))
        way = self.rng.random()
        if way < 0.1:
            made.lines.append(f"on {event} ignore")
        elif way < 0.3:
            self._part(made, event, f"on {event}(yes, also) if yes", scope)
            if self.rng.random() < 0.4:
                self._part(made, event, f"on {event}(yes, also)", scope)
        elif way < 0.6:
            self._part(made, event, f"on {event}", Scope(counted))
        else:
            self._part(made, event, f"on {event}(yes, also)", scope)

    def _part(self, made: _Handlers, what: str, head: str, scope: Scope) -> None:
        self.steps.blanks = []
        depth = self.rng.choice([0, 0, 0, 1, 1])
        body = self.steps.body(scope, depth)
        made.lines += [f"{head} {{", *(f"  {line}" for line in body), "}"]
        made.blanks.setdefault(what, []).extend(self.steps.blanks)

    # --- gotos -----------------------------------------------------------------------------------

    def _join(self) -> bool:
        """Fill in the `goto`s: first those that make every state and end reachable, then the others."""
        # Each blank with the first and the last state it can be met in.
        places = [(index, index, blank) for index, state in enumerate(self.states) for blank in state.blanks]
        for phase in self.phases:
            at = [self.states.index(state) for state in phase.states]
            blanks = [blank for part in phase.handlers.blanks.values() for blank in part]
            places += [(min(at), max(at), blank) for blank in blanks]
        free = list(places)
        self.rng.shuffle(free)
        goals = [(index, self.states[index].name) for index in range(1, len(self.states))]
        goals += [(len(self.states), final) for final in self.finals]
        for below, goal in goals:
            found = next((place for place in free if (place[1] if self.forward else place[0]) < below), None)
            if found is None:
                return False
            free.remove(found)
            self._goto(found[2], goal)
        again = {
            id(blank): [state.name for state in phase.states]
            for phase in self.phases
            for what, blanks in phase.handlers.blanks.items()
            for blank in blanks
            if what.startswith("timer")
        }
        for _, last, blank in free:
            names = [state.name for state in self.states[last + 1 if self.forward else 0 :]]
            if not self.forward and id(blank) in again and self.rng.random() < 0.6:
                names = again[id(blank)]  # what follows a phase's timer in its phase is a story of its own
            ends = not names or self.rng.random() < 0.35
            self._goto(blank, self.rng.choice(self.finals if ends else names))
        return True

    def _goto(self, blank: Blank, target: str) -> None:
        counted = next((state.counted for state in self.states if state.name == target), False)
        text = f"goto {target}"
        if counted and blank.counted:
            text += f"({self.rng.choice(['n + 1', 'n + 1', 'n', '0'])})"
        elif counted:
            text += f"({self.rng.choice(['0', 'size'])})"
        self.goes[blank.mark] = text

    def _targets(self, state: _State) -> list[str]:
        blanks = list(state.blanks)
        if state.phase is not None:
            for what, more in state.phase.handlers.blanks.items():
                if what not in state.events:
                    blanks += more
        return list(dict.fromkeys(self.goes[blank.mark].split("(")[0].split()[1] for blank in blanks))

    # --- text ------------------------------------------------------------------------------------

    def _head(self) -> list[str]:
        key = self.rng.choice(["", " key name", " key name"])
        required = self.rng.choice([[], [], ['require size % 5 != 4 else "{name}: {size} is one of four"']])
        events = [
            f"event {event}(yes: bool, also: bool){self.rng.choice(['', ' by clerk'])}{self.rng.choice(['', ' keep'])}"
            for event in self.events
        ]
        return [
            f"contract Random(name: str, size: int){key}",
            *required,
            "",
            *DECLARED.splitlines(),
            *events,
            *(call.text for call in self.calls),
        ]

    def _outcome(self) -> str:
        return self.rng.choice(["success", "failure", "cancelled"])

    def _state_lines(self) -> list[str]:
        lines: list[str] = []
        for phase in self.phases:
            lines.append(f"phase {phase.name} {{")
            lines += [f"  {line}" for line in phase.handlers.lines]
            for state in phase.states:
                lines += [f"  {line}" for line in self._state_text(state)]
            lines += ["}", ""]
        for state in self.states:
            if state.phase is None:
                lines += [*self._state_text(state), ""]
        return lines

    def _state_text(self, state: _State) -> list[str]:
        initial = state is self.states[0]
        fields = ("(n: int = 0)" if initial else "(n: int)") if state.counted else ""
        head = f"{'initial ' if initial else ''}state {state.name}{fields} -> {' | '.join(self._targets(state))} {{"
        return [head, *(f"  {line}" for line in state.lines), "}"]

    # --- promises --------------------------------------------------------------------------------

    def _promises(self, count: int) -> list[str]:
        actions = [call.name for call in self.calls if call.kind == "commit"]
        calls = [call.name for call in self.calls]
        states = [state.name for state in self.states]
        forms = ["once", "only", "never", "after", "ends", "ends within", "waits"]
        found = []
        for index in range(count):
            form = forms[index % len(forms)] if index < len(forms) else self.rng.choice(forms)
            if form == "once" and not actions:
                form = self.rng.choice(["only", "never", "after"])
            x = self._things(self.rng.choice([states, calls, self.finals, [*states, *calls, *self.finals]]))
            y = self._things(self.rng.choice([states, calls, calls, [*states, *calls]]))
            match form:
                case "once":
                    found.append(f"ensure {self._things(actions)} at most once")
                case "only":
                    found.append(f"ensure {x} only after {y}")
                case "never":
                    found.append(f"ensure never {x} after {y}")
                case "after":
                    found.append(f"ensure after {y} eventually {x}")
                case "ends":
                    found.append("ensure every run ends")
                case "waits":
                    found.append("ensure no wait is endless")
                case _:
                    found.append(f"ensure every run ends within {self.rng.choice(['1s', '36500d'])}")
        return found

    def _things(self, names: list[str]) -> str:
        return " or ".join(self.rng.sample(names, min(len(names), self.rng.choice([1, 1, 1, 2]))))
